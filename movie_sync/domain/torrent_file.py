"""Reading a `.torrent` strictly, so that only a whole one is handed over, and under its true hash.

The info-hash is taken over the very bytes of the file. Parsers that decode and encode again give
another hash for a file whose keys are out of order, and a torrent client would not know it by that.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from movie_sync.domain.models import TorrentFile
from movie_sync.domain.plain_text import printable
from movie_sync.errors import ReleaseError


@dataclass(slots=True)
class _Files:
    """What a list or a tree of files comes to; `stored_bytes` has the padding between them too."""

    size_bytes: int = 0
    stored_bytes: int = 0

    def add(self, length: int, *, is_padding: bool = False) -> None:
        self.stored_bytes += length
        self.size_bytes += 0 if is_padding else length


Bencoded: TypeAlias = "int | bytes | list[Bencoded] | dict[bytes, Bencoded] | _Files"
_Kind = TypeVar("_Kind", int, bytes, list["Bencoded"], dict[bytes, "Bencoded"], _Files)

_MAX_DEPTH = 64
_MAX_VALUES = 500_000  # about fifty thousand files
_MAX_SIZE_BYTES = 2**50
_SHA1_BYTES = 20
_SHOWN_HASH_DIGITS = 40
_V2 = 2
_V2_BLOCK_BYTES = 16_384
_INTEGER = re.compile(rb"i(0|-?[1-9][0-9]{0,18})e")
_STRING_LENGTH = re.compile(rb"(0|[1-9][0-9]{0,9}):")


def parse_torrent(content: bytes) -> TorrentFile:
    """Parse a whole `.torrent`; thousands of files in it take next to no memory beside the bytes.

    The hash is SHA-1 over the exact bytes of the `info` value. For a torrent of version 2, hybrids
    included, it is SHA-256 cut to 40 digits: qBittorrent (with libtorrent 2) knows it by that. With
    libtorrent 1.2 it knows a hybrid by SHA-1, which is then its `other_hash`.
    The name is for people to read; it is not safe as a path. Raises ReleaseError, which quotes nothing
    of it, if it is not a torrent, or not a whole one.
    """
    reader = _Reader(content)
    torrent = reader.read_torrent()
    info = _need(torrent, b"info", dict)
    is_v2 = info.get(b"meta version") == _V2
    if b"pieces" in info:
        size_bytes = _check_v1(info)
    elif is_v2:
        size_bytes = _check_v2(info)
    else:
        raise _broken("it has no piece hashes")
    v1_hash = hashlib.sha1(reader.raw_info, usedforsecurity=False).hexdigest() if b"pieces" in info else ""
    v2_hash = hashlib.sha256(reader.raw_info).hexdigest()[:_SHOWN_HASH_DIGITS] if is_v2 else ""
    return TorrentFile(
        info_hash=v2_hash or v1_hash,
        name=_name(info),
        size_bytes=size_bytes,
        content=content,
        other_hash=v1_hash if v2_hash else "",
    )


class _Reader:
    """Walks the bencoded bytes once, bounded in depth and in the number of values.

    What there may be thousands of is added up on the way, and what is not needed is passed over.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._values = 0
        self.raw_info = memoryview(b"")

    def read_torrent(self) -> dict[bytes, Bencoded]:
        """Return the outermost dictionary; afterwards the bytes of its `info` value are known."""
        if not self._content.startswith(b"d"):
            raise _broken("it does not begin as a torrent does")
        torrent = self._dictionary(1)
        if self._at != len(self._content):
            raise _broken("something follows after its end")
        return torrent

    def _value(self, depth: int) -> Bencoded:
        match self._next_mark(depth):
            case b"d":
                return self._dictionary(depth)
            case b"l":
                self._at += 1
                found: list[Bencoded] = []
                while not self._is_end():
                    found.append(self._value(depth + 1))
                return found
            case b"i":
                return self._integer()
            case _:
                return self._string()

    def _next_mark(self, depth: int) -> bytes:
        """Return what kind of value is here, which is counted."""
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise _broken("it is nested too deeply or has too many parts")
        return self._content[self._at : self._at + 1]

    def _dictionary(self, depth: int, *, is_info: bool = False) -> dict[bytes, Bencoded]:
        self._at += 1
        found: dict[bytes, Bencoded] = {}
        while not self._is_end():
            key = self._string()
            if key in found:
                raise _broken("a key stands in it twice")
            if depth == 1:
                found[key] = self._outermost(key, depth + 1)
            elif is_info:
                found[key] = self._part_of_info(key, depth + 1)
            else:
                found[key] = self._value(depth + 1)
        return found

    def _outermost(self, key: bytes, depth: int) -> Bencoded:
        """Read `info`, and pass over all else: it is not looked at, and may be long."""
        mark = self._next_mark(depth)
        if key != b"info" or mark != b"d":
            self._pass_over(mark, depth)
            return 0
        start = self._at
        info = self._dictionary(depth, is_info=True)
        self.raw_info = memoryview(self._content)[start : self._at]
        return info

    def _part_of_info(self, key: bytes, depth: int) -> Bencoded:
        mark = self._content[self._at : self._at + 1]
        if key == b"files" and mark == b"l":
            return self._file_list(depth)
        if key == b"file tree" and mark == b"d":
            files = _Files()
            self._file_tree(depth, files)
            return files
        if key == b"pieces":  # only its length counts
            start, end = self._step_over_string()
            return end - start
        return self._value(depth)

    def _file_list(self, depth: int) -> _Files:
        self._at += 1
        files = _Files()
        while not self._is_end():
            entry = self._value(depth + 1)
            if not isinstance(entry, dict):
                raise _broken("its list of files is malformed")
            path = _need(entry, b"path", list)
            if not path or not all(isinstance(part, bytes) and part for part in path):
                raise _broken("a path in it is malformed")
            files.add(_length(entry), is_padding=b"p" in _optional_bytes(entry, b"attr"))
        return files

    def _file_tree(self, depth: int, files: _Files) -> None:
        """Add up the files of a tree, in which an empty key marks one."""
        self._at += 1
        names: set[bytes] = set()
        while not self._is_end():
            name = self._string()
            if name in names:
                raise _broken("a key stands in it twice")
            names.add(name)
            if self._next_mark(depth + 1) != b"d":
                raise _broken("its tree of files is malformed")
            if name:
                self._file_tree(depth + 1, files)
            else:
                files.add(_length(self._dictionary(depth + 1)))

    def _pass_over(self, mark: bytes, depth: int) -> None:
        if mark == b"i":
            self._integer()
        elif mark not in {b"d", b"l"}:
            self._step_over_string()
        else:
            self._at += 1
            while not self._is_end():
                if mark == b"d":
                    self._step_over_string()
                self._pass_over(self._next_mark(depth + 1), depth + 1)

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
        start, end = self._step_over_string()
        return self._content[start:end]

    def _step_over_string(self) -> tuple[int, int]:
        match = _STRING_LENGTH.match(self._content, self._at)
        if match is None:
            raise _broken("it is malformed or cut short")
        start, end = match.end(), match.end() + int(match[1])
        if end > len(self._content):
            raise _broken("it is cut short")
        self._at = end
        return start, end


def _check_v1(info: dict[bytes, Bencoded]) -> int:
    """Return the size of the files, without the padding between them."""
    if b"files" in info:
        if b"length" in info:
            raise _broken("it is one file and several at once")
        files = _need(info, b"files", _Files)
    else:
        files = _Files()
        files.add(_length(info))
    _check_size(files.stored_bytes)
    piece_length = _need(info, b"piece length", int)
    if piece_length <= 0:
        raise _broken("its piece length is not above zero")
    if _need(info, b"pieces", int) != -(-files.stored_bytes // piece_length) * _SHA1_BYTES:
        raise _broken("its number of pieces does not fit its size")
    return files.size_bytes


def _check_v2(info: dict[bytes, Bencoded]) -> int:
    """Return the size of the files of a torrent that has only the tree of version 2."""
    piece_length = _need(info, b"piece length", int)
    if piece_length < _V2_BLOCK_BYTES or piece_length.bit_count() != 1:
        raise _broken("its piece length is not a power of two")
    size_bytes = _need(info, b"file tree", _Files).size_bytes
    _check_size(size_bytes)
    return size_bytes


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
