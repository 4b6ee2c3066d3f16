"""Judges torrents that are not whole: which are to be given up for the film's next release, and why."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from movie_sync.domain.events import AccountRefused, ClientDiskFull, Event
from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.tracker_words import concerns_account
from movie_sync.following.memory import TorrentMemory, TrackerRefusal
from movie_sync.notices.wording import text_of
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.releases import TorrentProgress

_log = logging.getLogger(__name__)

_HOUR_SECONDS = 3600
_RECHECK_SECONDS = 600.0
_REFUSALS_NEEDED = 2
_LONGEST_REFUSAL_PAUSE_SECONDS = 3600.0
_DOUBTED_AFTER_SECONDS = 3600.0


@dataclass(eq=False, repr=False)
class TorrentJudge:
    """Tells the torrents that come to nothing from those that will come. For one thread.

    `hurry` is called when something is about to change, so that a look is worth while.
    """

    memory: TorrentMemory
    stalled_after_seconds: float
    clock: Clock
    tell: Callable[[Event], None]
    hurry: Callable[[], None]
    account_refusal: str = field(default="", init=False)
    """In which words the tracker refuses the user's account or client, or ""."""
    disk_full: str = field(default="", init=False)
    """Why a torrent has no room in the client, in words, or ""."""

    def judge(
        self, client: FollowedClient, torrent: HeldTorrent, follow: TorrentProgress
    ) -> tuple[TorrentProgress, str]:
        """Return what is known of an incomplete torrent, and why to give up on it, if so."""
        known = self.memory[torrent.info_hash]
        if torrent.phase.is_broken:
            return self._judge_broken(client, torrent, follow)
        known.no_room_until = None
        if follow.idle_seconds >= self.stalled_after_seconds:
            return self._judge_stalled(client, torrent, follow)
        # A list may name a tracker that worked once and refuses now: of one that nobody sends it is asked.
        is_doubted = torrent.refusal is None and follow.idle_seconds >= _DOUBTED_AFTER_SECONDS
        if torrent.phase is TorrentPhase.AWAITING_PEERS and (is_doubted or not torrent.has_tracker):
            pause = _LONGEST_REFUSAL_PAUSE_SECONDS if torrent.has_tracker else 0.0
            return follow, self._ask_for_refusal(client, torrent.info_hash, pause)
        known.refusal = None
        return follow, ""

    def _judge_stalled(
        self, client: FollowedClient, torrent: HeldTorrent, follow: TorrentProgress
    ) -> tuple[TorrentProgress, str]:
        """Part a torrent that nobody has from a tracker that does not serve it, or anybody, now."""
        if torrent.has_tracker:  # a list may name one that worked once and refuses now
            torrent = client.with_trackers(torrent)
        words = None if torrent.has_tracker else client.refusal(torrent.info_hash)
        if words is not None and not concerns_account(words):
            return follow, f"refused by the tracker: {words}"
        if torrent.has_tracker:
            return follow, f"almost no data for {_duration(follow.idle_seconds)}"
        if words is not None:
            self._say_account(words)
        # Without its tracker no release would come any better, so the time did not count.
        return replace(follow, idle_seconds=0.0), ""

    def _judge_broken(
        self, client: FollowedClient, torrent: HeldTorrent, follow: TorrentProgress
    ) -> tuple[TorrentProgress, str]:
        now, known = self.clock.now().replace(microsecond=0), self.memory[torrent.info_hash]
        if self.clock.monotonic() < (known.no_room_until or 0.0):
            return follow, ""
        if follow.rechecked_at is None or follow.rechecked_at > now:
            _log.warning(
                "%s: the client reports %s; rechecking its files.", torrent.name, torrent.client_word
            )
            client.recheck(torrent.info_hash)
            self.hurry()
            return replace(follow, rechecked_at=now), ""
        patience = min(_RECHECK_SECONDS, self.stalled_after_seconds)
        if now - follow.rechecked_at < timedelta(seconds=patience):
            return follow, ""
        room = client.room()
        if room.free_bytes < torrent.bytes_left:
            full = ClientDiskFull(now, torrent.name, torrent.bytes_left, room.free_bytes)
            _log.warning("%s", text_of(full))
            if not self.memory.lacks_room():  # once, until there was room for all of them
                self.tell(full)
            self.disk_full = text_of(full)
            known.no_room_until = self.clock.monotonic() + _RECHECK_SECONDS
            return replace(follow, rechecked_at=None), ""
        trouble = "missing files" if torrent.phase is TorrentPhase.FILES_MISSING else "an error"
        return follow, f"broken: the client reports {trouble} even after a recheck"

    def _ask_for_refusal(self, client: FollowedClient, info_hash: str, least_pause_seconds: float) -> str:
        """Ask now and then whether the tracker refuses a torrent; return why it is to be given up."""
        known = self.memory[info_hash].refusal or TrackerRefusal()
        self.memory[info_hash].refusal = known
        now = self.clock.monotonic()
        if now < known.ask_at:
            return ""
        words = client.refusal(info_hash)
        known.ask_at = now + max(known.pause_seconds, least_pause_seconds)
        known.is_of_account = words is not None and concerns_account(words)
        if words is None:
            self.account_refusal = ""
            known.times = 0
            known.pause_seconds = min(2 * known.pause_seconds, _LONGEST_REFUSAL_PAUSE_SECONDS)
            return ""
        if known.is_of_account:
            self._say_account(words)
            known.ask_at = now + _LONGEST_REFUSAL_PAUSE_SECONDS
            return ""
        known.times += 1
        self.hurry()
        return f"refused by the tracker: {words}" if known.times >= _REFUSALS_NEEDED else ""

    def _say_account(self, words: str) -> None:
        if self.account_refusal == words:
            return
        self.account_refusal = words
        refusal = AccountRefused(self.clock.now(), words)
        _log.warning("%s", text_of(refusal))
        self.tell(refusal)


def _duration(seconds: float) -> str:
    unit, length = ("hour", _HOUR_SECONDS) if seconds >= _HOUR_SECONDS else ("second", 1)
    number = round(seconds / length)
    return f"1 {unit}" if number == 1 else f"{number} {unit}s"
