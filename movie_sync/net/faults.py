"""What is wrong where a service cannot be reached, and the words for one in the user's own network.

The library's own texts are never passed on: they quote addresses, answers and headers.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

import requests
import urllib3

from movie_sync.errors import NetworkError, SlowError

PROXY_VARIABLES = "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY"


class Fault(Enum):
    """Why there is no answer; the first that fits."""

    PROXY = auto()
    CERTIFICATE = auto()
    TLS = auto()
    NO_SUCH_HOST = auto()
    REFUSED = auto()
    UNREACHABLE = auto()
    ADDRESS = auto()
    SLOW = auto()
    BROKEN_OFF = auto()


_CAUSES: tuple[tuple[Fault, tuple[type[BaseException], ...]], ...] = (
    (Fault.PROXY, (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError)),
    (Fault.CERTIFICATE, (ssl.SSLCertVerificationError,)),
    (Fault.TLS, (ssl.SSLError, urllib3.exceptions.SSLError)),
    (Fault.NO_SUCH_HOST, (socket.gaierror, urllib3.exceptions.NameResolutionError)),
    (Fault.REFUSED, (ConnectionRefusedError,)),
    (Fault.UNREACHABLE, (urllib3.exceptions.NewConnectionError,)),
    (
        Fault.ADDRESS,
        (
            *(requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema),
            *(requests.exceptions.MissingSchema, urllib3.exceptions.LocationParseError),
        ),
    ),
    (Fault.SLOW, (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError)),
)
_WORDS = {
    Fault.PROXY: f"could not be reached through the proxy that the environment names ({PROXY_VARIABLES}). "
    "If it stands in your own network, name its host in NO_PROXY.",
    Fault.CERTIFICATE: "shows a TLS certificate that cannot be verified. "
    "If it is your own, self-signed one, set {section}.verify_tls to false in config.json.",
    Fault.TLS: "makes no TLS connection. If its {entrance} uses plain HTTP, "
    "write http:// in {section}.url in config.json.",
    Fault.NO_SUCH_HOST: "could not be reached: its address was not found. "
    "Check {section}.url in config.json.",
    Fault.REFUSED: "could not be reached: the connection was refused. "
    "Is it running, with its {entrance} turned on at that port?",
    Fault.UNREACHABLE: "could not be reached. Check {section}.url in config.json.",
    Fault.ADDRESS: "has no usable address. Check {section}.url in config.json.",
    Fault.SLOW: "gave no complete answer in time ({section}.timeout is {seconds:g} s).",
    Fault.BROKEN_OFF: "broke the connection off. If its {entrance} uses HTTPS, "
    "write https:// in {section}.url in config.json.",
}


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
    """Return scheme, host and port alone: a path, a query or a user name may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def connection_fault(exc: BaseException, party: Party) -> NetworkError:
    """Return our error for a connection that failed, timed out or broke off."""
    fault = fault_of(exc)
    words = _WORDS[fault]
    # A server of plain HTTP lets a TLS greeting wait for ever.
    if fault is Fault.SLOW and urlsplit(party.url).scheme == "https":
        words += " If its {entrance} uses plain HTTP, write http:// in {section}.url."
    said = words.format(section=party.section, entrance=party.entrance, seconds=party.timeout_seconds)
    kind = SlowError if fault is Fault.SLOW else NetworkError
    return kind(f"{party.where} {said}")


def fault_of(exc: BaseException) -> Fault:
    """Return what is wrong, from all that an error wraps."""
    chain = list(causes(exc))
    fitting = (fault for fault, kinds in _CAUSES if any(isinstance(cause, kinds) for cause in chain))
    return next(fitting, Fault.BROKEN_OFF)


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
