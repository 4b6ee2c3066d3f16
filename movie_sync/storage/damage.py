"""Files of ours that were found damaged: told from a shortage of the machine, and kept aside.

What is kept gets a name that says what and when; a StorageError says that it could not be.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import BinaryIO

from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import give_second_name, make_private, sync_folder, told_as
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


@contextlib.contextmanager
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
    return reason if isinstance(exc, NotAFileError) else f"it cannot be read ({reason})"


class Quarantine:
    """Gives a damaged file its second name when it is called, just before the mended one takes its place.

    `words` then ends a message with where it is; it is empty if there was nothing to keep.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self.words = ""

    def __call__(self) -> None:
        """Do it; once more does nothing more."""
        if os.path.lexists(self._path):
            aside = keep_double_aside(self._path, self._clock.now())
            self.words = f" The damaged content is kept in {aside.name}."


def keep_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file to a name that says what and when, and return that name."""
    aside = _free_name(path, now)
    with told_as(f"{path} is damaged and could not be put aside"):
        path.rename(aside)
        try:
            make_private(aside)
            sync_folder(path.parent)
        except OSError:  # what was to take its place does not: else nothing would stand there
            with contextlib.suppress(OSError):
                aside.rename(path)
            raise
    return aside


def keep_double_aside(path: Path, now: datetime) -> Path:
    """Give a damaged file a second name as `keep_aside` does, so that `path` is at no time missing.

    What cannot have two names (a folder; any file on some file systems) is renamed. A second name
    from an attempt that was cut off serves again.
    """
    for aside in path.parent.glob(f"{path.name}.damaged-*"):
        with contextlib.suppress(OSError):
            if path.samefile(aside):
                return aside
    aside = _free_name(path, now)
    try:
        give_second_name(path, aside)
    except OSError:
        return keep_aside(path, now)
    with told_as(f"{path} is damaged and could not be put aside"):
        sync_folder(path.parent)
    return aside


def _free_name(path: Path, now: datetime) -> Path:
    name = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    names = (path.with_name(f"{name}-{number}" if number > 1 else name) for number in count(1))
    return next(aside for aside in names if not os.path.lexists(aside))
