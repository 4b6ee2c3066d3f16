"""Which list's keys hold for a film: those of the first one, in the order of the file, that has it.

Nothing of it is kept with the film, so that it follows the lists and the settings.
"""

import threading
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from movie_sync.domain.compact import KeySet
from movie_sync.domain.models import Movie
from movie_sync.domain.wish_list import WishList
from movie_sync.storage.regular_file import file_signature
from movie_sync.wishes.by_title import has_film
from movie_sync.wishes.watchlist_store import read_memory


class FirstLists:
    """Thread-safe. `lists` are in the order of the file, each with the file that remembers it.

    A film that was missing from a list once is still on it. Of lists of which none has keys of its own
    no file is read; else each is read again after it was written, and its films' keys are kept.
    """

    def __init__(self, lists: Iterable[tuple[WishList, Path]]) -> None:
        self._lists = list(lists)
        while self._lists and not self._lists[-1][0].has_own_terms:
            self._lists.pop()  # whichever of the rest has a film, the general settings hold
        self._read: dict[Path, tuple[object, KeySet]] = {}
        self._noted: dict[Path, KeySet] = {}
        self._lock = threading.Lock()

    def note(self, path: Path, movies: Iterable[Movie]) -> None:
        """Take these films as those of a list, whatever its file says: in a run that writes none."""
        films = KeySet(movies)
        with self._lock:
            self._noted[path] = films

    def of(self, movie: Movie) -> WishList | None:
        """Return the list of a film, if its keys are different from the general settings.

        Raises StorageError: a file cannot be read now.
        """
        with self._lock:
            for wish, path in self._lists:
                if has_film(self._films(path), movie):
                    return wish if wish.has_own_terms else None
        return None

    def _films(self, path: Path) -> KeySet:
        if path in self._noted:
            return self._noted[path]
        signature = file_signature(path)
        found = self._read.get(path)
        if found is None or found[0] != signature:
            memory, _ = read_memory(path)
            films = KeySet(chain(memory.movies, memory.absent) if memory else ())
            found = self._read[path] = signature, films
        return found[1]
