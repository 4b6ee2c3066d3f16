"""One way to tell the user: takes events from the outbox and has a process tell them."""

import abc
import logging
from collections.abc import Collection
from dataclasses import dataclass

from movie_sync.complaints import Complaints
from movie_sync.domain.events import Event
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Ended, Process
from movie_sync.ports import Clock

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 300.0
_LONGEST_PAUSE_SECONDS = 3600.0
_GIVE_UP_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Task:
    """What is told next: which events, and what the process is to read."""

    ids: Collection[str]
    given: bytes


class Channel(abc.ABC):
    """Has one process at a time; what fails is tried again with growing pauses, for a day.

    For the main thread: no method waits, but `wait` and `close`, and none raises.
    """

    def __init__(self, name: str, what: str, outbox: EventOutbox, clock: Clock) -> None:
        self.name = name
        self._what = what
        self._outbox = outbox
        self._clock = clock
        self._process: Process | None = None
        self._task = Task((), b"")
        self._complaints = Complaints(_log)
        self._failing_since: float | None = None
        self._pause_seconds = 0.0
        self._paused_until = clock.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether a process runs, or ended and was not looked after yet."""
        return self._process is not None

    @property
    def has_ended(self) -> bool:
        """Whether its process ended and waits to be looked after."""
        return self._process is not None and self._process.has_ended

    @abc.abstractmethod
    def wants(self, event: Event) -> bool:
        """Return whether an event is for this channel. May be called by any thread."""

    @abc.abstractmethod
    def _next(self, *, in_hurry: bool) -> Task | None:
        """Return what is to be told now; `in_hurry` is before the program ends."""

    @abc.abstractmethod
    def _start(self, given: bytes) -> Process:
        """Start the process; raises OSError."""

    @abc.abstractmethod
    def _take_end(self, ended: Ended) -> None:
        """Call `_succeed`, or `_fail` with what is wrong."""

    def tick(self, *, in_hurry: bool = False) -> None:
        """Look after the process, and start the next one."""
        if self._process is not None:
            ended = self._process.poll()
            if ended is None:
                return
            self._process = None
            self._take_end(ended)
        if self._clock.monotonic() < self._paused_until:
            return
        task = self._next(in_hurry=in_hurry)
        if task is None:
            return
        self._task = task
        try:
            self._process = self._start(task.given)
        except OSError as exc:
            self._fail(f"could not be started: {exc.strerror or type(exc).__name__}")

    def wait(self, seconds: float) -> None:
        """Wait for the end of the process, not longer than this."""
        if self._process is not None:
            self._process.wait(seconds)

    def close(self, seconds: float) -> None:
        """Give the process so long to end; what it has not told by then is told after the next start."""
        if self._process is None:
            return
        self._process.wait(seconds)
        ended = self._process.poll()
        if ended is None:
            self._process.end()
        else:
            self._take_end(ended)
        self._process = None

    def _succeed(self, complaint: str) -> None:
        """Note that the events were told, with or without something to complain of."""
        self._outbox.done(self.name, self._task.ids)
        self._failing_since, self._pause_seconds = None, 0.0
        if complaint:
            self._complaints.say(f"{self._what} {complaint}.")
        else:
            self._complaints.over()

    def _fail(self, reason: str) -> None:
        """Pause, or give up what has waited for a day."""
        now = self._clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        longer = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        self._pause_seconds = longer or _FIRST_PAUSE_SECONDS
        self._paused_until = now + self._pause_seconds
        if now - self._failing_since < _GIVE_UP_SECONDS:
            minutes = round(self._pause_seconds / 60)
            self._complaints.say(
                f"{self._what} {reason.rstrip('.')}.", f" The next attempt is in {minutes} min."
            )
            return
        ids = [event.id for event in self._outbox.waiting(self.name)]
        _log.warning("%s has failed for a day: %d events are given up.", self._what, len(ids))
        self._outbox.done(self.name, ids)
        self._failing_since = None
