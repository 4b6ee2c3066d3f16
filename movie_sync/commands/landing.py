"""Where films land: the folder that the torrent client saves to beside the one that this machine looks in."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from movie_sync.domain.path_map import Pairs, fits, on_this_machine
from movie_sync.ports import FollowedClient
from movie_sync.services.base import ClientService, Login, Surroundings
from movie_sync.settings.config import Config
from movie_sync.settings.keys import GeneralSettings


@dataclass(frozen=True, slots=True)
class Landing:
    """`theirs` is the client's folder as it names it, `here` as this machine does.

    `folders` are where films are looked for here, first the one they are downloaded to.
    """

    client: ClientService
    theirs: str
    here: str
    folders: Sequence[str]

    @classmethod
    def of(cls, config: Config, login: Login, around: Surroundings) -> "Landing | None":
        """Ask the client; None if it cannot tell. Raises MovieSyncError if it cannot be asked."""
        client, general = config.client(), config.section(GeneralSettings)
        theirs = client.folder(config, login, around)
        folders = (general.download_directory, *general.library_directories)
        return cls(client, theirs, on_this_machine(theirs, general.path_map), folders) if theirs else None

    @property
    def is_looked_in(self) -> bool:
        """Whether films that land there are found: it is one of the folders, or in one."""
        return any(_is_in(self.here, folder) for folder in self.folders)

    @property
    def exists_here(self) -> bool:
        """Whether this machine has a folder of that name."""
        return Path(self.here).is_dir()

    def words(self) -> str:
        """Return in one line where films land, and what to do if they are not looked for there."""
        name, folder = self.client.title, self.folders[0]
        if self.is_looked_in:
            return f"{name} saves to {self.theirs}" + (
                f", which is {self.here} here" if self.here != self.theirs else ""
            )
        if self.exists_here:
            return (
                f"{name} saves to {self.here}, but download_directory is {folder}. Set download_directory to "
                f"{self.here}, or {self.client.folder_key} to {folder}."
            )
        pair = json.dumps([[self.theirs, folder]], ensure_ascii=False)
        return (
            f"{name} saves to {self.theirs}, which isn't a folder on this machine; download_directory is "
            f'{folder}. If they are the same place, set "path_map": {pair}.'
        )


def unused_pairs(pairs: Pairs, client: FollowedClient, folder: str) -> list[str]:
    """Return the client's side of each pair that neither its folder nor any of its torrents lies in.

    Raises as `TorrentClient`.
    """
    unused = {theirs for theirs, _ in pairs if not fits(folder, theirs)}
    for torrent in client.torrents() if unused else ():
        unused -= {theirs for theirs in unused if fits(torrent.content_path, theirs)}
    return [theirs for theirs, _ in pairs if theirs in unused]


def _is_in(path: str, folder: str) -> bool:
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return Path(path).is_absolute() and Path(inner).is_relative_to(outer)
