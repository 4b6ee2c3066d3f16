"""The address of a socket in a folder, also where its path is longer than such an address may be."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MOST_BYTES = 100  # 107 on Linux, 103 on macOS


@contextmanager
def local_address(path: Path) -> Iterator[str]:
    """Give an address to bind or connect to while the context lasts. Raises OSError."""
    if len(os.fsencode(path)) <= _MOST_BYTES or not sys.platform.startswith("linux"):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
