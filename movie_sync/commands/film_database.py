"""The database of films that is asked for what Letterboxd does not tell, built from settings and its key."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from movie_sync.credentials.manager import Credentials
from movie_sync.services import registry
from movie_sync.services.base import FilmDatabaseService, Surroundings
from movie_sync.services.letterboxd.service import LetterboxdSettings
from movie_sync.settings.section import Sections

if TYPE_CHECKING:
    from movie_sync.fetching.metadata import Metadata, RefusedKey

_log = logging.getLogger(__name__)


def used_databases(config: Sections) -> list[FilmDatabaseService]:
    """Return what is asked with these settings: one, or none."""
    return [each for each in registry.of_kind(FilmDatabaseService).values() if each.is_used(config)]


def metadata_of(
    config: Sections,
    credentials: Credentials,
    around: Surroundings,
    kept: Callable[[str, object, Callable[[object], "RefusedKey"]], "RefusedKey"],
) -> "tuple[Metadata | None, str]":
    """Return what fills films, and why there is none although it is turned on, in words.

    `kept` returns what goes on when settings change, as `Kept.part`: a refused key is not sent again.
    """
    for service in used_databases(config):
        login = credentials[service.name]
        held = service.held_back(credentials)
        if why := str(held) if held else service.lacking(login):
            _log.warning("%s", why)
            return None, why
        from movie_sync.fetching.metadata import Metadata, RefusedKey  # noqa: PLC0415 - most don't use it

        keeps_posters = config.section(LetterboxdSettings).posters
        sent = service.section and config.section(service.section), login
        metadata = Metadata(
            database=service.build(config, login, around, keeps_posters=keeps_posters),
            path=around.paths.metadata if around.is_real else None,
            clock=around.clock,
            refused=kept(service.name, sent, lambda _: RefusedKey()),
            wants_posters=keeps_posters,
        )
        return metadata, ""
    return None, ""
