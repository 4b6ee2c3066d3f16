"""Our clients of the torrent programs, as the program makes them, and torrents to hand over."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from house.real_qbittorrent import RealQBittorrent
from house.real_transmission import RealTransmission
from house.waiting import wait_until
from movie_sync.clock import SystemClock
from movie_sync.demo.torrent_maker import make_file_torrent
from movie_sync.domain.models import HeldTorrent, TorrentFile
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.ports import TorrentClient
from movie_sync.services.base import Surroundings
from movie_sync.services.qbittorrent.client import QBittorrentClient
from movie_sync.services.qbittorrent.service import QBittorrentSettings
from movie_sync.services.transmission.client import TransmissionClient
from movie_sync.services.transmission.service import TransmissionSettings
from movie_sync.storage.paths import AppPaths

ANNOUNCE = "http://127.0.0.1:9/0123456789abcdef0123456789abcdef/announce"


def qbittorrent_client(at: RealQBittorrent | str, **changes: Any) -> QBittorrentClient:
    """Return a client of a real qBittorrent; or, with a short time limit, of whatever answers at an address."""
    return QBittorrentClient(*_parts(QBittorrentSettings, at, changes))


def transmission_client(at: RealTransmission | str, **changes: Any) -> TransmissionClient:
    """Return a client of a real Transmission; or, with a short time limit, of whatever answers at an address."""
    return TransmissionClient(*_parts(TransmissionSettings, at, changes))


_Form = TypeVar("_Form", QBittorrentSettings, TransmissionSettings)


def _parts(
    form: type[_Form], at: RealQBittorrent | RealTransmission | str, changes: dict[str, Any]
) -> tuple[_Form, dict[str, str], Surroundings]:
    """Return settings, login and surroundings; each name of `changes` belongs to one of them."""
    login = {"username": "tester", "password": "correct-horse"}
    settings: dict[str, Any] = {"url": at, "timeout": 0.5}
    if not isinstance(at, str):
        login = {"username": at.username, "password": at.password}
        settings = {"url": at.url}
    login |= {name: changes.pop(name) for name in ("username", "password", "api_key") if name in changes}
    stop, clock = changes.pop("stop", threading.Event()), changes.pop("clock", SystemClock())
    pairs = changes.pop("path_map", ())
    around = Surroundings(stop, clock, AppPaths(Path()), is_real=False, path_map=pairs)
    return replace(form(), **settings | changes), login, around


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
