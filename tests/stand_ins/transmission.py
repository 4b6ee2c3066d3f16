"""A stand-in for Transmission's RPC, for the answers that a real one cannot be made to give.

It is served as the stand-in for qBittorrent's Web API is; `script` and `always` are by method.
"""

import base64
import json
import secrets
from typing import Any

from stand_ins.qbittorrent import Answer, QBittorrentStandIn

from movie_sync.domain.torrent_file import parse_torrent

SESSION = "X-Transmission-Session-Id"
ADD, GET, SET, REMOVE, STATS = "torrent-add", "torrent-get", "torrent-set", "torrent-remove", "session-stats"
SESSION_GET, SPACE = "session-get", "free-space"
_OF_SESSION = {
    "version": "4.0.5 (a6fe2a64aa)",
    "rpc-version": 17,
    "download-dir": "/films",
    "incomplete-dir": "/films",
    "incomplete-dir-enabled": False,
}


def done(**arguments: object) -> Answer:
    """Return the answer of a call that was carried out; `_` in names becomes `-`."""
    named = {name.replace("_", "-"): value for name, value in arguments.items()}
    return Answer(body=json.dumps({"arguments": named, "result": "success"}).encode())


def refused(words: str) -> Answer:
    """Return the answer of a call that was not carried out."""
    return Answer(body=json.dumps({"arguments": {}, "result": words}).encode())


class TransmissionStandIn(QBittorrentStandIn):
    """`calls` are the methods that were called, with their arguments; `logins` what each request came with.

    `before_all` is answered whatever is asked, before the session is looked at.
    """

    def __init__(self) -> None:
        super().__init__(asks_for_login=False)
        self.session_id = "1" * 48
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.seconds_active = 1_000
        self.logins: list[str] = []
        self.before_all: Answer | None = None

    @property
    def methods(self) -> list[str]:
        """The methods that were called."""
        return [method for method, _ in self.calls]

    def change_session(self) -> None:
        """Ask for another session id, as at each start and each hour."""
        self.session_id = secrets.token_hex(24)

    def answer(
        self, path: str, session: str, form: dict[str, str], body: bytes = b"", key: str = ""
    ) -> Answer:
        """Return the scripted answer, or the right one."""
        with self._lock:
            self.seen.append(path)
            self.logins.append(key)
            if self.before_all is not None:
                return self.before_all
            if session != self.session_id:
                return Answer(409, b"<h1>409: Conflict</h1>", {SESSION: self.session_id})
            call = json.loads(body)
            method, arguments = call["method"], call["arguments"]
            self.calls.append((method, arguments))
            if self.script[method]:
                return self.script[method].popleft()
            return self.always[method] if method in self.always else self._right(method, arguments)

    def _right(self, method: str, arguments: dict[str, Any]) -> Answer:
        match method:
            case "session-get":
                return done(**_OF_SESSION)
            case "session-stats":
                return done(current_stats={"secondsActive": self.seconds_active})
            case "torrent-get":
                wanted = arguments.get("ids")
                rows = [row for row in self.rows if wanted is None or row["hashString"] in wanted]
                fields = arguments["fields"]
                return done(torrents=[{key: row[key] for key in fields if key in row} for row in rows])
            case "free-space":
                return done(path=arguments["path"], size_bytes=self.free_bytes)
            case "torrent-add":
                torrent = parse_torrent(base64.b64decode(arguments["metainfo"]))
                self.rows.append(row_of(torrent.info_hash, torrent.name, sizeWhenDone=torrent.size_bytes))
                return done(torrent_added={"hashString": torrent.info_hash, "id": 1, "name": torrent.name})
            case _:
                return done()


def row_of(info_hash: str, name: str, **changes: object) -> dict[str, Any]:
    """Return the row of a torrent that is seeding."""
    row: dict[str, Any] = {
        "hashString": info_hash,
        "name": name,
        "status": 6,
        "error": 0,
        "errorString": "",
        "percentDone": 1.0,
        "leftUntilDone": 0,
        "sizeWhenDone": 1_000,
        "rateDownload": 0,
        "comment": "",
        "downloadDir": "/films",
        "labels": ["movie_sync"],
        "trackerStats": [],
        **changes,
    }
    return {"totalSize": row["sizeWhenDone"], **row}
