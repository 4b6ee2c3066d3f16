"""The monitor thread: reads the watchlist once an interval and queues what is new."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from movie_sync.complaints import Complaints, words_of
from movie_sync.daemon.faults import asked_seconds, seconds_to_next_check
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.domain.events import Event, ListUnreadable
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.times import later, time_of_day
from movie_sync.errors import StorageError, TransientError, UserError
from movie_sync.ports import WatchlistSource
from movie_sync.reports.daemon_state import Activity, ActivityKind
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.unreadable_store import UnreadableStore

_log = logging.getLogger(__name__)

_LONG_SECONDS = 86_400.0


@dataclass(slots=True)
class LastReading:
    """When (monotonic seconds) the list was last read whole, by this worker or by one before it."""

    at: float = -math.inf


@dataclass(eq=False, repr=False)
class MonitorWorker(Worker):
    """Checks the watchlist every `interval_seconds`; sooner, with growing pauses, after a failure."""

    name = "monitor"
    source: WatchlistSource
    intake: WatchlistIntake
    unreadable: UnreadableStore
    interval_seconds: float
    on_read: Callable[[], None]
    tell: Callable[[Event], None]
    last: LastReading = field(default_factory=LastReading)
    _first_check_at: float = field(init=False)
    checked_at: float = field(default=-math.inf, init=False)
    """When (monotonic seconds) the last check began."""
    _failures: int = field(default=0, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)
    _untaken: WatchlistSnapshot | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._first_check_at = self.last.at + self.interval_seconds
        self.checked_at = self.last.at

    def hurry(self) -> None:
        """Check now; as `Worker.hurry`."""
        self._first_check_at = -math.inf
        super().hurry()

    def step(self) -> Pause:
        """Check once; or, if that was done lately, wait until it is due."""
        left = self._first_check_at - self.clock.monotonic()
        if left > 0:
            return self._until_next_check(ActivityKind.LIST_READ, left)
        self.activity = Activity(ActivityKind.READING_LIST)
        self.checked_at = self.clock.monotonic()
        try:
            self._check()
        except (TransientError, StorageError, UserError) as exc:
            self.has_failed = True
            self._failures += 1
            seconds = seconds_to_next_check(exc, self._failures, self.interval_seconds)
            trouble = "save" if isinstance(exc, StorageError) else "read"
            self._complaints.say(
                f"Couldn't {trouble} the watchlist: {exc}",
                "" if self.once else f" Next try at {time_of_day(self.clock.now(), seconds)}.",
                exc=exc,
            )
            self._tell_unreadable(str(exc))
            pause = self._until_next_check(ActivityKind.LIST_UNREADABLE, seconds, str(exc))
            return replace(pause, is_asked_for=asked_seconds(exc) > 0)
        except Exception as exc:
            self._tell_unreadable(words_of(exc))
            raise
        self._failures = 0
        self.last.at = self.clock.monotonic()
        self.unreadable.over()
        self.on_read()
        self._complaints.over()
        return self._until_next_check(ActivityKind.LIST_READ, self.interval_seconds)

    def _until_next_check(self, kind: ActivityKind, seconds: float, why: str = "") -> Pause:
        return Pause(seconds, Activity(kind, why, later(self.clock.now(), seconds)))

    def _check(self) -> None:
        # A file that was not written again is not read again: a reading is kept until it is taken in.
        self._untaken = self.source.fetch() or self._untaken
        is_unchanged = self._untaken is None
        intake = self.intake.take_again() if self._untaken is None else self.intake.take(self._untaken)
        self._untaken = None
        is_news = intake.queued or intake.already_there or intake.dropped
        _log.log(
            logging.DEBUG if is_unchanged and not is_news else logging.INFO,
            "Watchlist read: %d films, %d newly queued%s%s.",
            intake.listed,
            intake.queued,
            f", {intake.already_there} already downloaded" if intake.already_there else "",
            f", {intake.dropped} no longer listed" if intake.dropped else "",
        )

    def _tell_unreadable(self, why: str) -> None:
        """Tell it once if the watchlist couldn't be read for a day."""
        if self.unreadable.note() >= _LONG_SECONDS and not self.unreadable.is_told:
            self.tell(ListUnreadable(self.clock.now(), why))
            self.unreadable.note_told()
