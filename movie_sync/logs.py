"""Where log lines go, and what never stands in one.

Messages are written so that they hold no secret; this is the second line of defence. Whatever is
about to be shown or written passes here: known secrets and everything in the form of one are
blotted out, and text from outside cannot forge a line or reach the terminal as an escape.
"""

import logging
import logging.handlers
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from movie_sync.domain.plain_text import one_line
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import StorageError
from movie_sync.storage.aside import keep_aside

LOGGER_NAME = "movie_sync"
_FILE_BYTES = 1_000_000
_FILES_KEPT = 3
_FILE_MODE = 0o600
_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.DEBUG: "\x1b[2m"}
_NO_COLOUR = "\x1b[0m"
_TERMS_WITHOUT_COLOURS = {"dumb", "unknown"}


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


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating log file that only its owner can read, from the moment it exists."""

    def _open(self) -> IO[str]:  # type: ignore[override]  # a text stream, as the base class makes
        def opener(path: str, flags: int) -> int:
            descriptor = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), _FILE_MODE)
            if hasattr(os, "fchmod"):  # the umask may have taken bits away, or somebody added some
                os.fchmod(descriptor, _FILE_MODE)
            return descriptor

        return open(self.baseFilename, self.mode, encoding="utf-8", errors="replace", opener=opener)


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
    with_colours = not plain and _are_colours_wanted()
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(level)
    console.setFormatter(_Formatter(redactor, with_colours=with_colours))
    logger.addHandler(console)
    if log_file is not None:
        _clear_the_way(log_file, logger)
        handler = _PrivateFile(log_file, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, delay=True)
        handler.setFormatter(_Formatter(redactor, with_colours=False))
        logger.addHandler(handler)


def _are_colours_wanted() -> bool:
    """Return whether stderr is a terminal that knows colours, and nobody switched them off."""
    return (
        sys.stderr.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") not in _TERMS_WITHOUT_COLOURS
    )


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
            logger.warning("%s is no log that can be written; it is kept as %s.", path, aside.name)


def tear_down_logging() -> None:
    """Close what `set_up_logging` opened."""
    logger = logging.getLogger(LOGGER_NAME)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
