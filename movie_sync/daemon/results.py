"""What came of the work on a film: written to the queues, said in the log, told to the user."""

import logging
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from typing import Unpack

from movie_sync.domain.events import Added, Event, Failed, Waiting
from movie_sync.domain.models import Choice, DownloadResult, Movie, Reason
from movie_sync.domain.times import (
    LONGEST_DELAY_SECONDS,
    later,
    next_time,
    retry_delay_seconds,
    time_of_day,
)
from movie_sync.errors import (
    BetterAwaitedError,
    FilmError,
    FilmTooLargeError,
    NoLongerWantedError,
    NoneAcceptableError,
    NotAvailableError,
    SeriesError,
    UnansweredError,
    UnclearFilmError,
    UnknownFilmError,
)
from movie_sync.fetching.upgrades import upgraded
from movie_sync.ports import Clock
from movie_sync.queues.entry import Noted, QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Shelving, Stage, TorrentProgress, Upgrade
from movie_sync.storage.history import NO_HISTORY, Happened, History

_log = logging.getLogger(__name__)

_LEAST_GROWTH = 2.0
_DOUBTS_NEEDED = 3
_DOUBTED_FOR = timedelta(hours=24)
# Room may be made at any time, and a look at a size that is known costs no call to a tracker.
_LONGEST_ROOM_DELAY_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed films are tried again: `interval_seconds * multiplier ** (failures - 1)`."""

    interval_seconds: float
    multiplier: float
    max_retries: int


@dataclass(eq=False, repr=False)
class ResultRecorder:
    """For one thread. Methods raise StorageError if the queues could not be written."""

    queue_manager: QueueManager
    _: KW_ONLY
    policy: RetryPolicy
    done_words: str
    clock: Clock
    tell: Callable[[Event], None]
    once: bool = False
    history: History = NO_HISTORY
    shelves: bool = False
    """Whether a film whose torrent was whole in the client before is to be put on the shelf."""

    def note_success(self, entry: QueueEntry, result: DownloadResult, *, is_followed: bool) -> None:
        """Complete a film; if the client tells how far its torrents are, it is followed from now on."""
        movie, choice, now = result.movie, result.choice, self.clock.now()
        is_new = result.reason is Reason.DOWNLOADED
        follow = None
        if is_new and choice and choice.info_hash:
            rechecked_at = now if result.is_rechecked else None
            added = TorrentProgress(Stage.ADDED, now, is_adopted=result.is_adopted, rechecked_at=rechecked_at)
            follow = added if is_followed else None
            if not result.is_adopted:
                # Told before it is written down: a crash in between tells it twice, not never.
                self.tell(Added(now, movie, entry.wish, choice.release, choice.info_hash, result.why))
        elif is_followed and choice and result.place:
            follow = TorrentProgress(
                Stage.DOWNLOADED,
                now,
                progress=1.0,
                path=result.place,
                is_adopted=True,
                size_bytes=result.size_bytes,
                shelf=Shelving(now.replace(microsecond=0)) if self.shelves else None,
            )
        if not self.queue_manager.add_to_completed(movie, result.reason, choice, result.where, follow=follow):
            _log.info(
                "%s: removed from the queue, or given another release, in the meantime%s.",
                movie.label,
                f"; its torrent was {self.done_words} all the same"
                if is_new and not result.is_adopted
                else "",
            )
            return
        label, release = movie.label, choice.release if choice else result.where
        is_there = result.is_adopted or result.is_found_again or not is_new
        what = Happened.ALREADY_THERE if is_there else Happened.HANDED_OVER
        self.history.note(what, movie, f"{release} ({result.why})" if result.why else release)
        if result.is_adopted:
            _log.info("%s: already downloading in the torrent client: %s", label, release)
        elif result.is_found_again:
            _log.info("%s: %s earlier, and still there: %s", label, self.done_words, release)
        elif is_new:
            _log.info("%s: %s: %s", label, self.done_words, release)
        else:
            _log.info("%s: already downloaded: %s", label, release)

    def note_upgrade(self, entry: QueueEntry, choice: Choice, follow: TorrentProgress | None) -> None:
        """Note that a better release was handed over; if it is not followed, the film has it at once."""
        if follow is None:
            as_noted = entry._replace(upgrade=Upgrade(choice))
            self.tell(upgraded(as_noted.torrents()[-1], self.clock.now(), ""))
        if self.queue_manager.note_upgrade(entry.movie, choice, follow):
            _log.info("%s: better release %s: %s", entry.movie.label, self.done_words, choice.release)
            what = Happened.UPGRADED if follow is None else Happened.HANDED_OVER
            self.history.note(what, entry.movie, f"{choice.release} (a better release)")

    def note_failure(self, entry: QueueEntry, movie: Movie, exc: FilmError) -> bool:
        """Put a film off, or give it up; return whether something went wrong."""
        held = self.queue_manager.find(movie.slug or movie.id)
        if held and held[1].word != entry.word:
            _log.info(
                "%s: starting over, because you picked or rejected a release in the meantime.", movie.label
            )
            return False
        match exc:
            case NoLongerWantedError():
                _log.info("%s: %s.", movie.label, exc)
            case BetterAwaitedError():
                # At the end of the grace time, and before it as often as after a first failure.
                now = self.clock.now()
                retry_at = min(exc.until, later(now, self.policy.interval_seconds))
                self._tell_waiting(entry, movie, exc)
                self.queue_manager.add_to_failed(
                    movie,
                    str(exc),
                    retry_at,
                    counts=False,
                    waits_for_release=True,
                    acceptable_since=exc.since,
                    searched_at=now,
                )
                _log.info("%s: %s.", movie.label, exc)
                self.history.note(Happened.SEARCHED, movie, str(exc))
            case UnclearFilmError():
                is_unclear = not isinstance(exc, UnansweredError)  # which a later look may find otherwise
                self.note_doubt(entry, movie, str(exc), is_unclear=is_unclear)
                return True
            case UnknownFilmError() if not self._is_missing_for_good(entry):
                now = self.clock.now()
                since = min(entry.page_missing_since or now, now)  # a time to come was noted by a wrong clock
                why = f"{exc} Checking again for a day before giving up."
                self.note_doubt(entry, movie, why, page_missing_since=since)
                return True
            case _:
                return self._note_attempt(entry, movie, exc)
        return False

    def _note_attempt(self, entry: QueueEntry, movie: Movie, exc: FilmError) -> bool:
        waits = isinstance(exc, NotAvailableError)
        if waits:
            self._tell_waiting(entry, movie, exc)
        is_hopeless = isinstance(exc, SeriesError | UnknownFilmError)
        failures, now, reason = entry.retry_count + 1, self.clock.now(), str(exc).rstrip(".")
        if entry.is_extra_look:  # no attempt: the film is put back where it was
            self.queue_manager.add_to_failed(
                movie,
                str(exc),
                entry.retry_at,
                counts=False,
                waits_for_release=not is_hopeless,  # it waited before, and a broken release is not its end
                searched_at=now,
            )
            _log.info("%s: searched again: %s.", movie.label, reason)
            self._note_failed(movie, exc)
            return False
        delay = None
        if not is_hopeless and failures < self.policy.max_retries:
            delay = retry_delay_seconds(
                failures, interval_seconds=self.policy.interval_seconds, multiplier=self.policy.multiplier
            )
        if delay is None:
            self._tell_failed(entry, movie, str(exc), failures)
        retry_at = None if delay is None else later(now, delay)
        if not self.queue_manager.add_to_failed(
            movie, str(exc), retry_at, waits_for_release=waits, searched_at=now if waits else None
        ):
            _log.info("%s: removed from the queue in the meantime.", movie.label)
            return False
        self._note_failed(movie, exc, is_last=delay is None)
        if is_hopeless:
            _log.warning("%s: %s.", movie.label, reason)
        elif delay is None:
            _log.warning("%s: gave up after %s: %s.", movie.label, _attempts(failures), reason)
        elif waits:
            _log.info("%s: %s. %s", movie.label, reason, self._next_try(now, delay))
        else:
            again = self._next_try(now, delay)
            _log.info("%s: failed (attempt %d): %s. %s", movie.label, failures, reason, again)
        return not waits and not isinstance(exc, SeriesError)

    def _note_failed(self, movie: Movie, exc: FilmError, *, is_last: bool = False) -> None:
        match exc:
            case _ if is_last:
                what = Happened.GAVE_UP
            case NoneAcceptableError():
                what = Happened.REFUSED
            case NotAvailableError():
                what = Happened.SEARCHED
            case _:
                what = Happened.FAILED
        self.history.note(what, movie, str(exc))

    def _is_missing_for_good(self, entry: QueueEntry) -> bool:
        """Tell whether Letterboxd has had no page for a film for so long, and so often, that it is so."""
        since = entry.page_missing_since
        is_old = since is not None and self.clock.now() - since >= _DOUBTED_FOR
        return is_old and entry.doubts >= _DOUBTS_NEEDED

    def note_too_large(
        self, entry: QueueEntry, movie: Movie, exc: FilmTooLargeError, *, is_searched: bool
    ) -> None:
        """Let a film wait for room for itself alone; whether it was searched for that, or known before."""
        self.note_doubt(
            entry,
            movie,
            f"{exc}.",
            longest_seconds=_LONGEST_ROOM_DELAY_SECONDS,
            needs_bytes=exc.size_bytes,
            searched_at=self.clock.now() if is_searched else None,
        )

    def note_doubt(
        self,
        entry: QueueEntry,
        movie: Movie,
        why: str,
        *,
        longest_seconds: float = LONGEST_DELAY_SECONDS,
        **noted: Unpack[Noted],
    ) -> None:
        """Let a film wait, each time longer, for what may be no failure of its own: it counts none."""
        now, doubts = self.clock.now(), entry.doubts + 1
        delay = retry_delay_seconds(
            doubts,
            interval_seconds=self.policy.interval_seconds,
            multiplier=max(self.policy.multiplier, _LEAST_GROWTH),
        )
        delay = min(delay, longest_seconds)
        retry_at: datetime | None = later(now, delay)
        if entry.is_extra_look:  # its place in the schedule is kept
            retry_at = entry.retry_at and max(entry.retry_at, later(now, delay))
        noted |= {"waits_for_release": entry.is_extra_look, "doubts": doubts}
        if self.queue_manager.add_to_failed(
            movie,
            why,
            retry_at,
            counts=False,
            **noted,
        ):
            _log.warning("%s: %s %s", movie.label, why, self._next_try(now, delay))
            self.history.note(Happened.FAILED, movie, why)

    def _next_try(self, now: datetime, delay: float) -> str:
        return next_time("Next try", time_of_day(now, delay), once=self.once)

    def queue_due(self) -> None:
        """Queue failed films whose time has come; give up those for which fewer attempts are allowed now."""
        queues = self.queue_manager
        if queues.seconds_to_next_retry() != 0:
            return
        # Also with no retries at all, a film comes back after an outage that was not its fault.
        most = max(self.policy.max_retries, 1)
        for movie in queues.move_all_failed_to_pending(queues.get_movies_ready_for_retry(most)):
            _log.info("%s: trying again.", movie.label)
        for entry in queues.give_up_on_due(most):
            why = (entry.error or "unknown").rstrip(".")
            self._tell_failed(entry, entry.movie, why, entry.retry_count)
            self.history.note(Happened.GAVE_UP, entry.movie, why)
            _log.warning(
                "%s: gave up after %s (max_retries is now %d): %s.",
                entry.movie.label,
                _attempts(entry.retry_count),
                self.policy.max_retries,
                why,
            )

    def _tell_waiting(self, entry: QueueEntry, movie: Movie, exc: FilmError) -> None:
        if entry.searched_at is None:
            self.tell(Waiting(self.clock.now(), movie, entry.wish, str(exc), len(entry.tried)))

    def _tell_failed(self, entry: QueueEntry, movie: Movie, why: str, failures: int) -> None:
        # A torrent that failed starts the count again.
        self.tell(Failed(self.clock.now(), movie, entry.wish, why, failures, len(entry.tried)))


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"
