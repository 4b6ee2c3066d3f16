"""File systems as people have them: real ones in a file where they can be mounted, else a stand-in.

The stand-in is a library that is loaded before the program and fails its calls below one folder, so that the
program itself, its children included, meets what a share would answer.
"""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_SHIM = Path(__file__).resolve().parents[1] / "stand_ins" / "poor_disk.c"
_IMAGE_BYTES = 32 << 20
_MADE_BY = {
    "exfat": (["mkfs.exfat"], ["mount.exfat-fuse"]),
    "ntfs": (["mkntfs", "-F", "-Q", "-q"], ["ntfs-3g"]),
}
"""What makes each kind in a file, and what mounts that file, without the kernel's own driver."""

SHARES: Mapping[str, Mapping[str, int]] = {
    "nothing at all": {
        "modes": errno.EPERM, "links": errno.EPERM, "symlinks": errno.EOPNOTSUPP, "sockets": errno.EPERM,
        "flock": errno.ENOLCK, "locks": errno.ENOLCK, "flushes": errno.EINVAL, "open_target": errno.EBUSY,
        "coarse": 1,
    },
    "smb": {
        "modes": 0, "links": errno.EOPNOTSUPP, "symlinks": errno.EOPNOTSUPP, "sockets": errno.EPERM,
        "folder_flushes": errno.EINVAL, "open_target": errno.EACCES,
    },
    "nfs without locks": {"flock": errno.ENOLCK, "locks": errno.ENOLCK},
    "locks of one kind": {"flock": errno.EOPNOTSUPP, "flushes": errno.ENOSYS},
}  # fmt: skip
"""What each kind of share lacks, and the error that tells (0: none does)."""


def skip_unless(program: str) -> None:
    """Skip the test where a program is missing."""
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")


def lacking(folder: Path, share: str, built: Path) -> dict[str, str]:
    """Return the environment in which a folder is on such a share; `built` is where the stand-in is built."""
    skip_unless("gcc")
    library = built / "poor_disk.so"
    if not library.exists():
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, _SHIM, "-ldl"], check=True)
    lacks = ",".join(f"{what}={code}" for what, code in SHARES[share].items())
    return {"LD_PRELOAD": str(library), "POOR_DISK": str(folder), "POOR_DISK_LACKS": lacks}


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """Give a new file system of a kind; the test is skipped where it cannot be mounted."""
    making, mounting = _MADE_BY[kind]
    for program in (making[0], mounting[0], "losetup", "umount"):
        skip_unless(program)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or os.geteuid():
        pytest.skip("only root mounts file systems, with FUSE")
    image, where = folder / f"{kind}.img", folder / kind
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    where.mkdir()
    with ExitStack() as undone:
        try:
            device = _run("losetup", "--find", "--show", str(image)).strip()
            undone.callback(_run, "losetup", "--detach", device)
            _run(*making, device)
            _run(*mounting, device, str(where))
        except subprocess.CalledProcessError as exc:
            pytest.skip(f"{kind} cannot be mounted here: {exc.stderr}")
        undone.callback(_run, "umount", "--lazy", str(where))
        yield where


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
