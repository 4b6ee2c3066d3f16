"""The job that the others are for: one film from the pending queue to the torrent client."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from movie_sync.complaints import log_where, words_of
from movie_sync.daemon.faults import Faults
from movie_sync.daemon.results import ResultRecorder
from movie_sync.daemon.session import Session, Sessions
from movie_sync.daemon.worker import Pause
from movie_sync.domain.models import NO_WORD, DownloadResult, Movie, Reason
from movie_sync.domain.times import later
from movie_sync.errors import (
    FilmError,
    FilmTooLargeError,
    MovieSyncError,
    NoLongerWantedError,
    PagesMissingError,
    StorageError,
)
from movie_sync.fetching.room import RoomCheck, RoomKeeper
from movie_sync.following.follower import TorrentFollower
from movie_sync.following.seeding import REPLACED_TAG
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import ActivityKind

_log = logging.getLogger(__name__)

_SIZE_IS_KNOWN_FOR = timedelta(days=1)
"""So long a film whose release was too large waits for room for that one; then another one is looked for."""


@dataclass(eq=False, repr=False)
class HandOverJob:
    """Works on the newest wish; whatever goes wrong with a film, the others have their turn."""

    queue_manager: QueueManager
    sessions: Sessions
    faults: Faults
    results: ResultRecorder
    follower: TorrentFollower | None
    rooms: RoomKeeper | None
    _in_hand: Movie | None = field(default=None, init=False)
    # What looks like an outage may lie with the film that met it, now or in the run before: the next
    # one to be tried is another, so that it does not keep all the others back for ever.
    _is_turn_of_another: bool = field(default=True, init=False)
    _unwritten: dict[str, float] = field(default_factory=dict, init=False)
    """Until when (monotonic seconds) films wait whose outcome could not be written, by their keys."""

    def next_film(self) -> QueueEntry | None:
        """Return the film to work on; failed ones that are due are queued first, but for another's turn."""
        passed = self._in_hand.keys() if self._is_turn_of_another and self._in_hand else ()
        entry = self._pending(passed) if self._is_turn_of_another else None
        if entry is None:
            self.results.queue_due()
            entry = self._pending(passed)
        return entry or (self._pending() if passed else None)

    def run(self, entry: QueueEntry) -> Pause | None:
        """Work on a film; return the pause that is to follow, if so."""
        is_anothers_turn = self._is_turn_of_another and entry.movie != self._in_hand
        self._in_hand, self._is_turn_of_another = entry.movie, False
        try:
            pause = self._work_on(entry)
        except MovieSyncError:
            raise
        except Exception as exc:  # noqa: BLE001 - no film may keep the others back
            return self._step_aside(entry, exc)
        if is_anothers_turn and pause and pause.activity.kind is ActivityKind.NO_ROOM:
            return None  # of what is due, something may fit
        return pause

    def _pending(self, passed: Iterable[str] = ()) -> QueueEntry | None:
        now = self.sessions.clock.monotonic()
        self._unwritten = {key: until for key, until in self._unwritten.items() if until > now}
        return self.queue_manager.get_next_pending((*self._unwritten, *passed))

    def _work_on(self, entry: QueueEntry) -> Pause | None:
        try:
            session = self.sessions.get()
            result = self._handed_over(session, entry)
        except FilmError as exc:
            self.faults.has_failed |= self.results.note_failure(entry, self._in_hand or entry.movie, exc)
            self.faults.note_film_done(is_handed_over=False)
            return None
        except FilmTooLargeError as exc:
            is_searched = exc.size_bytes != self._known_bytes(entry)
            self.results.note_too_large(entry, self._in_hand or entry.movie, exc, is_searched=is_searched)
            return None
        except MovieSyncError as exc:
            pause = self.faults.pause_after(exc)
            if pause.activity.kind is ActivityKind.PAUSED:
                self._put_off(entry, exc, pause)
            return pause
        is_followed = session.client is not None and (self.follower is not None or self.rooms is not None)
        is_found = result.is_found_again or result.is_adopted or result.reason is Reason.ALREADY_DOWNLOADED
        if is_found and session.client and result.choice and (entry.word != NO_WORD or entry.tried):
            # Another one may have taken its place before, and what is tagged so, people delete.
            session.client.untag([result.choice.info_hash], REPLACED_TAG)
        self.results.note_success(entry, result, is_followed=is_followed)
        if self.follower and session.client and result.choice:
            self.follower.begin(result.choice.info_hash, session.client)
        self.faults.note_film_done(is_handed_over=True)
        return None

    def _handed_over(self, session: Session, entry: QueueEntry) -> DownloadResult:
        movie, downloader = entry.movie, session.downloader
        result = downloader.find_handed_over(movie, entry.choice) if entry.choice else None
        if result is None:
            if self.rooms and session.client:
                self.rooms.check(session.client, self._known_bytes(entry), downloader.rules.placement(movie))
            if not downloader.pages.may_be_another(movie):
                result = downloader.find_already_there(movie, entry.set_aside, entry.word)
        if result is None:
            movie = downloader.pages.describe(movie, is_doubted=entry.page_missing_since is not None)
            if movie != entry.movie:  # known by more titles now
                if not self.queue_manager.note_film(entry.movie, movie):
                    raise NoLongerWantedError("removed from the queue in the meantime, or already known")
                self._in_hand = movie
                result = downloader.find_already_there(movie, entry.set_aside, entry.word)
        return result or self._download(session, entry, movie)

    def _known_bytes(self, entry: QueueEntry) -> int:
        """Return the size of a film's release where a search of the last day told it, else 0."""
        since, now = entry.searched_at, self.sessions.clock.now()
        is_new = since is not None and timedelta(0) <= now - since < _SIZE_IS_KNOWN_FOR
        return (entry.needs_bytes or 0) if is_new else 0

    def _download(self, session: Session, entry: QueueEntry, movie: Movie) -> DownloadResult:
        room = RoomCheck(self.rooms, session.client, session.downloader.rules.placement(movie))
        result = session.downloader.download_movie(
            movie,
            acceptable_since=entry.acceptable_since,
            tried=entry.set_aside,
            word=entry.word,
            check_room=room.check,
            record_choice=self.queue_manager.note_choice,
        )
        room.note_taken()
        return result

    def _put_off(self, entry: QueueEntry, exc: MovieSyncError, pause: Pause) -> None:
        """Let the film wait for as long as the worker pauses; what failed was not its fault."""
        self._is_turn_of_another = True
        if entry.is_extra_look:  # its place in the schedule is kept: it waits where it is
            return
        now = self.sessions.clock.now()
        since = (entry.page_missing_since or now) if isinstance(exc, PagesMissingError) else None
        try:
            self.queue_manager.add_to_failed(
                self._in_hand or entry.movie,
                str(exc),
                later(now, pause.seconds),
                counts=False,
                page_missing_since=since,
            )
        except StorageError as also:  # a full disk: then the film waits where it is
            _log.debug("%s", also)

    def _step_aside(self, entry: QueueEntry, exc: Exception) -> Pause | None:
        """Let a film wait that met an error which nobody foresaw; several in a row are an outage."""
        movie = self._in_hand or entry.movie
        log_where(exc)
        try:
            self.results.note_doubt(entry, movie, words_of(exc))
        except Exception as also:  # noqa: BLE001 - then it waits where it is, and only in this run
            _log.debug("%s", words_of(also))
            log_where(also)
            until = self.sessions.clock.monotonic() + self.results.policy.interval_seconds
            self._unwritten.update(dict.fromkeys(movie.keys(), until))
        return self.faults.pause_after_unforeseen(exc)
