"""JSON from outside, which may be anything: read so that no text can take the parser to its limits.

And where a key stands in it, for a person who is to change it there.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

# Nothing we read or write nests deeper than a handful.
_MOST_NESTING = 50
_STRING_OPENING_OR_CLOSING = re.compile(rb'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_STRING_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:]')


def parse_json(text: str | bytes, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:  # noqa: ANN401 - it may be anything
    """Return the value of a JSON text; bytes are UTF-8, with or without a mark at the beginning.

    Raises ValueError: it is no JSON (then often a `json.JSONDecodeError`), or nests more deeply than any
    text of ours. The parser would find that out only at the end of the stack, where whatever else happens
    to run, like the closing of a connection that is no longer used, fails too.
    """
    if is_nested_deeply(text):
        raise ValueError("nested too deeply")
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig")
    return json.loads(text, object_hook=object_hook)


def is_nested_deeply(text: str | bytes) -> bool:
    """Return whether the parser, going through the text, would come deeper than fifty levels.

    Right also for what is no JSON further on.
    """
    content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    if content.count(b"[") + content.count(b"{") <= _MOST_NESTING:
        return False
    depth = 0
    for mark in _STRING_OPENING_OR_CLOSING.finditer(content):
        if mark.lastindex is not None:
            depth += 1 if mark.lastindex == 1 else -1
            if depth > _MOST_NESTING:
                return True
    return False


def part_count(text: bytes) -> int:
    """Return how many values the text holds, or more: each may cost the parser a hundred bytes."""
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def usable_number(value: object) -> float | None:
    """Return a number that can be counted with, as it is, or None for what is none, endless or below 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= sys.float_info.max else None


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
