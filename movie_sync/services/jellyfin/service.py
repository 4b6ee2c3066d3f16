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
    credentials = (CredentialField("token", "MOVIE_SYNC_JELLYFIN_TOKEN", "Jellyfin token"),)
    what = "The Jellyfin scan"
    method, path = "POST", "/Library/Refresh"
    header = "Authorization", 'MediaBrowser Token="{}"'
