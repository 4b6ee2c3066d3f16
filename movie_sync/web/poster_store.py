"""The folder of posters: each under a hash of its address, whole, and not more than there is room for."""

import contextlib
import hashlib
import os
import re
import time
from collections import OrderedDict
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import (
    TEMPORARY_SUFFIX,
    DamagedError,
    read_whole,
    told_as,
    write_atomically,
)
from movie_sync.storage.paths import make_inner_folder

MOST_BYTES = 2_000_000
"""How large one poster may be."""
_MOST_FILES = 5_000
_MOST_BYTES_IN_ALL = 200_000_000
_NAME = re.compile(r"[0-9a-f]{32}")
_TOUCHED_SECONDS = 24 * 3600.0  # when a file was last looked at need not be known more exactly


def key_of(address: str) -> str:
    """Return the name of the file for an address: another address is another poster."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]


def kind_of(content: bytes) -> str:
    """Return the media type of a whole image, by what is in it; "" if it isn't one that is shown."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg" if b"\xff\xd9" in content[-1024:] else ""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png" if b"IEND" in content[-16:] else ""
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp" if int.from_bytes(content[4:8], "little") + 8 <= len(content) else ""
    return "image/avif" if content[4:12] in {b"ftypavif", b"ftypavis"} else ""


class PosterStore:
    """Posters by their keys; the one not looked at for longest makes room. Not thread-safe.

    Files that aren't its own are left alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: OrderedDict[str, int] | None = None  # the one looked at last is the last

    def __contains__(self, key: str) -> bool:
        return key in self._known()

    def read(self, key: str) -> bytes | None:
        """Return a poster, or None if it isn't there, or not whole: then it is forgotten."""
        if key not in self._known():
            return None
        path = self._folder / key
        with contextlib.suppress(OSError, DamagedError, StorageError):
            content = read_whole(path, most_bytes=MOST_BYTES)
            if kind_of(content):
                self._known().move_to_end(key)
                if time.time() - path.stat().st_mtime > _TOUCHED_SECONDS:
                    os.utime(path)
                return content
        self._delete(key)
        return None

    def keep(self, key: str, content: bytes) -> None:
        """Write a poster, and delete others if there are too many. Raises StorageError."""
        known = self._known()
        with told_as(f"Couldn't create {self._folder}"):
            make_inner_folder(self._folder)
        write_atomically(self._folder / key, [content], flush_name=False)
        known[key] = len(content)
        known.move_to_end(key)
        while len(known) > _MOST_FILES or sum(known.values()) > _MOST_BYTES_IN_ALL:
            self._delete(next(iter(known)))

    def _known(self) -> OrderedDict[str, int]:
        if self._sizes is None:
            found = []
            with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
                for entry in entries:
                    name = entry.name.removesuffix(TEMPORARY_SUFFIX)
                    if _NAME.fullmatch(name) and entry.is_file(follow_symlinks=False):
                        if name != entry.name:  # a crash left it half written
                            Path(entry.path).unlink()
                            continue
                        there = entry.stat(follow_symlinks=False)
                        found.append((there.st_mtime, name, there.st_size))
            self._sizes = OrderedDict((name, size) for _, name, size in sorted(found))
        return self._sizes

    def _delete(self, key: str) -> None:
        self._known().pop(key, None)
        with contextlib.suppress(OSError):
            (self._folder / key).unlink()
