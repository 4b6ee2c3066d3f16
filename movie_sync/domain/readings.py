"""One meaning that a name may have: a title, a year, and how sure it is."""

from enum import IntEnum
from typing import NamedTuple

from movie_sync.domain.name_rest import FilmPart, Leftover
from movie_sync.domain.titles import TitleKey


class Sureness(IntEnum):
    """How a reading came about, surest first."""

    WHOLE = 0  # all that stands before the year or the technical words
    PEELED = 1  # without edition and language words behind the title
    AKA = 2  # one of two titles that the name gives as the same film's
    LOOSE = 3  # without a word that may well belong to the title: "3D", "Final"
    FOREIGN_HALF = 4  # one half of "A - B" where the other half is in another language
    LED = 5  # behind a year that nothing but a dot or a blank parts from it
    PREFIXED = 6  # without a number or a group before the title
    OWNED = 7  # without a name before the title: "Tim Burton's"
    SECOND_HALF = 8  # the second half of "A - B": often "Director - Title"
    HALF = 9  # the first half of "A - B": often "Title - Subtitle"
    EARLY_YEAR = 10  # an earlier of two years taken for the film's


class TitleReading(NamedTuple):
    """One title that a name may mean: word indices [first, last), -1 both if the folder's name has it."""

    key: TitleKey
    year: int | None
    sureness: Sureness
    first: int
    last: int
    other: str = ""  # the key of the other half where the name gives two titles
    rest: Leftover | None = None  # what stands behind the year and is not understood
    part: FilmPart | None = None  # what behind the title names a part; one reading's key has its number
