"""What a person may name a film by: address, IMDb id, Letterboxd's key, slug, title with its year."""

import re

from movie_sync.domain.letterboxd_text import film_url, split_name
from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
_LETTERBOXD = re.compile(r"(?:https?://)?(?:www\.)?letterboxd\.com(?=/)", re.IGNORECASE)
# A member's own page of a film, its reviews and whatever an address carries behind it name the film too.
_FILM_PATH = re.compile(r"/(?:[\w-]+/)?film/([\w-]+)(?:[/?#].*)?", re.IGNORECASE)
_SHORT_ADDRESS = re.compile(r"(?:https?://)?boxd\.it/([0-9A-Za-z]+)/?", re.IGNORECASE)
_IMDB = re.compile(
    r"(?:(?:https?://)?(?:\w+\.)?imdb\.com/(?:\w\w/)?title/)?(tt\d{5,10})(?:[/?#].*)?", re.IGNORECASE
)
_DATED_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-(?:18[7-9]|19\d|20\d)\d")
_TITLE_AND_YEAR = re.compile(r"(.*[^\s,-])[\s,-]*(?:\b|(?<=\())((?:18[7-9]|19\d|20\d)\d)\)?", re.DOTALL)


def film_at(text: str, base_url: str) -> Movie | None:
    """Return the film that an address or an IMDb id names, or None if the text is neither."""
    text = text.strip()
    short = _SHORT_ADDRESS.fullmatch(text)
    if short:
        return Movie(id=short[1], slug="", title=f"boxd.it/{short[1]}", url=f"https://boxd.it/{short[1]}")
    imdb = _IMDB.fullmatch(text)
    if imdb:
        own = imdb[1].lower()
        return Movie(id=own, slug="", title=own, url=f"https://www.imdb.com/title/{own}/", imdb_id=own)
    address = _FILM_PATH.fullmatch(_LETTERBOXD.sub("", text.removeprefix(base_url.rstrip("/")), count=1))
    return _with_slug(address[1], base_url) if address else None


def film_of_slug(text: str, base_url: str) -> Movie | None:
    """Return the film that a text names if it is a slug, or None if it is more likely a title: "Heat"."""
    text = text.strip()
    is_slug = _SLUG.fullmatch(text) and (text.islower() or "-" in text or not text.isalpha())
    return _with_slug(text, base_url) if is_slug else None


def titles_meant(text: str) -> list[tuple[str, int | None]]:
    """Return what a text may say, likeliest first: the squashed key of a title, and the year behind it.

    "1917" and "Blade Runner 2049" are titles; "Heat 1995", "Heat (1995)" and "heat-1995" have a year.
    """
    dated = _TITLE_AND_YEAR.fullmatch(text.strip())
    meant = [
        (title_key(text).squashed, None),
        *([(title_key(dated[1]).squashed, int(dated[2]))] if dated else []),
    ]
    return [(key, year) for key, year in meant if key]


def title_and_year(text: str) -> tuple[str, int | None]:
    """Return title and year where a text surely has both: "Heat (1995)", or a slug that ends with a year."""
    if _DATED_SLUG.fullmatch(text):
        *words, year = text.split("-")
        return " ".join(words), int(year)
    return split_name(text)


def _with_slug(slug: str, base_url: str) -> Movie:
    slug = slug.lower()
    return Movie(id=slug, slug=slug, title=slug, url=film_url(base_url, slug))
