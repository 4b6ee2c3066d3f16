"""What the real daemon costs, as its own process between stand-ins and, where there is one, a real qBittorrent."""

import contextlib
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import qbittorrentapi
from house.crowd import crowd_film
from house.films import stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household, Running, cost_of
from house.real_qbittorrent import RealQBittorrent, qbittorrents

from movie_sync.demo.filelist_faults import slow
from movie_sync.demo.filelist_server import API, FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

_SHORT_SECONDS = 30.0
_LONG_SECONDS = 1200.0
# Until looks at torrents are as far apart as they get.
_SETTLING_SECONDS = 65.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory in MB (10^6 bytes), processor time in seconds so far."""

    resident: float
    peak: float
    processor: float
    threads: int


@dataclass(frozen=True, slots=True)
class Idle:
    """Processor time while there is nothing to do: a share of a core, and seconds for one check of the list."""

    waiting: float
    check: float

    @property
    def an_hour(self) -> float:
        """The share of a core over an hour with one check in it."""
        return self.waiting + self.check / 3600


def client_version() -> str:
    """Return which torrent client the daemon is measured with, in words."""
    return (
        f"a real {Path(qbittorrents()[0][0]).name}"
        if qbittorrents()
        else "the watch folder (no qbittorrent-nox here)"
    )


def sync_costs(films: int, most_handed_over: int) -> tuple[Cost, Cost, int]:
    """Start on a list of so many films; return the cost when all are queued and when enough are handed over."""
    wanted = min(films, most_handed_over)
    with _Scene(films) as scene:
        daemon = scene.home.start()
        if not films:
            daemon.wait_for("Watchlist read", _SHORT_SECONDS)
            threading.Event().wait(2)
            return _cost(daemon), _cost(daemon), 0
        daemon.wait_for("Watchlist read", _LONG_SECONDS)
        queued = _cost(daemon)
        _wait(lambda: daemon.output.count(": handed to ") >= wanted, daemon)
        done = _cost(daemon)
        daemon.stop()
    return queued, done, wanted


def idle_cost(seconds: float, films: int, *, with_client: bool) -> Idle:
    """Let the daemon sit for so long with nothing to do, then once more over a check of the list.

    With a client the films' torrents stand still there, for want of anybody who has them, and are
    looked at; without, they are done.
    """
    with _Scene(films, with_client=with_client, check_interval=seconds) as scene:
        daemon = scene.home.start()
        _wait(lambda: daemon.output.count(": handed to ") >= films, daemon)
        if with_client:
            threading.Event().wait(_SETTLING_SECONDS)
        checks = _checks(scene)
        _wait(lambda: _checks(scene) > checks, daemon)
        threading.Event().wait(1)
        waited = seconds * 0.8
        before = _processor_seconds(daemon)
        threading.Event().wait(waited)
        waiting = _processor_seconds(daemon) - before
        checks = _checks(scene)
        _wait(lambda: _checks(scene) > checks, daemon)
        threading.Event().wait(1)
        over_check = _processor_seconds(daemon) - before - waiting
        daemon.stop()
    share = waiting / waited
    return Idle(share, max(over_check - share * seconds * 0.2, 0.0))


def latencies(repetitions: int) -> Iterator[float]:
    """Put a film on the list again and again; yield the seconds from the daemon's look until it is in qBittorrent."""
    with _Scene(1, check_interval=2) as scene:
        if scene.client is None:
            return
        daemon = scene.home.start()
        _wait(lambda: ": handed to " in daemon.output, daemon)
        with qbittorrentapi.Client(
            host=scene.client.url, username=scene.client.username, password=scene.client.password
        ) as web:
            for number in range(1, repetitions + 1):
                film, release = crowd_film(number), _crowd_release(number)
                scene.tracker.releases.append(release)
                seen_before = len(scene.letterboxd.requests)
                scene.letterboxd.films = [film, *scene.letterboxd.films]
                info_hash = release.info_hash
                _wait(lambda wanted=info_hash: bool(web.torrents_info(torrent_hashes=wanted)), daemon, 0.005)
                there = time.monotonic()
                asked = next(
                    request.at
                    for request in scene.letterboxd.requests[seen_before:]
                    if request.path.endswith("/watchlist/")
                )
                yield there - asked
        daemon.stop()


def stop_latencies(repetitions: int, *, seconds_an_answer: float) -> Iterator[float]:
    """Start and interrupt at a random moment, again and again; yield the seconds until the process is gone."""
    moments = random.Random(7)
    for _ in range(repetitions):
        with _Scene(40, with_client=False) as scene:
            if seconds_an_answer:
                scene.tracker.always(slow(seconds_an_answer), API)
            daemon = scene.home.start()
            daemon.wait_for("Queues:")
            threading.Event().wait(moments.uniform(0, 2.5))
            begun = time.monotonic()
            daemon.interrupt()
            code = daemon.wait()
            yield time.monotonic() - begun
            if code:
                raise SystemExit(f"the daemon ended with {code}:\n{daemon.output}")


class _Scene:
    """Stand-ins with films and their releases, a torrent client, a data folder."""

    def __init__(self, films: int, *, with_client: bool = True, **settings: object) -> None:
        self._films = films
        self._with_client = with_client
        self._settings = settings
        self._stack = contextlib.ExitStack()
        self.client: RealQBittorrent | None = None

    def __enter__(self) -> "_Scene":
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            numbers = range(self._films)
            self.letterboxd = stack.enter_context(
                LetterboxdStandIn([crowd_film(number) for number in numbers], username="maria")
            )
            self.tracker = stack.enter_context(
                FileListStandIn(
                    [_crowd_release(number) for number in numbers],
                    users={TRACKER_USER: PASSKEY},
                    calls_per_hour=1_000_000,
                )
            )
            if self._with_client and qbittorrents():
                self.client = stack.enter_context(RealQBittorrent(folder / "client", qbittorrents()[0]))
            self.home = stack.enter_context(
                Household(folder, self.letterboxd, self.tracker, client=self.client, **self._settings)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _checks(scene: _Scene) -> int:
    return sum(path.endswith("/watchlist/") for path in scene.letterboxd.paths)


def _crowd_release(number: int) -> StandInRelease:
    return stand_in_release(crowd_film(number), id=50_000 + number)


def _cost(daemon: Running) -> Cost:
    fields = cost_of(daemon.process.pid)
    return Cost(
        resident=fields["VmRSS"] * 1024 / 1e6,
        peak=fields["VmHWM"] * 1024 / 1e6,
        processor=_processor_seconds(daemon),
        threads=fields["Threads"],
    )


def _processor_seconds(daemon: Running) -> float:
    """Return the time on a processor, in the scheduler's nanoseconds: its ticks are too coarse for an idle process."""
    tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _wait(condition: Callable[[], bool], daemon: Running, pause_seconds: float = 0.05) -> None:
    ends_at = time.monotonic() + _LONG_SECONDS
    pause = threading.Event()
    while not condition():
        if daemon.process.poll() is not None or time.monotonic() > ends_at:
            raise SystemExit(f"the daemon did not get there:\n{daemon.output[-3000:]}")
        pause.wait(pause_seconds)


def median_and_worst(values: list[float]) -> tuple[float, float]:
    """Return both."""
    return statistics.median(values), max(values)
