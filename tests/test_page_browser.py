"""The page in a real browser, beside a real daemon between stand-ins."""

import json
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from house import town as house_town
from house.browser import WIDTHS, RunningPage, expect, open_page, real_browser
from house.films import stand_in_film
from house.program import PASSKEY, TRACKER_USER, Household, cost_of
from house.town import Town, seedable

from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_html import StandInFilm
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.models import Movie
from movie_sync.queues.manager import QueueManager

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

town = house_town.town
pytestmark = pytest.mark.waits  # CI runs the long ones too, besides the suite
_LONG = 60_000
MISSING = ("/film/missing", "/nowhere")
_HOSTILE = "<img src=x onerror=\"document.title='ha'\"> '\"&amp; \u202etxt"
FILMS = [
    StandInFilm(
        lid="aHea", slug="heat-1995", title="Heat", year=1995, imdb_id="tt0113277", runtime_minutes=170
    ),
    StandInFilm(lid="aAli", slug="alien", title="Alien", year=1979, imdb_id="tt0078748", runtime_minutes=117),
    StandInFilm(lid="aBad", slug="odd", title=_HOSTILE, year=2001, imdb_id="tt0211915", runtime_minutes=90),
]
ANGRY = StandInFilm(lid="aAng", slug="12-angry-men", title="12 Angry Men", year=1957, imdb_id="tt0050083")
RELEASES = [
    StandInRelease(
        id=11, name="Heat.1995.1080p.BluRay.x264-GRP", imdb="tt0113277", size_bytes=12_000_000_000
    ),
    StandInRelease(id=12, name="Heat.1995.720p.BluRay.x264-GRP", imdb="tt0113277", size_bytes=6_000_000_000),
]


FAILED = {"id": "aTwo", "slug": "two", "title": "Two", "year": 1999, "url": "", "imdb_id": None} | {
    "added_at": "2026-10-01T10:00:00Z",
    "error": "no release",
    "retry_count": 2,
    "retry_at": "2099-01-01T10:00:00Z",
}


class World:
    """The sites, a data folder with one film that failed, and the page beside it; no daemon."""

    def __init__(self, stack: ExitStack, folder: Path, browser: "Browser") -> None:
        self.letterboxd = stack.enter_context(LetterboxdStandIn(list(FILMS), username="maria"))
        self.letterboxd.other_films = [ANGRY]
        self.filelist = stack.enter_context(FileListStandIn(RELEASES, users={TRACKER_USER: PASSKEY}))
        self.home = stack.enter_context(Household(folder, self.letterboxd, self.filelist))
        (self.home.data / "queue_failed.json").write_text(json.dumps([FAILED]))
        self.page = stack.enter_context(RunningPage(self.home))
        with browser.new_context() as context:
            context.new_page().goto(self.page.login)
            self.session = context.storage_state()

    def slugs(self, queue: str) -> set[str]:
        """Return the slugs of the films in a queue's file."""
        return {entry["slug"] for entry in self.home.queue(queue)}

    def film(self, slug: str, queue: str = "pending") -> dict[str, Any]:
        """Return what a queue's file says of a film."""
        return next(entry for entry in self.home.queue(queue) if entry["slug"] == slug)


@pytest.fixture(autouse=True)
def _no_thread_left() -> None:
    """Leave threads alone: those of the stand-ins live as long as the page's connections, over all tests."""


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One for all tests: each has a context of its own."""
    with real_browser() as started:
        yield started


@pytest.fixture(scope="module")
def world(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all tests that need no daemon; the page ends without having complained."""
    with ExitStack() as stack:
        made = World(stack, tmp_path_factory.mktemp("world"), browser)
        yield made
        assert made.page.stop() == 0
        assert made.page.errors == ""


@pytest.fixture
def tab(browser: "Browser", world: World) -> Iterator["Page"]:
    """A tab that is logged in; whatever it asks elsewhere, says in its console or pops up fails the test."""
    with browser.new_context(storage_state=world.session, base_url=world.page.address) as context:
        wrong: list[str] = []

        def is_ours(said: "ConsoleMessage") -> bool:
            where = said.location["url"]
            is_asked_for = where.endswith(MISSING)  # the browser complains of each answer that is a 404
            return said.type in {"error", "warning"} and where.startswith(sites[0]) and not is_asked_for

        sites = (world.page.address, other_origin(world.letterboxd.url))
        context.on("console", lambda said: is_ours(said) and wrong.append(said.text))
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        context.on("request", lambda sent: sent.url.startswith(sites) or wrong.append(sent.url))
        yield context.new_page()
        assert wrong == []


def other_origin(address: str) -> str:
    """Return a stand-in's address under a name that is another site for the browser than the page's."""
    return address.replace("127.0.0.1", "localhost")


def act(tab: "Page", button: str, says: str) -> None:
    """Click a button and wait for what the page says of it."""
    tab.get_by_role("button", name=button).first.click()
    expect(tab.locator(".note[role=status]")).to_contain_text(says)


def add(tab: "Page", text: str, says: str) -> None:
    """Add a film by the form."""
    tab.goto("/add")
    tab.get_by_label("Film", exact=True).fill(text)
    act(tab, "Add", says)


def card(page: "Page", slug: str) -> "Page":
    """Return the card of a film on the wall."""
    return page.locator(f"[id='film-{slug}']")


@house_town.towns("qbittorrent", films=2)
def test_a_film_from_waiting_to_done(browser: "Browser", town: Town) -> None:
    """The wall fills while the daemon works, without a reload, and asks nobody but the page."""
    first, second = seedable(0), seedable(1)
    town.offer(first)
    town.seed(first, second)
    with RunningPage(town.home) as running:
        page = open_page(browser, running)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        expect(page.locator(".card")).to_have_count(0)
        daemon = town.home.start()
        expect(card(page, stand_in_film(1).slug)).to_contain_text("waiting for a release", timeout=_LONG)
        expect(card(page, stand_in_film(0).slug)).to_contain_text("done", timeout=_LONG)
        expect(page.locator("img.art:not([src$='-'])").first).to_be_attached(
            timeout=_LONG
        )  # a poster has come
        assert (
            daemon.stop() == 0
        )  # else it may find the release before anybody clicks, or look before it is there
        town.offer(second)
        other = open_page_again(page, f"/film/{stand_in_film(1).slug}")
        other.get_by_role("button", name="Retry").click()
        expect(other.locator(".note")).to_contain_text(f"Back in the queue: {stand_in_film(1).name}.")
        daemon = town.home.start()
        expect(card(page, stand_in_film(1).slug)).to_contain_text("done", timeout=_LONG)

        assert not [url for url in asked if not url.startswith(running.address)]
        assert cost_of(daemon.process.pid)["Threads"] == 3
        assert daemon.stop() == 0
        assert cost_of(running.process.pid)["VmHWM"] < 80_000
        assert running.stop() == 0


def open_page_again(page: "Page", path: str) -> "Page":
    """Open another tab of the same browser at a path."""
    other = page.context.new_page()
    other.goto(urllib.parse.urljoin(page.url, path))
    return other


@pytest.mark.long
def test_adding(tab: "Page", world: World) -> None:
    """A film is named by its address, by its IMDb id or by its title; Undo takes it back."""
    add(tab, f"{world.letterboxd.url}/film/heat-1995/", "Queued: Heat (1995).")
    add(tab, "tt0050083", "Queued: 12 Angry Men (1957).")
    assert {"heat-1995", "12-angry-men"} <= world.slugs("pending")
    act(tab, "Undo", "Removed 12 Angry Men (1957).")
    assert "12-angry-men" in world.slugs("removed") - world.slugs("pending")
    add(tab, "12 angry men", "Queued: 12 Angry Men (1957).")
    assert "12-angry-men" in world.slugs("pending") - world.slugs("removed")


@pytest.mark.long
def test_choosing(tab: "Page", world: World) -> None:
    """A search shows the candidates; the buttons beside them, and those above, change the queues' files."""
    add(tab, "heat-1995", "Heat (1995)")
    tab.goto("/film/heat-1995")
    calls = len(world.filelist.requests)
    act(tab, "Search your tracker", "")
    assert len(world.filelist.requests) == calls + 1
    act(tab, "Never this one: Heat.1995.1080p", "will never be taken")
    assert world.film("heat-1995")["rejected"] == ["filelist:11"]
    act(tab, "Take this one: Heat.1995.720p", "filelist:12")
    assert world.film("heat-1995")["grabbed"] == "filelist:12"
    act(tab, "Remove", "Removed Heat (1995).")
    assert "heat-1995" in world.slugs("removed") - world.slugs("pending")
    act(tab, "Undo", "Queued: Heat (1995).")
    assert "heat-1995" in world.slugs("pending") - world.slugs("removed")
    assert len(world.filelist.requests) == calls + 1

    tab.goto("/film/two")
    act(tab, "Retry now", "Back in the queue: Two (1999).")
    assert "two" in world.slugs("pending") - world.slugs("failed")


@pytest.mark.long
def test_bookmarklets(tab: "Page", world: World) -> None:
    """They read the open page alone, ask its site for nothing, and nothing is queued before the user says so."""
    tab.goto("/add")
    links = [
        urllib.parse.unquote(link.get_attribute("href") or "").removeprefix("javascript:")
        for link in tab.locator("a.bookmarklet").all()
    ]
    site = other_origin(world.letterboxd.url)
    for script, place, found in zip(
        links, ("/film/alien/", "/maria/watchlist/"), ("Alien (1979)", "<img src=x onerror="), strict=True
    ):
        tab.goto(site + place)
        asked = pages_asked(world)
        with tab.context.expect_page() as opened:
            tab.evaluate(script)
        take = opened.value
        expect(take.locator("#offered")).to_contain_text(found)
        expect(take.locator("#say")).to_contain_text("Nothing is queued yet.")
        assert take.locator("#offered bdi > *").count() == 0
        slug = "alien" if "film" in place else "odd"
        assert slug not in world.slugs("pending")
        assert pages_asked(world) == asked
        take.get_by_role("button", name="Queue them").click()
        expect(take.locator("#say")).to_contain_text("Queued: ")
        assert slug in world.slugs("pending")
        assert take.url == f"{world.page.address}/take"
        take.close()


def pages_asked(world: World) -> list[str]:
    """Return what Letterboxd's stand-in was asked for, but for the icon that a browser asks each site for."""
    return [path for path in world.letterboxd.paths if "favicon" not in path]


VIEWS = (
    "/ /?q=nothing-like-it /film/odd /film/heat-1995 /add /add?film=hea /settings /settings/filelist"
    " /settings/web /health /take"
).split() + list(MISSING)


@pytest.mark.long
def test_every_view(browser: "Browser", tab: "Page", world: World) -> None:
    """Axe finds nothing wrong, nothing is wider than the window, and a hostile title is only text."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    add(tab, "odd", "ueued: ")  # maybe another test has queued it before
    add(tab, "heat-1995", "Heat (1995)")
    tab.goto("/film/heat-1995")
    act(tab, "Search", "")
    strange = browser.new_context(base_url=world.page.address).new_page()
    for view, page in [*((view, tab) for view in VIEWS), ("/login", strange)]:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.goto(view)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (view, width)
                axe_finds_nothing(axe, page, view)
            assert page.evaluate("document.title") != "ha"
            assert page.locator("main img:not(.art)").count() == 0
    strange.context.close()
    tab.goto("/film/odd")
    expect(tab.locator("h1")).to_contain_text("<img src=x onerror=")


def axe_finds_nothing(axe: Any, page: "Page", view: str) -> None:
    """Fail with what axe finds wrong."""
    found = axe.run(page).response["violations"]
    assert found == [], (view, [(each["id"], [node["html"] for node in each["nodes"]]) for each in found])


@pytest.mark.long
def test_a_stranger(browser: "Browser", world: World) -> None:
    """Each view leads to the login; one that is open says so once its session has ended."""
    with browser.new_context(base_url=world.page.address) as context:
        page = context.new_page()
        for view in VIEWS:
            if view != "/take":
                page.goto(view)
                assert page.url.startswith(f"{world.page.address}/login")
                assert "Heat" not in page.content()
        login = world.home.run("web", "--login").stdout.split()[-1]
        page.goto(login.replace(urllib.parse.urlsplit(login).netloc, world.page.address[7:]))
        expect(page.locator(".card").first).to_be_visible()
        other = context.new_page()
        other.goto("/add")
        other.get_by_role("button", name="Log out").click()
        expect(other.get_by_label("Password")).to_be_visible()
        QueueManager(world.home.data).add_to_pending(Movie("aNew", "new", "New", 2020))
        page.wait_for_url("**/login**")  # the next event would have been its own: the stream ends instead
