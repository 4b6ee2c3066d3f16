"""The films' pages, read from Letterboxd's public site."""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from movie_sync.domain.letterboxd_text import film_url, is_lid, is_slug, slug_in
from movie_sync.domain.models import Movie
from movie_sync.errors import FilmError, UnknownFilmError
from movie_sync.invocation import command_line
from movie_sync.net.http import HttpClient
from movie_sync.services.letterboxd.asking import get_page, refused
from movie_sync.services.letterboxd.pages import Refusal, parse_film

_LETTERBOXD_HOSTS = ("letterboxd.com", "www.letterboxd.com")


@dataclass(frozen=True, slots=True)
class LetterboxdFilmPages:
    """The films' own pages as `FilmPages`. Called by one thread."""

    http: HttpClient
    base_url: str
    keeps_posters: bool = True

    def read(self, movie: Movie) -> Movie:
        """Return the film with what its page tells.

        A film known only by its key (from an account export) is reached through boxd.it, one known by its
        IMDb id through that; but where its title and year are known too, no page is asked for. Where the
        configured site is not Letterboxd itself there is no such way: the film comes back as it was.
        Besides what the port names it raises FilmError if another film's page stands at its address.
        """
        by_imdb_id = movie.id == movie.imdb_id and not movie.slug
        if by_imdb_id and movie.year is not None:  # from a list of IMDb's: all that a search needs is known
            return replace(movie, page_read=True)
        if is_slug(movie.slug):
            address = film_url(self.base_url, movie.slug)
        elif by_imdb_id:
            address = f"{self.base_url.rstrip('/')}/imdb/{movie.imdb_id}/"
        elif urlsplit(self.base_url).hostname in _LETTERBOXD_HOSTS and is_lid(movie.id):
            address = f"https://boxd.it/{movie.id}"
        else:
            return movie
        answer, refusal = get_page(
            self.http, address, allowed_hosts=_LETTERBOXD_HOSTS if not movie.slug else ()
        )
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
            raise refused(refusal, answer, "its film pages")
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
