"""Both workers step by step with a clock that is told the time, and a few tests of the threads themselves."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from crash_harness import Recorder
from fakes import (
    FakeClient,
    FakeClock,
    FakeLibrary,
    FakePages,
    FakeTracker,
    FakeWatchlist,
    hash_of,
)

from movie_sync.domain.models import (
    Choice,
    HeldTorrent,
    Movie,
    QueueEntry,
    QueueName,
    Release,
    WatchlistSnapshot,
)
from movie_sync.domain.selection import QualityRules
from movie_sync.errors import (
    AuthError,
    BlockedError,
    BudgetError,
    LibraryError,
    MovieSyncError,
    NetworkError,
    NoSuchUserError,
    PageChangedError,
    PrivateListError,
    RateLimitError,
    ReleaseError,
    SlowError,
    Stopped,
    StorageError,
    TransientError,
    UnavailableError,
    UnknownFilmError,
    UserError,
)
from movie_sync.filelist_downloader import FileListDownloader
from movie_sync.queue_manager import QueueManager
from movie_sync.storage.watchlist_store import WatchlistStore
from movie_sync.watchlist_intake import WatchlistIntake
from movie_sync.workers.base import Rest, Worker
from movie_sync.workers.download import Connection, DownloadWorker, RetryPolicy
from movie_sync.workers.monitor import MonitorWorker
from movie_sync.workers.words import time_of_day

_POLICY = RetryPolicy(interval_seconds=3600, multiplier=2.0, max_retries=5)
_DEADLINE_SECONDS = 5.0


def film(number: int) -> Movie:
    """Return a made-up film."""
    title = f"Made Up {chr(ord('A') + number)}"
    return Movie(f"K{number}", f"made-up-{number}", title, 1950 + number, imdb_id=f"tt900000{number}")


def release_of(movie: Movie, number: int) -> Release:
    """Return a good release of a film."""
    name = f"{movie.title.replace(' ', '.')}.{movie.year}.1080p.BluRay.x264-GRP"
    return Release(number, name, 9_000_000_000, 20, imdb_id=movie.imdb_id)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once something is so; fail if it takes too long."""
    ends_at = time.monotonic() + _DEADLINE_SECONDS
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < ends_at, "it did not happen in time"
        pause.wait(0.005)


class Bench:
    """A download worker between fakes, on real queue files."""

    def __init__(
        self, folder: Path, policy: RetryPolicy = _POLICY, rules: QualityRules | None = None
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.policy = policy
        self.rules = rules or QualityRules()
        self.clock = FakeClock()
        self.journal: list[str] = []
        self.tracker, self.client = FakeTracker(self.journal), FakeClient(self.journal)
        self.pages, self.library = FakePages(self.journal), FakeLibrary(self.journal)
        self.signature = 1
        self.connects = 0
        self.connect_error: MovieSyncError | None = None
        self.start()

    def start(self, *, once: bool = False) -> None:
        """Start anew from what is on the disk."""
        self.queues = QueueManager(self.folder, clock=self.clock)
        self.stop = threading.Event()
        self.worker = DownloadWorker(
            self.queues,
            Connection(self._connect, lambda: self.signature),
            policy=self.policy,
            done_words="handed to the test",
            clock=self.clock,
            stop=self.stop,
            once=once,
        )

    def _connect(self) -> FileListDownloader:
        self.connects += 1
        if self.connect_error:
            raise self.connect_error
        return FileListDownloader(
            search=self.tracker,
            client=self.client,
            pages=self.pages,
            library=self.library,
            rules=self.rules,
            clock=self.clock,
        )

    def offer(self, *movies: Movie) -> None:
        """Put a good release of each film on the tracker."""
        for movie in movies:
            self.tracker.offer(movie.imdb_id or "", release_of(movie, int(movie.slug[-1]) + 100))

    def only(self, queue: QueueName) -> QueueEntry:
        """Return the one film there is, which is in that queue."""
        held = {name: self.queues.entries(name) for name in QueueName}
        assert {name: len(entries) for name, entries in held.items() if entries} == {queue: 1}
        return held[queue][0]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker with one film pending."""
    bench = Bench(tmp_path)
    bench.queues.add_to_pending(film(0))
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
    assert entry.choice == Choice(release_of(film(0), 100).name, 100, hash_of(100))
    assert "Made Up A (1950): handed to the test: Made.Up.A.1950" in caplog.text
    assert bench.worker.step() == Rest(60, "waiting for films", is_idle=True)


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
    bench.queues.add_to_pending(double)
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
    assert bench.only(QueueName.PENDING).choice == Choice(release_of(film(0), 100).name, 100, hash_of(100))
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
            bench.queues.remove(["made-up-0"])
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
    assert "meanwhile" in caplog.text
    assert not bench.worker.has_failed


# --- download: failures of the film -----------------------------------------------------------------


def _no_release(bench: Bench) -> None:
    """The tracker has nothing, as it is from the start."""


def _broken_torrent(bench: Bench) -> None:
    bench.offer(film(0))
    bench.tracker.broken[100] = ReleaseError("the torrent is gone")


def _no_year(bench: Bench) -> None:
    bench.queues.drop_unlisted([film(0)])
    bench.queues.add_to_pending(replace(film(0), year=None))
    bench.pages.error = BlockedError("Letterboxd blocks.")


@pytest.mark.parametrize(
    ("arrange", "waits", "has_failed"),
    [(_no_release, True, False), (_broken_torrent, False, True), (_no_year, False, True)],
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
        assert bench.worker.step() == Rest(1, "waiting for films", is_idle=True)
        bench.clock.advance(1)
    assert bench.worker.step() is None
    entry = bench.only(QueueName.FAILED)
    assert (entry.retry_count, entry.retry_at) == (5, None)
    assert bench.queues.get_statistics()["permanent_failures"] == 1
    bench.clock.advance(400 * 24 * 3600)
    assert bench.worker.step() == Rest(60, "waiting for films", is_idle=True)
    assert bench.worker.has_failed is has_failed


@pytest.mark.parametrize(
    ("page", "error", "words", "has_failed"),
    [
        (None, UnknownFilmError("Letterboxd has no such film."), "no such film", True),
        (replace(film(0), is_series=True), None, "series", False),
    ],
)
def test_no_retry_helps(
    bench: Bench, page: Movie | None, error: MovieSyncError | None, words: str, has_failed: bool
) -> None:
    """A film that is none, and a series, are set aside at once, with the reason and without a search."""
    bench.pages.error = error
    if page:
        bench.pages.films["K0"] = page
    assert bench.worker.step() is None
    entry = bench.only(QueueName.FAILED)
    assert entry.retry_at is None
    assert words in (entry.error or "")
    assert not any(line.startswith(("imdb", "name")) for line in bench.journal)
    assert bench.worker.has_failed is has_failed


@pytest.mark.parametrize(("max_retries", "failures"), [(0, 1), (1, 1), (2, 2)])
def test_for_good_after_max_retries(tmp_path: Path, max_retries: int, failures: int) -> None:
    """After that many failures a film is permanent, and not before."""
    bench = Bench(tmp_path, replace(_POLICY, max_retries=max_retries))
    bench.queues.add_to_pending(film(0))
    for _ in range(failures):
        bench.worker.step()
        bench.clock.advance(3600)
    assert bench.only(QueueName.FAILED).retry_at is None


def test_the_longest_delay_is_seven_days(tmp_path: Path) -> None:
    """However many failures, a film is tried once a week."""
    bench = Bench(tmp_path, RetryPolicy(3600, 100.0, 1000))
    bench.queues.add_to_pending(film(0))
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


def test_one_films_failure_does_not_hold_the_next(bench: Bench) -> None:
    """A film without a release steps aside; the next is handed over in the next step."""
    bench.queues.add_to_pending(film(1))
    bench.offer(film(1))
    assert bench.worker.step() is None
    assert bench.worker.step() is None
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K1"]


# --- download: failures that are not the film's -----------------------------------------------------

_OUTAGES: list[tuple[str, TransientError | StorageError, float]] = [
    ("tracker", NetworkError("FileList could not be reached."), 60),
    ("tracker", SlowError("FileList did not answer."), 60),
    ("tracker", UnavailableError("FileList is down."), 60),
    ("tracker", PageChangedError("FileList's answer is not in the known form."), 60),
    ("tracker", RateLimitError("FileList asks for fewer calls.", retry_after_seconds=5), 60),
    ("tracker", RateLimitError("FileList asks for fewer calls.", retry_after_seconds=1800), 1800),
    ("tracker", RateLimitError("FileList asks for fewer calls.", retry_after_seconds=1e300), 7 * 24 * 3600),
    ("client", UnavailableError("qBittorrent is starting."), 60),
    ("client", StorageError("No space left in the watch folder."), 60),
    ("pages", NetworkError("Letterboxd could not be reached."), 60),
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
    bench.queues.add_to_pending(film(1))
    bench.offer(film(0), film(1))
    _break(bench, where, error)
    rest = bench.worker.step()
    assert rest is not None
    assert (rest.seconds, rest.is_idle) == (seconds, False)
    assert str(error) in rest.why
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


def test_pauses_double_up_to_an_hour(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """1, 2, 4 ... minutes, an hour at most, said once; a success begins anew and says so."""
    caplog.set_level(logging.INFO)
    seconds = []
    for _ in range(9):
        bench.tracker.errors = [NetworkError("FileList could not be reached.")]
        rest = bench.worker.step()
        assert rest is not None
        seconds.append(rest.seconds)
        bench.clock.advance(rest.seconds)
    assert seconds == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert caplog.text.count("could not be reached") == 1
    bench.offer(film(0))
    assert bench.worker.step() is None
    assert "Works again" in caplog.text
    assert bench.only(QueueName.COMPLETED).retry_count == 0
    bench.queues.add_to_pending(film(1))
    bench.tracker.errors = [NetworkError("FileList could not be reached.")]
    rest = bench.worker.step()
    assert rest is not None
    assert rest.seconds == 60


@pytest.mark.parametrize("max_retries", [0, 1])
def test_an_outage_never_uses_up_the_retries(tmp_path: Path, max_retries: int) -> None:
    """A film comes back after outages even where the user wants no retries."""
    bench = Bench(tmp_path, replace(_POLICY, max_retries=max_retries))
    bench.queues.add_to_pending(film(0))
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
    bench.queues.add_to_pending(film(1))
    for seconds in (90.0, 0.0):
        bench.tracker.errors = [BudgetError("spent", retry_after_seconds=seconds)]
        rest = bench.worker.step()
        assert rest is not None
        assert rest.seconds == max(seconds, 1)
    assert bench.queues.get_statistics()["failed"] == 0
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.PENDING)] == ["K0", "K1"]
    assert caplog.text.count("budget is spent") == 1
    assert not bench.worker.has_failed


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("tracker", AuthError("FileList refused the passkey.", service="FileList")),
        ("client", AuthError("qBittorrent refused the password.", service="qBittorrent")),
        ("connect", UserError("The credentials cannot be decrypted.")),
    ],
)
def test_refused_credentials(
    bench: Bench, where: str, error: AuthError | UserError, caplog: pytest.LogCaptureFixture
) -> None:
    """No more calls, said once, the film stays pending; new credentials are taken up by themselves."""
    bench.offer(film(0))
    if where == "connect":
        bench.connect_error = error
    else:
        _break(bench, where, error)
    for _ in range(5):
        rest = bench.worker.step()
        assert rest is not None
        assert not rest.is_idle
        assert rest.seconds <= 5
        assert str(error) in rest.why
        calls = len(bench.journal)
        bench.clock.advance(3600)
    assert len(bench.journal) == calls
    assert bench.connects == 1
    assert caplog.text.count(str(error)) == 1
    assert "setup" in caplog.text
    assert bench.only(QueueName.PENDING).retry_count == 0
    assert bench.worker.is_refused
    bench.connect_error = None
    _break(bench, where if where != "connect" else "tracker", None)
    bench.signature = 2
    assert bench.worker.step() is None
    assert bench.connects == 2
    assert not bench.worker.is_refused
    assert bench.only(QueueName.COMPLETED)


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
        bench.queues.add_to_pending(film(0))
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
    assert caplog.text.count("could not be written") == 1
    assert bench.worker.step() is None
    assert bench.only(QueueName.COMPLETED)
    assert bench.client.added == [hash_of(100)]


# --- monitor ----------------------------------------------------------------------------------------


class Desk:
    """A monitor worker on real files."""

    def __init__(self, folder: Path, *answers: WatchlistSnapshot | BaseException | None) -> None:
        folder.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        self.clock = FakeClock()
        self.source = FakeWatchlist(*answers)
        self.queues = QueueManager(folder, clock=self.clock)
        self.store = WatchlistStore(folder / "watchlist.json", self.clock)
        self.stop = threading.Event()
        intake = WatchlistIntake(self.queues, self.store, FakeLibrary(), first_run="all")
        self.worker = MonitorWorker(
            self.source, intake, interval_seconds=600, clock=self.clock, stop=self.stop
        )


def snapshot(*movies: Movie) -> WatchlistSnapshot:
    """Return a reading of maria's list."""
    return WatchlistSnapshot("maria", movies)


def test_a_check_queues_what_is_new(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A reading's films are queued, its numbers are said, the next check is an interval away."""
    caplog.set_level(logging.INFO)
    desk = Desk(tmp_path, snapshot(film(0), film(1)))
    assert desk.worker.step().seconds == 600
    assert "Watchlist read: 2 films, 2 new in the queue." in caplog.text
    assert desk.worker.step().seconds == 600
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
        (PrivateListError("private"), [600, 600]),
        (NoSuchUserError("nobody"), [600, 600]),
        (UserError("no export"), [600, 600]),
    ],
)
def test_a_failed_check(
    tmp_path: Path, error: MovieSyncError, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is concluded or saved, the cause is said once, and what may mend itself soon is tried soon."""
    caplog.set_level(logging.INFO)
    desk = Desk(tmp_path, error)
    for seconds in waits:
        rest = desk.worker.step()
        assert rest.seconds == seconds
        assert str(error) in rest.why
    assert caplog.text.count(str(error)) == 1
    assert desk.store.load() is None
    assert sum(desk.queues.get_statistics().values()) == 0
    assert desk.worker.has_failed
    desk.source.answers = [snapshot(film(0))]
    assert desk.worker.step().seconds == 600
    assert "Works again" in caplog.text
    desk.source.answers = [error]
    assert desk.worker.step().seconds == waits[0]


def test_a_reading_that_could_not_be_taken_in_is_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An export is read once a change: if the disk was full then, its films still come in afterwards."""
    desk = Desk(tmp_path, snapshot(film(0)), None)
    recorder = Recorder(tmp_path)
    recorder.fail_from, recorder.fail_until = 0, sys.maxsize
    with recorder.watching():
        assert desk.worker.step().seconds == 60
        assert desk.worker.step().seconds == 120
    assert caplog.text.count("could not be taken in") == 1
    assert desk.worker.step().seconds == 600
    assert desk.queues.get_statistics()["pending"] == 1


def test_an_unchanged_export_is_a_check_all_the_same(tmp_path: Path) -> None:
    """What it no longer lists is dropped at the second check; what no queue holds comes back."""
    desk = Desk(tmp_path, snapshot(film(0), film(1)), snapshot(film(1)), None)
    for _ in range(2):
        desk.worker.step()
    assert desk.queues.get_statistics()["pending"] == 2
    desk.worker.step()
    assert [entry.movie.id for entry in desk.queues.entries(QueueName.PENDING)] == ["K1"]
    desk.queues.drop_unlisted([film(1)])  # lost, by a hand edit or a broken disk
    desk.worker.step()
    assert desk.queues.get_statistics()["pending"] == 1


def test_a_better_release_is_waited_for(tmp_path: Path) -> None:
    """With a grace time the film waits from the first sight of a release, then takes what is there."""
    bench = Bench(tmp_path, rules=QualityRules(wait_for_best_hours=3))
    movie = film(0)
    bench.queues.add_to_pending(movie)
    name = f"{movie.title.replace(' ', '.')}.{movie.year}.720p.WEB-DL.x264-GRP"
    bench.tracker.by_imdb = {movie.imdb_id: [Release(7, name, 5_000_000_000, 20, imdb_id=movie.imdb_id)]}
    begun = bench.clock.now()
    assert bench.worker.step() is None
    entry = bench.queues.entries(QueueName.FAILED)[0]
    assert (entry.retry_count, entry.waits_for_release, entry.acceptable_since) == (0, True, begun)
    assert "better release than WEB-720p is waited for" in (entry.error or "")
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
    bench, desk = Bench(tmp_path / "a"), Desk(tmp_path / "b", snapshot())
    for worker in (bench.worker, desk.worker):
        assert not worker.is_alive()
        worker.start()
        try:
            wait_until(lambda worker=worker: worker.activity.startswith(("waiting", "next check")))
        finally:
            begun = time.monotonic()
            worker.stop()
            worker.stop()
            assert worker.join(_DEADLINE_SECONDS)
        assert time.monotonic() - begun < 0.5
        assert worker.is_done


def test_stop_during_a_pause(bench: Bench) -> None:
    """A worker that pauses after an outage ends at once too."""
    bench.tracker.errors = [NetworkError("down")]
    bench.worker.start()
    try:
        wait_until(lambda: bench.worker.activity.startswith("pausing"))
    finally:
        begun = time.monotonic()
        bench.worker.stop()
        assert bench.worker.join(_DEADLINE_SECONDS)
    assert time.monotonic() - begun < 0.5


def test_a_queued_film_wakes_the_worker(tmp_path: Path) -> None:
    """Work is taken up when it comes, not when the idle minute is over."""
    bench = Bench(tmp_path)
    bench.offer(film(0), film(1))
    bench.worker.start()
    try:
        for number in (0, 1):
            wait_until(lambda: bench.worker.activity == "waiting for films")
            bench.queues.add_to_pending(film(number))
            wait_until(lambda number=number: bench.queues.get_statistics()["completed"] == number + 1)
    finally:
        bench.worker.stop()
        assert bench.worker.join(_DEADLINE_SECONDS)


class _Faulty(Worker):
    """Raises what it is given, one after the other, and does not rest between."""

    def __init__(self, stop: threading.Event, *errors: BaseException, once: bool = False) -> None:
        super().__init__("faulty", stop, once=once)
        self.errors = list(errors)
        self.rests: list[Rest] = []

    def step(self) -> Rest | None:
        if self.errors:
            raise self.errors.pop(0)
        self._stop.set()
        return None

    def rest(self, rest: Rest) -> None:
        self.rests.append(rest)


def test_no_error_ends_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen error is logged without a traceback (that comes at DEBUG), and the work goes on."""
    caplog.set_level(logging.DEBUG)
    worker = _Faulty(threading.Event(), ZeroDivisionError("x"), MovieSyncError("odd but ours"))
    worker.start()
    assert worker.join(_DEADLINE_SECONDS)
    assert [rest.seconds for rest in worker.rests] == [10, 10]
    assert worker.has_failed
    assert worker.is_done
    messages = [(record.levelno, record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert messages[0][0] == logging.ERROR
    assert "unforeseen ZeroDivisionError" in messages[0][1]
    assert not messages[0][2]
    assert (messages[1][0], messages[1][2]) == (logging.DEBUG, True)
    assert "odd but ours" in messages[2][1]


def test_a_dead_thread_is_not_taken_for_done() -> None:
    """A worker that unwinds without having been asked to stop counts as dead, so the app starts it again."""
    worker = _Faulty(threading.Event(), Stopped())
    worker.start()
    assert worker.join(_DEADLINE_SECONDS)
    assert not worker.is_done
    worker.start()
    assert worker.join(_DEADLINE_SECONDS)
    assert worker.is_done


def test_once_ends_where_it_would_rest(bench: Bench) -> None:
    """With `once` the pending films are worked off, then the thread ends by itself."""
    bench.start(once=True)
    bench.queues.add_to_pending(film(1))
    bench.offer(film(0), film(1))
    bench.worker.start()
    assert bench.worker.join(_DEADLINE_SECONDS)
    assert bench.worker.is_done
    assert bench.queues.get_statistics()["completed"] == 2
    faulty = _Faulty(threading.Event(), ZeroDivisionError("x"), once=True)
    faulty.start()
    assert faulty.join(_DEADLINE_SECONDS)
    assert (faulty.is_done, faulty.has_failed, faulty.rests) == (True, True, [])


@pytest.mark.parametrize(
    ("seconds", "length"),
    [(0, len("00:00:00")), (86_399, len("00:00:00")), (86_400, len("2026-11-02 12:00"))],
)
def test_times_name_the_day_where_it_is_another(seconds: float, length: int) -> None:
    """Within a day the hour is enough."""
    assert len(time_of_day(datetime(2026, 11, 1, 12, tzinfo=UTC), seconds)) == length
