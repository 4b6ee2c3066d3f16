"""The download worker step by step, with a clock that is told the time."""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from house.crash_disk import Recorder
from house.films import film, hash_of, on_filelist, release_of
from house.workers import NO_FILMS, POLICY, Bench

from movie_sync.daemon.results import RetryPolicy
from movie_sync.daemon.worker import Pause
from movie_sync.domain.events import Added, EventKind
from movie_sync.domain.models import Choice, HeldTorrent, Movie, QueueName, Release
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.errors import (
    AuthError,
    BlockedError,
    BudgetError,
    CredentialsError,
    LibraryError,
    NetworkError,
    PageChangedError,
    RateLimitError,
    ReleaseError,
    SlowError,
    StorageError,
    TransientError,
    UnavailableError,
    UnknownFilmError,
    UserError,
)
from movie_sync.following.follower import FollowPolicy
from movie_sync.reports.daemon_state import ActivityKind


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker with one film pending."""
    bench = Bench(tmp_path)
    bench.queues.add_all_to_pending([film(0)])
    return bench


# --- download: one film -----------------------------------------------------------------------------


def test_a_film_is_handed_over(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Library, client, page, the library with the page's titles, search, hand over; then completed."""
    caplog.set_level(logging.INFO)
    bench.offer(film(0))
    bench.pages.films["K0"] = replace(film(0), original_title="Ausgedacht")
    assert bench.worker.step() is None
    assert bench.journal == [
        "library",
        "client by name",
        "page",
        "library",
        "imdb tt9000000",
        "torrent 100",
        "hand over",
    ]
    entry = bench.only(QueueName.COMPLETED)
    assert (entry.reason, entry.completed_at) == ("downloaded", bench.clock.now())
    assert entry.choice == Choice(release_of(film(0), 100).name, on_filelist(100), hash_of(100))
    assert "Made Up Alpha (1950): handed to the test: Made.Up.Alpha.1950" in caplog.text
    assert bench.worker.step() == Pause(60, NO_FILMS, is_idle=True)


def test_titles_of_the_page_are_looked_for_on_the_disk(bench: Bench) -> None:
    """A film that lies there under its original title is found before the tracker is asked."""
    bench.pages.films["K0"] = replace(film(0), original_title="Ausgedacht")
    bench.library.places["Ausgedacht"] = "/films/Ausgedacht (1950).mkv"
    bench.worker.step()
    entry = bench.only(QueueName.COMPLETED)
    assert (entry.reason, entry.extra["where"]) == ("already downloaded", "/films/Ausgedacht (1950).mkv")
    assert not any(line.startswith("imdb") for line in bench.journal)


def test_what_the_page_told_is_kept(bench: Bench) -> None:
    """A page is read once for a film, also if the budget is spent right after it and over a restart."""
    bench.tracker.errors = [BudgetError("spent", retry_after_seconds=30)]
    bench.worker.step()
    assert bench.only(QueueName.PENDING).movie.page_read
    bench.start()
    bench.offer(film(0))
    bench.worker.step()
    assert bench.journal.count("page") == 1


def test_a_film_known_under_another_name(bench: Bench) -> None:
    """If its page tells that a film is completed already, nothing is fetched a second time."""
    bench.offer(film(0))
    bench.worker.step()
    double = Movie("K9", "made-up-9", "Made Up", 1950)
    bench.pages.films["K9"] = replace(film(0), id="K9", slug="made-up-9")
    bench.queues.add_all_to_pending([double])
    assert bench.worker.step() is None
    assert bench.client.added == [hash_of(100)]
    assert bench.queues.get_statistics()["pending"] == 0
    assert bench.queues.get_statistics()["completed"] == 1


def test_the_choice_is_on_the_disk_before_the_hand_over(bench: Bench) -> None:
    """A crash in the middle of the hand-over is found out by the noted hash; nothing is handed over twice."""
    bench.offer(film(0))
    bench.client.errors = [KeyboardInterrupt()]  # the process ends here
    with pytest.raises(KeyboardInterrupt):
        bench.worker.step()
    bench.start()
    assert bench.only(QueueName.PENDING).choice == Choice(
        release_of(film(0), 100).name, on_filelist(100), hash_of(100)
    )
    bench.client.held[hash_of(100)] = HeldTorrent(hash_of(100), "x")  # it had arrived
    bench.journal.clear()
    bench.worker.step()
    assert bench.journal == ["client by hash"]
    assert bench.only(QueueName.COMPLETED).reason == "downloaded"


@pytest.mark.parametrize("way", ["removed", "unlisted"])
def test_taken_out_while_in_hand(bench: Bench, way: str, caplog: pytest.LogCaptureFixture) -> None:
    """A film that is taken out while the tracker answers is not handed over, and is no failure."""
    bench.offer(film(0))
    search = bench.tracker.search_imdb

    def taken_out_meanwhile(imdb_id: str) -> list[Release]:
        if way == "removed":
            bench.queues.remove(["made-up-alpha"])
        else:
            bench.queues.drop_unlisted([film(0)])
        return search(imdb_id)

    caplog.set_level(logging.INFO)
    bench.tracker.search_imdb = taken_out_meanwhile  # type: ignore[method-assign]  # a slow tracker
    assert bench.worker.step() is None
    assert bench.client.added == []
    assert bench.queues.get_statistics() == dict.fromkeys(
        ("pending", "failed", "completed", "permanent_failures"), 0
    )
    assert "in the meantime" in caplog.text
    assert not bench.worker.has_failed


# --- download: failures of the film -----------------------------------------------------------------


def _no_release(bench: Bench) -> None:
    """The tracker has nothing, as it is from the start."""


def _broken_torrent(bench: Bench) -> None:
    bench.offer(film(0))
    bench.tracker.broken[100] = ReleaseError("the torrent is gone")


@pytest.mark.parametrize(
    ("arrange", "waits", "has_failed"),
    [(_no_release, True, False), (_broken_torrent, False, True)],
)
def test_the_schedule_to_the_second(
    bench: Bench, arrange: Callable[[Bench], None], waits: bool, has_failed: bool
) -> None:
    """The n-th failure waits interval x multiplier^(n-1); the fifth is for good; no pause for the others."""
    arrange(bench)
    for failures in range(1, 5):
        assert bench.worker.step() is None
        delay = 3600 * 2 ** (failures - 1)
        entry = bench.only(QueueName.FAILED)
        assert (entry.retry_count, entry.waits_for_release) == (failures, waits)
        assert entry.retry_at == bench.clock.now() + timedelta(seconds=delay)
        assert entry.error
        bench.clock.advance(delay - 1)
        assert bench.worker.step() == Pause(1, NO_FILMS, is_idle=True)
        bench.clock.advance(1)
    assert bench.worker.step() is None
    entry = bench.only(QueueName.FAILED)
    assert (entry.retry_count, entry.retry_at) == (5, None)
    assert bench.queues.get_statistics()["permanent_failures"] == 1
    bench.clock.advance(400 * 24 * 3600)
    assert bench.worker.step() == Pause(60, NO_FILMS, is_idle=True)
    assert bench.worker.has_failed is has_failed


def test_a_series_is_set_aside_at_once(bench: Bench) -> None:
    """No retry helps; the reason is said, and it is not searched."""
    bench.pages.films["K0"] = replace(film(0), is_series=True)
    assert bench.worker.step() is None
    entry = bench.only(QueueName.FAILED)
    assert entry.retry_at is None
    assert "series" in (entry.error or "")
    assert not any(line.startswith(("imdb", "name")) for line in bench.journal)
    assert not bench.worker.has_failed


@pytest.mark.parametrize("is_new_run", [False, True], ids=["a daemon", "run after run"])
def test_a_page_that_is_not_there_is_a_doubt_for_a_day(bench: Bench, is_new_run: bool) -> None:
    """The list names the film: it is asked for again, longer apart, and only after a day it is so."""
    bench.pages.error = UnknownFilmError("Letterboxd has no such film.")
    since, seen_after = bench.clock.now(), []
    for _ in range(20):
        if is_new_run:
            bench.start()
        assert bench.worker.step() is None
        seen_after.append((bench.clock.now() - since) / timedelta(hours=1))
        entry = bench.only(QueueName.FAILED)
        assert (entry.retry_count, "no such film" in (entry.error or "")) == (
            1 if not entry.retry_at else 0,
            True,
        )
        if entry.retry_at is None:
            break
        assert [event.kind for event in bench.told] == []
        bench.clock.advance((entry.retry_at - bench.clock.now()).total_seconds())
    assert seen_after == [0, 1, 3, 7, 15, 31]
    assert [event.kind for event in bench.told] == [EventKind.FAILED]
    assert bench.worker.has_failed
    assert not any(line.startswith(("imdb", "name")) for line in bench.journal)


def test_a_few_minutes_without_film_pages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Letterboxd has no page for any film, which its list names all the same: none fails for good."""
    bench = Bench(tmp_path)
    films = [film(number) for number in range(12)]
    bench.queues.add_all_to_pending(films)
    bench.offer(*films)
    bench.pages.error = UnknownFilmError("Letterboxd has no such film.")
    begun = bench.clock.monotonic()
    while bench.clock.monotonic() < begun + 300:
        rest = bench.worker.step()
        bench.clock.advance(rest.seconds if rest else 1)
    asked = bench.journal.count("page")
    assert asked == 7, "one a minute is asked for, once it is known"
    assert caplog.text.count("probably down") == 1
    bench.pages.error = None
    while bench.clock.monotonic() < begun + 2 * 3600:
        rest = bench.worker.step()
        bench.clock.advance(rest.seconds if rest else 1)
    assert bench.queues.get_statistics()["completed"] == 12


def _work_for(bench: Bench, seconds: float) -> None:
    until = bench.clock.monotonic() + seconds
    while bench.clock.monotonic() < until:
        rest = bench.worker.step()
        bench.clock.advance(rest.seconds if rest else 1)


def test_letterboxd_alone_cannot_be_reached(tmp_path: Path) -> None:
    """Films of an export wait a good hour, then go by title and year; few pages are asked for."""
    bench = Bench(tmp_path)
    films = [replace(film(number), imdb_id=None) for number in range(12)]
    bench.queues.add_all_to_pending(films)
    for each in films:
        bench.tracker.by_name[f"{each.title} {each.year}"] = [release_of(each)]
    bench.pages.error = NetworkError("Can't reach Letterboxd.")
    _work_for(bench, 3500)
    assert (bench.queues.get_statistics()["completed"], bench.journal.count("page")) == (0, 6)
    _work_for(bench, 600)
    assert bench.queues.get_statistics()["completed"] == 12
    assert bench.journal.count("page") == 7


def test_the_whole_network_is_down_for_long(tmp_path: Path) -> None:
    """Films wait for all of it, and then the pages are read as usual."""
    bench = Bench(tmp_path)
    films = [film(number) for number in range(3)]
    bench.queues.add_all_to_pending([replace(each, imdb_id=None) for each in films])
    bench.pages.films = {each.id: each for each in films}
    bench.offer(*films)
    error = NetworkError("No network.")
    bench.pages.error, bench.tracker.errors = error, [error] * 1000
    _work_for(bench, 5 * 3600)
    assert bench.queues.get_statistics()["completed"] == 0
    bench.pages.error, bench.tracker.errors = None, []
    _work_for(bench, 3700)
    done = bench.queues.entries(QueueName.COMPLETED)
    assert {entry.movie.imdb_id for entry in done} == {each.imdb_id for each in films}


def test_films_that_letterboxd_never_had_hold_no_other_up(tmp_path: Path) -> None:
    """Nine of them are taken for an outage at first; the others are worked off between the pauses."""
    bench = Bench(tmp_path)
    films = [film(number) for number in range(20)]
    bench.queues.add_all_to_pending(films)
    bench.offer(*films)
    bench.pages.unknown = {movie.id for movie in films[:9]}
    begun = bench.clock.monotonic()
    while bench.clock.monotonic() < begun + 3600:
        rest = bench.worker.step()
        bench.clock.advance(rest.seconds if rest else 1)
    assert bench.queues.get_statistics()["completed"] == 11
    while bench.clock.monotonic() < begun + 5 * 24 * 3600:
        rest = bench.worker.step()
        bench.clock.advance(rest.seconds if rest else 1)
    assert bench.queues.get_statistics()["permanent_failures"] == 9


def test_a_block_of_a_week_lets_no_film_fail_for_good(bench: Bench) -> None:
    """Without a year a film waits for its page; that this is refused is none of its failures."""
    bench.queues.drop_unlisted([film(0)])
    bench.queues.add_all_to_pending([replace(film(0), year=None)])
    bench.pages.error = BlockedError("Letterboxd blocks.")
    for _ in range(7 * 24):
        bench.worker.step()
        bench.clock.advance(3600)
    entry = bench.only(QueueName.FAILED)
    assert (entry.retry_count, entry.retry_at is None) == (0, False)


@pytest.mark.parametrize(("max_retries", "failures"), [(0, 1), (1, 1), (2, 2)])
def test_for_good_after_max_retries(tmp_path: Path, max_retries: int, failures: int) -> None:
    """After that many failures a film is permanent, and not before."""
    bench = Bench(tmp_path, replace(POLICY, max_retries=max_retries))
    bench.queues.add_all_to_pending([film(0)])
    for _ in range(failures):
        bench.worker.step()
        bench.clock.advance(3600)
    assert bench.only(QueueName.FAILED).retry_at is None


@pytest.mark.parametrize("max_retries", [0, 1, 2])
def test_fewer_retries_than_before(
    tmp_path: Path, max_retries: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A film that has failed as often as is allowed now fails for good when it falls due; that is said once."""
    bench = Bench(tmp_path)
    bench.queues.add_all_to_pending([film(0)])
    for _ in range(2):
        bench.worker.step()
        bench.clock.advance(7200)
    bench.policy = replace(POLICY, max_retries=max_retries)
    bench.start()
    calls = len(bench.journal)
    for _ in range(3):
        assert bench.worker.step() == Pause(60, NO_FILMS, is_idle=True)
    entry = bench.only(QueueName.FAILED)
    assert (entry.retry_count, entry.retry_at) == (2, None)
    assert bench.queues.get_statistics()["permanent_failures"] == 1
    assert len(bench.journal) == calls
    assert caplog.text.count(f"gave up after 2 attempts (max_retries is now {max_retries})") == 1


def test_fewer_retries_while_a_better_release_is_awaited(tmp_path: Path) -> None:
    """A film for which there is a release already is not given up, however often it failed before."""
    bench = Bench(tmp_path, replace(POLICY, max_retries=1))
    bench.queues.add_all_to_pending([film(0)])
    now = bench.clock.now()
    bench.queues.add_to_failed(film(0), "no release", now)
    bench.queues.move_all_failed_to_pending([film(0)])
    bench.queues.add_to_failed(film(0), "a better one is awaited", now, counts=False, acceptable_since=now)
    bench.offer(film(0))
    bench.worker.step()
    assert bench.only(QueueName.COMPLETED).movie.id == film(0).id


def test_films_that_are_due_are_put_back_with_one_write(tmp_path: Path) -> None:
    """However many they are, each of the two files is written once for all of them."""
    bench = Bench(tmp_path)
    now = bench.clock.now()
    for number in range(20):
        bench.queues.add_all_to_pending([film(number)])
        bench.queues.add_to_failed(film(number), "no release", now)
    recorder = Recorder(tmp_path)
    bench.tracker.errors = [BudgetError("spent", retry_after_seconds=30)]  # nothing else is written
    bench.pages.error = BlockedError("Letterboxd blocks.")
    with recorder.watching():
        bench.worker.step()
    assert bench.queues.get_statistics()["pending"] == 20
    replaced = [call.target for call in recorder.calls if call.name == "replace"]
    assert sorted(replaced) == ["queue_failed.json", "queue_pending.json"]


def test_the_longest_delay_is_seven_days(tmp_path: Path) -> None:
    """However many failures, a film is tried once a week."""
    bench = Bench(tmp_path, RetryPolicy(3600, 100.0, 1000))
    bench.queues.add_all_to_pending([film(0)])
    for _ in range(3):
        bench.worker.step()
        entry = bench.only(QueueName.FAILED)
        assert entry.retry_at is not None
        bench.clock.advance((entry.retry_at - bench.clock.now()).total_seconds())
    bench.worker.step()
    assert bench.only(QueueName.FAILED).retry_at == bench.clock.now() + timedelta(days=7)


def test_the_wrong_clock(bench: Bench) -> None:
    """A retry time that a clock years ahead stored is brought back to a week at most."""
    bench.clock.jump(20 * 365 * 24 * 3600)
    bench.worker.step()
    bench.clock.jump(-20 * 365 * 24 * 3600)
    bench.worker.step()
    assert bench.only(QueueName.FAILED).retry_at == bench.clock.now() + timedelta(days=7)


@pytest.mark.parametrize(
    "key", ["retry_at", "acceptable_since", "added_at", "page_missing_since", "searched_at"]
)
@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-11:00", "0001-01-01T00:00:00Z"]
)
def test_a_stored_time_at_an_end_of_the_calendar(tmp_path: Path, key: str, moment: str) -> None:
    """Nothing breaks on it, and no film waits for longer than a week because of it."""
    bench = Bench(tmp_path, rules=QualityRules(wait_for_best_hours=3))
    bench.queues.add_all_to_pending([film(0)])
    bench.queues.add_to_failed(film(0), "no release", bench.clock.now())
    path = tmp_path / "queue_failed.json"
    (plain,) = json.loads(path.read_text())
    path.write_text(json.dumps([plain | {key: moment}]))
    name = f"{film(0).title.replace(' ', '.')}.{film(0).year}.720p.WEB-DL.x264-GRP"
    bench.tracker.offer("tt9000000", replace(release_of(film(0), 100), name=name, size_bytes=5_000_000_000))
    bench.start()
    for _ in range(8 * 24):
        bench.worker.step()
        bench.clock.advance(3600)
    assert bench.only(QueueName.COMPLETED)


def test_one_films_failure_does_not_hold_the_next(bench: Bench) -> None:
    """A film without a release steps aside; the next is handed over in the next step."""
    bench.queues.add_all_to_pending([film(1)])
    bench.offer(film(1))
    assert bench.worker.step() is None
    assert bench.worker.step() is None
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K1"]


# --- download: failures that are not the film's -----------------------------------------------------

_OUTAGES: list[tuple[str, TransientError | StorageError, float]] = [
    ("tracker", NetworkError("FileList couldn't be reached."), 60),
    ("tracker", SlowError("FileList did not answer."), 60),
    ("tracker", UnavailableError("FileList is down."), 60),
    ("tracker", PageChangedError("FileList's answer is not in the known form."), 60),
    ("tracker", RateLimitError("FileList asks for fewer calls.", retry_after_seconds=5), 60),
    ("tracker", RateLimitError("FileList asks for fewer calls.", retry_after_seconds=1800), 1800),
    ("tracker", RateLimitError("FileList asks for fewer calls.", retry_after_seconds=1e300), 7 * 24 * 3600),
    ("client", UnavailableError("qBittorrent is starting."), 60),
    ("client", StorageError("No space left in the watch folder."), 60),
    ("pages", NetworkError("Letterboxd couldn't be reached."), 60),
    ("library", LibraryError("The film folder is not there."), 60),
]


def _break(bench: Bench, where: str, error: BaseException | None) -> None:
    if where == "tracker":
        bench.tracker.errors = [error] * 9 if error else []
    else:
        getattr(bench, where).error = error


@pytest.mark.parametrize(("where", "error", "seconds"), _OUTAGES)
def test_an_outage(
    bench: Bench,
    where: str,
    error: TransientError | StorageError,
    seconds: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The film in hand waits in failed, its count unchanged, the others stay; the worker pauses."""
    bench.queues.add_all_to_pending([film(1)])
    bench.offer(film(0), film(1))
    _break(bench, where, error)
    rest = bench.worker.step()
    assert rest is not None
    assert (rest.seconds, rest.is_idle) == (seconds, False)
    assert str(error) in rest.activity.detail
    [failed] = bench.queues.entries(QueueName.FAILED)
    assert (failed.movie.id, failed.retry_count, failed.error) == ("K0", 0, str(error))
    assert failed.retry_at == bench.clock.now() + timedelta(seconds=seconds)
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.PENDING)] == ["K1"]
    assert bench.worker.has_failed
    caplog.clear()
    _break(bench, where, None)
    bench.clock.advance(seconds)
    assert bench.worker.step() is None
    assert bench.worker.step() is None
    assert bench.queues.get_statistics() == {
        "pending": 0, "failed": 0, "completed": 2, "permanent_failures": 0,
    }  # fmt: skip


@pytest.mark.parametrize("is_new_run", [False, True], ids=["a daemon", "run after run"])
def test_an_outage_that_one_film_alone_meets_holds_no_other_back(
    bench: Bench, is_new_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is the newest wish and due when the pause ends, the others have their turn."""
    for number in (1, 2, 3):
        bench.clock.advance(1)
        bench.queues.add_all_to_pending([film(number)])
        bench.offer(film(number))
    read = bench.pages.read

    def read_but_one(movie: Movie) -> Movie:
        if movie.id == "K3":
            raise UnavailableError("Letterboxd is out of order (status 500).")
        return read(movie)

    monkeypatch.setattr(bench.pages, "read", read_but_one)
    bench.offer(film(0))
    for _ in range(4):
        if is_new_run:
            bench.start(once=True)
        while (rest := bench.worker.step()) is None:
            pass
        bench.clock.advance(rest.seconds)
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K2", "K1", "K0"]
    assert bench.queues.entries(QueueName.FAILED)[0].retry_count == 0


def test_what_has_no_room_does_not_hold_back_what_is_due(bench: Bench) -> None:
    """At its start the worker tries a pending film first; if that has no room, a film that is due may."""
    bench.follow(FollowPolicy(1000.0), min_free_bytes=10**9)
    bench.offer(film(0), film(1))
    bench.tracker.by_imdb["tt9000000"] = [replace(release_of(film(0), 100), size_bytes=20 * 10**9)]
    bench.clock.advance(1)
    bench.queues.add_all_to_pending([film(1)])
    bench.queues.add_to_failed(film(1), "an outage", bench.clock.now(), counts=False)
    bench.client.free_bytes = 15 * 10**9
    while bench.worker.step() is None:
        pass
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K1"]


def test_what_has_no_room_after_an_outage_is_tried_once(bench: Bench) -> None:
    """Where nothing else is due, the worker waits for room at once."""
    bench.follow(FollowPolicy(1000.0), min_free_bytes=10**9)
    bench.offer(film(0))
    bench.tracker.errors = [NetworkError("FileList couldn't be reached.")]
    outage = bench.worker.step()
    assert outage is not None
    bench.clock.advance(outage.seconds)
    bench.client.free_bytes = 10**9 // 2
    rest = bench.worker.step()
    assert rest is not None
    assert rest.activity.kind is ActivityKind.NO_ROOM


def test_pauses_double_up_to_an_hour(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """1, 2, 4 ... minutes, an hour at most, said once; a success begins anew and says so."""
    caplog.set_level(logging.INFO)
    seconds = []
    for _ in range(9):
        bench.tracker.errors = [NetworkError("FileList couldn't be reached.")]
        rest = bench.worker.step()
        assert rest is not None
        seconds.append(rest.seconds)
        bench.clock.advance(rest.seconds)
    assert seconds == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert caplog.text.count("couldn't be reached") == 1
    bench.offer(film(0))
    assert bench.worker.step() is None
    assert "Working again" in caplog.text
    assert bench.only(QueueName.COMPLETED).retry_count == 0
    bench.queues.add_all_to_pending([film(1)])
    bench.tracker.errors = [NetworkError("FileList couldn't be reached.")]
    rest = bench.worker.step()
    assert rest is not None
    assert rest.seconds == 60


@pytest.mark.parametrize("max_retries", [0, 1])
def test_an_outage_never_uses_up_the_retries(tmp_path: Path, max_retries: int) -> None:
    """A film comes back after outages even where the user wants no retries."""
    bench = Bench(tmp_path, replace(POLICY, max_retries=max_retries))
    bench.queues.add_all_to_pending([film(0)])
    bench.offer(film(0))
    for _ in range(4):
        bench.tracker.errors = [NetworkError("down")]
        rest = bench.worker.step()
        assert rest is not None
        bench.clock.advance(rest.seconds)
    bench.worker.step()
    assert bench.only(QueueName.COMPLETED)


def test_the_budget_keeps_the_film_pending(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Our own call budget is no failure: the film keeps its place, the wait is the budget's, said once."""
    caplog.set_level(logging.INFO)
    bench.queues.add_all_to_pending([film(1)])
    for seconds in (90.0, 0.0):
        bench.tracker.errors = [BudgetError("spent", retry_after_seconds=seconds)]
        rest = bench.worker.step()
        assert rest is not None
        assert rest.seconds == max(seconds, 1)
        bench.clock.advance(rest.seconds)
    assert bench.queues.get_statistics()["failed"] == 0
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.PENDING)] == ["K0", "K1"]
    assert caplog.text.count("budget is used up") == 1
    assert not bench.worker.has_failed


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("tracker", AuthError("FileList refused the passkey.", service="FileList")),
        ("client", AuthError("qBittorrent refused the password.", service="qBittorrent")),
    ],
)
def test_refused_credentials(
    bench: Bench, where: str, error: AuthError, caplog: pytest.LogCaptureFixture
) -> None:
    """No more calls, said once, the film stays pending; new credentials are taken up by themselves."""
    bench.offer(film(0))
    _break(bench, where, error)
    for _ in range(5):
        rest = bench.worker.step()
        assert rest is not None
        assert not rest.is_idle
        assert rest.seconds <= 5
        assert str(error) in rest.activity.detail
        calls = len(bench.journal)
        bench.clock.advance(3600)
    assert len(bench.journal) == calls
    assert bench.connects == 1
    assert caplog.text.count(str(error)) == 1
    assert "setup" in caplog.text
    assert bench.only(QueueName.PENDING).retry_count == 0
    assert bench.worker.sessions.is_refused
    _break(bench, where, None)
    bench.signature = 2
    assert bench.worker.step() is None
    assert bench.connects == 2
    assert not bench.worker.sessions.is_refused
    assert bench.only(QueueName.COMPLETED)


def test_a_tracker_that_refuses_keeps_no_torrent_from_being_followed(bench: Bench) -> None:
    """Whichever tracker it is: the client is looked at, with the session as it is."""
    bench.follow(FollowPolicy(86_400))
    bench.offer(film(0))
    bench.worker.step()
    bench.queues.add_all_to_pending([film(1)])
    bench.tracker.errors = [AuthError("Prowlarr refused the key.", service="Prowlarr")]
    bench.worker.step()
    assert bench.worker.sessions.is_refused
    looks = bench.journal.count("states")
    bench.clock.advance(60)
    bench.worker.step()
    assert bench.journal.count("states") == looks + 1
    assert bench.connects == 1


@pytest.mark.parametrize(
    ("where", "error", "seconds"),
    [
        ("connect", UserError("The credentials cannot be read."), 3600),
        ("tracker", AuthError("locked for an hour", service="FileList", retry_after_seconds=3600), 3600),
        ("client", AuthError("no login is set", service="qBittorrent", retry_after_seconds=300), 300),
    ],
)
def test_a_refusal_that_is_not_final(
    bench: Bench, where: str, error: AuthError | UserError, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said and told once, tried again after its time without a change here, and then over by itself."""
    bench.offer(film(0))
    if where == "connect":
        bench.connect_error = error
    else:
        _break(bench, where, error)
    for tries in range(1, 4):
        assert bench.worker.step() is not None
        calls = len(bench.journal), bench.connects
        bench.clock.advance(seconds - 1)
        assert bench.worker.step() is not None
        assert (len(bench.journal), bench.connects) == calls, tries
        assert bench.worker.sessions.is_refused
        bench.clock.advance(1)
    assert caplog.text.count(str(error)) == 1
    assert [event.kind for event in bench.told] == [EventKind.REFUSED]
    assert "Next try at" in caplog.text
    assert bench.only(QueueName.PENDING).retry_count == 0
    bench.connect_error = None
    _break(bench, "tracker" if where == "connect" else where, None)
    assert bench.worker.step() is None
    assert not bench.worker.sessions.is_refused
    assert bench.only(QueueName.COMPLETED)
    assert bench.worker.sessions.was_refused


def test_credentials_that_cannot_be_decrypted_now(bench: Bench) -> None:
    """No process, no memory: an outage like any other, also if earlier credentials were at work."""
    bench.queues.add_all_to_pending([film(1)])
    bench.offer(film(0), film(1))
    assert bench.worker.step() is None
    bench.signature = 2
    bench.connect_error = CredentialsError("no process can be made")
    for seconds in (60, 120):
        rest = bench.worker.step()
        assert rest is not None
        assert rest.seconds == seconds
        bench.clock.advance(seconds)
    assert not bench.worker.sessions.was_refused
    assert bench.connects == 3
    bench.connect_error = None
    assert bench.worker.step() is None
    assert bench.queues.get_statistics()["completed"] == 2


def test_credentials_that_change_to_no_avail(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Each change is tried once."""
    bench.tracker.errors = [AuthError("refused", service="FileList")] * 2
    bench.worker.step()
    bench.signature = 2
    bench.worker.step()
    bench.worker.step()
    assert bench.connects == 2
    assert caplog.text.count("refused") == 2


def test_a_full_disk_at_any_write(tmp_path: Path) -> None:
    """Whichever write fails, with room again the film is completed and handed over once."""
    number = 0
    while True:
        folder = tmp_path / str(number)
        bench = Bench(folder)
        bench.queues.add_all_to_pending([film(0)])
        bench.offer(film(0))
        recorder = Recorder(folder)
        recorder.fail_from, recorder.fail_until = number, sys.maxsize
        with recorder.watching():
            rest = bench.worker.step()
        if len(recorder.calls) <= number:
            break
        bench.start()
        for _ in range(3):
            bench.clock.advance(60)
            if bench.worker.step() and bench.queues.get_statistics()["completed"]:
                break
        assert bench.only(QueueName.COMPLETED), recorder.calls[number]
        assert bench.client.added == [hash_of(100)]
        number += 1
    assert rest is None
    assert number > 10


def test_a_full_disk_without_a_restart(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, and taken up again without a restart when there is room."""
    bench.offer(film(0))
    recorder = Recorder(bench.folder)
    recorder.fail_from, recorder.fail_until = 0, sys.maxsize
    with recorder.watching():
        for seconds in (60, 120, 240):
            rest = bench.worker.step()
            assert rest is not None
            assert rest.seconds == seconds
            bench.clock.advance(seconds)
    assert caplog.text.count("Couldn't write") == 1
    assert [event.id for event in bench.told if event.kind is EventKind.DISK_FULL] == [
        "disk full:own:2026-11-01T12"
    ]
    assert bench.worker.step() is None
    assert bench.only(QueueName.COMPLETED)
    assert bench.client.added == [hash_of(100)]


def test_the_user_is_told_of_what_happens(bench: Bench) -> None:
    """Waiting once, not at each try; failed for good; added with the release and what spoke for it."""
    for _ in range(5):
        bench.worker.step()
        bench.clock.advance(86_400)
    assert [event.kind for event in bench.told] == [EventKind.WAITING, EventKind.FAILED]
    bench.told.clear()
    bench.offer(film(0))
    bench.queues.retry(None)
    bench.worker.step()
    (event,) = bench.told
    assert (event.kind, event.movie) == (EventKind.ADDED, replace(film(0), page_read=True))
    assert isinstance(event, Added)
    assert event.release == release_of(film(0), 100).name
    assert event.why == "Bluray-1080p, 9.0 GB, 20 seeders"
    assert event.id == f"added:K0:2026-11-06T12:00:00Z:{hash_of(100)}"


def test_what_is_told_twice_bears_one_id(tmp_path: Path) -> None:
    """It is told before it is written down: a failure in between tells it again, under the same id."""
    number = 0
    while True:
        bench = Bench(tmp_path / str(number))
        bench.queues.add_all_to_pending([film(0)])
        bench.offer(film(0))
        recorder = Recorder(bench.folder)
        recorder.fail_from, recorder.fail_until = number, sys.maxsize
        with recorder.watching():
            bench.worker.step()
        if len(recorder.calls) <= number:
            break
        bench.start()
        for _ in range(3):
            bench.clock.advance(60)
            bench.worker.step()
        added = {event.id for event in bench.told if event.kind is EventKind.ADDED}
        assert added == {f"added:K0:2026-11-01T12:00:00Z:{hash_of(100)}"}, recorder.calls[number]
        number += 1
    assert number > 10


def test_held_back_it_asks_nobody_and_goes_on_afterwards(bench: Bench) -> None:
    """While the settings cannot be relied on no service is asked for a film, and the film waits unharmed."""
    bench.offer(film(0))
    bench.worker.held_back = lambda: "nothing is handed over"
    rest = bench.worker.step()
    assert rest is not None
    assert (rest.activity.detail, rest.is_idle) == ("nothing is handed over", False)
    assert (bench.connects, bench.journal) == (0, [])
    assert bench.only(QueueName.PENDING).error is None
    bench.worker.held_back = lambda: ""
    assert bench.worker.step() is None
    assert bench.only(QueueName.COMPLETED).movie == film(0)


@pytest.mark.parametrize("is_known", [True, False])
def test_held_back_it_follows_the_users_own_client_alone(bench: Bench, *, is_known: bool) -> None:
    """Torrents on their way are followed on, but never in a client that only the defaults name."""
    bench.follow(FollowPolicy(1000.0))
    bench.offer(film(0))
    bench.worker.step()
    assert bench.only(QueueName.COMPLETED).is_unfinished
    bench.start()
    bench.connects = 0
    bench.clock.advance(10_000)
    bench.worker.held_back, bench.worker.client_is_known = lambda: "nothing is handed over", is_known
    assert bench.worker.step() is not None
    assert bench.connects == is_known


def test_a_film_asked_for_again_while_it_is_on_its_way_is_not_handed_over_twice(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """`add` of a film that is downloading: its torrent is there still, and that is what the log says."""
    caplog.set_level(logging.INFO)
    bench.follow(FollowPolicy(stalled_after_seconds=86_400))
    bench.offer(film(0))
    bench.worker.step()
    assert bench.queues.add_by_command([film(0)])
    caplog.clear()
    bench.worker.step()
    assert bench.only(QueueName.COMPLETED).follow
    assert (
        "Made Up Alpha (1950): handed to the test earlier, and still there: Made.Up.Alpha.1950" in caplog.text
    )
    assert bench.journal.count("hand over") == 1
    assert (
        len({event.id for event in bench.told if event.kind is EventKind.ADDED}) == 1
    )  # a repeat of the same


def test_a_single_run_promises_no_try_that_it_will_not_make(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """With `--once` the next try is the next run's: of a film, after an outage, and of the newest releases."""
    caplog.set_level(logging.INFO)
    bench.start(once=True)
    bench.worker.step()
    bench.queues.add_all_to_pending([film(1)])
    bench.tracker.errors = [NetworkError("FileList couldn't be reached.")]
    bench.worker.step()
    assert "Next try in the first run after " in caplog.text
    assert "FileList couldn't be reached. The next run will do the rest." in caplog.text
    assert "Next try at" not in caplog.text
    assert "Pausing" not in caplog.text


def test_what_is_wrong_with_the_client_can_be_asked(bench: Bench) -> None:
    """It is told while torrents cannot be looked at, and no longer."""
    bench.follow(FollowPolicy(stalled_after_seconds=86_400))
    bench.offer(film(0))
    bench.worker.step()
    bench.client.error = NetworkError("The client couldn't be reached.")
    bench.clock.advance(5)
    bench.worker.step()
    assert "The client couldn't be reached." in bench.worker.client_trouble
    bench.client.error = None
    bench.clock.advance(4000)
    bench.worker.step()
    assert bench.worker.client_trouble == ""
