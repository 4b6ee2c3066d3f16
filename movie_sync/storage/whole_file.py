"""Read one of our own files whole, and tell its damage from a shortage of the machine."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from movie_sync.errors import StorageError
from movie_sync.storage.regular_file import NotAFileError, open_regular

# What says that the machine is short of something now, and nothing about the file.
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})
_MOST_BYTES = 40_000_000


class DamagedError(ValueError):
    """What stands there is not a file that can be read; the text says what it is."""


def read_whole(path: Path, *, most_bytes: int = _MOST_BYTES) -> bytes:
    """Return what a file holds; raises as `opened_whole`."""
    with opened_whole(path, most_bytes=most_bytes) as file:
        return file.read()


@contextmanager
def opened_whole(path: Path, *, most_bytes: int = _MOST_BYTES) -> Iterator[BinaryIO]:
    """Open a file to read it; nothing but a file is opened.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is no file, or cannot be read, or is far too large.
        StorageError: it cannot be read for a reason that has nothing to do with it.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > most_bytes:
                raise DamagedError("it is far too large")
            yield file
    except FileNotFoundError:
        raise
    except NotAFileError as exc:
        raise DamagedError(exc.strerror) from None
    except OSError as exc:
        raise DamagedError(damage_in(path, exc)) from None


def damage_in(path: Path, exc: OSError) -> str:
    """Say what is wrong with a file that could not be read.

    Raises:
        StorageError: nothing that has to do with it: the machine is short of something.
    """
    reason = exc.strerror or str(exc)
    if exc.errno in _SHORTAGES:
        raise StorageError(f"{path} cannot be read now: {reason}.") from None
    return f"it cannot be read ({reason})"
