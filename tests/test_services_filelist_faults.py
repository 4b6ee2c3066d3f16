"""Everything that can go wrong at the tracker's end, through real sockets: told apart, leaking nothing."""

import base64
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator

import pytest
from house import filelist
from house.filelist import HEAT, PASSKEY, TIMEOUT, USER, found_earlier

from movie_sync.demo import filelist_faults as faults
from movie_sync.demo.filelist_faults import Fault, Manner, error, json_body, page, redirect
from movie_sync.demo.filelist_server import API, DOWNLOAD, FileListStandIn, StandInRelease
from movie_sync.demo.torrent_maker import make_info, make_torrent
from movie_sync.errors import (
    AuthError,
    MovieSyncError,
    NetworkError,
    PageChangedError,
    RateLimitError,
    ReleaseError,
    SlowError,
    TooLargeError,
    UnavailableError,
)
from movie_sync.net.http import HttpClient
from movie_sync.services.filelist.client import FileListClient
from movie_sync.storage.call_budget import CallBudget

# Fixtures count where a test file names them.
stop, budget, client = filelist.stop, filelist.budget, filelist.client


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """Run a tracker with one film."""
    with FileListStandIn([HEAT], users={USER: PASSKEY}) as stand_in:
        yield stand_in


# What went wrong; where; which error; words of its message.
API_FAULTS: dict[str, tuple[Fault, type[MovieSyncError], str]] = {
    "refused": (faults.REFUSED, AuthError, "rejected the username or passkey"),
    "refused with 401": (faults.NO_CREDENTIALS, AuthError, "rejected the username or passkey"),
    "refused with 200": (
        error(200, "Invalid passkey/username!"),
        AuthError,
        "rejected the username or passkey",
    ),
    "refused, other words": (error(403, "Cont dezactivat"), AuthError, "Cont dezactivat"),
    "locked": (faults.LOCKED, AuthError, "locked this account out of its API for about an hour"),
    "locked in Romanian": (error(403, "Numar maxim de incercari depasit"), AuthError, "locked this account"),
    "rate limit": (faults.RATE_LIMIT, RateLimitError, "limit is reached"),
    "rate limit page": (page(429, "slow down"), RateLimitError, "limit is reached"),
    "rate limit with 200": (error(200, "Rate limit reached"), RateLimitError, "limit is reached"),
    "action cap": (faults.ACTION_CAP_PAGE, RateLimitError, "used up its actions"),
    "unavailable": (faults.UNAVAILABLE, UnavailableError, "Service unavailable at the moment!"),
    "unavailable page": (faults.UNAVAILABLE_PAGE, UnavailableError, "status 503"),
    "server fault": (faults.SERVER_FAULT, UnavailableError, "status 500"),
    "challenge 403": (faults.CHALLENGE_PAGE, UnavailableError, "credentials aren't the problem"),
    "page 401": (page(401, "proxy"), UnavailableError, "status 401"),
    "page 404": (page(404, "Not Found"), UnavailableError, "status 404"),
    "not modified": (Fault(304, b""), UnavailableError, "status 304"),
    "other error 404": (error(404, "Gone fishing"), UnavailableError, "Gone fishing"),
    "bad request": (error(400, "Invalid filter"), PageChangedError, "didn't understand"),
    "error of odd kind": (json_body(b'{"error":{"a":1}}', 500), UnavailableError, "an error of kind dict"),
    "maintenance 200": (faults.MAINTENANCE_PAGE, PageChangedError, "answered with a web page"),
    "login page 200": (faults.LOGIN_PAGE, PageChangedError, r"base_url in config\.json"),
    "empty body": (json_body(b""), PageChangedError, "something unreadable"),
    "cut JSON": (faults.CUT_JSON, PageChangedError, "something unreadable"),
    "JSON null": (faults.JSON_NULL, PageChangedError, "something unreadable instead"),
    "JSON text": (json_body(b'"hello"'), PageChangedError, "unexpected JSON"),
    "JSON object": (faults.JSON_OBJECT, PageChangedError, "unexpected JSON"),
    "torrents of wrong kind": (json_body(b'{"torrents":5}'), PageChangedError, "unexpected JSON"),
    "rows of wrong kind": (faults.JSON_NUMBER_ROWS, PageChangedError, "None of the 3 rows"),
    "nesting bomb": (faults.JSON_NESTED, PageChangedError, "something unreadable"),
    "memory bomb": (json_body(b"[" + b"{}," * 300_000 + b"{}]"), PageChangedError, "something unreadable"),
    "huge number": (faults.JSON_HUGE_NUMBER, PageChangedError, "something unreadable"),
    "not UTF-8": (json_body(b'[{"name":"\xff"}]'), PageChangedError, "something unreadable"),
    "endless body": (faults.ENDLESS, TooLargeError, "more than 1 MB"),
    "hanging": (faults.HANGING, SlowError, r"timed out after 0\.6 s"),
    "hanging in body": (faults.HANGING_IN_BODY, SlowError, "timed out"),
    "trickling": (faults.trickle(0.01), SlowError, "timed out"),
    "cut body": (faults.CUT, NetworkError, "dropped the connection"),
    "reset": (faults.RESET, NetworkError, "dropped the connection"),
    "reset in body": (faults.RESET_IN_BODY, NetworkError, "dropped the connection"),
    "pieces of negative size": (
        Fault(200, b"-5\r\nabc\r\n", faults.JSON, (("Transfer-Encoding", "chunked"),)),
        NetworkError,
        "dropped the connection",
    ),
    "redirect loop": (redirect("/api.php"), UnavailableError, "in a loop"),
    "redirect elsewhere": (
        redirect("http://elsewhere.example/"),
        UnavailableError,
        r"\(elsewhere\.example\)",
    ),
    "redirect with endless body": (
        Fault(302, b"x" * 65_536, headers=(("Location", "/api.php"),), manner=Manner.ENDLESS),
        UnavailableError,
        "in a loop",
    ),
    "redirect to nowhere": (redirect("http://[half"), UnavailableError, "invalid address"),
    "redirect to a file": (redirect("file:///etc/passwd"), UnavailableError, "another address"),
}
DOWNLOAD_FAULTS: dict[str, tuple[Fault, type[MovieSyncError], str]] = {
    "gone page": (faults.TORRENT_GONE_PAGE, ReleaseError, "gone, or not available"),
    "login page": (faults.LOGIN_PAGE, ReleaseError, "gone, or not available"),
    "empty body": (Fault(200, b""), ReleaseError, "gone, or not available"),
    "404": (page(404, "Not Found"), ReleaseError, r"status 404"),
    "410": (page(410, "Gone"), ReleaseError, r"status 410"),
    "only first byte": (Fault(200, b"d"), ReleaseError, "broken"),
    "half a torrent": (
        Fault(200, make_torrent(make_info("a", size_bytes=99), announce="x")[:-20]),
        ReleaseError,
        "short",
    ),
    "rate limit": (faults.RATE_LIMIT, RateLimitError, "limit is reached"),
    "action cap": (faults.ACTION_CAP_PAGE, RateLimitError, "used up its actions"),
    "refused": (faults.REFUSED, AuthError, "rejected the username or passkey"),
    "locked": (faults.LOCKED, AuthError, "locked this account"),
    "challenge 403": (faults.CHALLENGE_PAGE, UnavailableError, "status 403"),
    "challenge 200": (
        page(200, "<title>Just a moment...</title><script>window._cf_chl_opt = {}</script>"),
        UnavailableError,
        "behind a challenge",
    ),
    "unavailable": (faults.UNAVAILABLE, UnavailableError, "Service unavailable"),
    "server fault": (faults.SERVER_FAULT, UnavailableError, "status 500"),
    "endless body": (faults.ENDLESS, ReleaseError, "larger than 4 MB"),
    "hanging": (faults.HANGING, SlowError, "timed out"),
    "hanging in body": (faults.HANGING_IN_BODY, SlowError, "timed out"),
    "cut body": (faults.CUT, NetworkError, "dropped the connection"),
    "reset": (faults.RESET, NetworkError, "dropped the connection"),
    "redirect elsewhere": (redirect("http://elsewhere.example/"), UnavailableError, "another address"),
    "redirect to login": (redirect("/login.php"), ReleaseError, "status 404"),
    "header rubbish": (Fault(200, b"", headers=(("Content-Length", "abc"),)), MovieSyncError, "."),
}
FAULTS = {f"api: {name}": (API, *case) for name, case in API_FAULTS.items()}
FAULTS |= {f"download: {name}": (DOWNLOAD, *case) for name, case in DOWNLOAD_FAULTS.items()}


@pytest.mark.parametrize(("where", "fault", "kind", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_fault_is_told_apart_and_leaks_nothing(
    client: FileListClient,
    tracker: FileListStandIn,
    caplog: pytest.LogCaptureFixture,
    where: str,
    fault: Fault,
    kind: type[MovieSyncError],
    words: str,
) -> None:
    """Each fault is its own error in plain words, without the passkey; the next right answer is taken."""
    tracker.always(fault, where)
    started_at = time.monotonic()
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=words) as caught:
        call(client, where)
    assert time.monotonic() - started_at < TIMEOUT + 10
    if kind is not MovieSyncError:
        assert type(caught.value) is kind
    assert_no_leak(caught.value, caplog)
    tracker.always(None, where)
    assert call(client, where)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (faults.REFUSED, None),
        (error(200, "Invalid passkey/username!"), None),
        (faults.LOCKED, 3600),
        (error(403, "Numar maxim de incercari depasit"), 3600),
        (error(403, "Cont dezactivat"), 6 * 3600),
        (error(401, "Try another day"), 6 * 3600),
    ],
)
def test_what_of_a_refusal_may_pass(
    client: FileListClient, tracker: FileListStandIn, fault: Fault, seconds: float | None
) -> None:
    """A refused passkey is final until it changes; a lock passes, and unclear words are asked for again, rarely."""
    tracker.always(fault, API)
    with pytest.raises(AuthError) as caught:
        client.latest()
    assert caught.value.retry_after_seconds == seconds


def call(client: FileListClient, where: str) -> object:
    """Make one call of a page."""
    return client.search_imdb("tt0113277") if where == API else client.fetch_torrent(found_earlier())


def assert_no_leak(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """Look for the passkey in an error, in everything that hangs on it, and in every log line."""
    texts = [caplog.text, "".join(traceback.format_exception(error))]
    waiting: list[BaseException | None] = [error]
    while waiting:
        if (current := waiting.pop()) is not None:
            texts += [str(current), repr(current), repr(current.args)]
            waiting += [current.__cause__, current.__context__]
    assert not [text for text in texts if PASSKEY in text or PASSKEY.upper() in text]


@pytest.mark.parametrize("where", [API, DOWNLOAD])
def test_tracker_that_is_not_there(
    stop: threading.Event, budget: CallBudget, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """A refused connection is a NetworkError without the address that holds the passkey."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
        client = FileListClient(http, url, USER, PASSKEY, budget)
        with caplog.at_level(logging.DEBUG), pytest.raises(NetworkError, match="refused") as caught:
            call(client, where)
    assert_no_leak(caught.value, caplog)


@pytest.mark.parametrize("where", [API, DOWNLOAD])
def test_redirect_to_another_host_is_not_followed(
    client: FileListClient, tracker: FileListStandIn, where: str
) -> None:
    """Neither the passkey nor the request reaches a host that an answer names."""
    with FileListStandIn() as other:
        tracker.always(redirect(f"{other.url}/{where}"), where)
        with pytest.raises(UnavailableError, match="isn't followed"):
            call(client, where)
        assert other.requests == []


@pytest.mark.parametrize("where", [API, DOWNLOAD])
def test_a_redirect_to_a_host_named_after_the_passkey(
    client: FileListClient, tracker: FileListStandIn, where: str
) -> None:
    """Where it leads is said without what was sent."""
    tracker.always(redirect(f"http://{PASSKEY}.example/"), where)
    with pytest.raises(UnavailableError, match=r"\(hidden\)\.example") as caught:
        call(client, where)
    assert PASSKEY not in str(caught.value)


_PACKED = base64.b64encode(f"{USER}:{PASSKEY}".encode()).decode()


@pytest.mark.parametrize(
    "echo",
    [PASSKEY.upper(), _PACKED, f"{PASSKEY[:9]}\u200b{PASSKEY[9:]}", f"{PASSKEY[:9]}\u00ad{PASSKEY[9:]}"],
    ids=["capitals", "as in the header", "split by a space of no width", "split by a soft hyphen"],
)
def test_a_tracker_that_repeats_the_passkey_in_another_form(
    client: FileListClient, tracker: FileListStandIn, echo: str
) -> None:
    """Neither an error nor a release's name takes it along."""
    tracker.always(error(403, f"Invalid {echo}"), API)
    with pytest.raises(AuthError, match=r"Invalid \(hidden\)"):
        client.search_imdb("tt0113277")
    tracker.always(None)
    tracker.releases = [StandInRelease(12, f"Heat.1995.{echo}.1080p", imdb="tt0113277")]
    assert [each.name for each in client.search_imdb("tt0113277")] == ["Heat.1995.(hidden).1080p"]


def test_tracker_that_quotes_the_passkey(
    client: FileListClient, tracker: FileListStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """The tracker's own words are shown short and printable, and without the passkey in them."""
    tracker.always(error(403, f"Invalid {PASSKEY} \\u001b[31m" + "x" * 500))
    with pytest.raises(AuthError) as caught:
        client.latest()
    assert_no_leak(caught.value, caplog)
    assert "Invalid (hidden) [31mxxx" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert caught.value.service == "FileList"


def test_redirect_that_is_not_to_be_followed(tracker: FileListStandIn, stop: threading.Event) -> None:
    """Whoever wants to look at a redirect gets it as an answer."""
    tracker.always(redirect("magnet:?xt=urn:btih:00"), DOWNLOAD)
    http = HttpClient("FileList", stop=stop, timeout_seconds=TIMEOUT)
    answer = http.get(f"{tracker.url}/{DOWNLOAD}", follow=False)
    assert (answer.status, answer.headers["location"]) == (302, "magnet:?xt=urn:btih:00")
    assert len(tracker.requests) == 1
