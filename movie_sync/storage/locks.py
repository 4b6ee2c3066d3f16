"""Locks between processes, on a file of its own or on a folder itself.

The system frees them when a process ends, however it ends. So what lies half-written in a folder that
nobody holds was left by a crash; and on the folder itself there is no file to make, to leave behind or
to plant.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import keep_private
from movie_sync.storage.regular_file import open_regular_descriptor

_FILE_MODE = 0o600
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_POLL_SECONDS = 0.02
_MOMENT_SECONDS = 0.1
_WRITER_SECONDS = 2.0
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_NONE = -1  # in the place of a descriptor


class FileLock:
    """One at a time holds it, of all processes and all objects of this class. For one thread.

    A StorageError says that its file cannot be made or opened, or that the file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = _NONE

    def acquire(self, *, wait_seconds: float = 0.0) -> bool:
        """Take the lock; False if another holds it all that time. The file is made, with mode 0600."""
        return _keep_trying(self._try, wait_seconds)

    def renew(self) -> None:
        """Lock a new file if the one that is held was deleted: what is locked has to be found by others."""
        held = self._descriptor
        if held != _NONE and not self._is_still_there(held):
            with contextlib.suppress(StorageError):  # a full disk, say: the next time then
                if self._try():
                    os.close(held)

    def release(self) -> None:
        """Free the lock; without effect if it is not held."""
        self._descriptor = _closed(self._descriptor)

    def _try(self) -> bool:
        descriptor = _NONE
        try:
            descriptor = open_regular_descriptor(self._path, _FLAGS, _FILE_MODE)
            keep_private(descriptor, _FILE_MODE, self._path.parent)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_still_there(descriptor):
                self._descriptor, descriptor = descriptor, _NONE
                return True
        except OSError as exc:
            if descriptor == _NONE or exc.errno not in _HELD:
                raise self._failure(exc) from None
        finally:
            _closed(descriptor)
        return False

    def _is_still_there(self, descriptor: int) -> bool:
        """Tell whether the file was not deleted before it was locked: another may hold a new one."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), self._path.lstat())
        return False

    def _failure(self, exc: OSError) -> StorageError:
        reason = exc.strerror or str(exc)
        if self._path.is_symlink():
            text = f"{self._path} is a symbolic link, which isn't followed. Delete it."
        elif exc.errno in _NO_LOCKS:
            text = (
                f"{self._path} can't be locked, because its file system doesn't support locks ({reason}). "
                "Two Movie Syncs could run there at once, so it won't start. Use a folder on another disk "
                "(--data-dir)."
            )
        else:
            text = f"Couldn't lock {self._path}: {reason}. If it's a folder or a link, delete it."
        return StorageError(text, errno=exc.errno)


class InstanceLock(FileLock):
    """Held by the one process that may change a data folder: the daemon, or a command while none runs.

    It locks a file there and, should that be deleted, the folder itself.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folder = _NONE

    def acquire(
        self, *, wait_seconds: float = 0.0, while_alone: Callable[[bool], None] | None = None
    ) -> bool:
        """Take the lock; False if another process holds it all that time.

        `while_alone` is called before others may write into the folder, as commands may beside the
        lock's holder, and told whether that is sure.
        """
        if not super().acquire(wait_seconds=wait_seconds):
            return False
        if not self._takes_folder():
            self.release()
            return False
        if while_alone is not None:
            while_alone(self._folder != _NONE)
        if self._folder != _NONE:
            with contextlib.suppress(OSError):
                fcntl.flock(self._folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True

    def release(self) -> None:
        """Free the lock; without effect if it is not held."""
        self._folder = _closed(self._folder)
        super().release()

    def is_held_elsewhere(self) -> bool:
        """Tell whether another process holds the lock for longer than a moment."""
        # Looking must not make the file. Another look, or a command that edits the queues, holds it
        # for a moment only.
        if self._path.exists() and not super().acquire(wait_seconds=_MOMENT_SECONDS):
            return True
        is_free = self._takes_folder()
        self.release()
        return not is_free

    def _takes_folder(self) -> bool:
        """Take the folder too; whoever only writes a file there holds it for the time of that."""

        def take() -> bool:
            with contextlib.suppress(BlockingIOError):
                self._folder = _lock_alone(self._path.parent)
                return True
            return False

        return _keep_trying(take, _WRITER_SECONDS)


@contextlib.contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Hold the folder as one of its writers, of which there may be many.

    Where folders cannot be locked (some network file systems) nothing is held; there
    `nobody_writes_into` never says that nobody writes.
    """
    descriptor = _opened(folder)
    try:
        if descriptor != _NONE:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits for the moment that sweeping takes
        yield
    finally:
        _closed(descriptor)


@contextlib.contextmanager
def nobody_writes_into(folder: Path) -> Iterator[bool]:
    """Tell whether no process holds the folder as a writer; if so, none can until the context ends."""
    descriptor = _NONE
    with contextlib.suppress(BlockingIOError):
        descriptor = _lock_alone(folder)
    try:
        yield descriptor != _NONE
    finally:
        _closed(descriptor)


def _lock_alone(folder: Path) -> int:
    """Return the descriptor that holds a folder, none where folders cannot be locked.

    A BlockingIOError says that another has it.
    """
    descriptor = _opened(folder)
    try:
        if descriptor != _NONE:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        descriptor = _closed(descriptor)
        if isinstance(exc, BlockingIOError):
            raise
    return descriptor


def _opened(folder: Path) -> int:
    with contextlib.suppress(OSError):  # whoever writes there says what is wrong
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    return _NONE


def _closed(descriptor: int) -> int:
    if descriptor != _NONE:
        os.close(descriptor)
    return _NONE


def _keep_trying(attempt: Callable[[], bool], seconds: float) -> bool:
    """Try until an attempt succeeds; False if none does in that time."""
    ends_at = time.monotonic() + seconds
    while not attempt():
        if time.monotonic() >= ends_at:
            return False
        time.sleep(_POLL_SECONDS)
    return True
