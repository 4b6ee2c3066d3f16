"""Find a film among many names without judging every pair.

Each name is filed by year under the hash of its title's key, eight bytes for each of its readings; a
film looks under its own keys in the years that may be its own, and only what is there need be judged.
A name with a typing error is found by the ends of its title, of which at least one is right. What
`judge` says of a name is never changed by the index.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator
from zlib import crc32

from movie_sync.domain.compact import NUMBER_BITS, NUMBER_MASK, SortedEntries
from movie_sync.domain.path_name import parse_path
from movie_sync.domain.readings import TitleReading
from movie_sync.domain.typos import is_long_enough
from movie_sync.domain.wanted import Proof, WantedFilm

# An entry with a year: the title's hash, those of its first and of its last letters, the number.
# One without a year: the title's hash, the number. One of an id: its hash, the number.
_END_BITS = 12
_END_MASK = (1 << _END_BITS) - 1
_DATED_SHIFT = NUMBER_BITS + 2 * _END_BITS
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
    """Which of many numbered names may be a film. About 12 bytes a name; not thread-safe.

    Numbers are the caller's own, below 2**24.
    """

    def __init__(self) -> None:
        self._entries = SortedEntries()

    def add(self, number: int, name: str, imdb_id: str | None = None) -> None:
        """File a name; `imdb_id` is what stands beside it (an .nfo) and counts as part of it."""
        path = parse_path(name)
        for place, entry in {self._entry(reading) for reading in path.readings}:
            self._entries.put(place, entry | number)
        for known_id in {path.imdb_id, imdb_id} - {None}:
            hashed = _hash(str(known_id))
            self._entries.put(_place(_IDS, hashed), hashed << NUMBER_BITS | number)

    @staticmethod
    def _entry(reading: TitleReading) -> tuple[int, int]:
        """Return the place that a reading is filed under, and its entry but for the number."""
        key = reading.key.squashed
        if reading.year is None:
            hashed = _hash(key)
            return _place(_UNDATED, hashed), hashed << NUMBER_BITS
        first, last = _ends(key) if is_long_enough(reading.key.words) else (0, 0)
        entry = (_hash(key) & _DATED_MASK) << 2 * _END_BITS | first << _END_BITS | last
        return reading.year, entry << NUMBER_BITS

    def discard(self, numbers: Collection[int]) -> None:
        """Forget names by their numbers."""
        if not numbers:
            return
        for place, entries in self._entries.places.items():
            kept = array("Q", (entry for entry in entries if entry & NUMBER_MASK not in numbers))
            if len(kept) != len(entries):
                self._entries.places[place] = kept

    def candidates(self, wanted: WantedFilm) -> list[int]:
        """Return the numbers of the names that may be a film, likeliest first, none twice."""
        found: dict[int, None] = {}
        if wanted.imdb_id:
            hashed = _hash(wanted.imdb_id)
            found.update(dict.fromkeys(self._entries.under(_place(_IDS, hashed), hashed, NUMBER_BITS)))
        hashes = [_hash(key) for key in wanted.keys]
        for year in self._years(wanted.year):
            for hashed in hashes:
                found.update(dict.fromkeys(self._entries.under(year, hashed & _DATED_MASK, _DATED_SHIFT)))
        for hashed in hashes:
            found.update(dict.fromkeys(self._entries.under(_place(_UNDATED, hashed), hashed, NUMBER_BITS)))
        if wanted.year in self._entries.places:
            found.update(dict.fromkeys(self._misspelt(wanted, wanted.year)))
        return list(found)

    def _years(self, year: int | None) -> Iterable[int]:
        """Return the years of which a name may be of a film of a year, its own first."""
        if year is None:
            return [place for place in self._entries.places if place >= 0]
        return year, year - 1, year + 1

    def _misspelt(self, wanted: WantedFilm, year: int) -> Iterator[int]:
        ends = [
            _ends(key)
            for key, known in wanted.keys.items()
            if known.proof <= Proof.ALTERNATIVE and is_long_enough(known.key.words)
        ]
        firsts, lasts = {first for first, _ in ends}, {last for _, last in ends}
        for entry in self._entries.places[year] if ends else ():
            both = entry >> NUMBER_BITS
            if both >> _END_BITS & _END_MASK in firsts or both & _END_MASK in lasts:
                yield entry & NUMBER_MASK
