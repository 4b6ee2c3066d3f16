"""Everything at its largest at once: long lists, a full library, a full client, torrents of many files."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.made_up import title
from stand_ins.qbittorrent import QBittorrentStandIn

from house.films import release_name, stand_in_film
from house.program import PASSKEY, TRACKER_USER, Household, cost_of
from house.waiting import wait_until
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInFilm
from movie_sync.demo.torrent_maker import bencode, make_torrent

_PIECE_BYTES = 4_194_304
_TORRENT_BYTES = 8_000_000_000
_ANNOUNCE = "https://tracker.example/announce"
_LONG_SECONDS = 300.0
_INTERVAL_SECONDS = 1
_FIRST_PAGE = "/maria/watchlist/"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much of everything there is. The newest `hand_over` films have a release."""

    films: int
    library_files: int
    torrents: int
    files_a_torrent: int
    hand_over: int


CROWD = Crowd(films=10_000, library_files=50_000, torrents=20_000, files_a_torrent=9_000, hand_over=10)


def crowded_peak(folder: Path, size: Crowd) -> dict[str, int]:
    """Run the daemon until all releases are handed over and the list is read again twice.

    Returns what its process took at most and takes now (VmHWM, VmRSS, in 1,024 bytes), and its Threads.
    """
    watchlist = [crowd_film(number) for number in range(size.films)]
    releases = [
        _of_many_files(number, size.files_a_torrent)
        for number in range(size.films - size.hand_over, size.films)
    ]
    with (
        LetterboxdStandIn(watchlist[::-1], username="maria") as letterboxd,
        FileListStandIn(releases, users={TRACKER_USER: PASSKEY}, calls_per_hour=10**6) as filelist,
        QBittorrentStandIn(asks_for_login=False) as client,
        Household(folder, letterboxd, filelist) as home,
    ):
        client.rows = [_row(number) for number in range(size.torrents)]
        client.keeps_torrents = True
        home.write_settings(
            qbittorrent={"url": client.url}, max_unfinished=0, check_interval=_INTERVAL_SECONDS
        )
        fill_library(home.films, size.library_files)
        daemon = home.start(fresh=True)

        def wait(condition: Callable[[], bool]) -> None:
            wait_until(lambda: condition() or daemon.process.poll() is not None, _LONG_SECONDS)

        wait(lambda: daemon.output.count(": handed to ") >= size.hand_over)
        checks = letterboxd.paths.count(_FIRST_PAGE)
        wait(lambda: letterboxd.paths.count(_FIRST_PAGE) > checks + 2)  # one of them was under way
        cost = cost_of(daemon.process.pid)
        assert daemon.stop() == 0, daemon.output[-2000:]
    return cost


def fill_library(folder: Path, count: int) -> None:
    """Make so many film files as people keep them, fifty folders of films to a shelf."""
    for number in range(count):
        name = f"{title(1_000_000 + number)} ({1930 + number % 90})"
        place = folder / f"shelf {number // 50}" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name} 1080p BluRay x264-GRP.mkv").write_bytes(b"film")


def crowd_film(number: int) -> StandInFilm:
    """Return a film with a title like a real one's."""
    name = title(number)
    slug = f"{name.lower().replace(' ', '-')}-{number}"
    return stand_in_film(number, slug=slug, title=name, runtime_minutes=100)


def _of_many_files(number: int, files: int) -> StandInRelease:
    film = crowd_film(number)
    name = release_name(film)
    paths: list[dict[str, Any]] = [
        {
            "length": _TORRENT_BYTES // files,
            "path": ["BDMV", "STREAM", f"{number:05d} a part of it {part:05d}.m2ts"],
        }
        for part in range(files)
    ]
    pieces = -(-(_TORRENT_BYTES // files * files) // _PIECE_BYTES)
    info = bencode(
        {
            "files": paths,
            "name": name,
            "piece length": _PIECE_BYTES,
            "pieces": b"\1" * 20 * pieces,
            "private": 1,
        }
    )
    return StandInRelease(
        id=50_000 + number, name=name, imdb=film.imdb_id, size_bytes=_TORRENT_BYTES, files=files,
        torrent=make_torrent(info, announce=_ANNOUNCE),
    )  # fmt: skip


def _row(number: int) -> dict[str, Any]:
    """Return a torrent as qBittorrent lists it, with the keys that take the most room."""
    name = f"{title(5_000_000 + number).replace(' ', '.')}.{1930 + number % 90}.1080p.BluRay.x264-GRP"
    info_hash = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    trackers = f"&tr=https%3A%2F%2Ftracker.example%2F{'0' * 32}%2Fannounce"
    return {
        "hash": info_hash, "infohash_v1": info_hash, "infohash_v2": "", "name": name, "state": "stalledUP",
        "progress": 1, "amount_left": 0, "size": 8_000_000_000, "total_size": 8_000_000_000, "dlspeed": 0,
        "completed": 8_000_000_000, "downloaded": 8_000_000_000, "uploaded": 16_000_000_000, "ratio": 2.0,
        "category": "Movies", "tags": "movie_sync", "save_path": "/srv/torrents/complete/movies",
        "content_path": f"/srv/torrents/complete/movies/{name}", "download_path": "",
        "magnet_uri": f"magnet:?xt=urn:btih:{info_hash}&dn={name}{trackers}",
        "tracker": "https://tracker.example/announce", "comment": f"https://filelist.io/details.php?id={number}",
        "added_on": 1_700_000_000 + number, "completion_on": 1_700_000_000 + number, "seeding_time": 1_000_000,
    }  # fmt: skip
