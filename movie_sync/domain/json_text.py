"""JSON from outside, which may be anything: read so that no text can take the parser to its limits."""

import json
import re
from collections.abc import Callable
from typing import Any

# Nothing we read or write nests deeper than a handful.
_MOST_NESTING = 50
_STRING_OPENING_OR_CLOSING = re.compile(rb'"(?:[^"\\]|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


def parse_json(text: str | bytes, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:  # noqa: ANN401 - it may be anything
    """Return the value of a JSON text; bytes are UTF-8, with or without a mark at the beginning.

    Raises:
        ValueError: it is no JSON (then often a `json.JSONDecodeError`), or nests more deeply than any
            text of ours. The parser would find that out only at the end of the stack, where whatever
            else happens to run, like the closing of a connection that is no longer used, fails too.
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
