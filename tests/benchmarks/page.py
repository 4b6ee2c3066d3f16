"""Measure the page with many films: `python tests/benchmarks/page.py [FILMS]`.

Printed are the wall's first paint in a real browser on loopback (the median and the worst of several loads),
the size of its HTML, and the memory of the page's process after them. Needs `pip install -e '.[browser]'`.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from house.browser import RunningPage, open_page, real_browser  # noqa: E402 - found by the line above
from house.program import PASSKEY, TRACKER_USER, Household, cost_of  # noqa: E402

from movie_sync.demo.filelist_server import FileListStandIn  # noqa: E402
from movie_sync.demo.letterboxd_server import LetterboxdStandIn  # noqa: E402

_LOADS = 11
_PAINT = """new Promise((done) => new PerformanceObserver((seen) => {
  const paint = seen.getEntriesByName("first-contentful-paint")[0];
  if (paint) done(paint.startTime);
}).observe({ type: "paint", buffered: true }))"""


def main() -> None:
    """Measure and print."""
    films = int(sys.argv[1]) if sys.argv[1:] else 1_000
    with (
        tempfile.TemporaryDirectory() as folder,
        LetterboxdStandIn([], username="maria") as letterboxd,
        FileListStandIn([], users={TRACKER_USER: PASSKEY}) as filelist,
        Household(Path(folder), letterboxd, filelist) as home,
    ):
        (home.data / "queue_pending.json").write_text(json.dumps([_entry(number) for number in range(films)]))
        with real_browser() as browser, RunningPage(home) as running:
            page = open_page(browser, running, viewport={"width": 1440, "height": 900})
            paints = []
            for _ in range(_LOADS):
                page.goto(running.address)
                paints.append(page.evaluate(_PAINT))
            size = len(page.request.get(running.address).body())
            cards = page.locator(".card").count()
            print(f"{cards} cards, {size / 1000:,.0f} kB of HTML, Chromium {browser.version}")
            print(f"first paint: median {statistics.median(paints):.0f} ms, worst {max(paints):.0f} ms")
            peak, threads = cost_of(running.process.pid)["VmHWM"], cost_of(running.process.pid)["Threads"]
            print(f"the page's process: {peak * 1024 / 1e6:.1f} MB at most, {threads} threads")


def _entry(number: int) -> dict[str, object]:
    names = {"id": f"k{number}", "slug": f"film-{number}", "title": f"The Film Number {number}"}
    return {
        **names,
        "year": 1950 + number % 70,
        "url": "",
        "imdb_id": None,
        "added_at": "2026-10-01T10:00:00Z",
    }


if __name__ == "__main__":
    main()
