"""What the user's folders lack: it is done without, and said once, with what that means.

What a folder lacks shows as the folder is used. `say_shortcomings` says it, for each folder in one warning,
and from then on whatever else shows at once; a process that never calls it (a command beside the daemon)
stays silent. What lies in a folder of which the same was noted is not named again. Thread-safe.
"""

import logging
import os
import shlex
import threading
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import lru_cache
from pathlib import Path

_log = logging.getLogger(__name__)


class Lack(Enum):
    """What can be lacking, as what that means for the user."""

    MODES = (
        "Files can't be made private there ({reason}): other users of this machine may be able to read what "
        "Movie Sync writes, such as torrents with your passkey in them. To prevent that, mount it for your "
        "user alone, or use a folder on another disk."
    )
    OWNERSHIP = (
        "{folder}, or a file in it, belongs to another user ({reason}), so Movie Sync can't make it private: "
        "others may be able to read it. To change its owner: `sudo chown -R {user} {quoted}`"
    )
    LOCKS = (
        "Nothing can be locked there ({reason}): a second Movie Sync on this machine still doesn't start, "
        "but one in a container or on another machine would. Make sure that only one uses the folder."
    )
    ANY_LOCKS = (
        "Nothing can be locked there ({reason}): a second Movie Sync would start. Make sure that only one "
        "uses the folder."
    )
    FLUSHES = "Files can't be flushed to the disk there ({reason}): a power failure may undo recent changes."


_noted: dict[Path, dict[Lack, str]] = {}
_said: set[tuple[Path, Lack]] = set()
_lock = threading.Lock()
_is_saying = threading.Event()


def note_lack(lack: Lack, folder: Path, exc: OSError | None) -> None:
    """Note what a folder turned out to lack, and the error that told, if there was one."""
    folder = folder.absolute()
    with _lock:
        if any(lack in _noted.get(known, ()) for known in (folder, *folder.parents)):
            return
        reason = (exc.strerror or str(exc)) if exc else "their permissions stay as they are"
        _noted.setdefault(folder, {})[lack] = reason
    if _is_saying.is_set():
        say_shortcomings()


def note_open(found: os.stat_result, folder: Path, exc: OSError | None) -> None:
    """Note that others may read a file in a folder, or the folder: the error says why that stays so."""
    is_ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if exc is None or is_ours or not _has_owners(folder, found.st_dev):
        note_lack(Lack.MODES, folder, exc)
    else:
        note_lack(Lack.OWNERSHIP, folder, OSError(exc.errno, _name_of(found.st_uid)))


@lru_cache(maxsize=8)
def _has_owners(folder: Path, _device: int) -> bool:
    """Tell whether what is made in a folder belongs to whoever makes it, unlike on a stick."""
    import tempfile  # noqa: PLC0415 - rarely needed

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_uid == os.geteuid()
    except OSError:
        return True


def _name_of(uid: int) -> str:
    import pwd  # noqa: PLC0415 - not on Windows

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def say_shortcomings() -> None:
    """Log what was noted and not said so far, and from now on at once what else is."""
    _is_saying.set()
    with _lock:
        new = {
            folder: {lack for lack in lacks if (folder, lack) not in _said}
            for folder, lacks in _noted.items()
        }
        texts = [_words(folder, lacks) for folder, lacks in new.items() if lacks]
        _said.update((folder, lack) for folder, lacks in new.items() for lack in lacks)
    for text in texts:  # unlocked: the log's own file may be what shows the next one
        _log.warning("%s", text)


def shortcomings(*, but_for: Path | None = None) -> list[str]:
    """Return what was noted so far, a text for each folder, without one and what is in it."""
    with _lock:
        return [
            _words(folder, lacks.keys())
            for folder, lacks in _noted.items()
            if but_for is None or not folder.is_relative_to(but_for.absolute())
        ]


def _words(folder: Path, lacks: AbstractSet[Lack]) -> str:
    reasons = _noted[folder]
    values = {"folder": folder, "quoted": shlex.quote(str(folder))}
    if Lack.OWNERSHIP in lacks:
        values["user"] = _name_of(os.geteuid())
    meanings = [lack.value.format(reason=reasons[lack], **values) for lack in Lack if lack in lacks]
    if lacks != {Lack.OWNERSHIP}:
        meanings.insert(0, f"The file system of {folder} can't do everything.")
    return " ".join(meanings)
