"""Making real torrents of one file, for the stand-in tracker and for tests.

Where a torrent must look like a film's but no film is there, the piece hashes are made up: a
client takes such a torrent, and never finds anyone to load it from.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

Bencodable: TypeAlias = "int | bytes | str | Sequence[Bencodable] | Mapping[str, Bencodable]"

_SHA1_BYTES = 20
_SMALLEST_PIECE_BYTES = 16_384
_LARGEST_PIECE_BYTES = 16_777_216
_AIMED_PIECES = 1_000


def bencode(value: Bencodable) -> bytes:
    """Return the bencoded form; dictionary keys are put in the order of their bytes."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        return bencode(value.encode())
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, Mapping):
        pairs = sorted((key.encode(), item) for key, item in value.items())
        return b"d" + b"".join(bencode(key) + bencode(item) for key, item in pairs) + b"e"
    return b"l" + b"".join(bencode(item) for item in value) + b"e"


def make_info(
    file_name: str,
    *,
    content: bytes | None = None,
    size_bytes: int = 0,
    piece_length: int | None = None,
    is_private: bool = True,
) -> bytes:
    """Return the bencoded `info` of a torrent of one file.

    Without `content`, the hashes for `size_bytes` are made up from the name, the same each time.
    """
    size = size_bytes if content is None else len(content)
    length = piece_length or usual_piece_length(size)
    pieces = _made_up_pieces(file_name, size, length) if content is None else _pieces(content, length)
    info: dict[str, Bencodable] = {
        "length": size,
        "name": file_name,
        "piece length": length,
        "pieces": b"".join(pieces),
    }
    if is_private:
        info["private"] = 1
    return bencode(info)


def make_torrent(info: bytes, *, announce: str, comment: str = "", created_at: int = 1_700_000_000) -> bytes:
    """Return a whole `.torrent` around a bencoded `info`. `created_at` is in seconds since 1970."""
    head: dict[str, Bencodable] = {
        "announce": announce,
        "comment": comment,
        "created by": "stand-in",
        "creation date": created_at,
    }
    # "info" comes after all of them in the order of keys, so it goes in before the end mark.
    return bencode(head).removesuffix(b"e") + b"4:info" + info + b"e"


def make_file_torrent(
    file_name: str,
    content: bytes,
    *,
    announce: str,
    piece_length: int = _SMALLEST_PIECE_BYTES,
    is_private: bool = True,
) -> bytes:
    """Return a torrent that a client can load and seed: one file with this content."""
    info = make_info(file_name, content=content, piece_length=piece_length, is_private=is_private)
    return make_torrent(info, announce=announce)


def info_hash(info: bytes) -> str:
    """Return the hash of a bencoded `info` in hex, as a client of version 1 torrents shows it."""
    return hashlib.sha1(info, usedforsecurity=False).hexdigest()


def usual_piece_length(size_bytes: int) -> int:
    """Return a power of two that gives about a thousand pieces, as people who make torrents choose it."""
    length = _SMALLEST_PIECE_BYTES
    while length < _LARGEST_PIECE_BYTES and size_bytes // length > _AIMED_PIECES:
        length *= 2
    return length


def _pieces(content: bytes, piece_length: int) -> Iterator[bytes]:
    for start in range(0, len(content), piece_length):
        yield hashlib.sha1(content[start : start + piece_length], usedforsecurity=False).digest()


def _made_up_pieces(file_name: str, size_bytes: int, piece_length: int) -> Iterator[bytes]:
    for number in range(-(-size_bytes // piece_length)):
        yield hashlib.sha256(f"{number} {file_name}".encode()).digest()[:_SHA1_BYTES]
