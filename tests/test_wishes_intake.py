"""From a reading of the watchlist to the queues: what is queued, dropped, left alone, and after a crash."""

import json
import logging
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from house.crash_disk import Recorder
from house.fakes import FakeClock
from house.films import film
from house.wishes import IntakeBench, reading
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movie_sync.domain.models import Movie, QueueName, WatchlistSnapshot
from movie_sync.domain.watchlist import FirstRun
from movie_sync.errors import LibraryError, StorageError
from movie_sync.wishes.intake import IntakeCounts
from movie_sync.wishes.watchlist_store import WatchlistStore


@pytest.fixture
def desk(tmp_path: Path) -> IntakeBench:
    """An intake in an empty folder."""
    return IntakeBench(tmp_path)


@pytest.mark.parametrize(("first_run", "queued"), [("all", [3, 2, 1]), ("new", []), (2, [3, 2])])
def test_first_run(tmp_path: Path, first_run: FirstRun, queued: list[int]) -> None:
    """The first reading queues what `first_run` says, newest first; later ones what is new."""
    desk = IntakeBench(tmp_path, first_run)
    assert desk.take(3, 2, 1) == IntakeCounts(3, len(queued), 0, 0)
    assert desk.held() == queued
    desk = IntakeBench(tmp_path, first_run)
    assert desk.take(4, 3, 2, 1).queued == 1
    assert desk.held() == [*queued, 4]


def test_a_first_run_that_cannot_be_read(tmp_path: Path) -> None:
    """A list is not taken in for the first time before it is known how much of it is wanted."""
    with pytest.raises(StorageError, match="first_run"):
        IntakeBench(tmp_path, None).take(3, 2, 1)
    assert IntakeBench(tmp_path).held() == []
    IntakeBench(tmp_path, "new").take(3, 2, 1)
    desk = IntakeBench(tmp_path, None)
    assert desk.take(4, 3, 2, 1).queued == 1
    assert desk.held() == [4]


def test_dropped_after_two_readings(desk: IntakeBench, caplog: pytest.LogCaptureFixture) -> None:
    """A film that two readings in a row do not list leaves pending and failed; completed is history."""
    caplog.set_level(logging.INFO)
    desk.take(4, 3, 2, 1)
    desk.fail(2)
    desk.complete(3)
    assert desk.take(1).dropped == 0
    assert (sorted(desk.held()), desk.held(QueueName.FAILED)) == ([1, 4], [2])
    assert desk.take(1).dropped == 2
    assert (desk.held(), desk.held(QueueName.FAILED)) == ([1], [])
    assert desk.held(QueueName.COMPLETED) == [3]
    assert "Made Up Charlie (1952): no longer listed" in caplog.text
    assert desk.take(1).dropped == 0


@pytest.mark.parametrize("state", ["pending", "failed", "completed"])
def test_listed_again_is_a_fresh_wish(desk: IntakeBench, state: str) -> None:
    """A film that left the list and is back is queued anew, with no failures counted, also if completed."""
    desk.take(2, 1)
    if state == "failed":
        desk.fail(2)
    elif state == "completed":
        desk.complete(2)
    for _ in range(2):
        desk.take(1)
    assert desk.take(2, 1).queued == 1
    [entry] = [entry for entry in desk.queues.entries(QueueName.PENDING) if entry.movie.id == "K2"]
    assert entry.retry_count == 0
    assert desk.held(QueueName.COMPLETED) == []
    assert desk.take(2, 1).queued == 0


def test_a_single_miss_changes_nothing(desk: IntakeBench) -> None:
    """A film that one reading missed keeps its place and its failures; a completed one stays completed."""
    desk.take(2, 1)
    desk.fail(1)
    desk.complete(2)
    desk.take()
    assert desk.take(2, 1) == IntakeCounts(2, 0, 0, 0)
    assert (desk.held(), desk.held(QueueName.FAILED), desk.held(QueueName.COMPLETED)) == ([], [1], [2])


def test_another_user_name(desk: IntakeBench) -> None:
    """Another user's list adds its films; nobody else's are dropped."""
    desk.take(2, 1)
    for _ in range(3):
        desk.take(3, owner="anna")
    assert desk.held() == [2, 1, 3]


def test_removed_by_the_user_stays_out(desk: IntakeBench) -> None:
    """A removed film is not queued by any reading, also when it left the list and came back."""
    desk.take(2, 1)
    desk.queues.remove(["made-up-charlie"])
    for numbers in ((2, 1), (1,), (1,), (2, 1), (2, 1)):
        assert desk.take(*numbers).queued == 0
    assert desk.held() == [1]


def test_added_by_command_stays(desk: IntakeBench) -> None:
    """A film that the user added is on no list and is not dropped for that."""
    desk.take(2, 1)
    desk.queues.add_by_command([film(9)])
    for _ in range(3):
        desk.take(9, 1)
    for _ in range(3):
        desk.take(1)
    assert desk.held() == [1, 9]


def test_an_import_never_drops(desk: IntakeBench) -> None:
    """Any number of exports only adds; the next two readings still decide."""
    desk.take(2, 1)
    for _ in range(3):
        assert desk.intake.take_export(reading(5, 1)).dropped == 0
    assert desk.held() == [2, 1, 5]
    assert desk.take(5, 1).dropped == 0
    assert desk.take(5, 1).dropped == 1
    assert desk.held() == [1, 5]


def test_an_import_does_not_wait_for_disks(desk: IntakeBench) -> None:
    """The main thread takes exports in and must be free to stop: it looks through no folder."""
    desk.intake.take_export(reading(1))
    assert desk.library.journal == []


def test_taking_the_same_again(desk: IntakeBench) -> None:
    """An unchanged file counts as one more reading of the same films."""
    assert desk.intake.take_again() == IntakeCounts(0, 0, 0, 0)
    desk.take(2, 1)
    desk.take(1)
    assert desk.intake.take_again() == IntakeCounts(1, 0, 0, 1)
    assert desk.held() == [1]


def test_on_the_disk_already(desk: IntakeBench, caplog: pytest.LogCaptureFixture) -> None:
    """A film that lies in the library is completed with its place, not queued, and said."""
    caplog.set_level(logging.INFO)
    desk.library.places["Made Up Charlie"] = "/films/Made Up Charlie (1952).mkv"
    assert desk.take(2, 1) == IntakeCounts(2, 1, 1, 0)
    [entry] = desk.queues.entries(QueueName.COMPLETED)
    assert (entry.reason, entry.extra["where"]) == ("already downloaded", "/films/Made Up Charlie (1952).mkv")
    assert "already downloaded: /films/Made Up Charlie (1952).mkv" in caplog.text
    assert desk.take(2, 1) == IntakeCounts(2, 0, 0, 0)


def test_listed_again_and_on_the_disk(desk: IntakeBench) -> None:
    """A film that comes back and lies there by now is completed, and not queued as well."""
    desk.take(2, 1)
    for _ in range(2):
        desk.take(1)
    desk.library.places["Made Up Charlie"] = "/films/Made Up Charlie (1952).mkv"
    assert desk.take(2, 1) == IntakeCounts(2, 0, 1, 0)
    assert desk.held() == [1]


def test_an_unmounted_disk(desk: IntakeBench, caplog: pytest.LogCaptureFixture) -> None:
    """If the library cannot be read, films are queued all the same, and that is said."""
    desk.library.error = LibraryError("The film folder is not there.")
    assert desk.take(2, 1).queued == 2
    assert "The film folder is not there." in caplog.text


def test_only_the_wanted_are_looked_for(tmp_path: Path) -> None:
    """A film that was not asked for, or is in a queue, is not looked for on the disk."""
    desk = IntakeBench(tmp_path, 1)
    desk.take(2, 1)
    desk.take(2, 1)
    assert desk.library.journal == ["library"]


def test_a_full_disk_or_a_crash_at_any_write(tmp_path: Path) -> None:
    """Whichever write fails, the next reading ends where an undisturbed one would have."""
    number = 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        desk = IntakeBench(folder)
        desk.take(5, 4, 3)
        desk.take(4, 3)
        desk.fail(5)
        desk.library.places["Made Up Hotel"] = "/films/Made Up Hotel"
        recorder = Recorder(folder)
        recorder.fail_from, recorder.fail_until = number, sys.maxsize
        with recorder.watching():
            try:
                desk.take(8, 7, 4, 3)
            except StorageError:
                assert len(recorder.calls) > number
        if len(recorder.calls) <= number:
            break
        for _ in range(2):
            desk = IntakeBench(folder)  # as after a crash
            desk.library.places["Made Up Hotel"] = "/films/Made Up Hotel"
            desk.take(8, 7, 4, 3)
        assert sorted(desk.held()) == [3, 4, 8], recorder.calls[number]
        assert desk.held(QueueName.FAILED) == []
        assert desk.held(QueueName.COMPLETED) == [7]
        number += 1
    assert number > 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'{"version": 1}',
        b'{"version":1,"username":5,"films":[],"absent":[],"left":[],"not_wanted":[]}',
        b'{"version":1,"username":"maria","films":{},"absent":[],"left":[],"not_wanted":[]}',
        b'{"version":1,"username":"maria","films":[5],"absent":[],"left":[],"not_wanted":[]}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_watchlist_file(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """It is kept aside and said once; nothing is concluded from it, and the queues stay as they are."""
    desk = IntakeBench(tmp_path)
    desk.take(2, 1)
    desk.complete(2)
    (tmp_path / "watchlist.json").write_bytes(content)
    desk = IntakeBench(tmp_path)
    assert desk.take(1).queued == 0
    assert caplog.text.count("was damaged") == 1
    [aside] = tmp_path.glob("watchlist.json.damaged-*")
    assert aside.read_bytes() == content
    assert aside.name in caplog.text
    assert (desk.held(), desk.held(QueueName.COMPLETED)) == ([1], [2])
    assert json.loads((tmp_path / "watchlist.json").read_bytes())["username"] == "maria"


def test_nobody_looks_at_the_file_while_another_takes_a_reading_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store remembers the damage that it read until it writes, so both threads' looks take turns."""
    desk = IntakeBench(tmp_path)
    load, looks = desk.store.load, []

    def watched(**like: tuple[Movie, ...]) -> object:
        looks.append(desk.intake.lock.locked())
        return load(**like)

    monkeypatch.setattr(desk.store, "load", watched)
    desk.take(1, 2)
    desk.intake.take_again()
    desk.intake.take_export(reading(3))
    assert looks
    assert all(looks)


def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    """It is put aside like a damaged file."""
    (tmp_path / "watchlist.json").mkdir()
    assert IntakeBench(tmp_path).take(1).queued == 1
    assert (tmp_path / "watchlist.json").is_file()


def test_looking_on_changes_nothing(tmp_path: Path) -> None:
    """A store that may not write leaves a damaged file alone and saves nothing."""
    path = tmp_path / "watchlist.json"
    path.write_bytes(b"{")
    store = WatchlistStore(path, FakeClock(), writable=False)
    assert store.load() is None
    assert path.read_bytes() == b"{"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_remembered_survives_a_restart(tmp_path: Path) -> None:
    """Everything that a reading concludes from stands in the file, odd titles included; mode 0600."""
    desk = IntakeBench(tmp_path, 1)
    desk.take(4, 3, 2)
    desk.take(3, 2)
    odd = Movie("K5", "", "\ud800 \x1b[31m \u202e\n\u201c\u00e4", None)
    desk.intake.take(WatchlistSnapshot("maria", (odd, film(2))))
    memory = desk.store.load()
    assert memory is not None
    assert memory == WatchlistStore(tmp_path / "watchlist.json", FakeClock(datetime.now(UTC))).load()
    assert (memory.owner, len(memory.movies), len(memory.absent), len(memory.left)) == ("maria", 2, 1, 1)
    assert memory.not_wanted
    assert (tmp_path / "watchlist.json").stat().st_mode & 0o777 == 0o600


_FILMS = st.lists(st.integers(0, 5), unique=True)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), _FILMS),
        st.tuples(st.just("export"), _FILMS),
        st.tuples(st.just("again"), st.just([])),
        st.tuples(st.just("anna"), _FILMS),
        st.tuples(st.just("complete"), st.lists(st.integers(0, 5), max_size=1)),
        st.tuples(st.just("fail"), st.lists(st.integers(0, 5), max_size=1)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 5), max_size=1)),
        st.tuples(st.just("lose"), st.lists(st.integers(0, 5), max_size=1)),
        st.tuples(st.just("restart"), st.just([])),
    ),
    max_size=12,
)


def _do(desk: IntakeBench, step: str, numbers: list[int]) -> None:
    """Take one step of a random history."""
    readings = {"take": "maria", "anna": "anna"}
    if step in readings:
        desk.take(*numbers, owner=readings[step])
    elif step == "export":
        desk.intake.take_export(reading(*numbers))
    elif step == "again":
        desk.intake.take_again()
    for number in numbers:
        if step == "complete" and number in desk.held():
            desk.complete(number)
        elif step == "fail":
            desk.fail(number)
        elif step == "remove":
            desk.queues.remove([film(number).slug])
        elif step == "lose":
            desk.queues.drop_unlisted([film(number)])


@settings(
    deadline=None,
    max_examples=2 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS, first_run=st.sampled_from(["all", "new", 2]))
def test_no_wish_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]], first_run: FirstRun
) -> None:
    """After any reading, a listed film that was asked for is in exactly one queue or was removed."""
    folder = tmp_path_factory.mktemp("property")
    desk = IntakeBench(folder, first_run)
    for step, numbers in [*steps, ("take", [0, 1, 2])]:
        if step == "restart":
            desk = IntakeBench(folder, first_run)
        _do(desk, step, numbers)
        places = [number for queue in QueueName for number in desk.held(queue)]
        assert len(places) == len(set(places))
        if step in {"take", "anna", "export"}:
            memory = desk.store.load()
            assert memory is not None
            for number in numbers:
                assert number in places or not memory.not_wanted.isdisjoint(film(number).keys())


def test_a_row_that_cannot_be_read_takes_no_film_out(desk: IntakeBench) -> None:
    """However often a file with an odd row is read, the films that it does not name stay where they are."""
    desk.take(2, 1)
    for _ in range(3):
        desk.intake.take(replace(reading(1), unread=("line 3 (Film 2)",)))
    assert desk.held() == [2, 1]
    desk.take(1)
    assert desk.take(1).dropped == 1
