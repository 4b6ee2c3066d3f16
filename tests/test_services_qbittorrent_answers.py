"""QBittorrentClient against answers that a real qBittorrent cannot be made to give."""

import dataclasses
import json
import logging
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest
from house.fakes import FakeClock
from house.torrent_clients import qbittorrent_client as make_client
from stand_ins.hurry import HurriedStop, in_a_hurry
from stand_ins.qbittorrent import ADD, INFO, LOGIN, VERSION, Answer, Manner, QBittorrentStandIn

from movie_sync.domain.models import TorrentFile
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import (
    AuthError,
    MovieSyncError,
    NetworkError,
    ReleaseError,
    SlowError,
    Stopped,
    TransientError,
    UnavailableError,
)

_HASH = "0123456789abcdef0123456789abcdef01234567"
_PASSKEY = "f00df00df00df00df00df00df00df00d"
_PASSWORD = "correct-horse"
_ROW = {
    "hash": _HASH,
    "name": "A.Film.1950.1080p",
    "progress": 0.25,
    "state": "downloading",
    "content_path": "/films/A.Film.1950.1080p",
    "tracker": f"http://127.0.0.1:9/{_PASSKEY}/announce",
    "magnet_uri": f"magnet:?xt=urn:btih:{_HASH}&tr=http%3A%2F%2F127.0.0.1%2F{_PASSKEY}%2Fannounce",
}
_TORRENT = TorrentFile(_HASH, "A.Film.1950.1080p", 1, f"d8:announce{_PASSKEY}e".encode())


@pytest.fixture
def stand_in() -> Iterator[QBittorrentStandIn]:
    """A stand-in that answers rightly until told otherwise."""
    with QBittorrentStandIn() as running:
        yield running


TAKEN = [
    pytest.param(Answer(200, b"Ok."), id="4.5"),
    pytest.param(Answer(200, b'{"success_count":1,"failure_count":0,"pending_count":0}'), id="5.2"),
]
NOT_TAKEN = [
    pytest.param(Answer(200, b"Fails."), id="4.5"),
    pytest.param(Answer(409, b"Conflict"), id="5.2"),
    pytest.param(Answer(200, b'{"success_count":0,"failure_count":1}'), id="5.2 JSON"),
]


@pytest.mark.parametrize("answer", TAKEN)
def test_taken_and_shown_later(stand_in, answer):
    """A torrent that shows itself only after some looks is handed over."""
    stand_in.script[INFO].extend([Answer(body=b"[]")] * 4)
    stand_in.script[ADD].append(answer)
    stand_in.rows.append(_ROW)
    assert make_client(stand_in.url, **in_a_hurry()).hand_over(_TORRENT) is True


@pytest.mark.parametrize("answer", TAKEN)
def test_taken_but_never_shown(stand_in, answer):
    """What qBittorrent takes and does not show within 10 s is no success, and not added again."""
    clock = FakeClock()
    stop = HurriedStop(clock)
    stand_in.always[ADD] = answer
    with pytest.raises(UnavailableError, match="doesn't list it after 10 s"):
        make_client(stand_in.url, stop=stop, clock=clock).hand_over(_TORRENT)
    assert stand_in.seen.count(ADD) == 1
    assert sum(stop.waited) == pytest.approx(10.0)


@pytest.mark.parametrize("answer", NOT_TAKEN)
def test_not_taken_because_it_is_there(stand_in, answer):
    """A refusal of what is there after all is no failure, and it was there before."""
    stand_in.script[INFO].append(Answer(body=b"[]"))
    stand_in.script[ADD].append(answer)
    stand_in.rows.append(_ROW)
    assert make_client(stand_in.url, **in_a_hurry()).hand_over(_TORRENT) is False


@pytest.mark.parametrize("answer", NOT_TAKEN)
def test_not_taken_and_not_there(stand_in, answer):
    """A refusal of what is not there is the release's failure, after a second try."""
    stand_in.always[ADD] = answer
    with pytest.raises(ReleaseError, match="rejected"):
        make_client(stand_in.url, **in_a_hurry()).hand_over(_TORRENT)
    assert stand_in.seen.count(ADD) == 2


def test_not_taken_while_still_loading(stand_in):
    """A qBittorrent that refuses files for a moment after its start gets them a little later."""
    stand_in.script[ADD].append(Answer(200, b"Fails."))
    stand_in.row_when_added = _ROW
    assert make_client(stand_in.url, **in_a_hurry()).hand_over(_TORRENT) is True


def test_a_torrent_of_both_versions_may_be_shown_by_either_hash(stand_in):
    """A qBittorrent with libtorrent 1.2 shows the one, with 2.0 the other; it is seen there by both."""
    torrent = dataclasses.replace(_TORRENT, info_hash="ab" * 20, other_hash=_HASH)
    stand_in.row_when_added = _ROW
    client = make_client(stand_in.url, **in_a_hurry())
    assert client.hand_over(torrent) is True
    assert client.hand_over(torrent) is False
    assert list(client.states(torrent.info_hashes)) == [_HASH]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, b"<html>hello</html>"), id="page"),
        pytest.param(Answer(200, b""), id="empty"),
        pytest.param(Answer(200, b"5"), id="number"),
        pytest.param(Answer(200, b"[1, 2]"), id="list"),
        pytest.param(Answer(200, b"[" * 100_000), id="nested"),
        pytest.param(Answer(500, b"oops"), id="500"),
        pytest.param(Answer(503, b"oops"), id="503"),
        pytest.param(Answer(413, b"too large"), id="413"),
        pytest.param(Answer(400, b"The plain HTTP request was sent to HTTPS port"), id="400"),
        pytest.param(Answer(404, b"Not Found"), id="404"),
    ],
)
def test_odd_answer_to_an_added_torrent(stand_in, answer):
    """Nothing is concluded about the release from an answer that is not qBittorrent's."""
    stand_in.always[ADD] = answer
    with pytest.raises(UnavailableError):
        make_client(stand_in.url, **in_a_hurry()).hand_over(_TORRENT)


def test_file_that_is_no_torrent(stand_in):
    """The answer 415 is about the release."""
    stand_in.always[ADD] = Answer(415, b"Error: 'torrent__0' is not a valid torrent file.")
    with pytest.raises(ReleaseError):
        make_client(stand_in.url).hand_over(_TORRENT)


ODD_LISTS = [
    b"",
    b"null",
    b"{}",
    b"5",
    b'"text"',
    b"[1]",
    b"[null]",
    b'[{"name": "no hash"}]',
    b'[{"hash": 5, "name": "wrong type"}]',
    b'[{"hash": "0123", "name"',
    b"<html>hello</html>",
    b"[" * 100_000,
    b"\xff\xfe\x00",
]


@pytest.mark.parametrize("body", ODD_LISTS, ids=range(len(ODD_LISTS)))
def test_odd_list_is_no_empty_list(stand_in, body):
    """From a list that cannot be read nothing is concluded, neither for one torrent nor for all."""
    stand_in.always[INFO] = Answer(body=body)
    client = make_client(stand_in.url)
    for look in (lambda: list(client.torrents()), lambda: client.find(_HASH)):
        with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
            look()
    stand_in.always.clear()
    assert list(client.torrents()) == []


@pytest.mark.parametrize(
    ("row", "path"),
    [
        pytest.param(b"{}", INFO, id="empty-info"),
        pytest.param(b"{}", ADD, id="empty-add"),
        pytest.param(b'{"hash":"a"}', INFO, id="short-info", marks=pytest.mark.long),
        pytest.param(b'{"hash":"a"}', ADD, id="short-add"),
    ],
)
def test_an_answer_of_very_many_parts_costs_little_memory(stand_in, path, row):
    """It is refused before it is parsed: a small text can stand for hundreds of megabytes."""
    stand_in.always[path] = Answer(body=b"[" + (row + b",") * (3_000_000 // len(row)) + row + b"]")
    client = make_client(stand_in.url, timeout=60.0)
    tracemalloc.start()
    try:
        with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
            client.hand_over(_TORRENT)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_fields_of_other_types_are_left_out(stand_in):
    """A torrent whose lesser fields are missing or odd is still known by its hash."""
    stand_in.rows.append({"hash": _HASH.upper(), "name": None, "progress": "much", "state": 3})
    (held,) = make_client(stand_in.url).torrents()
    assert (held.info_hash, held.name, held.progress, held.phase, held.comment) == (
        _HASH,
        "",
        0.0,
        TorrentPhase.UNKNOWN,
        "",
    )


FAULTS = [
    pytest.param(Answer(500, b"oops"), UnavailableError, "HTTP 500", id="500"),
    pytest.param(Answer(502, b"oops"), UnavailableError, "HTTP 502", id="502"),
    pytest.param(Answer(401, b"Unauthorized"), UnavailableError, "server domains", id="401"),
    pytest.param(
        Answer(401, b"Authorization Required", {"WWW-Authenticate": 'Basic realm="films"'}),
        UnavailableError,
        "A proxy in front of .* wants a login of its own",
        id="a proxy's login",
    ),
    pytest.param(Answer(404, b"Not Found"), UnavailableError, "HTTP 404", id="404"),
    pytest.param(Answer(429, b"Slow down"), UnavailableError, "HTTP 429", id="429"),
    pytest.param(
        Answer(200, b"", {"Content-Encoding": "gzip"}), UnavailableError, "doesn't look like", id="compressed"
    ),
    pytest.param(Answer(manner=Manner.HANG), SlowError, "timed out", id="hang"),
    pytest.param(
        Answer(body=b"v4.5.2", manner=Manner.HANG_IN_BODY), SlowError, "timed out", id="hang in body"
    ),
    pytest.param(Answer(body=b"v" * 1000, manner=Manner.TRICKLE), SlowError, "timed out", id="trickle"),
    pytest.param(Answer(manner=Manner.RESET), NetworkError, "dropped the connection", id="reset"),
    pytest.param(Answer(body=b"v4.5.2", manner=Manner.CUT), NetworkError, "dropped", id="cut"),
    pytest.param(
        Answer(manner=Manner.ENDLESS), UnavailableError, "doesn't look like qBittorrent", id="endless"
    ),
    pytest.param(Answer(body=b"<html>"), UnavailableError, "doesn't look like qBittorrent", id="page"),
    pytest.param(Answer(body=b""), UnavailableError, "doesn't look like qBittorrent", id="empty"),
]


@pytest.mark.parametrize(("answer", "kind", "words"), FAULTS)
def test_fault_is_told_apart_and_passes(stand_in, answer, kind, words):
    """Each fault has its own kind and words, comes back soon, and the next success is taken up."""
    stand_in.always[VERSION] = answer
    client = make_client(stand_in.url)
    started_at = time.monotonic()
    with pytest.raises(TransientError, match=words) as caught:
        client.version()
    assert type(caught.value) is kind
    assert time.monotonic() - started_at < 10.0
    assert stand_in.seen.count(VERSION) <= 2, "no storm of retries"
    stand_in.always.clear()
    assert client.version() == "v4.5.2"


def test_redirect_is_not_followed(stand_in):
    """A redirect takes neither the password nor anything else to another host."""
    with QBittorrentStandIn() as other:
        for path in (VERSION, LOGIN):
            stand_in.always = {path: Answer(307, b"", {"Location": f"{other.url}/api/v2/{path}?secret=1"})}
            with pytest.raises(UnavailableError, match="redirects to") as caught:
                make_client(stand_in.url).version()
            assert other.url in str(caught.value)
            assert "secret" not in str(caught.value)
        assert other.seen == []


def test_a_redirect_to_a_host_named_after_the_password(stand_in):
    """Where it leads is said without what was sent."""
    client = make_client(stand_in.url)
    stand_in.always = {LOGIN: Answer(302, b"", {"Location": f"http://{_PASSWORD}.example/"})}
    with pytest.raises(UnavailableError, match=r"\(hidden\)\.example") as caught:
        client.version()
    assert _PASSWORD not in str(caught.value).casefold()


def test_lost_session_costs_one_login(stand_in):
    """When the session is lost, two threads at work log in once between them."""
    client = make_client(stand_in.url)
    client.version()
    stand_in.lose_sessions()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                client.find(_HASH)
        except MovieSyncError as exc:
            failures.append(exc)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stand_in.seen.count(LOGIN) == 2


def test_login_that_does_not_help(stand_in):
    """A login that is accepted and then forgotten is an outage, told once per call."""
    stand_in.always[VERSION] = Answer(403, b"Forbidden")
    with pytest.raises(UnavailableError, match="accepted the login"):
        make_client(stand_in.url).version()
    assert stand_in.seen.count(LOGIN) == 1


@pytest.mark.parametrize("answer", [Answer(200, b"Fails."), Answer(401, b"Unauthorized")], ids=["4.5", "5.2"])
def test_refused_login_sends_nothing_more(stand_in, answer):
    """After a refused login no call sends anything."""
    stand_in.always[LOGIN] = answer
    client = make_client(stand_in.url)
    for attempt in (client.version, lambda: list(client.torrents()), lambda: client.hand_over(_TORRENT)):
        with pytest.raises(AuthError):
            attempt()
    assert stand_in.seen == [VERSION, LOGIN]


def test_a_proxys_login_is_no_refused_password(stand_in):
    """A proxy that wants a login of its own is named, also at the login, and asked again the next time."""
    stand_in.always[LOGIN] = Answer(
        401, b"Authorization Required", {"WWW-Authenticate": 'Basic realm="films"'}
    )
    client = make_client(stand_in.url)
    with pytest.raises(UnavailableError, match="a login of its own"):
        client.version()
    stand_in.always.clear()
    assert client.version() == "v4.5.2"


@pytest.mark.parametrize(
    "body",
    [b"<html>Back soon</html>", b"null", b'{"error": "busy"}', b"Okay"],
    ids=["page", "null", "JSON", "text"],
)
def test_a_login_answer_that_is_neither_yes_nor_no_passes(stand_in, body):
    """Whatever stands before qBittorrent for a while has not refused the password: it is tried again."""
    stand_in.always[LOGIN] = Answer(200, body)
    client = make_client(stand_in.url)
    with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
        client.version()
    stand_in.always.clear()
    assert client.version() == "v4.5.2"


def test_empty_login_answer_is_a_success(stand_in):
    """The empty 204 of newer versions is a login."""
    stand_in.asks_for_login = False
    stand_in.script[VERSION].append(Answer(403, b"Forbidden"))
    stand_in.always[LOGIN] = Answer(204, b"", {"Set-Cookie": "QBT_SID_8080=abc; path=/"})
    assert make_client(stand_in.url).version() == "v4.5.2"


def test_a_login_that_is_not_set_may_come_to_be_not_needed(stand_in):
    """No login was sent that could end in a ban: once this machine is trusted, the same client works."""
    client = make_client(stand_in.url, username="", password="")
    stand_in.always[VERSION] = Answer(403, b"Forbidden")
    with pytest.raises(AuthError, match="isn't set") as caught:
        client.version()
    assert caught.value.retry_after_seconds
    stand_in.always[VERSION] = Answer(200, b"v4.5.2")
    assert client.version() == "v4.5.2"
    assert LOGIN not in stand_in.seen


def test_variables_of_the_library_are_not_obeyed(stand_in, monkeypatch):
    """The library's own environment variables neither log anybody in nor replace the login."""
    monkeypatch.setenv("QBITTORRENTAPI_API_KEY", "qbt_of_something_else")
    assert make_client(stand_in.url).version()
    assert LOGIN in stand_in.seen
    monkeypatch.setenv("QBITTORRENTAPI_USERNAME", "somebody")
    monkeypatch.setenv("QBITTORRENTAPI_PASSWORD", "else")
    with pytest.raises(AuthError, match="isn't set"):
        make_client(stand_in.url, username="", password="").version()
    assert stand_in.seen.count(LOGIN) == 1


def test_no_proxy_stands_before_this_machine(stand_in, monkeypatch):
    """A proxy in the environment is not asked for a qBittorrent on this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert make_client(stand_in.url).version()


def test_a_proxy_is_named_as_the_cause(monkeypatch):
    """For a qBittorrent elsewhere it is asked, and the way around it is told."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with pytest.raises(NetworkError, match=r"through the proxy .* NO_PROXY"):
        make_client("http://client.test:8080").version()


def test_stop_ends_a_hanging_call(stand_in):
    """A set stop event ends a call that waits for an answer, long before its time limit."""
    stand_in.always[VERSION] = Answer(manner=Manner.HANG)
    stop = threading.Event()
    client = make_client(stand_in.url, timeout=60.0, stop=stop)
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    started_at = time.monotonic()
    with pytest.raises(Stopped):
        client.version()
    assert time.monotonic() - started_at < 20.0
    timer.join()
    with pytest.raises(Stopped):
        list(client.torrents())


def test_stop_ends_the_wait_for_a_torrent(stand_in):
    """A set stop event ends the wait for a torrent to show itself."""
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(Stopped):
        make_client(stand_in.url, stop=stop).hand_over(_TORRENT)
    timer.join()


def test_large_list_is_read_in_pages(stand_in):
    """Five thousand torrents are read whole, never many in one answer."""
    stand_in.rows = [{**_ROW, "hash": f"{number:040x}"} for number in range(5000)]
    held = list(make_client(stand_in.url, timeout=60.0).torrents())
    assert [torrent.info_hash for torrent in held] == [row["hash"] for row in stand_in.rows]
    limits = [int(form["limit"]) for form in stand_in.forms if "limit" in form]
    assert max(limits) <= 1000


def test_list_that_changes_is_read_again(stand_in, monkeypatch):
    """A torrent removed between two pages makes no other one go missing; some come twice then."""
    monkeypatch.setattr("movie_sync.services.qbittorrent.client._PAGE_ROWS", 4)
    rows = [{**_ROW, "hash": f"{number:040x}"} for number in range(10)]
    stand_in.rows = rows[1:]
    stand_in.script[INFO].append(Answer(403, b"Forbidden"))
    stand_in.script[INFO].append(Answer(body=json.dumps(rows[:4]).encode()))
    held = list(make_client(stand_in.url, timeout=60.0).torrents())
    assert [torrent.info_hash for torrent in held[-9:]] == [row["hash"] for row in rows[1:]]


def test_no_secret_leaves_the_adapter(stand_in, caplog):
    """Neither an error, nor what it refers to, nor a log line holds a password or a passkey."""
    caplog.set_level(logging.DEBUG)
    stand_in.rows.append(_ROW)
    echo = json.dumps([_ROW, {"password": _PASSWORD}]).encode()
    held = make_client(stand_in.url).find(_HASH)
    assert _PASSKEY not in repr(held)
    for path in (LOGIN, INFO):
        for answer in (Answer(400, echo), Answer(500, echo), Answer(403, echo), Answer(200, b"x" + echo)):
            stand_in.always = {path: answer}
            with pytest.raises(MovieSyncError) as caught:
                make_client(stand_in.url).find(_HASH)
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
            for secret in (_PASSWORD, _PASSKEY):
                assert secret not in repr(caught.value)
    for secret in (_PASSWORD, _PASSKEY, "SID="):
        assert secret not in caplog.text


def test_unknown_host_and_closed_port(monkeypatch):
    """Nobody there is told apart from no such place."""
    with pytest.raises(NetworkError, match="refused"):
        make_client("http://127.0.0.1:9").version()

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NetworkError, match="wasn't found"):
        make_client("http://no-such-host.invalid:8080").version()


_KEY = "qbt_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8v"


def test_an_api_key_stands_for_a_login(stand_in: QBittorrentStandIn) -> None:
    """It is shown with every call, and nobody logs in, whatever else is given."""
    stand_in.api_key = _KEY
    stand_in.rows = [_ROW]
    client = make_client(stand_in.url, api_key=f" {_KEY} ")

    assert client.version()
    assert client.find(_HASH)
    assert client.states([_HASH])
    assert LOGIN not in stand_in.seen
    assert set(stand_in.keys_shown) == {_KEY}
    assert len(stand_in.keys_shown) == len(stand_in.seen)


def test_a_refused_api_key_is_told_apart_and_not_tried_again(
    stand_in: QBittorrentStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not called a wrong password, it is shown once, and it stands in no message and no log."""
    caplog.set_level(logging.DEBUG)
    stand_in.api_key = "qbt_another"
    client = make_client(stand_in.url, api_key=_KEY)

    for _ in range(3):
        with pytest.raises(AuthError, match="rejected the API key") as caught:
            client.find(_HASH)
        assert caught.value.service == "qBittorrent"
        assert _KEY not in str(caught.value)
        assert "password" not in str(caught.value)
    assert stand_in.keys_shown == [_KEY]
    assert _KEY not in caplog.text


@pytest.mark.parametrize("key", ["qbt_\u0219", "qbt_a\nb: c"])
def test_what_no_api_key_can_be_is_not_sent(stand_in: QBittorrentStandIn, key: str) -> None:
    """It would break the header."""
    with pytest.raises(AuthError, match="rejected the API key"):
        make_client(stand_in.url, api_key=key).version()
    assert stand_in.seen == []


def test_a_restart_is_seen_where_a_key_is_shown(stand_in: QBittorrentStandIn) -> None:
    """No session is lost then; the time of the start tells."""
    stand_in.api_key = _KEY
    client = make_client(stand_in.url, api_key=_KEY)
    client.states([_HASH])
    before = client.epoch
    client.states([_HASH])
    assert client.epoch == before
    stand_in.launched_at += 60
    client.states([_HASH])
    assert client.epoch > before


def test_the_librarys_own_variables_are_not_used(
    stand_in: QBittorrentStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in the library's variable is not the user's word to us."""
    monkeypatch.setenv("QBITTORRENTAPI_API_KEY", _KEY)
    assert make_client(stand_in.url).version()
    assert stand_in.keys_shown == []
