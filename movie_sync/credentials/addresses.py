"""The server that each secret was entered for: it is sent to no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from movie_sync.settings.values import is_on_this_machine

Servers = Mapping[str, Mapping[str, str]]
"""The servers that secrets go to, by service and by the secret's name, as `server_of` has them."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where secrets go with the settings in force, and where they went when the program started.

    Secrets in the environment count as entered at the start. A stored secret without a server is
    remembered for the present one, unless nothing `is_written`.
    """

    now: Servers
    at_start: Servers
    is_written: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """Why a secret is not sent: it was entered for another server. A `given` one is the environment's."""

    entered_for: str
    now: str
    is_given: bool


def server_of(url: str) -> str:
    """Return the server that a web address names: who answers on a host and port gets all that is sent there.

    This machine has one name.
    """
    parts = urlsplit(url)
    host = "localhost" if is_on_this_machine(url) else parts.hostname or ""
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def may_receive(server: str, entered_for: str) -> bool:
    """Tell whether a secret entered for one server may go to another: the same one, or that by https."""
    return server in {entered_for, entered_for.replace("http://", "https://", 1)}
