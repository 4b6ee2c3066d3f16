"""Which rows may hold a key, in 16 to 64 bytes a key.

A dictionary of key strings takes about 90, and ten thousand films have thirty thousand keys. What
is kept is half of each key's hash; whoever looks a key up checks in the row itself that it is there,
which settles chance agreements and makes it needless ever to take a key out.
"""

from array import array
from collections.abc import Collection

_SMALLEST = 1024
_HASH_MASK = (1 << 32) - 1
# Each growth is a pass through all slots: twice as large each time takes three times as long in all.
_GROWTH = 4


class KeyIndex:
    """A hash table from keys to row numbers (below 2**32 - 1). Not thread-safe."""

    def __init__(self) -> None:
        # A slot holds a row number plus one, or 0 if it is free, and half of a key's hash.
        self._marks = array("I", bytes(4 * _SMALLEST))
        self._hashes = array("I", bytes(4 * _SMALLEST))
        self._used = 0

    def add(self, keys: Collection[str], row: int) -> None:
        """Note that a row holds these keys, which were not noted for it before."""
        self._make_room(len(keys))
        marks, hashes = self._marks, self._hashes
        mask = len(marks) - 1
        for key in keys:
            half = hash(key) & _HASH_MASK
            place = half & mask
            while marks[place]:
                place = (place + 1) & mask
            marks[place], hashes[place] = row + 1, half
        self._used += len(keys)

    def add_if_new(self, keys: Collection[str], row: int) -> bool:
        """Do what `add` does, unless a row may hold one of the keys already; tell whether it was done.

        It is `rows` and `add` in one pass, which is most of what queueing thousands of films takes.
        """
        self._make_room(len(keys))
        marks, hashes = self._marks, self._hashes
        mask = len(marks) - 1
        taken: list[int] = []
        for key in keys:
            half = hash(key) & _HASH_MASK
            place = half & mask
            while marks[place]:
                if hashes[place] == half:
                    for mine in taken:
                        marks[mine] = 0
                    return False
                place = (place + 1) & mask
            marks[place], hashes[place] = row + 1, half
            taken.append(place)
        self._used += len(taken)
        return True

    def rows(self, keys: Collection[str]) -> list[tuple[str, int]]:
        """Return the keys with the rows that may hold them; the caller checks."""
        marks, hashes = self._marks, self._hashes
        mask = len(marks) - 1
        found = []
        for key in keys:
            half = hash(key) & _HASH_MASK
            place = half & mask
            while mark := marks[place]:
                if hashes[place] == half:
                    found.append((key, mark - 1))
                place = (place + 1) & mask
        return found

    def _make_room(self, count: int) -> None:
        while 2 * (self._used + count) > len(self._marks):
            self._grow()

    def _grow(self) -> None:
        old_marks, old_hashes = self._marks, self._hashes
        size = _GROWTH * len(old_marks)
        self._marks = marks = array("I", bytes(4 * size))
        self._hashes = hashes = array("I", bytes(4 * size))
        mask = size - 1
        for mark, half in zip(old_marks, old_hashes, strict=True):
            if mark:
                place = half & mask
                while marks[place]:
                    place = (place + 1) & mask
                marks[place], hashes[place] = mark, half
