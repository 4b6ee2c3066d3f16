"""What is wrong where a service cannot be reached, in words; and calls that remember a refused login.

The library's own texts are never passed on: they quote addresses, answers and headers.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from movie_sync.errors import AuthError, MovieSyncError, NetworkError, SlowError, Stopped
from movie_sync.net.limits import limits

_Answer = TypeVar("_Answer")
_PROXY_VARIABLES = "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY"

ODD_ANSWER = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a library, or our reading, makes of an answer of another shape."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why there is no answer: what is raised for it, its words, and those for a service near or far."""

    causes: tuple[type[BaseException], ...]
    words: str
    near: str = ""
    far: str = ""
    kind: type[NetworkError] = NetworkError


_SLOW = _Fault(
    (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError),
    "timed out",
    near=" ({section}.timeout is {seconds:g} s).",
    far=" after {seconds:g} s.",
    kind=SlowError,
)
# The first that fits; the last one fits everything.
_FAULTS = (
    _Fault(
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        f"couldn't be reached through the proxy set in the environment ({_PROXY_VARIABLES}).",
        near=" If it's on your own network, add its host to NO_PROXY.",
    ),
    _Fault(
        (ssl.SSLCertVerificationError,),
        "has a TLS certificate that can't be verified.",
        near=" If it's your own self-signed one, set {section}.verify_tls to false in config.json.",
    ),
    _Fault(
        (ssl.SSLError, urllib3.exceptions.SSLError),
        "",
        near="doesn't accept TLS connections. If its {entrance} uses plain HTTP, "
        "use http:// for {section}.url in config.json.",
        far="couldn't be reached: the TLS connection failed.",
    ),
    _Fault(
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        "couldn't be reached: its host name wasn't found.",
        near=" Check {section}.url in config.json.",
        far=" Is this machine online?",
    ),
    _Fault(
        (ConnectionRefusedError,),
        "couldn't be reached: connection refused.",
        near=" Is it running, with its {entrance} enabled on that port?",
    ),
    _Fault(
        (urllib3.exceptions.NewConnectionError,),
        "couldn't be reached.",
        near=" Check {section}.url in config.json.",
        far=" Is this machine online?",
    ),
    _Fault(
        (
            *(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema),
            *(requests.exceptions.MissingSchema, urllib3.exceptions.LocationParseError),
        ),
        "",
        near="has an invalid address. Check {section}.url in config.json.",
        far="can't be reached: its address in config.json, or a proxy's address in the environment, "
        f"is invalid ({_PROXY_VARIABLES}; SOCKS needs the package PySocks).",
    ),
    _SLOW,
    _Fault(
        (BaseException,),
        "dropped the connection.",
        near=" If its {entrance} uses HTTPS, use https:// for {section}.url in config.json.",
    ),
)


@dataclass(frozen=True, slots=True)
class Party:
    """A service in the user's network: its address, its settings' section, what it is reached by there."""

    service: str
    url: str
    section: str
    entrance: str
    timeout_seconds: float

    @property
    def where(self) -> str:
        """Its name with its address, as people are told."""
        return f"{self.service} at {origin_of(self.url)}"


def origin_of(url: str) -> str:
    """Return scheme, host and port alone: a path, a query or a username may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def distant_fault(exc: BaseException, service: str, timeout_seconds: float) -> NetworkError:
    """Return our error for a connection to a service on the Internet that failed, timed out or broke off."""
    fault = _fault_of(exc)
    return fault.kind(f"{service} {fault.words}{fault.far.format(seconds=timeout_seconds)}")


def connection_fault(exc: BaseException, party: Party) -> NetworkError:
    """Return the same for a service in the user's network."""
    fault = _fault_of(exc)
    advice = fault.near
    # A server of plain HTTP lets a TLS greeting wait for ever.
    if fault is _SLOW and urlsplit(party.url).scheme == "https":
        advice += " If its {entrance} uses plain HTTP, use http:// for {section}.url."
    said = advice.format(section=party.section, entrance=party.entrance, seconds=party.timeout_seconds)
    return fault.kind(f"{party.where} {fault.words}{said}")


def _fault_of(exc: BaseException) -> _Fault:
    chain = list(causes(exc))
    return next(fault for fault in _FAULTS if any(isinstance(cause, fault.causes) for cause in chain))


def causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it wraps, by chaining, `reason` or its arguments."""
    seen: set[int] = set()
    waiting: list[object] = [exc]
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            reason = getattr(current, "reason", None)
            waiting += [current.__cause__, current.__context__, reason, *current.args]


@dataclass(slots=True)
class Calls:
    """Makes calls to one service, one at a time. Thread-safe.

    Each ends after the party's time, whatever the other side does, and within a second once `stop` is set.
    After a refused login every call fails at once, unsent, unless the refusal says when it may be over.
    `put_into_words` returns our error for what a call raised, or None for what nobody foresaw.
    """

    party: Party
    stop: threading.Event
    put_into_words: Callable[[Exception, Party], MovieSyncError | None]
    outages: int = 0
    """How often the service was out of reach."""
    _refusal: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, call: Callable[[], _Answer], max_bytes: int) -> _Answer:
        """Return what a call returns; its answer may have so many bytes."""
        with self._lock:
            if self._refusal:
                raise AuthError(self._refusal, service=self.party.service)
            if self.stop.is_set():
                raise Stopped
            try:
                with limits(self.stop, self.party.timeout_seconds, max_bytes=max_bytes):
                    return call()
            except Exception as exc:
                failure = exc if isinstance(exc, MovieSyncError) else self.put_into_words(exc, self.party)
                if failure is None:
                    raise
            if isinstance(failure, AuthError) and failure.retry_after_seconds is None:
                self._refusal = str(failure)
            if isinstance(failure, NetworkError):
                self.outages += 1
        # Raised out here it does not refer to a library's error, which holds what was sent.
        raise failure
