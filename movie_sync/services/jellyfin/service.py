"""Jellyfin, asked by `POST /Library/Refresh`, which does not wait for the look to end."""

from dataclasses import dataclass

from movie_sync.credentials.fields import CredentialField
from movie_sync.services.media_server import MediaServer
from movie_sync.settings.section import Sections, address_or_none


@dataclass(frozen=True, slots=True)
class JellyfinSettings:
    """Where it is."""

    url: str | None = address_or_none()


class Jellyfin(MediaServer):
    """The media server."""

    name = "jellyfin"
    title = "Jellyfin"
    section = JellyfinSettings
    credentials = (CredentialField("token", "MOVIE_SYNC_JELLYFIN_TOKEN", "token of Jellyfin"),)
    what = "The refresh of Jellyfin"
    method, path = "POST", "/Library/Refresh"

    def url(self, config: Sections) -> str | None:
        """Return its address, if it is used."""
        return config.section(JellyfinSettings).url

    def headers(self, token: str) -> dict[str, str]:
        """Return what shows the token."""
        return {"Authorization": f'MediaBrowser Token="{token}"'}
