"""Which films the program knows, so that one is not taken for another that is called the same.

Known are the films of all queues, the removed ones too, and those of the watchlist: also such as were on
it before Movie Sync first read it, and such as have left it.
"""

import threading
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from movie_sync.domain.compact import HashedNumbers
from movie_sync.domain.models import Movie
from movie_sync.domain.twins import ListedTitles, is_same_film, letterboxd_keys, own_titles
from movie_sync.queues.reader import QueueReader
from movie_sync.wishes.watchlist_store import memory_files, read_memory


class KnownFilms:
    """Thread-safe. Beside `watchlist` the files lie that tell the lists' films until `note_listed` does.

    Raises StorageError: a file cannot be read now.
    """

    def __init__(self, queues: QueueReader, watchlist: Path) -> None:
        self._queues = queues
        self._watchlist = watchlist
        self._lock = threading.RLock()
        self._listed: dict[Path, ListedTitles] | None = None  # read when they are first asked for
        self._titles = HashedNumbers()
        """The queues' numbers of films by what these are called, up to a mark."""
        self._titled_to = -1

    def note_listed(self, path: Path, movies: Iterable[Movie]) -> None:
        """Take these films as those of the list that a file remembers from now on."""
        with self._lock:
            lists = self._lists()
            lists.pop(path, None)  # of a long list two would be large
            try:
                lists[path] = ListedTitles(movies)
            except BaseException:
                self._listed = None  # what the files say counts again
                raise

    def knows_title(self, title: str) -> bool:
        """Tell whether a film has this title, as its squashed key, as its main or original title."""
        with self._lock:
            is_listed = any(listed.has(title) for listed in self._lists().values())
            return is_listed or bool(self._named([title]))

    def in_company(self, movie: Movie) -> Movie:
        """Return the film as names are to be judged for it: with the years of others of its titles.

        An IMDb id that another film has as well proves nothing, and is left out. A film that no key of
        Letterboxd's names is the known one of its title and year, unless their IMDb ids say otherwise: one
        list may name it by the one, and another by the other.
        """
        titles = own_titles(movie)
        with self._lock:
            namesakes = self._named(titles)
            itself = _as_known(movie, namesakes)
            years: list[int] = []
            for listed in self._lists().values():
                of_others = listed.years_of_others(itself, titles)
                if not any(map(letterboxd_keys, itself)) and movie.year in of_others:
                    of_others.remove(movie.year)
                years += of_others
            years += [other.year for other in namesakes if other.year and not _is_one_of(itself, other)]
            is_shared = not all(_is_one_of(itself, other) for other in self._with_id(movie.imdb_id))
        imdb_id = None if is_shared else movie.imdb_id
        return replace(movie, twin_years=tuple(sorted(set(years))), imdb_id=imdb_id)

    def imdb_id_of(self, movie: Movie) -> str | None:
        """Return the IMDb id by which another list names a film, if only one film can be meant; else None."""
        with self._lock:
            namesakes = self._named(own_titles(movie))
        itself = _as_known(movie, namesakes)
        if any(other.year == movie.year and not _is_one_of(itself, other) for other in namesakes):
            return None
        ids = {each.imdb_id for each in itself if each.imdb_id}
        return ids.pop() if len(ids) == 1 else None

    def meant(self, movie: Movie) -> Movie | None:
        """Return the known film that is meant by title and year or IMDb id; of several the best known."""
        with self._lock:
            named = (other for other in self._named(own_titles(movie)) if _is_meant(movie, other))
            known = [*self._with_id(movie.imdb_id), *named]
            return next((each for each in known if each.runtime_minutes), known[0] if known else None)

    def _lists(self) -> dict[Path, ListedTitles]:
        if self._listed is None:
            read = ((path, read_memory(path)[0]) for path in memory_files(self._watchlist))
            self._listed = {path: ListedTitles(memory.known) for path, memory in read if memory}
        return self._listed

    def _named(self, titles: Collection[str]) -> list[Movie]:
        """Return the films of the queues that have one of these titles as their own."""
        mark, written = self._queues.films(self._titled_to)
        for number, movie in written:
            self._titles.put(number, *own_titles(movie))
        self._titled_to = mark
        numbers = {number: title for title in titles for number in self._titles.under(title)}
        films = ((title, self._queues.film(number)) for number, title in sorted(numbers.items()))
        return [movie for title, movie in films if movie and title in own_titles(movie)]

    def _with_id(self, imdb_id: str | None) -> list[Movie]:
        """Return the films of the queues that have this IMDb id."""
        return self._queues.films_with_key(f"i:{imdb_id}") if imdb_id else []


def _as_known(movie: Movie, namesakes: Iterable[Movie]) -> list[Movie]:
    """Return a film, and how else it is known among those of its titles."""
    if letterboxd_keys(movie):
        return [movie, *(other for other in namesakes if _is_meant(other, movie))]
    meant = (other for other in namesakes if letterboxd_keys(other) and _is_meant(movie, other))
    return [movie, *islice(meant, 1)]


def _is_one_of(movies: Iterable[Movie], other: Movie) -> bool:
    return any(is_same_film(movie, other) for movie in movies)


def _is_meant(movie: Movie, other: Movie) -> bool:
    """Tell whether a film that is asked for by title and year alone is this known one."""
    has_other_id = movie.imdb_id and other.imdb_id and movie.imdb_id != other.imdb_id
    return not letterboxd_keys(movie) and movie.year == other.year and not has_other_id
