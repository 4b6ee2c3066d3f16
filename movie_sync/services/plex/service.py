"""Plex, asked by `GET /library/sections/all/refresh`, which does not wait for the look to end."""

from dataclasses import dataclass

from movie_sync.credentials.manager import CredentialField
from movie_sync.services.media_server import MediaServer, ServerSettings


@dataclass(frozen=True, slots=True)
class PlexSettings(ServerSettings):
    """Where Plex is."""


class Plex(MediaServer):
    """The media server."""

    name = "plex"
    title = "Plex"
    section = PlexSettings
    credentials = (CredentialField("token", "MOVIE_SYNC_PLEX_TOKEN", "token of Plex"),)
    what = "The refresh of Plex"
    method, path = "GET", "/library/sections/all/refresh"
    header = "X-Plex-Token", "{}"
