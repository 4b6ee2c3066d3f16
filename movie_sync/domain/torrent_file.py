"""Reading a `.torrent` strictly, so that only a whole one is handed over, and under its true hash.

The info-hash is taken over the very bytes of the file. Parsers that decode and encode again give
another hash for a file whose keys are out of order, and a torrent client would not know it by that.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
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

    def add(self, entry: "dict[bytes, Bencoded]") -> None:
        length = _need(entry, b"length", int)
        if length < 0:
            raise _broken("a file in it has a negative size")
        self.stored_bytes += length
        self.size_bytes += 0 if b"p" in _optional_bytes(entry, b"attr") else length


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
    info, raw = _Reader(content).read_info()
    hashes = []
    if info.get(b"meta version") == _V2:
        hashes.append(hashlib.sha256(raw).hexdigest()[:_SHOWN_HASH_DIGITS])
    if b"pieces" in info:
        hashes.append(hashlib.sha1(raw, usedforsecurity=False).hexdigest())
    if not hashes:
        raise _broken("it has no piece hashes")
    return TorrentFile(hashes[0], _name(info), _checked_size(info), content, *hashes[1:])


class _Reader:
    """Walks the bencoded bytes once, bounded in depth and in the number of values.

    What there may be thousands of is added up on the way, and what is not needed is passed over.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._values = 0
        self._raw_info = memoryview(b"")

    def read_info(self) -> tuple[dict[bytes, Bencoded], memoryview]:
        """Return the `info` of a torrent, and the bytes that it stands in."""
        if self._mark() != b"d":
            raise _broken("it doesn't start like a torrent")
        torrent = self._dictionary(1, self._outermost)
        if self._at != len(self._content):
            raise _broken("something follows its end")
        return _need(torrent, b"info", dict), self._raw_info

    def _outermost(self, key: bytes, depth: int) -> Bencoded:
        if key != b"info" or self._mark() != b"d":
            self._pass_over(depth)  # not looked at, and it may be long
            return 0
        start = self._at
        info = self._dictionary(depth, self._part_of_info)
        self._raw_info = memoryview(self._content)[start : self._at]
        return info

    def _part_of_info(self, key: bytes, depth: int) -> Bencoded:
        files = _Files()
        match key, self._mark():
            case b"files", b"l":
                self._add_list(files, depth)
            case b"file tree", b"d":
                self._add_tree(files, depth)
            case b"pieces", _:  # only its length counts
                start, end = self._step_over_string()
                return end - start
            case _:
                return self._value(key, depth)
        return files

    def _add_list(self, files: _Files, depth: int) -> None:
        for _ in self._parts(b"l", depth):
            entry = self._value(b"", depth + 1)
            if not isinstance(entry, dict):
                raise _broken("its list of files is malformed")
            path = _need(entry, b"path", list)
            if not path or not all(isinstance(part, bytes) and part for part in path):
                raise _broken("a path in it is malformed")
            files.add(entry)

    def _add_tree(self, files: _Files, depth: int) -> None:
        """Add up the files of a tree, in which an empty name marks one."""

        def add(name: bytes, depth: int) -> int:
            if self._mark() != b"d":
                raise _broken("its tree of files is malformed")
            if name:
                self._add_tree(files, depth)
            else:
                files.add(self._dictionary(depth, self._value))
            return 0

        self._dictionary(depth, add)

    def _dictionary(self, depth: int, read: Callable[[bytes, int], Bencoded]) -> dict[bytes, Bencoded]:
        found: dict[bytes, Bencoded] = {}
        for key in self._parts(b"d", depth):
            if key in found:
                raise _broken("it has a key twice")
            found[key] = read(key, depth + 1)
        return found

    def _value(self, _key: bytes, depth: int) -> Bencoded:
        match self._mark():
            case b"d":
                return self._dictionary(depth, self._value)
            case b"l":
                return [self._value(b"", depth + 1) for _ in self._parts(b"l", depth)]
            case b"i":
                return self._integer()
            case _:
                start, end = self._step_over_string()
                return self._content[start:end]

    def _pass_over(self, depth: int) -> None:
        mark = self._mark()
        if mark == b"i":
            self._integer()
        elif mark not in {b"d", b"l"}:
            self._step_over_string()
        else:
            for _ in self._parts(mark, depth):
                self._pass_over(depth + 1)

    def _parts(self, mark: bytes, depth: int) -> Iterator[bytes]:
        """Yield the key of each part of the dictionary that is here, or nothing for each of the list.

        The part itself is to be read before the next one is asked for.
        """
        self._at += 1
        while self._mark() != b"e":
            self._values += 1
            if depth >= _MAX_DEPTH or self._values > _MAX_VALUES:
                raise _broken("it's nested too deeply or has too many parts")
            start, end = self._step_over_string() if mark == b"d" else (0, 0)
            yield self._content[start:end]
        self._at += 1

    def _mark(self) -> bytes:
        """Return what tells the kind of the value that is here."""
        return self._content[self._at : self._at + 1]

    def _integer(self) -> int:
        match = _INTEGER.match(self._content, self._at)
        if match is None:
            raise _broken("a number in it is malformed")
        self._at = match.end()
        return int(match[1])

    def _step_over_string(self) -> tuple[int, int]:
        match = _STRING_LENGTH.match(self._content, self._at)
        if match is None:
            raise _broken("it's malformed or cut short")
        start, end = match.end(), match.end() + int(match[1])
        if end > len(self._content):
            raise _broken("it's cut short")
        self._at = end
        return start, end


def _checked_size(info: dict[bytes, Bencoded]) -> int:
    """Return the size of the files, without the padding between them."""
    is_v1, files = b"pieces" in info, _Files()
    if is_v1 and b"files" not in info:
        files.add(info)
    elif is_v1 and b"length" in info:
        raise _broken("it's a single file and several files at once")
    else:
        files = _need(info, b"files" if is_v1 else b"file tree", _Files)
    if not 0 < files.stored_bytes <= _MAX_SIZE_BYTES:
        raise _broken("its size can't be right")
    piece_length = _need(info, b"piece length", int)
    if piece_length <= 0:
        raise _broken("its piece length isn't above zero")
    if is_v1 and _need(info, b"pieces", int) != -(-files.stored_bytes // piece_length) * _SHA1_BYTES:
        raise _broken("its number of pieces doesn't match its size")
    if not is_v1 and (piece_length < _V2_BLOCK_BYTES or piece_length.bit_count() != 1):
        raise _broken("its piece length isn't a power of two")
    return files.size_bytes


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
