"""All that is known of one film, for the page of its own."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from movie_sync.domain.film_facts import ReleaseDates
from movie_sync.domain.models import Choice, Movie, QueueName, Reason, ReleaseId
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.times import minute
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import percent
from movie_sync.queues.releases import Shelving, TorrentProgress
from movie_sync.reports.lines import torrent_facts, torrent_state
from movie_sync.reports.seeding import seeding_of
from movie_sync.reports.status import release_of

_MOST_TITLES = 6
_IMDB = "https://www.imdb.com/title/"
_IMDB_ID = re.compile(r"tt\d{5,12}", re.ASCII)
_ADDRESS = re.compile(r"https?://[^/]")  # a file that somebody edited may have anything


@dataclass(frozen=True, slots=True)
class KnownRelease:
    """A release that was taken or ruled out for a film; `words` say what became of it.

    `name` is "" where only its id is known, `id` None where only the torrent client had it.
    """

    name: str
    id: ReleaseId | None
    words: str
    is_rejected: bool
    is_taken: bool


@dataclass(frozen=True, slots=True)
class TorrentOnItsWay:
    """A torrent that is not whole yet, in whole percent; `facts` are its pace, time left, size and seeds."""

    release: str
    percent: int
    facts: str
    is_upgrade: bool


def film_facts(queue: QueueName, entry: QueueEntry, judged_by: str) -> Iterator[tuple[str, str]]:
    """Yield what is known of a film, each with what it is; `judged_by` is its preset, if it has its own."""
    movie, follow = entry.movie, entry.follow
    if movie.original_title and movie.original_title != movie.title:
        yield "Original title", movie.original_title
    if movie.alternative_titles:
        yield "Also known as", ", ".join(movie.alternative_titles[:_MOST_TITLES])
    if movie.runtime_minutes:
        yield "Running time", f"{movie.runtime_minutes} min"
    if movie.original_language is not None:
        yield "Language", movie.original_language or "none spoken"
    yield from _dates(movie)
    if queue is not QueueName.REMOVED:
        yield "Wanted since", f"{minute(entry.wish)}{', by command' if entry.by_command else ''}"
    if entry.searched_at:
        yield "Last search", minute(entry.searched_at)
    if entry.completed_at:
        yield "Handed over" if entry.reason == Reason.DOWNLOADED else "Completed", minute(entry.completed_at)
    if judged_by:
        yield "Quality", judged_by
    if follow:
        yield from _places(follow)


def _places(follow: TorrentProgress) -> Iterator[tuple[str, str]]:
    if follow.path:
        yield "File", follow.path
    if shelf := follow.shelf:
        yield "Shelf", shelf.path or _not_there(shelf)
        if shelf.earlier:
            yield "On the shelf before", shelf.earlier


def seeding_facts(entry: QueueEntry, rules: Mapping[str, SeedingRule]) -> Iterator[tuple[str, str]]:
    """Yield how long its whole torrent has seeded against the tracker's rule, if that was looked at."""
    if seeding := seeding_of(entry, rules):
        at = seeding.seeding.seen_at
        yield "Seeding", f"{seeding.words} (as of {minute(at)})" if at else seeding.words


def _not_there(shelf: Shelving) -> str:
    if shelf.left:
        return f"left out, because {shelf.left}"
    return f"not yet: {shelf.failed}" if shelf.failed else "not yet"


def _dates(movie: Movie) -> Iterator[tuple[str, str]]:
    dates = ReleaseDates.parse(movie.release_dates)
    for what, on in (
        ("In cinemas", dates.cinema),
        ("Digital release", dates.digital),
        ("On disc", dates.disc),
    ):
        if on:
            yield what, str(on)


def film_links(movie: Movie) -> list[tuple[str, str, str]]:
    """Return the sites that have a page of the film: their names, its addresses and ids there."""
    links = []
    if _ADDRESS.match(movie.url) and not movie.url.startswith(_IMDB):
        links.append(("Letterboxd", movie.url, movie.slug or movie.id))
    if movie.imdb_id and _IMDB_ID.fullmatch(movie.imdb_id):
        links.append(("IMDb", f"{_IMDB}{movie.imdb_id}/", movie.imdb_id))
    return links


def torrents_on_their_way(entry: QueueEntry) -> list[TorrentOnItsWay]:
    """Return the film's torrents that are not whole yet: its present one, and a better one."""
    return [
        TorrentOnItsWay(
            release_of(each),
            percent(each.follow.progress),
            ", ".join(torrent_facts(each.follow)),
            each.is_upgrade,
        )
        for each in entry.torrents()
        if each.is_unfinished and each.follow
    ]


def known_releases(queue: QueueName, entry: QueueEntry) -> list[KnownRelease]:
    """Return the releases that were taken for a film, its present one first, and those ruled out."""
    word = entry.word
    told = list(_handed_over(queue, entry))
    named = {choice.id for choice, _ in told}
    told += [
        (Choice("", each, ""), "") for each in (word.grabbed, *word.rejected) if each not in {None, *named}
    ]
    return [
        KnownRelease(
            choice.release,
            choice.id,
            "; ".join(filter(None, (words, _by_user(entry, choice.id)))),
            is_rejected=choice.id in word.rejected,
            is_taken=choice.id == word.grabbed or choice is entry.choice,
        )
        for choice, words in told
    ]


def _handed_over(queue: QueueName, entry: QueueEntry) -> Iterator[tuple[Choice, str]]:
    if entry.choice:
        is_done = queue is QueueName.COMPLETED
        yield entry.choice, torrent_state(entry) if is_done else "picked; may be in the client already"
    if entry.upgrade:
        yield entry.upgrade.choice, "better: replaces the current one once it's complete"
    for old in reversed(entry.tried):
        yield old.choice, f"given up: {old.why}"
    for old in reversed(entry.replaced):
        yield old.choice, f"replaced: {old.why}"


def _by_user(entry: QueueEntry, release: ReleaseId | None) -> str:
    if release is None:
        return ""
    if release in entry.word.rejected:
        return "rejected by you"
    return "taken by you" if release == entry.word.grabbed else ""
