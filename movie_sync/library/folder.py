"""What one folder holds: its film files, the IMDb ids that stand beside them, and its folders."""

import errno
import os
import re
from collections.abc import Callable

from movie_sync.domain.compact import HashedNumbers, PackedNames
from movie_sync.domain.name_kinds import VIDEO_EXTENSIONS
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
    *(".!qb", ".part", ".!ut", ".aria2", ".crdownload", ".partial", ".tmp", ".bc!", ".download", ".!bt"),
    *(".filepart", ".opdownload", ".incomplete"),
)
_BESIDE_A_FILM = re.compile(
    r"sample|trailer|teaser|featurette|extras?(?![a-z])|proof|rarbg\.com", re.IGNORECASE
)
_DISC_FOLDERS = frozenset({"video_ts", "stream"})
_IMDB = re.compile(r"(?<![a-z0-9])tt(\d{7,9})(?!\d)", re.IGNORECASE)
_OWN_ID = re.compile(r"<(?:imdb_?id|id)>\s*tt(\d{7,9})\s*<|<uniqueid\s([^<>]*)>\s*tt(\d{7,9})", re.IGNORECASE)
_IMDB_TYPE = re.compile(r"(?<!\S)type=[\"']imdb[\"']", re.IGNORECASE)


class FolderListing:
    """A folder's contents. Few objects are kept of it, as one folder may hold a whole library.

    `films` names the film files. `stamp` is the modification time (nanoseconds) up to which the listing
    is current, at first as it was found, 0 if the folder has to be listed again anyway. `pass_over` is told
    the path of what cannot be looked at, and why. Raises OSError: the folder cannot be read.
    """

    def __init__(
        self,
        path: str,
        *,
        stamp: int,
        now_seconds: float,
        check_stop: Callable[[], None],
        pass_over: Callable[[str, OSError], None],
    ) -> None:
        self.stamp = stamp
        self.films = PackedNames()
        self.folders = PackedNames()
        self._path = path
        self._newest = stamp / 1e9  # when the folder or a video in it was last written
        self._small = PackedNames()
        self._notes = PackedNames()
        self._note_numbers = HashedNumbers()
        self._unfinished: set[str] = set()
        with os.scandir(path) as entries:
            for count, entry in enumerate(entries):
                if count % _CHECK_EVERY == 0:
                    check_stop()
                try:
                    self._take(entry)
                except OSError as exc:
                    if exc.errno not in ODD_ENTRY:
                        raise
                    pass_over(entry.path, exc)
        self._choose_films(now_seconds)
        self._is_alone = len(self.films) == 1

    def imdb_number(self, film: str) -> int:
        """Return the number of the IMDb id that stands beside a film file, 0 if none does."""
        if not len(self._notes):
            return 0
        note = self._note_numbers.get(film.rpartition(".")[0].lower())
        if note is None and self._is_alone:
            note = self._note_numbers.get("movie")
            if note is None and len(self._notes) == 1:
                note = 0
        return _read_id(os.path.join(self._path, self._notes[note])) if note is not None else 0

    def _take(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        stem, _, extension = name.rpartition(".")
        extension = extension.lower()
        if extension in VIDEO_EXTENSIONS and stem and not entry.is_dir():
            self._take_video(entry)
        elif extension == "nfo":
            self._note_numbers.put(self._notes.append(name), stem.lower())
        elif name.lower().endswith(_UNFINISHED_SIGNS):
            self._unfinished.add(stem)
        elif _is_folder_to_scan(entry):
            self.folders.append(name)

    def _take_video(self, entry: "os.DirEntry[str]") -> None:
        try:
            found = entry.stat()
        except FileNotFoundError:  # a dangling link, or gone meanwhile
            return
        self._newest = max(self._newest, found.st_mtime)
        (self.films if found.st_size >= SMALLEST_FILM_BYTES else self._small).append(entry.name)

    def _choose_films(self, now_seconds: float) -> None:
        """Choose when all entries are in: the large files; without one, a small only one.

        Of the files of a disc the first large one stands for all.
        """
        if abs(now_seconds - self._newest) < _RESTLESS_SECONDS:
            self.stamp = _NEVER_CURRENT
        if self._unfinished:
            listed, self.films = self.films, PackedNames()
            self.films.extend(name for name in listed.drain() if name not in self._unfinished)
        if os.path.basename(self._path).lower() in _DISC_FOLDERS:
            first = min(self.films if len(self.films) else self._small, default=None)
            self.films = PackedNames()
            self.films.extend([] if first is None else [first])
        elif not len(self.films):
            films = (name for name in self._small if not _BESIDE_A_FILM.search(name))
            first, second = next(films, None), next(films, None)
            if first is not None and second is None and first not in self._unfinished:
                self.films.append(first)


def _is_folder_to_scan(entry: "os.DirEntry[str]") -> bool:
    name = entry.name.lower()
    if name.startswith((".", "_unpack")) or name in _SYSTEM_FOLDERS or name in _UNFINISHED_FOLDERS:
        return False
    return entry.is_dir()


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
