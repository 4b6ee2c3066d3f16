"""A lock on a file of its own. The system frees it when the process ends, however it ends."""

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import keep_private
from movie_sync.storage.regular_file import open_regular_descriptor

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

_FILE_MODE = 0o600
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
_POLL_SECONDS = 0.02
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class FileLock:
    """One at a time holds it, of all processes and all objects of this class. For one thread.

    A StorageError says that its file cannot be made or opened, or that the file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, *, wait_seconds: float = 0.0) -> bool:
        """Take the lock; False if another holds it all that time. The file is made, with mode 0600."""
        return keep_trying(self._try, wait_seconds)

    def renew(self) -> None:
        """Lock a new file if the one that is held was deleted: what is locked has to be found by others."""
        held = self._descriptor
        if held >= 0 and not self._is_still_there(held):
            with contextlib.suppress(StorageError):  # a full disk, say: the next time then
                if self._try():
                    os.close(held)

    def release(self) -> None:
        """Free the lock; without effect if it is not held."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _try(self) -> bool:
        try:
            descriptor = open_regular_descriptor(self._path, _FLAGS, _FILE_MODE)
        except OSError as exc:
            raise self._failure(exc) from None
        try:
            keep_private(descriptor, _FILE_MODE, self._path.parent)
            _lock(descriptor)
            if self._is_still_there(descriptor):
                self._descriptor = descriptor
        except OSError as exc:
            if exc.errno not in _HELD:
                raise self._failure(exc) from None
        finally:
            if self._descriptor != descriptor:
                os.close(descriptor)
        return self._descriptor == descriptor

    def _is_still_there(self, descriptor: int) -> bool:
        """Tell whether the file was not deleted before it was locked: another may hold a new one."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), self._path.lstat())
        return False

    def _failure(self, exc: OSError) -> StorageError:
        reason = exc.strerror or str(exc)
        if self._path.is_symlink():
            text = f"{self._path} is a symbolic link, which is not followed: delete it."
        elif exc.errno in _NO_LOCKS:
            text = (
                f"{self._path} can't be locked, because its file system has no locks ({reason}). Two of "
                "Movie Sync could work there at once, so it doesn't start. Use a folder on another disk "
                "(--data-dir)."
            )
        else:
            text = f"{self._path} could not be locked: {reason}. If it is a folder or a link, delete it."
        return StorageError(text, errno=exc.errno)


def keep_trying(attempt: Callable[[], bool], seconds: float) -> bool:
    """Try until an attempt succeeds; False if none does in that time."""
    ends_at = time.monotonic() + seconds
    while not attempt():
        if time.monotonic() >= ends_at:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _lock(descriptor: int) -> None:
    if os.name == "posix":
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # of Windows
