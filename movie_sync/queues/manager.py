"""The three queues: every film in exactly one of them, on disk, whatever happens.

Rules that make it so:

* A change is on the disk (written aside, flushed, renamed) before it counts in memory; if it
  cannot be written, the caller gets an error and everything is as before.
* A film that moves is written where it goes before it is taken from where it was. A crash in
  between leaves it in both; the entry with the higher `sequence` is the later one and stays.
* The film in hand stays in the pending queue until its outcome stands in another one.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Unpack

from movie_sync.domain.models import Choice, Movie, QueueName, Reason, ReleaseId, UserWord
from movie_sync.domain.times import LONGEST_DELAY_SECONDS, later
from movie_sync.domain.twins import distinct
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.book import Book
from movie_sync.queues.entry import Noted, QueueEntry
from movie_sync.queues.reader import named
from movie_sync.queues.releases import FailedRelease, TorrentProgress
from movie_sync.queues.torrents import TorrentRecords

_log = logging.getLogger(__name__)

_PENDING, _FAILED, _COMPLETED, _REMOVED = QueueName


class QueueManager(TorrentRecords):
    """The pending, failed and completed queues and the list of removed films. Thread-safe.

    The queue files lie in `folder`, which one writing process at a time may use. With
    `writable=False` nothing is written: changes live in files without a name (for a dry run, and for
    looking on while a daemon works).

    Damaged files are mended when they are read (see `RecordFile`), which is said in the log; with
    `writable=False` nothing is said, and `damage` tells.

    Raises:
        StorageError: a file cannot be read or written now. What was to be changed is as before, in
            memory and on the disk.
    """

    def __init__(self, folder: Path | str, *, clock: Clock | None = None, writable: bool = True) -> None:
        super().__init__(Path(folder), clock, writable=writable)
        self._has_work = threading.Event()

    # --- what the workers ask -------------------------------------------------------------

    def add_by_command(self, movies: Iterable[Movie], preset: str = "") -> list[Movie]:
        """Queue films that the user asks for anew, with one write; return those that were not pending.

        Queued are also those that were removed, have failed or are completed. With a `preset` they are
        judged by it, those that are pending too.
        """
        return self._ask_anew(movies, [_PENDING], by_command=True, preset=preset)

    def add_to_pending(self, movie: Movie) -> bool:
        """Queue a film that no queue holds; False if one does, or if the user removed it."""
        return bool(self.add_all_to_pending([movie]))

    def add_all_to_pending(self, movies: Iterable[Movie], *, again: bool = False) -> int:
        """Queue those films that no queue holds, with one write; return how many that were.

        With `again` completed ones are queued too (they left the watchlist and came back).
        """
        if again:
            return len(self._ask_anew(movies, [_PENDING, _FAILED, _REMOVED], by_command=False))
        with self._locked() as book:
            now = self._clock.now()
            return self._woken(book.add_new((QueueEntry(movie, now) for movie in movies), _PENDING))

    def note_film(self, known_as: Movie, movie: Movie, choice: Choice | None = None) -> bool:
        """Write down what was learnt of a pending film, which may have got another slug by it.

        False if it is not to be worked on: it was taken out meanwhile, or it turns out to be a
        film that is completed or removed already, under another name.
        """
        with self._locked() as book:
            place = book.held(known_as, [_PENDING])
            if place is None or (choice and not place.entry.may_take(choice)):
                return False
            if self._is_settled(book, movie, place.entry.movie, [_REMOVED, _COMPLETED]):
                return False
            book.renew({place.number: place.entry.learnt(movie, choice)}, _PENDING, place.entry.movie, movie)
            return True

    def name_anew(self, known_as: Movie, movie: Movie) -> bool:
        """Give a film known by title and year alone its keys; False while it is being handed over."""
        with self._locked() as book:
            place = book.held(known_as)
            if place and place.queue is _PENDING and place.entry.choice:
                return False
            if place:
                old = place.entry.movie
                imdb_id = movie.imdb_id or old.imdb_id
                named = replace(old, id=movie.id, slug=movie.slug, url=movie.url or old.url, imdb_id=imdb_id)
                book.renew({place.number: place.entry.learnt(named)}, place.queue, known_as)
            return True

    def note_choice(self, movie: Movie, choice: Choice) -> bool:
        """Write down which torrent is about to be handed over for a pending film.

        After a crash it is first looked for by its info-hash, so that nothing is handed over twice.
        False, as `note_film`, or as the user has taken or rejected a release meanwhile: do not hand it over.
        """
        return self.note_film(movie, movie, choice)

    def add_to_completed(
        self,
        movie: Movie,
        reason: str = Reason.DOWNLOADED,
        choice: Choice | None = None,
        where: str = "",
        *,
        follow: TorrentProgress | None = None,
    ) -> bool:
        """Move a film to the completed queue; False if the user removed it or wants another release.

        With `follow` its torrent is followed to its end. A film that no queue holds (it left the
        watchlist while it was in hand) is recorded too: it was handed over.
        """
        with self._locked() as book:
            if self._is_settled(book, movie, movie, [_REMOVED]):
                return False
            now, found = self._clock.now(), book.held(movie)
            entry = found.entry if found else QueueEntry(movie, now)
            if not entry.may_take(choice):
                return False
            book.move(lambda: [entry.completed(movie, now, reason, choice, where, follow)], _COMPLETED)
            return True

    def add_all_to_completed(self, found: Sequence[tuple[Movie, str]]) -> int:
        """Record films that no queue holds and that are on the disk, each with its place, with one write."""
        with self._locked() as book:
            now, why = self._clock.now(), Reason.ALREADY_DOWNLOADED
            done = (QueueEntry(movie, now).completed(movie, now, why, where=where) for movie, where in found)
            return book.add_new(done, _COMPLETED)

    def add_to_failed(
        self,
        movie: Movie,
        error: str,
        retry_time: datetime | None,
        *,
        counts: bool = True,
        **noted: Unpack[Noted],
    ) -> bool:
        """Move a film to the failed queue; False if it is not to be tried again, as `note_film`.

        `retry_time` None makes it permanent. `counts=False` leaves the number of failures as it
        is: what failed was not the film's fault. A failure that counts ends the row of `doubts`, and
        what was noted of a missing page. The film waits for a release only if that is `noted` anew.
        """
        with self._locked() as book:
            found = book.held(movie, [_PENDING])
            if found is None or self._is_settled(book, movie, movie, [_REMOVED, _COMPLETED]):
                return False
            failed = found.entry.failed(movie, error, retry_time, counts=counts, **noted)
            book.move(lambda: [failed], _FAILED)
            return True

    def get_movies_ready_for_retry(self, max_retries: int) -> list[Movie]:
        """Return failed films whose time has come and that have attempts left, longest due first."""
        with self._locked() as book:
            self._bring_back_far_times(book)
            due = self._due(book).values()
            return [entry.movie for entry in due if entry.has_attempts_left(max_retries)]

    def give_up_on_due(self, max_retries: int) -> list[QueueEntry]:
        """Make failed films permanent whose time has come and that have no attempts left; return them.

        There are some if fewer attempts are allowed now than when they failed.
        """
        with self._locked() as book:
            spent = {
                number: entry.due(None)
                for number, entry in self._due(book).items()
                if not entry.has_attempts_left(max_retries)
            }
            if spent:
                book.renew(spent, _FAILED)
            return list(spent.values())

    def seconds_to_next_retry(self) -> float | None:
        """Return how long until the next failed film falls due, 0 if one is; None if none will."""
        with self._locked() as book:
            self._bring_back_far_times(book)
            times = [facts.retry_at for _, facts in book[_FAILED].facts() if facts.retry_at]
            return max((min(times) - self._clock.now()).total_seconds(), 0.0) if times else None

    def move_failed_to_pending(self, movie: Movie) -> bool:
        """Queue a failed film for its next attempt; its number of failures stays."""
        return bool(self.move_all_failed_to_pending([movie]))

    def move_all_failed_to_pending(self, movies: Iterable[Movie]) -> list[Movie]:
        """Queue failed films for their next attempt, with one write; return those queued.

        Their numbers of failures stay.
        """
        with self._locked() as book:
            return self._requeue(book, _failed(book, movies), lambda entry: entry.kept_in(_PENDING))

    def look_again(self, movies: Iterable[Movie]) -> list[Movie]:
        """Queue failed films for a search besides their schedule, which is kept; return those queued."""
        with self._locked() as book:
            return self._requeue(book, _failed(book, movies), QueueEntry.looked_for)

    # --- what became of the torrents ------------------------------------------------------

    def give_up(self, movie: Movie, tried: FailedRelease) -> bool:
        """Queue a completed film for its next release; False if that torrent is no longer its choice."""
        return self.hand_over_again(movie, tried.choice, tried)

    def hand_over_again(self, movie: Movie, choice: Choice, *tried: FailedRelease) -> bool:
        """Queue a completed film whose torrent the client has lost; otherwise as `give_up`."""
        with self._locked() as book:
            place = book.held(movie, [_COMPLETED])
            present = place.entry.choice if place else None
            if place is None or present is None or present.info_hash != choice.info_hash:
                return False
            self._move(book, lambda: [place.entry.without_torrent(*tried)])
            return True

    # --- the user's word ------------------------------------------------------------------

    def grab(self, movie: Movie, release: ReleaseId) -> None:
        """Take this release for a film, whatever the rules say; queue the film if no queue holds it."""
        with self._locked() as book:
            now, place = self._clock.now(), book.held(movie)
            known = place.entry if place else QueueEntry(movie, now)
            entry, is_at_work = known.grabbing(release, now), place and place.queue in {_PENDING, _COMPLETED}
            if place and is_at_work and known.choice and (entry.follow or entry.choice == known.choice):
                if entry != known:
                    book.renew({place.number: entry}, place.queue)
                return
            asked_for = entry.by_command or place is None or place.queue is _REMOVED
            anew = entry.retried(now)._replace(by_command=asked_for)
            if not (place and place.queue is _PENDING and anew._replace(asked_at=known.asked_at) == known):
                self._move(book, lambda: [anew])

    def reject(self, movie: Movie, release: ReleaseId) -> bool:
        """Never take this release for a film; False if no queue holds it."""
        with self._locked() as book:
            if place := book.held(movie):
                entry = place.entry.rejecting(release)
                is_awaited = place.queue is _FAILED and place.entry.word.grabbed == release
                is_open = (
                    entry.choice != place.entry.choice and not entry.follow
                )  # else a better one is there
                if place.queue is not _REMOVED and (is_open or is_awaited):
                    self._move(book, lambda: [entry])
                elif entry != place.entry:
                    book.renew({place.number: entry}, place.queue)
            return place is not None

    # --- waiting --------------------------------------------------------------------------

    def wait_for_work(self, seconds: float) -> bool:
        """Wait for films to be queued or for `wake`; False if the time is over before."""
        if is_there := self._has_work.wait(seconds):
            self._has_work.clear()
        return is_there

    def wake(self) -> None:
        """End `wait_for_work` now."""
        self._has_work.set()

    # --- what commands ask ----------------------------------------------------------------

    def retry(self, films: Collection[str] | None) -> list[Movie]:
        """Queue failed films anew with no failures counted; None means all. Returns those queued.

        A film is named by its slug or id.
        """
        with self._locked() as book:
            now, places = self._clock.now(), named(book, [_FAILED], films or ())
            every = [number for number, _ in book[_FAILED].facts()]
            numbers = every if films is None else [place.number for place in places]
            return self._requeue(book, numbers, lambda entry: entry.retried(now))

    def remove(self, films: Collection[str]) -> list[Movie]:
        """Take films out of the queues and keep them out until they are added by command."""
        with self._locked() as book:
            places = named(book, [_PENDING, _FAILED, _COMPLETED], films)
            book.move(lambda: (place.entry.kept_in(_REMOVED) for place in places), _REMOVED)
            return [place.entry.movie for place in places]

    def drop_unlisted(self, movies: Iterable[Movie]) -> list[Movie]:
        """Drop films that left the watchlist from pending and failed; films added by command stay.

        Raises:
            StorageError: some of the films are still there.
        """
        dropped = []
        with self._locked() as book:
            # What still stands in a stale file would come back once its later state is gone.
            book.write_stale()
            wanted = list(movies)
            for name in (_PENDING, _FAILED):
                numbers = dict.fromkeys(number for movie in wanted for number in book[name].find(movie))
                found = {number: entry for number in numbers if (entry := book[name].entry(number))}
                leaving = {number: entry for number, entry in found.items() if not entry.by_command}
                if leaving:
                    book[name].change(dict.fromkeys(leaving))
                    dropped += [entry.movie for entry in leaving.values()]
        return dropped

    # --- inside ---------------------------------------------------------------------------

    def _ask_anew(
        self, movies: Iterable[Movie], staying: Collection[QueueName], *, by_command: bool, preset: str = ""
    ) -> list[Movie]:
        """Queue films but for those that stay where they are; return those queued."""
        with self._locked() as book:
            entries = []
            for movie in distinct(movies):
                found = book.held(movie)
                if found is None or found.queue not in staying:
                    entry = QueueEntry(movie, self._clock.now(), by_command=by_command, word=UserWord(preset))
                    entries.append(entry.asked_again(found.entry) if found else entry)
                elif preset and found.entry.word.preset != preset:
                    entries.append(found.entry.judged_by(preset))
            self._move(book, lambda: entries)
            return [entry.movie for entry in entries]

    def _move(self, book: Book, entries: Callable[[], Iterable[QueueEntry]]) -> int:
        """Move films to the pending queue; `entries` as `Book.move` has them."""
        return self._woken(book.move(entries, _PENDING))

    def _woken(self, queued: int) -> int:
        if queued:
            self._has_work.set()
        return queued

    def _requeue(
        self, book: Book, numbers: Sequence[int], change: Callable[[QueueEntry], QueueEntry]
    ) -> list[Movie]:
        """Move failed films to the pending queue, an entry at a time: thousands may wait."""

        def changed() -> Iterator[QueueEntry]:
            return (change(entry) for number in numbers if (entry := book[_FAILED].entry(number)))

        movies = [entry.movie for entry in changed()]
        self._move(book, changed)
        return movies

    def _is_settled(self, book: Book, movie: Movie, known_as: Movie, queues: Iterable[QueueName]) -> bool:
        """Tell whether a film in work is settled under another name, and if so, end the work on it.

        Letterboxd merges doubles: the list then names a film anew, and only its page tells by the
        IMDb id that it is known. The entry that is there takes the new name.
        """
        for name in queues:
            if not (place := book.held(movie, [name])):
                continue
            others = [other for other in QueueName if other is not name]
            if book.held(known_as, others) or book.held(movie, others):
                _log.info(
                    "%s is already among the %s films as %s.", movie.label, name, place.entry.movie.label
                )
                book.renew({place.number: place.entry.learnt(movie)}, name, known_as, movie)
            return True
        return False

    def _bring_back_far_times(self, book: Book) -> None:
        """Mend times that a wrong clock stored: none may be further away than the longest delay."""
        failed = book[_FAILED]
        latest = later(self._clock.now(), LONGEST_DELAY_SECONDS)
        far = {
            number: entry.due(latest)
            for number, facts in failed.facts()
            if facts.retry_at and facts.retry_at > latest and (entry := failed.entry(number))
        }
        if far:
            try:
                book.renew(far, _FAILED)
            except StorageError as exc:  # nothing depends on it now; the next look does it
                _log.debug("%s", exc)

    def _due(self, book: Book) -> dict[int, QueueEntry]:
        """Return the failed films whose time has come, by number, longest due first."""
        now, failed = self._clock.now(), book[_FAILED]
        times = ((facts.retry_at, number) for number, facts in failed.facts() if facts.retry_at)
        due = sorted((at, number) for at, number in times if at <= now)
        return {number: entry for _, number in due if (entry := failed.entry(number))}


def _failed(book: Book, movies: Iterable[Movie]) -> list[int]:
    """Return the places of films in the failed queue, each once."""
    return list(dict.fromkeys(place.number for movie in movies if (place := book.held(movie, [_FAILED]))))
