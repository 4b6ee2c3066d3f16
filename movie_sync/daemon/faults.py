"""What a worker does about an error: the one place that decides it."""

import errno
import logging
from dataclasses import dataclass, field, replace

from movie_sync.complaints import Complaints, words_of
from movie_sync.daemon.session import Sessions
from movie_sync.daemon.worker import Pause
from movie_sync.domain.events import OwnDiskFull
from movie_sync.domain.times import LONGEST_DELAY_SECONDS, later, next_time, pause_seconds, time_of_day
from movie_sync.errors import (
    AuthError,
    BlockedError,
    BudgetError,
    NoListError,
    NoRoomError,
    PageChangedError,
    PagesMissingError,
    StorageError,
    TransientError,
    UserError,
)
from movie_sync.reports.daemon_state import Activity, ActivityKind, activity_words

_log = logging.getLogger(__name__)

_SHORTEST_ROOM_PAUSE_SECONDS = 5.0
_LONGEST_ROOM_PAUSE_SECONDS = 60.0
_CREDENTIALS_LOOK_SECONDS = 5.0
# Films in a row that ended in an error which nobody foresaw: from so many on it is no affair of theirs.
_FAULTS_OF_AN_OUTAGE = 3
# Nothing that a quick second look could change; looking often would only bother Letterboxd.
_LASTING = (BlockedError, NoListError, PageChangedError, UserError)
OF_EVERY_CALL = (BudgetError, AuthError, UserError)
"""What any other call to the tracker would meet as well."""


def seconds_to_next_check(exc: Exception, failures: int, interval_seconds: float) -> float:
    """Return when the watchlist is read again after so many failures in a row, the last one `exc`."""
    if isinstance(exc, _LASTING):
        return interval_seconds
    return max(min(pause_seconds(failures), interval_seconds), asked_seconds(exc))


@dataclass(eq=False, repr=False)
class Faults:
    """Remembers what went wrong lately, and answers each error with the pause it asks for. For one thread."""

    sessions: Sessions
    once: bool = False
    has_failed: bool = field(default=False, init=False)
    """Whether something went wrong that the exit code of `--once` tells."""
    disk_full: str = field(default="", init=False)
    """Why the lack of room on a disk keeps films back now, in words, or ""."""
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)
    _outages: int = field(default=0, init=False)
    _unforeseen: int = field(default=0, init=False)
    _is_disk_full_told: bool = field(default=False, init=False)
    _is_budget_said: bool = field(default=False, init=False)
    _room_said: str = field(default="", init=False)
    _room_pause_seconds: float = field(default=_SHORTEST_ROOM_PAUSE_SECONDS, init=False)

    def pause_after(self, exc: Exception) -> Pause:
        """Return the pause that an error asks for, said and told where it is news.

        Raises Exception: the error itself, as it is a film's affair, or nobody foresaw it.
        """
        self.disk_full = ""
        match exc:
            case NoRoomError():
                return self._wait_for_room(exc)
            case BudgetError():
                return self._wait_for_budget(exc)
            case AuthError() | UserError():
                self.sessions.note_refusal(exc)
                return self.wait_for_credentials()
            case TransientError() | StorageError():
                return self._pause(exc)
            case _:
                raise exc

    def wait_for_credentials(self) -> Pause:
        """Return the pause until the credentials are looked at again."""
        return Pause(_CREDENTIALS_LOOK_SECONDS, Activity(ActivityKind.REFUSED, self.sessions.refusal))

    def pause_after_unforeseen(self, exc: Exception) -> Pause | None:
        """Return the pause that is due once several films in a row met an error that nobody foresaw."""
        self.has_failed = True
        self._unforeseen += 1
        if self._unforeseen < _FAULTS_OF_AN_OUTAGE:
            return None
        pause = self._pause_for(pause_seconds(self._unforeseen - _FAULTS_OF_AN_OUTAGE + 1), words_of(exc))
        _log.warning("That's %d films in a row. %s", self._unforeseen, self._pausing(pause))
        return pause

    def note_film_done(self, *, is_handed_over: bool) -> None:
        """A film is through, whatever came of it: all works."""
        if is_handed_over:
            self._room_pause_seconds = _SHORTEST_ROOM_PAUSE_SECONDS
        self._outages = self._unforeseen = 0
        self.disk_full = ""
        self._is_disk_full_told = False
        self._complaints.over()
        self.sessions.note_accepted()

    def note_idle(self) -> None:
        """Forget what was said about waiting, so that the next wait is logged again."""
        self._is_budget_said = False
        self._room_said = self.disk_full = ""

    def _pause(self, exc: TransientError | StorageError) -> Pause:
        self.has_failed = True
        # It may be these films' affair after all: those behind them are not to wait for hours.
        self._outages = 1 if isinstance(exc, PagesMissingError) else self._outages + 1
        asked = asked_seconds(exc)
        pause = self._pause_for(max(pause_seconds(self._outages), asked), str(exc))
        pause = replace(pause, is_asked_for=asked > 0)
        self._complaints.say(str(exc), f" {self._pausing(pause)}", exc=exc)
        if isinstance(exc, StorageError) and exc.errno == errno.ENOSPC:
            self.disk_full = str(exc)
            if not self._is_disk_full_told:
                # Once, until a film is through again, and after a start in another hour.
                self.sessions.tell(OwnDiskFull(self.sessions.clock.now(), str(exc)))
                self._is_disk_full_told = True
        return pause

    def _pause_for(self, seconds: float, why: str) -> Pause:
        return Pause(seconds, Activity(ActivityKind.PAUSED, why, later(self.sessions.clock.now(), seconds)))

    def _pausing(self, pause: Pause) -> str:
        if self.once:
            return "The next run will do the rest."
        return f"Paused until {time_of_day(self.sessions.clock.now(), pause.seconds)}."

    def _wait_for_room(self, exc: NoRoomError) -> Pause:
        pause = Pause(self._room_pause_seconds, Activity(ActivityKind.NO_ROOM, str(exc)), is_idle=True)
        level = logging.DEBUG if self._room_said == exc.setting else logging.INFO
        _log.log(level, "Now %s.", activity_words(pause.activity, self.sessions.clock.now()))
        self._room_said = exc.setting
        if exc.setting == "min_free_space_gb":
            self.disk_full = str(exc)
        self._room_pause_seconds = min(2 * pause.seconds, _LONGEST_ROOM_PAUSE_SECONDS)
        return pause

    def _wait_for_budget(self, exc: BudgetError) -> Pause:
        now, seconds = self.sessions.clock.now(), max(exc.retry_after_seconds or 0.0, 1.0)
        level = logging.DEBUG if self._is_budget_said else logging.INFO
        until = time_of_day(now, seconds)
        again = next_time("Searching again", until, once=self.once)
        _log.log(level, "The tracker's call budget is used up. %s", again)
        self._is_budget_said = True
        return Pause(seconds, Activity(ActivityKind.NO_BUDGET, until=later(now, seconds)))


def asked_seconds(exc: Exception) -> float:
    """Return the wait that a service asked for itself, 0 if it did not."""
    asked = exc.retry_after_seconds if isinstance(exc, TransientError) else None
    return min(asked or 0.0, LONGEST_DELAY_SECONDS)
