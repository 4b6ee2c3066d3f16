"""What goes wrong with Transmission, told apart and put into words."""

from http import HTTPStatus

import requests
import urllib3

from movie_sync.domain.tracker_words import without_secrets
from movie_sync.errors import AuthError, MovieSyncError, UnavailableError
from movie_sync.net.faults import ODD_ANSWER, Party, connection_fault

SERVICE = "Transmission"
SECTION = "transmission"
ENTRANCE = "remote access"
_CHECK_URL = "Check transmission.url in config.json; it should look like http://localhost:9091"


class NotDoneError(Exception):
    """Transmission answered a call with words other than success."""

    def __init__(self, words: str) -> None:
        self.words = without_secrets(words, "")
        super().__init__(self.words)


_OF_STATUS: dict[int, str] = {
    HTTPStatus.FORBIDDEN: (
        "doesn't let this machine in (HTTP 403). Either this machine's address isn't in its "
        "rpc-whitelist, or it's locked after too many failed logins: restart it."
    ),
    HTTPStatus.NOT_FOUND: f"wasn't found: something else answers there (HTTP 404). {_CHECK_URL}.",
    HTTPStatus.MISDIRECTED_REQUEST: (
        "doesn't accept that host name (HTTP 421). Add the name to its rpc-host-whitelist, set a "
        "username and password there, or use its IP address in transmission.url."
    ),
}


def put_into_words(exc: Exception, party: Party) -> MovieSyncError | None:
    """Return our error for one of the network's, of a call's, or of the reading of an answer; else None."""
    match exc:
        case NotDoneError():
            return UnavailableError(f"{party.where} reported an error: {exc.words}.")
        case requests.RequestException() | urllib3.exceptions.HTTPError() | OSError():
            return connection_fault(exc, party)
        case _:
            return unexpected_answer(party.where) if isinstance(exc, ODD_ANSWER) else None


def fault_of_status(status: int, where: str, *, has_login: bool) -> MovieSyncError:
    """Return the error for an answer with this HTTP status."""
    if status == HTTPStatus.UNAUTHORIZED and has_login:
        words = "rejected the username or password. Check both."
        return AuthError(f"{where} {words}", service=SERVICE)
    if status == HTTPStatus.UNAUTHORIZED:
        # Also a call without a login counts there as a failed one, and a hundred lock everybody out.
        return AuthError(
            f"{where} wants a login, but none is set. Enter the username and password with `setup`, "
            "or in MOVIE_SYNC_TRANSMISSION_USERNAME and MOVIE_SYNC_TRANSMISSION_PASSWORD.",
            service=SERVICE,
        )
    words = f"refused the request (HTTP {status}). {_CHECK_URL}."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        words = (
            f"redirects to another address, which isn't followed (HTTP {status}). "
            f"{_CHECK_URL}, or with https:// behind a proxy."
        )
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        words = f"has an internal error (HTTP {status})."
    return UnavailableError(f"{where} {_OF_STATUS.get(status, words)}")


def unexpected_answer(where: str) -> UnavailableError:
    """Return the error for an answer that is none of Transmission's."""
    return UnavailableError(f"{where} answered, but it doesn't look like Transmission. {_CHECK_URL}.")
