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

_RANK = {name: place for place, name in enumerate(QueueName)}
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
    leaves in both is settled by the `sequence` of the entries when the files are loaded.

    Films are named by the numbers of their places, which hold until they move.

    Raises:
        StorageError: a file cannot be read or written now. What was to be changed is as before.
    """

    def __init__(self, folder: Path, clock: Clock, *, writable: bool) -> None:
        self._files = {
            name: RecordFile(queue_path(folder, name), name, clock, writable=writable) for name in QueueName
        }
        self.sequence = 0
        """The sequence of what was written last."""
        self._load()

    def __getitem__(self, name: QueueName) -> RecordFile:
        return self._files[name]

    def take_edits(self) -> None:
        """Load anew what somebody has changed in its place."""
        if any(file.is_edited() for file in self._files.values()):
            self._load()

    # --- looking --------------------------------------------------------------------------

    def held(self, movie: Movie, queues: Iterable[QueueName] = tuple(QueueName)) -> Place | None:
        """Return where a film is, the first of these queues that holds it, with its entry there."""
        return next(self._places(movie, queues), None)

    def _places(self, movie: Movie, queues: Iterable[QueueName]) -> Iterator[Place]:
        for name in queues:
            for number in self._files[name].find(movie):
                if entry := self._files[name].entry(number):
                    yield Place(name, number, entry)

    def entry(self, number: int) -> QueueEntry | None:
        """Return the entry of a film by its number, or None if it has moved."""
        return next((entry for file in self._files.values() if (entry := file.entry(number))), None)

    def with_key(self, key: str) -> list[Place]:
        """Return all films that have one of the keys that `Movie.keys` gives."""
        return [
            Place(name, number, entry)
            for name, file in self._files.items()
            for number in file.under(key)
            if (entry := file.entry(number)) and key in entry.movie.keys()  # noqa: SIM118 - not a dict
        ]

    # --- changing -------------------------------------------------------------------------

    def add_new(self, entries: Iterable[QueueEntry], target: QueueName) -> int:
        """Write those films that no queue holds at the end of one; return how many that were.

        `entries` are gone through once. A film that is named twice is in a queue by its second turn.
        """
        new = (self._in_turn(entry) for entry in entries if self.held(entry.movie) is None)
        before = len(self._files[target])
        if first := next(new, None):
            self._change(target, {}, add=itertools.chain([first], new))
        return len(self._files[target]) - before

    def move(self, entries: Callable[[], Iterable[QueueEntry]], target: QueueName) -> int:
        """Write films at the end of a queue, then take them from wherever else they are.

        `entries` is called twice for the same films, none named twice, and reads none from the target.
        Once they stand in the target they count as moved: if another file cannot be written then,
        its leftover is settled by the sequence at the next load and goes with its next write.
        Returns how many films that were; for none nothing is written.
        """
        places: dict[QueueName, set[int]] = {name: set() for name in self._files}
        moved = 0
        for entry in entries():
            moved += 1
            for name, file in self._files.items():
                places[name].update(file.find(entry.movie))
        if moved:
            self._change(target, places, add=map(self._in_turn, entries()))
        return moved

    def renew(self, changed: Mapping[int, QueueEntry], queue: QueueName, *known_as: Movie) -> None:
        """Put new states of films in their present places in a queue, with one write.

        A film that was known by other keys before is taken from where it stands under these.
        """
        places = {
            name: {number for movie in known_as for number in file.find(movie)} - changed.keys()
            for name, file in self._files.items()
        }
        replace = {number: self._in_turn(entry) for number, entry in changed.items()}
        self._change(queue, places, replace=replace)

    def write_stale(self) -> None:
        """Write the files that differ from memory."""
        for file in self._files.values():
            if file.is_stale:
                file.change()

    def _in_turn(self, entry: QueueEntry) -> QueueEntry:
        """Return the entry as its film's latest state."""
        self.sequence += 1
        return entry._replace(sequence=self.sequence)

    def _change(
        self,
        target: QueueName,
        places: Mapping[QueueName, set[int]],
        *,
        add: Iterable[QueueEntry] = (),
        replace: Mapping[int, QueueEntry] | None = None,
    ) -> None:
        """Change a queue, then take films out of their places in the others; write what is stale besides."""
        self._files[target].change(remove=places.get(target, ()), add=add, replace=replace)
        for name, file in self._files.items():
            numbers = places.get(name, set())
            if name is target or not (numbers or file.is_stale):
                continue
            was_stale = file.is_stale
            try:
                # Should a power failure undo this, the next load settles it by the sequence.
                file.change(remove=numbers, flush_name=False)
            except StorageError as exc:
                file.hide(numbers)
                if not was_stale:
                    _log.warning("%s Nothing is lost: what moved stands in queue_%s.json.", exc, target)

    # --- loading --------------------------------------------------------------------------

    def _load(self) -> None:
        """Read the files as they stand at one moment: else a film on the move could be seen nowhere.

        All are opened, then all are looked at again: if none was replaced in between, they belong
        together, and reading them may take its time. Opening is far quicker than a writer's flush.
        """
        files = self._files.values()
        for _ in range(_MOST_READINGS):
            held = [file.hold() for file in files]
            if all(map(RecordFile.is_current, files, held)):
                break
        for file, opened in zip(files, held, strict=True):
            file.load(opened)
        self.sequence = max(self.sequence, *(file.highest_sequence() for file in files))
        # Whatever is also among the completed ones, the longest list, is met from the other side.
        for name in (QueueName.PENDING, QueueName.FAILED, QueueName.REMOVED):
            for number, _ in self._files[name].facts():
                self._settle(name, number)
        for file in files:
            file.mend()

    def _settle(self, name: QueueName, number: int) -> None:
        """If the film stands in other queues too, keep its latest state alone."""
        if entry := self._files[name].entry(number):
            others = [other for other in QueueName if other is not name]
            places = [Place(name, number, entry), *self._places(entry.movie, others)]
            # Of two with the same sequence (a hand edit) the further state stays.
            latest = max(places, key=lambda place: (place.entry.sequence, _RANK[place.queue]))
            for place in places:
                if place.queue is not latest.queue:
                    self._files[place.queue].hide([place.number])
