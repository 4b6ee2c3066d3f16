"""The rows of FileList's answers: what is odd is understood, what is bad is left out."""

import json
import logging
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from movie_sync.domain.models import Filing
from movie_sync.errors import PageChangedError
from movie_sync.services.filelist.rows import RowReader

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "filelist"
GOOD = {
    "id": 1,
    "name": "A.Film.1950",
    "imdb": "tt0000001",
    "freeleech": 0,
    "doubleup": 0,
    "upload_date": "2023-06-27 20:59:36",
    "download_link": "https://elsewhere.example/x",
    "size": 5,
    "internal": 0,
    "moderated": 1,
    "category": "Movies HD",
    "seeders": 3,
    "leechers": 1,
    "times_completed": 2,
    "comments": 0,
    "files": 1,
    "small_description": "Drama",
}


def row(**changes: object) -> object:
    """Return a good row with changes; `...` takes a key out."""
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}


ROWS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "imdb missing": ({"imdb": ...}, {"imdb_id": None}),
    "imdb empty": ({"imdb": ""}, {"imdb_id": None}),
    "imdb short": ({"imdb": "tt"}, {"imdb_id": None}),
    "imdb of digits": ({"imdb": "4719744"}, {"imdb_id": "tt4719744"}),
    "imdb rubbish": ({"imdb": "tt12'; --"}, {"imdb_id": None}),
    "imdb a number": ({"imdb": 5}, {"imdb_id": None}),
    "flags as text": ({"freeleech": "1", "internal": "0"}, {"freeleech": True, "internal": False}),
    "flags beyond one": ({"freeleech": 2, "internal": True}, {"freeleech": True, "internal": True}),
    "flags rubbish": ({"freeleech": "yes", "internal": None}, {"freeleech": False, "internal": False}),
    "numbers as text": ({"size": "7", "seeders": "4"}, {"size_bytes": 7, "seeders": 4}),
    "size beyond 32 bits": ({"size": 2**40}, {"size_bytes": 2**40}),
    "summer time": ({}, {"uploaded_at": datetime(2023, 6, 27, 17, 59, 36, tzinfo=UTC)}),
    "winter time": (
        {"upload_date": "2020-02-01 00:30:00"},
        {"uploaded_at": datetime(2020, 1, 31, 22, 30, tzinfo=UTC)},
    ),
    "time rubbish": ({"upload_date": "yesterday"}, {"uploaded_at": None}),
    "time zero": ({"upload_date": "0000-00-00 00:00:00"}, {"uploaded_at": None}),
    "time at the beginning": ({"upload_date": "0001-01-01 00:00:00"}, {"uploaded_at": None}),
    "name with escapes": ({"name": " A\x1b[31m\u202eFilm\r\n2 "}, {"name": "A[31mFilm2"}),
    "unknown category": ({"category": "Holograms"}, {"filed_as": Filing()}),
    "no category": ({"category": ...}, {"filed_as": Filing()}),
    "what is not needed missing": ({"files": ..., "leechers": -1, "times_completed": []}, {"seeders": 3}),
}


@pytest.mark.parametrize(("change", "expected"), ROWS.values(), ids=ROWS.keys())
def test_row_with_odd_values_is_understood(change: dict[str, object], expected: dict[str, object]) -> None:
    """What a row need not have may be missing or odd; the rest of it counts."""
    (found,) = RowReader().read([row(**change)])
    assert {key: getattr(found, key) for key in expected} == expected


def test_times_are_those_of_bucharest() -> None:
    """Every half hour around each change of the clocks is read as the system's time zone data has it."""
    zone = zoneinfo.ZoneInfo("Europe/Bucharest")
    half_hours = range(48 * 8)
    for begin in (datetime(year, month, 24) for year in range(2000, 2036) for month in (3, 10)):
        times = [begin + timedelta(minutes=30 * count) for count in half_hours]
        rows = [row(id=count + 1, upload_date=f"{times[count]}") for count in half_hours]
        found = [release.uploaded_at for release in RowReader().read(rows)]
        assert found == [time.replace(tzinfo=zone).astimezone(UTC) for time in times]


BAD_ROWS: dict[str, dict[str, object]] = {
    "no id": {"id": ...},
    "id zero": {"id": 0},
    "id of wrong type": {"id": [1]},
    "id true": {"id": True},
    "id beyond reason": {"id": 2**70},
    "id with a path": {"id": "../1"},
    "no name": {"name": ...},
    "empty name": {"name": " \x00"},
    "name too long": {"name": "x" * 500},
    "name of wrong type": {"name": {}},
    "no size": {"size": ...},
    "size zero": {"size": 0},
    "size negative": {"size": -1},
    "size with fraction": {"size": 1.5},
    "seeders missing": {"seeders": None},
}


@pytest.mark.parametrize("change", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_bad_row_is_left_out_among_good_ones(
    caplog: pytest.LogCaptureFixture, change: dict[str, object]
) -> None:
    """The others are kept, and one warning counts what is left out."""
    with caplog.at_level(logging.WARNING):
        found = RowReader().read([row(id=7), row(**change), row(id=8), 5, None])
    assert [item.id.number for item in found] == [7, 8]
    assert [record.message for record in caplog.records] == [
        "Skipped 3 of 5 rows in FileList's answer: malformed."
    ]


def test_only_bad_rows_are_not_taken_for_nothing() -> None:
    """If no row is understood, the form has changed; it does not mean that there is no release."""
    assert RowReader().read([]) == []
    with pytest.raises(PageChangedError, match="None of the 2 rows"):
        RowReader().read([row(id=...), []])


def test_doubled_rows_and_other_kinds() -> None:
    """An id counts once; series and music are left out without being bad."""
    rows = [row(), row(seeders=9), row(id=2, category="TV-Series HD"), row(id=3, category="Audio")]
    assert [item.id.number for item in RowReader().read(rows)] == [1]
    assert RowReader().read(rows[2:]) == []


def test_unknown_category_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The tracker renames its categories at times: releases are kept, and one line tells of it."""
    reader = RowReader()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert len(reader.read([row(category="Holograms\x1b[2J")])) == 1
    assert [record.message for record in caplog.records] == [
        "FileList has an unknown category: Holograms[2J. Its releases are kept."
    ]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real samples are not beside this checkout")
def test_real_category_list_is_known_here(caplog: pytest.LogCaptureFixture) -> None:
    """Every category name of both generations is known; film and mixed ones are kept."""
    reader = RowReader()
    for category in json.loads((REAL / "categories.json").read_text()):
        for name in (category["name_until_2026_07"], category["name_since_2026_07_16"]):
            if name is not None:
                assert bool(reader.read([row(category=name)])) == (category["kind"] != "other"), name
    assert not caplog.records
