"""The films' own pages: what they tell, whose they are, and when they are not believed."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest

from movie_sync.demo.letterboxd_html import film_page
from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn, StandInFilm
from movie_sync.domain.models import Movie
from movie_sync.errors import FilmError, PageChangedError, UnknownFilmError
from movie_sync.net.http import HttpAnswer, HttpClient
from movie_sync.services.letterboxd.client import LetterboxdFilmPages
from movie_sync.services.letterboxd.pages import parse_film

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "letterboxd"
real_pages = pytest.mark.skipif(not REAL.is_dir(), reason="the saved real pages are not beside the checkout")

METROPOLIS = StandInFilm(
    "2aQz",
    "metropolis",
    "Metropolis",
    1927,
    imdb_id="tt0017136",
    tmdb_id=19,
    runtime_minutes=1153,
    original_title="Metropolis & Söhne",
    original_language="de",
    alternative_titles=("Metrópolis", "メトロポリス", "METROPOLIS", "Metrópolis", "La ville, la nuit"),
    languages=("German", "English"),
)
WISH = Movie(id="2aQz", slug="metropolis", title="Metropolis as listed", year=1926, url="x")


@pytest.fixture
def site() -> Iterator[LetterboxdStandIn]:
    """A Letterboxd with one film."""
    with LetterboxdStandIn([METROPOLIS]) as stand_in:
        yield stand_in


@pytest.fixture
def pages(site: LetterboxdStandIn) -> LetterboxdFilmPages:
    """A client for it."""
    return LetterboxdFilmPages(HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5), site.url)


@real_pages
def test_real_page_of_a_film() -> None:
    """V for Vendetta: everything but an original title, which is there only where it differs."""
    page = parse_film((REAL / "film-v-for-vendetta.html").read_text(encoding="utf-8"))
    assert (page.id, page.slug, page.title, page.year) == ("29Ik", "v-for-vendetta", "V for Vendetta", 2005)
    assert (page.imdb_id, page.runtime_minutes, page.is_series) == ("tt0434409", 132, False)
    assert page.original_language == "English"
    assert page.original_title is None
    assert {"V wie Vendetta", "V de Vingança", "V mint vérbosszú"} <= set(page.alternative_titles)
    assert "V for Vendetta" not in page.alternative_titles
    assert page.poster == (
        "https://a.ltrbxd.com/resized/film-poster/5/1/4/0/0/51400-v-for-vendetta-0-230-0-345-crop.jpg"
        "?v=c962ca4bec"
    )


@real_pages
def test_real_page_of_a_film_with_an_original_title() -> None:
    """Parasite: its Korean name, and its other names without that one."""
    page = parse_film((REAL / "film-parasite-2019-original-title.html").read_text(encoding="utf-8"))
    assert (page.id, page.title, page.year, page.imdb_id) == ("hTha", "Parasite", 2019, "tt6751668")
    assert (page.original_title, page.runtime_minutes) == ("기생충", 133)
    assert page.original_language == "Korean"
    assert {"Gisaengchung", "Parazīts", "პარაზიტი", "Parasita"} <= set(page.alternative_titles)
    assert "기생충" not in page.alternative_titles


def test_a_film_comes_back_with_all_that_its_page_tells(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn
) -> None:
    """Names, year, IMDb id and runtime are the page's; the key stays."""
    movie = pages.read(WISH)
    assert movie == Movie(
        id="2aQz",
        slug="metropolis",
        title="Metropolis",
        year=1927,
        url=f"{site.url}/film/metropolis/",
        imdb_id="tt0017136",
        original_title="Metropolis & Söhne",
        alternative_titles=("Metrópolis", "メトロポリス", "La ville, la nuit"),
        runtime_minutes=1153,
        original_language="German",
        page_read=True,
        poster=f"{site.url}/image/metropolis.png",
    )
    assert site.paths == ["/film/metropolis/"]


@pytest.mark.parametrize(
    ("languages", "own"),
    [
        (("Greek (modern)",), "Greek"),
        (("Cantonese", "English"), "Chinese"),
        (("Wolof", "French"), "Wolof"),
        (("Klingon",), "Klingon"),
        (("No spoken language",), ""),
        ((), None),
    ],
)
def test_the_language_of_a_film(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn, languages: tuple[str, ...], own: str | None
) -> None:
    """The primary one, or the only one; a name unknown here stays, and so does that nobody speaks."""
    site.films = [replace(METROPOLIS, languages=languages)]
    assert pages.read(WISH).original_language == own


def test_the_only_spoken_language_stands_in(pages: LetterboxdFilmPages, site: LetterboxdStandIn) -> None:
    """Where a page names no primary language, the only one that is spoken is the film's; of several none is."""
    for heading, own in (("Spoken Languages", "Dutch"), ("Original Language", "Dutch"), ("Studios", None)):
        site.films = [replace(METROPOLIS, languages=("Dutch",))]
        site.fault = lambda _, name=heading: Fault(
            edit=lambda page: page.replace("<span>Language<", f"<span>{name}<")
        )
        assert pages.read(WISH).original_language == own
    site.films = [replace(METROPOLIS, languages=("Dutch", "French"))]
    site.fault = lambda _: Fault(edit=lambda page: page.replace("Primary Language", "Studio"))
    assert pages.read(WISH).original_language is None


def test_what_the_page_does_not_say_stays_as_listed(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn
) -> None:
    """An undated film without IMDb id, runtime or other names keeps the list's year."""
    site.films = [StandInFilm("2aQz", "metropolis", "Metropolis")]
    movie = pages.read(WISH)
    assert (movie.title, movie.year, movie.imdb_id, movie.runtime_minutes) == ("Metropolis", 1926, None, None)
    assert (movie.original_title, movie.alternative_titles, movie.page_read) == (None, (), True)


def test_a_film_known_by_its_slug_gets_its_key(pages: LetterboxdFilmPages) -> None:
    """A film added by command has its slug as id until its page is read."""
    assert pages.read(Movie(id="metropolis", slug="metropolis", title="metropolis")).id == "2aQz"


def test_a_renamed_film_is_followed(pages: LetterboxdFilmPages, site: LetterboxdStandIn) -> None:
    """An old slug leads to the new one; the key says that it is the same film."""
    site.renamed["metropolis-old"] = "metropolis"
    movie = pages.read(replace(WISH, slug="metropolis-old"))
    assert (movie.id, movie.slug, movie.imdb_id) == ("2aQz", "metropolis", "tt0017136")


def test_a_series_is_known_by_its_link(pages: LetterboxdFilmPages, site: LetterboxdStandIn) -> None:
    """The TMDB link tells a series, whatever else the page says."""
    site.films = [replace(METROPOLIS, is_series=True)]
    assert pages.read(WISH).is_series


def test_another_films_page_is_not_used(pages: LetterboxdFilmPages, site: LetterboxdStandIn) -> None:
    """A slug that now belongs to another film gives nothing to this one."""
    site.films = [replace(METROPOLIS, lid="9xYz")]
    with pytest.raises(FilmError, match="isn't about"):
        pages.read(WISH)


def test_a_page_that_calls_itself_another_slug_is_not_used(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn
) -> None:
    """Where only the slug is known, the page must stand at its own address."""
    site.fault = lambda _: Fault(edit=lambda page: page.replace("/film/metropolis/", "/film/sunrise/"))
    with pytest.raises(FilmError, match="isn't about"):
        pages.read(Movie(id="metropolis", slug="metropolis", title="metropolis"))


def test_a_film_that_letterboxd_does_not_know(pages: LetterboxdFilmPages) -> None:
    """Letterboxd's own 404 page is final; the message says how to go on."""
    with pytest.raises(UnknownFilmError, match=r"/film/nothing/.*add ADDRESS"):
        pages.read(Movie(id="nothing", slug="nothing", title="nothing"))


NOT_FILM_PAGES = {
    "cut off": Fault(delivery=Delivery.CUT_SHORT),
    "cut off after the links": Fault(edit=lambda page: page[: page.index("related-films")]),
    "links gone": Fault(edit=lambda page: page.replace("text-footer", "x").replace("data-track-action", "x")),
    "a list": Fault(
        edit=lambda page: page.replace("video.movie", "letterboxd:list").replace('="film"', '="x"')
    ),
}


@pytest.mark.parametrize("fault", NOT_FILM_PAGES.values(), ids=NOT_FILM_PAGES)
def test_a_page_that_is_not_a_whole_film_page_is_refused(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn, fault: Fault
) -> None:
    """Half a page is not a film without an IMDb id."""
    site.fault = lambda _: fault
    with pytest.raises(PageChangedError):
        pages.read(WISH)


ODD_PAGES = {
    "the link's old name": ("TMDB", "TMDb"),
    "a broken key": ('"lid": "2aQz"', '"lid": "../"'),
    "broken JSON": ('{"identifier"', '{"identifier'),
    "JSON of another shape": ('{"identifier"', '["identifier"'),
}


@pytest.mark.parametrize(("old", "new"), ODD_PAGES.values(), ids=ODD_PAGES)
def test_small_changes_do_not_matter(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn, old: str, new: str
) -> None:
    """A missing key is made up for by the address, and the links' names may change their case."""
    assert old in film_page(METROPOLIS, site.url)
    site.fault = lambda _: Fault(edit=lambda page: page.replace(old, new))
    assert pages.read(WISH).imdb_id == "tt0017136"


COMMAS = {
    "a piece in lower case goes on": (("Le bon, la brute", "Xyz"), ("Le bon, la brute", "Xyz")),
    "letters without case do not": (("Parazīts", "პარაზიტი"), ("Parazīts", "პარაზიტი")),
    "nothing but commas": ((",", " , "), ()),
}


@pytest.mark.parametrize(("listed", "expected"), COMMAS.values(), ids=COMMAS)
def test_alternative_titles_are_told_apart(listed: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """One text joined by commas becomes names again, as far as that can be known."""
    page = film_page(replace(METROPOLIS, alternative_titles=listed), "http://localhost")
    assert parse_film(page).alternative_titles == expected


def test_a_title_with_a_comma_has_no_alternatives() -> None:
    """Pieces of other names could be other films' names, so none is taken."""
    film = replace(
        METROPOLIS, title="The Good, the Bad and the Ugly", alternative_titles=("Il buono", "Il brutto")
    )
    assert parse_film(film_page(film, "http://localhost")).alternative_titles == ()


# --- films from an account export -----------------------------------------------------------------

EXPORTED = Movie(id="2aQz", slug="", title="Metropolis", year=1927, url="https://boxd.it/2aQz")


def test_an_exported_film_is_left_alone_where_no_address_leads_to_it(
    pages: LetterboxdFilmPages, site: LetterboxdStandIn
) -> None:
    """A site that is not Letterboxd is not asked through Letterboxd's short addresses."""
    assert pages.read(EXPORTED) == EXPORTED
    assert not site.paths


class ShortAddresses(HttpClient):
    """A line to the outside that leads a short address to a film's page."""

    def __init__(self, page: str) -> None:
        super().__init__("Letterboxd", stop=threading.Event(), timeout_seconds=5)
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self._page = page

    def get(self, url: str, *, allowed_hosts: tuple[str, ...] = (), **_: object) -> HttpAnswer:
        """Answer every address with the page."""
        self.asked.append((url, allowed_hosts))
        return HttpAnswer(200, {}, self._page.encode(), "https://letterboxd.com/film/metropolis/")


def test_an_exported_film_is_reached_by_its_short_address() -> None:
    """The key alone leads to the page, which gives the slug."""
    line = ShortAddresses(film_page(METROPOLIS, "https://letterboxd.com"))
    movie = LetterboxdFilmPages(line, "https://letterboxd.com").read(EXPORTED)
    assert line.asked == [("https://boxd.it/2aQz", ("letterboxd.com", "www.letterboxd.com"))]
    assert (movie.id, movie.slug, movie.url) == (
        "2aQz",
        "metropolis",
        "https://letterboxd.com/film/metropolis/",
    )
    assert movie.page_read


def test_a_short_address_that_leads_elsewhere_is_not_used() -> None:
    """The page behind a short address must hold the key that was asked for."""
    line = ShortAddresses(film_page(replace(METROPOLIS, lid="9xYz"), "https://letterboxd.com"))
    with pytest.raises(FilmError, match="isn't about"):
        LetterboxdFilmPages(line, "https://letterboxd.com").read(EXPORTED)


IMAGE = "https://a.ltrbxd.com/resized/film-poster/1/metropolis-0-230-0-345-crop.jpg?v=1"
WIDE = "https://a.ltrbxd.com/resized/sm/upload/metropolis-1200-675.jpg"


def _with_images(linked: object, wide: str = "") -> str:
    page = film_page(METROPOLIS, "https://letterboxd.com")
    own = '"https://letterboxd.com/image/metropolis.png"'
    assert own in page
    return page.replace(own, json.dumps(linked)).replace(
        "https://letterboxd.com/image/metropolis-wide.png", escape(wide)
    )


@pytest.mark.parametrize(
    ("linked", "wide", "poster"),
    [
        (IMAGE, WIDE, IMAGE),
        (None, WIDE, WIDE),
        ([IMAGE], WIDE, WIDE),
        ("", "", ""),
        ("https://a.ltrbxd.com", "https://a.ltrbxd.com/", ""),
        ("http://a.ltrbxd.com/1.jpg", WIDE + "?a=1&b=2", WIDE + "?a=1&b=2"),
        ("https://a.ltrbxd.com.example.org/1.jpg", "https://a.ltrbxd.com@example.org/1.jpg", ""),
        ("https://anna@a.ltrbxd.com/1.jpg", "https://a.ltrbxd.com:8443/1.jpg", ""),
        ("https://s.ltrbxd.com/static/img/empty-poster.png", "//a.ltrbxd.com/1.jpg", ""),
        ("https://a.ltrbxd.com/1 2.jpg", "https://a.ltrbxd.com/\u202e1.jpg", ""),
        ("https://a.ltrbxd.com/" + "1" * 600, 'https://a.ltrbxd.com/1"onerror="', ""),
        ("http://127.0.0.1:8000/1.jpg", "http://localhost/1.jpg", ""),
    ],
)
def test_a_poster_is_on_the_image_host(linked: object, wide: str, poster: str) -> None:
    """It is the page's own picture of the film, else the one for other sites; an address elsewhere is none."""
    assert parse_film(_with_images(linked, wide)).poster == poster


@pytest.mark.parametrize("spoilt", ['"@type":"Movie",,', '"deep":' + "[" * 80 + '"', "</scrip"])
def test_a_page_whose_linked_data_is_spoilt_is_read(spoilt: str) -> None:
    """Without a usable picture a film's page tells all the same."""
    page = _with_images(IMAGE).replace('"@type":"Movie"', spoilt)
    assert (parse_film(page).title, parse_film(page).poster) == ("Metropolis", "")


def test_a_stand_in_has_its_images_itself() -> None:
    """An address on this machine counts only on the very host and port that the pages come from."""
    page = film_page(METROPOLIS, "http://127.0.0.1:8000")
    own = "http://127.0.0.1:8000/image/metropolis.png"
    assert parse_film(page, "http://127.0.0.1:8000").poster == own
    assert parse_film(page, "http://127.0.0.1:8000/site").poster == own
    for other in ("", "http://127.0.0.1:80000", "http://127.0.0.1:8001", "http://example.org:8000"):
        assert parse_film(page, other).poster == ""


def test_no_poster_is_kept_where_none_is_wanted(site: LetterboxdStandIn) -> None:
    """The setting `letterboxd.posters` turned off; all else is read."""
    http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5)
    movie = LetterboxdFilmPages(http, site.url, keeps_posters=False).read(WISH)
    assert (movie.poster, movie.page_read, site.paths) == ("", True, ["/film/metropolis/"])


def test_no_page_is_asked_for_a_film_of_a_list_of_imdbs() -> None:
    """Its id, title and year are enough, wherever they were kept meanwhile; of an id alone they are not."""
    with LetterboxdStandIn([StandInFilm("29pq", "heat-1995", "Heat", 1995, "tt0113277")]) as site:
        http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5)
        pages = LetterboxdFilmPages(http, site.url)
        listed = Movie("tt0113277", "", "Heat", 1995, "https://www.imdb.com/title/tt0113277/", "tt0113277")
        assert pages.read(listed) == replace(listed, page_read=True)
        assert site.paths == []
        assert pages.read(replace(listed, year=None)).slug == "heat-1995"
