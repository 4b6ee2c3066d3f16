"""Each film at a glance: how it stands with it in a word or two, how far it is, what moves first."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import searchable
from movie_sync.domain.times import clock_time, duration
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import percent
from movie_sync.queues.releases import Slot, Stage, TorrentProgress
from movie_sync.reports.lines import Look
from movie_sync.reports.needs import Need
from movie_sync.reports.release_dates import not_out_words
from movie_sync.reports.status import stage_time

_ROUNDED_UP = 59


class Badge(StrEnum):
    """How it stands with a film, in the words of `status`; in the order in which films are shown.

    `look` is what its colour says, as that of lines in the terminal.
    """

    look: Look

    DOWNLOADING = "downloading", Look.PLAIN
    NEEDS_YOU = "needs you", Look.NEEDS
    STALLED = "stalled", Look.WAITING
    SLOT = "waiting for a slot", Look.WAITING
    QUEUED = "in the queue", Look.WAITING
    RELEASE = "waiting for a release", Look.WAITING
    RETRY = "next try later", Look.WAITING
    HANDED_OVER = "handed over", Look.GOOD
    DONE = "done", Look.GOOD
    GONE = "no longer in the client", Look.DIM
    REMOVED = "removed", Look.DIM

    def __new__(cls, words: str, look: Look = Look.PLAIN) -> Self:
        """Make a badge that is equal to its words."""
        badge = str.__new__(cls, words)
        badge._value_, badge.look = words, look
        return badge


_ORDER = {badge: number for number, badge in enumerate(Badge)}


@dataclass(frozen=True, slots=True)
class FilmCard:
    """One film: `words` say more than the badge, `progress` is 0 to 1, None where nothing is on its way.

    `name` is what commands know it by, `why` what it needs the user for. `moved_at` is when the film
    got as far as it is. `poster` names its poster as it is now, "" for none; the page sets it.
    """

    name: str
    movie: Movie
    queue: QueueName
    badge: Badge
    words: str
    progress: float | None
    moved_at: datetime
    why: str = ""
    poster: str = ""

    def matches(self, words: Collection[str]) -> bool:
        """Tell whether each of these words, `searchable` as all, is part of the film's label."""
        label = searchable(self.movie.label)
        return all(word in label for word in words)

    @property
    def percent(self) -> int | None:
        """The progress in whole percent; 100 only for all of it."""
        return None if self.progress is None else percent(self.progress)


def film_cards(
    queues: Mapping[QueueName, Collection[QueueEntry]], needs: Iterable[Need], *, is_full: bool, now: datetime
) -> list[FilmCard]:
    """Return a card for each film, what moves first; `is_full` tells that no slot is free."""
    needed = {need.movie.keys(): need for need in needs if need.movie}
    cards = [
        film_card(name, entry, needed.get(entry.movie.keys()), is_full=is_full, now=now)
        for name, entries in queues.items()
        for entry in entries
    ]
    return sorted(cards, key=_place)


def film_card(
    queue: QueueName, entry: QueueEntry, need: Need | None, *, is_full: bool, now: datetime
) -> FilmCard:
    """Return the card of one film.

    Several that are stopped in the client are one need, that of no film alone.
    """
    is_stopped = entry.slot is Slot.STOPPED and entry.is_followed
    badge = Badge.NEEDS_YOU if need or is_stopped else _badge(queue, entry, is_full=is_full)
    on_its_way = next((each for each in entry.torrents() if each.is_unfinished), None)
    follow = on_its_way.follow if on_its_way else None
    words = str(badge)
    if badge is Badge.DOWNLOADING and on_its_way and follow:
        badge = Badge.STALLED if follow.is_idle else badge
        words = _torrent_words(follow, is_upgrade=on_its_way.is_upgrade)
    elif badge is Badge.RETRY and entry.retry_at:
        words = f"next try {clock_time(entry.retry_at, now)}"
    elif badge is Badge.RELEASE:
        words = not_out_words(entry, now) or words
    elif badge is Badge.DONE and entry.follow and entry.follow.is_on_shelf:
        words = "on the shelf"
    return FilmCard(
        name=entry.movie.slug or entry.movie.id,
        movie=entry.movie,
        queue=queue,
        badge=badge,
        words=words,
        progress=follow.progress if follow else None,
        moved_at=stage_time(entry) if entry.follow else entry.completed_at or entry.added_at,
        why=need.why if need else "Stopped in the torrent client." if is_stopped else "",
    )


def _torrent_words(follow: TorrentProgress, *, is_upgrade: bool) -> str:
    part = f"{percent(follow.progress)}%"
    if follow.is_idle:
        return f"{Badge.STALLED} at {part}"
    left = follow.seconds_left
    more = f", {duration(left + _ROUNDED_UP)} left" if left is not None else ""
    return f"{'upgrading' if is_upgrade else Badge.DOWNLOADING} {part}{more}"


def _badge(queue: QueueName, entry: QueueEntry, *, is_full: bool) -> Badge:
    if queue is QueueName.REMOVED:
        return Badge.REMOVED
    if queue is QueueName.PENDING:
        return Badge.SLOT if is_full else Badge.QUEUED
    if queue is QueueName.FAILED:
        return Badge.RELEASE if entry.waits_for_release else Badge.RETRY
    if any(each.is_unfinished for each in entry.torrents()):
        return Badge.DOWNLOADING
    if entry.follow is None:
        return Badge.HANDED_OVER if entry.choice else Badge.DONE
    return Badge.GONE if entry.follow.stage is Stage.REMOVED else Badge.DONE


def _place(card: FilmCard) -> tuple[int, float, float, str]:
    """Return what sorts the cards: by badge, then what is nearest its end, then what moved last."""
    return _ORDER[card.badge], -(card.progress or 0.0), -card.moved_at.timestamp(), card.name
