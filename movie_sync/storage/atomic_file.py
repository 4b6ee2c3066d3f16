"""Write a file whole or not at all, readable by its owner alone from the moment it exists.

The new content goes to a temporary file in the same folder (a rename across file systems is not
atomic), is flushed to the disk, and only then takes the old one's name; the folder is flushed
too, because the new name is an entry of it.
"""

import contextlib
import errno
import functools
import logging
import os
import stat
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from movie_sync.errors import StorageError

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_CHUNK_BYTES = 64 * 1024
TEMPORARY_SUFFIX = ".tmp"
_PREVIOUS_SUFFIX = ".previous"
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
    flush_name: bool = True,
) -> None:
    """Replace `path` by the chunks, durably, mode 0600.

    One writer per path at a time; callers hold a lock. A symbolic link at `path` or at the
    temporary name is replaced, never followed. With `keep_previous` the content so far stays
    under the name of `previous_of` (not where the file system has no hard links). `make_way` is
    called when the new content is safe on the disk, just before it takes its name. Without
    `flush_name` a power failure may bring the earlier content back, whole, until the folder is
    flushed for another file.

    Raises:
        StorageError: nothing was changed (disk full, read-only, no such folder). One exception:
            if the folder alone could not be flushed and there was no `keep_previous` to go back
            to, the new content stands there but might not outlast a power failure.
    """
    Draft(path, chunks).publish(keep_previous=keep_previous, make_way=make_way, flush_name=flush_name)


class Draft:
    """The next content of a file, written under its temporary name, not safe on the disk yet.

    What `write_atomically` does in steps, for files that change together: once the disk has begun to
    write one draft, the flush of another takes it along, which saves one of the waits. One at a
    time per path; it ends with `publish` or `discard`, or is what a crash leaves over.

    Raises:
        StorageError: it could not be written; nothing was changed.
    """

    def __init__(self, path: Path, chunks: Iterable[bytes]) -> None:
        self._path = path
        self._temporary = temporary_of(path)
        self._is_over = False
        self.stands_unsafe = False
        """Whether a `publish` that failed left it in place: it could neither be flushed nor taken back."""
        try:
            self._descriptor = _create(self._temporary)
            try:
                _write_all(self._descriptor, chunks)
            except BaseException:
                self.discard()
                raise
        except OSError as exc:
            raise _not_written(path, exc) from None

    def begin_flush(self) -> None:
        """Let the disk begin to write it, without waiting."""
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def flush(self) -> None:
        """See its content safe on the disk, under its temporary name; `publish` does that too.

        Raises:
            StorageError: it is not, and was given up; nothing was changed.
        """
        try:
            self._flush()
        except OSError as exc:
            self.discard()
            raise _not_written(self._path, exc) from None

    def publish(
        self,
        *,
        keep_previous: bool = False,
        going: "Going | None" = None,
        make_way: Callable[[], object] | None = None,
        flush_content: bool = True,
        flush_name: bool = True,
    ) -> None:
        """Make it the file, as `write_atomically` says; what loses its last name stays with `going`.

        Without `flush_content` a power failure may leave an empty file.

        Raises:
            StorageError: as there.
        """
        folder = _folder_of(self._path)
        try:
            try:
                if flush_content:
                    self._flush()
                self._close()
                if make_way:
                    sync_folder(folder)  # the new content is safe by its temporary name, too
                    make_way()
                is_kept = keep_previous and _link_previous(self._path, going)
                was_there = is_kept or os.path.lexists(self._path)
                os.replace(self._temporary, self._path)  # noqa: PTH105 - that makes another path each time
                self._is_over = True
            except BaseException:
                self.discard()
                raise
            try:
                if flush_name:
                    sync_folder(folder)
            except OSError:
                is_undone = keep_previous and _take_back(self._path, is_kept=is_kept, was_there=was_there)
                self.stands_unsafe = not is_undone
                raise
        except OSError as exc:
            raise _not_written(self._path, exc) from None

    def discard(self) -> None:
        """Give it up; after `publish` it changes nothing."""
        if self._is_over:
            return
        self._is_over = True
        with contextlib.suppress(OSError):
            self._close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()

    def _flush(self) -> None:
        if self._descriptor >= 0:
            try:
                os.fsync(self._descriptor)
            except OSError as exc:
                if exc.errno not in _NO_FLUSH:
                    raise
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1  # closed, even if that fails
            os.close(descriptor)


class Going:
    """Holds on to a file that is about to lose its last name, until `let_go`.

    The system takes its time to free what no name and nobody holds: as long as half a flush, which is
    best spent while the disk writes something else. Until then it takes up room. Thread-safe.
    """

    def __init__(self) -> None:
        self._descriptors: list[int] = []
        weakref.finalize(self, _close_all, self._descriptors)

    def hold(self, path: Path) -> None:
        """Hold what is there now, if it can be held without opening it."""
        if hasattr(os, "O_PATH"):
            with contextlib.suppress(OSError):
                self._descriptors.append(os.open(path, os.O_PATH | os.O_NOFOLLOW))

    def let_one_go(self) -> None:
        """Let the system free what was held longest."""
        with contextlib.suppress(IndexError):
            os.close(self._descriptors.pop(0))

    def let_go(self) -> bool:
        """Let the system free all that was held; tells whether there was anything."""
        held = bool(self._descriptors)
        _close_all(self._descriptors)
        return held


def _close_all(descriptors: list[int]) -> None:
    with contextlib.suppress(IndexError):
        while True:
            os.close(descriptors.pop())


def _not_written(path: Path, exc: OSError) -> StorageError:
    reason = exc.strerror or str(exc)
    return StorageError(f"{path} could not be written: {reason}.", errno=exc.errno)


@functools.lru_cache(maxsize=64)  # few files are written over and over
def temporary_of(path: Path) -> Path:
    """Return the name under which `write_atomically` writes, before the content takes its name."""
    return path.with_name(path.name + TEMPORARY_SUFFIX)


@functools.lru_cache(maxsize=64)
def previous_of(path: Path) -> Path:
    """Return the name under which `write_atomically` keeps the generation before the present one."""
    return path.with_name(path.name + _PREVIOUS_SUFFIX)


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


@functools.lru_cache(maxsize=64)
def _folder_of(path: Path) -> Path:
    return path.parent


def _link_previous(path: Path, going: Going | None) -> bool:
    """Keep the present content under its second name; False if it cannot be had or is not there."""
    previous = previous_of(path)
    try:
        if going:
            going.hold(previous)
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
    try:
        descriptor = os.open(temporary, _NEW_FILE, _FILE_MODE)
    except FileExistsError:  # a crash left it, or somebody planted it
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


def _write_all(descriptor: int, chunks: Iterable[bytes]) -> None:
    """Write in pieces of moderate size: neither a call per line nor the whole file in memory twice."""
    piece = bytearray()
    for chunk in chunks:
        is_large = len(chunk) >= _CHUNK_BYTES
        if not is_large:
            piece += chunk
        if is_large or len(piece) >= _CHUNK_BYTES:
            _write_piece(descriptor, piece)
            piece.clear()
        if is_large:
            _write_piece(descriptor, chunk)
    _write_piece(descriptor, piece)


def _write_piece(descriptor: int, piece: bytes | bytearray) -> None:
    written = 0
    with memoryview(piece) as view:
        while written < len(piece):
            written += os.write(descriptor, view[written:])
