"""One list of films that the user wants, as the settings name it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

from movie_sync.domain.models import Movie

FirstRun = Literal["all", "new"] | int
"""How much of a list is wanted when it is first read: all, only what is new from then on, or the newest."""


class Placement(NamedTuple):
    """Where a film's torrent goes in the client instead of where others go; empty: as for all films.

    `tags` are given to it besides the usual ones, `save_path` is the folder as the client names it.
    """

    category: str = ""
    tags: tuple[str, ...] = ()
    save_path: str = ""


AS_USUAL = Placement()


@dataclass(frozen=True, slots=True)
class WishList:
    """Which list it is, and what holds for its films; None and empty: as for all films.

    `kind` is the name of its service, `place` what tells one list of that kind from another: a user's name,
    a list's path, a file. `owner` is whose list it is, as its readings have it, in letters of either case;
    `label` what people call it, `site` what is asked for it, empty for a file of the user's. `years` are the
    first and the last, `limit` is how many films the years leave of it at most, `interval` the seconds
    between two readings, `max_pages` how long it may be.
    """

    kind: str
    place: str
    owner: str = ""
    label: str = ""
    site: str = ""
    name: str = ""
    first_run: FirstRun | None = None
    years: tuple[int, int] | None = None
    limit: int | None = None
    preset: str = ""
    languages: tuple[str, ...] | None = None
    category: str = ""
    tags: tuple[str, ...] = ()
    save_path: str = ""
    interval: float | None = None
    max_pages: int | None = None

    @property
    def key(self) -> str:
        """What tells it from every other list, also once the settings are others."""
        return f"{self.kind}:{self.owner.casefold()}"

    @property
    def placement(self) -> Placement:
        """Where the torrents of its films go."""
        return Placement(self.category, tuple(self.tags), self.save_path)

    @property
    def judges(self) -> bool:
        """Tell whether it has its own word on which releases are taken for its films."""
        return bool(self.preset) or self.languages is not None

    @property
    def has_own_terms(self) -> bool:
        """Tell whether anything is different for its films once they are looked for."""
        return self.judges or self.placement != AS_USUAL

    def takes(self, movie: Movie) -> bool:
        """Tell whether a film on it is wanted by its year; one of no year is not where years are given."""
        if self.years is None:
            return True
        return movie.year is not None and self.years[0] <= movie.year <= self.years[1]

    def chosen(self, movies: Iterable[Movie]) -> Iterable[Movie]:
        """Yield those of a list's films, in its order, that its years and its limit leave."""
        return islice(filter(self.takes, movies), self.limit)
