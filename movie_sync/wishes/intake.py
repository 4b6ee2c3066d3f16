"""Turn a watchlist that was read whole into queue entries; the order of writes is what makes it safe."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import chain

from movie_sync.domain.compact import KeySet, PackedMovies
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.watchlist import (
    WatchlistChange,
    among_others,
    compare,
    is_first_reading,
)
from movie_sync.domain.wish_list import FirstRun, WishList
from movie_sync.errors import LibraryError, MovieSyncError, StorageError, UnclearFilmError
from movie_sync.ports import MovieLibrary
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.history import NO_HISTORY, Happened, History
from movie_sync.wishes.by_title import AsQueued, aligned, give_keys
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.memories import NOWHERE, Elsewhere
from movie_sync.wishes.unlisted_store import UnlistedStore
from movie_sync.wishes.watchlist_store import WatchlistStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntakeCounts:
    """What came of a reading: numbers of films."""

    listed: int
    queued: int
    already_there: int
    dropped: int


@dataclass(eq=False, repr=False)
class WatchlistIntake:
    """Takes readings of one list in, from the monitor and from the `import` command. Thread-safe.

    Those of several lists share one `lock`, and each asks `elsewhere` what the others have: a film leaves
    when none has it any more. Of `wish`, only its films that its years and its limit leave are wanted;
    `rules`, if it has its own, tell what of its films counts as there.

    `watchlist.json` is written last: if anything before fails or the process dies, the next
    reading finds the same wishes again, and what is queued already is not queued twice.
    Without `first_run` (it is not known what the user wants) no list is taken in for the first time.
    """

    queue_manager: QueueManager
    known: KnownFilms
    store: WatchlistStore
    library: MovieLibrary
    _: KW_ONLY
    first_run: FirstRun | None
    wish: WishList | None = None
    rules: QualityRules | None = None
    elsewhere: Callable[[], Elsewhere] = lambda: NOWHERE
    unlisted: UnlistedStore | None = None
    note_unwritten: Callable[[Iterable[Movie]], None] | None = None
    """Gets what the list has, if the `store` does not keep it."""
    history: History = NO_HISTORY
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, snapshot: WatchlistSnapshot) -> IntakeCounts:
        """Queue what is new, record what is on the disk, drop what left the list twice in a row.

        Raises StorageError: not all of it could be written, or it is not known how much of a list that
        is read for the first time is to be queued; take it in again.
        """
        found: list[tuple[Movie, str]] = []
        if self.queue_manager.missing(snapshot.movies):
            with self.lock:
                wanted = self._compare(snapshot, concludes_removals=False).wanted
            # Looking through the disks may take long, so nobody is made to wait for it.
            found = self._find_on_disk(self.queue_manager.missing(wanted))
        return self._take(snapshot, found, concludes_removals=snapshot.concludes and not snapshot.unread)

    def take_again(self) -> IntakeCounts:
        """Take in that the list is as it was at the last reading; raises as `take`."""
        with self.lock:
            memory = self.store.load()
        if memory is None:  # nothing was read yet, or what was remembered is damaged
            return IntakeCounts(0, 0, 0, 0)
        return self.take(WatchlistSnapshot(memory.owner, memory.movies, origin=memory.origin))

    def take_export(self, snapshot: WatchlistSnapshot) -> IntakeCounts:
        """Take in an export, which may be older than the last reading: it tells of no removal.

        What is on the disk already is left to the download worker to find. Raises as `take`.
        """
        return self._take(snapshot, [], concludes_removals=False)

    def _take(
        self, snapshot: WatchlistSnapshot, found: list[tuple[Movie, str]], *, concludes_removals: bool
    ) -> IntakeCounts:
        with self.lock:
            change = self._compare(snapshot, concludes_removals=concludes_removals)
            # While the queues still tell the films' torrents.
            if self.unlisted and (change.unlisted or change.listed_again):
                hashes_of = self.queue_manager.torrents_of
                self.unlisted.note(change.unlisted, hashes_of, listed_again=change.listed_again)
            self._note_new(change)
            there = self.queue_manager.add_all_to_completed(found)
            queue_of = self.queue_manager.queue_of
            # Before they are queued, as then they are told apart; a crash in between notes it twice.
            self.history.note(Happened.LISTED, (each for each in change.wanted if queue_of(each) is None))
            queued = self.queue_manager.add_all_to_pending(change.wanted)
            on_disk = {movie.keys() for movie, _ in found}
            again = [movie for movie in change.listed_again if movie.keys() not in on_disk]
            queued += self.queue_manager.add_all_to_pending(again, again=True)
            dropped = self.queue_manager.drop_unlisted(change.unlisted)
            self.store.save(change.memory)
        self.history.note(Happened.LISTED, again)
        for movie, where in found:
            self.history.note(Happened.ALREADY_THERE, movie, where)
            _log.info("%s: already downloaded: %s", movie.label, where)
        for movie in dropped:
            _log.info("%s: no longer listed, so removed from the queue.", movie.label)
        self.history.note(Happened.LEFT, dropped)
        return IntakeCounts(len(snapshot.movies), queued, there, len(dropped))

    def _note_new(self, change: WatchlistChange) -> None:
        """Remember new films of a list with keys of its own before they are queued, where that is harmless.

        Whoever takes one from the queue, after a crash too, finds the list that it is on. What left the
        list, or came back, is concluded anew from what was remembered before.
        """
        is_harmless = not (change.unlisted or change.listed_again)
        if is_harmless and self.wish and self.wish.has_own_terms:
            queue_of = self.queue_manager.queue_of
            if any(queue_of(movie) is None for movie in change.wanted):
                self.store.save(change.memory)

    def _compare(self, snapshot: WatchlistSnapshot, *, concludes_removals: bool) -> WatchlistChange:
        """Compare a reading with what is remembered; its films are known from now on."""
        snapshot, before = aligned(snapshot, self.store.load(), self.known)
        if self.first_run is None and is_first_reading(snapshot, before):
            raise StorageError(
                "This list is new, but first_run in config.json can't be used. "
                "Fix it to queue the list's films."
            )
        first_run = "new" if self.first_run is None else self.first_run
        change = compare(snapshot, before, first_run=first_run, concludes_removals=concludes_removals)
        change = self._among_all(change)
        self.known.note_listed(self.store.path, change.memory.known)
        if self.note_unwritten:
            self.note_unwritten(chain(change.memory.movies, change.memory.absent))
        waiting = give_keys(self.queue_manager.missing(change.wanted), self.queue_manager)
        if waiting:
            change = replace(
                change, wanted=PackedMovies(each for each in change.wanted if each.id not in waiting)
            )
        return change

    def _among_all(self, change: WatchlistChange) -> WatchlistChange:
        """Return what a change of this list means beside the others, and what it wants of its films."""
        if change.unlisted or change.listed_again:
            change = among_others(change, AsQueued(self.elsewhere(), self.queue_manager))
        if self.wish is None or (self.wish.years is None and self.wish.limit is None):
            return change
        chosen = KeySet(self.wish.chosen(change.memory.movies))
        return replace(
            change,
            wanted=PackedMovies(filter(chosen.has_one_of, change.wanted)),
            listed_again=tuple(filter(chosen.has_one_of, change.listed_again)),
        )

    def _find_on_disk(self, movies: Iterable[Movie]) -> list[tuple[Movie, str]]:
        """Look for films in the library; what cannot be looked for is left to the download worker."""
        found = []
        try:
            for movie in movies:
                try:
                    as_known = self.known.in_company(movie)
                    where = self.library.find(as_known, knows_title=self.known.knows_title, rules=self.rules)
                    found += [(movie, where)] if where is not None else []
                except UnclearFilmError:  # the download worker says so
                    continue
                except MovieSyncError:
                    raise
                except Exception as exc:  # noqa: BLE001 - one film keeps no other one back
                    _log.debug("Couldn't look for %s.", movie.label, exc_info=exc)
        except LibraryError as exc:
            _log.warning(
                "%s Films are queued anyway, and looked for again before anything is downloaded.", exc
            )
        return found
