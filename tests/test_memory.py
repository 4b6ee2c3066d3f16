"""What the daemon may cost: three threads and less than 50 MB, also with years of history."""

import json
import sys
from pathlib import Path

import pytest
from daemon_process import PASSKEY, TRACKER_USER, Household
from real_qbittorrent import RealQBittorrent, require_qbittorrent, wait_until

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInFilm

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
_LIMIT_KB = 50_000


def _status(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) for name in ("VmHWM", "VmRSS", "Threads")}


def _completed(count: int) -> str:
    films = [
        {
            "id": f"C{number:05d}",
            "slug": f"a-film-seen-long-ago-{number}",
            "title": f"A Film Seen Long Ago {number}",
            "year": 1920 + number % 100,
            "url": f"https://letterboxd.com/film/a-film-seen-long-ago-{number}/",
            "imdb_id": f"tt{7_000_000 + number}",
            "added_at": "2024-05-05T10:00:00Z",
            "completed_at": "2024-05-05T10:00:09Z",
            "reason": "downloaded",
            "release": f"A.Film.Seen.Long.Ago.{number}.1080p.BluRay.x264-GRP",
            "filelist_id": number,
            "info_hash": f"{number:040x}",
        }
        for number in range(count)
    ]
    return "[\n" + ",\n".join(json.dumps(film) for film in films) + "\n]\n"


def test_ten_thousand_completed_and_a_thousand_listed(tmp_path: Path) -> None:
    """With 10,000 completed films and 1,000 on the watchlist the peak is below 50 MB, with three threads."""
    films = [
        StandInFilm(f"W{number:04d}", f"wished-for-{number}", f"Wished For {number}", 2000)
        for number in range(1000)
    ]
    command = require_qbittorrent()
    with (
        LetterboxdStandIn(films, username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as filelist,
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, filelist, qbittorrent=client) as home,
    ):
        (home.data / "queue_completed.json").write_text(_completed(10_000))
        daemon = home.start()

        def has_worked() -> bool:
            return len(filelist.requests) >= 100

        wait_until(has_worked, 60)
        cost = _status(daemon.process.pid)
        assert cost["Threads"] == 3
        assert cost["VmHWM"] < _LIMIT_KB, cost
        print(cost)
        assert daemon.stop() == 0
