"""The program where people keep their files: sticks, shares, disks without modes, links, locks or sockets."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.file_systems import SHARES, lacking, mounted
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household
from house.town import SMALL_SIZES
from house.waiting import wait_until

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

_FILMS = 4
_LONG = {"smb", "nfs without locks", "locks of one kind", "ntfs"}
_MEANINGS = {
    "modes": "Files can't be made private there",
    "locks": "Nothing can be locked there",
    "flushes": "Files can't be flushed to the disk there",
}


class Place:
    """A file system, and what the program's environment holds on it."""

    def __init__(self, folder: Path, environment: dict[str, str], *lacks: str) -> None:
        self.folder = folder
        self.environment = environment
        self.lacks = set(lacks)
        """What the user is told of."""


@pytest.fixture(params=[
    pytest.param(kind, marks=pytest.mark.long if kind in _LONG else ())
    for kind in (*SHARES, "exfat", "ntfs")
])  # fmt: skip
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each kind of file system: mounted, or its share's stand-in."""
    kind = request.param
    if kind not in SHARES:
        with mounted(kind, tmp_path) as mount:
            yield Place(mount.folder, {}, "modes")
        return
    lacks = set(SHARES[kind])
    told = {"modes": "modes" in lacks, "locks": {"flock", "locks"} <= lacks, "flushes": "flushes" in lacks}
    (tmp_path / "share").mkdir()
    yield Place(
        tmp_path / "share",
        lacking(tmp_path / "share", kind, tmp_path),
        *(what for what, is_told in told.items() if is_told),
    )


def test_all_is_done_and_what_that_means_is_said(place: Place, tmp_path: Path) -> None:
    """Films are fetched once, a second daemon is kept out, a kill loses nothing, and one warning is given."""
    told = tmp_path / "told.txt"
    with contextlib.ExitStack() as stack:
        letterboxd = stack.enter_context(
            LetterboxdStandIn([stand_in_film(number) for number in range(_FILMS)], username="maria")
        )
        filelist = stack.enter_context(FileListStandIn(users={TRACKER_USER: PASSKEY}))
        filelist.releases.extend(stand_in_release(number, "BluRay") for number in range(_FILMS - 1))
        home = stack.enter_context(
            Household(
                place.folder,
                letterboxd,
                filelist,
                secrets=place.environment,
                quality={"size_mb_per_minute": SMALL_SIZES},
                on_event=["sh", "-c", 'cat >> "$0"; echo >> "$0"', str(told)],
            )
        )
        daemon = home.start()
        wait_until(lambda: len(home.queue("completed")) == _FILMS - 1 and len(home.queue("failed")) == 1)
        second = home.start("--once")
        health = home.run("health")
        assert health.returncode == 0, health
        assert "Monitor: next check" in health.stdout
        title = home.titles("completed")[0]
        assert home.run("remove", title).returncode == 0
        wait_until(lambda: home.titles("removed") == [title])
        assert second.wait() == 3
        assert "already running" in second.output
        assert "WARNING" not in second.output
        said = daemon.output
        daemon.process.kill()
        daemon.process.wait()

        once = home.run("--once")
        assert once.returncode == 0, once
        assert home.titles("removed") == [title]
        assert Counter(map(len, map(home.queue, ("pending", "failed", "completed", "removed")))) == Counter(
            [0, 1, _FILMS - 2, 1]
        )
        torrents = {path.name for path in (home.data / "torrents").iterdir()}
        assert len(torrents) == _FILMS - 1, "each was handed over once"
        for text in (said, once.stderr, (home.data / "movie_sync.log").read_text()):
            warnings = [line for line in text.splitlines() if "WARNING" in line]
            assert len({line[20:] for line in warnings}) == bool(place.lacks), warnings
            assert place.lacks == {what for what, words in _MEANINGS.items() if words in text}, text
        check = home.run("check")
        assert ("NOTE  File system" in check.stdout) is bool(place.lacks), check.stdout
        lines = [json.loads(line) for line in told.read_text().splitlines() if line]
        handed_over = Counter(line["film"]["title"] for line in lines if line["kind"] == "added")
        assert set(handed_over.values()) == {1}
        assert len(handed_over) == _FILMS - 1
        backup = home.run("backup", str(place.folder / "backup"))
        assert backup.returncode == 0, backup
        assert ("WARNING" in backup.stderr) is bool(place.lacks - {"locks"}), backup
        left = [path.name for path in home.data.iterdir() if path.suffix == ".tmp" or "replaced" in path.name]
        assert not left
        previous = json.loads((home.data / "queue_completed.json.previous").read_text())
        assert previous, "the generation before the last is there, as a copy if need be"
        assert not list(home.films.iterdir())


@pytest.mark.long
@pytest.mark.waits
def test_a_disk_that_is_unplugged_and_comes_back(tmp_path: Path) -> None:
    """The daemon goes on, makes no new data folder meanwhile, and knows each film when the disk is back."""
    films = [stand_in_film(number) for number in range(_FILMS)]
    with contextlib.ExitStack() as stack:
        mount = stack.enter_context(mounted("ntfs", tmp_path))
        letterboxd = stack.enter_context(LetterboxdStandIn(films, username="maria"))
        filelist = stack.enter_context(FileListStandIn(users={TRACKER_USER: PASSKEY}))
        filelist.releases.extend(stand_in_release(number, "BluRay") for number in range(_FILMS))
        home = stack.enter_context(
            Household(
                mount.folder,
                letterboxd,
                filelist,
                check_interval=1,
                quality={"size_mb_per_minute": SMALL_SIZES},
            )
        )
        said = tmp_path / "said.txt"
        daemon = home.start(output=stack.enter_context(said.open("w")).fileno())
        wait_until(lambda: len(home.queue("completed")) == _FILMS)
        mount.take_away()
        wait_until(lambda: "Couldn't" in said.read_text())
        letterboxd.films = [*films, stand_in_film(_FILMS)]
        filelist.releases.append(stand_in_release(_FILMS, "BluRay"))
        wait_until(lambda: said.read_text().count("WARNING: ") > 2)
        assert daemon.process.poll() is None
        assert not list(mount.folder.iterdir())
        mount.bring_back()
        wait_until(lambda: len(home.queue("completed")) == _FILMS + 1)
        assert home.run("--once").returncode == 3
        wait_until(lambda: home.run("health").returncode == 0)
        torrents = list((home.data / "torrents").iterdir())
        assert len(torrents) == _FILMS + 1, "each was handed over once"
        assert daemon.stop() == 0
        assert "Traceback" not in said.read_text()
