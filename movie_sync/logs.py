"""Where log lines go, and what never stands in one.

Messages are written so that they hold no secret; this is the second line of defence. Whatever is
about to be shown or written passes here: known secrets and everything in the form of one are
blotted out, and text from outside cannot forge a line or reach the terminal as an escape.
"""

import contextlib
import logging
import os
import sys
import time
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path

from movie_sync.domain.plain_text import cut, folded_as_is, one_line
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import StorageError
from movie_sync.outlet import Outlet, outlet_of
from movie_sync.storage.atomic_file import keep_aside, keep_private
from movie_sync.storage.regular_file import open_regular_descriptor
from movie_sync.storage.replacing import replace_file

LOGGER_NAME = "movie_sync"
_FILE_BYTES = 1_000_000
_FILES_KEPT = 3
_FILE_MODE = 0o600
_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.DEBUG: "\x1b[2m"}
_NO_COLOUR = "\x1b[0m"
_TERMS_WITHOUT_COLOURS = {"dumb", "unknown"}
_MOST_WAITING_BYTES = 64_000
_PATIENCE_SECONDS = 0.2
_LAST_SECONDS = 1.0
_INDENT = "    "
_COLUMNS = 80  # where a terminal does not say
_ERASE = b"\r\x1b[K"


class _Formatter(logging.Formatter):
    """One safe line a record; a traceback's lines are made safe one by one."""

    def __init__(self, redactor: Redactor, *, with_colours: bool) -> None:
        super().__init__("%(asctime)s  %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
        self._redactor = redactor
        self._with_colours = with_colours

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname}: "
        text = f"{self.formatTime(record, self.datefmt)}  {level}{one_line(record.getMessage())}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            text = "\n".join([text, *(f"    {one_line(line)}" for line in trace.splitlines())])
        text = self._redactor.clean(text)
        colour = _COLOURS.get(record.levelno) if self._with_colours else None
        return f"{colour}{text}{_NO_COLOUR}" if colour else text


class _PrivateFile(logging.FileHandler):
    """A log file that only its owner can read, from the moment it exists; when it is full, the next is begun.

    Not the library's rotating one: that brings along modules for logging over a network.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", errors="replace", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, in a new file if this one has no room for it."""
        try:
            line = f"{self.format(record)}\n"
            try:
                self._write(line)
            except OSError:  # its disk was away, or a server has forgotten what was open
                self._close_stream()
                self._write(line)
        except Exception:  # noqa: BLE001 - as every handler does
            self.handleError(record)

    def _write(self, line: str) -> None:
        stream = self._stream()
        if stream.seek(0, os.SEEK_END) + len(line) >= _FILE_BYTES and Path(self.baseFilename).is_file():
            self._put_aside()
            stream = self._stream()
        stream.write(line)
        stream.flush()

    def _close_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _stream(self) -> TextIOWrapper:
        if self.stream is None:
            self.stream = self._open()
        return self.stream

    def _put_aside(self) -> None:
        self._stream().close()
        self.stream = None
        older = [f"{self.baseFilename}.{number}" for number in range(1, _FILES_KEPT + 1)]
        for name, next_name in reversed(list(pairwise([self.baseFilename, *older]))):
            with contextlib.suppress(FileNotFoundError):
                replace_file(Path(name), Path(next_name))

    def _open(self) -> TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            descriptor = open_regular_descriptor(path, flags | os.O_NOFOLLOW, _FILE_MODE)
            # The umask may have taken bits away, or somebody added some.
            keep_private(descriptor, _FILE_MODE, Path(path).parent)
            return descriptor

        return open(self.baseFilename, "a", encoding="utf-8", errors="replace", opener=opener)


class _Console(logging.Handler):
    """Writes lines to stderr in their order, and never waits for one who does not read them.

    What is not taken at once is kept for the next time, up to a limit; then lines are left out until
    all that was kept has been taken. How many is said there in their place, and in the log file. On a
    terminal that `can_draw` one more line can stay below them.
    """

    def __init__(
        self, outlet: Outlet, encoding: str, log_file: logging.Handler | None, *, can_draw: bool = False
    ) -> None:
        super().__init__()
        self.can_draw = can_draw
        self._below = b""
        self._outlet = outlet
        self._encoding = encoding
        self._log_file = log_file
        self._waiting = bytearray()
        self._lost = 0
        self._patience_seconds = _PATIENCE_SECONDS

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record now or later, or count it as left out."""
        try:
            line = self._above(self._folded(self.format(record)))
        except Exception:  # noqa: BLE001 - as every handler does
            self.handleError(record)
            return
        self._write_waiting()
        if not self._lost and self._has_room_for(line):
            self._waiting += line
            self._write_waiting()
            return
        if not self._lost:
            self._note(
                "Can't write to stderr: nobody is reading it, or it's full or closed. From now on, its lines "
                "are only in this file."
            )
        self._lost += line.count(b"\n")

    def show_below(self, text: str) -> None:
        """Let this line stay below all others from now on, or none; not while nobody reads what is above."""
        with self.lock or contextlib.nullcontext():
            if self._waiting or self._lost or not self._may_draw():
                return
            shown = cut(one_line(text), self._columns() - 1)
            shown = shown if "utf" in self._encoding.casefold() else shown.replace("\u00b7", "-")
            below = shown.encode(self._encoding, errors="replace")
            if below != self._below:
                self._below = below
                self._waiting += _ERASE + below
                self._write_waiting()

    def _may_draw(self) -> bool:
        """Tell whether the terminal is ours now; when it becomes another program's, nothing stays below."""
        is_ours = False
        if self.can_draw:
            with contextlib.suppress(OSError):
                is_ours = os.tcgetpgrp(self._outlet.fileno()) == os.getpgrp()
        if not is_ours:
            self._below = b""
        return is_ours

    def _folded(self, text: str) -> str:
        """Return lines that a terminal parts in no word."""
        if self.can_draw:
            columns = self._columns()
            text = "\n".join(folded_as_is(line, columns, _INDENT) for line in text.split("\n"))
        return f"{text}\n"

    def _columns(self) -> int:
        with contextlib.suppress(OSError):
            return os.get_terminal_size(self._outlet.fileno()).columns or _COLUMNS
        return _COLUMNS

    def _above(self, lines: str) -> bytes:
        """Return what puts lines above the one that stays."""
        text = lines.encode(self._encoding, errors="replace")
        return _ERASE + text + self._below if self._below and self._may_draw() else text

    def flush(self) -> None:
        """Write what is taken now of what was kept."""
        with self.lock or contextlib.nullcontext():
            self._write_waiting()

    def close(self) -> None:
        """Give the reader a second for what was kept, and say how much never came to be read."""
        with self.lock or contextlib.nullcontext():
            ends_at = time.monotonic() + _LAST_SECONDS
            if self._below and self._may_draw():
                self._waiting += _ERASE
                self._below = b""
                self._write_waiting()
            while self._waiting and self._outlet.wait(max(ends_at - time.monotonic(), 0.0)):
                if not self._write_waiting():
                    break
            lost = self._lost + self._waiting.count(b"\n")
            self._waiting.clear()
            self._lost = 0
            if lost:
                self._note("The last %d lines couldn't be written to stderr.", lost)
        super().close()

    def _has_room_for(self, line: bytes) -> bool:
        """Tell whether a line can be kept; a reader that is only slow gets a moment first, not each time."""
        while self._waiting and len(self._waiting) + len(line) > _MOST_WAITING_BYTES:
            begun = time.monotonic()
            is_taking = self._patience_seconds > 0 and self._outlet.wait(self._patience_seconds)
            self._patience_seconds -= time.monotonic() - begun
            if not is_taking or not self._write_waiting():
                return False
        return True

    def _write_waiting(self) -> bool:
        """Write of what was kept as much as is taken now; tells whether that was anything."""
        before = len(self._waiting)
        try:
            while self._waiting and (taken := self._outlet.offer(self._waiting)):
                del self._waiting[:taken]
        except OSError:  # full or gone: perhaps not for ever
            return False
        is_taking = len(self._waiting) < before
        if not self._waiting:
            self._patience_seconds = _PATIENCE_SECONDS
            self._say_what_was_lost()
        return is_taking

    def _say_what_was_lost(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            self._note("stderr works again; %d lines were dropped there.", lost)
            gap = _record("%d lines are missing here: nobody read them in time.", lost)
            self._waiting += self._above(self._folded(self.format(gap)))
            self._write_waiting()

    def _note(self, text: str, *arguments: object) -> None:
        """Say something in the log file alone."""
        if self._log_file is not None:
            self._log_file.handle(_record(text, *arguments))


def _record(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(LOGGER_NAME, logging.WARNING, __file__, 0, text, arguments, None)


def set_up_logging(
    level: str, redactor: Redactor, *, log_file: Path | None = None, plain: bool = False
) -> None:
    """Send the package's log to stderr and, if given, to a rotating file; replaces an earlier set-up.

    The file always holds INFO and worse, so that what happened is known afterwards. What stands in
    its place and is no file of ours to write (a folder, a link) is put aside.
    """
    logging.raiseExceptions = False  # a full disk or a closed terminal must not end the work
    logger = logging.getLogger(LOGGER_NAME)
    tear_down_logging()
    logger.setLevel(min(logging.INFO, logging.getLevelNamesMapping()[level]))
    logger.propagate = False
    log_handler: logging.Handler | None = None
    if log_file is not None:
        log_handler = _PrivateFile(log_file)
        log_handler.setFormatter(_Formatter(redactor, with_colours=False))
    console: logging.Handler = logging.StreamHandler(sys.stderr)
    knows_colours = sys.stderr.isatty() and os.environ.get("TERM") not in _TERMS_WITHOUT_COLOURS
    if outlet := outlet_of(sys.stderr):
        console = _Console(outlet, sys.stderr.encoding, log_handler, can_draw=knows_colours and not plain)
    console.setLevel(level)
    with_colours = knows_colours and not plain and not os.environ.get("NO_COLOR")
    console.setFormatter(_Formatter(redactor, with_colours=with_colours))
    logger.addHandler(console)
    if log_file is not None and log_handler is not None:
        _clear_the_way(log_file, logger)
        logger.addHandler(log_handler)


def write_waiting_lines() -> None:
    """Write what stderr did not take before, as far as it takes it now; never waits, never raises."""
    for handler in logging.getLogger(LOGGER_NAME).handlers:
        if isinstance(handler, _Console):
            handler.flush()


def show_below(text: str) -> None:
    """Let a line stay below the log on a terminal, or none with ""; never waits, never raises."""
    for handler in logging.getLogger(LOGGER_NAME).handlers:
        if isinstance(handler, _Console):
            handler.show_below(text)


def can_show_below() -> bool:
    """Tell whether there is a terminal for that."""
    handlers = logging.getLogger(LOGGER_NAME).handlers
    return any(isinstance(handler, _Console) and handler.can_draw for handler in handlers)


def _clear_the_way(log_file: Path, logger: logging.Logger) -> None:
    """Put aside what would keep the log, or an older one that it is renamed to, from being written."""
    for path in (log_file, *(log_file.with_name(f"{log_file.name}.{n + 1}") for n in range(_FILES_KEPT))):
        is_usable = path.is_file() and not path.is_symlink() and os.access(path, os.R_OK | os.W_OK)
        if is_usable or not os.path.lexists(path):
            continue
        try:
            aside = keep_aside(path, datetime.now(UTC))
        except StorageError as exc:
            logger.warning("%s No log is kept there.", exc)
        else:
            logger.warning("%s can't be used as a log; it's kept as %s.", path, aside.name)


def tear_down_logging() -> None:
    """Close what `set_up_logging` opened."""
    logger = logging.getLogger(LOGGER_NAME)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
