"""Reads Letterboxd's pages: from HTML to values, and from an odd answer to its cause.

Pure: no network, no clock. A page is understood whole or refused with PageChangedError, because
a poster that is silently skipped looks like a film that the user took off the list. Only the
parts that are needed become a tree, so that a page costs little memory.

The markup is that of 2026 (ids only in the JSON of `data-postered-identifier`); the forms since
2023 (`data-item-*` with `data-film-id`, and `data-film-slug`) are read too.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.filter import SoupStrainer

from movie_sync.domain.json_text import parse_json
from movie_sync.domain.languages import language_of_page
from movie_sync.domain.letterboxd_text import film_url, is_lid, is_slug, slug_in, split_name
from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import PageChangedError
from movie_sync.services.letterboxd.images import image_on

# Far above any real page. html.parser's time grows with the square of what is left open.
_MAX_TAGS = 40_000
_MAX_COMMENTS = 1_000
_MAX_OPEN_TAGS = 300
_MAX_TAG_CHARS = 60_000
_MAX_ALTERNATIVE_TITLES = 100

_COUNT = re.compile(r"\d{1,3}(?:[,.\s]\d{3})+|\d{1,7}")
_OPEN_TAG = re.compile(r"<[^<>]*(?=<|\Z)")
# A tag that long, or text after one. Scripts are, so they are let pass if they begin as they should.
_LONG_TAG = re.compile(
    rf"""<(?!(?:script|style)\b(?:[^<>"']|"[^"<>]{{0,300}}"|'[^'<>]{{0,300}}'){{0,100}}>)[^<]{{{_MAX_TAG_CHARS}}}""",
    re.IGNORECASE,
)
_NO_DIGIT = re.compile(r"\D")
_YEAR = re.compile(r"\d{4}", re.ASCII)
_YEAR_LIST = re.compile(r"^/films/year/")
_YEAR_LINK = re.compile(r"/year/(\d{4})/?$", re.ASCII)
_LANGUAGE_LINK = re.compile(r"^/films/language/")
_WHOLE_NUMBER = re.compile(r"\d{1,7}", re.ASCII)
_IMDB_ID = re.compile(r"/title/(tt\d{5,12})\b", re.ASCII)
_TMDB_KIND = re.compile(r"themoviedb\.org/(movie|tv)/\d")
_RUNTIME = re.compile(r"(\d[\d,]{0,6})\s*mins?\b")
_MAX_LINKED_DATA = 200_000
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,400})</title>", re.IGNORECASE)

_CONTENT = ("js-watchlist-content", "s-watchlist-content")
_POSTER = frozenset({"data-item-slug", "data-item-link", "data-film-slug", "data-postered-identifier"})
_LIST_ITEM = ("griditem", "posteritem", "poster-container")
_WATCHLIST_PARTS = frozenset(
    "js-watchlist-content s-watchlist-content js-watchlist-count poster-grid poster-list pagination".split()
)
_FILM_PARTS = frozenset({"primaryname", "filmtitle", "productioninfo", "text-footer"})
_FILM_IDS = frozenset({"production-data", "tab-panel-details", "tab-details"})


class Refusal(StrEnum):
    """Why an answer is not the page that was asked for."""

    CHALLENGE = "challenge"
    BAN = "ban"
    PRIVATE = "private"
    NOT_FOUND = "not found"
    RATE_LIMIT = "rate limit"
    OUTAGE = "outage"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class WatchlistPage:
    """One page of a watchlist: `declared` films are on the whole list, on one page without a `number`."""

    owner: str
    declared: int
    number: int | None
    has_next: bool
    movies: tuple[Movie, ...]


def find_refusal(status: int, headers: Mapping[str, str], page: str) -> Refusal | None:
    """Tell why an answer is not a page of Letterboxd's, or None if it may be one.

    A private list and a block are both 403, a missing film and a wrong proxy both 404: only the
    page tells them apart. `server: cloudflare` is on every answer and proves nothing.
    """
    found = _TITLE.search(page)
    title = clean_text(found[1]).lower() if found else ""
    if "challenge" in headers.get("cf-mitigated", "") or "_cf_chl_opt" in page or title == "just a moment...":
        return Refusal.CHALLENGE
    by_title = {"letterboxd - forbidden": Refusal.PRIVATE, "letterboxd - not found": Refusal.NOT_FOUND}
    if title in by_title:
        return by_title[title]
    by_status = {200: None, 401: Refusal.BAN, 403: Refusal.BAN, 426: Refusal.BAN, 429: Refusal.RATE_LIMIT}
    if status in by_status:
        return by_status[status]
    return Refusal.OUTAGE if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refusal.OTHER


def parse_watchlist(page: str, base_url: str) -> WatchlistPage:
    """Read one watchlist page. Raises PageChangedError: some part of it is not understood."""
    with _parts_of(page, _is_watchlist_part) as (soup, body):
        owner = body.get("data-owner", "").strip()
        content = soup.find(class_=_CONTENT)
        declared = _declared_count(soup, content)
        if not owner or declared is None:
            missing = "whose watchlist it is" if not owner else "how many films it has"
            raise _changed(f"it doesn't say {missing}")
        root = content or soup
        movies = _movies_in(root, base_url)
        if declared > 0 and not movies:
            raise _changed(f"it should have {declared} films but shows none")
        current = _page_number(next(_inside(root, "pagination", class_="paginate-current"), None))
        numbers = map(_page_number, _inside(root, "pagination", class_="paginate-page"))
        has_next = any(_inside(root, "pagination", name="a", class_="next", href=True))
        if current and not has_next and any(number and number > current for number in numbers):
            raise _changed("it mentions more pages but links to none")
        return WatchlistPage(
            owner=owner,
            declared=declared,
            number=current,
            has_next=has_next,
            movies=movies,
        )


def parse_film(page: str, base_url: str = "") -> Movie:
    """Return what a film's page tells; empty or None, its id too, is what the page does not say.

    Its picture counts only on the site's own host of images, or on the stand-in's at `base_url`.

    Raises PageChangedError: it is no film's page, was cut off, or its links are not where they were.
    """
    poster = image_on(base_url, _linked_image(page))
    with _parts_of(page, _is_film_part) as (soup, body):
        kind = _attribute(soup.find("meta", property="og:type"), "content")
        if not kind.startswith("video.") and body.get("data-type") != "film":
            raise PageChangedError("Letterboxd answered with a page that isn't a film's.")
        footer = soup.find("p", class_="text-footer")
        links = _service_links(footer or soup)
        if (footer is None and not links) or "</html>" not in page[-5000:].lower():
            raise PageChangedError(
                "Letterboxd's film page was cut off or has changed: its IMDb and TMDB links aren't where "
                "they used to be, so it wasn't used."
            )
        title, year = _film_name(soup)
        original = _text(next(_inside(soup, "productioninfo", class_="originalname"), None))
        imdb = _IMDB_ID.search(links.get("imdb", ""))
        runtime = _RUNTIME.search(_text(footer))
        tmdb = _TMDB_KIND.search(links.get("tmdb", ""))
        return Movie(
            id=_own_lid(soup),
            slug=slug_in(_attribute(soup.find("meta", property="og:url"), "content")),
            title=title,
            year=year,
            imdb_id=imdb.group(1) if imdb else None,
            original_title=original or None,
            alternative_titles=_alternative_titles(soup, title, original),
            runtime_minutes=int(runtime.group(1).replace(",", "")) if runtime else None,
            original_language=_original_language(soup),
            # The body's own kind was wrong on a miniseries whose link was right: the link comes first.
            is_series=(tmdb.group(1) if tmdb else body.get("data-tmdb-type")) == "tv",
            page_read=True,
            poster=poster
            or image_on(base_url, _attribute(soup.find("meta", property="og:image"), "content")),
        )


class _Parts(SoupStrainer):
    """Keeps the elements that `wanted` accepts, whole, and the attributes of `body`.

    A plain strainer could give the attributes of `body` only together with all that is in it.
    """

    def __init__(self, wanted: Callable[[str, Mapping[str, str]], bool]) -> None:
        super().__init__()
        self._wanted = wanted
        self.body: dict[str, str] = {}

    def allow_tag_creation(self, nsprefix: str | None, name: str, attrs: Any) -> bool:  # noqa: ANN401, ARG002 - bs4's signature
        if name == "body":
            self.body = {key: str(value) for key, value in (attrs or {}).items()}
            return False
        return self._wanted(name, attrs or {})

    def allow_string_creation(self, string: str) -> bool:  # noqa: ARG002 - bs4's signature
        return False


@contextmanager
def _parts_of(
    page: str, wanted: Callable[[str, Mapping[str, str]], bool]
) -> Iterator[tuple[BeautifulSoup, dict[str, str]]]:
    """Parse the wanted parts of a page, and free them at the end: the tree is full of circles."""
    is_flood = page.count("<") > _MAX_TAGS or page.count("<!") > _MAX_COMMENTS
    if is_flood or sum(1 for _ in _OPEN_TAG.finditer(page)) > _MAX_OPEN_TAGS or _LONG_TAG.search(page):
        raise PageChangedError("Letterboxd answered with a page that no browser could display.")
    parts = _Parts(wanted)
    soup = BeautifulSoup(page[: page.rfind(">") + 1], "html.parser", parse_only=parts)
    try:
        yield soup, parts.body
    finally:
        soup.clear(decompose=True)


def _changed(how: str) -> PageChangedError:
    return PageChangedError(
        f"Letterboxd's watchlist page has changed: {how}. "
        "Nothing was changed here. Look for a newer version of Movie Sync."
    )


def _is_watchlist_part(_name: str, attributes: Mapping[str, str]) -> bool:
    return not _WATCHLIST_PARTS.isdisjoint((attributes.get("class") or "").split())


def _is_film_part(name: str, attributes: Mapping[str, str]) -> bool:
    return (
        (name == "meta" and (attributes.get("property") or "").startswith("og:"))
        or attributes.get("id") in _FILM_IDS
        or "data-track-action" in attributes
        or not _FILM_PARTS.isdisjoint((attributes.get("class") or "").split())
    )


def _inside(root: Tag, outer: str | Sequence[str], **inner: Any) -> Iterator[Tag]:  # noqa: ANN401 - as `find_all` takes it
    """Yield what there is inside elements of a class; without CSS selectors, whose library takes 1.3 MB."""
    for element in root.find_all(class_=outer):
        yield from element.find_all(**inner)


def _attribute(tag: Tag | None, name: str) -> str:
    value = tag.get(name) if tag is not None else None
    return value if isinstance(value, str) else ""


def _text(tag: Tag | None) -> str:
    return clean_text(tag.get_text()) if tag is not None else ""


def _declared_count(soup: BeautifulSoup, content: Tag | None) -> int | None:
    """The list's own count. Only the attribute can say 0: an empty list must be beyond doubt."""
    attribute = _attribute(content, "data-num-entries")
    if attribute:
        return int(attribute) if _WHOLE_NUMBER.fullmatch(attribute) else None
    found = _COUNT.search(_text(soup.find(class_="js-watchlist-count")))
    return (int(_NO_DIGIT.sub("", found.group())) or None) if found else None


def _page_number(tag: Tag | None) -> int | None:
    text = _text(tag)
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def _movies_in(root: Tag, base_url: str) -> tuple[Movie, ...]:
    posters = root.find_all(lambda tag: not _POSTER.isdisjoint(tag.attrs))
    movies = tuple(movie for poster in posters if (movie := _movie_of(poster, base_url)))
    expected = max(len(posters), len(root.find_all("li", class_=_LIST_ITEM)))
    if len(movies) != expected:
        raise _changed(f"{expected - len(movies)} of {expected} posters on it couldn't be read")
    return movies


def _movie_of(poster: Tag, base_url: str) -> Movie | None:
    """Read one poster; None if anything that makes it a film is missing."""
    slug = _attribute(poster, "data-item-slug") or _attribute(poster, "data-film-slug")
    slug = slug if is_slug(slug) else slug_in(slug or _attribute(poster, "data-item-link"))
    key = _key_of(poster)
    # Before lids were shown, the number was: such a film goes by its slug.
    if key is None and _attribute(poster, "data-film-id").isdigit():
        key = slug
    name = clean_text(
        _attribute(poster, "data-item-name")
        or _attribute(poster, "data-item-full-display-name")
        or _attribute(poster, "data-film-name")
    )
    if not slug or not key or not name:
        return None
    title, year = split_name(name)
    release_year = _attribute(poster, "data-film-release-year")
    if year is None and _YEAR.fullmatch(release_year):
        year = int(release_year)
    return Movie(id=key, slug=slug, title=title, year=year, url=film_url(base_url, slug))


def _key_of(poster: Tag) -> str | None:
    identifier: object = _json_object(_attribute(poster, "data-postered-identifier"))
    if identifier is None:
        identifier = (_json_object(_attribute(poster, "data-resolvable-poster-path")) or {}).get("postered")
    is_film = isinstance(identifier, dict) and identifier.get("type", "film") == "film"
    return _lid_of(identifier) or None if is_film else None


def _json_object(text: str) -> dict[str, object] | None:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _linked_image(page: str) -> str:
    """Return the address of the picture in the page's JSON-LD; that part of the page becomes no tree."""
    start = page.find("application/ld+json")
    if start < 0:
        return ""
    text = page[start : page.find("</script", start, start + _MAX_LINKED_DATA)]
    # It stands between marks of CDATA, which are comments there.
    image = (_json_object(text[text.find("{") : text.rfind("}") + 1]) or {}).get("image")
    return image if isinstance(image, str) else ""


def _own_lid(soup: BeautifulSoup) -> str:
    script = soup.find("script", id="production-data")
    return _lid_of((_json_object(script.get_text()) or {}).get("identifier")) if script else ""


def _lid_of(identifier: object) -> str:
    lid = identifier.get("lid") if isinstance(identifier, dict) else None
    return lid if isinstance(lid, str) and is_lid(lid) else ""


def _film_name(soup: BeautifulSoup) -> tuple[str, int | None]:
    heading = soup.find("h1", class_=("primaryname", "filmtitle"))
    primary = soup.find("h1", class_="primaryname")
    heading = (primary.find(class_="name") if primary else None) or heading
    og_title, og_year = split_name(clean_text(_attribute(soup.find("meta", property="og:title"), "content")))
    link = next(_inside(soup, ("productioninfo", "releaseyear"), name="a", href=_YEAR_LIST), None)
    year = _YEAR_LINK.search(_attribute(link, "href"))
    return _text(heading) or og_title, int(year.group(1)) if year else og_year


def _service_links(root: Tag) -> dict[str, str]:
    """The first link to each service, by its name in lower case (it was `TMDb` until 2025)."""
    links = root.find_all("a", attrs={"data-track-action": True}, href=True)
    return {
        _attribute(link, "data-track-action").lower(): _attribute(link, "href") for link in reversed(links)
    }


def _details(soup: BeautifulSoup, *headings: str) -> Tag | None:
    """Return the heading in the panel of details that begins with one of these texts, in lower case."""
    panel = soup.find(id="tab-panel-details") or soup.find("div", id="tab-details")
    found = panel.find_all("h3") if panel else ()
    return next((tag for tag in found if _text(tag).lower().startswith(headings)), None)


def _original_language(soup: BeautifulSoup) -> str | None:
    """Return the film's language; the one spoken where there is one alone; None where no page tells."""
    for heading in ("primary language", "original language", "language", "spoken language"):
        tag = _details(soup, heading)
        listed = tag.find_next_sibling(class_="text-sluglist") if tag else None
        names = [_text(link) for link in listed.find_all("a", href=_LANGUAGE_LINK)] if listed else []
        if names and (len(names) == 1 or not heading.startswith("spoken")):
            return language_of_page(names[0])
    return None


def _alternative_titles(soup: BeautifulSoup, title: str, original: str) -> tuple[str, ...]:
    """The other names of the film, without the two that are known already.

    The page joins them by commas and a title may hold one itself. A piece that goes on in lower
    case belongs to the piece before it. Where the film's own name holds a comma, most of the
    others do too and their pieces could be other films' names: then none is taken.
    """
    if "," in title or "," in original:
        return ()
    heading = _details(soup, "alternative title")
    listed = heading.find_next_sibling(class_="text-indentedlist") if heading else None
    names: list[str] = []
    for piece in listed.get_text().split(",") if listed else ():
        name = clean_text(piece)
        # Georgian letters count as lower case, but no title begins with another kind of them.
        if names and name[:1].islower() and name[:1] != name[:1].title():
            names[-1] = f"{names[-1]}, {name}"
        elif name:
            names.append(name)
    known = {title.casefold(), original.casefold()}
    others: dict[str, str] = {}
    for name in names:
        if name.casefold() not in known:
            others.setdefault(name.casefold(), name)
    return tuple(others.values())[:_MAX_ALTERNATIVE_TITLES]
