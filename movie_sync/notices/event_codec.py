"""Events as JSON objects: on the disk, and on the standard input of the user's command."""

import json

from movie_sync.domain.events import Event, EventKind
from movie_sync.queues.codec import format_time, movie_from_dict, movie_to_dict, parse_time

_FILM_KEYS = ("id", "slug", "title", "year", "imdb_id", "url")


def event_to_dict(event: Event) -> dict[str, object]:
    """Return the form in which an event is kept."""
    return {
        "id": event.id,
        "kind": str(event.kind),
        "at": format_time(event.at),
        "text": event.text,
        "film": movie_to_dict(event.movie, with_page=False) if event.movie else None,
        "details": event.details,
    }


def event_from_dict(plain: dict[str, object]) -> Event:
    """Read what `event_to_dict` wrote.

    Raises ValueError, KeyError, TypeError, AttributeError: it is something else.
    """
    film, details, at = plain["film"], plain["details"], parse_time(plain["at"])
    if not isinstance(plain["id"], str) or not isinstance(details, dict) or at is None:
        raise TypeError("no event")
    return Event(
        id=plain["id"],
        kind=EventKind(str(plain["kind"])),
        at=at,
        text=str(plain["text"]),
        movie=movie_from_dict(film) if isinstance(film, dict) else None,
        details={str(name): value for name, value in details.items() if isinstance(value, str | int | float)},
    )


def event_for_scripts(event: Event) -> bytes:
    """Return the event as one line of ASCII JSON: what every event has, then its details beside it."""
    movie = event.movie
    film = {key: getattr(movie, key) for key in _FILM_KEYS} if movie else None
    common = {
        "id": event.id,
        "kind": str(event.kind),
        "at": format_time(event.at),
        "text": event.text,
        "film": film,
    }
    own = {name: value for name, value in event.details.items() if name not in common}
    return json.dumps(common | own).encode("ascii") + b"\n"
