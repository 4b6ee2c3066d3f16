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
    with _locked(folder, is_alone=False):
        yield


@contextlib.contextmanager
def nobody_writes_into(folder: Path) -> Iterator[bool]:
    """Tell whether no process holds the folder as a writer; if so, none can until the context ends."""
    with _locked(folder, is_alone=True) as is_held:
        yield is_held


@contextlib.contextmanager
def _locked(folder: Path, *, is_alone: bool) -> Iterator[bool]:
    if fcntl is None:
        yield False
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # whoever writes there says what is wrong
        yield False
        return
    try:
        yield _is_locked(descriptor, is_alone=is_alone)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, *, is_alone: bool) -> bool:
    """Lock; a writer waits for the moment that sweeping takes, who sweeps does not wait."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if is_alone else fcntl.LOCK_SH)
    except OSError:
        return False
    return True
