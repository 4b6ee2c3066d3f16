"""The `quality` section: how its keys are read. What they mean and their defaults stand in the domain."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.domain.quality_rules import PRESETS, QualityRules
from movie_sync.domain.release_quality import ON_REQUEST_WORDS, ORDER_WORDS
from movie_sync.settings.section import Node, Rule, Section, section_of, setting
from movie_sync.settings.values import (
    MANY,
    Reader,
    UnusableValue,
    filled_text,
    flag,
    list_of,
    number,
    one_of,
    or_null,
)

# Raw discs and 3D are taken only where the order names them.
QUALITIES = (*ORDER_WORDS, *ON_REQUEST_WORDS)
_LIMIT = or_null(number(0, MANY, above_low=True))


def _size_range(value: object) -> list[float]:
    match value:
        case [first, second]:
            low, high = number(0, MANY)(first), number(0, MANY)(second)
            if low < high:
                return [low, high]
    raise UnusableValue


def _word_values(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise UnusableValue
    read = number(-MANY, MANY)
    try:
        return {filled_text(word): read(worth) for word, worth in value.items()}
    except UnusableValue:
        raise UnusableValue("an entry is not of that form") from None


_ALLOWED: Mapping[str, tuple[str, Reader]] = {
    "order": (
        f"a list of at least one of {', '.join(QUALITIES)}",
        list_of(one_of(*QUALITIES), may_be_empty=False),
    ),
    "size_mb_per_minute": ("two numbers, [least, most] MB a minute", _size_range),
    "preferred_mb_per_minute": ("a number above 0, or null for the largest", _LIMIT),
    "max_size_gb": ("a number above 0, or null for no limit", _LIMIT),
    "min_seeders": ("a whole number, 0 or more", number(0, MANY, whole=True)),
    "freeleech": ("ignore, prefer or only", one_of("ignore", "prefer", "only")),
    "prefer_internal": ("true or false", flag),
    "words": ("an object of words and the number each is worth", _word_values),
    "reject_words": ("a list of words", list_of(filled_text)),
    "wait_for_best_hours": ("a number of hours from 0 to 8760", number(0, 8760)),
}


@dataclass(frozen=True, slots=True)
class QualityPreset:
    """A ready choice."""

    preset: str | None = setting(
        None, f"one of {', '.join(PRESETS)}, or null for the built-in choice", or_null(one_of(*PRESETS))
    )


def _section() -> Section:
    keys: dict[str, Node] = dict(section_of(QualityPreset, protects=True).keys)
    defaults = dataclasses.asdict(QualityRules())
    for key, (allowed, read) in _ALLOWED.items():
        default = defaults[key]
        if key == "size_mb_per_minute":
            keys[key] = Section(
                {name: Rule(list(sizes), allowed, read, protects=True) for name, sizes in default.items()}
            )
        else:
            default = list(default) if isinstance(default, tuple) else default
            keys[key] = Rule(default, allowed, read, protects=True)
    return Section(keys)


QUALITY = _section()
