"""Names to look for films among, as the library and the client's torrents are looked through."""

from collections.abc import Iterable

from movie_sync.domain.already_there import counts_as_there
from movie_sync.domain.judging import judge
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.titles import KnowsTitle, knows_no_title
from movie_sync.domain.wanted import WantedFilm


class NameList:
    """The package's index over names in a list."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._index = KeyIndex()
        for number, name in enumerate(self._names):
            self._index.add(number, name)

    def __len__(self) -> int:
        return len(self._names)

    def find(self, wanted: WantedFilm, *, knows_title: KnowsTitle = knows_no_title) -> str | None:
        """Return a name that counts as the film, the first of several, or None."""
        names = (self._names[number] for number in sorted(self._index.candidates(wanted)))
        return next((name for name in names if counts_as_there(judge(wanted, name), knows_title)), None)
