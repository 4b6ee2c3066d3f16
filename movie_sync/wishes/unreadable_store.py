"""Since when lists could not be read, over restarts and single runs, in a small file."""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from movie_sync.clock import boot_id
from movie_sync.domain.times import format_time, parse_time
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import delete_files
from movie_sync.storage.document import read_note, write_note

_log = logging.getLogger(__name__)
_OTHERS = "others"


@dataclass(frozen=True, slots=True)
class _Outage:
    """Of which list, since when by both clocks, in which start of the machine, and whether that was told."""

    of: str
    since: str
    ticks: float
    boot: str
    told: bool = False


class UnreadableStore:
    """One list's part of `unreadable.json`, which is there only while the list `of` cannot be read.

    `of` is compared in letters of either case. Several lists share the file. Raises nothing: a file that
    cannot be read is as none, and where it cannot be written, memory has to do. Without a path nothing is
    read or written. Within one start of the machine the time is told by the clock that never jumps. For
    one thread.
    """

    def __init__(self, path: Path | None, of: str, clock: Clock, *, boot: str | None = None) -> None:
        self._path = path
        self._of = of.lower()
        self._clock = clock
        self._boot = boot_id() if boot is None else boot
        self._outage = next((each for each in self._stored() if self._is_of_this(each)), None)

    def note(self) -> float:
        """Note that it could not be read, and return for how many seconds that has been so."""
        outage, seconds = self._outage, -1.0
        if outage is not None and outage.boot == self._boot:
            seconds = self._clock.monotonic() - outage.ticks
        elif outage is not None and (begun := parse_time(outage.since)):
            seconds = (self._clock.now() - begun).total_seconds()
        if seconds < 0:  # it is new, or begins in a time to come, which a wrong clock noted
            since, ticks = format_time(self._clock.now()), self._clock.monotonic()
            self._keep(_Outage(self._of, since, ticks, self._boot, self.is_told))
        return max(seconds, 0.0)

    @property
    def is_told(self) -> bool:
        """Whether the user was told of it."""
        return self._outage is not None and self._outage.told

    def note_told(self) -> None:
        """Note that the user was told."""
        if self._outage is not None:
            self._keep(replace(self._outage, told=True))

    def over(self) -> None:
        """Note that it was read."""
        self._outage = None
        if self._path is not None and os.path.lexists(self._path):
            with contextlib.suppress(StorageError):
                self._write([each for each in self._stored() if not self._is_of_this(each)])

    def _is_of_this(self, outage: _Outage) -> bool:
        of = outage.of.lower()
        return of == self._of or self._of.endswith(f":{of}")  # an earlier version had the owner alone

    def _keep(self, outage: _Outage) -> None:
        self._outage = outage
        if self._path is not None:
            try:
                self._write([outage, *(each for each in self._stored() if not self._is_of_this(each))])
            except StorageError as exc:
                _log.debug("%s", exc)

    def _write(self, outages: list[_Outage]) -> None:
        assert self._path is not None  # noqa: S101 - asked before
        if outages:
            first, *others = map(asdict, outages)
            write_note(self._path, {**first, **({_OTHERS: others} if others else {})}, self._clock)
        else:
            delete_files(self._path)

    def _stored(self) -> Iterator[_Outage]:
        if self._path is None:
            return
        plain = read_note(self._path)
        others = plain.pop(_OTHERS, [])
        for each in (plain, *(others if isinstance(others, list) else ())):
            with contextlib.suppress(TypeError):
                outage = _Outage(**each)
                if isinstance(outage.ticks, int | float) and isinstance(outage.of, str):
                    yield outage
