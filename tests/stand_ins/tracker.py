"""A small BitTorrent tracker on loopback, and a real client that seeds over it."""

import http.server
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from urllib.parse import unquote_to_bytes, urlsplit

import qbittorrentapi
from house.real_qbittorrent import RealQBittorrent
from house.waiting import wait_until
from stand_ins.seeder import Seeder

from movie_sync.demo.torrent_maker import Bencodable, bencode
from movie_sync.domain.torrent_file import parse_torrent

_LOOPBACK = bytes([127, 0, 0, 1])
_SEEDING_STATES = {"uploading", "stalledUP", "forcedUP"}


class Tracker:
    """Introduces the clients of a torrent to each other, as the HTTP tracker protocol says.

    `announce_url` has the passkey in its path, as the real tracker's has. `refuse` makes it answer
    every announcement with that reason, an entry in `refused` those of one torrent, by info-hash.
    A `seeder` hears of each client that lacks something.
    """

    def __init__(
        self, *, passkey: str = "0123456789abcdef0123456789abcdef", seeder: Seeder | None = None
    ) -> None:
        self.passkey = passkey
        self.seeder = seeder
        self.refuse: str | None = None
        self.refused: dict[str, str] = {}
        self._lock = threading.Lock()
        self._swarms: dict[bytes, dict[bytes, tuple[int, bool]]] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = False  # so that closing waits for them
        self._server.tracker = self  # type: ignore[attr-defined] # how a handler finds its owner
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="tracker")

    @property
    def announce_url(self) -> str:
        """The address to write into torrents."""
        return f"http://127.0.0.1:{self._server.server_port}/{self.passkey}/announce"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def knows(self, info_hash: str) -> bool:
        """Tell whether a client has a torrent, as it has said last."""
        with self._lock:
            return bool(self._swarms.get(bytes.fromhex(info_hash)))

    def answer(self, path: str) -> bytes:
        """Return the bencoded answer to a request."""
        parts = urlsplit(path)
        pairs = (pair.partition("=") for pair in parts.query.split("&"))
        query = {name: unquote_to_bytes(value) for name, _, value in pairs}
        if parts.path != f"/{self.passkey}/announce":
            return bencode({"failure reason": "Invalid passkey!"})
        if self.refuse is not None:
            return bencode({"failure reason": self.refuse})
        if query["info_hash"].hex() in self.refused:
            return bencode({"failure reason": self.refused[query["info_hash"].hex()]})
        return bencode(self._announce(query))

    def _announce(self, query: dict[str, bytes]) -> dict[str, Bencodable]:
        is_going = query.get("event") == b"stopped"
        if self.seeder:
            lacks = query.get("left") != b"0" and not is_going
            self.seeder.announced(query["info_hash"], int(query["port"]), lacks=lacks)
        with self._lock:
            swarm = self._swarms.setdefault(query["info_hash"], {})
            if is_going:
                swarm.pop(query["peer_id"], None)
            else:
                swarm[query["peer_id"]] = (int(query["port"]), query.get("left") == b"0")
            others = [port for peer, (port, _) in swarm.items() if peer != query["peer_id"]]
            seeds = sum(is_seed for _, is_seed in swarm.values())
            return {
                "interval": 5,
                "min interval": 1,
                "complete": seeds,
                "incomplete": len(swarm) - seeds,
                "peers": b"".join(_LOOPBACK + struct.pack(">H", port) for port in others),
            }


class _Handler(http.server.BaseHTTPRequestHandler):
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer an announcement."""
        tracker = cast("Tracker", self.server.tracker)  # type: ignore[attr-defined] # set by the tracker
        body = tracker.answer(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


def seed(seeder: RealQBittorrent, torrents: Sequence[tuple[bytes, str, bytes]]) -> None:
    """Let a running client seed torrents of one file each: the torrent, the file's name, its content."""
    with qbittorrentapi.Client(
        host=seeder.url, username=seeder.username, password=seeder.password, FORCE_SCHEME_FROM_HOST=True
    ) as client:
        for torrent, file_name, content in torrents:
            (seeder.downloads / file_name).write_bytes(content)
            client.torrents_add(torrent_files=torrent, save_path=str(seeder.downloads), is_skip_checking=True)

        def all_are_seeding() -> bool:
            wanted = {parse_torrent(torrent).info_hash for torrent, _, _ in torrents}
            states = {row.hash: row.state for row in client.torrents_info()}
            return all(states.get(info_hash) in _SEEDING_STATES for info_hash in wanted)

        wait_until(all_are_seeding)


def copy_of(folder: Path, file_name: str) -> bytes | None:
    """Return the content of a downloaded file, or None while it is not there."""
    file = folder / file_name
    return file.read_bytes() if file.is_file() else None
