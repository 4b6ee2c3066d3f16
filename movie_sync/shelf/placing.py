"""Puts a film's files on the shelf: as hard links, else as copies that share their blocks, else as copies.

Nothing that is there is replaced or removed, but for half of a copy that was cut off, which has a name
of its own until it is whole. Whatever is done twice has no effect the second time.
"""

import contextlib
import ctypes
import errno
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from movie_sync.domain.name_kinds import VIDEO_EXTENSIONS
from movie_sync.domain.shelf_names import safe_name
from movie_sync.domain.shelf_plan import ShelfFile, ShelfPlan
from movie_sync.shelf.no_links import why_no_hard_link
from movie_sync.storage.atomic_file import flush, sync_folder
from movie_sync.storage.regular_file import NotAFileError, open_regular_descriptor

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PIECE_BYTES = 1 << 20
_SPARE_BYTES = 100 << 20
_CLONE = 0x40049409  # FICLONE of linux/fs.h
_HERE, _NO_REPLACING = -100, 1  # AT_FDCWD, RENAME_NOREPLACE
_NO_LINKS = {
    errno.EPERM,
    errno.EACCES,
    errno.EXDEV,
    errno.EMLINK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
}
_NOT_DONE_THERE = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}
# What is amiss with the disk, and not with one file.
_AWAY = {errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN}
_OF_THE_DISK = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, *_AWAY}
# A shelf that may not be written has the same for every film.
_OF_THE_SHELF = _OF_THE_DISK | {errno.EACCES, errno.EPERM}
_MOST_NUMBERS = 20
_HALF = re.compile(r"\.movie-sync-[0-9a-f]{16}\.part")


class ShelfError(Exception):
    """Why a film could not be put on the shelf now; with `is_of_all`, no other one could be either."""

    def __init__(self, words: str, *, is_of_all: bool = False) -> None:
        super().__init__(words)
        self.is_of_all = is_of_all


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where films are put; with `may_copy`, their files are copied where they can't be shared."""

    folder: Path
    may_copy: bool = False

    def place(self, plan: ShelfPlan, source: Path, name: str, labels: Sequence[str]) -> Path:
        """Put a film there under its name, and return its video's path.

        `source` is the folder that the plan's paths are relative to. Of several versions of the film the
        second and later ones get one of the `labels` behind the name. The video comes last: what a media
        server sees of the film is then whole. Raises ShelfError.
        """
        with _told(f"Couldn't look at the shelf's folder {self.folder}"):
            if not self.folder.is_dir():
                raise ShelfError(
                    f"The shelf's folder {self.folder} doesn't exist. Create it, or mount the disk it's on.",
                    is_of_all=True,
                )
        folder = self.folder / name
        with _told(f"Couldn't create {folder}", of_all=_OF_THE_SHELF):
            is_new = _made(folder)
        try:
            target = self._fill(folder, plan, source, name, labels)
        except ShelfError:
            if is_new:
                with contextlib.suppress(OSError):  # it has a part of the film
                    folder.rmdir()
            raise
        for made in (folder, self.folder):  # also what a run before, which was cut off, has made
            _flush_folder(made)
        return target

    def _fill(self, folder: Path, plan: ShelfPlan, source: Path, name: str, labels: Sequence[str]) -> Path:
        video = source / plan.video.path
        film = _stem_for(video, folder, name, labels, plan.video.ending)
        for file in plan.subtitles:
            self._put(source / file.path, _free_for(source / file.path, folder, film, file))
        for file in plan.extras:
            with contextlib.suppress(ShelfError):  # the film isn't to wait for what lies beside it
                self._put_extra(folder / file.folder, source, file)
        target = folder / f"{film}{plan.video.ending}"
        self._put(video, target)
        _remove_halves(folder)
        return target

    def _put_extra(self, extras: Path, source: Path, file: ShelfFile) -> None:
        path = Path(file.path)
        with _told(f"Couldn't create {extras}"):
            _made(extras)
        stem = safe_name(path.stem) or file.folder
        self._put(source / path, _free_for(source / path, extras, stem, file))
        _remove_halves(extras)

    def _put(self, source: Path, target: Path | None) -> None:
        """Put a file there unless it is there already; None is where something else has its name."""
        if target is None or _is_there(source, target):
            return
        try:
            # At once, or not at all; what has the name keeps it. Linux would link a symlink itself.
            os.link(os.path.realpath(source), target)
        except FileExistsError:
            raise ShelfError(f"Another program has just created {target}; it's kept.") from None
        except OSError as exc:
            if exc.errno not in _NO_LINKS:
                raise ShelfError(
                    f"Couldn't put {source} on the shelf: {_reason(exc)}.",
                    is_of_all=exc.errno in _OF_THE_DISK,
                ) from None
            self._copy(source, target, exc)
        _flush_folder(target.parent)

    def _copy(self, source: Path, target: Path, why_no_link: OSError) -> None:
        """Make a copy under a name of its own, and give it the right name once it is whole."""
        half = target.parent / f".movie-sync-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}.part"
        with _told(f"Couldn't copy {source} to {target.parent}"), _opened(source) as (original, found):
            copy = _opened_half(half)
            try:
                if not _share_blocks(copy, original, found.st_size):
                    if not self.may_copy:
                        half.unlink()
                        raise ShelfError(why_no_hard_link(source, self.folder, why_no_link))
                    _go_on_copying(copy, original, found.st_size, half)
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


def _made(folder: Path) -> bool:
    """Make a folder unless it is there; tell whether it was not. Raises OSError."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return False
    return True


def _opened_half(half: Path) -> int:
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


def _remove_halves(folder: Path) -> None:
    """Remove what is left of copies that were cut off, once the film is there; those at work stay."""
    with contextlib.suppress(OSError):
        for half in [entry for entry in folder.iterdir() if _HALF.fullmatch(entry.name)]:
            with contextlib.suppress(OSError, ShelfError):
                os.close(_opened_half(half))
                half.unlink()


def _stem_for(video: Path, folder: Path, name: str, labels: Sequence[str], ending: str) -> str:
    """Return what the files are called: as they are if they are there, else as no other version is."""
    stems = [f"{name}{label}" for label in labels]
    for stem in stems:
        if _is_there(video, folder / f"{stem}{ending}"):
            return stem
    with _told(f"Couldn't read {folder}"):
        taken = {entry.stem.casefold() for entry in folder.iterdir() if _is_video(entry)}
    for stem in stems:
        if stem.casefold() not in taken and not os.path.lexists(folder / f"{stem}{ending}"):
            return stem
    raise ShelfError(
        f"Every name this release could get in {folder} is taken. Rename or move one of those files."
    )


def _free_for(source: Path, folder: Path, stem: str, file: ShelfFile) -> Path | None:
    """Return where a file belongs that stands beside the video, or None if its names are all taken."""
    kind = Path(file.path).suffix.lower()
    ending = file.ending.removesuffix(kind) if file.ending.endswith(kind) else ""
    for number in range(1, _MOST_NUMBERS):
        path = folder / f"{stem}{ending}{f'.{number}' if number > 1 else ''}{kind}"
        if not os.path.lexists(path) or _is_there(source, path):
            return path
    return None


def _is_video(path: Path) -> bool:
    return path.suffix[1:].lower() in VIDEO_EXTENSIONS


def _is_there(source: Path, target: Path) -> bool:
    """Tell whether a file is on the shelf already: it is the same, or has the same content."""
    try:
        there = target.stat()
    except OSError as exc:
        if exc.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
            return False
        raise ShelfError(f"Couldn't look at {target}: {_reason(exc)}.") from None
    with _told(f"Couldn't compare {source} with {target}"), _opened(source) as (original, found):
        if os.path.samestat(found, there):
            return True
        if not stat.S_ISREG(there.st_mode) or there.st_size != found.st_size:
            return False
        with _opened(target) as (copy, _):
            return _same_until(copy, original, found.st_size) == found.st_size


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[int, os.stat_result]]:
    """Open a regular file to be read; raises OSError."""
    try:
        descriptor = open_regular_descriptor(path, os.O_RDONLY)
    except NotAFileError:
        raise ShelfError(f"{path} isn't a regular file.") from None
    try:
        yield descriptor, os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _share_blocks(copy: int, original: int, size: int) -> bool:
    """Let a file have the blocks of another one, which file systems such as btrfs and XFS can."""
    if fcntl is None:
        return False
    try:
        fcntl.ioctl(copy, _CLONE, original)
    except OSError:
        return False
    os.ftruncate(copy, size)
    return True


def _go_on_copying(copy: int, original: int, size: int, half: Path) -> None:
    """Copy what is missing. What half a copy has is compared first: a crash may have lost some of it."""
    done = _same_until(copy, original, min(os.fstat(copy).st_size, size))
    os.ftruncate(copy, done)
    disk = os.statvfs(half.parent)
    free = disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free < size - done + _SPARE_BYTES:
        half.unlink()  # a disk that is full is not to be kept so
        raise ShelfError(f"Not enough room in {half.parent.parent}: {_gb(size)} needed, {_gb(free)} free.")
    while done < size:
        piece = os.pread(original, _PIECE_BYTES, done)
        if not piece:
            break  # it has become shorter, which is said below
        done += os.pwrite(copy, piece, done)


def _same_until(copy: int, original: int, end: int) -> int:
    """Return up to where two files are the same."""
    place = 0
    while place < end:
        count = min(_PIECE_BYTES, end - place)
        piece = os.pread(original, count, place)
        if not piece or os.pread(copy, len(piece), place) != piece:
            break
        place += len(piece)
    return place


def _name_without_replacing(half: Path, target: Path) -> None:
    """Give a whole copy its name; raises OSError, also if something has it."""
    try:
        os.link(half, target)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
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


def _flush_folder(folder: Path) -> None:
    with _told(f"Couldn't write {folder}"):
        sync_folder(folder)


def _signature(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


@contextlib.contextmanager
def _told(failure: str, of_all: Collection[int] = _OF_THE_DISK) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ShelfError(f"{failure}: {_reason(exc)}.", is_of_all=exc.errno in of_all) from None


def _reason(exc: OSError) -> str:
    return exc.strerror or type(exc).__name__


def why_not_shared(file: Path, shelf: Path) -> str:
    """Return why a file can be shared with a folder neither by a link nor by its blocks; "" if it can.

    It is tried, and leaves nothing. Raises ShelfError, OSError.
    """
    trial = shelf / f".movie-sync-check-{os.getpid()}"
    try:
        os.link(os.path.realpath(file), trial)
    except OSError as why_no_link:
        with _opened(file) as (original, found):
            copy = _opened_half(trial)
            try:
                is_shared = _share_blocks(copy, original, found.st_size)
            finally:
                os.close(copy)
        return "" if is_shared else why_no_hard_link(file, shelf, why_no_link)
    finally:
        trial.unlink(missing_ok=True)
    return ""


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
