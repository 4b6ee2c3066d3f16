"""Open files and nothing else: a pipe would keep the reader waiting for ever, a device may never end."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_NO_WAITING = os.O_NONBLOCK | os.O_CLOEXEC


class NotAFileError(OSError):
    """A folder, a pipe, a socket or a device stands where a file is looked for."""

    def __init__(self) -> None:
        super().__init__(0, "it isn't a regular file")


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file for reading, through links too, without ever waiting for it to be there.

    What is no file is a NotAFileError, and was not read.
    """
    _check(Path(path).stat())
    # What was a file may be something else by now.
    return os.fdopen(open_regular_descriptor(path, os.O_RDONLY), "rb")


def open_regular_descriptor(path: str | Path, flags: int, mode: int = 0o600) -> int:
    """Open a file with flags as `os.open` has them; raises as `open_regular`."""
    descriptor = os.open(path, flags | _NO_WAITING, mode)
    try:
        _check(os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def file_signature(path: Path) -> object:
    """Return what changes when the file or its mode does, without reading it; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as exc:
        return exc.errno
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotAFileError
