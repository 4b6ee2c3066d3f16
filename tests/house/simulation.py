"""The program between stand-ins, in simulated time: weeks pass in seconds.

There is a true time, which is the clock's monotonic one and which the services live by, and the
wall clock of this machine, which may jump.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stand_ins.qbittorrent import ADD, INFO, LOGIN, Answer, Manner, QBittorrentStandIn

from house.fakes import FakeClock
from house.program import PASSKEY, TRACKER_USER
from house.workshop import Workshop
from movie_sync.daemon.worker import Worker
from movie_sync.demo import filelist_faults
from movie_sync.demo.filelist_http import SeenRequest
from movie_sync.demo.filelist_server import API, DOWNLOAD, FileListStandIn
from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn
from movie_sync.domain.models import QueueName
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.daemon_state import Activity

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_STEPS_AT_ONCE = 5_000

_LETTERBOXD_FAULTS = (
    Fault.outage(),
    Fault(delivery=Delivery.RESET),
    Fault.challenge(),
    Fault(edit=lambda page: page.replace('data-num-entries="', 'data-num-entries="1')),
    Fault.rate_limit(300),
    Fault(delivery=Delivery.CUT_SHORT),
)
_TRACKER_FAULTS = (
    filelist_faults.UNAVAILABLE,
    filelist_faults.RESET,
    filelist_faults.MAINTENANCE_PAGE,
    filelist_faults.RATE_LIMIT,
    filelist_faults.CUT_JSON,
    filelist_faults.SERVER_FAULT,
)
_CLIENT_FAULTS = (
    Answer(503, b"busy"),
    Answer(manner=Manner.RESET),
    Answer(manner=Manner.CUT),
    Answer(500, b"?"),
)


@dataclass(slots=True)
class Pause:
    """A rest of the download worker that no film ends: true times, and what it is at.

    A restart may cut it before `ends_at`, which is when it was to end.
    """

    begins_at: float
    ends_at: float
    activity: Activity
    cut_at: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A search after which a film stands among the failed ones: the true time, and its two entries.

    `before` is how it was queued when the tracker was asked, `after` what came of it. That a service
    was out is not an outcome of the search, and not noted.
    """

    at: float
    before: QueueEntry
    after: QueueEntry

    @property
    def counts(self) -> bool:
        """Whether it was held against the film."""
        return self.after.retry_count != self.before.retry_count


class Driver:
    """Steps whichever worker's rest ends first, and moves the clock on to that moment.

    The download worker's pauses are noted in `pauses`, its searches that gave nothing in `looks`.
    """

    def __init__(self, clock: FakeClock, workshop: Workshop, pauses: list[Pause], looks: list[Look]) -> None:
        self._clock = clock
        self._pauses = pauses
        self._looks = looks
        self._searched: QueueEntry | None = None
        self._queues = workshop.queues
        self._download = workshop.download
        self._due: dict[Worker, float] = dict.fromkeys(
            [workshop.monitor, workshop.download], clock.monotonic()
        )
        self._is_idle = False

    def run_until(self, ends_at: float) -> None:
        """Let both work until a moment of the true time."""
        steps = 0
        while min(self._due.values()) < ends_at:
            worker = min(self._due, key=self._due.__getitem__)
            steps = 0 if self._due[worker] > self._clock.monotonic() else steps + 1
            assert steps < _MOST_STEPS_AT_ONCE, f"the {worker.name} worker never rests"
            self._clock.advance(max(self._due[worker] - self._clock.monotonic(), 0.0))
            self._step(worker)
        self._clock.advance(ends_at - self._clock.monotonic())

    def note_search(self) -> None:
        """The tracker is being asked for the film in hand. For the tracker's thread: the worker waits."""
        self._searched = self._queues.get_next_pending()

    def _step(self, worker: Worker) -> None:
        rest = worker.step()
        now = self._clock.monotonic()
        self._note_look()
        self._due[worker] = now + (rest.seconds if rest else 0.0)
        if worker is self._download:
            self._is_idle = rest is not None and rest.is_idle
            until = self._download.paused_until
            if rest is not None and until > now and not self._is_noted(until):
                self._pauses.append(Pause(now, until, rest.activity))
        elif self._is_idle and self._queues.get_statistics()["pending"]:
            self._due[self._download] = now  # a film that is queued ends an idle wait

    def _note_look(self) -> None:
        before, self._searched = self._searched, None
        held = self._queues.find(before.movie.id) if before else None
        if before is None or held is None or held[0] is not QueueName.FAILED:
            return
        look = Look(self._clock.monotonic(), before, held[1])
        if look.counts or look.after.waits_for_release:
            self._looks.append(look)

    def _is_noted(self, until: float) -> bool:
        """Tell whether a pause is noted: it is cut in pieces by looks at torrents on their way."""
        last = self._pauses[-1] if self._pauses else None
        return last is not None and last.cut_at is None and last.ends_at == until


@dataclass(frozen=True, slots=True)
class Call:
    """A request that the tracker got: true time, what for, the status."""

    at: float
    query: str
    status: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that does not work for some time."""

    service: str
    begins_at: float
    ends_at: float


class World:
    """The stand-ins, the machine's clock, and the program, which can be started anew.

    Use as a context manager. `calls` and `readings` (true times of looks at the watchlist) are what
    the services saw, `outages`, `restarts` and `jumps` what happened to them and to the machine,
    `pauses` when the download worker rested though there was work, `looks` its searches that gave
    nothing.
    """

    def __init__(self, folder: Path, calls_per_hour: int) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.letterboxd = LetterboxdStandIn(username="maria", page_size=10)
        self.tracker = FileListStandIn(
            users={TRACKER_USER: PASSKEY}, calls_per_hour=1_000_000, now=self.true_now
        )
        self.client = QBittorrentStandIn(asks_for_login=False)
        self.client.keeps_torrents = True
        self.client.tells_free_space = True
        self.calls: list[Call] = []
        self.readings: list[float] = []
        self.outages: list[Outage] = []
        self.restarts: list[float] = []
        self.jumps: list[float] = []
        self.pauses: list[Pause] = []
        self.looks: list[Look] = []
        self._calls_per_hour = calls_per_hour
        self._letterboxd_fault: Fault | None = None

    def __enter__(self) -> "World":
        for stand_in in (self.letterboxd, self.tracker, self.client):
            stand_in.__enter__()
        self.letterboxd.fault = self._seen_by_letterboxd
        self.tracker.on_request = self._seen_by_tracker
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        for stand_in in (self.letterboxd, self.tracker, self.client):
            stand_in.__exit__(None, None, None)

    @property
    def now(self) -> float:
        """The true time, in seconds."""
        return self.clock.monotonic()

    def true_now(self) -> datetime:
        """Return the true time as the tracker has it."""
        return _EPOCH + timedelta(seconds=self.clock.monotonic())

    def run_until(self, ends_at: float) -> None:
        """Let the program work until a moment of the true time."""
        self.driver.run_until(ends_at)
        self._collect()

    def restart(self) -> None:
        """End the program and start it again on the same folder."""
        self.restarts.append(self.now)
        if self.pauses and self.pauses[-1].ends_at > self.now:
            self.pauses[-1].cut_at = self.now
        self._start()

    def jump(self, seconds: float) -> None:
        """Put the machine's wall clock forward or back."""
        self.jumps.append(self.now)
        self.clock.jump(seconds)

    def break_down(self, service: str, seconds: float, kind: int) -> Callable[[], None]:
        """Let a service fail, in one of its ways, for some time; returns what mends it."""
        self.outages.append(Outage(service, self.now, self.now + seconds))
        if service == "letterboxd":
            self._letterboxd_fault = _LETTERBOXD_FAULTS[kind % len(_LETTERBOXD_FAULTS)]
        elif service == "tracker":
            for page in (API, DOWNLOAD):
                self.tracker.always(_TRACKER_FAULTS[kind % len(_TRACKER_FAULTS)], page)
        else:
            self.client.always = dict.fromkeys([LOGIN, INFO, ADD], _CLIENT_FAULTS[kind % len(_CLIENT_FAULTS)])
        return lambda: self._mend(service)

    def _mend(self, service: str) -> None:
        if service == "letterboxd":
            self._letterboxd_fault = None
        elif service == "tracker":
            for page in (API, DOWNLOAD):
                self.tracker.always(None, page)
        else:
            self.client.always = {}

    def _start(self) -> None:
        self.workshop = Workshop(
            self.folder,
            self.letterboxd,
            self.tracker,
            clock=self.clock,
            environ={
                "HOME": str(self.folder.parent),
                "MOVIE_SYNC_FILELIST_USERNAME": TRACKER_USER,
                "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY,
            },
            filelist={"base_url": self.tracker.url, "calls_per_hour": self._calls_per_hour},
            qbittorrent={"url": self.client.url},
        )
        self.driver = Driver(self.clock, self.workshop, self.pauses, self.looks)

    def _seen_by_letterboxd(self, path: str) -> Fault | None:
        if path.endswith("/watchlist/") and self.now not in self.readings[-1:]:
            self.readings.append(self.now)
        return self._letterboxd_fault

    def _seen_by_tracker(self, request: SeenRequest) -> None:
        if request.params.get("action") == "search-torrents":
            self.driver.note_search()

    def _collect(self) -> None:
        """Take over what the stand-ins noted: kept there it would look like the program's own memory."""
        for request in self.tracker.requests:
            at = (request.at - _EPOCH).total_seconds()
            query = request.params.get("query") or request.params.get("action") or request.page
            self.calls.append(Call(at, query, request.status or 0))
        for log in (self.tracker.requests, self.letterboxd.requests, self.client.seen, self.client.forms):
            log.clear()
