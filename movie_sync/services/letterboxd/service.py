"""Letterboxd: users' watchlists, any other list there, and how often they are looked at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from movie_sync.domain.letterboxd_text import is_slug, list_parts
from movie_sync.domain.wish_list import WishList
from movie_sync.services.base import Glimpse, ListService, Surroundings
from movie_sync.settings.section import Limit, Sections, address, setting, timeout, yes_or_no
from movie_sync.settings.values import MANY, UnusableValue, is_on_this_machine, number, text_in

if TYPE_CHECKING:
    from movie_sync.net.http import HttpClient
    from movie_sync.services.letterboxd.client import LetterboxdFilmPages
    from movie_sync.services.letterboxd.list_reader import ListReader, SiteList

SHORTEST_CHECK_INTERVAL = 60
_LONGEST_CHECK_INTERVAL = 30 * 24 * 3600  # far below what a wait can take on any system (49 days)
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?letterboxd\.com/([A-Za-z0-9_]+)(?:[/?#].*)?", re.IGNORECASE)
_LIST = re.compile(
    r"(?:(?:https?://)?(?:www\.)?letterboxd\.com)?/?(?P<user>[A-Za-z0-9_]{1,64})/list/(?P<name>[^/?#\s]{1,200})"
    r"(?:/share/(?P<token>[A-Za-z0-9_-]{1,100}))?"
    r"(?:/(?:detail|by/[^?#\s]*|page/\d{1,6})?)*(?:[?#].*)?",
    re.IGNORECASE,
)
_MOST_PAGES = 20
_NO_USER_NAMES = {"film", "films", "list", "lists", "settings"}  # addresses of something else


def letterboxd_name(value: object) -> str:
    """Return the username in a name or in a pasted Letterboxd address; raises UnusableValue."""
    text = text_in(value)
    profile = _ADDRESS.fullmatch(text)
    name = profile[1] if profile else text
    if not _NAME.fullmatch(name) or (profile and name.lower() in _NO_USER_NAMES):
        raise UnusableValue
    return name


def letterboxd_list(value: object) -> str:
    """Return a list's path, `USER/list/NAME` or that with `/share/TOKEN`; raises UnusableValue.

    A pasted address is reduced to it, wherever in the list it leads.
    """
    found = _LIST.fullmatch(text_in(value))
    if not found or not is_slug(found["name"]):
        raise UnusableValue
    share = f"/share/{found['token']}" if found["token"] else ""
    return f"{found['user']}/list/{found['name'].lower()}{share}"


def _user_name(value: object) -> str:
    return "" if text_in(value) == "" else letterboxd_name(value)


@dataclass(frozen=True, slots=True)
class WatchlistSettings:
    """Whose watchlist is read, and how often."""

    username: str = setting("", "a Letterboxd username: letters, digits and _", _user_name)
    check_interval: float = setting(
        3600,
        f"a number of seconds from {SHORTEST_CHECK_INTERVAL} to {_LONGEST_CHECK_INTERVAL}",
        # What is too short is lengthened, not replaced by the default.
        number(-MANY, _LONGEST_CHECK_INTERVAL),
    )


@dataclass(frozen=True, slots=True)
class LetterboxdSettings:
    """How the site is asked."""

    base_url: str = address("https://letterboxd.com")
    request_delay: float = setting(1.0, "a number of seconds from 0 to 60", number(0, 60))
    timeout: float = timeout()
    posters: bool = yes_or_no(default=True)


class Letterboxd(ListService):
    """The site: a user's watchlist, and the pages of films whichever list names them."""

    name = "letterboxd"
    title = "Letterboxd"
    section = LetterboxdSettings
    main = WatchlistSettings
    is_fallback = True
    site = title
    entry_key = "watchlist"
    allowed = "a Letterboxd username: letters, digits and _"

    def limits(self, config: Sections) -> Iterator[Limit]:
        """Ask Letterboxd not more than once a minute; a stand-in on this machine stands more."""
        interval = config.section(WatchlistSettings).check_interval
        is_here = is_on_this_machine(config.section(LetterboxdSettings).base_url)
        if interval < SHORTEST_CHECK_INTERVAL and not (is_here and interval > 0):
            fault = f"is {interval}, but must be at least {SHORTEST_CHECK_INTERVAL} seconds"
            yield Limit("check_interval", fault, SHORTEST_CHECK_INTERVAL)

    def read_place(self, value: object) -> str:
        return letterboxd_name(value)

    def own_list(self, config: Sections) -> WishList | None:
        name = config.section(WatchlistSettings).username
        return WishList(self.name, name) if name else None

    def label(self, wish: WishList) -> str:
        return f"{wish.place}'s Letterboxd watchlist"

    def owner(self, wish: WishList) -> str:
        return wish.place

    def look(self, wish: WishList, config: Sections, around: Surroundings) -> Glimpse:
        """Read the first page alone: it declares how many films there are."""
        return _glimpse(self.build(wish, config, around))

    def build(self, wish: WishList, config: Sections, around: Surroundings) -> "ListReader":
        from movie_sync.services.letterboxd.list_reader import watchlist_of

        return _reader(watchlist_of(wish.place, wish.max_pages), config, around)

    def pages(self, config: Sections, around: Surroundings) -> "LetterboxdFilmPages":
        """Return the films' pages."""
        from movie_sync.services.letterboxd.client import LetterboxdFilmPages

        settings = config.section(LetterboxdSettings)
        return LetterboxdFilmPages(_site(config, around), settings.base_url, keeps_posters=settings.posters)


class LetterboxdList(ListService):
    """Any list on the site, its owner's private ones by the link that shares them."""

    name = "letterboxd_list"
    title = Letterboxd.title
    site = Letterboxd.site
    entry_key = "list"
    allowed = "USER/list/NAME, or the list's address on letterboxd.com (with /share/... if it's private)"

    def own_list(self, config: Sections) -> WishList | None:
        return None

    def read_place(self, value: object) -> str:
        return letterboxd_list(value)

    def label(self, wish: WishList) -> str:
        user, name, _ = list_parts(wish.place)
        return f"{user}'s Letterboxd list {name}"

    def owner(self, wish: WishList) -> str:
        """Return the list's path without what shares it: that is no part of which list it is."""
        user, name, _ = list_parts(wish.place)
        return f"{user}/list/{name}"

    def look(self, wish: WishList, config: Sections, around: Surroundings) -> Glimpse:
        """Read the first page alone: it declares how many films there are."""
        return _glimpse(self.build(wish, config, around))

    def build(self, wish: WishList, config: Sections, around: Surroundings) -> "ListReader":
        from movie_sync.services.letterboxd.list_reader import list_of

        return _reader(list_of(wish.place, wish.max_pages or _MOST_PAGES), config, around)


def _reader(site_list: "SiteList", config: Sections, around: Surroundings) -> "ListReader":
    from movie_sync.services.letterboxd.list_reader import ListReader

    return ListReader(_site(config, around), config.section(LetterboxdSettings).base_url, site_list)


def _glimpse(reader: "ListReader") -> Glimpse:
    page = reader.first_page()
    return Glimpse(page.declared, page.movies)


def _site(config: Sections, around: Surroundings) -> "HttpClient":
    settings = config.section(LetterboxdSettings)
    return around.site(Letterboxd.title, settings.timeout, settings.request_delay)
