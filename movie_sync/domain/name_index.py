"""Find a film among many names without judging every pair.

Each name is filed under the hashes of its readings' keys, eight bytes each; a film looks under its
own keys and judges the few names found there. A name with a typing error is found under the ends of
its title, of which at least one is right. What `judge` says of a name is never changed by the index.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator

from movie_sync.domain.already_there import KnowsTitle, counts_as_there, knows_no_title
from movie_sync.domain.judging import judge
from movie_sync.domain.path_name import parse_path
from movie_sync.domain.readings import Reading
from movie_sync.domain.typos import is_long_enough
from movie_sync.domain.wanted import WantedFilm, Worth

_BUCKETS = 256
_ID_BITS = 24
_ID_MASK = (1 << _ID_BITS) - 1
_HASH_MASK = (1 << (64 - _ID_BITS)) - 1
_END_LETTERS = 4


def _hash(text: str) -> int:
    return hash(text) & _HASH_MASK


def _ends(key: str, year: int) -> tuple[str, str]:
    """Return what a misspelt title is found by: the year with its first and with its last letters."""
    return f"{year}<{key[:_END_LETTERS]}", f"{year}>{key[-_END_LETTERS:]}"


class KeyIndex:
    """Which of many numbered names may be a film. About 30 bytes a name; not thread-safe.

    Numbers are the caller's own, below 2**24.
    """

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]
        self._unsorted: set[int] = set()

    def add(self, number: int, name: str, imdb_id: str | None = None) -> None:
        """File a name; `imdb_id` is what stands beside it (an .nfo) and counts as part of it."""
        path = parse_path(name)
        for key in set(self._keys(path.readings)):
            self._put(_hash(key), number)
        for known_id in {path.imdb_id, imdb_id} - {None}:
            self._put(_hash(f"#{known_id}"), number)

    @staticmethod
    def _keys(readings: Iterable[Reading]) -> Iterator[str]:
        for reading in readings:
            key = reading.key.squashed
            yield key
            if reading.year is not None and is_long_enough(reading.key.words):
                yield from _ends(key, reading.year)

    def _put(self, hashed: int, number: int) -> None:
        bucket = hashed >> (64 - _ID_BITS - 8)
        self._buckets[bucket].append(hashed << _ID_BITS | number)
        self._unsorted.add(bucket)

    def discard(self, numbers: Collection[int]) -> None:
        """Forget names by their numbers."""
        if not numbers:
            return
        for bucket, entries in enumerate(self._buckets):
            kept = array("Q", (entry for entry in entries if entry & _ID_MASK not in numbers))
            if len(kept) != len(entries):
                self._buckets[bucket] = kept

    def candidates(self, wanted: WantedFilm) -> list[int]:
        """Return the numbers of the names that may be a film, likeliest first, none twice."""
        found: dict[int, None] = {}
        if wanted.imdb_id:
            found.update(dict.fromkeys(self._under(_hash(f"#{wanted.imdb_id}"))))
        for key in wanted.keys:
            found.update(dict.fromkeys(self._under(_hash(key))))
        if wanted.year is not None:
            for key, known in wanted.keys.items():
                if known.worth <= Worth.ALTERNATIVE and is_long_enough(known.key.words):
                    for end in _ends(key, wanted.year):
                        found.update(dict.fromkeys(self._under(_hash(end))))
        return list(found)

    def _under(self, hashed: int) -> Iterator[int]:
        number = hashed >> (64 - _ID_BITS - 8)
        bucket = self._buckets[number]
        if number in self._unsorted:
            bucket = self._buckets[number] = array("Q", sorted(bucket))
            self._unsorted.discard(number)
        position = bisect_left(bucket, hashed << _ID_BITS)
        while position < len(bucket) and bucket[position] >> _ID_BITS == hashed:
            yield bucket[position] & _ID_MASK
            position += 1


class NameIndex:
    """Many names (or paths), in which a film is found in microseconds. Not thread-safe."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = bytearray()
        self._starts = array("I", [0])
        self._index = KeyIndex()
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, name: str) -> None:
        """Add a name."""
        self._index.add(len(self), name)
        self._names += name.encode("utf-8", "surrogatepass")
        self._starts.append(len(self._names))

    def find(
        self,
        wanted: WantedFilm,
        *,
        but_for: Collection[str] = (),
        knows_title: KnowsTitle = knows_no_title,
    ) -> str | None:
        """Return a name that counts as the film, the first added of several, or None."""
        for number in sorted(self._index.candidates(wanted)):
            name = self._name(number)
            if name not in but_for and counts_as_there(judge(wanted, name), knows_title):
                return name
        return None

    def _name(self, number: int) -> str:
        return self._names[self._starts[number] : self._starts[number + 1]].decode("utf-8", "surrogatepass")
