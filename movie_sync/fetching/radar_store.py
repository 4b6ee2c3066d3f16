"""How far the tracker's newest releases have been looked through, in a small file."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.codec import format_time, parse_time
from movie_sync.storage.atomic_file import write_atomically
from movie_sync.storage.quarantine import keep_aside
from movie_sync.storage.whole_file import read_whole

_MOST_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class RadarMemory:
    """The highest release id seen, and since when some may have been missed (None: none were)."""

    newest_id: int = 0
    gap_since: datetime | None = None


class RadarStore:
    """`radar.json`. Losing it costs a few searches and no film, so damage is no news.

    Raises nothing when it loads: a file that cannot be read is as none.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def load(self) -> RadarMemory:
        """Return what is remembered."""
        try:
            plain = parse_json(read_whole(self._path, most_bytes=_MOST_BYTES))
            newest = plain["newest_id"]
            if isinstance(newest, int) and newest >= 0:
                return RadarMemory(newest, parse_time(plain.get("gap_since")))
        except (OSError, StorageError, ValueError, TypeError, KeyError):
            pass
        return RadarMemory()

    def save(self, memory: RadarMemory) -> None:
        """Replace what is remembered; a folder in its place is put aside.

        Raises:
            StorageError: it could not be written.
        """
        if self._path.is_dir() and not self._path.is_symlink():
            keep_aside(self._path, self._clock.now())
        plain = {
            "newest_id": memory.newest_id,
            "gap_since": format_time(memory.gap_since) if memory.gap_since else None,
        }
        write_atomically(self._path, [json.dumps(plain).encode() + b"\n"])
