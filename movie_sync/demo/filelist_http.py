"""The stand-in tracker's web server: loopback only, and able to answer badly in every manner."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from movie_sync.demo.filelist_faults import JSON, Fault, Manner

_IDLE_SECONDS = 30.0
_POLL_SECONDS = 0.02
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Reply:
    """A right answer."""

    status: int
    body: bytes
    content_type: str = JSON


@dataclass(slots=True)
class SeenRequest:
    """A request as it came in. `page` is the path without its first slash, header names are lower-case."""

    at: datetime
    method: str
    page: str
    params: dict[str, str]
    headers: dict[str, str]
    status: int | None = None


class WebServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1, by default on a free port, a thread for each connection; all end with `stop`."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(
        self,
        now: Callable[[], datetime],
        respond: Callable[[SeenRequest], tuple[Reply | None, Fault | None]],
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.now = now
        self.respond = respond
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="filelist-stand-in"
        )

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End every connection, hanging ones too, and every thread."""
        self.stopping.set()
        if self._thread.ident is not None:
            self.shutdown()
            self._thread.join()
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the base class
        """Remember the connection, so that `stop` can end it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as in the base class
        """Forget the connection and close it."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    """Turns requests into `SeenRequest`, and answers into bytes in the manner that a fault asks for."""

    server: WebServer
    protocol_version = "HTTP/1.1"
    server_version = "StandIn"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # else head and body arrive 40 ms apart

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Print nothing; the requests are kept as `SeenRequest`."""

    def handle(self) -> None:
        """Serve the connection until one side ends it."""
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """Close it, also where the other side has gone."""
        with contextlib.suppress(OSError):
            super().finish()

    def _answer(self) -> None:
        address = urlsplit(self.path)
        seen = SeenRequest(
            at=self.server.now(),
            method=self.command,
            page=address.path.lstrip("/"),
            params=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        reply, fault = self.server.respond(seen)
        if fault is None:
            fault = Fault()
        status = fault.status if reply is None else reply.status
        body = (fault.body or b"") if reply is None else reply.body
        content_type = fault.content_type if reply is None else reply.content_type
        seen.status = status
        self._send(status, body, [("Content-Type", content_type), *fault.headers], fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the base class looks for these

    def _send(self, status: int, body: bytes, headers: list[tuple[str, str]], fault: Fault) -> None:
        if fault.manner in {Manner.HANG, Manner.RESET}:
            self._end(fault.manner)
            return
        if fault.seconds and fault.manner is Manner.WHOLE:
            self.server.stopping.wait(fault.seconds)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if fault.manner is Manner.ENDLESS:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(body, fault)

    def _send_body(self, body: bytes, fault: Fault) -> None:
        match fault.manner:
            case Manner.WHOLE:
                self.wfile.write(body)
            case Manner.TRICKLE:
                for start in range(len(body)):
                    self.wfile.write(body[start : start + 1])
                    if self.server.stopping.wait(fault.seconds):
                        break
            case Manner.ENDLESS:
                while not self.server.stopping.is_set():
                    self.wfile.write(body)
            case _:
                self.wfile.write(body[: len(body) // 2])
                self._end(fault.manner)

    def _end(self, manner: Manner) -> None:
        self.close_connection = True
        if manner in {Manner.HANG, Manner.HANG_IN_BODY}:
            self.server.stopping.wait()
        if manner in {Manner.RESET, Manner.RESET_IN_BODY}:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.connection.close()
