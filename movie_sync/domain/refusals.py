"""Why a release is not taken: the kinds of reasons as values, and their words in one place."""

from enum import Enum
from typing import NamedTuple


class RefusalKind(Enum):
    """What speaks against a release; the words for it are formatted with what the refusal is about."""

    GIVEN_UP = "taken before and given up: {}"
    REJECTED_BY_USER = "rejected by you"
    ANOTHER_GRABBED = "you took {}"
    OTHER_IMDB_ID = "IMDb id of another film"
    NAMES_ANOTHER = "{0.reason}"
    OTHER_FILM = "not this film: {0.reason}"
    PERHAPS_ANOTHER = "perhaps another film: {0.reason}"
    ONLY_AN_ID_TELLS = "perhaps another film: {0.reason}, and no IMDb id tells"
    NOT_EXACT = "title and year must agree exactly where no IMDb id is known: {0.reason}"
    BAD_SOURCE = "{0.bad}"
    HARDCODED_SUBTITLES = "hardcoded subtitles"
    UPSCALED = "upscaled"
    RAW_DISC = "raw disc"
    THREE_D = "3D"
    QUALITY_NOT_WANTED = "quality {0.name} is not in the order"
    QUALITY_UNKNOWN = "the name does not tell the quality"
    TOO_SMALL = "{:.1f} MB a minute, under {:g} for {}"
    TOO_LARGE = "{:.0f} MB a minute, over {:g} for {}"
    OVER_SIZE_LIMIT = "{:.0f} GB over the limit of {:g} GB"
    REJECTED_WORD = "rejected word {}"
    DUBBED = "dubbed: {}"
    RULE = "rejected by {}"
    NOT_FREELEECH = "not freeleech"
    NO_TORRENT_FILE = "offered as a magnet link only, which is not supported"
    NO_SEEDERS = "no seeders"
    ONE_SEEDER = "1 seeder, at least {1} wanted"
    FEW_SEEDERS = "{} seeders, at least {} wanted"


class Refusal(NamedTuple):
    """One reason against a release, and what it is about in this case."""

    kind: RefusalKind
    about: tuple[object, ...] = ()

    @property
    def words(self) -> str:
        """The reason as people read it."""
        return self.kind.value.format(*self.about)
