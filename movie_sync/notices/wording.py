"""Events in words: as a line for people, as an object for scripts and for the disk, many as one notice."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime

from movie_sync.domain import events
from movie_sync.domain.events import Event, EventKind, FilmEvent
from movie_sync.domain.plain_text import one_line, shorten
from movie_sync.domain.times import format_time, parse_time, time_of_day
from movie_sync.queues.codec import movie_to_dict
from movie_sync.queues.progress import percent

_MOST_LINES = 20
_LONGEST_LINE = 300
_ORDER = {kind: number for number, kind in enumerate(EventKind)}
# How a count of them reads; a kind that is not here reads well as it is.
_COUNTED = {
    EventKind.UNREADABLE: "list unreadable",
    EventKind.REFUSED: "credentials refused",
}
_DETAILS = ("release", "info_hash", "why", "path", "progress", "before", "after", "trouble")
_FILM_KEYS = ("id", "slug", "title", "year", "imdb_id", "url")


def text_of(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912 - one case for each
    """Return what happened as a line for people, with whatever secrets are in its values."""
    match event:
        case events.Added(movie=film, release=release, why=why):
            return f"Added {film.label}: {release}" + (f" ({why})" if why else "")
        case events.Downloaded(movie=film, release=release):
            return f"Downloaded {film.label}: {release}"
        case events.Waiting(movie=film, why=why):
            return f"Waiting for a release of {film.label}: {why}"
        case events.Failed(movie=film, why=why):
            return f"Gave up on {film.label}: {why}"
        case events.Replaced(movie=film):
            rest = (
                " The old torrent keeps running; whichever finishes first wins."
                if event.keeps_running
                else ""
            )
            return (
                f"{film.label}: gave up on {event.release} at {percent(event.progress)}% ({event.why}); "
                f"looking for another release.{rest}"
            )
        case events.Upgraded(movie=film, release=release, before=before, after=after):
            return f"Upgraded {film.label} from {before} to {after}: {release}"
        case events.Shelved(movie=film, path=path):
            return f"On the shelf: {film.label}, in {path}"
        case events.NotSeeding(movie=film, release=release, why=why):
            return f"{film.label} is no longer seeding: {why}: {release}"
        case events.ManyNotSeeding(count=count, films=films, why=why):
            rest = f" and {count - len(films)} more" if count > len(films) else ""
            return (
                f"{count} films are no longer seeding: {', '.join(films)}{rest}. The first: {why}. "
                "If a disk is missing, mount it."
            )
        case events.ListUnreadable():
            return _unreadable(event)
        case events.CredentialsRefused(at=at, why=why, again_seconds=seconds):
            again = "" if seconds is None else f" Next try at {time_of_day(at, seconds)} either way."
            return (
                f"{why} Downloads are paused until you change the credentials: run `setup`, or, if they "
                f"come from the environment, change them there and restart.{again}"
            )
        case events.TrackerRefused(why=why, title=title):
            return (
                f"{why} {title} is skipped until its credentials change; your other trackers are still used."
            )
        case events.AccountRefused(words=words):
            return (
                f"The tracker refuses your torrents because of your account or torrent client ({words}). "
                "Other releases won't help; check the tracker's site."
            )
        case events.OwnDiskFull(why=why):
            return why
        case events.ClientDiskFull(torrent=torrent, needed_bytes=needed, free_bytes=free):
            return (
                f"The torrent client's disk is full: {torrent} needs {needed / 1e9:.1f} GB more, but only "
                f"{free / 1e9:.1f} GB is free. Downloads continue once there's space."
            )


def _unreadable(event: events.ListUnreadable) -> str:
    what = f"{event.label or 'The watchlist'} couldn't be read for a day"
    if not event.refused_by:
        return f"{what}: {event.why}"
    return (
        f"{what}: {event.refused_by} blocks automated access from here. 1. For now, run `web` and "
        "add films with its bookmarklet. 2. As a lasting fix, download your account's export into a folder "
        'and add {"export": FOLDER} to `lists` in config.json.'
    )


@dataclass(frozen=True, slots=True)
class WordedEvent:
    """An event as it is kept and told, so that who tells it needs to know no kind of event.

    `text` is one line for people, `details` are texts and numbers for scripts, who know the keys.
    """

    id: str
    kind: EventKind
    at: datetime
    text: str
    film: dict[str, object] | None = None
    details: dict[str, str | int | float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return the form in which it is kept."""
        return asdict(self) | {"at": format_time(self.at)}

    def for_scripts(self) -> bytes:
        """Return one line of ASCII JSON: what every event has, then its details beside it, never over it."""
        common = self.to_dict()
        del common["details"]
        common["film"] = {key: self.film.get(key) for key in _FILM_KEYS} if self.film else None
        return json.dumps({**common, **self.details, **common}).encode("ascii") + b"\n"


def worded(
    event: Event, clean: Callable[[str], str], here: Callable[[str], str] = lambda path: path
) -> WordedEvent:
    """Put an event into words; `clean` takes secrets out of them, not out of paths, names and hashes.

    `here` returns a path of the torrent client as this machine names it.
    """
    film, details = None, {}
    if isinstance(event, FilmEvent):
        film = movie_to_dict(event.movie, with_page=False)
        details = {name: getattr(event, name) for name in _DETAILS if hasattr(event, name)}
    if "why" in details:
        details["why"] = clean(details["why"])
    if details.get("path") and not isinstance(event, events.Shelved):  # which is this machine's path
        details["path"] = here(details["path"])
    if "progress" in details:
        details["progress"] = round(details["progress"], 4)
    return WordedEvent(event.id, event.kind, event.at, clean(text_of(event)), film, details)


def event_from_dict(plain: dict[str, object]) -> WordedEvent:
    """Read what `to_dict` wrote.

    Raises ValueError, KeyError, TypeError, AttributeError: it is something else.
    """
    film, details, at = plain["film"], plain["details"], parse_time(plain["at"])
    if not isinstance(plain["id"], str) or not isinstance(details, dict) or at is None:
        raise TypeError("no event")
    return WordedEvent(
        id=plain["id"],
        kind=EventKind(str(plain["kind"])),
        at=at,
        text=str(plain["text"]),
        film=film if isinstance(film, dict) else None,
        details={str(name): value for name, value in details.items() if isinstance(value, str | int | float)},
    )


def notice_of(told: Iterable[WordedEvent]) -> tuple[str, str]:
    """Return title and text; at most twenty events have a line of their own."""
    counts: Counter[EventKind] = Counter()
    lines: list[str] = []
    for event in told:
        counts[event.kind] += 1
        if len(lines) < _MOST_LINES:
            lines.append(shorten(one_line(event.text), _LONGEST_LINE))
    rest = counts.total() - len(lines)
    if rest:
        lines.append(f"and {rest} more")
    parts = [f"{counts[kind]} {_COUNTED.get(kind, kind)}" for kind in sorted(counts, key=_ORDER.__getitem__)]
    return f"Movie Sync: {', '.join(parts)}", "\n".join(lines)
