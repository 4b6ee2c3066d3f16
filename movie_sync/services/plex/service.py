"""Plex, asked by `GET /library/sections/all/refresh`, which does not wait for the look to end."""

from dataclasses import dataclass

from movie_sync.credentials.fields import CredentialField
from movie_sync.services.media_server import MediaServer
from movie_sync.settings.section import Sections, address_or_none


@dataclass(frozen=True, slots=True)
class PlexSettings:
    """Where it is."""

    url: str | None = address_or_none()


class Plex(MediaServer):
    """The media server."""

    name = "plex"
    title = "Plex"
    section = PlexSettings
    credentials = (CredentialField("token", "MOVIE_SYNC_PLEX_TOKEN", "token of Plex"),)
    what = "The refresh of Plex"
    method, path = "GET", "/library/sections/all/refresh"

    def url(self, config: Sections) -> str | None:
        """Return its address, if it is used."""
        return config.section(PlexSettings).url

    def headers(self, token: str) -> dict[str, str]:
        """Return what shows the token."""
        return {"X-Plex-Token": token}
