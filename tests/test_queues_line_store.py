"""What queue files are made of: lines kept out of memory, keys to find them by, and reading any text."""

import json
import os
import string
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from movie_sync.errors import StorageError
from movie_sync.queues import key_index, line_store
from movie_sync.queues.film_array import LooseArray, own_lines
from movie_sync.queues.key_index import KeyIndex
from movie_sync.queues.line_store import LineStore

films = st.dictionaries(st.sampled_from(["slug", "title", "x"]), st.text() | st.integers() | st.none())
arrays = st.lists(films, max_size=6)


def as_file(values: list[dict[str, object]]) -> bytes:
    """Return films in the layout of our own files."""
    store = LineStore()
    for value in values:
        store.append(json.dumps(value).encode())
    return b"".join(store.as_array({}, ()))


@given(st.data())
def test_lines_are_what_a_list_would_hold(data: DataObject) -> None:
    """Whatever is appended, replaced and discarded, whether there is room for a scratch file or not."""
    with mock.patch.object(line_store, "_PIECE_BYTES", data.draw(st.integers(1, 100))):
        _compare_with_a_list(data)


def _compare_with_a_list(data: DataObject) -> None:
    store, model = LineStore(), {}
    lines = st.integers(1, 40).map(lambda size: b'"' + b"x" * size + b'"')
    room = st.none() | st.integers(0, 50)
    real_pwrite, most = os.pwrite, None
    for _ in range(data.draw(st.integers(0, 25))):
        deed = data.draw(st.sampled_from(["append", "append", "replace", "discard", "room"]))
        if deed == "append":
            line = data.draw(lines)
            with mock.patch.object(os, "pwrite", lambda fd, content, at: real_pwrite(fd, content[:most], at)):
                model[store.append(line)] = line
        elif deed == "room":
            most = data.draw(room)
        elif model:
            row = data.draw(st.sampled_from(sorted(model)))
            if deed == "replace":
                model[row] = data.draw(lines)
                store.replace(row, model[row])
            else:
                del model[row]
                store.discard(row)
        assert store.first() == min(model, default=None)
    assert list(store) == list(model)
    assert len(store) == len(model)
    assert [store.line(row) for row in store] == list(model.values())
    rows = st.lists(st.sampled_from(sorted(model) or [0]), unique=True, max_size=3)
    gone = data.draw(rows) if model else []
    changed = {row: b'"changed"' for row in (data.draw(rows) if model else []) if row not in gone}
    expected = [(changed.get(row) or line) for row, line in model.items() if row not in gone]
    content = b"".join(store.as_array(changed, gone))
    assert list(own_lines(content.splitlines(keepends=True))) == expected
    assert json.loads(content) == [json.loads(line) for line in expected]


def test_a_scratch_file_that_breaks_is_an_error_and_no_other_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read again is said, neither skipped nor made up."""
    store = LineStore()
    store.append(b" " * 100_000)
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(StorageError, match="temporary files"):
        store.line(0)
    with pytest.raises(StorageError, match="temporary files"):
        list(store.as_array({}, ()))


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 50)), max_size=300))
def test_an_index_gives_every_row_of_a_key(pairs: list[tuple[str, int]]) -> None:
    """Each row that was noted for a key is given for it, once, also when the table has grown."""
    with mock.patch.object(key_index, "_SMALLEST", 4):
        index = KeyIndex()
    for key, row in set(pairs):
        index.add((key,), row)
    _compare_with_pairs(index, pairs)
    assert not KeyIndex().rows(("none",))


def _compare_with_pairs(index: KeyIndex, pairs: list[tuple[str, int]]) -> None:
    for key, _ in pairs:
        found = [row for _, row in index.rows((key,))]
        assert len(found) == len(set(found))
        assert {row for other, row in pairs if other == key} <= set(found)


@given(st.lists(st.lists(st.sampled_from(string.ascii_letters), max_size=4, unique=True), max_size=60))
@example([["a"], ["b", "a"], ["b"]])
def test_an_index_takes_new_keys_alone(films: list[list[str]]) -> None:
    """All keys of a film are noted, or, if a row may hold one of them, none; after growth, too."""
    with mock.patch.object(key_index, "_SMALLEST", 4):
        index = KeyIndex()
    pairs: list[tuple[str, int]] = []
    for row, keys in enumerate(films):
        is_new = index.add_if_new(keys, row)
        assert is_new is not any(key in keys for key, _ in pairs)
        pairs += [(key, row) for key in keys if is_new]
    _compare_with_pairs(index, pairs)


@given(arrays, st.sampled_from([None, 0, 3]), st.booleans())
def test_an_array_in_any_layout_is_read_without_complaint(
    values: list[dict[str, object]], indent: int | None, escapes: bool
) -> None:
    """What is valid JSON is understood, however it is laid out."""
    loose = LooseArray(json.dumps(values, indent=indent, ensure_ascii=escapes).encode(errors="surrogatepass"))
    if all(json.dumps(value).isascii() for value in values):
        assert list(loose) == values
        assert loose.complaint is None


@given(arrays, st.data())
def test_a_cut_is_always_noticed(values: list[dict[str, object]], data: DataObject) -> None:
    """Of a file cut anywhere the whole films before the cut are read, and it is never taken for whole."""
    content = as_file(values)
    cut = content[: data.draw(st.integers(0, len(content) - 3))]
    with pytest.raises(ValueError, match=r"another|Expecting|Unterminated|Invalid|comma"):
        _decode_all(cut)
    loose = LooseArray(cut)
    read = list(loose)
    assert read == values[: len(read)]
    assert len(read) >= cut.count(b"},\n")
    assert loose.complaint


def _decode_all(content: bytes) -> None:
    for line in own_lines(content.splitlines(keepends=True)):
        json.loads(line)


@given(st.binary(max_size=200))
def test_no_content_breaks_reading(content: bytes) -> None:
    """Whatever a file holds, reading it ends, and what is no array is complained of."""
    loose = LooseArray(content)
    read = list(loose)
    if not content.strip().startswith(b"[") and not content.startswith(b"\xef\xbb\xbf"):
        assert loose.complaint, read
