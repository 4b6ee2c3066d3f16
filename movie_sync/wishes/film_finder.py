"""Finds the film that a person means among those of the queues and lists: the one place that decides it."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from movie_sync.domain.film_words import film_at, film_of_slug, titles_meant
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.titles import fold, title_key
from movie_sync.domain.twins import own_titles
from movie_sync.queues.reader import QueueReader
from movie_sync.wishes.watchlist_store import memory_files, read_memory

_MOST_NEAR = 3
_NEAR_ENOUGH = 72.0  # of 100; "one" and "nobody" are below it, "hete" and "Heat (1995)" above
_NEAREST_BAND = 15.0

Queues = Collection[QueueName]


@dataclass(frozen=True, slots=True)
class FoundFilm:
    """A film that is known here, and the queue that has it; None if only a list has it."""

    movie: Movie
    queue: QueueName | None = None

    @property
    def name(self) -> str:
        """What commands know it by: its slug, else its id."""
        return self.movie.slug or self.movie.id


@dataclass(frozen=True, slots=True)
class Finding:
    """What a text names: `films` that are known (several if it is not clear which), else those near it.

    `new` is the film of an address, an IMDb id or a slug that is not known here; `is_address`
    tells that the text can be nothing else.
    """

    text: str
    films: tuple[FoundFilm, ...] = ()
    near: tuple[Movie, ...] = ()
    new: Movie | None = None
    is_address: bool = False

    @property
    def film(self) -> FoundFilm | None:
        """The film, if it is one."""
        return self.films[0] if len(self.films) == 1 else None


class FilmFinder:
    """Looks films up by id, slug, address, IMDb id or title. `watchlist` is the file of the lists' films.

    Films of the `past` count as listed.
    Raises StorageError: a file cannot be read now.
    """

    def __init__(
        self, queues: QueueReader, watchlist: Path, base_url: str, past: Sequence[Movie] = ()
    ) -> None:
        self._queues = queues
        self._watchlist = watchlist
        self._base_url = base_url
        self._past = past

    def find(self, text: str, among: Queues = tuple(QueueName), *, in_lists: bool = False) -> Finding:
        """Look for a film in some queues, and with `in_lists` among the listed ones that no queue has.

        What these do not have is looked for in the other queues too, so that it can be said where it is.
        """
        text = text.strip()
        new = film_at(text, self._base_url)
        is_address = new is not None
        new = new or film_of_slug(text, self._base_url)
        keys = new.keys() if new else ()
        found = self._with_key(keys if is_address else (f"s:{text}", *keys, f"k:{text}"), in_lists=in_lists)
        if is_address or (found and found.queue in {*among, None}):
            return Finding(text, (found,) if found else (), new=new, is_address=is_address)
        films, near = self._titled(text, among, in_lists=in_lists)
        if not films and found:
            return Finding(text, (found,))
        if not films:
            others = [name for name in QueueName if name not in among]
            films, _ = self._titled(text, others, in_lists=False)
        return Finding(text, films, () if films else near, new)

    def _with_key(self, keys: Sequence[str], *, in_lists: bool) -> FoundFilm | None:
        """Return the film that has one of these keys."""
        for key in keys:
            for movie in self._queues.films_with_key(key):
                return FoundFilm(movie, self._queues.queue_of(movie))
        listed = self._listed_or_past() if in_lists else ()
        return next((FoundFilm(movie) for movie in listed if not set(keys).isdisjoint(movie.keys())), None)

    def listed(self) -> Iterator[Movie]:
        """Yield the listed films that no queue has, each once."""
        return self._unqueued(self._lists())

    def _listed_or_past(self) -> Iterator[Movie]:
        return self._unqueued(chain(self._lists(), [self._past]))

    def _lists(self) -> Iterator[Sequence[Movie]]:
        for path in memory_files(self._watchlist):
            memory, _damage = read_memory(path)
            if memory:
                yield memory.movies

    def _unqueued(self, lists: Iterable[Sequence[Movie]]) -> Iterator[Movie]:
        seen: set[str] = set()
        for movie in chain.from_iterable(map(self._queues.missing, lists)):
            if seen.isdisjoint(movie.keys()):
                yield movie
            seen.update(movie.keys())

    def _titled(
        self, text: str, among: Queues, *, in_lists: bool
    ) -> tuple[tuple[FoundFilm, ...], tuple[Movie, ...]]:
        """Return the films that have this title, and the year if one is given; else those nearest to it."""
        meant = titles_meant(text)
        found: dict[int, list[FoundFilm]] = {}
        near: list[tuple[float, int, Movie]] = []
        wanted = fold(text)
        for number, film in enumerate(self._known(among, in_lists=in_lists)):
            rank = _rank(film.movie, meant)
            if rank is not None:
                found.setdefault(rank, []).append(film)
            elif not found and (score := _nearness(wanted, film.movie)) >= _NEAR_ENOUGH:
                near.append((score, -number, film.movie))
        if found:
            return tuple(found[min(found)]), ()
        best = heapq.nlargest(_MOST_NEAR, near)
        return (), tuple(movie for score, _, movie in best if score >= best[0][0] - _NEAREST_BAND)

    def _known(self, among: Queues, *, in_lists: bool) -> Iterator[FoundFilm]:
        for queue, movie in self._queues.each_film(among):
            yield FoundFilm(movie, queue)
        if in_lists:
            yield from map(FoundFilm, self._listed_or_past())


def _rank(movie: Movie, meant: list[tuple[str, int | None]]) -> int | None:
    """Return how well a film answers to a title, 0 best; None if it does not."""
    own = own_titles(movie)
    for rank, (key, year) in enumerate(meant):
        if key in own and year in {None, movie.year}:
            return rank
    others = {title_key(title).squashed for title in movie.alternative_titles}
    for rank, (key, year) in enumerate(meant, len(meant)):
        if key in others and year in {None, movie.year}:
            return rank
    return None


def _nearness(wanted: str, movie: Movie) -> float:
    """Return how near a folded text is to a film's title or label, of 100."""
    from rapidfuzz import fuzz  # noqa: PLC0415 - only what was not found needs it

    names = (fold(movie.title), fold(movie.label), movie.slug)
    return max(fuzz.WRatio(wanted, name) if len(name) > 1 else 0.0 for name in names)
