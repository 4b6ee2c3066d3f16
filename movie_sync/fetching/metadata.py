"""What a database of films knows, asked for what Letterboxd does not tell; all works without it, too."""

import json
import logging
import math
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from movie_sync.complaints import Complaints, log_where, words_of
from movie_sync.domain.film_facts import FilmFacts, ReleaseDates, facts_from_dict, facts_to_dict, filled
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie
from movie_sync.domain.times import format_time, parse_time, pause_seconds
from movie_sync.domain.titles import title_key
from movie_sync.errors import AuthError, StorageError, TransientError
from movie_sync.ports import Clock, FilmDatabase
from movie_sync.storage.growing_file import add_lines, lines_of

_log = logging.getLogger(__name__)

_FRESH_FOR = timedelta(days=7)
_MOST_BYTES = 1_000_000


@dataclass(slots=True)
class RefusedKey:
    """Whether the database refused the key, in words. It outlives sessions: the key is not sent again."""

    why: str = ""


@dataclass(eq=False, repr=False, kw_only=True)
class Metadata:
    """Fills films with what the database knows; asks it at most once a week for each, and keeps the answers.

    The answers are in the file at `path`, which is nowhere in memory; where there is none they are not kept.
    Whatever fails is said once, and the film stays as it is. For one thread.
    """

    database: FilmDatabase
    path: Path | None
    clock: Clock
    refused: RefusedKey
    wants_posters: bool = True
    _failures: int = field(default=0, init=False)
    _not_before: float = field(default=-math.inf, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)

    def filled(self, movie: Movie) -> Movie | None:
        """Return a film with what is known of it; None if nothing is, or nothing lacks."""
        if movie.page_read and not self._lacks_something(movie):
            return None
        facts = self._facts(movie)
        return filled(movie, facts) if facts else None

    def _lacks_something(self, movie: Movie) -> bool:
        if movie.is_series:
            return False
        lacks_poster = self.wants_posters and not movie.poster
        if not (movie.imdb_id and movie.runtime_minutes) or movie.original_language is None or lacks_poster:
            return True
        today = self.clock.now().date()
        home = ReleaseDates.parse(movie.release_dates).home
        return (movie.year is None or movie.year >= today.year - 1) and (home is None or home > today)

    def _facts(self, movie: Movie) -> FilmFacts | None:
        key = self._key(movie)
        is_fresh, known = self._kept(key)
        if is_fresh or self.refused.why or self.clock.monotonic() < self._not_before:
            return known
        try:
            facts = self.database.look_up(movie)
        except AuthError as exc:
            self.refused.why = str(exc)
            _log.error("%s Films are searched without it.", exc)
        except Exception as exc:  # noqa: BLE001 - no film fails as nobody foresaw what comes from there
            log_where(exc)
            self._rest(exc)
        else:
            self._failures = 0
            self._complaints.over()
            self._keep(key, facts)
            if facts and facts.imdb_id and not movie.imdb_id:  # by which it is asked for from now on
                self._keep(self._key(filled(movie, facts)), facts)
            return facts
        return known

    def _rest(self, exc: Exception) -> None:
        self._failures += 1
        asked = exc.retry_after_seconds if isinstance(exc, TransientError) else None
        seconds = max(pause_seconds(self._failures), asked or 0.0)
        self._not_before = self.clock.monotonic() + seconds
        self._complaints.say(words_of(exc), " Films are searched without it meanwhile.")

    def _key(self, movie: Movie) -> str:
        film = movie.imdb_id or f"{title_key(movie.title).squashed} {movie.year}"
        return f"{self.database.edition} {film}"

    def _kept(self, key: str) -> tuple[bool, FilmFacts | None]:
        """Return whether the last answer for a film is fresh, and what it was."""
        if self.path is None:
            return False, None
        begin, last = json.dumps({"film": key})[:-1].encode(), b""
        try:
            for line in lines_of(self.path):
                if line.startswith(begin):
                    last = line
            plain = parse_json(last) if last else None
        except (StorageError, ValueError) as exc:
            _log.debug("%s", exc)
            return False, None
        if not isinstance(plain, dict) or not (at := parse_time(plain.get("at"))):
            return False, None
        answer = plain.get("facts")
        is_fresh = timedelta(0) <= self.clock.now() - at < _FRESH_FOR
        return is_fresh, facts_from_dict(answer) if isinstance(answer, dict) else None

    def _keep(self, key: str, facts: FilmFacts | None) -> None:
        if self.path is None:
            return
        now = self.clock.now()
        line = json.dumps({"film": key, "at": format_time(now), "facts": facts_to_dict(facts)}).encode()
        try:
            add_lines(self.path, line + b"\n", most_bytes=_MOST_BYTES, now=now)
        except StorageError as exc:  # it costs a call; a full disk is said by those who need it
            _log.debug("%s", exc)
