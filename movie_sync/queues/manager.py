"""The three queues: every film in exactly one of them, on disk, whatever happens.

Rules that make it so:

* A change is on the disk (written aside, flushed, renamed) before it counts in memory; if it
  cannot be written, the caller gets an error and everything is as before.
* A film that moves is written where it goes before it is taken from where it was. A crash in
  between leaves it in both; the entry with the higher `sequence` is the later one and stays.
* The film in hand stays in the pending queue until its outcome stands in another one.
* Locks are taken in one fixed order: pending, failed, completed, removed.
"""

import contextlib
import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from movie_sync.clock import SystemClock
from movie_sync.domain.models import Choice, Movie, QueueName, Reason
from movie_sync.domain.packed_movies import PackedMovies
from movie_sync.domain.retry import bounded_retry_at
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.entry import QueueEntry, TorrentProgress
from movie_sync.queues.known_films import KnownFilms
from movie_sync.queues.queue_set import QueueSet
from movie_sync.queues.torrents import QueuedTorrents
from movie_sync.storage.paths import AppPaths

_log = logging.getLogger(__name__)

_IN_WORK = (QueueName.PENDING, QueueName.FAILED)
_SETTLED = (QueueName.REMOVED, QueueName.COMPLETED)


class QueueManager:
    """The pending, failed and completed queues and the list of removed films. Thread-safe.

    The queue files lie in `folder`, which one writing process at a time may use. With
    `writable=False` nothing is written: changes live in memory (for a dry run, and for looking on
    while a daemon works).

    Damaged files are mended when they are read (see `QueueFile`), which is said in the log; with
    `writable=False` nothing is said, and `damage` tells. Methods that only read may raise
    `StorageError` too, if the machine's folder for temporary files fails.

    Raises:
        StorageError: a file cannot be read now (too many open files, no memory).
    """

    def __init__(self, folder: Path | str, *, clock: Clock | None = None, writable: bool = True) -> None:
        self._clock = clock or SystemClock()
        self.pending_lock = threading.Lock()
        self.failed_lock = threading.Lock()
        self.completed_lock = threading.Lock()
        self.removed_lock = threading.Lock()
        self._locks = {
            QueueName.PENDING: self.pending_lock,
            QueueName.FAILED: self.failed_lock,
            QueueName.COMPLETED: self.completed_lock,
            QueueName.REMOVED: self.removed_lock,
        }
        self._has_work = threading.Event()
        self._queues = QueueSet(Path(folder), self._clock, writable=writable)
        self.torrents = QueuedTorrents(self._queues, self._all_locked, self._clock, wake=self.wake)
        """What is known of the torrents that were handed over for the films."""
        self.known = KnownFilms(self._queues, self._all_locked, AppPaths(Path(folder)).watchlist)
        """What other films are called, of the queues and of the watchlist."""

    @property
    def damage(self) -> list[str]:
        """What is wrong with files that were found damaged and are not mended, as while looking on."""
        return [queue.damage for queue in map(self._queues.__getitem__, QueueName) if queue.damage]

    # --- what the workers ask -------------------------------------------------------------

    def add_to_pending(self, movie: Movie, *, by_command: bool = False) -> bool:
        """Queue a film that no queue holds; False if one does, or if the user removed it.

        With `by_command` as `add_by_command`.

        Raises:
            StorageError: nothing was changed.
        """
        return bool(self.add_by_command([movie]) if by_command else self.add_all_to_pending([movie]))

    def add_by_command(self, movies: Iterable[Movie]) -> list[Movie]:
        """Queue films that the user asks for anew, with one write; return those that were not pending.

        Queued are also those that were removed, have failed or are completed.

        Raises:
            StorageError: nothing was changed.
        """
        asked_for: list[Movie] = []
        with self._all_locked():
            pending = self._queues[QueueName.PENDING]

            def entries() -> Iterator[QueueEntry]:
                for movie in movies:
                    if pending.find(movie):
                        continue
                    entry = self._new_entry(movie, by_command=True)
                    known = self._queues.held(movie)
                    if known is not None:  # more is known of the film than a command names
                        entry = _asked_again(entry, known)._replace(movie=known.movie, extra=known.extra)
                    asked_for.append(entry.movie)
                    yield entry

            self._queues.move(entries(), QueueName.PENDING)
        if asked_for:
            self._has_work.set()
        return asked_for

    def add_all_to_pending(self, movies: Iterable[Movie], *, again: bool = False) -> int:
        """Queue those films that no queue holds, with one write; return how many that were.

        With `again` completed ones are queued too (they left the watchlist and came back).

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            now = self._clock.now()
            if again:
                done = QueueName.COMPLETED
                wanted = (movie for movie in movies if not self._queues.is_held(movie, but_for=done))
                entries = (
                    _asked_again(QueueEntry(movie, now), self._queues.held(movie, [done])) for movie in wanted
                )
                count = self._queues.move(entries, QueueName.PENDING)
            else:
                count = self._queues.add_new((QueueEntry(movie, now) for movie in movies), QueueName.PENDING)
        if count:
            self._has_work.set()
        return count

    def missing(self, movies: Iterable[Movie]) -> Sequence[Movie]:
        """Return those films that no queue holds and that the user did not remove."""
        with self._all_locked():
            return PackedMovies(movie for movie in movies if not self._queues.is_held(movie))

    def get_next_pending(self, but_for: Collection[str] = ()) -> QueueEntry | None:
        """Return the film to work on, the newest wish first; it stays pending until its outcome is written.

        Before all others come films whose torrent was about to be handed over: it may have been.
        `but_for` are keys of films that are passed over.
        """
        with self.pending_lock:
            queue = self._queues[QueueName.PENDING]
            passed = {row for key in but_for for row in queue.find_key(key)}
            row = min(set(queue.chosen).difference(passed), default=None)
            row = queue.newest_wish(passed) if row is None else row
            return None if row is None else queue.entry(row)

    def note_film(self, known_as: Movie, movie: Movie) -> bool:
        """Write down what was learnt of a pending film, which may have got another slug by it.

        False if it is not to be worked on: it was taken out meanwhile, or it turns out to be a
        film that is completed or removed already, under another name.

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            entry = self._queues.held(known_as, [QueueName.PENDING])
            return entry is not None and self._renew_pending(entry, movie, entry.choice)

    def note_choice(self, movie: Movie, choice: Choice) -> bool:
        """Write down which torrent is about to be handed over for a pending film.

        After a crash it is first looked for by its info-hash, so that nothing is handed over twice.
        False, as `note_film`: do not hand it over.

        Raises:
            StorageError: it could not be written; do not hand the torrent over.
        """
        with self._all_locked():
            entry = self._queues.held(movie, [QueueName.PENDING])
            return entry is not None and self._renew_pending(entry, movie, choice)

    def add_to_completed(
        self,
        movie: Movie,
        reason: str = Reason.DOWNLOADED,
        choice: Choice | None = None,
        where: str = "",
        *,
        follow: TorrentProgress | None = None,
    ) -> bool:
        """Move a film to the completed queue; False if the user removed it meanwhile.

        With `follow` its torrent is followed to its end. A film that no queue holds (it left the
        watchlist while it was in hand) is recorded too: it was handed over.

        Raises:
            StorageError: the film is where it was.
        """
        with self._all_locked():
            if self._is_settled_otherwise(movie, QueueName.REMOVED):
                return False
            entry = self._queues.held(movie) or self._new_entry(movie)
            completed = entry.completed(movie, self._clock.now(), reason, choice, where)
            self._queues.move([completed._replace(follow=follow)], QueueName.COMPLETED)
            return True

    def add_all_to_completed(self, found: Sequence[tuple[Movie, str]]) -> int:
        """Record films that are on the disk already and that no queue holds, with one write.

        `found` holds each film with the place where it is.

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            now = self._clock.now()
            entries = (
                QueueEntry(
                    movie=movie,
                    added_at=now,
                    completed_at=now,
                    reason=Reason.ALREADY_DOWNLOADED,
                    extra={"where": where} if where else {},
                )
                for movie, where in found
            )
            return self._queues.add_new(entries, QueueName.COMPLETED)

    def add_to_failed(
        self,
        movie: Movie,
        error: str,
        retry_time: datetime | None,
        *,
        counts: bool = True,
        waits_for_release: bool = False,
        acceptable_since: datetime | None = None,
        searched_at: datetime | None = None,
        doubts: int | None = None,
        page_missing_since: datetime | None = None,
    ) -> bool:
        """Move a film to the failed queue; False if it is not to be tried again, as `note_film`.

        `retry_time` None makes it permanent. `counts=False` leaves the number of failures as it
        is: what failed was not the film's fault. `acceptable_since` None leaves that as it is, and
        so does `searched_at` None. A failure that counts ends the row of `doubts`, and what was
        noted of a missing page; else None leaves them as they are.

        Raises:
            StorageError: the film is where it was.
        """
        with self._all_locked():
            entry = self._queues.held(movie, [QueueName.PENDING])
            if entry is None or self._is_settled_otherwise(movie, *_SETTLED):
                return False
            failed = entry._replace(
                movie=movie,
                error=error,
                retry_at=retry_time,
                retry_count=entry.retry_count + (1 if counts else 0),
                waits_for_release=waits_for_release,
                acceptable_since=acceptable_since or entry.acceptable_since,
                searched_at=searched_at or entry.searched_at,
                is_extra_look=False,
                doubts=(0 if counts else entry.doubts) if doubts is None else doubts,
                page_missing_since=page_missing_since or (None if counts else entry.page_missing_since),
            )
            self._queues.move([failed], QueueName.FAILED)
            return True

    def get_movies_ready_for_retry(self, max_retries: int) -> list[Movie]:
        """Return failed films whose time has come and that have attempts left, longest due first."""
        with self.failed_lock:
            self._bring_back_far_times(self._clock.now())
            due = self._due()
            return [entry.movie for entry in due.values() if _has_attempts_left(entry, max_retries)]

    def give_up_on_due(self, max_retries: int) -> list[QueueEntry]:
        """Make failed films permanent whose time has come and that have no attempts left; return them.

        There are some if fewer attempts are allowed now than when they failed.

        Raises:
            StorageError: nothing was changed.
        """
        with self.failed_lock:
            spent = {
                row: entry._replace(retry_at=None)
                for row, entry in self._due().items()
                if not _has_attempts_left(entry, max_retries)
            }
            if spent:
                self._queues[QueueName.FAILED].change(replace=spent)
            return list(spent.values())

    def seconds_to_next_retry(self) -> float | None:
        """Return how long until the next failed film falls due, 0 if one is; None if none will."""
        now = self._clock.now()
        with self.failed_lock:
            self._bring_back_far_times(now)
            times = self._queues[QueueName.FAILED].retry_times.values()
            return max((min(times) - now).total_seconds(), 0.0) if times else None

    def move_failed_to_pending(self, movie: Movie) -> bool:
        """Queue a failed film for its next attempt; its number of failures stays.

        Raises:
            StorageError: the film is where it was.
        """
        return bool(self.move_all_failed_to_pending([movie]))

    def move_all_failed_to_pending(self, movies: Iterable[Movie]) -> list[Movie]:
        """Queue failed films as `move_failed_to_pending`, with one write; return those queued.

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            held = (self._queues.held(movie, [QueueName.FAILED]) for movie in movies)
            return self._requeue(filter(None, held), is_fresh=False)

    def look_again(self, movies: Iterable[Movie]) -> list[Movie]:
        """Queue failed films for a search besides their schedule, which is kept; return those queued.

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            held = [self._queues.held(movie, [QueueName.FAILED]) for movie in movies]
            extra = [entry._replace(is_extra_look=True) for entry in held if entry]
            if self._queues.move(extra, QueueName.PENDING):
                self._has_work.set()
            return [entry.movie for entry in extra]

    def waiting_films(self) -> Iterator[QueueEntry]:
        """Yield the failed films that wait for an acceptable release, permanent ones included.

        One is in memory at a time, and none is locked between: what is no longer there is passed over.
        """
        queue = self._queues[QueueName.FAILED]
        with self.failed_lock:
            keys = [queue.entry(row).movie.keys()[0] for row in sorted(queue.waiting)]
        for key in keys:
            with self.failed_lock:
                waiting = [queue.entry(row) for row in queue.find_key(key) if row in queue.waiting]
            yield from waiting[:1]

    def waiting_count(self) -> int:
        """Return how many failed films wait for an acceptable release."""
        with self.failed_lock:
            return len(self._queues[QueueName.FAILED].waiting)

    def knows_title(self, key: str) -> bool:
        """Tell whether a film of any queue or of the watchlist has this title, a squashed key, as its own."""
        return self.known.knows_title(key)

    # --- waiting --------------------------------------------------------------------------

    def wait_for_work(self, seconds: float) -> None:
        """Return when films were queued, `wake` was called or the time is over."""
        if self._has_work.wait(seconds):
            self._has_work.clear()

    def wake(self) -> None:
        """End `wait_for_work` now."""
        self._has_work.set()

    # --- what commands ask ----------------------------------------------------------------

    def retry(self, films: Collection[str] | None) -> list[Movie]:
        """Queue failed films anew with no failures counted; None means all. Returns those queued.

        A film is named by its slug or id.

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            return self._requeue(self._named([QueueName.FAILED], films), is_fresh=True)

    def remove(self, films: Collection[str]) -> list[Movie]:
        """Take films out of the queues and keep them out until they are added by command.

        Raises:
            StorageError: nothing was changed.
        """
        with self._all_locked():
            queues = [name for name in QueueName if name is not QueueName.REMOVED]
            entries = self._named(queues, films)
            removed = [entry._replace(error=None, retry_at=None) for entry in entries]
            self._queues.move(removed, QueueName.REMOVED)
            return [entry.movie for entry in entries]

    def drop_unlisted(self, movies: Iterable[Movie]) -> list[Movie]:
        """Drop films that left the watchlist from pending and failed; films added by command stay.

        Raises:
            StorageError: some of the films are still there.
        """
        dropped = []
        with self._all_locked():
            # What still stands in a stale file would come back once its later state is gone.
            self._queues.write_stale()
            wanted = list(movies)
            for name in _IN_WORK:
                queue = self._queues[name]
                rows = {row: None for movie in wanted for row in queue.find(movie)}
                entries = {row: entry for row in rows if not (entry := queue.entry(row)).by_command}
                if entries:
                    queue.change(remove=entries.keys())
                    dropped += [entry.movie for entry in entries.values()]
        return dropped

    def entries(self, queue: QueueName) -> list[QueueEntry]:
        """Return a queue's entries, oldest first."""
        with self._locks[queue]:
            films = self._queues[queue]
            return [films.entry(row) for row in films.row_numbers()]

    def find(self, film: str) -> tuple[QueueName, QueueEntry] | None:
        """Look a film up by its slug or id, in all queues and among the removed ones."""
        with self._all_locked():
            for name in QueueName:
                for entry in self._named([name], [film]):
                    return name, entry
        return None

    def get_statistics(self) -> dict[str, int]:
        """Return the number of films: pending, failed (permanent ones included), completed, permanent."""
        with self._all_locked():
            failed = self._queues[QueueName.FAILED]
            return {
                "pending": len(self._queues[QueueName.PENDING]),
                "failed": len(failed),
                "completed": len(self._queues[QueueName.COMPLETED]),
                "permanent_failures": len(failed) - len(failed.retry_times),
            }

    # --- inside ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def _all_locked(self) -> Iterator[None]:
        with self.pending_lock, self.failed_lock, self.completed_lock, self.removed_lock:
            yield

    def _due(self) -> dict[int, QueueEntry]:
        """Return the failed films whose time has come, by row, longest due first."""
        now, queue = self._clock.now(), self._queues[QueueName.FAILED]
        due = sorted((at, row) for row, at in queue.retry_times.items() if at <= now)
        return {row: queue.entry(row) for _, row in due}

    def _new_entry(self, movie: Movie, *, by_command: bool = False) -> QueueEntry:
        return QueueEntry(movie=movie, added_at=self._clock.now(), by_command=by_command)

    def _renew_pending(self, entry: QueueEntry, movie: Movie, choice: Choice | None) -> bool:
        if self._is_settled_otherwise(movie, *_SETTLED, known_as=entry.movie):
            return False
        renewed = entry._replace(movie=movie, choice=choice)
        return self._queues.renew(renewed, QueueName.PENDING, entry.movie)

    def _is_settled_otherwise(self, movie: Movie, *queues: QueueName, known_as: Movie | None = None) -> bool:
        """Tell whether a film in work is settled under another name, and if so, end the work on it.

        Letterboxd merges doubles: the list then names a film anew, and only its page tells by the
        IMDb id that it is known. The entry that is there takes the new name.
        """
        for name in queues:
            entry = self._queues.held(movie, [name])
            if entry is not None:
                known_as = known_as or movie
                if any(self._queues.is_held(form, but_for=name) for form in (known_as, movie)):
                    _log.info("%s stands among the %s films as %s.", movie.label, name, entry.movie.label)
                    self._queues.renew(entry._replace(movie=movie), name, known_as)
                return True
        return False

    def _bring_back_far_times(self, now: datetime) -> None:
        """Mend times that a wrong clock stored: none may be further away than the longest delay."""
        queue = self._queues[QueueName.FAILED]
        latest = bounded_retry_at(datetime.max.replace(tzinfo=UTC), now)
        far = [row for row, at in queue.retry_times.items() if at > latest]
        if far:
            try:
                queue.change(replace={row: queue.entry(row)._replace(retry_at=latest) for row in far})
            except StorageError as exc:  # nothing depends on it now; the next look does it
                _log.debug("%s", exc)

    def _named(self, queues: Iterable[QueueName], films: Collection[str] | None) -> list[QueueEntry]:
        """Find films by slug or id."""
        found: list[QueueEntry] = []
        for name in queues:
            queue = self._queues[name]
            rows: Iterable[int] = queue.row_numbers()
            if films is not None:
                rows = {
                    row: None
                    for film in films
                    for row in (queue.find_key(f"s:{film}") or queue.find_key(f"k:{film}"))[:1]
                }
            found += [queue.entry(row) for row in rows]
        return found

    def _requeue(self, entries: Iterable[QueueEntry], *, is_fresh: bool) -> list[Movie]:
        requeued: list[Movie] = []
        now = self._clock.now()

        def renewed() -> Iterator[QueueEntry]:
            for entry in entries:
                requeued.append(entry.movie)
                again = entry._replace(error=None, retry_at=None, waits_for_release=False)
                if is_fresh:
                    again = again._replace(retry_count=0, doubts=0, page_missing_since=None, asked_at=now)
                yield again

        if self._queues.move(renewed(), QueueName.PENDING):
            self._has_work.set()
        return requeued


def _asked_again(entry: QueueEntry, known: QueueEntry | None) -> QueueEntry:
    """Return the new entry of a film that was there before, with what was handed over for it.

    A torrent that is still on its way is looked for first: it is followed on, not handed over again.
    One that was in the client before is found there anew.
    """
    if known is None:
        return entry
    if not known.is_unfinished:
        return entry._replace(tried=known.tried)
    is_adopted = known.follow is not None and known.follow.is_adopted
    choice = None if is_adopted else known.choice
    return entry._replace(tried=known.tried, choice=choice, asked_at=known.wish)


def _has_attempts_left(entry: QueueEntry, max_retries: int) -> bool:
    # One that waits for a better release than those that are there has not failed with the last look.
    return entry.retry_count < max_retries or entry.acceptable_since is not None
