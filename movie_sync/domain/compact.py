"""Many names, films and numbers in little memory: as objects, ten thousand films take five megabytes.

Nothing here is thread-safe.
"""

import abc
import heapq
import marshal
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from operator import attrgetter
from typing import Generic, TypeVar, overload

from movie_sync.domain.models import Movie

_Item = TypeVar("_Item")
_BLOCKS_AT_HAND = 2
_WINDOW_BITS, _PRESS_LEVEL = 13, 5
_PARTS = 64
_SORTED_AT_ONCE = 2048
_KEYED_BITS = 28
_KEYED_MASK = (1 << _KEYED_BITS) - 1
_HASH_MASK = (1 << (64 - _KEYED_BITS)) - 1
_END = "\0"  # no file name holds it
_parts_of_movie = attrgetter(*(part.name for part in fields(Movie)))


def sort_array(values: "array[int]") -> "array[int]":
    """Return an array in order, without making an object of each number at once; `values` is used up."""
    firsts = range(0, len(values), _SORTED_AT_ONCE)
    for first in firsts:
        part = slice(first, first + _SORTED_AT_ONCE)
        values[part] = array(values.typecode, sorted(values[part]))
    with memoryview(values) as whole:
        return array(
            values.typecode, heapq.merge(*(whole[first : first + _SORTED_AT_ONCE] for first in firsts))
        )


class Packed(abc.ABC, Generic[_Item]):
    """Items by their number, from 0, as they were added; made anew whenever they are asked for.

    They are packed by the block; those of the last blocks that were asked for are at hand.
    """

    _in_a_block: int
    _compression: int

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[_Item] = []
        self._at_hand: dict[int, list[_Item]] = {}

    @abc.abstractmethod
    def _encode(self, items: Sequence[_Item]) -> bytes: ...
    @abc.abstractmethod
    def _decode(self, content: bytes) -> list[_Item]: ...

    def append(self, item: _Item) -> int:
        """Add an item and return its number."""
        self._open.append(item)
        if len(self._open) == self._in_a_block:
            # What the compressor takes meanwhile would else be more than all that it packs.
            press = zlib.compressobj(self._compression, wbits=_WINDOW_BITS, memLevel=_PRESS_LEVEL)
            self._blocks.append(press.compress(self._encode(self._open)) + press.flush())
            self._open.clear()
        return len(self) - 1

    def extend(self, items: Iterable[_Item]) -> None:
        """Add items at the end."""
        for item in items:
            self.append(item)

    def __len__(self) -> int:
        return len(self._blocks) * self._in_a_block + len(self._open)

    def __iter__(self) -> Iterator[_Item]:
        for block in range(len(self._blocks)):
            yield from self._unpacked(block)
        yield from self._open

    def _item(self, number: int) -> _Item:
        block, place = divmod(number, self._in_a_block)
        if block == len(self._blocks):
            return self._open[place]
        items = self._at_hand.get(block)
        if items is None:
            if len(self._at_hand) == _BLOCKS_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            items = self._at_hand[block] = self._unpacked(block)
        return items[place]

    def _unpacked(self, block: int) -> list[_Item]:
        return self._decode(zlib.decompress(self._blocks[block], _WINDOW_BITS))


class PackedNames(Packed[str]):
    """Names without a zero character: about 20 bytes each."""

    _in_a_block = 128
    _compression = 9

    def __getitem__(self, number: int) -> str:
        return self._item(number)

    def drain(self) -> Iterator[str]:
        """Yield all names, and forget them on the way."""
        self._blocks.reverse()
        while self._blocks:
            yield from self._unpacked(-1)
            self._blocks.pop()
        yield from self._open
        self._open.clear()

    def _encode(self, items: Sequence[str]) -> bytes:
        return _END.join(items).encode("utf-8", "surrogatepass")

    def _decode(self, content: bytes) -> list[str]:
        return content.decode("utf-8", "surrogatepass").split(_END)


class PackedMovies(Packed[Movie], Sequence[Movie]):
    """Films in their order, some fifty bytes each."""

    _in_a_block = 64
    _compression = 1

    def __init__(self, movies: Iterable[Movie] = ()) -> None:
        super().__init__()
        self.extend(movies)

    @overload
    def __getitem__(self, place: int) -> Movie: ...
    @overload
    def __getitem__(self, place: slice) -> "PackedMovies": ...
    def __getitem__(self, place: int | slice) -> "Movie | PackedMovies":
        if isinstance(place, slice):
            return PackedMovies(map(self._item, range(len(self))[place]))
        return self._item(range(len(self))[place])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PackedMovies | tuple)
            and len(self) == len(other)
            and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def _encode(self, items: Sequence[Movie]) -> bytes:
        return marshal.dumps([_parts_of_movie(movie) for movie in items])

    def _decode(self, content: bytes) -> list[Movie]:
        return [Movie(*parts) for parts in marshal.loads(content)]  # noqa: S302 - our own


def has_doubles(texts: Iterable[str]) -> bool:
    """Tell whether a text is there twice; goes by hashes, as `KeySet`."""
    return any(first == second for part in _sorted_hashes(texts) for first, second in pairwise(part))


def _sorted_hashes(keys: Iterable[str]) -> "list[array[int]]":
    """Return the hashes of keys in order, spread over parts: what is sorted at once is small."""
    parts = [array("q") for _ in range(_PARTS)]
    for hashed in map(hash, keys):
        parts[hashed % _PARTS].append(hashed)
    for part in parts:
        part[:] = array("q", sorted(part))
    return parts


class KeySet:
    """The keys of many films, eight bytes each. Two keys may be taken for one, once in 10^19 times."""

    def __init__(self, movies: Iterable[Movie]) -> None:
        self._parts = _sorted_hashes(key for movie in movies for key in movie.keys())  # noqa: SIM118 - no dict

    def has_one_of(self, movie: Movie) -> bool:
        """Tell whether one of a film's keys is among them."""
        for hashed in map(hash, movie.keys()):
            part = self._parts[hashed % _PARTS]
            place = bisect_left(part, hashed)
            if place < len(part) and part[place] == hashed:
                return True
        return False


class HashedNumbers:
    """Numbers below 2**28 by a key, eight bytes each; several may have one key.

    A key is known by its hash: two keys may be taken for one, once in a million times.
    """

    def __init__(self) -> None:
        self._parts = [array("Q") for _ in range(_PARTS)]

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def put(self, number: int, *keys: object) -> None:
        """Add a number under each of the keys, unless it is there."""
        for key in keys:
            hashed = hash(key) & _HASH_MASK
            part = self._parts[hashed % _PARTS]
            entry = hashed << _KEYED_BITS | number
            place = bisect_left(part, entry)
            if place == len(part) or part[place] != entry:
                part.insert(place, entry)

    def get(self, key: object) -> int | None:
        """Return the lowest number under a key, or None."""
        return next(iter(self.under(key)), None)

    def under(self, *keys: object) -> Sequence[int]:
        """Return the numbers under one of the keys, the lowest first."""
        found: set[int] | None = None  # mostly there are none
        for key in keys:
            hashed = hash(key) & _HASH_MASK
            entries = self._parts[hashed % _PARTS]
            place = bisect_left(entries, hashed << _KEYED_BITS)
            while place < len(entries) and entries[place] >> _KEYED_BITS == hashed:
                found = found or set()
                found.add(entries[place] & _KEYED_MASK)
                place += 1
        return sorted(found) if found else ()
