"""Damaged files are kept aside, under a name that says what and when; StorageError if that cannot be."""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import make_private, sync_folder


class Quarantine:
    """Puts a damaged file aside when it is called: just before the mended one takes its place.

    `words` then says where it is. Calling it again does nothing more.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._kept: Path | None = None

    def __call__(self) -> None:
        """Give the file its second name."""
        if self._kept is None and os.path.lexists(self._path):
            self._kept = keep_double_aside(self._path, self._clock.now())

    @property
    def words(self) -> str:
        """A sentence to end a message with; empty if there was nothing to keep."""
        return f" The damaged content is kept in {self._kept.name}." if self._kept else ""


def keep_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged file to a name that says what and when, and return that name."""
    aside = _free_aside_name(path, now)
    try:
        path.rename(aside)
        make_private(aside)
        sync_folder(path.parent)
    except OSError as exc:
        raise StorageError(f"{path} is damaged and could not be put aside: {exc.strerror or exc}.") from None
    return aside


def keep_double_aside(path: Path, now: datetime) -> Path:
    """Give a damaged file a second name as `keep_aside` does, so that `path` is at no time missing.

    What cannot have two names (a folder; any file on some file systems) is renamed. A second name
    from an attempt that was cut off serves again.
    """
    aside = _second_name(path) or _free_aside_name(path, now)
    try:
        if not os.path.lexists(aside):
            os.link(path, aside)
            make_private(aside)
    except OSError:
        return keep_aside(path, now)
    try:
        sync_folder(path.parent)
    except OSError as exc:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise StorageError(f"{path} is damaged and could not be put aside: {exc.strerror or exc}.") from None
    return aside


def _second_name(path: Path) -> Path | None:
    for aside in sorted(path.parent.glob(f"{path.name}.damaged-*")):
        with contextlib.suppress(OSError):
            if path.samefile(aside):
                return aside
    return None


def _free_aside_name(path: Path, now: datetime) -> Path:
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 2
    while os.path.lexists(aside):
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
        number += 1
    return aside
