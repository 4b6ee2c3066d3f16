"""Watchlists and lists, read from Letterboxd's public site.

A list is read whole or not at all: from a partial list it would look as if films had been taken off it.
"""

import logging
from dataclasses import dataclass, field

from movie_sync.domain.compact import PackedMovies, has_doubles
from movie_sync.domain.letterboxd_text import list_parts
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import NoListError, PageChangedError, PrivateListError, UserError
from movie_sync.net.http import HttpClient
from movie_sync.services.letterboxd.asking import export_hint, get_page, refused
from movie_sync.services.letterboxd.list_pages import LIST, WATCHLIST, ListForm, ListPage, parse_list
from movie_sync.services.letterboxd.pages import Refusal

_log = logging.getLogger(__name__)

_MAX_FILMS = 100_000
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class SiteList:
    """Which list it is: whose, the `path` of its first page, and what its readings and people call it.

    `private` and `missing` say what those answers of the site mean for it, and what to do. Without
    `max_pages` it may be of any length.
    """

    form: ListForm
    user: str
    path: str
    name: str
    private: str
    missing: str
    max_pages: int | None = None


def watchlist_of(user: str, max_pages: int | None = None) -> SiteList:
    """Return a user's watchlist."""
    return SiteList(
        WATCHLIST,
        user=user,
        path=f"{user}/watchlist",
        name="",
        private=f"{user}'s watchlist is private. Make it public in Letterboxd's settings. {export_hint()}",
        missing=f"Letterboxd has no user named {user}. Check the spelling: it's the name in "
        "letterboxd.com/NAME/.",
        max_pages=max_pages,
    )


def list_of(path: str, max_pages: int | None = None) -> SiteList:
    """Return a list, by its path with or without what shares it."""
    user, name, token = list_parts(path)
    again = "Copy the list's share link again and put it in `lists` in config.json."
    export = 'Or export the list from its page and add that file to `lists` as "export".'
    private = (
        f"{user}'s list {name} is private. If it's yours, put its share link in `lists` in config.json "
        f"({user}/list/{name}/share/...). {export}"
    )
    missing = (
        f"{user} has no list named {name} on Letterboxd: it was deleted, renamed or made private, or the "
        "address is misspelt. Open the list in a browser and copy its address, or its share link if it's "
        "private."
    )
    if token:
        private = f"Letterboxd doesn't accept the link to {user}'s list {name}. {again} {export}"
        missing = (
            f"Letterboxd has no list {name} by {user} under this link: the list was deleted, or the link was "
            f"replaced. {again}"
        )
    return SiteList(
        LIST,
        user=user,
        path=path,
        name=f"{user}/list/{name}",
        private=private,
        missing=missing,
        max_pages=max_pages,
    )


@dataclass(frozen=True, slots=True)
class ListReader:
    """A list on the site as a `WatchlistSource`. Called by one thread."""

    http: HttpClient
    base_url: str
    site_list: SiteList
    _named: set[str] = field(default_factory=set)
    """What was said to be no film."""

    def fetch(self) -> WatchlistSnapshot:
        """Read every page, in their order; a list that is edited meanwhile once more from its start."""
        noun = self.site_list.form.noun
        try:
            try:
                return self._read_whole()
            except _InconsistentError as exc:
                _log.debug("%s Reading the %s again.", exc, noun)
                return self._read_whole()
        except _InconsistentError as exc:
            raise PageChangedError(
                f"{exc} The same happened on a second try: either the list is being edited, or Letterboxd's "
                "pages have changed. Nothing was changed here; the next check tries again."
            ) from None

    def first_page(self) -> ListPage:
        """Read the first page alone; raises as `fetch`."""
        try:
            return self._read_first()
        except _InconsistentError as exc:
            raise PageChangedError(str(exc)) from None

    def _read_first(self) -> ListPage:
        page, most = self._read_page(1), self.site_list.max_pages
        pages = -(-page.declared // page.size) if page.size else 1
        if most is not None and page.has_next and pages > most:
            raise UserError(
                f"This {self.site_list.form.noun} has {page.declared:,} films on {pages} pages, but the "
                f'limit is {most}. To read it, set `"max_pages": {pages}` for it in '
                "`lists` in config.json; a longer `interval` saves requests."
            )
        return page

    def _read_whole(self) -> WatchlistSnapshot:
        noun = self.site_list.form.noun
        first = page = self._read_first()
        movies, odd = PackedMovies(first.movies), list(first.odd)
        number = 1
        while page.has_next and len(movies) + len(odd) < first.declared:
            number += 1
            page = self._read_page(number)
            if page.declared != first.declared:
                counts = f"from {first.declared} to {page.declared} films"
                raise _InconsistentError(f"The {noun} changed while it was being read: {counts}.")
            if (page.number is None) is not (first.number is None):
                raise _InconsistentError(f"Page {number} of the {noun} is numbered differently from page 1.")
            if page.has_next and page.size != first.size:  # else it could go on for ever
                raise _InconsistentError(f"Page {number} of the {noun} has {page.size} films.")
            movies.extend(page.movies)
            odd += page.odd
        if has_doubles(movie.id for movie in movies) or has_doubles(movie.slug for movie in movies):
            raise _InconsistentError(f"The {noun} lists a film twice.")
        if len(movies) + len(odd) != first.declared or page.has_next:
            more = " and link to more" if page.has_next else ""
            raise _InconsistentError(
                f"The {noun} should have {first.declared} films, but its pages have "
                f"{len(movies) + len(odd)}{more}."
            )
        self._name_odd(odd)
        return WatchlistSnapshot(
            owner=self.site_list.name or first.owner, movies=movies, passed_over=len(odd)
        )

    def _name_odd(self, odd: list[str]) -> None:
        """Say once what is on the list and is no film."""
        new = [name for name in odd if name not in self._named]
        if new:
            self._named.update(new)
            more = f" and {len(new) - _MOST_NAMED} more" if len(new) > _MOST_NAMED else ""
            named = one_line(", ".join(new[:_MOST_NAMED]))
            _log.info("Skipped (not a film): %s%s.", named, more)

    def _read_page(self, number: int) -> ListPage:
        site_list = self.site_list
        noun = site_list.form.noun
        path = f"{self.base_url.rstrip('/')}/{site_list.path}/"
        answer, refusal = get_page(self.http, path if number == 1 else f"{path}page/{number}/")
        if refusal is Refusal.PRIVATE:
            raise PrivateListError(site_list.private)
        if refusal is Refusal.NOT_FOUND and number == 1:
            raise NoListError(site_list.missing)
        if refusal is Refusal.NOT_FOUND:
            raise _InconsistentError(f"Page {number} of the {noun} is missing.")
        if refusal is not None:
            hint = f" Movie Sync won't work around that. {export_hint()}"
            raise refused(refusal, answer, f"the {noun}", hint=hint)
        page = parse_list(answer.text, self.base_url, site_list.form)
        if page.owner.lower() != site_list.user.lower():
            raise PageChangedError(
                f"Letterboxd returned another user's {noun} instead of {site_list.user}'s. "
                "Was the account renamed? Check the username."
            )
        if page.number not in {None, number}:
            raise _InconsistentError(
                f"Letterboxd returned another page instead of page {number} of the {noun}."
            )
        if page.declared > _MAX_FILMS:
            raise PageChangedError(
                f"Letterboxd says the {noun} has {page.declared} films, which can't be right."
            )
        _log.debug("Page %d of the %s: %d films of %d.", number, noun, len(page.movies), page.declared)
        return page


class _InconsistentError(Exception):
    """The pages of one reading do not fit together."""
