"""Where torrents go without a client of its own: a folder that any torrent client can watch.

The info-hash stands in each file's name, so that what was handed over is known by the names
alone, also after a client has taken a file and renamed it.
"""

import contextlib
import os
import re
import threading
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from movie_sync.domain.models import HeldTorrent, TorrentFile
from movie_sync.domain.plain_text import printable
from movie_sync.domain.wish_list import AS_USUAL, Placement
from movie_sync.errors import UserError
from movie_sync.services.base import ClientService, Login, Surroundings
from movie_sync.services.form import Form
from movie_sync.settings.section import Sections, folder
from movie_sync.storage.atomic_file import (
    TEMPORARY_SUFFIX,
    delete_files,
    make_folder,
    told_as,
    write_atomically,
)
from movie_sync.storage.paths import AppPaths

# With the hash, a client's ending and a temporary file's, a whole name stays below the 143 bytes
# that an encrypted home folder allows.
_MAX_NAME_BYTES = 75
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_BLANKS = re.compile(r"\s+")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
# What clients append to the name of a file that they have taken.
_TAKEN = r"\.(?:added|imported|loaded)"
_OURS = re.compile(rf"(?P<name>.+) \[(?P<hash>[0-9a-f]{{40}})\]\.torrent(?:{_TAKEN})?", re.IGNORECASE)
_LEFT_OVER = re.compile(rf".+ \[[0-9a-f]{{40}}\]\.torrent{re.escape(TEMPORARY_SUFFIX)}")


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
    is_followed = False

    def ask(self, form: Form) -> None:
        folder = self.place(form.config, form.paths)
        form.say(f"Torrents will be put in {folder}. Have your client watch that folder.")

    def place(self, config: Sections, paths: AppPaths) -> str:
        return config.section(FolderSettings).torrent_directory or str(paths.torrents)

    def build(self, config: Sections, login: Login, around: Surroundings) -> "WatchFolder":
        return WatchFolder(Path(self.place(config, around.paths)))

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        folder = Path(self.place(config, around.paths))
        with told_as(f"Couldn't create the folder {folder}"):
            make_folder(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"Can't write to {folder}. Change torrent_directory in config.json.")
        return f"{folder} is writable"


@dataclass(frozen=True, slots=True)
class WatchFolder:
    """Implements `ports.TorrentClient` with files. Thread-safe; one process writes at a time.

    The folder is made when the first file is written, with mode 0700; one that is there keeps its
    own mode. Files have mode 0600.

    Raises StorageError: the folder cannot be read, or a torrent not written; nothing was changed then.
    """

    _folder: Path
    _write_lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, info_hash: str) -> HeldTorrent | None:
        return self.states([info_hash]).get(info_hash.lower())

    def states(self, info_hashes: Collection[str]) -> dict[str, HeldTorrent]:
        wanted = {info_hash.lower() for info_hash in info_hashes}
        return {held.info_hash: held for held in self.torrents() if held.info_hash in wanted}

    def hand_over(self, torrent: TorrentFile, placement: Placement = AS_USUAL) -> bool:
        """Write the file; a `placement` is for clients, and makes no difference here."""
        with self._write_lock:
            with self._told_as("create"):
                make_folder(self._folder)
            if self.states(torrent.info_hashes):
                return False
            for entry in self._entries():  # a crash in the middle of writing leaves some
                if _LEFT_OVER.fullmatch(entry.name):
                    delete_files(Path(entry.path))
            file_name = f"{safe_name(torrent.name)} [{torrent.info_hash.lower()}].torrent"
            write_atomically(self._folder / file_name, [torrent.content])
            return True

    def torrents(self) -> Iterator[HeldTorrent]:
        for entry in self._entries():
            match = _OURS.fullmatch(entry.name)
            if match is not None and _is_whole_file(entry):
                yield HeldTorrent(
                    info_hash=match["hash"].lower(), name=match["name"], content_path=str(Path(entry.path))
                )

    def _told_as(self, done: str) -> contextlib.AbstractContextManager[None]:
        return told_as(f"Couldn't {done} the torrent folder {self._folder}")

    def _entries(self) -> list[os.DirEntry[str]]:
        with self._told_as("read"):
            try:
                with os.scandir(self._folder) as entries:
                    return list(entries)
            except FileNotFoundError:
                return []


def safe_name(text: str) -> str:
    """Return a piece of a file name that is harmless on every system, at most 75 bytes of UTF-8.

    Nothing in it is a path, a control or direction mark, a device of Windows, an option or hidden.
    """
    name = unicodedata.normalize("NFC", printable(_BLANKS.sub(" ", text)))
    name = _BLANKS.sub(" ", _FORBIDDEN.sub(" ", name)).lstrip(" .-~")
    name = name.encode("utf-8", errors="ignore")[:_MAX_NAME_BYTES].decode("utf-8", errors="ignore")
    name = name.rstrip(" .")
    if _DEVICE.match(name):
        name = f"_{name}".encode()[:_MAX_NAME_BYTES].decode("utf-8", errors="ignore").rstrip(" .")
    return name or "torrent"


def _is_whole_file(entry: os.DirEntry[str]) -> bool:
    """Tell a real file from a folder, a link, and the empty file that a power failure can leave."""
    with contextlib.suppress(OSError):  # a client has just taken it away
        return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size > 0
    return False
