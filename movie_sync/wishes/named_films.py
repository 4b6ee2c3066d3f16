"""What film a user means by a slug, an address or an id."""

import re

from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import UserError
from movie_sync.queues.manager import QueueManager

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
_ID = re.compile(r"[0-9A-Za-z]{1,24}")  # as exports may have them
_LETTERBOXD = re.compile(r"(?:https?://)?(?:www\.)?letterboxd\.com(?=/)", re.IGNORECASE)
# A member's own page of a film, its reviews and whatever an address carries behind it name the film too.
_FILM_PATH = re.compile(r"/(?:[\w-]+/)?film/([\w-]+)(?:[/?#].*)?", re.IGNORECASE)
_SHORT_ADDRESS = re.compile(r"(?:https?://)?boxd\.it/([0-9A-Za-z]+)/?", re.IGNORECASE)


def named_film(text: str, queues: QueueManager, base_url: str) -> Movie:
    """Return the film that the queues hold under an id, else the one that a slug or an address names.

    Raises UserError: it is none of these.
    """
    text = text.strip()
    found = queues.find(text) if _ID.fullmatch(text) else None  # a slug may look like an id
    if found:
        return found[1].movie
    short = _SHORT_ADDRESS.fullmatch(text)
    if short:
        return Movie(id=short[1], slug="", title=f"boxd.it/{short[1]}", url=f"https://boxd.it/{short[1]}")
    path = _LETTERBOXD.sub("", text.removeprefix(base_url), count=1)
    address = _FILM_PATH.fullmatch(path)
    slug = (address[1] if address else text).lower()
    if not _SLUG.fullmatch(slug):
        raise UserError(
            f"{one_line(text)!r} is neither a film's slug (like heat-1995) nor its Letterboxd address "
            "(like https://letterboxd.com/film/heat-1995/)."
        )
    return Movie(id=slug, slug=slug, title=slug, url=f"{base_url}/film/{slug}/")
