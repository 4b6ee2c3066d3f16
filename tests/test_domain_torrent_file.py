"""Reading `.torrent` files: whole ones are understood, everything else is refused."""

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.demo.torrent_maker import bencode, info_hash, make_file_torrent, make_info, make_torrent
from movie_sync.domain.plain_text import printable
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.errors import ReleaseError

ANNOUNCE = "http://127.0.0.1:9/announce/0123456789abcdef0123456789abcdef"
INFO = {"length": 5, "name": "a.mkv", "piece length": 16384, "pieces": b"x" * 20}


def torrent(info: object) -> bytes:
    """Return a torrent around an info that may be of any shape."""
    return b"d8:announce%d:%s4:info%se" % (len(ANNOUNCE), ANNOUNCE.encode(), bencode(info))


def changed(**changes: object) -> bytes:
    """Return a torrent whose info has other values; None takes a key out."""
    info = {**INFO, **{key.replace("_", " "): value for key, value in changes.items()}}
    return torrent({key: value for key, value in info.items() if value is not None})


def test_torrent_of_one_file() -> None:
    """Hash, name and size of a file's torrent are read, and its bytes are kept as they are."""
    content = make_file_torrent("Heat.1995.mkv", b"film" * 10_000, announce=ANNOUNCE)
    parsed = parse_torrent(content)
    assert parsed.info_hash == info_hash(
        make_info("Heat.1995.mkv", content=b"film" * 10_000, piece_length=16384)
    )
    assert (parsed.name, parsed.size_bytes) == ("Heat.1995.mkv", 40_000)
    assert parsed.content is content


def test_torrent_of_several_files_leaves_padding_out_of_the_size() -> None:
    """Padding files count for the pieces and not for the size."""
    files = [
        {"length": 10, "path": ["a", "film.mkv"]},
        {"attr": "p", "length": 16374, "path": [".pad", "16374"]},
        {"length": 7, "path": ["film.srt"]},
    ]
    parsed = parse_torrent(changed(length=None, files=files, pieces=b"x" * 40))
    assert parsed.size_bytes == 17


def test_hash_is_of_the_very_bytes() -> None:
    """Keys out of order keep the hash that a client computes; nothing is encoded again."""
    info = b"d4:name5:z.mkv6:lengthi5e12:piece lengthi16384e6:pieces20:" + b"x" * 20 + b"e"
    assert parse_torrent(b"d4:info" + info + b"e").info_hash == hashlib.sha1(info).hexdigest()


@pytest.mark.parametrize("is_hybrid", [False, True])
def test_version_2_has_the_hash_that_qbittorrent_shows(is_hybrid: bool) -> None:
    """Torrents of version 2 and hybrids go by SHA-256, cut to 40 digits."""
    info = {
        "file tree": {
            "a.mkv": {"": {"length": 5, "pieces root": b"r" * 32}},
            "b": {"c": {"": {"length": 2}}},
        },
        "meta version": 2,
        "name": "a.mkv",
        "piece length": 16384,
    }
    if is_hybrid:
        info |= {"length": 5, "pieces": b"x" * 20}
    parsed = parse_torrent(torrent(info))
    assert parsed.info_hash == hashlib.sha256(bencode(info)).hexdigest()[:40]
    assert parsed.size_bytes == (5 if is_hybrid else 7)
    by_sha1 = hashlib.sha1(bencode(info)).hexdigest()
    assert parsed.info_hashes == ((parsed.info_hash, by_sha1) if is_hybrid else (parsed.info_hash,))


@pytest.mark.parametrize("form", ["list", "tree"])
def test_thousands_of_files_take_no_memory(form: str) -> None:
    """A torrent of 9,000 files costs little more than its bytes, which are there already."""
    names = [f"{number:05}.{'a long name of a file' * 3}.rar" for number in range(9000)]
    info: dict[str, object] = {"name": "many", "piece length": 2**20}
    if form == "list":
        info |= {"files": [{"length": 2**20, "path": ["a folder", name]} for name in names]}
        info |= {"pieces": b"x" * 20 * 9000}
    else:
        tree = {name: {"": {"length": 2**20, "pieces root": b"r" * 32}} for name in names}
        info |= {"file tree": {"a folder": tree}, "meta version": 2}
    content = torrent(info)
    tracemalloc.start()
    try:
        parsed = parse_torrent(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parsed.size_bytes == 9000 * 2**20
    assert peak < (100_000 if form == "list" else 2_500_000), f"{peak:,} bytes"


def test_utf8_name_is_preferred_and_made_printable() -> None:
    """The name that is surely UTF-8 wins; escapes and direction marks are taken out."""
    info = {**INFO, "name": b"\xff", "name.utf-8": "Am\u00e9lie\x1b[31m \u202e.mkv\n"}
    assert parse_torrent(torrent(info)).name == "Am\u00e9lie[31m .mkv"
    assert parse_torrent(changed(name=b"\xffa")).name == "\ufffda"


BROKEN = {
    "nothing": b"",
    "a page": b"\n<!DOCTYPE html><html></html>",
    "only the first byte": b"d",
    "a list": b"le",
    "no info": b"d8:announce3:abce",
    "info is no dictionary": torrent([1]),
    "bytes after the end": changed() + b"\n",
    "two infos": changed()[:-1] + changed()[changed().index(b"4:info") :],
    "a key twice": b"d4:infod6:lengthi1e6:lengthi2eee",
    "a number as key": b"di1e1:ae",
    "a number with leading zero": b"d1:ai01ee",
    "minus zero": b"d1:ai-0ee",
    "an empty number": b"d1:aiee",
    "a huge number": b"d1:ai" + b"9" * 10_000 + b"ee",
    "a string with leading zero": b"d01:ai1ee",
    "a string longer than the file": b"d9:infoe",
    "a string of huge length": b"d9999999999:infoe",
    "a string of absurd length": b"d" + b"9" * 5000 + b":infoe",
    "deep lists": b"d1:a" + b"l" * 100_000,
    "deep dictionaries": b"d1:a" * 100_000,
    "very many values": b"d1:al" + b"le" * 200_000 + b"ee",
    "no name": changed(name=None),
    "an empty name": changed(name=""),
    "an unprintable name": changed(name="\x00\x1b"),
    "no pieces": changed(pieces=None),
    "pieces are no string": changed(pieces=1),
    "half a piece": changed(pieces=b"x" * 19),
    "a piece too many": changed(pieces=b"x" * 40),
    "no piece length": changed(piece_length=None),
    "a piece length of zero": changed(piece_length=0),
    "no length": changed(length=None),
    "a length of zero": changed(length=0, pieces=b""),
    "a negative length": changed(length=-5),
    "an absurd length": changed(length=2**60),
    "length and files": changed(files=[{"length": 5, "path": ["a"]}]),
    "files are no list": changed(length=None, files={"a": 1}),
    "a file is no dictionary": changed(length=None, files=[1]),
    "a file without path": changed(length=None, files=[{"length": 5}]),
    "a file with an empty path": changed(length=None, files=[{"length": 5, "path": []}]),
    "a file with a number as path": changed(length=None, files=[{"length": 5, "path": [1]}]),
    "no files": changed(length=None, files=[]),
    "version 2 without tree": changed(pieces=None, meta_version=2),
    "version 2 with a broken tree": changed(pieces=None, meta_version=2, file_tree={"a": 1}),
    "version 2 with odd piece length": changed(
        pieces=None, meta_version=2, piece_length=16385, file_tree={"a": {"": {"length": 5}}}
    ),
    "a version to come": changed(pieces=None, meta_version=3, file_tree={"a": {"": {"length": 5}}}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_broken_torrent_is_refused(content: bytes) -> None:
    """What is not a whole torrent is a ReleaseError that quotes nothing of it."""
    with pytest.raises(ReleaseError, match="torrent file is broken") as caught:
        parse_torrent(content)
    assert "0123456789abcdef" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_cleanly(content: bytes) -> None:
    """Rubbish is never more than a ReleaseError."""
    with pytest.raises(ReleaseError):
        parse_torrent(b"d" + content)


@given(st.data())
def test_every_cut_and_most_changes_are_refused_cleanly(data: st.DataObject) -> None:
    """A cut torrent is refused; a byte changed anywhere gives an error or another torrent, nothing else."""
    whole = make_torrent(make_info("a.mkv", content=b"film" * 9000), announce=ANNOUNCE)
    with pytest.raises(ReleaseError):
        parse_torrent(whole[: data.draw(st.integers(0, len(whole) - 1))])
    place = data.draw(st.integers(0, len(whole) - 1))
    altered = whole[:place] + bytes([data.draw(st.integers(0, 255))]) + whole[place + 1 :]
    try:
        assert parse_torrent(altered).content == altered
    except ReleaseError:
        assert altered != whole


_VALUES = st.recursive(
    st.integers(-(2**60), 2**60) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES, st.integers(1, 10**12), st.text(min_size=1, max_size=30))
def test_whole_torrents_with_unknown_keys_are_read(extra: object, size: int, name: str) -> None:
    """Unknown keys of any form are passed over, and the hash is that of the info's bytes."""
    info = bencode(
        {"length": size, "name": f"x{name}", "piece length": 2**40, "pieces": b"x" * 20, "zz": extra}
    )
    parsed = parse_torrent(make_torrent(info, announce=ANNOUNCE))
    assert (parsed.info_hash, parsed.size_bytes) == (info_hash(info), size)


@given(st.text())
def test_printable_text_has_no_control_characters(text: str) -> None:
    """No escape, line break or direction mark is left, and printable text stays as it is."""
    cleaned = printable(text)
    assert not set(cleaned) & {
        chr(number) for number in (*range(32), *range(127, 160), 0x2028, 0x202E, 0x200F)
    }
    assert printable(cleaned) == cleaned
