"""How far the tracker's newest releases have been looked through, in a small file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from movie_sync.ports import Clock
from movie_sync.queues.codec import format_time, parse_time
from movie_sync.storage.document import read_note, write_note


@dataclass(frozen=True, slots=True)
class RadarMemory:
    """The highest release id seen, and since when some may have been missed (None: none were)."""

    newest_id: int = 0
    gap_since: datetime | None = None


class RadarStore:
    """`radar.json`. Losing it costs a few searches and no film, so damage is no news."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def load(self) -> RadarMemory:
        """Return what is remembered; a file that cannot be read is as none."""
        plain = read_note(self._path)
        newest = plain.get("newest_id")
        if isinstance(newest, int) and newest >= 0:
            return RadarMemory(newest, parse_time(plain.get("gap_since")))
        return RadarMemory()

    def save(self, memory: RadarMemory) -> None:
        """Replace what is remembered.

        Raises:
            StorageError: it could not be written.
        """
        gap = format_time(memory.gap_since) if memory.gap_since else None
        write_note(self._path, {"newest_id": memory.newest_id, "gap_since": gap}, self._clock)
