"""Which of the words about a tracker are a refusal, and what is left out of them."""

import pytest

from movie_sync.services.qbittorrent.rows import is_served, read_row, refusal_in

_PASSKEY = "f00df00df00df00df00df00df00df00d"
_URL = f"http://tracker.example:80/{_PASSKEY}/announce"
_PSEUDO = {"url": "** [DHT] **", "status": 0, "msg": "This torrent is private"}

TROUBLE = [
    # Seen with 4.5, 5.1 and 5.3:
    "Connection refused",
    "Host not found (authoritative)",
    "wrong version number",
    "wrong version number (SSL routines)",
    "End of file",
    "Not Found",
    "Forbidden",
    "Unauthorized",
    "Bad Request",
    "Gone",
    "Too Many Requests",
    "Moved Permanently",
    "Internal Server Error",
    "Bad Gateway",
    "Service Unavailable",
    "Gateway Timeout",
    "520 (unknown HTTP error)",
    "expected value (list, dict, int or string) in bencoded string",
    "unexpected end of file in bencoded string",
    "blocked by SSRF mitigation",
    # Other systems, and what stands between:
    "Connection reset by peer",
    "Connection timed out",
    "Operation timed out",
    "timed out",
    "Operation canceled",
    "Host not found (non-authoritative), try again later",
    "Temporary failure in name resolution",
    "nodename nor servname provided, or not known",
    "No such host is known",
    "No connection could be made because the target machine actively refused it",
    "An existing connection was forcibly closed by the remote host",
    "A socket operation was attempted to an unreachable network",
    "Network is unreachable",
    "No route to host",
    "Host is down",
    "certificate verify failed (SSL routines)",
    "certificate has expired",
    "tlsv1 alert internal error",
    "stream truncated",
    "SOCKS server error",
    "invalid tracker response length",
    "unsupported URL protocol",
    "504 Gateway Time-out",
    "Service Temporarily Unavailable",
    # The tracker's own words, but not about this torrent:
    "Service unavailable at the moment!",
    "Tracker is down for maintenance",
    "Server overloaded, please try again later",
    "",
    "\u200b\n",
]
REFUSALS = [
    "Torrent is not registered with this tracker",
    "unregistered torrent",
    "Torrent not found",
    "Your client is not allowed!",
    "Invalid passkey!",
    "Forbidden client version",
    "Access denied. Your account is disabled.",
    "You have too many torrents: 50 of 50.",
    "Ratio too low to download torrents",
    "tracker sent a failure message",
    "Torrentul nu exista",
]


def tracker(status: int, message: object = "", url: str = _URL) -> dict[str, object]:
    """Return a row of qBittorrent's list of trackers."""
    return {"url": url, "status": status, "msg": message, "tier": 0}


@pytest.mark.parametrize("status", [4, 5])
@pytest.mark.parametrize("message", TROUBLE)
def test_trouble_is_no_refusal(status, message):
    """What is wrong on the way to the tracker, or with all of it, is not its verdict on a torrent."""
    assert refusal_in([_PSEUDO, tracker(status, message)]) is None


@pytest.mark.parametrize("status", [4, 5])
@pytest.mark.parametrize("message", REFUSALS)
def test_words_of_a_refusal_are_kept(status, message):
    """What the tracker says about a torrent or its user is told as it is."""
    assert refusal_in([_PSEUDO, tracker(status, message)]) == message


@pytest.mark.parametrize(
    ("rows", "refusal"),
    [
        pytest.param([], None, id="no tracker"),
        pytest.param([_PSEUDO], None, id="peer exchange alone"),
        pytest.param([tracker(5, "no"), tracker(2)], None, id="another works"),
        pytest.param([tracker(5, "no"), tracker(1)], None, id="another was not asked yet"),
        pytest.param([tracker(5, "no"), tracker(3)], None, id="another is being asked"),
        pytest.param([tracker(3, "no")], None, id="is being asked again"),
        pytest.param([tracker(2, "a warning")], None, id="works with a warning"),
        pytest.param([tracker(9, "no")], None, id="unknown status"),
        pytest.param([tracker(6, "no")], None, id="unreachable"),
        pytest.param([tracker(0, "no")], None, id="disabled"),
        pytest.param([tracker(5, "no"), tracker(0)], "no", id="another is disabled"),
        pytest.param([tracker(5, "no"), tracker(6)], "no", id="another is unreachable"),
        pytest.param([tracker(4, "Connection refused"), tracker(4, "no")], "no", id="another is down"),
        pytest.param([tracker(5, "no"), tracker(5, "never")], "no", id="the first of two"),
        pytest.param([tracker(4, None)], None, id="no words"),
    ],
)
def test_all_trackers_count(rows, refusal):
    """A torrent is refused once no tracker serves it or may yet, and one says why."""
    assert refusal_in(rows) == refusal


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"Passkey {_PASSKEY} unknown", "Passkey [...] unknown"),
        (f"Passkey {_PASSKEY.upper()} unknown", "Passkey [...] unknown"),
        (f"Passkey {_PASSKEY[:16]}\u200b\x00{_PASSKEY[16:]} unknown", "Passkey [...] unknown"),
        (f"Not at {_URL}", "Not at [...]"),
        (f"Not at udp://else.where/{_PASSKEY}", "Not at [...]"),
        ("Not at tracker.example!", "Not at [...]!"),
        ("See www.example.org/rules", "See [...]"),
        ("info_hash " + "ab" * 20 + " unknown", "info_hash [...] unknown"),
        ("announce it first", "announce it first"),
        ("red\x1b[31m\u202e words\r\n", "red[31m words"),
    ],
)
def test_secrets_are_taken_out_of_the_words(message, shown):
    """Neither an address nor anything like a key is shown, nor what a terminal obeys."""
    assert refusal_in([tracker(5, message)]) == shown


def test_a_key_of_letters_in_the_query_is_taken_out():
    """A key is known by the tracker's address, whatever it looks like and however it is written there."""
    url = "https://tracker.example/announce.php?passkey=Sesame%2DOpenUp"
    for words in ("Sesame-OpenUp", "Sesame%2DOpenUp", "sesame-openup"):
        assert refusal_in([tracker(5, f"Who is {words}?", url)]) == "Who is [...]?"


def test_an_address_that_is_none_is_taken_out():
    """Half an address is hidden whole."""
    url = f"http://[::1/{_PASSKEY[:20]}"
    assert refusal_in([tracker(5, f"No: {url}", url)]) == "No: [...]"


def test_words_are_short():
    """A tracker that talks without end is cut off."""
    refusal = refusal_in([tracker(5, "no " * 100_000)])
    assert refusal is not None
    assert len(refusal) <= 200


@pytest.mark.parametrize(
    "rows", [None, {}, "text", [None], [5], [{"status": 5}], [tracker("5")], [{"url": 5, "status": 5}]]
)
def test_what_is_no_list_of_trackers_is_an_error(rows):
    """From an answer of another form nothing is concluded."""
    for read in (refusal_in, is_served):
        with pytest.raises(TypeError):
            read(rows)


def test_served_is_what_a_tracker_works_for():
    """One working tracker is enough, and peer exchange is none."""
    assert is_served([_PSEUDO, tracker(4, "no"), tracker(2)])
    assert not is_served([{**_PSEUDO, "status": 2}, tracker(1), tracker(4)])


@pytest.mark.parametrize(
    ("more", "is_served", "refusal"),
    [
        ({"tracker": _URL}, True, None),
        ({"tracker": _URL, "trackers": [_PSEUDO, {"url": _URL, "status": 4, "msg": "unregistered"}]}, False, "unregistered"),
        ({"tracker": _URL, "trackers": [_PSEUDO, {"url": _URL, "status": 2, "msg": ""}]}, True, ""),
        ({"tracker": _URL, "trackers": [{"url": _URL, "status": 1, "msg": ""}]}, False, ""),
        ({"tracker": _URL, "trackers": "all of them"}, False, None),
    ],
)  # fmt: skip
def test_what_a_list_tells_of_trackers(more: dict[str, object], is_served: bool, refusal: str | None) -> None:
    """Since 5.1 it has the trackers' words; before, one that ever worked stands there for good, and nothing else."""
    held = read_row({"hash": "A" * 40, "name": "x", "state": "stalledUP", "amount_left": 0, **more})
    assert (held.has_tracker, held.refusal) == (is_served, refusal)
