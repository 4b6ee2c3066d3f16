"""TMDB: how it is asked, with the user's own key."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from movie_sync.credentials.manager import CredentialField
from movie_sync.domain.letterboxd_text import is_image_address
from movie_sync.errors import UserError
from movie_sync.services.base import FilmDatabaseService, Login, Surroundings
from movie_sync.services.form import Form
from movie_sync.settings.section import Sections, address, setting, yes_or_no
from movie_sync.settings.values import UnusableValue, is_on_this_machine, or_null, text_in

if TYPE_CHECKING:
    from movie_sync.services.tmdb.client import TmdbClient

# TMDB allows some fifty requests a second; this program is never in such a hurry.
_SECONDS_BETWEEN = 0.3
_TIMEOUT_SECONDS = 15.0
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_POSTERS = "/t/p/w342/"


def _country(value: object) -> str:
    text = text_in(value)
    if not _COUNTRY.fullmatch(text):
        raise UnusableValue
    return text.upper()


@dataclass(frozen=True, slots=True)
class TmdbSettings:
    """Whether it is asked, where, and whose release dates count."""

    enabled: bool = yes_or_no(default=False)
    country: str | None = setting(
        None, "a country's two letters (ISO 3166-1) such as RO, or null", or_null(_country)
    )
    base_url: str = address("https://api.themoviedb.org")
    image_url: str = address("https://image.tmdb.org")


def posters_at(image_url: str) -> str:
    """Return what the address of each poster begins with."""
    return f"{image_url.rstrip('/')}{_POSTERS}"


def is_poster(settings: TmdbSettings, poster: str) -> bool:
    """Tell whether an address is that of a poster there, and posters from there are shown."""
    return settings.enabled and poster.startswith(posters_at(settings.image_url)) and is_image_address(poster)


class Tmdb(FilmDatabaseService):
    """The film database."""

    name = "tmdb"
    title = "TMDB"
    section = TmdbSettings
    attribution = "This product uses the TMDB API but is not endorsed or certified by TMDB."
    credentials = (CredentialField("key", "MOVIE_SYNC_TMDB_KEY", "TMDB key", may_hold_blanks=False),)

    def warnings(self, config: Sections) -> Iterator[str]:
        base_url = config.section(TmdbSettings).base_url
        if urlsplit(base_url).scheme == "http" and not is_on_this_machine(base_url):
            yield '"tmdb.base_url" isn\'t https: the key is sent unencrypted.'

    def is_used(self, config: Sections) -> bool:
        return config.section(TmdbSettings).enabled

    def ask(self, form: Form) -> None:
        is_used = self.is_used(form.config)
        wanted = form.confirm(
            "Use TMDB for release dates and original titles? You need a free API key.",
            default=is_used,
        )
        if wanted is not is_used:
            form.set("enabled", wanted)
        if wanted:
            form.ask_credential("key", "TMDB API key or read access token")

    def build(
        self, config: Sections, login: Login, around: Surroundings, *, keeps_posters: bool
    ) -> "TmdbClient":
        from movie_sync.services.tmdb.client import TmdbClient

        settings = config.section(TmdbSettings)
        site = around.site(self.title, _TIMEOUT_SECONDS, _SECONDS_BETWEEN)
        posters = posters_at(settings.image_url) if keeps_posters else ""
        return TmdbClient(site, settings.base_url, login["key"], settings.country or "", posters)

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        if words := self.lacking(login):
            raise UserError(words)
        self.build(config, login, around, keeps_posters=False).check_key()
        return "accepts the key"
