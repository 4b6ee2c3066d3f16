"""Torrents of every shape: their films in a town, their files in the client, and what they are on the shelf."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stand_ins.receiver import Received

from house.films import stand_in_film, stand_in_release
from house.real_qbittorrent import RealQBittorrent
from house.real_transmission import RealTransmission
from house.town import Town
from house.waiting import wait_until
from movie_sync.demo.filelist_server import StandInRelease
from movie_sync.demo.torrent_maker import bencode, info_hash, make_torrent

LONG_NAME = "é" * 123 + ".mkv"  # 250 bytes
_PIECE_BYTES = 16_384


@dataclass
class Shape:
    """A torrent, by the paths below its folder and their sizes; one that `is_alone` is a file without a folder.

    `shelf` is what each file is called on the shelf: behind the film's name, or below the film's folder.
    """

    files: Mapping[str, int]
    shelf: Mapping[str, str] = field(default_factory=dict)
    left: str = ""
    title: str = ""
    folder: str = ""
    is_alone: bool = False
    source: str = "BluRay"
    content: dict[str, bytes] = field(default_factory=dict)
    torrent: bytes = b""
    info_hash: str = ""

    @property
    def whole(self) -> bytes:
        """All of its bytes, in the order of its files."""
        return b"".join(self.content.values())

    def make(self, name: str, announce: str) -> None:
        """Make the torrent, with content of its own."""
        self.content = {path: os.urandom(size) for path, size in self.files.items()}
        whole = self.whole
        if self.is_alone:
            ((path, size),) = self.files.items()
            what: dict[str, Any] = {"name": path, "length": size}
        else:
            self.folder = self.folder or name
            rows = [{"path": path.split("/"), "length": size} for path, size in self.files.items()]
            what = {"name": self.folder, "files": rows}
        info = bencode({
            **what,
            "piece length": _PIECE_BYTES,
            "pieces": b"".join(
                bytes.fromhex(info_hash(whole[at : at + _PIECE_BYTES])) for at in range(0, len(whole), _PIECE_BYTES)
            ),
            "private": 1,
        })  # fmt: skip
        self.info_hash = info_hash(info)
        self.torrent = make_torrent(info, announce=announce)

    def on_shelf(self, stem: str) -> dict[str, bytes]:
        """Return what of it belongs on the shelf, by path: `stem` is what the video is called, without its end."""
        folder = stem.removesuffix(" - 1080p")
        return {
            f"{folder}/{name}" if "/" in name else f"{folder}/{stem}{name}": self.content[path]
            for path, name in self.shelf.items()
        }


def release_of_shape(town: Town, number: int, shape: Shape) -> StandInRelease:
    """Have the film of that number wanted, and somebody who seeds the shape; return its release."""
    film = stand_in_film(number, **{"title": shape.title} if shape.title else {})
    town.letterboxd.films[number] = film
    more = {"id": 200 + number} if shape.source != "BluRay" else {}
    release = stand_in_release(film, shape.source, **more)
    shape.make(release.name, town.swarm.announce_url)
    town.seeder.offer(shape.torrent, shape.whole)
    return replace(release, torrent=shape.torrent, content=shape.whole, files=len(shape.files))


def offer_shapes(town: Town, made: Sequence[Shape], first: int = 0) -> None:
    """Have the films wanted, their releases on the tracker, and somebody who seeds them."""
    for number, shape in enumerate(made, first):
        town.offer(release_of_shape(town, number, shape))


def told_once(town: Town) -> list[dict[str, Any]]:
    """Return what was told of films on the shelf: whatever is told twice has one id."""
    return list({event["id"]: event for event in town.told() if event["kind"] == "shelved"}.values())


def files_of(client: RealQBittorrent | RealTransmission, shape: Shape) -> dict[str, Path]:
    """Return where a client has each file: it shortens what it thinks too long."""
    if isinstance(client, RealQBittorrent):
        names = [file.name for file in client.web.torrents_files(torrent_hash=shape.info_hash)]
    else:
        (row,) = client.call("torrent-get", ids=[shape.info_hash], fields=["files"])["torrents"]
        names = [file["name"].replace("\u1f3ac", "\U0001f3ac") for file in row["files"]]  # 3.00 has \u1f3ac
    return {path: client.downloads / name for path, name in zip(shape.content, names, strict=True)}


def content_of(client: RealQBittorrent | RealTransmission, shape: Shape) -> dict[str, bytes]:
    """Return the files as a client has them."""
    return {path: file.read_bytes() for path, file in files_of(client, shape).items()}


def check_all_again(town: Town, torrents: list[bytes], *, were_there: bool = True) -> None:
    """Have the client forget its torrents and compare all files anew: it still has every piece."""
    client = town.client
    assert len(client.hashes()) == (len(torrents) if were_there else 0)
    if isinstance(client, RealQBittorrent):
        client.web.torrents_delete(delete_files=False, torrent_hashes="all")
    else:
        client.call("torrent-remove", ids=client.hashes())
    wait_until(lambda: not client.hashes())
    for torrent in torrents:
        client.add_stopped(torrent)
    wait_until(lambda: len(client.hashes()) == len(torrents))
    if isinstance(client, RealQBittorrent):
        client.web.torrents_recheck(torrent_hashes="all")
    else:
        client.call("torrent-verify", ids=client.hashes())
    wait_until(lambda: client.unfinished() == 0)


class Looking(list[Received]):
    """What a media server received, and how many videos were on the shelf each time."""

    def __init__(self, shelf: Path) -> None:
        super().__init__()
        self.shelf = shelf
        self.seen: list[int] = []

    def append(self, received: Received) -> None:
        """Look at the shelf, too."""
        self.seen.append(len(list(self.shelf.rglob("*.mkv"))))
        super().append(received)
