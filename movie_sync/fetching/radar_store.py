"""How far the trackers' newest releases have been looked through, in a small file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from movie_sync.ports import Clock
from movie_sync.queues.codec import format_time, parse_time
from movie_sync.storage.document import read_note, write_note

_EARLIER_TRACKER = "filelist"


@dataclass(frozen=True, slots=True)
class RadarMemory:
    """The ids that each tracker told last, and since when some may have been missed (None: none were)."""

    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gap_since: datetime | None = None


class RadarStore:
    """`radar.json`. Losing it costs a few searches and no film, so damage is no news."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def load(self) -> RadarMemory:
        """Return what is remembered; a file that cannot be read is as none."""
        plain = read_note(self._path)
        told = plain.get("seen")
        listed = told if isinstance(told, dict) else {}
        newest = plain.get("newest_id")  # what an earlier version wrote, of its one tracker
        if isinstance(newest, int) and newest > 0:
            listed = {_EARLIER_TRACKER: [str(newest)]} | listed
        seen = {name: frozenset(map(str, ids)) for name, ids in listed.items() if isinstance(ids, list)}
        return RadarMemory(seen, parse_time(plain.get("gap_since")))

    def save(self, memory: RadarMemory) -> None:
        """Replace what is remembered. Raises StorageError: it could not be written."""
        gap = format_time(memory.gap_since) if memory.gap_since else None
        seen = {name: sorted(ids) for name, ids in memory.seen.items()}
        write_note(self._path, {"seen": seen, "gap_since": gap}, self._clock)
