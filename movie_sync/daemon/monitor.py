"""The monitor thread: reads the watchlist once an interval and queues what is new."""

import logging
import threading
from collections.abc import Callable

from movie_sync.complaints import Complaints, words_of
from movie_sync.daemon.worker import Rest, Worker
from movie_sync.domain.events import Event, EventKind
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.retry import LONGEST_DELAY_SECONDS, pause_seconds
from movie_sync.errors import (
    BlockedError,
    NoSuchUserError,
    PageChangedError,
    PrivateListError,
    StorageError,
    TransientError,
    UserError,
)
from movie_sync.ports import Clock, WatchlistSource
from movie_sync.reports.words import time_of_day
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.unreadable_store import UnreadableStore

_log = logging.getLogger(__name__)

# Nothing that a quick second look could mend; looking often would only bother Letterboxd.
_LONG_SECONDS = 86_400.0
_LASTING = (BlockedError, NoSuchUserError, PageChangedError, PrivateListError, UserError)


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
        unreadable: UnreadableStore | None = None,
    ) -> None:
        super().__init__("monitor", stop, once=once, clock=clock)
        self._on_read = on_read
        self._tell = tell
        self._unreadable = unreadable or UnreadableStore(None, "", clock)
        self._source = source
        self._intake = intake
        self._interval_seconds = interval_seconds
        self._failures = 0
        self._complaints = Complaints(_log)
        self._untaken: WatchlistSnapshot | None = None

    def step(self) -> Rest:
        """Check once."""
        self.activity = "reading the watchlist"
        try:
            self._check()
        except (TransientError, StorageError, UserError) as exc:
            self.has_failed = True
            self._failures += 1
            seconds = self._seconds_after(exc)
            trouble = "taken in" if isinstance(exc, StorageError) else "read"
            self._complaints.say(
                f"The watchlist could not be {trouble}: {exc}",
                "" if self._once else f" Next try {self._in(seconds)}.",
                exc=exc,
            )
            self._tell_unreadable(str(exc))
            return Rest(seconds, f"the last check failed ({exc}); next try {self._in(seconds)}")
        except Exception as exc:
            self._tell_unreadable(words_of(exc))
            raise
        self._failures = 0
        self._unreadable.over()
        self._on_read()
        self._complaints.over()
        return Rest(self._interval_seconds, f"next check of the watchlist {self._in(self._interval_seconds)}")

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
            at = self._clock.now()
            text = f"The watchlist could not be read for a day: {why}"
            self._tell(Event(f"unreadable:{at:%Y-%m-%d}", EventKind.UNREADABLE, at, text))
            self._unreadable.note_told()

    def _seconds_after(self, exc: Exception) -> float:
        if isinstance(exc, _LASTING):
            return self._interval_seconds
        asked = exc.retry_after_seconds if isinstance(exc, TransientError) else None
        least = min(asked or 0.0, LONGEST_DELAY_SECONDS)
        return max(min(pause_seconds(self._failures), self._interval_seconds), least)

    def _in(self, seconds: float) -> str:
        return f"at {time_of_day(self._clock.now(), seconds)}"
