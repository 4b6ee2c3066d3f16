"""Lines in order, kept out of memory.

Ten thousand films take some four megabytes as text, which a program that means to stay small
should not hold: most of them are history that is rarely read. They lie in a scratch file without
a name, which nobody else can open or edit and which is gone with the process; twelve bytes a line
stay in memory. The scratch file is a convenience, never the record: that is the queue's own file.
"""

import contextlib
import os
import tempfile
import weakref
from array import array
from collections.abc import Collection, Iterator, Mapping

from movie_sync.errors import StorageError

_SEPARATOR = b",\n"
# Larger pieces come from the system page by page each time, which costs more than it saves.
_PIECE_BYTES = 64 * 1024


class LineStore:
    """Numbered lines; a number (a row) is never given twice. Not thread-safe.

    Where there is no room for a scratch file, lines stay in memory: a full disk must not keep the
    program from starting.
    """

    def __init__(self) -> None:
        self._descriptor = _open_scratch()
        if self._descriptor is not None:
            weakref.finalize(self, os.close, self._descriptor)
        self._end = 0
        self._offsets = array("Q")
        self._lengths = array("I")  # with the separator before the line; 0 for a line that is gone
        self._in_memory: dict[int, bytes] = {}
        # Rows that do not lie right behind the row before them in the scratch file, or are gone.
        self._loose: set[int] = set()
        self._end_of_last_row = 0
        self._oldest = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        """Yield the rows in order; lines may be discarded meanwhile."""
        return (row for row in range(self._oldest, len(self._lengths)) if self._lengths[row])

    def __contains__(self, row: int) -> bool:
        return self._lengths[row] > 0

    @property
    def gone(self) -> int:
        """How many rows are spent on lines that are gone."""
        return len(self._lengths) - self._count

    def first(self) -> int | None:
        """Return the oldest row, or None if there is none."""
        while self._oldest < len(self._lengths) and not self._lengths[self._oldest]:
            self._loose.discard(self._oldest)
            self._oldest += 1
        return self._oldest if self._oldest < len(self._lengths) else None

    def append(self, line: bytes) -> int:
        """Add a line at the end and return its row."""
        row, stored = len(self._lengths), _SEPARATOR + line
        is_written = self._write(stored)
        if not is_written:
            self._in_memory[row] = stored
        if not is_written or self._end != self._end_of_last_row:
            self._loose.add(row)
        self._offsets.append(self._end)
        self._lengths.append(len(stored))
        if is_written:
            self._end += len(stored)
        self._end_of_last_row = self._end
        self._count += 1
        return row

    def replace(self, row: int, line: bytes) -> None:
        """Put another line in a row's place."""
        self._loose.add(row)
        self._put(row, line)

    def discard(self, row: int) -> None:
        """Take a line out."""
        if self._lengths[row]:
            self._lengths[row] = 0
            self._loose.add(row)
            self._in_memory.pop(row, None)
            self._count -= 1

    def line(self, row: int) -> bytes:
        """Return the line in a row.

        Raises:
            StorageError: the scratch file cannot be read.
        """
        return self._stored(row)[len(_SEPARATOR) :]

    def as_array(self, changed: Mapping[int, bytes], gone: Collection[int]) -> Iterator[bytes]:
        """Yield, in pieces, the JSON array of all lines, with some changed and some left out.

        A line a row; neighbours in the scratch file are read in one go.
        """
        yield b"["
        is_first = True
        for piece in self._pieces(changed, gone):
            yield piece[1:] if is_first else piece  # no comma before the first line
            is_first = False
        yield b"\n]\n"

    def _pieces(self, changed: Mapping[int, bytes], gone: Collection[int]) -> Iterator[bytes]:
        self.first()
        start = self._oldest
        for row in sorted(self._loose.union(changed, gone)):
            yield from self._run(start, row)
            if row in changed:
                yield _SEPARATOR + changed[row]
            elif row not in gone and row in self:
                yield self._stored(row)
            start = row + 1
        yield from self._run(start, len(self._lengths))

    def _run(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the stored lines of rows that lie one behind the other."""
        if start < end:
            last = end - 1
            yield from self._read_pieces(self._offsets[start], self._offsets[last] + self._lengths[last])

    def _put(self, row: int, line: bytes) -> None:
        stored = _SEPARATOR + line
        self._in_memory.pop(row, None)
        self._lengths[row] = len(stored)
        if not self._write(stored):
            self._in_memory[row] = stored
            self._loose.add(row)
            return
        self._offsets[row] = self._end
        self._end += len(stored)

    def _write(self, stored: bytes) -> bool:
        if self._descriptor is None:
            return False
        try:
            return os.pwrite(self._descriptor, stored, self._end) == len(stored)
        except OSError:
            return False

    def _stored(self, row: int) -> bytes:
        if row in self._in_memory:
            return self._in_memory[row]
        return b"".join(self._read_pieces(self._offsets[row], self._offsets[row] + self._lengths[row]))

    def _read_pieces(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            piece = b""
            with contextlib.suppress(OSError):
                if self._descriptor is not None:
                    piece = os.pread(self._descriptor, min(end - start, _PIECE_BYTES), start)
            if not piece:
                raise StorageError("The scratch file in the folder for temporary files cannot be read.")
            yield piece
            start += len(piece)


def _open_scratch() -> int | None:
    try:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError:
        return None
