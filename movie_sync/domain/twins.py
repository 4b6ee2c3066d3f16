"""Films that share a title or an IMDb id: what is called so may then be the other film."""

from array import array
from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from movie_sync.domain.compact import HashedNumbers
from movie_sync.domain.letterboxd_text import is_title_id
from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key

_NO_YEAR = 1 << 16


def own_titles(movie: Movie) -> tuple[str, ...]:
    """Return the squashed keys of a film's own titles: the main one, and the original one where known."""
    keys = (title_key(text).squashed for text in (movie.title, movie.original_title) if text)
    return tuple(dict.fromkeys(key for key in keys if key))


def letterboxd_keys(movie: Movie) -> tuple[str, ...]:
    """Return the keys that Letterboxd gave; none if only IMDb, or a title and a year, name the film."""
    others = {f"i:{movie.imdb_id}", f"k:{movie.imdb_id}"}
    if is_title_id(movie.id):
        others.add(f"k:{movie.id}")
    return tuple(key for key in movie.keys() if key not in others)  # noqa: SIM118


def is_same_film(one: Movie, other: Movie) -> bool:
    """Tell whether two entries are one film: Letterboxd's key, the slug, or the IMDb id agrees.

    Of two that are named by title and year alone, these must agree.
    An IMDb id is not enough where Letterboxd has given it to two films: both have keys of their own
    there, and their titles or years disagree.
    """
    if any(key in letterboxd_keys(other) for key in letterboxd_keys(one)):
        return True
    if one.id == other.id and is_title_id(one.id):
        return True
    if not one.imdb_id or one.imdb_id != other.imdb_id:
        return False
    if not letterboxd_keys(one) or not letterboxd_keys(other):
        return True
    are_years_one = one.year == other.year or None in (one.year, other.year)
    return are_years_one and not set(own_titles(one)).isdisjoint(own_titles(other))


def distinct(movies: Iterable[Movie]) -> Iterator[Movie]:
    """Yield films, without those that are the same as an earlier one."""
    known: dict[str, list[Movie]] = {}
    for movie in movies:
        keys = movie.keys()
        if not any(is_same_film(movie, other) for key in keys for other in known.get(key, ())):
            for key in keys:
                known.setdefault(key, []).append(movie)
            yield movie


class ListedTitles:
    """What the films of a list are called, in about forty bytes a film. Not thread-safe."""

    def __init__(self, movies: Iterable[Movie] = ()) -> None:
        self._titles = HashedNumbers()
        self._keys = HashedNumbers()
        self._years = array("H")
        for number, movie in enumerate(movies):  # one that is named twice does no harm
            self._titles.put(number, *own_titles(movie))
            self._keys.put(number, *movie.keys())
            self._years.append(movie.year if movie.year and 0 < movie.year < _NO_YEAR else 0)

    def has(self, title: str) -> bool:
        """Tell whether a film has this title, a squashed key, as its own."""
        return self._titles.get(title) is not None

    def years_of_others(self, itself: Iterable[Movie], titles: Collection[str]) -> list[int]:
        """Return the year of each film that has one of these titles and is not this one, where known.

        `itself` are the ways in which this film is named.
        """
        own = self._keys.under(*chain.from_iterable(movie.keys() for movie in itself))
        others = set(self._titles.under(*titles)).difference(own)
        return [self._years[number] for number in others if self._years[number]]
