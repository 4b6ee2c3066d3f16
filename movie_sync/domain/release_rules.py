"""The user's own rules: conditions over what a release's name tells, that reject it or give it a score."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from movie_sync.domain.titles import fold

_BETWEEN_WORDS = re.compile(r"[\W_]+")


class Field(StrEnum):
    """What a condition may be about; the words of the configuration."""

    RESOLUTION = "resolution"
    SOURCE = "source"
    CODEC = "codec"
    HDR = "hdr"
    AUDIO = "audio"
    LANGUAGES = "languages"
    GROUP = "group"
    EDITION = "edition"
    WORD = "word"
    FREELEECH = "freeleech"
    INTERNAL = "internal"


VALUES: Mapping[Field, tuple[str, ...]] = {
    Field.RESOLUTION: ("2160p", "1080p", "720p", "sd"),
    Field.SOURCE: ("Remux", "Bluray", "WEB", "HDTV", "DVD"),
    Field.CODEC: ("x264", "x265", "AV1", "VC-1", "MPEG-2", "XviD"),
    Field.HDR: ("SDR", "HDR10", "HDR10+", "HLG", "DV"),
    Field.AUDIO: ("Atmos", "TrueHD", "DTS:X", "DTS-HD", "DTS", "DD+", "DD", "AAC", "FLAC"),
}
"""The values of the fields that have no others."""
TEXTS = frozenset({Field.GROUP, Field.EDITION, Field.WORD})
"""The fields whose values are texts of the user's own."""
FLAGS = frozenset({Field.FREELEECH, Field.INTERNAL})
"""The fields that are true or false."""

Condition = tuple[str, ...] | bool
"""The values of which a release has to have one, or what a flag has to be."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rejects the releases for which all conditions hold, or gives them a score.

    Each condition of `when_not` holds for a release that it would not hold for in `when`. `number` is its
    place among the rules, from 1.
    """

    number: int
    when: Mapping[Field, Condition]
    when_not: Mapping[Field, Condition]
    reject: bool = False
    score: float = 0

    def holds(self, has: Mapping[Field, Condition]) -> bool:
        """Tell whether it applies to a release, by the values that this has in each field.

        Those of `word` are the whole name.
        """
        return all(_is_met(key, has[key], wanted) for key, wanted in self.when.items()) and not any(
            _is_met(key, has[key], unwanted) for key, unwanted in self.when_not.items()
        )

    @classmethod
    def from_plain(cls, number: int, plain: Mapping[str, Any]) -> "Rule":
        """Take a checked rule in the form of the configuration."""
        when = {Field(key): value for key, value in plain["when"].items() if key != "not"}
        unwanted = {Field(key): value for key, value in plain["when"].get("not", {}).items()}
        return cls(number, when, unwanted, reject=plain.get("reject", False), score=plain.get("score", 0))

    @property
    def words(self) -> str:
        """Which rule it is, as people read it: "rule 2 (hdr DV, not hdr HDR10)"."""
        conditions = [_words(key, value) for key, value in self.when.items()]
        conditions += [f"not {_words(key, value)}" for key, value in self.when_not.items()]
        return f"rule {self.number} ({', '.join(conditions)})"


def comparable(text: str) -> str:
    """Return a name in the form in which `has_word` looks for words."""
    return " " + _BETWEEN_WORDS.sub(" ", fold(text)).strip() + " "


def has_word(comparable_name: str, word: str) -> bool:
    """Tell whether a name, made `comparable`, has a word or several in a row."""
    return bool(word.strip()) and comparable(word) in comparable_name


def _is_met(key: Field, has: Condition, wanted: Condition) -> bool:
    if isinstance(has, bool) or isinstance(wanted, bool):
        return has is wanted
    if key is Field.GROUP:
        return not {text.casefold() for text in has}.isdisjoint(text.casefold() for text in wanted)
    if key in TEXTS:
        return any(has_word(comparable(text), word) for text in has for word in wanted)
    return not set(has).isdisjoint(wanted)


def _words(key: Field, value: Condition) -> str:
    if isinstance(value, bool):
        return key if value else f"not {key}"
    return f"{key} {' or '.join(value)}"
