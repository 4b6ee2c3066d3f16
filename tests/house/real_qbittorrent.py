"""A real qbittorrent-nox for tests, on loopback alone, with a profile that is thrown away.

The programs to test against are the one on PATH and those that MOVIE_SYNC_TEST_QBITTORRENTS names
(commands, separated as in PATH). Where none is found tests skip, except under CI, where they fail.
"""

import base64
import hashlib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytest
import qbittorrentapi

from house.real_program import RealProgram, commands_of, free_port, require

PROGRAM = "qbittorrent-nox"
VARIABLE = "MOVIE_SYNC_TEST_QBITTORRENTS"

# Found by watching what each version opens: with these settings nothing but 127.0.0.1.
_SETTINGS = r"""[LegalNotice]
Accepted=true

[Application]
FileLogger\Enabled=true
FileLogger\Path={profile}/logs

[Network]
PortForwardingEnabled=false

[BitTorrent]
Session\Port={peer_port}
Session\Interface=lo
Session\InterfaceName=lo
Session\InterfaceAddress=127.0.0.1
Session\DHTEnabled=false
Session\LSDEnabled=false
Session\PeXEnabled=false
Session\QueueingSystemEnabled=false
Session\MultiConnectionsPerIp=true
Session\ReannounceWhenAddressChanged=false
Session\DefaultSavePath={downloads}
Session\TempPathEnabled=false
Session\DisableAutoTMMByDefault=true
Session\AddTorrentStopped=false
Session\RefreshInterval=500
Session\SSRFMitigation=false
Session\StopTrackerTimeout=1

[Preferences]
General\Locale=en
Connection\ResolvePeerCountries=false
Connection\UPnP=false
DynDNS\Enabled=false
MailNotification\enabled=false
Search\SearchEnabled=false
WebUI\Enabled=true
WebUI\Address=127.0.0.1
WebUI\Port={web_port}
WebUI\UseUPnP=false
WebUI\LocalHostAuth={asks_for_login}
WebUI\Username={username}
WebUI\Password_PBKDF2="{password}"
WebUI\CSRFProtection=true
WebUI\HostHeaderValidation=true
WebUI\ServerDomains=127.0.0.1
WebUI\MaxAuthenticationFailCount={max_failures}
WebUI\BanDuration={ban_seconds}
WebUI\SessionTimeout=3600
"""
_HTTPS_SETTINGS = r"""WebUI\HTTPS\Enabled=true
WebUI\HTTPS\CertificatePath={certificate}
WebUI\HTTPS\KeyPath={key}
"""


qbittorrents = partial(commands_of, PROGRAM, VARIABLE)
require_qbittorrent = partial(require, PROGRAM, VARIABLE)


@pytest.fixture
def raw(running: "RealQBittorrent") -> Iterator[qbittorrentapi.Client]:
    """Give the library's own client of the `running` one, to bring about and look at what ours does.

    Fixtures count where a test file names them: `raw = real_qbittorrent.raw`.
    """
    client = qbittorrentapi.Client(
        host=running.url, username=running.username, password=running.password, FORCE_SCHEME_FROM_HOST=True
    )
    yield client
    client.auth_log_out()


class RealQBittorrent(RealProgram):
    """One qbittorrent-nox and its profile; may be stopped and started again on the same ports."""

    username = "tester"
    password = "correct-horse"

    def __init__(
        self,
        profile: Path,
        command: Sequence[str],
        *,
        asks_for_login: bool = True,
        max_failures: int = 5,
        ban_seconds: int = 3600,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(profile, command)
        self._web_port = free_port()
        self._scheme = "https" if certificate else "http"
        settings = _SETTINGS.format(
            profile=profile,
            downloads=self.downloads,
            peer_port=free_port(),
            web_port=self._web_port,
            asks_for_login=str(asks_for_login).lower(),
            username=self.username,
            password=_stored_password(self.password),
            max_failures=max_failures,
            ban_seconds=ban_seconds,
        )
        if certificate:
            settings += _HTTPS_SETTINGS.format(certificate=certificate[0], key=certificate[1])
        folder = profile / "qBittorrent" / "config"
        folder.mkdir(parents=True)
        (folder / "qBittorrent.conf").write_text(settings, encoding="utf-8")

    @property
    def url(self) -> str:
        """The address of the Web UI."""
        return f"{self._scheme}://127.0.0.1:{self._web_port}"

    @property
    def settings(self) -> dict[str, Any]:
        """What `config.json` holds for it."""
        return {"qbittorrent": {"url": self.url}}

    @property
    def secrets(self) -> dict[str, str]:
        """Its login, as environment variables."""
        return {
            "MOVIE_SYNC_QBITTORRENT_USERNAME": self.username,
            "MOVIE_SYNC_QBITTORRENT_PASSWORD": self.password,
        }

    # What its owner does by hand, by the library; `RealTransmission` has the same.

    @cached_property
    def web(self) -> qbittorrentapi.Client:
        """The library's own client."""
        return qbittorrentapi.Client(
            host=self.url, username=self.username, password=self.password, FORCE_SCHEME_FROM_HOST=True
        )

    def hashes(self) -> list[str]:
        """Return the info-hashes of all that it holds."""
        return [torrent.hash for torrent in self.web.torrents_info()]

    def unfinished(self) -> int:
        """Return how many torrents it has not finished."""
        return sum(torrent.amount_left > 0 for torrent in self.web.torrents_info())

    def is_whole(self, info_hash: str) -> bool:
        """Tell whether it has all of a torrent."""
        (torrent,) = self.web.torrents_info(torrent_hashes=info_hash)
        return torrent.amount_left == 0

    def described(self) -> list[tuple[str, str, float]]:
        """Return what it says of its torrents, as far as it answers."""
        try:
            return [(row.name, row.state, row.progress) for row in self.web.torrents_info()]
        except qbittorrentapi.APIError as exc:
            return [(repr(exc), "", 0.0)]

    def tags_of(self, info_hash: str) -> list[str]:
        """Return a torrent's tags."""
        (torrent,) = self.web.torrents_info(torrent_hashes=info_hash)
        return str(torrent.tags).split(", ")

    def add_stopped(self, content: bytes) -> None:
        """Add a torrent without starting it."""
        self.web.torrents_add(torrent_files=content, is_stopped=True)

    def start_torrent(self, info_hash: str) -> None:
        """Start a torrent."""
        self.web.torrents_start(torrent_hashes=info_hash)

    def announce_again(self, info_hash: str) -> None:
        """Let it ask the tracker now, and not when it would."""
        self.web.torrents_reannounce(torrent_hashes=info_hash)

    def take_out(self, info_hash: str) -> None:
        """Take a torrent out, with its files."""
        self.web.torrents_delete(delete_files=True, torrent_hashes=info_hash)

    def stop_what_is_added(self) -> None:
        """Let torrents be stopped that are added from now on, unless somebody says otherwise."""
        self.web.app_set_preferences({"torrent_stop_condition": "FilesChecked"})

    def has_saved(self, info_hash: str) -> bool:
        """Tell whether a torrent would survive a restart."""
        folder = self.profile / "qBittorrent" / "data" / "BT_backup"
        return all((folder / f"{info_hash}{ending}").exists() for ending in (".torrent", ".fastresume"))

    def _start_with(self) -> tuple[list[str], dict[str, str]]:
        arguments = [f"--profile={self.profile}", f"--webui-port={self._web_port}"]
        return arguments, {"XDG_RUNTIME_DIR": str(self.profile)}

    def _is_answering(self) -> bool:
        if self._scheme == "https":
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self._web_port)) == 0
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url, timeout=2):
                return True
        except urllib.error.HTTPError as exc:
            exc.close()
            return True
        except OSError:
            return False


def _stored_password(password: str) -> str:
    """Return the form in which qBittorrent stores a password."""
    salt = os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000, 64)
    return f"@ByteArray({base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()})"
