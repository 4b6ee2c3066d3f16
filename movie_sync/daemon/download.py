"""The download thread: one film after the other from the pending queue to the torrent client.

Between films it follows the torrents that were handed over, and looks at the tracker's newest
releases for the films that wait.
"""

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Callable

from movie_sync.complaints import Complaints, log_where, words_of
from movie_sync.daemon.outcomes import Outcomes, RetryPolicy
from movie_sync.daemon.reach import Aftercare, Connection, Hold, Reach, errands_of
from movie_sync.daemon.refusals import Refusals
from movie_sync.daemon.worker import Rest, Worker
from movie_sync.domain.events import Event, EventKind
from movie_sync.domain.models import DownloadResult, Movie
from movie_sync.domain.retry import LONGEST_DELAY_SECONDS, later, pause_seconds
from movie_sync.errors import (
    AuthError,
    BetterAwaitedError,
    BudgetError,
    FilmError,
    MovieSyncError,
    NoLongerWantedError,
    NoRoomError,
    PagesMissingError,
    StorageError,
    TransientError,
    UserError,
)
from movie_sync.fetching.radar import Radar
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.words import WAITING_FOR_ROOM, next_time, time_of_day

_log = logging.getLogger(__name__)

_DISK_FULL = os.strerror(errno.ENOSPC)
_IDLE_SECONDS = 60.0
_SHORTEST_ROOM_PAUSE_SECONDS = 5.0
_LONGEST_ROOM_PAUSE_SECONDS = 60.0
_CREDENTIALS_LOOK_SECONDS = 5.0
_SETTINGS_LOOK_SECONDS = 5.0
_FAULTS_OF_AN_OUTAGE = 3


class DownloadWorker(Worker):
    """Works the pending queue off and puts failed films back into it when their time has come."""

    def __init__(
        self,
        queue_manager: QueueManager,
        connection: Connection,
        *,
        policy: RetryPolicy,
        done_words: str,
        clock: Clock,
        stop: threading.Event,
        aftercare: Aftercare | None = None,
        held_back: Callable[[], Hold | None] = lambda: None,
        once: bool = False,
    ) -> None:
        super().__init__("download", stop, once=once, clock=clock)
        self._queue_manager = queue_manager
        self._connection = connection
        self._policy = policy
        self._aftercare = aftercare or Aftercare()
        self._held_back = held_back
        self._outcomes = Outcomes(
            queue_manager,
            policy=policy,
            done_words=done_words,
            clock=clock,
            tell=self._aftercare.tell,
            once=once,
        )
        self._reach: Reach | None = None
        self._used_signature: object = None
        self._outages = 0
        self._is_disk_full_told = False
        # What looks like an outage may lie with the film that met it, now or in the run before: the next
        # one to be tried is another, so that it does not keep all the others back for ever.
        self._is_turn_of_another = True
        # Films in a row whose work ended in an error that nobody foresaw.
        self._faults = 0
        self._in_hand: Movie | None = None
        self._unwritten: dict[str, float] = {}
        """Until when (monotonic seconds) films wait whose outcome could not be written, by their keys."""
        self._complaints = Complaints(_log)
        self._radar_complaints = Complaints(_log)
        self.paused_until = 0.0
        """Until when (monotonic seconds) it rests though there is work; in the past if it does not."""
        self._pause_why = ""
        self._errands = errands_of(self._aftercare, clock)
        self._is_budget_said = False
        self._room_said = ""
        self._room_pause_seconds = _SHORTEST_ROOM_PAUSE_SECONDS
        self._refusals = Refusals(clock, self._aftercare.tell)
        self.is_refused = False
        """Whether a service refused its credentials, so that no film can be worked on."""
        self.was_refused = False
        """Whether a service refused its credentials at any time, also while torrents were looked at."""

    @property
    def client_trouble(self) -> str:
        """Why torrents could not be looked at the last time, in words, or ""; for any thread."""
        return next((errand.trouble for errand in self._errands if errand.trouble), "")

    def stop(self) -> None:
        """Ask the worker to end, also while it waits for films."""
        super().stop()
        self._queue_manager.wake()

    def note_check(self) -> None:
        """The watchlist was read: the tracker's newest releases are looked at too. For any thread."""
        if self._aftercare.radar:
            self._aftercare.radar.note_check()
            self._queue_manager.wake()

    def rest(self, rest: Rest) -> None:
        """Wait; while there is nothing to do, a film that is queued ends the wait."""
        if rest.is_idle:
            self._queue_manager.wait_for_work(rest.seconds)
        else:
            self._stop.wait(rest.seconds)

    def step(self) -> Rest | None:
        """Try one pending film, or tell how long there is nothing to do."""
        hold = self._held_back()
        self.is_refused = is_refused = self._is_still_refused()
        self._run_errands(is_refused=is_refused or (hold is not None and not hold.client_is_known))
        if hold is not None:
            return self._cut(Rest(_SETTINGS_LOOK_SECONDS, hold.why))
        if is_refused:
            return self._cut(Rest(_CREDENTIALS_LOOK_SECONDS, self._refusals.why))
        remaining = self.paused_until - self._clock.monotonic()
        if remaining > 0:
            return self._cut(Rest(remaining, self._pause_why))
        rest = self._work()
        if rest is None:
            return None
        if not rest.is_idle and not self.is_refused:
            self.paused_until = self._clock.monotonic() + rest.seconds
            self._pause_why = rest.why
        return self._cut(rest)

    def _is_still_refused(self) -> bool:
        return (
            self.is_refused
            and not self._refusals.may_be_over()
            and self._connection.signature() == self._used_signature
        )

    def _work(self) -> Rest | None:
        try:
            return self._do_next()
        except NoRoomError as exc:
            return self._wait_for_room(exc)
        except BudgetError as exc:
            return self._wait_for_budget(exc)
        except (AuthError, UserError) as exc:
            return self._wait_for_credentials(exc)
        except (TransientError, StorageError) as exc:
            self.has_failed = True
            return self._pause(exc)

    def _do_next(self) -> Rest | None:
        radar = self._aftercare.radar
        if radar and radar.seconds_to_next() == 0:
            self._look_at_newest(radar)
            return None
        entry = self._next_pending(but_for=self._in_hand) if self._is_turn_of_another else None
        self._is_turn_of_another = False
        if entry is not None:
            with contextlib.suppress(NoRoomError):  # of what is due, something may fit
                return self._work_on(entry)
        self._requeue_due()
        entry = self._next_pending()
        if entry is None:
            self._is_budget_said = False
            self._room_said = ""
            return Rest(self._idle_seconds(), "waiting for films", is_idle=True)
        return self._work_on(entry)

    def _look_at_newest(self, radar: Radar) -> None:
        """Let the radar work; what it cannot have keeps no pending film back."""
        try:
            radar.work(self._connected().downloader)
        except (BudgetError, AuthError, UserError):
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films have their turn
            self.has_failed = True
            seconds = radar.put_off()
            until = time_of_day(self._clock.now(), seconds)
            self._radar_complaints.say(
                f"The tracker's newest releases could not be looked at: {words_of(exc)}",
                f" {next_time('Next look', until, once=self._once)}",
                exc=exc,
            )
            log_where(exc)
        else:
            self._radar_complaints.over()

    # --- one film -------------------------------------------------------------------------

    def _next_pending(self, but_for: Movie | None = None) -> QueueEntry | None:
        now = self._clock.monotonic()
        self._unwritten = {key: until for key, until in self._unwritten.items() if until > now}
        return self._queue_manager.get_next_pending((*self._unwritten, *(but_for.keys() if but_for else ())))

    def _work_on(self, entry: QueueEntry) -> Rest | None:
        """Work on a film; whatever goes wrong, it steps aside, and the next one has its turn."""
        self.activity = f"working on {entry.movie.label}"
        self._in_hand = entry.movie
        try:
            return self._try(entry)
        except MovieSyncError:
            raise
        except Exception as exc:  # noqa: BLE001 - no film may keep the others back
            return self._step_aside(entry, exc)

    def _try(self, entry: QueueEntry) -> Rest | None:
        movie = entry.movie
        try:
            reach = self._connected()
            downloader = reach.downloader
            result = downloader.find_handed_over(movie, entry.choice) if entry.choice else None
            if result is None:
                self._check_room(reach, movie)
                result = downloader.find_already_there(movie, entry.tried)
            if result is None:
                movie = downloader.describe(movie, is_doubted=entry.page_missing_since is not None)
                if movie != entry.movie:  # known by more titles now
                    if not self._queue_manager.note_film(entry.movie, movie):
                        raise NoLongerWantedError("taken out of the queue meanwhile, or known already")
                    self._in_hand = movie
                    result = downloader.find_already_there(movie, entry.tried)
            result = result or self._download(reach, entry, movie)
        except BetterAwaitedError as exc:
            self._outcomes.note_grace(entry, movie, exc)
        except FilmError as exc:
            self.has_failed |= self._outcomes.note_failure(entry, movie, exc)
        except BudgetError:
            raise
        except (TransientError, StorageError) as exc:
            return self._put_off(entry, movie, exc)
        else:
            self._note_success(entry, result, reach)
        self._outages = self._faults = 0
        self._refusals.forget()
        self._is_disk_full_told = False
        self._complaints.over()
        return None

    def _step_aside(self, entry: QueueEntry, exc: Exception) -> Rest | None:
        """Let a film wait that met an error which nobody foresaw; several in a row are an outage."""
        movie = self._in_hand or entry.movie
        self.has_failed = True
        self._faults += 1
        log_where(exc)
        try:
            self._outcomes.note_doubt(entry, movie, words_of(exc))
        except Exception as also:  # noqa: BLE001 - then it waits where it is, and only in this run
            self._keep_aside(movie, also)
        if self._faults < _FAULTS_OF_AN_OUTAGE:
            return None
        seconds = pause_seconds(self._faults - _FAULTS_OF_AN_OUTAGE + 1)
        until = time_of_day(self._clock.now(), seconds)
        _log.warning("That were %d films in a row. %s", self._faults, self._pausing(until))
        return Rest(seconds, f"pausing until {until}: {words_of(exc)}")

    def _keep_aside(self, movie: Movie, exc: Exception) -> None:
        """Pass over a film for a while whose outcome cannot be written."""
        _log.debug("%s", words_of(exc))
        log_where(exc)
        until = self._clock.monotonic() + self._policy.interval_seconds
        self._unwritten.update(dict.fromkeys(movie.keys(), until))

    def _download(self, reach: Reach, entry: QueueEntry, movie: Movie) -> DownloadResult:
        rooms, client = self._aftercare.rooms, reach.client
        sizes: list[int] = []

        def check_room(size_bytes: int) -> None:
            if rooms and client:
                rooms.check_size(client, movie, size_bytes)
            sizes.append(size_bytes)

        result = reach.downloader.download_movie(
            movie,
            acceptable_since=entry.acceptable_since,
            tried=entry.tried,
            check_room=check_room,
            record_choice=self._queue_manager.note_choice,
        )
        if rooms and sizes:
            rooms.took(sizes[-1])
        return result

    def _check_room(self, reach: Reach, movie: Movie) -> None:
        if self._aftercare.rooms and reach.client:
            self._aftercare.rooms.check(reach.client, movie)

    def _note_success(self, entry: QueueEntry, result: DownloadResult, reach: Reach) -> None:
        self._room_pause_seconds = _SHORTEST_ROOM_PAUSE_SECONDS
        is_followed = reach.client is not None and self._aftercare.counts_torrents
        self._outcomes.note_success(entry, result, is_followed=is_followed)
        if self._aftercare.follower and reach.client and result.choice:
            self._aftercare.follower.begin(result.choice.info_hash, reach.client)

    def _put_off(self, entry: QueueEntry, movie: Movie, exc: TransientError | StorageError) -> Rest:
        """Let the film wait for as long as the worker pauses; what failed was not its fault."""
        self.has_failed = True
        self._is_turn_of_another = True
        rest = self._pause(exc)
        if entry.is_extra_look:  # its place in the schedule is kept: it waits where it is
            return rest
        now = self._clock.now()
        since = (entry.page_missing_since or now) if isinstance(exc, PagesMissingError) else None
        retry_at = later(now, rest.seconds)
        try:
            self._queue_manager.add_to_failed(
                movie, str(exc), retry_at, counts=False, page_missing_since=since
            )
        except StorageError as also:  # a full disk: then the film waits where it is
            _log.debug("%s", also)
        return rest

    # --- waiting --------------------------------------------------------------------------

    def _run_errands(self, *, is_refused: bool) -> None:
        """Look at the torrents that are on their way, and tag those of unlisted films, if it is time."""
        for errand in self._errands:
            if errand.is_due():
                self.was_refused |= errand.run(lambda: self._client_to_follow(is_refused=is_refused))

    def _client_to_follow(self, *, is_refused: bool) -> FollowedClient | None:
        if self._reach is None and is_refused:
            return None
        return self._connected().client

    def _cut(self, rest: Rest) -> Rest:
        """End a rest when the next look at torrents, or at the newest releases, is due."""
        waits = [rest.seconds, *(errand.seconds_to_next() for errand in self._errands)]
        if rest.is_idle and self._aftercare.radar:
            waits.append(self._aftercare.radar.seconds_to_next())
        return Rest(min(wait for wait in waits if wait is not None), rest.why, rest.is_idle)

    def _requeue_due(self) -> None:
        # Also with no retries at all, a film comes back after an outage that was not its fault.
        max_retries = max(self._policy.max_retries, 1)
        due = self._queue_manager.get_movies_ready_for_retry(max_retries)
        for movie in self._queue_manager.move_all_failed_to_pending(due):
            _log.info("%s: trying again.", movie.label)
        self._outcomes.give_up_on_due(max_retries)

    def _idle_seconds(self) -> float:
        until_retry = self._queue_manager.seconds_to_next_retry()
        return _IDLE_SECONDS if until_retry is None else min(_IDLE_SECONDS, until_retry)

    def _pause(self, exc: TransientError | StorageError) -> Rest:
        """Rest after something that is not the film's fault, longer each time in a row."""
        # It may be these films' affair after all: those behind them are not to wait for hours.
        self._outages = 1 if isinstance(exc, PagesMissingError) else self._outages + 1
        asked = exc.retry_after_seconds if isinstance(exc, TransientError) else None
        seconds = max(pause_seconds(self._outages), min(asked or 0.0, LONGEST_DELAY_SECONDS))
        until = time_of_day(self._clock.now(), seconds)
        self._complaints.say(str(exc), f" {self._pausing(until)}", exc=exc)
        if isinstance(exc, StorageError) and exc.reason == _DISK_FULL:
            self._tell_disk_full(exc)
        return Rest(seconds, f"pausing until {until}: {exc}")

    def _pausing(self, until: str) -> str:
        """Say how long it pauses; a run that ends now does not."""
        return "The rest is left to the next run." if self._once else f"Pausing until {until}."

    def _tell_disk_full(self, exc: StorageError) -> None:
        """Tell it once, until a film is through again, and after a start in another hour."""
        if not self._is_disk_full_told:
            now = self._clock.now()
            event = Event(f"disk full:own:{now:%Y-%m-%dT%H}", EventKind.DISK_FULL, now, str(exc))
            self._aftercare.tell(event)
        self._is_disk_full_told = True

    def _wait_for_room(self, exc: NoRoomError) -> Rest:
        why = f"{WAITING_FOR_ROOM}{exc}"
        _log.log(logging.DEBUG if self._room_said == exc.setting else logging.INFO, "Now %s.", why)
        self._room_said = exc.setting
        pause = self._room_pause_seconds
        self._room_pause_seconds = min(2 * pause, _LONGEST_ROOM_PAUSE_SECONDS)
        return Rest(pause, why, is_idle=True)

    def _wait_for_budget(self, exc: BudgetError) -> Rest:
        seconds = max(exc.retry_after_seconds or 0.0, 1.0)
        until = time_of_day(self._clock.now(), seconds)
        level = logging.DEBUG if self._is_budget_said else logging.INFO
        again = next_time("Calls come free, and films are searched,", until, once=self._once)
        _log.log(level, "The tracker's call budget is spent. %s", again)
        self._is_budget_said = True
        return Rest(seconds, f"waiting for the tracker's call budget until {until}")

    def _wait_for_credentials(self, exc: AuthError | UserError) -> Rest:
        self.is_refused = self.was_refused = True
        if isinstance(exc, AuthError) and exc.service != "FileList":
            self._reach = None
        self._refusals.note(exc)
        return Rest(_CREDENTIALS_LOOK_SECONDS, self._refusals.why)

    def _connected(self) -> Reach:
        signature = self._connection.signature()
        # Also while nothing was refused here: a client that refused an errand never asks again by itself.
        if self._reach is None or signature != self._used_signature:
            if signature != self._used_signature:
                self._refusals.forget()
            self._used_signature, self._reach = signature, None
            self._reach = self._connection.connect()
            self.is_refused = False
            for errand in self._errands:
                errand.hurry()
        return self._reach
