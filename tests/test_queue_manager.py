"""The queues as the workers, the commands and a text editor meet them."""

import errno
import gc
import json
import logging
import os
import stat
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.crash_disk import Recorder, read_tree, write_tree
from house.fakes import FakeClock
from house.films import choice, film

from movie_sync.domain.models import Movie, QueueName, Reason
from movie_sync.errors import StorageError
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage, TorrentProgress
from movie_sync.storage.atomic_file import previous_of

PENDING, FAILED, COMPLETED, REMOVED = QueueName
HOUR = timedelta(hours=1)


def where(queues: QueueManager) -> dict[str, list[str]]:
    """Return the slugs in each queue that is not empty, in order."""
    places = {str(name): [entry.movie.slug for entry in queues.entries(name)] for name in QueueName}
    return {name: slugs for name, slugs in places.items() if slugs}


def on_disk(folder: Path) -> dict[str, list[str]]:
    """Return the same from the files themselves."""
    return where(QueueManager(folder, writable=False))


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def queues(tmp_path: Path, clock: FakeClock) -> QueueManager:
    """Return empty queues in a folder of their own."""
    return QueueManager(tmp_path, clock=clock)


@pytest.fixture
def filled(queues: QueueManager, clock: FakeClock) -> QueueManager:
    """Return queues with a few films in each."""
    queues.add_all_to_pending([film(name) for name in ("p1", "p2", "p3", "f1", "f2", "c1", "c2", "r1")])
    queues.add_to_failed(film("f1"), "no release", clock.now() + HOUR, waits_for_release=True)
    queues.add_to_failed(film("f2"), "a series", None)
    queues.add_to_completed(film("c1"), choice=choice("c1", 7))
    queues.add_to_completed(film("c2"), Reason.ALREADY_DOWNLOADED, where="/films/c2")
    queues.remove(["r1"])
    return queues


FILLED = {"pending": ["p1", "p2", "p3"], "failed": ["f1", "f2"], "completed": ["c1", "c2"], "removed": ["r1"]}

Act = Callable[[QueueManager], object]


@pytest.mark.parametrize(
    ("act", "answer", "changes"),
    [
        (lambda q: q.add_all_to_pending([film("n")]), 1, {"pending": ["p1", "p2", "p3", "n"]}),
        (lambda q: q.add_all_to_pending([film("p2")]), 0, {}),
        (lambda q: q.add_all_to_pending([film("f1")]), 0, {}),
        (lambda q: q.add_all_to_pending([film("c1")]), 0, {}),
        (lambda q: q.add_all_to_pending([film("r1")]), 0, {}),
        (
            lambda q: [m.slug for m in q.add_by_command([film("r1")])],
            ["r1"],
            {"pending": ["p1", "p2", "p3", "r1"], "removed": []},
        ),
        (
            lambda q: [m.slug for m in q.add_by_command([film("f2")])],
            ["f2"],
            {"pending": ["p1", "p2", "p3", "f2"], "failed": ["f1"]},
        ),
        (
            lambda q: [m.slug for m in q.add_by_command([film("c1")])],
            ["c1"],
            {"pending": ["p1", "p2", "p3", "c1"], "completed": ["c2"]},
        ),
        (lambda q: [m.slug for m in q.add_by_command([film("p1")])], [], {}),
        (
            lambda q: q.add_all_to_pending([film("n"), film("p1"), film("n"), film("m")]),
            2,
            {"pending": ["p1", "p2", "p3", "n", "m"]},
        ),
        (lambda q: q.add_all_to_pending([]), 0, {}),
        (lambda q: q.add_all_to_pending([film("c1"), film("f1"), film("r1")]), 0, {}),
        (
            lambda q: q.add_all_to_pending([film("c1"), film("f1"), film("r1")], again=True),
            1,
            {"pending": ["p1", "p2", "p3", "c1"], "completed": ["c2"]},
        ),
        (lambda q: [m.slug for m in q.missing([film("n"), film("p1"), film("r1")])], ["n"], {}),
        (lambda q: q.note_choice(film("p2"), choice("p2")), True, {}),
        (lambda q: q.note_choice(film("f1"), choice("f1")), False, {}),
        (lambda q: q.note_film(film("p2"), film("p2", imdb_id="tt2")), True, {}),
        (lambda q: q.note_film(film("n"), film("n")), False, {}),
        (
            lambda q: q.add_to_completed(film("p2")),
            True,
            {"pending": ["p1", "p3"], "completed": ["c1", "c2", "p2"]},
        ),
        (
            lambda q: q.add_to_completed(film("f1")),
            True,
            {"failed": ["f2"], "completed": ["c1", "c2", "f1"]},
        ),
        (lambda q: q.add_to_completed(film("n")), True, {"completed": ["c1", "c2", "n"]}),
        (lambda q: q.add_to_completed(film("c1")), True, {"completed": ["c2", "c1"]}),
        (lambda q: q.add_to_completed(film("r1")), False, {}),
        (
            lambda q: q.add_all_to_completed([(film("n"), "/n"), (film("p1"), "/p"), (film("n"), "/o")]),
            1,
            {"completed": ["c1", "c2", "n"]},
        ),
        (
            lambda q: q.add_to_failed(film("p1"), "gone", None),
            True,
            {"pending": ["p2", "p3"], "failed": ["f1", "f2", "p1"]},
        ),
        (lambda q: q.add_to_failed(film("f1"), "gone", None), False, {}),
        (lambda q: q.add_to_failed(film("n"), "gone", None), False, {}),
        (
            lambda q: [m.slug for m in q.move_all_failed_to_pending([film("f1")])],
            ["f1"],
            {"pending": ["p1", "p2", "p3", "f1"], "failed": ["f2"]},
        ),
        (lambda q: [m.slug for m in q.move_all_failed_to_pending([film("p1")])], [], {}),
        (
            lambda q: [m.slug for m in q.retry(None)],
            ["f1", "f2"],
            {"pending": ["p1", "p2", "p3", "f1", "f2"], "failed": []},
        ),
        (
            lambda q: [m.slug for m in q.retry(["f2", "id-f2", "p1", "n"])],
            ["f2"],
            {"pending": ["p1", "p2", "p3", "f2"], "failed": ["f1"]},
        ),
        (
            lambda q: [m.slug for m in q.remove(["id-p2", "f1", "c1", "r1", "n"])],
            ["p2", "f1", "c1"],
            {
                "pending": ["p1", "p3"],
                "failed": ["f2"],
                "completed": ["c2"],
                "removed": ["r1", "p2", "f1", "c1"],
            },
        ),
        (
            lambda q: [m.slug for m in q.drop_unlisted([film("p3"), film("f1"), film("c1"), film("n")])],
            ["p3", "f1"],
            {"pending": ["p1", "p2"], "failed": ["f2"]},
        ),
    ],
)
def test_each_operation_puts_films_where_they_belong(
    filled: QueueManager, tmp_path: Path, act: Act, answer: object, changes: dict[str, list[str]]
) -> None:
    """Each operation answers, moves what it should and nothing else, in memory as on the disk."""
    assert where(filled) == FILLED
    assert act(filled) == answer
    expected = {name: slugs for name, slugs in {**FILLED, **changes}.items() if slugs}
    assert where(filled) == expected
    assert on_disk(tmp_path) == expected


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ("queue", lambda q: q.add_all_to_pending([film(f"n{number}") for number in range(50)])),
        ("note", lambda q: q.note_choice(film("p1"), choice("p1"))),
    ],
)
def test_a_whole_watchlist_is_one_write(
    filled: QueueManager, tmp_path: Path, operation: str, act: Act
) -> None:
    """However many films there are, the file is replaced once."""
    recorder = Recorder(tmp_path)
    with recorder.watching():
        act(filled)
    assert [call.name for call in recorder.calls].count("replace") == 1, operation


def test_the_film_in_hand_stays_pending_until_its_outcome_is_written(filled: QueueManager) -> None:
    """The oldest film is handed out again and again until it is completed or failed."""
    for _ in range(2):
        entry = filled.get_next_pending()
        assert entry is not None
        assert entry.movie == film("p1")
    filled.note_choice(entry.movie, choice("p1"))
    again = filled.get_next_pending()
    assert again is not None
    assert again.choice == choice("p1")
    filled.add_to_completed(entry.movie)
    assert filled.get_next_pending().movie == film("p2")


def test_an_empty_queue_hands_out_nothing(queues: QueueManager) -> None:
    """Nothing pending is a value, not an error."""
    assert queues.get_next_pending() is None
    assert queues.seconds_to_next_retry() is None
    assert queues.find("n") is None
    assert queues.get_statistics() == {"pending": 0, "failed": 0, "completed": 0, "permanent_failures": 0}


def test_the_statistics_count_permanent_failures_among_the_failed(filled: QueueManager) -> None:
    """`failed` counts the whole queue; removed films count nowhere."""
    assert filled.get_statistics() == {"pending": 3, "failed": 2, "completed": 2, "permanent_failures": 1}


def test_a_film_is_found_by_slug_or_id_wherever_it_is(filled: QueueManager) -> None:
    """Commands name films either way, removed ones included."""
    for name, slugs in FILLED.items():
        for slug in slugs:
            for text in (slug, f"id-{slug}"):
                found = filled.find(text)
                assert found is not None
                assert (str(found[0]), found[1].movie.slug) == (name, slug)


def test_what_the_files_hold_is_what_scripts_rely_on(filled: QueueManager, tmp_path: Path) -> None:
    """Each kind of entry has the keys that are promised, one film a line, mode 0600."""
    promised = {
        "pending": {"id", "slug", "title", "year", "url", "imdb_id", "added_at"},
        "failed": {"error", "retry_count", "retry_at"},
        "completed": {"completed_at", "reason"},
        "removed": set(),
    }
    for name, keys in promised.items():
        path = tmp_path / f"queue_{name}.json"
        entries = json.loads(path.read_bytes())
        assert len(path.read_bytes().splitlines()) == len(entries) + 2
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for entry in entries:
            assert entry.keys() >= promised["pending"] | keys
    completed = json.loads((tmp_path / "queue_completed.json").read_bytes())
    assert completed[0]["reason"] == "downloaded"
    assert (completed[0]["release"], completed[0]["filelist_id"]) == (
        choice("c1", 7).release,
        choice("c1", 7).id.number,
    )
    assert (completed[1]["reason"], completed[1]["where"]) == ("already downloaded", "/films/c2")


# --- failures and retries -------------------------------------------------------------------


def test_failures_are_counted_only_when_they_are_the_films_own(queues: QueueManager) -> None:
    """A failure counts, an outage does not, and `retry` forgets them all."""
    queues.add_all_to_pending([film("a")])
    for counts, expected in ((True, 1), (False, 1), (True, 2)):
        queues.add_to_failed(film("a"), "why", datetime(2026, 11, 2, tzinfo=UTC), counts=counts)
        assert [entry.retry_count for entry in queues.entries(FAILED)] == [expected]
        queues.move_all_failed_to_pending([film("a")])
    assert queues.entries(PENDING)[0].retry_count == 2
    queues.add_to_failed(film("a"), "why", None)
    queues.retry(["a"])
    entry = queues.entries(PENDING)[0]
    assert (entry.retry_count, entry.error, entry.retry_at) == (0, None, None)


def test_films_are_ready_when_their_time_has_come(queues: QueueManager, clock: FakeClock) -> None:
    """Longest due first; permanent ones and those without attempts left never."""
    queues.add_all_to_pending([film(name) for name in "abcd"])
    for name, hours in (("a", 2), ("b", 1), ("c", 3), ("d", None)):
        at = None if hours is None else clock.now() + hours * HOUR
        queues.add_to_failed(film(name), "why", at)
    assert queues.get_movies_ready_for_retry(5) == []
    assert queues.seconds_to_next_retry() == 3600
    clock.advance(2 * 3600)
    assert [movie.slug for movie in queues.get_movies_ready_for_retry(5)] == ["b", "a"]
    assert queues.get_movies_ready_for_retry(1) == []
    assert queues.seconds_to_next_retry() == 0


def test_a_time_that_a_wrong_clock_stored_is_brought_back(
    queues: QueueManager, clock: FakeClock, tmp_path: Path
) -> None:
    """A retry centuries away falls due within a week, also after a restart."""
    queues.add_all_to_pending([film("a")])
    queues.add_to_failed(film("a"), "why", clock.now() + timedelta(days=100_000))
    assert queues.get_movies_ready_for_retry(5) == []
    assert queues.seconds_to_next_retry() == 7 * 24 * 3600
    clock.advance(7 * 24 * 3600)
    again = QueueManager(tmp_path, clock=clock)
    assert [movie.slug for movie in again.get_movies_ready_for_retry(5)] == ["a"]


def test_a_full_disk_does_not_hide_what_is_due(
    queues: QueueManager, clock: FakeClock, tmp_path: Path
) -> None:
    """A time that cannot be mended now leaves the other films' retries alone."""
    queues.add_all_to_pending([film("a"), film("b")])
    queues.add_to_failed(film("a"), "why", clock.now() + timedelta(days=100_000))
    queues.add_to_failed(film("b"), "why", clock.now())
    recorder = Recorder(tmp_path)
    recorder.fail_from, recorder.fail_until = 0, 100
    with recorder.watching():
        assert [movie.slug for movie in queues.get_movies_ready_for_retry(5)] == ["b"]
    assert recorder.calls


def test_films_added_by_command_stay_when_the_list_drops_them(queues: QueueManager) -> None:
    """What the user asked for by name is no wish of the watchlist's."""
    queues.add_by_command([film("a")])
    queues.add_to_failed(film("a"), "why", None)
    assert queues.drop_unlisted([film("a")]) == []
    assert where(queues) == {"failed": ["a"]}


def test_a_command_that_names_a_known_film_keeps_what_is_known(queues: QueueManager) -> None:
    """`add` of a completed film by its bare slug keeps its title, its keys and the user's notes."""
    queues.add_all_to_pending([film("a", imdb_id="tt1")])
    queues.add_to_completed(film("a", imdb_id="tt1"))
    queues.add_by_command([Movie(id="a", slug="a", title="a")])
    entry = queues.entries(PENDING)[0]
    assert entry.movie == film("a", imdb_id="tt1")
    assert entry.by_command
    assert entry.choice is None


def test_films_of_one_command_are_one_write_whole_or_not_at_all(queues: QueueManager, tmp_path: Path) -> None:
    """Wherever they stood, and also if one is named twice; refused by a full disk, none is queued."""
    queues.add_all_to_pending([film("p"), film("f"), film("c"), film("r")])
    queues.add_to_failed(film("f"), "why", None)
    queues.add_to_completed(film("c"))
    queues.remove(["r"])
    before = where(queues)
    asked_for = [film(slug) for slug in ("p", "f", "c", "r", "n", "n")]
    recorder = Recorder(tmp_path)
    recorder.fail_from, recorder.fail_until = 0, 1_000
    with recorder.watching(), pytest.raises(StorageError):
        queues.add_by_command(asked_for)
    assert where(queues) == where(QueueManager(tmp_path)) == before
    recorder = Recorder(tmp_path)
    with recorder.watching():
        added = queues.add_by_command(asked_for)
    assert [movie.slug for movie in added] == ["f", "c", "r", "n"]
    renamed = [call.path for call in recorder.calls if call.name == "replace"]
    assert renamed.count("queue_pending.json.tmp") + renamed.count("queue_pending.json") == 1
    assert where(queues) == where(QueueManager(tmp_path)) == {"pending": ["p", "f", "c", "r", "n"]}


def test_a_film_dropped_while_in_hand_is_still_recorded(queues: QueueManager) -> None:
    """It was handed over, so it is completed; had it failed, there would be nothing to say."""
    queues.add_all_to_pending([film("a")])
    queues.drop_unlisted([film("a")])
    assert not queues.add_to_failed(film("a"), "why", None)
    assert queues.add_to_completed(film("a"), choice=choice("a"))
    assert where(queues) == {"completed": ["a"]}


def test_a_search_besides_the_schedule_keeps_what_the_film_waits_for(
    filled: QueueManager, tmp_path: Path, clock: FakeClock
) -> None:
    """Also after a restart it is known that the film waits for a release, and when it is due."""
    assert filled.look_again([film("f1"), film("p1")]) == [film("f1")]
    for queues in (filled, QueueManager(tmp_path, clock=clock)):
        entry = queues.find("f1")[1]
        assert (entry.is_extra_look, entry.waits_for_release) == (True, True)
        assert entry.retry_at == clock.now() + HOUR


@pytest.mark.parametrize("queue", ["pending", "failed"])
def test_a_completed_film_put_back_by_hand_is_not_followed(
    queues: QueueManager, tmp_path: Path, clock: FakeClock, queue: str
) -> None:
    """What stands with it of its torrent's way counts no more, at once and after a restart."""
    queues.add_to_completed(
        film("a"), choice=choice("a"), follow=TorrentProgress(Stage.DOWNLOADING, clock.now())
    )
    (tmp_path / "queue_completed.json").rename(tmp_path / f"queue_{queue}.json")
    previous_of(tmp_path / "queue_completed.json").unlink()
    for _ in range(2):
        again = QueueManager(tmp_path, clock=clock)
        assert where(again) == {queue: ["a"]}
        entry = again.find("a")[1]
        assert (entry.follow, entry.completed_at, entry.choice) == (None, None, choice("a"))
        assert again.followed() == []
        assert "stage" not in (tmp_path / f"queue_{queue}.json").read_text()


# --- one film under several names -----------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        (film("a", id="K"), film("b", id="K")),
        (film("a", id="K"), film("a", id="L")),
        (film("a", imdb_id="tt1"), film("b", imdb_id="tt1", title="A")),
        (film("a", imdb_id="tt1"), replace(film("b", imdb_id="tt1", title="The A"), year=None)),
        (Movie(id="tt1", slug="", title="tt1", imdb_id="tt1"), film("b", imdb_id="tt1")),
        (Movie(id="a", slug="a", title="A"), film("a", id="K")),
        (Movie(id="K", slug="", title="A"), film("a", id="K")),
    ],
    ids=[
        "slug changed",
        "key changed",
        "same IMDb id",
        "year unknown",
        "known by IMDb",
        "known by slug",
        "known by key",
    ],
)
def test_two_entries_are_one_film_when_one_key_agrees(
    queues: QueueManager, held: Movie, asked: Movie
) -> None:
    """Slugs change, exports know no slugs: any agreeing key makes it the same film."""
    queues.add_all_to_pending([held])
    assert not queues.add_all_to_pending([asked])
    assert not queues.missing([asked])
    assert queues.add_to_completed(asked)
    assert where(queues) == {"completed": [asked.slug]}


@pytest.mark.parametrize(
    "other",
    [film("b", imdb_id="tt1"), replace(film("b", imdb_id="tt1", title="A"), year=2000)],
    ids=["another title", "another year"],
)
def test_an_id_that_letterboxd_gave_to_two_films_does_not_make_them_one(
    queues: QueueManager, tmp_path: Path, other: Movie
) -> None:
    """Each keeps its own entry, by whichever queue it goes; also after a restart."""
    one = film("a", imdb_id="tt1")
    assert queues.add_all_to_pending([one, replace(other, imdb_id=None)]) == 2
    assert queues.note_film(replace(other, imdb_id=None), other)
    assert where(queues) == {"pending": ["a", "b"]} == on_disk(tmp_path)
    assert queues.add_to_completed(one, choice=choice("a"))
    assert queues.note_choice(other, choice("b"))
    assert queues.add_to_failed(other, "why", None)
    assert where(queues) == {"failed": ["b"], "completed": ["a"]} == on_disk(tmp_path)
    # What IMDb alone names is either of them; nothing is lost by it.
    assert not queues.add_all_to_pending([Movie(id="tt1", slug="", title="tt1", imdb_id="tt1")])
    assert where(queues) == {"failed": ["b"], "completed": ["a"]} == on_disk(tmp_path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (film("dune", id="K"), Movie(id="dune", slug="", title="Dune")),
        (film("dune", id="K"), film("K", id="L")),
        (film("tt1"), film("x", imdb_id="tt1")),
    ],
)
def test_keys_of_different_kinds_never_agree(queues: QueueManager, one: Movie, other: Movie) -> None:
    """One film's slug may be another's id."""
    assert queues.add_all_to_pending([one, other]) == 2


def test_a_slug_that_a_page_renames_is_noted(queues: QueueManager) -> None:
    """A film added by an old slug goes on under the keys that its page tells."""
    old, new = Movie(id="old", slug="old", title="old"), film("new", id="K", imdb_id="tt1")
    queues.add_by_command([old])
    assert queues.note_film(old, new)
    assert queues.note_choice(new, choice("new"))
    assert queues.add_to_failed(new, "why", None)
    assert where(queues) == {"failed": ["new"]}


@pytest.mark.parametrize("settled", [COMPLETED, REMOVED])
@pytest.mark.parametrize(
    "act",
    [
        lambda q, movie: q.note_film(film("b", title="A"), movie),
        lambda q, movie: q.note_choice(movie, choice("b")),
        lambda q, movie: q.add_to_failed(movie, "why", None),
    ],
    ids=["note_film", "note_choice", "add_to_failed"],
)
def test_a_film_that_turns_out_to_be_settled_is_not_worked_on(
    queues: QueueManager, act: Callable[[QueueManager, Movie], bool], settled: QueueName
) -> None:
    """Letterboxd merged two entries: the film under its new name is the one done with before."""
    queues.add_to_completed(film("a", imdb_id="tt1"), choice=choice("a"))
    if settled is REMOVED:
        queues.remove(["a"])
    queues.add_all_to_pending([film("b", title="A")])
    assert not act(queues, film("b", imdb_id="tt1", title="A"))
    assert where(queues) == {str(settled): ["b"]}
    assert queues.entries(settled)[0].choice == choice("a")
    assert not queues.add_all_to_pending([film("b", title="A")])


def test_a_renamed_film_that_is_settled_leaves_pending_too(queues: QueueManager) -> None:
    """Also under the old name, by which alone pending knows it."""
    queues.add_to_completed(film("new", id="K"))
    old = Movie(id="old", slug="old", title="old")
    queues.add_all_to_pending([old])
    assert not queues.note_film(old, film("new", id="K"))
    assert where(queues) == {"completed": ["new"]}


# --- threads --------------------------------------------------------------------------------


def test_work_ends_the_wait_at_once(queues: QueueManager) -> None:
    """A waiting worker goes on as soon as a film is queued, by whatever way, or it is woken."""
    queues.add_all_to_pending([film("f")])
    queues.add_to_failed(film("f"), "why", None)
    queues.wait_for_work(0)
    acts: list[Callable[[], object]] = [
        lambda: queues.add_all_to_pending([film("a")]),
        lambda: queues.add_by_command([film("b")]),
        lambda: queues.retry(None),
        queues.wake,
    ]
    for act in acts:
        waiter = threading.Thread(target=queues.wait_for_work, args=(60,))
        waiter.start()
        act()
        waiter.join(5)
        assert not waiter.is_alive()


def test_two_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    """One thread queues and drops while another completes and fails; the files agree in the end."""
    queues = QueueManager(tmp_path)
    done = threading.Event()

    def work() -> None:
        while not (done.is_set() and queues.get_next_pending() is None):
            entry = queues.get_next_pending()
            if entry is None:
                queues.wait_for_work(0.01)
            elif entry.movie.slug.endswith("7"):
                queues.add_to_failed(entry.movie, "why", None)
            else:
                queues.note_choice(entry.movie, choice(entry.movie.slug))
                queues.add_to_completed(entry.movie)

    worker = threading.Thread(target=work)
    worker.start()
    for number in range(0, 60, 2):
        queues.add_all_to_pending([film(f"m{number}"), film(f"m{number + 1}")])
        queues.get_statistics()
        queues.missing([film(f"m{number}")])
    done.set()
    worker.join(30)
    assert not worker.is_alive()
    failed = {f"m{number}" for number in range(60) if number % 10 == 7}
    assert set(where(queues)["failed"]) == failed
    assert set(where(queues)["completed"]) == {f"m{number}" for number in range(60)} - failed
    assert on_disk(tmp_path) == where(queues)


# --- restarts and edits by hand -------------------------------------------------------------


def test_a_restart_changes_nothing(filled: QueueManager, tmp_path: Path, clock: FakeClock) -> None:
    """Loading writes nothing, and every entry is as it was."""
    before = {name: filled.entries(name) for name in QueueName}
    recorder = Recorder(tmp_path)
    with recorder.watching():
        again = QueueManager(tmp_path, clock=clock)
    assert recorder.calls == []
    assert {name: again.entries(name) for name in QueueName} == before


def edit(path: Path, change: Callable[[list[dict[str, object]]], object], **layout: int) -> None:
    """Change a queue file as a user does."""
    films = json.loads(path.read_bytes())
    change(films)
    path.write_text(json.dumps(films, **layout), encoding="utf-8")


@pytest.mark.parametrize("indent", [None, 2])
def test_an_edit_by_hand_is_honoured(
    filled: QueueManager,
    tmp_path: Path,
    clock: FakeClock,
    indent: int | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Films added, dropped, reordered and annotated in any layout stay so, without a warning."""
    path = tmp_path / "queue_pending.json"
    path.chmod(0o644)

    def change(films: list[dict[str, object]]) -> None:
        films[0]["note"] = {"for": ["mum"]}
        films[:] = [{"slug": "by-hand"}, films[2], films[0]]

    edit(path, change, indent=indent)
    again = QueueManager(tmp_path, clock=clock)
    assert where(again)["pending"] == ["by-hand", "p3", "p1"]
    again.note_choice(film("p1"), choice("p1"))
    again.add_all_to_pending([film("n")])
    entry = QueueManager(tmp_path, clock=clock).entries(PENDING)[2]
    assert entry.extra == {"note": {"for": ["mum"]}}
    assert entry.choice == choice("p1")
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert "damaged" not in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"",
        b"[\n]",
        b'[{"slug": "a"}]',
        b'[\n{"slug": "a"},\n{"slug": "b"},\n]\n',
        b'[\n{"slug": "a"}\n{"slug": "b"}\n]\n',
        b'\xef\xbb\xbf[\r\n{"slug": "a"},\r\n{"slug": "b"}\r\n]\r\n',
        b'[\n{"slug": "a"},\n{"slug": "b"}\n]\n\n\n',
        b'[{"slug": "a", "x": {\n"slug": "c"}},\n{"slug": "b"}]',
    ],
    ids=[
        "empty",
        "nothing",
        "two lines",
        "one line",
        "comma",
        "no comma",
        "windows",
        "blank lines",
        "nested",
    ],
)
def test_a_careless_edit_is_understood(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Commas, line ends and layout are mended without a word; the file is clean JSON afterwards."""
    path = tmp_path / "queue_pending.json"
    path.write_bytes(content)
    slugs = [entry.movie.slug for entry in QueueManager(tmp_path).entries(PENDING)]
    assert slugs == [name for name in ("a", "b") if f'"slug": "{name}"'.encode() in content]
    assert [plain["slug"] for plain in json.loads(path.read_bytes())] == slugs
    assert bool(caplog.text) == (content == b"")


def test_a_deleted_file_is_an_emptied_queue(filled: QueueManager, tmp_path: Path, clock: FakeClock) -> None:
    """Who deletes a file wants the queue empty: the earlier generation is not asked."""
    (tmp_path / "queue_failed.json").unlink()
    assert previous_of(tmp_path / "queue_failed.json").exists()
    again = QueueManager(tmp_path, clock=clock)
    assert "failed" not in where(again)
    again.add_to_failed(film("p1"), "why", None)
    (tmp_path / "queue_failed.json").write_bytes(b"rubbish")
    assert "failed" not in where(QueueManager(tmp_path, clock=clock)) or where(again)["failed"] == ["p1"]


def test_a_film_found_twice_keeps_its_later_state(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Sequence decides between two queues and within one; without one the further state stays."""
    contents = {
        "pending": [
            {"slug": "a", "sequence": 5},
            {"slug": "b", "sequence": 9},
            {"slug": "c"},
            {"slug": "d", "sequence": 3, "note": "later"},
            {"slug": "d", "sequence": 2, "note": "earlier"},
        ],
        "failed": [{"slug": "a", "sequence": 4, "error": "x"}, {"slug": "c", "error": "x"}],
        "completed": [{"slug": "b", "sequence": 8}, {"slug": "c", "reason": "downloaded"}],
        "removed": [{"slug": "b", "sequence": 7}],
    }
    for name, films in contents.items():
        (tmp_path / f"queue_{name}.json").write_text(json.dumps(films), encoding="utf-8")
    expected = {"pending": ["a", "b", "d"], "completed": ["c"]}
    queues = QueueManager(tmp_path)
    assert where(queues) == expected
    assert queues.entries(PENDING)[2].extra == {"note": "later"}
    assert {
        path.name: [plain["slug"] for plain in json.loads(path.read_bytes())]
        for path in tmp_path.glob("*.json")
    } == {
        "queue_pending.json": ["a", "b", "d"],
        "queue_failed.json": [],
        "queue_completed.json": ["c"],
        "queue_removed.json": [],
    }
    assert caplog.text == ""
    queues.add_to_failed(film("a"), "later", None)
    assert queues.entries(FAILED)[0].sequence > 9


# --- looking on -----------------------------------------------------------------------------


def test_a_reader_touches_nothing(filled: QueueManager, tmp_path: Path) -> None:
    """With `writable=False` even damage and leftovers stay as they are, whatever is changed in memory."""
    (tmp_path / "queue_failed.json").write_bytes(b"rubbish")
    (tmp_path / "queue_pending.json.tmp").write_bytes(b"half")
    (tmp_path / "queue_completed.json").chmod(0o644)
    before = {path.name: (path.read_bytes(), path.stat().st_mode) for path in tmp_path.iterdir()}
    recorder = Recorder(tmp_path)
    with recorder.watching():
        reader = QueueManager(tmp_path, writable=False)
        reader.add_all_to_pending([film("n")])
        reader.add_to_completed(film("n"))
        reader.remove(["p1"])
    assert recorder.calls == []
    assert {path.name: (path.read_bytes(), path.stat().st_mode) for path in tmp_path.iterdir()} == before
    assert where(reader)["completed"] == ["c1", "c2", "n"]


def test_a_reader_never_misses_a_film_that_moves(tmp_path: Path) -> None:
    """Beside a busy writer each look finds every film in exactly one queue."""
    queues = QueueManager(tmp_path)
    names = [f"m{number}" for number in range(20)]
    queues.add_all_to_pending([film(name) for name in names])
    stop = threading.Event()

    def move() -> None:
        while not stop.is_set():
            queues.add_to_failed(film("m3"), "why", None)
            queues.move_all_failed_to_pending([film("m3")])

    mover = threading.Thread(target=move)
    mover.start()
    try:
        for _ in range(50):
            assert sorted(sum(on_disk(tmp_path).values(), [])) == sorted(names)
    finally:
        stop.set()
        mover.join(10)


# --- damage ---------------------------------------------------------------------------------


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _make_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut at a line": lambda path: path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:2]) + b"\n"),
    "beginning gone": lambda path: path.write_bytes(path.read_bytes()[40:]),
    "emptied": lambda path: path.write_bytes(b""),
    "zeroes": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "rubbish": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "a broken middle": lambda path: path.write_bytes(
        path.read_bytes()[:60] + b"\xff" + path.read_bytes()[61:]
    ),
    "another shape": lambda path: path.write_bytes(b'{"version": 2, "films": []}'),
    "odd entries": lambda path: edit(path, lambda films: films.extend([7, None, [], {"title": "x"}])),
    "nesting": lambda path: path.write_bytes(b"[" * 200_000),
    "a folder": _make_folder,
    "unreadable": _make_loop,
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("queue", ["pending", "failed", "completed", "removed"])
def test_damage_loses_no_film_and_is_kept_aside(
    filled: QueueManager,
    tmp_path: Path,
    clock: FakeClock,
    queue: str,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Good entries and the earlier generation fill the queue; the damaged file is kept and said once."""
    path = tmp_path / f"queue_{queue}.json"
    filled.add_by_command([film("x1")])  # each file has an earlier generation that holds
    filled.add_to_failed(film("x1"), "why", None)  # all its films
    filled.add_to_completed(film("x1"))
    filled.remove(["x1"])
    filled.add_by_command([film("x1")])
    filled.add_to_failed(film("x1"), "why", None)
    expected = {name: set(slugs) for name, slugs in where(filled).items()}
    assert expected["failed"] == {"f1", "f2", "x1"}
    if queue == "failed":  # its last write added x1, which the generation before cannot know
        filled.note_choice(film("p1"), choice("p1"))
        filled.move_all_failed_to_pending([film("x1")])
        expected = {name: set(slugs) for name, slugs in where(filled).items()}
    DAMAGES[damage](path)
    content = path.read_bytes() if path.is_file() else None
    again = QueueManager(tmp_path, clock=clock)
    assert {name: set(slugs) for name, slugs in where(again).items()} == expected
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.name == f"{path.name}.damaged-20261101T120000Z"
    assert content is None or aside.read_bytes() == content
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert str(path) in warnings[0]
    assert aside.name in warnings[0]
    json.loads(path.read_bytes())
    caplog.clear()
    assert where(QueueManager(tmp_path, clock=clock)) == where(again)
    assert caplog.text == ""


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("queue", ["pending", "failed", "completed", "removed"])
def test_damage_to_a_file_that_was_written_once(
    queues: QueueManager, tmp_path: Path, clock: FakeClock, queue: str, damage: str
) -> None:
    """There is a second copy from the first write on, and it is another file."""
    queues.add_by_command([film("a")])
    if queue == "failed":
        queues.add_to_failed(film("a"), "why", None)
    elif queue == "completed":
        queues.add_to_completed(film("a"))
    elif queue == "removed":
        queues.remove(["a"])
    DAMAGES[damage](tmp_path / f"queue_{queue}.json")
    again = QueueManager(tmp_path, clock=clock)
    assert where(again) == {queue: ["a"]}
    assert not again.add_all_to_pending([film("a")])


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_last_removal_outlives_damage(
    queues: QueueManager, tmp_path: Path, clock: FakeClock, damage: str
) -> None:
    """Nobody repeats it: what was removed last must not be fetched because its file was damaged."""
    queues.add_all_to_pending([film("a"), film("b")])
    queues.remove(["a"])
    queues.remove(["b"])
    DAMAGES[damage](tmp_path / "queue_removed.json")
    again = QueueManager(tmp_path, clock=clock)
    assert {name: set(slugs) for name, slugs in where(again).items()} == {"removed": {"a", "b"}}


@pytest.mark.parametrize("queue", ["pending", "completed", "removed"])
def test_a_write_that_fails_costs_no_earlier_generation(
    filled: QueueManager, tmp_path: Path, clock: FakeClock, queue: str
) -> None:
    """A flush is refused, or the process dies there; then the file is damaged in place: nothing is lost."""
    filled.remove(["p3"])
    filled.add_to_completed(film("n1"))
    path = tmp_path / f"queue_{queue}.json"
    expected = {name: set(slugs) for name, slugs in where(filled).items()}
    recorder = Recorder(tmp_path)
    with recorder.watching():
        filled.remove(["p1"])
    refused = next(n for n, call in enumerate(recorder.calls) if call.name == "fsync")
    filled.add_by_command([film("p1")])
    failing = Recorder(tmp_path)
    failing.fail_from, failing.fail_until, failing.error = refused, 1000, errno.EIO
    for act in (lambda: filled.remove(["p1"]), lambda: filled.add_to_completed(film("p1"))):
        with failing.watching(), pytest.raises(StorageError):
            act()
    path.write_bytes(b"rubbish")
    found = {name: set(slugs) for name, slugs in where(QueueManager(tmp_path, clock=clock)).items()}
    # What a file's last write brought is not in the generation before; the watchlist brings it back.
    expected[queue] -= {"pending": {"p1"}, "completed": {"n1"}}.get(queue, set())
    assert found == expected


def test_the_queue_that_a_film_leaves_keeps_its_earlier_generation(
    filled: QueueManager, tmp_path: Path
) -> None:
    """What is written ahead of its turn keeps it too."""
    filled.add_to_completed(film("p1"))
    assert b'"slug": "p1"' in previous_of(tmp_path / "queue_pending.json").read_bytes()
    assert b'"slug": "p1"' not in (tmp_path / "queue_pending.json").read_bytes()


def test_what_could_not_be_taken_back_is_mended(
    filled: QueueManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change whose name cannot be flushed, nor taken back, stays on the disk until the next write."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    filled.add_all_to_pending([film("n0")])
    recorder = Recorder(tmp_path)
    with recorder.watching():
        filled.add_all_to_pending([film("n1")])
    flush = [call.path for call in recorder.calls].index(".")
    failing = Recorder(tmp_path)
    failing.fail_from, failing.fail_until = flush, flush + 2
    with failing.watching(), pytest.raises(StorageError):
        filled.add_all_to_pending([film("n2")])
    assert "n2" in on_disk(tmp_path)["pending"]
    assert "n2" not in where(filled)["pending"]
    filled.add_to_completed(film("c3"))
    assert on_disk(tmp_path) == where(filled)


@pytest.mark.parametrize("flush", range(5))
def test_damage_in_a_folder_that_cannot_be_flushed_loses_no_film(
    filled: QueueManager, tmp_path: Path, clock: FakeClock, flush: int
) -> None:
    """A folder stands in the file's place, which is renamed; whichever flush is refused, nothing is missing."""
    filled.remove(["p1"])
    filled.remove(["p2"])
    path = tmp_path / "queue_removed.json"
    path.unlink()
    path.mkdir()
    tree = read_tree(tmp_path)
    recorder = Recorder(tmp_path)
    with recorder.watching():
        QueueManager(tmp_path, clock=clock)
    place = [place for place, call in enumerate(recorder.calls) if call.name == "fsync"][flush]
    write_tree(tmp_path, tree)
    failing = Recorder(tmp_path)
    failing.fail_from, failing.fail_until = place, place + 1
    with failing.watching():
        QueueManager(tmp_path, clock=clock)
    again = QueueManager(tmp_path, clock=clock)
    assert {"p1", "p2"} <= set(where(again)["removed"])


def test_a_removal_that_is_lost_is_said_truly(
    queues: QueueManager, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """If both copies are damaged, the message says that the film would be fetched again, not that all is well."""
    queues.add_all_to_pending([film("a")])
    queues.remove(["a"])
    path = tmp_path / "queue_removed.json"
    for copy in (path, previous_of(path)):
        copy.write_bytes(b"rubbish")
    QueueManager(tmp_path, clock=clock)
    assert "may be fetched again" in caplog.text
    assert "remove them again" in caplog.text
    assert "comes back from your lists" not in caplog.text


def test_a_film_that_went_on_is_not_brought_back_by_an_earlier_generation(
    queues: QueueManager, tmp_path: Path, clock: FakeClock
) -> None:
    """The earlier pending file still holds the completed film; nothing is handed over twice."""
    queues.add_all_to_pending([film("a"), film("b")])
    queues.add_to_completed(film("a"))
    path = tmp_path / "queue_pending.json"
    assert b'"slug": "a"' in previous_of(path).read_bytes()
    path.write_bytes(b"rubbish")
    assert where(QueueManager(tmp_path, clock=clock)) == {"pending": ["b"], "completed": ["a"]}


def test_order_and_good_entries_survive_a_cut(queues: QueueManager, tmp_path: Path, clock: FakeClock) -> None:
    """What can be read comes first and as it is; what only the earlier generation knows follows."""
    names = [f"m{number:02}" for number in range(30)]
    queues.add_all_to_pending([film(name) for name in names])
    queues.note_choice(film("m01"), choice("m01"))
    path = tmp_path / "queue_pending.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = QueueManager(tmp_path, clock=clock)
    assert where(again)["pending"] == names
    assert again.entries(PENDING)[1].choice == choice("m01")


def test_damage_that_cannot_be_mended_yet_stays_in_place(
    filled: QueueManager, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """On a full disk the program starts with what it can read, touches nothing and mends later."""
    path = tmp_path / "queue_pending.json"
    path.write_bytes(b"rubbish")
    recorder = Recorder(tmp_path)
    recorder.fail_from, recorder.fail_until = 0, 100
    with recorder.watching():
        again = QueueManager(tmp_path, clock=clock)
    assert path.read_bytes() == b"rubbish"
    assert not list(tmp_path.glob("*.damaged-*"))
    assert "No space left" in caplog.text
    assert set(where(again)["pending"]) >= {"p1", "p2", "p3"}
    again.add_all_to_pending([film("n")])
    assert [aside.read_bytes() for aside in tmp_path.glob("*.damaged-*")] == [b"rubbish"]
    assert set(on_disk(tmp_path)["pending"]) >= {"p1", "p2", "p3", "n"}


def test_a_shortage_is_not_taken_for_damage(
    filled: QueueManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many open files says nothing about a file: the start fails and nothing is put aside."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Too many open files"):
        QueueManager(tmp_path)
    monkeypatch.undo()
    assert on_disk(tmp_path) == FILLED
    assert not list(tmp_path.glob("*.damaged-*"))


# --- saving and memory ----------------------------------------------------------------------


def test_a_leftover_that_cannot_be_written_is_written_later(
    filled: QueueManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The film counts as moved once its new queue is written; the old file follows with the next write."""
    in_the_way = tmp_path / "queue_pending.json.tmp"
    filled.add_to_completed(film("p1"))
    in_the_way.mkdir()
    assert filled.add_to_completed(film("p2"))
    assert where(filled)["pending"] == ["p3"]
    assert [p["slug"] for p in json.loads((tmp_path / "queue_pending.json").read_bytes())] == ["p2", "p3"]
    assert on_disk(tmp_path) == where(filled)
    assert caplog.text.count("Nothing is lost") == 1
    in_the_way.rmdir()
    filled.add_to_completed(film("n"))
    assert [p["slug"] for p in json.loads((tmp_path / "queue_pending.json").read_bytes())] == ["p3"]


def test_whatever_is_refused_of_the_queue_a_film_leaves_it_has_moved(
    filled: QueueManager, tmp_path: Path
) -> None:
    """Each call that writes the old file may fail once: the film stands in its new queue, in that one alone."""
    recorder = Recorder(tmp_path)
    with recorder.watching():
        filled.add_to_completed(film("p1"))
    for number, call in enumerate(recorder.calls):
        if not call.path.startswith("queue_pending"):
            continue
        filled.add_all_to_pending([film(f"again-{number}")])
        refusing = Recorder(tmp_path)
        with refusing.watching():
            refusing.fail_from, refusing.fail_until = number, number + 1
            assert filled.add_to_completed(film(f"again-{number}"))
        assert on_disk(tmp_path) == where(filled)
        assert where(filled)["pending"] == ["p2", "p3"]
        assert not list(tmp_path.glob("*.tmp"))


def test_a_leftover_does_not_come_back_when_the_film_is_dropped(
    filled: QueueManager, tmp_path: Path, clock: FakeClock
) -> None:
    """Before a film's last trace goes, the stale file that still names it is written."""
    recorder = Recorder(tmp_path)
    with recorder.watching():
        filled.add_to_failed(film("p1"), "why", None)
        first_write = [call.path for call in recorder.calls].index("queue_pending.json.tmp")
        recorder.fail_from = len(recorder.calls) + first_write
        recorder.fail_until = recorder.fail_from + 1
        filled.add_to_failed(film("p2"), "why", None)
    filled.drop_unlisted([film("p2")])
    assert "p2" not in sum(where(QueueManager(tmp_path, clock=clock)).values(), [])


def test_looking_on_needs_no_room_in_other_folders(
    filled: QueueManager, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run and an edit in another layout work where the folder for temporary files is full."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if hasattr(os, "memfd_create"):
        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    edit(tmp_path / "queue_pending.json", lambda films: films.reverse(), indent=2)
    reader = QueueManager(tmp_path, clock=clock, writable=False)
    reader.add_to_completed(film("p1"))
    assert where(reader)["pending"] == ["p3", "p2"]
    assert where(QueueManager(tmp_path, clock=clock))["pending"] == ["p3", "p2", "p1"]


def test_an_edit_while_it_runs_is_taken_up(
    filled: QueueManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who writes into a file in its place is heard; what an unfinished edit lacks comes from the second copy."""
    path = tmp_path / "queue_pending.json"
    content = path.read_bytes()
    edit(path, lambda films: films.pop(1))
    assert where(filled)["pending"] == ["p1", "p3"]
    filled.add_all_to_pending([film("n")])
    assert where(filled)["pending"] == on_disk(tmp_path)["pending"] == ["p1", "p3", "n"]
    assert not caplog.text
    path.write_bytes(content[: len(content) // 2])
    assert {"p1", "p3"} <= set(where(filled)["pending"])
    assert on_disk(tmp_path) == where(filled)
    assert "is damaged" in caplog.text


def test_a_disk_that_cannot_be_read_is_an_error_and_no_other_film(
    filled: QueueManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read again is said, neither skipped nor made up."""
    before = where(filled)
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    for act in (
        filled.get_next_pending,
        lambda: filled.entries(FAILED),
        lambda: filled.add_all_to_pending([film("n")]),
    ):
        with pytest.raises(StorageError, match="Couldn't read"):
            act()
    monkeypatch.undo()
    assert where(filled) == before


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files here")
def test_months_of_work_leave_no_growing_trace(tmp_path: Path, clock: FakeClock) -> None:
    """Films that come and go hundreds of times take no more memory and files than those that are there."""
    queues = QueueManager(tmp_path, clock=clock)
    queues.add_all_to_pending([film("a"), film("b"), film("c")])
    queues.add_to_completed(film("c"), choice=choice("c"), follow=TorrentProgress(Stage.ADDED, clock.now()))

    def work(times: int) -> tuple[int, int]:
        for number in range(times):
            queues.add_to_failed(film("a"), "why", clock.now())
            queues.move_all_failed_to_pending([film("a")])
            follow = TorrentProgress(Stage.DOWNLOADING, clock.now(), progress=number / times)
            queues.note_progress({choice("c").info_hash: follow})
        gc.collect()
        # Of the program alone: other threads of the test run may take something just then.
        traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*movie_sync*")])
        taken = sum(statistic.size for statistic in traces.statistics("filename"))
        return taken, len(list(Path("/proc/self/fd").iterdir()))

    tracemalloc.start()
    work(20)
    tracemalloc.stop()
    tracemalloc.start()
    try:
        before, files = work(20)
        after, files_then = work(100)
    finally:
        tracemalloc.stop()
    assert files_then == files
    assert after - before < 20_000
    assert where(queues) == {"pending": ["b", "a"], "completed": ["c"]} == on_disk(tmp_path)
