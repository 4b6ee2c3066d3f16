"""Since when the watchlist could not be read, over restarts and single runs, in a small file."""

import contextlib
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from movie_sync.clock import boot_id
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.codec import format_time, parse_time
from movie_sync.storage.atomic_file import delete_files
from movie_sync.storage.document import read_note, write_note

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    """Of which list, since when by both clocks, in which start of the machine, and whether that was told."""

    of: str
    since: str
    ticks: float
    boot: str
    told: bool = False


class UnreadableStore:
    """`unreadable.json`, which is there only while the list `of` cannot be read. For one thread.

    Raises nothing: a file that cannot be read is as none, and where it cannot be written, memory has to
    do. Without a path nothing is read or written. Within one start of the machine the time is told by
    the clock that never jumps.
    """

    def __init__(self, path: Path | None, of: str, clock: Clock, *, boot: str | None = None) -> None:
        self._path = path
        self._of = of
        self._clock = clock
        self._boot = boot_id() if boot is None else boot
        self._outage = self._load()

    def note(self) -> float:
        """Note that it could not be read, and return for how many seconds that has been so."""
        now, ticks = self._clock.now(), self._clock.monotonic()
        seconds = 0.0 if self._outage is None else self._seconds(self._outage, now, ticks)
        if self._outage is None or seconds < 0:  # a time to come is a wrong clock's
            told = self._outage is not None and self._outage.told
            self._outage = _Outage(self._of, format_time(now), ticks, self._boot, told)
            self._save(self._outage)
        return max(seconds, 0.0)

    @property
    def is_told(self) -> bool:
        """Whether the user was told of it."""
        return self._outage is not None and self._outage.told

    def note_told(self) -> None:
        """Note that the user was told."""
        if self._outage is not None:
            self._outage.told = True
            self._save(self._outage)

    def over(self) -> None:
        """Note that it was read."""
        self._outage = None
        if self._path is not None and os.path.lexists(self._path):
            with contextlib.suppress(StorageError):
                delete_files(self._path)

    def _seconds(self, outage: _Outage, now: datetime, ticks: float) -> float:
        if outage.boot == self._boot:
            return ticks - outage.ticks
        since = parse_time(outage.since)
        return -1.0 if since is None else (now - since).total_seconds()

    def _load(self) -> _Outage | None:
        if self._path is None:
            return None
        try:
            outage = _Outage(**read_note(self._path))
        except TypeError:
            return None
        is_sound = isinstance(outage.ticks, int | float) and outage.of.casefold() == self._of.casefold()
        return outage if is_sound else None

    def _save(self, outage: _Outage) -> None:
        if self._path is None:
            return
        try:
            write_note(self._path, asdict(outage), self._clock)
        except StorageError as exc:
            _log.debug("%s", exc)
