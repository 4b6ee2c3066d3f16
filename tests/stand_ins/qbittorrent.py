"""A stand-in for qBittorrent's Web API, for the answers that a real one cannot be made to give.

It logs in, lists and takes torrents as version 4.5 does, until a test scripts other answers.
"""

import contextlib
import http.server
import json
import secrets
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from movie_sync.domain.torrent_file import parse_torrent

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BLOCK = b" " * 65_536

LOGIN, VERSION, INFO, ADD = "auth/login", "app/version", "torrents/info", "torrents/add"
API_VERSION, SPACE, PROCESS = "app/webapiVersion", "app/getFreeSpaceAtPath", "app/processInfo"
MAIN_DATA, TRACKERS, DELETE = "sync/maindata", "torrents/trackers", "torrents/delete"
RECHECK, PAUSE, RESUME = "torrents/recheck", "torrents/pause", "torrents/resume"
TAG, UNTAG = "torrents/addTags", "torrents/removeTags"
PAGE = "/"
PREFERENCES, CATEGORIES = "app/preferences", "torrents/categories"
_ALWAYS_THE_SAME = {
    PREFERENCES: b'{"save_path": "/films", "auto_tmm_enabled": false, "temp_path_enabled": false}',
    CATEGORIES: b"{}",
    VERSION: b"v4.5.2",
    API_VERSION: b"2.8.19",
    **dict.fromkeys((RECHECK, PAUSE, RESUME, TAG, UNTAG), b""),
}


class Manner(Enum):
    """How an answer is sent."""

    WHOLE = "as it should be"
    HANG = "nothing comes, the connection stays"
    HANG_IN_BODY = "half of it comes"
    TRICKLE = "a byte every 50 ms"
    RESET = "the connection is reset before it"
    CUT = "half of it comes, then the connection ends"
    ENDLESS = "it never ends"


@dataclass(frozen=True)
class Answer:
    """One scripted answer."""

    status: int = 200
    body: bytes = b"Ok."
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = Manner.WHOLE


class QBittorrentStandIn:
    """Serves on loopback inside a `with` block.

    `script[path]` holds answers that are given before the right ones, `always[path]` one instead
    of them. `seen` lists what was asked for, `forms` what was posted with it. `trackers` are those of
    every torrent, `free_bytes` the space on its disk. `rows` is what it holds; a torrent that is added
    becomes the row `row_when_added`, if there is one; with `keeps_torrents` it becomes a row of its own,
    of a film that has arrived. It is a 4.5; with `tells_free_space` a 5.3. `api_key` is the one that
    it takes, as a 5.2 does; `keys_shown` lists those that it was shown. It was started at `launched_at`.
    """

    def __init__(self, *, asks_for_login: bool = True) -> None:
        self.asks_for_login = asks_for_login
        self.script: dict[str, deque[Answer]] = defaultdict(deque)
        self.always: dict[str, Answer] = {}
        self.rows: list[dict[str, Any]] = []
        self.trackers: list[dict[str, Any]] = []
        self.free_bytes = 10**12
        self.row_when_added: dict[str, Any] | None = None
        self.keeps_torrents = False
        self.tells_free_space = False
        self.api_key = ""
        self.launched_at = 1_795_923_309
        self.keys_shown: list[str] = []
        self.seen: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._sessions: set[str] = set()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="qbittorrent-stand-in"
        )

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def lose_sessions(self) -> None:
        """Forget who is logged in, as a restart does."""
        with self._lock:
            self._sessions.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()

    def answer(
        self, path: str, session: str, form: dict[str, str], body: bytes = b"", key: str = ""
    ) -> Answer:
        """Return the scripted answer, or the right one."""
        with self._lock:
            self.keys_shown += [key] if key else []
            self.seen.append(path)
            self.forms.append(form)
            if self.script[path]:
                return self.script[path].popleft()
            if path in self.always:
                return self.always[path]
            if path == LOGIN:
                made = secrets.token_hex(8)
                self._sessions.add(made)
                return Answer(headers={"Set-Cookie": f"SID={made}; HttpOnly; path=/"})
            if path == PAGE:
                return Answer(body=b"<html><head><title>qBittorrent Web UI</title></head></html>")
            has_key = bool(key) and key == self.api_key
            if self.asks_for_login and session not in self._sessions and not has_key:
                return Answer(403, b"Forbidden")
            return self._right_answer(path, form, body)

    def _right_answer(self, path: str, form: dict[str, str], body: bytes) -> Answer:
        fixed = _ALWAYS_THE_SAME | (self._of_5_3() if self.tells_free_space or self.api_key else {})
        if path in fixed:
            return Answer(body=fixed[path])
        match path:
            case "torrents/info":
                return Answer(body=json.dumps(self._select(form)).encode())
            case "torrents/trackers":
                return Answer(body=json.dumps(self.trackers).encode())
            case "sync/maindata":
                return Answer(body=self._main_data())
            case "torrents/add" | "torrents/delete":
                self._change(path, form, body)
                return Answer()
            case _:
                return Answer(404, b"Not Found")

    def _of_5_3(self) -> dict[str, bytes]:
        return {
            VERSION: b"v5.3.0",
            API_VERSION: b"2.16.2",
            SPACE: str(self.free_bytes).encode(),
            PROCESS: json.dumps({"launch_time": self.launched_at}).encode(),
        }

    def _change(self, path: str, form: dict[str, str], body: bytes) -> None:
        if path == DELETE:
            self.rows = [row for row in self.rows if row["hash"] not in form["hashes"].split("|")]
        elif self.row_when_added is not None:
            self.rows.append(self.row_when_added)
        elif self.keeps_torrents:
            self.rows.append(_arrived(body))

    def _main_data(self) -> bytes:
        """Return the state of everything, with sorted keys and without blanks."""
        everything = {
            "full_update": True,
            "rid": 1,
            "server_state": {"dht_nodes": 0, "free_space_on_disk": self.free_bytes, "queueing": False},
            "torrents": {row["hash"]: row for row in self.rows},
        }
        return json.dumps(everything, separators=(",", ":")).encode()

    def _select(self, form: dict[str, str]) -> list[dict[str, Any]]:
        wanted = form.get("hashes")
        rows = [row for row in self.rows if wanted is None or row["hash"] in wanted.split("|")]
        if form.get("sort") == "hash":
            rows.sort(key=lambda row: cast("str", row["hash"]))
        elif form.get("sort") == "amount_left":
            rows.sort(key=lambda row: cast("int", row.get("amount_left", 0)), reverse=True)
        offset = int(form.get("offset", "0"))
        return rows[offset:][: int(form.get("limit", "1000000"))]


def _arrived(body: bytes) -> dict[str, Any]:
    """Return the row of the torrent in a posted form, in which the file comes last."""
    torrent = parse_torrent(body[body.index(b"d8:announce") : body.rindex(b"\r\n--")])
    return {
        "hash": torrent.info_hash,
        "name": torrent.name,
        "size": torrent.size_bytes,
        "progress": 1.0,
        "amount_left": 0,
        "state": "stalledUP",
    }


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, stand_in: QBittorrentStandIn) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stand_in = stand_in
        self._open: set[Any] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """End those that the other side keeps open, and so their threads."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the other side was faster
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Let the other side break off where it has read enough."""
        with contextlib.suppress(ConnectionResetError):
            super().handle()

    def do_GET(self) -> None:
        """Answer either method alike."""
        stand_in = self.server.stand_in
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        form = {} if b"\r\n" in body else {key: values[-1] for key, values in parse_qs(body.decode()).items()}
        path = urlsplit(self.path).path.removeprefix("/api/v2/")
        session = self.headers.get("Cookie", "").partition("SID=")[2].partition(";")[0]
        session = self.headers.get("X-Transmission-Session-Id", session)
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        answer = stand_in.answer(path, session, form, body, key)
        with contextlib.suppress(OSError):  # the other side has had enough
            self._send(answer, stand_in.stopping)

    do_POST = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def _send(self, answer: Answer, stopping: threading.Event) -> None:
        if answer.manner is not Manner.WHOLE:
            self.close_connection = True
        if answer.manner is Manner.HANG:
            stopping.wait()
            return
        if answer.manner is Manner.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.connection.close()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.manner is not Manner.ENDLESS:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self._send_body(answer, stopping)

    def _send_body(self, answer: Answer, stopping: threading.Event) -> None:
        match answer.manner:
            case Manner.ENDLESS:
                while not stopping.is_set():
                    self.wfile.write(_BLOCK)
            case Manner.TRICKLE:
                for number in range(len(answer.body)):
                    self.wfile.write(answer.body[number : number + 1])
                    if stopping.wait(0.05):
                        break
            case Manner.CUT | Manner.HANG_IN_BODY:
                self.wfile.write(answer.body[: len(answer.body) // 2])
                if answer.manner is Manner.HANG_IN_BODY:
                    stopping.wait()
            case _:
                self.wfile.write(answer.body)
