"""An export of a Letterboxd account, read in place of the site."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from movie_sync.services.base import ListService, Surroundings
from movie_sync.settings.section import Sections, folder

if TYPE_CHECKING:
    from movie_sync.services.letterboxd_export.export import ExportWatchlist


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Where the export lies."""

    export_file: str | None = folder(None, nothing="none", protects=False)


class LetterboxdExport(ListService):
    """The export."""

    name = "letterboxd_export"
    title = "Letterboxd export"
    section = ExportSettings
    section_name = "letterboxd"

    def is_configured(self, config: Sections) -> bool:
        return config.section(ExportSettings).export_file is not None

    def place(self, config: Sections) -> str:
        return f"the export {config.section(ExportSettings).export_file}"

    def owner(self, config: Sections) -> str:
        return str(_path(config).absolute())

    def build(self, config: Sections, around: Surroundings) -> "ExportWatchlist":
        from movie_sync.services.letterboxd_export.export import ExportWatchlist

        return ExportWatchlist(_path(config))


def _path(config: Sections) -> Path:
    return Path(config.section(ExportSettings).export_file or "")
