"""The four files as one: a film moves from one to another and is in exactly one of them."""

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.record_file import RecordFile

_log = logging.getLogger(__name__)

_MOST_READINGS = 50


def queue_path(folder: Path, name: QueueName) -> Path:
    """Return the file of a queue in a data folder."""
    return folder / f"queue_{name}.json"


class Place(NamedTuple):
    """Where a film is, the number of its place, and its entry there."""

    queue: QueueName
    number: int
    entry: QueueEntry


class Book:
    """All films with their states. Not thread-safe: `QueueManager` holds the lock.

    A film that moves is written where it goes before it is taken from where it was. What a crash
    leaves in both is settled by the `sequence` of the entries when the files are loaded. Films are named
    by the numbers of their places, which hold until they move. After a StorageError all is as before.
    """

    def __init__(self, folder: Path, clock: Clock, *, writable: bool) -> None:
        self._files = {
            name: RecordFile(queue_path(folder, name), name, clock, writable=writable) for name in QueueName
        }
        self.sequence = 0  # of what was written last
        self._load()

    def __getitem__(self, name: QueueName) -> RecordFile:
        return self._files[name]

    def take_edits(self) -> None:
        """Load anew what somebody has changed in its place, or what the disk has lost hold of.

        What cannot be read right now stays as it was known.
        """
        if any(file.is_edited() for file in self._files.values()):
            before = [(file, file.state) for file in self._files.values()]
            try:
                self._load()
            except StorageError as exc:
                for file, state in before:
                    file.state = state
                _log.debug("%s", exc)

    # --- looking --------------------------------------------------------------------------

    def held(self, movie: Movie, queues: Iterable[QueueName] = tuple(QueueName)) -> Place | None:
        """Return where a film is, the first of these queues that holds it, with its entry there."""
        return next(self._places(movie, queues), None)

    def _places(self, movie: Movie, queues: Iterable[QueueName]) -> Iterator[Place]:
        for name in queues:
            for number, entry in self._files[name].find(movie).items():
                yield Place(name, number, entry)

    def entry(self, number: int) -> QueueEntry | None:
        """Return the entry of a film by its number, or None if it has moved."""
        return next((entry for file in self._files.values() if (entry := file.entry(number))), None)

    def with_key(self, key: str) -> list[Place]:
        """Return all films that have one of the keys that `Movie.keys` gives."""
        return [
            Place(name, number, entry)
            for name, file in self._files.items()
            for number, entry in file.with_key(key).items()
        ]

    # --- changing -------------------------------------------------------------------------

    def add_new(self, entries: Iterable[QueueEntry], target: QueueName) -> int:
        """Write those films that no queue holds at the end of one; return how many that were.

        `entries` are gone through once. A film that is named twice is in a queue by its second turn.
        """
        new = (entry for entry in entries if self.held(entry.movie) is None)
        return self._change(target, [], new, {})

    def move(self, entries: Callable[[], Iterable[QueueEntry]], target: QueueName) -> int:
        """Write films at the end of a queue, then take them from wherever else they are.

        `entries` is called twice for the same films, none named twice, and reads none from the target.
        Returns how many films that were; for none nothing is written.
        """
        return self._change(target, (entry.movie for entry in entries()), entries(), {})

    def renew(self, changed: Mapping[int, QueueEntry], queue: QueueName, *known_as: Movie) -> None:
        """Put new states of films in their present places in a queue, with one write.

        A film that was known by other keys before is taken from where it stands under these.
        """
        self._change(queue, known_as, [], changed)

    def _change(
        self,
        target: QueueName,
        known_as: Iterable[Movie],
        add: Iterable[QueueEntry],
        renewed: Mapping[int, QueueEntry],
    ) -> int:
        """Write films' latest states to a queue, then take films from wherever else they are.

        Once the target is written they count as moved: if another file cannot be written then, its
        leftover is settled by the sequence at the next load and goes with its next write.
        """
        before, new = self.sequence, map(self._in_turn, add)
        changes = {number: self._in_turn(entry) for number, entry in renewed.items()}
        first = list(itertools.islice(new, 1))
        if not changes and not first:
            return 0
        places: dict[QueueName, set[int]] = {name: set() for name in self._files}
        for movie in known_as:
            for name, file in self._files.items():
                places[name].update(file.find(movie))
        leaving = dict.fromkeys(places.pop(target))
        self._files[target].change(leaving | changes, add=itertools.chain(first, new))
        for name, numbers in places.items():
            file, was_stale = self._files[name], self._files[name].is_stale
            file.hide(numbers)
            if file.is_stale:
                try:
                    # Should a power failure undo this, the next load settles it by the sequence.
                    file.change(flush_name=False)
                except StorageError as exc:
                    if not was_stale:
                        _log.warning("%s Nothing is lost: what moved is in queue_%s.json.", exc, target)
        return self.sequence - before

    def _in_turn(self, entry: QueueEntry) -> QueueEntry:
        self.sequence += 1
        return entry._replace(sequence=self.sequence)

    def write_stale(self) -> None:
        """Write the files that differ from memory."""
        for file in self._files.values():
            if file.is_stale:
                file.change()

    # --- loading --------------------------------------------------------------------------

    def _load(self) -> None:
        """Read the files as they stand at one moment: else a film on the move could be seen nowhere."""
        # If none was replaced until all were open, they belong together, and reading them may take its time.
        files = self._files.values()
        for _ in range(_MOST_READINGS):
            held = [file.hold() for file in files]
            if all(map(RecordFile.is_current, files, held)):
                break
        self.sequence = max(self.sequence, *map(RecordFile.load, files, held))
        # Whatever is also among the completed ones, the longest list, is met from the other side.
        for name in (QueueName.PENDING, QueueName.FAILED, QueueName.REMOVED):
            for number, _ in self._files[name].facts():
                self._settle(name, number)
        for file in files:
            if file.is_stale:
                try:
                    file.change()
                except StorageError as exc:  # it is left to the next change
                    _log.warning("%s%s", exc, f" {file.damage}" if file.damage else "")

    def _settle(self, name: QueueName, number: int) -> None:
        """If the film stands in other queues too, keep its latest state alone."""
        if entry := self._files[name].entry(number):
            others = [other for other in QueueName if other is not name]
            places = [Place(name, number, entry), *self._places(entry.movie, others)]
            # Of two with the same sequence (a hand edit) the further state stays.
            latest = max(places, key=lambda place: (place.entry.sequence, [*QueueName].index(place.queue)))
            for place in places:
                if place.queue is not latest.queue:
                    self._files[place.queue].hide([place.number])
