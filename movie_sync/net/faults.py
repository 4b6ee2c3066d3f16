"""Why a service in the user's own network could not be reached, in words that say what to do.

The library's own texts are never passed on: they quote addresses, answers and headers.
"""

import socket
import ssl
from dataclasses import dataclass

import requests
import urllib3

from movie_sync.errors import NetworkError, SlowError
from movie_sync.net.http import PROXY_VARIABLES, causes

_HTTPS = " https://"
_TIMEOUTS = (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError)
_FAULTS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        (
            f"could not be reached through the proxy that the environment names ({PROXY_VARIABLES}). "
            "If it stands in your own network, name its host in NO_PROXY."
        ),
    ),
    (
        (ssl.SSLCertVerificationError,),
        (
            "shows a TLS certificate that cannot be verified. "
            "If it is your own, self-signed one, set {section}.verify_tls to false in config.json."
        ),
    ),
    (
        (ssl.SSLError, urllib3.exceptions.SSLError),
        (
            "makes no TLS connection. If its {entrance} uses plain HTTP, "
            "write http:// in {section}.url in config.json."
        ),
    ),
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        "could not be reached: its address was not found. Check {section}.url in config.json.",
    ),
    (
        (ConnectionRefusedError,),
        (
            "could not be reached: the connection was refused. "
            "Is it running, with its {entrance} turned on at that port?"
        ),
    ),
    (
        (urllib3.exceptions.NewConnectionError,),
        "could not be reached. Check {section}.url in config.json.",
    ),
    (
        (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError),
        "has no usable address. Check {section}.url in config.json.",
    ),
)


@dataclass(frozen=True, slots=True)
class Party:
    """Who was asked: its name with its address, its section of the settings, what it is reached by there."""

    where: str
    section: str
    entrance: str
    timeout_seconds: float


def connection_fault(exc: BaseException, party: Party) -> NetworkError:
    """Return our error for a connection that failed, timed out or broke off."""
    chain = list(causes(exc))
    names = {"section": party.section, "entrance": party.entrance}
    for kinds, words in _FAULTS:
        if any(isinstance(cause, kinds) for cause in chain):
            return NetworkError(f"{party.where} {words.format(**names)}")
    if any(isinstance(cause, _TIMEOUTS) for cause in chain):
        # A server of plain HTTP lets a TLS greeting wait for ever.
        hint = (
            f" If its {party.entrance} uses plain HTTP, write http:// in {party.section}.url."
            if _HTTPS in party.where
            else ""
        )
        return SlowError(
            f"{party.where} gave no complete answer in time "
            f"({party.section}.timeout is {party.timeout_seconds:g} s).{hint}"
        )
    return NetworkError(
        f"{party.where} broke the connection off. If its {party.entrance} uses HTTPS, "
        f"write https:// in {party.section}.url in config.json."
    )
