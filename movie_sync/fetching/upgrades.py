"""Films for which a better release is looked for, and what the newest releases have for them."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from movie_sync.domain.models import Movie, Reason, Release, ReleaseId
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.ports import Clock
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage

_log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class Upgrades:
    """For one thread (the download worker's). What it remembers is found again if it is lost.

    `rules` are the general ones; with a preset of its own a film may have others.
    """

    queue_manager: QueueManager
    rules: QualityRules
    clock: Clock
    _found: dict[str, tuple[Movie, Sequence[Release]]] = field(default_factory=dict, init=False)
    _examined: dict[str, set[ReleaseId]] = field(default_factory=dict, init=False)
    _said: int = field(default=0, init=False)

    @property
    def is_on(self) -> bool:
        """Tell whether better releases are looked for at all."""
        return self.rules.upgrade is not None

    def films(self) -> Iterator[QueueEntry]:
        """Yield the films that the user may still want in a better release."""
        if self.rules.upgrade is None:
            return
        begun = self.clock.now() - timedelta(days=self.rules.upgrade.days)
        for entry in self.queue_manager.done_since(begun):
            is_ours = entry.reason == Reason.DOWNLOADED and entry.choice is not None
            follow = entry.follow
            is_whole = follow is None or (follow.stage is Stage.DOWNLOADED and not follow.is_adopted)
            if is_ours and is_whole and entry.upgrade is None and not entry.word.grabbed:
                yield entry

    def look(self, downloader: FileListDownloader, near: Callable[[Movie], Sequence[Release]]) -> None:
        """Look for better releases among the newest ones; `near` returns those that may be of a film."""
        self._found.clear()
        known, self._examined = self._examined, {}
        count = 0
        for entry in self.films():
            movie, count = entry.movie, count + 1
            try:
                releases = near(movie)
                ids = {each.id for each in releases}
                self._examined[movie.id] = known.get(movie.id, set()) & ids
                if ids - self._examined[movie.id] and downloader.may_improve(movie, releases, entry):
                    self._found[movie.id] = movie, releases
            except Exception as exc:  # noqa: BLE001 - one film keeps no other one from being noticed
                _log.debug("%s could not be looked for among them.", movie.label, exc_info=exc)
        if count != self._said:
            _log.info("For %d films better releases are looked for among the newest ones.", count)
        self._said = count

    def next_found(self) -> tuple[Movie, Sequence[Release]] | None:
        """Return a film with releases that may be better, or None; each is returned once for each look."""
        return self._found.pop(next(iter(self._found))) if self._found else None

    def note_examined(self, movie: Movie, releases: Sequence[Release]) -> None:
        """These were examined whole: while they are among the newest they are no news for this film."""
        self._examined.setdefault(movie.id, set()).update(each.id for each in releases)
