"""Where the memory of each list lies, and what the other lists say of a film that one no longer has.

The list that `watchlist.json` remembers keeps that file, as does the one list that older settings name;
each other list has a file of its own in the folder `lists`. The file of a list that the settings no
longer name stays: its films leave as if that list had lost them.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from movie_sync.domain.compact import KeySet
from movie_sync.domain.models import Movie
from movie_sync.domain.wish_list import WishList
from movie_sync.wishes.watchlist_store import LISTS, memory_files, read_memory

_HASH_DIGITS = 16
_OF_THE_SETTINGS = re.compile(rf"[0-9a-f]{{{_HASH_DIGITS}}}\.json")
_OF_ONE_RUN = "run-"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the other lists have; `is_known` tells that each of those that are read was read before."""

    films: KeySet
    is_known: bool

    def has(self, movie: Movie) -> bool:
        """Tell whether another list has a film."""
        return self.films.has_one_of(movie)


NOWHERE = Elsewhere(KeySet(()), is_known=True)


class Memories:
    """The files of the lists that are read. `watchlist` is the path of `watchlist.json`.

    `is_older`: older settings name the one list. `is_for_a_run`: it is read in this run alone, in place of
    those of the settings, of which nothing is concluded meanwhile. `are_all_named`: the settings name every
    list, so that what they do not name was taken out. Raises StorageError: a file cannot be read now.
    """

    def __init__(
        self,
        watchlist: Path,
        lists: Sequence[WishList],
        *,
        is_older: bool = True,
        is_for_a_run: bool = False,
        are_all_named: bool = True,
    ) -> None:
        self.watchlist = watchlist
        self._folder = watchlist.parent / LISTS
        self._is_for_a_run = is_for_a_run
        self._is_older = is_older
        self._are_all_named = are_all_named and not is_for_a_run
        names = {wish.key: f"{_OF_ONE_RUN * is_for_a_run}{_name(wish)}" for wish in lists}
        self._paths = {key: self._folder / name for key, name in names.items()}
        if own := self._owner_of_watchlist(lists, is_older=is_older):
            self._paths[own.key] = watchlist

    def path_of(self, wish: WishList) -> Path:
        """Return the file of a list."""
        return self._paths[wish.key]

    def left_behind(self) -> list[Path]:
        """Return the files of lists that the settings no longer name; another username takes none out."""
        if not self._are_all_named:
            return []
        named = set(self._paths.values())
        return [
            path
            for path in memory_files(self.watchlist)
            if path not in named
            and (not self._is_older if path == self.watchlist else _OF_THE_SETTINGS.fullmatch(path.name))
        ]

    def elsewhere(self, path: Path) -> Elsewhere:
        """Return what all lists but that of one file have; a film that was missing once counts as there."""
        if list(self._paths.values()) == [path] == memory_files(self.watchlist):
            return NOWHERE
        is_known = True
        films: list[Iterator[Movie]] = []
        for other in dict.fromkeys((*self._paths.values(), *memory_files(self.watchlist))):
            if other == path:
                continue
            memory, damage = read_memory(other)
            # A file that says nothing, of a list that is not read, will say nothing later either.
            if other in self._paths.values() or memory is not None:
                is_known = is_known and not damage and memory is not None
            films += [chain(memory.movies, memory.absent)] if memory else []
        return Elsewhere(KeySet(chain.from_iterable(films)), is_known)

    def _owner_of_watchlist(self, lists: Sequence[WishList], *, is_older: bool) -> WishList | None:
        """Return the list whose memory `watchlist.json` is."""
        first = lists[0] if lists and not self._paths[lists[0].key].exists() else None
        if is_older and len(lists) == 1 and first:
            return first
        memory, damage = read_memory(self.watchlist)
        if memory is None:
            return None if damage or self._is_for_a_run else first
        owner = memory.owner.casefold()
        return next((wish for wish in lists if wish.owner.casefold() == owner), None)


def _name(wish: WishList) -> str:
    digest = hashlib.sha1(wish.key.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    return f"{digest.hexdigest()[:_HASH_DIGITS]}.json"
