"""What a tracker answers when it is not well, for the stand-in to play.

Texts and statuses are those of the tracker's API; the pages are made up in the same shape.
"""

from dataclasses import dataclass
from enum import Enum

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TORRENT = "application/x-bittorrent"


class Manner(Enum):
    """How an answer is sent."""

    WHOLE = "whole"
    HANG = "no answer at all"
    HANG_IN_BODY = "half the body, then nothing"
    CUT = "half the body, then the connection ends"
    RESET = "the connection is reset before the answer"
    RESET_IN_BODY = "half the body, then the connection is reset"
    TRICKLE = "a byte at a time"
    ENDLESS = "a body without end"


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong answer. `body` None stands for the right answer's own status, type and body.

    `seconds` is the wait before the answer, or between the bytes of a trickle.
    """

    status: int = 200
    body: bytes | None = None
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    manner: Manner = Manner.WHOLE
    seconds: float = 0.0


def error(status: int, text: str, *headers: tuple[str, str]) -> Fault:
    """Return an error as the API words it."""
    return Fault(status, b'{"error":"%s"}' % text.encode(), JSON, headers)


def page(status: int, text: str, *headers: tuple[str, str]) -> Fault:
    """Return a page of HTML where something else is expected."""
    return Fault(status, _page_bytes(text), HTML, headers)


def json_body(body: bytes, status: int = 200) -> Fault:
    """Return any JSON, right or wrong."""
    return Fault(status, body, JSON)


def redirect(target: str, status: int = 302) -> Fault:
    """Return a redirect to an address."""
    return Fault(status, b"", HTML, (("Location", target),))


def slow(seconds: float) -> Fault:
    """Return the right answer after a wait."""
    return Fault(seconds=seconds)


def trickle(seconds_a_byte: float) -> Fault:
    """Return the right answer byte by byte."""
    return Fault(manner=Manner.TRICKLE, seconds=seconds_a_byte)


def _page_bytes(text: str) -> bytes:
    return (
        '\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        f"<html><head><title>FileList</title></head><body>{text}</body></html>\n"
    ).encode()


RATE_LIMIT = error(429, "Rate limit reached")
LOCKED = error(403, "Too many failed authentications")
REFUSED = error(403, "Invalid passkey/username!")
NO_CREDENTIALS = error(401, "Username and passkey cannot be empty.")
UNAVAILABLE = error(503, "Service unavailable at the moment!")
UNAVAILABLE_PAGE = page(503, "<h1>Service Temporarily Unavailable</h1>")
SERVER_FAULT = page(500, "<h1>Internal Server Error</h1>")
NO_RESULTS = error(404, "No results")
MAINTENANCE_PAGE = page(200, "<h1>We will be back soon</h1>")
CHALLENGE_PAGE = page(403, "<h1>Just a moment...</h1>", ("Cf-Mitigated", "challenge"))
LOGIN_PAGE = page(200, '<form action="takelogin.php"><input name="username"></form>')
TORRENT_GONE_PAGE = page(200, "Eroare interna Nu pot gasi fisierul .torrent")
ACTION_CAP_PAGE = page(200, "Numarul maxim permis de actiuni a fost depasit. Reveniti peste o ora.")

HANGING = Fault(manner=Manner.HANG)
HANGING_IN_BODY = Fault(manner=Manner.HANG_IN_BODY)
CUT = Fault(manner=Manner.CUT)
RESET = Fault(manner=Manner.RESET)
RESET_IN_BODY = Fault(manner=Manner.RESET_IN_BODY)
ENDLESS = Fault(200, b"x" * 65_536, JSON, manner=Manner.ENDLESS)
CUT_JSON = json_body(b'[{"id":1,"name":"A.Film.1950.1080p.Blu')
JSON_NULL = json_body(b"null")
JSON_OBJECT = json_body(b'{"results":[]}')
JSON_NUMBER_ROWS = json_body(b"[1,2,3]")
JSON_NESTED = json_body(b"[" * 100_000)
JSON_HUGE_NUMBER = json_body(b"[" + b"9" * 100_000 + b"]")
