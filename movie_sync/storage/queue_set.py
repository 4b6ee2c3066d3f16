"""The queue files as one: a film moves from one to another and is in exactly one of them."""

import dataclasses
import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from movie_sync.domain.models import QueueEntry, QueueName
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.storage.queue_file import QueueFile

_log = logging.getLogger(__name__)

# When two entries of one film carry the same sequence (a hand edit), the further state stays.
_RANK = {QueueName.REMOVED: 3, QueueName.COMPLETED: 2, QueueName.FAILED: 1, QueueName.PENDING: 0}
_MOST_READINGS = 5


class QueueSet:
    """The four files. Not thread-safe: `QueueManager` holds the locks.

    A film that moves is written where it goes before it is taken from where it was. What a crash
    leaves in both is settled by the `sequence` of the entries when the files are loaded.
    """

    def __init__(self, folder: Path, clock: Clock, *, writable: bool) -> None:
        self._files = {
            name: QueueFile(folder / f"queue_{name}.json", name, clock, writable=writable)
            for name in QueueName
        }
        self._sequence = 0
        if writable:
            self._load()
            for queue in self._files.values():
                queue.mend()
        else:
            self._load_beside_a_writer()

    def __getitem__(self, name: QueueName) -> QueueFile:
        return self._files[name]

    def is_held(self, keys: Collection[str], *, but_for: QueueName | None = None) -> bool:
        """Tell whether a film with one of these keys is in any queue."""
        return any(queue.find(keys) for name, queue in self._files.items() if name is not but_for)

    def held(
        self, keys: Collection[str], queues: Iterable[QueueName] = tuple(QueueName)
    ) -> QueueEntry | None:
        """Return the film's entry in the first of these queues that holds it."""
        for name in queues:
            for row in self._files[name].find(keys):
                return self._files[name].entry(row)
        return None

    def numbered(self, entry: QueueEntry) -> QueueEntry:
        """Return the entry with the next sequence: it is the film's latest state from now on."""
        self._sequence += 1
        return dataclasses.replace(entry, sequence=self._sequence)

    def move(self, entries: Iterable[QueueEntry], target: QueueName) -> int:
        """Write films at the end of a queue, then take them from wherever else they are.

        Once they stand in the target they count as moved: if another file cannot be written then,
        its leftover is settled by the sequence at the next load and goes with its next write.
        Returns how many films that were; for none nothing is written.

        Raises:
            StorageError: nothing was changed.
        """
        numbered = [self.numbered(entry) for entry in entries]
        if not numbered:
            return 0
        films = [entry.movie.keys() for entry in numbered]
        self._files[target].change(add=numbered, remove=self._rows_of(films, target))
        self._take_from_others(films, target)
        return len(numbered)

    def renew(self, entry: QueueEntry, queue: QueueName, known_as: Collection[str] = ()) -> bool:
        """Put a new state of a film in its present place in a queue; False if it is not there.

        `known_as` are keys that it may have had before.

        Raises:
            StorageError: nothing was changed.
        """
        films = [(*known_as, *entry.movie.keys())]
        rows = self._rows_of(films, queue)
        if not rows:
            return False
        self._files[queue].change(replace={rows[0]: self.numbered(entry)}, remove=rows[1:])
        self._take_from_others(films, queue)
        return True

    def write_stale(self) -> None:
        """Write the files that differ from memory.

        Raises:
            StorageError: one cannot be written yet.
        """
        for queue in self._files.values():
            if queue.is_stale:
                queue.change()

    def _rows_of(self, films: Iterable[Collection[str]], name: QueueName) -> list[int]:
        """Return the rows of films, each given by its keys."""
        queue = self._files[name]
        return list({row: None for keys in films for row in queue.find(keys)})

    def _take_from_others(self, films: Sequence[Collection[str]], target: QueueName) -> None:
        for name, queue in self._files.items():
            rows = self._rows_of(films, name) if name is not target else []
            if not rows and not queue.is_stale:
                continue
            was_stale = queue.is_stale
            try:
                queue.change(remove=rows)
            except StorageError as exc:
                queue.forget(rows)
                if not was_stale:
                    _log.warning("%s Nothing is lost: what moved stands in queue_%s.json.", exc, target)

    def _load_beside_a_writer(self) -> None:
        """Read until no file was replaced meanwhile: else a film on the move could be seen nowhere."""
        for _ in range(_MOST_READINGS):
            before = [queue.generation() for queue in self._files.values()]
            self._load()
            if before == [queue.generation() for queue in self._files.values()]:
                return

    def _load(self) -> None:
        for queue in self._files.values():
            queue.load()
            self._sequence = max(self._sequence, queue.highest_sequence)
        # Whatever is also among the completed ones, the longest list, is met from the other side.
        for name in (QueueName.PENDING, QueueName.FAILED, QueueName.REMOVED):
            for row in self._files[name].row_numbers():
                self._settle(name, row)

    def _settle(self, name: QueueName, row: int) -> None:
        """If the film stands in other queues too, keep its latest state alone."""
        queue = self._files[name]
        entry = queue.entry(row)
        places = [(entry.sequence, _RANK[name], queue, [row])]
        for other_name, other in self._files.items():
            rows = other.find(entry.movie.keys()) if other is not queue else []
            if rows:
                sequence = max(other.entry(other_row).sequence for other_row in rows)
                places.append((sequence, _RANK[other_name], other, rows))
        places.sort(key=lambda place: place[:2])
        for *_, holder, rows in places[:-1]:
            holder.forget(rows)
