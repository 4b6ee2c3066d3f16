"""JSON from outside, which may be anything: read so that no text can take the parser to its limits."""

import json
from collections.abc import Callable, Iterator
from typing import Any

# Nothing we read or write nests deeper than a handful.
_MOST_NESTING = 50
_PIECE = 16_384
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


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
    """Return whether the parser, going through the text, would come far deeper than fifty levels.

    Right also for what is no JSON further on. Texts up to about a hundred levels may pass; it takes
    little memory beside the text.
    """
    if isinstance(text, bytes):
        openings = text.count(b"[") + text.count(b"{")
    else:
        openings = text.count("[") + text.count("{")
    if openings <= _MOST_NESTING:
        return False
    is_in_string = False
    rest = b""
    for piece in _pieces(text):
        # Of what stands between quotes every second part is the inside of a string.
        parts = piece.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')
        rest += b"".join(parts[is_in_string::2]).translate(None, _NO_BRACKETS)
        is_in_string ^= len(parts) % 2 == 0
        for _ in range(_MOST_NESTING):
            if not rest:
                break
            rest = rest.replace(b"[]", b"").replace(b"{}", b"")
        if len(rest) > _MOST_NESTING:
            return True
    return False


def part_count(text: bytes) -> int:
    """Return how many values the text holds, or more: each may cost the parser a hundred bytes."""
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _pieces(text: str | bytes) -> Iterator[bytes]:
    """Cut the text, never between a backslash and what it stands before."""
    begin = 0
    while begin < len(text):
        end = begin + _PIECE
        while text[end - 1 : end] in {"\\", b"\\"}:
            end += 1
        piece = text[begin:end]
        yield piece if isinstance(piece, bytes) else piece.encode(errors="surrogatepass")
        begin = end
