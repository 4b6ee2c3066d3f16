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
    credentials = (CredentialField("token", "MOVIE_SYNC_PLEX_TOKEN", "token of Plex"),)
    what = "The refresh of Plex"
    method, path = "GET", "/library/sections/all/refresh"
    header = "X-Plex-Token", "{}"
