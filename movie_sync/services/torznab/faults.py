"""What a Torznab server's refusals mean, as errors of ours.

The specification names codes, which decide first wherever one stands: servers send them with any status,
and one of them calls the attribute `error`. Then the status decides, then what the body is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from movie_sync.domain.plain_text import printable
from movie_sync.errors import (
    AuthError,
    PageChangedError,
    RateLimitError,
    ReleaseError,
    UnavailableError,
)
from movie_sync.net.http import HttpAnswer
from movie_sync.services.torznab.answer_xml import Flaw, UnreadableError, read_elements

_HOUR_SECONDS = 3600.0
_MAX_QUOTED_CHARS = 120
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 200, 401, 403, 404, 410
_TOO_MANY, _SERVER_FAULT = 429, 500
_REDIRECTS = range(300, 400)
_CREDENTIALS = range(100, 200)
_SUSPENDED, _NO_RIGHTS = 101, 102
_UNSUPPORTED = range(200, 204)  # a parameter that is missing or wrong, a function that is not there or off
_NO_ITEM, _REQUESTS_SPENT, _DOWNLOADS_SPENT, _API_OFF = 300, 500, 501, 910
_PASSWORD_FIELD = re.compile(rb"type\s*=\s*[\"']?password", re.IGNORECASE)


class Call(StrEnum):
    """What was asked for; the same code means another thing for each."""

    CAPS = "what it can do"
    SEARCH = "releases"
    TORRENT = "a torrent"


class NotSupportedError(UnavailableError):
    """The server does not take this search; another one may do."""


class NothingError(Exception):
    """The server knows nothing of what was asked for; never leaves this package."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An `<error>`; the code is 0 where it has none that is a number."""

    code: int
    description: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """Turns answers that are none into errors. `title` names the server, `setting` where its address stands.

    `clean` takes secrets out of a text.
    """

    title: str
    setting: str
    clean: Callable[[str], str]

    def check(self, answer: HttpAnswer, call: Call) -> None:
        """Raise what the answer means if it reports an error in any of the known ways.

        Raises:
            AuthError: the key is refused or missing, or the account may not use the API.
            RateLimitError: it asks for fewer calls.
            NotSupportedError, NothingError: the search, or what is searched for.
            ReleaseError: this torrent cannot be had.
            PageChangedError, UnavailableError: nothing can be concluded from it.
        """
        fault = read_fault(answer.body)
        if answer.status == _TOO_MANY:
            self._raise_limit(answer, fault, answer.retry_after_seconds)
        if fault is not None:
            self._raise_code(answer, fault, call)
        if answer.status != _OK:
            self._raise_status(answer, call)

    def unreadable(self, answer: HttpAnswer, flaw: Flaw | None) -> PageChangedError:
        """Return the error for an answer of status 200 that is no XML, or (None) XML of another kind."""
        if flaw is Flaw.HTML and _PASSWORD_FIELD.search(answer.body):
            what = "a login page"
        else:
            what = flaw.value if flaw else "unexpected XML"
        return PageChangedError(
            f"{self.title} answered with {what} instead of Torznab's XML. Check {self.setting} in "
            "config.json: it must be the address of one tracker's Torznab feed, which usually ends in /api."
        )

    def _raise_code(self, answer: HttpAnswer, fault: Fault, call: Call) -> NoReturn:
        quoted = self._quoted(fault)
        code = fault.code
        if code in _CREDENTIALS or (code == 0 and answer.status in {_UNAUTHORIZED, _FORBIDDEN}):
            self._raise_refusal(quoted, code)
        if call is Call.TORRENT:
            self._raise_torrent_code(answer, code, quoted)
        if code in {_REQUESTS_SPENT, _DOWNLOADS_SPENT}:
            self._raise_limit(answer, fault, answer.retry_after_seconds or _HOUR_SECONDS)
        if code == _TOO_MANY:
            self._raise_limit(answer, fault, answer.retry_after_seconds)
        if code == _NO_ITEM and call is Call.SEARCH:
            raise NothingError("nothing there")
        if code in _UNSUPPORTED and call is Call.SEARCH:
            raise NotSupportedError(f"{self.title} doesn't support this search ({quoted}).")
        if code in _UNSUPPORTED:
            raise PageChangedError(
                f"{self.title} didn't understand the request ({quoted}). Check {self.setting} in "
                "config.json: does that tracker still exist there?"
            )
        off = "has its API disabled" if code == _API_OFF else "reported an error"
        raise UnavailableError(f"{self.title} {off} ({quoted}). Try again later.")

    def _raise_torrent_code(self, answer: HttpAnswer, code: int, quoted: str) -> None:
        """Raise ReleaseError for what a code means where a torrent was asked for, and nowhere else."""
        if code in {_NOT_FOUND, _GONE, _NO_ITEM}:
            raise ReleaseError(f"{self.title} has no such torrent any more ({quoted}).")
        # Prowlarr says so where the tracker gave it a page.
        if code == _REQUESTS_SPENT and answer.status >= _SERVER_FAULT:
            raise ReleaseError(f"{self.title} couldn't get this torrent from the tracker ({quoted}).")

    def _raise_status(self, answer: HttpAnswer, call: Call) -> NoReturn:
        status = f"status {answer.status}"
        is_page = answer.body.lstrip().startswith(b"<") or "html" in answer.content_type
        if answer.status == _UNAUTHORIZED or (answer.status == _FORBIDDEN and not is_page):
            self._raise_refusal(status, 0)
        if call is Call.TORRENT and answer.status in {_NOT_FOUND, _GONE}:
            raise ReleaseError(f"{self.title} has no such torrent any more ({status}).")
        if answer.status == _NOT_FOUND or answer.status in _REDIRECTS:
            raise UnavailableError(
                f"{self.title} has nothing at its address ({status}). Check {self.setting} in config.json."
            )
        if answer.status == _GONE:
            raise UnavailableError(f"{self.title} is disabled there ({status}).")
        guard = ": it may be behind a challenge" if answer.status == _FORBIDDEN else ""
        raise UnavailableError(f"{self.title} is down ({status}{guard}). Try again later.")

    def _raise_refusal(self, quoted: str, code: int) -> NoReturn:
        why = {
            _SUSPENDED: "says the account is suspended",
            _NO_RIGHTS: "says the account isn't allowed to do this",
        }.get(code, "rejected the API key")
        raise AuthError(f"{self.title} {why} ({quoted}). Check the key.", service=self.title)

    def _raise_limit(self, answer: HttpAnswer, fault: Fault | None, wait: float | None) -> NoReturn:
        quoted = self._quoted(fault) if fault else f"status {answer.status}"
        raise RateLimitError(f"{self.title} has reached its rate limit ({quoted}).", retry_after_seconds=wait)

    def _quoted(self, fault: Fault) -> str:
        """Return the server's own words, which may be a whole stack trace: short, and without secrets."""
        first = next(filter(None, map(printable, fault.description.splitlines())), "")
        words = self.clean(first)[:_MAX_QUOTED_CHARS]
        return (
            ": ".join(filter(None, (f"code {fault.code}" if fault.code else "", words))) or "no reason given"
        )


def read_fault(body: bytes) -> Fault | None:
    """Return the error that an answer reports, None if it is something else."""
    if b"<error" not in body[:1000].lower():
        return None
    given: dict[str, str] = {}
    try:
        for element in read_elements(body):
            if element.path == ("error",):
                given = {**given, **element.attributes}
            elif element.path[:1] == ("error",):
                given[element.path[-1]] = element.text
            else:
                return None
    except UnreadableError:
        return None
    digits = given.get("code", given.get("error", "")).strip()
    code = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= len("9999") else 0
    return Fault(code, given.get("description", ""))
