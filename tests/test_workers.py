"""The monitor worker step by step, and a few tests of the threads of both."""

import logging
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.crash_disk import Recorder
from house.films import film, on_filelist
from house.waiting import LONG_SECONDS, wait_until
from house.workers import NO_FILMS, Bench, MonitorBench, snapshot

from movie_sync.clock import SystemClock
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.domain.events import EventKind
from movie_sync.domain.models import QueueName, Release
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.times import time_of_day
from movie_sync.errors import (
    BlockedError,
    MovieSyncError,
    NetworkError,
    NoListError,
    PageChangedError,
    RateLimitError,
    SlowError,
    Stopped,
    UnavailableError,
    UserError,
)
from movie_sync.notices.wording import text_of
from movie_sync.reports.daemon_state import ActivityKind


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker with one film pending."""
    bench = Bench(tmp_path)
    bench.queues.add_all_to_pending([film(0)])
    return bench


# --- monitor, step by step ---


def test_a_day_without_the_watchlist_is_told_once(tmp_path: Path) -> None:
    """Not an outage of an hour, not a day in pieces; and again only after it was read in between."""
    desk = MonitorBench(tmp_path, NetworkError("Letterboxd is not reached"))
    for _ in range(50):
        desk.step()
        desk.clock.advance(3600)
        assert len(desk.told) == (desk.clock.monotonic() > 1000 + 24 * 3600)
    assert desk.readings == 0
    (event,) = desk.told
    assert (event.kind, event.id) == (EventKind.UNREADABLE, "unreadable:2026-11-02")
    desk.source.answers = [snapshot(film(1))]
    desk.step()
    assert desk.readings == 1
    desk.source.answers = [NetworkError("Letterboxd is not reached")]
    for _ in range(20):
        desk.step()
        desk.clock.advance(3600)
    assert len(desk.told) == 1


@pytest.mark.parametrize("boots", [["one"], ["one", "two"]], ids=["", "the machine too"])
def test_a_day_without_the_watchlist_over_restarts(tmp_path: Path, boots: list[str]) -> None:
    """Each check in a run of its own: told once, when the day is over; and nothing is left when it was read."""
    desk = MonitorBench(tmp_path, NetworkError("Letterboxd is not reached"))
    for hour in range(50):
        desk.start(boot=boots[hour % len(boots)])
        desk.step()
        assert len(desk.told) == (hour >= 24)
        desk.clock.advance(3600)
    desk.source.answers = [snapshot(film(1))]
    desk.start()
    desk.step()
    assert not (tmp_path / "unreadable.json").exists()
    desk.source.answers = [NetworkError("Letterboxd is not reached")]
    for _ in range(20):
        desk.start()
        desk.step()
        desk.clock.advance(3600)
    assert len(desk.told) == 1


def test_a_day_is_no_jump_of_the_clock_and_no_other_list(tmp_path: Path) -> None:
    """A clock that is put forward makes no day of an hour; another list has a day of its own."""
    desk = MonitorBench(tmp_path, NetworkError("Letterboxd is not reached"))
    desk.step()
    desk.clock.jump(3 * 24 * 3600)
    desk.start()
    desk.step()
    desk.clock.advance(25 * 3600)
    desk.start(of="anna")
    desk.step()
    assert desk.told == []


def test_an_unforeseen_error_leaves_the_watchlist_unread_too(tmp_path: Path) -> None:
    """A day of it is told like any other."""
    desk = MonitorBench(tmp_path, ZeroDivisionError("a mistake"))
    for _ in range(26):
        with pytest.raises(ZeroDivisionError):
            desk.step()
        desk.clock.advance(3600)
    assert ["ZeroDivisionError" in text_of(event) for event in desk.told] == [True]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"of": "maria", "since": 3, "ticks": "x", "boot": "b", "told": false}',
        b"\xff",
        None,
    ],
)
def test_an_odd_file_of_the_unread_watchlist(tmp_path: Path, content: bytes | None) -> None:
    """It is as none, and written anew; a folder in its place is put aside."""
    path = tmp_path / "unreadable.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    desk = MonitorBench(tmp_path, NetworkError("Letterboxd is not reached"))
    desk.step()
    desk.clock.advance(25 * 3600)
    desk.start()
    desk.step()
    assert len(desk.told) == 1


def test_a_check_queues_what_is_new(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A reading's films are queued, its numbers are said, the next check is an interval away."""
    caplog.set_level(logging.INFO)
    desk = MonitorBench(tmp_path, snapshot(film(0), film(1)))
    assert desk.step().seconds == 600
    assert "Watchlist read: 2 films, 2 newly queued." in caplog.text
    assert desk.step().seconds == 600
    assert desk.queues.get_statistics()["pending"] == 2
    assert not desk.worker.has_failed


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (NetworkError("unreachable"), [60, 120, 240, 480, 600, 600]),
        (SlowError("slow"), [60, 120]),
        (UnavailableError("down"), [60, 120]),
        (RateLimitError("slower", retry_after_seconds=90), [90, 120]),
        (RateLimitError("slower", retry_after_seconds=5000), [5000, 5000]),
        (RateLimitError("slower", retry_after_seconds=1e300), [7 * 24 * 3600]),
        (BlockedError("blocked"), [600, 600]),
        (PageChangedError("changed"), [600, 600]),
        (NoListError("private"), [600, 600]),
        (UserError("no export"), [600, 600]),
    ],
)
def test_a_failed_check(
    tmp_path: Path, error: MovieSyncError, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is concluded or saved, the cause is said once, and what may mend itself soon is tried soon."""
    caplog.set_level(logging.INFO)
    desk = MonitorBench(tmp_path, error)
    for seconds in waits:
        rest = desk.step()
        assert rest.seconds == seconds
        assert str(error) in rest.activity.detail
    assert caplog.text.count(str(error)) == 1
    assert desk.store.load() is None
    assert sum(desk.queues.get_statistics().values()) == 0
    assert desk.worker.has_failed
    desk.source.answers = [snapshot(film(0))]
    assert desk.step().seconds == 600
    assert "Working again" in caplog.text
    desk.source.answers = [error]
    assert desk.step().seconds == waits[0]


def test_a_reading_that_could_not_be_taken_in_is_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An export is read once a change: if the disk was full then, its films still come in afterwards."""
    desk = MonitorBench(tmp_path, snapshot(film(0)), None)
    recorder = Recorder(tmp_path)
    recorder.fail_from, recorder.fail_until = 0, sys.maxsize
    with recorder.watching():
        assert desk.step().seconds == 60
        assert desk.step().seconds == 120
    assert caplog.text.count("Couldn't save the watchlist") == 1
    assert desk.step().seconds == 600
    assert desk.queues.get_statistics()["pending"] == 1


def test_an_unchanged_export_is_a_check_all_the_same(tmp_path: Path) -> None:
    """What it no longer lists is dropped at the second check; what no queue holds comes back."""
    desk = MonitorBench(tmp_path, snapshot(film(0), film(1)), snapshot(film(1)), None)
    for _ in range(2):
        desk.step()
    assert desk.queues.get_statistics()["pending"] == 2
    desk.step()
    assert [entry.movie.id for entry in desk.queues.entries(QueueName.PENDING)] == ["K1"]
    desk.queues.drop_unlisted([film(1)])  # lost, by a hand edit or a broken disk
    desk.step()
    assert desk.queues.get_statistics()["pending"] == 1


def test_a_better_release_is_waited_for(tmp_path: Path) -> None:
    """With a grace time the film waits from the first sight of a release, then takes what is there."""
    bench = Bench(tmp_path, rules=QualityRules(wait_for_best_hours=3))
    movie = film(0)
    bench.queues.add_all_to_pending([movie])
    name = f"{movie.title.replace(' ', '.')}.{movie.year}.720p.WEB-DL.x264-GRP"
    bench.tracker.by_imdb = {
        movie.imdb_id: [Release(on_filelist(7), name, 5_000_000_000, 20, imdb_id=movie.imdb_id)]
    }
    begun = bench.clock.now()
    assert bench.worker.step() is None
    entry = bench.queues.entries(QueueName.FAILED)[0]
    assert (entry.retry_count, entry.waits_for_release, entry.acceptable_since) == (0, True, begun)
    assert "WEB-720p found; waiting for a better release" in (entry.error or "")
    assert not bench.worker.has_failed
    for _ in range(3):
        bench.start()  # it holds across restarts
        bench.clock.advance(3600)
        assert bench.worker.step() is None
    entry = bench.queues.entries(QueueName.COMPLETED)[0]
    assert entry.choice is not None
    assert entry.choice.release == name
    assert bench.clock.now() == begun + timedelta(hours=3)


# --- threads ----------------------------------------------------------------------------------------


def test_start_and_stop_while_idle(tmp_path: Path) -> None:
    """Idle workers end at once when stopped, whatever they wait for; stopping twice does no harm."""
    bench, desk = Bench(tmp_path / "a"), MonitorBench(tmp_path / "b", snapshot())
    for worker in (bench.worker, desk.worker):
        assert not worker.is_alive()
        worker.start()
        try:
            wait_until(
                lambda worker=worker: worker.activity.kind in {ActivityKind.NO_FILMS, ActivityKind.LIST_READ}
            )
        finally:
            worker.stop()
            worker.stop()
            assert worker.join(LONG_SECONDS)
        assert worker.is_done


def test_stop_during_a_pause(bench: Bench) -> None:
    """A worker that pauses after an outage ends at once too."""
    bench.tracker.errors = [NetworkError("down")]
    bench.worker.start()
    try:
        wait_until(lambda: bench.worker.activity.kind is ActivityKind.PAUSED)
    finally:
        bench.worker.stop()
        assert bench.worker.join(LONG_SECONDS)


def test_a_queued_film_wakes_the_worker(tmp_path: Path) -> None:
    """Work is taken up when it comes, not when the idle minute is over."""
    bench = Bench(tmp_path)
    bench.offer(film(0), film(1))
    bench.worker.start()
    try:
        for number in (0, 1):
            wait_until(lambda: bench.worker.activity == NO_FILMS)
            bench.queues.add_all_to_pending([film(number)])
            wait_until(lambda number=number: bench.queues.get_statistics()["completed"] == number + 1)
    finally:
        bench.worker.stop()
        assert bench.worker.join(LONG_SECONDS)


class _Faulty(Worker):
    """Raises what it is given, one after the other, and does not rest between."""

    name = "faulty"

    def __init__(self, stop: threading.Event, *errors: BaseException, once: bool = False) -> None:
        super().__init__(stopping=stop, clock=SystemClock(), once=once)
        self.errors = list(errors)
        self.rests: list[Pause] = []

    def step(self) -> Pause | None:
        if self.errors:
            raise self.errors.pop(0)
        self.stopping.set()
        return None

    def rest(self, rest: Pause) -> None:
        self.rests.append(rest)


def test_no_error_ends_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen error is logged without a traceback (that comes at DEBUG), and the work goes on."""
    caplog.set_level(logging.DEBUG)
    worker = _Faulty(threading.Event(), ZeroDivisionError("x"), MovieSyncError("odd but ours"))
    worker.start()
    assert worker.join(LONG_SECONDS)
    assert [rest.seconds for rest in worker.rests] == [10, 10]
    assert worker.has_failed
    assert worker.is_done
    messages = [(record.levelno, record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert messages[0][0] == logging.ERROR
    assert "Unexpected error (ZeroDivisionError)" in messages[0][1]
    assert not messages[0][2]
    assert (messages[1][0], messages[1][2]) == (logging.DEBUG, True)
    assert "odd but ours" in messages[2][1]


def test_a_dead_thread_is_not_taken_for_done() -> None:
    """A worker that unwinds without having been asked to stop counts as dead, so the app starts it again."""
    worker = _Faulty(threading.Event(), Stopped())
    worker.start()
    assert worker.join(LONG_SECONDS)
    assert not worker.is_done
    worker.start()
    assert worker.join(LONG_SECONDS)
    assert worker.is_done


def test_once_ends_where_it_would_rest(bench: Bench) -> None:
    """With `once` the pending films are worked off, then the thread ends by itself."""
    bench.start(once=True)
    bench.queues.add_all_to_pending([film(1)])
    bench.offer(film(0), film(1))
    bench.worker.start()
    assert bench.worker.join(LONG_SECONDS)
    assert bench.worker.is_done
    assert bench.queues.get_statistics()["completed"] == 2
    faulty = _Faulty(threading.Event(), ZeroDivisionError("x"), once=True)
    faulty.start()
    assert faulty.join(LONG_SECONDS)
    assert (faulty.is_done, faulty.has_failed, faulty.rests) == (True, True, [])


@pytest.mark.parametrize(
    ("seconds", "length"),
    [(0, len("00:00:00")), (86_399, len("00:00:00")), (86_400, len("2026-11-02 12:00"))],
)
def test_times_name_the_day_where_it_is_another(seconds: float, length: int) -> None:
    """Within a day the hour is enough."""
    assert len(time_of_day(datetime(2026, 11, 1, 12, tzinfo=UTC), seconds)) == length
