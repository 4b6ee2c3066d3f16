"""What follows from a watchlist that was read whole, given what was read before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol

from movie_sync.domain.compact import KeySet, PackedMovies
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.wish_list import FirstRun


@dataclass(frozen=True, slots=True)
class WatchlistMemory:
    """What is kept from one reading to the next.

    `absent` are films that the last reading no longer listed (once so far), `left` those that two
    readings in a row no longer listed, `not_wanted` keys of films that were on the list before
    Movie Sync first read it and that the user did not ask for (`first_run`). `origin` is the
    first that a reading had: what later ones must have as well, or they conclude no removals.
    """

    owner: str
    movies: Sequence[Movie] = ()
    absent: tuple[Movie, ...] = ()
    left: tuple[Movie, ...] = ()
    not_wanted: frozenset[str] = frozenset()
    origin: str = ""

    @property
    def known(self) -> Iterable[Movie]:
        """All films that it names: those on the list, and those that were."""
        return chain(self.movies, self.absent, self.left)


@dataclass(frozen=True, slots=True)
class WatchlistChange:
    """What a reading asks for.

    `wanted` and `listed_again` (films that had left) stand in list order, `unlisted` ones are to
    be dropped from the queues, `memory` is to be kept once that is done.
    """

    wanted: Sequence[Movie]
    listed_again: tuple[Movie, ...]
    unlisted: tuple[Movie, ...]
    memory: WatchlistMemory


def compare(
    snapshot: WatchlistSnapshot,
    before: WatchlistMemory | None,
    *,
    first_run: FirstRun,
    concludes_removals: bool = True,
) -> WatchlistChange:
    """Compare a reading with what is remembered.

    Another owner's list is another list: nothing is concluded from films it does not name. Nor is
    it with `concludes_removals=False` (an export that may be old): it only adds films.
    """
    movies = _with_known_slugs(snapshot.movies, before.movies if before else ())
    if before is None or is_first_reading(snapshot, before):
        return _first_reading(snapshot, movies, first_run)
    concludes_removals = concludes_removals and snapshot.origin == before.origin
    listed, left_before = KeySet(movies), KeySet(before.left)
    wanted = movies
    if before.not_wanted:
        wanted = PackedMovies(movie for movie in movies if before.not_wanted.isdisjoint(movie.keys()))
    listed_again = tuple(movie for movie in movies if left_before.has_one_of(movie))
    gone_once, gone_twice = unlisted_of(before.movies, listed), unlisted_of(before.absent, listed)
    if not concludes_removals:  # what it does not name counts as the reading before it said
        movies, gone_once, gone_twice = PackedMovies(chain(movies, gone_once)), gone_twice, ()
    memory = WatchlistMemory(
        owner=snapshot.owner,
        movies=movies,
        absent=gone_once,
        left=(*unlisted_of(before.left, listed), *gone_twice),
        not_wanted=before.not_wanted - _keys(gone_twice),
        origin=before.origin or snapshot.origin,
    )
    return WatchlistChange(wanted=wanted, listed_again=listed_again, unlisted=gone_twice, memory=memory)


class OtherLists(Protocol):
    """What the lists beside one have."""

    @property
    def is_known(self) -> bool:
        """Whether each of them was read before."""

    def has(self, movie: Movie) -> bool:
        """Tell whether one of them has a film."""


def among_others(change: WatchlistChange, others: OtherLists) -> WatchlistChange:
    """Return what a change of one list means beside the others.

    A film that is still on another list has not left, and is not a new wish when this one lists it again.
    While it is not known what is on the others, none leaves: it still counts as missing for the first time.
    """
    memory, unlisted = change.memory, change.unlisted
    if not others.is_known:
        undecided = KeySet(unlisted)
        left = tuple(movie for movie in memory.left if not undecided.has_one_of(movie))
        memory = replace(memory, absent=memory.absent + unlisted, left=left)
        unlisted = ()
    return replace(
        change,
        memory=memory,
        unlisted=tuple(movie for movie in unlisted if not others.has(movie)),
        listed_again=tuple(movie for movie in change.listed_again if not others.has(movie)),
    )


def is_first_reading(snapshot: WatchlistSnapshot, before: WatchlistMemory | None) -> bool:
    """Tell whether nothing is remembered of this owner's list."""
    return before is None or before.owner.casefold() != snapshot.owner.casefold()


def _first_reading(
    snapshot: WatchlistSnapshot, movies: Sequence[Movie], first_run: FirstRun
) -> WatchlistChange:
    count = first_run if isinstance(first_run, int) else len(movies) if first_run == "all" else 0
    wanted = movies if count >= len(movies) else movies[:count]
    not_wanted = _keys(movies[count:]) - _keys(wanted) if len(wanted) < len(movies) else frozenset()
    memory = WatchlistMemory(snapshot.owner, movies, not_wanted=not_wanted, origin=snapshot.origin)
    return WatchlistChange(wanted=wanted, listed_again=(), unlisted=(), memory=memory)


def unlisted_of(movies: Iterable[Movie], listed: KeySet) -> tuple[Movie, ...]:
    """Return those of the films that are not listed."""
    return tuple(movie for movie in movies if not listed.has_one_of(movie))


def _keys(movies: Iterable[Movie]) -> frozenset[str]:
    return frozenset(key for movie in movies for key in movie.keys())  # noqa: SIM118 - not a dict


def _with_known_slugs(movies: Sequence[Movie], known: Iterable[Movie]) -> Sequence[Movie]:
    """Give films that an export names by key alone the slug that an earlier reading saw."""
    without = {movie.id for movie in movies if not movie.slug}
    if not without:
        return movies
    by_id = {movie.id: movie for movie in known if movie.slug and movie.id in without}
    return PackedMovies(movie if movie.slug else by_id.get(movie.id, movie) for movie in movies)
