"""Why nothing may be handed over: what of the settings protects and cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING_HANDED_OVER = "nothing is handed over until config.json is corrected"


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """A setting that protects and cannot be read, or the whole file: then `key` is empty.

    `protecting` is the known key that is meant (the key itself, but where it is misspelt). `words` are
    for people, without a full stop. Line and column, from 1, say where the key stands or the file breaks.
    """

    key: str
    protecting: str
    words: str
    line: int | None = None
    column: int | None = None


def hold_words(faults: Sequence[ConfigFault]) -> str:
    """Return in words that nothing is handed over, and because of what; nothing without faults."""
    if not faults:
        return ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{NOTHING_HANDED_OVER}: {faults[0].words}{more}"


def sentence(why: str) -> str:
    """Return why films are held back as a sentence of its own."""
    return f"{why[:1].upper()}{why[1:]}."
