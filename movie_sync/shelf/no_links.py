"""Why a file can't be hard-linked, in words."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

_WHY_NO_LINK: Mapping[int, str] = {
    errno.EXDEV: (
        "{file} can't be hard-linked into {shelf}, which is on another file system or a separate mount. "
        'Put both on one, or set "shelf": {{"how": "copy"}} to copy films.'
    ),
    errno.EMLINK: '{file} has too many hard links already. Set "shelf": {{"how": "copy"}} to copy films.',
}
_FORBIDDEN = (
    "The system doesn't let Movie Sync hard-link {file}, because the file belongs to another user. Run it as "
    "the torrent client's user, give it write access to the file, or set "
    '"shelf": {{"how": "copy"}} to copy films.'
)
_WITHOUT_LINKS = 'The file system of {shelf} has no hard links. Set "shelf": {{"how": "copy"}} to copy films.'


def why_no_hard_link(source: Path, shelf: Path, exc: OSError) -> str:
    """Return why a file can't be linked, and what to do; `exc` is what the system said."""
    form = _WHY_NO_LINK.get(exc.errno or 0)
    if form is None:
        is_anothers = exc.errno in {errno.EPERM, errno.EACCES} and _is_anothers(source)
        form = _FORBIDDEN if is_anothers else _WITHOUT_LINKS
    return form.format(file=source, shelf=shelf)


def _is_anothers(path: Path) -> bool:
    """Tell whether a file is another user's that may not be written: Linux then forbids links."""
    try:
        is_own = not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()
    except OSError:
        return False
    return not is_own and not os.access(path, os.R_OK | os.W_OK)
