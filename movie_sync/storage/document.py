"""A small JSON file of ours: read whole, replaced whole, and kept aside if it is damaged."""

import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import DamagedError, keep_aside, read_whole, told_as, write_atomically

_log = logging.getLogger(__name__)
_MOST_BYTES = 40_000_000
_MOST_BYTES_OF_A_NOTE = 100_000


class Document:
    """A file whose damage is said, and kept. With `writable=False` nothing is written.

    For one thread at a time, from reading to `save`: `damage` says what is wrong with what stands there,
    as `load` or its owner found; the next content then takes its place, and it is kept aside. A file that
    cannot be read (for a reason that has nothing to do with it) or written is a StorageError.
    """

    def __init__(
        self, path: Path, clock: Clock, *, writable: bool = True, most_bytes: int = _MOST_BYTES
    ) -> None:
        self.damage = ""
        self._path = path
        self._clock = clock
        self._writable = writable
        self._most_bytes = most_bytes

    def load(self) -> Any:  # noqa: ANN401 - it may be anything
        """Return the value that stands there, None if it is damaged; raises FileNotFoundError without one."""
        self.damage = ""
        try:
            return parse_json(read_whole(self._path, most_bytes=self._most_bytes))
        except DamagedError as exc:
            self.damage = str(exc)
        except ValueError:
            self.damage = "it isn't JSON"
        return None

    def save(self, content: Iterable[bytes], *, keep_previous: bool = False, damage_said: str = "") -> None:
        """Replace what stands there; `damage_said` says in the log what became of damaged content."""
        if not self._writable:
            return
        damaged_at = self._clock.now() if self.damage else None
        kept = write_atomically(self._path, content, keep_previous=keep_previous, damaged_at=damaged_at)
        if self.damage:
            said = damage_said or f"was damaged ({self.damage}) and has been rewritten."
            _log.warning("%s %s%s", self._path, said, kept)
        self.damage = ""


def in_lines(values: Iterable[object]) -> Iterator[bytes]:
    """Yield a JSON array with a value a line.

    In ASCII: a single emoji would make the text of a file four times as large while it is read.
    """
    yield b"["
    for number, value in enumerate(values):
        yield (b",\n" if number else b"\n") + json.dumps(value).encode()
    yield b"\n]"


def read_note(path: Path) -> dict[str, Any]:
    """Return an object whose loss costs little; what cannot be read, for whatever reason, is as none."""
    try:
        plain = parse_json(read_whole(path, most_bytes=_MOST_BYTES_OF_A_NOTE))
    except (OSError, StorageError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def write_note(path: Path, plain: dict[str, Any], clock: Clock) -> None:
    """Replace such an object, or raise StorageError; a folder in its place is kept aside."""
    with told_as(f"Couldn't write {path}"):
        is_folder = path.is_dir() and not path.is_symlink()
    if is_folder:
        keep_aside(path, clock.now())
    write_atomically(path, [json.dumps(plain).encode() + b"\n"])
