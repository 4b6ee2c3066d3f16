"""Archives of files (tar in gzip), written as streams and read with suspicion.

Of what tar can hold only files are read, with plain relative names, each once, within limits: whoever
made an archive may have meant harm. Nothing here writes to the disk.
"""

import gzip
import tarfile
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from movie_sync.errors import StorageError
from movie_sync.storage.age_file import Sink
from movie_sync.storage.atomic_file import DamagedError

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 64 * 1024
_MOST_MEMBERS = 50_000
_MOST_BYTES = 2_000_000_000
_LONGEST_NAME = 1000
_FILE_MODE = 0o600
_GZIP_BITS = zlib.MAX_WBITS + 16
_FILES = {tarfile.REGTYPE, tarfile.AREGTYPE}
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
}


class RefusedError(ValueError):
    """The archive holds what none of ours does; the text says what."""


class ArchiveWriter:
    """Adds files to an archive, whose bytes go to a sink; `finish` ends it."""

    def __init__(self, sink: Sink, *, made_at: float) -> None:
        self._sink = sink
        self._made_at = int(made_at)
        self._gzip = zlib.compressobj(wbits=_GZIP_BITS)
        self._count = self._bytes = 0

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """Add a file of this size. A StorageError, also of whoever reads it, leaves the archive useless."""
        self._count += 1
        self._bytes += size + 4 * _BLOCK  # headers, at most
        if self._bytes > _MOST_BYTES or self._count > _MOST_MEMBERS:
            raise StorageError("Too much for one backup (the limit is 2 GB and 50,000 files).")
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, _FILE_MODE, self._made_at
        self._write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
        for chunk in chunks:
            self._write(chunk)
        self._write(bytes(-size % _BLOCK))

    def finish(self) -> None:
        """Write the end."""
        self._write(bytes(2 * _BLOCK))
        self._sink.write(self._gzip.flush())

    def _write(self, content: bytes) -> None:
        if packed := self._gzip.compress(content):
            self._sink.write(packed)


@dataclass(slots=True)
class _Source:
    """Reads what gzip holds, up to a limit."""

    file: gzip.GzipFile
    left: int = _MOST_BYTES

    def read(self, count: int) -> bytes:
        """Return that many bytes, fewer only at the end."""
        parts = []
        try:
            while count and (part := self.file.read(min(count, _CHUNK_BYTES))):
                parts.append(part)
                count -= len(part)
        except EOFError:
            raise DamagedError("it's cut off") from None
        except (gzip.BadGzipFile, zlib.error):
            raise DamagedError("its content is damaged") from None
        content = b"".join(parts)
        self.left -= len(content)
        if self.left < 0:
            raise RefusedError(f"it contains more than {_MOST_BYTES / 1e9:g} GB")
        return content

    def read_whole(self, count: int) -> bytes:
        content = self.read(count)
        if len(content) < count:
            raise DamagedError("it's cut off")
        return content


@dataclass(slots=True)
class Member:
    """A file in an archive, whose content can be read until the next one is asked for."""

    name: str
    size: int
    _source: _Source
    _left: int

    def chunks(self) -> Iterator[bytes]:
        """Yield the content. Raises as `members`."""
        while self._left:
            chunk = self._source.read_whole(min(self._left, _CHUNK_BYTES))
            self._left -= len(chunk)
            yield chunk


def members(file: BinaryIO, most_bytes_of: Callable[[str], int | None]) -> Iterator[Member]:
    """Yield the files in an archive, each checked: no more is allowed than what `most_bytes_of` knows.

    That returns the most bytes a file of this name may have, or None for a name that is none of ours.
    Raises DamagedError: it is cut off, or no archive. Raises RefusedError: none of ours is like that.
    """
    with gzip.GzipFile(fileobj=file, mode="rb") as packed:
        source = _Source(packed)
        seen: set[str] = set()
        while (header := source.read_whole(_BLOCK)) != bytes(_BLOCK):
            info, name = _described(header, source)
            if (alike := folded_name(name)) in seen:
                raise RefusedError(f"{name!r} is in it twice")
            seen.add(alike)
            if len(seen) > _MOST_MEMBERS:
                raise RefusedError(f"it contains more than {_MOST_MEMBERS:,} files")
            most = most_bytes_of(name)
            if most is None:
                raise RefusedError(f"{name!r} isn't a file of Movie Sync's")
            if not 0 <= info.size <= most:
                raise RefusedError(f"{name!r} is too large ({info.size:,} bytes)")
            member = Member(name, info.size, source, info.size)
            yield member
            for _ in member.chunks():
                pass
            source.read_whole(-info.size % _BLOCK)
        while rest := source.read(_CHUNK_BYTES):
            if rest.strip(b"\0"):
                raise RefusedError("it has data after its end")


def folded_name(name: str) -> str:
    """Return what names that some file systems take for one have in common."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _described(header: bytes, source: _Source) -> tuple[tarfile.TarInfo, str]:
    """Return what a header says, and the name; a long one comes in a member before."""
    info, name = _parsed(header), None
    if info.type == tarfile.GNUTYPE_LONGNAME:
        if not 0 < info.size <= _LONGEST_NAME:
            raise RefusedError("a name in it is too long")
        text = source.read_whole(info.size + -info.size % _BLOCK)
        name = text[: info.size].rstrip(b"\0").decode("utf-8", "surrogateescape")
        info = _parsed(source.read_whole(_BLOCK))
    name = info.name if name is None else name
    if info.type not in _FILES:
        raise RefusedError(f"{name!r} is {_KINDS.get(info.type, 'not a file')}")
    parts = PurePosixPath(name).parts
    is_plain = "/".join(parts) == name and not name.startswith("/") and ".." not in parts
    if not is_plain or any(unicodedata.category(letter) == "Cc" for letter in name) or name.endswith("/"):
        raise RefusedError(f"{name!r} isn't the name of a file in the data folder")
    return info, name


def _parsed(header: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        raise DamagedError("its content is damaged") from None
