"""All services there are, by name; each is imported when it is first asked for.

A new one needs its folder and a line here. Their order is that of setup's questions.
"""

import importlib
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from movie_sync.credentials.manager import CredentialField
from movie_sync.domain.seeding import SeedingRule
from movie_sync.services.base import ClientService, Service, TrackerService

SERVICES: dict[str, str] = {
    "letterboxd": "movie_sync.services.letterboxd.service:Letterboxd",
    "letterboxd_list": "movie_sync.services.letterboxd.service:LetterboxdList",
    "letterboxd_export": "movie_sync.services.letterboxd_export.service:LetterboxdExport",
    "imdb": "movie_sync.services.imdb_export.service:ImdbExport",
    "filelist": "movie_sync.services.filelist.service:FileList",
    "torznab": "movie_sync.services.torznab.service:Torznab",
    "qbittorrent": "movie_sync.services.qbittorrent.service:QBittorrent",
    "transmission": "movie_sync.services.transmission.service:Transmission",
    "watch_folder": "movie_sync.services.watch_folder.service:WatchFolderService",
    "tmdb": "movie_sync.services.tmdb.service:Tmdb",
    "notices": "movie_sync.services.apprise.service:Notices",
    "jellyfin": "movie_sync.services.jellyfin.service:Jellyfin",
    "plex": "movie_sync.services.plex.service:Plex",
    "web": "movie_sync.services.web.service:Web",
}

_Kind = TypeVar("_Kind", bound=Service)


def everything() -> list[Service]:
    """Return all services, in order."""
    return [_made(place) for place in SERVICES.values()]


def of_kind(kind: type[_Kind]) -> dict[str, _Kind]:
    """Return the services of a kind by name, in order."""
    return {found.name: found for found in everything() if isinstance(found, kind)}


def fallback_client() -> ClientService:
    """Return where torrents go if no other client is used."""
    return next(client for client in of_kind(ClientService).values() if not client.question)


def seeding_rules() -> dict[str, SeedingRule]:
    """Return what each tracker asks of those who took a torrent there, where that is known."""
    return {name: found.seeding for name, found in of_kind(TrackerService).items() if found.seeding}


def credential_fields() -> dict[str, Sequence[CredentialField]]:
    """Return what each service that logs in somewhere needs for it."""
    return {found.name: found.credentials for found in everything() if found.credentials}


@cache
def _made(place: str) -> Service:
    module, _, name = place.partition(":")
    made: Service = getattr(importlib.import_module(module), name)()
    return made
