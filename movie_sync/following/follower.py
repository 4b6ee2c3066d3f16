"""Follows handed-over torrents in the client until their files are there.

A pass is one request, however many films there are. A torrent that stands still, that the tracker
refuses or that broke is given up for the film's next release; what was given up keeps running and
wins if it comes to its end first. Nothing is taken out of the client, unless the user wants that for
torrents of which next to nothing was downloaded. Those of films that left the watchlist get a tag.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime, timedelta

from movie_sync.complaints import log_where, words_of
from movie_sync.domain.events import Downloaded, Event, Replaced, Upgraded
from movie_sync.domain.models import Choice, HeldTorrent, Movie
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import AuthError, StorageError
from movie_sync.fetching.upgrades import upgraded
from movie_sync.following.judge import TorrentJudge
from movie_sync.following.memory import TorrentMemory
from movie_sync.notices.wording import text_of
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import is_worth_writing, observed, percent, share_done
from movie_sync.queues.releases import FailedRelease, Shelving, Stage, TorrentProgress
from movie_sync.storage.history import NO_HISTORY, Happened, History

_log = logging.getLogger(__name__)

_SHORTEST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_PAUSE_WITHOUT_UNFINISHED_SECONDS = 600.0
# A client that has just started does not show all of its torrents yet.
_MISSING_SECONDS = 30.0
_REMOVED_IS_FINAL = timedelta(days=7)
# A client that answers none of them is out of order, and each may take its whole time limit.
_MOST_UNANSWERED = 3
_WORTH_KEEPING = 0.1
# A client that is made to compare files calls a torrent whole until it has begun with it.
_RECHECK_BEGINS = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class FollowPolicy:
    """When a torrent counts as stalled, and whether it may then be taken out of the client."""

    stalled_after_seconds: float
    removes_stalled: bool = False
    here: Callable[[str], str] = lambda path: path
    """Returns a path of the client as this machine names it."""


@dataclass(eq=False, repr=False)
class TorrentFollower:
    """For one thread (the download worker's)."""

    queue_manager: QueueManager
    policy: FollowPolicy
    clock: Clock
    tell: Callable[[Event], None]
    history: History = NO_HISTORY
    shelves: bool = False
    """Whether a film whose torrent comes to its end is to be put on the shelf."""
    earlier: InitVar[TorrentMemory | None] = None
    """What another one knew of the same client's torrents."""
    share: float | None = field(default=None, init=False)
    """How much there is of all torrents on their way, as last seen; for any thread."""
    _last_pass: float | None = field(default=None, init=False)
    _pause_seconds: float = field(default=_SHORTEST_PAUSE_SECONDS, init=False)
    _unanswered: int = field(default=0, init=False)
    _memory: TorrentMemory = field(init=False)
    _judge: TorrentJudge = field(init=False)

    def __post_init__(self, earlier: TorrentMemory | None) -> None:
        self._memory = TorrentMemory(self.clock) if earlier is None else earlier
        self._memory.forget_epoch()
        stalled_after = self.policy.stalled_after_seconds
        self._judge = TorrentJudge(self._memory, stalled_after, self.clock, self.tell, self.hurry)

    def seconds_to_next(self) -> float | None:
        """Return how long until the next pass is due, or None while there is nothing to follow."""
        if not self.queue_manager.followed_count():
            return None
        if self._last_pass is None:
            return 0.0
        pause = self._pause_seconds
        if not self.queue_manager.unfinished_count():
            pause = _PAUSE_WITHOUT_UNFINISHED_SECONDS
        return max(self._last_pass + pause - self.clock.monotonic(), 0.0)

    @property
    def account_refusal(self) -> str:
        """In which words the tracker refuses the user's account or client, or ""; for any thread."""
        return self._judge.account_refusal

    @property
    def disk_full(self) -> str:
        """Why a torrent has no room in the client, in words, or ""; for any thread."""
        return self._judge.disk_full

    def hurry(self) -> None:
        """Look soon: something is about to change."""
        self._pause_seconds = _SHORTEST_PAUSE_SECONDS

    def begin(self, info_hash: str, client: FollowedClient) -> None:
        """Look soon at a torrent that was just handed over; what was known of it before is over."""
        self._memory.note_epoch(client.epoch)
        self._memory.begin(info_hash)
        self.hurry()

    def work(self, client: FollowedClient) -> None:
        """Make a pass. A question about one torrent that has no answer keeps no other one back.

        Raises AuthError, TransientError, StorageError: the pass is to be made again.
        """
        self._last_pass = self.clock.monotonic()
        often = max(self.policy.stalled_after_seconds / 5, _SHORTEST_PAUSE_SECONDS)  # to notice what stalls
        self._pause_seconds = min(2 * self._pause_seconds, often, _LONGEST_PAUSE_SECONDS)
        self._unanswered = 0
        hashes = self.queue_manager.followed_hashes()
        self._memory.keep_only(hashes)
        asked = self._memory.next_to_ask(hashes)
        try:
            held = client.states(asked) if asked else {}
        except BaseException:
            self._memory.note_unreachable()
            raise
        self._memory.note_seen(asked, held)
        self._memory.note_epoch(client.epoch)
        entries = [each for entry in self.queue_manager.followed(asked) for each in entry.torrents()]
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
        if not self._memory.lacks_room():
            self._judge.disk_full = ""
        on_their_way = (f for f in found.values() if f.stage not in {Stage.DOWNLOADED, Stage.REMOVED})
        self.share = share_done(on_their_way)
        self._note(entries, found)
        if failure is not None:
            raise failure

    def _note_unanswered(self, entry: QueueEntry, exc: Exception) -> None:
        """Note that a question about a torrent had no answer: the next one waits, and longer each time."""
        self._unanswered += 1
        times = self._memory.note_unanswered(entry.choice.info_hash if entry.choice else "")
        _log.log(
            logging.WARNING if times == 1 else logging.DEBUG,
            "%s: couldn't ask the client about its torrent: %s",
            entry.movie.label,
            words_of(exc),
        )
        log_where(exc)

    def _look_at(
        self,
        client: FollowedClient,
        entry: QueueEntry,
        asked: set[str],
        held: dict[str, HeldTorrent],
        found: dict[str, TorrentProgress],
    ) -> None:
        if self._finish_with_given_up(entry, held):
            return
        choice, stored = entry.choice, entry.follow
        if choice is None or stored is None or choice.info_hash not in asked:
            return
        known = self._memory[choice.info_hash]
        before = known.live or stored
        torrent = held.get(choice.info_hash)
        if torrent is None:
            self._note_missing(entry, choice, before, found)
            return
        after = self._for_shelf(observed(before, torrent, self._now(), known.tried_seconds))
        found[choice.info_hash] = after  # also if what is asked of it now has no answer
        if after.stage is Stage.DOWNLOADED:
            begun = before.rechecked_at if before.stage is Stage.ADDED else None
            if begun and self._now() - begun < _RECHECK_BEGINS:  # else the client would have seen it
                found[choice.info_hash] = before
                self.hurry()
                return
            self._say_whole(entry, choice, after)
            return
        if after.stage is Stage.STOPPED and before.stage is not Stage.STOPPED:
            _log.warning(
                "%s: its torrent was stopped in the client at %d%%, by you or by a rule there. "
                "Start it there to continue.",
                entry.movie.label,
                percent(after.progress),
            )
            why = f"{choice.release}: stopped in the client at {percent(after.progress)}%"
            self.history.note(Happened.STOPPED, entry.movie, why)
        if self._unanswered >= _MOST_UNANSWERED or self.clock.monotonic() < known.not_before:
            return
        found[choice.info_hash], why = self._judge.judge(client, torrent, after)
        if why:
            del found[choice.info_hash]
            tried = FailedRelease(choice, why, torrent.name)
            if entry.is_upgrade:
                self._drop_upgrade(entry.movie, tried)
            else:
                self._give_up(client, entry, tried, torrent, is_ours=not after.is_adopted)

    def _note_missing(
        self, entry: QueueEntry, choice: Choice, before: TorrentProgress, found: dict[str, TorrentProgress]
    ) -> None:
        known = self._memory[choice.info_hash]
        if before.missing_since is None and self._memory.is_lost(choice.info_hash):
            self._hand_over_again(entry, choice)
            return
        after = self._without(entry, before)
        if entry.is_upgrade and after.stage is Stage.REMOVED:
            self._drop_upgrade(entry.movie, FailedRelease(choice, "it was removed from the client"))
            return
        found[choice.info_hash] = after
        is_removed = before.stage is Stage.REMOVED
        known.is_settled = is_removed and self._now() - before.since > _REMOVED_IS_FINAL

    def _hand_over_again(self, entry: QueueEntry, choice: Choice) -> None:
        self._memory[choice.info_hash].begun_at = None  # once: what is gone after that was taken out
        if entry.is_upgrade:  # among the newest releases it is found again
            self.queue_manager.drop_upgrade(entry.movie, choice)
        elif self.queue_manager.hand_over_again(entry.movie, choice):
            label = entry.movie.label
            _log.warning("%s: the client restarted and lost its torrent; adding it again.", label)

    def _drop_upgrade(self, movie: Movie, failed: FailedRelease) -> None:
        """Let a film keep the release it has; the better one stays where it is and is not taken again."""
        if self.queue_manager.drop_upgrade(movie, failed.choice, failed):
            words = "%s: gave up on the better release %s: %s. Keeping the current one."
            _log.info(words, movie.label, failed.choice.release, failed.why)
            self._note_stalled(movie, failed)

    def _without(self, entry: QueueEntry, before: TorrentProgress) -> TorrentProgress:
        """Return what it means that the client does not show a torrent."""
        movie, now = entry.movie, self._now()
        if before.stage is Stage.REMOVED:
            return before
        if before.missing_since is None or before.missing_since > now:
            self.hurry()
            return replace(before, missing_since=now, bytes_a_second=0)
        patience = min(_MISSING_SECONDS, self.policy.stalled_after_seconds)
        if now - before.missing_since < timedelta(seconds=patience):
            return before
        if entry.is_upgrade:
            return replace(before, stage=Stage.REMOVED, since=now, bytes_a_second=0)
        _log.info(
            "%s: its torrent is no longer in the client (removed by you or by a rule there, "
            "such as a ratio limit). "
            "Run `add %s` to fetch the film again.",
            movie.label,
            movie.slug or movie.id,
        )
        self.history.note(Happened.GONE, movie, entry.choice.release if entry.choice else "")
        return replace(before, stage=Stage.REMOVED, since=now, bytes_a_second=0)

    def _now(self) -> datetime:
        """Return the time as it is stored, to the second: its fractions would be news at each look."""
        return self.clock.now().replace(microsecond=0)

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
        replaced = Replaced(
            self.clock.now(),
            movie,
            entry.wish,
            release=tried.choice.release,
            info_hash=tried.choice.info_hash,
            why=tried.why,
            progress=torrent.progress,
            keeps_running=keeps,
        )
        self.tell(replaced)
        if not self.queue_manager.give_up(movie, tried):
            return
        _log.warning("%s", text_of(replaced))
        self._note_stalled(movie, tried)
        self.hurry()
        if is_ours and self.policy.removes_stalled and not keeps and _shares_nothing(client, torrent):
            client.remove(torrent.info_hash)
            _log.info("%s: removed from the client, because remove_stalled is on.", torrent.name)

    def _note_stalled(self, movie: Movie, failed: FailedRelease) -> None:
        self.history.note(Happened.STALLED, movie, f"{failed.choice.release}: {failed.why}")

    def _finish_with_given_up(self, entry: QueueEntry, held: dict[str, HeldTorrent]) -> bool:
        """Complete a film with a release that was given up and is whole all the same; False if none is."""
        for old in entry.tried:
            torrent = held.get(old.choice.info_hash)
            if torrent is None or torrent.phase is not TorrentPhase.WHOLE:
                continue
            path = torrent.content_path
            follow = TorrentProgress(Stage.DOWNLOADED, self.clock.now(), progress=1.0, path=path)
            follow = self._for_shelf(replace(follow, size_bytes=torrent.size_bytes))
            self._say_whole(entry, old.choice, follow)
            overtaken = f"{old.choice.release} finished first"
            if self.queue_manager.finish_with(entry.movie, old.choice, follow, overtaken=overtaken):
                _log.info("%s: that's the release given up on earlier (%s).", entry.movie.label, old.why)
            return True
        return False

    def _for_shelf(self, follow: TorrentProgress) -> TorrentProgress:
        """Return how far a torrent is, with the wish to put it on the shelf once it is whole."""
        is_due = self.shelves and follow.stage is Stage.DOWNLOADED and follow.shelf is None
        return replace(follow, shelf=Shelving(self._now())) if is_due else follow

    def _say_whole(self, entry: QueueEntry, choice: Choice, follow: TorrentProgress) -> None:
        if self._memory[choice.info_hash].is_said:  # only the writing failed
            return
        whole: Downloaded | Upgraded
        if entry.is_upgrade:
            whole = upgraded(entry, self.clock.now(), follow.path)
        else:
            now = self.clock.now()
            whole = Downloaded(now, entry.movie, entry.wish, choice.release, choice.info_hash, follow.path)
        self.tell(whole)
        place = self.policy.here(follow.path)
        _log.info("%s, in %s", text_of(whole), place)
        what = Happened.UPGRADED if isinstance(whole, Upgraded) else Happened.DOWNLOADED
        self.history.note(what, entry.movie, f"{choice.release}, in {place}")
        self._memory[choice.info_hash].is_said = True
        self.hurry()

    def _note(self, entries: Iterable[QueueEntry], found: dict[str, TorrentProgress]) -> None:
        """Keep what was seen, and write it down where that is worth a write."""
        stored = {entry.choice.info_hash: entry.follow for entry in entries if entry.choice and entry.follow}
        for info_hash, follow in found.items():
            self._memory[info_hash].live = follow
        stalled_after = self.policy.stalled_after_seconds
        if any(is_worth_writing(stored[key], follow, stalled_after) for key, follow in found.items()):
            self.queue_manager.note_progress(found)


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
