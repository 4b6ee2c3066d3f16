"""A long JSON list is read object by object, however its bytes come."""

import itertools
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.net.json_rows import objects_in

_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_OBJECTS = st.lists(st.dictionaries(st.text(), _PLAIN | st.lists(_PLAIN, max_size=3), max_size=5), max_size=8)


@given(rows=_OBJECTS, is_ascii=st.booleans(), indent=st.sampled_from([None, 1]), size=st.integers(1, 30))
def test_whatever_the_pieces(rows: list[object], is_ascii: bool, indent: int | None, size: int) -> None:
    """Cut anywhere, also within a character, the same objects come."""
    text = json.dumps(rows, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")
    pieces = [text[begin : begin + size] for begin in range(0, len(text), size)]
    if b"\xed" not in text:  # half a surrogate pair is no UTF-8
        assert list(objects_in(pieces, 100)) == rows


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"null", b"{}", b"5", b'"x"', b"[1]", b"[null]", b"[[]]", b"[{}", b"[{},]", b"[,{}]",
        b"[{} {}]", b"[{}]x", b"[{}][]", b'[{"a"', b'[{"a": 1}', b"<html>", b"\xff\xfe", b"[" * 100_000,
        b'[{"a":' * 100_000, b"[{},{},{},{}]", b'[{"a": "' + b"x" * 300_000 + b'"}',
        b'[{"a": [' + b"0," * 100_000 + b"0]}]",
    ],
)  # fmt: skip
def test_what_is_no_list_of_objects_is_an_error(text: bytes) -> None:
    """A page, half a list, more objects than there may be: nothing of it passes for an answer."""
    for size in (1000, len(text) or 1):
        pieces = [text[begin : begin + size] for begin in range(0, len(text), size)]
        with pytest.raises((ValueError, TypeError)):
            list(objects_in(pieces, 3))


def test_blanks_without_end_are_an_error() -> None:
    """Nobody waits for the end of an answer that has none."""
    with pytest.raises(ValueError, match="without end"):
        list(objects_in(itertools.repeat(b" " * 1000), 3))


def test_a_list_of_any_length_takes_no_memory() -> None:
    """Of 20,000 objects of 1.5 kB one is in memory at a time."""
    row = json.dumps({f"field {number}": f"value {number:040}" for number in range(25)}).encode()

    def pieces() -> Iterator[bytes]:
        yield b"["
        for _ in range(19_999):
            yield row + b","
        yield row + b"]"

    tracemalloc.start()
    try:
        assert sum(1 for _ in objects_in(pieces(), 20_000)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
