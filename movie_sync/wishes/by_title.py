"""Films that a list names by title and year alone: each is the film of these that has keys, if one has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from movie_sync.domain.compact import KeySet, PackedMovies
from movie_sync.domain.letterboxd_text import is_title_id, title_id
from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.watchlist import OtherLists, WatchlistMemory
from movie_sync.queues.manager import QueueManager
from movie_sync.wishes.known_films import KnownFilms


def with_known_keys(movies: Iterable[Movie], known: KnownFilms) -> Iterator[Movie]:
    """Yield films, those without keys as the known ones that are meant, if there are such."""
    for movie in movies:
        meant = known.meant(movie) if is_title_id(movie.id) else None
        yield _bare(meant) if meant else movie


def has_film(films: KeySet, movie: Movie) -> bool:
    """Tell whether a list has a film, which it may name by title and year alone until it is read again."""
    if films.has_one_of(movie):
        return True
    return movie.year is not None and films.has_one_of(Movie(title_id(movie.title, movie.year), "", ""))


def aligned(
    snapshot: WatchlistSnapshot, before: WatchlistMemory | None, known: KnownFilms
) -> tuple[WatchlistSnapshot, WatchlistMemory | None]:
    """Return a reading and the one before it with the same film under the same keys in both."""
    titled = {movie.id for movie in snapshot.movies if is_title_id(movie.id)}
    if titled:
        earlier = _by_title(before.known if before else (), titled)
        own = _by_title(snapshot.movies, titled)
        left = (earlier.get(movie.id, movie) for movie in snapshot.movies if movie.id not in own)
        snapshot = replace(snapshot, movies=PackedMovies(with_known_keys(left, known)))
    if before is None:
        return snapshot, None
    now = _by_title(snapshot.movies, {movie.id for movie in before.known if is_title_id(movie.id)})
    if not now:
        return snapshot, before
    named = {f"k:{old}": frozenset(movie.keys()) for old, movie in now.items()}
    return snapshot, replace(
        before,
        movies=PackedMovies(now.get(movie.id, movie) for movie in before.movies),
        absent=tuple(now.get(movie.id, movie) for movie in before.absent),
        left=tuple(now.get(movie.id, movie) for movie in before.left),
        not_wanted=frozenset(each for key in before.not_wanted for each in named.get(key, frozenset({key}))),
    )


def give_keys(movies: Iterable[Movie], queues: QueueManager) -> set[str]:
    """Name queued films of these titles and years by these films' keys from now on.

    Returns the ids of those that are the same as a film that is just being handed over, and keeps its name.
    """
    waiting: set[str] = set()
    for movie in movies:
        if is_title_id(movie.id) or movie.year is None:
            continue
        for titled in queues.films_with_key(f"k:{title_id(movie.title, movie.year)}"):
            if not queues.name_anew(titled, movie):
                waiting.add(movie.id)
    return waiting


@dataclass(frozen=True, slots=True)
class AsQueued:
    """What the other lists have, also of films that they know by other keys than this one does."""

    others: OtherLists
    queues: QueueManager

    @property
    def is_known(self) -> bool:
        """Whether each of them was read before."""
        return self.others.is_known

    def has(self, movie: Movie) -> bool:
        """Tell whether one of them has a film, by any key that the queues know, or by title and year."""
        held = (each for key in movie.keys() for each in self.queues.films_with_key(key))  # noqa: SIM118
        titled = Movie(title_id(movie.title, movie.year), "", movie.title, movie.year)
        return any(map(self.others.has, chain([movie, titled], held)))


def _by_title(movies: Iterable[Movie], ids: set[str]) -> dict[str, Movie]:
    """Return the first film that has keys for each of these ids made of title and year."""
    found: dict[str, Movie] = {}
    if ids:
        for movie in movies:
            if movie.year is not None and not is_title_id(movie.id):
                own = title_id(movie.title, movie.year)
                if own in ids:
                    found.setdefault(own, movie)
    return found


def _bare(movie: Movie) -> Movie:
    """Return a film as a list names it."""
    return Movie(movie.id, movie.slug, movie.title, movie.year, movie.url, movie.imdb_id)
