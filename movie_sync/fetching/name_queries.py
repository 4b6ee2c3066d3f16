"""What a film is searched for by on a tracker that is searched by words."""

import re
import unicodedata

from movie_sync.domain.models import Movie
from movie_sync.domain.titles import fold

# The film's title, its original title, and a few others: each is a call of the hourly budget.
_MOST_NAME_SEARCHES = 4
_NO_WORD = re.compile(r"[^\w\s]|_")


def name_queries(movie: Movie) -> list[str]:
    """Return the word searches that may find a film: its titles with the year, each once."""
    others = [title for title in movie.alternative_titles if _is_latin(title)]
    queries: dict[str, str] = {}
    for title in (movie.title, movie.original_title or "", *others):
        words = _as_words(title)
        if words:
            queries.setdefault(fold(words), f"{words} {movie.year}" if movie.year else words)
    return list(queries.values())[:_MOST_NAME_SEARCHES]


def _is_latin(title: str) -> bool:
    """Tell whether a release could be named so: names on the tracker are in Latin letters."""
    return all("LATIN" in unicodedata.name(mark, "") for mark in title if mark.isalpha())


def most_queries(movie: Movie) -> int:
    """Return how many searches for a film there are at most on each tracker; one, if that finds enough."""
    return len(name_queries(movie)) + bool(movie.imdb_id)


def _as_words(title: str) -> str:
    """Leave words alone: the tracker's search takes punctuation literally, release names have none."""
    return " ".join(_NO_WORD.sub(" ", title.replace("'", "").replace("\u2019", "")).split())
