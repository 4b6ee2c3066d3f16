"""Films that share a title: a name with a year off by one may then be the other film."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key


def with_twin_years(movies: Iterable[Movie], known: Iterable[Movie] = ()) -> tuple[Movie, ...]:
    """Return the films with the years of other films, among them and among `known`, of the same title."""
    movies = tuple(movies)
    years: dict[str, set[int]] = defaultdict(set)
    for movie in (*movies, *known):
        if movie.year is not None:
            years[title_key(movie.title).squashed].add(movie.year)
    marked = []
    for movie in movies:
        others = tuple(sorted(years.get(title_key(movie.title).squashed, set()) - {movie.year}))
        marked.append(replace(movie, twin_years=others) if others != movie.twin_years else movie)
    return tuple(marked)
