"""The CSV that IMDb exports of a list: columns by their names, whatever their order.

Its films are known by their ids and have all that a search needs, so their pages are not read. What is no
film (series, episodes, games) is passed over and counted.
"""

import re
from pathlib import Path
from typing import IO

from movie_sync.domain.compact import PackedMovies
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import UserError
from movie_sync.services.list_file import (
    NoTableError,
    Table,
    cells_of,
    check_size,
    each_once,
    is_year,
    number_in,
    unread_row,
)
from movie_sync.storage.regular_file import NotAFileError, open_regular

_COLUMNS = ("const", "title", "year", "title type", "original title", "runtime (mins)", "release date")
_NEEDED = frozenset({"const", "title"})
_ID = re.compile(r"tt\d{5,12}", re.ASCII)
_NO_LETTER = re.compile(r"[^a-z]")
_FILMS = frozenset({"movie", "tvmovie", "short", "video", "tvspecial", ""})
_YEAR_OF_DATE = re.compile(r"(\d{4})(?:-\d\d){0,2}", re.ASCII)
_BETWEEN_COLUMNS = re.compile(r"[,;\"\s]+")
_BEGINNING_BYTES = 4_000


def is_imdb(path: Path) -> bool:
    """Tell whether a file begins as IMDb's exports do; raises OSError."""
    try:
        with open_regular(path) as file:
            head = file.read(_BEGINNING_BYTES)
    except NotAFileError:
        return False
    first = head.partition(b"\n")[0].decode("utf-8-sig", errors="replace").lower()
    columns = set(_BETWEEN_COLUMNS.split(first))
    return not head.startswith(b"PK") and columns >= _NEEDED


def read_imdb(path: Path) -> WatchlistSnapshot:
    """Read an export; raises UserError if it is none, OSError if it cannot be opened."""
    try:
        with open_regular(path) as file:
            movies, unread, passed_over = _read(file)
    except NotAFileError:
        raise _unusable(f"{path} isn't a file") from None
    except NoTableError as exc:
        raise _unusable(f"{path} {exc}") from None
    return WatchlistSnapshot(str(path.absolute()), movies, unread, passed_over=passed_over)


def _unusable(fault: str) -> UserError:
    return UserError(f'{fault}. Use the CSV that IMDb\'s "Export" gives for a list or your watchlist.')


def _read(stream: IO[bytes]) -> tuple[PackedMovies, tuple[str, ...], int]:
    """Return the films, which rows are none, and how many are none by their kind."""
    table = Table(stream)
    rows = iter(table)
    _, first = next(rows, (0, []))
    header = [clean_text(cell).lower() for cell in first]
    if not _NEEDED.issubset(header):
        raise NoTableError("doesn't start like an IMDb export (it needs the columns Const and Title)")
    columns = [header.index(name) if name in header else None for name in _COLUMNS]
    found = PackedMovies()
    unread: list[str] = []
    passed_over = characters = 0
    is_last_whole = True
    for line, row in rows:
        imdb_id, title, year, kind, original, runtime, released = cells_of(row, columns)
        is_last_whole = len(row) >= len(header)
        if _NO_LETTER.sub("", kind.lower()) not in _FILMS:
            passed_over += 1
        elif _ID.fullmatch(imdb_id) and title and (not year or is_year(year)):
            found.append(_movie_of(imdb_id, title, year or released, original, runtime))
        else:
            unread.append(unread_row(line, title))
        characters += len(title) + len(original)
        check_size(len(found) + len(unread) + passed_over, characters)
    table.check_end(is_last_whole=is_last_whole, read=len(found) + passed_over, unread=unread)
    return each_once(found), tuple(unread), passed_over


def _movie_of(imdb_id: str, title: str, released: str, original: str, runtime: str) -> Movie:
    dated = _YEAR_OF_DATE.match(released)
    year = int(dated[1]) if dated else None
    return Movie(
        id=imdb_id,
        slug="",
        title=title,
        year=year,
        url=f"https://www.imdb.com/title/{imdb_id}/",
        imdb_id=imdb_id,
        original_title=original if original and original != title else None,
        runtime_minutes=number_in(runtime) or None,
        page_read=year is not None,
    )
