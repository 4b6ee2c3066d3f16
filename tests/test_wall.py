"""The wall: how it stands with each film in a word or two, in which order, and what is only text on it."""

from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from house import commands
from house import page as pages
from house.commands import write
from house.fakes import FakeClock
from house.films import choice, film
from house.page import Page

from movie_sync.domain.models import QueueName, Reason
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Shelving, Stage, TorrentProgress, Upgrade
from movie_sync.reports.daemon_state import NeedKind
from movie_sync.reports.needs import Need
from movie_sync.reports.wall import Badge, FilmCard, film_card, film_cards

data, process_as_before, page = commands.data, commands.process_as_before, pages.page
NOW = FakeClock().now()
PENDING, FAILED, COMPLETED, REMOVED = QueueName
HOSTILE = "<img src=x onerror=\"alert('1')\">\u202e</li> {{ 7 * 7 }} & 'so'"


def entry(number: int = 1, **state: Any) -> QueueEntry:
    """Return a film in a queue."""
    return QueueEntry(film(number), NOW, **state)


def handed(stage: Stage | None = None, number: int = 1, **facts: Any) -> QueueEntry:
    """Return a film whose torrent is at a stage, or of whose torrent nothing is told."""
    follow = TorrentProgress(stage, NOW, **facts) if stage else None
    done = {"completed_at": NOW, "reason": Reason.DOWNLOADED}
    return entry(number, choice=choice(number), follow=follow, **done)


def card(queue: QueueName, of: QueueEntry, *, is_full: bool = False) -> FilmCard:
    """Return the card of a film that needs nobody."""
    return film_card(queue, of, None, is_full=is_full, now=NOW)


_BETTER = Upgrade(choice(1, 1), TorrentProgress(Stage.DOWNLOADING, NOW, progress=0.5))
_HALF = {"progress": 0.5, "size_bytes": 9_000_000_000, "bytes_a_second": 9_000_000}


@pytest.mark.parametrize(
    ("queue", "held", "badge", "words", "percent"),
    [
        (PENDING, entry(), Badge.QUEUED, "in the queue", None),
        (FAILED, entry(waits_for_release=True, retry_at=NOW), Badge.RELEASE, "waiting for a release", None),
        (FAILED, entry(retry_at=NOW), Badge.RETRY, f"next try {NOW.astimezone():%H:%M}", None),
        (COMPLETED, handed(), Badge.HANDED_OVER, "handed over", None),
        (COMPLETED, entry(reason=Reason.ALREADY_DOWNLOADED), Badge.DONE, "done", None),
        (COMPLETED, handed(Stage.ADDED), Badge.DOWNLOADING, "downloading 0%", 0),
        (COMPLETED, handed(Stage.DOWNLOADING, **_HALF), Badge.DOWNLOADING, "downloading 50%, 9 min left", 50),
        (COMPLETED, handed(Stage.DOWNLOADING, progress=0.9999), Badge.DOWNLOADING, "downloading 99%", 99),
        (COMPLETED, handed(Stage.DOWNLOADING, idle_seconds=7200.0), Badge.STALLED, "stalled at 0%", 0),
        (COMPLETED, handed(Stage.STOPPED, progress=0.3), Badge.NEEDS_YOU, "needs you", 30),
        (COMPLETED, handed(Stage.STOPPED, progress=0.3, is_adopted=True), Badge.DOWNLOADING, "downloading 30%", 30),
        (COMPLETED, handed(Stage.DOWNLOADED), Badge.DONE, "done", None),
        (COMPLETED, handed(Stage.DOWNLOADED, shelf=Shelving(NOW)), Badge.DONE, "done", None),
        (COMPLETED, handed(Stage.DOWNLOADED, shelf=Shelving(NOW, "/films/x.mkv")), Badge.DONE, "on the shelf", None),
        (COMPLETED, handed(Stage.DOWNLOADED)._replace(upgrade=_BETTER), Badge.DOWNLOADING, "upgrading 50%", 50),
        (COMPLETED, handed(Stage.REMOVED), Badge.GONE, "no longer in the client", None),
        (REMOVED, entry(), Badge.REMOVED, "removed", None),
    ],
)  # fmt: skip
def test_how_it_stands_with_a_film(
    queue: QueueName, held: QueueEntry, badge: Badge, words: str, percent: int | None
) -> None:
    """Each state has its badge and its words, and what is on its way tells how far it is."""
    made = card(queue, held)
    assert (made.badge, made.words, made.percent) == (badge, words, percent)


def test_without_a_free_slot() -> None:
    """What is queued waits for one."""
    assert card(PENDING, entry(), is_full=True).badge is Badge.SLOT


def test_what_moves_comes_first() -> None:
    """What is nearest its end leads, then what needs the user; the latest of equals comes first."""
    queues = {
        PENDING: [entry(1), entry(2)._replace(added_at=NOW + timedelta(hours=1))],
        FAILED: [entry(3, error="no torrent")],
        COMPLETED: [
            handed(Stage.DOWNLOADED, 4),
            handed(Stage.DOWNLOADING, 5, progress=0.2),
            handed(Stage.DOWNLOADING, 6, progress=0.8),
        ],
        REMOVED: [entry(7)],
    }
    need = Need(NeedKind.GAVE_UP, "No torrent.", "Try again.", film(3))
    cards = film_cards(queues, [need], is_full=False, now=NOW)
    assert [each.movie for each in cards] == [film(number) for number in (6, 5, 3, 2, 1, 4, 7)]
    assert cards[2].why == "No torrent."


@pytest.mark.parametrize("text", ["amelie", "AMÉLIE 2001", "001 lie"])
def test_search_knows_no_case_and_no_accents(text: str) -> None:
    """A film is found by parts of its title and its year, in any order."""
    made = card(PENDING, QueueEntry(film(1, title="Amélie", year=2001), NOW))
    assert made.matches(text.casefold().replace("é", "e").split())
    assert not made.matches(["amelie", "2002"])


class _Seen(HTMLParser):
    """What a browser makes of a page: its elements, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(data: Path) -> None:
    """Have one film, whose title and key do what they can."""
    added = {"added_at": "2026-10-01T10:00:00Z", "year": 1995, "url": "javascript:alert(1)"}
    write(data / "queue_pending.json", [{"id": '"><script>', "slug": '"><b x=y>', "title": HOSTILE, **added}])
    for name in ("failed", "completed"):
        write(data / f"queue_{name}.json", [])


def test_a_hostile_title_is_only_text(data: Path, page: Page) -> None:
    """It makes no element, not where it is searched for either, and its page can be opened."""
    hostile(data)
    wall = _Seen(page.get("/?q=%3Cimg").text)
    assert wall.text.count("<img src=x onerror=\"alert('1')\">") == 2
    assert "{{ 7 * 7 }}" in wall.text
    assert not {"img", "b"} & set(wall.tags)
    assert wall.tags.count("script") == 1
    assert not wall.handlers
    assert page.get("/film/%22%3E%3Cb%20x%3Dy%3E").status == 200
    nothing = _Seen(page.get("/?q=%3Cscript%3Ealert(1)%3C/script%3E&show=%22%3E%3Cb%3E").text)
    assert nothing.tags.count("script") == 1
    assert "b" not in nothing.tags


def test_what_can_be_narrowed_to(page: Page) -> None:
    """Without a script too: by a chip, which keeps the search, and by the search."""
    wall = page.get("/?q=o").text
    assert 'href="/?show=queued&amp;q=o"' in wall
    assert ('id="film-one"' in wall, 'id="film-three"' in wall) == (True, False)
    queued = page.get("/?show=queued").text
    assert ('id="film-one"' in queued, 'id="film-two"' in queued) == (True, False)
    assert "No films match" in page.get("/?q=zzz").text
    assert page.get("/?page=99999999&show=nothing").status == 200


def test_nothing_yet(data: Path, page: Page) -> None:
    """Where no films are, it says what to do."""
    for name in ("pending", "failed", "completed"):
        write(data / f"queue_{name}.json", [])
    wall = page.get("/").text
    assert "No films yet" in wall
    assert 'href="/add"' in wall


def test_only_what_is_different_is_sent(data: Path, page: Page) -> None:
    """From what the browser has, which it names by its mark."""
    wall = page.get("/").text
    events = wall.partition('data-events="')[2].partition('"')[0].replace("&amp;", "&")
    event = page.events(events, lambda: QueueManager(data).retry(["two"]))
    assert {"film-two", "chips"} <= set(event["changed"]) <= {"film-two", "chips", "head"}


def test_an_address_of_nothing(page: Page) -> None:
    """It is answered with a page, from which there is a way on."""
    answer = page.get("/nothing/here")
    assert answer.status == 404
    assert 'href="/"' in answer.text
