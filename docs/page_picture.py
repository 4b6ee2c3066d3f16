"""Make docs/page-*.webp: the page with the demo's films and made-up posters, as Chromium shows it.

Needs a Chromium and the extra `browser`: python docs/page_picture.py [FOLDER]
With --all every view is pictured, at 360, 768 and 1440 px, light and dark, to be looked at.
"""

import argparse
import base64
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from house.browser import WIDTHS, RunningPage, open_page, real_browser  # noqa: E402 - found by the line above
from house.program import PASSKEY, TRACKER_USER, Household  # noqa: E402

from movie_sync.demo.filelist_server import FileListStandIn  # noqa: E402
from movie_sync.demo.films import WATCHLIST, all_releases  # noqa: E402
from movie_sync.demo.letterboxd_server import LetterboxdStandIn  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE_SECONDS = 30.0
FILM = f"/film/{WATCHLIST[0].film.slug}"
KEPT = {"wall": ("/", 1440, 900), "film": (FILM, 1440, 1000), "phone": ("/", 360, 740)}
VIEWS = {"wall": "/", "film": FILM, "add": "/add", "settings": "/settings", "tracker": "/settings/filelist"}
VIEWS |= {"health": "/health", "take": "/take", "missing": "/film/missing"}


def main() -> None:
    """Let the daemon work on the demo's films, and picture the page beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    parser.add_argument("--all", action="store_true", help="picture every view")
    options = parser.parse_args()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        films = [each.film for each in WATCHLIST]
        letterboxd = stack.enter_context(LetterboxdStandIn(films, username="maria"))
        tracker = stack.enter_context(FileListStandIn(all_releases(), users={TRACKER_USER: PASSKEY}))
        home = stack.enter_context(Household(data, letterboxd, tracker))
        browser = stack.enter_context(real_browser())
        running = stack.enter_context(RunningPage(home))
        page = open_page(browser, running, color_scheme="dark")
        daemon = home.start()
        wait_for_posters(page, len(films))
        page.goto(running.address + FILM)
        page.get_by_role("button", name="Search your tracker").click()
        page.locator("table.releases").last.wait_for()
        for name, (path, width, height) in KEPT.items():
            picture(page, running.address + path, width, height, options.folder / f"page-{name}.webp")
        for name, path in VIEWS.items() if options.all else ():
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                for width in WIDTHS:
                    file = options.folder / f"{name}-{width}-{scheme}.webp"
                    picture(page, running.address + path, width, 0, file)
        daemon.stop()
        running.stop()


def wait_for_posters(page: "Page", count: int) -> None:
    """Wait until the wall shows a poster for each film; they come one a second."""
    shown = "[...document.querySelectorAll('img.art')].filter((image) => image.naturalWidth > 1).length"
    end = time.monotonic() + PATIENCE_SECONDS
    while page.evaluate(shown) < count and time.monotonic() < end:
        page.wait_for_timeout(200)


def picture(page: "Page", address: str, width: int, height: int, file: Path) -> None:
    """Keep what a window of this size shows, or the whole view if the height is 0."""
    page.set_viewport_size({"width": width, "height": height or 800})
    page.goto(address)
    page.wait_for_timeout(300)
    session = page.context.new_cdp_session(page)
    asked = {"format": "webp", "quality": 80, "captureBeyondViewport": not height}
    if not height:
        tall = page.evaluate("document.documentElement.scrollHeight")
        asked["clip"] = {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1}
    file.write_bytes(base64.b64decode(session.send("Page.captureScreenshot", asked)["data"]))
    session.detach()


if __name__ == "__main__":
    main()
