"""Films that share a title: a name with a year off by one may then be the other film."""

import itertools
from collections.abc import Iterable
from dataclasses import replace

from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key


def with_twin_years(movies: Iterable[Movie], known: Iterable[Movie] = ()) -> tuple[Movie, ...]:
    """Return the films with the years of other films, among them and among `known`, of the same title."""
    movies = tuple(movies)
    first_years: dict[str, int] = {}
    years: dict[str, set[int]] = {}  # of the few titles that have more than one
    for movie in itertools.chain(movies, known):
        if movie.year is not None:
            key = title_key(movie.title).squashed
            first = first_years.setdefault(key, movie.year)
            if first != movie.year:
                years.setdefault(key, {first}).add(movie.year)
    first_years.clear()
    marked = []
    for movie in movies:
        others = tuple(sorted(years.get(title_key(movie.title).squashed, set()) - {movie.year}))
        marked.append(replace(movie, twin_years=others) if others != movie.twin_years else movie)
    return tuple(marked)
