"""Reads the films' own pages, and knows what it means when one cannot be had."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from movie_sync.domain.models import Movie
from movie_sync.errors import (
    BlockedError,
    FilmError,
    NetworkError,
    PageChangedError,
    PagesMissingError,
    RateLimitError,
    TransientError,
    UnavailableError,
    UnclearFilmError,
    UnknownFilmError,
)
from movie_sync.ports import Clock, FilmPages

if TYPE_CHECKING:
    from movie_sync.fetching.metadata import Metadata

_log = logging.getLogger(__name__)

_BLOCKED_SECONDS = 3600.0
_OUTAGE_SECONDS = 3600.0
# Shorter than the worker's pauses by then: if the whole network was down, pages are read again at once.
_OUTAGE_LOOK_SECONDS = 600.0
_FILMS_OF_AN_OUTAGE = 3


class PageReader:
    """What one page answers may be that film's affair; what several in a row answer is Letterboxd's.

    `known_id` returns the IMDb id of a film where other lists tell it. For one thread.
    """

    def __init__(
        self,
        pages: FilmPages,
        clock: Clock,
        metadata: "Metadata | None" = None,
        known_id: Callable[[Movie], str | None] = lambda _movie: None,
        *,
        once: bool = False,
    ) -> None:
        self._pages = pages
        self._clock = clock
        self._metadata = metadata
        self._known_id = known_id
        self._none_until = 0.0
        self._patience_seconds = 0.0 if once else _OUTAGE_SECONDS
        self._unanswered_since: float | None = None  # no page since then, whichever was asked for
        # Films in a row whose page was not there, or not to be understood.
        self._missing: set[str] = set()
        self._odd: set[str] = set()
        self._why = ""

    @property
    def refusal(self) -> str:
        """Why the database of films is not asked any more, in words, or ""; for any thread."""
        return self._metadata.refused.why if self._metadata else ""

    def describe(self, movie: Movie, *, is_doubted: bool = False) -> Movie:
        """Return the film with what its page tells, and the database of films for what that lacks.

        As it is if neither can be asked now. Dates of a film that is not out yet are asked for anew now and
        then. `is_doubted`: that it has no page was seen before, and says nothing of other films' pages.

        Raises:
            UnknownFilmError: Letterboxd has no page for it.
            PagesMissingError: nor for the films before it.
            UnclearFilmError: its page cannot be read, and a title alone does not tell films apart.
            TransientError: Letterboxd cannot be reached; after an hour of that, films go without their pages,
                and in a single run at once: nothing would be different in the next one.
        """
        try:
            described = movie if movie.page_read else self._read(movie, is_doubted=is_doubted)
        except (FilmError, PagesMissingError) as exc:
            if self._metadata and (found := self._metadata.filled(movie)):
                _log.debug("%s", exc)
                return found
            raise
        described = (self._metadata and self._metadata.filled(described)) or described
        return (
            replace(described, imdb_id=self._known_id(described))
            if self.may_be_another(described)
            else described
        )

    def may_be_another(self, movie: Movie) -> bool:
        """Tell whether a film may be one that another list names by its IMDb id alone; its page tells."""
        return not (movie.imdb_id or movie.page_read) and self._known_id(movie) is not None

    def _read(self, movie: Movie, *, is_doubted: bool) -> Movie:
        if self._clock.monotonic() >= self._none_until:
            since, self._unanswered_since = self._unanswered_since, None
            try:
                described = self._pages.read(movie)
            except (NetworkError, UnavailableError, RateLimitError) as exc:
                self._forgo_in_time(exc, since)
            except UnknownFilmError as exc:
                if not is_doubted:
                    self._missing.add(movie.id)
                if len(self._missing) < _FILMS_OF_AN_OUTAGE:
                    raise
                _log.debug("%s", exc)
                raise PagesMissingError(
                    "Letterboxd had no page for several films in a row, so it's probably down."
                ) from None
            except PageChangedError as exc:
                self._odd.add(movie.id)
                self._forgo(exc, movie if len(self._odd) < _FILMS_OF_AN_OUTAGE else None)
            except BlockedError as exc:
                self._forgo(exc)
            else:
                self._missing.clear()
                self._odd.clear()
                return described
        if movie.year is None:
            unknown = "its year is" if movie.title != movie.imdb_id else "its title and year are"
            raise UnclearFilmError(f"{unknown} unknown, and its page can't be read: {self._why}")
        return movie

    def _forgo_in_time(self, exc: TransientError, since: float | None) -> None:
        """Raise the error at first, as it may be over soon; go without pages for a while if it lasts."""
        now = self._clock.monotonic()
        self._unanswered_since = since = now if since is None else since
        if now - since < self._patience_seconds:
            raise exc
        if self._none_until <= since:  # for the first time
            _log.warning("%s Until it's back, films are searched by title and year only.", exc)
        self._why = str(exc)
        self._none_until = now + max(_OUTAGE_LOOK_SECONDS, exc.retry_after_seconds or 0.0)

    def _forgo(self, exc: TransientError, movie: Movie | None = None) -> None:
        """Go without the page of a film, or for an hour without any."""
        self._why = str(exc)
        if movie is not None:
            _log.warning("%s Searching %s by title and year only.", exc, movie.label)
            return
        self._odd.clear()
        self._none_until = self._clock.monotonic() + _BLOCKED_SECONDS
        _log.warning("%s For the next hour, films are searched by title and year only.", exc)
