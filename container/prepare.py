"""Prepares the volumes of compose.yaml: owners, folders, and qBittorrent's first settings.

Runs as root before the others start, and changes nothing that is already as it should be. It uses the
standard library alone. Its environment: PUID, PGID, and the login that qBittorrent's page shall have.
"""

import base64
import hashlib
import os
import sys
from pathlib import Path

OURS = (Path("/config"), Path("/key"))
FOLDERS = (Path("/data/torrents"), Path("/data/films"))
QBITTORRENT = Path("/qbittorrent/qBittorrent/qBittorrent.conf")
_SETTINGS = r"""[BitTorrent]
Session\DefaultSavePath=/data/torrents

[LegalNotice]
Accepted=true

[Preferences]
WebUI\Address=*
WebUI\ServerDomains=*
WebUI\Username={username}
WebUI\Password_PBKDF2="{password}"
"""


def hashed(password: str) -> str:
    """Return a password as qBittorrent stores it."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000, 64)
    return f"@ByteArray({base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()})"


def own(folder: Path, user: int, group: int) -> None:
    """Give a volume to the user whose it isn't yet, with all that is in it."""
    if (found := folder.stat()) and (found.st_uid, found.st_gid) == (user, group):
        return
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(Path(place, name), user, group)
    os.chown(folder, user, group)  # the last: if this was cut off, the next start does it again


def write_first_settings(path: Path, username: str, password: str) -> None:
    """Write qBittorrent's settings if it has none."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(_SETTINGS.format(username=username, password=hashed(password)), encoding="utf-8")
    temporary.chmod(0o600)
    temporary.rename(path)


def main() -> int:
    """Prepare all; return the exit code."""
    try:
        user, group = int(os.environ.get("PUID") or 1000), int(os.environ.get("PGID") or 1000)
    except ValueError:
        print("PUID and PGID have to be numbers: `id` shows yours.", file=sys.stderr)
        return 2
    try:
        for folder in OURS:
            own(folder, user, group)
        for folder in FOLDERS:
            if not folder.exists():
                folder.mkdir()
                os.chown(folder, user, group)
        username = os.environ.get("MOVIE_SYNC_QBITTORRENT_USERNAME") or "admin"
        write_first_settings(QBITTORRENT, username, os.environ["MOVIE_SYNC_QBITTORRENT_PASSWORD"])
    except OSError as exc:
        print(
            f"Couldn't prepare {exc.filename}: {exc.strerror}. Create it yourself, for user {user}.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
