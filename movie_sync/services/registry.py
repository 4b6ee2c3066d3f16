"""All services there are, by name; each is imported when it is first asked for.

A new one needs its folder and a line here. Their order is that of setup's questions.
"""

import importlib
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from movie_sync.credentials.fields import CredentialField
from movie_sync.services.base import ClientService, Service, ToldService, TrackerService

SERVICES: dict[str, str] = {
    "letterboxd": "movie_sync.services.letterboxd.service:Letterboxd",
    "filelist": "movie_sync.services.filelist.service:FileList",
    "torznab": "movie_sync.services.torznab.service:Torznab",
    "qbittorrent": "movie_sync.services.qbittorrent.service:QBittorrent",
    "transmission": "movie_sync.services.transmission.service:Transmission",
    "watch_folder": "movie_sync.services.watch_folder.service:WatchFolderService",
    "notices": "movie_sync.services.apprise.service:Notices",
    "jellyfin": "movie_sync.services.jellyfin.service:Jellyfin",
    "plex": "movie_sync.services.plex.service:Plex",
}

_Kind = TypeVar("_Kind", bound=Service)


def service(name: str) -> Service:
    """Return the service of this name.

    Raises:
        KeyError: there is none.
    """
    return _made(SERVICES[name])


def everything() -> list[Service]:
    """Return all services, in order."""
    return [service(name) for name in SERVICES]


def of_kind(kind: type[_Kind]) -> list[_Kind]:
    """Return the services of a kind, in order."""
    return [found for found in everything() if isinstance(found, kind)]


def names(kind: type[Service]) -> list[str]:
    """Return the names of the services of a kind, in order."""
    return [found.name for found in of_kind(kind)]


def told() -> list[ToldService]:
    """Return what can be told of events."""
    return of_kind(ToldService)


def clients() -> list[ClientService]:
    """Return what can take torrents."""
    return of_kind(ClientService)


def fallback_client() -> ClientService:
    """Return where torrents go if no other client is used."""
    return next(client for client in clients() if not client.question)


def credential_fields() -> dict[str, Sequence[CredentialField]]:
    """Return what each service that logs in somewhere needs for it."""
    return {found.name: found.credentials for found in everything() if found.credentials}


def trackers() -> list[TrackerService]:
    """Return where torrents can be looked for."""
    return of_kind(TrackerService)


@cache
def _made(place: str) -> Service:
    module, _, name = place.partition(":")
    made = getattr(importlib.import_module(module), name)()
    if not isinstance(made, Service):
        raise TypeError(f"{place} is no service")
    return made
