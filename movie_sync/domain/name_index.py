"""Find a film among many names without judging every pair.

Each name is filed by year under the hash of its title's key, eight bytes for each of its readings; a
film looks under its own keys in the years that may be its own, and only what is there need be judged.
A name with a typing error is found by the ends of its title, of which at least one is right. What
`judge` says of a name is never changed by the index.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator
from zlib import crc32

from movie_sync.domain.compact import sort_array
from movie_sync.domain.judging import is_long_enough
from movie_sync.domain.path_name import parse_path
from movie_sync.domain.readings import TitleReading
from movie_sync.domain.wanted import Proof, WantedFilm

# An entry with a year: the title's hash, those of its first and of its last letters, the number.
# One without a year: the title's hash, the number. One of an id: its hash, the number.
_NUMBER_BITS = 24
_NUMBER_MASK = (1 << _NUMBER_BITS) - 1
_END_BITS = 12
_END_MASK = (1 << _END_BITS) - 1
_DATED_SHIFT = _NUMBER_BITS + 2 * _END_BITS
_DATED_MASK = (1 << (64 - _DATED_SHIFT)) - 1
_END_LETTERS = 4
# What has no year is filed under the first bits of its hash: places below 0, those of ids lower still.
_BITS_OF_A_PLACE = 5
_UNDATED = -(1 << _BITS_OF_A_PLACE)
_IDS = 2 * _UNDATED


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


def _place(first: int, hashed: int) -> int:
    return first + (hashed >> 32 - _BITS_OF_A_PLACE)


def _ends(key: str) -> tuple[int, int]:
    """Return what a misspelt title is found by, beside its year: its first and its last letters."""
    first, last = _hash(key[:_END_LETTERS]), _hash(key[-_END_LETTERS:])
    return first % _END_MASK + 1, last % _END_MASK + 1  # 0 stands for a title that is too short


class KeyIndex:
    """Which of many names, numbered below 2**24, may be a film. About 12 bytes a name; not thread-safe."""

    def __init__(self) -> None:
        self._places: dict[int, array[int]] = {}  # each sorted when it is looked at
        self._unsorted: set[int] = set()

    def add(self, number: int, name: str, imdb_id: str | None = None) -> None:
        """File a name; `imdb_id` is what stands beside it (an .nfo) and counts as part of it."""
        path = parse_path(name)
        for place, entry in {self._entry(reading) for reading in path.readings}:
            self._put(place, entry | number)
        for known_id in {path.imdb_id, imdb_id} - {None}:
            hashed = _hash(str(known_id))
            self._put(_place(_IDS, hashed), hashed << _NUMBER_BITS | number)

    def _put(self, place: int, entry: int) -> None:
        self._places.setdefault(place, array("Q")).append(entry)
        self._unsorted.add(place)

    @staticmethod
    def _entry(reading: TitleReading) -> tuple[int, int]:
        """Return the place that a reading is filed under, and its entry but for the number."""
        key = reading.key.squashed
        if reading.year is None:
            hashed = _hash(key)
            return _place(_UNDATED, hashed), hashed << _NUMBER_BITS
        first, last = _ends(key) if is_long_enough(reading.key.words) else (0, 0)
        entry = (_hash(key) & _DATED_MASK) << 2 * _END_BITS | first << _END_BITS | last
        return reading.year, entry << _NUMBER_BITS

    def discard(self, numbers: Collection[int]) -> None:
        """Forget names by their numbers."""
        for place, entries in self._places.items() if numbers else ():
            kept = array("Q", (entry for entry in entries if entry & _NUMBER_MASK not in numbers))
            if len(kept) != len(entries):
                self._places[place] = kept

    def candidates(self, wanted: WantedFilm) -> list[int]:
        """Return the numbers of the names that may be a film, likeliest first, none twice."""
        return list(dict.fromkeys(self._may_be(wanted)))

    def _may_be(self, wanted: WantedFilm) -> Iterator[int]:
        if wanted.imdb_id:
            hashed = _hash(wanted.imdb_id)
            yield from self._under(_place(_IDS, hashed), hashed, _NUMBER_BITS)
        hashes = [_hash(key) for key in wanted.keys]
        year = wanted.year
        years = (year, year - 1, year + 1) if year else [place for place in self._places if place >= 0]
        for place in years:
            for hashed in hashes:
                yield from self._under(place, hashed & _DATED_MASK, _DATED_SHIFT)
        for hashed in hashes:
            yield from self._under(_place(_UNDATED, hashed), hashed, _NUMBER_BITS)
        if year in self._places:
            yield from self._misspelt(wanted, self._places[year])

    def _under(self, place: int, bits: int, shift: int) -> Iterator[int]:
        """Yield the numbers of a place's entries that have these bits above `shift`."""
        if place in self._unsorted:
            self._places[place] = sort_array(self._places[place])
            self._unsorted.discard(place)
        entries = self._places.get(place, ())
        for position in range(bisect_left(entries, bits << shift), len(entries)):
            if entries[position] >> shift != bits:
                break
            yield entries[position] & _NUMBER_MASK

    @staticmethod
    def _misspelt(wanted: WantedFilm, entries: "array[int]") -> Iterator[int]:
        ends = [
            _ends(key)
            for key, known in wanted.keys.items()
            if known.proof <= Proof.ALTERNATIVE and is_long_enough(known.key.words)
        ]
        firsts, lasts = {first for first, _ in ends}, {last for _, last in ends}
        for entry in entries if ends else ():
            both = entry >> _NUMBER_BITS
            if both >> _END_BITS & _END_MASK in firsts or both & _END_MASK in lasts:
                yield entry & _NUMBER_MASK
