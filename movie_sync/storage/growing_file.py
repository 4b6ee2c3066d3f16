"""A file of lines that is only added to; once it is full, it takes the place of the one before it."""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import keep_aside, keep_private, told_as, write_all
from movie_sync.storage.regular_file import NotAFileError, open_regular, open_regular_descriptor
from movie_sync.storage.replacing import replace_file

_FILE_MODE = 0o600


def older_of(path: Path) -> Path:
    """Return where the lines before those of the file are kept."""
    return path.with_name(f"{path.name}.1")


def add_lines(path: Path, lines: bytes, *, most_bytes: int, now: datetime) -> None:
    """Add whole lines; a file that would have more than `most_bytes` is put in the place of the older one.

    A crash may leave half a line, and a power failure may cost the last ones. What is no file is kept aside.
    Raises StorageError.
    """
    with told_as(f"Couldn't write {path}"):
        if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
            keep_aside(path, now)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size + len(lines) > most_bytes:
                replace_file(path, older_of(path))
        descriptor = _opened(path)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a crash came in between
                lines = b"\n" + lines
            write_all(descriptor, lines)
        finally:
            os.close(descriptor)


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield what is known, oldest first. Raises StorageError: the files cannot be read."""
    for each in (older_of(path), path):
        try:
            with open_regular(each) as file:
                yield from file
        except (FileNotFoundError, NotAFileError):
            continue
        except OSError as exc:
            raise StorageError(f"Can't read {each}: {exc.strerror}.", errno=exc.errno) from None


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    descriptor = open_regular_descriptor(path, flags, _FILE_MODE)
    with contextlib.suppress(OSError):
        keep_private(descriptor, _FILE_MODE, path.parent)
    return descriptor
