"""Requests as the services make them."""

import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests
import urllib3

from movie_sync.net.http import equip, prepare_sparingly
from movie_sync.net.limits import limits

_TAKEN_AT_ONCE = 4096


def _take_slowly(server: socket.socket, taken: list[bytes]) -> None:
    """Answer one request, of which so many bytes are taken fifty times a second."""
    connection = server.accept()[0]
    with connection:
        body = bytearray()
        length = None
        while length is None or len(body) < length:
            body += connection.recv(_TAKEN_AT_ONCE)
            if length is None and (end := body.find(b"\r\n\r\n")) >= 0:
                length = int(re.search(rb"(?i)content-length: (\d+)", body).group(1))
                del body[: end + 4]
            time.sleep(0.02)
        taken.append(bytes(body))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nOk.")


@pytest.fixture
def slow_line(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """Give the address of a server at the end of a slow line, and what it has taken."""
    connect = urllib3.util.connection.create_connection

    def with_small_buffer(*arguments: object, **options: object) -> socket.socket:
        sock = connect(*arguments, **options)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _TAKEN_AT_ONCE)
        return sock

    monkeypatch.setattr(urllib3.util.connection, "create_connection", with_small_buffer)
    taken: list[bytes] = []
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TAKEN_AT_ONCE)
        server.bind(("127.0.0.1", 0))
        server.listen()
        thread = threading.Thread(target=_take_slowly, args=(server, taken), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/", taken


def test_a_torrent_may_take_longer_than_connecting(slow_line: tuple[str, list[bytes]]) -> None:
    """The time for connecting does not bound the sending of a whole file over a slow line."""
    address, taken = slow_line
    content = bytes(range(256)) * 800
    with requests.Session() as session:
        session.trust_env = False
        equip(session, verify_tls=True)
        prepare_sparingly(session)
        with limits(threading.Event(), 30):
            answer = session.post(address, files={"torrents": content}, timeout=(0.4, 30))
    assert answer.text == "Ok."
    assert content in taken[0]
