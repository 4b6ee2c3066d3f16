"""`sync`: both workers look now at what there is, though not more often than the lists may be read."""

import math
from dataclasses import dataclass, field

from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.worker import Worker
from movie_sync.ports import Clock


@dataclass(eq=False, repr=False)
class Syncs:
    """What was asked for too soon is done when `least_seconds` have passed. For one thread."""

    monitor: MonitorWorker
    download: Worker
    least_seconds: float
    clock: Clock
    _is_asked: bool = field(default=False, init=False)
    _done_at: float = field(default=-math.inf, init=False)

    def work_for(self, monitor: MonitorWorker, download: Worker, least_seconds: float) -> None:
        """Let others do it from now on, also what was asked for before and those were stopped from doing."""
        if self.monitor.checked_at < self._done_at:
            self._is_asked, self._done_at = True, self.monitor.checked_at
        self.monitor, self.download, self.least_seconds = monitor, download, least_seconds

    def ask(self) -> None:
        """Let both workers look as soon as they may."""
        self._is_asked = True
        self.tick()

    def tick(self) -> None:
        """Do what was asked for, if it may be done now. To be called about once a second."""
        now = self.clock.monotonic()
        if self.monitor.stopping.is_set():  # others may take its place, with other settings
            return
        if self._is_asked and now >= max(self._done_at, self.monitor.checked_at) + self.least_seconds:
            self._is_asked, self._done_at = False, now
            self.monitor.hurry()
            self.download.hurry()
