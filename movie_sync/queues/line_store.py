"""Lines in order, kept out of memory.

Ten thousand films take some four megabytes as text, which a program that means to stay small
should not hold: most of them are history that is rarely read. They lie in a scratch file without
a name, which nobody else can open or edit and which is gone with the process; twelve bytes a line
stay in memory, and the newest lines until there are enough of them to be worth a call. The scratch
file is a convenience, never the record: that is the queue's own file.
"""

import bisect
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
        self._descriptor: int | None = None  # most queues never hold enough to need one
        # What is stored is one run of bytes: so many in the scratch file, then the newest in memory.
        self._written = 0
        self._newest = bytearray()
        self._spill_at = _PIECE_BYTES
        self._offsets = array("Q")
        self._lengths = array("I")  # with the separator before the line; 0 for a line that is gone
        # Runs of lines that lie one behind the other, in order: for each its first row (or one that is
        # gone before that), where it begins and where it ends. Few, as most lines are never touched again.
        self._first_rows: list[int] = []
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._oldest = 0
        self._count = 0
        self._stored = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        """Yield the rows in order; lines may be discarded meanwhile."""
        self.first()  # not through what is gone before it each time
        return (row for row in range(self._oldest, len(self._lengths)) if self._lengths[row])

    def __contains__(self, row: int) -> bool:
        return row < len(self._lengths) and self._lengths[row] > 0

    @property
    def gone(self) -> int:
        """How many lines are kept that are gone, or that another has replaced."""
        return self._stored - self._count

    def first(self) -> int | None:
        """Return the oldest row, or None if there is none."""
        while self._oldest < len(self._lengths) and not self._lengths[self._oldest]:
            self._oldest += 1
        return self._oldest if self._oldest < len(self._lengths) else None

    def next_row(self) -> int:
        """Return the row that the next line will get."""
        return len(self._lengths)

    def append(self, line: bytes) -> int:
        """Add a line at the end and return its row."""
        row, length = len(self._lengths), len(_SEPARATOR) + len(line)
        offset, ends = self._store(line), self._ends
        if ends and ends[-1] == offset:
            ends[-1] = offset + length
        else:
            self._put_run(len(ends), row, offset, offset + length)
        self._offsets.append(offset)
        self._lengths.append(length)
        self._count += 1
        return row

    def replace(self, row: int, line: bytes) -> None:
        """Put another line in a row's place."""
        place = self._cut_out(row)
        offset, length = self._store(line), len(_SEPARATOR) + len(line)
        self._put_run(place, row, offset, offset + length)
        self._offsets[row] = offset
        self._lengths[row] = length

    def discard(self, row: int) -> None:
        """Take a line out."""
        if self._lengths[row]:
            self._cut_out(row)
            self._lengths[row] = 0
            self._count -= 1

    def line(self, row: int) -> bytes:
        """Return the line in a row.

        Raises:
            StorageError: the scratch file cannot be read.
        """
        begin = self._offsets[row]
        return b"".join(self._read_pieces(begin, begin + self._lengths[row]))[len(_SEPARATOR) :]

    def as_array(self, changed: Mapping[int, bytes], gone: Collection[int]) -> Iterator[bytes]:
        """Yield, in pieces, the JSON array of all lines, with some changed and some left out.

        A line a row; neighbours are read in one go.
        """
        yield b"["
        is_first = True
        for piece in self._pieces(changed, gone):
            yield piece[1:] if is_first else piece  # no comma before the first line
            is_first = False
        yield b"\n]\n"

    def _pieces(self, changed: Mapping[int, bytes], gone: Collection[int]) -> Iterator[bytes]:
        run, start = 0, self._begins[0] if self._begins else 0
        for row in sorted(row for row in {*changed, *gone} if row in self):
            holder = self._run_of(row)
            while run < holder:
                yield from self._read_pieces(start, self._ends[run])
                run += 1
                start = self._begins[run]
            yield from self._read_pieces(start, self._offsets[row])
            if row in changed:
                yield _SEPARATOR + changed[row]
            start = self._offsets[row] + self._lengths[row]
        while run < len(self._ends):
            yield from self._read_pieces(start, self._ends[run])
            run += 1
            start = self._begins[run] if run < len(self._begins) else 0

    def _run_of(self, row: int) -> int:
        return bisect.bisect_right(self._first_rows, row) - 1

    def _put_run(self, place: int, first_row: int, begin: int, end: int) -> None:
        self._first_rows.insert(place, first_row)
        self._begins.insert(place, begin)
        self._ends.insert(place, end)

    def _cut_out(self, row: int) -> int:
        """Take a line out of its run, which may become two or none; return where a run in its place goes."""
        place = self._run_of(row)
        first_row, begin, end = self._first_rows[place], self._begins[place], self._ends[place]
        before, after = self._offsets[row], self._offsets[row] + self._lengths[row]
        if after < end:
            self._first_rows[place], self._begins[place] = row + 1, after
        else:
            del self._first_rows[place], self._begins[place], self._ends[place]
        if begin < before:
            self._put_run(place, first_row, begin, before)
            return place + 1
        return place

    def _store(self, line: bytes) -> int:
        """Put a line, its separator first, behind all others; return where that begins."""
        newest = self._newest
        offset = self._written + len(newest)
        newest += _SEPARATOR
        newest += line
        self._stored += 1
        if len(newest) >= self._spill_at:
            self._spill()
        return offset

    def _spill(self) -> None:
        """Move the newest bytes into the scratch file; what it does not take stays in memory."""
        if self._descriptor is None:
            self._open_scratch()
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                taken = os.pwrite(self._descriptor, self._newest, self._written)
                self._written += taken
                del self._newest[:taken]
        self._spill_at = len(self._newest) + _PIECE_BYTES

    def _open_scratch(self) -> None:
        if not hasattr(os, "pwrite"):  # Windows
            return
        with contextlib.suppress(OSError), tempfile.TemporaryFile() as file:
            self._descriptor = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._descriptor)

    def _read_pieces(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            stop = min(end, start + _PIECE_BYTES)
            if start < self._written:
                piece = self._read(start, min(stop, self._written))
            else:
                piece = bytes(self._newest[start - self._written : stop - self._written])
            yield piece
            start += len(piece)

    def _read(self, start: int, stop: int) -> bytes:
        piece = b""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                piece = os.pread(self._descriptor, stop - start, start)
        if not piece:
            raise StorageError("The scratch file in the folder for temporary files cannot be read.")
        return piece
