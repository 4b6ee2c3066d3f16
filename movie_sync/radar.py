"""Catches a film the moment it appears: the tracker's newest releases against all films that wait.

One call for each check of the watchlist, however many films wait. Where the newest releases do not
reach back to the last look (the program was off, a busy day), the waiting films are searched one by
one, slowly; and each of them is searched once a week in any case.
"""

import logging
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from movie_sync.domain.matching import WantedFilm
from movie_sync.domain.models import Movie, QueueEntry, Release
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.retry import pause_seconds
from movie_sync.filelist_downloader import FileListDownloader
from movie_sync.ports import Clock
from movie_sync.queue_manager import QueueManager
from movie_sync.storage.radar_store import RadarMemory, RadarStore

_log = logging.getLogger(__name__)

# Of a hundred rows a few may be none of films, or broken, and are left out before they come here.
_FULL_ANSWER_ROWS = 80
_SEARCHED_AGAIN_AFTER = timedelta(days=7)
_NEVER = datetime.min.replace(tzinfo=UTC)
# A search takes up to five calls: an eighth of the budget's films leaves more than a third of it free.
_CALLS_FOR_EACH = 8
_LATE_CHECKS = 1.5


class Radar:
    """For one thread (the download worker's), but for `note_check`, which any may call."""

    def __init__(
        self,
        queue_manager: QueueManager,
        store: RadarStore,
        *,
        check_interval_seconds: float,
        calls_per_hour: int,
        clock: Clock,
    ) -> None:
        self._queue_manager = queue_manager
        self._store = store
        self._memory: RadarMemory | None = None
        self._interval_seconds = check_interval_seconds
        self._spacing_seconds = _CALLS_FOR_EACH * 3600.0 / calls_per_hour
        self._clock = clock
        self._is_check_done = False
        self._swept_at = clock.monotonic()
        self._to_search: deque[Movie] = deque()
        self._search_at = 0.0
        self._matched: dict[str, set[int]] = {}
        self._failures = 0
        self._not_before = 0.0

    def note_check(self) -> None:
        """The watchlist was read: look at the newest releases too."""
        self._is_check_done = True

    def seconds_to_next(self) -> float | None:
        """Return how long until `work` has something to do, or None if no film waits."""
        if not self._queue_manager.waiting_count():
            self._is_check_done = False
            return None
        now = self._clock.monotonic()
        if self._not_before > now:
            return self._not_before - now
        if self._is_check_done:
            return 0.0
        # While the watchlist cannot be read films appear all the same.
        next_at = self._swept_at + _LATE_CHECKS * self._interval_seconds
        if self._to_search:
            next_at = min(next_at, self._search_at)
        return max(next_at - now, 0.0)

    def work(self, downloader: FileListDownloader) -> None:
        """Do what is due: look at the newest releases, or queue one film for a search.

        Raises:
            AuthError, TransientError, StorageError: it is still due.
        """
        now = self._clock.monotonic()
        if self._is_check_done or now >= self._swept_at + _LATE_CHECKS * self._interval_seconds:
            self._sweep(downloader)
            self._failures = 0
            self._is_check_done = False
            self._swept_at = now
        elif self._to_search and now >= self._search_at:
            self._search_at = now + self._spacing_seconds
            self._queue_manager.look_again([self._to_search.popleft()])

    def put_off(self) -> float:
        """Rest after a failure, longer each time in a row; return for how many seconds."""
        self._failures += 1
        seconds = pause_seconds(self._failures)
        self._not_before = self._clock.monotonic() + seconds
        return seconds

    def _sweep(self, downloader: FileListDownloader) -> None:
        waiting = self._queue_manager.waiting_films()
        releases = downloader.latest()
        found = self._found(downloader, waiting, releases)
        for movie in self._queue_manager.look_again(found):
            _log.info("%s: has appeared on the tracker.", movie.label)
        self._remember(releases)
        self._plan_searches(waiting, {movie.id for movie in found})

    def _found(
        self, downloader: FileListDownloader, waiting: Sequence[QueueEntry], releases: Sequence[Release]
    ) -> list[Movie]:
        """Return the films of which there is a release that was not taken into account before."""
        names = KeyIndex()
        for number, release in enumerate(releases):
            names.add(number, release.name, release.imdb_id)
        found = []
        for entry in waiting:
            numbers = names.candidates(WantedFilm.from_movie(entry.movie))
            rows = [releases[number] for number in numbers]
            accepted = downloader.examine(entry.movie, rows, entry.tried).accepted if rows else ()
            ids = {candidate.release.filelist_id for candidate in accepted}
            if ids - self._matched.get(entry.movie.id, set()):
                self._matched[entry.movie.id] = ids
                found.append(entry.movie)
        self._matched = {
            entry.movie.id: self._matched[entry.movie.id]
            for entry in waiting
            if entry.movie.id in self._matched
        }
        return found

    def _remember(self, releases: Sequence[Release]) -> None:
        if not releases:  # tells nothing: the tracker always has newest ones
            return
        memory = self._memory or self._store.load()
        ids = [release.filelist_id for release in releases]
        # A time to come was noted by a wrong clock: waited for, it would keep the searches going.
        gap_since = memory.gap_since and min(memory.gap_since, self._clock.now())
        if memory.newest_id and len(ids) >= _FULL_ANSWER_ROWS and min(ids) > memory.newest_id:
            gap_since = self._clock.now()
            _log.info(
                "Releases may have been missed since the last look: waiting films are searched, slowly."
            )
        renewed = RadarMemory(max(memory.newest_id, *ids), gap_since)
        if renewed != memory:
            self._store.save(renewed)
        self._memory = renewed

    def _plan_searches(self, waiting: Sequence[QueueEntry], but_for: set[str]) -> None:
        """Line up the films that are to be searched, longest not searched first."""
        now = self._clock.now()
        gap_since = self._memory.gap_since if self._memory else None
        latest = now - _SEARCHED_AGAIN_AFTER

        def searched_at(entry: QueueEntry) -> datetime:
            # A time to come was noted by a wrong clock, and tells nothing.
            return entry.searched_at if entry.searched_at and entry.searched_at <= now else _NEVER

        needed = [
            entry
            for entry in waiting
            if entry.movie.id not in but_for
            and (searched_at(entry) < latest or (gap_since is not None and searched_at(entry) < gap_since))
        ]
        needed.sort(key=lambda entry: (searched_at(entry), entry.added_at))
        self._to_search = deque(entry.movie for entry in needed)
        if not needed and gap_since is not None and self._memory is not None:
            self._memory = RadarMemory(self._memory.newest_id)
            self._store.save(self._memory)
