"""Jellyfin, told to look for new films."""

from movie_sync.credentials.manager import CredentialField
from movie_sync.services.media_server import MediaServer, ServerSettings


class JellyfinSettings(ServerSettings):
    """Where Jellyfin is."""


class Jellyfin(MediaServer):
    """The media server Jellyfin."""

    name = "jellyfin"
    title = "Jellyfin"
    section = JellyfinSettings
    credentials = (CredentialField("token", "MOVIE_SYNC_JELLYFIN_TOKEN", "token of Jellyfin"),)
    what = "The refresh of Jellyfin"
    method, path = "POST", "/Library/Refresh"
    header = "Authorization", 'MediaBrowser Token="{}"'
