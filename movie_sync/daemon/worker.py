"""What both workers are: one thread, one stop event, and a loop that no error ends."""

import abc
import logging
import threading
from dataclasses import KW_ONLY, dataclass, field
from typing import ClassVar

from movie_sync.complaints import log_where, words_of
from movie_sync.errors import Stopped
from movie_sync.ports import Clock
from movie_sync.reports.daemon_state import STARTING, Activity, ActivityKind

_log = logging.getLogger(__name__)

_AFTER_FAULT_SECONDS = 10.0
_LONGEST_AFTER_FAULT_SECONDS = 3600.0
# Pauses go on in sleep, which the system's own waits do not.
_LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait before the next step, and what the worker is at meanwhile.

    `is_idle` says that there is nothing to do: work that comes in ends the wait. `is_asked_for`: a service
    asked for it, so that nothing but a stop ends it early.
    """

    seconds: float
    activity: Activity
    is_idle: bool = False
    is_asked_for: bool = False


@dataclass(eq=False, repr=False)
class Worker(abc.ABC):
    """Owns one thread that takes step after step until it is stopped.

    `start`, `stop` and `join` are for the app's main thread; `activity` may be read by any.
    Nothing starts in the constructor. Several workers may share one stop event. With `once` the
    worker ends when it would pause for the first time.
    """

    name: ClassVar[str]
    _: KW_ONLY
    stopping: threading.Event
    clock: Clock
    once: bool = False
    activity: Activity = field(default=STARTING, init=False)
    has_failed: bool = field(default=False, init=False)
    """Whether something went wrong that the exit code of `--once` tells."""
    is_resting: bool = field(default=False, init=False)
    """Whether it is between two pieces of work; for any thread."""
    is_done: bool = field(default=False, init=False)
    """Whether the thread ended in order: it was stopped, or was to run once."""
    moved_at: float = field(default=0.0, init=False)
    """When (monotonic seconds) it last began a step or looked up from a rest."""
    _woken: threading.Event = field(default_factory=threading.Event, init=False)
    _last_fault: str = field(default="", init=False)
    _fault_seconds: float = field(default=0.0, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    @abc.abstractmethod
    def step(self) -> Pause | None:
        """Do one piece of work; return a pause to take before the next, or None to go on at once."""

    def wait_for_work(self, seconds: float) -> bool:
        """Wait; return whether that came to an end before the time was over."""
        return self._woken.wait(seconds)

    def rest(self, pause: Pause) -> None:
        """Wait until the pause is over, the worker is stopped or hurried or, if idle, work comes in."""
        wait = self.wait_for_work if pause.is_idle else self._woken.wait
        ends_at = self.clock.monotonic() + pause.seconds
        self.is_resting = True
        while not self.stopping.is_set() and (left := ends_at - self.clock.monotonic()) > 0:
            is_woken = wait(min(left, _LONGEST_WAIT_SECONDS))
            self.moved_at = self.clock.monotonic()
            if is_woken:
                self._woken.clear()
                if not pause.is_asked_for:
                    break
        self.is_resting = False

    def hurry(self) -> None:
        """Take the next step now instead of resting, unless a service asked for the rest. For any thread."""
        self._woken.set()

    def start(self) -> None:
        """Start the thread, or start it again if it died."""
        self.moved_at = self.clock.monotonic()
        self._thread = threading.Thread(target=self._run, name=self.name)
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to end; returns at once."""
        self.stopping.set()
        self._woken.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end; False if it still runs."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.is_alive()

    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping.is_set():
            self.moved_at = self.clock.monotonic()
            try:
                pause = self.step()
                self._last_fault = ""
            except Stopped:
                break
            except Exception as exc:  # noqa: BLE001 - no error may end the daemon's work
                pause = self._pause_after(exc)
            if pause is not None:
                self.activity = pause.activity
                if self.once:
                    break
                self.rest(pause)
        # Unwound without having been asked to stop, the thread has died: the app starts it again.
        self.is_done = self.once or self.stopping.is_set()

    def _pause_after(self, exc: Exception) -> Pause:
        """Say what ended a step; the same again pauses for twice as long, up to an hour."""
        self.has_failed = True
        words = words_of(exc)
        is_same = words == self._last_fault
        self._fault_seconds = (
            min(2 * self._fault_seconds, _LONGEST_AFTER_FAULT_SECONDS) if is_same else _AFTER_FAULT_SECONDS
        )
        self._last_fault = words
        _log.error("The %s worker restarts in %g s: %s", self.name, self._fault_seconds, words)
        log_where(exc)
        return Pause(self._fault_seconds, Activity(ActivityKind.FAULT, words))
