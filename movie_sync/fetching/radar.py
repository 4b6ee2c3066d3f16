"""Catches a film the moment it appears: the trackers' newest releases against all films that wait.

One call to each for each check of the watchlist, however many films wait. Where the newest releases do not
reach back to the last look (the program was off, a busy day), the waiting films are searched one by
one, slowly; and each of them is searched once a week in any case, or once in four while its release date
is still to come. Such dates are often wrong: nothing else depends on them.
"""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from movie_sync.domain.film_facts import ReleaseDates
from movie_sync.domain.models import Movie, Release, ReleaseId
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.times import format_time, parse_time, pause_seconds
from movie_sync.domain.wanted import WantedFilm
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.upgrades import Upgrades
from movie_sync.ports import Clock
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.document import read_note, write_note

_log = logging.getLogger(__name__)

_SEARCHED_AGAIN_AFTER = timedelta(days=7)
_NOT_OUT_SEARCHED_AFTER = timedelta(days=28)
_NEVER = datetime.min.replace(tzinfo=UTC)
# A search takes up to five calls: an eighth of the budget's films leaves more than a third of it free.
_CALLS_FOR_EACH = 8
_LATE_CHECKS = 1.5
_EARLIER_TRACKER = "filelist"


@dataclass(frozen=True, slots=True)
class RadarMemory:
    """The ids that each tracker told last, and since when some may have been missed (None: none were)."""

    seen: Mapping[str, frozenset[str]]
    gap_since: datetime | None = None


@dataclass(eq=False, repr=False)
class Radar:
    """For one thread (the download worker's), but for `note_check`, which any may call.

    Losing what it remembers in `path` costs a few searches and no film, so damage is no news.
    """

    queue_manager: QueueManager
    path: Path
    _: KW_ONLY
    check_interval_seconds: float
    calls_per_hour: int
    clock: Clock
    upgrades: Upgrades
    _memory: RadarMemory | None = field(default=None, init=False)
    # Names alone: thousands of films with all their titles would take tens of megabytes.
    _to_search: deque[str] = field(default_factory=deque, init=False)
    _search_at: float = field(default=0.0, init=False)
    _matched: dict[str, set[ReleaseId]] = field(default_factory=dict, init=False)
    _failures: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._sweep_at = self._late_at()

    def note_check(self) -> None:
        """The watchlist was read: look at the newest releases too."""
        self._sweep_at = 0.0

    def _late_at(self) -> float:
        """Return when to look if no check is noted: while no list can be read films appear all the same."""
        return self.clock.monotonic() + _LATE_CHECKS * self.check_interval_seconds

    def seconds_to_next(self) -> float | None:
        """Return how long until `work` has something to do, or None if no film waits for a release."""
        if not self.upgrades.is_on and not self.queue_manager.waiting_count():
            return None
        next_at = min(self._sweep_at, self._search_at) if self._to_search else self._sweep_at
        return max(max(next_at, self._not_before) - self.clock.monotonic(), 0.0)

    def work(self, downloader: FileListDownloader) -> None:
        """Look at the newest releases, or queue one film for a search; after an error it is still due."""
        now = self.clock.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = self._late_at()  # before the look: a check that is noted meanwhile counts
            if not self.queue_manager.waiting_count() and not any(True for _ in self.upgrades.films()):
                return
            try:
                self._sweep(downloader)
            except BaseException:
                self._sweep_at = 0.0
                raise
            self._failures = 0
        elif self._to_search and now >= self._search_at:
            self._search_at = now + _CALLS_FOR_EACH * 3600.0 / self.calls_per_hour
            held = self.queue_manager.find(self._to_search.popleft())
            if held is not None:  # else it was taken out meanwhile
                self.queue_manager.look_again([held[1].movie])

    def put_off(self) -> float:
        """Rest after a failure, longer each time in a row; return for how many seconds."""
        self._failures += 1
        seconds = pause_seconds(self._failures)
        self._not_before = self.clock.monotonic() + seconds
        return seconds

    def _sweep(self, downloader: FileListDownloader) -> None:
        newest = downloader.latest()
        before = self._memory or _read_memory(self.path)
        memory = self._renewed(before, newest)
        releases = [release for told in newest.values() for release in told]
        names = KeyIndex()
        for number, release in enumerate(releases):
            names.add(number, release.name, release.imdb_id)

        def near_to(movie: Movie) -> list[Release]:
            return [releases[number] for number in names.candidates(WantedFilm.from_movie(movie))]

        found: list[Movie] = []
        matched: dict[str, set[ReleaseId]] = {}
        needed: list[tuple[datetime, datetime, str]] = []
        now = self.clock.now()
        for entry in self.queue_manager.waiting_films():
            movie = entry.movie
            try:
                near = near_to(movie)
                accepted = (
                    downloader.examine(movie, near, entry.set_aside, entry.word).accepted if near else ()
                )
                ids = {candidate.release.id for candidate in accepted}
            except Exception as exc:  # noqa: BLE001 - one film keeps no other one from being noticed
                _log.debug("Couldn't look for %s among the newest releases.", movie.label, exc_info=exc)
                ids = set()
            known = self._matched.get(movie.id, set())
            if ids or known:
                matched[movie.id] = ids or known
            if ids - known:
                found.append(movie)
                continue
            # A time to come, which a wrong clock noted, tells nothing.
            searched_at = entry.searched_at if entry.searched_at and entry.searched_at <= now else _NEVER
            if searched_at < max(_searched_before(movie, now), memory.gap_since or _NEVER):
                needed.append((searched_at, entry.added_at, movie.slug or movie.id))
        self.upgrades.look(downloader, near_to)
        for movie in self.queue_manager.look_again(found):
            _log.info("%s: a release has appeared.", movie.label)
        self._matched = matched
        needed.sort()
        self._to_search = deque(film for *_, film in needed)
        memory = memory if needed else RadarMemory(memory.seen)
        if memory != before:
            gap = format_time(memory.gap_since) if memory.gap_since else None
            seen = {name: sorted(ids) for name, ids in memory.seen.items()}
            write_note(self.path, {"seen": seen, "gap_since": gap}, self.clock)
        self._memory = memory

    def _renewed(self, memory: RadarMemory, newest: Mapping[str, Sequence[Release]]) -> RadarMemory:
        """Return what is to be remembered once these releases were looked through."""
        now = self.clock.now()
        # A time to come was noted by a wrong clock: waited for, it would keep the searches going.
        gap_since = memory.gap_since and min(memory.gap_since, now)
        # No answer tells nothing, and neither does an empty one: a tracker always has newest ones.
        told = {
            name: frozenset(each.id.id for each in releases) for name, releases in newest.items() if releases
        }
        if any(ids.isdisjoint(memory.seen[name]) for name, ids in told.items() if name in memory.seen):
            gap_since = now
            _log.info(
                "New releases may have been missed since the last check; searching waiting films one by one."
            )
        return RadarMemory({**memory.seen, **told}, gap_since)


def _searched_before(movie: Movie, now: datetime) -> datetime:
    """Return before when a waiting film's last search is too long ago."""
    home = ReleaseDates.parse(movie.release_dates).home
    if home is None:
        return now - _SEARCHED_AGAIN_AFTER
    comes_out = datetime(home.year, home.month, home.day, tzinfo=UTC)
    if comes_out > now:
        return now - _NOT_OUT_SEARCHED_AFTER
    return max(now - _SEARCHED_AGAIN_AFTER, comes_out)


def _read_memory(path: Path) -> RadarMemory:
    plain = read_note(path)
    told = plain.get("seen")
    listed = told if isinstance(told, dict) else {}
    newest = plain.get("newest_id")  # what an earlier version wrote, of its one tracker
    if isinstance(newest, int) and newest > 0:
        listed = {_EARLIER_TRACKER: [str(newest)]} | listed
    seen = {name: frozenset(map(str, ids)) for name, ids in listed.items() if isinstance(ids, list)}
    return RadarMemory(seen, parse_time(plain.get("gap_since")))
