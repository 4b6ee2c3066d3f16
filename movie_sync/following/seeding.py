"""Looks after torrents that are whole: how long they have seeded, and whether they still do.

What has not seeded enough is looked at every hour, everything else once a day, a few at a time. What is
amiss counts if it is so twice, an hour apart. Nothing is deleted and nothing is stopped.
"""

import logging
import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from movie_sync.complaints import log_where, words_of
from movie_sync.domain.events import Event, ManyNotSeeding, NotSeeding
from movie_sync.domain.models import Choice, HeldTorrent, QueueName
from movie_sync.domain.path_map import fits
from movie_sync.domain.seeding import SeedingRule, SeedingTrouble, seeding_left
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.tracker_words import concerns_account
from movie_sync.errors import AuthError
from movie_sync.fetching.client_files import AS_THE_CLIENT_SAYS, ClientFiles
from movie_sync.notices.wording import text_of
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Seeding, TorrentProgress, Watch
from movie_sync.storage.history import NO_HISTORY, Happened, History

_log = logging.getLogger(__name__)

REPLACED_TAG = "replaced"
_PIECE, _MOST_AT_ONCE = 100, 500
_LOOK_SECONDS, _DAY_SECONDS, _SHORTEST_PIECE_SECONDS = 3600.0, 22 * 3600.0, 60.0
_CONFIRMED_SECONDS = 0.9 * _LOOK_SECONDS
_GONE_IS_FINAL = timedelta(days=7)
_MOST_QUESTIONS = 25  # each of them may be a request of its own
_MOST_UNANSWERED = 3  # each of them may take its whole time limit
_MOST_KNOWN = 1000
_TOLD_ONE_BY_ONE = 10
_NAMED_FILMS = 3
_MISSING_SHARE = 0.1
_NEWEST = sys.maxsize
_INCOMPLETE = {
    TorrentPhase.DOWNLOADING,
    TorrentPhase.AWAITING_PEERS,
    TorrentPhase.QUEUED,
    TorrentPhase.STOPPED,
}
# What is shown is to be true, but what nobody waits for any more is not worth a write for each little step.
_SHOWN_RATIO, _SHOWN_SECONDS = 0.01, 600
_SHOWN_AGE = timedelta(minutes=55)
_SETTLED_RATIO, _SETTLED_SHARE = 0.5, 0.25


class _Look(NamedTuple):
    """A torrent, and whether its files are there (None: not known)."""

    torrent: HeldTorrent
    has_files: bool | None


@dataclass(slots=True)
class _Turn:
    """Whose turn it is: the newest of those `before` a number; `count` is of how many it was."""

    before: int = _NEWEST
    count: int = 0

    def note(self, piece: Sequence[tuple[int, QueueEntry]]) -> None:
        """These have had it."""
        self.count += len(piece)
        self.before = piece[-1][0] if piece else _NEWEST


@dataclass(eq=False, repr=False)
class SeedingWatch:
    """`rules` say what trackers ask, by name; of one that is not among them nothing is known.

    It also tags the torrents that better ones took the place of. For one thread.
    """

    queue_manager: QueueManager
    rules: Mapping[str, SeedingRule]
    clock: Clock
    tell: Callable[[Event], None] = lambda _event: None
    history: History = NO_HISTORY
    files: ClientFiles = AS_THE_CLIENT_SAYS
    _next_hour: float = field(default=0.0, init=False)
    _next_piece: float = field(default=0.0, init=False)
    _replaced_count: int = field(default=0, init=False)
    _round: int = field(init=False)
    _unanswered: int = field(default=0, init=False)
    _turns: dict[Watch, _Turn] = field(init=False)
    _suspects: dict[int, tuple[SeedingTrouble | None, float]] = field(default_factory=dict, init=False)
    _unwritten: dict[int, tuple[str, Seeding]] = field(default_factory=dict, init=False)
    _lost: list[tuple[QueueEntry, Seeding]] = field(default_factory=list, init=False)
    _written_at: float | None = field(default=None, init=False)
    _many_told_at: float | None = field(default=None, init=False)
    _unused: set[str] = field(init=False)
    _has_seen: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        # Anywhere at first: a program that is started anew all the time gets to all of them as well.
        seconds = int(self.clock.now().timestamp())
        self._round = seconds // round(_LOOK_SECONDS)
        count = len(QueueName) * self.queue_manager.watched_count(Watch.DAILY)
        self._turns = {Watch.OFTEN: _Turn(), Watch.DAILY: _Turn(seconds % (count + 1))}
        self._unused = {theirs for theirs, _ in self.files.pairs}

    def seconds_to_next(self) -> float | None:
        """Return how long until the next look, or None if there is nothing to look after."""
        count = self.queue_manager.replaced_count()
        if count > self._replaced_count:  # a new one is tagged at once
            self._next_hour = 0.0
        self._replaced_count = count
        seconds = min(self._next_hour, self._next_piece) - self.clock.monotonic()
        if seconds <= 0 and not count and not any(map(self.queue_manager.watched_count, Watch)):
            return None
        return max(seconds, 0.0)

    def work(self, client: FollowedClient) -> None:
        """Do what is due; raises as `TorrentFollower.work`."""
        now = self.clock.monotonic()
        self._unanswered = 0
        try:
            if now >= self._next_hour:
                self._look_at_replaced(client)
                self._look_often(client)
                self._next_hour = now + _LOOK_SECONDS
                # What has seeded enough since has its turn within a day, too.
                self._next_piece = min(self._next_piece, now + self._piece_seconds())
            if now >= self._next_piece:
                self._look_daily(client)
                seconds = self._piece_seconds()
                since = self._next_piece if now - self._next_piece < seconds else now
                self._next_piece = since + seconds
                if self._unused and all(
                    turn.count >= self.queue_manager.watched_count(each) for each, turn in self._turns.items()
                ):
                    self._say_unused_pairs()
        finally:
            self._note()

    def _piece_seconds(self) -> float:
        pieces = math.ceil(self.queue_manager.watched_count(Watch.DAILY) / _MOST_QUESTIONS)
        return max(_DAY_SECONDS / max(pieces, 1), _SHORTEST_PIECE_SECONDS)

    def _look_daily(self, client: FollowedClient) -> None:
        turn = self._turns[Watch.DAILY]
        piece = self.queue_manager.watched(Watch.DAILY, turn.before, _MOST_QUESTIONS)
        self._look(client, piece)
        turn.note(piece)

    def _look_often(self, client: FollowedClient) -> None:
        suspects = (
            self.queue_manager.watched(None, 0, _MOST_AT_ONCE, self._suspects) if self._suspects else []
        )
        looked_at = {number for number, _ in suspects}
        if len(suspects) < _MOST_AT_ONCE:
            self._suspects = {key: what for key, what in self._suspects.items() if key in looked_at}
        for first in range(0, len(suspects), _MOST_QUESTIONS):
            self._look(client, suspects[first : first + _MOST_QUESTIONS])
        del suspects
        turn, looked_at = self._turns[Watch.OFTEN], looked_at | self._suspects.keys()
        hours = math.ceil(self.queue_manager.watched_count(Watch.OFTEN) / _MOST_AT_ONCE)
        rounds = max(round(_DAY_SECONDS / _LOOK_SECONDS) // max(hours, 1), 1)  # a day; one is each film's
        for _ in range(_MOST_AT_ONCE // _PIECE):
            found = self.queue_manager.watched(Watch.OFTEN, turn.before, _PIECE + 1)
            left = [each for each in found if each[0] < turn.before]  # the newest begin the next round
            piece = left[:_PIECE]
            others = [each for each in piece if each[0] not in looked_at]
            self._look(client, others, lambda number: (number - self._round) % rounds == 0)
            turn.note(piece)
            if len(left) <= _PIECE:
                turn.before, self._round = _NEWEST, self._round + 1
                break

    # --- one look -------------------------------------------------------------------------

    def _look(
        self,
        client: FollowedClient,
        piece: Collection[tuple[int, QueueEntry]],
        is_thorough: Callable[[int], bool] = lambda _number: True,
    ) -> None:
        """Look at some films; at a torrent's files and trackers only where it `is_thorough`."""
        held = client.states([entry.choice.info_hash for _, entry in piece if entry.choice]) if piece else {}
        for number, entry in piece:
            choice, follow = entry.choice, entry.follow
            if choice is None or follow is None:
                continue
            before, torrent = follow.seeding, held.get(choice.info_hash)
            if torrent is None:
                after = self._gone(number, before)
            else:
                is_due, has_files = is_thorough(number), None
                # One first seen that has seeded enough is asked about in its daily turn.
                if is_due and (before.seen_at or not self._is_settled(choice, torrent)):
                    torrent = self._with_trackers(client, torrent)
                if is_due or before.seen_at is None:
                    has_files = self.files.are_there(torrent, were_there=before.is_here)
                after = self._seen(number, follow, choice, _Look(torrent, has_files))
                self._unused -= {theirs for theirs in self._unused if fits(torrent.content_path, theirs)}
                self._has_seen = True
            if after.trouble and after.trouble is not before.trouble:
                self._lost.append((entry, after))
            if is_worth_writing(before, after):
                self._unwritten[number] = choice.info_hash, after

    def _with_trackers(self, client: FollowedClient, torrent: HeldTorrent) -> HeldTorrent:
        """Ask for what a torrent's trackers say, if need be; without an answer that is not known."""
        is_told = torrent.refusal is not None or torrent.is_stopped
        if not is_told and self._unanswered < _MOST_UNANSWERED:
            try:
                return client.with_trackers(torrent)
            except AuthError:  # the client must not be asked any more
                raise
            except Exception as exc:  # noqa: BLE001 - whatever it is, the others have their turn
                self._unanswered += 1
                _log.debug("%s: couldn't ask the client about its trackers: %s", torrent.name, words_of(exc))
                log_where(exc)
        return torrent

    def _seen(self, number: int, follow: TorrentProgress, choice: Choice, look: _Look) -> Seeding:
        torrent, before = look.torrent, follow.seeding
        trouble, why = self._trouble(follow, look)
        if trouble is None or trouble is before.trouble:
            suspected, _ = self._suspects.get(number, (None, 0.0))
            if suspected is not SeedingTrouble.REFUSED or torrent.refusal is not None or torrent.is_stopped:
                self._suspects.pop(number, None)
        elif not self._is_confirmed(number, trouble):
            trouble, why = before.trouble, before.why
        is_news = trouble is not before.trouble or before.is_gone
        return replace(
            self._measured(choice, torrent),
            trouble=trouble,
            why=why if trouble else "",
            since=self._now() if is_news else before.since,
            is_here=before.is_here or look.has_files is True,
        )

    def _measured(self, choice: Choice, torrent: HeldTorrent) -> Seeding:
        ratio = None if torrent.ratio is None else round(torrent.ratio, 3)
        is_settled = self._is_settled(choice, torrent)
        return Seeding(self._now(), ratio, torrent.seeding_seconds, is_settled=is_settled)

    def _trouble(self, follow: TorrentProgress, look: _Look) -> tuple[SeedingTrouble | None, str]:
        """Return what is amiss with a torrent, and why in words; as before where it cannot be told now."""
        (torrent, has_files), before = look, follow.seeding
        place, phase = self.files.here(torrent.content_path), torrent.phase
        if phase is TorrentPhase.FILES_MISSING or (has_files is False and before.is_here):
            return SeedingTrouble.FILES_MISSING, f"its files are missing in {place}"
        if phase is TorrentPhase.FAILED:
            return SeedingTrouble.FAILED, f"the client reports an error ({torrent.client_word})"
        # Not where only more of it is wanted: then it has what it had when it came to its end.
        had = min(follow.size_bytes or torrent.size_bytes, torrent.size_bytes)
        if phase in _INCOMPLETE and torrent.size_bytes - torrent.bytes_left < had * (1 - _MISSING_SHARE):
            return SeedingTrouble.FILES_MISSING, "the client found that files are missing"
        if phase is not TorrentPhase.WHOLE:
            return before.trouble, before.why
        if torrent.refusal and not torrent.is_stopped and not concerns_account(torrent.refusal):
            return SeedingTrouble.REFUSED, f"the tracker refuses it ({torrent.refusal})"
        is_unknown = {
            SeedingTrouble.REFUSED: torrent.refusal is None or not torrent.has_tracker,
            SeedingTrouble.FILES_MISSING: before.is_here and has_files is None,
        }
        return (
            (before.trouble, before.why) if before.trouble and is_unknown.get(before.trouble) else (None, "")
        )

    def _gone(self, number: int, before: Seeding) -> Seeding:
        """Return what it means that the client does not show a torrent; just started, it may not yet."""
        if before.is_gone:
            is_final = before.since is None or self._now() - before.since > _GONE_IS_FINAL
            return replace(before, is_settled=is_final)
        if not self._is_confirmed(number, None):
            return before
        return replace(before, is_gone=True, is_settled=False, trouble=None, why="", since=self._now())

    def _is_confirmed(self, number: int, trouble: SeedingTrouble | None) -> bool:
        """Tell whether this was so an hour ago; None is that the torrent is gone."""
        now, (known, at) = self.clock.monotonic(), self._suspects.get(number, (trouble, math.inf))
        if known is trouble and now - at >= _CONFIRMED_SECONDS:
            del self._suspects[number]
            return True
        if known is not trouble or (at == math.inf and len(self._suspects) < _MOST_KNOWN):
            self._suspects[number] = trouble, now
        return False

    def _is_settled(self, choice: Choice, torrent: HeldTorrent) -> bool:
        rule = self.rules.get(choice.id.tracker) if choice.id else None
        return rule is None or seeding_left(rule, torrent.ratio, torrent.seeding_seconds).is_enough

    # --- what was found -------------------------------------------------------------------

    def _note(self) -> None:
        """Tell what is lost and write it down; else write at most once an hour."""
        now, lost = self.clock.monotonic(), self._lost
        if lost:  # before it is written: a crash in between tells it with the same id
            self._tell(lost)
        is_time = self._written_at is None or now - self._written_at >= _LOOK_SECONDS
        if lost or (self._unwritten and is_time):
            self.queue_manager.note_seeding(dict(self._unwritten.values()), set(self._unwritten))
            self._unwritten.clear()
            self._written_at = now
        for entry, seeding in lost:
            release = entry.choice.release if entry.choice else ""
            self.history.note(Happened.NOT_SEEDING, entry.movie, f"{release}: {seeding.why}")
        lost.clear()

    def _tell(self, lost: Sequence[tuple[QueueEntry, Seeding]]) -> None:
        """Tell it one by one; of many at once, as when a disk is missing, with one event a day."""
        now = self._now()
        if len(lost) <= _TOLD_ONE_BY_ONE:
            for entry, seeding in lost:
                choice, follow = entry.choice, entry.follow
                if choice and follow and seeding.trouble:
                    event = NotSeeding(
                        now, entry.movie, entry.wish, choice.release, choice.info_hash, seeding.trouble,
                        seeding.why, follow.path, follow.seeding.since,
                    )  # fmt: skip
                    self.tell(event)
                    _log.warning("%s", text_of(event))
            return
        labels = tuple(entry.movie.label for entry, _ in lost[:_NAMED_FILMS])
        many = ManyNotSeeding(now, len(lost), labels, lost[0][1].why)
        _log.warning("%s", text_of(many))
        monotonic = self.clock.monotonic()
        if self._many_told_at is None or monotonic - self._many_told_at > _DAY_SECONDS:
            self.tell(many)
            self._many_told_at = monotonic

    def _say_unused_pairs(self) -> None:
        if not self._has_seen:
            return
        for theirs in sorted(self._unused):
            _log.warning(
                "path_map has %s, but none of Movie Sync's complete torrents are there. Check what the "
                "client calls the folder.",
                theirs,
            )
        self._unused.clear()

    # --- replaced torrents ----------------------------------------------------------------

    def _look_at_replaced(self, client: FollowedClient) -> None:
        olds = [
            old
            for entry in self.queue_manager.with_replaced()
            for old in entry.replaced
            if not old.seeding.is_settled
            if all(
                each.choice is None or each.choice.info_hash != old.choice.info_hash
                for each in entry.torrents()
            )
        ][:_MOST_AT_ONCE]
        if not olds:
            return
        held = client.states([old.choice.info_hash for old in olds])
        client.tag([old.choice.info_hash for old in olds if old.seeding.seen_at is None], REPLACED_TAG)
        seen = {}
        for old in olds:
            before, torrent = old.seeding, held.get(old.choice.info_hash)
            if torrent is not None:
                after = self._measured(old.choice, torrent)
            else:  # a client that has just started may not show it yet: the next look settles it
                after = replace(before, is_gone=True, is_settled=before.is_gone)
            if is_worth_writing(before, after):
                seen[old.choice.info_hash] = after
        if seen:
            self.queue_manager.note_seeding(seen)

    def _now(self) -> datetime:
        """Return the time as it is stored, to the second."""
        return self.clock.now().replace(microsecond=0)


def is_worth_writing(before: Seeding, after: Seeding) -> bool:
    """Tell whether what was seen of a torrent is to be on the disk, and not only at the next occasion."""
    plain = replace(before, seen_at=None, ratio=None, seconds=None)
    if plain != replace(after, seen_at=None, ratio=None, seconds=None):
        return True
    if before.seen_at is None or after.seen_at is None:
        return after.seen_at is not None
    more = abs((after.ratio or 0) - (before.ratio or 0))
    if after.is_settled:
        return more >= max(_SETTLED_RATIO, _SETTLED_SHARE * abs(before.ratio or 0))
    if abs(after.seen_at - before.seen_at) < _SHOWN_AGE:  # by an earlier run, or with other settings
        return False
    return more >= _SHOWN_RATIO or abs((after.seconds or 0) - (before.seconds or 0)) >= _SHOWN_SECONDS
