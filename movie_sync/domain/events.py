"""What is worth telling the user, as values: what happened, to which film, in which words."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from movie_sync.domain.models import Movie


class EventKind(StrEnum):
    """The kinds of events; scripts rely on the words."""

    ADDED = "added"
    DOWNLOADED = "downloaded"
    WAITING = "waiting"
    REPLACED = "replaced"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    DISK_FULL = "disk full"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `id` is the same for the same thing, also when it is told again after a crash, and another for the
    next one of its kind: a repeat can be told by it. `text` is one line for people. `details` are texts
    and numbers for scripts (such as `release`, `info_hash`, `why`, `path`).
    """

    id: str
    kind: EventKind
    at: datetime
    text: str
    movie: Movie | None = None
    details: dict[str, str | int | float] = field(default_factory=dict)


def film_event(
    kind: EventKind,
    movie: Movie,
    at: datetime,
    text: str,
    *,
    wish: datetime,
    about: str = "",
    **details: str | float,
) -> Event:
    """Return an event of a film.

    `wish` is since when the film is asked for (`QueueEntry.wish`): asked for again, the same is news.
    `about` tells it from others of that kind and wish (an info-hash, a number of attempts).
    """
    asked = f"{wish.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Event(f"{kind}:{movie.id}:{asked}:{about}", kind, at, text, movie, dict(details))
