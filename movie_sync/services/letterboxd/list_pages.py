"""Reads the pages of watchlists and lists: from HTML to values. Pure: no network, no clock.

A page is understood whole or refused with PageChangedError, because a poster that is silently
skipped looks like a film that the user took off the list.

The markup is that of 2026 (ids only in the JSON of `data-postered-identifier`); the forms since
2023 (`data-item-*` with `data-film-id`, and `data-film-slug`) are read too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from movie_sync.domain.letterboxd_text import film_url, is_slug, slug_in, split_name
from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import PageChangedError
from movie_sync.services.letterboxd.markup import (
    attribute_of,
    inside,
    json_object,
    lid_of,
    parts_of,
    text_of,
)
from movie_sync.services.letterboxd.soup import BeautifulSoup, Tag

_COUNT = re.compile(r"\d{1,3}(?:[,.\s]\d{3})+|\d{1,7}")
_DESCRIPTION = re.compile(rf"A list of ({_COUNT.pattern}) films? compiled on Letterboxd\b")
_NO_DIGIT = re.compile(r"\D")
_YEAR = re.compile(r"\d{4}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"\d{1,7}", re.ASCII)

_POSTER = frozenset({"data-item-slug", "data-item-link", "data-film-slug", "data-postered-identifier"})
_LIST_ITEM = ("griditem", "posteritem", "poster-container", "film-detail")
_OWN_COUNT = "data-num-entries"
_OTHER_KINDS = frozenset(
    "episode season series show tv tvshow tvseries tvseason tvepisode miniseries person list game".split()
)


@dataclass(frozen=True, slots=True)
class ListForm:
    """What tells one kind of list from another: its name, its elements' classes, where it says its count."""

    noun: str
    content: tuple[str, ...]
    parts: frozenset[str]
    declared: Callable[[BeautifulSoup, Tag | None], int | None]


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list: `declared` films are on the whole list, on one page without a `number`.

    `odd` are the names of what is on it and is no film, such as an episode.
    """

    owner: str
    declared: int
    number: int | None
    has_next: bool
    movies: tuple[Movie, ...]
    odd: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many posters it has."""
        return len(self.movies) + len(self.odd)


def parse_list(page: str, base_url: str, form: ListForm) -> ListPage:
    """Read one page of a list. Raises PageChangedError: some part of it is not understood."""

    def is_part(name: str, attributes: Mapping[str, str]) -> bool:
        if name == "meta":
            return attributes.get("name") == "description"
        return _OWN_COUNT in attributes or not form.parts.isdisjoint((attributes.get("class") or "").split())

    def changed(how: str) -> PageChangedError:
        return PageChangedError(
            f"Letterboxd's {form.noun} page has changed: {how}. "
            "Nothing was changed here. Check for a newer version of Movie Sync."
        )

    with parts_of(page, is_part) as (soup, body):
        owner = body.get("data-owner", "").strip()
        content = soup.find(class_=form.content)
        declared = form.declared(soup, content)
        if not owner or declared is None:
            missing = f"whose {form.noun} it is" if not owner else "how many films it has"
            raise changed(f"it doesn't say {missing}")
        root = content or soup
        posters = root.find_all(lambda tag: not _POSTER.isdisjoint(tag.attrs))
        read = [_poster_of(poster, base_url) for poster in posters]
        expected = max(len(posters), len(root.find_all("li", class_=_LIST_ITEM)))
        if unread := expected - len(read) + read.count(None):
            raise changed(f"{unread} of {expected} posters on it couldn't be read")
        if declared > 0 and not read:
            raise changed(f"it should have {declared} films but shows none")
        links = root if root.find(class_="pagination") else soup
        current = _page_number(next(inside(links, "pagination", class_="paginate-current"), None))
        numbers = map(_page_number, inside(links, "pagination", class_="paginate-page"))
        has_next = any(inside(links, "pagination", name="a", class_="next", href=True))
        if current and not has_next and any(number and number > current for number in numbers):
            raise changed("it mentions more pages but links to none")
        return ListPage(
            owner=owner,
            declared=declared,
            number=current,
            has_next=has_next,
            movies=tuple(each for each in read if isinstance(each, Movie)),
            odd=tuple(each for each in read if isinstance(each, str)),
        )


def _of_watchlist(soup: BeautifulSoup, content: Tag | None) -> int | None:
    """The watchlist's own count. Only the attribute can say 0: an empty list must be beyond doubt."""
    if number := attribute_of(content, _OWN_COUNT):
        return int(number) if _WHOLE_NUMBER.fullmatch(number) else None
    found = _COUNT.search(text_of(soup.find(class_="js-watchlist-count")))
    return (_as_number(found.group()) or None) if found else None


def _of_list(soup: BeautifulSoup, _content: Tag | None) -> int | None:
    """The list's own count; where it says so twice, both must agree."""
    described = _DESCRIPTION.match(
        clean_text(attribute_of(soup.find("meta", attrs={"name": "description"}), "content"))
    )
    own = [attribute_of(tag, _OWN_COUNT) for tag in soup.find_all(lambda tag: tag.has_attr(_OWN_COUNT))]
    if not all(map(_WHOLE_NUMBER.fullmatch, own)):
        return None
    counts = {*map(int, own), *([_as_number(described[1])] if described else [])}
    return counts.pop() if len(counts) == 1 else None


def _as_number(words: str) -> int:
    return int(_NO_DIGIT.sub("", words))


WATCHLIST = ListForm(
    noun="watchlist",
    content=("js-watchlist-content", "s-watchlist-content"),
    parts=frozenset(
        "js-watchlist-content s-watchlist-content js-watchlist-count poster-grid poster-list "
        "pagination".split()
    ),
    declared=_of_watchlist,
)
LIST = ListForm(
    noun="list",
    content=("js-list-entries",),
    parts=frozenset("js-list-entries poster-grid poster-list pagination".split()),
    declared=_of_list,
)


def _page_number(tag: Tag | None) -> int | None:
    words = text_of(tag)
    return int(words) if _WHOLE_NUMBER.fullmatch(words) else None


def _poster_of(poster: Tag, base_url: str) -> Movie | str | None:
    """Read one poster: a film, the name of what is none, or None if anything that makes it one is missing."""
    slug = attribute_of(poster, "data-item-slug") or attribute_of(poster, "data-film-slug")
    slug = slug if is_slug(slug) else slug_in(slug or attribute_of(poster, "data-item-link"))
    identifier: object = json_object(attribute_of(poster, "data-postered-identifier"))
    if identifier is None:
        path = json_object(attribute_of(poster, "data-resolvable-poster-path")) or {}
        identifier = path.get("postered")
    name = clean_text(
        attribute_of(poster, "data-item-name")
        or attribute_of(poster, "data-item-full-display-name")
        or attribute_of(poster, "data-film-name")
    )
    if name and _is_odd(poster, identifier):
        return name
    is_film = isinstance(identifier, dict) and identifier.get("type", "film") == "film"
    key = lid_of(identifier) if is_film else ""
    # Before lids were shown, the number was: such a film goes by its slug.
    if not key and attribute_of(poster, "data-film-id").isdigit():
        key = slug
    if not slug or not key or not name:
        return None
    title, year = split_name(name)
    release_year = attribute_of(poster, "data-film-release-year")
    if year is None and _YEAR.fullmatch(release_year):
        year = int(release_year)
    return Movie(id=key, slug=slug, title=title, year=year, url=film_url(base_url, slug))


def _is_odd(poster: Tag, identifier: object) -> bool:
    """Tell whether a poster is beyond doubt of something else than a film.

    Should the site call its films by another word one day, that is no list without films: then a film's
    address, or its number, still says what it is.
    """
    kind = identifier.get("type") if isinstance(identifier, dict) else None
    if not isinstance(identifier, dict) or not isinstance(kind, str) or kind in {"", "film"}:
        return False
    is_at_film = slug_in(attribute_of(poster, "data-item-link")) != ""
    is_numbered_film = str(identifier.get("uid", "film:")).startswith("film:")
    return kind.lower() in _OTHER_KINDS or not (is_at_film or is_numbered_film)
