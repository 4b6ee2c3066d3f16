"""Letterboxd when it is not well, through real sockets: each failure has its name and its way out."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn, StandInFilm
from movie_sync.domain.models import Movie
from movie_sync.errors import (
    BlockedError,
    NetworkError,
    NoListError,
    PageChangedError,
    PrivateListError,
    RateLimitError,
    SlowError,
    Stopped,
    TooLargeError,
    TransientError,
    UnavailableError,
)
from movie_sync.net.http import HttpClient
from movie_sync.services.letterboxd.client import LetterboxdFilmPages
from movie_sync.services.letterboxd.list_reader import ListReader, watchlist_of

FILMS = [StandInFilm(f"k{n}z", f"film-{n}", f"Film {n}", 1950 + n, f"tt{n:07}") for n in range(60)]
HEAT = Movie(id="k1z", slug="film-1", title="Film 1")


@pytest.fixture
def site() -> Iterator[LetterboxdStandIn]:
    """A Letterboxd with 60 films on three pages."""
    with LetterboxdStandIn(list(FILMS)) as stand_in:
        yield stand_in


def client(stop: threading.Event | None = None, timeout_seconds: float = 5) -> HttpClient:
    """Make a client without pauses."""
    return HttpClient("Letterboxd", stop=stop or threading.Event(), timeout_seconds=timeout_seconds)


def source(site: LetterboxdStandIn, timeout_seconds: float = 5) -> ListReader:
    """Make a watchlist client."""
    return ListReader(client(timeout_seconds=timeout_seconds), site.url, watchlist_of("someone"))


ANSWERS: dict[str, tuple[Fault, type[TransientError], str]] = {
    "challenge with 403": (Fault.challenge(), BlockedError, "import FILE.*letterboxd.export_file"),
    "challenge with 200": (Fault.challenge(200), BlockedError, "proof that you're human"),
    "challenge with 503": (Fault.challenge(503), BlockedError, "blocks automated access"),
    "challenge known by its header alone": (
        Fault(403, "<html></html>", (("cf-mitigated", "challenge"),)),
        BlockedError,
        "proof that you're human",
    ),
    "ban with 403": (Fault.ban(), BlockedError, "blocks automated access"),
    "ban with 426": (Fault.ban(426), BlockedError, "status 426"),
    "401": (Fault(401, "no"), BlockedError, "status 401"),
    "private": (Fault.private(), PrivateListError, "private.*public.*import FILE"),
    "not Letterboxd's 404": (Fault(404, "<title>nginx</title>"), UnavailableError, "404.*base_url"),
    "429": (Fault.rate_limit(), RateLimitError, "429.*request_delay"),
    "429 with a wait": (Fault.rate_limit(90), RateLimitError, "limiting"),
    "400": (Fault(400, "no"), UnavailableError, "status 400"),
    "410": (Fault(410, "gone"), UnavailableError, "status 410"),
    "500": (Fault.outage(500), UnavailableError, "is down"),
    "502": (Fault.outage(502), UnavailableError, "status 502"),
    "429 with a wait beyond reason": (Fault.rate_limit(10**400), RateLimitError, "limiting"),
    "503 with a wait": (Fault(503, "soon", (("Retry-After", "60"),)), UnavailableError, "503"),
    "522 of Cloudflare": (Fault.outage(522), UnavailableError, "status 522"),
    "204": (Fault(204, ""), UnavailableError, "status 204"),
    "redirect to another host": (
        Fault.redirect("http://127.0.0.2:9/x/"),
        UnavailableError,
        "Check its address",
    ),
    "redirect to another scheme": (Fault.redirect("file:///etc/hosts"), UnavailableError, "redirects"),
    "redirect in circles": (Fault.redirect("."), UnavailableError, "in a loop"),
    "JSON": (
        Fault(200, '{"films": [1, 2]}', (("Content-Type", "application/json"),)),
        PageChangedError,
        "changed",
    ),
    "an empty page": (Fault(200, ""), PageChangedError, "changed"),
    "some other site's page": (Fault(200, "<title>Sign in to Wi-Fi</title>"), PageChangedError, "changed"),
    "a nesting bomb": (Fault(200, "<div>" * 100_000), PageChangedError, "no browser"),
    "no answer": (Fault(delivery=Delivery.HANG), SlowError, "timed out after"),
    "half a page, then silence": (Fault(delivery=Delivery.HANG_IN_BODY), SlowError, "timed out"),
    "a byte a second": (Fault(delivery=Delivery.TRICKLE), SlowError, "timed out"),
    "reset before the answer": (Fault(delivery=Delivery.RESET), NetworkError, "dropped the connection"),
    "reset within the page": (Fault(delivery=Delivery.RESET_IN_BODY), NetworkError, "dropped"),
    "a page without end": (Fault(delivery=Delivery.ENDLESS), TooLargeError, "MB"),
}
WAITS = {"429 with a wait": 90.0, "429 with a wait beyond reason": 86_400.0, "503 with a wait": 60.0}
ONCE_MORE = ("500", "502", "522 of Cloudflare", "reset before the answer", "reset within the page")


@pytest.mark.parametrize("page", ["watchlist/", "page/2/"])
@pytest.mark.parametrize("name", ANSWERS)
def test_each_failure_of_the_list_is_named(site: LetterboxdStandIn, name: str, page: str) -> None:
    """On the first page or a later one: the right error, few requests, and the next success is taken up."""
    fault, kind, words = ANSWERS[name]
    site.fault = lambda path: fault if path.endswith(page) else None
    watchlist = source(site, timeout_seconds=0.5 if kind is SlowError else 5)

    with pytest.raises(TransientError, match=words) as caught:
        watchlist.fetch()

    assert type(caught.value) is kind
    assert caught.value.retry_after_seconds == WAITS.get(name)
    asked = [path for path in site.paths if path.endswith(page)]
    at_most = 4 if "circles" in name else 2 if name in ONCE_MORE else 1
    assert len(asked) == at_most

    site.fault = None
    assert len(watchlist.fetch().movies) == 60


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "private"])
def test_each_failure_of_a_film_page_is_named(site: LetterboxdStandIn, name: str) -> None:
    """A film's page fails with the same names, and nothing is concluded about the film."""
    fault, kind, _ = ANSWERS[name]
    site.fault = lambda _: fault
    pages = LetterboxdFilmPages(client(timeout_seconds=0.5 if kind is SlowError else 5), site.url)

    with pytest.raises(TransientError) as caught:
        pages.read(HEAT)

    assert type(caught.value) is kind
    site.fault = None
    assert pages.read(HEAT).imdb_id == "tt0000001"


@pytest.mark.parametrize("fault", [Fault.outage(), Fault(delivery=Delivery.RESET)])
def test_one_bad_moment_does_not_cost_the_whole_list(site: LetterboxdStandIn, fault: Fault) -> None:
    """A page that fails once is asked for once more, at the client's pace."""
    http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5, min_interval_seconds=0.1)
    failed: list[str] = []

    def fail_once(path: str) -> Fault | None:
        if path.endswith("page/2/") and not failed:
            failed.append(path)
            return fault
        return None

    site.fault = fail_once
    assert len(ListReader(http, site.url, watchlist_of("someone")).fetch().movies) == 60
    first, second = (request.at for request in site.requests if request.path.endswith("page/2/"))
    assert second - first >= 0.1


def test_an_unknown_user_is_named(site: LetterboxdStandIn) -> None:
    """Letterboxd's own 404 for the list means the user, and the message says where to look."""
    site.username = "other"
    with pytest.raises(NoListError, match=r"no user named someone.*spelling"):
        source(site).fetch()


def test_a_private_list_is_named(site: LetterboxdStandIn) -> None:
    """A 403 of Letterboxd's own is privacy, not a block."""
    site.is_private = True
    with pytest.raises(NoListError):
        source(site).fetch()


def test_a_machine_that_refuses_is_named() -> None:
    """Nobody listens: the network is the cause."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(NetworkError, match="refused"):
            ListReader(client(), address, watchlist_of("someone")).fetch()


def test_an_address_without_its_last_slash_is_followed(site: LetterboxdStandIn) -> None:
    """A base address with a slash at its end, and a redirect on the same host, are fine."""
    site.fault = lambda path: Fault.redirect("/film/film-1/") if path == "/film/old/" else None
    http = HttpClient("Letterboxd", stop=threading.Event(), timeout_seconds=5, min_interval_seconds=0.1)
    pages = LetterboxdFilmPages(http, f"{site.url}/")
    assert pages.read(Movie(id="k1z", slug="old", title="Film 1")).slug == "film-1"
    first, second = (request.at for request in site.requests)
    assert second - first >= 0.1, "also a redirect is followed at the client's pace"


def test_a_page_without_end_costs_little_memory(site: LetterboxdStandIn) -> None:
    """Gigabytes are not taken in: the reading ends at a bound."""
    site.fault = lambda _: Fault(delivery=Delivery.ENDLESS)
    watchlist = source(site)
    tracemalloc.start()
    try:
        with pytest.raises(UnavailableError):
            watchlist.fetch()
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_reading_pages_leaves_no_circles_behind(site: LetterboxdStandIn) -> None:
    """The tree of a page is freed at once, so that a long list costs little more than its films."""
    site.films = [StandInFilm(f"k{n}z", f"film-{n}", f"Film {n}", 1950) for n in range(560)]
    watchlist = source(site)
    watchlist.fetch()
    tracemalloc.start()
    try:
        snapshot = watchlist.fetch()
        kept, peak = tracemalloc.get_traced_memory()
        assert len(snapshot.movies) == 560
        assert peak - kept < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://somebody:hunter22@127.0.0.1:{port}", "through the proxy set in the environment"),
        ("ftp://127.0.0.1:{port}", "a proxy's address in the environment, is invalid"),
    ],
)
def test_a_proxy_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch, proxy: str, words: str) -> None:
    """It is not the site that cannot be reached; a password in the proxy's address is not repeated."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("ALL_PROXY", proxy.format(port=port))
    with pytest.raises(NetworkError, match=words) as caught:
        ListReader(client(), "http://films.test", watchlist_of("someone")).fetch()
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("delivery", [Delivery.HANG, Delivery.HANG_IN_BODY, Delivery.TRICKLE])
@pytest.mark.parametrize("what", ["watchlist", "film"])
def test_a_stop_ends_a_hanging_request(site: LetterboxdStandIn, delivery: Delivery, what: str) -> None:
    """Shutting down does not wait for Letterboxd."""
    stop = threading.Event()
    site.fault = lambda _: Fault(delivery=delivery)
    http = client(stop, timeout_seconds=60)
    calls: dict[str, Callable[[], object]] = {
        "watchlist": ListReader(http, site.url, watchlist_of("someone")).fetch,
        "film": lambda: LetterboxdFilmPages(http, site.url).read(HEAT),
    }
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        calls[what]()
    assert time.monotonic() - started < 20
    timer.join()
