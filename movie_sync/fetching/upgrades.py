"""Films for which a better release is looked for, and what the newest releases have for them."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from movie_sync.domain.events import Upgraded
from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.models import Movie, Reason, Release, ReleaseId
from movie_sync.domain.selection import is_below_enough, quality_of
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.ports import Clock
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage

_log = logging.getLogger(__name__)

_MOST_JUDGED = 20_000


@dataclass(eq=False, repr=False)
class Upgrades:
    """For one thread (the download worker's). What it remembers is found again if it is lost.

    Whether and how long is looked is general; up to what, the `rules` of each film tell.
    """

    queue_manager: QueueManager
    rules: FilmRules
    clock: Clock
    _found: dict[str, tuple[Movie, Movie, Sequence[Release]]] = field(default_factory=dict, init=False)
    # Both of films with releases among the newest ones alone, of which there are few.
    _described: dict[str, Movie] = field(default_factory=dict, init=False)
    _failed: dict[str, set[ReleaseId]] = field(default_factory=dict, init=False)
    _below: dict[int, bool] = field(default_factory=dict, init=False)  # judging takes most of the time
    _said: int = field(default=0, init=False)

    @property
    def is_on(self) -> bool:
        """Tell whether better releases are looked for at all."""
        return self.rules.general.upgrade is not None

    def films(self) -> Iterator[QueueEntry]:
        """Yield the films that the user may still want in a better release."""
        if self.rules.general.upgrade is None:
            return
        now = self.clock.now()
        for entry in self.queue_manager.done_since(now - timedelta(days=self.rules.general.upgrade.days)):
            if entry.completed_at and entry.completed_at > now:  # a wrong clock's: it would have no end
                continue
            is_ours = entry.reason == Reason.DOWNLOADED
            follow = entry.follow
            is_whole = follow is None or (follow.stage is Stage.DOWNLOADED and not follow.is_adopted)
            if not (is_ours and is_whole) or entry.upgrade or entry.word.grabbed:
                continue
            if self._is_below_enough(entry):
                yield entry

    def _is_below_enough(self, entry: QueueEntry) -> bool:
        taken = entry.choice.release if entry.choice else ""
        wish = self.rules.first_list(entry.movie)
        number = hash((entry.movie.id, taken, entry.word.preset, wish and wish.key))
        if number not in self._below:
            if len(self._below) >= _MOST_JUDGED:
                self._below.clear()
            rules = self.rules.on(wish, entry.word.preset)
            self._below[number] = is_below_enough(entry.movie, taken, rules)
        return self._below[number]

    def look(self, downloader: FileListDownloader, near: Callable[[Movie], Sequence[Release]]) -> None:
        """Look for better releases among the newest ones; `near` returns those that may be of a film."""
        self._found.clear()
        described, self._described = self._described, {}
        failed, self._failed = self._failed, {}
        count = 0
        for entry in self.films():
            count += 1
            try:
                self._look_for(downloader, entry, near, described, failed)
            except Exception as exc:  # noqa: BLE001 - one film keeps no other one from being noticed
                _log.debug("Couldn't look for %s among the newest releases.", entry.movie.label, exc_info=exc)
        if count != self._said:
            _log.info("Watching the newest releases for better ones; films with room to improve: %d.", count)
        self._said = count

    def next_found(self) -> tuple[Movie, Movie, Sequence[Release]] | None:
        """Return a film with releases that may be better, or None; each is returned once for each look.

        First as the queues know it, then as its page told of it, if that was read.
        """
        return self._found.pop(next(iter(self._found))) if self._found else None

    def note_described(self, known_as: Movie, movie: Movie) -> None:
        """Its page was read: it is not read again while releases of the film are among the newest."""
        if movie.page_read:
            self._described[known_as.id] = movie

    def note_failed(self, movie: Movie, releases: Iterable[Release]) -> None:
        """These came to nothing: while they are among the newest they are not tried again for this film."""
        self._failed.setdefault(movie.id, set()).update(each.id for each in releases)

    def _look_for(
        self,
        downloader: FileListDownloader,
        entry: QueueEntry,
        near: Callable[[Movie], Sequence[Release]],
        described: Mapping[str, Movie],
        failed: Mapping[str, set[ReleaseId]],
    ) -> None:
        movie = described.get(entry.movie.id, entry.movie)
        releases = near(movie)
        if gone := failed.get(entry.movie.id, set()) & {each.id for each in releases}:
            self._failed[entry.movie.id] = gone
            releases = [each for each in releases if each.id not in gone]
        if not releases:
            return
        if movie.page_read:
            self._described[entry.movie.id] = movie
        if downloader.better_than(entry, movie, releases, in_doubt=not movie.page_read).accepted:
            self._found[entry.movie.id] = entry.movie, movie, releases


def upgraded(entry: QueueEntry, at: datetime, path: str) -> Upgraded:
    """Return what to report once a film's better release, its current choice, has finished."""
    old, new = entry.replaced[-1].choice.release, entry.choice
    release, info_hash = (new.release, new.info_hash) if new else ("", "")
    before, after = (quality_of(entry.movie, name) for name in (old, release))
    better = after.name if after.name != before.name else f"{after.name}, a later PROPER or REPACK"
    return Upgraded(at, entry.movie, entry.wish, release, info_hash, path, before.name, better)
