"""Files that are replaced under their names, opened as they all stood at one moment."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import OpenFile
from movie_sync.storage.regular_file import NotAFileError, open_regular_descriptor

_MOST_LOOKS = 200
_PAUSE_SECONDS = 0.002
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file as it was at that moment; what is added to it later does not count."""

    name: str
    _file: OpenFile

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._file.found.st_size

    def chunks(self) -> Iterator[bytes]:
        """Yield the content. Raises StorageError: it can't be read, or was changed in its place."""
        for start in range(0, self.size, _CHUNK_BYTES):
            yield self._file.read(start, min(start + _CHUNK_BYTES, self.size))
        now = os.fstat(self._file.descriptor)
        if now.st_size == self.size and now.st_mtime_ns != self._file.found.st_mtime_ns:
            raise StorageError(f"{self.name} changed while it was being copied. Try again.")

    def is_current(self, root: Path) -> bool:
        """Tell whether this file still stands under its name, as it was opened."""
        with suppress(OSError):
            now, then = (root / self.name).stat(), self._file.found
            return os.path.samestat(now, then) and (now.st_size, now.st_mtime_ns) == (
                then.st_size,
                then.st_mtime_ns,
            )
        return False

    def close(self) -> None:
        """Let it go."""
        self._file.close()


@contextmanager
def held_at_once(root: Path, names: Callable[[], list[str]]) -> Iterator[Mapping[str, HeldFile | None]]:
    """Hold files below `root` as they all are at one moment: nobody else has to wait for that.

    `names` tells which there are now. What is no file is None. Raises StorageError: one can't be read, or
    they change without a pause.
    """
    for _ in range(_MOST_LOOKS):
        listed = names()
        held: dict[str, HeldFile | None] = {}
        with suppress(FileNotFoundError):
            for name in listed:
                held[name] = _opened(root, name)
            # If none was replaced until all were open, they belong together, and reading them may take long.
            if names() == listed and all(file is None or file.is_current(root) for file in held.values()):
                break
        _close(held)
        time.sleep(_PAUSE_SECONDS)
    else:
        raise StorageError(f"The files in {root} keep changing. Try again when Movie Sync is less busy.")
    try:
        yield held
    finally:
        _close(held)


def _opened(root: Path, name: str) -> HeldFile | None:
    """Raises FileNotFoundError, StorageError."""
    path = root / name
    try:
        return HeldFile(name, OpenFile(open_regular_descriptor(path, os.O_RDONLY)))
    except NotAFileError:
        return None
    except FileNotFoundError:
        if path.is_symlink():  # to what is not there
            return None
        raise
    except OSError as exc:
        raise StorageError(f"Can't read {path}: {exc.strerror or exc}.", errno=exc.errno) from None


def _close(held: Mapping[str, HeldFile | None]) -> None:
    for file in held.values():
        if file is not None:
            file.close()
