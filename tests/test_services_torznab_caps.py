"""What a Torznab server says it can do, and what its refusals mean."""

from pathlib import Path

import pytest

from movie_sync.errors import (
    AuthError,
    MovieSyncError,
    PageChangedError,
    RateLimitError,
    ReleaseError,
    UnavailableError,
)
from movie_sync.net.http import HttpAnswer
from movie_sync.services.torznab.answer_xml import Flaw
from movie_sync.services.torznab.caps import Caps, read_caps
from movie_sync.services.torznab.faults import (
    Call,
    Complaint,
    Fault,
    NothingError,
    NotSupportedError,
    read_fault,
)

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "torznab"
COMPLAINT = Complaint("Torznab mock", "torznab.mock.url", lambda text: text.replace("s3cret", "(hidden)"))
CAPS, SEARCH, TORRENT = Call.CAPS, Call.SEARCH, Call.TORRENT


def caps_of(searching: str, rest: str = "") -> Caps:
    """Return the caps of a document with these searches."""
    found = read_caps(f"<caps><server title='x' /><searching>{searching}</searching>{rest}</caps>".encode())
    assert found is not None
    return found


# --- what it can do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("searching", "has_imdb", "words", "newest"),
    [
        # Prowlarr, as its code writes it.
        ('<search available="yes" supportedParams="q" /><movie-search available="yes" '
         'supportedParams="q,imdbid,tmdbid,year" />', True, "search", "movie"),
        ('<search available="yes" supportedParams="q" /><movie-search available="yes" supportedParams="q" />',
         False, "search", "movie"),
        # `no` counts, whatever is listed.
        ('<search available="yes" supportedParams="q" /><movie-search available="no" supportedParams="q,imdbid" />',
         False, "search", "search"),
        ('<search available="no" /><movie-search available="yes" supportedParams="q,imdbid" />', True, "movie", "movie"),
        # Nothing is listed: what the specification takes for granted.
        ('<search available="yes" /><movie-search available="yes" />', True, "search", "movie"),
        ("<search /><movie-search Available='YES' SupportedParams=' Q , ImdbId ' />", True, "search", "movie"),
        ('<search available="yes" supportedParams="q,cat" />', False, "search", "search"),
        ('<movie-search available="yes" supportedParams="imdbid" />', True, None, "movie"),
        ("", False, "search", "search"),
    ],
)  # fmt: skip
def test_what_can_be_searched_for(searching: str, has_imdb: bool, words: str | None, newest: str) -> None:
    """A parameter counts only where a search that is there lists it."""
    caps = caps_of(searching)
    assert (caps.has_imdb, caps.word_function, caps.newest_function) == (has_imdb, words, newest)


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        ('<limits max="100" default="25" />', 100),
        ('<limits default="50" />', 50),
        ('<limits max="0" />', 100),
        ('<limits max="1000000" />', 100),
        ('<limits max="many" />', 100),
        ("", 100),
    ],
)
def test_how_many_rows_to_ask_for(limits: str, rows: int) -> None:
    """As many as it gives, a hundred at most."""
    assert caps_of("<search />", limits).most_rows == rows


@pytest.mark.parametrize(
    ("categories", "asked", "has"),
    [
        ('<category id="2000"><subcat id="2040" /></category>', (2000,), True),
        ('<category id="2040" /><category id="5000" />', (2000,), True),
        ('<category id="2000" />', (2045,), True),
        ('<category id="100001" /><category id="5000" />', (2000,), False),
        ("", (2000,), True),
    ],
)
def test_which_categories_it_may_have(categories: str, asked: tuple[int, ...], has: bool) -> None:
    """One of the same family is enough, and one that names none may have any."""
    assert caps_of("<search />", f"<categories>{categories}</categories>").may_have(asked) is has


def test_other_xml_is_no_caps() -> None:
    """Neither a feed nor an error."""
    assert read_caps(b"<rss><channel /></rss>") is None
    assert read_caps(b'<error code="100" />') is None


@pytest.mark.skipif(not REAL.is_dir(), reason="the real answers are not here")
def test_real_caps() -> None:
    """A private tracker's own."""
    caps = read_caps((REAL / "caps_c411_native_2026.xml").read_bytes())
    assert caps is not None
    assert (caps.has_imdb, caps.word_function, caps.most_rows, caps.may_have((2000,))) == (
        True,
        "search",
        100,
        True,
    )


# --- what its errors mean -----------------------------------------------------------------------------


def answer(status: int = 200, body: str | bytes = b"", **headers: str) -> HttpAnswer:
    """Return an answer as it came."""
    content = body if isinstance(body, bytes) else body.encode()
    return HttpAnswer(
        status, {key.replace("_", "-"): value for key, value in headers.items()}, content, "http://x"
    )


def xml(code: object, description: str = "in its words") -> str:
    """Return an error of the specification."""
    return f'<?xml version="1.0"?><error code="{code}" description="{description}" />'


# What came; what was asked for; which error; words of its message; the wait it asks for.
FAULTS: dict[str, tuple[HttpAnswer, Call, type[Exception], str, float | None]] = {
    "100": (answer(200, xml(100)), SEARCH, AuthError, "rejected the API key .*code 100: in its words", None),
    "100 with 401": (answer(401, xml(100)), CAPS, AuthError, "rejected the API key", None),
    "101": (answer(200, xml(101)), SEARCH, AuthError, "suspended", None),
    "102": (answer(200, xml(102)), SEARCH, AuthError, "isn't allowed to do this", None),
    "107": (answer(200, xml(107)), TORRENT, AuthError, "code 107", None),
    "199": (answer(200, xml(199)), SEARCH, AuthError, "code 199", None),
    "200": (answer(400, xml(200)), SEARCH, NotSupportedError, "doesn't support this search", None),
    "201": (answer(200, xml(201)), SEARCH, NotSupportedError, "code 201", None),
    "202": (answer(200, xml(202)), SEARCH, NotSupportedError, "code 202", None),
    "203": (answer(400, xml(203)), SEARCH, NotSupportedError, "code 203", None),
    "201 for caps": (answer(200, xml(201)), CAPS, PageChangedError, r"Check torznab\.mock\.url", None),
    "203 for a torrent": (answer(200, xml(203)), TORRENT, PageChangedError, r"torznab\.mock\.url", None),
    "300": (answer(200, xml(300)), SEARCH, NothingError, "nothing", None),
    "300 for a torrent": (answer(200, xml(300)), TORRENT, ReleaseError, "no such torrent any more", None),
    "410 for a torrent": (answer(410, xml(410)), TORRENT, ReleaseError, "no such torrent any more", None),
    "410, disabled": (answer(410, xml(410)), SEARCH, UnavailableError, "code 410", None),
    "429": (answer(429, xml(429), retry_after="90"), SEARCH, RateLimitError, "rate limit .*code 429", 90),
    "429 at 200": (answer(200, xml(429)), CAPS, RateLimitError, "rate limit", None),
    "429 without a word": (answer(429), SEARCH, RateLimitError, "status 429", None),
    "429 with a page": (answer(429, "<html>", retry_after="Wed, 21 Oct"), TORRENT, RateLimitError, "429", None),
    "900 with 429": (answer(429, xml(900), retry_after="60"), SEARCH, RateLimitError, "code 900", 60),
    "500": (answer(200, xml(500, "Request limit reached")), SEARCH, RateLimitError, "limit reached", 3600),
    "501": (answer(200, xml(501)), TORRENT, RateLimitError, "code 501", 3600),
    "500 of a torrent": (answer(500, xml(500)), TORRENT, ReleaseError, "couldn't get this torrent", None),
    "900": (answer(400, xml(900, "A trace:&#10;  at Jackett.Common&#10;  at x")), SEARCH, UnavailableError,
            r"code 900: A trace:\)", None),
    "910": (answer(200, xml(910)), SEARCH, UnavailableError, "API disabled", None),
    "a new code": (answer(200, xml(777)), SEARCH, UnavailableError, "code 777", None),
    "no code": (answer(200, xml("")), SEARCH, UnavailableError, "in its words", None),
    "no code, 403": (answer(403, xml("")), SEARCH, AuthError, "in its words", None),
    "no words": (answer(200, "<error />"), SEARCH, UnavailableError, "no reason given", None),
    "bitmagnet": (answer(200, '<error error="202" description="x"></error>'), SEARCH, NotSupportedError, "202", None),
    "children": (answer(200, "<error><code>100</code><description>bad</description></error>"), SEARCH, AuthError,
                 "code 100: bad", None),
    "a key in it": (answer(200, xml(900, "GET /api?apikey=s3cret failed")), SEARCH, UnavailableError,
                    r"apikey=\(hidden\) failed", None),
    "401": (answer(401), SEARCH, AuthError, "rejected the API key .status 401", None),
    "401 with a page": (answer(401, "<html>"), CAPS, AuthError, "status 401", None),
    "403": (answer(403), SEARCH, AuthError, "status 403", None),
    "403 with a page": (answer(403, "<html>Just a moment"), SEARCH, UnavailableError, "challenge", None),
    "403 with a type": (answer(403, "", content_type="text/html"), SEARCH, UnavailableError, "challenge", None),
    "404": (answer(404, '{"error": "x"}'), CAPS, UnavailableError, r"Check torznab\.mock\.url", None),
    "404 of a torrent": (answer(404), TORRENT, ReleaseError, "no such torrent any more", None),
    "410": (answer(410), SEARCH, UnavailableError, "disabled", None),
    "410 of a torrent": (answer(410), TORRENT, ReleaseError, "any more", None),
    "301 to nowhere": (answer(301), SEARCH, UnavailableError, "nothing at its address", None),
    "500 page": (answer(500, "<html>"), SEARCH, UnavailableError, "down .status 500", None),
    "503 text": (answer(503, "Prowlarr is starting"), CAPS, UnavailableError, "status 503", None),
    "204": (answer(204), SEARCH, UnavailableError, "status 204", None),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_told_apart(case: str) -> None:
    """By code, then by status, then by what the body is."""
    came, call, kind, words, wait = FAULTS[case]
    with pytest.raises(kind, match=words) as caught:
        COMPLAINT.check(came, call)
    assert type(caught.value) is kind
    assert getattr(caught.value, "retry_after_seconds", None) == wait
    if isinstance(caught.value, MovieSyncError):
        assert str(caught.value).startswith("Torznab mock ")
        assert len(str(caught.value)) < 320


@pytest.mark.parametrize("body", [b"", b"<rss><channel /></rss>", b"d8:announce1:xe", b"<html><error"])
def test_what_reports_no_error_passes(body: bytes) -> None:
    """What it is instead is for others to say."""
    COMPLAINT.check(answer(200, body), SEARCH)
    assert read_fault(body) is None


def test_an_error_in_a_feed_is_none() -> None:
    """Only a root counts, and one that is whole."""
    assert read_fault(b"<rss><error code='100' /></rss>") is None
    assert read_fault(b"<error code='100'") is None
    assert read_fault(b"<error code='12345678901234567890' />") == Fault(0, "")


@pytest.mark.parametrize(
    ("flaw", "body", "words"),
    [
        (Flaw.HTML, b"<html><p>Welcome", "a web page"),
        (Flaw.HTML, b"<html><input name='p' type=\"password\">", "a login page"),
        (Flaw.EMPTY, b"", "nothing"),
        (Flaw.DOCUMENT_TYPE, b"<!DOCTYPE x>", "document type"),
        (None, b"<opml />", "unexpected XML"),
    ],
)
def test_what_is_no_xml_of_ours(flaw: Flaw | None, body: bytes, words: str) -> None:
    """It is named, and where the address stands."""
    message = str(COMPLAINT.unreadable(answer(200, body), flaw))
    assert words in message
    assert "torznab.mock.url" in message


@pytest.mark.skipif(not REAL.is_dir(), reason="the real answers are not here")
def test_real_errors() -> None:
    """As bitmagnet and Prowlarr send them."""
    assert read_fault((REAL / "error_202_bitmagnet_http200.xml").read_bytes()) == Fault(
        202, "no such function (movie-search)"
    )
    fault = read_fault((REAL / "error_429_prowlarr_backoff.xml").read_bytes())
    assert fault is not None
    assert fault.code == 429
