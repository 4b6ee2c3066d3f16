"""Letterboxd's export as a list: `watchlist.csv`, plain or inside the account's ZIP, or a list's CSV.

It is the way for private lists and for places that Letterboxd blocks. The export has the same form
for watched films and for wishes, so only the file's name tells them apart; taking one for the other
would fetch everything a user has ever seen. Nothing is unpacked to disk.
"""

import os
import re
import struct
import zipfile
import zlib
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from movie_sync.domain.compact import PackedMovies
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import UserError
from movie_sync.services.letterboxd_export.rows import ExportKind, read_rows
from movie_sync.services.list_file import NoTableError, Table, cells_of
from movie_sync.storage.regular_file import NotAFileError, open_regular

_MAX_DIRECTORY_BYTES = 300_000
_ZIP_TAIL_BYTES = 65_557
_ZIP_END = b"PK\x05\x06"
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_DAMAGES = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
_NAMED_AFTER = re.compile(r"^(?:letterboxd|watchlist)-([a-z0-9_]{1,64})-\d{4}-\d\d-\d\d", re.IGNORECASE)
_OF_SPREADSHEETS = frozenset({"xl/workbook.xml", "content.xml"})
_OTHER_FOLDERS = frozenset({"deleted", "orphaned", "lists", "likes"})


def unusable(fault: str) -> UserError:
    """Return the error for a file that is no export of wishes, with what to give in its place."""
    return UserError(
        f"{fault}. Use the watchlist.csv of your Letterboxd export (letterboxd.com/settings/data/), its "
        "whole ZIP, or the export of a list."
    )


class Export(NamedTuple):
    """What was read: of what it is an export, whose it is as far as it tells, and the films."""

    kind: ExportKind
    user: str
    snapshot: WatchlistSnapshot


def read_export(path: Path) -> WatchlistSnapshot:
    """Read an export; its films have no slugs. Raises UserError if it cannot be read or is none."""
    try:
        return read_file(path).snapshot
    except OSError as exc:
        raise unusable(f"Can't read {path} ({exc.strerror or exc})") from None


def read_file(path: Path) -> Export:
    """Read an export; raises UserError if it is none, OSError if it cannot be opened."""
    try:
        opened = open_regular(path)
    except NotAFileError:
        raise unusable(f"{path} isn't a file") from None
    named = _NAMED_AFTER.search(path.name)
    user = named[1] if named else ""
    with opened as file:
        is_zip = file.read(2) == b"PK"
        file.seek(0)
        try:
            (kind, movies, unread), told = _read_zip(file) if is_zip else (read_rows(file), "")
        except NoTableError as exc:
            raise unusable(f"{path} {exc}") from None
        except _DAMAGES:
            raise unusable(f"{path} is a damaged ZIP. Download the export again") from None
    is_named = "watchlist" in path.name.lower() and path.parent.name.lower() not in _OTHER_FOLDERS
    if kind is ExportKind.WATCHLIST and not (is_zip or is_named):
        raise unusable(
            f"{path} doesn't look like a watchlist: other parts of the export have the same format, "
            "so the file's name must say watchlist"
        )
    snapshot = WatchlistSnapshot(owner=str(path.absolute()), movies=movies, unread=unread)
    return Export(kind, (told or user).lower(), snapshot)


def _read_zip(file: IO[bytes]) -> tuple[tuple[ExportKind, PackedMovies, tuple[str, ...]], str]:
    """Return the watchlist's films in it, and the user's name as far as it tells."""
    _check_directory(file)
    with zipfile.ZipFile(file) as archive:
        member = _watchlist_member(archive)
        with archive.open(member) as stream:
            found = read_rows(stream)
        if found[0] is not ExportKind.WATCHLIST:
            raise NoTableError("has a list where the watchlist should be")
        return found, _username(archive, member.filename)


def _username(archive: zipfile.ZipFile, beside: str) -> str:
    """Return what the profile beside the watchlist calls its user; empty if that cannot be read."""
    place = beside[: -len("watchlist.csv")] + "profile.csv"
    try:
        member = archive.getinfo(place)
        with archive.open(member) as stream:
            head = list(islice(Table(stream), 2))
    except (KeyError, NoTableError, *_DAMAGES):
        return ""
    columns = [clean_text(cell).lower() for cell in head[0][1]] if head else []
    if "username" not in columns or not head[1:]:
        return ""
    return cells_of(head[1][1], [columns.index("username")])[0]


def _check_directory(file: IO[bytes]) -> None:
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
        raise NoTableError("isn't a Letterboxd export: it contains far too many files")


def _watchlist_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Find the one watchlist.csv, at the top or in one top folder."""
    found: dict[int, list[str]] = {1: [], 2: []}
    for name in archive.namelist():
        pieces = name.replace("\\", "/").lower().split("/")
        if len(pieces) in found and pieces[-1] == "watchlist.csv" and pieces[0] not in _OTHER_FOLDERS:
            found[len(pieces)].append(name)
        elif name in _OF_SPREADSHEETS:
            raise NoTableError("is in a spreadsheet's own format. Save it as CSV")
    candidates = found[1] or found[2]
    if len(candidates) != 1:
        how_many = "several" if candidates else "none"
        raise NoTableError(f"should contain one watchlist.csv, but contains {how_many}")
    member = archive.getinfo(candidates[0])
    if member.flag_bits & 1:
        raise NoTableError("is password-protected")
    # Other methods cannot be unpacked in bounded pieces.
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise zipfile.BadZipFile
    return member
