"""The jobs of the download worker beside handing films over."""

import logging
from collections.abc import Callable
from typing import Protocol

from movie_sync.complaints import Complaints, log_where, words_of
from movie_sync.daemon.faults import OF_EVERY_CALL, Faults
from movie_sync.daemon.results import ResultRecorder
from movie_sync.daemon.session import Sessions
from movie_sync.domain.retry import pause_seconds
from movie_sync.domain.times import next_time, time_of_day
from movie_sync.errors import AuthError
from movie_sync.fetching.radar import Radar
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.manager import QueueManager

_log = logging.getLogger(__name__)

_NO_CLIENT_SECONDS = 60.0


class Job(Protocol):
    """Something that is to be done now and then. For the worker's thread."""

    def due_in(self) -> float | None:
        """Return in how many seconds it is due; None while there is nothing to do."""


class ClientJob:
    """Looks after torrents in the client. What fails is said once and holds no film up.

    `due_in` and `do` are what it does; `complaint` says what is amiss while it cannot be done.
    """

    def __init__(
        self,
        due_in: Callable[[], float | None],
        do: Callable[[FollowedClient], None],
        complaint: str,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._due_in = due_in
        self._do = do
        self._complaint = complaint
        self._sessions = sessions
        self._clock = clock
        self._failures = 0
        self._not_before = 0.0
        self._connects = 0
        self._complaints = Complaints(_log)
        self.trouble = ""
        """Why it could not be done the last time, for people; "" if it could."""

    def due_in(self) -> float | None:
        """Return in how many seconds it is due; None while there is nothing to do."""
        seconds = self._due_in()
        if seconds is None or self._connects != self._sessions.connects:
            return seconds
        return max(seconds, self._not_before - self._clock.monotonic())

    def run(self, *, may_connect: bool) -> None:
        """Do it; without `may_connect` only where a film's work has logged in."""
        try:
            client = self._sessions.client(may_connect=may_connect)
            if client is None:
                self._put_off(_NO_CLIENT_SECONDS)
                return
            self._do(client)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films have their turn
            self._failures += 1
            self._put_off(pause_seconds(self._failures))
            self.trouble = f"{self._complaint}: {words_of(exc)}"
            self._complaints.say(self.trouble, exc=exc)
            log_where(exc)
            self._sessions.was_refused |= isinstance(exc, AuthError)
        else:
            self._failures, self.trouble = 0, ""
            self._complaints.over()

    def _put_off(self, seconds: float) -> None:
        self._not_before = self._clock.monotonic() + seconds
        self._connects = self._sessions.connects


class RadarJob:
    """Looks at the tracker's newest releases; what it cannot have keeps no pending film back."""

    def __init__(self, radar: Radar, sessions: Sessions, faults: Faults, clock: Clock, *, once: bool) -> None:
        self._radar = radar
        self._sessions = sessions
        self._faults = faults
        self._clock = clock
        self._once = once
        self._complaints = Complaints(_log)

    def due_in(self) -> float | None:
        """Return in how many seconds it is due; None if no film waits for a release."""
        return self._radar.seconds_to_next()

    def run(self) -> None:
        """Look at them, or queue a film for a search."""
        try:
            self._radar.work(self._sessions.get().downloader)
        except OF_EVERY_CALL:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films have their turn
            self._faults.has_failed = True
            until = time_of_day(self._clock.now(), self._radar.put_off())
            self._complaints.say(
                f"The tracker's newest releases could not be looked at: {words_of(exc)}",
                f" {next_time('Next look', until, once=self._once)}",
                exc=exc,
            )
            log_where(exc)
        else:
            self._complaints.over()


class RetryJob:
    """Puts failed films back into the queue when their time has come."""

    def __init__(self, queue_manager: QueueManager, results: ResultRecorder, max_retries: int) -> None:
        self._queue_manager = queue_manager
        self._results = results
        # Also with no retries at all, a film comes back after an outage that was not its fault.
        self._max_retries = max(max_retries, 1)

    def due_in(self) -> float | None:
        """Return in how many seconds the next film falls due; None if none will."""
        return self._queue_manager.seconds_to_next_retry()

    def run(self) -> None:
        """Queue all that are due, with one write, and give up what has no attempts left."""
        due = self._queue_manager.get_movies_ready_for_retry(self._max_retries)
        for movie in self._queue_manager.move_all_failed_to_pending(due):
            _log.info("%s: trying again.", movie.label)
        self._results.give_up_on_due(self._max_retries)
