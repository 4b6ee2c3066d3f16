"""Write a file whole or not at all, readable by its owner alone from the moment it exists.

The new content goes to a temporary file in the same folder (a rename across file systems is not
atomic), is flushed to the disk, and only then takes the old one's name; the folder is flushed
too, because the new name is an entry of it.
"""

import contextlib
import errno
import logging
import os
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from movie_sync.errors import StorageError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_READ_AGAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_CHUNK_BYTES = 64 * 1024
TEMPORARY_SUFFIX = ".tmp"
# Some network and FUSE file systems cannot flush; what they answer is no failure of the write.
_NO_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
_NO_FOLDER_FLUSH = _NO_FLUSH | {errno.EBADF}
# What shares and sticks without modes of files answer to whoever sets one.
_NO_MODES = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})
_without_modes: set[Path] = set()
_log = logging.getLogger(__name__)


def write_atomically(
    path: Path,
    chunks: Iterable[bytes],
    *,
    keep_previous: bool = False,
    make_way: Callable[[], object] | None = None,
    is_safe: bool = True,
    flush_name: bool = True,
) -> None:
    """Replace `path` by the chunks, as `NewFile.publish` says.

    Raises:
        StorageError: nothing was changed, with the one exception that `NewFile.publish` names.
    """
    new = NewFile(path)
    with new.given_up_on_error():
        for chunk in chunks:
            new.write(chunk)
    new.publish(keep_previous=keep_previous, make_way=make_way, is_safe=is_safe, flush_name=flush_name)


class OpenFile:
    """A descriptor that is closed with the object."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.close = weakref.finalize(self, _close, descriptor)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from one place to another.

        Raises:
            StorageError: they cannot be read.
        """
        try:
            content = os.pread(self.descriptor, end - start, start)
        except OSError as exc:
            raise StorageError(f"A file in use cannot be read: {exc.strerror}.", errno=exc.errno) from None
        if len(content) < end - start:
            raise StorageError("A file in use cannot be read: it ends too early.")
        return content


class NewFile:
    """The next content of a file, written under its temporary name; without a path it never has a name.

    It ends with `publish` or `discard`, or is what a crash leaves over. One at a time for a path:
    callers hold a lock. A symbolic link at the path or at the temporary name is replaced, never
    followed.

    Raises:
        StorageError: it could not be written; nothing was changed.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._unwritten = bytearray()
        self.size = 0
        """How many bytes were written."""
        self.stands_unsafe = False
        """Whether a `publish` that failed left it in place: it could neither be flushed nor taken back."""
        try:
            self.file = OpenFile(_create(temporary_of(path)) if path else _anonymous())
        except OSError as exc:
            raise self._error(exc) from None

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

    @contextlib.contextmanager
    def given_up_on_error(self) -> Iterator[None]:
        """Discard it if what is done meanwhile fails."""
        try:
            yield
        except BaseException:
            self.discard()
            raise

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

        Raises:
            StorageError: nothing was changed. One exception: if the folder alone could not be
                flushed and there was no `keep_previous` to go back to, the new content stands there
                but might not outlast a power failure.
        """
        path = self._path
        if path is None:
            return self._write_out()
        with self.given_up_on_error():
            self._write_out()
            try:
                if is_safe:
                    _flush(self.file.descriptor)
                reader = OpenFile(
                    os.open(temporary_of(path), _READ_AGAIN)
                )  # what is read keeps nobody from a disk
                if make_way:
                    sync_folder(path.parent)  # the new content is safe by its temporary name, too
                    make_way()
                is_kept = keep_previous and _link_previous(path)
                was_there = is_kept or os.path.lexists(path)
                temporary_of(path).replace(path)
                self.file.close()
                self.file = reader
            except OSError as exc:
                raise self._error(exc) from None
        try:
            if flush_name:
                sync_folder(path.parent)
        except OSError as exc:
            is_undone = keep_previous and _take_back(path, is_kept=is_kept, was_there=was_there)
            self.stands_unsafe = not is_undone
            raise self._error(exc) from None
        return None

    def discard(self) -> None:
        """Give it up."""
        self.file.close()
        if self._path:
            delete_leftover(self._path)

    def _write_out(self) -> None:
        try:
            with memoryview(self._unwritten) as view:
                written = 0
                while written < len(view):
                    written += os.write(self.file.descriptor, view[written:])
        except OSError as exc:
            raise self._error(exc) from None
        self._unwritten.clear()

    def _error(self, exc: OSError) -> StorageError:
        reason = exc.strerror or str(exc)
        what = self._path or "A file for the time being"
        return StorageError(f"{what} could not be written: {reason}.", errno=exc.errno)


def temporary_of(path: Path) -> Path:
    """Return the name under which a file is written, before the content takes its own name."""
    return path.with_name(path.name + TEMPORARY_SUFFIX)


def previous_of(path: Path) -> Path:
    """Return the name under which the generation before the present one is kept."""
    return path.with_name(path.name + ".previous")


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder durable; a no-op where folders cannot be flushed."""
    flags = getattr(os, "O_DIRECTORY", None)
    if flags is None:  # Windows
        return
    descriptor = os.open(folder, os.O_RDONLY | flags)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_FOLDER_FLUSH:
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, and see it safe on the disk.

    What is made has mode 0700 under any umask; what is there is left as it is.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
    try:
        folder.mkdir(mode=_FOLDER_MODE)
    except FileExistsError:
        if folder.is_dir():
            return
        raise
    keep_private(folder, _FOLDER_MODE, folder)
    sync_folder(folder.parent)


def make_private_folder(folder: Path) -> None:
    """Do what `make_folder` does, with our own error.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        make_folder(folder)
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise StorageError(f"The folder {folder} could not be made: {reason}.", errno=exc.errno) from None


def make_private(path: Path) -> None:
    """Take back what an editor allowed others: a file lives on under another name."""
    if stat.S_ISREG(path.lstat().st_mode):
        keep_private(path, _FILE_MODE, path.parent)


def keep_private(what: Path | int, mode: int, folder: Path) -> None:
    """Give a file or folder of ours, or an open one, a mode that lets only its owner in.

    A file system without modes is warned of once for each `folder`; the work goes on. Thread-safe.

    Raises:
        OSError: the mode cannot be set for another reason.
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


def delete_file(path: Path) -> None:
    """Delete one of our own files durably; a missing one is fine.

    Raises:
        StorageError: it is still there.
    """
    delete_files([path])


def delete_files(paths: Sequence[Path], *, flush_name: bool = True) -> None:
    """Do that for several files of one folder; without `flush_name` they may come back after a power failure.

    Raises:
        StorageError: some are still there.
    """
    path = paths[0]
    try:
        for path in paths:
            path.unlink(missing_ok=True)
        if flush_name:
            sync_folder(path.parent)
    except OSError as exc:
        raise StorageError(f"{path} could not be deleted: {exc.strerror or exc}.") from None


def delete_leftover(path: Path) -> None:
    """Delete the temporary file that a crash left beside `path`, if it can be deleted."""
    with contextlib.suppress(OSError):
        temporary_of(path).unlink(missing_ok=True)


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NO_FLUSH:
            raise


def _link_previous(path: Path) -> bool:
    """Keep the present content under its second name; False if it cannot be had or is not there."""
    previous = previous_of(path)
    try:
        previous.unlink(missing_ok=True)
        os.link(path, previous)
        make_private(previous)
    except OSError:  # it is a second safety: the write itself does not fail for it
        return False
    return True


def _take_back(path: Path, *, is_kept: bool, was_there: bool) -> bool:
    """Undo a rename that could not be made durable; tells whether it could be undone."""
    with contextlib.suppress(OSError):
        if is_kept:
            previous_of(path).replace(path)
            return True
        if not was_there:
            path.unlink()
            return True
    return False


def _create(temporary: Path) -> int:
    if os.path.lexists(temporary):  # a crash left it, or somebody planted it
        _clear_away(temporary)
    descriptor = os.open(temporary, _NEW_FILE, _FILE_MODE)
    try:
        keep_private(descriptor, _FILE_MODE, temporary.parent)  # the umask may have taken bits away
    except BaseException:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return descriptor


def _clear_away(temporary: Path) -> None:
    try:
        temporary.unlink()
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise StorageError(
            f"{temporary} is in the way and cannot be deleted: {reason}. Move it elsewhere.", errno=exc.errno
        ) from None


def _anonymous() -> int:
    """Open a file that nobody else can open and that is gone with the process."""
    if hasattr(os, "memfd_create"):  # also where the folder for temporary files is full
        return os.memfd_create("movie-sync")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
