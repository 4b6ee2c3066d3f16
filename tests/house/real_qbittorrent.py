"""A real qbittorrent-nox for tests, on loopback alone, with a profile that is thrown away.

The programs to test against are the one on PATH and those that MOVIE_SYNC_TEST_QBITTORRENTS names
(commands, separated as in PATH). Where none is found tests skip, except under CI, where they fail.
"""

import base64
import hashlib
import os
import shlex
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import qbittorrentapi

from house.waiting import wait_until

PROGRAM = "qbittorrent-nox"
VARIABLE = "MOVIE_SYNC_TEST_QBITTORRENTS"
_STOP_SECONDS = 15.0

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


def qbittorrents() -> list[list[str]]:
    """Return the commands to test against, possibly none."""
    found = shutil.which(PROGRAM)
    named = [shlex.split(command) for command in os.environ.get(VARIABLE, "").split(os.pathsep) if command]
    return ([[found]] if found else []) + named


def require_qbittorrent() -> list[str]:
    """Return the first command; skip the test where there is none, but fail it under CI."""
    commands = qbittorrents()
    if commands:
        return commands[0]
    reason = f"no {PROGRAM} on PATH or in {VARIABLE}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


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


def free_port() -> int:
    """Return a port on loopback that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RealQBittorrent:
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
        self.profile = profile
        self.downloads = profile / "downloads"
        self._command = list(command)
        self._web_port = free_port()
        self._scheme = "https" if certificate else "http"
        self._process: subprocess.Popen[bytes] | None = None
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
        self.downloads.mkdir(parents=True, exist_ok=True)
        folder = profile / "qBittorrent" / "config"
        folder.mkdir(parents=True)
        (folder / "qBittorrent.conf").write_text(settings, encoding="utf-8")

    @property
    def url(self) -> str:
        """The address of the Web UI."""
        return f"{self._scheme}://127.0.0.1:{self._web_port}"

    @property
    def log(self) -> str:
        """What it has written to its log and its output so far."""
        files = [*self.profile.glob("logs/*"), self.profile / "output.txt"]
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

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

    def add_stopped(self, content: bytes) -> None:
        """Add a torrent without starting it."""
        self.web.torrents_add(torrent_files=content, is_stopped=True)

    def start_torrent(self, info_hash: str) -> None:
        """Start a torrent."""
        self.web.torrents_start(torrent_hashes=info_hash)

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

    def start(self) -> Self:
        """Start it and wait for its Web UI."""
        environment = {
            **os.environ,
            "HOME": str(self.profile),
            "XDG_RUNTIME_DIR": str(self.profile),
            "LC_ALL": "C.UTF-8",
        }
        with (self.profile / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command, f"--profile={self.profile}", f"--webui-port={self._web_port}"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_answering)
        return self

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _is_answering(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            pytest.fail(f"{PROGRAM} ended at once:\n{self.log}")
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
