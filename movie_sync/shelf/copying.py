"""Copies of files that are made under a name of their own, and get the right one once they are whole."""

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from movie_sync.shelf.faults import NO_LINKS, ShelfError, reason, told
from movie_sync.storage.atomic_file import flush
from movie_sync.storage.regular_file import NotAFileError, open_regular_descriptor

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PIECE_BYTES = 1 << 20
_FLUSHED_BYTES = 64 << 20  # a slow disk is soon done with so much
_SPARE_BYTES = 100 << 20
_CLONE = 0x40049409  # FICLONE of linux/fs.h
_HERE, _NO_REPLACING = -100, 1  # AT_FDCWD, RENAME_NOREPLACE
_NOT_DONE_THERE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}
_HALF = re.compile(r"\.movie-sync-([0-9a-f]*)-([0-9a-f]*)-[0-9a-f]{16}\.part")


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of a torrent's files, known by `key`. `owner` is who makes them, of all that share the shelf.

    `moved` is called whenever something moves on.
    """

    owner: str = ""
    key: str = ""
    moved: Callable[[], None] = lambda: None

    def is_there(self, source: Path, target: Path) -> bool:
        """Tell whether a file stands there already: it is the same, or has the same content.

        Raises ShelfError.
        """
        try:
            there = target.stat()
        except OSError as exc:
            if exc.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                return False
            raise ShelfError(f"Couldn't look at {target}: {reason(exc)}.") from None
        with told(f"Couldn't compare {source} with {target}"), opened(source) as (original, found):
            if os.path.samestat(found, there):
                return True
            if not stat.S_ISREG(there.st_mode) or there.st_size != found.st_size:
                return False
            with opened(target) as (copy, _):
                return self._same_until(copy, original, found.st_size) == found.st_size

    def copy(self, source: Path, target: Path, refusal: ShelfError | None) -> None:
        """Make a copy; with a `refusal` only one that shares its blocks, else that is raised.

        Raises ShelfError.
        """
        digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
        half = target.parent / f".movie-sync-{self.owner}-{self.key}-{digest}.part"
        with told(f"Couldn't copy {source} to {target.parent}"), opened(source) as (original, found):
            copy = opened_half(half)
            try:
                if not share_blocks(copy, original, found.st_size):
                    if refusal:
                        half.unlink()
                        raise refusal
                    self._go_on(copy, original, found.st_size, half)
                if _signature(os.fstat(original)) != _signature(found):
                    half.unlink()
                    raise ShelfError(f"{source} was changed while it was being copied.")
                with contextlib.suppress(OSError):  # a share without modes or times
                    os.fchmod(copy, stat.S_IMODE(found.st_mode) & 0o666 | 0o200)
                    os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))
                flush(copy)
            except OSError as exc:
                if exc.errno == errno.EFBIG:  # no more of it will ever fit there
                    half.unlink()
                raise
            finally:
                os.close(copy)
            _name_without_replacing(half, target)

    def _go_on(self, copy: int, original: int, size: int, half: Path) -> None:
        """Copy what is missing. What half a copy has is compared first: a crash may have lost some of it."""
        done = self._same_until(copy, original, min(os.fstat(copy).st_size, size))
        os.ftruncate(copy, done)
        disk = os.statvfs(half.parent)
        free = disk.f_bavail * disk.f_frsize
        if disk.f_blocks and free < size - done + _SPARE_BYTES:
            half.unlink()  # a disk that is full is not to be kept so
            raise ShelfError(
                f"Not enough room in {half.parent.parent}: {_gb(size)} needed, {_gb(free)} free."
            )
        flushed = done
        while done < size:
            piece = os.pread(original, _PIECE_BYTES, done)
            if not piece:
                break  # it has become shorter, which is said by who asked for it
            done += os.pwrite(copy, piece, done)
            if done - flushed >= _FLUSHED_BYTES:  # else all of it is waited for at the end, in silence
                flush(copy)
                flushed = done
            self.moved()

    def _same_until(self, copy: int, original: int, end: int) -> int:
        """Return up to where two files are the same; raises OSError."""
        place = 0
        while place < end:
            count = min(_PIECE_BYTES, end - place)
            piece = os.pread(original, count, place)
            if not piece or os.pread(copy, len(piece), place) != piece:
                break
            place += len(piece)
            self.moved()
        return place

    def remove(self, folder: Path, due: Collection[str] | None = None) -> None:
        """Remove what is left in a folder of copies that were cut off: of this torrent's files.

        With `due`, of all torrents' but these. Those at work stay, and everybody else's.
        """
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 - there may be very many
                found = _HALF.fullmatch(name)
                if not found or found[1] != self.owner:
                    continue
                if found[2] == self.key if due is None else found[2] not in due:
                    with contextlib.suppress(OSError, ShelfError):
                        os.close(opened_half(folder / name))
                        (folder / name).unlink()

    def sweep(self, shelf: Path, due: Collection[str]) -> None:
        """Remove what is left of copies of all torrents' files but those that are `due`, on a whole shelf."""
        with contextlib.suppress(OSError):
            for folder, folders, _ in os.walk(shelf):
                self.remove(Path(folder), due)
                self.moved()
                if Path(folder).parent != shelf and Path(folder) != shelf:
                    folders.clear()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file to be read; raises OSError."""
    try:
        descriptor = open_regular_descriptor(path, os.O_RDONLY)
    except NotAFileError:
        raise ShelfError(f"{path} isn't a regular file.") from None
    try:
        yield descriptor, os.fstat(descriptor)
    finally:
        os.close(descriptor)


def opened_half(half: Path) -> int:
    """Open half of a copy, new or one that was cut off, for this process alone; raises OSError, ShelfError.

    One that has got its name too, and was cut off then, is that file: it is left to its name.
    """
    for _ in range(2):
        copy = os.open(half, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | getattr(os, "O_CLOEXEC", 0), 0o666)
        try:
            _lock(copy)
            if os.fstat(copy).st_nlink <= 1:
                return copy
            half.unlink(missing_ok=True)
        except BaseException:
            os.close(copy)
            raise
        os.close(copy)
    raise ShelfError(f"Another process is using {half}.")


def _lock(half: int) -> None:
    """Keep other processes from half of a copy, if files can be locked; raises ShelfError if one has it."""
    if fcntl is not None:
        try:
            fcntl.flock(half, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShelfError("Another process is copying this film to the shelf.") from None
        except OSError:
            pass


def share_blocks(copy: int, original: int, size: int) -> bool:
    """Let a file have the blocks of another one, which file systems such as btrfs and XFS can."""
    if fcntl is None:
        return False
    try:
        fcntl.ioctl(copy, _CLONE, original)
    except OSError:
        return False
    os.ftruncate(copy, size)
    return True


def _name_without_replacing(half: Path, target: Path) -> None:
    """Give a whole copy its name; raises OSError, also if something has it."""
    try:
        os.link(half, target)
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        _rename_without_replacing(half, target)
    else:
        half.unlink(missing_ok=True)


def _rename_without_replacing(half: Path, target: Path) -> None:
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is not None:
        if rename(_HERE, os.fsencode(half), _HERE, os.fsencode(target), _NO_REPLACING) == 0:
            return
        if (code := ctypes.get_errno()) not in _NOT_DONE_THERE:
            raise OSError(code, os.strerror(code))
    if os.path.lexists(target):  # without either there is no better way to ask
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    half.rename(target)


def _signature(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
