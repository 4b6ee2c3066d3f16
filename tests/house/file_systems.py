"""File systems as people have them: real ones in a file where they can be mounted, else a stand-in.

The stand-in is a library that is loaded before the program and fails its calls below one folder, so that the
program itself, its children included, meets what a share would answer.
"""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_SHIM = Path(__file__).resolve().parents[1] / "stand_ins" / "poor_disk.c"
_IMAGE_BYTES = 32 << 20
_MADE_BY = {
    "exfat": (["mkfs.exfat"], ["mount.exfat-fuse"]),
    "ntfs": (["mkntfs", "-F", "-Q", "-q"], ["ntfs-3g"]),
    "ext4": (["mkfs.ext4", "-q"], ["mount"]),
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
_SILENT: Mapping[str, Mapping[str, int]] = {"silent": {"answers": 1}}  # nobody comes back from there


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
    lacks = ",".join(f"{what}={code}" for what, code in {**SHARES, **_SILENT}[share].items())
    return {"LD_PRELOAD": str(library), "POOR_DISK": str(folder), "POOR_DISK_LACKS": lacks}


class Mount:
    """A file system of a kind in a file, at a folder; may be taken away and come back."""

    def __init__(self, kind: str, image: Path, folder: Path) -> None:
        self.folder = folder
        self._making, self._mounting = _MADE_BY[kind]
        self._image = image
        self._devices: list[str] = []

    def make(self) -> None:
        """Make it, and mount it."""
        self._new_device()
        _run(*self._making, self._devices[-1])
        _run(*self._mounting, self._devices[-1], str(self.folder))

    def take_away(self) -> None:
        """Let everything fail from now on that was open on it, as if it was unplugged, or its server gone."""
        _run("umount", "--force", "--lazy", str(self.folder))

    def bring_back(self) -> None:
        """Mount it again, as another device."""
        self._new_device()
        _run(*self._mounting, self._devices[-1], str(self.folder))

    def freeze(self, *, is_frozen: bool = True) -> None:
        """Let whatever writes there wait until it thaws, and not even end when it is killed."""
        _run("fsfreeze", "--freeze" if is_frozen else "--unfreeze", str(self.folder))

    def close(self) -> None:
        """Leave nothing."""
        if os.path.ismount(self.folder):
            _run("umount", "--lazy", str(self.folder))
        for device in self._devices:
            _run("losetup", "--detach", device)

    def _new_device(self) -> None:
        self._devices.append(_run("losetup", "--find", "--show", str(self._image)).strip())


@contextmanager
def mounted(kind: str, folder: Path, size_bytes: int = _IMAGE_BYTES) -> Iterator[Mount]:
    """Give a new file system of a kind; the test is skipped where it cannot be mounted."""
    making, mounting = _MADE_BY[kind]
    for program in (making[0], mounting[0], "losetup", "umount"):
        skip_unless(program)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK) or os.geteuid():
        pytest.skip("only root mounts file systems, with FUSE")
    image, where = folder / f"{kind}.img", folder / kind
    with image.open("wb") as file:
        file.truncate(size_bytes)
    where.mkdir()
    mount = Mount(kind, image, where)
    try:
        try:
            mount.make()
        except subprocess.CalledProcessError as exc:
            pytest.skip(f"{kind} cannot be mounted here: {exc.stderr}")
        yield mount
    finally:
        mount.close()


@contextmanager
def in_memory(folder: Path, size: str = "256m") -> Iterator[Path]:
    """Give a small file system of its own in memory; the test is skipped where it cannot be mounted."""
    skip_unless("mount")
    folder.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"nothing can be mounted here: {exc.stderr}")
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def remounted(folder: Path, options: str) -> None:
    """Change how a mounted file system is mounted."""
    _run("mount", "-o", f"remount,{options}", str(folder))


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
