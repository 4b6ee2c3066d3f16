"""Letterboxd's watchlist: the real pages, every order and size, and a list that is edited meanwhile."""

import json
import re
import threading
import time
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn, StandInFilm
from movie_sync.domain.letterboxd_text import split_name
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import PageChangedError, UserError
from movie_sync.net.http import HttpClient
from movie_sync.services.letterboxd.list_pages import WATCHLIST, parse_list
from movie_sync.services.letterboxd.list_reader import ListReader, watchlist_of
from movie_sync.services.letterboxd.pages import Refusal, find_refusal
from movie_sync.services.wish_lists import required_lists
from movie_sync.settings.config import Config

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "letterboxd"
SITE = "https://letterboxd.com"

real_pages = pytest.mark.skipif(not REAL.is_dir(), reason="the saved real pages are not beside the checkout")


def some_films(count: int) -> list[StandInFilm]:
    """Make films that differ in everything."""
    return [StandInFilm(f"k{n}z", f"film-{n}", f"Film {n}", 1900 + n % 100 or None) for n in range(count)]


@pytest.fixture
def site() -> Iterator[LetterboxdStandIn]:
    """A Letterboxd with 60 films on three pages."""
    with LetterboxdStandIn(some_films(60)) as stand_in:
        yield stand_in


def watchlist(stand_in: LetterboxdStandIn, username: str = "someone", **limits: float) -> ListReader:
    """Make a client for the stand-in that gives up soon."""
    http = HttpClient(
        "Letterboxd",
        stop=threading.Event(),
        timeout_seconds=limits.get("timeout_seconds", 5),
        min_interval_seconds=limits.get("min_interval_seconds", 0),
    )
    return ListReader(http, stand_in.url, watchlist_of(username))


# --- real pages ---------------------------------------------------------------------------------


def raw_fragment() -> str:
    """Return a real piece of a list, in what stands around it on a page."""
    raw = (REAL / "watchlist-raw-fragment-2026-05.html").read_text(encoding="utf-8")
    content = '<div class="js-watchlist-content" data-num-entries="6"><div class="poster-grid">'
    return raw.replace("<body>", '<body data-owner="someone">').replace('<div class="poster-grid">', content)


@real_pages
def test_real_watchlist_page_is_read_whole() -> None:
    """The first of 15 real pages gives 28 of 415 films with keys, slugs, titles and years."""
    page = parse_list((REAL / "watchlist-page-1-of-15.html").read_text(encoding="utf-8"), SITE, WATCHLIST)

    assert (page.owner, page.declared, page.number) == ("someone", 415, 1)
    assert page.has_next
    assert len(page.movies) == 28
    first, last = page.movies[0], page.movies[-1]
    assert (first.id, first.slug, first.label) == (
        "j3pq",
        "the-chronology-of-water",
        "The Chronology of Water (2025)",
    )
    assert (last.id, last.slug, last.label) == ("25A2", "barry-lyndon", "Barry Lyndon (1975)")
    assert page.movies[1].title == "Sirāt"
    assert first.url == "https://letterboxd.com/film/the-chronology-of-water/"


@real_pages
def test_real_raw_items_are_read_with_their_keys_and_missing_years() -> None:
    """What an HTTP client received in May 2026: single-quoted JSON, no number, two undated films."""
    # The saved piece ends within its last poster; this is what came next.
    mended = raw_fragment().removesuffix("\n").removesuffix("</ul></body></html>") + (
        "&quot;uid&quot;:&quot;film:1&quot;,&quot;type&quot;:&quot;film&quot;}' ></div></li></ul>"
    )

    movies = parse_list(mended, SITE, WATCHLIST).movies

    assert [movie.id for movie in movies] == ["IWJq", "WrYM", "TbK4", "x3yq", "R9dS", "zs0M"]
    assert [movie.slug for movie in movies if movie.year is None] == ["fatherland-3", "ray-gunn"]
    assert movies[3].label == "Peaky Blinders: The Immortal Man (2026)"


@real_pages
def test_real_raw_items_cut_within_a_poster_are_refused() -> None:
    """The same piece as it was saved, cut within a poster, is not read as five films."""
    with pytest.raises(PageChangedError, match="1 of 6 posters"):
        parse_list(raw_fragment(), SITE, WATCHLIST)


@real_pages
def test_real_page_for_an_unknown_film_is_recognised() -> None:
    """Letterboxd's own 404 page is told from anybody else's."""
    page = (REAL / "film-404.html").read_text(encoding="utf-8")
    assert find_refusal(404, {}, page) is Refusal.NOT_FOUND
    assert find_refusal(404, {}, "<html><title>404</title></html>") is Refusal.OTHER


# --- markup -------------------------------------------------------------------------------------


KEY = "data-postered-identifier='{&quot;lid&quot;:&quot;29pq&quot;,&quot;type&quot;:&quot;film&quot;}'"


def poster(attributes: str, item: str = "griditem") -> str:
    """Make one item of the list."""
    return f'<li class="{item}"><div class="film-poster" {attributes}></div></li>'


def page_of(items: str) -> str:
    """Wrap posters as a watchlist of one film."""
    return (
        '<body data-owner="someone"><div class="js-watchlist-content" data-num-entries="1">'
        f'<ul class="poster-list">{items}</ul></div></body>'
    )


OLDER_MARKUPS = {
    "until 2023, a path as slug": poster(
        'data-film-id="51568" data-film-slug="/film/heat/" data-film-name="Heat" '
        'data-film-release-year="1995"',
        "poster-container",
    ),
    "until 2025, a bare slug": poster(
        'data-film-id="51568" data-film-slug="heat" data-film-name="Heat" data-film-release-year="1995"',
        "poster-container",
    ),
    "August 2025, a number only": poster(
        'data-film-id="51568" data-item-slug="heat" data-item-name="Heat (1995)"', "posteritem"
    ),
}
NAMES = {
    "entities, a no-break space, a year in the title": (
        "Fast &amp; Fur&iuml;ous&nbsp;1999 (2001)",
        "Fast & Furïous 1999",
        2001,
    ),
    "undated": ("Ray Gunn", "Ray Gunn", None),
    "only a year": ("1984 (1956)", "1984", 1956),
    "a forged line and a colour": ("A&#10;B\x1b[31m&#x202e;C", "A B[31mC", None),
}
NOT_UNDERSTOOD = {
    "neither key nor number": poster('data-item-slug="x" data-item-name="X"'),
    "broken JSON": poster('data-item-slug="x" data-item-name="X" data-postered-identifier="{"'),
    "JSON of another shape": poster('data-item-slug="x" data-item-name="X" data-postered-identifier="[1]"'),
    "nested JSON": poster(f'data-item-slug="x" data-item-name="X" data-postered-identifier="{"[" * 9999}"'),
    "a film by another word": poster(
        'data-item-link="/film/x/" data-item-name="X" ' + KEY.replace("film", "movie")
    ),
    "what has no name": poster('data-item-slug="x" ' + KEY.replace("film", "episode")),
    "no title": poster(f'data-item-slug="x" {KEY}'),
    "a slug that is a path": poster(f'data-item-slug="../x" data-item-name="X" {KEY}'),
    "a list item without a poster": poster(""),
    "no poster at all": "",
}


@pytest.mark.parametrize("items", OLDER_MARKUPS.values(), ids=OLDER_MARKUPS)
def test_posters_of_older_years_are_read(items: str) -> None:
    """Each form of a poster since 2023 gives the film, under its slug where no key was shown."""
    (movie,) = parse_list(page_of(items), SITE, WATCHLIST).movies
    assert (movie.id, movie.slug, movie.title, movie.year) == ("heat", "heat", "Heat", 1995)


@pytest.mark.parametrize(("name", "title", "year"), NAMES.values(), ids=NAMES)
def test_names_become_titles_and_years(name: str, title: str, year: int | None) -> None:
    """A title fits on one line and holds nothing that a terminal would obey."""
    (movie,) = parse_list(
        page_of(poster(f'data-item-slug="x" data-item-name="{name}" {KEY}')), SITE, WATCHLIST
    ).movies
    assert (movie.id, movie.title, movie.year) == ("29pq", title, year)


def test_the_key_may_stand_in_the_path_of_the_poster_alone() -> None:
    """The second place of the key serves where the first is missing."""
    path = "data-resolvable-poster-path='{&quot;postered&quot;:{&quot;lid&quot;:&quot;29pq&quot;}}'"
    items = poster(f'data-item-link="/film/heat/" data-item-name="Heat (1995)" {path}')
    (movie,) = parse_list(page_of(items), SITE, WATCHLIST).movies
    assert (movie.id, movie.slug) == ("29pq", "heat")


@pytest.mark.parametrize("items", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_a_poster_that_is_not_understood_refuses_the_page(items: str) -> None:
    """A film is never silently left out: the whole page is refused."""
    with pytest.raises(PageChangedError, match="has changed"):
        parse_list(page_of(items), SITE, WATCHLIST)


def test_posters_outside_the_list_are_not_taken() -> None:
    """Other posters on the page, such as favourites, are not on the watchlist."""
    listed = poster(f'data-item-slug="x" data-item-name="X" {KEY}')
    favourite = poster(f'data-item-slug="y" data-item-name="Y" {KEY}')
    page = page_of(listed).replace("</body>", f'<ul class="poster-list">{favourite}</ul></body>')
    assert [movie.slug for movie in parse_list(page, SITE, WATCHLIST).movies] == ["x"]


@pytest.mark.parametrize(
    "page", ["", "<p>hello", '{"films": []}', "<!--" * 30_000, "<a " * 30_000, "<b>" * 50_000]
)
def test_anything_but_a_watchlist_page_is_refused_quickly(page: str) -> None:
    """Rubbish, other formats and markup bombs are refused, in bounded time."""
    started = time.monotonic()
    with pytest.raises(PageChangedError):
        parse_list(page, SITE, WATCHLIST)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "tag", ["<div " + "a " * 900_000 + ">", "<script " + "a='>' " * 300_000 + ">"], ids=["div", "script"]
)
def test_a_tag_of_very_many_attributes_costs_little_memory(tag: str) -> None:
    """It is refused before it is parsed."""
    tracemalloc.start()
    try:
        with pytest.raises(PageChangedError, match="no browser"):
            parse_list(tag, SITE, WATCHLIST)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_long_script_does_not_matter() -> None:
    """A page may hold more of it than any tag is long."""
    script = f"<script id='x' type=\"module\">{'let a = 1; ' * 50_000}</script>"
    page = page_of(poster(f'data-item-slug="x" data-item-name="X" {KEY}'))
    assert len(parse_list(page.replace("</body>", f"{script}</body>"), SITE, WATCHLIST).movies) == 1


# --- the whole list -----------------------------------------------------------------------------


def test_every_page_is_read_once_in_order(site: LetterboxdStandIn) -> None:
    """Sixty films take three requests, with the honest user agent, and come newest first."""
    snapshot = watchlist(site).fetch()

    assert [movie.id for movie in snapshot.movies] == [film.lid for film in site.films]
    assert snapshot.owner == "someone"
    assert site.paths == [
        "/someone/watchlist/",
        "/someone/watchlist/page/2/",
        "/someone/watchlist/page/3/",
    ]
    assert all(request.user_agent.startswith("MovieSync/") for request in site.requests)


def test_requests_keep_their_distance(site: LetterboxdStandIn) -> None:
    """Two requests are never closer than the configured delay."""
    watchlist(site, min_interval_seconds=0.2).fetch()
    times = [request.at for request in site.requests]
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))


def test_the_user_name_may_be_written_in_any_case(site: LetterboxdStandIn) -> None:
    """Letterboxd does not mind, and the owner is named as Letterboxd writes it."""
    assert watchlist(site, "SomeOne").fetch().owner == "someone"


@pytest.mark.parametrize("username", ["", "some one", "../films", "naïve", "a\nb", "a" * 65])
def test_an_impossible_user_name_is_refused_at_once(
    site: LetterboxdStandIn, tmp_path: Path, username: str
) -> None:
    """No request is made with a name that could not be one, and what is one is said."""
    content = {"username": username, "letterboxd": {"base_url": site.url}}
    (tmp_path / "config.json").write_text(json.dumps(content))
    config = Config.load(tmp_path / "config.json", environ={"HOME": str(tmp_path)})
    with pytest.raises(UserError, match="username"):
        required_lists(config)
    assert bool(config.warnings) is bool(username)
    assert not site.requests


def test_an_empty_public_watchlist_is_an_empty_list(site: LetterboxdStandIn) -> None:
    """Zero films by the list's own count is an answer, not a failure."""
    site.films = []
    assert watchlist(site).fetch().movies == ()


def test_an_empty_list_must_say_so_itself(site: LetterboxdStandIn) -> None:
    """No posters and no count in the list's attribute is a changed page."""
    site.films = []
    site.fault = lambda _: Fault(edit=lambda page: page.replace('data-num-entries="0"', ""))
    with pytest.raises(PageChangedError):
        watchlist(site).fetch()


def test_a_thousand_films_are_read(site: LetterboxdStandIn) -> None:
    """A long list, with gaps in the shown page numbers, is read whole."""
    site.films = some_films(1000)
    assert len(watchlist(site).fetch().movies) == 1000


TITLES = st.text(min_size=1, max_size=40).filter(
    lambda text: clean_text(text) and split_name(text)[1] is None
)


def test_any_list_comes_back_as_it_is() -> None:
    """Whatever the size, the page size, the order, titles and years: the same list."""
    with LetterboxdStandIn() as stand_in:
        source = watchlist(stand_in)

        @settings(
            max_examples=2 * settings().max_examples,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(
            named=st.lists(st.tuples(TITLES, st.none() | st.integers(1000, 9999)), max_size=70),
            page_size=st.integers(1, 30),
            order=st.randoms(use_true_random=False),
        )
        def comes_back(named: list[tuple[str, int | None]], page_size: int, order: object) -> None:
            films = [StandInFilm(f"L{n}", f"s-{n}", title, year) for n, (title, year) in enumerate(named)]
            order.shuffle(films)
            stand_in.films, stand_in.page_size = films, page_size
            assert [(movie.id, movie.slug, movie.title, movie.year) for movie in source.fetch().movies] == [
                (film.lid, film.slug, clean_text(film.title), film.year) for film in films
            ]

        comes_back()


# --- a list that does not hold still, or lies ---------------------------------------------------


def add_in_front(site: LetterboxdStandIn, number: int) -> None:
    """Put one more film on the list, as its user would."""
    site.films = [StandInFilm(f"new{number}", f"new-{number}", f"New {number}", 2026), *site.films]


def test_an_edit_while_reading_leads_to_a_second_reading(site: LetterboxdStandIn) -> None:
    """A film added between two pages moves the others; the list is read again and is right."""
    edits = []

    def edit_once(path: str) -> None:
        if path.endswith("page/2/") and not edits:
            edits.append(path)
            add_in_front(site, 1)

    site.fault = edit_once
    snapshot = watchlist(site).fetch()
    assert [movie.id for movie in snapshot.movies] == [film.lid for film in site.films]
    assert len(site.requests) == 5


def test_a_swap_that_keeps_the_count_is_noticed(site: LetterboxdStandIn) -> None:
    """One film added and one of the last page removed: the count is the same, a film shows twice."""
    edits = []

    def edit_once(path: str) -> None:
        if path.endswith("page/2/") and not edits:
            edits.append(path)
            add_in_front(site, 1)
            site.films.pop()

    site.fault = edit_once
    snapshot = watchlist(site).fetch()
    assert [movie.id for movie in snapshot.movies] == [film.lid for film in site.films]


def test_a_list_that_never_holds_still_is_an_error(site: LetterboxdStandIn) -> None:
    """It is read twice and then left alone until the next check."""
    site.fault = lambda _: add_in_front(site, len(site.requests))
    with pytest.raises(PageChangedError, match="changed while it was being read"):
        watchlist(site).fetch()


def on_page(number: int, edit: object) -> object:
    """Change one page, each time it is asked for."""
    ending = f"page/{number}/" if number > 1 else "watchlist/"
    return lambda path: Fault(edit=edit) if path.endswith(ending) else None


def without_last_poster(page: str) -> str:
    """Take a film out, as a dropped item does."""
    start = page.rindex('<li class="griditem">')
    return page[:start] + page[page.index("</li>", start) + 5 :]


def reordered(page: str) -> str:
    """Turn the films of a page round."""
    items = re.findall(r'<li class="griditem">.*?</li>', page, re.DOTALL)
    start, end = page.index(items[0]), page.index(items[-1]) + len(items[-1])
    return page[:start] + "\n".join(reversed(items)) + page[end:]


LIES = {
    "a count too high everywhere": lambda _: Fault(edit=lambda page: page.replace('="60"', '="61"')),
    "a count too low everywhere": lambda _: Fault(edit=lambda page: page.replace('="60"', '="59"')),
    "a count with another number of pages": lambda _: Fault(
        edit=lambda page: page.replace('="60"', '="415"')
    ),
    "a count of zero over films": lambda _: Fault(edit=lambda page: page.replace('="60"', '="0"')),
    "a monstrous count": lambda _: Fault(edit=lambda page: page.replace('="60"', '="9999999"')),
    "a first page that comes short": on_page(1, without_last_poster),
    "a middle page that comes short": on_page(2, without_last_poster),
    "a last page that comes short": on_page(3, without_last_poster),
    "a first page without a next link": on_page(1, lambda page: page.replace('class="next"', "")),
    "a first page that passes for the only one": on_page(
        1, lambda page: page.replace('class="next"', "").replace('="60"', '="28"')
    ),
    "a last page with a next link": on_page(
        3, lambda page: page.replace('<span class="next">', '<a class="next" href="/x/">')
    ),
    "no page numbers on a later page": on_page(2, lambda page: page.replace("paginate-current", "")),
    "another user's page": on_page(
        2, lambda page: page.replace('data-owner="someone"', 'data-owner="other"')
    ),
    "a page without an owner": on_page(3, lambda page: page.replace('data-owner="someone"', "")),
    "a page without a count": on_page(
        1, lambda page: re.sub('data-num-entries="60"|60&nbsp;films', "", page)
    ),
    "a missing page": lambda path: Fault.not_found() if path.endswith("page/2/") else None,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_pages_that_do_not_fit_together_are_an_error(site: LetterboxdStandIn, lie: object) -> None:
    """No list is concluded from them, at most two readings are made, and the next good one is taken."""
    site.fault = lie
    source = watchlist(site)
    with pytest.raises(PageChangedError):
        source.fetch()
    assert len(site.requests) <= 6

    site.fault = None
    assert len(source.fetch().movies) == 60


def test_the_same_page_twice_is_an_error(site: LetterboxdStandIn) -> None:
    """Page 2 answered with page 1, number and all, is not a list."""
    first = site.answer("/someone/watchlist/").body
    site.fault = lambda path: Fault(body=first) if path.endswith("page/2/") else None
    with pytest.raises(PageChangedError, match="another page"):
        watchlist(site).fetch()


def test_a_page_in_another_order_is_still_that_page(site: LetterboxdStandIn) -> None:
    """The order within a page decides nothing but the order."""
    site.fault = on_page(2, reordered)
    ids = [movie.id for movie in watchlist(site).fetch().movies]
    assert ids != [film.lid for film in site.films]
    assert sorted(ids) == sorted(film.lid for film in site.films)


def test_a_list_without_page_numbers_is_read_by_its_count(site: LetterboxdStandIn) -> None:
    """Where only a next link is shown, the count alone tells the pages."""
    site.fault = lambda _: Fault(
        edit=lambda page: page.replace("paginate-page ", "").replace('"paginate-page"', '""')
    )
    assert len(watchlist(site).fetch().movies) == 60


def test_a_page_cut_short_is_an_error(site: LetterboxdStandIn) -> None:
    """Half a page, ended as if it were whole, is not half a list."""
    site.fault = lambda path: Fault(delivery=Delivery.CUT_SHORT) if path.endswith("page/2/") else None
    with pytest.raises(PageChangedError):
        watchlist(site).fetch()
