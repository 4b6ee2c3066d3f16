"""Limits of a request, kept wherever it waits for data: its time, its size, and the end of the program.

`requests` alone bounds only the silence between two pieces of an answer. These sockets wait in short
slices and look at the deadline and the stop event between them.
"""

import contextlib
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


class TlsSocket(ssl.SSLSocket):
    """The same for an encrypted connection."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Receive, as the base class does."""
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


POOLS = {"http": _PlainPool, "https": _TlsPool}


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


def check_limits() -> None:
    """Raise as inside `limits` if the current thread's are over already; connecting is not watched."""
    if _current.watch is not None:
        _current.watch.next_slice()
