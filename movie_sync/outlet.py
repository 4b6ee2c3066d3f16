"""stdout and stderr, which may lead where nobody reads: a full pipe, a stopped terminal, a deaf socket.

A plain write there waits in the system for as long as that lasts. What stands here waits by looking,
so that a signal ends it and a time limit can be set, or does not wait at all.
"""

import contextlib
import io
import math
import os
import select
import shutil
import socket
import stat
import sys
import time
from typing import TextIO

from movie_sync.domain.plain_text import folded_as_is

_PIPE_PIECE = select.PIPE_BUF
_TERMINAL_PIECE = 64
_MOMENT_SECONDS = 0.01


class Outlet(io.FileIO):
    """Writes to a descriptor without getting stuck in a write. For POSIX systems; thread-safe.

    Its flags stay as they are, because other processes share them: a pipe and a terminal are opened
    a second time, not to block; where the system refuses that, no more is written than there is
    room for. Writing raises OSError where the disk is full, the reader has gone or the like; with
    `is_lossy` what `write` cannot write is dropped instead.
    """

    def __init__(self, descriptor: int, *, is_lossy: bool = False) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_lossy = is_lossy
        self._ends_at = math.inf
        self._most = sys.maxsize
        self._own: int | None = None
        self._socket: socket.socket | None = None
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(mode):
            self._socket = socket.socket(fileno=os.dup(descriptor))
        elif stat.S_ISFIFO(mode) or os.isatty(descriptor):
            self._own = _opened_again(descriptor)
            self._most = _PIPE_PIECE if stat.S_ISFIFO(mode) else _TERMINAL_PIECE

    def offer(self, data: bytes | bytearray | memoryview) -> int:
        """Write what is taken at once and return how many bytes that were, perhaps none."""
        with contextlib.suppress(BlockingIOError):
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT)
            if self._own is not None:
                return os.write(self._own, data)
            if self._most == sys.maxsize or self.wait(0):
                return os.write(self.fileno(), data[: self._most])
        return 0

    def wait(self, seconds: float | None) -> bool:
        """Wait until it takes something again; False if the time (None: any) is over before."""
        where = self.fileno() if self._own is None else self._own
        return bool(select.select([], [where], [], seconds)[1])

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]  # all that is written here
        """Write some of it, waiting as long as it takes or as `hurry` allows; after that all is dropped."""
        view = memoryview(data).cast("B")
        while view and time.monotonic() < self._ends_at:
            try:
                if taken := self.offer(view):
                    return taken
            except OSError:
                if not self._is_lossy:
                    raise
                break
            self.wait(None if self._ends_at == math.inf else max(self._ends_at - time.monotonic(), 0.0))
            time.sleep(_MOMENT_SECONDS)  # there may be room, but too little
        return len(view)

    def hurry(self, seconds: float) -> None:
        """Wait for the reader no longer than this, all in all; what is not written by then is dropped."""
        self._ends_at = min(self._ends_at, time.monotonic() + seconds)

    def close(self) -> None:
        """Close what was opened here; the descriptor itself is not."""
        if self._own is not None:
            os.close(self._own)
            self._own = None
        if self._socket is not None:
            self._socket.close()
        super().close()


def take_over_streams() -> None:
    """Let `sys.stdout` and `sys.stderr` write through outlets, and spell as `?` what they cannot say.

    What is wrong with stderr stops nothing: what cannot be written there is dropped. Streams that are
    not the interpreter's own stay as they are. For the main thread, once.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        stream.reconfigure(errors="replace")
        raw = getattr(stream.buffer, "raw", stream.buffer)
        if type(stream) is not io.TextIOWrapper or type(raw) is not io.FileIO:
            continue
        stream.flush()
        outlet: io.RawIOBase = Outlet(raw.fileno(), is_lossy=name == "stderr")
        taken_over = io.TextIOWrapper(
            io.BufferedWriter(outlet),
            encoding=stream.encoding,
            errors="replace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, taken_over)


def readable(text: str, stream: TextIO) -> str:
    """Return text for people as a stream is to have it: on a terminal parted in no word."""
    if not stream.isatty():
        return text
    columns = shutil.get_terminal_size().columns
    return "\n".join(folded_as_is(line, columns) for line in text.split("\n"))


def outlet_of(stream: TextIO) -> Outlet | None:
    """Return what a stream that was taken over writes through."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Outlet) else None


def hurry(seconds: float) -> None:
    """Let stdout and stderr wait for their readers no longer than this, all in all."""
    for stream in (sys.stdout, sys.stderr):
        outlet = outlet_of(stream)
        if outlet is not None:
            outlet.hurry(seconds)


def _opened_again(descriptor: int) -> int | None:
    """Open a pipe or a terminal a second time, with flags of its own; None if that is refused."""
    places = [f"/proc/self/fd/{descriptor}"]
    with contextlib.suppress(OSError):  # what may be refused by name is open to those it controls
        os.tcgetpgrp(descriptor)
        places.append("/dev/tty")
    for place in places:
        with contextlib.suppress(OSError):
            return os.open(place, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return None
