"""One way to make HTTP requests: bounded in time and size, polite, and stopped at once on shutdown.

`requests` alone bounds only the silence between two pieces of an answer. Here a whole request has
one deadline, and a set stop event ends it within half a second wherever it waits for data: the
sockets wait in short slices and look at both between them.
"""

import contextlib
import http.cookiejar
import io
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from movie_sync import __version__
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import NetworkError, SlowError, Stopped, TooLargeError, UnavailableError
from movie_sync.settings.values import is_on_this_machine

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

USER_AGENT = f"MovieSync/{__version__} (+https://github.com/movie-sync/movie-sync)"
_SLICE_SECONDS = 0.5
_CONNECT_SECONDS = 8.0
_CHUNK_BYTES = 8192
_MAX_REDIRECTS = 3
# Nobody means more: it is a slip, milliseconds for instance, and would stop all work for as long.
_LONGEST_WAIT_SECONDS = 86_400.0

# Its lines quote whole URLs, and a query may hold a passkey.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class _Watch:
    """The limits of the request that the current thread is making."""

    def __init__(self, stop: threading.Event, seconds: float, max_bytes: int | None) -> None:
        self._stop = stop
        self._ends_at = time.monotonic() + seconds
        self._bytes_left = max_bytes

    def next_slice(self) -> float:
        """Return how long to wait for data now; raises Stopped or TimeoutError when it is over."""
        if self._stop.is_set():
            raise Stopped
        remaining = self._ends_at - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the time limit of the request is over")
        return min(_SLICE_SECONDS, remaining)

    def count(self, received_bytes: int) -> None:
        """Raise UnavailableError when more has come than is allowed."""
        if self._bytes_left is not None:
            self._bytes_left -= received_bytes
            if self._bytes_left < 0:
                raise UnavailableError("The answer is larger than any real one.")


class _Current(threading.local):
    watch: _Watch | None = None


_current = _Current()


def _receive(sock: socket.socket, receive: Callable[[], int]) -> int:
    """Call `receive` until it has data, looking at deadline and stop event between slices."""
    watch = _current.watch
    if watch is None:
        return receive()
    limit = sock.gettimeout()
    try:
        while True:
            sock.settimeout(watch.next_slice())
            try:
                received_bytes = receive()
            except TimeoutError:
                continue
            watch.count(received_bytes)
            return received_bytes
    finally:
        sock.settimeout(limit)


class _PlainSocket(socket.socket):
    """A socket whose waiting for data obeys the current request's limits."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        receive = super().recv_into
        return _receive(self, lambda: receive(buffer, nbytes, flags))


class _TlsSocket(ssl.SSLSocket):
    """The same for an encrypted connection."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        receive = super().recv_into
        return _receive(self, lambda: receive(buffer, nbytes, flags))


class _PlainConnection(urllib3.connection.HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _TlsConnection(urllib3.connection.HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _watched(sock: socket.socket) -> socket.socket:
    limit = sock.gettimeout()
    watched = _PlainSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    watched.settimeout(limit)
    return watched


@contextlib.contextmanager
def limits(stop: threading.Event, seconds: float, *, max_bytes: int | None = None) -> Iterator[None]:
    """Bound what the current thread does with a `WatchedAdapter` inside the block.

    Its requests end with TimeoutError when `seconds` are over, with UnavailableError when more than
    `max_bytes` have come over the wire, and with Stopped when `stop` is set.
    """
    _current.watch = _Watch(stop, seconds, max_bytes)
    try:
        yield
    finally:
        _current.watch = None


def build_tls_context(*, verify: bool = True) -> ssl.SSLContext:
    """Return the TLS context that all clients share; it costs about 1.5 MB, so make one.

    Without `verify` any certificate is taken: encrypted, but nobody knows by whom.
    """
    if not verify:
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        unverified.sslsocket_class = _TlsSocket
        return unverified
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or certifi.where()
    context = ssl.create_default_context(cafile=bundle)
    context.sslsocket_class = _TlsSocket
    return context


class WatchedAdapter(HTTPAdapter):
    """Requests' transport with our sockets and the shared TLS context; obeys `limits`.

    Whether certificates are verified is settled by the context alone, not by requests' `verify`
    or by the environment.
    """

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: ANN401, FBT001, FBT002 - the signature is requests'
        """Use connections that obey the limits."""
        super().init_poolmanager(connections, maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:  # noqa: ANN401, ARG002, FBT001 - the signature is requests'
        """Put our context in the place of what requests would set up."""
        # The context holds the authorities already; loading them anew for each connection costs memory.
        if url.startswith("https:"):
            context = self._tls()
            conn.cert_reqs = context.verify_mode
            conn.conn_kw["ssl_context"] = context

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401 - the signature is requests'
        """Send, unless the limits are over already: connecting is not watched."""
        if _current.watch is not None:
            _current.watch.next_slice()
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


def build_session(tls: Callable[[], ssl.SSLContext]) -> requests.Session:
    """Return a session that obeys `limits`; it follows no redirect, keeps no cookie, and sends our name."""
    session = _Session()
    session.headers["User-Agent"] = USER_AGENT
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    adapter = WatchedAdapter(tls)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


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
    def retry_after_seconds(self) -> float | None:
        """The wait that the service asks for, if it names one in seconds; a day where it asks for more."""
        value = self.headers.get("retry-after", "").strip()
        return min(float(value), _LONGEST_WAIT_SECONDS) if value.isascii() and value.isdigit() else None


class SharedTls:
    """Makes the one TLS context when the first encrypted connection needs it. Thread-safe."""

    def __init__(self, *, verify: bool = True) -> None:
        self._verify = verify
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        """Return the context."""
        with self._lock:
            if self._context is None:
                self._context = build_tls_context(verify=self._verify)
            return self._context


class HttpClient:
    """GETs from one service, one request at a time, at least `min_interval_seconds` apart.

    `timeout_seconds` bounds a whole request, redirects and body included. Thread-safe: a second
    thread waits its turn. Environment variables for proxies (not before this machine itself)
    and authorities are honoured; cookies are not kept, and credentials never follow a redirect to
    another host.
    """

    def __init__(
        self,
        service: str,
        *,
        stop: threading.Event,
        timeout_seconds: float,
        min_interval_seconds: float = 0.0,
        tls: SharedTls | None = None,
    ) -> None:
        self._service = service
        self._stop = stop
        self._timeout_seconds = timeout_seconds
        self._min_interval_seconds = min_interval_seconds
        self._lock = threading.Lock()
        self._last_ended_at: float | None = None
        self._session = build_session(tls or SharedTls())
        self._session.headers["Accept-Encoding"] = "gzip, deflate"
        self._session.headers["Accept-Language"] = "en-US,en;q=0.8"

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        basic_auth: tuple[str, str] | None = None,
        accept: str = "*/*",
        max_bytes: int = 4_000_000,
        allowed_hosts: tuple[str, ...] = (),
        before_redirect: Callable[[], None] = lambda: None,
        follow: bool = True,
    ) -> HttpAnswer:
        """Return the whole answer, whatever its status.

        Redirects are followed on the same host, and to `allowed_hosts` where no credentials are sent;
        each is a request of its own, at its distance, and `before_redirect` may raise to forgo it.
        Without `follow` a redirect is an answer like any other, for the caller to look at.

        Raises:
            NetworkError: the service could not be reached, or broke off.
            SlowError: no whole answer within the time limit.
            UnavailableError: it redirects elsewhere, or sends more than `max_bytes`.
            Stopped: the program is shutting down.
        """
        sent = [*(basic_auth or ()), *(params or {}).values()]
        left_seconds = self._timeout_seconds
        with self._lock:
            for _ in range(_MAX_REDIRECTS + 1):
                self._wait_turn()
                begun_at = time.monotonic()
                found = self._request(url, params, basic_auth, accept, max_bytes, left_seconds, follow=follow)
                if isinstance(found, HttpAnswer):
                    return found
                left_seconds -= time.monotonic() - begun_at
                self._check_redirect(
                    url,
                    found,
                    has_credentials=basic_auth is not None or params is not None,
                    allowed_hosts=allowed_hosts,
                    sent=sent,
                )
                before_redirect()
                url, params = found, None
        raise UnavailableError(f"{self._service} redirects in circles. Try again later.")

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def _wait_turn(self) -> None:
        if self._last_ended_at is not None:
            wait = self._last_ended_at + self._min_interval_seconds - time.monotonic()
            if wait > 0:
                self._stop.wait(wait)
        if self._stop.is_set():
            raise Stopped

    def _request(
        self,
        url: str,
        params: Mapping[str, str] | None,
        basic_auth: tuple[str, str] | None,
        accept: str,
        max_bytes: int,
        seconds: float,
        *,
        follow: bool,
    ) -> HttpAnswer | str:
        """Make one request; return the answer, or the address that it redirects to."""
        try:
            with (
                limits(self._stop, seconds),
                self._session.get(
                    url,
                    params=params,
                    auth=basic_auth or no_auth,
                    headers={"Accept": accept},
                    timeout=(min(_CONNECT_SECONDS, self._timeout_seconds), self._timeout_seconds),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                if follow and response.is_redirect:
                    return self._redirect_target(url, response.headers["location"])
                body = self._read_body(response, max_bytes)
                return HttpAnswer(response.status_code, response.headers, body, url.partition("?")[0])
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as exc:
            # A ValueError is what urllib3 makes of a body in pieces of negative size.
            error = self._translate(exc)
        finally:
            self._last_ended_at = time.monotonic()
        # Raised out here, so that the library's error, which quotes the whole URL, is not its context.
        raise error

    def _redirect_target(self, url: str, location: str) -> str:
        try:
            return urljoin(url, location)
        except ValueError:  # half an IPv6 address, for instance
            error = UnavailableError(f"{self._service} redirects to something that is no address.")
        raise error

    def _check_redirect(
        self,
        url: str,
        target: str,
        *,
        has_credentials: bool,
        allowed_hosts: tuple[str, ...],
        sent: list[str],
    ) -> None:
        here, there = urlsplit(url), urlsplit(target)
        is_downgrade = here.scheme == "https" and there.scheme != "https"
        is_same = there.netloc == here.netloc
        is_allowed = there.netloc in allowed_hosts and not has_credentials
        if there.scheme not in {"http", "https"} or is_downgrade or not (is_same or is_allowed):
            redactor = Redactor()  # it may lead to a host named after what was sent
            redactor.learn(sent)
            host = redactor.clean(there.hostname or "unknown")
            raise UnavailableError(
                f"{self._service} redirects to another address ({host}), "
                "which is not followed. Check its address in config.json."
            )

    def _read_body(self, response: requests.Response, max_bytes: int) -> bytes:
        body = io.BytesIO()  # gives what it holds without a copy of it
        for chunk in response.iter_content(_CHUNK_BYTES):
            body.write(chunk)
            if body.tell() > max_bytes:
                raise TooLargeError(
                    f"{self._service} sent more than {max_bytes // 1_000_000} MB where a page was expected."
                )
        return body.getvalue()

    def _translate(self, exc: Exception) -> NetworkError:
        """Put a library's error into words; its own text may hold a URL with credentials."""
        chain = list(causes(exc))
        for kinds, words in _FAULTS:
            if any(isinstance(cause, kinds) for cause in chain):
                return NetworkError(f"{self._service} {words}")
        if any(isinstance(cause, _TIMEOUTS) for cause in chain):
            return SlowError(f"{self._service} gave no complete answer within {self._timeout_seconds:g} s.")
        return NetworkError(f"{self._service} broke the connection off.")


PROXY_VARIABLES = "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY"
_NO_ADDRESS = (
    "cannot be asked: its address in config.json, or the address of a proxy in the environment, "
    f"cannot be used ({PROXY_VARIABLES}; SOCKS needs the package PySocks)."
)
_TIMEOUTS = (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError)
_FAULTS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        f"could not be reached through the proxy that the environment names ({PROXY_VARIABLES}).",
    ),
    ((ssl.SSLCertVerificationError,), "shows a TLS certificate that cannot be verified."),
    ((ssl.SSLError, urllib3.exceptions.SSLError), "could not be reached: no TLS connection could be made."),
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        "could not be reached: its address was not found. Is this machine online?",
    ),
    ((ConnectionRefusedError,), "could not be reached: the connection was refused."),
    ((urllib3.exceptions.NewConnectionError,), "could not be reached. Is this machine online?"),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            urllib3.exceptions.LocationParseError,
        ),
        _NO_ADDRESS,
    ),
)


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials: without this, requests would look for some in ~/.netrc."""
    return request


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it wraps, by chaining, `reason` or its arguments."""
    seen: set[int] = set()
    waiting: list[object] = [exc]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
