"""Reading a `.torrent` strictly, so that only a whole one is handed over, and under its true hash.

The info-hash is taken over the very bytes of the file. Parsers that decode and encode again give
another hash for a file whose keys are out of order, and a torrent client would not know it by that.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import TypeAlias, TypeVar

from movie_sync.domain.models import TorrentFile
from movie_sync.errors import ReleaseError

Bencoded: TypeAlias = "int | bytes | list[Bencoded] | dict[bytes, Bencoded]"
_Kind = TypeVar("_Kind", int, bytes, list["Bencoded"], dict[bytes, "Bencoded"])

_MAX_DEPTH = 64
_MAX_VALUES = 50_000  # about ten thousand files
_MAX_SIZE_BYTES = 2**50
_SHA1_BYTES = 20
_SHOWN_HASH_DIGITS = 40
_V2 = 2
_V2_BLOCK_BYTES = 16_384
_INTEGER = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")
_STRING_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,9}):")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return the text without control, direction and line-break characters, and trimmed."""
    return "".join(char for char in text if unicodedata.category(char) not in _UNPRINTABLE).strip()


def parse_torrent(content: bytes) -> TorrentFile:
    """Parse a whole `.torrent`.

    The hash is SHA-1 over the exact bytes of the `info` value. For a torrent of version 2, hybrids
    included, it is SHA-256 cut to 40 digits: qBittorrent (with libtorrent 2) knows it by that.
    The name is for people to read; it is not safe as a path.

    Raises:
        ReleaseError: it is not a torrent, or not a whole one. The message quotes nothing of it.
    """
    reader = _Reader(content)
    torrent = reader.read_torrent()
    info = _need(torrent, b"info", dict)
    raw_info = memoryview(content)[reader.info_start : reader.info_end]
    is_v2 = info.get(b"meta version") == _V2
    if b"pieces" in info:
        size_bytes = _check_v1(info)
    elif is_v2:
        size_bytes = _check_v2(info)
    else:
        raise _broken("it has no piece hashes")
    info_hash = (
        hashlib.sha256(raw_info).hexdigest()[:_SHOWN_HASH_DIGITS]
        if is_v2
        else hashlib.sha1(raw_info, usedforsecurity=False).hexdigest()
    )
    return TorrentFile(info_hash=info_hash, name=_name(info), size_bytes=size_bytes, content=content)


class _Reader:
    """Walks the bencoded bytes once, bounded in depth and in the number of values."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._values = 0
        self.info_start = 0
        self.info_end = 0

    def read_torrent(self) -> dict[bytes, Bencoded]:
        """Return the outermost dictionary; afterwards the place of its `info` value is known."""
        if not self._content.startswith(b"d"):
            raise _broken("it does not begin as a torrent does")
        torrent = self._dictionary(1)
        if self._at != len(self._content):
            raise _broken("something follows after its end")
        return torrent

    def _value(self, depth: int) -> Bencoded:
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise _broken("it is nested too deeply or has too many parts")
        match self._content[self._at : self._at + 1]:
            case b"d":
                return self._dictionary(depth)
            case b"l":
                return self._list(depth)
            case b"i":
                return self._integer()
            case _:
                return self._string()

    def _dictionary(self, depth: int) -> dict[bytes, Bencoded]:
        self._at += 1
        found: dict[bytes, Bencoded] = {}
        while not self._is_end():
            key = self._string()
            if key in found:
                raise _broken("a key stands in it twice")
            start = self._at
            found[key] = self._value(depth + 1)
            if depth == 1 and key == b"info":
                self.info_start, self.info_end = start, self._at
        return found

    def _list(self, depth: int) -> list[Bencoded]:
        self._at += 1
        found: list[Bencoded] = []
        while not self._is_end():
            found.append(self._value(depth + 1))
        return found

    def _is_end(self) -> bool:
        """Step over the end mark if one is here."""
        if self._content.startswith(b"e", self._at):
            self._at += 1
            return True
        return False

    def _integer(self) -> int:
        match = _INTEGER.match(self._content, self._at)
        if match is None:
            raise _broken("a number in it is malformed")
        self._at = match.end()
        return int(match[1])

    def _string(self) -> bytes:
        match = _STRING_LENGTH.match(self._content, self._at)
        if match is None:
            raise _broken("it is malformed or cut short")
        start, end = match.end(), match.end() + int(match[1])
        if end > len(self._content):
            raise _broken("it is cut short")
        self._at = end
        return self._content[start:end]


def _check_v1(info: dict[bytes, Bencoded]) -> int:
    """Return the size of the files, without the padding between them."""
    files: list[tuple[int, bool]] = []
    if b"files" in info:
        if b"length" in info:
            raise _broken("it is one file and several at once")
        for entry in _need(info, b"files", list):
            if not isinstance(entry, dict):
                raise _broken("its list of files is malformed")
            _check_path(_need(entry, b"path", list))
            files.append((_length(entry), b"p" in _optional_bytes(entry, b"attr")))
    else:
        files.append((_length(info), False))
    stored_bytes = sum(length for length, _ in files)
    _check_size(stored_bytes)
    piece_length = _need(info, b"piece length", int)
    if piece_length <= 0:
        raise _broken("its piece length is not above zero")
    pieces = _need(info, b"pieces", bytes)
    if len(pieces) != -(-stored_bytes // piece_length) * _SHA1_BYTES:
        raise _broken("its number of pieces does not fit its size")
    return sum(length for length, is_padding in files if not is_padding)


def _check_path(path: list[Bencoded]) -> None:
    if not path or not all(isinstance(part, bytes) and part for part in path):
        raise _broken("a path in it is malformed")


def _check_v2(info: dict[bytes, Bencoded]) -> int:
    """Return the size of the files of a torrent that has only the tree of version 2."""
    piece_length = _need(info, b"piece length", int)
    if piece_length < _V2_BLOCK_BYTES or piece_length.bit_count() != 1:
        raise _broken("its piece length is not a power of two")
    size_bytes = sum(_tree_lengths(_need(info, b"file tree", dict)))
    _check_size(size_bytes)
    return size_bytes


def _tree_lengths(tree: dict[bytes, Bencoded]) -> Iterator[int]:
    """Yield the length of every file; an empty key marks one. The reader has bounded the depth."""
    for name, node in tree.items():
        if not isinstance(node, dict):
            raise _broken("its tree of files is malformed")
        if name:
            yield from _tree_lengths(node)
        else:
            yield _length(node)


def _check_size(size_bytes: int) -> None:
    if not 0 < size_bytes <= _MAX_SIZE_BYTES:
        raise _broken("its size is zero or beyond reason")


def _length(entry: dict[bytes, Bencoded]) -> int:
    length = _need(entry, b"length", int)
    if length < 0:
        raise _broken("a file in it has a negative size")
    return length


def _name(info: dict[bytes, Bencoded]) -> str:
    raw = _optional_bytes(info, b"name.utf-8") or _need(info, b"name", bytes)
    name = printable(raw.decode("utf-8", errors="replace"))
    if not name:
        raise _broken("it has no name")
    return name


def _need(entry: dict[bytes, Bencoded], key: bytes, kind: type[_Kind]) -> _Kind:
    value = entry.get(key)
    if not isinstance(value, kind):
        raise _broken(f"its {key.decode()} is missing or malformed")
    return value


def _optional_bytes(entry: dict[bytes, Bencoded], key: bytes) -> bytes:
    value = entry.get(key)
    return value if isinstance(value, bytes) else b""


def _broken(why: str) -> ReleaseError:
    return ReleaseError(f"The torrent file is broken: {why}.")
