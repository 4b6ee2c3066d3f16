"""The FileList client against a stand-in tracker, through real sockets."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from house import filelist
from house.fakes import FakeClock
from house.filelist import HEAT, PASSKEY, TIMEOUT, USER, found_earlier
from house.films import on_filelist

from movie_sync.demo import filelist_faults as faults
from movie_sync.demo.filelist_faults import error, json_body
from movie_sync.demo.filelist_server import API, DOWNLOAD, FileListStandIn, StandInRelease
from movie_sync.domain.models import Filing, Release
from movie_sync.errors import (
    AuthError,
    BudgetError,
    RateLimitError,
    RefusedQueryError,
    ReleaseError,
    Stopped,
    StorageError,
    UnavailableError,
)
from movie_sync.net.http import HttpClient
from movie_sync.services.filelist.client import FileListClient
from movie_sync.storage.call_budget import CallBudget

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "filelist"
# Fixtures count where a test file names them.
stop, budget, client = filelist.stop, filelist.budget, filelist.client
M = StandInRelease(11, "M.1931.1080p.BluRay.x264-CiNEFiLE", imdb="tt0022100", freeleech=True, internal=True)


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """Run a tracker with two films."""
    with FileListStandIn([HEAT, M], users={USER: PASSKEY}) as stand_in:
        yield stand_in


# --- What is asked, and what is understood ---------------------------------------------------------


def test_search_by_imdb_id(client: FileListClient, tracker: FileListStandIn) -> None:
    """A row becomes a release with every field in its own unit."""
    uploaded_at = datetime(2026, 7, 20, 18, 30, tzinfo=UTC)
    tracker.releases[0] = StandInRelease(
        10,
        HEAT.name,
        imdb="tt0113277",
        size_bytes=12_000_000_000,
        uploaded_at=uploaded_at,
    )
    assert client.search_imdb("tt0113277") == [
        Release(
            id=on_filelist(10),
            name="Heat.1995.1080p.BluRay.x264-AMIABLE",
            size_bytes=12_000_000_000,
            seeders=25,
            imdb_id="tt0113277",
            uploaded_at=uploaded_at,
        )
    ]


def test_requests_are_as_documented_and_keep_the_passkey_out_of_the_address(
    client: FileListClient, tracker: FileListStandIn
) -> None:
    """The API gets Basic authentication and known parameters only; download.php gets id and passkey."""
    client.search_imdb("tt0113277")
    client.search_name("  Heat \n 1995 ")
    client.latest(30)
    client.fetch_torrent(found_earlier())
    categories = "1,2,3,4,6,15,19,20,24,25,26,28"
    assert [(seen.page, seen.params) for seen in tracker.requests] == [
        (API, {"action": "search-torrents", "type": "imdb", "query": "tt0113277", "category": categories}),
        (API, {"action": "search-torrents", "type": "name", "query": "Heat 1995", "category": categories}),
        (API, {"action": "latest-torrents", "limit": "30", "category": categories}),
        (DOWNLOAD, {"id": "10", "passkey": PASSKEY}),
    ]
    assert [bool(seen.headers.get("authorization")) for seen in tracker.requests] == [True, True, True, False]
    assert tracker.requests[-1].headers["accept"] == "application/x-bittorrent"


def test_blanks_round_credentials_and_base_address_do_no_harm(
    tracker: FileListStandIn, stop: threading.Event, budget: CallBudget
) -> None:
    """Pasted values often carry blanks, and addresses a slash."""
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    client = FileListClient(http, f" {tracker.url}/ ", f" {USER}\n", f"\t{PASSKEY} ", budget)
    assert len(client.search_imdb("tt0113277")) == 1
    assert client.fetch_torrent(found_earlier()).info_hash == HEAT.info_hash


def test_user_name_beyond_latin_letters(
    tracker: FileListStandIn, stop: threading.Event, budget: CallBudget
) -> None:
    """A name that does not fit Latin-1 is sent as UTF-8 instead of breaking the request."""
    tracker.users = {"Ștefan": PASSKEY}
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    assert len(FileListClient(http, tracker.url, "Ștefan", PASSKEY, budget).latest()) == 2


def test_name_search_finds_all_words_and_latest_the_newest(
    client: FileListClient, tracker: FileListStandIn
) -> None:
    """Short words are searched too; an empty text is not sent."""
    assert [found.id.number for found in client.search_name("m 1931")] == [11]
    assert client.search_name("m 1932") == []
    assert client.search_name(" \x00 ") == []
    assert [found.id.number for found in client.latest()] == [11, 10]
    assert len(client.latest(1)) == len(client.latest(0)) == 1
    assert len(tracker.requests) == 5


def test_text_that_is_no_imdb_id_is_not_sent(client: FileListClient, tracker: FileListStandIn) -> None:
    """Nothing is filed under it, and the tracker need not be asked."""
    assert client.search_imdb("heat") == client.search_imdb("tt1\n2345678") == []
    assert tracker.requests == []


def test_release_that_appears_later_is_found_then(client: FileListClient, tracker: FileListStandIn) -> None:
    """No answer is kept: the second search finds what the first did not."""
    tracker.releases.append(StandInRelease(12, "Late.Film.2020", imdb="tt1234567", hidden_searches=1))
    assert [len(client.search_imdb("tt1234567")) for _ in range(3)] == [0, 1, 1]


@pytest.mark.parametrize(
    "category",
    [(4, Filing()), (2, Filing("DVD", "480p")), (26, Filing("Bluray", "2160p")), (25, Filing(is_3d=True))],
)
def test_both_generations_of_category_names(
    client: FileListClient, tracker: FileListStandIn, category: tuple[int, Filing]
) -> None:
    """Old and new names say the same of a release."""
    number, filed_as = category
    tracker.releases = [StandInRelease(1, "A.Film", category=number)]
    found = []
    for tracker.has_new_category_names in (False, True):
        found += [item.filed_as for item in client.latest()]
    assert found == [filed_as] * 2


@pytest.mark.parametrize(
    ("comment", "number"),
    [
        ("https://filelist.io/details.php?id=4711", 4711),
        ("see http://www.FileList.io/details.php?id=4711 there", 4711),
        ("details.php?id=4711", 4711),
        ("https://another.invalid/details.php?id=4711", None),
        ("https://filelist.io/details.php?id=0", None),
        ("https://filelist.io/details.php?id=x", None),
        ("", None),
    ],
)
def test_a_torrents_comment_names_its_release(
    client: FileListClient, comment: str, number: int | None
) -> None:
    """By the address of its page here; another tracker's page of the same name is none of ours."""
    assert client.release_in(comment) == (on_filelist(number) if number else None)


def test_older_forms_of_the_answer(client: FileListClient, tracker: FileListStandIn) -> None:
    """No doubleup, no IMDb id, rows inside an object, 404 for nothing: all were seen and are understood."""
    tracker.has_doubleup, tracker.is_imdb_null, tracker.wraps_rows = False, True, True
    (found,) = client.search_imdb("tt0113277")
    assert found.imdb_id is None
    tracker.is_nothing_404 = True
    assert client.search_imdb("tt9999999") == []
    tracker.script(faults.json_body(b"[]", 404))
    assert client.search_imdb("tt9999999") == []


def test_category_that_the_tracker_dropped(
    client: FileListClient, tracker: FileListStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """If one of the ids is refused, searches go on without any, and this is said once."""
    tracker.script(error(400, "28 is not a valid category!"))
    assert len(client.search_imdb("tt0113277")) == len(client.search_imdb("tt0022100")) == 1
    assert ["category" in seen.params for seen in tracker.requests] == [True, False, False]
    assert [record.levelname for record in caplog.records if "dropped a film category" in record.message] == [
        "WARNING"
    ]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real samples are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("radarr_RecentFeed.json", [665873, 665872, 665870, 665868]),
        ("sample_2020-04_jackett_pr7987.json", [684881]),
        ("sample_2023-06_kodi_docstring.json", [838752]),
    ],
)
def test_real_answers_are_read_whole(
    client: FileListClient,
    tracker: FileListStandIn,
    caplog: pytest.LogCaptureFixture,
    name: str,
    ids: list[int],
) -> None:
    """Answers that the tracker once gave are understood without a warning."""
    tracker.script(json_body((REAL / name).read_bytes()))
    found = client.latest()
    assert [item.id.number for item in found] == ids
    assert all(item.imdb_id and item.uploaded_at for item in found)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_thousand_rows_are_read(client: FileListClient, tracker: FileListStandIn) -> None:
    """More rows than the tracker ever gave are no fault."""
    many = [{"id": number, "name": f"Film.{number}", "size": 5, "seeders": 0} for number in range(1, 1001)]
    tracker.script(json_body(json.dumps(many).encode()))
    assert len(client.latest()) == 1000


# --- Torrents --------------------------------------------------------------------------------------


def test_torrent_is_fetched_whole(client: FileListClient, tracker: FileListStandIn) -> None:
    """The bytes are those of the tracker, the hash is that of their info."""
    torrent = client.fetch_torrent(found_earlier())
    assert torrent.content == tracker.torrent_for(HEAT, PASSKEY)
    assert (torrent.info_hash, torrent.size_bytes) == (HEAT.info_hash, HEAT.size_bytes)
    assert PASSKEY not in repr(torrent)


def test_torrent_of_another_size_is_refused(client: FileListClient) -> None:
    """A torrent of half the listed size is not what was chosen."""
    with pytest.raises(ReleaseError, match=r"is 12\.00 GB, but FileList lists it as 30\.00 GB"):
        client.fetch_torrent(found_earlier(size_bytes=30_000_000_000))
    assert client.fetch_torrent(found_earlier(size_bytes=11_900_000_000)).size_bytes == 12_000_000_000


# --- Faults of the film, waits, shutdown ------------------------------------------------------------


def call(client: FileListClient, where: str) -> object:
    """Make one call of a page."""
    return client.search_imdb("tt0113277") if where == API else client.fetch_torrent(found_earlier())


def test_title_that_the_tracker_does_not_accept_is_the_films_failure(
    client: FileListClient, tracker: FileListStandIn
) -> None:
    """One odd title must not stop the calls for all other films."""
    tracker.script(error(400, "Invalid search/filter"))
    with pytest.raises(RefusedQueryError, match="doesn't accept the title"):
        client.search_name("千と千尋の神隠し")


def test_wait_that_the_tracker_asks_for_is_passed_on_within_reason(
    client: FileListClient, tracker: FileListStandIn
) -> None:
    """Retry-After is obeyed up to the hour that the limit is about; the action cap is for an hour."""
    waits = []
    for fault in (
        error(429, "Rate limit reached", ("Retry-After", "90")),
        error(429, "Rate limit reached", ("Retry-After", "9" * 400)),
        faults.RATE_LIMIT,
        faults.ACTION_CAP_PAGE,
    ):
        tracker.script(fault)
        with pytest.raises(RateLimitError) as caught:
            client.latest()
        waits.append(caught.value.retry_after_seconds)
    assert waits == [90, 3600, None, 3600]


def test_slow_answer_within_the_limit_is_taken(client: FileListClient, tracker: FileListStandIn) -> None:
    """Slow is not wrong."""
    tracker.script(faults.slow(0.2))
    assert len(client.latest()) == 2


def test_stop_ends_a_hanging_request(
    tracker: FileListStandIn, stop: threading.Event, budget: CallBudget
) -> None:
    """A shutdown does not wait for the tracker."""
    http = HttpClient("FileList", stop=stop, timeout_seconds=30)
    client = FileListClient(http, tracker.url, USER, PASSKEY, budget)
    tracker.script(faults.HANGING)
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    started_at = time.monotonic()
    with pytest.raises(Stopped):
        client.latest()
    assert time.monotonic() - started_at < 15
    timer.join()


# --- Budget and credentials ------------------------------------------------------------------------


def test_searches_and_torrents_share_one_budget(
    client: FileListClient, tracker: FileListStandIn, budget: CallBudget
) -> None:
    """Every call counts, failed ones too; without a free one the tracker is not asked."""
    client.search_imdb("tt0113277")
    client.latest()
    client.fetch_torrent(found_earlier())
    tracker.script(faults.SERVER_FAULT)
    with pytest.raises(UnavailableError):
        client.search_name("heat")
    assert budget.free() == 196
    for _ in range(196):
        budget.take()
    for where in (API, DOWNLOAD):
        with pytest.raises(BudgetError):
            call(client, where)
    assert len(tracker.requests) == 4


def test_a_redirect_counts_as_a_call(
    client: FileListClient, tracker: FileListStandIn, budget: CallBudget
) -> None:
    """The tracker is asked twice then; when no second call is free it is not."""
    again = faults.redirect("/api.php?action=latest-torrents&limit=1")
    tracker.script(again, None, again)
    assert client.latest(1)
    assert budget.free() == 198
    for _ in range(197):
        budget.take()
    with pytest.raises(BudgetError):
        client.latest(1)
    assert len(tracker.requests) == 3


def test_call_that_cannot_be_counted_is_not_made(
    tracker: FileListStandIn, stop: threading.Event, tmp_path: Path
) -> None:
    """A count that cannot be written ends the call before it is made."""
    budget = CallBudget(tmp_path / "missing" / "calls.json", 5, FakeClock())
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    with pytest.raises(StorageError):
        FileListClient(http, tracker.url, USER, PASSKEY, budget).latest()
    assert tracker.requests == []


@pytest.mark.parametrize(("username", "passkey"), [("", PASSKEY), (USER, "  ")])
def test_missing_credentials_cost_no_call(
    tracker: FileListStandIn, stop: threading.Event, budget: CallBudget, username: str, passkey: str
) -> None:
    """An empty value is known to be wrong without asking, and refusals are counted over there."""
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    client = FileListClient(http, tracker.url, username, passkey, budget)
    for where in (API, DOWNLOAD):
        with pytest.raises(AuthError, match="missing"):
            call(client, where)
    assert (tracker.requests, budget.free()) == ([], 200)


def test_wrong_passkey_then_lock_then_right_passkey(
    tracker: FileListStandIn, stop: threading.Event, budget: CallBudget
) -> None:
    """Refusals lock the account for a time, even for the right passkey; each state has its message."""
    tracker.lock_after = 2
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    wrong = FileListClient(http, tracker.url, USER, "wrong", budget)
    right = FileListClient(http, tracker.url, USER, PASSKEY, budget)
    for client, words in ((wrong, "rejected"), (wrong, "rejected"), (right, "locked")):
        with pytest.raises(AuthError, match=words):
            client.latest()
