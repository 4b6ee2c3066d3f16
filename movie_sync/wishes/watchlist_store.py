"""The last watchlist that was read whole, whose it is, and what follows from earlier ones."""

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from movie_sync.domain.compact import KeySet, PackedMovies
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie
from movie_sync.domain.times import format_time
from movie_sync.domain.watchlist import WatchlistMemory, unlisted_of
from movie_sync.ports import Clock
from movie_sync.queues.codec import movie_from_dict, movie_to_dict
from movie_sync.storage.atomic_file import DamagedError, opened_whole, previous_of, told_as
from movie_sync.storage.document import Document, in_lines
from movie_sync.storage.paths import make_inner_folder

# In a document that is being read, what stands for films that were taken from their own lines.
_PLACES = "places of films"
LISTS = "lists"
"""The folder beside `watchlist.json` in which further lists are remembered."""


class WatchlistStore:
    """`watchlist.json`. For one thread at a time, from `load` to `save`: it remembers the damage it saw.

    With `writable=False` nothing is written.

    Of a damaged file what is good counts, and the generation before it fills the gap. The damaged
    content is put aside when the next memory takes its place, and that is said in the log. A StorageError is
    raised for what has nothing to do with the file, and if it could not be written.
    """

    def __init__(self, path: Path, clock: Clock, *, writable: bool = True) -> None:
        self.path = path
        self._writable = writable
        self._clock = clock
        self._document = Document(path, clock, writable=writable)

    def load(self) -> WatchlistMemory | None:
        """Return what is remembered, or None if there is nothing (yet, or any more)."""
        memory, self._document.damage = read_memory(self.path)
        return memory

    def save(self, memory: WatchlistMemory) -> None:
        """Replace what is remembered."""
        folder = self.path.parent
        if self._writable and folder.name == LISTS:
            with told_as(f"Couldn't create the folder {folder}"):
                make_inner_folder(folder)
        self._document.save(_encode(memory, format_time(self._clock.now())), keep_previous=True)


def memory_files(watchlist: Path) -> list[Path]:
    """Return the files in which lists are remembered: `watchlist.json`, and those beside it."""
    beside = sorted((watchlist.parent / LISTS).glob("*.json"))
    return [*([watchlist] if watchlist.exists() else []), *beside]


def read_memory(path: Path) -> tuple[WatchlistMemory | None, str]:
    """Return what a `watchlist.json` remembers, if anything, and what is wrong with it, if anything.

    What a damaged file lacks the one before it tells.
    """
    try:
        found = _read(path)
    except FileNotFoundError:
        return None, ""
    except ValueError as exc:
        found = _Reading(None, str(exc))
    if not found.damage:
        return found.memory, ""
    try:
        earlier = _read(previous_of(path)).memory
    except (FileNotFoundError, ValueError):
        earlier = None
    return _filled(found, earlier), found.damage


@dataclass(frozen=True, slots=True)
class _Reading:
    """What could be read of a file, and what is wrong with it, if anything."""

    memory: WatchlistMemory | None
    damage: str = ""
    are_keys_whole: bool = False


def _read(path: Path) -> _Reading:
    """Raise FileNotFoundError, StorageError, or ValueError with words if nothing can be made of it."""
    reader = _Reader()
    try:
        with opened_whole(path) as file:
            plain = reader.read(file)
    except DamagedError:
        raise
    except ValueError:
        raise DamagedError("it's empty" if reader.is_empty else "it isn't JSON") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("username"), str):
        raise DamagedError("it isn't a watchlist")
    films, absent, left = (reader.movies(plain.get(name)) for name in ("films", "absent", "left"))
    keys, odd_keys = _keys(plain.get("not_wanted"))
    odd = films[1] + absent[1] + left[1] + odd_keys
    origin = plain.get("origin")
    memory = WatchlistMemory(
        plain["username"],
        films[0],
        tuple(absent[0]),
        tuple(left[0]),
        keys,
        origin if isinstance(origin, str) else "",
    )
    return _Reading(memory, f"{odd} of its entries can't be read" if odd else "", not odd_keys)


class _Reader:
    """Packs the films of a document as soon as each is parsed, so that it is not in memory as a whole.

    `is_empty` tells, once it was read, that there was nothing but blanks.
    """

    def __init__(self) -> None:
        self._found = PackedMovies()
        self.is_empty = True

    def read(self, file: Iterable[bytes]) -> Any:  # noqa: ANN401 - it may be anything
        """Parse a document, in which lists have the places of their films then.

        Films that stand on lines of their own are read one by one.
        """
        rest = bytearray()
        first = 0
        for line in file:
            if self._is_film(line):
                continue
            rest += self._mark(first) + line
            first = len(self._found)
        rest += self._mark(first)
        self.is_empty = not rest.removeprefix(codecs.BOM_UTF8).strip()
        return parse_json(bytes(rest), object_hook=self._take)

    def _is_film(self, line: bytes) -> bool:
        """Take a line that is a film with others behind it."""
        if not (line.startswith(b"{") and line.endswith(b"},\n")):
            return False
        count = len(self._found)
        try:
            parse_json(line[:-2], object_hook=self._take)
        except ValueError:  # the whole is none either then
            return False
        return len(self._found) == count + 1

    def _mark(self, first: int) -> bytes:
        """Return what stands for the films that were taken from lines, from one on."""
        end = len(self._found)
        return json.dumps({_PLACES: [first, end]}).encode() + b",\n" if end > first else b""

    def _take(self, plain: dict[str, object]) -> object:
        """Return the place of a film, or of several in a row; None if it is none; the document as it is."""
        if "username" in plain:
            return plain
        match plain.get(_PLACES):
            case [int(first), int(end)] if 0 <= first < end <= len(self._found):
                return range(first, end)
        try:
            self._found.append(movie_from_dict(plain))
        except (ValueError, TypeError, AttributeError):
            return None
        return range(len(self._found) - 1, len(self._found))

    def movies(self, listed: object) -> tuple[Sequence[Movie], int]:
        """Return the films of a list, and how many of its entries are none."""
        if not isinstance(listed, list):
            return (), 1
        runs = [entry for entry in listed if isinstance(entry, range)]
        odd = len(listed) - len(runs)
        if sum(map(len, runs)) == len(self._found):  # as a rule, and then nothing is copied
            return self._found, odd
        return PackedMovies(self._found[place] for run in runs for place in run), odd


def _keys(listed: object) -> tuple[frozenset[str], int]:
    if not isinstance(listed, list):
        return frozenset(), 1
    keys = [key for key in listed if isinstance(key, str)]
    return frozenset(keys), len(listed) - len(keys)


def _filled(found: _Reading, earlier: WatchlistMemory | None) -> WatchlistMemory | None:
    """Return the good part of a damaged memory with what the one before it knew besides."""
    memory = found.memory
    if memory is None or earlier is None or memory.owner.casefold() != earlier.owner.casefold():
        return memory or earlier
    known = KeySet(memory.known)
    return WatchlistMemory(
        owner=memory.owner,
        movies=PackedMovies(chain(memory.movies, unlisted_of(earlier.movies, known))),
        absent=memory.absent + unlisted_of(earlier.absent, known),
        left=memory.left + unlisted_of(earlier.left, known),
        not_wanted=memory.not_wanted | (frozenset() if found.are_keys_whole else earlier.not_wanted),
        origin=memory.origin,
    )


def _encode(memory: WatchlistMemory, read_at: str) -> Iterator[bytes]:
    yield b'{"version": 1, "username": ' + _json(memory.owner) + b', "read_at": ' + _json(read_at)
    if memory.origin:
        yield b', "origin": ' + _json(memory.origin)
    for name, movies in (("films", memory.movies), ("absent", memory.absent), ("left", memory.left)):
        yield b",\n" + _json(name) + b": "
        yield from in_lines(movie_to_dict(movie, with_page=False) for movie in movies)
    yield b',\n"not_wanted": ' + _json(sorted(memory.not_wanted)) + b"}\n"


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
