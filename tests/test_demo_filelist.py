"""The stand-in tracker answers as the real one is known to."""

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from house.fakes import FakeClock

from movie_sync.demo.filelist_http import SeenRequest
from movie_sync.demo.filelist_server import API, DOWNLOAD, FileListStandIn, StandInRelease

USER, PASSKEY = "some_user", "5ec2e7000000000000000000c0ffee42"
HEAT = StandInRelease(10, "Heat.1995.1080p.BluRay.x264-AMIABLE", imdb="tt0113277")
M = StandInRelease(11, "M.1931.1080p.BluRay.x264-CiNEFiLE", imdb="tt0022100", freeleech=True, internal=True)
FIELDS = frozenset(
    {"id", "name", "imdb", "freeleech", "doubleup", "upload_date", "download_link", "size", "internal"}
    | {"moderated", "category", "seeders", "leechers", "times_completed", "comments", "files"}
    | {"small_description"}
)


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """Run a tracker with two films."""
    with FileListStandIn([HEAT, M], users={USER: PASSKEY}) as stand_in:
        yield stand_in


def ask(
    tracker: FileListStandIn, query: str, method: str = "GET", passkey: str = PASSKEY
) -> tuple[int, bytes]:
    """Ask the API without the client, with credentials in the query."""
    return fetch(f"{tracker.url}/{API}?username={USER}&passkey={passkey}&{query}", method)


def fetch(url: str, method: str = "GET") -> tuple[int, bytes]:
    """Return status and body of any answer."""
    request = Request(url, method=method)
    try:
        with urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except OSError as exc:
        with exc:
            return exc.code, exc.read()


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("action=search-torrents&type=name&query=heat", 200, b"Heat"),
        ("action=search-torrents&type=imdb&query=0113277&category=", 200, b"tt0113277"),
        ("action=search-torrents&type=imdb&query=tt113277", 200, b"[]"),
        ("action=search-torrents&type=imdb&query=tt0022100&freeleech=0", 200, b"[]"),
        ("action=latest-torrents&freeleech=1&category=4", 200, b"Heat"),
        ("action=latest-torrents&limit=101", 400, b"error"),
        ("action=search-torrents&type=name&query=", 400, b"error"),
        ("action=search-torrents&type=name&query=heat&internal=2", 400, b"error"),
        ("action=search-torrents&type=title&query=heat", 400, b"error"),
        ("action=nonsense", 400, b"error"),
        ("action=latest-torrents&category=4,%2011", 400, b"11 is not a valid category!"),
    ],
)
def test_stand_in_takes_the_parameters_of_the_api(
    tracker: FileListStandIn, query: str, status: int, words: bytes
) -> None:
    """Right ones are answered and wrong ones refused as the tracker does."""
    answer = ask(tracker, query)
    assert answer[0] == status
    assert words in answer[1]


def test_stand_in_answers_in_the_trackers_form(tracker: FileListStandIn) -> None:
    """A row has the known fields, slashes are escaped, and the link carries the caller's passkey."""
    _, body = ask(tracker, "action=search-torrents&type=name&query=heat")
    assert f"\\/download.php?id=10&passkey={PASSKEY}".encode() in body
    (row,) = json.loads(body)
    assert set(row) == FIELDS
    assert ask(tracker, "action=latest-torrents", method="POST")[0] == 405


def test_stand_in_limits_the_rolling_hour() -> None:
    """The call beyond the limit is refused until the first is an hour old."""
    clock = FakeClock()
    with FileListStandIn([HEAT], users={USER: PASSKEY}, calls_per_hour=2, now=clock.now) as tracker:
        statuses = []
        for seconds in (0, 1800, 0, 1799, 1):
            clock.advance(seconds)
            statuses.append(ask(tracker, "action=latest-torrents")[0])
    assert statuses == [200, 200, 429, 429, 200]


def test_stand_in_locks_after_wrong_log_ins() -> None:
    """While the lock holds, right credentials are refused too."""
    clock = FakeClock()
    with FileListStandIn([HEAT], users={USER: PASSKEY}, now=clock.now) as tracker:
        tracker.lock_after = 2
        answers = [ask(tracker, "action=latest-torrents", passkey=key) for key in ("", "no", "no", PASSKEY)]
        clock.advance(3600)
        answers.append(ask(tracker, "action=latest-torrents"))
    assert [status for status, _ in answers] == [401, 403, 403, 403, 200]
    assert b"Too many failed authentications" in answers[3][1]


def test_stand_in_gives_pages_where_it_gives_no_torrent(tracker: FileListStandIn) -> None:
    """A wrong number, a wrong passkey and a release that was taken away are pages with status 200."""
    tracker.releases[1] = StandInRelease(11, M.name, is_torrent_gone=True)
    for query in (f"id=99&passkey={PASSKEY}", "id=10&passkey=no", f"id=11&passkey={PASSKEY}"):
        status, body = fetch(f"{tracker.url}/{DOWNLOAD}?{query}")
        assert (status, b"<html>" in body) == (200, True)
    assert fetch(f"{tracker.url}/{DOWNLOAD}?id=10&passkey={PASSKEY}")[1] == tracker.torrent_for(HEAT, PASSKEY)


def test_stand_in_shows_a_release_from_its_moment_on() -> None:
    """A release that appears later is neither searched nor listed before."""
    clock = FakeClock()
    late = StandInRelease(12, "Late.Film.2020", appears_at=FakeClock().now().replace(hour=13))
    with FileListStandIn([late], users={USER: PASSKEY}, now=clock.now) as tracker:
        assert ask(tracker, "action=latest-torrents")[1] == b"[]"
        clock.advance(3600)
        assert b"Late.Film" in ask(tracker, "action=latest-torrents")[1]


def test_stand_in_tells_of_a_request_before_it_answers(tracker: FileListStandIn) -> None:
    """Who watches it learns of a request, its parameters included, while the answer can still change."""
    told: list[tuple[str, str]] = []

    def on_request(request: SeenRequest) -> None:
        told.append((request.page, request.params["action"]))
        tracker.releases.clear()

    tracker.on_request = on_request
    assert ask(tracker, "action=latest-torrents") == (200, b"[]")
    assert told == [(API, "latest-torrents")]
