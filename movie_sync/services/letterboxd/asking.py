"""Asks Letterboxd for one page, and puts its refusals into words.

Only plain pages that robots.txt allows are asked for, one at a time, at the client's pace.
A block is named and left alone; the account's export is the way round it.
"""

import logging

from movie_sync.errors import (
    BlockedError,
    NetworkError,
    RateLimitError,
    SlowError,
    TransientError,
    UnavailableError,
)
from movie_sync.invocation import command_line
from movie_sync.net.http import HttpAnswer, HttpClient
from movie_sync.services.letterboxd.pages import Refusal, find_refusal

_log = logging.getLogger(__name__)

_MAX_PAGE_BYTES = 2_000_000


def export_hint() -> str:
    """Say what works without the site."""
    return (
        f"Use your account's export instead: run `{command_line('import', 'FILE')}`, or set "
        "letterboxd.export_file in config.json."
    )


def get_page(
    http: HttpClient, url: str, *, allowed_hosts: tuple[str, ...] = ()
) -> tuple[HttpAnswer, Refusal | None]:
    """Ask for one page, and return why it is not one to read, if it is not.

    A try that broke off or met a server error is repeated once, politely. Not repeated: slow
    answers (the site is busy enough) and anything that reads as a refusal.
    """

    def ask() -> tuple[HttpAnswer, Refusal | None]:
        answer = http.get(url, accept="text/html", max_bytes=_MAX_PAGE_BYTES, allowed_hosts=allowed_hosts)
        return answer, find_refusal(answer.status, answer.headers, answer.text)

    try:
        answer, refusal = ask()
        if refusal is not Refusal.OUTAGE or answer.retry_after_seconds is not None:
            return answer, refusal
    except SlowError:
        raise
    except NetworkError as exc:
        _log.debug("%s Trying once more.", exc)
    return ask()


def refused(refusal: Refusal, answer: HttpAnswer, what: str, *, hint: str = "") -> TransientError:
    """Put a refusal that is not about the user or the film itself into words; the hint is for a block."""
    wait = answer.retry_after_seconds
    if refusal is Refusal.RATE_LIMIT:
        return RateLimitError(
            "Letterboxd is limiting requests (429). Movie Sync is waiting; a larger "
            "letterboxd.request_delay or check_interval in config.json helps.",
            retry_after_seconds=wait,
        )
    if refusal in {Refusal.CHALLENGE, Refusal.BAN}:
        how = (
            "it asks for proof that you're human"
            if refusal is Refusal.CHALLENGE
            else f"status {answer.status}"
        )
        return BlockedError(
            f"Letterboxd blocks automated access to {what} from here ({how}).{hint}",
            retry_after_seconds=wait,
        )
    if refusal is Refusal.OUTAGE:
        words = f"is down (status {answer.status})."
    else:
        words = (
            f"answered with status {answer.status} instead of {what}. "
            "If this keeps happening, check letterboxd.base_url in config.json."
        )
    return UnavailableError(f"Letterboxd {words}", retry_after_seconds=wait)
