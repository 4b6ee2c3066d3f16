"""Workers between fakes on real queue files, for the tests of both."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from house.fakes import (
    FakeClient,
    FakeClock,
    FakeLibrary,
    FakePages,
    FakeTracker,
    FakeWatchlist,
)
from house.films import release_of
from movie_sync.complaints import Complaints
from movie_sync.daemon.download import DownloadWorker
from movie_sync.daemon.list_reading import ListReading
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.results import ResultRecorder, RetryPolicy
from movie_sync.daemon.session import Session, Sessions
from movie_sync.daemon.worker import Pause
from movie_sync.domain.events import Event
from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.models import Movie, QueueName, WatchlistSnapshot
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.wish_list import WishList
from movie_sync.errors import (
    MovieSyncError,
)
from movie_sync.fetching.client_files import AS_THE_CLIENT_SAYS
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.page_reader import PageReader
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.room import RoomKeeper
from movie_sync.fetching.trackers import Trackers
from movie_sync.fetching.upgrades import Upgrades
from movie_sync.following.follower import FollowPolicy, TorrentFollower
from movie_sync.following.seeding import SeedingWatch
from movie_sync.following.tagger import UnlistedTagger
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import Activity, ActivityKind
from movie_sync.storage.history import History
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.unreadable_store import UnreadableStore
from movie_sync.wishes.watchlist_store import WatchlistStore

POLICY = RetryPolicy(interval_seconds=3600, multiplier=2.0, max_retries=5)
NO_FILMS = Activity(ActivityKind.NO_FILMS)


class Bench:
    """A download worker between fakes, on real queue files."""

    def __init__(self, folder: Path, policy: RetryPolicy = POLICY, rules: QualityRules | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.policy = policy
        self.rules = rules or QualityRules()
        self.clock = FakeClock()
        self.journal: list[str] = []
        self.tracker, self.client = FakeTracker(self.journal), FakeClient(self.journal)
        self.trackers = [self.tracker]
        self.pages, self.library = FakePages(self.journal), FakeLibrary(self.journal)
        self.signature = 1
        self.connects = 0
        self.connect_error: MovieSyncError | None = None
        self.told: list[Event] = []
        self.follow_policy: FollowPolicy | None = None
        self.max_unfinished = self.min_free_bytes = 0
        self.looks_at_newest = False
        self.presets: dict[str, QualityRules] = {}
        self.first_list: Callable[[Movie], WishList | None] = lambda _movie: None
        self.tell: Callable[[Event], None] = self.told.append
        self.tagger: UnlistedTagger | None = None
        self.seeding_rules: dict[str, SeedingRule] | None = None
        self.files = AS_THE_CLIENT_SAYS
        self.start()

    def follow(self, policy: FollowPolicy, *, max_unfinished: int = 0, min_free_bytes: int = 0) -> None:
        """Follow torrents from now on, and keep room."""
        self.follow_policy = policy
        self.max_unfinished, self.min_free_bytes = max_unfinished, min_free_bytes
        self.start()

    def start(self, *, once: bool = False) -> None:
        """Start anew from what is on the disk."""
        self.queues = QueueManager(self.folder, clock=self.clock)
        self.known = KnownFilms(self.queues, self.folder / "watchlist.json")
        self.stop = threading.Event()
        history = History(self.folder / "history.jsonl", self.clock)
        self.follower = self.rooms = self.radar = None
        if self.follow_policy:
            self.follower = TorrentFollower(self.queues, self.follow_policy, self.clock, self.tell, history)
            self.rooms = RoomKeeper(
                self.queues,
                max_unfinished=self.max_unfinished,
                min_free_bytes=self.min_free_bytes,
                clock=self.clock,
            )
        if self.follow_policy or self.looks_at_newest:
            self.radar = Radar(
                self.queues,
                self.folder / "radar.json",
                check_interval_seconds=3600,
                calls_per_hour=120,
                clock=self.clock,
                upgrades=Upgrades(self.queues, self._film_rules(), self.clock),
            )
        self.worker = DownloadWorker(
            self.queues,
            Sessions(self._connect, lambda: self.signature, self.clock, self.tell),
            ResultRecorder(
                self.queues,
                policy=self.policy,
                done_words="handed to the test",
                clock=self.clock,
                tell=self.tell,
                once=once,
                history=history,
            ),
            stopping=self.stop,
            clock=self.clock,
            follower=self.follower,
            rooms=self.rooms,
            radar=self.radar,
            tagger=self.tagger,
            seeding=None
            if self.seeding_rules is None
            else SeedingWatch(self.queues, self.seeding_rules, self.clock, self.tell, history, self.files),
            held_back=lambda: "",
            once=once,
        )

    def _connect(self) -> Session:
        self.connects += 1
        if self.connect_error:
            raise self.connect_error
        downloader = FileListDownloader(
            trackers=Trackers(self.trackers, self.clock, self.told.append),
            client=self.client,
            pages=PageReader(self.pages, self.clock, known_id=self.known.imdb_id_of),
            library=self.library,
            rules=self._film_rules(),
            clock=self.clock,
            knows_title=self.known.knows_title,
            in_company=self.known.in_company,
        )
        client = self.client if self.follow_policy or self.tagger else None
        return Session(downloader, client, "qBittorrent")

    def _film_rules(self) -> FilmRules:
        return FilmRules(self.rules, self.presets.get, self.first_list)

    def offer(self, *movies: Movie) -> None:
        """Put a good release of each film on the tracker."""
        for movie in movies:
            self.tracker.offer(movie.imdb_id or "", release_of(movie))

    def only_failed(self) -> QueueEntry:
        """Return the one film that has failed."""
        (entry,) = self.queues.entries(QueueName.FAILED)
        return entry

    def only(self, queue: QueueName) -> QueueEntry:
        """Return the one film there is, which is in that queue."""
        held = {name: self.queues.entries(name) for name in QueueName}
        assert {name: len(entries) for name, entries in held.items() if entries} == {queue: 1}
        return held[queue][0]


def step_when_due(monitor: MonitorWorker, clock: FakeClock) -> Pause | None:
    """Let time pass until a list is due, and then let the monitor take a step."""
    due_at = min(reading.due_at for reading in monitor.readings)
    clock.advance(max(due_at - clock.monotonic(), 0.0))
    return monitor.step()


class MonitorBench:
    """A monitor worker on real files."""

    def __init__(self, folder: Path, *answers: WatchlistSnapshot | BaseException | None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.clock = FakeClock()
        self.source = FakeWatchlist(*answers)
        self.queues = QueueManager(folder, clock=self.clock)
        self.known = KnownFilms(self.queues, folder / "watchlist.json")
        self.store = WatchlistStore(folder / "watchlist.json", self.clock)
        self.told: list[Event] = []
        self.readings = 0
        self.start()

    def start(self, *, of: str = "maria", boot: str | None = None) -> None:
        """Start anew from what is on the disk."""
        self.stop = threading.Event()
        history = History(self.folder / "history.jsonl", self.clock)
        intake = WatchlistIntake(
            self.queues, self.known, self.store, FakeLibrary(), first_run="all", history=history
        )
        reading = ListReading(
            self.source,
            intake,
            UnreadableStore(self.folder / "unreadable.json", of, self.clock, boot=boot),
            600,
            Complaints(logging.getLogger(MonitorWorker.__module__)),
        )
        self.worker = MonitorWorker(
            [reading], self._count_reading, self.told.append, clock=self.clock, stopping=self.stop
        )

    def step(self) -> Pause | None:
        """Let it take a step once it has rested."""
        return step_when_due(self.worker, self.clock)

    def _count_reading(self) -> None:
        self.readings += 1


def snapshot(*movies: Movie) -> WatchlistSnapshot:
    """Return a reading of maria's list."""
    return WatchlistSnapshot("maria", movies)
