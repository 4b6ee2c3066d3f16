"""A real qBittorrent in a mount tree of its own, as in a container: its /mnt/downloads is another folder here."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from house.real_qbittorrent import RealQBittorrent, require_qbittorrent

THEIR_FOLDER = "/mnt/downloads"
_SCRIPT = 'mount -t tmpfs none /mnt && mkdir "$1" && mount --bind "$2" "$1" && shift 2 && exec "$@"'


def require_mounts() -> list[str]:
    """Return the command of a qBittorrent; skip the test where nobody may mount, but fail it for root under CI."""
    command = require_qbittorrent()
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    if tried.returncode:
        reason = f"a mount tree of its own can't be had here: {tried.stderr.decode().strip()}"
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    return command


class ElsewhereQBittorrent(RealQBittorrent):
    """`downloads` is this machine's name of what it calls `THEIR_FOLDER`."""

    def __init__(self, profile: Path, command: Sequence[str]) -> None:
        tree = ["unshare", "--mount", "sh", "-ec", _SCRIPT, "sh", THEIR_FOLDER, str(profile / "downloads")]
        super().__init__(profile, [*tree, *command])
        settings = profile / "qBittorrent" / "config" / "qBittorrent.conf"
        text = settings.read_text(encoding="utf-8")
        ours = f"DefaultSavePath={self.downloads}\n"
        assert ours in text
        settings.write_text(text.replace(ours, f"DefaultSavePath={THEIR_FOLDER}\n"), encoding="utf-8")
