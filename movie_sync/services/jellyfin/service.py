"""Jellyfin, asked by `POST /Library/Refresh`, which does not wait for the look to end."""

from dataclasses import dataclass

from movie_sync.credentials.manager import CredentialField
from movie_sync.services.media_server import MediaServer, ServerSettings


@dataclass(frozen=True, slots=True)
class JellyfinSettings(ServerSettings):
    """Where Jellyfin is."""


class Jellyfin(MediaServer):
    """The media server."""

    name = "jellyfin"
    title = "Jellyfin"
    section = JellyfinSettings
    credentials = (CredentialField("token", "MOVIE_SYNC_JELLYFIN_TOKEN", "token of Jellyfin"),)
    what = "The refresh of Jellyfin"
    method, path = "POST", "/Library/Refresh"
    header = "Authorization", 'MediaBrowser Token="{}"'
