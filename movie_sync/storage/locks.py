"""Locks between processes, on a file of its own or on a folder itself.

The system frees them when a process ends, however it ends. So what lies half-written in a folder that
nobody holds was left by a crash; and on the folder itself there is no file to make, to leave behind or
to plant.

Where a file system has no locks of one kind, another kind is tried; where it has none at all, a name that the
system keeps for the machine (Linux) stands for the file.
"""

import contextlib
import errno
import fcntl
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import keep_private
from movie_sync.storage.regular_file import open_regular_descriptor
from movie_sync.storage.shortcomings import Lack, note_lack

_FILE_MODE = 0o600
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_POLL_SECONDS = 0.02
_MOMENT_SECONDS = 0.1
_WRITER_SECONDS = 2.0
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
_NONE = -1  # in the place of a descriptor
# A lock on the whole of a file for as long as it is open, in the form of `struct flock`.
_WHOLE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
_IS_LINUX = sys.platform.startswith("linux")


class FileLock:
    """One at a time holds it, of all processes and all objects of this class. For one thread.

    A StorageError says that its file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = _NONE
        self._name = _NONE

    def acquire(self, *, wait_seconds: float = 0.0) -> bool:
        """Take the lock; False if another holds it all that time. The file is made, with mode 0600."""
        return _keep_trying(self._try, wait_seconds)

    def renew(self) -> None:
        """Lock a new file if the one that is held is gone: what is locked has to be found by others."""
        held = self._descriptor
        if held != _NONE and not self._is_still_there(held):
            with contextlib.suppress(StorageError):  # a full disk, say: the next time then
                if self._try():
                    _closed(held)

    def release(self) -> None:
        """Free the lock; without effect if it is not held."""
        self._descriptor = _closed(self._descriptor)
        self._name = _closed(self._name)

    def _try(self) -> bool:
        descriptor = name = _NONE
        try:
            descriptor = open_regular_descriptor(self._path, _FLAGS, _FILE_MODE)
            keep_private(descriptor, _FILE_MODE, self._path.parent)
            name = _lock_file(descriptor, self._path)
            if self._is_still_there(descriptor):
                self._descriptor, descriptor = descriptor, _NONE
                self._name, name = name, _NONE
                return True
        except OSError as exc:
            if descriptor == _NONE or exc.errno not in _HELD:
                raise self._failure(exc) from None
        finally:
            _closed(descriptor)
            _closed(name)
        return False

    def _is_still_there(self, descriptor: int) -> bool:
        """Tell whether the file was not deleted, or its disk taken away: another may hold a new one."""
        return _is_same(descriptor, self._path)

    def _failure(self, exc: OSError) -> StorageError:
        reason = exc.strerror or str(exc)
        if os.path.islink(self._path):  # noqa: PTH114 - which says no where the disk is gone
            text = f"{self._path} is a symbolic link, which isn't followed. Delete it."
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

    def renew(self) -> None:
        """Lock the file and the folder anew if they are not what was locked."""
        super().renew()
        folder = self._path.parent
        with contextlib.suppress(OSError):
            if self._folder != _NONE and not _is_same(self._folder, folder) and folder.is_dir():
                self._folder = _closed(self._folder)
                self._folder = _lock_alone(folder)
                fcntl.flock(self._folder, fcntl.LOCK_SH | fcntl.LOCK_NB)

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
def alone_with(path: Path) -> Iterator[None]:
    """Hold a file that is there, waiting for others that do; nothing is held where it can't be opened."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            descriptor = open_regular_descriptor(path, os.O_RDONLY)
            held.callback(_closed, descriptor)

            def take() -> bool:
                with contextlib.suppress(BlockingIOError):
                    held.callback(_closed, _lock_file(descriptor, path))
                    return True
                return False

            _keep_trying(take, sys.maxsize)
        yield


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


def _lock_file(descriptor: int, path: Path) -> int:
    """Lock an open file for as long as it is open; a BlockingIOError says that another has it.

    If its file system cannot, a name of the machine is held in its place, by the descriptor that is returned.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        if exc.errno not in _NO_LOCKS:
            raise
        if not _has_locked_whole(descriptor):
            return _named_for(path, exc)
    return _NONE


def _has_locked_whole(descriptor: int) -> bool:
    """Lock a file with the other kind of locks that Linux has; False if it has none there."""
    try:
        if not _IS_LINUX:
            return False
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _WHOLE)
    except OSError as exc:
        if exc.errno in _HELD:
            raise BlockingIOError(errno.EAGAIN, exc.strerror) from None
        return False
    return True


def _named_for(path: Path, exc: OSError) -> int:
    """Take the name that stands for a file on this machine, until what is returned is closed."""
    import socket  # noqa: PLC0415 - few need it

    from movie_sync.storage.local_socket import name_of  # noqa: PLC0415 - the same

    lack = Lack.ANY_LOCKS
    try:
        if _IS_LINUX:
            with socket.socket(socket.AF_UNIX) as name:
                name.bind(name_of(path))
                lack = Lack.LOCKS
                return name.detach()
    except OSError as refusal:
        if refusal.errno == errno.EADDRINUSE:
            lack = Lack.LOCKS
            raise BlockingIOError(errno.EAGAIN, refusal.strerror) from None
    finally:
        note_lack(lack, path.parent, exc)
    return _NONE


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


def _is_same(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False


def _opened(folder: Path) -> int:
    with contextlib.suppress(OSError):  # whoever writes there says what is wrong
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    return _NONE


def _closed(descriptor: int) -> int:
    if descriptor != _NONE:
        with contextlib.suppress(OSError):
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
