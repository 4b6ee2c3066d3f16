"""Marks torrents that the user may want to sort: of films that left the list, and replaced ones."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.seeding import SeedingRule, seeding_left
from movie_sync.errors import StorageError
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import FailedRelease, Seeding
from movie_sync.wishes.unlisted_store import UnlistedStore

_log = logging.getLogger(__name__)

TAG = "unlisted"
REPLACED_TAG = "replaced"
_MOST_TAGGED_AT_ONCE = 500
_LOOK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class UnlistedTagger:
    """Sets the tag, and takes it off where a film is listed again; deletes nothing. For one thread."""

    store: UnlistedStore

    def seconds_to_next(self) -> float | None:
        """Return 0 if there is something to do, else None."""
        try:
            return 0.0 if self.store.awaits_tag() else None
        except StorageError:  # it cannot be told now, and nothing is urgent about it
            return None

    def work(self, client: FollowedClient) -> None:
        """Do some of what is to be done; raises as `TorrentFollower.work`."""
        films = [film for film in self.store.films() if film.awaits_tag][:_MOST_TAGGED_AT_ONCE]
        client.tag([each for film in films if not film.relisted for each in film.info_hashes], TAG)
        client.untag([each for film in films if film.relisted for each in film.info_hashes], TAG)
        self.store.note_tags_set(films)


@dataclass(eq=False, repr=False)
class ReplacedTagger:
    """Tags the torrents that better ones took the place of, and looks how long they have seeded.

    It looks once an hour, until each has seeded as its tracker asks or is gone. `rules` say what trackers
    ask, by name; of one that is not among them nothing is known. Deletes nothing. For one thread.
    """

    queue_manager: QueueManager
    rules: Mapping[str, SeedingRule]
    clock: Clock
    _next_look: float = field(default=0.0, init=False)
    _count: int = field(default=0, init=False)

    def seconds_to_next(self) -> float | None:
        """Return how long until the next look, or None if there is nothing to look after."""
        count = self.queue_manager.replaced_count()
        if count > self._count:  # a new one is tagged at once
            self._next_look = 0.0
        self._count = count
        return max(self._next_look - self.clock.monotonic(), 0.0) if count else None

    def work(self, client: FollowedClient) -> None:
        """Do it; raises as `TorrentFollower.work`."""
        self._next_look = self.clock.monotonic() + _LOOK_SECONDS
        olds = [
            old
            for entry in self.queue_manager.with_replaced()
            for old in entry.replaced
            if not old.seeding.is_settled
            if all(
                each.choice is None or each.choice.info_hash != old.choice.info_hash
                for each in entry.torrents()
            )
        ][:_MOST_TAGGED_AT_ONCE]
        held = client.states([old.choice.info_hash for old in olds])
        client.tag([old.choice.info_hash for old in olds if old.seeding.seen_at is None], REPLACED_TAG)
        seen = {old.choice.info_hash: self._seeding(old, held.get(old.choice.info_hash)) for old in olds}
        self.queue_manager.note_seeding(seen)

    def _seeding(self, old: FailedRelease, torrent: HeldTorrent | None) -> Seeding:
        now = self.clock.now().replace(microsecond=0)
        if torrent is None:  # a client that has just started may not show it yet: the next look settles it
            return replace(old.seeding, is_gone=True, is_settled=old.seeding.is_gone)
        rule = self.rules.get(old.choice.id.tracker) if old.choice.id else None
        ratio, seconds = torrent.ratio, torrent.seeding_seconds
        is_settled = rule is None or seeding_left(rule, ratio, seconds).is_enough
        return Seeding(now, ratio, seconds, is_settled=is_settled)
