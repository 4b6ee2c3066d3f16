"""What is wrong with the settings; where it concerns one that protects, nothing may be handed over."""

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING_HANDED_OVER = "downloads are paused until config.json is fixed"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one key, or with the whole file: then `key` is empty.

    `words` and `remedy` (what is done instead) are without a full stop. `protecting` is the full name of the
    key that was given, or may have been meant, if it protects. Line and column count from 1. `is_unknown`:
    there is no such key, so that nothing but its meaning is lost.
    """

    key: str
    words: str
    remedy: str
    protecting: str = ""
    line: int | None = None
    column: int | None = None
    is_unknown: bool = False


def hold_words(faults: Sequence[Problem]) -> str:
    """Return in words that nothing is handed over, and because of what; nothing without faults."""
    if not faults:
        return ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{NOTHING_HANDED_OVER}: {faults[0].words}{more}"


def sentence(why: str) -> str:
    """Return why films are held back as a sentence of its own."""
    return f"{why[:1].upper()}{why[1:]}."
