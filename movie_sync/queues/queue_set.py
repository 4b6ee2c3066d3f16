"""The queue files as one: a film moves from one to another and is in exactly one of them."""

import contextlib
import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.queue_file import QueueFile
from movie_sync.storage.atomic_file import Draft, Going

_log = logging.getLogger(__name__)

# When two entries of one film carry the same sequence (a hand edit), the further state stays.
_RANK = {QueueName.REMOVED: 3, QueueName.COMPLETED: 2, QueueName.FAILED: 1, QueueName.PENDING: 0}
_MOST_READINGS = 50


def queue_path(folder: Path, name: QueueName) -> Path:
    """Return the file of a queue in a data folder."""
    return folder / f"queue_{name}.json"


class QueueSet:
    """The four files. Not thread-safe: `QueueManager` holds the locks.

    A film that moves is written where it goes before it is taken from where it was. What a crash
    leaves in both is settled by the `sequence` of the entries when the files are loaded.
    """

    def __init__(self, folder: Path, clock: Clock, *, writable: bool) -> None:
        self._sequence = 0
        going = Going()
        self._files = {
            name: QueueFile(
                queue_path(folder, name), name, clock, self._next_sequence, going, writable=writable
            )
            for name in QueueName
        }
        if writable:
            self._load()
            for queue in self._files.values():
                queue.mend()
        else:
            self._load_beside_a_writer()

    def __getitem__(self, name: QueueName) -> QueueFile:
        return self._files[name]

    def is_held(self, movie: Movie, *, but_for: QueueName | None = None) -> bool:
        """Tell whether a film is in any queue."""
        return any(queue.find(movie) for name, queue in self._files.items() if name is not but_for)

    def held(self, movie: Movie, queues: Iterable[QueueName] = tuple(QueueName)) -> QueueEntry | None:
        """Return the film's entry in the first of these queues that holds it."""
        for name in queues:
            for row in self._files[name].find(movie):
                return self._files[name].entry(row)
        return None

    def add_new(self, entries: Iterable[QueueEntry], target: QueueName) -> int:
        """Write those films that no queue holds at the end of one; return how many that were.

        `entries` are gone through once. A film that is named twice is in a queue by its second turn.

        Raises:
            StorageError: nothing was changed.
        """
        queue = self._files[target]
        others = [other for other in self._files.values() if len(other) and other is not queue]
        count = queue.change(add=entries, unless_in=others)
        if count:
            self._take_from_others(dict.fromkeys(self._files, ()), target, {})
        return count

    def move(self, entries: Iterable[QueueEntry], target: QueueName) -> int:
        """Write films at the end of a queue, then take them from wherever else they are.

        `entries` are gone through once, and each is found in the target before the next is asked
        for.
        Once they stand in the target they count as moved: if another file cannot be written then,
        its leftover is settled by the sequence at the next load and goes with its next write.
        Returns how many films that were; for none nothing is written.

        Raises:
            StorageError: nothing was changed.
        """
        remaining = iter(entries)
        first = next(remaining, None)
        if first is None:
            return 0
        films = itertools.chain([first], remaining)
        places: dict[QueueName, dict[int, None]] = {name: {} for name in self._files}
        with self._drafts(places, target) as (drafts, write_drafts):
            count = self._files[target].change(
                add=self._looked_up(films, places), remove=places[target], meanwhile=write_drafts
            )
            self._take_from_others(places, target, drafts)
        return count

    def renew(self, entry: QueueEntry, queue: QueueName, known_as: Movie) -> bool:
        """Put a new state of a film in its present place in a queue; False if it is not there.

        `known_as` is the film as it was known before, maybe by other keys.

        Raises:
            StorageError: nothing was changed.
        """
        places = {
            name: list(dict.fromkeys((*file.find(known_as), *file.find(entry.movie))))
            for name, file in self._files.items()
        }
        rows = places[queue]
        if not rows:
            return False
        self._files[queue].change(replace={rows[0]: entry}, remove=rows[1:])
        self._take_from_others(places, queue, {})
        return True

    def write_stale(self) -> None:
        """Write the files that differ from memory.

        Raises:
            StorageError: one cannot be written yet.
        """
        for queue in self._files.values():
            if queue.is_stale:
                queue.change()

    def _looked_up(
        self, entries: Iterable[QueueEntry], places: Mapping[QueueName, dict[int, None]]
    ) -> Iterator[QueueEntry]:
        """Pass films through, and note where each stands."""
        for entry in entries:
            for name, queue in self._files.items():
                places[name].update(dict.fromkeys(queue.find(entry.movie)))
            yield entry

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    @contextlib.contextmanager
    def _drafts(
        self, places: Mapping[QueueName, Collection[int]], target: QueueName
    ) -> Iterator[tuple[dict[QueueName, Draft], Callable[[], None]]]:
        """Give what writes, beside the files, the queues that films leave, and what it wrote.

        Written before the target is flushed they are flushed with it, which saves one of the waits.
        """
        drafts: dict[QueueName, Draft] = {}

        def write() -> None:
            for name, queue in self._files.items():
                if name is not target and places[name]:
                    draft = queue.draft_without(places[name])
                    if draft is not None:
                        drafts[name] = draft

        try:
            yield drafts, write
        finally:
            for draft in drafts.values():
                draft.discard()

    def _take_from_others(
        self,
        places: Mapping[QueueName, Collection[int]],
        target: QueueName,
        drafts: Mapping[QueueName, Draft],
    ) -> None:
        """Take films out of the rows where they stood in each queue, but for those in the target."""
        for name, queue in self._files.items():
            rows = places[name] if name is not target else ()
            if not rows and not queue.is_stale:
                continue
            was_stale = queue.is_stale
            try:
                # Should a power failure undo this, the next load settles it by the sequence.
                queue.change(remove=rows, flush_name=False, draft=drafts.get(name))
            except StorageError as exc:
                queue.forget(rows)
                if not was_stale:
                    _log.warning("%s Nothing is lost: what moved stands in queue_%s.json.", exc, target)

    def _load_beside_a_writer(self) -> None:
        """Read the files as they stand at one moment: else a film on the move could be seen nowhere.

        All are opened, then all are looked at again: if none was replaced in between, they belong
        together, and reading them may take its time. Opening is far quicker than a writer's flush.
        """
        with contextlib.ExitStack() as held:
            for _ in range(_MOST_READINGS):
                held.pop_all().close()
                for queue in self._files.values():
                    held.enter_context(queue.held())
                if all(queue.is_current() for queue in self._files.values()):
                    break
            self._load()

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
            rows = other.find(entry.movie) if other is not queue else []
            if rows:
                sequence = max(other.entry(other_row).sequence for other_row in rows)
                places.append((sequence, _RANK[other_name], other, rows))
        places.sort(key=lambda place: place[:2])
        for *_, holder, rows in places[:-1]:
            holder.forget(rows)
