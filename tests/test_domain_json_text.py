"""JSON from outside: what it means is the parser's, how deep it may go is ours."""

import gc
import json
import sys
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.json_text import is_nested_deeply, parse_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=60,
)
_BOMBS = {
    "lists": "[" * 100_000,
    "objects": '{"a":' * 100_000,
    "lists with neighbours": "[[]," * 100_000,
    "closed": "[" * 100_000 + "]" * 100_000,
    "after strings that close": '["]",' * 100_000,
    "after an escaped quote": r'["\"]",' * 100_000,
    "after escaped backslashes": r'["\\\\",' * 100_000,
    "after a long text of backslashes": '["' + "\\\\" * 50_000 + '",' + "[" * 100_000,
    "after a long name with quotes": '["' + r"\"[" * 50_000 + '",' + "[" * 100_000,
    "then no JSON": "[" * 100_000 + "\\",
}


@given(_VALUES, st.booleans())
def test_real_values_are_what_the_parser_makes_of_them(value: object, is_ascii: bool) -> None:
    """As text and as bytes, with a mark at the beginning or without."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert parse_json(text) == value
    assert parse_json(text.encode(errors="surrogatepass") if is_ascii else text) == value


@given(st.text(alphabet='[]{}"\\:,a \n', max_size=400))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    """Nothing else is raised, whatever the text."""
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says
            parse_json(text)
    else:
        assert parse_json(text) == expected


@given(st.integers(0, 50), st.text(alphabet='[{"\\]}', max_size=20))
def test_brackets_in_texts_are_no_nesting(depth: int, words: str) -> None:
    """A thousand names full of brackets are no bomb."""
    value: object = [words] * 1000
    for _ in range(depth - 1):
        value = {words: value}
    assert not is_nested_deeply(json.dumps(value))


@pytest.mark.parametrize("name", _BOMBS)
def test_a_bomb_never_reaches_the_parser(name: str) -> None:
    """Wherever the stack stands, it is refused with room to spare for whatever else runs meanwhile."""
    assert _stack_needed(lambda: _refused(_BOMBS[name])) < 40
    assert _stack_needed(lambda: _refused(_BOMBS[name].encode())) < 40


def _refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(text)


def test_a_mark_at_the_beginning_and_other_encodings() -> None:
    """Some editors put a mark there; only UTF-8 is read."""
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    for text in (b"\xff", "[1]".encode("utf-16"), ("[" * 99).encode("utf-16-le")):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says
            parse_json(text)


def test_what_is_cleared_away_meanwhile_is_cleared_away() -> None:
    """An unused connection may be closed at any moment: the reading of a bomb is not one at which it fails."""
    done: list[int] = []

    class Unused:
        pass

    def leave_unused() -> None:
        unused = Unused()
        unused.me = unused  # type: ignore[attr-defined]
        weakref.finalize(unused, done.append, 1)

    gc.collect()
    for number in range(50):
        leave_unused()
        kept = [[] for _ in range(number * 14)]  # type: ignore[var-annotated]
        _refused("[" * 100_000)
        del kept
    gc.collect()
    assert len(done) == 50


def _stack_needed(act: Callable[[], None]) -> int:
    """Return about how many frames of the stack it takes."""
    low, high = 1, 900

    def try_with(frames: int) -> bool:
        def deeper(left: int) -> bool:
            if left:
                return deeper(left - 1)
            try:
                act()
            except RecursionError:
                return False
            return True

        depth = len(_frames())
        return deeper(sys.getrecursionlimit() - depth - frames)

    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if try_with(middle) else (middle + 1, high)
    return low


def _frames() -> list[object]:
    frames: list[object] = []
    frame = sys._getframe()
    while frame:
        frames.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return frames
