"""Write a file whole or not at all, readable by its owner alone from the moment it exists.

The new content goes to a temporary file in the same folder, is flushed to the disk, and only then
takes the old one's name; the folder is flushed too, because the new name is an entry of it.
"""

import contextlib
import errno
import logging
import os
import stat
import tempfile
import weakref
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Self

from movie_sync.errors import StorageError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_CHUNK_BYTES = 64 * 1024
TEMPORARY_SUFFIX = ".tmp"
# Some network and FUSE file systems cannot flush; what they answer is no failure of the write.
_NO_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
_NO_FOLDER_FLUSH = _NO_FLUSH | {errno.EBADF}
# What shares and sticks without modes of files answer to whoever sets one.
_NO_MODES = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
_without_modes: set[Path] = set()
_log = logging.getLogger(__name__)


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
    make_way: Callable[[], object] | None = None,
    is_safe: bool = True,
    flush_name: bool = True,
) -> None:
    """Replace `path` by the chunks; options and errors are those of `NewFile.publish`."""
    with NewFile(path) as new:
        for chunk in chunks:
            new.write(chunk)
        new.publish(keep_previous=keep_previous, make_way=make_way, is_safe=is_safe, flush_name=flush_name)


class OpenFile:
    """A descriptor that is closed with the object."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.close = weakref.finalize(self, _close, descriptor)
        self.found = os.fstat(descriptor)
        """What was known of it when it was opened."""

    def is_changed(self) -> bool:
        """Tell whether it was written into since it was opened."""
        now = os.fstat(self.descriptor)
        return (now.st_size, now.st_mtime_ns) != (self.found.st_size, self.found.st_mtime_ns)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from one place to another; a StorageError if they cannot be read."""
        with told_as("A file in use cannot be read"):
            content = os.pread(self.descriptor, end - start, start)
        if len(content) < end - start:
            raise StorageError("A file in use cannot be read: it ends too early.")
        return content


class NewFile:
    """The next content of a file, written under its temporary name; without a path it never has a name.

    It ends with `publish`, is given up if what is done `with` it fails, or is what a crash leaves
    over. One at a time for a path: callers hold a lock. A symbolic link at the path or at the
    temporary name is replaced, never followed.

    Raises:
        StorageError: it could not be written; nothing was changed.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._failure = f"{path or 'A file for the time being'} could not be written"
        self._unwritten = bytearray()
        self.size = 0
        """How many bytes were written."""
        self.stands_unsafe = False
        """Whether a `publish` that failed left it in place: it could neither be flushed nor taken back."""
        with told_as(self._failure):
            self.file = OpenFile(_create(temporary_of(path)) if path else _anonymous())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.file.close()
            if self._path:
                delete_leftover(self._path)

    def write(self, content: bytes) -> None:
        """Add content at the end, in pieces of moderate size."""
        self.size += len(content)
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
        make_way: Callable[[], object] | None = None,
        is_safe: bool = True,
        flush_name: bool = True,
    ) -> None:
        """Make it the file, mode 0600; what was written can be read on by `file`.

        With `keep_previous` the content so far stays under the name of `previous_of` (not where the
        file system has no hard links). `make_way` is called when the new content is safe on the
        disk, just before it takes its name. Without `is_safe` a power failure may leave an empty
        file, without `flush_name` it may bring the earlier one back.

        One error changes something: if the folder alone could not be flushed and there was no
        `keep_previous` to go back to, the new content stands there but might not outlast a power failure.
        """
        self._write_out()
        path = self._path
        if path is None:
            return
        with told_as(self._failure):
            if is_safe:
                _flush(self.file.descriptor, _NO_FLUSH)
            # What is read on keeps nobody from making the disk read-only.
            reader = OpenFile(os.open(temporary_of(path), os.O_RDONLY | _NO_LINK))
            undo: Callable[[], object] | None = None if os.path.lexists(path) else path.unlink
            if make_way:
                sync_folder(path.parent)  # the new content is safe by its temporary name, too
                make_way()
            if keep_previous:
                with contextlib.suppress(OSError):  # a second safety: the write does not fail for it
                    give_second_name(path, previous_of(path))
                    undo = partial(previous_of(path).replace, path)
            temporary_of(path).replace(path)
            self.file.close()
            self.file = reader
            try:
                if flush_name:
                    sync_folder(path.parent)
            except OSError:
                self.stands_unsafe = True
                with contextlib.suppress(OSError):
                    if undo:
                        undo()
                        self.stands_unsafe = False
                raise

    def _write_out(self) -> None:
        with told_as(self._failure), memoryview(self._unwritten) as view:
            written = 0
            while written < len(view):
                written += os.write(self.file.descriptor, view[written:])
        self._unwritten.clear()


def temporary_of(path: Path) -> Path:
    """Return the name under which a file is written, before the content takes its own name."""
    return path.with_name(path.name + TEMPORARY_SUFFIX)


def previous_of(path: Path) -> Path:
    """Return the name under which the generation before the present one is kept."""
    return path.with_name(path.name + ".previous")


def give_second_name(path: Path, name: Path) -> None:
    """Let a file live on under another name, which is freed for it, and be its owner's alone there."""
    name.unlink(missing_ok=True)
    os.link(path, name)
    make_private(name)


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder durable; a no-op where folders cannot be flushed."""
    flags = getattr(os, "O_DIRECTORY", None)
    if flags is None:  # Windows
        return
    descriptor = os.open(folder, os.O_RDONLY | flags)
    try:
        _flush(descriptor, _NO_FOLDER_FLUSH)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, mode 0700, and see it safe on the disk.

    What is there is left as it is. Raises OSError: it cannot be made.
    """
    for missing in (each for each in (*reversed(folder.parents), folder) if not each.is_dir()):
        missing.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        keep_private(missing, _FOLDER_MODE, missing)
        sync_folder(missing.parent)


def make_private(path: Path) -> None:
    """Take back what an editor allowed others: a file lives on under another name."""
    if stat.S_ISREG(path.lstat().st_mode):
        keep_private(path, _FILE_MODE, path.parent)


def keep_private(what: Path | int, mode: int, folder: Path) -> None:
    """Give a file or folder of ours, or an open one, a mode that lets only its owner in; may raise OSError.

    A file system without modes is warned of once for each `folder`; the work goes on. Thread-safe.
    """
    if os.name != "posix":
        return
    try:
        if stat.S_IMODE(os.stat(what).st_mode) == mode:  # noqa: PTH116 - or a descriptor
            return
        os.chmod(what, mode)  # noqa: PTH101 - the same
        if not os.stat(what).st_mode & 0o077:  # noqa: PTH116 - the same
            return
        reason = "they stay as they are"
    except OSError as exc:
        if exc.errno not in _NO_MODES:
            raise
        reason = exc.strerror or str(exc)
    if folder not in _without_modes:
        _without_modes.add(folder)
        _log.warning(
            "%s can't be kept private: its file system doesn't let modes be set (%s). Others on this "
            "machine may be able to read what Movie Sync writes there.",
            folder,
            reason,
        )


def delete_files(*paths: Path) -> None:
    """Delete files of ours in one folder durably, where they are there; a StorageError if one stays."""
    for path in paths:
        with told_as(f"{path} could not be deleted"):
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


def _flush(descriptor: int, harmless: Container[int]) -> None:
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in harmless:
            raise


def _create(temporary: Path) -> int:
    if os.path.lexists(temporary):  # a crash left it, or somebody planted it
        with told_as(f"{temporary} is in the way and cannot be deleted", " Move it elsewhere."):
            temporary.unlink()
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, _FILE_MODE)
    try:
        keep_private(descriptor, _FILE_MODE, temporary.parent)  # the umask may have taken bits away
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return descriptor


def _anonymous() -> int:
    """Open a file that nobody else can open and that is gone with the process."""
    if hasattr(os, "memfd_create"):  # also where the folder for temporary files is full
        return os.memfd_create("movie-sync")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
