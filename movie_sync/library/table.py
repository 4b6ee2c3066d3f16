"""Folders and film files in flat tables: about 60 bytes a film with its folder, its names and its keys.

A Python object for each of 50,000 paths would cost the daemon a quarter of its memory.
"""

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from movie_sync.domain.compact import HashedNumbers, PackedNames
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.odd_names import likely_names
from movie_sync.domain.wanted import WantedFilm

_DEAD = -1
_BEARABLE_WASTE = 2000  # files and folders
_DEPTH_OF_NAMES = 4  # a film's folder, its disc, its stream: more is a shelf, not a name
_MOST_LETTERS_SHARED = 200
_STAMP_MASK = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is known in some folders, by folder and name (a folder's ends in /), and the files seen again."""

    known: HashedNumbers
    seen: bytearray


class LibraryTable:
    """What is known of the disks. Folders and files have numbers, parents below their children."""

    def __init__(self) -> None:
        self.parents = array("i")  # of folders; a root's is its own number
        self._folder_names = PackedNames()
        self._stamps = array("I")
        self._folders_of_files = array("i")
        self._file_names = PackedNames()
        self.ids = array("I")  # the numbers of the IMDb ids beside files, 0 for none
        self._unclear = array("i")
        self._index = KeyIndex()
        self._forgotten: set[int] = set()
        self._has_orphans = False
        self._dead = 0
        self._last_path = (_DEAD, "")

    # Folders ----------------------------------------------------------------------------------

    @property
    def is_wasteful(self) -> bool:
        """Whether so much has been replaced that building anew saves memory."""
        return self._dead > _BEARABLE_WASTE and self._dead * 2 > len(self._file_names) + len(self.parents)

    def add_folder(self, parent: int | None, name: str) -> int:
        """Add a folder that was not listed yet; a root's name is its whole path."""
        number = len(self.parents)
        self.parents.append(number if parent is None else parent)
        self._folder_names.append(name)
        self._stamps.append(0)
        return number

    def is_alive(self, folder: int) -> bool:
        """Tell whether a folder and all above it were there when last looked at."""
        parent = self.parents[folder]
        return parent != _DEAD and (parent == folder or self.parents[parent] != _DEAD)

    def is_current(self, folder: int, stamp: int) -> bool:
        """Tell whether a folder is known up to a modification time (nanoseconds)."""
        return self._stamps[folder] == _short(stamp)

    def set_stamp(self, folder: int, stamp: int) -> None:
        """Note up to when a folder is known; 0 if it has to be listed again anyway."""
        self._stamps[folder] = _short(stamp) if stamp else 0

    def doubt(self, file: int) -> None:
        """Let a file's folder be listed again, whatever its time says."""
        self.set_stamp(self._folders_of_files[file], 0)

    def folder_path(self, folder: int) -> str:
        """Return a folder's whole path."""
        parent = self.parents[folder]
        name = self._folder_names[folder]
        if parent == folder:
            return name
        if self._last_path[0] != parent:  # siblings follow each other
            self._last_path = (parent, self.folder_path(parent))
        return os.path.join(self._last_path[1], name)

    def bury(self, folder: int) -> None:
        """Forget a folder that is gone; `settle` forgets its files."""
        if self.parents[folder] != _DEAD:
            self.parents[folder] = _DEAD
            self._last_path = (_DEAD, "")
            self._has_orphans = True
            self._dead += 1

    def settle(self) -> None:
        """Forget the files of folders that are gone, and take all forgotten ones out of the index."""
        if self._has_orphans:
            files = enumerate(self._folders_of_files)
            self._forget(file for file, folder in files if folder != _DEAD and not self.is_alive(folder))
            self._has_orphans = False
        self._index.discard(self._forgotten)
        self._forgotten.clear()

    # Files ------------------------------------------------------------------------------------

    def add_file(self, folder: int, name: str, imdb_number: int) -> None:
        """Add a film file, with the number of the IMDb id beside it (0 for none)."""
        # Most people name a film's file like its folder, so only what is different is kept.
        pairs = zip(name[:_MOST_LETTERS_SHARED], self._folder_names[folder], strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        number = self._file_names.append(f"{chr(shared + 1)}{name[shared:]}")
        self._folders_of_files.append(folder)
        self.ids.append(imdb_number)
        likely = likely_names(self.name(number))
        for text in likely or (self.name(number),):  # of an unclear one the id may be clear
            self._index.add(number, text, self.imdb_id(number))
        if not likely:
            self._unclear.append(number)

    def _forget(self, files: Iterable[int]) -> None:
        for number in files:
            self._folders_of_files[number] = _DEAD
            self._forgotten.add(number)
            self._dead += 1

    def inventory(self, folders: Iterable[int]) -> Inventory:
        """Return what is known to be in some folders."""
        asked = bytearray(len(self.parents))
        for folder in folders:
            asked[folder] = True
        known = HashedNumbers()
        for number, parent in enumerate(self.parents):
            if parent not in (number, _DEAD) and asked[parent]:
                known.put(number, (parent, self._folder_names[number] + "/"))
        for number, folder in enumerate(self._folders_of_files):
            if folder != _DEAD and asked[folder]:
                known.put(number, (folder, self._file_name(number)))
        return Inventory(known, bytearray(len(self._file_names)))

    def forget_unseen(self, inventory: Inventory, listed: bytearray) -> None:
        """Forget the files that were not seen any more in folders that were `listed` (a flag for each)."""
        folders = self._folders_of_files
        self._forget(
            number
            for number, seen in enumerate(inventory.seen)
            if not seen and folders[number] != _DEAD and listed[folders[number]]
        )

    def candidates(self, wanted: WantedFilm) -> list[int]:
        """Return the files that may be a film."""
        files = sorted(self._index.candidates(wanted))
        return [file for file in files if self._folders_of_files[file] != _DEAD]

    def unclear(self) -> Iterator[int]:
        """Yield the files of whose names no encoding makes text."""
        return (number for number in self._unclear if self._folders_of_files[number] != _DEAD)

    def imdb_id(self, file: int) -> str | None:
        """Return the IMDb id beside a file."""
        return f"tt{self.ids[file]:07}" if self.ids[file] else None

    def name(self, file: int) -> str:
        """Return what names the film: the file below the nearest of its folders, roots left out."""
        return self.name_in(self._folders_of_files[file], self._file_name(file))

    def name_in(self, folder: int, file_name: str) -> str:
        """Return the same for a file that is not in the table."""
        pieces = [file_name]
        while len(pieces) < _DEPTH_OF_NAMES and self.parents[folder] not in {folder, _DEAD}:
            pieces.append(self._folder_names[folder])
            folder = self.parents[folder]
        return "/".join(reversed(pieces))

    def path(self, file: int) -> str:
        """Return a file's whole path."""
        return os.path.join(self.folder_path(self._folders_of_files[file]), self._file_name(file))

    def _file_name(self, file: int) -> str:
        stored = self._file_names[file]
        shared = ord(stored[0]) - 1
        # A folder's name is unpacked only where it is needed.
        begin = self._folder_names[self._folders_of_files[file]][:shared] if shared else ""
        return begin + stored[1:]


def _short(stamp: int) -> int:
    """Return half of a modification time's bits, never 0: that two times are taken for one is no worry."""
    return (stamp ^ stamp >> 32) & _STAMP_MASK or 1
