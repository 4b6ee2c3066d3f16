"""Many names and numbers in little memory: a Python object for each of 50,000 would cost megabytes.

Nothing here is thread-safe.
"""

import heapq
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator

_NAMES_IN_A_BLOCK = 128
_BLOCKS_AT_HAND = 2
_PARTS = 64
_SORTED_AT_ONCE = 2048
_NUMBER_BITS = 24
_NUMBER_MASK = (1 << _NUMBER_BITS) - 1
_HASH_MASK = (1 << (64 - _NUMBER_BITS)) - 1
_END = "\0"  # no file name holds it


def sort_array(values: "array[int]") -> "array[int]":
    """Return an array in order, without making an object of each of its numbers at once."""
    parts = [
        array(values.typecode, sorted(values[first : first + _SORTED_AT_ONCE]))
        for first in range(0, len(values), _SORTED_AT_ONCE)
    ]
    return parts[0] if len(parts) == 1 else array(values.typecode, heapq.merge(*parts))


class PackedNames:
    """Names by their number, from 0, as they were added: about 20 bytes each, packed by the hundred."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[str] = []
        self._at_hand: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._blocks) * _NAMES_IN_A_BLOCK + len(self._open)

    def __iter__(self) -> Iterator[str]:
        for block in range(len(self._blocks)):
            yield from self._unpacked(block)
        yield from self._open

    def drain(self) -> Iterator[str]:
        """Yield all names, and forget them on the way."""
        self._blocks.reverse()
        while self._blocks:
            yield from self._unpacked(-1)
            self._blocks.pop()
        yield from self._open
        self._open.clear()

    def __getitem__(self, number: int) -> str:
        block, place = divmod(number, _NAMES_IN_A_BLOCK)
        if block == len(self._blocks):
            return self._open[place]
        names = self._at_hand.get(block)
        if names is None:
            if len(self._at_hand) == _BLOCKS_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            names = self._at_hand[block] = self._unpacked(block)
        return names[place]

    def append(self, name: str) -> int:
        """Add a name (without a zero character) and return its number."""
        self._open.append(name)
        if len(self._open) == _NAMES_IN_A_BLOCK:
            self._blocks.append(zlib.compress(_END.join(self._open).encode("utf-8", "surrogatepass"), 9))
            self._open.clear()
        return len(self) - 1

    def _unpacked(self, block: int) -> list[str]:
        return zlib.decompress(self._blocks[block]).decode("utf-8", "surrogatepass").split(_END)


class HashedNumbers:
    """Numbers below 2**24 by a key, eight bytes each. First all are put, then they are asked for.

    A key is known by its hash: two keys may be taken for one, once in millions of times.
    """

    def __init__(self) -> None:
        self._parts = [array("Q") for _ in range(_PARTS)]
        self._sorted: set[int] = set()

    def put(self, key: object, number: int) -> None:
        """Add a number under a key."""
        hashed = hash(key) & _HASH_MASK
        self._parts[hashed % _PARTS].append(hashed << _NUMBER_BITS | number)

    def get(self, key: object) -> int | None:
        """Return the lowest number under a key, or None."""
        hashed = hash(key) & _HASH_MASK
        part = hashed % _PARTS
        if part not in self._sorted:
            self._parts[part] = sort_array(self._parts[part])
            self._sorted.add(part)
        entries = self._parts[part]
        place = bisect_left(entries, hashed << _NUMBER_BITS)
        if place < len(entries) and entries[place] >> _NUMBER_BITS == hashed:
            return entries[place] & _NUMBER_MASK
        return None
