"""Any list on Letterboxd: read whole or not at all, and each failure named with what to do."""

import threading
from collections.abc import Iterator

import pytest

from movie_sync.demo.letterboxd_server import Fault, LetterboxdStandIn, StandInFilm, StandInList
from movie_sync.domain.wish_list import WishList
from movie_sync.errors import (
    BlockedError,
    MovieSyncError,
    NoListError,
    PageChangedError,
    PrivateListError,
    RateLimitError,
    UnavailableError,
    UserError,
)
from movie_sync.net.http import HttpClient
from movie_sync.services.letterboxd.list_pages import LIST, WATCHLIST, parse_list
from movie_sync.services.letterboxd.list_reader import ListReader, list_of, watchlist_of
from movie_sync.services.letterboxd.service import Letterboxd, LetterboxdList
from movie_sync.settings.values import UnusableValue

FILMS = [StandInFilm(f"k{n}z", f"film-{n}", f"Film {n}", 1900 + n % 100) for n in range(1_034)]
EPISODE = StandInFilm("epi1", "an-episode", "An Episode", 2020, kind="episode")
PATH = "ben/list/halloween-2026"
LIST_PAGE = """<head><meta name="description" content="{description}"></head>
<body class="list-page" data-owner="ben"><ul class="js-list-entries poster-list">{items}</ul></body>"""
ITEM = """<li class="anything"><div class="react-component" data-item-name="Heat (1995)" data-item-slug="heat-1995"
 data-item-link="/film/heat-1995/" data-postered-identifier='{"lid":"29pq","uid":"film:1","type":"film"}'></div></li>"""


@pytest.fixture
def site() -> Iterator[LetterboxdStandIn]:
    """A Letterboxd with a list of 204 films on three pages."""
    with LetterboxdStandIn(FILMS[:30]) as stand_in:
        stand_in.lists[PATH] = StandInList(FILMS[:204])
        yield stand_in


def reader(site: LetterboxdStandIn, path: str = PATH, max_pages: int | None = 20) -> ListReader:
    """Make a reader of a list."""
    http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5)
    return ListReader(http, site.url, list_of(path, max_pages))


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 204, 1_034])
def test_a_list_is_read_whole_in_its_order(site: LetterboxdStandIn, count: int) -> None:
    """A hundred a page, one request a page, the count as the page's description writes it."""
    site.lists[PATH] = StandInList(FILMS[:count])
    snapshot = reader(site).fetch()
    assert [movie.id for movie in snapshot.movies] == [film.lid for film in FILMS[:count]]
    assert snapshot.owner == PATH
    assert len(site.requests) == max(1, -(-count // 100))
    assert site.paths[:2] == [f"/{PATH}/", f"/{PATH}/page/2/"][: len(site.requests)]


def test_a_private_list_is_read_by_its_link(site: LetterboxdStandIn) -> None:
    """The link's pages are asked for, and it is still the same list."""
    site.lists[PATH] = StandInList(FILMS[:150], token="aBc123")
    shared = reader(site, f"{PATH}/share/aBc123")
    snapshot = shared.fetch()
    assert (len(snapshot.movies), snapshot.owner) == (150, PATH)
    assert site.paths == [f"/{PATH}/share/aBc123/", f"/{PATH}/share/aBc123/page/2/"]


def test_private_deleted_and_a_wrong_link_are_told_apart(site: LetterboxdStandIn) -> None:
    """Each with what to do; the link's token is in no message."""
    site.lists[PATH] = StandInList(FILMS[:9], token="aBc123")
    with pytest.raises(PrivateListError, match=r"is private.*share link.*config\.json"):
        reader(site).fetch()
    with pytest.raises(NoListError, match=r"the link was replaced.*Copy") as wrong:
        reader(site, f"{PATH}/share/wrong77").fetch()
    assert "wrong77" not in str(wrong.value)
    site.fault = lambda _: Fault.private()
    with pytest.raises(PrivateListError, match="doesn't accept the link"):
        reader(site, f"{PATH}/share/wrong77").fetch()
    site.fault = None
    site.private_lists_are_missing = True
    with pytest.raises(NoListError, match=r"deleted, renamed or made private.*copy its address"):
        reader(site).fetch()
    del site.lists[PATH]
    with pytest.raises(NoListError, match=r"deleted, renamed or made private"):
        reader(site).fetch()


FAILURES: dict[str, tuple[Fault, type[MovieSyncError], str]] = {
    "challenge": (Fault.challenge(), BlockedError, "blocks automated access to the list"),
    "challenge with 200": (Fault.challenge(200), BlockedError, "proof that you're human"),
    "ban": (Fault.ban(), BlockedError, "status 403"),
    "426": (Fault.ban(426), BlockedError, "status 426"),
    "429": (Fault.rate_limit(), RateLimitError, "limiting requests"),
    "502": (Fault.outage(), UnavailableError, "is down"),
    "another site": (
        Fault(200, "<title>Sign in to Wi-Fi</title>"),
        PageChangedError,
        "list page has changed",
    ),
    "no count": (
        Fault(edit=lambda page: page.replace("A list of", "Some of")),
        PageChangedError,
        "how many films",
    ),
    "two counts": (
        Fault(edit=lambda page: page.replace("<ul ", '<ul data-num-entries="7" ')),
        PageChangedError,
        "how many films",
    ),
    "no posters": (
        Fault(edit=lambda page: page.replace("data-item-", "data-x-").replace("data-postered", "data-y")),
        PageChangedError,
        "couldn't be read",
    ),
    "no keys": (
        Fault(edit=lambda page: page.replace("&quot;lid&quot;", "&quot;x&quot;")),
        PageChangedError,
        "couldn't be read",
    ),
    "another owner": (
        Fault(edit=lambda page: page.replace('owner="ben"', 'owner="eve"')),
        PageChangedError,
        "another user's list",
    ),
    "no way on": (
        Fault(edit=lambda page: page.replace('class="next"', "")),
        PageChangedError,
        "links to none",
    ),
}


@pytest.mark.parametrize("page", ["2026/", "page/2/"])
@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_refuses_the_whole_list(site: LetterboxdStandIn, name: str, page: str) -> None:
    """On its first page or a later one; the next success is taken up."""
    fault, kind, words = FAILURES[name]
    site.fault = lambda path: fault if path.endswith(page) else None
    with pytest.raises(MovieSyncError, match=words) as caught:
        reader(site).fetch()
    assert type(caught.value) is kind
    site.fault = None
    assert len(reader(site).fetch().movies) == 204


def test_a_list_that_changes_while_it_is_read_is_read_once_more(site: LetterboxdStandIn) -> None:
    """Another count on a later page begins it anew; one that always changes is refused."""
    changes = [1]

    def grow(path: str) -> None:
        if path.endswith("page/2/") and changes:
            changes.pop()
            site.lists[PATH] = StandInList(FILMS[: len(site.lists[PATH].films) + 1])

    site.fault = grow
    assert len(reader(site).fetch().movies) == 205
    changes += [1] * 9
    with pytest.raises(PageChangedError, match="being edited"):
        reader(site).fetch()


def test_a_list_with_a_missing_page_or_a_film_twice_is_refused(site: LetterboxdStandIn) -> None:
    """Nothing is concluded from a part of it."""
    site.fault = lambda path: Fault.not_found() if path.endswith("page/3/") else None
    with pytest.raises(PageChangedError, match="Page 3 of the list is missing"):
        reader(site).fetch()
    site.fault = None
    site.lists[PATH] = StandInList([*FILMS[:50], *FILMS[:50]])
    with pytest.raises(PageChangedError, match="twice"):
        reader(site).fetch()


def test_a_long_list_is_refused_after_one_page(site: LetterboxdStandIn) -> None:
    """With the reason and the key to raise; a watchlist is bounded only if the user says so."""
    with pytest.raises(UserError, match=r'204 films on 3 pages.*limit is 2.*"max_pages": 3'):
        reader(site, max_pages=2).fetch()
    assert len(site.requests) == 1
    assert len(reader(site, max_pages=3).fetch().movies) == 204
    http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5)
    assert len(ListReader(http, site.url, watchlist_of("someone")).fetch().movies) == 30
    with pytest.raises(UserError, match=r'This watchlist has 30 films.*"max_pages": 2'):
        ListReader(http, site.url, watchlist_of("someone", 1)).fetch()


@pytest.mark.parametrize("where", [0, 60, 203])
def test_what_is_no_film_is_passed_over_and_named_once(
    site: LetterboxdStandIn, caplog: pytest.LogCaptureFixture, where: int
) -> None:
    """As long as the counts agree; a poster that says nothing still refuses the list."""
    caplog.set_level("INFO")
    site.lists[PATH] = StandInList([*FILMS[:where], EPISODE, *FILMS[where:203]])
    source = reader(site)
    for _ in range(2):
        snapshot = source.fetch()
        assert len(snapshot.movies) == 203
        assert snapshot.passed_over == 1
    assert caplog.text.count("An Episode (2020)") == 1
    site.films.insert(3, EPISODE)
    http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5)
    assert len(ListReader(http, site.url, watchlist_of("someone")).fetch().movies) == 30
    site.fault = lambda _: Fault(
        edit=lambda page: page.replace("episode", "thing").replace("thing:", "film:")
    )
    with pytest.raises(PageChangedError, match="couldn't be read"):
        source.fetch()


def test_films_by_another_word_are_no_empty_list(site: LetterboxdStandIn) -> None:
    """Should the site rename its films one day, the list is refused, not found empty."""
    site.fault = lambda _: Fault(edit=lambda page: page.replace("&quot;film", "&quot;movie"))
    with pytest.raises(PageChangedError, match="couldn't be read"):
        reader(site).fetch()


@pytest.mark.parametrize(
    ("description", "count"),
    [
        ("A list of 1 film compiled on Letterboxd, including Heat (1995).", 1),
        ("A list of 1 films compiled on Letterboxd", 1),
        ("A list of 1,034 films compiled on Letterboxd, including 5 films", 1034),
        ("A list of 12,345 films compiled on Letterboxd", 12345),
    ],
)
def test_the_count_is_the_descriptions(description: str, count: int) -> None:
    """The whole list's, whatever else is written there."""
    page = LIST_PAGE.format(description=description, items=ITEM)
    found = parse_list(page, "https://letterboxd.com", LIST)
    assert (found.declared, found.owner, [movie.label for movie in found.movies]) == (
        count,
        "ben",
        ["Heat (1995)"],
    )


@pytest.mark.parametrize("description", ["", "My list of 1 film compiled on Letterboxd", "A list of films"])
def test_without_a_count_nothing_is_concluded(description: str) -> None:
    """Also where a list's own words look like one."""
    with pytest.raises(PageChangedError, match="how many films"):
        parse_list(LIST_PAGE.format(description=description, items=ITEM), "https://letterboxd.com", LIST)


def test_a_watchlists_page_is_no_lists_page(site: LetterboxdStandIn) -> None:
    """Nor the other way round: each is known by its own count."""
    pages = {path: str(site.answer(path).body) for path in ("/someone/watchlist/", f"/{PATH}/")}
    assert parse_list(pages["/someone/watchlist/"], site.url, WATCHLIST).declared == 30
    with pytest.raises(PageChangedError):
        parse_list(pages[f"/{PATH}/"], site.url, WATCHLIST)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("ben/list/halloween-2026", "ben/list/halloween-2026"),
        (" https://letterboxd.com/Ben/list/halloween-2026/ ", "Ben/list/halloween-2026"),
        ("letterboxd.com/ben/list/halloween-2026", "ben/list/halloween-2026"),
        ("https://www.letterboxd.com/ben/list/x/share/aBc123/", "ben/list/x/share/aBc123"),
        ("https://letterboxd.com/ben/list/x/share/aBc123/page/2/", "ben/list/x/share/aBc123"),
        ("https://letterboxd.com/ben/list/x/by/rating/page/3/?a=b#c", "ben/list/x"),
        ("https://letterboxd.com/ben/list/x/detail/", "ben/list/x"),
    ],
)
def test_a_pasted_address_is_understood(given: str, place: str) -> None:
    """And reduced to the list, with what shares it."""
    assert LetterboxdList().read_place(given) == place


@pytest.mark.parametrize(
    "given",
    [
        *("", "ben", "ben/watchlist", "ben/list/", "ben/list/../x", "ben/list/x/y", 7, None),
        *("https://boxd.it/abcd", "https://evil.example/ben/list/x/", "ben/list/x/share/"),
        *("ben/list/x/share/a b", "b/list/" + "x" * 999),
    ],
)
def test_what_is_no_list_is_refused(given: object) -> None:
    """Nothing else is asked for on the site."""
    with pytest.raises(UnusableValue):
        LetterboxdList().read_place(given)


def test_which_list_it_is_does_not_depend_on_its_link() -> None:
    """A replaced link shares the same list; no label shows it."""
    service = LetterboxdList()
    shared = WishList("letterboxd_list", "ben/list/x/share/aBc123")
    assert service.owner(shared) == service.owner(WishList("letterboxd_list", "ben/list/x")) == "ben/list/x"
    assert service.label(shared) == "ben's Letterboxd list x"
    assert service.site == Letterboxd().site
