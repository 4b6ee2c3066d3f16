"""The rows of Letterboxd's exports: of the watchlist, and of a list.

A watchlist is `Date,Name,Year,Letterboxd URI`, oldest wish first. A list begins with the form's version and
what is known of the list itself; then come `Position,Name,Year,URL,Description`, in the list's order.
"""

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import IO

from movie_sync.domain.compact import PackedMovies
from movie_sync.domain.letterboxd_text import slug_in, title_id
from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import clean_text
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

_WATCHLIST = ("name", "year", "letterboxd uri")
_LIST = ("name", "year", "url")
_OTHER_EXPORTS = frozenset({"rating", "rewatch", "review", "watched date"})
_LIST_BEGINNING = "letterboxd list export"
_MOST_ROWS_BEFORE_LIST = 10
_BOXD = re.compile(r"https?://boxd\.it/([A-Za-z0-9]{1,24})/?")
_FILM = re.compile(r"https?://(?:www\.)?letterboxd\.com(/film/[^/]+/?)")


class ExportKind(Enum):
    """Of what an export is."""

    WATCHLIST = auto()
    LIST = auto()


def read_rows(stream: IO[bytes]) -> tuple[ExportKind, PackedMovies, tuple[str, ...]]:
    """Return the films in the list's order, and which rows are none; raises NoTableError.

    A film listed twice counts once. One without an address goes by its title and year.
    """
    table = Table(stream)
    rows = iter(table)
    kind, columns = _head(rows)
    found = PackedMovies()
    unread: list[str] = []
    is_last_whole, characters = True, 0
    for line, row in rows:
        title, year, address = cells_of(row, columns)
        movie = _movie_of(title, year, address)
        is_last_whole = movie is not None and address != ""
        if movie is None:
            unread.append(unread_row(line, title))
        else:
            found.append(movie)
        characters += len(title)
        check_size(len(found) + len(unread), characters)
    table.check_end(is_last_whole=is_last_whole, read=len(found), unread=unread)
    return kind, each_once(found, is_oldest_first=kind is ExportKind.WATCHLIST), tuple(unread)


def _head(rows: Iterator[tuple[int, list[str]]]) -> tuple[ExportKind, Sequence[int]]:
    """Read up to the films; return of what it is, and where title, year and address stand."""
    header = _next_header(rows)
    if header and header[0].startswith(_LIST_BEGINNING):
        for _ in range(_MOST_ROWS_BEFORE_LIST):
            header = _next_header(rows)
            if {"position", *_LIST}.issubset(header):
                return ExportKind.LIST, [header.index(column) for column in _LIST]
        raise NoTableError("isn't a complete list export: its films are missing")
    if not _OTHER_EXPORTS.isdisjoint(header):
        raise NoTableError("contains ratings or a diary, not a watchlist")
    if not {"date", *_WATCHLIST}.issubset(header):
        raise NoTableError(
            "doesn't start like a watchlist's export (Date,Name,Year,Letterboxd URI) or a list's (Letterboxd "
            "list export)"
        )
    return ExportKind.WATCHLIST, [header.index(column) for column in _WATCHLIST]


def _next_header(rows: Iterator[tuple[int, list[str]]]) -> list[str]:
    _, row = next(rows, (0, []))
    return [clean_text(cell).lower() for cell in row]


def _movie_of(title: str, year: str, address: str) -> Movie | None:
    if not title or (year and not is_year(year)):
        return None
    number = number_in(year)
    if not address:
        return Movie(id=title_id(title, number), slug="", title=title, year=number) if number else None
    short = _BOXD.fullmatch(address)
    long = _FILM.fullmatch(address)
    slug = slug_in(long[1]) if long else ""
    key = short[1] if short else slug
    return Movie(id=key, slug=slug, title=title, year=number, url=address) if key else None
