"""Letterboxd's account export as a watchlist: `watchlist.csv`, plain or inside the account's ZIP.

It is the way for private lists and for places that Letterboxd blocks. The export has the same form
for watched films and for wishes, so only the file's name tells them apart; taking one for the other
would fetch everything a user has ever seen. The file may be anyone's, so its size is bounded at
every step and nothing is unpacked to disk.

The form: `Date,Name,Year,Letterboxd URI`, UTF-8, oldest wish first, the key in the address.
"""

import csv
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from movie_sync.adapters.letterboxd_text import clean_text, slug_in
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.errors import UnavailableError, UserError
from movie_sync.storage.regular_file import NotAFileError, open_regular

# A film takes up to a kilobyte until it is queued (the list before it is in memory too), and a character
# up to four bytes. Up to 8,000 films the daemon stays below 50 MB. Real lines have sixty bytes.
_MAX_FILMS = 20_000
_MAX_CSV_BYTES = 1_500_000
_MAX_LINE_BYTES = 20_000
_MAX_LINES = 2 * _MAX_FILMS
_MAX_DIRECTORY_BYTES = 300_000
_ZIP_TAIL_BYTES = 65_557
_ZIP_END = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20

_COLUMNS = ("date", "name", "year", "letterboxd uri")
_OTHER_EXPORTS = frozenset({"rating", "rewatch", "review", "watched date"})
_OTHER_FOLDERS = frozenset({"deleted", "orphaned", "lists", "likes"})
_BOXD = re.compile(r"https?://boxd\.it/([A-Za-z0-9]{1,24})/?")
_YEAR = re.compile(r"\d{4}", re.ASCII)
_FILM = re.compile(r"https?://(?:www\.)?letterboxd\.com(/film/[^/]+/?)")
_WHAT_TO_GIVE = (
    "Give the watchlist.csv of your Letterboxd export (letterboxd.com/settings/data/), or its whole ZIP."
)


class ExportWatchlist:
    """The export file as a `WatchlistSource`, read again when it changes. Called by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_stamp: tuple[int, int, int] | None = None

    def fetch(self) -> WatchlistSnapshot | None:
        """Read the file, or return None if it is as it was at the last successful read.

        Raises:
            UnavailableError: it is not there, cannot be opened, or is being written.
            UserError: it is not a watchlist export.
        """
        try:
            stamp = _stamp_of(self._path)
            if stamp == self._read_stamp:
                return None
            try:
                snapshot = _read(self._path)
            except UserError:
                if _stamp_of(self._path) == stamp:
                    raise
                snapshot = None
            if snapshot is None or _stamp_of(self._path) != stamp:
                raise UnavailableError(
                    f"The export {self._path} is being written. Movie Sync reads it later."
                )
        except OSError as exc:
            raise UnavailableError(
                f"The export {self._path} cannot be read ({exc.strerror or exc}). Put it back, or change "
                "letterboxd.export_file in config.json."
            ) from None
        self._read_stamp = stamp
        return snapshot


def read_export(path: Path) -> WatchlistSnapshot:
    """Read a watchlist export; the films have keys, titles and years, but no slugs.

    Raises:
        UserError: the file cannot be read or is not one; the message says what to give.
    """
    try:
        return _read(path)
    except OSError as exc:
        raise UserError(f"{path} cannot be read ({exc.strerror or exc}). {_WHAT_TO_GIVE}") from None


def _stamp_of(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path) -> WatchlistSnapshot:
    try:
        opened = open_regular(path)
    except NotAFileError:
        raise UserError(f"{path} is not a file. {_WHAT_TO_GIVE}") from None
    with opened as file:
        if file.read(2) == b"PK":
            movies = _read_zip(path, file)
        else:
            _check_name(path)
            file.seek(0)
            movies = _read_csv(path, file)
    return WatchlistSnapshot(owner=str(path.absolute()), movies=movies)


def _check_name(path: Path) -> None:
    if "watchlist" not in path.name.lower() or path.parent.name.lower() in _OTHER_FOLDERS:
        raise UserError(
            f"{path} does not look like a watchlist: other parts of the export have the same form, so only "
            f"the file's name can tell. {_WHAT_TO_GIVE}"
        )


def _read_zip(path: Path, file: IO[bytes]) -> tuple[Movie, ...]:
    try:
        _check_directory(path, file)
        with zipfile.ZipFile(file) as archive:
            member = _watchlist_member(path, archive.namelist(), archive)
            with archive.open(member) as stream:
                return _read_csv(path, stream)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
    ):
        raise UserError(f"{path} is a damaged ZIP. Download the export again. {_WHAT_TO_GIVE}") from None


def _check_directory(path: Path, file: IO[bytes]) -> None:
    """Refuse a ZIP whose table of contents is large: the reader would load all of it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _ZIP_TAIL_BYTES))
    tail = file.read(_ZIP_TAIL_BYTES)
    end = tail.rfind(_ZIP_END)
    if end < 0:
        raise zipfile.BadZipFile
    (directory_bytes,) = struct.unpack_from("<L", tail, end + 12)
    has_zip64 = tail[max(0, end - _ZIP64_LOCATOR_BYTES) : end].startswith(_ZIP64_LOCATOR)
    if directory_bytes > _MAX_DIRECTORY_BYTES or has_zip64:
        raise UserError(f"{path} is no Letterboxd export: it holds far too many files. {_WHAT_TO_GIVE}")


def _watchlist_member(path: Path, names: list[str], archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Find the one watchlist.csv, at the top or in one top folder."""
    found: dict[int, list[str]] = {1: [], 2: []}
    for name in names:
        pieces = name.replace("\\", "/").lower().split("/")
        if len(pieces) in found and pieces[-1] == "watchlist.csv" and pieces[0] not in _OTHER_FOLDERS:
            found[len(pieces)].append(name)
    candidates = found[1] or found[2]
    if len(candidates) != 1:
        how_many = "several of them" if candidates else "none"
        raise UserError(f"{path} should hold one watchlist.csv, but holds {how_many}. {_WHAT_TO_GIVE}")
    member = archive.getinfo(candidates[0])
    if member.flag_bits & 1:
        raise UserError(f"{path} is locked with a password. {_WHAT_TO_GIVE}")
    # Other methods cannot be unpacked in bounded pieces.
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise zipfile.BadZipFile
    return member


def _read_csv(path: Path, stream: IO[bytes]) -> tuple[Movie, ...]:
    """Read the rows, oldest first, and return the films newest first; a film listed twice counts once."""
    movies: dict[str, Movie] = {}
    rows = csv.reader(_lines(path, stream), strict=True)
    try:
        header = [clean_text(cell).lower() for cell in next(rows, [])]
        _check_header(path, header)
        places = [header.index(column) for column in _COLUMNS[1:]]
        for row in rows:
            if not row:
                continue
            movie = _movie_of([row[place] if place < len(row) else "" for place in places])
            if movie is None:
                raise UserError(
                    f"{path}, line {rows.line_num}: not a film of a watchlist export. The file may be cut "
                    f"off or edited. {_WHAT_TO_GIVE}"
                )
            movies.pop(movie.id, None)
            movies[movie.id] = movie
            if len(movies) > _MAX_FILMS:
                raise _too_large(path)
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not in UTF-8. Give the file as Letterboxd made it, not as a spreadsheet saved it."
        ) from None
    except csv.Error as exc:
        raise UserError(f"{path}, line {rows.line_num}: broken CSV ({exc}). {_WHAT_TO_GIVE}") from None
    return tuple(reversed(movies.values()))


def _lines(path: Path, stream: IO[bytes]) -> Iterator[str]:
    """Yield the text's lines, counting bytes as they come out of a ZIP, whatever the ZIP says."""
    encoding = "utf-8-sig"
    read_bytes = read_lines = 0
    while line := stream.readline(_MAX_LINE_BYTES):
        read_bytes += len(line)
        read_lines += 1
        if read_bytes > _MAX_CSV_BYTES or read_lines > _MAX_LINES or len(line) >= _MAX_LINE_BYTES:
            raise _too_large(path)
        yield line.decode(encoding)
        encoding = "utf-8"


def _too_large(path: Path) -> UserError:
    return UserError(
        f"{path} is far larger than a watchlist: at most {_MAX_FILMS:,} films and {_MAX_CSV_BYTES:,} bytes "
        f"are taken. {_WHAT_TO_GIVE}"
    )


def _check_header(path: Path, header: list[str]) -> None:
    if header and header[0].startswith("letterboxd list export"):
        raise UserError(f"{path} is the export of a list, not of the watchlist. {_WHAT_TO_GIVE}")
    if not _OTHER_EXPORTS.isdisjoint(header):
        raise UserError(f"{path} holds ratings or a diary, not the watchlist. {_WHAT_TO_GIVE}")
    if not set(_COLUMNS).issubset(header):
        raise UserError(
            f"{path} does not begin as a watchlist export does (Date,Name,Year,Letterboxd URI). "
            f"{_WHAT_TO_GIVE}"
        )


def _movie_of(cells: list[str]) -> Movie | None:
    """Read name, year and address of one row."""
    title = clean_text(cells[0])
    year = cells[1].strip()
    address = cells[2].strip()
    short = _BOXD.fullmatch(address)
    long = _FILM.fullmatch(address)
    slug = slug_in(long.group(1)) if long else ""
    key = short.group(1) if short else slug
    if not title or not key or (year and not _YEAR.fullmatch(year)):
        return None
    return Movie(id=key, slug=slug, title=title, year=int(year) if year else None, url=address)
