"""The whole program within the test: real files, sockets and adapters, but the clock is told the time.

A real daemon rests a minute after an outage. Here the workers are stepped by hand and the rests
take no time, so that each fault and the recovery from it cost a fraction of a second.
"""

import json
import threading
from pathlib import Path
from typing import Any

from movie_sync.clock import SystemClock
from movie_sync.commands.building import Services
from movie_sync.commands.context import Context, Options
from movie_sync.daemon.worker import Pause
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.events import Event
from movie_sync.domain.models import QueueName
from movie_sync.ports import Clock
from movie_sync.queues.manager import QueueManager
from movie_sync.settings.config import Config
from movie_sync.storage.paths import AppPaths

_MOST_STEPS = 200


class Workshop:
    """Both workers on a data folder, put together as the daemon does it, and stepped by the test."""

    def __init__(
        self,
        data: Path,
        letterboxd: LetterboxdStandIn,
        tracker: FileListStandIn,
        /,
        *,
        environ: dict[str, str],
        clock: Clock | None = None,
        stop: threading.Event | None = None,
        **settings: Any,
    ) -> None:
        self.data = data
        self.clock = clock or SystemClock()
        data.mkdir(mode=0o700, exist_ok=True)
        paths = AppPaths(data)
        plain = {
            "username": letterboxd.username,
            "download_directory": str(data),
            "letterboxd": {"base_url": letterboxd.url, "request_delay": 0, "timeout": 1},
            "filelist": {"base_url": tracker.url, "calls_per_hour": 10_000, "timeout": 1},
            "qbittorrent": {"enabled": False},
        } | settings
        paths.config.write_text(json.dumps(plain))
        context = Context(
            paths=paths,
            config=Config.load(paths.config, environ=environ),
            options=Options(),
            overrides={},
            environ=environ,
            clock=self.clock,
        )
        stop = stop or threading.Event()
        services = Services(context, stop=stop)
        self.queues = QueueManager(data, clock=self.clock)
        self.told: list[Event] = []
        self.download = services.download_worker(self.queues, self.told.append)
        self.monitor = services.monitor_worker(
            services.intakes(self.queues), self.told.append, on_read=self.download.note_check
        )

    def work(self) -> Pause:
        """Let the download worker work until it rests."""
        for _ in range(_MOST_STEPS):
            rest = self.download.step()
            if rest is not None:
                return rest
        raise AssertionError("the download worker never rests")

    def titles(self, queue: QueueName) -> list[str]:
        """Return the titles in a queue."""
        return [entry.movie.title for entry in self.queues.entries(queue)]
