"""A film's page and Add: what they show, and that each action does what its command does."""

import html
import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from house import commands
from house import page as pages
from house.commands import NOWHERE, held, write
from house.filelist import PASSKEY, USER
from house.films import on_filelist
from house.page import ADDRESS, Page

from movie_sync.clock import SystemClock
from movie_sync.commands.building import Services
from movie_sync.daemon.inbox import Inbox, carry_out
from movie_sync.demo import filelist_faults
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.domain.models import Movie, QueueName, UserWord
from movie_sync.domain.watchlist import WatchlistMemory
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.history import Happened, History
from movie_sync.storage.locks import InstanceLock
from movie_sync.wishes.watchlist_store import WatchlistStore

data = commands.data
page = pages.page
PENDING, FAILED, COMPLETED, REMOVED = QueueName
HOSTILE = 'One.1995.1080p.WEB-DL.<img src=x onerror="alert(1)">\'&\u202e' + "x" * 300
RELEASES = [
    StandInRelease(10, "One.1995.1080p.BluRay.x264-GRP", size_bytes=12_000_000_000, freeleech=True),
    StandInRelease(11, "One.1995.720p.BluRay.x264-GRP", size_bytes=6_000_000_000),
    StandInRelease(12, "One.1995.CAM.x264-BAD", size_bytes=1_000_000_000),
    StandInRelease(13, HOSTILE, size_bytes=6_000_000_000),
]


def word(data: Path, film: str = "one") -> UserWord:
    """Return what the user said of a film."""
    found = QueueManager(data, writable=False).find(film)
    assert found
    return found[1].word


@pytest.fixture
def tracker(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileListStandIn]:
    """A tracker that has releases of the film "One", and whose credentials are known."""
    monkeypatch.setenv("MOVIE_SYNC_KEY_FILE", str(data.parent / "key"))
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_USERNAME", USER)
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_PASSKEY", PASSKEY)
    with FileListStandIn(RELEASES, users={USER: PASSKEY}) as tracker:
        settings = {"qbittorrent": {"enabled": False}, "letterboxd": {"base_url": NOWHERE}}
        write(data / "config.json", {**settings, "username": "m", "filelist": {"base_url": tracker.url}})
        yield tracker


def said(text: str) -> str:
    """Return what the page's note says, if it has one."""
    found = re.search(r'<div class="note (good|bad)" role="status">(.*?)</div>', text, re.DOTALL)
    return html.unescape(re.sub("<[^>]*>", "", found[0])).strip() if found else ""


def searches(tracker: FileListStandIn) -> int:
    """Return how many calls the tracker had."""
    return len(tracker.requests)


# --- what is known --------------------------------------------------------------------------------


def test_what_is_known(data: Path, page: Page) -> None:
    """The film, its state, what it needs, what was tried, what happened, and where its pages are."""
    [film] = json.loads((data / "queue_pending.json").read_text())
    known = {"url": "https://letterboxd.com/film/one/", "imdb_id": "tt0000001", "page_read": True}
    known |= {"runtime_minutes": 95, "original_language": "Greek", "original_title": "Ena"}
    tried = {"release": "One.1995.OLD", "release_id": "filelist:5", "info_hash": "a" * 40, "why": "stalled"}
    more = {"tried": [tried], "rejected": ["filelist:6"], "preset": "4k", "error": "none", "retry_at": None}
    write(data / "queue_pending.json", [])
    write(data / "queue_failed.json", [{**film, **known, **more}])
    history = History(data / "history.jsonl", SystemClock())
    history.note(Happened.ADDED, Movie("K1", "one", "One", 1995))
    history.note(Happened.STALLED, Movie("K1", "one", "One", 1995), "<b>why</b>")
    history.note(Happened.ADDED, Movie("K2", "two", "Two"), "of another film")
    text = page.get("/film/one").text
    for part in ("95 min", "Greek", "Ena", "4k", "One.<wbr>1995.<wbr>OLD", "stalled", "rejected by you"):
        assert part in text
    for address in ("https://letterboxd.com/film/one/", "https://www.imdb.com/title/tt0000001/"):
        assert f'href="{address}" rel="noreferrer noopener"' in text
    assert "&lt;b&gt;why&lt;/b&gt;" in text
    assert text.index("&lt;b&gt;why") < text.index("<strong>added</strong>")
    assert "of another film" not in text
    assert "Retry now" in text


def test_torrents_on_their_way(data: Path, page: Page) -> None:
    """Each is shown with its progress; the page of somebody who looks at it changes by itself."""
    [film] = json.loads((data / "queue_completed.json").read_text())
    torrent = {"stage": "downloading", "stage_since": "2026-10-02T10:00:00Z", "speed": 9_000_000, "seeds": 3}
    own = {"release": "Four.OLD", "release_id": "filelist:4", "info_hash": "a" * 40, "reason": "downloaded"}
    better = {"release": "Four.NEW", "release_id": "filelist:5", "info_hash": "b" * 40}
    film = {**film, **own, **torrent, "progress": 0.43, "upgrade": {**better, **torrent, "progress": 0.1}}
    write(data / "queue_completed.json", [film])
    text = page.get("/film/four").text
    assert "A better release:" in text
    assert 'value="43"' in text
    assert 'value="10"' in text
    assert "9.0 MB/s, 3 seeds" in text
    write(data / "moved.json", [{**film, "progress": 0.44}])
    move = partial((data / "moved.json").replace, data / "queue_completed.json")
    event = page.events("/film/four/events", move)
    assert 'value="44"' in event["changed"]["state"]
    assert "past" not in event["changed"]


def test_how_its_torrent_seeds(data: Path, page: Page) -> None:
    """Ratio and time against the tracker's rule; what is amiss is said, and where its file is on this machine."""
    [film] = json.loads((data / "queue_completed.json").read_text())
    seeding = {"ratio": 1.25, "seeding_seconds": 200_000, "seen_at": "2026-10-02T10:00:00Z", "settled": True}
    own = {"release": "Four.OLD", "release_id": "filelist:4", "info_hash": "a" * 40, "reason": "downloaded"}
    done = {"stage": "downloaded", "stage_since": "2026-10-02T10:00:00Z", "path": "/downloads/Four.OLD"}
    film = {**film, **own, **done, "seeding": seeding}
    write(data / "queue_completed.json", [film])
    text = page.get("/film/four").text
    assert "can be deleted, seeded for 2 days, ratio 1.25 (as of 2026-10-02" in text
    trouble = {"trouble": "files missing", "trouble_why": "its files are missing in /x"}
    write(data / "queue_completed.json", [{**film, "seeding": {**seeding, **trouble}}])
    text = page.get("/film/four").text
    assert "Downloaded, but its files are missing in /x" in text
    assert "No longer seeding: its files are missing in /x." in text
    assert "needs you" in text


def test_hostile_names_are_text(data: Path, page: Page) -> None:
    """A title is only text, wherever it stands; an address that is none of a site leads nowhere."""
    title = '<img src=x onerror="alert(1)"> \'& ' + "y" * 300
    film = {"id": "KX", "slug": "odd", "title": title, "year": 1995, "url": "javascript:alert(1)"}
    write(data / "queue_pending.json", [{**film, "imdb_id": None, "added_at": "2026-10-01T10:00:00Z"}])
    for path in ("/film/odd", "/add?film=odd"):
        text = page.get(path).text
        assert "<img src=x" not in text
        assert "javascript:alert" not in text
    assert "&lt;img src=x onerror=" in page.get("/film/odd").text


# --- actions --------------------------------------------------------------------------------------


def test_retry(data: Path, page: Page) -> None:
    """A failed film is back in the queue; one that has not failed is not, which is said."""
    shown = page.post("/film/two/retry")
    assert "Back in the queue: Two" in shown.text
    assert held(data, PENDING) == ["K1", "K2"]
    assert "Retry now" not in shown.text
    assert "hasn&#39;t failed" in page.post("/film/one/retry").text


def test_remove_and_undo(data: Path, page: Page) -> None:
    """A removed film keeps its page, which offers it back; Undo is that too."""
    shown = page.post("/film/one/remove")
    assert "Removed One (1995)." in shown.text
    assert 'action="/film/one/add"' in shown.text
    assert "Add it back" in shown.text
    assert held(data, REMOVED) == ["K1"]
    shown = page.post("/film/one/add")
    assert "Queued: One (1995)." in shown.text
    assert held(data, PENDING) == ["K1"]
    assert "Undo" in said(shown.text)
    assert "Undo" not in said(page.post("/film/one/add").text)  # it was there


def test_grab_and_reject(data: Path, page: Page) -> None:
    """The user's word on a release is kept with the film, and each takes the other back."""
    shown = page.post("/film/one/reject", release="filelist:7")
    assert "One (1995): filelist:7 will never be taken." in shown.text
    assert word(data).rejected == (on_filelist(7),)
    assert "rejected by you" in shown.text
    page.post("/film/one/grab", release="filelist:7")
    assert word(data) == UserWord("", on_filelist(7))
    for odd in ("", "../x", "filelist:abc", "other:1", "9" * 5000):
        assert 'class="note bad"' in page.post("/film/one/grab", release=odd).text
    assert word(data) == UserWord("", on_filelist(7))


def test_what_is_not_there(page: Page) -> None:
    """A film that is gone is missing, whatever is asked of it; no button is made up."""
    assert page.get("/film/gone").status == 404
    assert page.post("/film/gone/remove").status == 404
    assert "have that action" in page.post("/film/one/explode").text


def test_beside_a_daemon(data: Path, page: Page) -> None:
    """It carries the request out, and the page shows it; nothing is lost in between."""
    lock = InstanceLock(page.context.paths.daemon_lock)
    assert lock.acquire()
    inbox, ended, queues = (
        Inbox(page.context.paths.inbox, SystemClock()),
        threading.Event(),
        QueueManager(data),
    )
    intake = Services(page.context, stop=ended).intakes(queues)

    def work() -> None:
        while not ended.wait(0.01):
            inbox.drain(lambda request: carry_out(queues, intake, request))

    daemon = threading.Thread(target=work)
    try:
        daemon.start()
        shown = page.post("/film/one/grab", release="filelist:7").text
    finally:
        ended.set()
        daemon.join()
        lock.release()
    assert "will be taken" in shown
    assert "taken by you" in shown


@pytest.mark.parametrize("action", ["retry", "remove", "add", "search", "grab", "reject"])
def test_only_from_the_page(data: Path, page: Page, tracker: FileListStandIn, action: str) -> None:
    """Without token, session or from a foreign page nothing is done, and nobody is asked."""
    before = {path: path.read_bytes() for path in data.glob("queue_*")}
    form = {"release": "filelist:10", "film": "one"}
    for path in (f"/film/two/{action}", "/add"):
        assert page.raw_post(path, form, origin=ADDRESS).status == 403
        own = {**form, "token": page.token}
        assert page.raw_post(path, own, origin="http://evil.example").status == 403
        assert page.raw_post(path, own, origin=ADDRESS, cookie="").status == 401
    assert {path: path.read_bytes() for path in data.glob("queue_*")} == before
    assert searches(tracker) == 0


# --- candidates -----------------------------------------------------------------------------------


def test_candidates(data: Path, tracker: FileListStandIn, page: Page) -> None:
    """They are what `search` shows, for one call; a release's name is only text, and the passkey in none."""
    before = page.get("/film/one").text
    assert "This uses one call from your tracker&#39;s hourly budget." in before
    assert searches(tracker) == 0
    text = page.post("/film/one/search").text
    assert searches(tracker) == 1
    assert len(json.loads((data / "budget.json").read_text())["calls"]) == 1
    assert "the search found 4 releases" in text
    assert "Would be taken" in text
    assert "freeleech" in text
    assert "CAM" in text
    assert "<img src=x" not in text
    assert "\u202e" not in text
    again = page.get("/film/one").text  # it is kept
    assert "Would be taken" in again
    assert "Search again" in again
    assert searches(tracker) == 1
    assert PASSKEY not in before + text + again


def test_candidates_after_the_users_word(data: Path, tracker: FileListStandIn, page: Page) -> None:
    """They are judged anew by what the user says, and keep their numbers; nobody is asked again."""
    page.post("/film/one/search")
    rejected = page.post("/film/one/reject", release="filelist:10").text
    assert "rejected by you" in rejected
    assert rejected.count("Would be taken") == 1
    taken = page.post("/film/one/grab", release="filelist:12").text
    assert "grabbed by you" in taken
    assert word(data) == UserWord("", on_filelist(12), (on_filelist(10),))
    assert searches(tracker) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (filelist_faults.UNAVAILABLE, "FileList"),
        (filelist_faults.REFUSED, "FileList"),
        (filelist_faults.CHALLENGE_PAGE, "FileList"),
        (filelist_faults.CUT_JSON, "FileList"),
    ],
)
def test_a_search_that_fails(
    tracker: FileListStandIn, page: Page, fault: filelist_faults.Fault, words: str
) -> None:
    """It is said in words, and nothing is shown as found."""
    tracker.always(fault)
    text = page.post("/film/one/search").text
    assert words in said(text)
    assert 'class="note bad"' in text
    assert "Search again" not in text
    assert PASSKEY not in text


def test_without_credentials(data: Path, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said which are missing."""
    monkeypatch.setenv("MOVIE_SYNC_KEY_FILE", str(data.parent / "key"))
    assert "passkey" in page.post("/film/one/search").text


def test_one_search_at_a_time(data: Path, tracker: FileListStandIn, page: Page) -> None:
    """A double click asks once: who asks while the search runs is answered by it."""
    tracker.script(filelist_faults.slow(0.2))
    answers = page.post_at_once(2, "/film/one/search")
    assert [answer.status for answer in answers] == [303, 303]
    assert searches(tracker) == 1


def test_a_budget_that_is_used_up(data: Path, tracker: FileListStandIn, page: Page) -> None:
    """It is said, and the tracker is not asked."""
    settings = json.loads((data / "config.json").read_text())
    settings["filelist"]["calls_per_hour"] = 1
    write(data / "config.json", settings)
    page.post("/film/one/search")
    text = page.post("/film/one/search").text
    assert "tracker calls are used up" in text
    assert "Would be taken" in text  # what was found before is still shown
    assert searches(tracker) == 1


# --- Add ------------------------------------------------------------------------------------------


def test_add(data: Path, page: Page) -> None:
    """A film is queued as `add` does it, judged by a preset if one is given; Undo takes it back."""
    shown = page.post("/add", film="three", quality="4k").text
    assert "Queued: Three (1995), with preset 4k." in shown
    assert 'href="/film/three"' in shown
    assert "Undo" not in said(shown)  # it was in a queue before
    assert word(data, "three").preset == "4k"
    assert 'value="three"' not in shown  # the form is empty for the next one
    shown = page.post("/add", film="https://letterboxd.com/film/new-one/").text
    assert "Queued: new-one (not checked: " in shown
    assert 'href="/film/new-one"' in shown
    assert 'action="/film/new-one/remove"' in shown
    assert "Undo" in said(shown)
    assert "Removed new-one." in said(page.post("/film/new-one/remove").text)


def test_add_what_is_not_clear(data: Path, page: Page) -> None:
    """The text stays, and the films that may be meant are buttons."""
    shown = page.post("/add", film="Thre", quality="hd").text
    assert "Did you mean Three (1995)?" in shown
    assert 'name="film" value="three"' in shown
    assert 'value="Thre"' in shown
    assert "<option selected>hd</option>" in shown
    for film, quality in (("", ""), ("one", "nonsense"), ("x" * 5000, "")):
        assert 'class="note bad"' in page.post("/add", film=film, quality=quality).text
    assert held(data, PENDING) == ["K1"]


def test_listed_films_are_suggested(data: Path, page: Page) -> None:
    """The titles of a list that no queue has stand with the field."""
    assert "<datalist" not in page.get("/add").text
    listed = [Movie("K1", "one", "One", 1995), Movie("K9", "nine", "Nine & <b>", 2009)]
    WatchlistStore(data / "watchlist.json", SystemClock()).save(WatchlistMemory("maria", listed))
    assert (
        '<datalist id="titles"><option value="Nine &amp; &lt;b&gt; (2009)"></datalist>'
        in page.get("/add").text
    )
