"""Film titles that are the same each time and, like real ones, not close to one another."""

import random

_SYLLABLES = (
    "ba",
    "cor",
    "den",
    "fi",
    "gal",
    "hu",
    "ki",
    "lo",
    "mer",
    "no",
    "pa",
    "ris",
    "su",
    "ten",
    "vo",
    "wi",
)


def title(number: int) -> str:
    """Return a title of three words without a digit, which could be read as a year or a part."""
    dice = random.Random(number)
    return " ".join("".join(dice.choices(_SYLLABLES, k=3)).capitalize() for _ in range(3))
