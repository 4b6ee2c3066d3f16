"""The intakes of all lists, and what becomes of the films of a list that the settings no longer name."""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from movie_sync.domain.compact import PackedMovies
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.wish_list import FirstRun, WishList
from movie_sync.ports import Clock, MovieLibrary
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.history import Happened, History
from movie_sync.wishes.by_title import give_keys, with_known_keys
from movie_sync.wishes.intake import IntakeCounts, WatchlistIntake
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.memories import Memories
from movie_sync.wishes.unlisted_store import UnlistedStore
from movie_sync.wishes.watchlist_store import WatchlistStore


class Intakes:
    """One for each list; all take one reading at a time. Thread-safe. Raises as `WatchlistIntake`."""

    def __init__(
        self,
        queue_manager: QueueManager,
        known: KnownFilms,
        memories: Memories,
        library: MovieLibrary,
        clock: Clock,
        *,
        wishes: Sequence[WishList],
        first_run: FirstRun | None,
        history: History,
        unlisted: UnlistedStore | None = None,
        rules_on: Callable[[WishList], QualityRules | None] = lambda _wish: None,
        note_unwritten: Callable[[Path, Iterable[Movie]], None] = lambda _path, _movies: None,
        writable: bool = True,
    ) -> None:
        self.history = history
        self._memories = memories
        self._queue_manager, self._known = queue_manager, known
        self._lock = lock = threading.Lock()

        def made(path: Path, wish: WishList | None) -> WatchlistIntake:
            own = wish.first_run if wish else None
            return WatchlistIntake(
                queue_manager,
                known,
                WatchlistStore(path, clock, writable=writable),
                library,
                first_run=first_run if own is None else own,
                wish=wish,
                rules=rules_on(wish) if wish and wish.judges else None,
                elsewhere=partial(memories.elsewhere, path),
                unlisted=unlisted,
                note_unwritten=partial(note_unwritten, path) if not writable else None,
                history=history,
                lock=lock,
            )

        self._made = made
        self._intakes = {wish.key: made(memories.path_of(wish), wish) for wish in wishes}
        self._owners = {wish.owner.casefold(): wish.key for wish in reversed(wishes)}
        self._emptied: set[Path] = set()

    def of(self, wish: WishList) -> WatchlistIntake:
        """Return the one of a list."""
        return self._intakes[wish.key]

    def take_export(self, snapshot: WatchlistSnapshot) -> IntakeCounts:
        """Take in an export of a list's owner, or of somebody whose list is not read: it only adds."""
        key = self._owners.get(snapshot.owner.casefold())
        intake = self._intakes[key] if key else self._made(self._memories.watchlist, None)
        return intake.take_export(snapshot)

    def take_films(self, movies: Sequence[Movie]) -> int:
        """Queue the films of a list that is not read again, if no queue holds them; return how many."""
        with self._lock:
            named = PackedMovies(with_known_keys(movies, self._known))
            waiting = give_keys(self._queue_manager.missing(named), self._queue_manager)
            new = self._queue_manager.missing(movie for movie in named if movie.id not in waiting)
            self.history.note(Happened.ADDED, new)
            return len(self._queue_manager.add_by_command(new))

    def take_leave(self) -> None:
        """Count a list that the settings no longer name as read, without a film: two such, and all leave."""
        for path in self._memories.left_behind():
            if path in self._emptied:
                continue
            intake = self._made(path, None)
            memory = intake.store.load()
            if memory is None or not (memory.movies or memory.absent):
                self._emptied.add(path)
            else:
                intake.take(WatchlistSnapshot(memory.owner, (), origin=memory.origin))
