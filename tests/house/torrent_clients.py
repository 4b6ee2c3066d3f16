"""Our clients of the torrent programs, as the program makes them, and torrents to hand over."""

import secrets
import threading
from collections.abc import Callable
from typing import Any

from house.real_qbittorrent import RealQBittorrent
from house.real_transmission import RealTransmission
from house.waiting import wait_until
from movie_sync.clock import SystemClock
from movie_sync.demo.torrent_maker import make_file_torrent
from movie_sync.domain.models import HeldTorrent, TorrentFile
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.ports import TorrentClient
from movie_sync.services.qbittorrent.client import QBittorrentClient
from movie_sync.services.transmission.client import TransmissionClient

ANNOUNCE = "http://127.0.0.1:9/0123456789abcdef0123456789abcdef/announce"


def qbittorrent_client(at: RealQBittorrent | str, **changes: Any) -> QBittorrentClient:
    """Return a client of a real qBittorrent; or, with a short time limit, of whatever answers at an address."""
    own = {"category": "Movies", "tags": ["movie_sync"], "save_path": None}
    return QBittorrentClient(**_settings(at) | own | changes)


def transmission_client(at: RealTransmission | str, **changes: Any) -> TransmissionClient:
    """Return a client of a real Transmission; or, with a short time limit, of whatever answers at an address."""
    own = {"labels": ["movie_sync"], "download_dir": None}
    return TransmissionClient(**_settings(at) | own | changes)


def _settings(at: RealQBittorrent | RealTransmission | str) -> dict[str, Any]:
    is_real = not isinstance(at, str)
    return {
        "url": at.url if is_real else at,
        "username": at.username if is_real else "tester",
        "password": at.password if is_real else "correct-horse",
        "verify_tls": True,
        "timeout_seconds": 30.0 if is_real else 0.5,
        "stop": threading.Event(),
        "clock": SystemClock(),
    }


def make_torrent(name: str | None = None, content: bytes = b"x", announce: str = ANNOUNCE) -> TorrentFile:
    """Return a torrent that no other test uses."""
    file_name = name or f"A.Film.1950.{secrets.token_hex(4)}.1080p.mkv"
    return parse_torrent(make_file_torrent(file_name, content, announce=announce))


def state_of(client: TorrentClient, torrent: TorrentFile) -> HeldTorrent:
    """Return the one state that was asked for."""
    found = client.states([torrent.info_hash])
    assert list(found) == [torrent.info_hash]
    return found[torrent.info_hash]


def wait_until_held(
    client: TorrentClient, torrent: TorrentFile, is_so: Callable[[HeldTorrent], bool]
) -> HeldTorrent:
    """Return the torrent as soon as that is so."""

    def is_held_so() -> bool:
        held = client.states([torrent.info_hash]).get(torrent.info_hash)
        return held is not None and is_so(held)

    wait_until(is_held_so)
    return state_of(client, torrent)
