"""The user's watchlist and the films' pages, read from Letterboxd's public site.

The list is read whole or not at all: from a partial list it would look as if films had been taken
off it. Only plain pages that robots.txt allows are asked for, one at a time, at the client's pace.
A block is named and left alone; the account's export is the way round it.
"""

import logging
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from movie_sync.domain.compact import PackedMovies, has_doubles
from movie_sync.domain.letterboxd_text import film_url, is_lid, is_slug, slug_in
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.errors import (
    BlockedError,
    FilmError,
    NetworkError,
    NoListError,
    PageChangedError,
    PrivateListError,
    RateLimitError,
    SlowError,
    TransientError,
    UnavailableError,
    UnknownFilmError,
)
from movie_sync.invocation import command_line
from movie_sync.net.http import HttpAnswer, HttpClient
from movie_sync.services.letterboxd.pages import (
    Refusal,
    WatchlistPage,
    find_refusal,
    parse_film,
    parse_watchlist,
)

_log = logging.getLogger(__name__)

_MAX_PAGE_BYTES = 2_000_000
_MAX_FILMS = 100_000
_LETTERBOXD_HOSTS = ("letterboxd.com", "www.letterboxd.com")


@dataclass(frozen=True, slots=True)
class LetterboxdWatchlist:
    """A user's public watchlist as a `WatchlistSource`. Called by one thread."""

    http: HttpClient
    base_url: str
    username: str

    def fetch(self) -> WatchlistSnapshot:
        """Read every page, newest wish first; a list that is edited meanwhile once more from its start."""
        try:
            try:
                return self._read_whole()
            except _InconsistentError as exc:
                _log.debug("%s Reading the watchlist again.", exc)
                return self._read_whole()
        except _InconsistentError as exc:
            raise PageChangedError(
                f"{exc} The same happened on a second try: either the list is being edited, or Letterboxd's "
                "pages have changed. Nothing was changed here; the next check tries again."
            ) from None

    def first_page(self) -> WatchlistPage:
        """Read the newest wishes alone; raises as `fetch`."""
        try:
            return self._read_page(1)
        except _InconsistentError as exc:
            raise PageChangedError(str(exc)) from None

    def _read_whole(self) -> WatchlistSnapshot:
        first = page = self._read_page(1)
        movies = PackedMovies(first.movies)
        number = 1
        while page.has_next and len(movies) < first.declared:
            number += 1
            page = self._read_page(number)
            if page.declared != first.declared:
                counts = f"from {first.declared} to {page.declared} films"
                raise _InconsistentError(f"The watchlist changed while it was being read: {counts}.")
            if (page.number is None) is not (first.number is None):
                raise _InconsistentError(
                    f"Page {number} of the watchlist is numbered differently from page 1."
                )
            if page.has_next and len(page.movies) != len(first.movies):  # else it could go on for ever
                raise _InconsistentError(f"Page {number} of the watchlist has {len(page.movies)} films.")
            movies.extend(page.movies)
        if has_doubles(movie.id for movie in movies) or has_doubles(movie.slug for movie in movies):
            raise _InconsistentError("The watchlist lists a film twice.")
        if len(movies) != first.declared or page.has_next:
            more = " and link to more" if page.has_next else ""
            raise _InconsistentError(
                f"The watchlist should have {first.declared} films, but its pages have {len(movies)}{more}."
            )
        return WatchlistSnapshot(owner=first.owner, movies=movies)

    def _read_page(self, number: int) -> WatchlistPage:
        path = f"{self.base_url.rstrip('/')}/{self.username}/watchlist/"
        answer, refusal = _get(self.http, path if number == 1 else f"{path}page/{number}/")
        if refusal is Refusal.PRIVATE:
            raise PrivateListError(
                f"{self.username}'s watchlist is private. Make it public in Letterboxd's settings. "
                f"{_export_hint()}"
            )
        if refusal is Refusal.NOT_FOUND and number == 1:
            raise NoListError(
                f"Letterboxd has no user named {self.username}. Check the spelling: "
                "it's the name in letterboxd.com/NAME/."
            )
        if refusal is Refusal.NOT_FOUND:
            raise _InconsistentError(f"Page {number} of the watchlist is missing.")
        if refusal is not None:
            raise _refused(refusal, answer, "the watchlist")
        page = parse_watchlist(answer.text, self.base_url)
        if page.owner.lower() != self.username.lower():
            raise PageChangedError(
                f"Letterboxd returned another user's watchlist instead of {self.username}'s. "
                "Was the account renamed? Check the username."
            )
        if page.number not in {None, number}:
            raise _InconsistentError(
                f"Letterboxd returned another page instead of page {number} of the watchlist."
            )
        if page.declared > _MAX_FILMS:
            raise PageChangedError(
                f"Letterboxd says the watchlist has {page.declared} films, which can't be right."
            )
        _log.debug("Watchlist page %d: %d films of %d.", number, len(page.movies), page.declared)
        return page


@dataclass(frozen=True, slots=True)
class LetterboxdFilmPages:
    """The films' own pages as `FilmPages`. Called by one thread."""

    http: HttpClient
    base_url: str
    keeps_posters: bool = True

    def read(self, movie: Movie) -> Movie:
        """Return the film with what its page tells.

        A film known only by its key (from an account export) is reached through boxd.it. Where the
        configured site is not Letterboxd itself there is no such way: the film comes back as it was.
        Besides what the port names it raises FilmError if another film's page stands at its address.
        """
        by_imdb_id = movie.id == movie.imdb_id and not movie.slug
        if is_slug(movie.slug):
            address = film_url(self.base_url, movie.slug)
        elif by_imdb_id:
            address = f"{self.base_url.rstrip('/')}/imdb/{movie.imdb_id}/"
        elif urlsplit(self.base_url).hostname in _LETTERBOXD_HOSTS and is_lid(movie.id):
            address = f"https://boxd.it/{movie.id}"
        else:
            return movie
        answer, refusal = _get(self.http, address, allowed_hosts=_LETTERBOXD_HOSTS if not movie.slug else ())
        # An IMDb id that it does not know leads nowhere, and says so with a status of 200.
        is_unknown = by_imdb_id and refusal is None and not slug_in(answer.url)
        if refusal is Refusal.NOT_FOUND or is_unknown:
            if by_imdb_id:
                raise UnknownFilmError(f"Letterboxd has no film with the IMDb id {movie.imdb_id}.")
            raise UnknownFilmError(
                f"Letterboxd has no film at {address}. Look it up there and add it by its current address: "
                f"`{command_line('add', 'ADDRESS')}`."
            )
        if refusal is not None:
            raise _refused(refusal, answer, f"the page of {movie.label}")
        page = parse_film(answer.text, self.base_url)
        slug_reached = slug_in(answer.url)
        slug = page.slug or slug_reached
        # A slug may have been renamed, the key stays. Where only the slug is known, the page must call
        # itself by the address that was asked for or redirected to.
        has_keys = page.id and is_lid(movie.id) and movie.id not in {movie.slug, movie.imdb_id}
        is_same = page.id == movie.id if has_keys else page.slug in {"", slug_reached}
        is_same = is_same and not (by_imdb_id and page.imdb_id not in {None, movie.imdb_id})
        if not slug or not is_same:
            raise FilmError(f"The page at {address} isn't about {movie.label}, so it isn't used.")
        return replace(
            page,
            id=(page.id or movie.id) if movie.id in {movie.slug, movie.imdb_id} else movie.id,
            slug=slug,
            title=page.title or movie.title,
            year=page.year or movie.year,
            url=film_url(self.base_url, slug),
            imdb_id=page.imdb_id or movie.imdb_id,
            twin_years=movie.twin_years,
            poster=page.poster if self.keeps_posters else "",
        )


def _export_hint() -> str:
    return (
        f"Use your account's export instead: run `{command_line('import', 'FILE')}`, or set "
        "letterboxd.export_file in config.json."
    )


class _InconsistentError(Exception):
    """The pages of one reading do not fit together."""


def _get(
    http: HttpClient, url: str, *, allowed_hosts: tuple[str, ...] = ()
) -> tuple[HttpAnswer, Refusal | None]:
    """Ask for one page, and return why it is not one to read, if it is not.

    A try that broke off or met a server error is repeated once, politely. Not repeated: slow
    answers (the site is busy enough) and anything that reads as a refusal.
    """

    def ask() -> tuple[HttpAnswer, Refusal | None]:
        answer = http.get(url, accept="text/html", max_bytes=_MAX_PAGE_BYTES, allowed_hosts=allowed_hosts)
        return answer, find_refusal(answer.status, answer.headers, answer.text)

    try:
        answer, refusal = ask()
        if refusal is not Refusal.OUTAGE or answer.retry_after_seconds is not None:
            return answer, refusal
    except SlowError:
        raise
    except NetworkError as exc:
        _log.debug("%s Trying once more.", exc)
    return ask()


def _refused(refusal: Refusal, answer: HttpAnswer, what: str) -> TransientError:
    """Put a refusal that is not about the user or the film itself into words."""
    wait = answer.retry_after_seconds
    if refusal is Refusal.RATE_LIMIT:
        return RateLimitError(
            "Letterboxd wants fewer requests (429). Movie Sync is waiting; a larger letterboxd.request_delay "
            "or check_interval in config.json helps.",
            retry_after_seconds=wait,
        )
    if refusal in {Refusal.CHALLENGE, Refusal.BAN}:
        how = (
            "it asks for proof that you're human"
            if refusal is Refusal.CHALLENGE
            else f"status {answer.status}"
        )
        return BlockedError(
            f"Letterboxd blocks automated access to {what} from here ({how}). Movie Sync won't work "
            f"around that. {_export_hint()}",
            retry_after_seconds=wait,
        )
    if refusal is Refusal.OUTAGE:
        words = f"is down (status {answer.status})."
    else:
        words = (
            f"answered with status {answer.status} instead of {what}. "
            "If this keeps happening, check letterboxd.base_url in config.json."
        )
    return UnavailableError(f"Letterboxd {words}", retry_after_seconds=wait)
