"""Puts files in the place of those in the data folder so that a crash leaves the old ones or the new ones.

The new files are written into a folder beside the old ones; renaming that folder is the step that counts.
From then on whoever opens the data folder next finishes what a crash cut off, before anything is read:
each old file is moved aside, then each new one takes its name. The data folder itself stays where it is, as
it may be a mount, and so stays locked.
"""

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import (
    IS_A_MOUNT,
    flush,
    make_folder,
    read_whole,
    sync_folder,
    temporary_of,
    told_as,
    write_all,
    write_atomically,
    write_in_place,
)
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths

_PLAN = "plan.json"
_FILES = "files"
_FILE_MODE = 0o600
_LOCK_WAIT_SECONDS = 5.0


class Restoring:
    """New files for a data folder, until `take_over` puts them in place. For the holder of its lock.

    Raises StorageError: nothing of the old has changed then, unless it says so.
    """

    def __init__(self, paths: AppPaths) -> None:
        self._paths = paths
        self._staged = temporary_of(paths.restored)
        self._new: list[str] = []
        self.give_up()
        if os.path.lexists(self._staged):  # a link, which is not followed, or what can't be deleted
            raise StorageError(f"{self._staged} is in the way. Delete it.")
        with told_as(f"Couldn't create the folder {self._staged}"):
            make_folder(self._staged / _FILES)

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a new file, mode 0600, flushed to the disk; it may not be there yet."""
        path = self._staged / _FILES / name
        with told_as(f"Couldn't write {path}"):
            make_folder(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _FILE_MODE)
            try:
                for chunk in chunks:
                    write_all(descriptor, chunk)
                flush(descriptor, self._paths.root)
            finally:
                os.close(descriptor)
            sync_folder(path.parent)
        self._new.append(name)

    def take_over(self, old: Collection[str], aside: str) -> None:
        """Let the new files take the place of the `old` ones, which are moved into the folder `aside`."""
        plan = {"old": sorted(old), "new": self._new, "aside": aside}
        write_atomically(self._staged / _PLAN, [json.dumps(plan).encode()])
        with told_as(f"Couldn't rename {self._staged}"):
            sync_folder(self._staged)
            self._staged.rename(self._paths.restored)
            sync_folder(self._paths.root)
        _finish(self._paths)

    def give_up(self) -> None:
        """Delete what was written and is not in place; so does a start after a crash."""
        with suppress(OSError):
            shutil.rmtree(self._staged)


def finish_restoring(paths: AppPaths) -> None:
    """Finish what a crash cut off, if anything; raises StorageError."""
    if not os.path.lexists(paths.restored):
        return
    lock = InstanceLock(paths.daemon_lock)
    if not lock.acquire(wait_seconds=_LOCK_WAIT_SECONDS):
        raise StorageError(f"A backup is being restored into {paths.root}. Try again in a moment.")
    try:
        if os.path.lexists(paths.restored):
            _finish(paths)
    finally:
        lock.release()


def _finish(paths: AppPaths) -> None:
    root, files = paths.root, paths.restored / _FILES
    failure = f"Couldn't finish restoring into {root}"
    with told_as(failure, " Nothing is lost: the next command continues."):
        plan = _plan(paths.restored / _PLAN)
        aside, new = root / plan["aside"], set(plan["new"])
        for name in plan["old"]:
            is_new = name in new and not os.path.lexists(files / name)  # in its place already
            if not is_new and os.path.lexists(root / name):
                _move_aside(root / name, aside / name)
        _sync_folders(aside, plan["old"])
        _sync_folders(root, plan["old"])  # before anything takes their names
        for name in plan["new"]:
            if os.path.lexists(files / name):
                _put_in_place(files / name, root / name)
        _sync_folders(root, plan["new"])
        _sync_folders(files, plan["new"])
        (paths.restored / _PLAN).unlink(missing_ok=True)
        for folder, _, _ in os.walk(paths.restored, topdown=False):
            Path(folder).rmdir()
        sync_folder(root)


class _Plan(TypedDict):
    """The names of files below the data folder, and of the folder for the old ones."""

    old: list[str]
    new: list[str]
    aside: str


def _plan(path: Path) -> _Plan:
    """Return the plan, which is gone only once all has been done."""
    try:
        plan: _Plan = parse_json(read_whole(path, most_bytes=sys.maxsize))
    except FileNotFoundError:
        return {"old": [], "new": [], "aside": ""}
    return plan


def _move_aside(path: Path, target: Path) -> None:
    make_folder(target.parent)
    if not os.path.lexists(target):  # else it was copied before a crash
        try:
            path.rename(target)
        except OSError as exc:
            if exc.errno not in IS_A_MOUNT:
                raise
            write_atomically(target, [read_whole(path, most_bytes=sys.maxsize)])
        else:
            return
    with suppress(OSError):  # a mount of its own gets the new content in its place
        path.unlink()


def _put_in_place(source: Path, target: Path) -> None:
    make_folder(target.parent)
    try:
        source.rename(target)
    except OSError as exc:
        if exc.errno not in IS_A_MOUNT:
            raise
        content = read_whole(source, most_bytes=sys.maxsize)
        try:
            write_atomically(target, [content])
        except StorageError as failure:
            if failure.errno not in IS_A_MOUNT:
                raise
            write_in_place(target, content)
        source.unlink()


def _sync_folders(base: Path, names: Iterable[str]) -> None:
    """Make what was done in the folders of these files durable."""
    for folder in {base, *((base / name).parent for name in names)}:
        if folder.is_dir():
            sync_folder(folder)
