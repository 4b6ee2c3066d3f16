"""The qbittorrent-api library under our rules: bounded, stoppable, and careful with the login.

By itself the library follows redirects with the credentials, reads answers of any size, cannot be
stopped while it waits, and takes settings from environment variables of its own. Its own texts are
never passed on: they quote addresses, answers and headers.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import qbittorrentapi
import requests
from qbittorrentapi.request import QbittorrentSession

from movie_sync.domain.json_text import is_nested_deeply, part_count
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import AuthError, MovieSyncError, UnavailableError
from movie_sync.net.faults import ODD_ANSWER, Party, causes, connection_fault, origin_of
from movie_sync.net.http import equip, prepare_sparingly
from movie_sync.net.json_rows import objects_in
from movie_sync.services.base import Login
from movie_sync.settings.values import is_on_this_machine

SERVICE = "qBittorrent"
# qBittorrent does not say how long a ban lasts; this is its default.
_BAN_SECONDS = 3600.0
LOGIN_PATH = "/auth/login"
_CHECK_URL = "Check qbittorrent.url in config.json"
# Connecting cannot be interrupted by the stop event, and a host name may stand for two addresses.
_CONNECT_SECONDS = 4.0
_NO_LOGIN_SECONDS = 300.0
_PIECE_BYTES = 32_768
MOST_TORRENTS = 200_000
_MAX_ANSWER_PARTS = 200_000  # a thousand torrents with their trackers have fewer
_LOGIN_ANSWERS = frozenset({"Ok.", "Fails.", ""})  # since 5.2 it says nothing when all is well


class TranslatedError(qbittorrentapi.APIError):
    """Carries our own error through the library, which passes on its own kind at once."""

    def __init__(self, error: MovieSyncError) -> None:
        super().__init__(str(error))
        self.error = error


class Client(qbittorrentapi.Client):
    """The library's client on our transport.

    It follows no redirect, takes no compressed answer (its size would not be bounded), and logs in
    only with a username and a password; with an API key it shows that and never logs in. Not thread-safe.
    """

    def __init__(self, party: Party, login: Login, *, verify_tls: bool) -> None:
        self._party = party
        self._verify_tls = verify_tls
        username, password = login.get("username", "").strip(), login.get("password", "")
        self._has_login = bool(username and password)
        self._redactor = Redactor()
        self._redactor.learn_login(username, password)
        self.logins = 0
        """How often it has logged in: once, and again whenever qBittorrent had lost the session."""
        self._launched_at: object = None
        super().__init__(
            host=party.url,
            username=username,
            password=password,
            REQUESTS_ARGS={
                "timeout": (min(_CONNECT_SECONDS, party.timeout_seconds), party.timeout_seconds),
                "allow_redirects": False,
            },
            VERIFY_WEBUI_CERTIFICATE=verify_tls,
            FORCE_SCHEME_FROM_HOST=True,
            SIMPLE_RESPONSES=True,
            DISABLE_LOGGING_DEBUG_OUTPUT=True,
        )
        # The library has taken one from the environment if it found one.
        self._api_key = login.get("api_key", "").strip()
        self._redactor.learn([self._api_key])

    def auth_log_in(self, username: str | None = None, password: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401 - the signature is the library's
        """Log in, also when the library finds the session lost."""
        if not self._has_login:
            raise TranslatedError(
                AuthError(
                    f"{self._party.where} wants a login, but the username or password isn't set. "
                    "Enter both with `setup`, or in MOVIE_SYNC_QBITTORRENT_USERNAME and "
                    "MOVIE_SYNC_QBITTORRENT_PASSWORD.",
                    service=SERVICE,
                    retry_after_seconds=_NO_LOGIN_SECONDS,  # nothing was sent that could end in a ban
                )
            )
        super().auth_log_in(username, password, **kwargs)
        self.logins += 1

    def note_launch(self) -> None:
        """See whether qBittorrent was started anew, which no lost session tells where a key is shown."""
        if self._api_key:
            launched_at = self.app_process_info()["launch_time"]  # there since 5.2, as keys are
            self.logins += launched_at != self._launched_at
            self._launched_at = launched_at

    def torrent_rows(self, most: int = MOST_TORRENTS, **form: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of the list of torrents, of which one is in memory at a time.

        Raises ValueError or TypeError if it is no whole list of torrents, or has more of them.
        """
        response = self._post("torrents", "info", data=form, requests_args={"stream": True})
        for row in objects_in(self._pieces(response), most):
            if not isinstance(row.get("hash"), str) or not row["hash"]:
                raise TypeError("not a torrent")
            yield row

    def read_main_data_until(self, pattern: re.Pattern[str], max_characters: int) -> re.Match[str]:
        """Read qBittorrent's state of everything only as far as the pattern: for thousands it is megabytes.

        Raises ValueError if it is not among the first characters.
        """
        text = ""
        response = self._get("sync", "maindata", params={"rid": 0}, requests_args={"stream": True})
        for piece in self._pieces(response):
            text += piece.decode("utf-8", errors="replace")
            if match := pattern.search(text):
                return match
            if len(text) > max_characters:
                break
        raise ValueError("not in its first characters")

    @staticmethod
    def _pieces(response: requests.Response) -> Iterator[bytes]:
        """Yield an answer as it comes; it is closed when nobody wants more of it."""
        try:
            yield from response.iter_content(_PIECE_BYTES)
        except requests.RequestException as exc:
            # Here nobody makes it the library's error, as it does while it reads.
            raise qbittorrentapi.APIConnectionError(str(exc)) from exc
        except UnavailableError as exc:
            raise ValueError("larger than any real one") from exc
        finally:
            response.close()

    @property
    def _session(self) -> QbittorrentSession:
        """The library's session, with our transport and our rules once it is made."""
        session = super()._session
        if session.hooks["response"]:
            return session
        if not (self._api_key.isascii() and self._api_key.isprintable()):
            raise TranslatedError(refused_key(self._party.where))
        equip(session, verify_tls=self._verify_tls)
        session.headers["Accept-Encoding"] = "identity"
        # No proxy stands before this machine itself.
        session.trust_env = not is_on_this_machine(self._party.url)
        session.hooks["response"] = [self._check]
        prepare_sparingly(session)
        return session

    def _check(self, response: requests.Response, *, stream: bool = False, **_: object) -> None:
        """Refuse, before anything is made of it, what a qBittorrent that is addressed rightly never sends."""
        response.encoding = "utf-8"
        fault = self._fault_in(response)
        if fault is None and not stream and _is_odd(response):
            fault = unexpected_answer(self._party.where)
        if fault is not None:
            response.close()
            raise TranslatedError(fault)

    def _fault_in(self, response: requests.Response) -> MovieSyncError | None:
        where = self._party.where
        if response.is_redirect:
            target = origin_of(urljoin(self._party.url, response.headers["location"]))
            return UnavailableError(
                f"{where} redirects to {self._redactor.clean(target)}, which isn't "
                "followed. If that's qBittorrent, set qbittorrent.url to it in config.json."
            )
        if response.status_code == HTTPStatus.UNAUTHORIZED and "www-authenticate" in response.headers:
            return UnavailableError(
                f"A proxy in front of {where} wants a login of its own (HTTP 401), which Movie Sync doesn't "
                "support: let the proxy pass requests from this machine, or set "
                "qbittorrent.url to qBittorrent's own address."
            )
        if self._api_key and response.status_code == HTTPStatus.FORBIDDEN:
            return refused_key(where)
        is_plain = response.headers.get("content-encoding", "identity") == "identity"
        return None if is_plain else unexpected_answer(where)


def _is_odd(response: requests.Response) -> bool:
    # The library takes whatever is not yes for no, and a refused login is never tried again.
    is_login = response.url.endswith(LOGIN_PATH) and response.ok
    if is_login and response.text.strip() not in _LOGIN_ANSWERS:
        return True
    return part_count(response.content) > _MAX_ANSWER_PARTS or is_nested_deeply(response.content)


def put_into_words(exc: Exception, party: Party) -> MovieSyncError | None:
    """Return our error for one of the library's, or of the reading of an answer; else None."""
    where = party.where
    match exc:
        case TranslatedError():
            return exc.error
        case qbittorrentapi.LoginFailed():
            return AuthError(f"{where} rejected the username or password. Check both.", service=SERVICE)
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
        f"{where} rejected the API key. Check it; API keys need qBittorrent 5.2 or newer.",
        service=SERVICE,
    )


def unexpected_answer(where: str) -> UnavailableError:
    """Return the error for an answer that is none of qBittorrent's."""
    return UnavailableError(f"{where} answered, but it doesn't look like qBittorrent. {_CHECK_URL}.")


_OF_STATUS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: (
        "doesn't accept that host name (HTTP 401). Add its host name to the server "
        "domains in qBittorrent's Web UI options, or use its IP address in qbittorrent.url."
    ),
    HTTPStatus.FORBIDDEN: (
        "accepted the login but refused the request (HTTP 403). Does a proxy in between drop cookies?"
    ),
    HTTPStatus.NOT_FOUND: f"wasn't found: something else answers there (HTTP 404). {_CHECK_URL}.",
}


def _fault_of_status(exc: qbittorrentapi.HTTPError, where: str) -> UnavailableError:
    status = exc.http_status_code
    if status == HTTPStatus.FORBIDDEN and exc.response is not None and exc.response.url.endswith(LOGIN_PATH):
        return UnavailableError(
            f"{where} has banned this machine for a while after too many failed logins "
            "(an hour by default). Check the username and password; "
            "restarting qBittorrent lifts the ban.",
            retry_after_seconds=_BAN_SECONDS,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(f"{where} has an internal error (HTTP {status}).")
    otherwise = f"refused the request (HTTP {status}). {_CHECK_URL}, http or https included."
    return UnavailableError(f"{where} {_OF_STATUS.get(status, otherwise)}")
