"""Follows handed-over torrents in the client until their files are there.

A pass is one request, however many films there are. A torrent that stands still, that the tracker
refuses or that broke is given up for the film's next release; what was given up keeps running and
wins if it comes to its end first. Nothing is taken out of the client, unless the user wants that for
torrents of which next to nothing was downloaded.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from movie_sync.domain.events import Event, EventKind, film_event
from movie_sync.domain.models import Choice, HeldTorrent, Movie
from movie_sync.domain.retry import pause_seconds
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import AuthError, MovieSyncError, StorageError
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.entry import FailedRelease, QueueEntry, Stage, TorrentProgress
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import (
    concerns_account,
    is_worth_writing,
    observed,
    percent,
)

_log = logging.getLogger(__name__)

_MOST_AT_ONCE = 100
_SHORTEST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_PAUSE_WITHOUT_UNFINISHED_SECONDS = 600.0
# Looks are never further apart while the client answers; more than that it may have been away.
_LONGEST_TRIED_SECONDS = 600.0
# A client that is ended right after it took a torrent may not have saved it.
_SAVED_AFTER_SECONDS = 5.0
# A client that has just started does not show all of its torrents yet.
_MISSING_SECONDS = 30.0
_REMOVED_IS_FINAL = timedelta(days=7)
_RECHECK_SECONDS = 600.0
_REFUSALS_NEEDED = 2
_REFUSAL_PAUSE_SECONDS = 2.0
_LONGEST_REFUSAL_PAUSE_SECONDS = 3600.0
# A client that answers none of them is out of order, and each may take its whole time limit.
_MOST_UNANSWERED = 3
_WORTH_KEEPING = 0.1


@dataclass(frozen=True, slots=True)
class FollowPolicy:
    """When a torrent counts as stalled, and whether it may then be taken out of the client."""

    stalled_after_seconds: float
    removes_stalled: bool = False


@dataclass(slots=True)
class _Refusal:
    """How often in a row the tracker refused a torrent, and when to ask again (monotonic seconds).

    `is_of_account`: it was for a reason of the user's, for which the torrent is not to blame.
    """

    times: int = 0
    is_of_account: bool = False
    ask_at: float = 0.0
    pause_seconds: float = _REFUSAL_PAUSE_SECONDS


@dataclass(slots=True)
class _Known:
    """What is known of torrents besides the queue files, by info-hash (times are monotonic seconds).

    `live` is how far each is, which is written down now and then only. `not_before` is how often in a
    row a question about one had no answer, and until when none is asked. `said` came to their end.
    `settled` were taken out so long ago that they are not asked for any more.
    """

    live: dict[str, TorrentProgress] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)
    seen_at: dict[str, float] = field(default_factory=dict)
    refusals: dict[str, _Refusal] = field(default_factory=dict)
    no_room_until: dict[str, float] = field(default_factory=dict)
    begun_at: dict[str, float] = field(default_factory=dict)
    not_before: dict[str, tuple[int, float]] = field(default_factory=dict)
    said: dict[str, None] = field(default_factory=dict)
    settled: dict[str, None] = field(default_factory=dict)

    def forget(self, info_hash: str) -> None:
        """Forget all of one torrent, but for when it was looked at."""
        for known in self._all():
            if known is not self.asked_at:
                known.pop(info_hash, None)

    def forget_all_but(self, followed: Collection[str]) -> None:
        """Forget all torrents but those that are followed."""
        wanted = set(followed)
        for known in self._all():
            for info_hash in known.keys() - wanted:
                del known[info_hash]

    def _all(self) -> tuple[dict[str, Any], ...]:
        return (
            self.live, self.asked_at, self.seen_at, self.refusals, self.no_room_until,
            self.begun_at, self.not_before, self.said, self.settled,
        )  # fmt: skip


class TorrentFollower:
    """For one thread (the download worker's)."""

    def __init__(
        self,
        queue_manager: QueueManager,
        *,
        policy: FollowPolicy,
        clock: Clock,
        tell: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._queue_manager = queue_manager
        self._policy = policy
        self._clock = clock
        self._tell = tell
        self._last_pass: float | None = None
        self._pause_seconds = _SHORTEST_PAUSE_SECONDS
        # Stalls are noticed from one look to the next.
        self._longest_pause_seconds = min(
            _LONGEST_PAUSE_SECONDS, max(policy.stalled_after_seconds / 5, _SHORTEST_PAUSE_SECONDS)
        )
        self._known = _Known()
        self._tried_seconds: dict[str, float] = {}
        self._unanswered = 0
        self._epoch: int | None = None
        self._contact_at = 0.0
        self._restarted_after: float | None = None
        self._account_said = ""

    def seconds_to_next(self) -> float | None:
        """Return how long until the next pass is due, or None while there is nothing to follow."""
        if not self._queue_manager.torrents.followed_count():
            return None
        if self._last_pass is None:
            return 0.0
        pause = self._pause_seconds
        if not self._queue_manager.torrents.unfinished_count():
            pause = _PAUSE_WITHOUT_UNFINISHED_SECONDS
        return max(self._last_pass + pause - self._clock.monotonic(), 0.0)

    def hurry(self) -> None:
        """Look soon: something is about to change."""
        self._pause_seconds = _SHORTEST_PAUSE_SECONDS

    def begin(self, info_hash: str, client: FollowedClient) -> None:
        """Look soon at a torrent that was just handed over; what was known of it before is over."""
        self._note_epoch(client.epoch)
        self._known.forget(info_hash)
        self._known.begun_at[info_hash] = self._contact_at
        self.hurry()

    def look(self, client: FollowedClient) -> None:
        """Make a pass. A question about one torrent that has no answer keeps no other one back.

        Raises:
            AuthError, TransientError, StorageError: the pass is to be made again.
        """
        self._last_pass = self._clock.monotonic()
        self._pause_seconds = min(2 * self._pause_seconds, self._longest_pause_seconds)
        self._unanswered = 0
        hashes = self._queue_manager.torrents.hashes()
        self._known.forget_all_but(hashes)
        asked = self._next_hashes(hashes)
        try:
            held = client.states(asked) if asked else {}
        except BaseException:
            self._known.seen_at.clear()  # how long it was out of reach is no time of the torrents
            raise
        self._note_time(asked, held)
        self._note_epoch(client.epoch)
        entries = self._queue_manager.torrents.followed(asked)
        found: dict[str, TorrentProgress] = {}
        failure: AuthError | StorageError | None = None
        for entry in entries:
            try:
                self._look_at(client, entry, asked, held, found)
            except AuthError as exc:  # the client must not be asked any more
                failure = exc
                break
            except StorageError as exc:
                failure = failure or exc
            except Exception as exc:  # noqa: BLE001 - whatever it is, the others have their turn
                self._note_unanswered(entry, exc)
        self._note(entries, found)
        if failure is not None:
            raise failure

    def _note_unanswered(self, entry: QueueEntry, exc: Exception) -> None:
        """Note that a question about a torrent had no answer: the next one waits, and longer each time."""
        self._unanswered += 1
        info_hash = entry.choice.info_hash if entry.choice else ""
        times = self._known.not_before.get(info_hash, (0, 0.0))[0] + 1
        self._known.not_before[info_hash] = times, self._clock.monotonic() + pause_seconds(times)
        why = str(exc) if isinstance(exc, MovieSyncError) else f"unforeseen: {type(exc).__name__}"
        level = logging.WARNING if times == 1 else logging.DEBUG
        _log.log(
            level, "%s: what there is to ask about its torrent has no answer: %s", entry.movie.label, why
        )
        _log.debug("%s", entry.movie.label, exc_info=exc)

    def _may_ask(self, info_hash: str) -> bool:
        """Tell whether the client may be asked about a torrent now, besides how far it is."""
        if self._unanswered >= _MOST_UNANSWERED:
            return False
        return self._clock.monotonic() >= self._known.not_before.get(info_hash, (0, 0.0))[1]

    def _note_time(self, asked: set[str], held: dict[str, HeldTorrent]) -> None:
        """Note when torrents were looked at, and how long each has been tried for since the last look."""
        now = self._clock.monotonic()
        self._known.asked_at.update(dict.fromkeys(asked, now))
        self._tried_seconds = {info_hash: self._seconds_tried(info_hash, now) for info_hash in held}
        self._known.seen_at.update(dict.fromkeys(held, now))

    def _note_epoch(self, epoch: int) -> None:
        """Note whether the client may have been started anew, and since when at the earliest."""
        if self._epoch not in {None, epoch}:
            self._restarted_after = self._contact_at
        self._epoch, self._contact_at = epoch, self._clock.monotonic()

    def _is_lost(self, info_hash: str) -> bool:
        """Tell whether the client was started anew so soon after a hand-over that it lost the torrent."""
        begun_at, restarted_after = self._known.begun_at.get(info_hash), self._restarted_after
        if begun_at is None or restarted_after is None:
            return False
        return 0 <= restarted_after - begun_at <= _SAVED_AFTER_SECONDS

    def _seconds_tried(self, info_hash: str, now: float) -> float:
        refusal = self._known.refusals.get(info_hash)
        if refusal is not None and refusal.is_of_account:
            return 0.0
        return min(now - self._known.seen_at.get(info_hash, now), _LONGEST_TRIED_SECONDS)

    def _next_hashes(self, hashes: Collection[str]) -> set[str]:
        """Return what to ask for: those that were not looked at for longest, if there are very many."""
        wanted = [each for each in dict.fromkeys(hashes) if each not in self._known.settled]
        wanted.sort(key=lambda info_hash: self._known.asked_at.get(info_hash, 0.0))
        return set(wanted[:_MOST_AT_ONCE])

    def _look_at(
        self,
        client: FollowedClient,
        entry: QueueEntry,
        asked: set[str],
        held: dict[str, HeldTorrent],
        found: dict[str, TorrentProgress],
    ) -> None:
        for old in entry.tried:
            torrent = held.get(old.choice.info_hash)
            if torrent is not None and torrent.phase is TorrentPhase.WHOLE:
                self._finish_with_given_up(entry, old, torrent)
                return
        choice, stored = entry.choice, entry.follow
        if choice is None or stored is None or choice.info_hash not in asked:
            return
        before = self._known.live.get(choice.info_hash, stored)
        torrent = held.get(choice.info_hash)
        if torrent is None:
            if before.missing_since is None and self._is_lost(choice.info_hash):
                self._hand_over_again(entry.movie, choice)
                return
            found[choice.info_hash] = self._without(entry.movie, before)
            if before.stage is Stage.REMOVED and self._now() - before.since > _REMOVED_IS_FINAL:
                self._known.settled[choice.info_hash] = None
            return
        after = observed(before, torrent, self._now(), self._tried_seconds[choice.info_hash])
        found[choice.info_hash] = after  # also if what is asked of it now has no answer
        if after.stage is Stage.STOPPED and before.stage is not Stage.STOPPED:
            _log.warning(
                "%s: its torrent is stopped in the client at %d %%, by hand or by a rule there, "
                "and goes on when it is started there.",
                entry.movie.label,
                percent(after.progress),
            )
        if after.stage is Stage.DOWNLOADED:
            self._say_downloaded(entry, choice, after)
            return
        found[choice.info_hash], why = self._judge(client, torrent, after)
        if why:
            del found[choice.info_hash]
            tried = FailedRelease(choice, why, torrent.name)
            self._give_up(client, entry, tried, torrent, is_ours=not after.is_adopted)

    def _hand_over_again(self, movie: Movie, choice: Choice) -> None:
        del self._known.begun_at[choice.info_hash]  # once: what is gone after that was taken out
        if self._queue_manager.torrents.hand_over_again(movie, choice):
            _log.warning("%s: the client was started anew and has lost its torrent; once more.", movie.label)

    def _without(self, movie: Movie, before: TorrentProgress) -> TorrentProgress:
        """Return what it means that the client does not show a torrent."""
        now = self._now()
        if before.stage is Stage.REMOVED:
            return before
        if before.missing_since is None or before.missing_since > now:
            self.hurry()
            return replace(before, missing_since=now, bytes_a_second=0)
        patience = min(_MISSING_SECONDS, self._policy.stalled_after_seconds)
        if now - before.missing_since < timedelta(seconds=patience):
            return before
        _log.info(
            "%s: its torrent is no longer in the client: taken out by hand, or by a rule there, as when "
            "its share ratio is reached. It is left alone; `add %s` fetches the film again.",
            movie.label,
            movie.slug or movie.id,
        )
        return replace(before, stage=Stage.REMOVED, since=now, bytes_a_second=0)

    def _judge(
        self, client: FollowedClient, torrent: HeldTorrent, follow: TorrentProgress
    ) -> tuple[TorrentProgress, str]:
        """Return what is known of a torrent that is not whole, and why it is to be given up, if it is."""
        if not self._may_ask(torrent.info_hash):
            return follow, ""
        if torrent.phase.is_broken:
            return self._judge_broken(client, torrent, follow)
        self._known.no_room_until.pop(torrent.info_hash, None)
        if follow.idle_seconds >= self._policy.stalled_after_seconds:
            return self._judge_stalled(client, torrent, follow)
        if torrent.phase is TorrentPhase.AWAITING_PEERS and not torrent.has_tracker:
            return follow, self._ask_for_refusal(client, torrent.info_hash)
        self._known.refusals.pop(torrent.info_hash, None)
        return follow, ""

    def _judge_stalled(
        self, client: FollowedClient, torrent: HeldTorrent, follow: TorrentProgress
    ) -> tuple[TorrentProgress, str]:
        """Part a torrent that nobody has from a tracker that does not serve it, or anybody, now."""
        words = None if torrent.has_tracker else client.refusal(torrent.info_hash)
        if words is not None and not concerns_account(words):
            return follow, f"refused by the tracker: {words}"
        if torrent.has_tracker:
            return follow, f"stalled: next to nothing came for {_duration(follow.idle_seconds)}"
        if words is not None:
            self._say_account(words)
        # Without its tracker no release would come any better, so the time did not count.
        return replace(follow, idle_seconds=0.0), ""

    def _judge_broken(
        self, client: FollowedClient, torrent: HeldTorrent, follow: TorrentProgress
    ) -> tuple[TorrentProgress, str]:
        now = self._now()
        if self._clock.monotonic() < self._known.no_room_until.get(torrent.info_hash, 0.0):
            return follow, ""
        if follow.rechecked_at is None or follow.rechecked_at > now:
            _log.warning(
                "%s: the client reports %s; its files are checked again.", torrent.name, torrent.client_word
            )
            client.recheck(torrent.info_hash)
            self.hurry()
            return replace(follow, rechecked_at=now), ""
        patience = min(_RECHECK_SECONDS, self._policy.stalled_after_seconds)
        if now - follow.rechecked_at < timedelta(seconds=patience):
            return follow, ""
        room = client.room()
        if room.free_bytes < torrent.bytes_left:
            text = (
                f"The torrent client's disk is full: {torrent.name} needs {torrent.bytes_left / 1e9:.1f} GB "
                f"more and {room.free_bytes / 1e9:.1f} GB are free. It goes on when there is room."
            )
            _log.warning("%s", text)
            if not self._known.no_room_until:  # once, until there was room for all of them
                self._tell(Event(f"disk full:client:{now:%Y-%m-%dT%H}", EventKind.DISK_FULL, now, text))
            self._known.no_room_until[torrent.info_hash] = self._clock.monotonic() + _RECHECK_SECONDS
            return replace(follow, rechecked_at=None), ""
        trouble = "missing files" if torrent.phase is TorrentPhase.FILES_MISSING else "an error"
        return follow, f"broken: the client reports {trouble}, also after its files were checked again"

    def _now(self) -> datetime:
        """Return the time as it is stored, to the second: its fractions would be news at each look."""
        return self._clock.now().replace(microsecond=0)

    def _ask_for_refusal(self, client: FollowedClient, info_hash: str) -> str:
        """Ask now and then whether the tracker refuses a torrent; return why it is to be given up."""
        known = self._known.refusals.setdefault(info_hash, _Refusal())
        now = self._clock.monotonic()
        if now < known.ask_at:
            return ""
        words = client.refusal(info_hash)
        known.ask_at = now + known.pause_seconds
        known.is_of_account = words is not None and concerns_account(words)
        if words is None:
            self._account_said = ""
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
        if self._account_said == words:
            return
        self._account_said = words
        text = (
            f"The tracker refuses torrents for a reason that lies with your account or torrent client "
            f"({words}). No other release would help; look at the site."
        )
        _log.warning("%s", text)
        now = self._clock.now()
        about = f"{now:%Y-%m-%dT%H}:{crc32(words.encode()):08x}"
        self._tell(Event(f"refused:tracker:{about}", EventKind.REFUSED, now, text))

    def _give_up(
        self,
        client: FollowedClient,
        entry: QueueEntry,
        tried: FailedRelease,
        torrent: HeldTorrent,
        *,
        is_ours: bool,
    ) -> None:
        movie = entry.movie
        keeps = torrent.progress >= _WORTH_KEEPING
        rest = " It keeps running beside it; the first to be whole wins." if keeps else ""
        text = (
            f"{movie.label}: {tried.choice.release} is given up at {percent(torrent.progress)} % "
            f"({tried.why}); another release is looked for.{rest}"
        )
        self._tell(
            film_event(
                EventKind.REPLACED, movie, self._clock.now(), text,
                wish=entry.wish, about=tried.choice.info_hash,
                release=tried.choice.release, info_hash=tried.choice.info_hash, why=tried.why,
                progress=round(torrent.progress, 4),
            )
        )  # fmt: skip
        if not self._queue_manager.torrents.give_up(movie, tried):
            return
        _log.warning("%s", text)
        self.hurry()
        if is_ours and self._policy.removes_stalled and not keeps and _shares_nothing(client, torrent):
            client.remove(torrent.info_hash)
            _log.info("%s: taken out of the client, as qbittorrent.remove_stalled wants it.", torrent.name)

    def _finish_with_given_up(self, entry: QueueEntry, old: FailedRelease, torrent: HeldTorrent) -> None:
        now = self._clock.now()
        follow = TorrentProgress(Stage.DOWNLOADED, now, progress=1.0, path=torrent.content_path)
        self._say_downloaded(entry, old.choice, follow)
        overtaken = f"{old.choice.release} was whole first"
        if self._queue_manager.torrents.finish_with(entry.movie, old.choice, follow, overtaken=overtaken):
            _log.info("%s: that was the release given up before (%s).", entry.movie.label, old.why)

    def _say_downloaded(self, entry: QueueEntry, choice: Choice, follow: TorrentProgress) -> None:
        if choice.info_hash in self._known.said:  # only the writing failed
            return
        text = f"{entry.movie.label}: downloaded: {choice.release}"
        self._tell(
            film_event(
                EventKind.DOWNLOADED, entry.movie, self._clock.now(), text,
                wish=entry.wish, about=choice.info_hash,
                release=choice.release, info_hash=choice.info_hash, path=follow.path,
            )
        )  # fmt: skip
        _log.info("%s, in %s", text, follow.path)
        self._known.said[choice.info_hash] = None
        self.hurry()

    def _note(self, entries: Iterable[QueueEntry], found: dict[str, TorrentProgress]) -> None:
        """Keep what was seen, and write it down where that is worth a write."""
        stored = {entry.choice.info_hash: entry.follow for entry in entries if entry.choice and entry.follow}
        self._known.live.update(found)
        stalled_after = self._policy.stalled_after_seconds
        if any(is_worth_writing(stored[key], follow, stalled_after) for key, follow in found.items()):
            self._queue_manager.torrents.note(found)


def _shares_nothing(client: FollowedClient, torrent: HeldTorrent) -> bool:
    """Tell whether no other torrent of the client may use the same files, or a folder around them."""
    ours = _path_pieces(torrent.content_path)
    return bool(ours) and not any(
        all(mine == its for mine, its in zip(ours, _path_pieces(other.content_path), strict=False))
        for other in client.torrents()
        if other.content_path and other.info_hash != torrent.info_hash
    )


def _path_pieces(path: str) -> list[str]:
    """Return a path's names, of whatever system the client runs on, without regard to case."""
    return [piece for piece in path.replace("\\", "/").casefold().split("/") if piece]


def _duration(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f} hours" if hours >= 1 else f"{seconds:.0f} seconds"


def added_event(movie: Movie, choice: Choice, at: datetime, why: str, *, wish: datetime) -> Event:
    """Return the event of a torrent that was handed over."""
    text = f"{movie.label}: added: {choice.release}" + (f" ({why})" if why else "")
    return film_event(
        EventKind.ADDED, movie, at, text, wish=wish, about=choice.info_hash,
        release=choice.release, info_hash=choice.info_hash, why=why,
    )  # fmt: skip
