"""Twelve films of odd shapes, all at once: a real client, kill -9 at every step of the shelf, and two file systems."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house import town as house_town
from house.films import stand_in_film
from house.killed_steps import KilledSteps
from house.program import cost_of
from house.real_qbittorrent import RealQBittorrent, require_qbittorrent
from house.shapes import (
    LONG_NAME,
    Looking,
    Shape,
    check_all_again,
    content_of,
    files_of,
    offer_shapes,
    release_of_shape,
    told_once,
)
from house.town import SMALL_SIZES, Town, towns
from house.waiting import wait_until
from stand_ins.receiver import Receiver

from movie_sync.domain.shelf_plan import Left

town = house_town.town
pytestmark = [pytest.mark.timeout(1800), pytest.mark.waits, pytest.mark.long]
_FILMS, _LAST = 12, 11
_LIMIT_KB = 50_000_000 // 1024  # /proc counts in 1,024 bytes
_SEEDING = {"uploading", "stalledUP", "forcedUP"}
_QUALITY = {"size_mb_per_minute": SMALL_SIZES, "upgrade": {"until": "Bluray-1080p", "days": 30}}
_SECRETS = {"MOVIE_SYNC_JELLYFIN_TOKEN": "a" * 32, "MOVIE_SYNC_PLEX_TOKEN": "b" * 20}
_SETTINGS = {"films": _FILMS, "quality": _QUALITY, "secrets": _SECRETS}


def twelve() -> list[Shape]:
    """Return a torrent of each shape; of the last film a better one comes later."""
    decomposed = unicodedata.normalize("NFD", "Ce țară și ce păcat – が千と千尋")
    subtitles = "é" * 115 + ".ro.srt"
    return [
        Shape({"Film.mkv": 150_000}, {"Film.mkv": ".mkv"}, is_alone=True),
        Shape(
            {"Film.mkv": 2_500_000, "Film.nfo": 100, "Sample/film-sample.mkv": 9_000, "Proof/film-proof.jpg": 500},
            {"Film.mkv": ".mkv"},
        ),
        Shape({"film.cd1.avi": 60_000, "film.cd2.avi": 60_000}, left=Left.PARTS),
        Shape({"BDMV/STREAM/00001.m2ts": 90_000, "BDMV/index.bdmv": 200, "BDMV/PLAYLIST/00001.mpls": 300},
              left=Left.DISC),
        Shape({"FILM.iso": 90_000}, left=Left.DISC, is_alone=True),
        Shape(
            {"Film.mkv": 120_000, "Film.en.srt": 300, "Film.ro.srt": 301, "Film.fr.forced.srt": 302},
            {"Film.mkv": ".mkv", "Film.en.srt": ".en.srt", "Film.ro.srt": ".ro.srt",
             "Film.fr.forced.srt": ".fr.forced.srt"},
        ),
        Shape({"Film.mkv": 110_000, "Subs/2_English.srt": 300}, {"Film.mkv": ".mkv", "Subs/2_English.srt": ".en.srt"}),
        Shape(
            {f"{decomposed}.mkv": 100_000, f"{decomposed}.ro.srt": 200},
            {f"{decomposed}.mkv": ".mkv", f"{decomposed}.ro.srt": ".ro.srt"},
            title=f"{decomposed}: Été? 2/2", folder=f"{decomposed} [1957]",
        ),
        Shape({LONG_NAME: 100_000, subtitles: 250}, {LONG_NAME: ".mkv", subtitles: ".ro.srt"},
              title="Long " * 45 + "End", folder="字" * 83),
        Shape({"🎬 Film 🎬.mkv": 100_000}, {"🎬 Film 🎬.mkv": ".mkv"}, title="Up 🎬 Away 🎬🎬🎬", folder="🎬" * 40),
        Shape(
            {"Film.mkv": 130_000, "Featurettes/Making of.mkv": 20_000, "Featurettes/Trailer.mkv": 15_000},
            {"Film.mkv": ".mkv", "Featurettes/Making of.mkv": "featurettes/Making of.mkv",
             "Featurettes/Trailer.mkv": "featurettes/Trailer.mkv"},
        ),
        Shape({"Film.mkv": 120_000}, {"Film.mkv": ".mkv"}, source="WEB-DL"),
    ]  # fmt: skip


class Crowd:
    """The films on their way: what is wanted, what came of it, and what the client has."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.shapes = twelve()
        offer_shapes(town, self.shapes)
        self.better = Shape({"Better.mkv": 140_000}, {"Better.mkv": ".mkv"}, is_alone=True)
        self._release = release_of_shape(town, _LAST, self.better)
        self._is_offered = False

    @property
    def all_shapes(self) -> list[Shape]:
        """The torrents of all of them."""
        return [*self.shapes, self.better]

    @property
    def shelved(self) -> list[Shape]:
        """Those that belong on the shelf."""
        return [shape for shape in self.all_shapes if not shape.left]

    def entries(self) -> dict[str, dict[str, object]]:
        """Return the completed entries, by info-hash."""
        return {str(entry["info_hash"]): entry for entry in self.town.home.queue("completed")}

    def is_downloaded(self) -> bool:
        """Tell whether all films are."""
        return self.town.stages() == ["downloaded"] * _FILMS

    def are_done(self) -> bool:
        """Tell whether nothing is left to be done; the better release is on the tracker once the first is there."""
        entries = self.entries()
        first = entries.get(self.shapes[_LAST].info_hash, {}).get("shelf")
        if isinstance(first, dict) and first.get("path") and not self._is_offered:
            self._is_offered = True
            self.town.offer(self._release)
        states = [entry.get("shelf") for entry in entries.values()]
        return self.better.info_hash in entries and all(
            isinstance(state, dict) and (state.get("path") or state.get("left")) for state in states
        ) and len(told_once(self.town)) == len(self.shelved)  # fmt: skip

    def download(self, shelf: Path) -> None:
        """Have all downloaded before the shelf is there."""
        daemon = self.town.home.start()
        self.town.meanwhile(self.is_downloaded)
        daemon.wait_for(f"The shelf's folder {shelf} doesn't exist.")
        assert daemon.stop() == 0

    def stems(self) -> list[str]:
        """Return what each film's video is called on the shelf, without its end; "" where it's left."""
        named = {event["info_hash"]: Path(event["path"]).stem for event in told_once(self.town)}
        return [named.get(shape.info_hash, "") for shape in self.all_shapes]

    def expected(self) -> dict[str, bytes]:
        """Return all that belongs on the shelf."""
        found: dict[str, bytes] = {}
        for shape, stem in zip(self.all_shapes, self.stems(), strict=True):
            assert bool(stem) is not bool(shape.left), stem
            found |= shape.on_shelf(stem) if stem else {}
        return found

    def check_states(self) -> None:
        """Each entry, event and line of the history says the same, once."""
        entries, told = self.entries(), told_once(self.town)
        assert Counter(event["info_hash"] for event in told) == Counter(
            shape.info_hash for shape in self.shelved
        )
        for shape in (*self.shapes[:_LAST], self.better):
            state = entries[shape.info_hash]["shelf"]
            assert isinstance(state, dict)
            assert state.get("left", "") == shape.left
            assert not state.get("failed")
            if not shape.left:
                assert state["path"] in {
                    event["path"] for event in told if event["info_hash"] == shape.info_hash
                }
        # A kill between the queue and the history costs a line.
        past = json.loads(self.town.home.run("history", "--json").stdout)
        lines = [(each["film"], each["detail"]) for each in past if each["what"] == "shelved"]
        assert len(set(lines)) == len(lines)
        assert {path for _, path in lines} <= {event["path"] for event in told}

    def check_client(self, folder: Path) -> None:
        """Every byte is as it was, and the client gives each to somebody else."""
        client = self.town.client
        for shape in self.all_shapes:
            for path, content in content_of(client, shape).items():
                assert hashlib.sha256(content).digest() == hashlib.sha256(shape.content[path]).digest(), path
        if isinstance(client, RealQBittorrent):
            client.web.torrents_recheck(torrent_hashes="all")
            wait_until(
                lambda: all(row.progress == 1 and row.state in _SEEDING for row in client.web.torrents_info())
            )
        check_all_again(self.town, [shape.torrent for shape in self.all_shapes])
        for info_hash in client.hashes():
            client.start_torrent(info_hash)
        if not isinstance(client, RealQBittorrent):
            return  # Transmission 3.00 gives to one or two at a time, each for a minute
        self.town.swarm.seeder = None
        with RealQBittorrent(folder / "friend", require_qbittorrent()) as friend:
            for shape in self.all_shapes:
                friend.web.torrents_add(torrent_files=shape.torrent)
            wait_until(lambda: len(friend.hashes()) == len(self.all_shapes))
            wait_until(lambda: friend.unfinished() == 0, 120)
            for shape in self.all_shapes:
                wait_until(lambda: content_of(friend, shape) == shape.content)


def tree(shelf: Path) -> dict[str, bytes]:
    """Return what is on the shelf, by path; no folder is empty."""
    assert all(any(path.iterdir()) for path in shelf.rglob("*") if path.is_dir())
    return {str(path.relative_to(shelf)): path.read_bytes() for path in shelf.rglob("*") if path.is_file()}


def check_names(shelf: Path) -> None:
    """The odd names are what people read, on every file system."""
    names = {path.name for path in shelf.iterdir()}
    assert len(names) == _FILMS - 3
    assert all(unicodedata.is_normalized("NFC", name) and len(name.encode()) <= 180 for name in names)
    assert "Ce țară și ce păcat – が千と千尋 - Été 2-2 (1957) [imdbid-tt9000007]" in names
    last = f"{stand_in_film(_LAST).title} (1961) [imdbid-tt9000011]"
    assert {path.name for path in (shelf / last).iterdir()} == {f"{last}.mkv", f"{last} - 1080p.mkv"}


@pytest.fixture
def servers(town: Town) -> Iterator[Callable[[Path], list[Looking]]]:
    """Give what has the media servers look at a shelf, and notes what was there when they were called."""
    with Receiver(status=200) as jellyfin, Receiver(status=200) as plex:

        def look(shelf: Path) -> list[Looking]:
            seen = [Looking(shelf), Looking(shelf)]
            jellyfin.received, plex.received = seen
            town.home.write_settings(
                jellyfin={"url": jellyfin.url},
                plex={"url": plex.url},
                shelf={"folder": str(shelf), "extras": True},
            )
            return seen

        yield look


def measured(request: pytest.FixtureRequest, steps: KilledSteps) -> None:
    """Say how often it was killed, and where."""
    kinds = Counter("daemon" if step.startswith("daemon") else "shelf" for _, step in steps.taken)
    request.node.user_properties.append(("measured", f"killed {len(steps.taken)} times: {dict(kinds)}"))


@towns("qbittorrent", "transmission", **_SETTINGS)
def test_as_hard_links(
    town: Town, servers: Callable[[Path], list[Looking]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Killed at every step, all are there once; put there anew by one run, each media server is called once."""
    crowd, shelf = Crowd(town), tmp_path / "shelf"
    looks, steps = servers(shelf), KilledSteps(tmp_path / "steps", shelf, town.home)
    crowd.download(shelf)
    shelf.mkdir()
    steps.arm()
    daemon = steps.work(crowd.are_done)
    measured(request, steps)
    videos = len(crowd.shelved) + 2  # and the extras
    wait_until(lambda: all(look.seen and look.seen[-1] == videos for look in looks), 100)
    assert daemon.stop() == 0
    assert not [step for _, step in steps.taken if "outlived" in step]
    expected = crowd.expected()
    assert tree(shelf) == expected
    crowd.check_states()
    check_names(shelf)

    for shape, stem in zip(crowd.all_shapes, crowd.stems(), strict=True):
        files = files_of(town.client, shape)
        for name, path in zip(shape.on_shelf(stem), shape.shelf, strict=True):
            assert (shelf / name).samefile(files[path]), name
            assert (shelf / name).stat().st_nlink == 2
    for folder in shelf.iterdir():
        shutil.rmtree(folder)
    before = [len(look) for look in looks]
    daemon = town.home.start(fresh=True)
    daemon.wait_for("Watching")
    slugs = [stand_in_film(number).slug for number in range(_FILMS)]
    assert "will put 12 films" in town.home.run("shelf", *slugs).stdout
    told = 2 * len(crowd.shelved) - 1
    town.meanwhile(lambda: len(told_once(town)) == told)
    wait_until(lambda: all(len(look) > count for look, count in zip(looks, before, strict=True)), 100)
    cost = cost_of(daemon.process.pid)
    assert cost["Threads"] == 3
    assert cost["VmHWM"] < _LIMIT_KB, cost
    assert daemon.stop() == 0
    assert [look.seen[count:] for look, count in zip(looks, before, strict=True)] == [[videos - 1]] * 2
    last = crowd.stems()[_LAST]
    assert tree(shelf) == {path: file for path, file in expected.items() if last not in path} | {
        f"{last}/{last}.mkv": crowd.better.whole
    }
    crowd.check_client(tmp_path)


def apart_from(folder: Path) -> Path | None:
    """Return a folder for a shelf on another file system, if there is one."""
    memory = Path("/dev/shm")
    is_apart = os.access(memory, os.W_OK) and memory.stat().st_dev != folder.stat().st_dev
    return memory if is_apart else None


@towns("qbittorrent", **_SETTINGS)
def test_as_copies(
    town: Town, servers: Callable[[Path], list[Looking]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each refused, with why; once copies are allowed beside the running daemon, each is made, killed at every step."""
    memory = apart_from(tmp_path)
    if memory is None:
        pytest.skip("there's only one file system here")
    crowd = Crowd(town)
    with tempfile.TemporaryDirectory(dir=memory) as name:
        shelf = Path(name, "shelf")
        looks, steps = servers(shelf), KilledSteps(tmp_path / "steps", shelf, town.home)
        crowd.download(shelf)
        shelf.mkdir()
        check_refusal(crowd, shelf)
        daemon = steps.start()
        daemon.wait_for("Watching")
        steps.arm()
        allowed = town.home.run("config", "shelf.how", "copy")
        assert allowed.returncode == 0, allowed
        daemon = steps.work(crowd.are_done, daemon)
        measured(request, steps)
        wait_until(lambda: all(look.seen and look.seen[-1] == len(crowd.shelved) + 2 for look in looks), 100)
        assert daemon.stop() == 0
        assert not [step for _, step in steps.taken if "outlived" in step]
        assert tree(shelf) == crowd.expected()
        crowd.check_states()
        check_names(shelf)
        for shape, stem in zip(crowd.all_shapes, crowd.stems(), strict=True):
            files = files_of(town.client, shape)
            for copy, path in zip(shape.on_shelf(stem), shape.shelf, strict=True):
                assert (shelf / copy).stat().st_nlink == 1
                assert (shelf / copy).stat().st_mtime_ns == files[path].stat().st_mtime_ns
        assert "on the shelf yet" not in town.home.run("status").stdout
        crowd.check_client(tmp_path)


def check_refusal(crowd: Crowd, shelf: Path) -> None:
    """What can't be linked is named, by commands, the daemon, `status` and `check`; nothing is made."""
    home, wanted = crowd.town.home, [shape for shape in crowd.shapes if not shape.left]
    answer = home.run("shelf", "--all")
    assert answer.returncode == 1
    said = [line for line in answer.stderr.splitlines() if line.startswith("Not on the shelf: ")]
    assert all(f"{shelf}, which is on another file system or a separate mount." in line for line in said)
    assert all('"how": "copy"' in line for line in said)
    assert sum(int(re.match(r"Not on the shelf: (?:(\d+) films\. )?", line)[1] or 1) for line in said) == len(
        wanted
    )
    daemon = home.start()
    daemon.wait_for("Watching")

    def reasons() -> list[str]:
        return [entry["shelf"].get("failed", "") for entry in home.queue("completed")]

    crowd.town.meanwhile(lambda: sum(map(bool, reasons())) == len(wanted))
    assert all("can't be hard-linked" in why for why in reasons() if why)
    said = home.run("status").stdout
    assert "Not on the shelf yet: Made Up Alpha (1950)" in said
    assert "another file system" in said
    assert daemon.stop() == 0
    checked = home.run("check")
    assert checked.returncode == 1
    assert "another file system" in checked.stdout
    assert not list(shelf.iterdir())
    assert not [event for event in crowd.town.told() if event["kind"] == "shelved"]
