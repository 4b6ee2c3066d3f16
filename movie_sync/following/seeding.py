"""Looks after torrents that are whole: how long they have seeded, and whether they still do.

What has not seeded enough is looked at every hour, everything else once a day, a few at a time. What is
amiss counts if it is so twice, an hour apart. Nothing is deleted and nothing is stopped.
"""

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from movie_sync.domain.events import Event, ManyNotSeeding, NotSeeding
from movie_sync.domain.models import Choice, HeldTorrent, QueueName
from movie_sync.domain.path_map import fits
from movie_sync.domain.seeding import SeedingRule, SeedingTrouble, seeding_left
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.tracker_words import concerns_account
from movie_sync.fetching.client_files import AS_THE_CLIENT_SAYS, ClientFiles
from movie_sync.notices.wording import text_of
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import FailedRelease, Seeding, Watch
from movie_sync.storage.history import NO_HISTORY, Happened, History

_log = logging.getLogger(__name__)

REPLACED_TAG = "replaced"
_PIECE, _MOST_AT_ONCE = 100, 500
_LOOK_SECONDS, _DAY_SECONDS, _SHORTEST_PIECE_SECONDS = 3600.0, 22 * 3600.0, 60.0
_CONFIRMED_SECONDS = 0.9 * _LOOK_SECONDS
_GONE_IS_FINAL = timedelta(days=7)
_MOST_QUESTIONS = 25  # each of them may be a request of its own
_MOST_KNOWN = 1000
_TOLD_ONE_BY_ONE = 10
_NAMED_FILMS = 3
_MISSING_SHARE = 0.1
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
    _hours: int = field(default=0, init=False)
    _looked_at: int = field(default=0, init=False)
    _before: dict[Watch, int] = field(default_factory=dict, init=False)
    _suspects: dict[int, tuple[SeedingTrouble | None, float]] = field(default_factory=dict, init=False)
    _asked: dict[int, float] = field(default_factory=dict, init=False)
    _unwritten: dict[int, tuple[str, Seeding]] = field(default_factory=dict, init=False)
    _lost: list[tuple[QueueEntry, Seeding]] = field(default_factory=list, init=False)
    _written_at: float | None = field(default=None, init=False)
    _many_told_at: float | None = field(default=None, init=False)
    _unused: set[str] = field(init=False)
    _has_seen: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
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
        try:
            if now >= self._next_hour:
                self._look_at_replaced(client)
                self._look_often(client)
                self._hours, self._next_hour = self._hours + 1, now + _LOOK_SECONDS
                # What has seeded enough since has its turn within a day, too.
                self._next_piece = min(self._next_piece, now + self._piece_seconds())
            if now >= self._next_piece:
                self._look_daily(client)
                seconds = self._piece_seconds()
                since = self._next_piece if now - self._next_piece < seconds else now
                self._next_piece = since + seconds
        finally:
            self._note()

    def _piece_seconds(self) -> float:
        pieces = math.ceil(self.queue_manager.watched_count(Watch.DAILY) / _MOST_QUESTIONS)
        return max(_DAY_SECONDS / max(pieces, 1), _SHORTEST_PIECE_SECONDS)

    def _look_daily(self, client: FollowedClient) -> None:
        count = self.queue_manager.watched_count(Watch.DAILY)
        # Anywhere at first: a program that is started anew all the time gets to all of them as well.
        anywhere = int(self.clock.now().timestamp()) % (len(QueueName) * count + 1)
        piece, _ = self._next_in_turn(Watch.DAILY, _MOST_QUESTIONS, anywhere)
        self._look(client, piece)
        self._looked_at += len(piece)
        if self._looked_at >= count:
            self._say_unused_pairs()

    def _look_often(self, client: FollowedClient) -> None:
        is_new_day = not self._hours % round(_DAY_SECONDS / _LOOK_SECONDS)
        suspects = self.queue_manager.watched(None, 0, _MOST_AT_ONCE, self._suspects)
        looked_at = {number for number, _ in suspects}
        if len(suspects) < _MOST_AT_ONCE:
            self._suspects = {key: what for key, what in self._suspects.items() if key in looked_at}
        for first in range(0, len(suspects), _MOST_QUESTIONS):
            self._look(client, suspects[first : first + _MOST_QUESTIONS])
        del suspects
        for _ in range(_MOST_AT_ONCE // _PIECE):
            piece, is_all = self._next_in_turn(Watch.OFTEN, _PIECE)
            others = [each for each in piece if each[0] not in looked_at]
            self._look(client, others, is_routine=True, looks_for_files=is_new_day)
            if is_all:
                break

    def _next_in_turn(
        self, watch: Watch, most: int, start: int = 0
    ) -> tuple[Sequence[tuple[int, QueueEntry]], bool]:
        """Return the films whose turn it is, and whether the oldest has had its one with them."""
        before = self._before.get(watch, start)
        piece = self.queue_manager.watched(watch, before, most)
        is_all = len(piece) < most or (bool(before) and piece[-1][0] >= before)
        self._before[watch] = piece[-1][0] if piece else 0
        return piece, is_all

    # --- one look -------------------------------------------------------------------------

    def _look(
        self,
        client: FollowedClient,
        piece: Collection[tuple[int, QueueEntry]],
        *,
        is_routine: bool = False,
        looks_for_files: bool = True,
    ) -> None:
        """Look at some films; in a routine look a torrent's trackers are asked for once a day only."""
        questions = _MOST_QUESTIONS
        held = client.states([entry.choice.info_hash for _, entry in piece if entry.choice]) if piece else {}
        for number, entry in piece:
            choice, follow = entry.choice, entry.follow
            if choice is None or follow is None:
                continue
            before, torrent = follow.seeding, held.get(choice.info_hash)
            if torrent is None:
                after = self._gone(number, before)
            else:
                is_told = torrent.refusal is not None or torrent.is_stopped
                if not is_told and questions and (not is_routine or self._is_to_be_asked(number)):
                    torrent, questions = client.with_trackers(torrent), questions - 1
                has_files = None
                if looks_for_files or before.seen_at is None:
                    has_files = self.files.are_there(torrent)
                after = self._seen(number, choice, before, _Look(torrent, has_files))
                self._unused -= {theirs for theirs in self._unused if fits(torrent.content_path, theirs)}
                self._has_seen = True
            if after.trouble and after.trouble is not before.trouble:
                self._lost.append((entry, after))
            if is_worth_writing(before, after):
                self._unwritten[number] = choice.info_hash, after

    def _is_to_be_asked(self, number: int) -> bool:
        """Tell whether a day has passed since a torrent's trackers were last asked for."""
        now = self.clock.monotonic()
        if now - self._asked.get(number, -math.inf) < _DAY_SECONDS:
            return False
        if len(self._asked) >= _MOST_KNOWN:
            self._asked.clear()
        self._asked[number] = now
        return True

    def _seen(self, number: int, choice: Choice, before: Seeding, look: _Look) -> Seeding:
        torrent = look.torrent
        trouble, why = self._trouble(before, look)
        if trouble is None or trouble is before.trouble:
            self._suspects.pop(number, None)
        elif not self._is_confirmed(number, trouble):
            trouble, why = before.trouble, before.why
        is_news = trouble is not before.trouble or before.is_gone
        return Seeding(
            self._now(),
            None if torrent.ratio is None else round(torrent.ratio, 3),
            torrent.seeding_seconds,
            is_settled=self._is_settled(choice, torrent),
            trouble=trouble,
            why=why if trouble else "",
            since=self._now() if is_news else before.since,
            is_here=before.is_here or look.has_files is True,
        )

    def _trouble(self, before: Seeding, look: _Look) -> tuple[SeedingTrouble | None, str]:
        """Return what is amiss with a torrent, and why in words; as before where it cannot be told now."""
        torrent, has_files = look
        place, phase = self.files.here(torrent.content_path), torrent.phase
        if phase is TorrentPhase.FILES_MISSING or (has_files is False and before.is_here):
            return SeedingTrouble.FILES_MISSING, f"its files are missing in {place}"
        if phase is TorrentPhase.FAILED:
            return SeedingTrouble.FAILED, f"the client reports an error ({torrent.client_word})"
        if phase in _INCOMPLETE and torrent.bytes_left > torrent.size_bytes * _MISSING_SHARE:
            return SeedingTrouble.FILES_MISSING, "the client found that files are missing"
        if phase is not TorrentPhase.WHOLE:
            return before.trouble, before.why
        if torrent.refusal and not torrent.is_stopped and not concerns_account(torrent.refusal):
            return SeedingTrouble.REFUSED, f"the tracker refuses it ({torrent.refusal})"
        is_served = torrent.has_tracker and torrent.refusal is not None
        is_open = (before.trouble is SeedingTrouble.REFUSED and not is_served) or (
            before.trouble is SeedingTrouble.FILES_MISSING and before.is_here and has_files is None
        )
        return (before.trouble, before.why) if is_open else (None, "")

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
                "path_map has %s, but none of the torrents that Movie Sync added and that are complete is "
                "there. Is that what the client calls it?",
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
        seen = {old.choice.info_hash: self._replaced(old, held.get(old.choice.info_hash)) for old in olds}
        self.queue_manager.note_seeding(seen)

    def _replaced(self, old: FailedRelease, torrent: HeldTorrent | None) -> Seeding:
        if torrent is None:  # a client that has just started may not show it yet: the next look settles it
            return replace(old.seeding, is_gone=True, is_settled=old.seeding.is_gone)
        is_settled = self._is_settled(old.choice, torrent)
        return Seeding(self._now(), torrent.ratio, torrent.seeding_seconds, is_settled=is_settled)

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
