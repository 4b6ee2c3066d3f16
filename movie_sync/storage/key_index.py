"""Which rows may hold a key, in some twenty bytes a key.

A dictionary of key strings costs five times as much, and ten thousand films have thirty thousand
keys. What is kept is half of each key's hash; whoever looks a key up checks in the row itself that
it is there, which settles chance agreements and makes it needless ever to take a key out.
"""

from array import array
from collections.abc import Iterator

_SMALLEST = 64
_ROW_BITS = 32
_ROW_MASK = (1 << _ROW_BITS) - 1


class KeyIndex:
    """A hash table from keys to row numbers (below 2**32 - 1). Not thread-safe."""

    def __init__(self) -> None:
        # A slot holds a key's short hash and, below it, the row number plus one; 0 is free.
        self._slots = array("Q", bytes(8 * _SMALLEST))
        self._used = 0

    def add(self, key: str, row: int) -> None:
        """Note that a row holds a key."""
        if row in self.rows(key):
            return
        if 3 * (self._used + 1) > 2 * len(self._slots):
            self._grow()
        self._put((_short_hash(key) << _ROW_BITS) | (row + 1))
        self._used += 1

    def rows(self, key: str) -> Iterator[int]:
        """Yield the rows that may hold a key; the caller checks."""
        wanted = _short_hash(key)
        mask = len(self._slots) - 1
        place = wanted & mask
        while slot := self._slots[place]:
            if slot >> _ROW_BITS == wanted:
                yield (slot & _ROW_MASK) - 1
            place = (place + 1) & mask

    def _put(self, slot: int) -> None:
        mask = len(self._slots) - 1
        place = (slot >> _ROW_BITS) & mask
        while self._slots[place]:
            place = (place + 1) & mask
        self._slots[place] = slot

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(16 * len(old)))
        for slot in old:
            if slot:
                self._put(slot)


def _short_hash(key: str) -> int:
    return hash(key) & _ROW_MASK
