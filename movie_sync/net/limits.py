"""Limits of a request, kept wherever it waits for data: its time, its size, and the end of the program.

`requests` alone bounds only the silence between two pieces of an answer. These sockets wait in short
slices and look at the deadline and the stop event between them.
"""

import contextlib
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import urllib3

from movie_sync.errors import Stopped, UnavailableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SLICE_SECONDS = 0.5


class _Watch(threading.local):
    """The limits of the request that the current thread is making, if it makes one (`stop` is set)."""

    stop: threading.Event | None = None
    ends_at = 0.0
    bytes_left = math.inf


_watch = _Watch()


@contextlib.contextmanager
def limits(stop: threading.Event, seconds: float, *, max_bytes: float = math.inf) -> Iterator[None]:
    """Bound what the current thread does with an equipped session inside the block.

    Its requests end with TimeoutError when `seconds` are over, with UnavailableError when more than
    `max_bytes` have come over the wire, and with Stopped when `stop` is set.
    """
    _watch.ends_at = time.monotonic() + seconds
    _watch.bytes_left = max_bytes
    _watch.stop = stop
    try:
        yield
    finally:
        _watch.stop = None


def check_limits() -> float:
    """Return how long to wait for data now, in seconds; raises as inside `limits` when that is over."""
    if _watch.stop is None:
        return _SLICE_SECONDS
    if _watch.stop.is_set():
        raise Stopped
    remaining = _watch.ends_at - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("the time limit of the request is over")
    return min(_SLICE_SECONDS, remaining)


def _receive(sock: socket.socket, receive: Callable[[], int]) -> int:
    """Call `receive` until it has data, looking at deadline and stop event between slices."""
    if _watch.stop is None:
        return receive()
    limit = sock.gettimeout()
    try:
        while True:
            sock.settimeout(check_limits())
            with contextlib.suppress(TimeoutError):
                received_bytes = receive()
                break
    finally:
        sock.settimeout(limit)
    _watch.bytes_left -= received_bytes
    if _watch.bytes_left < 0:
        raise UnavailableError("The answer is far too large.")
    return received_bytes


class _PlainSocket(socket.socket):
    """A socket whose waiting for data obeys the current request's limits."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        receive = super().recv_into
        return _receive(self, lambda: receive(buffer, nbytes, flags))


class TlsSocket(ssl.SSLSocket):
    """The same for an encrypted connection."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Receive, as the base class does."""
        receive = super().recv_into
        return _receive(self, lambda: receive(buffer, nbytes, flags))


class _Watched:
    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]  # of the class beside this one
        limit = sock.gettimeout()
        watched = _PlainSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        watched.settimeout(limit)
        return watched


def _watched(pool: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
    """Return the same pool of connections, whose sockets obey the limits."""
    connection = type(f"_{pool.__name__}Connection", (_Watched, pool.ConnectionCls), {})
    return type(f"_Watched{pool.__name__}", (pool,), {"ConnectionCls": connection})


POOLS = {"http": _watched(urllib3.HTTPConnectionPool), "https": _watched(urllib3.HTTPSConnectionPool)}
