"""Why a release is not taken: the kinds of reasons as values, and their words in one place."""

from enum import Enum, auto
from typing import NamedTuple


class RefusalKind(Enum):
    """What speaks against a release."""

    GIVEN_UP = auto()
    OTHER_IMDB_ID = auto()
    OTHER_FILM = auto()
    PERHAPS_ANOTHER = auto()
    NOT_EXACT = auto()
    BAD_SOURCE = auto()
    HARDCODED_SUBTITLES = auto()
    UPSCALED = auto()
    RAW_DISC = auto()
    THREE_D = auto()
    QUALITY_NOT_WANTED = auto()
    QUALITY_UNKNOWN = auto()
    TOO_SMALL = auto()
    TOO_LARGE = auto()
    OVER_SIZE_LIMIT = auto()
    REJECTED_WORD = auto()
    NOT_FREELEECH = auto()
    NO_TORRENT_FILE = auto()
    FEW_SEEDERS = auto()


_WORDS = {
    RefusalKind.GIVEN_UP: "taken before and given up: {}",
    RefusalKind.OTHER_IMDB_ID: "IMDb id of another film",
    RefusalKind.PERHAPS_ANOTHER: "perhaps another film: {}",
    RefusalKind.NOT_EXACT: "title and year must agree exactly where no IMDb id is known: {}",
    RefusalKind.HARDCODED_SUBTITLES: "hardcoded subtitles",
    RefusalKind.UPSCALED: "upscaled",
    RefusalKind.RAW_DISC: "raw disc",
    RefusalKind.THREE_D: "3D",
    RefusalKind.QUALITY_NOT_WANTED: "quality {} is not in the order",
    RefusalKind.QUALITY_UNKNOWN: "the name does not tell the quality",
    RefusalKind.REJECTED_WORD: "rejected word {}",
    RefusalKind.NOT_FREELEECH: "not freeleech",
    RefusalKind.NO_TORRENT_FILE: "offered as a magnet link only, which is not supported",
}


class Refusal(NamedTuple):
    """One reason against a release, and what it is about in this case."""

    kind: RefusalKind
    detail: str = ""

    @property
    def words(self) -> str:
        """The reason as people read it."""
        return _WORDS.get(self.kind, "{}").format(self.detail)
