"""The page's address, the names it answers to, and its password."""

import re
from dataclasses import dataclass

from movie_sync.credentials.manager import CredentialField
from movie_sync.services.base import Service
from movie_sync.settings.section import setting
from movie_sync.settings.values import UnusableValue, list_of, text_in

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):(\d{1,5})", re.ASCII)
_LAST_PORT = 65_535


def listen_address(value: object) -> str:
    """Return `HOST:PORT`, an IPv6 address in brackets; raises UnusableValue."""
    text = text_in(value)
    found = _LISTEN.fullmatch(text)
    if found is None or not 0 <= int(found[2]) <= _LAST_PORT:
        raise UnusableValue
    return text


def _host(value: object) -> str:
    text = text_in(value)
    if not _HOST.fullmatch(text):
        raise UnusableValue
    return text.lower()


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where the page is."""

    listen: str = setting(
        "127.0.0.1:8787", "HOST:PORT, such as 127.0.0.1:8787", listen_address, for_terminal=True
    )
    hosts: tuple[str, ...] = setting(
        [], "a list of host names, without ports", list_of(_host), for_terminal=True
    )


class Web(Service):
    """The page that `web` serves."""

    name = "web"
    title = "the page"
    section = WebSettings
    credentials = (CredentialField("password", "MOVIE_SYNC_WEB_PASSWORD", "password of the page"),)
