"""One way to make HTTP requests: bounded in time and size, polite, and stopped at once on shutdown."""

import functools
import http.cookiejar
import io
import logging
import math
import os
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.models import REDIRECT_STATI

from movie_sync import __version__
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import Stopped, TooLargeError, UnavailableError
from movie_sync.net.faults import distant_fault
from movie_sync.net.limits import POOLS, TlsSocket, check_limits, limits
from movie_sync.settings.values import is_on_this_machine

_USER_AGENT = f"MovieSync/{__version__} (+https://github.com/movie-sync/movie-sync)"
_making_contexts = threading.Lock()
_CONNECT_SECONDS = 8.0
_CHUNK_BYTES = 8192
_MAX_REDIRECTS = 3
# Nobody means more: it is a slip, milliseconds for instance, and would stop all work for as long.
_LONGEST_WAIT_SECONDS = 86_400.0

# Its lines quote whole URLs, and a query may hold a passkey.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


def _tls_context(*, verify: bool) -> ssl.SSLContext:
    """Return the process's TLS context, of 1.5 MB, made when it is first needed. Thread-safe.

    Without `verify` any certificate is taken: encrypted, but nobody knows by whom.
    """
    variables = map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    with _making_contexts:
        return _context(next(filter(None, variables), certifi.where()) if verify else None)


@functools.cache
def _context(authorities: str | None) -> ssl.SSLContext:
    if authorities is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context(cafile=authorities)
    context.sslsocket_class = TlsSocket
    return context


class _WatchedAdapter(HTTPAdapter):
    """Requests' transport with our sockets and the shared TLS context; obeys `limits`.

    Whether certificates are verified is settled by the context alone, not by requests' `verify`
    or by the environment.
    """

    def __init__(self, *, verify_tls: bool) -> None:
        self._verify_tls = verify_tls
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - the signature is requests'
        super().init_poolmanager(connections, maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:  # noqa: ANN401, ARG002, FBT001 - the signature is requests'
        # The context holds the authorities already; loading them anew for each connection costs memory.
        if url.startswith("https:"):
            context = _tls_context(verify=self._verify_tls)
            conn.cert_reqs = context.verify_mode
            conn.conn_kw["ssl_context"] = context

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - the signature is requests'
        check_limits()  # connecting is not watched
        return super().send(request, *args, **kwargs)


class _Session(requests.Session):
    """A session that leaves redirects alone: requests reads their bodies whole, however long.

    To this machine itself it goes straight: a proxy would look for it elsewhere.
    """

    def merge_environment_settings(self, url: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the base class
        settings = super().merge_environment_settings(url, *arguments, **options)
        return settings | {"proxies": {}} if is_on_this_machine(url) else settings

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - as in the base class
        return None


def build_session(*, verify_tls: bool = True) -> requests.Session:
    """Return an equipped session that follows no redirect and keeps no cookie."""
    session = _Session()
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    equip(session, verify_tls=verify_tls)
    return session


def equip(session: requests.Session, *, verify_tls: bool) -> None:
    """Let a session obey `limits`, send our name, and no credentials but those that it is given."""
    session.headers["User-Agent"] = _USER_AGENT
    session.auth = lambda request: request  # without it requests would look for some in ~/.netrc
    session.mount("http://", _WatchedAdapter(verify_tls=verify_tls))
    session.mount("https://", _WatchedAdapter(verify_tls=verify_tls))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer. `url` is where it came from after redirects, without the query."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as UTF-8, with replacement marks for what is not."""
        return self.body.decode("utf-8", errors="replace")

    @property
    def location(self) -> str:
        """Where it redirects to, as it stands there; empty if it does not."""
        return self.headers.get("location", "") if self.status in REDIRECT_STATI else ""

    @property
    def retry_after_seconds(self) -> float | None:
        """The wait that the service asks for, if it names one in seconds; a day where it asks for more."""
        value = self.headers.get("retry-after", "").strip()
        return min(float(value), _LONGEST_WAIT_SECONDS) if value.isascii() and value.isdigit() else None


@dataclass(slots=True, eq=False)
class HttpClient:
    """GETs from one service, one request at a time, at least `min_interval_seconds` apart.

    `timeout_seconds` bounds a whole request, redirects and body included. Thread-safe: a second
    thread waits its turn. Environment variables for proxies (not before this machine itself)
    and authorities are honoured; cookies are not kept, and credentials never follow a redirect to
    another host.
    """

    service: str
    _: KW_ONLY
    stop: threading.Event
    timeout_seconds: float
    min_interval_seconds: float = 0.0
    _session: requests.Session = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _last_ended_at: float = field(default=-math.inf, init=False)

    def __post_init__(self) -> None:
        self._session = build_session()
        self._session.headers["Accept-Encoding"] = "gzip, deflate"
        self._session.headers["Accept-Language"] = "en-US,en;q=0.8"

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        basic_auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "*/*",
        max_bytes: int = 4_000_000,
        allowed_hosts: tuple[str, ...] = (),
        before_redirect: Callable[[], None] = lambda: None,
        follow: bool = True,
    ) -> HttpAnswer:
        """Return the whole answer, whatever its status.

        Redirects are followed on the same host, and to `allowed_hosts` where no credentials are sent;
        each is a request of its own, at its distance, and `before_redirect` may raise to forgo it.
        Without `follow` a redirect is an answer, for the caller to look at; `headers` are sent only so.

        Raises NetworkError or SlowError if it could not be reached, broke off, or took too long, and
        UnavailableError if it redirects elsewhere or sends more than `max_bytes`.
        """
        sent = [*(basic_auth or ()), *(params or {}).values()]
        left_seconds = self.timeout_seconds
        ask = functools.partial(
            self._session.get,
            auth=basic_auth,
            headers={"Accept": accept, **({} if follow else headers or {})},
            timeout=(min(_CONNECT_SECONDS, self.timeout_seconds), self.timeout_seconds),
            allow_redirects=False,
            stream=True,
        )
        with self._lock:
            for _ in range(_MAX_REDIRECTS + 1):
                self._wait_turn()
                begun_at = time.monotonic()
                found = self._request(functools.partial(ask, url, params=params), max_bytes, left_seconds)
                if not (follow and found.location):
                    return found
                left_seconds -= time.monotonic() - begun_at
                has_credentials = basic_auth is not None or params is not None
                url = self._redirect_target(
                    url, found.location, sent, () if has_credentials else allowed_hosts
                )
                before_redirect()
                params = None
        raise UnavailableError(f"{self.service} redirects in a loop. Try again later.")

    def _wait_turn(self) -> None:
        wait = self._last_ended_at + self.min_interval_seconds - time.monotonic()
        if wait > 0:
            self.stop.wait(wait)
        if self.stop.is_set():
            raise Stopped

    def _request(self, ask: Callable[[], requests.Response], max_bytes: int, seconds: float) -> HttpAnswer:
        """Make one request; a redirect's body, which may have any length, is not read."""
        try:
            with limits(self.stop, seconds), ask() as response:
                body = b"" if response.is_redirect else self._read_body(response, max_bytes)
                url = response.url.partition("?")[0]
                return HttpAnswer(response.status_code, response.headers, body, url)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            # A ValueError is what urllib3 makes of a body in pieces of negative size.
            failure = distant_fault(exc, self.service, self.timeout_seconds)
        finally:
            self._last_ended_at = time.monotonic()
        # Raised out here, so that the library's error, which quotes the whole URL, is not its context.
        raise failure

    def _redirect_target(self, url: str, location: str, sent: list[str], allowed: tuple[str, ...]) -> str:
        """Return the address that an answer redirects to, if it may be followed."""
        here = urlsplit(url)
        try:
            target = urljoin(url, location)
            there = urlsplit(target)
        except ValueError:  # half an IPv6 address, for instance
            raise UnavailableError(f"{self.service} redirects to an invalid address.") from None
        is_downgrade = here.scheme == "https" and there.scheme != "https"
        is_allowed = there.netloc == here.netloc or there.netloc in allowed
        if there.scheme not in {"http", "https"} or is_downgrade or not is_allowed:
            redactor = Redactor()  # it may lead to a host named after what was sent
            redactor.learn(sent)
            host = redactor.clean(there.hostname or "unknown")
            raise UnavailableError(
                f"{self.service} redirects to another address ({host}), "
                "which isn't followed. Check its address in config.json."
            )
        return target

    def _read_body(self, response: requests.Response, max_bytes: int) -> bytes:
        body = io.BytesIO()  # gives what it holds without a copy of it
        for chunk in response.iter_content(_CHUNK_BYTES):
            body.write(chunk)
            if body.tell() > max_bytes:
                raise TooLargeError(
                    f"{self.service} sent more than {max_bytes // 1_000_000} MB, far too much for a page."
                )
        return body.getvalue()


def prepare_sparingly(session: requests.Session) -> None:
    """Let a session send the one file of a form, given as bytes, without a copy: requests would make two."""
    prepare = session.prepare_request

    def prepare_request(request: requests.Request) -> requests.PreparedRequest:
        files = request.files if isinstance(request.files, dict) else {}
        match list(files.items()):
            case [(name, bytes(content))]:
                mark = secrets.token_bytes(32)
                request.files = {name: mark}
                prepared = prepare(request)
                request.files = files
                head, _, tail = cast("bytes", prepared.body).partition(mark)
                view = memoryview(content)
                pieces = (view[at : at + _CHUNK_BYTES] for at in range(0, len(view), _CHUNK_BYTES))
                # urllib3 sends one after the other; each has its own time, which a slow line needs.
                prepared.body = (head, *pieces, tail)  # type: ignore[arg-type]  # views of bytes are as good
                prepared.headers["Content-Length"] = str(len(head) + len(content) + len(tail))
                return prepared
        return prepare(request)

    session.prepare_request = prepare_request  # type: ignore[method-assign]
