"""Which rows may hold a key, in some twenty bytes a key.

A dictionary of key strings costs five times as much, and ten thousand films have thirty thousand
keys. What is kept is half of each key's hash; whoever looks a key up checks in the row itself that
it is there, which settles chance agreements and makes it needless ever to take a key out.
"""

from array import array
from collections.abc import Collection

_SMALLEST = 1024
_ROW_BITS = 32
_ROW_MASK = (1 << _ROW_BITS) - 1


class KeyIndex:
    """A hash table from keys to row numbers (below 2**32 - 1). Not thread-safe."""

    def __init__(self) -> None:
        # A slot holds a key's short hash and, below it, the row number plus one; 0 is free.
        self._slots = array("Q", bytes(8 * _SMALLEST))
        self._used = 0

    def add(self, keys: Collection[str], row: int) -> None:
        """Note that a row holds these keys, which were not noted for it before."""
        slots = self._slots_with_room(len(keys))
        mask = len(slots) - 1
        for key in keys:
            short = hash(key) & _ROW_MASK
            place = short & mask
            while slots[place]:
                place = (place + 1) & mask
            slots[place] = (short << _ROW_BITS) | (row + 1)
        self._used += len(keys)

    def add_if_new(self, keys: Collection[str], row: int) -> bool:
        """Do what `add` does, unless a row may hold one of the keys already; tell whether it was done.

        It is `rows` and `add` in one pass, which is most of what queueing thousands of films takes.
        """
        slots = self._slots_with_room(len(keys))
        mask = len(slots) - 1
        taken: list[int] = []
        for key in keys:
            short = hash(key) & _ROW_MASK
            place = short & mask
            while slot := slots[place]:
                if slot >> _ROW_BITS == short:
                    for mine in taken:
                        slots[mine] = 0
                    return False
                place = (place + 1) & mask
            slots[place] = (short << _ROW_BITS) | (row + 1)
            taken.append(place)
        self._used += len(taken)
        return True

    def rows(self, keys: Collection[str]) -> list[tuple[str, int]]:
        """Return the keys with the rows that may hold them; the caller checks."""
        slots = self._slots
        mask = len(slots) - 1
        found = []
        for key in keys:
            short = hash(key) & _ROW_MASK
            place = short & mask
            while slot := slots[place]:
                if slot >> _ROW_BITS == short:
                    found.append((key, (slot & _ROW_MASK) - 1))
                place = (place + 1) & mask
        return found

    def _slots_with_room(self, count: int) -> "array[int]":
        while 2 * (self._used + count) > len(self._slots):
            self._grow()
        return self._slots

    def _grow(self) -> None:
        old = self._slots
        self._slots = slots = array("Q", bytes(16 * len(old)))
        mask = len(slots) - 1
        for slot in old:
            if slot:
                place = (slot >> _ROW_BITS) & mask
                while slots[place]:
                    place = (place + 1) & mask
                slots[place] = slot
