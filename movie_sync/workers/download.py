"""The download thread: one film after the other from the pending queue to the torrent client."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from movie_sync.domain.models import DownloadResult, Movie, QueueEntry, Reason
from movie_sync.domain.retry import LONGEST_DELAY_SECONDS, pause_seconds, retry_delay_seconds
from movie_sync.errors import (
    AuthError,
    BetterAwaitedError,
    BudgetError,
    FilmError,
    NoLongerWantedError,
    NotAvailableError,
    SeriesError,
    StorageError,
    TransientError,
    UnknownFilmError,
    UserError,
)
from movie_sync.filelist_downloader import FileListDownloader
from movie_sync.ports import Clock
from movie_sync.queue_manager import QueueManager
from movie_sync.workers.base import Complaints, Rest, Worker
from movie_sync.workers.words import time_of_day

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_CREDENTIALS_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed films are tried again: `interval_seconds * multiplier ** (failures - 1)`."""

    interval_seconds: float
    multiplier: float
    max_retries: int


@dataclass(frozen=True, slots=True)
class Connection:
    """A downloader with the credentials it was made with.

    `connect` makes one from the credentials as they are now; `signature` changes when they do.
    """

    connect: Callable[[], FileListDownloader]
    signature: Callable[[], object]


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
        once: bool = False,
    ) -> None:
        super().__init__("download", stop, once=once)
        self._queue_manager = queue_manager
        self._connection = connection
        self._policy = policy
        self._done_words = done_words
        self._clock = clock
        self._downloader: FileListDownloader | None = None
        self._used_signature: object = None
        self._outages = 0
        self._complaints = Complaints(_log)
        self._is_budget_said = False
        self._refusal = ""
        self.is_refused = False
        """Whether a service refused its credentials."""

    def stop(self) -> None:
        """Ask the worker to end, also while it waits for films."""
        super().stop()
        self._queue_manager.wake()

    def rest(self, rest: Rest) -> None:
        """Wait; while there is nothing to do, a film that is queued ends the wait."""
        if rest.is_idle:
            self._queue_manager.wait_for_work(rest.seconds)
        else:
            self._stop.wait(rest.seconds)

    def step(self) -> Rest | None:
        """Try one pending film, or tell how long there is nothing to do."""
        if self.is_refused and self._connection.signature() == self._used_signature:
            return Rest(_CREDENTIALS_LOOK_SECONDS, self._refusal)
        try:
            self._requeue_due()
            entry = self._queue_manager.get_next_pending()
            if entry is None:
                self._is_budget_said = False
                return Rest(self._idle_seconds(), "waiting for films", is_idle=True)
            self.activity = f"working on {entry.movie.label}"
            return self._work_on(entry)
        except BudgetError as exc:
            return self._wait_for_budget(exc)
        except (AuthError, UserError) as exc:
            return self._wait_for_credentials(exc)
        except (TransientError, StorageError) as exc:
            self.has_failed = True
            return self._pause(exc)

    # --- one film -------------------------------------------------------------------------

    def _work_on(self, entry: QueueEntry) -> Rest | None:
        movie = entry.movie
        try:
            downloader = self._connected()
            result = downloader.find_handed_over(movie, entry.choice) if entry.choice else None
            result = result or downloader.find_already_there(movie)
            if result is None:
                movie = downloader.describe(movie)
                if movie != entry.movie:  # known by more titles now
                    if not self._queue_manager.note_film(entry.movie, movie):
                        raise NoLongerWantedError("taken out of the queue meanwhile, or known already")
                    result = downloader.find_already_there(movie)
            result = result or downloader.download_movie(
                movie,
                acceptable_since=entry.acceptable_since,
                record_choice=self._queue_manager.note_choice,
            )
        except BetterAwaitedError as exc:
            self._note_grace(movie, exc)
        except FilmError as exc:
            self._note_failure(entry, movie, exc)
        except BudgetError:
            raise
        except (TransientError, StorageError) as exc:
            return self._put_off(movie, exc)
        else:
            self._note_success(result)
        self._outages = 0
        self._complaints.over()
        return None

    def _put_off(self, movie: Movie, exc: TransientError | StorageError) -> Rest:
        """Let the film wait for as long as the worker pauses; what failed was not its fault."""
        self.has_failed = True
        rest = self._pause(exc)
        retry_at = self._clock.now() + timedelta(seconds=rest.seconds)
        try:
            self._queue_manager.add_to_failed(movie, str(exc), retry_at, counts=False)
        except StorageError as also:  # a full disk: then the film waits where it is
            _log.debug("%s", also)
        return rest

    def _note_success(self, result: DownloadResult) -> None:
        if not self._queue_manager.add_to_completed(result.movie, result.reason, result.choice, result.where):
            _log.info(
                "%s: taken out of the queue meanwhile%s.",
                result.movie.label,
                f", but {self._done_words} already" if result.reason is Reason.DOWNLOADED else "",
            )
            return
        label, release = result.movie.label, result.choice.release if result.choice else result.where
        if result.reason is Reason.DOWNLOADED:
            _log.info("%s: %s: %s", label, self._done_words, release)
        else:
            _log.info("%s: already downloaded: %s", label, release)

    def _note_grace(self, movie: Movie, exc: BetterAwaitedError) -> None:
        """Look again at the end of the grace time, and before it as often as at a first failure."""
        now = self._clock.now()
        retry_at = min(exc.until, now + timedelta(seconds=self._policy.interval_seconds))
        self._queue_manager.add_to_failed(
            movie, str(exc), retry_at, counts=False, waits_for_release=True, acceptable_since=exc.since
        )
        _log.info("%s: %s.", movie.label, exc)

    def _note_failure(self, entry: QueueEntry, movie: Movie, exc: FilmError) -> None:
        if isinstance(exc, NoLongerWantedError):
            _log.info("%s: %s.", movie.label, exc)
            return
        waits = isinstance(exc, NotAvailableError)
        failures, now = entry.retry_count + 1, self._clock.now()
        is_hopeless = isinstance(exc, SeriesError | UnknownFilmError)
        delay = None
        if not is_hopeless and failures < self._policy.max_retries:
            delay = retry_delay_seconds(
                failures, interval_seconds=self._policy.interval_seconds, multiplier=self._policy.multiplier
            )
        retry_at = None if delay is None else now + timedelta(seconds=delay)
        reason = str(exc).rstrip(".")
        if not self._queue_manager.add_to_failed(movie, str(exc), retry_at, waits_for_release=waits):
            _log.info("%s: taken out of the queue meanwhile.", movie.label)
            return
        self.has_failed |= not waits and not isinstance(exc, SeriesError)
        if is_hopeless:
            _log.warning("%s: %s.", movie.label, reason)
        elif delay is None:
            _log.warning("%s: failed for good after attempt %d: %s.", movie.label, failures, reason)
        else:
            _log.info(
                "%s: attempt %d failed: %s. Next try at %s.",
                movie.label,
                failures,
                reason,
                time_of_day(now, delay),
            )

    # --- waiting --------------------------------------------------------------------------

    def _requeue_due(self) -> None:
        # Also with no retries at all, a film comes back after an outage that was not its fault.
        max_retries = max(self._policy.max_retries, 1)
        for movie in self._queue_manager.get_movies_ready_for_retry(max_retries):
            if self._queue_manager.move_failed_to_pending(movie):
                _log.info("%s: trying again.", movie.label)
        for entry in self._queue_manager.give_up_on_due(max_retries):
            _log.warning(
                "%s: failed for good: it has failed %d times, and max_retries is now %d. The last time: %s.",
                entry.movie.label,
                entry.retry_count,
                self._policy.max_retries,
                (entry.error or "unknown").rstrip("."),
            )

    def _idle_seconds(self) -> float:
        until_retry = self._queue_manager.seconds_to_next_retry()
        return _IDLE_SECONDS if until_retry is None else min(_IDLE_SECONDS, until_retry)

    def _pause(self, exc: TransientError | StorageError) -> Rest:
        """Rest after something that is not the film's fault, longer each time in a row."""
        self._outages += 1
        asked = exc.retry_after_seconds if isinstance(exc, TransientError) else None
        seconds = max(pause_seconds(self._outages), min(asked or 0.0, LONGEST_DELAY_SECONDS))
        until = time_of_day(self._clock.now(), seconds)
        self._complaints.say(str(exc), f" Pausing until {until}.", exc=exc)
        return Rest(seconds, f"pausing until {until}: {exc}")

    def _wait_for_budget(self, exc: BudgetError) -> Rest:
        seconds = max(exc.retry_after_seconds or 0.0, 1.0)
        until = time_of_day(self._clock.now(), seconds)
        level = logging.DEBUG if self._is_budget_said else logging.INFO
        _log.log(level, "The tracker's call budget is spent; going on at %s, as calls come free.", until)
        self._is_budget_said = True
        return Rest(seconds, f"waiting for the tracker's call budget until {until}")

    def _wait_for_credentials(self, exc: AuthError | UserError) -> Rest:
        self.is_refused = True
        self._downloader = None
        self._refusal = f"waiting for new credentials: {exc}"
        _log.error(
            "%s Nothing is fetched until they change: run `setup`, or if they come from the "
            "environment, mend that and start again.",
            exc,
        )
        return Rest(_CREDENTIALS_LOOK_SECONDS, self._refusal)

    def _connected(self) -> FileListDownloader:
        if self._downloader is None:
            self._used_signature = self._connection.signature()
            self._downloader = self._connection.connect()
            self.is_refused = False
        return self._downloader
