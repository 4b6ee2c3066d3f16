"""The ways to tell the user, and what takes events from the workers and has each way tell them.

They are his own command, notices through Apprise, and the refresh of a media server.
"""

import abc
import logging
import math
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from pathlib import Path

from movie_sync.child_process import Ended, Process
from movie_sync.complaints import Complaints
from movie_sync.credentials.environment import without_secrets
from movie_sync.domain.events import Event, EventKind
from movie_sync.errors import StorageError
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Sender
from movie_sync.notices.wording import WordedEvent, notice_of, worded
from movie_sync.ports import Clock
from movie_sync.services.base import Subscription, ToldService
from movie_sync.settings.section import setting
from movie_sync.settings.values import command_line, or_null

_log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 300.0
_LONGEST_PAUSE_SECONDS = 3600.0
_GIVE_UP_SECONDS = 24 * 3600.0
_CLOSE_SECONDS = 2.0
_FINISH_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_QUICK_SECONDS = 0.05
_MOST_MORE_IN_A_TICK = 9


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """The program, and its arguments, that is run with each event."""

    on_event: tuple[str, ...] | None = setting(
        None,
        "a program and its arguments, as a list of strings or one string, or null for none",
        or_null(command_line),
        is_path=True,
        is_private=True,
    )


@dataclass(eq=False, repr=False)
class Channel(abc.ABC):
    """Takes events from the outbox and has one process at a time tell them.

    What fails is tried again with growing pauses, for a day. `kinds` are the events for this channel,
    and may be asked for by any thread. All else is for the main thread: no method waits, but `wait` and
    `close`, and none raises.
    """

    name: str = field(init=False)
    what: str = field(init=False)
    """What reaches the user so, at the beginning of a sentence."""
    kinds: Collection[EventKind] = field(init=False)
    outbox: EventOutbox
    clock: Clock
    _process: Process | None = field(default=None, init=False)
    _ids: Collection[str] = field(default=(), init=False)  # of what it tells
    _complaints: Complaints = field(default_factory=partial(Complaints, _log), init=False)
    _failing_since: float | None = field(default=None, init=False)
    _pause_seconds: float = field(default=0.0, init=False)
    _paused_until: float = field(default=-math.inf, init=False)

    @abc.abstractmethod
    def _begin(self, *, in_hurry: bool) -> Process | None:
        """Start to tell what is due, and note its ids; `in_hurry` is before the program ends.

        Raises OSError.
        """

    @abc.abstractmethod
    def _take_end(self, ended: Ended) -> None:
        """Call `_succeed`, or `_fail` with what is wrong."""

    def tick(self, *, in_hurry: bool = False) -> bool:
        """Look after the process, and start the next one; tell whether one runs."""
        if self._process is not None:
            ended = self._process.poll()
            if ended is None:
                return True
            self._process = None
            self._take_end(ended)
        if self.clock.monotonic() >= self._paused_until:
            try:
                self._process = self._begin(in_hurry=in_hurry)
            except OSError as exc:
                self._fail(f"couldn't be started: {exc.strerror or type(exc).__name__}")
        return self._process is not None

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process, not longer than this; tell whether one ended."""
        return self._process is not None and self._process.wait(seconds)

    def close(self, seconds: float) -> None:
        """Give the process so long to end; what it has not told by then is told after the next start."""
        if self._process is None:
            return
        self._process.wait(seconds)
        if ended := self._process.poll():
            self._take_end(ended)
        else:
            self._process.end()
        self._process = None

    def _succeed(self, complaint: str) -> None:
        """Note that the events were told, with or without something to complain of."""
        self.outbox.done(self.name, self._ids)
        self._failing_since, self._pause_seconds = None, 0.0
        if complaint:
            self._complaints.say(f"{self.what} {complaint}.")
        else:
            self._complaints.over()

    def _fail(self, reason: str) -> None:
        """Pause, or give up what has waited for a day."""
        now = self.clock.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS) or _FIRST_PAUSE_SECONDS
        self._paused_until = now + self._pause_seconds
        if now - self._failing_since < _GIVE_UP_SECONDS:
            minutes = round(self._pause_seconds / 60)
            self._complaints.say(f"{self.what} {reason.rstrip('.')}.", f" Next try in {minutes} min.")
            return
        ids = [event.id for event in self.outbox.waiting(self.name)]
        _log.warning("%s has failed for a day; notifications dropped: %d.", self.what, len(ids))
        self.outbox.done(self.name, ids)
        self._failing_since = None


@dataclass(eq=False, repr=False)
class CommandChannel(Channel):
    """Runs the user's command with one event after the other; each end of it counts as told.

    `umask` is the command's, since what it makes is the user's; -1 is that of this process.
    """

    words: Sequence[str]
    environ: Mapping[str, str]
    _: KW_ONLY
    umask: int = -1

    def __post_init__(self) -> None:
        self.name, self.kinds = "command", frozenset(EventKind)
        self.what = f"The on_event command{_program(self.words[0])}"

    def _begin(self, *, in_hurry: bool) -> Process | None:  # noqa: ARG002 - it never waits for more
        event = next(self.outbox.waiting(self.name), None)
        if event is None:
            return None
        self._ids = (event.id,)
        given, environ = event.for_scripts(), without_secrets(self.environ)
        return Process(self.words, given, environ=environ, clock=self.clock, umask=self.umask)

    def _take_end(self, ended: Ended) -> None:
        overdue = ended.overdue and f"{ended.overdue} and was stopped"
        self._succeed(overdue or (f"exited with code {ended.code}" if ended.code else ""))


def _program(word: str) -> str:
    """Return how a command's first word is named: not at all where it is no program's name or path.

    A secret may stand there, as in a web hook's address or a setting of the environment.
    """
    return "" if "://" in word or "=" in word else f" {Path(word).name}"


@dataclass(eq=False, repr=False)
class ServiceChannel(Channel):
    """A service that our own process tells; what is due at the same time is told at once."""

    service: ToldService
    told: Subscription
    sender: Sender

    def __post_init__(self) -> None:
        self.name, self.what, self.kinds = self.service.name, self.service.what, self.told.kinds

    def _begin(self, *, in_hurry: bool) -> Process | None:
        schedule = replace(self.told.schedule, gather_seconds=0) if in_hurry else self.told.schedule
        span = self.outbox.span(self.name)
        times = [moment.astimezone().replace(tzinfo=None) for moment in (self.clock.now(), *(span or ()))]
        if span is None or not schedule.is_due(*times):
            return None
        self._ids = ids = []

        def events() -> Iterator[WordedEvent]:
            for event in self.outbox.waiting(self.name):
                ids.append(event.id)
                yield event

        return self.sender.start(self.service, self.told.order, *notice_of(events()))

    def _take_end(self, ended: Ended) -> None:
        if ended.failure:
            self._fail(ended.failure)
        else:
            self._succeed(f"didn't reach everyone: {ended.answer}" if ended.answer else "")


@dataclass(eq=False, repr=False)
class Announcer:
    """`tell` is for any thread, all else for the main thread. Without an outbox nothing is told.

    `clean` takes secrets out of words, once more: they go to others. `here` returns a path of the torrent
    client as this machine names it.
    """

    outbox: EventOutbox | None
    channels: Sequence[Channel]
    clock: Clock
    _: KW_ONLY
    clean: Callable[[str], str] = str
    here: Callable[[str], str] = str
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _complaints: Complaints = field(default_factory=partial(Complaints, _log), init=False)

    def tell(self, event: Event) -> None:
        """Take an event, safe on the disk on return; a repeat by its id is not told twice.

        A disk that refuses it is complained of once; the event is then told from memory.
        """
        if self.outbox is None:
            return
        channels = [channel.name for channel in self.channels if event.kind in channel.kinds]
        with self._lock:
            try:
                self.outbox.put(worded(event, self.clean, self.here), channels)
                self._complaints.over()
            except StorageError as exc:
                self._complaints.say(f"A notification is kept in memory only: {exc}", exc=exc)

    def tick(self) -> None:
        """Start what is due, and look after what runs. Takes half a second at most.

        Commands that end quickly are run one after the other, not one a tick.
        """
        for channel in self.channels:
            channel.tick()
            for _ in range(_MOST_MORE_IN_A_TICK):
                if not channel.wait(_QUICK_SECONDS):
                    break
                channel.tick()

    def finish(self) -> None:
        """Tell what waits, except what waits for its time of day; for the end of a single run.

        Takes up to a minute; then as `close`.
        """
        ends_at = self.clock.monotonic() + _FINISH_SECONDS
        try:
            while self.clock.monotonic() < ends_at:
                running = [channel for channel in self.channels if channel.tick(in_hurry=True)]
                if not running:
                    break
                running[0].wait(_LOOK_SECONDS)
        finally:  # Ctrl+C
            self.close()

    def close(self) -> None:
        """Give what runs two seconds, then end it; what was not told is told after the next start."""
        ends_at = self.clock.monotonic() + _CLOSE_SECONDS
        for channel in self.channels:
            channel.close(max(ends_at - self.clock.monotonic(), 0.0))
