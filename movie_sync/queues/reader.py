"""The queues as they are asked: what is next, what waits, what is on its way."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

from movie_sync.clock import SystemClock
from movie_sync.domain.compact import PackedMovies
from movie_sync.domain.models import Movie, QueueName
from movie_sync.ports import Clock
from movie_sync.queues.book import Book, Place
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import DONE_LATELY
from movie_sync.queues.releases import Slot
from movie_sync.queues.table import Facts

_PENDING, _FAILED, _COMPLETED, _ = QueueName
# So many films in a row that were done too long ago are taken for the rest of the list.
_MOST_MOVED = 50
FOLLOWED = (QueueName.COMPLETED, QueueName.PENDING, QueueName.FAILED)
"""Where films stand whose torrents may still come to their end."""


class QueueReader:
    """What the queues tell. Thread-safe. It is part of `QueueManager`, which says how they are kept.

    Raises:
        StorageError: a file cannot be read now.
    """

    def __init__(self, folder: Path, clock: Clock | None, *, writable: bool) -> None:
        self._clock = clock or SystemClock()
        # A film's move changes two queues at least, so one lock guards all of them.
        self.pending_lock = self.failed_lock = self.completed_lock = self.removed_lock = threading.RLock()
        self._book = Book(folder, self._clock, writable=writable)

    @property
    def damage(self) -> list[str]:
        """What is wrong with files that were found damaged and are not mended, as while looking on."""
        return [words for name in QueueName if (words := self._book[name].damage)]

    def missing(self, movies: Iterable[Movie]) -> Sequence[Movie]:
        """Return those films that no queue holds and that the user did not remove."""
        with self._locked() as book:
            return PackedMovies(movie for movie in movies if book.held(movie) is None)

    def get_next_pending(self, but_for: Collection[str] = ()) -> QueueEntry | None:
        """Return the film to work on, the newest wish first; it stays pending until its outcome is written.

        Before all others come films whose torrent was about to be handed over: it may have been.
        `but_for` are keys of films that are passed over.
        """
        with self._locked() as book:
            passed = {place.number for key in but_for for place in book.with_key(key)}
            newest: tuple[int, Facts] | None = None
            for number, facts in book[_PENDING].facts():
                if (newest and facts is newest[1]) or number in passed:
                    continue
                if facts.is_chosen:
                    return book[_PENDING].entry(number)
                if newest is None or facts.wished_at > newest[1].wished_at:  # of several at once the first
                    newest = number, facts
            return book[_PENDING].entry(newest[0]) if newest else None

    def waiting_films(self) -> Iterator[QueueEntry]:
        """Yield the failed films that wait for an acceptable release, permanent ones included.

        One is in memory at a time, and none is locked between: what is no longer there is passed over.
        """
        with self._locked() as book:
            numbers = [number for number, facts in book[_FAILED].facts() if facts.waits]
        for number in numbers:
            with self._locked() as book:
                entry = book[_FAILED].entry(number)
            if entry is not None:
                yield entry

    def waiting_count(self) -> int:
        """Return how many failed films wait for an acceptable release."""
        return self._count(lambda facts: facts.waits, _FAILED)

    def followed_hashes(self) -> list[str]:
        """Return the info-hashes of all torrents that may still come to their end."""
        with self._locked() as book:
            return [one for name in FOLLOWED for _, facts in book[name].facts() for one in facts.hashes]

    def followed(self, among: AbstractSet[str] | None = None) -> list[QueueEntry]:
        """Return the films with a torrent that may still come to its end: one of `among`, if given."""
        with self._locked() as book:
            return [
                entry
                for name in FOLLOWED
                for number, facts in book[name].facts()
                if facts.hashes and (among is None or not among.isdisjoint(facts.hashes))
                if (entry := book[name].entry(number))
            ]

    def followed_count(self) -> int:
        """Return how many films have a torrent that may still come to its end."""
        return self._count(lambda facts: bool(facts.hashes), *FOLLOWED)

    def unfinished_count(self) -> int:
        """Return how many completed films have a torrent that the client is still to finish.

        What was in the client before and is stopped there does not count.
        """
        return self.slots().total()

    def slots(self) -> Counter[Slot]:
        """Return how each of the unfinished ones counts against what may be unfinished at once."""
        with self._locked() as book:
            return Counter(facts.slot for _, facts in book[_COMPLETED].facts() if facts.slot)

    def done_lately_count(self) -> int:
        """Return how many completed films have a torrent that came to its end in the last week."""
        earliest = self._clock.now() - DONE_LATELY
        return self._count(lambda facts: facts.done_at is not None and facts.done_at > earliest, _COMPLETED)

    def done_since(self, moment: datetime) -> Iterator[QueueEntry]:
        """Yield the completed films that were handed over since then, one in memory at a time.

        They stand at the end of the list; somebody may have moved a few by hand.
        """
        with self._locked() as book:
            numbers = [number for number, _ in book[_COMPLETED].facts()]
        too_old = 0
        for number in reversed(numbers):
            with self._locked() as book:
                entry = book[_COMPLETED].entry(number)
            if entry is not None and entry.completed_at is not None and entry.completed_at >= moment:
                too_old = 0
                yield entry
            elif (too_old := too_old + 1) >= _MOST_MOVED:
                return

    def with_replaced(self) -> list[QueueEntry]:
        """Return the films with a torrent that another one took the place of and that is looked after."""
        with self._locked() as book:
            numbers = [
                (name, number) for name in FOLLOWED for number, facts in book[name].facts() if facts.replaced
            ]
            return [entry for name, number in numbers if (entry := book[name].entry(number))]

    def replaced_count(self) -> int:
        """Return how many films have such a torrent."""
        return self._count(lambda facts: bool(facts.replaced), *FOLLOWED)

    def next_for_shelf(self, rests: Callable[[QueueEntry], bool] = lambda _: False) -> QueueEntry | None:
        """Return the film, done for longest, that is still to be put on the shelf and doesn't rest."""
        with self._locked() as book:
            for number, facts in book[_COMPLETED].facts():
                entry = book[_COMPLETED].entry(number) if facts.is_for_shelf else None
                if entry and entry.choice and entry.follow and entry.follow.shelf and not rests(entry):
                    return entry
        return None

    def for_shelf_count(self) -> int:
        """Return how many films are still to be put on the shelf."""
        return self._count(lambda facts: facts.is_for_shelf, _COMPLETED)

    def torrents_of(self, movie: Movie) -> tuple[str, ...]:
        """Return the info-hashes of all torrents that were handed over for a film."""
        with self._locked() as book:
            found = book.held(movie)
        if found is None:
            return ()
        choices = (
            *(each.choice for each in found.entry.torrents()),
            *(old.choice for old in found.entry.set_aside),
        )
        return tuple(dict.fromkeys(choice.info_hash for choice in choices if choice and choice.info_hash))

    def entries(self, queue: QueueName) -> list[QueueEntry]:
        """Return a queue's entries, oldest first."""
        with self._locked() as book:
            file = book[queue]
            return [entry for number, _ in file.facts() if (entry := file.entry(number))]

    def each_film(self, queues: Iterable[QueueName]) -> Iterator[tuple[QueueName, Movie]]:
        """Yield the films of some queues, each with its queue, one in memory at a time."""
        with self._locked() as book:
            numbers = [(name, number) for name in queues for number, _ in book[name].facts()]
        for name, number in numbers:
            with self._locked() as book:
                entry = book[name].entry(number)
            if entry is not None:
                yield name, entry.movie

    def find(self, film: str) -> tuple[QueueName, QueueEntry] | None:
        """Look a film up by its slug or id, in all queues and among the removed ones."""
        with self._locked() as book:
            found = named(book, QueueName, [film])
            return (found[0].queue, found[0].entry) if found else None

    def find_film(self, movie: Movie) -> tuple[QueueName, QueueEntry] | None:
        """Return where a film is, and its entry there."""
        with self._locked() as book:
            place = book.held(movie)
            return (place.queue, place.entry) if place else None

    def queue_of(self, movie: Movie) -> QueueName | None:
        """Return the queue that has a film, if one does."""
        with self._locked() as book:
            place = book.held(movie)
            return place.queue if place else None

    def get_statistics(self) -> dict[str, int]:
        """Return the number of films: pending, failed (permanent ones included), completed, permanent."""
        with self._locked() as book:
            failed = book[_FAILED].facts()
            return {
                "pending": len(book[_PENDING]),
                "failed": len(book[_FAILED]),
                "completed": len(book[_COMPLETED]),
                "permanent_failures": sum(facts.retry_at is None for _, facts in failed),
            }

    def films(self, since: int = -1) -> tuple[int, Iterator[tuple[int, Movie]]]:
        """Return a mark of now, and the films of all queues that were written after an earlier mark.

        Each comes with the number under which `film` knows it until it moves. One is in memory at a time.
        """
        with self._locked() as book:
            numbers = [number for name in QueueName for number in book[name].written_since(since)]
            found = ((number, self.film(number)) for number in numbers)
            return book.sequence, ((number, movie) for number, movie in found if movie)

    def film(self, number: int) -> Movie | None:
        """Return the film that `films` gave this number, or None if it has moved since."""
        with self._locked() as book:
            entry = book.entry(number)
            return entry.movie if entry else None

    def films_with_key(self, key: str) -> list[Movie]:
        """Return the films of all queues that have one of the keys that `Movie.keys` gives."""
        with self._locked() as book:
            return [place.entry.movie for place in book.with_key(key)]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[Book]:
        with self.pending_lock:
            self._book.take_edits()
            yield self._book

    def _count(self, counts: Callable[[Facts], bool], *queues: QueueName) -> int:
        with self._locked() as book:
            return sum(counts(facts) for name in queues for _, facts in book[name].facts())


def named(book: Book, queues: Iterable[QueueName], films: Collection[str]) -> list[Place]:
    """Find films by slug or id."""
    found: dict[int, Place] = {}
    for name in queues:
        for film in films:
            under = (place for kind in "sk" for place in book.with_key(f"{kind}:{film}"))
            places = [place for place in under if place.queue is name]
            found |= {place.number: place for place in places[:1]}
    return list(found.values())
