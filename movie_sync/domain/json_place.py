"""Where a key stands in a JSON text, for a person who is to mend it there."""

import json
import re

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def place_of(text: str, key: str) -> tuple[int, int] | None:
    """Return line and column, from 1, of a key such as `quality.order`; the last one, as it is what counts.

    `text` is a JSON object that was read before; None if the key is not in it.
    """
    at = _skip(text, 0)
    while text[at : at + 1] == "{":
        keys = _keys(text, at)
        if key in keys:
            return place_at(text, keys[key][0])
        section, _, key = key.partition(".")
        if not key or section not in keys:
            break
        at = keys[section][1]
    return None


def place_at(text: str, at: int) -> tuple[int, int]:
    """Return line and column, from 1, of a position in a text."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _keys(text: str, at: int) -> dict[str, tuple[int, int]]:
    """Return where each key of the object at `at` begins, and its value."""
    keys = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        begin = at
        key, at = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, at) + 1)  # behind the colon
        keys[key] = (begin, value)
        _, at = _DECODER.raw_decode(text, value)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return keys


def _skip(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at
