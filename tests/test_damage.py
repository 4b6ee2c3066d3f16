"""Damaged files, full and read-only disks, met by the real program: told once, and nothing lost or fetched twice."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon_process import PASSKEY, PROGRAM, TRACKER_USER, Household
from fakes import FakeClock
from movie_sync.credentials_manager import CredentialsManager
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInFilm
from movie_sync.domain.models import QueueName
from workshop import Workshop

_QUEUES = ("pending", "failed", "completed", "removed")
_SECRETS = {"MOVIE_SYNC_FILELIST_USERNAME": TRACKER_USER, "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY}
# Root reads files of mode 000 too, unless it gives the two capabilities up that let it.
_NOT_ABOVE_MODES = (
    sys.executable,
    "-c",
    "import ctypes, os, sys\n"
    "if sys.platform == 'linux' and os.geteuid() == 0:\n"
    "    [ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) for capability in (1, 2)]\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n",
    *PROGRAM,
)


def film(number: int) -> StandInFilm:
    """Return a made-up film."""
    word = "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett".split()[number]
    return StandInFilm(f"K{number}", f"made-up-{word.lower()}", f"Made Up {word}", 1950 + number, f"tt900000{number}")


def release(number: int) -> StandInRelease:
    """Return a good release of a film."""
    name = f"{film(number).title.replace(' ', '.')}.{1950 + number}.1080p.BluRay.x264-GRP"
    return StandInRelease(100 + number, name, imdb=film(number).imdb_id)


@dataclass
class World:
    """The stand-ins, and a data folder with films in every queue and an earlier state of each file."""

    letterboxd: LetterboxdStandIn
    tracker: FileListStandIn
    data: Path

    def copy(self, folder: Path) -> Household:
        """Return a household that begins with a copy of that data folder."""
        home = Household(folder, self.letterboxd, self.tracker)
        shutil.copytree(self.data, home.data, dirs_exist_ok=True)
        home.write_settings()
        due = [entry | {"retry_at": "2020-01-01T00:00:00Z"} for entry in home.queue("failed")]
        (home.data / "queue_failed.json").write_text(json.dumps(due))
        return home


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Films 0 to 4 handed over, 5 and 6 without a release, 7 and 8 removed, 9 added by command and handed over."""
    with (
        LetterboxdStandIn([film(number) for number in range(9)], username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as tracker,
        Household(tmp_path_factory.mktemp("world"), letterboxd, tracker) as home,
    ):
        tracker.releases = [release(number) for number in (0, 1, 2, 3, 4, 9)]
        letterboxd.other_films = [film(9)]
        assert home.run("add", film(7).slug, film(8).slug, film(9).slug).returncode == 0
        assert home.run("remove", film(7).slug).returncode == 0
        assert home.run("remove", film(8).slug).returncode == 0
        for _ in range(2):
            answer = home.run("--once")
            assert answer.returncode == 0, answer.stderr
        assert [len(home.queue(name)) for name in _QUEUES] == [0, 2, 6, 2]
        yield World(letterboxd, tracker, home.data)


@pytest.fixture
def home(world: World, tmp_path: Path) -> Iterator[Household]:
    """A household with that data folder."""
    with world.copy(tmp_path) as household:
        yield household


def places(home: Household) -> dict[str, str]:
    """Return the queue of each film by its slug; fail if a film stands twice."""
    found: dict[str, str] = {}
    for name in _QUEUES:
        for entry in home.queue(name):
            assert entry["slug"] not in found, entry
            found[entry["slug"]] = name
    return found


def asides(home: Household, name: str) -> list[Path]:
    """Return what was kept aside of a file."""
    return sorted(home.data.rglob(f"{name}.damaged-*"))


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _other_shape(path: Path) -> None:
    path.write_text('{"films": 3}' if path.name.startswith("queue") else '["films", {"calls": 3}]')


def _odd_entries(path: Path) -> None:
    plain = json.loads(path.read_text())
    for entries in [plain] if isinstance(plain, list) else [each for each in plain.values() if isinstance(each, list)]:
        entries[len(entries) // 2 :] = [None, 7, {"title": "nobody"}, *entries[len(entries) // 2 :], ["x"]]
    if isinstance(plain, dict):
        plain["library_directories"] = [7]
    path.write_text(json.dumps(plain))


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut in half": _cut,
    "emptied": lambda path: path.write_bytes(b""),
    "rubbish": lambda path: path.write_bytes(b"\x00\xff\x1b[2J rubbish \r\n" * 99),
    "another shape": _other_shape,
    "nested without end": lambda path: path.write_bytes(b"[" * 100_000),
    "odd entries among good ones": _odd_entries,
    "unreadable": lambda path: path.chmod(0),
    "a folder": _make_folder,
}


def damage(path: Path, kind: str) -> bytes | None:
    """Damage a file and return what it holds then, None for a folder."""
    DAMAGE[kind](path)
    return None if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("kind", DAMAGE)
def test_everything_damaged_at_once(home: Household, world: World, kind: str) -> None:
    """Each file is kept aside and named once; every film is in its one place again, and none is fetched twice."""
    before = places(home)
    torrents = sorted(path.name for path in (home.data / "torrents").iterdir())
    fetches = len(world.tracker.seen("download.php"))
    names = ["watchlist.json", "budget.json", *(f"queue_{name}.json" for name in _QUEUES)]
    (home.data / "queue_pending.json").write_bytes((home.data / "queue_completed.json").read_bytes())
    contents = {name: damage(home.data / name, kind) for name in names}

    answer = home.run("--once", "--plain", program=_NOT_ABOVE_MODES)

    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    for name, content in contents.items():
        assert len(asides(home, name)) == 1, answer.stderr
        (aside,) = asides(home, name)
        assert (None if aside.is_dir() else aside.read_bytes()) == content
        (line,) = [line for line in answer.stderr.splitlines() if f"{name} " in line]
        assert "WARNING" in line
        assert aside.name in line
    if kind == "odd entries among good ones":
        assert home.titles("removed") == [film(7).slug, film(8).slug]
    else:  # the budget counts as spent, which an hour would mend
        assert "call budget is spent" in answer.stderr
        (home.data / "budget.json").unlink()

    again = home.run("--once", "--plain", program=_NOT_ABOVE_MODES)

    assert again.returncode == 0, again.stderr
    assert "WARNING" not in again.stderr
    assert all(len(asides(home, name)) == 1 for name in names)
    now = places(home)
    for slug in (film(8).slug, film(9).slug):  # moved last: that they did stands nowhere else
        now.pop(slug, None)
        before.pop(slug)
    assert now == before
    assert sorted(path.name for path in (home.data / "torrents").iterdir()) == torrents
    assert len(world.tracker.seen("download.php")) == fetches


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_config_is_said_and_never_touched(home: Household, kind: str) -> None:
    """Without settings nothing can be started: exit code 2, the file is named as the cause and stays as it is."""
    path = home.data / "config.json"
    content = damage(path, kind)
    answer = home.run("--once", program=_NOT_ABOVE_MODES)
    assert "Traceback" not in answer.stderr
    assert (None if path.is_dir() else path.read_bytes()) == content
    if kind == "odd entries among good ones":
        assert answer.returncode == 0
        assert "library_directories" in answer.stderr
    else:
        assert answer.returncode == 2
        assert f"WARNING: {path}" in answer.stderr or kind == "emptied"
        assert "MOVIE_SYNC_USERNAME" in answer.stderr


def _wrong_key(stored: Path, key: Path) -> None:
    key.write_bytes(b"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=\n")


CREDENTIALS: dict[str, Callable[[Path, Path], object]] = {
    "cut in half": lambda stored, _key: _cut(stored),
    "emptied": lambda stored, _key: stored.write_bytes(b""),
    "a folder": lambda stored, _key: _make_folder(stored),
    "unreadable": lambda stored, _key: stored.chmod(0),
    "key missing": lambda _stored, key: key.unlink(),
    "key wrong": _wrong_key,
    "key cut in half": lambda _stored, key: _cut(key),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_damaged_credentials_end_with_the_way_out(home: Household, kind: str) -> None:
    """Exit code 2; both files are named and left as they are, and nothing is asked of anybody."""
    stored, key = home.data / "credentials.enc", Path(home.environment["MOVIE_SYNC_KEY_FILE"])
    CredentialsManager(stored, key, {}).save("filelist", {"username": TRACKER_USER, "passkey": PASSKEY})
    CREDENTIALS[kind](stored, key)
    content = None if stored.is_dir() else stored.read_bytes()
    answer = home.run("--once", program=_NOT_ABOVE_MODES, without=list(_SECRETS))
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert str(key) in answer.stderr
    assert "credentials.enc away and run setup again" in answer.stderr
    assert (None if stored.is_dir() else stored.read_bytes()) == content


def test_damage_beside_the_queues(home: Household, world: World) -> None:
    """Requests, the daemon's state and the log: each damaged one is put aside or replaced, and the rest is done."""
    inbox = home.data / "inbox"
    for number, kind in enumerate(DAMAGE):
        request = inbox / f"{number:020d}-1-1.json"
        request.write_text(json.dumps({"kind": "remove", "films": [film(4).slug], "movies": [], "owner": ""}))
        if kind != "odd entries among good ones":
            damage(request, kind)
    os.mkfifo(inbox / "00000000000000000077-1-1.json")
    (inbox / "somebody's folder").mkdir()
    (home.data / "daemon.json").mkdir()
    (home.data / "movie_sync.log").unlink()
    (home.data / "movie_sync.log").mkdir()
    (home.data / "movie_sync.log.1").mkdir()

    answer = home.run("--once", program=_NOT_ABOVE_MODES)

    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stderr.count("Give the command again") == len(DAMAGE)
    assert len(list(inbox.glob("*.damaged-*"))) == len(DAMAGE)
    assert not list(inbox.glob("*.json"))
    assert places(home)[film(4).slug] == "removed"
    assert (home.data / "movie_sync.log").is_file()
    assert len(list(home.data.glob("movie_sync.log*.damaged-*"))) == 2
    assert len(list(home.data.glob("daemon.json.damaged-*"))) == 1
    assert "WARNING" not in home.run("--once", program=_NOT_ABOVE_MODES).stderr


def test_a_file_in_the_inbox_place(home: Household) -> None:
    """It is put aside, and the command is carried out."""
    shutil.rmtree(home.data / "inbox")
    (home.data / "inbox").write_text("not a folder")
    answer = home.run("remove", film(1).slug)
    assert answer.returncode == 0, answer.stderr
    assert places(home)[film(1).slug] == "removed"
    assert [path.read_text() for path in home.data.glob("inbox.damaged-*")] == ["not a folder"]
