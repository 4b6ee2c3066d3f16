"""Three lists under a daemon that is killed, whose disk is full, and to which exports are imported meanwhile."""

import contextlib
import json
import os
import random
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.films import film, stand_in_film, stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household
from house.town import SMALL_SIZES
from house.waiting import wait_until

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInList

_LIST = "ben/list/dark"
_QUEUES = ("pending", "failed", "completed")
_FILMS_A_LIST = 4
_DISK_BYTES = 8_000_000


class Wishes:
    """Anna's and Ben's watchlists and a list of Ben's, which overlap and change; every third film is no release."""

    def __init__(self, home: Household, site: LetterboxdStandIn, tracker: FileListStandIn, seed: int) -> None:
        self.home, self.site, self.tracker = home, site, tracker
        self.dice = random.Random(seed)
        self.on: dict[str, list[int]] = {"anna": [], "ben": [], _LIST: []}
        self.count = 0
        self.certain: dict[str, set[str]] = {}
        """Of each list, the films that were taken in from it and are on it ever since."""

    def listed(self) -> set[int]:
        """Return the films that are on any list."""
        return set().union(*self.on.values())

    def change(self) -> None:
        """Let films come to lists, more than one at times, and leave them."""
        for films in self.on.values():
            for number in [each for each in films if self.dice.random() < 0.2]:
                films.remove(number)
        while any(len(films) < _FILMS_A_LIST for films in self.on.values()):
            number = self.count
            if self.count and self.dice.random() < 0.3:
                number = self.dice.randrange(self.count)  # one that was there before, or is on another list
            elif self.count % 3:
                self.tracker.releases.append(stand_in_release(number))
            self.count = max(self.count, number + 1)
            for films in self.dice.sample(list(self.on.values()), self.dice.choice((1, 1, 2))):
                if number not in films:
                    films.insert(0, number)
        self.publish()

    def publish(self) -> None:
        """Show the lists as they are."""
        films = {name: [stand_in_film(number) for number in numbers] for name, numbers in self.on.items()}
        self.site.films, self.site.watchlists["ben"] = films["anna"], films["ben"]
        self.site.lists[_LIST] = StandInList(films[_LIST])
        self.site.other_films = [stand_in_film(number) for number in range(self.count)]
        for name, numbers in self.on.items():
            self.certain[name] = self.certain.get(name, set()) & set(map(_id, numbers))

    def export(self, folder: Path) -> Path:
        """Return an export of Anna's account, as it was a while ago: some of it is hers no more, some not yet."""
        hers = [number for number in self.on["anna"] if self.dice.random() < 0.7]
        once_hers = self.dice.sample(range(self.count), min(2, self.count))
        rows = "".join(
            f"2024-01-01,{each.title},{each.year},https://boxd.it/{each.id}\n"
            for each in map(film, dict.fromkeys([*hers, *once_hers]))
        )
        path = folder / f"letterboxd-anna-{self.count}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("watchlist.csv", f"Date,Name,Year,Letterboxd URI\n{rows}")
            archive.writestr("profile.csv", "Username\nanna\n")
        return path

    def check(self) -> None:
        """See that no film was lost, or removed while a list has it, and that each is there once."""
        found = {entry["id"] for name in _QUEUES for entry in self.home.queue(name)}
        for name, films in self.certain.items():
            assert films <= found, (name, films - found)
        assert not self.home.queue("removed")
        for path in (self.home.data / "watchlist.json", *(self.home.data / "lists").glob("*.json")):
            with contextlib.suppress(FileNotFoundError):
                taken_in = json.loads(path.read_text())
                numbers = self.on[taken_in["username"].casefold()]
                self.certain[taken_in["username"].casefold()] = {
                    each["id"] for each in taken_in["films"]
                } & set(map(_id, numbers))
        torrents = [path.name for path in (self.home.data / "torrents").glob("*.torrent")]
        titles = Counter(name.partition(".19")[0] for name in torrents)
        assert set(titles.values()) <= {1}, titles

    def settle(self) -> None:
        """Let all be read twice, and see that what waits is on a list, and what is on a list waits or is done."""
        for _ in range(3):
            answer = self.home.run("--once")
            assert answer.returncode == 0, answer.stderr
        self.home.run("retry", "--all")
        assert self.home.run("--once").returncode == 0
        self.check()
        waiting = [entry["id"] for name in ("pending", "failed") for entry in self.home.queue(name)]
        done = [entry["id"] for entry in self.home.queue("completed")]
        assert max(Counter(waiting + done).values()) == 1
        assert sorted(waiting) == sorted(set(map(_id, self.listed())) - set(done))
        assert {_id(number) for number in self.listed() if number % 3} <= set(done)


def _id(number: int) -> str:
    return film(number).id


class SmallDisk:
    """A disk of some megabytes that can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, but_for: int) -> None:
        """Leave so many bytes free."""
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
            file.write(bytes(max(free - but_for, 0)))

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk of its own, which only root can mount."""
    if os.geteuid():
        pytest.skip("only root mounts file systems")
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={_DISK_BYTES}"
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    if mounting.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def three_lists(folder: Path, seed: int) -> Iterator[Wishes]:
    """Give the program with three lists, of which nothing was read yet."""
    with (
        LetterboxdStandIn(username="anna") as site,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=1_000_000) as tracker,
        Household(
            folder,
            site,
            tracker,
            username="",
            lists=[{"watchlist": "anna"}, {"watchlist": "ben"}, {"list": _LIST}],
            check_interval=1,
            quality={"size_mb_per_minute": SMALL_SIZES},
        ) as home,
    ):
        yield Wishes(home, site, tracker, seed)


def work_until_killed(wishes: Wishes) -> None:
    """Start the daemon and kill it some requests and milliseconds later."""
    asked = len(wishes.site.requests) + len(wishes.tracker.requests) + wishes.dice.randrange(1, 16)
    daemon = wishes.home.start()

    def is_at_work() -> bool:
        return len(wishes.site.requests) + len(wishes.tracker.requests) >= asked

    wait_until(is_at_work)
    ends_at = time.monotonic() + wishes.dice.random() / 20

    def is_time() -> bool:
        return time.monotonic() >= ends_at

    wait_until(is_time, 5)
    daemon.process.kill()
    daemon.wait()


@pytest.mark.kills
def test_killed_again_and_again(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """However often: no film is lost, removed while a list has it, or handed over twice."""
    with three_lists(tmp_path, request.config.getoption("--seed")) as wishes:
        for _ in range(request.config.getoption("--kills")):
            wishes.change()
            work_until_killed(wishes)
            wishes.check()
        wishes.settle()


@pytest.mark.kills
def test_exports_that_are_imported_meanwhile(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """An older export of the one list only adds: it takes no film from that list, nor from the others."""
    with three_lists(tmp_path, request.config.getoption("--seed")) as wishes:
        for number in range(request.config.getoption("--kills") // 2):
            wishes.change()
            if number % 2:
                work_until_killed(wishes)
                answer = wishes.home.run("import", str(wishes.export(tmp_path)))
            else:
                daemon = wishes.home.start()
                answer = wishes.home.run("import", str(wishes.export(tmp_path)))
                daemon.process.kill()
                daemon.wait()
            assert answer.returncode == 0, answer.stderr
            wishes.check()
        wishes.settle()


@pytest.mark.kills
def test_a_disk_that_is_full_at_times(disk: SmallDisk, request: pytest.FixtureRequest) -> None:
    """What cannot be written is done later: the same holds, and with kills between."""
    with three_lists(disk.folder, request.config.getoption("--seed")) as wishes:
        for number in range(request.config.getoption("--kills") // 2):
            wishes.change()
            disk.fill(wishes.dice.choice((0, 4_096, 8_192, 20_000)))
            if number % 2:
                work_until_killed(wishes)
            else:
                wishes.home.run("--once")
            wishes.check()
            disk.free()
            wishes.home.run("--once")
            wishes.check()
        wishes.settle()
