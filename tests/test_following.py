"""From the list to the disk: the real daemon, a real qBittorrent, a second one that seeds, a tracker."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import qbittorrentapi
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household, Running, cost_of
from house.real_qbittorrent import RealQBittorrent, require_qbittorrent, wait_until
from stand_ins.tracker import Tracker, copy_of, seed

from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

_SMALL_SIZES = {"2160p": [0, 400], "1080p": [0, 400], "720p": [0, 400], "sd": [0, 400]}
_UNSEEDED, _LATE, _REFUSED, _REMOVED = 8, 9, 10, 11
_DEADLINE_SECONDS = 100.0


_NOTE_EVENT = """
import os, sys
line = sys.stdin.read().replace(chr(10), " ") + chr(10)
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(file, line.encode())
"""


def _seedable(number: int, source: str = "BluRay") -> StandInRelease:
    """Return a release that can be downloaded; the second one of a film has a number of its own."""
    more = {"id": 200 + number} if source != "BluRay" else {}
    return stand_in_release(number, source, content=os.urandom(150_000), **more)


class Town:
    """All that there is: the sites, the tracker, the user's client, somebody who seeds, the program."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path, films: int, **settings: Any) -> None:
        command = require_qbittorrent()
        self.letterboxd = stack.enter_context(
            LetterboxdStandIn([stand_in_film(number) for number in range(films)], username="maria")
        )
        self.filelist = stack.enter_context(
            FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=1_000_000)
        )
        self.swarm = stack.enter_context(Tracker(passkey=PASSKEY))
        self.filelist.announce = self.swarm.announce_url.replace(PASSKEY, "{passkey}")
        for name in ("seeder", "client", "home"):
            (folder / name).mkdir(exist_ok=True)
        self._told = folder / "told.txt"
        script = folder / "note.py"
        script.write_text(_NOTE_EVENT)
        self.on_event = [sys.executable, str(script), str(self._told)]
        self.seeder = stack.enter_context(RealQBittorrent(folder / "seeder", command))
        self.client = stack.enter_context(RealQBittorrent(folder / "client", command))
        self.home = stack.enter_context(
            Household(
                folder / "home", self.letterboxd, self.filelist, qbittorrent=self.client,
                **{"check_interval": 2, "on_event": self.on_event, "quality": {"size_mb_per_minute": _SMALL_SIZES}} | settings,
            )
        )  # fmt: skip
        self.web = qbittorrentapi.Client(
            host=self.client.url, username=self.client.username, password=self.client.password,
            FORCE_SCHEME_FROM_HOST=True,
        )  # fmt: skip

    def offer(self, *releases: StandInRelease) -> None:
        """Put releases on the tracker, without anybody who seeds them."""
        self.filelist.releases.extend(releases)

    def seed(self, *releases: StandInRelease) -> None:
        """Let releases be seeded."""
        wanted = [
            (self.filelist.torrent_for(release, PASSKEY), release.file_name, release.content or b"")
            for release in releases
        ]
        seed(self.seeder, wanted)

    def completed(self) -> dict[str, dict[str, Any]]:
        """Return the completed entries by title."""
        return {entry["title"]: entry for entry in self.home.queue("completed")}

    def told(self) -> list[dict[str, Any]]:
        """Return the events that the user's command was given."""
        lines = self._told.read_text().splitlines() if self._told.exists() else []
        return [json.loads(line) for line in lines]

    def stages(self) -> list[str]:
        """Return the stages of the completed films."""
        return [entry.get("stage", "") for entry in self.home.queue("completed")]

    def is_stopped(self, release: StandInRelease) -> bool:
        """Tell whether the client has a release's torrent stopped."""
        (torrent,) = self.web.torrents_info(torrent_hashes=release.info_hash)
        return torrent.state in {"pausedDL", "stoppedDL"}

    def unfinished(self) -> int:
        """Return how many torrents the client has not finished."""
        return sum(torrent.amount_left > 0 for torrent in self.web.torrents_info())


@pytest.fixture
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Town]:
    """A town of twelve films, or with the settings that the test names."""
    with contextlib.ExitStack() as stack:
        yield Town(stack, tmp_path, **getattr(request, "param", {"films": 12, "stalled_after": 5}))


def _meanwhile(is_done: Callable[[], bool], chores: Callable[[float], None]) -> None:
    """Do chores (given the seconds so far) until it is done."""
    begun = time.monotonic()
    pause = threading.Event()
    while not is_done():
        seconds = time.monotonic() - begun
        assert seconds < _DEADLINE_SECONDS, "it did not come to its end"
        chores(seconds)
        pause.wait(0.1)


def test_twelve_films_to_the_end(town: Town) -> None:
    """Eight arrive; one stalls, one is refused, both are replaced; one comes later; one is removed by hand.

    Meanwhile the daemon is killed and qBittorrent is started anew, again and again.
    """
    usual = [_seedable(number) for number in range(8)]
    unseeded, second = _seedable(_UNSEEDED), _seedable(_UNSEEDED, "WEB-DL")
    refused, third = _seedable(_REFUSED), _seedable(_REFUSED, "WEB-DL")
    late, removed = _seedable(_LATE), _seedable(_REMOVED)
    town.offer(*usual, unseeded, second, refused, third, removed)
    town.seed(*usual, second, third, late)
    town.swarm.refused[refused.info_hash] = "unregistered torrent"
    wanted = {
        **{stand_in_film(number).title: usual[number] for number in range(8)},
        stand_in_film(_UNSEEDED).title: second, stand_in_film(_REFUSED).title: third, stand_in_film(_LATE).title: late,
    }  # fmt: skip
    expected_events = {
        *(("added", _lid(title), release.info_hash) for title, release in wanted.items()),
        *(("downloaded", _lid(title), release.info_hash) for title, release in wanted.items()),
        ("replaced", stand_in_film(_UNSEEDED).lid, unseeded.info_hash),
        ("replaced", stand_in_film(_REFUSED).lid, refused.info_hash),
    }
    dice = random.Random(3)
    daemon = town.home.start()
    kills_at = (1.0, 2.5, 5.0, 8.0)
    kills, restarts, state = list(kills_at), [3.5, 6.5], {"late": False}

    def chores(seconds: float) -> None:
        nonlocal daemon
        if kills and seconds > kills[0] + dice.random():
            kills.pop(0)
            daemon.process.kill()
            daemon.wait()
            daemon = town.home.start()
        if restarts and seconds > restarts[0] + dice.random():
            restarts.pop(0)
            town.client.stop()
            town.client.start()
        if not state["late"] and seconds > 4:
            town.offer(late)
            state["late"] = True
        # Again and again: a client that is ended right after it forgot a torrent may know it again.
        if removed.info_hash in {row.hash for row in town.web.torrents_info()}:
            town.web.torrents_delete(delete_files=True, torrent_hashes=removed.info_hash)

    def is_done() -> bool:
        completed = town.completed()
        arrived = {title for title, entry in completed.items() if entry.get("stage") == "downloaded"}
        return (
            not kills
            and not restarts
            and set(wanted) <= arrived
            and completed.get(stand_in_film(_REMOVED).title, {}).get("stage") == "removed"
            and expected_events
            <= {
                (event["kind"], event["film"] and event["film"]["id"], event.get("info_hash"))
                for event in town.told()
            }
        )

    _meanwhile(is_done, chores)
    _check_size(daemon)
    assert daemon.stop() == 0
    _check_arrived(town, wanted)
    _check_told(town, wanted, most_repeats=len(kills_at))
    held = {torrent.hash for torrent in town.web.torrents_info()}
    expected = {release.info_hash for release in wanted.values()}
    assert held == expected | {unseeded.info_hash, refused.info_hash}, "nothing taken out, nothing twice"
    tried = {title: entry["tried"][0]["why"] for title, entry in town.completed().items() if "tried" in entry}
    assert set(tried) == {stand_in_film(_UNSEEDED).title, stand_in_film(_REFUSED).title}
    assert "stalled" in tried[stand_in_film(_UNSEEDED).title]
    assert "unregistered torrent" in tried[stand_in_film(_REFUSED).title]
    assert town.home.queue("pending") == town.home.queue("failed") == []


def _check_size(daemon: Running) -> None:
    """Fail if the daemon has more than three threads, or was ever larger than 50 MB."""
    if Path(f"/proc/{daemon.process.pid}/status").exists():
        cost = cost_of(daemon.process.pid)
        assert cost["Threads"] == 3
        assert cost["VmHWM"] * 1024 < 50_000_000


def _check_arrived(town: Town, wanted: dict[str, StandInRelease]) -> None:
    """Fail unless each film is complete with the release, whose file is there with identical bytes."""
    for title, release in wanted.items():
        entry = town.completed()[title]
        assert entry["info_hash"] == release.info_hash, title
        assert Path(entry["path"]).name == release.file_name
        assert copy_of(town.client.downloads, release.file_name) == release.content


def _check_told(town: Town, wanted: dict[str, StandInRelease], *, most_repeats: int) -> None:
    """Fail unless the user's command was told of each film that arrived, once but for crashes."""
    ids = Counter(event["id"] for event in town.told())
    assert sum(ids.values()) - len(ids) <= most_repeats
    arrived = [event for event in town.told() if event["kind"] == "downloaded"]
    names = {Path(event["path"]).name for event in arrived}
    assert names == {release.file_name for release in wanted.values()}


def _lid(title: str) -> str:
    return next(stand_in_film(number).lid for number in range(12) if stand_in_film(number).title == title)


@pytest.mark.parametrize("town", [{"films": 10, "max_unfinished": 2}], indirect=True)
def test_a_big_list_drips(town: Town) -> None:
    """At no moment are more than two of ours unfinished; all ten arrive."""
    releases = [_seedable(number) for number in range(10)]
    town.offer(*releases)
    daemon = town.home.start()
    town.seed(*releases[:5])
    most = 0

    def chores(_seconds: float) -> None:
        nonlocal most
        most = max(most, town.unfinished())
        if len(town.stages()) >= 7 and town.seeder.url not in seeded_late:
            town.seed(*releases[5:])
            seeded_late.add(town.seeder.url)

    seeded_late: set[str] = set()
    _meanwhile(lambda: town.stages().count("downloaded") == 10, chores)
    assert most == 2
    assert daemon.stop() == 0
    assert "10 completed" in daemon.output


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real small file system (200 MB) where the client puts its films."""
    folder = tmp_path / "client" / "downloads"
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("town", [{"films": 2, "min_free_space_gb": 0.1}], indirect=True)
def test_with_too_little_space_nothing_is_handed_over(small_disk: Path, town: Town) -> None:
    """`status` says why; when there is room it goes on by itself."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(150_000_000))
    releases = [_seedable(number) for number in range(2)]
    town.offer(*releases)
    town.seed(*releases)
    daemon = town.home.start()
    daemon.wait_for("waiting for room")

    def is_told() -> bool:
        return "min_free_space_gb is 0.1" in town.home.run("status").stdout

    wait_until(is_told)
    assert list(town.web.torrents_info()) == []
    filler.unlink()
    _meanwhile(lambda: town.stages() == ["downloaded"] * 2, lambda _seconds: None)
    assert town.home.queue("failed") == []
    assert daemon.stop() == 0


@pytest.mark.parametrize("town", [{"films": 3, "max_unfinished": 1}], indirect=True)
def test_what_the_client_stops_and_what_it_holds_already(town: Town) -> None:
    """A stop condition holds nothing up; a stopped torrent of the user's own is adopted, and arrives when started."""
    releases = [_seedable(number) for number in range(3)]
    town.offer(*releases)
    town.seed(*releases)
    town.web.app_set_preferences({"torrent_stop_condition": "FilesChecked"})
    own = releases[1]
    town.web.torrents_add(torrent_files=town.filelist.torrent_for(own, PASSKEY), is_stopped=True)
    daemon = town.home.start()

    def has_come_so_far() -> bool:
        return sorted(town.stages()) == ["downloaded", "downloaded", "stopped"]

    _meanwhile(has_come_so_far, lambda _seconds: None)
    status = town.home.run("status", "--json")
    (held,) = json.loads(status.stdout)["downloading"]
    assert (held["state"], held["info_hash"]) == ("stopped", own.info_hash)
    assert "2 of our torrents" not in daemon.output
    town.web.torrents_start(torrent_hashes=own.info_hash)
    # It takes the client a moment: until then it says, truly, that the torrent is stopped.
    _meanwhile(lambda: not town.is_stopped(own), lambda _seconds: None)
    # Without anything of ours on its way it looks every ten minutes, and at once when it is started anew.
    assert daemon.stop() == 0
    daemon = town.home.start()
    _meanwhile(lambda: town.stages() == ["downloaded"] * 3, lambda _seconds: None)
    _meanwhile(lambda: _kinds(town)["downloaded"] == 3, lambda _seconds: None)
    assert daemon.stop() == 0
    assert _kinds(town) == {"added": 2, "downloaded": 3}


def _kinds(town: Town) -> Counter[str]:
    return Counter(event["kind"] for event in town.told())
