"""One queue's file as its store: a film a line, replaced whole at each change, mended when it was damaged.

The file is never changed once it has its name, so it is kept open and read from. A change is written
beside it, from ranges of the old one and new lines, and stays in memory once it has taken its name.
"""

import contextlib
import json
import logging
import os
import sys
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import count, pairwise
from pathlib import Path

from movie_sync.domain.compact import HashedNumbers
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.twins import is_same_film, letterboxd_keys
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.codec import encode_entry, entry_from_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.table import Facts, Table, facts_of, own_lines, pieces, read_loosely
from movie_sync.storage.atomic_file import (
    DamagedError,
    NewFile,
    OpenFile,
    damage_in,
    delete_leftover,
    previous_of,
    read_whole,
    sync_folder,
    temporary_of,
    write_atomically,
)
from movie_sync.storage.regular_file import open_regular

_log = logging.getLogger(__name__)

# A film has up to three keys, and those of where it was are kept until there are this many more.
_MOST_KEYS_A_FILM = 6
_SPARE_KEYS = 2_500
_IS_MISSING = "Anything still missing comes back from your lists."
_REMOVED_IS_MISSING = "Films you removed may be fetched again if they're still on a list: remove them again."


class RecordFile:
    """The films of one queue and their file. Not thread-safe.

    Films are named by numbers, which no film of any queue had before; a later one is higher. With
    `writable=False` changes go to a file without a name, and the disk is not touched.

    Each write keeps the generation before it beside the file; the first state, and each of the
    removed films, is written there too. If the file is found damaged, what is good in it is read,
    that second copy fills the gap, and the damaged content is put aside just before the mended
    file takes its place. A file that cannot be read or written now is a StorageError.
    """

    def __init__(self, path: Path, queue: QueueName, clock: Clock, *, writable: bool) -> None:
        self.queue = queue
        self._path = path
        self._clock = clock
        self._writable = writable
        self._table = Table.empty()
        self._counter = count(tuple(QueueName).index(queue), len(QueueName))
        self._index = HashedNumbers()
        self.damage = ""
        """What is wrong with the file, in words, until the mended one was written; mostly empty."""
        self.is_stale = False
        """Whether the file differs from memory and is to be written at the next chance."""
        if writable:
            self._take_up_leftover()

    def __len__(self) -> int:
        return len(self._table.numbers) - len(self._table.hidden)

    def facts(self) -> Iterator[tuple[int, Facts]]:
        """Go through the numbers of all films in their order, with what is known of each."""
        table = self._table
        pairs = zip(table.numbers, table.facts, strict=True)
        return (pair for pair in pairs if pair[0] not in table.hidden) if table.hidden else pairs

    def written_since(self, sequence: int) -> list[int]:
        """Return the numbers of the films whose last write has a higher sequence."""
        table = self._table
        pairs = zip(table.numbers, table.sequences, strict=True)
        return [number for number, other in pairs if other > sequence and number not in table.hidden]

    def entry(self, number: int) -> QueueEntry | None:
        """Return a film's entry, or None if it is not here (any more)."""
        line = self._table.line(number)
        try:
            return entry_from_dict(json.loads(line), self._clock.now()) if line else None
        except ValueError:
            raise StorageError(f"{self._path} was changed while it was read.") from None

    def with_key(self, key: str) -> dict[int, QueueEntry]:
        """Return the entries that have one of the keys that `Movie.keys` gives, the oldest first."""
        found = self._entries(self._index.under(key))
        return {number: entry for number, entry in found if key in entry.movie.keys()}  # noqa: SIM118

    def find(self, movie: Movie) -> dict[int, QueueEntry]:
        """Return all entries that are this film by their numbers, the oldest first; mostly one at most."""
        numbers = self._index.under(*movie.keys()) if self._table.numbers else ()
        if not numbers:  # most films are not here, and thousands may be asked for
            return {}
        found = {key: entry for key, entry in self._entries(numbers) if is_same_film(movie, entry.movie)}
        if found and not letterboxd_keys(movie):
            # What only IMDb names may be either of two films to which Letterboxd gave one id: then the first.
            first = next(iter(found.values())).movie
            return {number: entry for number, entry in found.items() if is_same_film(first, entry.movie)}
        return found

    def _entries(self, numbers: Iterable[int]) -> Iterator[tuple[int, QueueEntry]]:
        return ((number, entry) for number in numbers if (entry := self.entry(number)))

    # --- changing -------------------------------------------------------------------------

    def change(
        self,
        changes: Mapping[int, QueueEntry | None] | None = None,
        *,
        add: Iterable[QueueEntry] = (),
        flush_name: bool = True,
    ) -> None:
        """Exchange, take out (None) and append entries with one write; if it fails, all is as before.

        `add` is gone through an entry at a time, as thousands take memory; each can be found before the next
        is asked for. Without `flush_name` a power failure may undo the change.
        """
        if self._has_lost_hold():  # what stands under its name by now may be another disk's, or nothing
            raise StorageError(f"Couldn't write {self._path}: its disk or share is away.")
        self._forget_what_is_gone()
        old = self._table
        changes = {**(changes or {}), **dict.fromkeys(old.hidden)}
        changed = {bisect_left(old.numbers, number): entry for number, entry in changes.items()}
        try:
            with NewFile(self._path if self._writable else None) as new:
                new.write(b"[\n")
                draft = Table(new)
                for before, row in pairwise((-1, *sorted(changed), len(old.numbers))):
                    if entry := changed.get(before):
                        self._add(draft, entry, old.numbers[before])
                    draft.copy(old, before + 1, row, new)
                self._table = draft
                for entry in add:
                    self._add(draft, entry)
                new.write(b"\n]\n" if draft.numbers else b"]\n")
                if self._writable:
                    self._publish(new, old, flush_name=flush_name)
        except BaseException:
            self._table = old
            raise
        self.is_stale = False

    def hide(self, numbers: Collection[int]) -> None:
        """Let films count no more that stand in another queue's file already; the next change drops them."""
        self._table.hidden.update(numbers)
        self.is_stale = self.is_stale or bool(numbers)

    def _add(self, table: Table, entry: QueueEntry, number: int | None = None, line: bytes = b"") -> None:
        """Add a film, under a new number if it has none; `line` is how it stands in a file that is read."""
        if isinstance(table.source, NewFile):
            line = encode_entry(entry, self.queue)
            table.source.write(b",\n" + line if table.numbers else line)
        number = next(self._counter) if number is None else number
        self._index.put(number, *entry.movie.keys())
        table.add(number, len(line), entry, facts_of(entry, self.queue, self._clock.now()))

    def _forget_what_is_gone(self) -> None:
        if len(self._index) > _MOST_KEYS_A_FILM * len(self) + _SPARE_KEYS:
            index = HashedNumbers()
            for number, entry in self._entries(self._table.numbers):
                index.put(number, *entry.movie.keys())
            self._index = index

    def _publish(self, new: NewFile, old: Table, *, flush_name: bool) -> None:
        # What is lost of the other queues comes back from the lists; a removal nobody repeats.
        is_doubled = self.queue is QueueName.REMOVED or not os.path.lexists(self._path)
        damaged_at = self._clock.now() if self.damage else None
        try:
            kept = new.publish(keep_previous=True, damaged_at=damaged_at, flush_name=flush_name)
        except StorageError:  # which may have left it in place, if it could not be taken back
            self.is_stale = self.is_stale or not self.is_current(old.source)
            raise
        if is_doubled:
            content = pieces(new.file, 0, new.file.found.st_size)
            with contextlib.suppress(StorageError):  # a second safety: the write does not fail for it
                write_atomically(previous_of(self._path), content, flush_name=False)
        if self.damage:
            _log.warning("%s%s", self.damage, kept)
        self.damage, self._table.source = "", new.file

    # --- loading --------------------------------------------------------------------------

    def hold(self) -> OpenFile | str | None:
        """Open the file as it is now, for `load`; None without one, or words on what is wrong with it."""
        try:
            with open_regular(self._path) as file:
                return OpenFile(os.dup(file.fileno()))
        except FileNotFoundError:
            if self._has_lost_hold():
                raise StorageError(f"{self._path} is gone, like the disk or share that it was on.") from None
            return "it's a link to a missing file" if self._path.is_symlink() else None
        except OSError as exc:
            return damage_in(self._path, exc)

    def is_current(self, held: object) -> bool:
        """Tell whether what `hold` returned still stands under its name."""
        try:
            there = self._path.stat()
        except OSError:
            return not isinstance(held, OpenFile)
        return isinstance(held, OpenFile) and os.path.samestat(held.found, there)

    def is_edited(self) -> bool:
        """Tell whether somebody has changed the file in its place since it was loaded or written."""
        source = self._table.source
        if not self._writable or not isinstance(source, OpenFile):
            return False
        if self._has_lost_hold():
            return True
        now, then = os.fstat(source.descriptor), source.found
        return (now.st_size, now.st_mtime_ns) != (then.st_size, then.st_mtime_ns)

    def _has_lost_hold(self) -> bool:
        """Tell whether what is open can be used no more: its disk has gone, or a server forgot it."""
        source = self._table.source
        try:
            if isinstance(source, OpenFile):
                os.fstat(source.descriptor)
        except OSError:
            return True
        return False

    @property
    def state(self) -> tuple[Table, bool, str]:
        """What is known of the file, to be set again if it cannot be loaded anew."""
        return self._table, self.is_stale, self.damage

    @state.setter
    def state(self, state: tuple[Table, bool, str]) -> None:
        self._table, self.is_stale, self.damage = state

    def _take_up_leftover(self) -> None:
        """Undo a write that was cut off; or finish it, where a damaged file had to be renamed before."""
        temporary = temporary_of(self._path)
        if not os.path.lexists(self._path):
            with contextlib.suppress(OSError, ValueError):
                with open_regular(temporary) as file:
                    for line in own_lines(file):
                        parse_json(line)
                temporary.replace(self._path)
                sync_folder(self._path.parent)
                _log.info("%s was missing; using the new version that was about to replace it.", self._path)
        delete_leftover(self._path)
        delete_leftover(previous_of(self._path))

    def load(self, held: OpenFile | str | None) -> int:
        """Read what `hold` returned, a missing file as an empty queue; return the highest sequence."""
        self._table, self.is_stale, self.damage = Table.empty(), False, ""
        try:
            complaint = self._read(held) if isinstance(held, OpenFile) else held
        except OSError as exc:
            complaint = damage_in(self._path, exc)
        if complaint:
            good, take = len(self), partial(self._take, fills_gap=True)
            with contextlib.suppress(FileNotFoundError, DamagedError):
                read_loosely(read_whole(previous_of(self._path), most_bytes=sys.maxsize), take)
            self.is_stale = True
            self.damage = (
                f"{self._path} is damaged: {complaint}. Films still readable: {good}; "
                f"films restored from its second copy: {len(self) - good}. "
                f"{_REMOVED_IS_MISSING if self.queue is QueueName.REMOVED else _IS_MISSING}"
            )
        return max(self._table.sequences, default=0)

    def _read(self, held: OpenFile) -> str | None:
        """Take the films of a file; returns what is wrong with it, if anything."""
        with os.fdopen(os.dup(held.descriptor), "rb") as file:
            self._table = Table(held)
            try:
                for line in own_lines(file):
                    self._take(parse_json(line), line)
            except ValueError:
                file.seek(0)
                self._table = Table.empty()
                self.is_stale = True
                return read_loosely(file.read(), self._take)
        return None

    def _take(self, plain: object, line: bytes = b"", *, fills_gap: bool = False) -> None:
        """Add one loaded film, which stands in the file as this line; of two for one film the later stays.

        Raises ValueError: it is no film, or its line is not as it would be written.
        """
        if not isinstance(plain, dict):
            raise ValueError("not an object")  # noqa: TRY004 - callers treat all odd entries alike
        now, table = self._clock.now(), self._table
        read = entry_from_dict(plain, now)
        entry = read.found_in(self.queue, now)
        present = self.find(entry.movie)
        if isinstance(table.source, OpenFile) and (not line or entry != read):
            raise ValueError("it is kept otherwise")
        self._add(table, entry, line=line)
        if present:
            latest = max(other.sequence for other in present.values())
            is_earlier = latest > entry.sequence or (fills_gap and latest == entry.sequence)
            self.hide(table.numbers[-1:] if is_earlier else present)
