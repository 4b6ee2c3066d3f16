"""What every request passes before anything answers it: whose name it used, where it came from, who sent it.

What changes something must come from the page itself: a session's cookie, that session's token, and no
foreign Origin. The token stands in the form's field `token`, or in the header `X-Token`.
"""

import asyncio
import contextlib
import hmac
import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from movie_sync.errors import MovieSyncError
from movie_sync.web.logins import Logins, change_token

_log = logging.getLogger(__name__)
_MOST_BYTES, _MOST_BYTES_OF_STRANGERS = 512_000, 10_000
_BODY_SECONDS = 20.0
_SAFE_METHODS = {"GET", "HEAD"}
_OPEN = frozenset({"/login", "/healthz", "/take", "/favicon.ico"})
_OPEN_BELOW = ("/login/", "/static/")
"""What is answered without a session; none of it has anything of the user's."""
_FORM = "application/x-www-form-urlencoded"
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?", re.ASCII)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names that the page answers to, in small letters: under another one a site is playing tricks.

    An IP address cannot be rebound, so each is taken where the page listens on all of them.
    They stand here without brackets.
    """

    names: frozenset[str]
    takes_addresses: bool = False

    @classmethod
    def of(cls, host: str, more: Collection[str]) -> "Names":
        """Return the names of a page that listens on `host`: this machine's, and what the user adds."""
        own = socket.gethostname().lower()
        bare = _plain(host.lower())
        known = {*_LOOPBACK_NAMES, bare, own, own.partition(".")[0], *more}
        known.add(f"{own.partition('.')[0]}.local")
        return cls(frozenset(known), takes_addresses=bare in {"0.0.0.0", "::"})  # noqa: S104 - only compared

    def know(self, host: str) -> bool:
        """Tell whether a Host header, with or without port, is one of them."""
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return False
        name = _plain(found[1])
        return name in self.names or (self.takes_addresses and _is_address(name))


def _plain(host: str) -> str:
    """Return a host without brackets, an IPv6 address as browsers write it."""
    bare = host.strip("[]")
    return str(ipaddress.ip_address(bare)) if _is_address(bare) else bare


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class _SessionEndedError(Exception):
    """The session of a request ended while it was answered."""


class _Answering:
    """Sends an answer with the headers that each one has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_begun = False
        self.may_go_on: Callable[[], bool] = lambda: True

    async def __call__(self, message: Message) -> None:
        """Send a part of it."""
        if message["type"] == "http.response.start":
            self._is_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        elif message.get("more_body") and not self.may_go_on():
            raise _SessionEndedError
        await self._send(message)

    async def fail(self, exc: Exception, scope: Scope, receive: Receive) -> None:
        """Say what went wrong, or end what was begun."""
        answer = _failed(exc, is_stranger=not scope["state"]["cookie"])
        if self._is_begun:
            await self._send({"type": "http.response.body"})
        else:
            await answer(scope, receive, self)


class Guard:
    """An ASGI application around the page's own."""

    def __init__(self, app: ASGIApp, *, names: Names, logins: Logins, cookie: str) -> None:
        self._app = app
        self._names = names
        self._logins = logins
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that must not pass; pass on the others."""
        if scope["type"] != "http":
            return
        answering = _Answering(send)
        receive, refusal = await self._refusal(scope, receive)
        answering.may_go_on = partial(self._may_go_on, scope["state"]["cookie"])
        try:
            await (refusal or self._app)(scope, receive, answering)
        except ClientDisconnect:
            pass
        except Exception as exc:  # noqa: BLE001 - said in words; with --log-level DEBUG also where
            await answering.fail(exc, scope, receive)

    def _may_go_on(self, cookie: str) -> bool:
        """Tell whether a stream may: one of events would otherwise outlive its session."""
        return not cookie or self._logins.is_in(cookie)

    async def _refusal(self, scope: Scope, receive: Receive) -> tuple[Receive, Response | None]:
        """Return what refuses a request, if it must not pass, and what it can be read from."""
        headers = Headers(scope=scope)
        scope["state"] = {"cookie": "", "token": "", "form": []}
        if not self._names.know(headers.get("host", "")):
            return receive, _refused(HTTPStatus.FORBIDDEN, "The page isn't served under that host name.")
        if not _comes_from_here(headers):
            return receive, _refused(HTTPStatus.FORBIDDEN, "The request came from another site.")
        cookie = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if self._logins.is_in(cookie):
            scope["state"] |= {"cookie": cookie, "token": change_token(cookie)}
        if scope["method"] in _SAFE_METHODS:
            path = str(scope["path"])
            is_free = bool(scope["state"]["cookie"]) or path in _OPEN or path.startswith(_OPEN_BELOW)
            return receive, None if is_free else _to_login(scope, headers)
        most = _MOST_BYTES if scope["state"]["cookie"] else _MOST_BYTES_OF_STRANGERS
        body = await _read(receive, most)
        return (receive, _TOO_MUCH) if body is None else (_replay(body), _changes(scope, headers, body))


def _changes(scope: Scope, headers: Headers, body: bytes) -> Response | None:
    """Return what refuses a change, if it must not be made; else its form is in the scope's state."""
    form = scope["state"]["form"] = _form_in(headers, body)
    token: str = scope["state"]["token"]
    shown = headers.get("x-token") or next((value for key, value in form if key == "token"), "")
    if token and not hmac.compare_digest(shown.encode(), token.encode()):
        return _refused(HTTPStatus.FORBIDDEN, "Reload the page and try again.")
    if not token and scope["path"] != "/login":
        return _refused(HTTPStatus.UNAUTHORIZED, "You're not logged in.")
    return None


def form_of(request: Request) -> dict[str, str]:
    """Return the fields of the form that was sent; of several with one name the last."""
    return dict(request.scope["state"]["form"])


def _comes_from_here(headers: Headers) -> bool:
    """Tell whether a request is not from another site's page.

    A form that is sent from a page without referrer has "null" as its Origin; the browser then says
    itself where it came from.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is None:
        return True
    if origin == "null":
        return site == "same-origin"
    host = headers.get("host", "").lower()
    return origin.lower() in {f"http://{host}", f"https://{host}"}


def _to_login(scope: Scope, headers: Headers) -> Response:
    """Send a browser to the login, and back to where it wanted to go after it."""
    accepted = headers.get("accept", "*/*")
    if "text/html" not in accepted and accepted != "*/*":
        return _refused(HTTPStatus.UNAUTHORIZED, "You're not logged in.")
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    wanted = str(scope["path"]) + (f"?{query}" if query else "")
    return RedirectResponse("/login" if wanted == "/" else f"/login?to={quote(wanted)}", HTTPStatus.SEE_OTHER)


def _failed(exc: Exception, *, is_stranger: bool) -> Response:
    """Say what went wrong while a request was answered; what nobody foresaw goes to the log.

    Who is not logged in learns nothing of the user's, as paths are.
    """
    if isinstance(exc, MovieSyncError | _SessionEndedError):
        if not is_stranger:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, str(exc))
        _log.warning("A request failed before the login: %s", exc)
        return _refused(
            HTTPStatus.SERVICE_UNAVAILABLE, "The page can't do that right now. Its terminal has details."
        )
    _log.error(
        "A request to the page failed: %s. Run with --log-level DEBUG for details.", type(exc).__name__
    )
    _log.debug("It was:", exc_info=exc)
    return _refused(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong. The page's terminal has details."
    )


def _refused(status: HTTPStatus, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)


_TOO_MUCH = _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large, or too slow.")


async def _read(receive: Receive, most_bytes: int) -> bytes | None:
    """Return the whole body, None if it is too large or takes too long."""
    body = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BODY_SECONDS):
            while len(body) <= most_bytes:
                message = await receive()
                if message["type"] != "http.request":
                    return b""
                body += bytes(message.get("body", b""))
                if not message.get("more_body"):
                    return body if len(body) <= most_bytes else None
    return None


def _replay(body: bytes) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _form_in(headers: Headers, body: bytes) -> list[tuple[str, str]]:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return []
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=2000)
    except ValueError:
        return []
