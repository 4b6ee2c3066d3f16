"""Transmission's RPC over HTTP, under our rules: bounded, stoppable, and careful with the login.

It is spoken in its old form, which 3.00 to 4.1 all understand; the new one came with 4.1 alone.
"""

import base64
import io
import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from movie_sync.domain.json_text import parse_json, part_count
from movie_sync.errors import UnavailableError
from movie_sync.net.faults import Party
from movie_sync.net.http import build_session
from movie_sync.net.json_rows import objects_in
from movie_sync.services.transmission.faults import (
    NotDoneError,
    fault_of_status,
    unexpected_answer,
)

Arguments = Mapping[str, object]

# Connecting cannot be interrupted by the stop event, and a host name may stand for two addresses.
_CONNECT_SECONDS = 4.0
_PIECE_BYTES = 32_768
_BASE64_BYTES = 57_000  # a multiple of three, so that what comes of the pieces is of one piece
_MOST_TORRENTS = 200_000
_MOST_ANSWER_PARTS = 400_000
_MOST_AROUND_BYTES = 1_000
_PATH = "/transmission/rpc"
SESSION = "X-Transmission-Session-Id"
_SESSION_ID = re.compile(r"[\x21-\x7e]{1,200}")
# One is spent where the id was changed, as each hour; 3.00 has been seen to ask for the same one for ever.
_MOST_ATTEMPTS = 3


def endpoint_of(url: str) -> str:
    """Return where calls go to, for the address as people know it: of the machine, or of the web page."""
    parts = urlsplit(url.strip())
    path = parts.path.rstrip("/").removesuffix("/web")
    if not path:
        path = _PATH
    elif not path.endswith("/rpc"):
        path += "/rpc"
    return parts._replace(path=path, query="", fragment="").geturl()


class Rpc:
    """One session with Transmission. Not thread-safe.

    Its methods raise what `requests` and the reading of an answer raise (errors of the network, and
    ValueError, TypeError and LookupError for an answer of another form), besides the errors they name.
    """

    def __init__(self, party: Party, username: str, password: str, *, verify_tls: bool) -> None:
        self._endpoint = endpoint_of(party.url)
        self._where = party.where
        self.sessions = 0
        """How many session ids it was given: one at each start of Transmission, and one an hour."""
        self._timeout = (min(_CONNECT_SECONDS, party.timeout_seconds), party.timeout_seconds)
        self._has_login = bool(username or password)
        self._session = build_session(verify_tls=verify_tls)
        self._session.headers["Accept-Encoding"] = "identity"  # the size of anything else is not bounded
        self._session.headers["Content-Type"] = "application/json"
        self._session.headers[SESSION] = ""
        if self._has_login:
            login = base64.b64encode(f"{username}:{password}".encode()).decode()
            self._session.headers["Authorization"] = f"Basic {login}"

    def call(self, method: str, arguments: Arguments | None = None, *, content: bytes = b"") -> Arguments:
        """Carry out one method; return the arguments of the answer. `content` is sent as `metainfo`.

        Raises:
            NotDoneError: Transmission says in words why it did not.
            AuthError, UnavailableError: as `fault_of_status`.
        """
        return _arguments_in(b"".join(self._answer(method, arguments or {}, content)))

    def column(self, field: str) -> Iterator[object]:
        """Yield one field, a number or a hash, of every torrent there is; one is in memory at a time.

        What was yielded before something turns out to be wrong is not to be relied on; raises as `call`.
        """
        answer = self._answer("torrent-get", {"fields": [field]})
        for row in objects_in(_list_in(answer), _MOST_TORRENTS):
            yield row[field]

    def _answer(self, method: str, arguments: Arguments, content: bytes = b"") -> Iterator[bytes]:
        """Yield the answer as it comes; it is closed when nobody wants more of it."""
        response = self._post(_body(method, arguments, content))
        try:
            yield from response.iter_content(_PIECE_BYTES)
        except UnavailableError as exc:
            raise ValueError("larger than any real one") from exc
        finally:
            response.close()

    def _post(self, body: io.BytesIO) -> requests.Response:
        for _ in range(_MOST_ATTEMPTS):
            body.seek(0)
            response = self._session.post(
                self._endpoint,
                data=body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            if response.status_code != HTTPStatus.CONFLICT:
                return self._checked(response)
            response.close()
            session_id = response.headers.get(SESSION, "")
            if not _SESSION_ID.fullmatch(session_id):
                raise ValueError("no session id")
            self._session.headers[SESSION] = session_id
            self.sessions += 1
        raise UnavailableError(f"{self._where} keeps asking for a new session. Restart it.")

    def _checked(self, response: requests.Response) -> requests.Response:
        if response.status_code == HTTPStatus.OK:
            if response.headers.get("content-encoding", "identity") == "identity":
                return response
            response.close()
            raise unexpected_answer(self._where)
        response.close()
        raise fault_of_status(response.status_code, self._where, has_login=self._has_login)


def _list_in(answer: Iterator[bytes]) -> Iterator[bytes]:
    """Yield an answer's list, whose rows hold none of their own; raises unless it says success."""
    around = bytearray()
    is_before, is_inside = True, False
    for piece in answer:
        rest = piece
        if is_before:
            head, mark, rest = piece.partition(b"[")
            around += head + mark
            if mark:
                is_before, is_inside = False, True
                yield mark
        if is_inside:
            rows, mark, rest = rest.partition(b"]")
            is_inside = not mark
            around += mark
            yield rows + mark
        if not is_before and not is_inside:
            around += rest
        if len(around) > _MOST_AROUND_BYTES:
            raise ValueError("more around the list than there ever is")
    _arguments_in(bytes(around))


def _body(method: str, arguments: Arguments, content: bytes) -> io.BytesIO:
    """Return a call; a file in it is packed piece by piece, as it may be large."""
    head = json.dumps({"method": method, "arguments": arguments}).encode()
    body = io.BytesIO()
    if not content:
        body.write(head)
        return body
    body.write(head.removesuffix(b"}}") + b', "metainfo": "')
    for first in range(0, len(content), _BASE64_BYTES):
        body.write(base64.b64encode(content[first : first + _BASE64_BYTES]))
    body.write(b'"}}')
    return body


def _arguments_in(answer: bytes) -> Arguments:
    """Return the arguments of an answer that says success.

    Raises:
        NotDoneError: it says something else.
    """
    if part_count(answer) > _MOST_ANSWER_PARTS:
        raise ValueError("more parts than any real one")
    document = parse_json(answer.decode("utf-8", errors="replace"))
    if not isinstance(document, dict) or not isinstance(document.get("result"), str):
        raise TypeError("not an answer")
    if document["result"] != "success":
        raise NotDoneError(document["result"])
    arguments = document.get("arguments")
    # 4.1 gives a bare number where there are none.
    return arguments if isinstance(arguments, dict) else {}
