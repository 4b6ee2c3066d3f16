"""Films that left the watchlist: shown for a month, and remembered until their torrents' tags are right."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from movie_sync.domain.models import Movie
from movie_sync.domain.times import format_time, parse_time
from movie_sync.ports import Clock
from movie_sync.queues.codec import movie_from_dict, movie_to_dict
from movie_sync.storage.document import Document, in_lines

KEPT_FOR = timedelta(days=31)

HashesOf = Callable[[Movie], tuple[str, ...]]
"""Tells the info-hashes of the torrents that were handed over for a film."""


@dataclass(frozen=True, slots=True)
class UnlistedFilm:
    """A film that left the watchlist, with the torrents that were handed over for it.

    `tagged` says that its torrents bear the tag, `relisted` that the film is listed again and is
    only here until the tag is off.
    """

    movie: Movie
    left_at: datetime
    info_hashes: tuple[str, ...] = ()
    tagged: bool = False
    relisted: bool = False

    @property
    def awaits_tag(self) -> bool:
        """Tell whether its torrents are to get the tag, or to lose it."""
        return bool(self.info_hashes) and (self.relisted or not self.tagged)


class UnlistedStore:
    """`unlisted.json`. Thread-safe; one writing process at a time.

    With `tags` what a torrent's tag waits for is kept until that is done; without, films go after
    a month and when they are listed again. With `writable=False` nothing is written. A file that
    cannot be read is put aside and begun anew: only what is shown is lost by it.

    Methods that look raise StorageError if the machine is short of something; methods that
    change raise it if nothing was changed.
    """

    def __init__(self, path: Path, clock: Clock, *, tags: bool = False, writable: bool = True) -> None:
        self._document = Document(path, clock, writable=writable)
        self._clock = clock
        self._tags = tags
        self._lock = threading.Lock()
        self._awaits_tag: bool | None = None  # None: not known

    def films(self) -> list[UnlistedFilm]:
        """Return the films, the one that left last first."""
        with self._lock:
            return self._load()

    def awaits_tag(self) -> bool:
        """Tell whether any torrent is to get the tag or to lose it; cheap where nothing changed."""
        with self._lock:
            if self._awaits_tag is None:
                self._awaits_tag = self._tags and any(film.awaits_tag for film in self._load())
            return self._awaits_tag

    def note(self, left: Iterable[Movie], hashes_of: HashesOf, *, listed_again: Iterable[Movie] = ()) -> None:
        """Remember films that left the watchlist; doing it twice does no harm.

        Those that are listed again go, once their torrents have lost the tag.
        """
        now = self._clock.now()
        with self._lock:
            films = self._load()
            by_key = {key: film for film in films for key in film.movie.keys()}  # noqa: SIM118 - not a dict
            gone: set[UnlistedFilm] = set()
            fresh = []
            changes = [(movie, True) for movie in listed_again] + [(movie, False) for movie in left]
            for movie, relisted in changes:
                before = next(filter(None, map(by_key.get, movie.keys())), UnlistedFilm(movie, now))
                gone.add(before)
                hashes = tuple(dict.fromkeys((*before.info_hashes, *hashes_of(movie))))
                left_at = now if before.relisted and not relisted else before.left_at
                if not relisted or (self._tags and hashes):
                    fresh.append(UnlistedFilm(movie, left_at, hashes, relisted=relisted))
            if fresh or not gone.isdisjoint(films):
                self._save([*fresh, *(film for film in films if film not in gone)])

    def note_tags_set(self, done: Iterable[UnlistedFilm]) -> None:
        """Note that the torrents of these films, as `films` returned them, have the tag or have lost it.

        What was noted of a film meanwhile stays to be done.
        """
        as_done = frozenset(done)
        with self._lock:
            films = [film for film in self._load() if not (film in as_done and film.relisted)]
            self._save([replace(film, tagged=film.tagged or film in as_done) for film in films])

    def _load(self) -> list[UnlistedFilm]:
        try:
            plain = self._document.load()
        except FileNotFoundError:
            return []
        if not isinstance(plain, list):
            self._document.damage = self._document.damage or "it isn't a list of films"
            return []
        now = self._clock.now()
        films = [film for entry in plain if (film := _film_from_dict(entry, now))]
        if len(films) < len(plain):
            self._document.damage = f"{len(plain) - len(films)} of its entries aren't films"
        return films

    def _save(self, films: Iterable[UnlistedFilm]) -> None:
        oldest = self._clock.now() - KEPT_FOR
        kept = (film for film in films if film.left_at > oldest or (self._tags and film.awaits_tag))
        self._document.save([*in_lines(map(_film_to_dict, kept)), b"\n"])
        self._awaits_tag = None


def _film_from_dict(plain: object, now: datetime) -> UnlistedFilm | None:
    if not isinstance(plain, dict):
        return None
    try:
        movie = movie_from_dict(plain)
    except ValueError:
        return None
    listed = plain.get("info_hashes")
    return UnlistedFilm(
        movie,
        min(parse_time(plain.get("left_at")) or now, now),
        tuple(text for text in listed if isinstance(text, str)) if isinstance(listed, list) else (),
        tagged=plain.get("tagged") is True,
        relisted=plain.get("relisted") is True,
    )


def _film_to_dict(film: UnlistedFilm) -> dict[str, object]:
    return {
        **movie_to_dict(film.movie, with_page=False),
        "left_at": format_time(film.left_at),
        "info_hashes": list(film.info_hashes),
        "tagged": film.tagged,
        "relisted": film.relisted,
    }
