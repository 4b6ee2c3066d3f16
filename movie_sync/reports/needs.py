"""What needs the user, as no retry will put it right: why, and the one thing to do about it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.seeding import SeedingTrouble
from movie_sync.domain.times import duration
from movie_sync.invocation import command_line
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import Slot
from movie_sync.reports.daemon_state import DaemonState, NeedKind
from movie_sync.reports.release_dates import not_out_words
from movie_sync.settings.faults import Problem

_SEEDLESS_SECONDS = 2 * 24 * 3600.0
_TRIED_RELEASES = 2
_NAMED_FILMS = 3
_SHOWN_FOR = timedelta(days=31)
_NOT_SEEDING_ACTIONS = {
    SeedingTrouble.FILES_MISSING: "Put the files back and recheck the torrent in the client, or remove it.",
    SeedingTrouble.REFUSED: "Look it up on the tracker's site, or remove the torrent from the client.",
    SeedingTrouble.FAILED: "Check the torrent in the client.",
}
_ACTIONS = {
    NeedKind.ACCOUNT: "See what the tracker's site says about your account and torrent client.",
    NeedKind.DISK: "Free some space there.",
}


@dataclass(frozen=True, slots=True)
class Need:
    """One thing; `movie` is None where it concerns all films. Texts are sentences."""

    kind: NeedKind
    why: str
    action: str
    movie: Movie | None = None


def needs(
    queues: Mapping[QueueName, Collection[QueueEntry]],
    daemon: DaemonState | None,
    faults: Sequence[Problem],
    now: datetime | None = None,
) -> list[Need]:
    """Return them all, what keeps every film back first; a film that is not out `now` needs nobody."""
    found = [Need(NeedKind.SETTINGS, _sentence(fault.words), "Fix it in `config.json`.") for fault in faults]
    if daemon:
        found += [Need(need.kind, _sentence(need.why), _action(need.kind)) for need in daemon.needs]
    found += _stopped([entry for entry in queues[QueueName.COMPLETED] if _is_stopped(entry)])
    found += _not_seeding(queues[QueueName.COMPLETED], now)
    found += _not_on_shelf(queues[QueueName.COMPLETED])
    taken, name_of = _taken_as(queues[QueueName.COMPLETED]), _names(queues)
    for name in (QueueName.COMPLETED, QueueName.PENDING, QueueName.FAILED):
        for entry in queues[name]:
            if not (now and not_out_words(entry, now)):
                found += _of_film(name, entry, taken, name_of)
    return found


def _names(queues: Mapping[QueueName, Collection[QueueEntry]]) -> Callable[[Movie], str]:
    """Return what tells what a command may call a film: its slug, else its title, if no other has it."""
    titles: Counter[str] = Counter()

    def name(movie: Movie) -> str:
        if movie.slug or movie.year is None:
            return movie.slug or movie.id
        if not titles:
            titles.update(each.movie.title.casefold() for entries in queues.values() for each in entries)
        is_only = titles[movie.title.casefold()] == 1 and not titles[f"{movie.title} {movie.year}".casefold()]
        return movie.label if is_only else movie.id

    return name


def _action(kind: NeedKind) -> str:
    if kind is NeedKind.CREDENTIALS:
        return f"Enter them again with {_typed('setup')}."
    return _ACTIONS[kind]


def _typed(*words: str) -> str:
    return f"`{command_line(*words)}`"


def _is_stopped(entry: QueueEntry) -> bool:
    return entry.slot is Slot.STOPPED and entry.is_followed


def _stopped(entries: Sequence[QueueEntry]) -> Iterator[Need]:
    if not entries:
        return
    one = entries[0].movie if len(entries) == 1 else None
    yield Need(
        NeedKind.STOPPED,
        f"Stopped in the torrent client before it was complete{'' if one else f': {_films(entries)}'}.",
        f"Start {'it' if one else 'them'} there; if the client stops torrents by itself, change its limits.",
        one,
    )


def _not_seeding(completed: Iterable[QueueEntry], now: datetime | None) -> Iterator[Need]:
    """Yield a need for each film whose torrent seeds no more, or one for many; for a month."""
    for trouble, action in _NOT_SEEDING_ACTIONS.items():
        entries = [
            entry
            for entry in completed
            if entry.follow and entry.follow.watch and entry.follow.seeding.trouble is trouble
            if not (now and entry.follow.seeding.since and now - entry.follow.seeding.since > _SHOWN_FOR)
        ]
        if len(entries) <= _NAMED_FILMS:
            for entry in entries:
                why = entry.follow.seeding.why if entry.follow else ""
                yield Need(NeedKind.NOT_SEEDING, _sentence(f"no longer seeding: {why}"), action, entry.movie)
            continue
        yield Need(NeedKind.NOT_SEEDING, f"No longer seeding ({trouble}): {_films(entries)}.", action)


def _not_on_shelf(completed: Iterable[QueueEntry]) -> Iterator[Need]:
    """Yield a need for each reason why films can't be put on the shelf; of many, the last is an example."""
    reasons: dict[str, list[QueueEntry]] = {}
    for entry in completed:
        if entry.follow and entry.follow.shelf and entry.follow.shelf.failed:
            reasons.setdefault(entry.follow.shelf.failed, []).append(entry)
    groups = sorted(reasons.items(), key=lambda reason: len(reason[1]), reverse=True)
    for why, entries in groups[:_NAMED_FILMS]:
        if len(groups) > _NAMED_FILMS and entries is groups[_NAMED_FILMS - 1][1]:
            entries += [entry for _, others in groups[_NAMED_FILMS:] for entry in others]
        words = f"Not on the shelf yet: {_films(entries)}. {_sentence(why)}"
        one = entries[0].movie if len(entries) == 1 else None
        yield Need(NeedKind.SHELF, words, "Movie Sync tries again, at least once an hour.", one)


def _films(entries: Sequence[QueueEntry]) -> str:
    films = ", ".join(entry.movie.label for entry in entries[:_NAMED_FILMS])
    return films + (f" and {len(entries) - _NAMED_FILMS} more" if len(entries) > _NAMED_FILMS else "")


def _taken_as(completed: Iterable[QueueEntry]) -> dict[str, Movie]:
    """Return the films that are done by the IMDb ids that trackers alone give for them."""
    return {entry.choice.imdb_id: entry.movie for entry in completed if entry.choice and entry.choice.imdb_id}


def _typed_of(name_of: Callable[[Movie], str], movie: Movie, command: str, *more: str) -> str:
    return _typed(command, name_of(movie), *more)


def _unclear_action(movie: Movie, typed: Callable[[str], str], taken: Mapping[str, Movie]) -> str:
    if movie.year is not None:
        return f"Then run {typed('retry')}."
    if same := taken.get(movie.imdb_id or ""):
        return (
            f"It's probably {same.label}, which was taken already: its release has the same IMDb id. "
            f"If so, remove this one: {typed('remove')}."
        )
    return (
        "Movie Sync keeps trying. To help, add it with the page's bookmarklet, or import a list that has it."
    )


def _of_film(
    queue: QueueName, entry: QueueEntry, taken: Mapping[str, Movie], name_of: Callable[[Movie], str]
) -> Iterator[Need]:
    """Yield what one film needs, if anything; of several things the first to do."""
    movie = entry.movie
    is_given_up = queue is QueueName.FAILED and entry.retry_at is None
    if queue is QueueName.COMPLETED and not entry.is_unfinished:
        return
    typed = partial(_typed_of, name_of, movie)
    if movie.is_series:
        if is_given_up:
            action = f"Remove it: {typed('remove')}. Or take one of its releases anyway: "
            action += f"{typed('search')}, then `grab`."
            yield Need(NeedKind.SERIES, "It's a series, not a film.", action, movie)
    elif entry.is_unclear and queue is QueueName.FAILED:
        yield Need(NeedKind.UNCLEAR, _sentence(entry.error), _unclear_action(movie, typed, taken), movie)
    elif entry.needs_bytes and queue is QueueName.FAILED:
        action = f"Free some space, or pick a smaller release: {typed('search')}, then `grab`."
        yield Need(NeedKind.DISK, _sentence(entry.error), action, movie)
    elif len(entry.tried) >= _TRIED_RELEASES:
        why = f"{len(entry.tried)} releases failed; the last one: {entry.tried[-1].why}."
        yield Need(NeedKind.RELEASES, why, f"Pick one: {typed('search')}, then `grab`.", movie)
    elif is_given_up:
        yield Need(NeedKind.GAVE_UP, _sentence(entry.error), f"Try again: {typed('retry')}.", movie)
    elif entry.tried and entry.waits_for_release:
        why = f"Its only release failed: {entry.tried[-1].why}."
        yield Need(NeedKind.NO_SEEDS, why, f"Wait for another one, or remove it: {typed('remove')}.", movie)
    elif (
        entry.slot in {Slot.IDLE, Slot.IN_USE}
        and entry.follow
        and entry.follow.idle_seconds >= _SEEDLESS_SECONDS
    ):
        why = f"No data for {duration(entry.follow.idle_seconds)}."
        release = entry.choice.id if entry.choice else None
        command = typed("reject", str(release)) if release else typed("remove")
        action = f"{'Take another release' if release else 'Remove it'}: {command}."
        yield Need(NeedKind.NO_SEEDS, why, action, movie)


def _sentence(words: str | None) -> str:
    text = (words or "It failed").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
