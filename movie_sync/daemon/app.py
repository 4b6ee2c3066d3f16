"""The main thread: starts the workers, looks after them, and ends everything in good order."""

import contextlib
import ctypes
import logging
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from types import FrameType

from movie_sync.complaints import Complaints
from movie_sync.daemon.download import DownloadWorker
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.worker import Worker
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.counts import statistics_words
from movie_sync.reports.daemon_state import DaemonState

_log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_ONCE_TICK_SECONDS = 0.1
_STATISTICS_SECONDS = 60.0
_STATISTICS_ANYWAY_SECONDS = 3600.0
_JOIN_SECONDS = 8.0
# From a signal to the end, whatever the disk does. The last of it is for what is said at the end.
_MOST_SECONDS = 9.0
_LAST_SECONDS = 1.0
_SOON_SECONDS = 0.01

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_LARGE_BYTES = 65_536


def keep_memory_together() -> None:
    """Let all threads share one heap, and give back what is large or at its end once it is free.

    With glibc each thread gets a heap of its own, whose free memory no other thread uses. To be called
    before the first thread starts; does nothing with another C library.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    set_option(_M_ARENA_MAX, 1)
    set_option(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    set_option(_M_TRIM_THRESHOLD, _LARGE_BYTES)


class Signals:
    """SIGINT and SIGTERM as a flag. The handler sets it and a time limit; a second signal ends at once.

    A signal also ends `wait` at once, through a pair of sockets that the interpreter writes to. When
    the time is over the process ends, as after a crash: a slow disk may hold any thread up.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.ends_at = math.inf
        """When the process ends at the latest, in seconds of the monotonic clock."""
        self._busy_since: float | None = time.monotonic()
        self._before_limit: Callable[[], None] | None = None
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals for as long as the block runs. For the main thread."""
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # not under nohup
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._handle) for number in numbers}
        wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            if self._before_limit is not None:
                self._before_limit()
            for number, handler in before.items():
                signal.signal(number, handler)
            self._reader.close()
            self._writer.close()

    def wait(self, seconds: float) -> None:
        """Return after the time, or as soon as a signal comes."""
        self._busy_since = None
        ready, _, _ = select.select([self._reader], [], [], seconds)
        self._busy_since = time.monotonic()
        if ready:
            with contextlib.suppress(BlockingIOError):
                self._reader.recv(64)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)
        self.received = number
        # It may have come as soon as the main thread was busy, which hears of it late, and of the limit
        # too.
        now = time.monotonic()
        late = 0.0 if self._busy_since is None else now - self._busy_since
        self.ends_at = now + _MOST_SECONDS - 2 * late
        self._before_limit = _limit_time(max(self.ends_at - now, _SOON_SECONDS))

    def has_come(self) -> bool:
        """Tell whether one was received; for work of the main thread that takes long, between its pieces."""
        self._busy_since = time.monotonic()
        return self.received is not None


def _limit_time(seconds: float) -> Callable[[], None]:
    """End the process after this many seconds, unless the returned function is called first."""
    handler = signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(0))
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)

    def lift() -> None:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)

    return lift


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers, and what else is built from the settings.

    `drain_inbox` carries out what commands asked for and is called about once a second, with a function
    that says whether to leave the rest for the next start; it may raise StorageError. `tick_extras` are
    called about once a second, `closers` once when the workers were asked to end; those may take two
    seconds. None of them may raise. `shelf_trouble` tells why no film can be put on the shelf, or "".
    """

    monitor: MonitorWorker
    download: DownloadWorker
    drain_inbox: Callable[[Callable[[], bool]], int]
    tick_extras: Sequence[Callable[[], object]] = ()
    closers: Sequence[Callable[[], None]] = ()
    shelf_trouble: Callable[[], str] = str

    @property
    def workers(self) -> Sequence[Worker]:
        """Both, in the order in which a single run has them work."""
        return self.monitor, self.download


@dataclass(eq=False, repr=False)
class MovieSyncApp:
    """Runs the monitor and the download worker until a signal comes (or, once, until nothing can be done).

    Once both workers have ended by themselves, `next_crew` gives those that go on in their place, with
    other settings, or None. `trouble` tells what is amiss with the settings; `report_state` gets the `state`
    when it changes, and may raise StorageError.
    """

    crew: Crew
    queue_manager: QueueManager
    _: KW_ONLY
    state: DaemonState
    report_state: Callable[[DaemonState], None]
    clock: Clock
    next_crew: Callable[[], Crew | None] = lambda: None
    trouble: Callable[[], str] = str
    _signals: Signals = field(default_factory=Signals, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)
    _statistics: str = field(default="", init=False)
    _statistics_at: float = field(default=0.0, init=False)

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal came."""
        return self._signals.received is not None

    def run(self, *, once: bool = False) -> None:
        """Run both workers until a signal comes; `once`, one after the other, each until it would rest."""
        with self._signals.handled():
            self._log_statistics("Queues")
            try:
                self._drain()
                if once:
                    for worker in self.crew.workers:
                        self._run_until_done([worker])
                else:
                    self._run_crews()
            finally:  # whatever went wrong here, no thread may keep the process alive
                self._shut_down(self.crew.workers)

    def _run_crews(self) -> None:
        next_crew: Crew | None = self.crew
        while next_crew is not None:
            self.crew = next_crew
            self._run_until_done(self.crew.workers)
            next_crew = self.next_crew() if self._signals.received is None else None

    def _run_until_done(self, workers: Sequence[Worker]) -> None:
        if self._signals.received is not None:
            return
        for worker in workers:
            worker.start()
        while self._signals.received is None and not all(worker.is_done for worker in workers):
            self._signals.wait(_TICK_SECONDS if len(workers) > 1 else _ONCE_TICK_SECONDS)
            if self._signals.received is None:
                self._tick(workers)

    def _tick(self, workers: Sequence[Worker]) -> None:
        self._drain()
        for extra in self.crew.tick_extras:
            extra()
        for worker in workers:
            if worker.stopping.is_set():  # by another than this thread: those that rest are to hear of it
                worker.stop()
            if not worker.is_alive() and not worker.is_done and self._signals.received is None:
                _log.error("The %s worker died and is being restarted.", worker.name)
                worker.start()
        state = replace(
            self.state,
            monitor=self.crew.monitor.activity,
            download=self.crew.download.activity,
            client=self.crew.download.client_trouble,
            trackers=self.crew.download.sessions.tracker_troubles,
            settings=self.trouble(),
            needs=self.crew.download.needs,
            lists=self.crew.monitor.lists,
            shelf=self.crew.shelf_trouble(),
        )
        if state != self.state:
            with contextlib.suppress(StorageError):  # a full disk is said by those who need the disk
                self.report_state(state)
                self.state = state
        since = self.clock.monotonic() - self._statistics_at
        if since >= _STATISTICS_SECONDS and (
            since >= _STATISTICS_ANYWAY_SECONDS or statistics_words(self.queue_manager) != self._statistics
        ):
            self._log_statistics("Queues")

    def _drain(self) -> None:
        try:
            self.crew.drain_inbox(self._signals.has_come)
        except StorageError as exc:
            self._complaints.say(f"A command is waiting: {exc}", exc=exc)
        else:
            self._complaints.over()

    def _shut_down(self, workers: Sequence[Worker]) -> None:
        """Stop all, then wait for all, within one time limit."""
        for worker in workers:
            worker.stop()
        if self._signals.received is not None:
            _log.info("Stopping (%s).", signal.Signals(self._signals.received).name)
        ends_at = min(time.monotonic() + _JOIN_SECONDS, self._signals.ends_at - _LAST_SECONDS)
        for close in self.crew.closers:
            close()
        late = [worker for worker in workers if not worker.join(max(ends_at - time.monotonic(), 0.0))]
        for worker in late:
            _log.warning(
                "The %s worker was still waiting for a service or the disk and was left behind.", worker.name
            )
        self._log_statistics("Final statistics")
        if late:
            # It can't be interrupted; the next start recovers its work, as after a crash.
            # Python would wait for the thread at exit, so the process ends here.
            logging.shutdown()
            os._exit(0)

    def _log_statistics(self, title: str) -> None:
        self._statistics = statistics_words(self.queue_manager)
        self._statistics_at = self.clock.monotonic()
        _log.info("%s: %s", title, self._statistics)
