"""Tell whether anybody is writing into a folder: writers hold a lock on the folder itself.

The system frees the lock when a process ends, however it ends, so what lies half-written in a
folder that nobody holds was left by a crash. The lock lies on the folder and not on a file in it:
there is no file to make, to leave behind or to plant.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Hold the folder as one of its writers, of which there may be many.

    Where folders cannot be locked (Windows, some network file systems) nothing is held; there
    `nobody_writes_into` never says that nobody writes.
    """
    descriptor = _opened(folder)
    if descriptor is None:
        yield
        return
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits for the moment that sweeping takes
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def nobody_writes_into(folder: Path) -> Iterator[bool]:
    """Tell whether no process holds the folder as a writer; if so, none can until the context ends."""
    hold = FolderHold(folder)
    hold.take()
    try:
        yield hold.is_held
    finally:
        hold.release()


class FolderHold:
    """A process's lasting hold on a folder, which only one can have, as its first writer.

    It cannot be taken away, as a lock's file can be deleted. For one thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1

    def take(self) -> bool:
        """Take the hold, at first alone; False if another has it, or a writer is at work.

        Where folders cannot be locked it is had by whoever asks.
        """
        descriptor = _opened(self._folder)
        if descriptor is None:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(descriptor)
            return not isinstance(exc, BlockingIOError)
        self._descriptor = descriptor
        return True

    @property
    def is_held(self) -> bool:
        """Whether it is held, and not only had because folders cannot be locked here."""
        return self._descriptor >= 0

    def let_writers_in(self) -> None:
        """Keep the hold, but beside writers."""
        if self.is_held:
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def release(self) -> None:
        """Give it back; without effect if it is not held."""
        if self.is_held:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def _opened(folder: Path) -> int | None:
    if fcntl is None:
        return None
    with contextlib.suppress(OSError):  # whoever writes there says what is wrong
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    return None
