"""The films that a command names: found among those known here, else looked up on Letterboxd."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from movie_sync.commands.context import Context
from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import FilmError, TransientError, UnknownFilmError
from movie_sync.invocation import command_line
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.film_lines import elsewhere_words, not_found_words, unknown_words
from movie_sync.services.letterboxd.service import LetterboxdSettings
from movie_sync.wishes.film_finder import FilmFinder, Finding, FoundFilm

if TYPE_CHECKING:
    from movie_sync.commands.building import Services


@dataclass(frozen=True, slots=True)
class NamedFilm:
    """A film that a command may work with; `doubt` is why its page could not be read, if it was to be."""

    movie: Movie
    queue: QueueName | None = None
    doubt: str = ""


@dataclass(eq=False, repr=False)
class FilmNames:
    """Finds the films that a command's arguments name; complains on stderr about the rest."""

    context: Context
    view: QueueManager
    past: Sequence[Movie] = ()
    """Films of earlier days that can be named too."""
    series_too: bool = False
    """Whether a series may be meant: a release of it is taken on the user's word alone."""
    _finder: FilmFinder = field(init=False)
    _services: "Services | None" = field(default=None, init=False)
    _doubt: str = field(default="", init=False)

    def __post_init__(self) -> None:
        base_url = self.context.config.section(LetterboxdSettings).base_url
        self._finder = FilmFinder(self.view, self.context.paths.watchlist, base_url, self.past)

    def look_up(self, text: str) -> Finding:
        """Return what a text names, in queues and lists; nothing is said."""
        return self._finder.find(text, in_lists=True)

    def listed(self, most: int) -> list[str]:
        """Return the labels of listed films that no queue has."""
        return [movie.label for movie in islice(self._finder.listed(), most)]

    def known(self, text: str, among: Collection[QueueName], otherwise: str) -> FoundFilm | None:
        """Return the film of one of these queues; `otherwise` is said of one that is elsewhere."""
        finding = self._finder.find(text, among)
        here = [film for film in finding.films if film.queue in among]
        if len(here) == 1:
            return here[0]
        if not here and finding.film:
            self.context.complain(elsewhere_words(finding.film, otherwise))
        else:
            self.context.complain(not_found_words(finding, "see `queue`"))
        return None

    def any(self, text: str) -> NamedFilm | None:
        """Return the film of a queue or list, else the one that Letterboxd has under a name of its own."""
        finding = self.look_up(text)
        if film := finding.film:
            return NamedFilm(film.movie, film.queue)
        if finding.films or finding.new is None:
            self.context.complain(not_found_words(finding, "give its Letterboxd address or its IMDb id"))
            return None
        return self.read(finding)

    def read(self, finding: Finding) -> NamedFilm | None:
        """Return the new film of a finding, with what its page tells if that can be read now.

        None, which is said: Letterboxd has no such film, or it is a series and none may be meant.
        """
        movie = finding.new
        if movie is None or self._doubt:
            return NamedFilm(movie, doubt=self._doubt) if movie else None
        if self._services is None:
            from movie_sync.commands.building import Services  # noqa: PLC0415 - not for what is known here

            self._services = Services(self.context, stop=threading.Event())
        try:
            movie = self._services.pages.read(movie)
        except UnknownFilmError as exc:
            self.context.complain(str(exc) if finding.is_address else unknown_words(finding))
            return None
        except FilmError as exc:
            self.context.complain(str(exc))
            return None
        except TransientError as exc:
            self._doubt = str(exc).rstrip(".")  # the others are not asked for: it is not the film's fault
            return NamedFilm(movie, doubt=self._doubt)
        if movie.is_series and not self.series_too:
            self.context.complain(
                f"{movie.label} is a series; Movie Sync only downloads films. To take a release "
                f"of it all the same, run `{command_line('search', finding.text)}`, then `grab`."
            )
            return None
        return NamedFilm(movie, self.view.queue_of(movie))
