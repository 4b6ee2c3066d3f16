"""One process at a time may change a data folder: the daemon, or a command while none runs."""

from collections.abc import Callable
from pathlib import Path

from movie_sync.storage.file_lock import FileLock, keep_trying
from movie_sync.storage.folder_lock import FolderHold

_MOMENT_SECONDS = 0.1
_WRITER_SECONDS = 2.0


class InstanceLock:
    """The lock of one data folder: a file in it, and the folder itself, should that file be deleted.

    The system frees both when the process ends, however it ends. For one thread.
    A StorageError says that the file cannot be made or opened, or that there are no locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = FileLock(path)
        self._folder = FolderHold(path.parent)

    def acquire(
        self, *, wait_seconds: float = 0.0, while_alone: Callable[[bool], None] | None = None
    ) -> bool:
        """Take the lock; False if another process holds it all that time.

        `while_alone` is called before others may write into the folder, as commands may beside the
        lock's holder, and told whether that is sure.
        """
        if not self._file.acquire(wait_seconds=wait_seconds):
            return False
        if not self._takes_folder():
            self._file.release()
            return False
        if while_alone is not None:
            while_alone(self._folder.is_held)
        self._folder.let_writers_in()
        return True

    def renew(self) -> None:
        """Make the file anew if it was deleted; where folders cannot be locked all depends on it."""
        self._file.renew()

    def release(self) -> None:
        """Free the lock; without effect if it is not held."""
        self._folder.release()
        self._file.release()

    def is_held_elsewhere(self) -> bool:
        """Tell whether another process holds the lock for longer than a moment."""
        # Looking must not make the file. Another look, or a command that edits the queues, holds it
        # for a moment only.
        if self._path.exists() and not self._file.acquire(wait_seconds=_MOMENT_SECONDS):
            return True
        is_free = self._takes_folder()
        self.release()
        return not is_free

    def _takes_folder(self) -> bool:
        """Take the folder too; whoever only writes a file there holds it for the time of that."""
        return keep_trying(self._folder.take, _WRITER_SECONDS)
