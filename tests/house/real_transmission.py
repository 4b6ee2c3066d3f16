"""A real transmission-daemon for tests, on loopback alone, with a folder that is thrown away.

The programs to test against are the one on PATH and those that MOVIE_SYNC_TEST_TRANSMISSIONS names
(commands, separated as in PATH). Where none is found tests skip, except under CI, where they fail.
"""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from house.real_program import RealProgram, commands_of, free_port, require

PROGRAM = "transmission-daemon"
VARIABLE = "MOVIE_SYNC_TEST_TRANSMISSIONS"

# Written as every version reads them; it writes the file anew when it ends.
_SETTINGS: dict[str, Any] = {
    "bind-address-ipv4": "127.0.0.1",
    "bind-address-ipv6": "::1",
    "blocklist-enabled": False,
    "dht-enabled": False,
    "lpd-enabled": False,
    "pex-enabled": False,
    "utp-enabled": False,
    "port-forwarding-enabled": False,
    "download-queue-enabled": False,
    "idle-seeding-limit-enabled": False,
    "ratio-limit-enabled": False,
    "incomplete-dir-enabled": False,
    "message-level": 2,
    "rpc-bind-address": "127.0.0.1",
    "rpc-whitelist": "127.0.0.1",
    "rpc-whitelist-enabled": True,
    "rpc-host-whitelist": "",
    "rpc-host-whitelist-enabled": True,
    "watch-dir-enabled": False,
}


transmissions = partial(commands_of, PROGRAM, VARIABLE)
require_transmission = partial(require, PROGRAM, VARIABLE)


class RealTransmission(RealProgram):
    """One transmission-daemon and its folder; may be stopped and started again on the same ports."""

    username = "tester"
    password = "correct-h\u00f6rse"

    def __init__(
        self, profile: Path, command: Sequence[str], *, asks_for_login: bool = True, **settings: object
    ) -> None:
        super().__init__(profile, command)
        self._port = free_port()
        self._session = ""
        self._asks_for_login = asks_for_login
        self._settings = profile / "config" / "settings.json"
        self._settings.parent.mkdir(exist_ok=True)
        of_this_one = {
            "download-dir": str(self.downloads),
            "peer-port": free_port(),
            "rpc-port": self._port,
            "rpc-authentication-required": asks_for_login,
            "rpc-username": self.username,
            "rpc-password": self.password,
        }
        self._path = str(settings.get("rpc_url", "/transmission/")) + "rpc"
        changes = {key.replace("_", "-"): value for key, value in settings.items()}
        self._settings.write_text(json.dumps(_SETTINGS | of_this_one | changes))

    @property
    def url(self) -> str:
        """The address that a user would write down."""
        return f"http://127.0.0.1:{self._port}"

    def call(self, method: str, **arguments: object) -> dict[str, Any]:
        """Carry out one method, to bring about and look at what ours does; `_` in names becomes `-`."""
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        body = json.dumps({"method": method, "arguments": named}).encode()
        login = b64encode(f"{self.username}:{self.password}".encode()).decode()
        for _ in range(2):
            headers = {"X-Transmission-Session-Id": self._session}
            if self._asks_for_login:
                headers["Authorization"] = f"Basic {login}"
            try:
                with _open(urllib.request.Request(f"{self.url}{self._path}", body, headers)) as answer:
                    document = json.loads(answer.read())
                    break
            except urllib.error.HTTPError as exc:
                exc.close()
                self._session = exc.headers.get("X-Transmission-Session-Id", "")
        assert document["result"] == "success", document
        found: dict[str, Any] = document["arguments"]
        return found

    def add(self, content: bytes, **arguments: object) -> None:
        """Add a torrent as its owner does by hand."""
        self.call("torrent-add", metainfo=b64encode(content).decode(), **arguments)

    @property
    def settings(self) -> dict[str, Any]:
        """What `config.json` holds for it."""
        return {"client": "transmission", "transmission": {"url": self.url}}

    @property
    def secrets(self) -> dict[str, str]:
        """Its login, as environment variables."""
        return {
            "MOVIE_SYNC_TRANSMISSION_USERNAME": self.username,
            "MOVIE_SYNC_TRANSMISSION_PASSWORD": self.password,
        }

    # What its owner does by hand; `RealQBittorrent` has the same.

    def row(self, info_hash: str) -> dict[str, Any]:
        """Return what it tells of a torrent, empty if it holds none."""
        fields = "name status error errorString labels downloadDir percentDone leftUntilDone".split()
        rows = self.call("torrent-get", ids=[info_hash], fields=fields)["torrents"]
        return dict(rows[0]) if rows else {}

    def hashes(self) -> list[str]:
        """Return the info-hashes of all that it holds."""
        rows = self.call("torrent-get", fields=["hashString"])["torrents"]
        return [row["hashString"] for row in rows]

    def unfinished(self) -> int:
        """Return how many torrents it has not finished."""
        rows = self.call("torrent-get", fields=["leftUntilDone"])["torrents"]
        return sum(row["leftUntilDone"] > 0 for row in rows)

    def is_whole(self, info_hash: str) -> bool:
        """Tell whether it has all of a torrent."""
        return self.row(info_hash)["leftUntilDone"] == 0

    def described(self) -> list[dict[str, Any]]:
        """Return what it says of its torrents, as far as it answers."""
        try:
            return [self.row(info_hash) for info_hash in self.hashes()]
        except OSError as exc:
            return [{"error": repr(exc)}]

    def tags_of(self, info_hash: str) -> list[str]:
        """Return a torrent's labels."""
        return list(self.row(info_hash)["labels"])

    def add_stopped(self, content: bytes) -> None:
        """Add a torrent without starting it."""
        self.add(content, paused=True)

    def start_torrent(self, info_hash: str) -> None:
        """Start a torrent."""
        self.call("torrent-start", ids=[info_hash])

    def announce_again(self, info_hash: str) -> None:
        """Let it ask the tracker now, and not when it would."""
        self.call("torrent-reannounce", ids=[info_hash])

    def take_out(self, info_hash: str) -> None:
        """Take a torrent out, with its files."""
        self.call("torrent-remove", ids=[info_hash], delete_local_data=True)

    def stop_what_is_added(self) -> None:
        """Let torrents be stopped that are added from now on, unless somebody says otherwise."""
        self.call("session-set", start_added_torrents=False)

    def _start_with(self) -> tuple[list[str], dict[str, str]]:
        folder = str(self._settings.parent)
        return ["-f", "-g", folder], {"TRANSMISSION_HOME": folder}

    def _is_answering(self) -> bool:
        try:
            with _open(urllib.request.Request(f"{self.url}{self._path}", b"{}")):
                return True
        except urllib.error.HTTPError as exc:
            exc.close()
            return True
        except OSError:
            return False


def _open(request: urllib.request.Request) -> Any:
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10)
