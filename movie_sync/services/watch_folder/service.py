"""A folder that any torrent client can watch, for who uses none that Movie Sync speaks to."""

import os
from dataclasses import dataclass
from pathlib import Path

from movie_sync.errors import UserError
from movie_sync.services.base import ClientService, Form, Login, Surroundings
from movie_sync.services.watch_folder.client import WatchFolder
from movie_sync.settings.section import Sections, folder
from movie_sync.storage.atomic_file import make_folder, told_as
from movie_sync.storage.paths import AppPaths


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """Where `.torrent` files go."""

    torrent_directory: str | None = folder(None, nothing="torrents/ in the data folder")


class WatchFolderService(ClientService):
    """The folder."""

    name = "watch_folder"
    title = "Watch folder"
    target = "the watch folder"
    main = FolderSettings
    can_tag = False

    def ask(self, form: Form) -> None:
        folder = self.place(form.config, form.paths)
        form.say(f"Torrents will be put into {folder}. Let your client watch that folder.")

    def place(self, config: Sections, paths: AppPaths) -> str:
        return config.section(FolderSettings).torrent_directory or str(paths.torrents)

    def build(self, config: Sections, login: Login, around: Surroundings) -> WatchFolder:
        return WatchFolder(Path(self.place(config, around.paths)))

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        folder = Path(self.place(config, around.paths))
        with told_as(f"The folder {folder} could not be made"):
            make_folder(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"{folder} cannot be written. Change torrent_directory in config.json.")
        return f"{folder} can be written"
