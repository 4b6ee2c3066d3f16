"""Damaged files, full and read-only disks, met by the real program: told once, and nothing lost or fetched twice."""

import gc
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, PROGRAM, TRACKER_USER, Household
from house.waiting import wait_until
from house.workers import step_when_due
from house.workshop import Workshop

from movie_sync.credentials.manager import CredentialsManager
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.models import QueueName
from movie_sync.queues.manager import QueueManager

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


@dataclass
class DamagedFolder:
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
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DamagedFolder]:
    """Films 0 to 4 handed over, 5 and 6 without a release, 7 and 8 removed, 9 added by command and handed over."""
    with (
        LetterboxdStandIn([stand_in_film(number) for number in range(9)], username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as tracker,
        Household(tmp_path_factory.mktemp("world"), letterboxd, tracker) as home,
    ):
        tracker.releases = [stand_in_release(number) for number in (0, 1, 2, 3, 4, 9)]
        letterboxd.other_films = [stand_in_film(9)]
        assert (
            home.run("add", stand_in_film(7).slug, stand_in_film(8).slug, stand_in_film(9).slug).returncode
            == 0
        )
        assert home.run("remove", stand_in_film(7).slug).returncode == 0
        assert home.run("remove", stand_in_film(8).slug).returncode == 0
        for _ in range(2):
            answer = home.run("--once")
            assert answer.returncode == 0, answer.stderr
        assert [len(home.queue(name)) for name in _QUEUES] == [0, 2, 6, 2]
        yield DamagedFolder(letterboxd, tracker, home.data)


@pytest.fixture
def home(world: DamagedFolder, tmp_path: Path) -> Iterator[Household]:
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
    for entries in (
        [plain] if isinstance(plain, list) else [each for each in plain.values() if isinstance(each, list)]
    ):
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
    return content_of(path)


def content_of(path: Path) -> bytes | None:
    """Return what a file holds, whatever its mode, which stays; None for a folder."""
    if path.is_dir():
        return None
    mode = path.stat().st_mode
    path.chmod(0o600)
    content = path.read_bytes()
    path.chmod(mode)
    return content


_RARE = {"emptied", "rubbish", "another shape", "nested without end"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.long if kind in _RARE else ()) for kind in DAMAGE]
)
def test_everything_damaged_at_once(home: Household, world: DamagedFolder, kind: str) -> None:
    """Each file is kept aside and named once; every film is in its one place again, and none is fetched twice."""
    before = places(home)
    torrents = sorted(path.name for path in (home.data / "torrents").iterdir())
    fetches = len(world.tracker.seen("download.php"))
    names = ["watchlist.json", *(f"queue_{name}.json" for name in _QUEUES)]
    is_budget_spent = kind in {"cut in half", "unreadable", "a folder"}
    if is_budget_spent:
        names.append("budget.json")
    (home.data / "queue_pending.json").write_bytes((home.data / "queue_completed.json").read_bytes())
    contents = {name: damage(home.data / name, kind) for name in names}

    answer = home.run("--once", "--plain", program=_NOT_ABOVE_MODES)

    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    for name, content in contents.items():
        assert len(asides(home, name)) == 1, answer.stderr
        (aside,) = asides(home, name)
        assert content_of(aside) == content
        (line,) = [line for line in answer.stderr.splitlines() if f"{name} " in line]
        assert "WARNING" in line
        assert aside.name in line
    assert sorted(home.titles("removed")) == [stand_in_film(7).title, stand_in_film(8).title], (
        "it would be fetched again"
    )
    if is_budget_spent:  # whatever it counted; an hour would mend it
        assert "call budget is used up" in answer.stderr
        (home.data / "budget.json").unlink()
        again = home.run("--once", "--plain", program=_NOT_ABOVE_MODES)
        assert again.returncode == 0, again.stderr
        assert "WARNING" not in again.stderr
        assert all(len(asides(home, name)) == 1 for name in names)
    now = places(home)
    now.pop(stand_in_film(9).slug, None)  # completed last: that it was stands nowhere else
    before.pop(stand_in_film(9).slug)
    assert now == before
    assert sorted(path.name for path in (home.data / "torrents").iterdir()) == torrents
    assert len(world.tracker.seen("download.php")) == fetches


@pytest.mark.parametrize("kind", ["cut in half", "odd entries among good ones", "unreadable", "a folder"])
def test_a_damaged_config_is_said_and_never_touched(home: Household, kind: str) -> None:
    """Without settings nothing is handed over: exit code 2, the file is named as the cause and stays as it is."""
    path = home.data / "config.json"
    content = damage(path, kind)
    answer = home.run("--once", program=_NOT_ABOVE_MODES)
    assert "Traceback" not in answer.stderr
    assert content_of(path) == content
    if kind == "odd entries among good ones":
        assert answer.returncode == 2
        assert "Downloads are paused" in answer.stderr
        assert "library_directories" in answer.stderr
    else:
        assert answer.returncode == 2
        assert f"WARNING: {path}" in answer.stderr
        assert "MOVIE_SYNC_USERNAME" in answer.stderr


def _wrong_key(stored: Path, key: Path) -> None:
    key.write_bytes(b"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=\n")


CREDENTIALS: dict[str, Callable[[Path, Path], object]] = {
    "cut in half": lambda stored, _key: _cut(stored),
    "unreadable": lambda stored, _key: stored.chmod(0),
    "key missing": lambda _stored, key: key.unlink(),
    "key wrong": _wrong_key,
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_damaged_credentials_end_with_the_way_out(home: Household, kind: str) -> None:
    """Exit code 2; both files are named and left as they are, and nothing is asked of anybody."""
    stored, key = home.data / "credentials.enc", Path(home.environment["MOVIE_SYNC_KEY_FILE"])
    CredentialsManager(stored, key, {}).save({"filelist": {"username": TRACKER_USER, "passkey": PASSKEY}})
    CREDENTIALS[kind](stored, key)
    content = content_of(stored)
    answer = home.run("--once", program=_NOT_ABOVE_MODES, without=list(_SECRETS))
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr
    assert str(key) in answer.stderr
    assert "credentials.enc away and run setup again" in answer.stderr
    assert content_of(stored) == content


def test_damage_beside_the_queues(home: Household, world: DamagedFolder) -> None:
    """Requests, the daemon's state and the log: each damaged one is put aside or replaced, and the rest is done."""
    inbox = home.data / "inbox"
    for number, kind in enumerate(DAMAGE):
        request = inbox / f"{number:020d}-1-1.json"
        request.write_text(
            json.dumps({"kind": "remove", "films": [stand_in_film(4).slug], "movies": [], "owner": ""})
        )
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
    assert answer.stderr.count("Run the command again") == len(DAMAGE)
    assert len(list(inbox.glob("*.damaged-*"))) == len(DAMAGE)
    assert not list(inbox.glob("*.json"))
    assert places(home)[stand_in_film(4).slug] == "removed"
    assert (home.data / "movie_sync.log").is_file()
    assert len(list(home.data.glob("movie_sync.log*.damaged-*"))) == 2
    assert len(list(home.data.glob("daemon.json.damaged-*"))) == 1
    assert "WARNING" not in home.run("--once", program=_NOT_ABOVE_MODES).stderr


def test_a_file_in_the_inbox_place(home: Household) -> None:
    """It is put aside, and the command is carried out."""
    shutil.rmtree(home.data / "inbox")
    (home.data / "inbox").write_text("not a folder")
    answer = home.run("remove", stand_in_film(1).slug)
    assert answer.returncode == 0, answer.stderr
    assert places(home)[stand_in_film(1).slug] == "removed"
    assert [path.read_text() for path in home.data.glob("inbox.damaged-*")] == ["not a folder"]


class SmallDisk:
    """A file system of one megabyte, mounted for real."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, *, but_for_pages: int = 0) -> None:
        """Leave so many blocks of 4 KB."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
            file.truncate(max(file.tell() - 4096 * but_for_pages, 0))

    def make_room(self) -> None:
        """Delete what fills it."""
        self._filler.unlink()

    def remount(self, how: str) -> None:
        """Make it read-only (`ro`) or writable (`rw`)."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount one; only root on Linux can."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """A watchlist of six films."""
    with LetterboxdStandIn([stand_in_film(number) for number in range(6)], username="maria") as stand_in:
        yield stand_in


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """A tracker that has five of them."""
    releases = [stand_in_release(number) for number in range(5)]
    with FileListStandIn(releases, users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as stand_in:
        yield stand_in


def make_workshop(
    disk: SmallDisk, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, name: str
) -> Workshop:
    """Return the program in simulated time, with its data on that disk."""
    return Workshop(
        disk.folder / name,
        letterboxd,
        tracker,
        environ=_SECRETS | {"MOVIE_SYNC_KEY_FILE": str(disk.folder.parent / "key")},
        clock=FakeClock(),
    )


def check_all_done(shop: Workshop) -> None:
    """Fail unless each film is where it belongs, handed over once, and nothing half-written is left."""
    on_disk = QueueManager(shop.data, writable=False)
    assert len(on_disk.entries(QueueName.COMPLETED)) == 5
    assert [entry.movie.title for entry in on_disk.entries(QueueName.FAILED)] == [stand_in_film(5).title]
    assert on_disk.entries(QueueName.PENDING) == []
    assert {entry.reason for entry in on_disk.entries(QueueName.COMPLETED)} == {"downloaded"}
    assert len(list((shop.data / "torrents").glob("*.torrent"))) == 5
    assert not list(shop.data.rglob("*.tmp"))


def test_the_disk_is_full_at_any_moment(
    disk: SmallDisk, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """However much room is left when it begins: no film is lost, it is said once, and it goes on when there is room."""
    stopped_at = set()
    for pages in range(21):
        shop = make_workshop(disk, letterboxd, tracker, f"data-{pages}")
        gc.collect()  # what the one before held on to would make room in the midst of it
        disk.fill(but_for_pages=pages)
        caplog.clear()
        for _ in range(3):
            rest = step_when_due(shop.monitor, shop.clock)
            shop.work()
            shop.clock.advance(max(rest.seconds, 3600))
        said = [
            record.name
            for record in caplog.records
            if record.levelname == "WARNING" and "Nothing is lost" not in record.message
        ]
        assert len(set(said)) == len(said), caplog.text  # once a worker
        on_disk = QueueManager(shop.data, writable=False)
        held = [entry.movie.id for name in QueueName for entry in on_disk.entries(name)]
        assert len(set(held)) == len(held)
        assert len(held) in {0, 6}
        stopped_at.add((len(held), len(on_disk.entries(QueueName.COMPLETED))))
        disk.make_room()
        step_when_due(shop.monitor, shop.clock)
        shop.work()
        check_all_done(shop)
        shutil.rmtree(shop.data)
    assert {(0, 0), (6, 0), (6, 1), (6, 2)} <= stopped_at


def test_the_disk_becomes_read_only_and_writable_again(
    disk: SmallDisk, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost or handed over meanwhile, it is said once, and the work goes on by itself."""
    shop = make_workshop(disk, letterboxd, tracker, "data")
    step_when_due(shop.monitor, shop.clock)
    disk.remount("ro")
    for _ in range(3):
        rest = shop.work()
        assert "Read-only file system" in rest.activity.detail
        step_when_due(shop.monitor, shop.clock)
        shop.clock.advance(rest.seconds)
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2, said  # once a worker
    assert not tracker.requests
    assert len(QueueManager(shop.data, writable=False).entries(QueueName.PENDING)) == 6
    disk.remount("rw")
    step_when_due(shop.monitor, shop.clock)
    shop.work()
    check_all_done(shop)


def test_a_daemon_that_starts_on_a_full_disk(
    disk: SmallDisk, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, tmp_path: Path
) -> None:
    """It starts, says so once, and does everything by itself when there is room."""
    with Household(tmp_path, letterboxd, tracker, check_interval=1) as home:
        home.data = disk.folder / "data"
        home.data.mkdir()
        home.write_settings()
        disk.fill()
        once = home.run("--once")
        assert once.returncode == 1
        assert "No space left on device" in once.stderr
        daemon = home.start()
        daemon.wait_for("No space left on device")
        requests = len(letterboxd.requests)
        wait_until(lambda: len(letterboxd.requests) > requests + 2)
        assert daemon.output.count("No space left on device") == 1
        disk.make_room()
        wait_until(lambda: (len(home.queue("completed")), len(home.queue("failed"))) == (5, 1))
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.output
        assert "Final statistics: 0 pending, 1 failed" in (home.data / "movie_sync.log").read_text()
