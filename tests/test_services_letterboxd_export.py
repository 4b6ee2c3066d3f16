"""The account export: the right file read whole, every other one refused with a reason."""

import os
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.plain_text import clean_text
from movie_sync.errors import UnavailableError, UserError
from movie_sync.services.letterboxd_export.export import read_export
from movie_sync.services.letterboxd_export.folder import export_at, signature_of
from movie_sync.services.list_file import FileList

HEADER = "Date,Name,Year,Letterboxd URI\n"
CSV = (
    f"{HEADER}2023-09-26,Sanctuary,2022,https://boxd.it/wPKW\n"
    '2023-10-05,"Taxi, An Encounter",2001,https://boxd.it/5b8a\n'
    "2025-02-08,Heat 2,,https://boxd.it/DErS\n"
)
AS_SAVED = (
    "Date;Name;Year;Letterboxd URI\n"
    "26.09.2023;Sanctuary;2022;https://boxd.it/wPKW\n"
    ";;;\n"
    "05.10.2023;Taxi, An Encounter;2001;https://boxd.it/5b8a\n"
    "08.02.2025;Heat 2;;https://boxd.it/DErS\n"
)
"""The same as a spreadsheet saves it."""
NEWEST_FIRST = (
    Movie(id="DErS", slug="", title="Heat 2", year=None, url="https://boxd.it/DErS"),
    Movie(id="5b8a", slug="", title="Taxi, An Encounter", year=2001, url="https://boxd.it/5b8a"),
    Movie(id="wPKW", slug="", title="Sanctuary", year=2022, url="https://boxd.it/wPKW"),
)


def written(folder: Path, content: str | bytes, name: str = "watchlist.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def source_of(path: Path) -> FileList:
    """Return what reads an export again when it changes."""
    return FileList(path, export_at, setting="`lists`", stamp=signature_of)


def zipped(folder: Path, members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a ZIP and return its path."""
    path = folder / "letterboxd-someone-2026-09-11-utc.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


# --- what is read -------------------------------------------------------------------------------


def test_a_plain_file_is_read_newest_first(tmp_path: Path) -> None:
    """Keys, titles and years, in the order of Letterboxd's own page."""
    path = written(tmp_path, CSV)
    snapshot = read_export(path)
    assert snapshot.movies == NEWEST_FIRST
    assert snapshot.owner == str(path)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        CSV.removesuffix("\n"),
        CSV + "\n\n",
        CSV.replace("https://boxd.it/wPKW", "http://boxd.it/wPKW/"),
        CSV.replace("Letterboxd URI", "Letterboxd URI,Note").replace("wPKW", "wPKW,n"),
        AS_SAVED,
        f"sep=;\n{AS_SAVED}",
        f'\ufeff"sep=;"\r\n{AS_SAVED}'.replace("2001", "2001,0"),
        AS_SAVED.replace(";", "\t"),
        CSV.replace("2001", "2001.0") + ",,,\n , ,\n",
        CSV.replace("Date,Name", '"Date","Name"'),
    ],
    ids=[
        "byte order mark",
        "CRLF",
        "no last newline",
        "blank lines",
        "other address",
        "one more column",
        "semicolons",
        "separator named",
        "separator named, comma as point",
        "tabs",
        "blank rows, 2001.0",
        "quotes",
    ],
)
def test_small_differences_do_not_matter(tmp_path: Path, content: str) -> None:
    """What an editor or a later export may change is read the same."""
    assert [movie.id for movie in read_export(written(tmp_path, content)).movies] == ["DErS", "5b8a", "wPKW"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2001,https://boxd.it/5b8a", ","),
        ("boxd.it/5b8a", "evil.example/x"),
        ("5b8a", "../x"),
        ("2001", "soon"),
        ('"Taxi, An Encounter"', ""),
        (",2001,https://boxd.it/5b8a", ""),
    ],
    ids=[
        "no address and no year",
        "a strange address",
        "a key that is a path",
        "no year",
        "no title",
        "nothing but a title",
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, old: str, new: str
) -> None:
    """One row is left out, and said once for each time that the file was written."""
    source = source_of(written(tmp_path, CSV.replace(old, new)))
    snapshot = source.fetch()
    assert snapshot is not None
    assert [movie.id for movie in snapshot.movies] == ["DErS", "wPKW"]
    (unread,) = snapshot.unread
    assert unread.startswith("line 3 (")
    assert source.fetch() is None
    assert caplog.text.count("line 3 (") == 1


def test_a_file_that_ends_with_an_empty_row_is_not_cut_off(tmp_path: Path) -> None:
    """A spreadsheet may put one behind the last film, with no line end, even if that film can't be read."""
    snapshot = read_export(written(tmp_path, CSV + "2023-10-05,Film,soon,https://boxd.it/aaaa\n,,,"))
    assert len(snapshot.movies) == len(read_export(written(tmp_path, CSV)).movies)
    assert snapshot.unread == ("line 5 (Film)",)


def test_long_addresses_give_slugs(tmp_path: Path) -> None:
    """Older exports name the film by its page."""
    path = written(tmp_path, f"{HEADER}2020-01-01,Heat,1995,https://letterboxd.com/film/heat-1995/\n")
    (movie,) = read_export(path).movies
    assert (movie.id, movie.slug) == ("heat-1995", "heat-1995")


def test_a_film_listed_twice_counts_once_at_its_newest_place(tmp_path: Path) -> None:
    """A repeated address is one wish."""
    path = written(tmp_path, CSV + "2026-01-01,Sanctuary,2022,https://boxd.it/wPKW\n")
    assert [movie.id for movie in read_export(path).movies] == ["wPKW", "DErS", "5b8a"]


def test_an_export_of_an_empty_watchlist_is_empty(tmp_path: Path) -> None:
    """A header alone is an answer."""
    assert read_export(written(tmp_path, HEADER)).movies == ()


@pytest.mark.parametrize("top", ["", "letterboxd-someone-2026-09-11/", "letterboxd\\"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_whole_zip_is_read_where_it_lies(tmp_path: Path, top: str, method: int) -> None:
    """At the top or under one folder; deleted things and lists of that name are left alone."""
    old = f"{HEADER}2020-01-01,Old,1990,https://boxd.it/old1\n"
    members: dict[str, str | bytes] = {
        f"{top}watched.csv": old,
        f"{top}deleted/watchlist.csv": old,
        f"{top}lists/watchlist.csv": "Letterboxd list export v7\n",
        f"{top}watchlist.csv": CSV,
    }
    assert read_export(zipped(tmp_path, members, method)).movies == NEWEST_FIRST
    assert [path.name for path in tmp_path.iterdir()] == ["letterboxd-someone-2026-09-11-utc.zip"]


PRINTABLE = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
TITLES = st.text(PRINTABLE, min_size=1, max_size=30).filter(clean_text)


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(rows=st.lists(st.tuples(TITLES, st.none() | st.integers(1000, 9999)), max_size=50))
def test_any_export_comes_back_as_it_is(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    """Whatever the titles hold, every row is a film, newest first."""
    quoted = [
        f'2024-01-01,"{title.replace(chr(34), chr(34) * 2)}",{year or ""},https://boxd.it/k{n}\n'
        for n, (title, year) in enumerate(rows)
    ]
    path = written(tmp_path_factory.mktemp("export"), HEADER + "".join(quoted))
    expected = [(f"k{n}", clean_text(title), year) for n, (title, year) in enumerate(rows)]
    assert [(movie.id, movie.title, movie.year) for movie in read_export(path).movies] == expected[::-1]


# --- what is refused ----------------------------------------------------------------------------

DIARY = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "watched films": ("watched.csv", CSV, "watched.csv doesn't look like a watchlist"),
    "a file of any name": ("films.csv", CSV, "file's name"),
    "a diary": ("diary.csv", DIARY, "ratings or a diary"),
    "a diary under a wrong name": ("watchlist.csv", DIARY, "ratings or a diary"),
    "half a list": ("watchlist.csv", "Letterboxd list export v7\nDate,Name\n", "its films are missing"),
    "another header": ("watchlist.csv", "Title;Year\nHeat;1995\n", "doesn't start"),
    "nothing": ("watchlist.csv", "", "doesn't start"),
    "a page": ("watchlist.csv", "<!DOCTYPE html><html></html>", "doesn't start"),
    "rubbish": ("watchlist.csv", bytes(range(256)) * 9, "UTF-8|doesn't start|broken"),
    "UTF-16": ("watchlist.csv", CSV.encode("utf-16"), "UTF-8"),
    "Latin-1": ("watchlist.csv", CSV.replace("Heat", "Hé").encode("latin-1"), "UTF-8"),
    "cut within a row": ("watchlist.csv", CSV[:-20], r"line 4 \(Heat 2\) isn't a film"),
    "hardly any films": ("watchlist.csv", CSV.replace("https", "x", 2), r"line 2 \(Sanctuary\) isn't a film"),
    "cut within quotes": ("watchlist.csv", HEADER + '2023-10-05,"Taxi, An', "broken CSV"),
    "a huge field": ("watchlist.csv", HEADER + '2023-10-05,"' + "x" * 200_000, "far too large"),
    "a field over many lines": (
        "watchlist.csv",
        HEADER + '2023-10-05,"' + ("x" * 99 + "\n") * 2_000,
        "broken CSV",
    ),
    "a flood of empty lines": ("watchlist.csv", HEADER + "\n" * 200_000, "far too large"),
    "a huge file": ("watchlist.csv", HEADER + "2024-01-01,X\n" * 1_000_000, "far too large|line 2"),
    "no ZIP behind its mark": ("watchlist.zip", b"PK\x03\x04" + b"\0" * 99, "damaged ZIP"),
}


@pytest.mark.parametrize(("name", "content", "words"), REFUSED.values(), ids=REFUSED)
def test_other_files_are_refused_with_a_reason(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    """The message says what is wrong and what to give instead; nothing is read in part."""
    with pytest.raises(UserError, match=words):
        read_export(written(tmp_path, content, name))


def test_a_deleted_watchlist_is_refused(tmp_path: Path) -> None:
    """The export's `deleted` folder holds what the user threw away."""
    folder = tmp_path / "deleted"
    folder.mkdir()
    with pytest.raises(UserError, match="doesn't look like"):
        read_export(written(folder, CSV))


def test_missing_files_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    """None of them is waited for."""
    with pytest.raises(UserError, match="No such file"):
        read_export(tmp_path / "watchlist.csv")
    with pytest.raises(UserError, match="isn't a file"):
        read_export(tmp_path)
    os.mkfifo(tmp_path / "watchlist.csv")
    with pytest.raises(UserError, match="isn't a file"):
        read_export(tmp_path / "watchlist.csv")


ZIPS: dict[str, tuple[dict[str, str | bytes], str]] = {
    "without a watchlist": ({"watched.csv": CSV}, "contains none"),
    "empty": ({}, "contains none"),
    "with two": ({"a/watchlist.csv": CSV, "b/watchlist.csv": CSV}, "several"),
    "only a deleted one": ({"deleted/watchlist.csv": CSV}, "contains none"),
    "too deep": ({"a/b/watchlist.csv": CSV}, "contains none"),
    "a watchlist in a watchlist": ({"watchlist.csv": b"PK\x03\x04"}, "is a ZIP"),
    "a spreadsheet": ({"[Content_Types].xml": "", "xl/workbook.xml": ""}, "spreadsheet's own format. Save"),
}


@pytest.mark.parametrize(("members", "words"), ZIPS.values(), ids=ZIPS)
def test_other_zips_are_refused_with_a_reason(
    tmp_path: Path, members: dict[str, str | bytes], words: str
) -> None:
    """Which file of the ZIP is meant must be beyond doubt."""
    with pytest.raises(UserError, match=words):
        read_export(zipped(tmp_path, members))


def test_a_zip_bomb_costs_little(tmp_path: Path) -> None:
    """A gigabyte behind a few megabytes is given up after a few, and is never unpacked."""
    path = tmp_path / "export.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("watchlist.csv", "w", force_zip64=True) as member,
    ):
        member.write(HEADER.encode())
        for _ in range(1000):
            member.write(b" " * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="far too large"):
            read_export(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_bounded_are_refused(tmp_path: Path, method: int) -> None:
    """Letterboxd does not use them, and they unpack in unbounded pieces."""
    with pytest.raises(UserError, match="damaged"):
        read_export(zipped(tmp_path, {"watchlist.csv": CSV}, method))


def test_a_zip_of_very_many_files_is_refused_unread(tmp_path: Path) -> None:
    """The table of contents is looked at before it is loaded."""
    path = zipped(tmp_path, {"watchlist.csv": CSV} | {f"lists/{n:0100}.csv": "" for n in range(30_000)})
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="far too many"):
            read_export(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_names_that_climb_out_are_only_names(tmp_path: Path) -> None:
    """Nothing is written, so a path in a name leads nowhere."""
    path = zipped(tmp_path, {"../../watchlist.csv": CSV, "watchlist.csv": CSV, "/etc/watchlist.csv": CSV})
    assert read_export(path).movies == NEWEST_FIRST
    assert sorted(tmp_path.parent.glob("watchlist.csv")) == []


def outcome(path: Path) -> tuple[Movie, ...] | str:
    """Return the films, or the refusal's words."""
    try:
        return read_export(path).movies
    except UserError as exc:
        return str(exc)


def test_every_damage_to_a_zip_is_an_error_in_words(tmp_path: Path) -> None:
    """Cut anywhere, or with any byte of its structure turned: the list is right or refused."""
    whole = zipped(tmp_path, {"watchlist.csv": CSV}).read_bytes()
    damaged = [whole[:length] for length in range(2, len(whole), 3)]
    damaged += [whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(2, len(whole))]
    for content in damaged:
        result = outcome(written(tmp_path, content, "watchlist.zip"))
        assert result == NEWEST_FIRST or "watchlist.zip" in result


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    """A password cannot be guessed."""
    content = bytearray(zipped(tmp_path, {"watchlist.csv": CSV}).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    with pytest.raises(UserError, match="password"):
        read_export(written(tmp_path, bytes(content), "watchlist.zip"))


# --- as a source --------------------------------------------------------------------------------


def test_the_file_is_read_again_only_when_it_changes(tmp_path: Path) -> None:
    """Unchanged is no list; a new file of the same size is a new list."""
    path = written(tmp_path, CSV)
    source = source_of(path)
    first = source.fetch()
    assert first is not None
    assert first.movies == NEWEST_FIRST
    assert source.fetch() is None

    replacement = written(tmp_path, CSV.replace("DErS", "DErT"), "watchlist-new.csv")
    os.utime(replacement, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    replacement.replace(path)
    second = source.fetch()
    assert second is not None
    assert second.movies[0].id == "DErT"
    assert source.fetch() is None


def test_a_missing_file_is_a_passing_trouble(tmp_path: Path) -> None:
    """A disk that is not there now may be there later; then the file is read."""
    path = tmp_path / "watchlist.csv"
    source = source_of(path)
    with pytest.raises(UnavailableError, match=r"Can't read.*change `lists` in config\.json"):
        source.fetch()
    written(tmp_path, CSV)
    assert source.fetch() is not None


def test_a_wrong_file_is_not_remembered_as_read(tmp_path: Path) -> None:
    """The trouble is named at each check until the file is right."""
    path = written(tmp_path, DIARY)
    source = source_of(path)
    for _ in range(2):
        with pytest.raises(UserError, match="diary"):
            source.fetch()
    written(tmp_path, CSV)
    assert source.fetch() is not None


def test_a_file_that_is_being_written_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy in progress is neither a short list nor a broken export."""
    path = written(tmp_path, CSV[:-20])
    source = source_of(path)
    opened = os.open

    def open_while_written(name: Path, flags: int, mode: int) -> int:
        descriptor = opened(name, flags, mode)
        with path.open("ab") as writer:
            writer.write(CSV[-20:].encode())
        return descriptor

    monkeypatch.setattr(os, "open", open_while_written)
    with pytest.raises(UnavailableError, match="being written"):
        source.fetch()
    monkeypatch.undo()
    snapshot = source.fetch()
    assert snapshot is not None
    assert snapshot.movies == NEWEST_FIRST


# --- rows without an address, and lists ---------------------------------------------------------

LIST = (
    "Letterboxd list export v7\n"
    "Date,Name,Tags,URL,Description\n"
    '2021-11-06,My Favourites,"best, rewatchable",https://boxd.it/list1,"A list,\nover two lines."\n'
    "\n"
    "Position,Name,Year,URL,Description\n"
    '1,The Shining,1980,https://boxd.it/1aYa,"It\n\nsnows, and ""Jack"" types."\n'
    "2,Heat,1995,https://letterboxd.com/film/heat-1995/,\n"
    "3,Sanctuary,2022,,\n"
)


def test_a_row_without_an_address_goes_by_title_and_year(tmp_path: Path) -> None:
    """The same title and year are the same film however they are written; both are needed."""
    path = written(
        tmp_path, CSV.replace("https://boxd.it/5b8a", "") + "2026-01-01,TAXI - an encounter,2001.0,\n"
    )
    snapshot = read_export(path)
    assert [movie.id for movie in snapshot.movies] == ["title:taxianencounter-2001", "DErS", "wPKW"]
    assert snapshot.movies[0].year == 2001
    assert not snapshot.unread


def test_a_file_that_ends_within_a_row_is_refused(tmp_path: Path) -> None:
    """Where the address would come, the row may be cut off, and others with it."""
    with pytest.raises(UserError, match="incomplete"):
        read_export(written(tmp_path, CSV + "2026-01-01,Taxi,2001,"))


@pytest.mark.parametrize("name", ["my-favourites.csv", "watchlist.csv"])
@pytest.mark.parametrize(
    "content",
    [
        LIST,
        LIST.replace("v7", "v8").replace("\n", "\r\n"),
        "\ufeff" + LIST.replace("export v7", "export v7,,,,"),
        "Letterboxd list export v7;;;;\nDate;Name;Tags;URL;Description\n2021;x;;https://boxd.it/a;\n;;;;\n"
        "Position;Name;Year;URL;Description\n1;The Shining;1980;https://boxd.it/1aYa;\n"
        "2;Heat;1995,0;https://letterboxd.com/film/heat-1995/;\n3;Sanctuary;2022;;\n",
    ],
    ids=["as it is", "v8", "commas", "semicolons"],
)
def test_a_lists_export_is_read_in_its_order(tmp_path: Path, content: str, name: str) -> None:
    """Of whatever version and name, with breaks within a field."""
    snapshot = read_export(written(tmp_path, content, name))
    assert [(movie.id, movie.year) for movie in snapshot.movies] == [
        ("1aYa", 1980),
        ("heat-1995", 1995),
        ("title:sanctuary-2022", 2022),
    ]


# --- a folder -----------------------------------------------------------------------------------


def put(folder: Path, name: str, users: str, *rows: str, age: int = 0) -> Path:
    """Put an account's ZIP into a folder, so many seconds old."""
    films = "".join(f"2024-01-01,Film {row},1999,https://boxd.it/{row}\n" for row in rows)
    members = {"watchlist.csv": HEADER + films}
    if users:
        members["profile.csv"] = f"Date Joined,Username,Given Name\n2020-01-01,{users},\n"
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    at = 1_800_000_000 - age
    os.utime(path, (at, at))
    return path


def test_the_newest_export_of_a_folder_counts(tmp_path: Path) -> None:
    """By its time, not its name; other files are left alone, and unchanged is no reading."""
    put(tmp_path, "letterboxd-anna-2026-10-01-10-00-utc.zip", "Anna", "old", age=10)
    put(tmp_path, "Letterboxd-anna (1).zip", "Anna", "new")
    for other in ("holiday.zip", "ratings.csv", "letterboxd-anna.zip.crdownload", "notes.txt"):
        written(tmp_path, "x", other)
    (tmp_path / "lists").mkdir()
    source = source_of(tmp_path)
    snapshot = source.fetch()
    assert snapshot is not None
    assert [movie.id for movie in snapshot.movies] == ["new"]
    assert (snapshot.owner, snapshot.origin, snapshot.concludes) == (str(tmp_path), "anna", True)
    assert source.fetch() is None
    put(tmp_path, "letterboxd-anna-2026-12-01-10-00-utc.zip", "", "newer", age=-5)
    after = source.fetch()
    assert after is not None
    assert ([movie.id for movie in after.movies], after.origin) == (["newer"], "anna")


def test_what_only_looks_like_an_export_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named, and as it is not known what the newest would say, no removals are concluded."""
    put(tmp_path, "letterboxd-anna.zip", "anna", "old")
    os.utime(written(tmp_path, DIARY, "watchlist.csv"), (1_900_000_000, 1_900_000_000))
    snapshot = source_of(tmp_path).fetch()
    assert snapshot is not None
    assert [movie.id for movie in snapshot.movies] == ["old"]
    assert not snapshot.concludes
    assert "ratings or a diary" in caplog.text


def test_a_folder_without_an_export_is_awaited(tmp_path: Path) -> None:
    """With where to get one; so is a folder that is not there."""
    with pytest.raises(UnavailableError, match=r"No Letterboxd export found in .*settings/data"):
        source_of(tmp_path).fetch()
    with pytest.raises(UnavailableError, match="Can't read"):
        source_of(tmp_path / "away").fetch()


def test_an_export_that_is_written_while_it_is_read_is_read_later(tmp_path: Path) -> None:
    """The reading ends with words; the next one has the whole file."""
    path = put(tmp_path, "letterboxd-anna.zip", "anna", "old")

    def reading(folder: Path) -> WatchlistSnapshot:
        found = export_at(folder)
        if path.exists():
            path.unlink()
            put(tmp_path, "letterboxd-anna-2.zip", "anna", "new")
        return found

    source = FileList(tmp_path, reading, setting="`lists`", stamp=signature_of)
    with pytest.raises(UnavailableError, match="being written"):
        source.fetch()
    after = source.fetch()
    assert after is not None
    assert [movie.id for movie in after.movies] == ["new"]


def test_a_folder_of_very_many_files_is_looked_at_briefly(tmp_path: Path) -> None:
    """Only so many exports are looked at, and only so many are tried."""
    for number in range(300):
        (tmp_path / f"watchlist-{number}.csv").write_text("x")
    started = time.monotonic()
    with pytest.raises(UserError, match="doesn't start like"):
        source_of(tmp_path).fetch()
    assert time.monotonic() - started < 2


def test_thousands_of_rows_cost_little_memory(tmp_path: Path) -> None:
    """Films are packed as they are read; more than twenty thousand are refused."""
    rows = "".join(f"2024-01-01,A Film of Number {n},1999,https://boxd.it/{n:x}\n" for n in range(5_000))
    path = written(tmp_path, HEADER + rows)
    tracemalloc.start()
    try:
        assert len(read_export(path).movies) == 5_000
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()
    written(tmp_path, HEADER + "2024-01-01,Film,1999,https://boxd.it/more\n" * 20_001)
    with pytest.raises(UserError, match="20,000 films"):
        read_export(path)
