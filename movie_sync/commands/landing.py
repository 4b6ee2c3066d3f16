"""Where films land: the folder that the torrent client saves to beside the one that this machine looks in.

And whether they can be put on the shelf from there.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from movie_sync.domain.path_map import Pairs, fits, on_this_machine
from movie_sync.errors import UserError
from movie_sync.ports import FollowedClient
from movie_sync.services.base import ClientService, Login, Surroundings
from movie_sync.settings.config import Config
from movie_sync.settings.keys import GeneralSettings
from movie_sync.shelf.faults import ShelfError, why_no_shelf
from movie_sync.shelf.settings import COPY, ShelfSettings

_MOST_FOLDERS, _MOST_FILES = 20, 50


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


def check_shelf(settings: ShelfSettings, client: ClientService, landing: Landing | None) -> str:
    """Say where the shelf is; raises UserError if films can't be put there.

    `landing` is where films land, if the client could be asked and told.
    """
    folder = Path(settings.folder or "")
    if why := why_no_shelf(folder):
        raise UserError(why)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} can't be written to. Change its permissions.")
    if not client.is_followed:
        raise UserError(
            f"{client.title} can't tell when films are complete, so none will be put in {folder}."
        )
    if landing is None:
        return str(folder)
    if not landing.exists_here:
        raise UserError(
            f"{client.title} saves to {landing.theirs}, but there's no folder {landing.here} on this "
            'machine, so films can\'t be put on the shelf. Correct "path_map".'
        )
    file = _some_file(Path(landing.here)) if settings.how != COPY else None
    if file:
        from movie_sync.shelf.placing import why_not_shared  # noqa: PLC0415 - for this alone

        try:
            why = why_not_shared(file, folder, Path(landing.here))
        except (ShelfError, OSError) as exc:
            why = f"Couldn't try a hard link in {folder}: {exc}"
        if why:
            raise UserError(why)
    return str(folder)


def _some_file(folder: Path) -> Path | None:
    """Return a file that is in a folder, or in one of the folders in it, if one is soon found."""
    for place in (folder, *islice((each for each in folder.iterdir() if each.is_dir()), _MOST_FOLDERS)):
        with contextlib.suppress(OSError):
            for file in islice(place.iterdir(), _MOST_FILES):
                if file.is_file() and not file.is_symlink():
                    return file
    return None
