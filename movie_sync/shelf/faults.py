"""Why a film can't be put on the shelf, in words, and whom else that concerns."""

import contextlib
import errno
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

NO_LINKS = {
    errno.EPERM,
    errno.EACCES,
    errno.EXDEV,
    errno.EMLINK,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
}
# What is amiss with the disk, and not with one file.
_AWAY = {errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN}
OF_THE_DISK = {errno.EROFS, errno.ENOSPC, errno.EDQUOT, *_AWAY}
# A shelf that may not be written has the same for every film.
OF_THE_SHELF = OF_THE_DISK | {errno.EACCES, errno.EPERM}
_WHY_NO_LINK: Mapping[int, str] = {
    errno.EXDEV: (
        "Films in {folder} can't be hard-linked into {shelf}, which is on another file system or a separate "
        'mount. Put both on one, or set "shelf": {{"how": "copy"}} to copy films.'
    ),
    errno.EMLINK: '{file} has too many hard links already. Set "shelf": {{"how": "copy"}} to copy films.',
}
_FORBIDDEN = (
    "The system doesn't let Movie Sync hard-link {file}, because the file belongs to another user. Run it as "
    "the torrent client's user, give it write access to the file, or set "
    '"shelf": {{"how": "copy"}} to copy films.'
)
_WITHOUT_LINKS = 'The file system of {shelf} has no hard links. Set "shelf": {{"how": "copy"}} to copy films.'


class ShelfError(Exception):
    """Why a film could not be put on the shelf now.

    With `is_of_folder` it is the same for all films in the folder where its torrent is, with `is_of_all`
    for all films.
    """

    def __init__(self, words: str, *, is_of_all: bool = False, is_of_folder: bool = False) -> None:
        super().__init__(words)
        self.is_of_all = is_of_all
        self.is_of_folder = is_of_folder


@contextlib.contextmanager
def told(failure: str, of_all: Collection[int] = OF_THE_DISK) -> Iterator[None]:
    """Turn what the system refuses into a ShelfError that begins with this; some of it is `of_all`."""
    try:
        yield
    except OSError as exc:
        raise ShelfError(f"{failure}: {reason(exc)}.", is_of_all=exc.errno in of_all) from None


def reason(exc: OSError) -> str:
    """Return what the system said."""
    return exc.strerror or type(exc).__name__


def why_no_shelf(folder: Path) -> str:
    """Return why nothing can be put into a folder at all; "" if it is there. Raises OSError."""
    if folder.is_dir():
        return ""
    return f"The shelf's folder {folder} doesn't exist. Create it, or mount the disk it's on."


def no_hard_link(source: Path, shelf: Path, exc: OSError, folder: Path | None = None) -> ShelfError:
    """Return why a file can't be linked, and what to do; `exc` is what the system said.

    `folder` is the one for films that the file is in.
    """
    form = _WHY_NO_LINK.get(exc.errno or 0)
    if form is None:
        is_anothers = exc.errno in {errno.EPERM, errno.EACCES} and _is_anothers(source)
        form = _FORBIDDEN if is_anothers else _WITHOUT_LINKS
    words = form.format(file=source, shelf=shelf, folder=folder or source.parent)
    return ShelfError(words, is_of_folder=exc.errno == errno.EXDEV or form is _WITHOUT_LINKS)


def _is_anothers(path: Path) -> bool:
    """Tell whether a file is another user's that may not be written: Linux then forbids links."""
    try:
        is_own = not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()
    except OSError:
        return False
    return not is_own and not os.access(path, os.R_OK | os.W_OK)
