"""Why a release is not taken: the kinds of reasons as values, and their words in one place."""

from enum import Enum
from typing import NamedTuple

_SHORT = {"camera copy": "CAM", "regional copy": "regional release"}


class RefusalKind(Enum):
    """What speaks against a release; the words for it are formatted with what the refusal is about."""

    GIVEN_UP = "tried before and given up: {}"
    REJECTED_BY_USER = "rejected by you"
    ANOTHER_GRABBED = "you grabbed {}"
    OTHER_IMDB_ID = "another film's IMDb id"
    OTHER_FILM = "{0.reason}"
    PERHAPS_ANOTHER = "may be another film: {0.reason}"
    ONLY_AN_ID_TELLS = "can't be sure without an IMDb id: {0.reason}"
    NO_YEAR = "can't be sure without the year; add --year"
    NOT_EXACT = "without an IMDb id, title and year must match exactly: {0.reason}"
    BAD_SOURCE = "{}"
    HARDCODED_SUBTITLES = "hardcoded subtitles"
    UPSCALED = "upscaled"
    RAW_DISC = "raw disc"
    THREE_D = "3D"
    QUALITY_NOT_WANTED = "{0.name} isn't in quality.order"
    QUALITY_UNKNOWN = "no quality in the name"
    TOO_SMALL = "too small: {:.1f} MB/min, at least {:g} for {}"
    TOO_LARGE = "too large: {:.0f} MB/min, at most {:g} for {}"
    OVER_SIZE_LIMIT = "{:.0f} GB is over the limit of {:g} GB"
    REJECTED_WORD = 'contains "{}", one of your rejected words'
    DUBBED = "dubbed: {}"
    RULE = "rejected by {}"
    NOT_FREELEECH = "not freeleech"
    NO_TORRENT_FILE = "magnet link only, which isn't supported"
    NO_SEEDERS = "no seeders"
    ONE_SEEDER = "1 seeder, at least {1} needed"
    FEW_SEEDERS = "{} seeders, at least {} needed"


def bad_source(bad: str) -> "Refusal":
    """Return the refusal of a picture that nobody should watch, by what `ReleaseQuality.bad` calls it."""
    return Refusal(RefusalKind.BAD_SOURCE, (_SHORT.get(bad, bad),))


class Refusal(NamedTuple):
    """One reason against a release, and what it is about in this case."""

    kind: RefusalKind
    about: tuple[object, ...] = ()

    @property
    def words(self) -> str:
        """The reason as people read it."""
        return self.kind.value.format(*self.about)
