"""The page in a real browser, beside a real daemon between stand-ins."""

import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from house import town as house_town
from house.browser import RunningPage, expect, open_page, real_browser
from house.films import stand_in_film
from house.program import PASSKEY, TRACKER_USER, Household, cost_of
from house.town import Town, seedable

from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_html import StandInFilm
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

town = house_town.town
pytestmark = pytest.mark.waits
_LONG = 60_000
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


class World:
    """The sites, a data folder, the page beside it, and a daemon once it is started."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.letterboxd = stack.enter_context(LetterboxdStandIn(list(FILMS), username="maria"))
        self.letterboxd.other_films = [ANGRY]
        self.filelist = stack.enter_context(FileListStandIn(RELEASES, users={TRACKER_USER: PASSKEY}))
        self.home = stack.enter_context(
            Household(folder, self.letterboxd, self.filelist, check_interval=2, retry_interval=3600)
        )
        self.page = stack.enter_context(RunningPage(self.home))

    def slugs(self, queue: str) -> set[str]:
        """Return the slugs of the films in a queue."""
        return {entry["slug"] for entry in self.home.queue(queue)}


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One for all tests: each has a context of its own."""
    with real_browser() as started:
        yield started


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """All that is needed, and nothing queued yet."""
    with ExitStack() as stack:
        yield World(stack, tmp_path)


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
        page.wait_for_function("document.querySelector('img.art')?.naturalWidth > 1")  # a poster has come
        other = open_page_again(page, f"/film/{stand_in_film(1).slug}")
        other.get_by_role("button", name="Retry").click()
        expect(other.locator(".note")).to_contain_text(f"Back in the queue: {stand_in_film(1).name}.")
        town.offer(second)  # once it is there, the daemon may find it before anybody clicks
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
