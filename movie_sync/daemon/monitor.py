"""The monitor thread: reads the watchlist once an interval and queues what is new."""

import logging
import threading
from collections.abc import Callable

from movie_sync.complaints import Complaints, words_of
from movie_sync.daemon.faults import seconds_to_next_check
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.domain.events import Event, ListUnreadable
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.retry import later
from movie_sync.domain.times import time_of_day
from movie_sync.errors import StorageError, TransientError, UserError
from movie_sync.ports import Clock, WatchlistSource
from movie_sync.reports.daemon_state import Activity, ActivityKind
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.unreadable_store import UnreadableStore

_log = logging.getLogger(__name__)

_LONG_SECONDS = 86_400.0


class MonitorWorker(Worker):
    """Checks the watchlist every `interval_seconds`; sooner, with growing pauses, after a failure."""

    def __init__(
        self,
        source: WatchlistSource,
        intake: WatchlistIntake,
        *,
        interval_seconds: float,
        clock: Clock,
        stop: threading.Event,
        once: bool = False,
        on_read: Callable[[], None] = lambda: None,
        tell: Callable[[Event], None] = lambda _event: None,
        unreadable: UnreadableStore,
    ) -> None:
        super().__init__("monitor", stop, clock, once=once)
        self._on_read = on_read
        self._tell = tell
        self._unreadable = unreadable
        self._source = source
        self._intake = intake
        self._interval_seconds = interval_seconds
        self._failures = 0
        self._complaints = Complaints(_log)
        self._untaken: WatchlistSnapshot | None = None

    def step(self) -> Pause:
        """Check once."""
        self.activity = Activity(ActivityKind.READING_LIST)
        try:
            self._check()
        except (TransientError, StorageError, UserError) as exc:
            self.has_failed = True
            self._failures += 1
            seconds = seconds_to_next_check(exc, self._failures, self._interval_seconds)
            trouble = "taken in" if isinstance(exc, StorageError) else "read"
            self._complaints.say(
                f"The watchlist could not be {trouble}: {exc}",
                "" if self._once else f" Next try at {time_of_day(self._clock.now(), seconds)}.",
                exc=exc,
            )
            self._tell_unreadable(str(exc))
            return self._until_next_check(ActivityKind.LIST_UNREADABLE, seconds, str(exc))
        except Exception as exc:
            self._tell_unreadable(words_of(exc))
            raise
        self._failures = 0
        self._unreadable.over()
        self._on_read()
        self._complaints.over()
        return self._until_next_check(ActivityKind.LIST_READ, self._interval_seconds)

    def _until_next_check(self, kind: ActivityKind, seconds: float, why: str = "") -> Pause:
        return Pause(seconds, Activity(kind, why, later(self._clock.now(), seconds)))

    def _check(self) -> None:
        # A file that was not written again is not read again: a reading is kept until it is taken in.
        self._untaken = self._source.fetch() or self._untaken
        is_unchanged = self._untaken is None
        intake = self._intake.take_again() if self._untaken is None else self._intake.take(self._untaken)
        self._untaken = None
        is_news = intake.queued or intake.already_there or intake.dropped
        _log.log(
            logging.DEBUG if is_unchanged and not is_news else logging.INFO,
            "Watchlist read: %d films, %d new in the queue%s%s.",
            intake.listed,
            intake.queued,
            f", {intake.already_there} already downloaded" if intake.already_there else "",
            f", {intake.dropped} no longer listed" if intake.dropped else "",
        )

    def _tell_unreadable(self, why: str) -> None:
        """Tell it once if the watchlist could not be read for a day."""
        if self._unreadable.note() >= _LONG_SECONDS and not self._unreadable.is_told:
            self._tell(ListUnreadable(self._clock.now(), why))
            self._unreadable.note_told()
