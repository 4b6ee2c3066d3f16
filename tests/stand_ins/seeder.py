"""Somebody who has films: it connects to each client that announces one, and gives what it is asked for.

A real client would do as well, but takes its time: it looks at its tracker and at who is served by the
clock, and Transmission connects to nobody on its own machine.
"""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from movie_sync.domain.torrent_file import parse_torrent

_GREETING = b"\x13BitTorrent protocol"
_PEER_ID = b"-ST0001-stand-in-has"
_BITFIELD, _UNCHOKE, _REQUEST, _PIECE = 5, 1, 6, 7
_REQUEST_BYTES = 13
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class _Film:
    content: bytes
    piece_length: int

    @property
    def bitfield(self) -> bytes:
        """A bit for each piece: all are there."""
        count = -(-len(self.content) // self.piece_length)
        bits = "1" * count + "0" * (-count % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


class Seeder:
    """Give it to a `Tracker`, which calls `announced`. It ends with its `with` block."""

    def __init__(self) -> None:
        self._films: dict[bytes, _Film] = {}
        self._lacking: set[tuple[bytes, int]] = set()
        self._served: set[tuple[bytes, int]] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()

    def offer(self, torrent: bytes, content: bytes) -> None:
        """Have a film of one file, also for those who have announced it before."""
        piece_length = int(torrent.partition(b"12:piece lengthi")[2].partition(b"e")[0])
        info_hash = bytes.fromhex(parse_torrent(torrent).info_hash)
        with self._lock:
            self._films[info_hash] = _Film(content, piece_length)
            for key in self._lacking:
                self._start_serving(key)

    def announced(self, info_hash: bytes, port: int, *, lacks: bool) -> None:
        """Serve a client on this machine for as long as it announces that it lacks something."""
        with self._lock:
            if lacks:
                self._lacking.add((info_hash, port))
                self._start_serving((info_hash, port))
            else:
                self._lacking.discard((info_hash, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closing.set()
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start_serving(self, key: tuple[bytes, int]) -> None:
        film = self._films.get(key[0])
        if film is None or key in self._served or self._closing.is_set():
            return
        self._served.add(key)
        thread = threading.Thread(target=self._serve, args=(*key, film), name="seeder")
        self._threads.append(thread)
        thread.start()

    def _serve(self, info_hash: bytes, port: int, film: _Film) -> None:
        key = info_hash, port
        while True:
            with contextlib.suppress(OSError, EOFError), socket.socket() as connection:
                with self._lock:
                    self._open.add(connection)
                try:
                    _seed(connection, info_hash, port, film)
                finally:
                    with self._lock:
                        self._open.discard(connection)
            self._closing.wait(_PAUSE_SECONDS)
            with self._lock:
                if key not in self._lacking or self._closing.is_set():
                    self._served.discard(key)
                    return


def _seed(connection: socket.socket, info_hash: bytes, port: int, film: _Film) -> None:
    """Give a client what it asks for until it has had enough, or is ended."""
    connection.settimeout(_PATIENCE_SECONDS)
    connection.connect(("127.0.0.1", port))
    connection.sendall(_GREETING + bytes(8) + info_hash + _PEER_ID)
    _receive(connection, len(_GREETING) + 8 + 20 + 20)
    connection.sendall(_message(_BITFIELD, film.bitfield) + _message(_UNCHOKE))
    while True:
        _answer(connection, film)


def _answer(connection: socket.socket, film: _Film) -> None:
    """Read a message; give the block that it asks for, if it asks for one."""
    (length,) = struct.unpack(">I", _receive(connection, 4))
    message = _receive(connection, length)
    if length == _REQUEST_BYTES and message[0] == _REQUEST:
        index, begin, count = struct.unpack(">III", message[1:])
        start = index * film.piece_length + begin
        block = film.content[start : start + count]
        connection.sendall(_message(_PIECE, struct.pack(">II", index, begin) + block))


def _message(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", 1 + len(payload), kind) + payload


def _receive(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
