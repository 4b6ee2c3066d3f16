"""The last watchlist that was read whole, whose it is, and what follows from earlier ones."""

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie
from movie_sync.domain.twins import ListedTitles
from movie_sync.domain.watchlist import WatchlistMemory
from movie_sync.ports import Clock
from movie_sync.storage.aside import Aside
from movie_sync.storage.atomic_file import previous_of, write_atomically
from movie_sync.storage.entry_codec import format_time, movie_from_dict, movie_to_dict
from movie_sync.storage.whole_file import DamagedError, read_whole

_log = logging.getLogger(__name__)


class WatchlistStore:
    """`watchlist.json`. For one thread at a time, from `load` to `save`: it remembers the damage it saw.

    With `writable=False` nothing is written.

    Of a damaged file what is good counts, and the generation before it fills the gap. The damaged
    content is put aside when the next memory takes its place, and that is said in the log.
    """

    def __init__(self, path: Path, clock: Clock, *, writable: bool = True) -> None:
        self._path = path
        self._clock = clock
        self._writable = writable
        self._damage = ""

    def load(self, like: Iterable[Movie] = ()) -> WatchlistMemory | None:
        """Return what is remembered, or None if there is nothing (yet, or any more).

        A remembered film that equals one of `like` is that very object: a list of thousands is not
        in memory twice.

        Raises:
            StorageError: it cannot be read for a reason that has nothing to do with it.
        """
        self._damage = ""
        try:
            found = _read(self._path, like)
        except FileNotFoundError:
            return None
        except ValueError as exc:
            found = _Reading(None, str(exc))
        if not found.damage:
            return found.memory
        self._damage = found.damage
        try:
            earlier = _read(previous_of(self._path)).memory
        except (FileNotFoundError, ValueError):
            earlier = None
        return _filled(found, earlier)

    def save(self, memory: WatchlistMemory) -> None:
        """Replace what is remembered.

        Raises:
            StorageError: it could not be written.
        """
        if not self._writable:
            return
        aside = Aside(self._path, self._clock)
        write_atomically(
            self._path,
            _encode(memory, format_time(self._clock.now())),
            keep_previous=not self._damage,
            make_way=aside if self._damage else None,
        )
        if self._damage:
            _log.warning("%s was damaged: %s. It was written anew.%s", self._path, self._damage, aside.words)
        self._damage = ""


def read_titles(path: Path) -> ListedTitles:
    """Return what the films of a `watchlist.json` are called; none of the list's films is kept.

    What a damaged file lacks the one before it tells, as with `WatchlistStore.load`.

    Raises:
        StorageError: it cannot be read for a reason that has nothing to do with it.
    """
    titles = ListedTitles()

    def take(plain: dict[str, object]) -> object:
        if "username" in plain:
            return plain
        with contextlib.suppress(ValueError):  # it is no film
            titles.add(movie_from_dict(plain))
        return None

    for place in (path, previous_of(path)):
        with contextlib.suppress(FileNotFoundError, ValueError):
            if isinstance(parse_json(read_whole(place), object_hook=take), dict):
                break
    return titles


@dataclass(frozen=True, slots=True)
class _Reading:
    """What could be read of a file, and what is wrong with it, if anything."""

    memory: WatchlistMemory | None
    damage: str = ""
    are_keys_whole: bool = False


def _read(path: Path, like: Iterable[Movie] = ()) -> _Reading:
    """Raise FileNotFoundError, StorageError, or ValueError with words if nothing can be made of it."""
    is_empty = False
    try:
        text = read_whole(path).decode("utf-8-sig")
        is_empty = not text.strip()
        plain = parse_json(text, object_hook=_Reader(like))
    except DamagedError:
        raise
    except ValueError:
        raise DamagedError("it is empty" if is_empty else "it is no JSON") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("username"), str):
        raise DamagedError("it is no watchlist")
    odd = 0
    lists: dict[str, tuple[Movie, ...]] = {}
    for name in ("films", "absent", "left"):
        lists[name], odd_here = _movies(plain.get(name))
        odd += odd_here
    keys, odd_keys = _keys(plain.get("not_wanted"))
    odd += odd_keys
    memory = WatchlistMemory(
        owner=plain["username"],
        movies=lists["films"],
        absent=lists["absent"],
        left=lists["left"],
        not_wanted=keys,
    )
    return _Reading(memory, f"{odd} of its entries cannot be read" if odd else "", not odd_keys)


class _Reader:
    """Makes films of JSON objects as soon as each is parsed, before the next takes its memory."""

    def __init__(self, like: Iterable[Movie]) -> None:
        self._known = {movie.id: movie for movie in like}

    def __call__(self, plain: dict[str, object]) -> object:
        """Return the film; None if it is none; the document itself as it is."""
        if "username" in plain:
            return plain
        try:
            movie = movie_from_dict(plain)
        except (ValueError, TypeError, AttributeError):
            return None
        known = self._known.get(movie.id)
        return known if known == movie else movie


def _movies(listed: object) -> tuple[tuple[Movie, ...], int]:
    """Return the films of a list, and how many of its entries are none."""
    if not isinstance(listed, list):
        return (), 1
    movies = tuple(entry for entry in listed if isinstance(entry, Movie))
    return movies, len(listed) - len(movies)


def _keys(listed: object) -> tuple[frozenset[str], int]:
    if not isinstance(listed, list):
        return frozenset(), 1
    keys = frozenset(key for key in listed if isinstance(key, str))
    return keys, sum(not isinstance(key, str) for key in listed)


def _filled(found: _Reading, earlier: WatchlistMemory | None) -> WatchlistMemory | None:
    """Return the good part of a damaged memory with what the one before it knew besides."""
    memory = found.memory
    if memory is None or earlier is None or memory.owner.casefold() != earlier.owner.casefold():
        return memory or earlier
    known: set[str] = set()
    for movie in (*memory.movies, *memory.absent, *memory.left):
        known.update(movie.keys())

    def lost(movies: tuple[Movie, ...]) -> tuple[Movie, ...]:
        return tuple(movie for movie in movies if known.isdisjoint(movie.keys()))

    return WatchlistMemory(
        owner=memory.owner,
        movies=memory.movies + lost(earlier.movies),
        absent=memory.absent + lost(earlier.absent),
        left=memory.left + lost(earlier.left),
        not_wanted=memory.not_wanted | (frozenset() if found.are_keys_whole else earlier.not_wanted),
    )


def _encode(memory: WatchlistMemory, read_at: str) -> Iterator[bytes]:
    yield b'{"version": 1, "username": ' + _json(memory.owner) + b', "read_at": ' + _json(read_at)
    for name, movies in (("films", memory.movies), ("absent", memory.absent), ("left", memory.left)):
        yield b",\n" + _json(name) + b": ["
        for number, movie in enumerate(movies):
            yield (b",\n" if number else b"\n") + _json(movie_to_dict(movie, with_page=False))
        yield b"]"
    yield b',\n"not_wanted": ' + _json(sorted(memory.not_wanted)) + b"}\n"


def _json(value: object) -> bytes:
    # In ASCII: a single emoji would make the text of the whole file four times as large while it is read.
    return json.dumps(value).encode()
