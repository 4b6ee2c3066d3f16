"""Letterboxd's account export as a watchlist: `watchlist.csv`, plain or inside the account's ZIP.

It is the way for private lists and for places that Letterboxd blocks. The export has the same form
for watched films and for wishes, so only the file's name tells them apart; taking one for the other
would fetch everything a user has ever seen. The file may be anyone's, so its size is bounded at
every step and nothing is unpacked to disk.

The form: `Date,Name,Year,Letterboxd URI`, UTF-8, oldest wish first, the key in the address.
"""

import csv
import io
import logging
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TypeAlias

from movie_sync.domain.compact import PackedMovies
from movie_sync.domain.letterboxd_text import slug_in
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.plain_text import clean_text, one_line
from movie_sync.errors import UnavailableError, UserError
from movie_sync.storage.regular_file import NotAFileError, file_signature, open_regular

_log = logging.getLogger(__name__)

# A film takes up to a kilobyte until it is queued (the list before it is in memory too), and a character
# up to four bytes. Up to 8,000 films the daemon stays below 50 MB. Real lines have sixty bytes.
_MAX_FILMS = 20_000
_MAX_CSV_BYTES = 1_500_000
_MAX_LINE_BYTES = 20_000
_PIECE_BYTES = 65_536
_MAX_LINES = 2 * _MAX_FILMS
_MAX_DIRECTORY_BYTES = 300_000
_ZIP_TAIL_BYTES = 65_557
_ZIP_END = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20

_DAMAGES = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
_COLUMNS = ("date", "name", "year", "letterboxd uri")
_OTHER_EXPORTS = frozenset({"rating", "rewatch", "review", "watched date"})
_OTHER_FOLDERS = frozenset({"deleted", "orphaned", "lists", "likes"})
_BOXD = re.compile(r"https?://boxd\.it/([A-Za-z0-9]{1,24})/?")
# A spreadsheet may have made a number with a fraction of it.
_YEAR = re.compile(r"(\d{4})(?:[.,]0)?", re.ASCII)
_SEPARATOR_LINE = re.compile(r"\"?sep=([,;\t])\"?\s*", re.IGNORECASE)
_SEPARATORS = ",;\t"
_MOST_NAMED = 3
_FILM = re.compile(r"https?://(?:www\.)?letterboxd\.com(/film/[^/]+/?)")
_Rows: TypeAlias = tuple[Sequence[Movie], tuple[str, ...]]
"""The films, newest first, and which rows are none."""


def _unusable(fault: str) -> UserError:
    """Return the error for a file that is no watchlist export, with what to give in its place."""
    return UserError(
        f"{fault} Use the watchlist.csv of your Letterboxd export (letterboxd.com/settings/data/), "
        "or its whole ZIP."
    )


class ExportWatchlist:
    """The export file as a `WatchlistSource`, read again when it changes. Called by one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_stamp: object = None

    def fetch(self) -> WatchlistSnapshot | None:
        """Raise UnavailableError if it cannot be opened or is being written, UserError if it is no export."""
        stamp = file_signature(self._path)
        if stamp is not None and stamp == self._read_stamp:
            return None
        try:
            snapshot = _read(self._path)
        except UserError:
            if file_signature(self._path) == stamp:
                raise
            snapshot = None
        except OSError as exc:
            raise UnavailableError(
                f"Can't read the export {self._path} ({exc.strerror or exc}). Put it back, or change "
                "letterboxd.export_file in config.json."
            ) from None
        if snapshot is None or file_signature(self._path) != stamp:
            raise UnavailableError(
                f"The export {self._path} is being written. Movie Sync will read it later."
            )
        self._read_stamp = stamp
        if snapshot.unread:
            _log.warning("%s", describe_unread(self._path.name, snapshot))
        return snapshot


def describe_unread(name: str, snapshot: WatchlistSnapshot) -> str:
    """Say in a line which rows of an export were left out."""
    count = len(snapshot.unread)
    named = ", ".join(snapshot.unread[:_MOST_NAMED])
    more = f" and {count - _MOST_NAMED} more" if count > _MOST_NAMED else ""
    rows = "1 row" if count == 1 else f"{count} rows"
    return (
        f"{one_line(name)}: skipped {rows} without an address, title and year as Letterboxd writes them: "
        f"{one_line(named)}{more}. The other films were read, and no film is removed from the queue "
        "for not being listed there."
    )


def read_export(path: Path) -> WatchlistSnapshot:
    """Read an export; its films have no slugs. Raises UserError if it cannot be read or is none."""
    try:
        return _read(path)
    except OSError as exc:
        raise _unusable(f"Can't read {path} ({exc.strerror or exc}).") from None


def _read(path: Path) -> WatchlistSnapshot:
    try:
        opened = open_regular(path)
    except NotAFileError:
        raise _unusable(f"{path} isn't a file.") from None
    with opened as file:
        if file.read(2) == b"PK":
            movies, unread = _read_zip(path, file)
        else:
            if "watchlist" not in path.name.lower() or path.parent.name.lower() in _OTHER_FOLDERS:
                raise _unusable(
                    f"{path} doesn't look like a watchlist: other parts of the export have the same format, "
                    "so the file's name must say watchlist."
                )
            file.seek(0)
            movies, unread = _read_csv(path, file)
    return WatchlistSnapshot(owner=str(path.absolute()), movies=movies, unread=unread)


def _read_zip(path: Path, file: IO[bytes]) -> _Rows:
    try:
        _check_directory(path, file)
        with zipfile.ZipFile(file) as archive:
            member = _watchlist_member(path, archive.namelist(), archive)
            with archive.open(member) as stream:
                return _read_csv(path, stream)
    except _DAMAGES:
        raise _unusable(f"{path} is a damaged ZIP. Download the export again.") from None


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
        raise _unusable(f"{path} isn't a Letterboxd export: it contains far too many files.")


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
        raise _unusable(f"{path} should contain one watchlist.csv, but contains {how_many}.")
    member = archive.getinfo(candidates[0])
    if member.flag_bits & 1:
        raise _unusable(f"{path} is password-protected.")
    # Other methods cannot be unpacked in bounded pieces.
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise zipfile.BadZipFile
    return member


def _read_csv(path: Path, stream: IO[bytes]) -> _Rows:
    """Read the rows, oldest first, and return the films newest first; a film listed twice counts once.

    What a spreadsheet makes of the file is read as well: other separators, blank rows, years with a fraction.
    """
    text = io.BytesIO()
    while text.tell() <= _MAX_CSV_BYTES and (piece := stream.read(_PIECE_BYTES)):
        text.write(piece)  # what comes out of a ZIP, whatever the ZIP says
    raw = text.getvalue()
    is_large = len(raw) > _MAX_CSV_BYTES or raw.count(b"\n") > _MAX_LINES
    if is_large or any(len(line) >= _MAX_LINE_BYTES for line in io.BytesIO(raw)):
        raise _too_large(path)
    lines = io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="\n")
    movies: dict[str, Movie] = {}
    unread: list[str] = []
    skipped = 0
    is_last_unread = False
    try:
        header_line = next(lines, "")
        separator = _SEPARATOR_LINE.fullmatch(header_line)
        if separator:
            skipped, header_line = 1, next(lines, "")
        delimiter = separator[1] if separator else max(_SEPARATORS, key=header_line.count)
        rows = csv.reader(chain([header_line], lines), delimiter=delimiter, strict=True)
        header = [clean_text(cell).lower() for cell in next(rows, [])]
        _check_header(path, header)
        places = [header.index(column) for column in _COLUMNS[1:]]
        for row in filter(lambda cells: any(map(str.strip, cells)), rows):
            title, year, address = (row[place] if place < len(row) else "" for place in places)
            movie = _movie_of(clean_text(title), year.strip(), address.strip())
            is_last_unread = movie is None
            if movie is None:
                number = rows.line_num + skipped
                unread.append(f"line {number} ({clean_text(title)[:60] or 'no title'})")
            else:
                movies.pop(movie.id, None)
                movies[movie.id] = movie
            if len(movies) + len(unread) > _MAX_FILMS:
                raise _too_large(path)
    except UnicodeDecodeError:
        raise UserError(
            f"{path} isn't UTF-8. Use the file from Letterboxd, not one saved by a spreadsheet."
        ) from None
    except csv.Error as exc:
        raise _unusable(f"{path}, line {rows.line_num + skipped}: broken CSV ({exc}).") from None
    last_line = raw.rpartition(b"\n")[2].strip(b' ,;\t"')  # nothing is left of an empty row
    is_cut = is_last_unread and last_line and not last_line.endswith(b"\r")
    if is_cut or len(unread) > len(movies):
        raise _unusable(
            f"{path}, {unread[-1 if is_cut else 0]}: not a film from a watchlist export. "
            "The file may be incomplete or edited."
        )
    return PackedMovies(reversed(movies.values())), tuple(unread)


def _too_large(path: Path) -> UserError:
    return _unusable(
        f"{path} is far too large for a watchlist: the limit is {_MAX_FILMS:,} films and {_MAX_CSV_BYTES:,} "
        "bytes."
    )


def _check_header(path: Path, header: list[str]) -> None:
    if header and header[0].startswith("letterboxd list export"):
        raise _unusable(f"{path} is a list's export, not the watchlist's.")
    if not _OTHER_EXPORTS.isdisjoint(header):
        raise _unusable(f"{path} contains ratings or a diary, not the watchlist.")
    if not set(_COLUMNS).issubset(header):
        raise _unusable(f"{path} doesn't start like a watchlist export (Date,Name,Year,Letterboxd URI).")


def _movie_of(title: str, year: str, address: str) -> Movie | None:
    short = _BOXD.fullmatch(address)
    long = _FILM.fullmatch(address)
    slug = slug_in(long[1]) if long else ""
    key = short[1] if short else slug
    digits = _YEAR.fullmatch(year)
    if not title or not key or (year and not digits):
        return None
    return Movie(id=key, slug=slug, title=title, year=int(digits[1]) if digits else None, url=address)
