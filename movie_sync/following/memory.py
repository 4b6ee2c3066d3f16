"""What is known of torrents besides what stands in the queue files."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.times import pause_seconds
from movie_sync.ports import Clock
from movie_sync.queues.releases import TorrentProgress

_MOST_AT_ONCE = 100
# Looks are never further apart while the client answers; more than that it may have been away.
_LONGEST_TRIED_SECONDS = 600.0
# A client that is ended right after it took a torrent may not have saved it.
_SAVED_AFTER_SECONDS = 5.0


@dataclass(slots=True)
class TrackerRefusal:
    """How often in a row the tracker refused a torrent, and when it is asked again (monotonic seconds).

    `is_of_account`: it was for a reason of the user's, for which the torrent is not to blame.
    """

    times: int = 0
    is_of_account: bool = False
    ask_at: float = 0.0
    pause_seconds: float = 2.0


@dataclass(slots=True)
class KnownTorrent:
    """One torrent; times are monotonic seconds.

    `live` is how far it is, which is written down now and then only. `unanswered` is how often in a row a
    question about it had no answer, and `not_before` until when none is asked. `is_settled`: it was taken
    out so long ago that it is not asked for any more. `is_said`: the user was told that it came to its end.
    """

    live: TorrentProgress | None = None
    asked_at: float = 0.0
    seen_at: float | None = None
    begun_at: float | None = None
    tried_seconds: float = 0.0
    unanswered: int = 0
    not_before: float = 0.0
    refusal: TrackerRefusal | None = None
    no_room_until: float | None = None
    is_said: bool = False
    is_settled: bool = False


@dataclass(slots=True)
class TorrentMemory:
    """By info-hash; and when the client was started anew. For one thread."""

    clock: Clock
    _torrents: defaultdict[str, KnownTorrent] = field(default_factory=lambda: defaultdict(KnownTorrent))
    _epoch: int | None = None
    _contact_at: float = 0.0
    _restarted_after: float | None = None

    def __getitem__(self, info_hash: str) -> KnownTorrent:
        """Return what is known of a torrent."""
        return self._torrents[info_hash]

    def __len__(self) -> int:
        """Return of how many torrents anything is known."""
        return len(self._torrents)

    def keep_only(self, followed: Collection[str]) -> None:
        """Forget all torrents but those that are followed."""
        for info_hash in self._torrents.keys() - set(followed):
            del self._torrents[info_hash]

    def begin(self, info_hash: str) -> None:
        """Note that a torrent was just handed over; what was known of it before is over."""
        self._torrents[info_hash] = KnownTorrent(asked_at=self[info_hash].asked_at, begun_at=self._contact_at)

    def next_to_ask(self, followed: Collection[str]) -> set[str]:
        """Return what to ask for: those that were not looked at for longest, if there are very many."""
        wanted = [each for each in dict.fromkeys(followed) if not self[each].is_settled]
        wanted.sort(key=lambda info_hash: self[info_hash].asked_at)
        return set(wanted[:_MOST_AT_ONCE])

    def note_unreachable(self) -> None:
        """The client could not be asked: how long that lasts is no time of the torrents."""
        for torrent in self._torrents.values():
            torrent.seen_at = None

    def note_seen(self, asked: Collection[str], held: dict[str, HeldTorrent]) -> None:
        """Note when torrents were looked at, and how long each has been tried for since the last look."""
        now = self.clock.monotonic()
        for info_hash in asked:
            self[info_hash].asked_at = now
        for info_hash in held:
            torrent = self[info_hash]
            seen_at = now if torrent.seen_at is None else torrent.seen_at
            is_tried = torrent.refusal is None or not torrent.refusal.is_of_account
            torrent.tried_seconds = min(now - seen_at, _LONGEST_TRIED_SECONDS) if is_tried else 0.0
            torrent.seen_at = now

    def note_unanswered(self, info_hash: str) -> int:
        """A question about a torrent had no answer: wait, longer each time; return how often in a row."""
        torrent = self[info_hash]
        torrent.unanswered += 1
        torrent.not_before = self.clock.monotonic() + pause_seconds(torrent.unanswered)
        return torrent.unanswered

    def lacks_room(self) -> bool:
        """Tell whether the client's disk was full for any torrent when it was last looked at."""
        return any(torrent.no_room_until is not None for torrent in self._torrents.values())

    def forget_epoch(self) -> None:
        """Another connection to the client counts from anew how often it was started."""
        self._epoch = None

    def note_epoch(self, epoch: int) -> None:
        """Note whether the client may have been started anew, and since when at the earliest."""
        if self._epoch not in {None, epoch}:
            self._restarted_after = self._contact_at
        self._epoch, self._contact_at = epoch, self.clock.monotonic()

    def is_lost(self, info_hash: str) -> bool:
        """Tell whether the client was started anew so soon after a hand-over that it lost the torrent."""
        begun_at, restarted_after = self[info_hash].begun_at, self._restarted_after
        if begun_at is None or restarted_after is None:
            return False
        return 0 <= restarted_after - begun_at <= _SAVED_AFTER_SECONDS
