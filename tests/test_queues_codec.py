"""Films as the lines of the queue files, and back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from house.films import film, on_filelist
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.models import Choice, Movie, QueueName, ReleaseId
from movie_sync.domain.seeding import SeedingTrouble
from movie_sync.domain.times import format_time, parse_time
from movie_sync.queues.codec import encode_entry, entry_from_dict, entry_to_dict, movie_to_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import FailedRelease, Seeding, Stage, TorrentProgress

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).map(str.strip).filter(bool)
times = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


def _of_these_alone(**values: Any) -> QueueEntry:
    """Make an entry of these values alone; `builds` would choose the rest by their types."""
    return QueueEntry(**values)


_on_the_list: dict[str, Any] = {
    "id": words,
    "slug": words,
    "title": words,
    "year": st.none() | st.integers(1800, 2100),
    "url": words,
    "imdb_id": st.none() | words,
    "poster": st.just("") | st.just("https://a.ltrbxd.com/1.jpg"),
}
movies = st.builds(Movie, **_on_the_list)
pages = st.builds(
    Movie,
    **_on_the_list,
    original_title=st.none() | words,
    alternative_titles=st.lists(words, max_size=3).map(tuple),
    runtime_minutes=st.none() | st.integers(1, 900),
    original_language=st.none() | st.just("") | words,
    is_series=st.booleans(),
    page_read=st.just(True),
)
choices = st.builds(
    Choice,
    release=words,
    id=st.none()
    | st.builds(
        ReleaseId,
        tracker=st.sampled_from(["filelist", "torznab:my indexer"]),
        id=st.from_regex(r"[a-z0-9%]+", fullmatch=True),
    )
    | st.integers(1, 10**9).map(on_filelist),
    info_hash=st.from_regex(r"[0-9a-f]{40}", fullmatch=True),
)
extras = st.dictionaries(words.map("x-{}".format), plain_values, max_size=3)
common = {
    "added_at": times,
    "choice": st.none() | choices,
    "by_command": st.booleans(),
    "sequence": st.integers(0, 10**15),
    "extra": extras,
}
states = {
    QueueName.PENDING: st.builds(
        _of_these_alone, movie=movies | pages, retry_count=st.integers(0, 99), **common
    ),
    QueueName.FAILED: st.builds(
        _of_these_alone,
        movie=movies | pages,
        retry_count=st.integers(0, 99),
        error=words,
        retry_at=st.none() | times,
        waits_for_release=st.booleans(),
        **common,
    ),
    QueueName.COMPLETED: st.builds(_of_these_alone, movie=movies, completed_at=times, reason=words, **common),
    QueueName.REMOVED: st.builds(_of_these_alone, movie=movies | pages, **common),
}


def decode(line: bytes) -> QueueEntry:
    """Return the entry of a line."""
    return entry_from_dict(json.loads(line), NOW)


@given(
    st.builds(
        Seeding,
        seen_at=st.none() | times,
        ratio=st.none() | st.floats(0.001, 1000),
        seconds=st.none() | st.integers(1, 10**9),
        is_gone=st.booleans(),
        is_settled=st.booleans(),
        trouble=st.none() | st.sampled_from(SeedingTrouble),
        why=st.sampled_from(["", "its files are missing in /f"]),
        since=st.none() | times,
        is_here=st.booleans(),
    ),
    choices,
)
def test_how_a_torrent_seeds_is_read(seeding: Seeding, choice: Choice) -> None:
    """Of the film's own torrent, and of one that another took the place of."""
    follow = TorrentProgress(Stage.DOWNLOADED, NOW, 1.0, path="/f", seeding=seeding)
    old = FailedRelease(choice, "replaced by a better release", seeding=seeding)
    done = QueueEntry(film(1), NOW, completed_at=NOW, choice=choice, follow=follow, replaced=(old,))
    read = decode(encode_entry(done, QueueName.COMPLETED))
    assert read.follow
    assert read.follow.seeding == seeding
    assert read.replaced == (old,)


@given(st.sampled_from(QueueName).flatmap(lambda name: st.tuples(st.just(name), states[name])))
def test_what_is_written_is_read(case: tuple[QueueName, QueueEntry]) -> None:
    """A line gives back the entry it was made of, unknown keys included, in every queue."""
    name, entry = case
    line = encode_entry(entry, name)
    assert b"\n" not in line
    assert decode(line) == entry


@given(
    plain=st.dictionaries(words, plain_values),
    known=st.dictionaries(
        st.sampled_from(
            [
                "id",
                "slug",
                "title",
                "year",
                "added_at",
                "retry_at",
                "retry_count",
                "sequence",
                "filelist_id",
                "release_id",
                "info_hash",
                "alternative_titles",
                "completed_at",
            ]
        ),
        plain_values,
    ),
)
def test_no_value_breaks_reading(plain: dict[str, object], known: dict[str, object]) -> None:
    """Any JSON object is a film or refused as none; a film can be written and read again as it is."""
    try:
        entry = entry_from_dict({**plain, **known}, NOW)
    except ValueError:
        return
    for name in QueueName:
        again = decode(encode_entry(entry, name))
        assert again.movie.keys() == entry.movie.keys()
        assert again.sequence == entry.sequence
        assert again.extra == entry.extra


@pytest.mark.parametrize(
    ("plain", "field", "expected"),
    [
        ({"slug": "heat"}, "id", "heat"),
        ({"slug": "heat"}, "title", "heat"),
        ({"id": " 29qU ", "title": "Heat"}, "id", "29qU"),
        ({"slug": 300}, "slug", "300"),
        ({"slug": "1917", "title": 1917}, "title", "1917"),
        ({"slug": "heat", "year": "1995"}, "year", 1995),
        ({"slug": "heat", "year": 1995.0}, "year", 1995),
        ({"slug": "heat", "year": 1995.5}, "year", None),
        ({"slug": "heat", "year": True}, "year", None),
        ({"slug": "heat", "year": "about 1995"}, "year", None),
        ({"slug": "heat", "year": "9" * 5000}, "year", None),
        ({"slug": "heat", "year": 10**400}, "year", None),
        ({"slug": "heat", "year": float("inf")}, "year", None),
        ({"slug": "heat", "url": None}, "url", ""),
        ({"slug": "heat", "imdb_id": ""}, "imdb_id", None),
        ({"slug": "heat", "page_read": True, "alternative_titles": "Fuego"}, "alternative_titles", ()),
        (
            {"slug": "heat", "page_read": True, "alternative_titles": ["Fuego", 7, None]},
            "alternative_titles",
            ("Fuego",),
        ),
        ({"slug": "heat", "page_read": True, "is_series": "yes"}, "is_series", False),
        ({"slug": "heat", "is_series": True}, "is_series", False),
        (
            {"slug": "heat", "poster": "https://a.ltrbxd.com/1.jpg?v=1"},
            "poster",
            "https://a.ltrbxd.com/1.jpg?v=1",
        ),
        ({"slug": "heat", "poster": "javascript:alert(1)"}, "poster", ""),
        ({"slug": "heat", "poster": 'https://a.ltrbxd.com/"><script>'}, "poster", ""),
        ({"slug": "heat", "poster": ["https://a.ltrbxd.com/1.jpg"]}, "poster", ""),
        ({"slug": "heat", "poster": "https://a.ltrbxd.com/" + "1" * 600}, "poster", ""),
    ],
)
def test_odd_values_of_a_film_are_mended_where_their_meaning_is_plain(
    plain: dict[str, object], field: str, expected: object
) -> None:
    """A number in quotes is a number, a bare number is a title; what means nothing counts as absent."""
    assert getattr(entry_from_dict(plain, NOW).movie, field) == expected


@pytest.mark.parametrize("queue", QueueName)
def test_what_no_page_told_is_carried_along(queue: QueueName) -> None:
    """Titles that somebody wrote into an entry stay there, until the film's page tells them."""
    plain = {"slug": "heat", "alternative_titles": ["Calor"], "runtime_minutes": 170, "mine": [1]}
    entry = entry_from_dict(plain, NOW)
    assert entry.movie.alternative_titles == ()
    assert json.loads(encode_entry(entry, queue)).items() >= plain.items()
    read = entry._replace(movie=replace(entry.movie, alternative_titles=("Heat",), page_read=True))
    if queue is not QueueName.COMPLETED:
        assert json.loads(encode_entry(read, queue))["alternative_titles"] == ["Heat"]


@pytest.mark.parametrize("queue", QueueName)
def test_a_film_keeps_its_original_title_and_poster_in_every_queue(queue: QueueName) -> None:
    """It is the film's own: years later a file of that name is not taken for another film."""
    movie = replace(
        entry_from_dict({"slug": "parasite"}, NOW).movie,
        original_title="Gisaengchung",
        poster="https://a.ltrbxd.com/1.jpg",
        page_read=True,
    )
    again = decode(encode_entry(QueueEntry(movie, NOW).kept_in(queue), queue)).movie
    assert (again.original_title, again.poster) == ("Gisaengchung", "https://a.ltrbxd.com/1.jpg")


def test_a_poster_is_written_only_where_there_is_one() -> None:
    """Nothing is added to a film without one, and an address that cannot be is dropped at the next change."""
    entry = entry_from_dict({"slug": "heat", "poster": "ftp://a.b/1.jpg"}, NOW)
    assert b"poster" not in encode_entry(entry, QueueName.PENDING)
    movie = replace(entry.movie, poster="https://a.ltrbxd.com/1.jpg")
    assert "poster" not in movie_to_dict(movie, with_page=False)


@pytest.mark.parametrize(
    "plain", [{}, {"title": "Heat"}, {"id": ""}, {"slug": " "}, {"id": None, "slug": ["x"]}]
)
def test_what_names_no_film_is_refused(plain: dict[str, object]) -> None:
    """An entry with neither id nor slug is no film."""
    with pytest.raises(ValueError, match="without id and slug"):
        entry_from_dict(plain, NOW)


@pytest.mark.parametrize(
    ("plain", "field", "expected"),
    [
        ({}, "added_at", NOW),
        ({"added_at": "yesterday"}, "added_at", NOW),
        ({"retry_count": -3}, "retry_count", 0),
        ({"retry_count": "2"}, "retry_count", 2),
        ({"sequence": None}, "sequence", 0),
        ({"retry_at": None}, "retry_at", None),
        ({"retry_at": "2026-12-01"}, "retry_at", datetime(2026, 12, 1, tzinfo=UTC)),
        ({"retry_at": "tomorrow"}, "retry_at", NOW),
        ({"info_hash": "ABCDEF"}, "choice", Choice("", None, "abcdef")),
        ({"release": "Heat.1995-GRP", "filelist_id": 5}, "choice", None),
    ],
)
def test_odd_values_of_a_state_are_mended(plain: dict[str, object], field: str, expected: object) -> None:
    """A time that cannot be read is now, so that a film never fails for good by a slip of the pen."""
    assert getattr(entry_from_dict({"slug": "heat", **plain}, NOW), field) == expected


def test_which_release_it_is_stands_in_the_file_as_before() -> None:
    """FileList's number keeps its key; another tracker's id stands under one of its own."""
    movie, ours = Movie("heat", "heat", "Heat"), Choice("Heat-GRP", on_filelist(7), "a" * 40)
    theirs = Choice("Heat-GRP", ReleaseId("torznab:my indexer", "abc%3A1"), "b" * 40)
    tried = (FailedRelease(ours, "stalled"), FailedRelease(replace(ours, id=None), "stalled"))
    plain = entry_to_dict(QueueEntry(movie, NOW, choice=theirs, tried=tried), QueueName.PENDING)
    assert (plain["release_id"], "filelist_id" in plain) == ("torznab:my indexer:abc%3A1", False)
    keys = {"release", "info_hash", "why", "name"}
    assert [old.keys() for old in plain["tried"]] == [keys | {"filelist_id"}, keys]  # type: ignore[attr-defined]
    told = entry_to_dict(QueueEntry(movie, NOW, choice=replace(ours, imdb_id="tt1")), QueueName.PENDING)
    assert told["release_imdb_id"] == "tt1"
    again = entry_from_dict(told, NOW)
    assert (again.choice and again.choice.imdb_id, again.movie.imdb_id) == ("tt1", None)
    older = {"slug": "heat", "release": "Heat-GRP", "filelist_id": 7, "info_hash": "a" * 40}
    older["tried"] = [{"release": "x", "filelist_id": 0, "info_hash": "c" * 40, "why": "stalled", "name": ""}]
    entry = entry_from_dict(older, NOW)
    assert entry.choice == ours
    assert entry.tried[0].choice.id is None


def test_a_note_about_a_release_never_hides_the_release_that_was_taken() -> None:
    """Keys kept from an entry without a choice give way to the choice made later."""
    entry = entry_from_dict({"slug": "heat", "release": "a wish", "note": "for mum"}, NOW)
    chosen = QueueEntry(
        entry.movie, NOW, choice=Choice("Heat-GRP", on_filelist(7), "a" * 40), extra=entry.extra
    )
    again = decode(encode_entry(chosen, QueueName.PENDING))
    assert again.choice == chosen.choice
    assert again.extra == {"note": "for mum"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T12:00:00Z", NOW),
        ("2026-11-01T12:00:00", NOW),
        ("2026-11-01T14:00:00+02:00", NOW),
        ("2026-11-01 12:00", NOW),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("", None),
        (None, None),
        (1_793_534_400, None),
    ],
)
def test_times_are_read_as_utc(text: object, expected: datetime | None) -> None:
    """A time without a zone is UTC; what is no time is none."""
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOW, "2026-11-01T12:00:00Z"),
        (
            datetime(2026, 11, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-01T12:00:00Z",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
    ],
)
def test_times_are_written_as_utc_to_the_second(moment: datetime, expected: str) -> None:
    """Every time that is written can be read again, early years included."""
    assert format_time(moment) == expected
    assert parse_time(expected) is not None


def test_a_lone_surrogate_does_not_keep_a_film_from_being_written() -> None:
    """Half a character, as broken pages have them, is replaced."""
    line = encode_entry(QueueEntry(Movie("a", "a", "x\ud800"), NOW), QueueName.PENDING)
    assert decode(line).movie.title == "x?"


@pytest.mark.parametrize(
    "plain", [{"id": 5}, {"id": "29qU"}, {"id": "29qU", "year": 1995, "imdb_id": "tt0113277"}, {}]
)
def test_an_id_alone_names_no_film(plain: dict[str, object]) -> None:
    """Without title, slug and address nobody knows what it means: no film is called 5."""
    with pytest.raises(ValueError, match="without"):
        entry_from_dict(plain, NOW)
    assert (
        entry_from_dict({"id": "tt0113277", "url": "https://www.imdb.com/title/tt0113277/"}, NOW).movie.id
        == "tt0113277"
    )
