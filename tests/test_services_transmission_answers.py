"""TransmissionClient against answers that a real Transmission cannot be made to give, and those of versions."""

import json
import logging
import math
import threading
import time
from collections.abc import Iterator

import pytest
from house.fakes import FakeClock
from house.torrent_clients import transmission_client as make_client
from stand_ins.hurry import HurriedStop, in_a_hurry
from stand_ins.qbittorrent import Answer, Manner
from stand_ins.transmission import (
    ADD,
    GET,
    REMOVE,
    SESSION,
    SESSION_GET,
    SET,
    SPACE,
    TransmissionStandIn,
    done,
    refused,
    row_of,
)

from movie_sync.demo.torrent_maker import make_file_torrent
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.wish_list import Placement
from movie_sync.errors import AuthError, MovieSyncError, NetworkError, SlowError, Stopped, UnavailableError
from movie_sync.services.transmission.rows import read_row
from movie_sync.services.transmission.rpc import endpoint_of
from movie_sync.services.transmission.trackers import refusal_in

_HASH = "0123456789abcdef0123456789abcdef01234567"
_PASSKEY = "f00df00df00df00df00df00df00df00d"
_ANNOUNCE = f"http://127.0.0.1:9/{_PASSKEY}/announce"
_PASSWORD = "correct-horse"
_TORRENT = parse_torrent(make_file_torrent("A.Film.1950.1080p.mkv", b"x", announce=_ANNOUNCE))


@pytest.fixture
def stand_in() -> Iterator[TransmissionStandIn]:
    """A stand-in that answers rightly until told otherwise."""
    with TransmissionStandIn() as running:
        yield running


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://nas:9091", "http://nas:9091/transmission/rpc"),
        ("http://nas:9091/", "http://nas:9091/transmission/rpc"),
        ("http://nas:9091/transmission/web/", "http://nas:9091/transmission/rpc"),
        ("https://nas/sub/tr", "https://nas/sub/tr/rpc"),
        ("https://nas/sub/tr/rpc/", "https://nas/sub/tr/rpc"),
    ],
)
def test_where_calls_go(url, endpoint):
    """The address of the machine or of the web page is enough."""
    assert endpoint_of(url) == endpoint


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(401, b"Unauthorized"), AuthError, "rejected the username or password"),
        (Answer(403, b"Forbidden"), UnavailableError, "rpc-whitelist"),
        (Answer(404, b"Not Found"), UnavailableError, "something else"),
        (Answer(421, b"Misdirected"), UnavailableError, "rpc-host-whitelist"),
        (Answer(301, b"", {"Location": "/transmission/web/"}), UnavailableError, "isn't followed"),
        (Answer(302, b"", {"Location": "http://a:b@evil.test/\r"}), UnavailableError, "isn't followed"),
        (Answer(418, b"teapot"), UnavailableError, "refused the request"),
        (Answer(502, b"Bad Gateway"), UnavailableError, "internal error"),
        (Answer(409, b"no id"), UnavailableError, "doesn't look like Transmission"),
        (Answer(409, b"", {SESSION: "x" * 40}), UnavailableError, "keeps asking for a new session"),
        (Answer(200, b"<html>the web page</html>"), UnavailableError, "doesn't look like Transmission"),
        (
            Answer(200, b"{}", {"Content-Encoding": "gzip"}),
            UnavailableError,
            "doesn't look like Transmission",
        ),
        (Answer(manner=Manner.RESET), NetworkError, "dropped the connection"),
        (Answer(manner=Manner.HANG), SlowError, "transmission.timeout is 0.5 s"),
        (Answer(body=b"x" * 100, manner=Manner.TRICKLE), SlowError, "timed out"),
        (Answer(body=b'{"result": "success"}', manner=Manner.CUT), NetworkError, "dropped the connection"),
        (Answer(manner=Manner.ENDLESS), UnavailableError, "doesn't look like Transmission"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_goes_wrong_is_told_apart(stand_in, answer, error, words):
    """Each fault in its own words, as our own error, which refers to nothing that was sent."""
    stand_in.before_all = answer
    with pytest.raises(error, match=words) as caught:
        make_client(stand_in.url, timeout=10.0 if answer.manner is Manner.ENDLESS else 0.5).version()
    assert type(caught.value) is error
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert stand_in.url in str(caught.value)


ODD = [b"", b"null", b"5", b"[1]", b'{"result": 5}', b'{"arguments": {}}', b"[" * 100_000, b"\xff\xfe\x00"]
ODD += [b'{"result": "success", "arguments": %s}' % part for part in (b"0", b"{}", b'{"torrents": 5}')]
ODD += [b'{"result": "success", "arguments": {"torrents": [%s]}}' % row for row in (b"1", b"null", b"{}")]
ODD += [
    b'{"result": "success", "arguments": {"torrents": [{"hashString": %s}]}}' % value for value in (b"5",)
]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_an_odd_list_is_no_empty_list(stand_in, body):
    """From a list that cannot be read nothing is concluded, neither for one torrent nor for all."""
    stand_in.always[GET] = Answer(body=body)
    client = make_client(stand_in.url)
    looks = [lambda: list(client.torrents()), lambda: client.room().promised_bytes]
    if b'"hashString": 5' not in body:
        looks.append(lambda: client.find(_HASH))
    for look in looks:
        with pytest.raises(UnavailableError):
            look()
    stand_in.always.clear()
    assert list(client.torrents()) == []


def test_a_list_that_says_at_its_end_that_it_failed_counts_for_nothing(stand_in):
    """Neither does one that is cut off."""
    rows = b'{"arguments": {"torrents": [{"hashString": "%s"}]}, "result": %s}'
    client = make_client(stand_in.url)
    for end, words in ((b'"out of memory"', "out of memory"), (b'"succ', "doesn't look like Transmission")):
        stand_in.always[GET] = Answer(body=rows % (_HASH.encode(), end))
        with pytest.raises(UnavailableError, match=words):
            list(client.torrents())


def test_a_new_session_id_is_taken_up_and_counts_as_an_epoch(stand_in):
    """It changes at each start and each hour; the call that meets it is made once more."""
    client = make_client(stand_in.url)
    client.version()
    before = client.epoch
    stand_in.change_session()
    assert client.find(_HASH) is None
    assert client.epoch == before + 1


def test_every_request_comes_with_the_login(stand_in):
    """Also the first one: Transmission counts a request without it as a failed login."""
    make_client(stand_in.url, password="p\u00e4ss").version()
    assert set(stand_in.logins) == {"Basic dGVzdGVyOnDDpHNz"}
    stand_in.logins.clear()
    make_client(stand_in.url, username="", password="").version()
    assert set(stand_in.logins) == {""}


def test_a_stop_ends_a_call_at_once(stand_in):
    """Whatever it waits for."""
    stand_in.before_all = Answer(manner=Manner.HANG)
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        make_client(stand_in.url, stop=stop, timeout=30.0).version()
    assert time.monotonic() - begun < 2
    timer.join()


def test_3_00_gets_labels_after_the_add_and_the_others_with_it(stand_in):
    """3.00 takes none at the add; 4.0 and later must not be asked twice."""
    client = make_client(stand_in.url)
    assert client.hand_over(_TORRENT) is True
    assert SET not in stand_in.methods
    (arguments,) = (arguments for method, arguments in stand_in.calls if method == ADD)
    assert (arguments["labels"], arguments["paused"]) == (["movie_sync"], False)
    stand_in.rows.clear()
    stand_in.calls.clear()
    stand_in.always[SESSION_GET] = done(rpc_version=16, version="3.00 (bb6b5a062e)")
    stand_in.script[GET].append(done(torrents=[{"hashString": _TORRENT.info_hash, "labels": []}]))
    assert client.hand_over(_TORRENT) is True
    assert stand_in.calls[-2] == (SET, {"ids": [_TORRENT.info_hash], "labels": ["movie_sync"]})
    stand_in.rows.clear()
    stand_in.script[GET].append(done(torrents=[{"hashString": _TORRENT.info_hash, "labels": []}]))
    assert client.hand_over(_TORRENT, Placement("Horror", ("halloween",))) is True
    assert stand_in.calls[-2][1]["labels"] == ["movie_sync", "Horror", "halloween"]


def test_another_torrent_than_the_one_added_is_no_success(stand_in):
    """What was added is verified by its hash, and so is that it is shown."""
    stand_in.script[ADD].append(done(torrent_added={"hashString": _HASH, "id": 1, "name": "x"}))
    with pytest.raises(UnavailableError, match="doesn't look like Transmission"):
        make_client(stand_in.url).hand_over(_TORRENT)
    stand_in.script[ADD].append(done(torrent_added={"hashString": _TORRENT.info_hash, "id": 1, "name": "x"}))
    with pytest.raises(UnavailableError, match="doesn't list it"):
        make_client(stand_in.url).hand_over(_TORRENT)


def test_one_that_was_started_a_moment_ago_may_still_load_its_torrents(stand_in):
    """3.00 answers before that: it is waited for, once for each start."""
    clock = FakeClock()
    stop = HurriedStop(clock)
    client = make_client(stand_in.url, stop=stop, clock=clock)
    stand_in.seconds_active = 0
    client.find(_HASH)
    client.find(_HASH)
    assert stop.waited == [2]
    stand_in.change_session()
    client.version()
    list(client.torrents())
    assert stop.waited == [2, 2]


def test_what_comes_back_stopped_though_it_was_just_added_is_started_once(stand_in):
    """Transmission was ended while it was about to start it; what somebody stops later stays stopped."""
    clock = FakeClock()
    began = clock.now().timestamp() - 20
    new, old, begun = (f"{number:040x}" for number in range(3))
    stopped = {"status": 0, "percentDone": 0.0, "leftUntilDone": 1_000}
    stand_in.rows += [
        row_of(new, "New", addedDate=int(began) - 5, **stopped),
        row_of(old, "Old", addedDate=int(began) - 500, **stopped),
        row_of(begun, "Begun", addedDate=int(began) - 5, **(stopped | {"percentDone": 0.1})),
    ]
    stand_in.seconds_active = 20
    client = make_client(stand_in.url, clock=clock)
    phases = {info_hash: held.phase for info_hash, held in client.states([new, old, begun]).items()}
    assert phases == {new: TorrentPhase.QUEUED, old: TorrentPhase.STOPPED, begun: TorrentPhase.STOPPED}
    client.states([new, old, begun])
    started = [arguments["ids"] for method, arguments in stand_in.calls if method == "torrent-start"]
    assert started == [[new]]


def test_what_comes_back_late_is_started_too_and_what_somebody_stops_is_not(stand_in):
    """After a start it may still load a torrent, or check it; for some minutes stopped ones are looked at."""
    clock = FakeClock()
    began = clock.now().timestamp() - 20
    late, checked, by_hand, since = hashes = [f"{number:040x}" for number in range(4)]
    stopped = {"status": 0, "percentDone": 0.0, "leftUntilDone": 1_000, "addedDate": int(began) - 5}
    rows = {info_hash: row_of(info_hash, "It", **stopped) for info_hash in hashes}
    rows[checked]["status"], rows[by_hand]["status"] = 2, 4
    rows[since]["addedDate"] = int(began) + 5
    stand_in.rows += [rows[checked], rows[by_hand], rows[since]]
    stand_in.seconds_active = 20
    client = make_client(stand_in.url, clock=clock)
    client.states(hashes)
    stand_in.rows.append(rows[late])
    rows[checked]["status"] = rows[by_hand]["status"] = 0
    client.states(hashes)
    client.states(hashes)
    started = [arguments["ids"] for method, arguments in stand_in.calls if method == "torrent-start"]
    assert sorted(started) == [[late], [checked]]
    stand_in.seconds_active = 500
    for _ in range(4):
        client.states(hashes)
    assert stand_in.methods[-3:] == [GET] * 3, "an old session is looked at once"


def test_free_space_of_a_folder_that_is_not_there(stand_in):
    """A negative number and words mean the same: its parent is asked, and never the root."""
    stand_in.script[SPACE].extend(
        [done(size_bytes=-1), refused("No such file or directory"), done(size_bytes=7)]
    )
    client = make_client(stand_in.url, download_dir="/films/a/b")
    assert client.room().free_bytes == 7
    asked = [arguments["path"] for method, arguments in stand_in.calls if method == SPACE]
    assert asked == ["/films/a/b", "/films/a", "/films"]
    stand_in.always[SPACE] = refused("No such file or directory")
    with pytest.raises(UnavailableError):
        client.room()


def test_no_list_of_nothing_is_ever_sent(stand_in):
    """An empty list of ids could mean all torrents."""
    client = make_client(stand_in.url)
    client.tag([], "x")
    client.untag(["no hash"], "x")
    assert client.states([]) == {}
    for call in (client.remove, client.recheck, client.refusal):
        with pytest.raises(ValueError, match="info-hash"):
            call("")
    client.remove(_HASH)
    assert [(method, arguments.get("ids")) for method, arguments in stand_in.calls] == [(REMOVE, [_HASH])]


def test_thousands_are_asked_for_in_pieces(stand_in):
    """Each once, whatever number there is."""
    stand_in.rows = [row_of(f"{number:040x}", f"Film {number}") for number in range(1_234)]
    client = make_client(stand_in.url, timeout=10.0)
    assert len({held.info_hash for held in client.torrents()}) == 1_234
    assert len(client.states([row["hashString"] for row in stand_in.rows])) == 1_234
    sizes = [len(arguments.get("ids", ())) for method, arguments in stand_in.calls if method == GET]
    assert max(sizes) == 200
    assert sum(sizes) == 2 * 1_234


def test_no_secret_is_in_an_error_or_a_line(stand_in, caplog):
    """Neither the password nor the session id nor the torrent's passkey, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    client = make_client(stand_in.url, **in_a_hurry())
    texts = []
    for answer in (Answer(401, b""), Answer(500, b""), Answer(200, b"<html>"), Answer(manner=Manner.RESET)):
        stand_in.before_all = answer
        with pytest.raises(MovieSyncError) as caught:
            make_client(stand_in.url, **in_a_hurry()).hand_over(_TORRENT)
        texts += [str(caught.value), repr(caught.value)]
    stand_in.before_all = None
    stand_in.always[ADD] = refused(f"no {_ANNOUNCE}\nforged line")
    with pytest.raises(MovieSyncError) as caught:
        client.hand_over(_TORRENT)
    assert "\n" not in str(caught.value)
    text = "".join([*texts, str(caught.value), caplog.text])
    assert all(secret not in text for secret in (_PASSWORD, stand_in.session_id, "dGVzdGVyO", _PASSKEY))


_WHOLE = {"status": 6, "leftUntilDone": 0, "sizeWhenDone": 10}
_NO_DATA_3 = 'No data found! Ensure your drives are connected or use "Set Location". To re-download, remove the torrent and re-add it.'
_NO_DATA_4 = 'Paused torrent as no data was found! Ensure your drives are connected or use "Set Location", then use "Verify Local Data" again.'


@pytest.mark.parametrize(
    ("row", "phase"),
    [
        (_WHOLE, TorrentPhase.WHOLE),
        (_WHOLE | {"status": 5}, TorrentPhase.WHOLE),
        (_WHOLE | {"status": 0}, TorrentPhase.WHOLE),
        (_WHOLE | {"status": 4}, TorrentPhase.MOVING),
        (_WHOLE | {"status": 2}, TorrentPhase.CHECKING),
        (_WHOLE | {"totalSize": 1_000}, TorrentPhase.STOPPED),
        (_WHOLE | {"status": 0, "error": 3, "errorString": _NO_DATA_3}, TorrentPhase.FILES_MISSING),
        (_WHOLE | {"status": 0, "error": 3, "errorString": _NO_DATA_4}, TorrentPhase.FILES_MISSING),
        (_WHOLE | {"status": 0, "error": 3, "errorString": "No space left on device"}, TorrentPhase.FAILED),
        ({"status": 4, "leftUntilDone": 5, "error": 2, "errorString": "x"}, TorrentPhase.AWAITING_PEERS),
        ({"status": 4, "leftUntilDone": 5, "rateDownload": 1.5}, TorrentPhase.DOWNLOADING),
        ({"status": 4, "leftUntilDone": 0, "sizeWhenDone": 0}, TorrentPhase.AWAITING_PEERS),
        ({"status": 3, "leftUntilDone": 5}, TorrentPhase.QUEUED),
        ({"status": 1, "leftUntilDone": 5}, TorrentPhase.CHECKING),
        ({"status": 0, "leftUntilDone": 5}, TorrentPhase.STOPPED),
        ({"status": 6, "leftUntilDone": 5}, TorrentPhase.UNKNOWN),
        ({"status": 9, "leftUntilDone": 5}, TorrentPhase.UNKNOWN),
    ],
)
def test_phases(row, phase):
    """What versions write for each, with an error of its own before everything else."""
    assert read_row(row_of(_HASH, "A Film", **row)).phase is phase


@pytest.mark.parametrize(
    ("ratio", "seconds", "known"),
    [
        (0, 0, (0.0, 0)),
        (1.25, 172_800, (1.25, 172_800)),
        (1, 59.9, (1.0, 59)),
        (-1, -1, (None, None)),
        (-2, -2, (None, None)),
        (None, None, (None, None)),
        (True, True, (None, None)),
        ("1.25", "172800", (None, None)),
        (math.nan, math.nan, (None, None)),
        (math.inf, -math.inf, (None, None)),
        (10**400, 10**400, (None, None)),
        ([], {}, (None, None)),
    ],
)
def test_how_much_a_torrent_has_seeded(stand_in, ratio, seconds, known):
    """Ratio and time are those of the client, and are asked for; no ratio (-1) and an endless one (-2) are not known."""
    stand_in.rows.append(row_of(_HASH, "A Film", uploadRatio=ratio, secondsSeeding=seconds))
    client = make_client(stand_in.url)
    (held,) = client.states([_HASH]).values()
    assert (held.ratio, held.seeding_seconds) == known
    (brief,) = client.torrents()
    assert (brief.ratio, brief.seeding_seconds) == (None, None)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"Film \u1f3ac [1954]", "Film \U0001f3ac [1954]"),
        (r"Film \ud83c\udfac", "Film \U0001f3ac"),
        (r"\u1f08\u03c1 \u2019a", "\u1f08\u03c1 \u2019a"),
    ],
    ids=["3.00", "4", "letters"],
)
def test_emoji_as_3_00_writes_them(written, name):
    """It forgets that an escape has four digits; letters and quotes, which could be meant, stay."""
    held = read_row(row_of(_HASH, json.loads(f'"{written}"')))
    assert held.name == name
    assert held.content_path.endswith(f"/{name}")


def test_odd_sizes_and_shares_are_unknown():
    """One that no float can hold is none either."""
    odd = {"leftUntilDone": 10**400, "sizeWhenDone": math.nan, "rateDownload": True, "percentDone": 10**400}
    held = read_row(row_of(_HASH, "A Film", **odd))
    assert (held.bytes_left, held.size_bytes, held.bytes_a_second, held.progress) == (-1, 0, 0, 0.0)


def _tracker(words: str, **changes: object) -> dict[str, object]:
    """Return what is told of a tracker that does not serve."""
    return {
        "announce": _ANNOUNCE,
        "hasAnnounced": True,
        "lastAnnounceSucceeded": False,
        "lastAnnounceTimedOut": False,
        "lastAnnounceResult": words,
        **changes,
    }


@pytest.mark.parametrize(
    ("trackers", "words"),
    [
        ([_tracker("unregistered torrent")], "unregistered torrent"),
        ([_tracker(f"no {_PASSKEY} at {_ANNOUNCE}")], "no [...] at [...]"),
        ([_tracker("x " * 40 + f"your passkey is not valid, it was {_PASSKEY}"[:47])], ("x " * 40 + "your passkey is not valid, it was").strip()),
        ([_tracker("Tracker HTTP response 503 (Service Unavailable)")], None),
        ([_tracker("Tracker gave HTTP response code 404 (Not Found)")], None),
        ([_tracker("Could not connect to tracker")], None),
        ([_tracker("Tracker did not respond")], None),
        ([_tracker("Connection failed")], None),
        ([_tracker("unregistered torrent", lastAnnounceTimedOut=True)], None),
        ([_tracker("unregistered torrent", hasAnnounced=False)], None),
        ([_tracker("Success", lastAnnounceSucceeded=True)], None),
        ([_tracker("unregistered torrent"), _tracker("Success", lastAnnounceSucceeded=True)], None),
        ([_tracker("Could not connect to tracker"), _tracker("unregistered")], "unregistered"),
        ([_tracker("unregistered"), _tracker("", isBackup=True, hasAnnounced=False)], "unregistered"),
        ([], None),
    ],
)  # fmt: skip
def test_refusals(trackers, words):
    """A tracker's own words refuse a torrent, those about the way to it do not; half a passkey is not shown."""
    assert refusal_in(trackers) == words


@pytest.mark.parametrize(
    ("trackers", "sending", "seeds"),
    [
        ([{"seederCount": -1}, {"seederCount": 12}], 3, 12),
        ([{"seederCount": -1}], 3, 3),
        ("odd", None, None),
        (["odd", {}], True, None),
    ],
)
def test_how_many_seeds_a_torrent_has(stand_in, trackers, sending, seeds):
    """As many as a tracker counts, or as are sending; -1 is not known."""
    stand_in.rows.append(row_of(_HASH, "A Film", trackerStats=trackers, peersSendingToUs=sending))
    (held,) = make_client(stand_in.url).states([_HASH]).values()
    assert held.seeds == seeds
