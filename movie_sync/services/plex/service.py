"""Plex, told to look for new films."""

from movie_sync.credentials.manager import CredentialField
from movie_sync.services.media_server import MediaServer, ServerSettings


class PlexSettings(ServerSettings):
    """Where Plex is."""


class Plex(MediaServer):
    """The media server Plex."""

    name = "plex"
    title = "Plex"
    section = PlexSettings
    credentials = (CredentialField("token", "MOVIE_SYNC_PLEX_TOKEN", "Plex token"),)
    what = "The Plex scan"
    method, path = "GET", "/library/sections/all/refresh"
    header = "X-Plex-Token", "{}"
