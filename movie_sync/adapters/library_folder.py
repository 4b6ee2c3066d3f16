"""What one folder holds: its film files, the IMDb ids that stand beside them, and its folders."""

import errno
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from movie_sync.domain.release_name import VIDEO_EXTENSIONS
from movie_sync.storage.regular_file import open_regular

SMALLEST_FILM_BYTES = 50_000_000

# A change so recent may be followed by another within one tick of the disk's clock, and a file that
# was written so recently may still grow: such a folder is listed again in the next pass.
_RESTLESS_SECONDS = 120.0
_CHECK_EVERY = 512
_MOST_NFO_BYTES = 256 * 1024
_NEVER_CURRENT = 0

# A link to itself, a link through a file, a name or a path that is too long: nobody reads a film there.
ODD_ENTRY = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG})

_SYSTEM_FOLDERS = frozenset(
    {"lost+found", "$recycle.bin", "system volume information", "#recycle", "@eadir", "@recycle", "#snapshot"}
)
_UNFINISHED_FOLDERS = frozenset({"incomplete", "in progress", "in-progress", "unfinished", "temp", "tmp"})
_UNFINISHED_SIGNS = (
    ".!qb",
    ".part",
    ".!ut",
    ".aria2",
    ".crdownload",
    ".partial",
    ".tmp",
    ".bc!",
    ".download",
    ".!bt",
    ".filepart",
    ".opdownload",
    ".incomplete",
)
_BESIDE_A_FILM = re.compile(
    r"sample|trailer|teaser|featurette|extras?(?![a-z])|proof|rarbg\.com", re.IGNORECASE
)
_DISC_FOLDERS = frozenset({"video_ts", "stream"})
_IMDB = re.compile(r"(?<![a-z0-9])tt(\d{7,9})(?!\d)", re.IGNORECASE)
_OWN_ID = re.compile(r"<(?:imdb_?id|id)>\s*tt(\d{7,9})\s*<|<uniqueid\s([^<>]*)>\s*tt(\d{7,9})", re.IGNORECASE)
_IMDB_TYPE = re.compile(r"(?<!\S)type=[\"']imdb[\"']", re.IGNORECASE)


@dataclass(slots=True)
class FolderListing:
    """A folder's contents.

    `films` names the film files, `ids` holds the number of the IMDb id beside those that have one.
    `stamp` is the modification time (nanoseconds) up to which the listing is current, 0 if the
    folder has to be listed again anyway. `links` names the folders that are symbolic links, `odd` has
    what cannot be looked at, and why.
    """

    stamp: int
    films: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    odd: dict[str, OSError] = field(default_factory=dict)


def list_folder(
    path: str,
    *,
    stamp: int,
    now_seconds: float,
    known_id: Callable[[str], int],
    check_stop: Callable[[], None],
) -> FolderListing:
    """List a folder. `stamp` is its modification time before, `known_id` tells what was found last time.

    Raises:
        OSError: it cannot be read.
    """
    sorting = _Sorting(FolderListing(stamp), newest=stamp / 1e9)
    with os.scandir(path) as entries:
        for count, entry in enumerate(entries):
            if count % _CHECK_EVERY == 0:
                check_stop()
            sorting.take(entry)
    listing = sorting.listing
    if abs(now_seconds - sorting.newest) < _RESTLESS_SECONDS:
        listing.stamp = _NEVER_CURRENT
    sorting.choose_films(os.path.basename(path))
    if sorting.notes:
        alone = len(listing.films) == 1
        for name in listing.films:
            number = known_id(name) or _id_beside(path, name, sorting.notes, alone=alone)
            if number:
                listing.ids[name] = number
    return listing


@dataclass(slots=True)
class _Sorting:
    """Sorts a folder's entries. `newest` is when the folder or a video in it was last written."""

    listing: FolderListing
    newest: float
    small: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)

    def take(self, entry: "os.DirEntry[str]") -> None:
        try:
            self._sort(entry)
        except OSError as exc:
            if exc.errno not in ODD_ENTRY:
                raise
            self.listing.odd[entry.name] = exc

    def _sort(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        stem, _, extension = name.rpartition(".")
        extension = extension.lower()
        if extension in VIDEO_EXTENSIONS and stem and not entry.is_dir():
            self._take_video(entry)
        elif extension == "nfo":
            self.notes[stem.lower()] = name
        elif name.lower().endswith(_UNFINISHED_SIGNS):
            self.unfinished.add(stem)
        elif _is_folder_to_scan(entry):
            self.listing.folders.append(name)
            if entry.is_symlink():
                self.listing.links.add(name)

    def _take_video(self, entry: "os.DirEntry[str]") -> None:
        try:
            found = entry.stat()
        except FileNotFoundError:  # a dangling link, or gone meanwhile
            return
        self.newest = max(self.newest, found.st_mtime)
        (self.listing.films if found.st_size >= SMALLEST_FILM_BYTES else self.small).append(entry.name)

    def choose_films(self, folder: str) -> None:
        """Keep the large files; without one, a small one that is the only one.

        Of the files of a disc the first large one stands for all.
        """
        listing = self.listing
        if self.unfinished:
            listing.films = [name for name in listing.films if name not in self.unfinished]
        if folder.lower() in _DISC_FOLDERS:
            listing.films = sorted(listing.films or self.small)[:1]
        elif not listing.films:
            films = [name for name in self.small if not _BESIDE_A_FILM.search(name)]
            listing.films = [name for name in films if len(films) == 1 and name not in self.unfinished]


def _is_folder_to_scan(entry: "os.DirEntry[str]") -> bool:
    name = entry.name.lower()
    if name.startswith((".", "_unpack")) or name in _SYSTEM_FOLDERS or name in _UNFINISHED_FOLDERS:
        return False
    return entry.is_dir()


def _id_beside(path: str, film: str, notes: Mapping[str, str], *, alone: bool) -> int:
    """Return the number of the IMDb id in the film's .nfo, 0 if there is none."""
    note = notes.get(film.rpartition(".")[0].lower())
    if note is None and alone:
        note = notes.get("movie") or (next(iter(notes.values())) if len(notes) == 1 else None)
    return _read_id(os.path.join(path, note)) if note else 0


def _read_id(path: str) -> int:
    """Read an .nfo of a media centre or a release group; 0 if it names no film, or several."""
    try:
        with open_regular(path) as file:
            text = file.read(_MOST_NFO_BYTES).decode("latin-1")
    except OSError:
        return 0  # it is only a help; without it the names decide
    if "<episodedetails" in text or "<tvshow" in text:
        return 0
    for own in _OWN_ID.finditer(text):
        if own.group(1) or _IMDB_TYPE.search(own.group(2)):
            return int(own.group(1) or own.group(3))
    ids = {int(number) for number in _IMDB.findall(text)}
    return ids.pop() if len(ids) == 1 else 0
