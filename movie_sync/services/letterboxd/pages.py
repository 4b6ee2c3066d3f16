"""Reads the films' own pages, and from an odd answer to its cause. Pure: no network, no clock.

The markup is that of 2026; the forms since 2023 are read too.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus

from movie_sync.domain.languages import language_of_page
from movie_sync.domain.letterboxd_text import slug_in, split_name
from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import PageChangedError
from movie_sync.services.letterboxd.images import image_on
from movie_sync.services.letterboxd.markup import (
    attribute_of,
    inside,
    json_object,
    lid_of,
    parts_of,
    text_of,
)
from movie_sync.services.letterboxd.soup import BeautifulSoup, Tag

_MAX_ALTERNATIVE_TITLES = 100

_YEAR_LIST = re.compile(r"^/films/year/")
_YEAR_LINK = re.compile(r"/year/(\d{4})/?$", re.ASCII)
_LANGUAGE_LINK = re.compile(r"^/films/language/")
_IMDB_ID = re.compile(r"/title/(tt\d{5,12})\b", re.ASCII)
_TMDB_KIND = re.compile(r"themoviedb\.org/(movie|tv)/\d")
_RUNTIME = re.compile(r"(\d[\d,]{0,6})\s*mins?\b")
_MAX_LINKED_DATA = 200_000
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,400})</title>", re.IGNORECASE)

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


def parse_film(page: str, base_url: str = "") -> Movie:
    """Return what a film's page tells; empty or None, its id too, is what the page does not say.

    Its picture counts only on the site's own host of images, or on the stand-in's at `base_url`.

    Raises PageChangedError: it is no film's page, was cut off, or its links are not where they were.
    """
    poster = image_on(base_url, _linked_image(page))
    with parts_of(page, _is_film_part) as (soup, body):
        kind = attribute_of(soup.find("meta", property="og:type"), "content")
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
        original = text_of(next(inside(soup, "productioninfo", class_="originalname"), None))
        imdb = _IMDB_ID.search(links.get("imdb", ""))
        runtime = _RUNTIME.search(text_of(footer))
        tmdb = _TMDB_KIND.search(links.get("tmdb", ""))
        return Movie(
            id=_own_lid(soup),
            slug=slug_in(attribute_of(soup.find("meta", property="og:url"), "content")),
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
            or image_on(base_url, attribute_of(soup.find("meta", property="og:image"), "content")),
        )


def _is_film_part(name: str, attributes: Mapping[str, str]) -> bool:
    return (
        (name == "meta" and (attributes.get("property") or "").startswith("og:"))
        or attributes.get("id") in _FILM_IDS
        or "data-track-action" in attributes
        or not _FILM_PARTS.isdisjoint((attributes.get("class") or "").split())
    )


def _linked_image(page: str) -> str:
    """Return the address of the picture in the page's JSON-LD; that part of the page becomes no tree."""
    start = page.find("application/ld+json")
    if start < 0:
        return ""
    text = page[start : page.find("</script", start, start + _MAX_LINKED_DATA)]
    # It stands between marks of CDATA, which are comments there.
    image = (json_object(text[text.find("{") : text.rfind("}") + 1]) or {}).get("image")
    return image if isinstance(image, str) else ""


def _own_lid(soup: BeautifulSoup) -> str:
    script = soup.find("script", id="production-data")
    return lid_of((json_object(script.get_text()) or {}).get("identifier")) if script else ""


def _film_name(soup: BeautifulSoup) -> tuple[str, int | None]:
    heading = soup.find("h1", class_=("primaryname", "filmtitle"))
    primary = soup.find("h1", class_="primaryname")
    heading = (primary.find(class_="name") if primary else None) or heading
    og_title, og_year = split_name(
        clean_text(attribute_of(soup.find("meta", property="og:title"), "content"))
    )
    link = next(inside(soup, ("productioninfo", "releaseyear"), name="a", href=_YEAR_LIST), None)
    year = _YEAR_LINK.search(attribute_of(link, "href"))
    return text_of(heading) or og_title, int(year.group(1)) if year else og_year


def _service_links(root: Tag) -> dict[str, str]:
    """The first link to each service, by its name in lower case (it was `TMDb` until 2025)."""
    links = root.find_all("a", attrs={"data-track-action": True}, href=True)
    return {
        attribute_of(link, "data-track-action").lower(): attribute_of(link, "href")
        for link in reversed(links)
    }


def _details(soup: BeautifulSoup, *headings: str) -> Tag | None:
    """Return the heading in the panel of details that begins with one of these texts, in lower case."""
    panel = soup.find(id="tab-panel-details") or soup.find("div", id="tab-details")
    found = panel.find_all("h3") if panel else ()
    return next((tag for tag in found if text_of(tag).lower().startswith(headings)), None)


def _original_language(soup: BeautifulSoup) -> str | None:
    """Return the film's language; the one spoken where there is one alone; None where no page tells."""
    for heading in ("primary language", "original language", "language", "spoken language"):
        tag = _details(soup, heading)
        listed = tag.find_next_sibling(class_="text-sluglist") if tag else None
        names = [text_of(link) for link in listed.find_all("a", href=_LANGUAGE_LINK)] if listed else []
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
