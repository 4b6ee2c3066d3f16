"""The monitor thread: reads each list once an interval and queues what is new."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from movie_sync.complaints import words_of
from movie_sync.daemon.faults import asked_seconds, seconds_to_next_check
from movie_sync.daemon.list_reading import ListReading
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.domain.events import Event, ListUnreadable
from movie_sync.domain.times import later, time_of_day
from movie_sync.errors import BlockedError, RateLimitError, StorageError, TransientError, UserError
from movie_sync.reports.counts import films_words
from movie_sync.reports.daemon_state import Activity, ActivityKind, ListState
from movie_sync.wishes.intake import IntakeCounts

_log = logging.getLogger(__name__)

_DAY_SECONDS = 86_400.0
# What a site refuses for one of its lists it refuses for all.
_OF_THE_SITE = (BlockedError, RateLimitError)


@dataclass(eq=False, repr=False)
class MonitorWorker(Worker):
    """Reads each of its lists when it is due; sooner, with growing pauses, after a failure of that list.

    Of those that are due at the same time the one comes first that was tried longest ago, so that one that
    always fails holds up no other.
    """

    name = "monitor"
    readings: Sequence[ListReading]
    on_read: Callable[[], None]
    tell: Callable[[Event], None]
    after_reading: Callable[[], None] = lambda: None
    checked_at: float = field(default=-math.inf, init=False)
    """When (monotonic seconds) the last check began."""
    lists: tuple[ListState, ...] = field(default=(), init=False)
    """When each of several lists is read next, and why not, in the order of the settings; for any thread."""
    _is_hurried: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.checked_at = max((reading.last.at for reading in self.readings), default=-math.inf)
        self._note_states()

    def hurry(self) -> None:
        """Read all lists now that no site asked to wait for; as `Worker.hurry`."""
        self._is_hurried = True
        super().hurry()

    def step(self) -> Pause | None:
        """Read the list that is due; or, if none is, wait until one is."""
        now = self.clock.monotonic()
        if self._is_hurried:
            self._is_hurried = False
            for reading in self.readings:
                if not reading.is_asked_for:
                    reading.due_at = min(reading.due_at, now)
        first = self._first(now)
        if first.due_at <= now:
            self.activity = Activity(ActivityKind.READING_LIST)
            self.checked_at = first.tried_at = now
            self._read(first)
        return self._until_next()

    def _first(self, now: float) -> ListReading:
        return min(self.readings, key=lambda each: (max(each.due_at, now), each.tried_at))

    def _until_next(self) -> Pause | None:
        """Return the pause until a list is due; what fails is what people want to know of."""
        now = self.clock.monotonic()
        self._note_states()
        first = self._first(now)
        if first.due_at <= now:
            return None
        failing = min(
            (each for each in self.readings if each.why), key=lambda each: each.due_at, default=None
        )
        shown = failing or first
        until = later(self.clock.now(), shown.due_at - now)
        kind = ActivityKind.LIST_UNREADABLE if failing else ActivityKind.LIST_READ
        return Pause(
            first.due_at - now,
            Activity(kind, failing.why_words if failing else "", until),
            is_asked_for=all(reading.is_asked_for for reading in self.readings),
        )

    def _note_states(self) -> None:
        at, now = self.clock.now(), self.clock.monotonic()
        if len(self.readings) > 1:
            self.lists = tuple(
                ListState(each.label, later(at, max(each.due_at - now, 0.0)).replace(microsecond=0), each.why)
                for each in self.readings
            )

    def _read(self, reading: ListReading) -> None:
        try:
            counts, is_unchanged = reading.read()
        except (TransientError, StorageError, UserError) as exc:
            self._note_failure(reading, exc)
            return
        except Exception as exc:
            self._tell_unreadable(reading, words_of(exc))
            reading.due_at = -math.inf  # the worker pauses
            raise
        self._say(reading, counts, is_unchanged=is_unchanged)
        reading.note_read(self.clock.monotonic())
        self.after_reading()
        self.on_read()

    def _note_failure(self, reading: ListReading, exc: TransientError | StorageError | UserError) -> None:
        self.has_failed = True
        reading.failures += 1
        seconds = seconds_to_next_check(exc, reading.failures, reading.interval_seconds)
        what = reading.label or "the watchlist"
        reading.complaints.say(
            f"Couldn't {'save' if isinstance(exc, StorageError) else 'read'} {what}: {exc}",
            "" if self.once else f" Next try at {time_of_day(self.clock.now(), seconds)}.",
            exc=exc,
        )
        reading.why = str(exc)
        self._tell_unreadable(reading, str(exc), reading.site if isinstance(exc, _OF_THE_SITE) else "")
        until, is_asked_for = self.clock.monotonic() + seconds, asked_seconds(exc) > 0
        reading.wait(until, is_asked_for=is_asked_for)
        if isinstance(exc, _OF_THE_SITE):
            for other in self.readings:
                if other.site and other.site == reading.site and other.due_at < until:
                    other.wait(until, is_asked_for=is_asked_for)

    def _say(self, reading: ListReading, counts: IntakeCounts, *, is_unchanged: bool) -> None:
        is_news = counts.queued or counts.already_there or counts.dropped
        _log.log(
            logging.DEBUG if is_unchanged and not is_news else logging.INFO,
            "%s read: %s, %d newly queued%s%s.",
            reading.label or "Watchlist",
            films_words(counts.listed),
            counts.queued,
            f", {counts.already_there} already downloaded" if counts.already_there else "",
            f", {counts.dropped} no longer listed" if counts.dropped else "",
        )

    def _tell_unreadable(self, reading: ListReading, why: str, refused_by: str = "") -> None:
        """Tell it once if a list couldn't be read for a day."""
        if reading.unreadable.note() >= _DAY_SECONDS and not reading.unreadable.is_told:
            self.tell(ListUnreadable(self.clock.now(), why, reading.label, refused_by))
            reading.unreadable.note_told()
