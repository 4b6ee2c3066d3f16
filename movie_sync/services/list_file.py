"""A list of films in a file of the user's: rows of a CSV, however a spreadsheet saved it.

The file may be anyone's, so its size is bounded at every step and nothing of it is held whole.
"""

import csv
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO

from movie_sync.domain.compact import PackedMovies, has_doubles
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.plain_text import clean_text, one_line
from movie_sync.errors import UnavailableError, UserError
from movie_sync.storage.regular_file import file_signature

_log = logging.getLogger(__name__)

# Real lines have sixty bytes, those of IMDb three hundred; a list's have what people write about a film.
MOST_FILMS = 20_000
_MAX_CHARACTERS = 1_500_000  # of titles, all of which are kept
_MAX_BYTES = 12_000_000
_MAX_LINE_BYTES = 20_000
_MAX_LINES = 5 * MOST_FILMS
_SEPARATOR_LINE = re.compile(r"\"?sep=([,;\t])\"?\s*", re.IGNORECASE)
_ZIP = b"PK\x03\x04"
_SEPARATORS = ",;\t"
_MOST_NAMED = 3
# A spreadsheet may have made a number with a fraction of it.
_NUMBER = re.compile(r"(\d{1,4})(?:[.,]0)?", re.ASCII)
_YEAR_DIGITS = 4


class NoTableError(ValueError):
    """A file that cannot be read as a list; the text says what is wrong with it, without its name."""


class TooLargeTableError(NoTableError):
    """It is larger than any list."""

    def __init__(self) -> None:
        super().__init__(
            f"is far too large: a list may have at most {MOST_FILMS:,} films and {_MAX_BYTES:,} bytes"
        )


class Table:
    """The rows of a CSV but for blank ones, each with the number of its line, one by one.

    Read are all separators that spreadsheets use, also where a first line names it. `last_line` is what the
    file ends with, without the marks of an empty row; empty if it ends with a line's end.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.last_line = b""

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines()
        first = list(islice(lines, 1))
        separator = _SEPARATOR_LINE.fullmatch(first[0]) if first else None
        skipped = 1 if separator else 0
        # A first line may be nothing but a title.
        head = list(islice(lines, 2)) if separator else [*first, *islice(lines, 1)]
        separated = next((line for line in head if any(mark in line for mark in _SEPARATORS)), "")
        delimiter = separator[1] if separator else max(_SEPARATORS, key=separated.count)
        rows = csv.reader(chain(head, lines), delimiter=delimiter, strict=True)
        try:
            for row in rows:
                if any(map(str.strip, row)):
                    yield rows.line_num + skipped, row
        except UnicodeDecodeError:
            raise NoTableError("isn't UTF-8. Use the file exactly as you downloaded it") from None
        except csv.Error as exc:
            raise NoTableError(f"has broken CSV in line {rows.line_num + skipped} ({exc})") from None

    def check_end(self, *, is_last_whole: bool, read: int, unread: Sequence[str]) -> None:
        """Raise NoTableError if the file was cut in its last row, or if most of its rows are unreadable."""
        is_cut = not is_last_whole and self.last_line != b""
        if is_cut or len(unread) > read:
            where = unread[-1 if is_cut else 0] if unread else "its last line"
            raise NoTableError(
                f"can't be read: {where} isn't a film's row. The file may be incomplete or edited"
            )

    def _lines(self) -> Iterator[str]:
        count = size = 0
        encoding = "utf-8-sig"
        while line := self._stream.readline(_MAX_LINE_BYTES + 1):
            count += 1
            size += len(line)
            if len(line) > _MAX_LINE_BYTES or size > _MAX_BYTES or count > _MAX_LINES:
                raise TooLargeTableError
            if count == 1 and line.startswith(_ZIP):
                raise NoTableError("is a ZIP or in a spreadsheet's own format. Save it as CSV")
            self.last_line = b"" if line.endswith((b"\n", b"\r")) else line.strip(b' ,;\t"')
            try:
                yield line.decode(encoding)
            except UnicodeDecodeError:
                raise NoTableError("isn't UTF-8. Use the file exactly as you downloaded it") from None
            encoding = "utf-8"


def check_size(count: int, characters: int) -> None:
    """Raise TooLargeTableError if so many films with so long titles are more than any list has."""
    if count > MOST_FILMS or characters > _MAX_CHARACTERS:
        raise TooLargeTableError


def cells_of(row: Sequence[str], places: Sequence[int | None]) -> list[str]:
    """Return the cells of some columns; an empty text for what is not there."""
    return [clean_text(row[place]) if place is not None and place < len(row) else "" for place in places]


def number_in(cell: str) -> int | None:
    """Return the whole number in a cell, if there is one."""
    found = _NUMBER.fullmatch(cell)
    return int(found[1]) if found else None


def is_year(cell: str) -> bool:
    """Tell whether a cell is a year."""
    found = _NUMBER.fullmatch(cell)
    return found is not None and len(found[1]) == _YEAR_DIGITS


def each_once(found: PackedMovies, *, is_oldest_first: bool = False) -> PackedMovies:
    """Return films in the order of a list; one that is named twice counts where it stands last."""
    if not has_doubles(movie.id for movie in found):
        return PackedMovies(reversed(found)) if is_oldest_first else found
    seen: set[str] = set()
    kept = PackedMovies()
    for movie in reversed(found):
        if movie.id not in seen:
            seen.add(movie.id)
            kept.append(movie)
    return kept if is_oldest_first else PackedMovies(reversed(kept))


class FileList:
    """A file as a `WatchlistSource`, read again when it changes. Called by one thread.

    `read` is given the path; raises OSError, UserError. `stamp` returns what changes when what it reads does.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], WatchlistSnapshot],
        *,
        setting: str,
        stamp: Callable[[Path], object] = file_signature,
    ) -> None:
        self._path = path
        self._read = read
        self._setting = setting
        self._stamp = stamp
        self._read_stamp: object = None

    def fetch(self) -> WatchlistSnapshot | None:
        """Raise UnavailableError if it cannot be opened or is being written, UserError if it is none."""
        stamp = self._stamp(self._path)
        if stamp is not None and stamp == self._read_stamp:
            return None
        try:
            snapshot = self._read(self._path)
        except UserError:
            if self._stamp(self._path) == stamp:
                raise
            snapshot = None
        except OSError as exc:
            raise UnavailableError(
                f"Can't read {self._path} ({exc.strerror or exc}). Put it back, or change {self._setting} in "
                "config.json."
            ) from None
        if snapshot is None or self._stamp(self._path) != stamp:
            raise UnavailableError(f"{self._path} is still being written. Movie Sync will read it later.")
        self._read_stamp = stamp
        if snapshot.unread:
            _log.warning("%s", describe_unread(self._path.name, snapshot))
        return snapshot


def describe_unread(name: str, snapshot: WatchlistSnapshot) -> str:
    """Say in a line which rows of a file were left out."""
    count = len(snapshot.unread)
    named = ", ".join(snapshot.unread[:_MOST_NAMED])
    more = f" and {count - _MOST_NAMED} more" if count > _MOST_NAMED else ""
    rows = "1 row" if count == 1 else f"{count} rows"
    return (
        f"{one_line(name)}: skipped {rows} that can't be read as a film: "
        f"{one_line(named)}{more}. The other films were read, and no film is removed from the queue "
        "for being missing from this file."
    )


def unread_row(line: int, title: str) -> str:
    """Name a row that was left out."""
    return f"line {line} ({title[:60] or 'no title'})"
