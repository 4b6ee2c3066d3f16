"""What is asked about handed-over torrents, against answers that a real qBittorrent does not give."""

import json
import logging
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.torrent_clients import qbittorrent_client as make_client
from stand_ins.hurry import in_a_hurry
from stand_ins.qbittorrent import (
    API_VERSION,
    DELETE,
    INFO,
    MAIN_DATA,
    PAUSE,
    PREFERENCES,
    RECHECK,
    RESUME,
    SPACE,
    TAG,
    TRACKERS,
    UNTAG,
    Answer,
    Manner,
    QBittorrentStandIn,
)

from movie_sync.domain.models import Room
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import MovieSyncError, NetworkError, SlowError, Stopped, UnavailableError

_HASH = "0123456789abcdef0123456789abcdef01234567"
_PASSKEY = "f00df00df00df00df00df00df00df00d"
_URL = f"http://127.0.0.1:9/{_PASSKEY}/announce"


@pytest.fixture
def stand_in() -> Iterator[QBittorrentStandIn]:
    """A stand-in that answers rightly until told otherwise."""
    with QBittorrentStandIn() as running:
        yield running


def row(number: int, **changes: object) -> dict[str, object]:
    """Return a torrent's row, as long as a real one."""
    padding = {f"another_field_{position}": secrets.token_hex(8) for position in range(30)}
    return {
        **padding,
        "hash": f"{number:040x}",
        "name": f"A.Film.Number.{number}.1950.1080p.BluRay.x264-GRP",
        "progress": 0.5,
        "state": "stalledDL",
        "content_path": f"/films/A.Film.Number.{number}.1950.1080p.BluRay.x264-GRP",
        "comment": f"https://filelist.io/details.php?id={number}",
        "amount_left": 500_000 + number,
        "size": 1_000_000 + number,
        "dlspeed": 300_000 + number,
        "uploaded": 700_000 + number,
        "tags": "movie_sync, no seeds",
        "tracker": _URL,
        **changes,
    }


@pytest.mark.parametrize(
    ("words", "phase"),
    [  # what 4.5, 5.0, 5.1 and 5.3 say
        ("uploading stalledUP queuedUP forcedUP pausedUP stoppedUP", TorrentPhase.WHOLE),
        ("downloading forcedDL", TorrentPhase.DOWNLOADING),
        ("stalledDL metaDL forcedMetaDL", TorrentPhase.AWAITING_PEERS),
        ("queuedDL allocating", TorrentPhase.QUEUED),
        ("pausedDL stoppedDL", TorrentPhase.STOPPED),
        ("checkingUP checkingDL checkingResumeData", TorrentPhase.CHECKING),
        ("moving", TorrentPhase.MOVING),
        ("missingFiles", TorrentPhase.FILES_MISSING),
        ("error", TorrentPhase.FAILED),
        ("unknown somethingNew", TorrentPhase.UNKNOWN),
    ],
)
def test_each_word_of_qbittorrent_has_its_phase(stand_in, words, phase):
    """What seeds is whole only if nothing of it is left to get; its own word is kept for log lines."""
    for word in words.split():
        stand_in.rows = [row(1, state=word, amount_left=0), row(2, state=word, amount_left=5)]
        complete, partial = make_client(stand_in.url).torrents()
        assert (complete.phase, complete.client_word) == (phase, word)
        assert partial.phase is (TorrentPhase.UNKNOWN if phase is TorrentPhase.WHOLE else phase)


def test_nothing_is_asked_about_nothing(stand_in):
    """An empty list, or one without any info-hash, costs no request."""
    client = make_client(stand_in.url)
    for hashes in ([], ["", "all", "x" * 40, _HASH + "0"]):
        assert client.states(hashes) == {}
        client.tag(hashes, "tag")
        client.untag(hashes, "tag")
    assert stand_in.seen == []


def test_states_cost_one_request_for_a_thousand(stand_in):
    """Many are asked for in one request, more than a thousand in pieces."""
    stand_in.asks_for_login = False
    stand_in.rows = [row(number) for number in range(0, 2100, 2)]
    client = make_client(stand_in.url, timeout=60.0)
    hashes = [f"{number:040x}" for number in range(1000)]
    assert len(client.states(hashes)) == 500
    assert stand_in.seen == [INFO]
    assert len(client.states([f"{number:040x}" for number in range(2100)])) == 1050
    assert stand_in.seen == [INFO] * 4


def test_states_answer_only_what_was_asked(stand_in):
    """Rows of other torrents are left out, and a hash in capitals is the same."""
    stand_in.always[INFO] = Answer(body=json.dumps([row(1), {**row(2), "hash": f"{2:040X}"}]).encode())
    assert list(make_client(stand_in.url).states([f"{2:040x}", f"{3:040x}"])) == [f"{2:040x}"]


@pytest.mark.parametrize("odd", [None, "5", -1, 1.5, True, [], {}])
def test_numbers_that_are_none_are_unknown(stand_in, odd):
    """A torrent whose numbers are odd is still there, and what it lacks is unknown, not nothing."""
    stand_in.rows = [row(1, amount_left=odd, size=odd, dlspeed=odd)]
    (held,) = make_client(stand_in.url).states([f"{1:040x}"]).values()
    assert (held.bytes_left, held.size_bytes, held.bytes_a_second) == (-1, 0, 0)


@pytest.mark.parametrize(
    ("ratio", "seeding_time", "known"),
    [
        ("0", "0", (0.0, 0)),
        ("1.25", "172800", (1.25, 172_800)),
        ("9999", "59.9", (9999.0, 59)),
        ("-1", "-1", (None, None)),
        ("null", "null", (None, None)),
        ("true", "true", (None, None)),
        ('"1.25"', '"172800"', (None, None)),
        ("NaN", "NaN", (None, None)),
        ("Infinity", "-Infinity", (None, None)),
        ("1e999", "1e999", (None, None)),
        ("9" * 400, "9" * 400, (None, None)),
        ("[]", "{}", (None, None)),
    ],
)
def test_how_much_a_torrent_has_seeded(stand_in, ratio, seeding_time, known):
    """Ratio and time are those of the client; what is no number from 0 on is not known."""
    text = f'[{{"hash":"{_HASH}","ratio":{ratio},"seeding_time":{seeding_time}}}]'
    stand_in.always[INFO] = Answer(body=text.encode())
    client = make_client(stand_in.url)
    (held,) = client.states([_HASH]).values()
    assert (held.ratio, held.seeding_seconds) == known
    (brief,) = client.torrents()
    assert (brief.ratio, brief.seeding_seconds) == (None, None)


@pytest.mark.parametrize("odd", [None, 5, 1.5, True, [], {}, "", " , ,"])
def test_texts_that_are_none_are_empty(stand_in, odd):
    """A torrent whose tags and tracker are odd has none."""
    stand_in.rows = [row(1, tags=odd, tracker="" if isinstance(odd, str) else odd)]
    (held,) = make_client(stand_in.url).states([f"{1:040x}"]).values()
    assert held.tags == ()
    assert held.has_tracker is False


@pytest.mark.parametrize("progress", ["NaN", "Infinity", "-Infinity", "1e999", "-5", "null", "9" * 400])
def test_progress_is_between_none_and_all(stand_in, progress):
    """Whatever number is sent, the progress is a share, and no number is no progress."""
    stand_in.always[INFO] = Answer(body=f'[{{"hash":"{_HASH}","progress":{progress}}}]'.encode())
    (held,) = make_client(stand_in.url).states([_HASH]).values()
    assert held.progress in {0.0, 1.0}
    assert progress not in {"NaN", "null", "-5"} or held.progress == 0.0


def test_a_list_of_trackers_is_believed_before_a_name(stand_in):
    """Where the trackers are listed, one that works counts, not one that is named."""
    for status, is_served in ((2, True), (4, False)):
        trackers = [{"url": _URL, "status": status, "msg": ""}]
        stand_in.rows = [row(1, trackers=trackers)]
        (held,) = make_client(stand_in.url).states([f"{1:040x}"]).values()
        assert held.has_tracker is is_served


def test_room_of_an_older_version(stand_in):
    """Before 5.3 the space is that of the default place, measured anew."""
    stand_in.rows = [row(number, amount_left=number) for number in range(600)]
    stand_in.script[MAIN_DATA].append(Answer(403, b"Forbidden"))
    stand_in.script[MAIN_DATA].append(Answer(body=b'{"server_state":{"free_space_on_disk":5}}'))
    room = make_client(stand_in.url, save_path="/films", timeout=60.0, **in_a_hurry()).room()
    assert room == Room(10**12, 600 * 599 // 2)
    assert SPACE not in stand_in.seen


def test_only_unfinished_torrents_are_read(stand_in):
    """What lacks nothing is not read: one page tells of a few unfinished ones among thousands."""
    stand_in.rows = [row(number, amount_left=7 if number < 3 else 0) for number in range(5000)]
    assert make_client(stand_in.url, timeout=60.0, **in_a_hurry()).room().promised_bytes == 21
    assert stand_in.seen.count(INFO) == 1


def test_what_is_promised_is_added_up_in_one_answer(stand_in):
    """However many torrents there are, they are asked for once, so that none moves meanwhile."""
    stand_in.rows = [row(number, amount_left=max(number - 2000, 0)) for number in range(5000)]
    promised = make_client(stand_in.url, **in_a_hurry()).room().promised_bytes
    assert promised == sum(range(3000))
    assert stand_in.seen.count(INFO) <= 2, "one of them may find that a login is needed"


def test_an_odd_torrent_keeps_no_other_one_back(stand_in):
    """Odd trackers of one torrent are its own matter: of the others everything is told."""
    stand_in.rows = [
        row(1, trackers="odd"),
        row(2, trackers=[{"url": _URL, "status": 2}]),
        row(3, trackers=[5]),
    ]
    held = make_client(stand_in.url).states([f"{number:040x}" for number in (1, 2, 3)])
    assert [torrent.has_tracker for torrent in held.values()] == [False, True, False]


@pytest.mark.parametrize("save_path", [None, "/films/new", "D:\\films", "below"])
def test_room_of_a_newer_version(stand_in, save_path):
    """Since 5.3 the space is that of the place where torrents go."""
    stand_in.always = {API_VERSION: Answer(body=b"2.16.2"), SPACE: Answer(body=b"123")}
    assert make_client(stand_in.url, save_path=save_path).room() == Room(123, 0)
    (form,) = (form for form in stand_in.forms if "path" in form)
    assert form["path"] == {None: "/films", "below": "/films/below"}.get(save_path, save_path)
    assert MAIN_DATA not in stand_in.seen


NO_SPACE = [b"", b"-1", b"null", b"1.5", b"Infinity", b"<html>", b"\xff", b"9" * 5000]


@pytest.mark.parametrize("body", NO_SPACE, ids=range(len(NO_SPACE)))
def test_space_that_is_not_known_is_an_error(stand_in, body):
    """A place of unknown size is neither full nor empty."""
    stand_in.always = {API_VERSION: Answer(body=b"2.16.2"), SPACE: Answer(body=body)}
    with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
        make_client(stand_in.url).room()


NO_MAIN_DATA = [
    b"",
    b"{}",
    b"<html>hello</html>",
    b'{"server_state":{}}',
    b'{"server_state":{"free_space_on_disk":-1}}',
    b'{"server_state":{"free_space_on_disk":"5"}}',
    b'{"server_state":{"free_space_on_disk":1.5}}',
    b'{"server_state":{"free_space_on_disk":1e9}}',
    b'{"server_state":{"free_space_on_disk":12',
    b'{"server_state":{"free_space_on_disk":' + b"9" * 30 + b"}}",
    b'{"categories":{"x":{"name":"\\"server_state\\":{\\"free_space_on_disk\\":5}"}}}',
    b'{"categories":{"server_state":{"name":"server_state","savePath":""},"free_space_on_disk":{"name":5}}}',
    b"x" * 1_100_000 + b'{"server_state":{"free_space_on_disk":5}}',
]


@pytest.mark.parametrize("body", NO_MAIN_DATA, ids=range(len(NO_MAIN_DATA)))
def test_state_without_the_space_is_an_error(stand_in, body):
    """Where the space is missing, negative, no number or too far down, nothing is concluded."""
    stand_in.always[MAIN_DATA] = Answer(body=body)
    with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
        make_client(stand_in.url, timeout=60.0, **in_a_hurry()).room()


def test_space_behind_categories(stand_in):
    """Categories may come first, whatever their names."""
    categories = {
        "server_state": {"name": "server_state", "savePath": "{"},
        **{f"é {number}": {"name": f"é {number}"} for number in range(2000)},
    }
    text = json.dumps({"categories": categories}, ensure_ascii=False, separators=(",", ":"))
    text = (
        text.removesuffix("}") + ',"server_state":{"dht_nodes":0,"free_space_on_disk":77,"x":1},"torrents":{'
    )
    stand_in.always[MAIN_DATA] = Answer(body=text.encode())
    assert make_client(stand_in.url, **in_a_hurry()).room().free_bytes == 77


@pytest.mark.parametrize(
    ("manner", "kind"),
    [
        (Manner.HANG, SlowError),
        (Manner.HANG_IN_BODY, SlowError),
        (Manner.TRICKLE, SlowError),
        (Manner.RESET, NetworkError),
        (Manner.CUT, NetworkError),
        (Manner.ENDLESS, UnavailableError),
    ],
)
def test_state_that_breaks_off(stand_in, manner, kind):
    """Trouble while the state is read is told apart, and the next call works."""
    stand_in.always[MAIN_DATA] = Answer(body=b"{" + b" " * 1000, manner=manner)
    client = make_client(stand_in.url, timeout=1.0, **in_a_hurry())
    with pytest.raises(MovieSyncError) as caught:
        client.room()
    assert type(caught.value) is kind
    assert caught.value.__context__ is None
    stand_in.always.clear()
    assert client.room() == Room(10**12, 0)


def test_stop_ends_the_wait_for_the_measure(stand_in):
    """A set stop event ends the wait between the two looks at the space."""
    stop = threading.Event()
    client = make_client(stand_in.url, stop=stop)
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(Stopped):
        client.room()
    timer.join()


NO_LEFT = [
    [row(1, amount_left=None)],
    [row(1, amount_left=-1)],
    [row(1, amount_left="5")],
    [row(1, amount_left=5.5)],
    [row(1, amount_left=True)],
    [row(1, amount_left=1), row(2, amount_left=2)],
    [row(1), 5],
    [{"amount_left": 5}],
    {},
    None,
]


@pytest.mark.parametrize("rows", NO_LEFT, ids=range(len(NO_LEFT)))
def test_what_torrents_lack_is_known_or_an_error(stand_in, rows):
    """A missing or negative number, or another order than the one asked for, is not taken for nothing."""
    stand_in.always[INFO] = Answer(body=json.dumps(rows).encode())
    with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
        make_client(stand_in.url, **in_a_hurry()).room()


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[5]", b'[{"status":4,"msg":"no"}]', b"<html>"])
def test_trackers_of_another_form_are_an_error(stand_in, body):
    """From a list of trackers that cannot be read no refusal is made, and no consent either."""
    stand_in.always[TRACKERS] = Answer(body=body)
    with pytest.raises(UnavailableError, match="doesn't look like qBittorrent"):
        make_client(stand_in.url).refusal(_HASH)


def test_refusal_through_the_client(stand_in, caplog):
    """The tracker's words come without the passkey, in the answer and in the log."""
    caplog.set_level(logging.DEBUG)
    stand_in.trackers = [{"url": _URL, "status": 4, "msg": f"Passkey {_PASSKEY} is disabled"}]
    assert make_client(stand_in.url).refusal(_HASH) == "Passkey [...] is disabled"
    assert _PASSKEY not in caplog.text


@pytest.mark.parametrize(
    "odd", ["", "all", "ALL", " ", "|", _HASH[:-1], _HASH + "0", f"{_HASH}|all", f"{_HASH}\n"]
)
def test_what_is_no_hash_is_never_sent(stand_in, odd):
    """Nothing that could mean other torrents is rechecked or removed."""
    client = make_client(stand_in.url)
    for act in (client.remove, client.recheck, client.refusal):
        with pytest.raises(ValueError, match="info-hash"):
            act(odd)
    assert stand_in.seen == []


def test_each_act_is_one_request_about_its_torrents(stand_in):
    """What is sent names exactly the torrents meant."""
    stand_in.rows = [row(1), row(2)]
    client = make_client(stand_in.url)
    first, second = f"{1:040x}", f"{2:040x}"
    client.tag([second, first, first, "all"], "no seeds")
    client.untag([first], "no seeds")
    client.recheck(second)
    client.recheck(f"{3:040x}")
    client.remove(second)
    pairs = zip(stand_in.seen, stand_in.forms, strict=True)
    forms = [(path, form) for path, form in pairs if "hashes" in form and path != INFO]
    # The first of a session is refused, and sent again after the login.
    assert [path for path, _ in forms][-6:] == [TAG, UNTAG, PAUSE, RESUME, RECHECK, DELETE]
    sent = dict(forms)
    assert sent[TAG] == {"hashes": f"{first}|{second}", "tags": "no seeds"}
    assert sent[UNTAG] == {"hashes": first, "tags": "no seeds"}
    assert sent[RECHECK] == sent[PAUSE] == sent[RESUME] == {"hashes": second}
    assert sent[DELETE] == {"hashes": second, "deleteFiles": "True"}
    assert [held.info_hash for held in client.torrents()] == [first]


def test_missing_files_are_rechecked_before_the_start(stand_in):
    """A torrent whose files are missing is rechecked first: 4.5 forgets it otherwise."""
    stand_in.rows = [row(1, state="missingFiles")]
    make_client(stand_in.url).recheck(f"{1:040x}")
    assert [path for path in stand_in.seen if path in {RESUME, RECHECK}] == [RECHECK, RESUME]


def test_one_in_error_is_not_stopped(stand_in):
    """What then meets an outage would be taken for stopped by somebody."""
    stand_in.rows = [row(1, state="error")]
    make_client(stand_in.url).recheck(f"{1:040x}")
    assert [path for path in stand_in.seen if path in {PAUSE, RESUME, RECHECK}] == [RESUME, RECHECK]


def test_fault_of_an_act_is_told(stand_in):
    """An act that qBittorrent does not carry out is no success."""
    stand_in.rows = [{"hash": _HASH}]
    client = make_client(stand_in.url)
    acts = {
        DELETE: lambda: client.remove(_HASH),
        RECHECK: lambda: client.recheck(_HASH),
        PAUSE: lambda: client.recheck(_HASH),
        RESUME: lambda: client.recheck(_HASH),
        TAG: lambda: client.tag([_HASH], "x"),
        UNTAG: lambda: client.untag([_HASH], "x"),
        PREFERENCES: client.room,
    }
    for path, act in acts.items():
        stand_in.always = {path: Answer(500, b"oops"), API_VERSION: Answer(body=b"2.8.19")}
        with pytest.raises(UnavailableError, match="HTTP 500"):
            act()


_MEASURE = """
import json, sys, tracemalloc
sys.path.append("tests")
from house.torrent_clients import qbittorrent_client
client = qbittorrent_client(sys.argv[1], timeout=60.0)
client.version()
hashes = [f"{number:040x}" for number in range(1000)]
for ask in (client.torrents, client.room, lambda: client.states(hashes)):
    tracemalloc.start()
    kept = ask()
    print(json.dumps(tracemalloc.get_traced_memory()))
    tracemalloc.stop()
"""


def test_thousands_of_torrents_cost_little_memory(stand_in):
    """Neither the list of 5,000 nor their room costs much at any moment, nor the states of a thousand."""
    stand_in.rows = [row(number) for number in range(5000)]
    command = [sys.executable, "-c", _MEASURE, stand_in.url]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
    kept_and_peak = [json.loads(line) for line in done.stdout.splitlines()]
    (list_kept, list_peak), (_, room_peak), (_, states_peak) = kept_and_peak
    assert list_kept < 3_500_000
    assert list_peak < 6_000_000
    assert room_peak < 4_000_000
    assert states_peak < 8_000_000


def test_how_many_seeds_a_torrent_has(stand_in):
    """As many as the tracker or the client counts, whichever is more; -1 is not known."""
    client = make_client(stand_in.url)
    for text, seeds in (
        ('"num_complete":12,"num_seeds":3', 12),
        ('"num_complete":-1,"num_seeds":3', 3),
        ('"num_complete":-1,"num_seeds":"x"', None),
    ):
        stand_in.always[INFO] = Answer(body=f'[{{"hash":"{_HASH}",{text}}}]'.encode())
        (held,) = client.states([_HASH]).values()
        assert held.seeds == seeds
