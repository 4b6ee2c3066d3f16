"""Which films the program knows, so that one is not taken for another that is called the same.

Known are the films of all queues, the removed ones too, and those of the watchlist: also such as were on
it before Movie Sync first read it, and such as have left it.

It works on the same queues as `QueueManager`, under the same locks, and is reached through it.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.twins import ListedTitles, is_same_film, own_titles
from movie_sync.storage.queue_set import QueueSet
from movie_sync.storage.watchlist_store import read_titles


class KnownFilms:
    """Thread-safe, by the locks that `locked` takes. All methods may raise StorageError."""

    def __init__(
        self, queues: QueueSet, locked: Callable[[], AbstractContextManager[None]], watchlist: Path
    ) -> None:
        self._queues = queues
        self._locked = locked
        self._watchlist = watchlist
        self._listed: ListedTitles | None = None  # read when it is first asked for

    def note_listed(self, movies: Iterable[Movie]) -> None:
        """Take these films as those of the watchlist from now on; until then the file tells them."""
        listed = ListedTitles(movies)
        with self._locked():
            self._listed = listed

    def knows_title(self, title: str) -> bool:
        """Tell whether a film has this title, as its squashed key, as its main or original title."""
        with self._locked():
            return self._list().has(title) or any(
                True for name in QueueName for _ in self._queues[name].called([title])
            )

    def in_company(self, movie: Movie) -> Movie:
        """Return the film as names are to be judged for it: with the years of others of its titles."""
        titles = own_titles(movie)
        with self._locked():
            years = self._list().years_of_others(movie, titles)
            for name in QueueName:
                for other in self._queues[name].called(titles):
                    if other.year is not None and not is_same_film(movie, other):
                        years.add(other.year)
        return replace(movie, twin_years=tuple(sorted(years)))

    def _list(self) -> ListedTitles:
        if self._listed is None:
            self._listed = read_titles(self._watchlist)
        return self._listed
