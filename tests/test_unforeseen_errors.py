"""Whatever an error is, the next film has its turn, and the film that met it waits."""

import itertools
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from house.fakes import FakeClock, FakeLibrary
from house.films import film, release_of
from house.workers import NO_FILMS, POLICY, Bench, MonitorBench, snapshot

from movie_sync.daemon.worker import Pause
from movie_sync.domain.events import Event
from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import FilmError, MovieSyncError, StorageError
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.manager import QueueManager
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.watchlist_store import WatchlistStore

_ERRORS = [
    ZeroDivisionError("a mistake"),
    KeyError("lid"),
    RecursionError("too deep"),
    OSError(5, "Input/output error"),
    MemoryError(),
    FilmError("of no kind that is known"),
]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker with seven films, of which the newest wish is K6."""
    bench = Bench(tmp_path)
    for number in range(7):
        bench.queues.add_all_to_pending([film(number)])
        bench.clock.advance(1)
    bench.offer(*(film(number) for number in range(7)))
    return bench


def _break_page(bench: Bench, film_ids: set[str], error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    read = bench.pages.read

    def read_but_some(movie: Movie) -> Movie:
        if movie.id in film_ids:
            bench.journal.append(f"fault {movie.id}")
            raise error
        return read(movie)

    monkeypatch.setattr(bench.pages, "read", read_but_some)


def _completed(bench: Bench) -> list[str]:
    return [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)]


@pytest.mark.parametrize("error", _ERRORS, ids=lambda error: type(error).__name__)
def test_the_films_behind_it_have_their_turn(
    bench: Bench, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Six films behind it are handed over one after the other, without a pause and without a traceback."""
    caplog.set_level(logging.INFO)
    _break_page(bench, {"K6"}, error, monkeypatch)
    for _ in range(7):
        assert bench.worker.step() is None
    assert _completed(bench) == ["K5", "K4", "K3", "K2", "K1", "K0"]
    assert bench.only_failed().movie.id == "K6"
    assert bench.worker.has_failed
    assert "Made Up Golf (1956)" in caplog.text
    assert not any(record.exc_info for record in caplog.records)


def test_the_film_waits_longer_each_time_also_over_restarts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1, 2, 4 ... hours, a week at most; it counts no failure, is never given up, and costs no more calls."""
    _break_page(bench, {"K6"}, ZeroDivisionError("a mistake"), monkeypatch)
    waits = []
    for _ in range(10):
        bench.start()
        while bench.worker.step() is None:
            pass
        entry = bench.only_failed()
        assert entry.retry_at is not None
        assert entry.retry_count == 0
        waits.append((entry.retry_at - bench.clock.now()) / timedelta(hours=1))
        bench.clock.advance(waits[-1] * 3600)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 168, 168]
    assert bench.journal.count("fault K6") == 10


def test_a_failure_of_its_own_ends_the_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the next unforeseen error waits an hour again; what an outage says does not end it."""
    with monkeypatch.context() as patch:
        _break_page(bench, {"K6"}, ZeroDivisionError("a mistake"), patch)
        while bench.worker.step() is None:
            pass
    bench.tracker.by_imdb.clear()
    bench.clock.advance(3600)
    while bench.worker.step() is None:
        pass
    assert (bench.only_failed().doubts, bench.only_failed().retry_count) == (0, 1)


def test_many_in_a_row_are_an_outage(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """If three films in a row meet such an error, the worker pauses instead of burning through the queue."""
    _break_page(bench, {f"K{number}" for number in range(7)}, ZeroDivisionError("a mistake"), monkeypatch)
    rests = [bench.worker.step() for _ in range(3)]
    assert rests[:2] == [None, None]
    assert rests[2] is not None
    assert rests[2].seconds == 60
    bench.clock.advance(60)
    rest = bench.worker.step()
    assert rest is not None
    assert rest.seconds == 120


def test_an_outcome_that_cannot_be_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even that a film failed can be noted: it is passed over for an hour all the same."""
    note = bench.queues.add_to_failed

    def cannot(movie: Movie, *arguments: object, **options: object) -> bool:
        if movie.id == "K6":
            raise ValueError("cannot be encoded")
        return note(movie, *arguments, **options)  # type: ignore[arg-type]

    _break_page(bench, {"K6"}, ZeroDivisionError("a mistake"), monkeypatch)
    monkeypatch.setattr(bench.queues, "add_to_failed", cannot)
    for _ in range(7):
        assert bench.worker.step() is None
    assert _completed(bench) == ["K5", "K4", "K3", "K2", "K1", "K0"]
    assert bench.worker.step() == Pause(60, NO_FILMS, is_idle=True)
    assert bench.journal.count("fault K6") == 1
    bench.clock.advance(3600)
    bench.worker.step()
    assert bench.journal.count("fault K6") == 2


def test_a_film_whose_hand_over_ends_in_an_error_is_not_handed_over_twice(bench: Bench) -> None:
    """What breaks between the client and the note of it: the next attempt finds the torrent there."""
    bench.follow(FollowPolicy(1000.0))
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        if len(told) == 1:
            raise RuntimeError("a mistake")

    bench.tell = tell
    bench.start()
    while bench.worker.step() is None:
        pass
    bench.clock.advance(3600)
    while bench.worker.step() is None:
        pass
    assert len(_completed(bench)) == 7
    assert len(bench.client.added) == 7


def test_the_newest_releases(bench: Bench) -> None:
    """An error that nobody foresaw while they are looked at is put off, and the films are worked off."""
    bench.follow(FollowPolicy(1000.0))
    bench.queues.add_all_to_pending([film(8)])
    while bench.worker.step() is None:
        pass
    bench.tracker.errors_by_call["latest"] = ZeroDivisionError("a mistake")
    for number in (9, 10):
        bench.queues.add_all_to_pending([film(number)])
        bench.tracker.offer(film(number).imdb_id or "", release_of(film(number), 100 + number))
    bench.clock.advance(3600)
    bench.worker.note_check()
    while bench.worker.step() is None:
        pass
    assert {"K9", "K10"} <= set(_completed(bench))
    assert bench.journal.count("latest") == 1


def test_looks_at_torrents(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw in a look is said once, and the looks come less and less often."""
    bench.follow(FollowPolicy(86_400))
    while bench.worker.step() is None:
        pass
    bench.client.errors_by_call["states"] = ZeroDivisionError("a mistake")
    bench.clock.advance(2)
    looks = []
    while len(looks) < 4:
        before = bench.journal.count("states")
        rest = bench.worker.step()
        if bench.journal.count("states") > before:
            looks.append(bench.clock.monotonic())
        bench.clock.advance(rest.seconds if rest else 0)
    assert [later - look for look, later in itertools.pairwise(looks)] == [60, 120, 240]
    assert caplog.text.count("Unexpected error (ZeroDivisionError)") == 1


@pytest.mark.parametrize(
    ("errors", "seconds"),
    [
        ([ZeroDivisionError("x")] * 10, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]),
        ([ZeroDivisionError("x"), KeyError("y"), MovieSyncError("z")], [10, 10, 10]),
    ],
)
def test_the_same_error_of_a_worker_rests_longer(
    tmp_path: Path, errors: list[Exception], seconds: list[float]
) -> None:
    """The watchlist is not read every ten seconds because nobody foresaw what is made of it."""
    desk = MonitorBench(tmp_path, *errors, snapshot())
    rests = []

    def rest(rest: Pause) -> None:
        rests.append(rest.seconds)
        if len(rests) > len(errors):
            desk.stop.set()

    desk.worker.rest = rest  # type: ignore[method-assign]  # it would take hours
    desk.worker.start()
    assert desk.worker.join(20)
    assert rests[:-1] == seconds


def test_a_film_that_cannot_be_looked_for_is_queued_all_the_same(tmp_path: Path) -> None:
    """The list is taken in though the look for one of its films on the disks ends in an error."""

    class OddLibrary(FakeLibrary):
        def find(self, movie: Movie, **options: object) -> str | None:  # type: ignore[override]
            if movie.id == "K1":
                raise ZeroDivisionError("a mistake")
            return "/films/b" if movie.id == "K2" else None

    clock = FakeClock()
    queues = QueueManager(tmp_path, clock=clock)
    store = WatchlistStore(tmp_path / "watchlist.json", clock)
    intake = WatchlistIntake(
        queues, KnownFilms(queues, tmp_path / "watchlist.json"), store, OddLibrary(), first_run="all"
    )
    taken = intake.take(snapshot(film(0), film(1), film(2)))
    assert (taken.queued, taken.already_there) == (2, 1)


def test_the_count_is_read_from_the_file(tmp_path: Path) -> None:
    """How often and since when stands in the queue files, and in no completed film."""
    bench = Bench(tmp_path, POLICY)
    bench.queues.add_all_to_pending([film(0)])
    since = bench.clock.now()
    bench.queues.add_to_failed(film(0), "odd", since, counts=False, doubts=3, page_missing_since=since)
    bench.start()
    entry = bench.only(QueueName.FAILED)
    assert (entry.doubts, entry.page_missing_since) == (3, since)
    bench.queues.move_all_failed_to_pending([film(0)])
    bench.start()
    entry = bench.only(QueueName.PENDING)
    assert (entry.doubts, entry.page_missing_since) == (3, since)
    bench.queues.add_to_completed(film(0))
    assert "doubts" not in (tmp_path / "queue_completed.json").read_text()


def test_a_full_disk_lets_the_next_film_try_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film whose outcome the disk refuses is not tried first again after the pause."""
    note = bench.queues.add_to_failed

    def refused(movie: Movie, *arguments: object, **options: object) -> bool:
        if movie.id == "K6":
            raise StorageError("no room for this one")
        return note(movie, *arguments, **options)  # type: ignore[arg-type]

    _break_page(bench, {"K6"}, StorageError("no room"), monkeypatch)
    monkeypatch.setattr(bench.queues, "add_to_failed", refused)
    rest = bench.worker.step()
    assert rest is not None
    bench.clock.advance(rest.seconds)
    assert bench.worker.step() is None
    assert _completed(bench) == ["K5"]
