"""One process at a time may change a data folder: the daemon, or a command while none runs."""

from pathlib import Path

from filelock import FileLock, Timeout

from movie_sync.errors import StorageError

_FILE_MODE = 0o600
_POLL_SECONDS = 0.02
_MOMENT_SECONDS = 0.1


class InstanceLock:
    """The lock of one data folder. The system frees it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(str(path), mode=_FILE_MODE, thread_local=False)

    def acquire(self, *, wait_seconds: float = 0.0) -> bool:
        """Take the lock; False if another process holds it all that time.

        Raises:
            StorageError: the lock file cannot be made or opened.
        """
        if self._path.is_symlink():  # not every version of the library refuses one itself
            raise StorageError(f"{self._path} is a symbolic link, which is not followed: delete it.")
        try:
            self._lock.acquire(timeout=wait_seconds, poll_interval=_POLL_SECONDS)
        except Timeout:
            return False
        except OSError as exc:
            raise StorageError(
                f"{self._path} could not be locked: {exc.strerror or exc}. If it is a folder or a link, "
                "delete it."
            ) from None
        return True

    def release(self) -> None:
        """Free the lock; without effect if it is not held."""
        self._lock.release()

    def is_held_elsewhere(self) -> bool:
        """Tell whether another process holds the lock for longer than a moment.

        Raises:
            StorageError: the lock file cannot be opened.
        """
        if not self._path.exists():  # looking must not make it
            return False
        # Another look, or a command that edits the queues, holds it for a moment only.
        if not self.acquire(wait_seconds=_MOMENT_SECONDS):
            return True
        self.release()
        return False
