"""A list of IMDb's, from the file that it exports."""

from pathlib import Path
from typing import TYPE_CHECKING

from movie_sync.domain.wish_list import WishList
from movie_sync.services.base import ListService, Surroundings
from movie_sync.settings.section import Sections
from movie_sync.settings.values import path_here

if TYPE_CHECKING:
    from movie_sync.services.list_file import FileList


class ImdbExport(ListService):
    """The file."""

    name = "imdb"
    title = "IMDb list"
    entry_key = "imdb"
    allowed = "a full path or ~/..."

    def own_list(self, config: Sections) -> WishList | None:
        return None

    def read_place(self, value: object) -> str:
        return path_here(value)

    def label(self, wish: WishList) -> str:
        return f"the IMDb list {wish.place}"

    def owner(self, wish: WishList) -> str:
        return str(Path(wish.place).absolute())

    def build(self, wish: WishList, config: Sections, around: Surroundings) -> "FileList":
        from movie_sync.services.imdb_export.rows import read_imdb
        from movie_sync.services.list_file import FileList

        return FileList(Path(wish.place), read_imdb, setting="`lists`")
