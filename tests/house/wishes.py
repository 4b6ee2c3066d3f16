"""Readings of the watchlist, and what takes them in: on real files, as one process has them."""

from pathlib import Path

from house.fakes import FakeClient, FakeClock, FakeLibrary
from house.films import choice, film
from movie_sync.domain.models import HeldTorrent, QueueName, WatchlistSnapshot
from movie_sync.domain.watchlist import FirstRun
from movie_sync.following.tagger import TAG, UnlistedTagger
from movie_sync.queues.manager import QueueManager
from movie_sync.wishes.intake import IntakeCounts, WatchlistIntake
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.unlisted_store import UnlistedStore
from movie_sync.wishes.watchlist_store import WatchlistStore


def reading(*numbers: int, owner: str = "maria") -> WatchlistSnapshot:
    """Return a reading of these films, newest first."""
    return WatchlistSnapshot(owner, tuple(map(film, numbers)))


class IntakeBench:
    """An intake; with `tags` it remembers what leaves, and a client holds the torrents to be tagged."""

    def __init__(self, folder: Path, first_run: FirstRun | None = "all", *, tags: bool | None = None) -> None:
        self.folder = folder
        self._first_run: FirstRun | None = first_run
        self._tags = tags
        self.clock, self.library, self.client = FakeClock(), FakeLibrary(), FakeClient()
        self.start()

    def start(self) -> None:
        """Start anew from what is on the disk."""
        self.queues = QueueManager(self.folder, clock=self.clock)
        self.store = WatchlistStore(self.folder / "watchlist.json", self.clock)
        self.known = KnownFilms(self.queues, self.folder / "watchlist.json")
        self.unlisted_store = UnlistedStore(self.folder / "unlisted.json", self.clock, tags=bool(self._tags))
        self.tagger = UnlistedTagger(self.unlisted_store)
        self.intake = WatchlistIntake(
            self.queues,
            self.known,
            self.store,
            self.library,
            first_run=self._first_run,
            unlisted=None if self._tags is None else self.unlisted_store,
        )

    def take(self, *numbers: int, owner: str = "maria") -> IntakeCounts:
        """Take a reading of a list of these films in."""
        return self.intake.take(reading(*numbers, owner=owner))

    def take_twice(self, *numbers: int) -> None:
        """Take the same reading in twice, after which films that are missing have left."""
        self.take(*numbers)
        self.take(*numbers)

    def held(self, queue: QueueName = QueueName.PENDING) -> list[int]:
        """Return which films a queue holds, in order."""
        return [int(entry.movie.id[1:]) for entry in self.queues.entries(queue)]

    def fail(self, number: int) -> None:
        """Let a pending film fail."""
        self.queues.add_to_failed(film(number), "no release", self.clock.now())

    def complete(self, number: int) -> None:
        """Let a film's torrent be handed over."""
        taken = choice(number)
        self.client.held[taken.info_hash] = HeldTorrent(taken.info_hash, taken.release)
        self.queues.add_to_completed(film(number), choice=taken)

    def unlisted(self) -> list[str]:
        """Return the ids of the films that are remembered as gone."""
        return [each.movie.id for each in self.unlisted_store.films() if not each.relisted]

    def tagged(self) -> list[str]:
        """Let the tagger work until nothing is to be done, and return the torrents that bear the tag."""
        while self.tagger.seconds_to_next() is not None:
            self.tagger.work(self.client)
        return [torrent.info_hash for torrent in self.client.held.values() if TAG in torrent.tags]
