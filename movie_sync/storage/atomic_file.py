"""Files of ours: read whole, written whole or not at all, for their owner alone, kept aside if damaged.

The new content goes to a temporary file in the same folder, is flushed to the disk, and only then
takes the old one's name; the folder is flushed too, because the new name is an entry of it.
"""

import contextlib
import errno
import os
import stat
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO, Self

from movie_sync.errors import StorageError
from movie_sync.storage.regular_file import NotAFileError, open_regular, open_regular_descriptor
from movie_sync.storage.replacing import replace_file
from movie_sync.storage.shortcomings import Lack, note_lack, note_open

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_CHUNK_BYTES = 64 * 1024
_MOST_BYTES = 40_000_000
TEMPORARY_SUFFIX = ".tmp"
# Some network and FUSE file systems cannot flush; what they answer is no failure of the write.
_NO_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF})
# What shares and sticks without modes of files answer to whoever sets one.
_NO_MODES = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
# What the system answers if a file cannot be replaced because it is a mount of its own, as in a container.
IS_A_MOUNT = frozenset({errno.EBUSY, errno.EXDEV})
# What says that this machine is short of something, or another away, and nothing about the file.
_SHORTAGES = frozenset(
    {
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT),
        *(errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNABORTED, errno.ECONNRESET),
    }
)
# What file systems without hard links answer to whoever makes one.
_NO_LINKS = _NO_MODES | {errno.EMLINK}


@contextlib.contextmanager
def told_as(failure: str, advice: str = "") -> Iterator[None]:
    """Raise an OSError met meanwhile as a StorageError that says what failed, why, and what to do."""
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise StorageError(f"{failure}: {reason}.{advice}", errno=exc.errno) from None


def write_atomically(
    path: Path,
    chunks: Iterable[bytes],
    *,
    keep_previous: bool = False,
    damaged_at: datetime | None = None,
    is_safe: bool = True,
    flush_name: bool = True,
) -> str:
    """Replace `path` by the chunks; options, answer and errors are those of `NewFile.publish`."""
    with NewFile(path) as new:
        for chunk in chunks:
            new.write(chunk)
        return new.publish(
            keep_previous=keep_previous, damaged_at=damaged_at, is_safe=is_safe, flush_name=flush_name
        )


def write_in_place(path: Path, content: bytes) -> None:
    """Overwrite a file that no other can replace (a mount of its own); a StorageError if that fails.

    The content so far stands under the name of `previous_of` meanwhile, safe on the disk, and is put back
    if the new one could not be written whole. Only a crash in between leaves the file half written, and
    then that copy stays.
    """
    previous = read_whole(path)
    write_atomically(previous_of(path), [previous])
    with told_as(f"Couldn't write {path}"):
        file = OpenFile(open_regular_descriptor(path, os.O_WRONLY | os.O_NOFOLLOW))
        try:
            _overwrite(file.descriptor, content)
        except OSError:
            _overwrite(file.descriptor, previous)
            raise
        finally:
            file.close()
    delete_files(previous_of(path))


def _overwrite(descriptor: int, content: bytes) -> None:
    written = 0
    while written < len(content):
        written += os.pwrite(descriptor, content[written:], written)
    os.ftruncate(descriptor, len(content))
    flush(descriptor)


def try_flush(path: Path) -> None:
    """Find out, from a file that is there, whether those of its folder can be flushed to the disk at all."""
    with contextlib.suppress(OSError):  # whoever writes there says what is wrong
        file = OpenFile(open_regular_descriptor(path, os.O_RDONLY | os.O_NOFOLLOW))
        flush(file.descriptor, path.parent)
        file.close()


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all of it, though the system takes less at a time; raises OSError."""
    written = 0
    while written < len(content):
        written += os.write(descriptor, content[written:])


class OpenFile:
    """A descriptor that is closed with the object."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.close = weakref.finalize(self, _close, descriptor)
        self.found = os.fstat(descriptor)
        """What it was when it was opened."""

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from one place to another; a StorageError if they cannot be read."""
        with told_as("Couldn't read an open file"):
            content = os.pread(self.descriptor, end - start, start)
        if len(content) < end - start:
            raise StorageError("Couldn't read an open file: it ends too early.")
        return content


class NewFile:
    """The next content of a file, written under its temporary name; without a path it never has a name.

    It ends with `publish`, or is given up if what is done `with` it fails. One at a time for a path: callers
    hold a lock. Symbolic links are replaced, never followed. A StorageError says that nothing was changed.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._failure = f"Couldn't write {path or 'a temporary file'}"
        self._unwritten = bytearray()
        temporary = temporary_of(path) if path else None
        if temporary and os.path.lexists(temporary):  # a crash left it, or somebody planted it
            with told_as(f"{temporary} is in the way and couldn't be deleted", " Move it elsewhere."):
                temporary.unlink()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with told_as(self._failure):
            self.file = OpenFile(os.open(temporary, flags, _FILE_MODE) if temporary else _anonymous())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.file.close()
            if self._path:
                delete_leftover(self._path)

    def write(self, content: bytes) -> None:
        """Add content at the end, in pieces of moderate size."""
        self._unwritten += content
        if len(self._unwritten) >= _CHUNK_BYTES:
            self._write_out()

    def read(self, start: int, end: int) -> bytes:
        """Return what was written, from one place to another."""
        self._write_out()
        return self.file.read(start, end)

    def publish(
        self,
        *,
        keep_previous: bool = False,
        damaged_at: datetime | None = None,
        is_safe: bool = True,
        flush_name: bool = True,
    ) -> str:
        """Make it the file, mode 0600; what was written can be read on by `file`.

        With `keep_previous` the content so far stays under the name of `previous_of`. With `damaged_at` it
        is kept aside instead, and where is returned, as the end of a message. Without `is_safe` a power
        failure may leave an empty file, without `flush_name` it may bring the earlier one back; so it may if
        the folder alone could not be flushed, which is an error, and there was nothing to go back to.
        """
        self._write_out()
        path, kept = self._path, ""
        if path is None:
            return kept
        with told_as(self._failure):
            keep_private(self.file.descriptor, _FILE_MODE, path.parent)  # the umask may have taken bits away
            if is_safe:
                flush(self.file.descriptor, path.parent)
            # What is read on keeps nobody from making the disk read-only. It is opened once the file is
            # closed, as some file systems note only then when it was written.
            self.file.close()
            self.file = OpenFile(os.open(temporary_of(path), os.O_RDONLY | os.O_NOFOLLOW))
            undo: Callable[[], object] | None = None if os.path.lexists(path) else path.unlink
            if damaged_at and undo is None:
                sync_folder(path.parent)  # the new content is safe by its temporary name, too
                aside = keep_aside(path, damaged_at, until_replaced=True)
                kept = f" The damaged file is kept as {aside.name}."
            elif keep_previous and not damaged_at:
                with contextlib.suppress(OSError, StorageError):  # it is only a second safety
                    _keep_previous(path)
                    undo = partial(previous_of(path).replace, path)
            replace_file(temporary_of(path), path)
            try:
                if flush_name:
                    sync_folder(path.parent)
            except OSError:
                if undo:
                    with contextlib.suppress(OSError):
                        undo()
                raise
        return kept

    def _write_out(self) -> None:
        with told_as(self._failure), memoryview(self._unwritten) as view:
            write_all(self.file.descriptor, view)
        self._unwritten.clear()


def temporary_of(path: Path) -> Path:
    """Return the name under which a file is written, before the content takes its own name."""
    return path.with_name(path.name + TEMPORARY_SUFFIX)


def previous_of(path: Path) -> Path:
    """Return the name under which the generation before the present one is kept."""
    return path.with_name(path.name + ".previous")


def _keep_previous(path: Path) -> None:
    """Let what a file holds stay under its second name, too; as a copy where there are no hard links."""
    previous_of(path).unlink(missing_ok=True)
    try:
        os.link(path, previous_of(path))
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        with open_regular(path) as file:
            pieces = iter(partial(file.read, _CHUNK_BYTES), b"")
            write_atomically(previous_of(path), pieces, is_safe=False, flush_name=False)
    else:
        _make_private(previous_of(path))


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder durable; a no-op where folders cannot be flushed."""
    with contextlib.closing(OpenFile(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))) as opened:
        flush(opened.descriptor)


class DamagedError(ValueError):
    """What stands there is not a file that can be read; the text says why."""


def read_whole(path: Path, *, most_bytes: int = _MOST_BYTES) -> bytes:
    """Return what a file holds; raises as `opened_whole`."""
    with opened_whole(path, most_bytes=most_bytes) as file:
        return file.read()


@contextlib.contextmanager
def opened_whole(path: Path, *, most_bytes: int = _MOST_BYTES) -> Iterator[BinaryIO]:
    """Open a file to read it, and nothing but a file.

    Raises FileNotFoundError, DamagedError, or a StorageError for what has nothing to do with the file.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > most_bytes:
                raise DamagedError("it's far too large")
            yield file
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise DamagedError(damage_in(path, exc)) from None


def damage_in(path: Path, exc: OSError) -> str:
    """Say what is wrong with a file that could not be read; a StorageError if only the machine is short."""
    reason = exc.strerror or str(exc)
    if exc.errno in _SHORTAGES:
        raise StorageError(f"Can't read {path} right now: {reason}.") from None
    return reason if isinstance(exc, NotAFileError) else f"it can't be read ({reason})"


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, mode 0700, safe on the disk; raises OSError."""
    for missing in (each for each in (*reversed(folder.parents), folder) if not each.is_dir()):
        missing.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        keep_private(missing, _FOLDER_MODE, missing)
        sync_folder(missing.parent)


def keep_aside(path: Path, now: datetime, *, until_replaced: bool = False) -> Path:
    """Rename a damaged file to a name that says what and when, and return that name.

    With `until_replaced` it keeps its own name too, unless it cannot have two (a folder; any file on some
    file systems); a second name from an attempt that was cut off serves again. Raises StorageError.
    """
    name = f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}"
    names = (path.with_name(f"{name}-{number}" if number > 1 else name) for number in count(1))
    aside = next(each for each in names if not os.path.lexists(each))
    with contextlib.suppress(OSError):
        if until_replaced:
            there, asides = path.lstat(), path.parent.glob(f"{path.name}.damaged-*")
            aside = next((each for each in asides if os.path.samestat(each.lstat(), there)), aside)
            os.link(path, aside)
    with told_as(f"{path} is damaged and couldn't be moved aside"):
        if not os.path.lexists(aside):
            path.rename(aside)
        try:
            _make_private(aside)
            sync_folder(path.parent)
        except OSError:  # what was to take its place does not: else nothing would stand there
            with contextlib.suppress(OSError):
                aside.rename(path)
            raise
    return aside


def _make_private(path: Path) -> None:
    """Take back what an editor allowed others: a file lives on under another name."""
    if stat.S_ISREG(path.lstat().st_mode):
        keep_private(path, _FILE_MODE, path.parent)


def keep_private(what: Path | int, mode: int, folder: Path) -> None:
    """Give a file or folder of ours, or an open one, a mode that lets only its owner in; may raise OSError.

    Where that can't be done, it is noted for the `folder` and the work goes on. Thread-safe.
    """
    failure: OSError | None = None
    try:
        if stat.S_IMODE(os.stat(what).st_mode) != mode:  # noqa: PTH116 - or a descriptor
            os.chmod(what, mode)  # noqa: PTH101 - the same
    except OSError as exc:
        if exc.errno not in _NO_MODES:
            raise
        failure = exc
    found = os.stat(what)  # noqa: PTH116 - the same
    if found.st_mode & 0o077:
        note_open(found, folder, failure)


def delete_files(*paths: Path) -> None:
    """Delete files of ours in one folder durably, where they are there; a StorageError if one stays."""
    for path in paths:
        with told_as(f"Couldn't delete {path}"):
            path.unlink(missing_ok=True)
            if path is paths[-1]:
                sync_folder(path.parent)


def delete_leftover(path: Path) -> None:
    """Delete the temporary file that a crash left beside `path`, if it can be deleted."""
    with contextlib.suppress(OSError):
        temporary_of(path).unlink(missing_ok=True)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def flush(descriptor: int, folder: Path | None = None) -> None:
    """Bring what is open to the disk; where files of a folder cannot be, that is noted. Raises OSError."""
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_FLUSH:
            raise
        if folder:
            note_lack(Lack.FLUSHES, folder, exc)


def _anonymous() -> int:
    """Open a file that nobody else can open and that is gone with the process."""
    if hasattr(os, "memfd_create"):  # also where the folder for temporary files is full
        return os.memfd_create("movie-sync")
    import tempfile  # noqa: PLC0415 - only where there is no memfd_create

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
