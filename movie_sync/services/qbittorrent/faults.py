"""What goes wrong with qBittorrent, told apart and put into words.

The library's own texts are never passed on: they quote addresses, answers and headers.
"""

from http import HTTPStatus

import qbittorrentapi

from movie_sync.errors import AuthError, MovieSyncError, UnavailableError
from movie_sync.net.faults import ODD_ANSWER, Party, causes, connection_fault

SERVICE = "qBittorrent"
# qBittorrent does not say how long a ban lasts; this is its default.
_BAN_SECONDS = 3600.0
LOGIN_PATH = "/auth/login"
_CHECK_URL = "Check qbittorrent.url in config.json"


class TranslatedError(qbittorrentapi.APIError):
    """Carries our own error through the library, which passes on its own kind at once."""

    def __init__(self, error: MovieSyncError) -> None:
        super().__init__(str(error))
        self.error = error


def put_into_words(exc: Exception, party: Party) -> MovieSyncError | None:
    """Return our error for one of the library's, or of the reading of an answer; else None."""
    where = party.where
    match exc:
        case TranslatedError():
            return exc.error
        case qbittorrentapi.LoginFailed():
            return AuthError(
                f"{where} refused the user name or password. Check both with `setup`.", service=SERVICE
            )
        case qbittorrentapi.HTTPError():
            return _fault_of_status(exc, where)
        case qbittorrentapi.APIConnectionError() if not any(
            isinstance(cause, MovieSyncError) for cause in causes(exc)
        ):
            return connection_fault(exc, party)
        case _:  # also of an answer that is larger than any real one
            is_odd = isinstance(exc, (qbittorrentapi.APIError, *ODD_ANSWER))
            return unexpected_answer(where) if is_odd else None


def refused_key(where: str) -> AuthError:
    """Return the error for an API key that qBittorrent does not accept; an older one knows none."""
    return AuthError(
        f"{where} refused the API key. Check it with `setup`; qBittorrent has API keys since version 5.2.",
        service=SERVICE,
    )


def unexpected_answer(where: str) -> UnavailableError:
    """Return the error for an answer that is none of qBittorrent's."""
    return UnavailableError(f"{where} answered, but not as qBittorrent does. {_CHECK_URL}.")


_OF_STATUS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: (
        "does not answer under that address (HTTP 401). Add its host name to the server "
        "domains in qBittorrent's Web UI options, or use its IP address in qbittorrent.url."
    ),
    HTTPStatus.FORBIDDEN: (
        "accepted the login, but forbids the call (HTTP 403). Is there a proxy in between that drops cookies?"
    ),
    HTTPStatus.NOT_FOUND: f"was not found: there is something else (HTTP 404). {_CHECK_URL}.",
}


def _fault_of_status(exc: qbittorrentapi.HTTPError, where: str) -> UnavailableError:
    status = exc.http_status_code
    if status == HTTPStatus.FORBIDDEN and exc.response is not None and exc.response.url.endswith(LOGIN_PATH):
        return UnavailableError(
            f"{where} takes no login from this machine for a while, as after too many refused ones "
            "(an hour, unless set otherwise there). Check the user name and password meanwhile; "
            "restarting qBittorrent ends the ban.",
            retry_after_seconds=_BAN_SECONDS,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(f"{where} is out of order (HTTP {status}).")
    otherwise = f"does not accept the call (HTTP {status}). {_CHECK_URL}, http or https included."
    return UnavailableError(f"{where} {_OF_STATUS.get(status, otherwise)}")
