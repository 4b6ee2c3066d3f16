"""A stand-in for the torrent client Transmission, on loopback: each torrent is whole a moment after it came.

Its files are as long as the torrents say and hold nothing, so that they take no room on the disk.
"""

import base64
import json
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from movie_sync.domain.torrent_file import parse_torrent

_BYTES_A_SECOND = 7_000_000_000
_FREE_BYTES = 10**12
_SESSION, _SESSION_ID = "X-Transmission-Session-Id", "1" * 48
_DOWNLOADING, _SEEDING = 4, 6
_SEEDS, _UPLOADED = 12, 0.01


class TorrentClientStandIn(ThreadingHTTPServer):
    """Answers what Movie Sync asks of Transmission; torrents go to `folder`."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._folder = folder
        self._rows: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="client-stand-in")

    @property
    def url(self) -> str:
        """The address to give Movie Sync."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def answer(self, method: str, arguments: Mapping[str, Any]) -> dict[str, object]:
        """Carry out one method of the RPC."""
        with self._lock:
            match method:
                case "session-get":
                    return {"version": "4.0.5", "rpc-version": 17, "download-dir": str(self._folder)}
                case "session-stats":
                    return {"current-stats": {"secondsActive": 3600}}
                case "free-space":
                    return {"path": arguments["path"], "size-bytes": _FREE_BYTES}
                case "torrent-add":
                    return {"torrent-added": self._added(arguments)}
                case "torrent-get":
                    wanted = arguments.get("ids", self._rows)
                    rows = [self._now(row) for key, row in self._rows.items() if key in wanted]
                    fields = arguments["fields"]
                    return {"torrents": [{key: row[key] for key in fields if key in row} for row in rows]}
            return {}

    def _added(self, arguments: Mapping[str, Any]) -> dict[str, object]:
        torrent = parse_torrent(base64.b64decode(arguments["metainfo"]))
        row = {
            "hashString": torrent.info_hash,
            "name": torrent.name,
            "error": 0,
            "errorString": "",
            "sizeWhenDone": torrent.size_bytes,
            "totalSize": torrent.size_bytes,
            "comment": "",
            "downloadDir": str(self._folder),
            "labels": arguments.get("labels", []),
            "trackerStats": [],
            "peersSendingToUs": _SEEDS,
            "addedAt": time.monotonic(),
        }
        self._rows[torrent.info_hash] = row
        return row

    def _now(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return how a torrent stands now; one that is whole has its file."""
        size, path = row["sizeWhenDone"], self._folder / row["name"]
        seconds, age = size / _BYTES_A_SECOND, time.monotonic() - row["addedAt"]
        part = min(age / seconds, 1.0)
        is_whole = part == 1.0
        if is_whole and not path.exists():
            with path.open("wb") as file:
                file.truncate(size)
        return {
            **row,
            "status": _SEEDING if is_whole else _DOWNLOADING,
            "percentDone": part,
            "leftUntilDone": round(size * (1 - part)),
            "rateDownload": 0,  # nothing is loaded
            "uploadRatio": _UPLOADED if is_whole else 0.0,
            "secondsSeeding": round(age - seconds) if is_whole else 0,
        }


class _Handler(BaseHTTPRequestHandler):
    """Turns a POST into a method and its arguments."""

    server: TorrentClientStandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Print nothing."""

    def do_POST(self) -> None:
        """Answer one call."""
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get(_SESSION) != _SESSION_ID:
            self._send(HTTPStatus.CONFLICT, b"")
            return
        arguments = self.server.answer(call["method"], call.get("arguments", {}))
        self._send(HTTPStatus.OK, json.dumps({"result": "success", "arguments": arguments}).encode())

    def _send(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header(_SESSION, _SESSION_ID)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
