"""Each film at a glance: how it stands with it in a word or two, how far it is, what moves first."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.times import clock_time, duration
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import percent
from movie_sync.queues.releases import Stage
from movie_sync.reports.lines import state_of, torrent_facts
from movie_sync.reports.needs import Need
from movie_sync.reports.status import stage_time

_ROUNDED_UP = 59


class Badge(StrEnum):
    """How it stands with a film, in the words of `status`; in the order in which films are shown."""

    DOWNLOADING = "downloading"
    NEEDS_YOU = "needs you"
    SLOT = "waiting for a slot"
    QUEUED = "in the queue"
    RELEASE = "waiting for a release"
    RETRY = "next try later"
    HANDED_OVER = "handed over"
    DONE = "done"
    GONE = "no longer in the client"
    REMOVED = "removed"


_ORDER = {badge: number for number, badge in enumerate(Badge)}


@dataclass(frozen=True, slots=True)
class FilmCard:
    """One film: `words` say more than the badge, `progress` is 0 to 1, None where nothing is on its way.

    `name` is what commands know it by, `why` what it needs the user for. `moved_at` is when the film
    got as far as it is.
    """

    name: str
    movie: Movie
    queue: QueueName
    badge: Badge
    words: str
    progress: float | None
    moved_at: datetime
    why: str = ""

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
    """Return the card of one film."""
    badge = Badge.NEEDS_YOU if need else _badge(queue, entry, is_full=is_full)
    on_its_way = next((each.follow for each in entry.torrents() if each.is_unfinished and each.follow), None)
    words = str(badge)
    if need is None and on_its_way:
        left = on_its_way.seconds_left
        words = f"{badge} {percent(on_its_way.progress)} %"
        words += f", {duration(left + _ROUNDED_UP)} left" if left is not None else ""
    elif badge is Badge.RETRY and entry.retry_at:
        words = f"next try {clock_time(entry.retry_at, now)}"
    return FilmCard(
        name=entry.movie.slug or entry.movie.id,
        movie=entry.movie,
        queue=queue,
        badge=badge,
        words=words,
        progress=on_its_way.progress if on_its_way else None,
        moved_at=stage_time(entry) if entry.follow else entry.completed_at or entry.added_at,
        why=need.why if need else "",
    )


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


def film_facts(queue: QueueName, entry: QueueEntry) -> list[str]:
    """Return what is known of a film in a queue, in lines: its state, and its torrent's."""
    lines = [state_of(queue, entry)]
    lines += [
        ", ".join(torrent_facts(each.follow))
        for each in entry.torrents()
        if each.is_unfinished and each.follow
    ]
    return [line for line in lines if line]
