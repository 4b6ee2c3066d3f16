"""IMDb's exports: films by their ids, the rest passed over, whatever a spreadsheet or the years changed."""

import csv
import io
import os
import tracemalloc
from pathlib import Path

import pytest

from movie_sync.domain.models import Movie
from movie_sync.errors import UnavailableError, UserError
from movie_sync.services.imdb_export.rows import is_imdb, read_imdb
from movie_sync.services.imdb_export.service import ImdbExport
from movie_sync.services.list_file import FileList

OLDER = (
    "Position,Const,Created,Modified,Description,Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres,"
    "Num Votes,Release Date,Directors"
).split(",")
NEWER = [*OLDER[:6], "Original Title", *OLDER[6:], "Your Rating", "Date Rated"]
KINDS = [
    "movie",
    "Movie",
    "tvMovie",
    "TV Movie",
    "short",
    "Short",
    "video",
    "Video",
    "tvSpecial",
    "TV Special",
]
OTHERS = ["tvSeries", "TV Series", "tvMiniSeries", "TV Mini Series", "tvEpisode", "TV Episode", "videoGame"]
OTHERS += ["musicVideo", "TV Short", "podcastSeries"]


def row(number: int, kind: str = "movie", **changed: str) -> dict[str, str]:
    """Make a row."""
    return {
        "Position": str(number),
        "Const": f"tt{number:07}",
        "Created": "2024-01-01",
        "Description": "A note, with a comma",
        "Title": f"Film {number}",
        "Original Title": f"Le Film {number}",
        "URL": f"https://www.imdb.com/title/tt{number:07}/",
        "Title Type": kind,
        "Runtime (mins)": "101",
        "Year": str(1950 + number % 70),
        "Release Date": "1999-03-31",
    } | {key.replace("_", " "): value for key, value in changed.items()}


def export(path: Path, rows: list[dict[str, str]], columns: list[str] = NEWER, delimiter: str = ",") -> Path:
    """Write an export as IMDb does."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text("\ufeff" + text.getvalue(), encoding="utf-8", newline="")
    return path


def test_five_hundred_rows_are_films_by_their_ids(tmp_path: Path) -> None:
    """In the list's order, with all that a search needs, so that no page of theirs is read."""
    rows = [row(number, [*KINDS, *OTHERS][number % 20]) for number in range(1, 501)]
    path = export(tmp_path / "imdb.csv", rows)
    snapshot = read_imdb(path)
    assert is_imdb(path)
    assert (len(snapshot.movies), snapshot.passed_over, snapshot.unread) == (250, 250, ())
    assert snapshot.movies[0] == Movie(
        id="tt0000001",
        slug="",
        title="Film 1",
        year=1951,
        url="https://www.imdb.com/title/tt0000001/",
        imdb_id="tt0000001",
        original_title="Le Film 1",
        runtime_minutes=101,
        page_read=True,
    )


@pytest.mark.parametrize("columns", [OLDER, NEWER, sorted(NEWER), NEWER[::-1]])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_go_by_their_names(tmp_path: Path, columns: list[str], delimiter: str) -> None:
    """Older exports have no original title; spreadsheets change the separator."""
    path = export(tmp_path / "x.csv", [row(1)], columns, delimiter)
    (movie,) = read_imdb(path).movies
    assert (movie.imdb_id, movie.year, movie.runtime_minutes) == ("tt0000001", 1951, 101)
    assert is_imdb(path)


@pytest.mark.parametrize(
    ("changed", "year"),
    [({"Year": "1995.0"}, 1995), ({"Year": ""}, 1999), ({"Year": "", "Release Date": ""}, None)],
)
def test_the_year_may_be_that_of_the_release(
    tmp_path: Path, changed: dict[str, str], year: int | None
) -> None:
    """Only where there is neither, the film's page is needed."""
    (movie,) = read_imdb(export(tmp_path / "x.csv", [row(1) | changed])).movies
    assert (movie.year, movie.page_read) == (year, year is not None)


def test_rows_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """The others are taken."""
    rows = [row(1), row(2, Const="nm0000001"), row(3, Year="soon"), row(4), row(5), row(6, Title="")]
    snapshot = read_imdb(export(tmp_path / "x.csv", rows))
    assert [movie.id for movie in snapshot.movies] == ["tt0000001", "tt0000004", "tt0000005"]
    assert snapshot.unread == ("line 3 (Film 2)", "line 4 (Film 3)", "line 7 (no title)")


def test_a_film_listed_twice_counts_once(tmp_path: Path) -> None:
    """And a list of nothing is a list."""
    assert len(read_imdb(export(tmp_path / "x.csv", [row(1), row(2), row(1)])).movies) == 2
    assert len(read_imdb(export(tmp_path / "y.csv", [])).movies) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "doesn't start"),
        (b"Date,Name,Year,Letterboxd URI\n", "doesn't start"),
        (b"<!DOCTYPE html>", "doesn't start"),
        ("Const,Title,Year\ntt0000001,H\u00e9,1995\n".encode("latin-1"), "UTF-8"),
        ("Const,Title,Year\n".encode("utf-16"), "UTF-8"),
        (b'Const,Title,Year\ntt0000001,"Heat', "broken CSV"),
        (b"PK\x03\x04", "spreadsheet's own format. Save it as CSV"),
        (b"Const,Title,Year\ntt0000001,Heat", "incomplete"),
        (b"Const,Title,Year\n" + b"x" * 30_000, "far too large"),
        (b"Const,Title,Year\n" + b"tt0000001,Heat,1995\n" * 20_001, "far too large"),
        (
            b"Const,Title,Year\n"
            + b"".join(b"tt%07d,%s,1995\n" % (number, b"x" * 400) for number in range(4_000)),
            "far too large",
        ),
        (b"Const,Title,Year\n" + b"nm1,Heat,1995\n" * 9, "isn't a film"),
    ],
)
def test_other_files_are_refused_with_a_reason(tmp_path: Path, content: bytes, words: str) -> None:
    """Nothing is read in part."""
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_imdb(path)


def test_thousands_of_rows_cost_little_memory(tmp_path: Path) -> None:
    """Of a megabyte no more than the films is kept."""
    path = export(tmp_path / "x.csv", [row(number) for number in range(5_000)])
    tracemalloc.start()
    try:
        assert len(read_imdb(path).movies) == 5_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_it_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A missing file is awaited, a pipe is not."""
    path = tmp_path / "x.csv"
    source = FileList(path, read_imdb, setting="`lists`")
    with pytest.raises(UnavailableError, match=r"Can't read.*`lists`"):
        source.fetch()
    export(path, [row(1)])
    assert source.fetch() is not None
    assert source.fetch() is None
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="isn't a file"):
        source.fetch()
    assert not is_imdb(path)


def test_it_is_named_by_its_path() -> None:
    """As every file is."""
    assert ImdbExport().read_place(" ~/films.csv ") == "~/films.csv"
