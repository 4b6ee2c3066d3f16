"""An export of a Letterboxd account, read in place of the site."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from movie_sync.domain.wish_list import WishList
from movie_sync.services.base import ListService, Surroundings
from movie_sync.services.form import NONE, Form
from movie_sync.settings.section import Sections, folder
from movie_sync.settings.values import path_here

if TYPE_CHECKING:
    from movie_sync.services.list_file import FileList


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
    entry_key = "export"
    allowed = "a full path or ~/..."
    question = "Read your account's export instead of the website?"

    def ask(self, form: Form) -> None:
        """Ask where the export is, where one is read or is to be."""
        present = form.config.section(ExportSettings).export_file or ""
        if present or form.is_needed:
            form.say("Export your data on https://letterboxd.com/settings/data/ and download the ZIP.")
            path = form.ask(
                f"Path of the export{f' ({NONE} to read the website instead)' if present else ''}",
                present,
                lambda text: text if text == NONE and present else path_here(text),
                "Enter the full path, e.g. ~/Downloads/letterboxd-export.zip.",
            )
            if path is not None:
                form.set("export_file", None if path == NONE else path)

    def read_place(self, value: object) -> str:
        return path_here(value)

    def own_list(self, config: Sections) -> WishList | None:
        path = config.section(ExportSettings).export_file
        return None if path is None else WishList(self.name, path)

    def label(self, wish: WishList) -> str:
        return f"the export {wish.place}"

    def owner(self, wish: WishList) -> str:
        return str(Path(wish.place).absolute())

    def build(self, wish: WishList, config: Sections, around: Surroundings) -> "FileList":
        from movie_sync.services.letterboxd_export.folder import export_at, signature_of
        from movie_sync.services.list_file import FileList

        setting = "letterboxd.export_file" if config.section(ExportSettings).export_file else "`lists`"
        return FileList(Path(wish.place), export_at, setting=setting, stamp=signature_of)
