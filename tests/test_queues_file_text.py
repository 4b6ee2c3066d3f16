"""The text of a queue file: read quickly as we write it, patiently as people edit it or as it broke."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from movie_sync.queues.table import own_lines, read_loosely

films = st.dictionaries(st.sampled_from(["slug", "title", "x"]), st.text() | st.integers() | st.none())
arrays = st.lists(films, max_size=6)


def as_file(values: list[dict[str, object]]) -> bytes:
    """Return films in the layout of our own files."""
    lines = [json.dumps(value).encode() for value in values]
    return b"[\n" + b",\n".join(lines) + (b"\n]\n" if lines else b"]\n")


@given(arrays)
def test_our_own_layout_is_read_line_by_line(values: list[dict[str, object]]) -> None:
    """Each film's line is given as it is, without what stands between two lines."""
    lines = own_lines(as_file(values).splitlines(keepends=True))
    assert [json.loads(line) for line in lines] == values


@given(arrays, st.sampled_from([None, 0, 3]), st.booleans())
def test_an_array_in_any_layout_is_read_without_complaint(
    values: list[dict[str, object]], indent: int | None, escapes: bool
) -> None:
    """What is valid JSON is understood, however it is laid out."""
    read: list[object] = []
    text = json.dumps(values, indent=indent, ensure_ascii=escapes)
    complaint = read_loosely(text.encode(errors="surrogatepass"), read.append)
    if all(json.dumps(value).isascii() for value in values):
        assert read == values
        assert complaint is None


@given(arrays, st.data())
def test_a_cut_is_always_noticed(values: list[dict[str, object]], data: DataObject) -> None:
    """Of a file cut anywhere the whole films before the cut are read, and it is never taken for whole."""
    content = as_file(values)
    cut = content[: data.draw(st.integers(0, len(content) - 3))]
    with pytest.raises(ValueError, match=r"another|Expecting|Unterminated|Invalid|comma"):
        _decode_all(cut)
    read: list[object] = []
    complaint = read_loosely(cut, read.append)
    assert read == values[: len(read)]
    assert len(read) >= cut.count(b"},\n")
    assert complaint


def _decode_all(content: bytes) -> None:
    for line in own_lines(content.splitlines(keepends=True)):
        json.loads(line)


@given(st.binary(max_size=200))
def test_no_content_breaks_reading(content: bytes) -> None:
    """Whatever a file holds, reading it ends, and what is no array is complained of."""
    read: list[object] = []
    complaint = read_loosely(content, read.append)
    if not content.strip().startswith(b"[") and not content.startswith(b"\xef\xbb\xbf"):
        assert complaint, read


@pytest.mark.parametrize("depth", [51, 500, 985, 5000])
def test_a_value_that_nests_deeply_is_none(depth: int) -> None:
    """It is passed over and complained of, as it could not be written again; those beside it are read."""
    deep = f'{{"slug": "deep", "x": {"[" * depth}{"]" * depth}}}'
    read: list[object] = []
    complaint = read_loosely(f'[\n{{"slug": "a"}},\n{deep},\n{{"slug": "b"}}\n]\n'.encode(), read.append)
    assert read == [{"slug": "a"}, {"slug": "b"}]
    assert complaint == "parts of it aren't JSON"
