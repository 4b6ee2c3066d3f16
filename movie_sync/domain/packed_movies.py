"""A long list of films in little memory: as objects, ten thousand of them would take five megabytes."""

import marshal
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import islice, pairwise
from operator import attrgetter
from typing import overload

from movie_sync.domain.compact import Packed, sort_array
from movie_sync.domain.models import Movie

_parts = attrgetter(*(part.name for part in fields(Movie)))


class PackedMovies(Packed[Movie], Sequence[Movie]):
    """Films in their order, some fifty bytes each. Not thread-safe."""

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
            start, stop, step = place.indices(len(self))
            return PackedMovies(islice(self, start, stop, step) if step > 0 else ())
        return self._item(range(len(self))[place])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PackedMovies | tuple)
            and len(self) == len(other)
            and all(mine == theirs for mine, theirs in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def _encode(self, items: Sequence[Movie]) -> bytes:
        return marshal.dumps([_parts(movie) for movie in items])

    def _decode(self, content: bytes) -> list[Movie]:
        return [Movie(*parts) for parts in marshal.loads(content)]  # noqa: S302 - our own


def has_doubles(texts: Iterable[str]) -> bool:
    """Tell whether a text is there twice; goes by hashes, as `KeySet`."""
    return any(first == second for first, second in pairwise(sort_array(array("q", map(hash, texts)))))


class KeySet:
    """The keys of many films, eight bytes each. Two keys may be taken for one, once in 10^19 times."""

    def __init__(self, movies: Iterable[Movie]) -> None:
        hashes = array("q", (hash(key) for movie in movies for key in movie.keys()))  # noqa: SIM118 - not a dict
        self._hashes = sort_array(hashes)

    def has_one_of(self, movie: Movie) -> bool:
        """Tell whether one of a film's keys is among them."""
        for key in movie.keys():  # noqa: SIM118 - not a dict
            hashed = hash(key)
            place = bisect_left(self._hashes, hashed)
            if place < len(self._hashes) and self._hashes[place] == hashed:
                return True
        return False
