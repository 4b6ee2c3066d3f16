"""Renaming one file over another, also where that is refused while somebody has the other open.

Some network shares are like that. There the old file steps aside under a name of its own for the moment that
lies between two renames; what a crash leaves in that moment is put back by `restore_replaced`.
"""

import contextlib
import errno
import os
import re
from pathlib import Path

_IS_OPEN = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ETXTBSY})
_SUFFIX = ".replaced"
_MOST_ASIDE = 9  # one that is deleted while it is open may keep its name as long as it is
_ASIDE = re.compile(rf"(?P<name>.+){re.escape(_SUFFIX)}\d")


def replace_file(new: Path, path: Path) -> None:
    """Let a file take the name, and the place, of another; raises OSError, and then all is as before."""
    try:
        new.replace(path)
    except OSError as exc:
        if exc.errno not in _IS_OPEN or not path.is_file() or path.is_symlink():
            raise
        aside = _step_aside(path)
        if aside is None:
            raise
        try:
            new.replace(path)
        except OSError:
            aside.rename(path)
            raise
        with contextlib.suppress(OSError):
            aside.unlink()


def restore_replaced(folder: Path) -> None:
    """Put back what stepped aside when a crash came; for whoever alone writes there. Never raises OSError."""
    with contextlib.suppress(OSError):
        for each in list(folder.iterdir()):
            if match := _ASIDE.fullmatch(each.name):
                path = each.with_name(match["name"])
                with contextlib.suppress(OSError):
                    if os.path.lexists(path):
                        each.unlink()
                    else:
                        each.rename(path)


def stood_aside(name: str) -> str:
    """Return the name that a file had before it stepped aside, or "" if it didn't."""
    match = _ASIDE.fullmatch(name)
    return match["name"] if match else ""


def _step_aside(path: Path) -> Path | None:
    for number in range(1, _MOST_ASIDE + 1):
        aside = path.with_name(f"{path.name}{_SUFFIX}{number}")
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
            path.rename(aside)
            return aside
    return None
