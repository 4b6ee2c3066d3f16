"""The job that takes a better release for a film that is done, which keeps the one it has until then."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from movie_sync.complaints import log_where, words_of
from movie_sync.daemon.faults import OF_EVERY_CALL
from movie_sync.daemon.results import ResultRecorder
from movie_sync.daemon.session import Session, Sessions
from movie_sync.domain.models import Choice, DownloadResult, Movie, QueueName, Release
from movie_sync.errors import FilmError, NoRoomError, ReleaseError, UnknownFilmError
from movie_sync.fetching.downloader import Search
from movie_sync.fetching.room import RoomCheck, RoomKeeper
from movie_sync.fetching.upgrades import Upgrades
from movie_sync.following.follower import TorrentFollower
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage, TorrentProgress

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 600.0


@dataclass(eq=False, repr=False)
class UpgradeJob:
    """Takes what the newest releases had for a film; whatever goes wrong, the film is as it was.

    Its release is written down before it is handed over, so that a run which was cut short is settled by
    the next one: what is in the client is followed, what is not is found anew.
    """

    queue_manager: QueueManager
    sessions: Sessions
    results: ResultRecorder
    upgrades: Upgrades
    follower: TorrentFollower | None
    rooms: RoomKeeper | None
    _is_unsettled: bool = field(default=True, init=False)
    _not_before: float = field(default=0.0, init=False)

    def run(self) -> bool:
        """Do the next thing there is to do; False if there is none.

        Raises AuthError, BudgetError, UserError, which any other call would meet as well.
        """
        if self.sessions.clock.monotonic() < self._not_before:
            return False
        try:
            if self._is_unsettled:
                self._settle()
            if (found := self.upgrades.next_found()) is None:
                return False
            self._take(*found)
        except OF_EVERY_CALL:
            raise
        except NoRoomError as exc:
            _log.debug("Not taking a better release now: %s", exc)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films that wait have their turn
            self._not_before = self.sessions.clock.monotonic() + _PAUSE_SECONDS
            _log.info("Couldn't take a better release: %s", words_of(exc))
            log_where(exc)
        return True

    def _settle(self) -> None:
        """Look in the client for what was about to be handed over, or is not followed any more."""
        for entry in self.queue_manager.followed():
            if (upgrade := entry.upgrade) is None:
                continue
            session = self.sessions.get()
            if upgrade.follow is not None and self._follows(session):
                continue
            if session.downloader.client.find(upgrade.choice.info_hash) is None:
                self.queue_manager.drop_upgrade(entry.movie, upgrade.choice)
            else:
                self._note(session, entry, upgrade.choice)
        self._is_unsettled = False

    def _take(self, known_as: Movie, movie: Movie, releases: Sequence[Release]) -> None:
        session, held = self.sessions.get(), self.queue_manager.find(known_as.slug or known_as.id)
        if held is None or held[0] is not QueueName.COMPLETED or held[1].choice is None:
            return
        entry, present = held[1], held[1].choice
        if self.rooms and session.client:
            self.rooms.check(session.client, placement=session.downloader.rules.placement(movie))
        tried = releases
        try:
            movie = session.downloader.pages.describe(movie)
            # Whatever comes of it, it is not read again while releases of the film are among the newest.
            self.upgrades.note_described(known_as, movie)
            better = session.downloader.better_than(entry, movie, releases)
            tried = [each.release for each in better.accepted]
            result = self._handed_over(session, entry, present, better) if tried else None
        except FilmError as exc:
            _log.info("%s: no better release taken: %s", movie.label, exc)
            if isinstance(exc, UnknownFilmError | ReleaseError):  # else a later look may be luckier
                self.upgrades.note_failed(known_as, tried)
            return
        if result is not None and result.choice is not None:
            self._note(session, entry, result.choice, result)

    def _follows(self, session: Session) -> bool:
        return session.client is not None and (self.follower is not None or self.rooms is not None)

    def _handed_over(
        self, session: Session, entry: QueueEntry, present: Choice, better: Search
    ) -> DownloadResult:
        room = RoomCheck(self.rooms, session.client, session.downloader.rules.placement(entry.movie))

        def record_choice(_movie: Movie, choice: Choice) -> bool:
            self._is_unsettled = True  # until it is noted as handed over
            return self.queue_manager.begin_upgrade(entry.movie, present, choice)

        result = session.downloader.upgrade(entry, better, check_room=room.check, record_choice=record_choice)
        room.note_taken()
        return result

    def _note(
        self, session: Session, entry: QueueEntry, choice: Choice, result: DownloadResult | None = None
    ) -> None:
        """Follow what was handed over; if the client tells nothing of it, it is the film's at once."""
        now, client = self.sessions.clock.now(), session.client
        is_adopted = bool(result and result.is_adopted)
        follow = TorrentProgress(Stage.ADDED, now, is_adopted=is_adopted) if self._follows(session) else None
        self.results.note_upgrade(entry, choice, follow)
        self._is_unsettled = False
        if self.follower and client:
            self.follower.begin(choice.info_hash, client)
