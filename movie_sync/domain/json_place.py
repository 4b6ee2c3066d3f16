"""Where a key stands in a JSON text, for a person who is to mend it there."""

import json
import re

_STRING_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:]')


def place_of(text: str, key: str) -> tuple[int, int] | None:
    """Return line and column, from 1, of a key such as `quality.order`; the last one, as it is what counts.

    `text` is a JSON object that was read before; None if the key is not in it.
    """
    place, string = None, ""
    begin = 0
    path: list[str] = []
    for token in _STRING_OR_MARK.finditer(text):
        if token[0] == ":":
            path[-1] = json.loads(string)
            if ".".join(path) == key:
                place = place_at(text, begin)
        elif token[0] in {"{", "["}:
            path.append("")
        elif token[0] in {"}", "]"}:
            path.pop()
        else:
            string, begin = token[0], token.start()
    return place


def place_at(text: str, at: int) -> tuple[int, int]:
    """Return line and column, from 1, of a position in a text."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
