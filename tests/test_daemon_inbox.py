"""Requests from commands to the daemon: nothing lost, nothing half-read, whoever is killed when."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from house.crash_disk import Recorder
from house.fakes import FakeClock

from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.domain.models import Movie
from movie_sync.errors import StorageError

ROOT = Path(__file__).resolve().parents[1]
_PUTTER = """
import sys
from pathlib import Path
from movie_sync.clock import SystemClock
from movie_sync.daemon.inbox import Inbox, Request
inbox = Inbox(Path(sys.argv[1]), SystemClock())
for number in range(int(sys.argv[3])):
    inbox.put(Request("retry", films=(f"{sys.argv[2]}-{number}",)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of requests, not made yet."""
    return tmp_path / "inbox"


@pytest.fixture
def inbox(folder: Path) -> Inbox:
    """An inbox that nobody has used yet."""
    return Inbox(folder, FakeClock())


def test_requests_come_out_as_they_went_in(inbox: Inbox) -> None:
    """Whole, in order, once; films keep what is known of them."""
    requests = [
        Request("add", movies=(Movie("x", "x", "Title \u2013 \u00e4", 1999, imdb_id="tt0000001"),)),
        Request("retry"),
        Request("remove", films=("a", "b")),
        Request("import", movies=(Movie("k", "", "\ud800?"), Movie("l", "l", "L")), owner="maria"),
    ]
    for request in requests:
        inbox.put(request)
    done: list[Request] = []
    assert inbox.drain(done.append) == 4
    assert done[:3] == requests[:3]
    assert done[3].owner == "maria"
    assert [movie.id for movie in done[3].movies] == ["k", "l"]
    assert inbox.drain(done.append) == 0


def test_requests_that_can_be_one(inbox: Inbox, folder: Path) -> None:
    """Those of one kind in a row are carried out together, in order; others, and imports, one by one."""
    for request in (
        *(Request("remove", films=(film,)) for film in "abc"),
        *(Request("add", movies=(Movie(film, film, film),)) for film in "ab"),
        Request("remove", films=("d",)),
        Request("retry", films=("e",)),
        Request("retry"),
        Request("import", movies=(Movie("k", "k", "K"),), owner="maria"),
        Request("import", movies=(Movie("l", "l", "L"),), owner="maria"),
    ):
        inbox.put(request)
    done: list[Request] = []
    assert inbox.drain(done.append) == 10
    assert [(request.kind, request.films) for request in done] == [
        ("remove", ("a", "b", "c")),
        ("add", ()),
        ("remove", ("d",)),
        ("retry", ()),
        ("import", ()),
        ("import", ()),
    ]
    assert [movie.id for movie in done[1].movies] == ["a", "b"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("looks", range(5))
def test_stopping_between_requests(inbox: Inbox, folder: Path, looks: int) -> None:
    """What is not begun when the program ends waits whole for the next start."""
    for number in range(4):
        inbox.put(Request("import", owner=str(number)))
    done: list[str] = []
    answers = iter([False] * looks + [True] * 9)
    inbox.drain(lambda request: done.append(request.owner), lambda: next(answers))
    assert done == [str(number) for number in range(max(0, looks - 1))]
    inbox.drain(lambda request: done.append(request.owner))
    assert done == ["0", "1", "2", "3"]
    assert list(folder.iterdir()) == []


def test_an_inbox_that_nobody_used(inbox: Inbox, folder: Path) -> None:
    """Looking makes nothing."""
    assert inbox.drain(lambda _request: None) == 0
    assert not folder.exists()


def test_only_its_owner_reads_it(inbox: Inbox, folder: Path) -> None:
    """Folder and files are private from the moment they exist, under any umask."""
    before = os.umask(0)
    try:
        path = inbox.put(Request("retry"))
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_processes_put_while_one_drains(folder: Path) -> None:
    """Every request is carried out, once, in each command's order."""
    count = 40
    command = [sys.executable, "-c", _PUTTER, str(folder)]
    putters = [
        subprocess.Popen([*command, name, str(count)], cwd=ROOT, stderr=subprocess.PIPE) for name in "ab"
    ]
    inbox = Inbox(folder, FakeClock())
    done: list[str] = []
    ends_at = time.monotonic() + 30
    while len(done) < 2 * count and time.monotonic() < ends_at:
        inbox.drain(lambda request: done.extend(request.films))
    assert [putter.communicate()[1] for putter in putters] == [b"", b""]
    for name in "ab":
        assert [film for film in done if film[0] == name] == [f"{name}-{number}" for number in range(count)]
    assert list(folder.iterdir()) == []


def test_killed_between_doing_and_deleting(inbox: Inbox, folder: Path) -> None:
    """What was done but not deleted is done again by the next process: requests bear that."""
    inbox.put(Request("remove", films=("a",)))
    done: list[str] = []

    def do_and_die(request: Request) -> None:
        done.extend(request.films)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inbox.drain(do_and_die)
    assert Inbox(folder, FakeClock()).drain(lambda request: done.extend(request.films)) == 1
    assert done == ["a", "a"]


def test_what_cannot_be_done_stays(inbox: Inbox, folder: Path) -> None:
    """If the queues cannot be written, the request and those after it wait."""
    for film in ("a", "b"):
        inbox.put(Request("remove", films=(film,)))

    def refuse(_request: Request) -> None:
        raise StorageError("disk full")

    with pytest.raises(StorageError):
        inbox.drain(refuse)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"retry"',
        b'{"kind": "retry"}',
        b'{"kind": "format", "films": [], "movies": [], "owner": ""}',
        b'{"kind": ["retry"], "films": [], "movies": [], "owner": ""}',
        b'{"kind": "retry", "films": {}, "movies": [], "owner": ""}',
        b'{"kind": "retry", "films": "heat", "movies": [], "owner": ""}',
        b'{"kind": "add", "films": [], "movies": [{}], "owner": ""}',
        b'{"kind": "add", "films": [], "movies": [5], "owner": ""}',
        b"[" * 100_000,
        b"\xff\x00",
    ],
)
def test_garbage_is_put_aside(
    inbox: Inbox, folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no request is kept under another name, said once, and does not hold up the others."""
    folder.mkdir()
    (folder / "0-garbage.json").write_bytes(content)
    inbox.put(Request("retry", films=("a",)))
    done: list[Request] = []
    for _ in range(2):
        inbox.drain(done.append)
    assert [request.films for request in done] == [("a",)]
    [aside] = folder.iterdir()
    assert aside.name.startswith("0-garbage.json.damaged-")
    assert aside.read_bytes() == content
    assert caplog.text.count(aside.name) == 1


def test_a_folder_among_the_requests(inbox: Inbox, folder: Path) -> None:
    """It is put aside too."""
    (folder / "0.json").mkdir(parents=True)
    assert inbox.drain(lambda _request: None) == 0
    assert [path.suffix for path in folder.iterdir()] != [".json"]


def test_other_files_are_left_alone(inbox: Inbox, folder: Path) -> None:
    """A note that somebody put there is none of ours."""
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert inbox.drain(lambda _request: None) == 0
    assert (folder / "notes.txt").read_text() == "mine"


_DYING_PUTTER = """
import os, sys
from pathlib import Path
from movie_sync.clock import SystemClock
from movie_sync.daemon.inbox import Inbox, Request

def stop_here(*_):
    print("writing", flush=True)
    sys.stdin.readline()
    if sys.argv[2] == "die":
        os._exit(9)

real, os.fsync = os.fsync, lambda descriptor: (stop_here(), real(descriptor))
Inbox(Path(sys.argv[1]), SystemClock()).put(Request("retry", films=("a",)))
"""


@pytest.mark.parametrize("end", ["die", "finish"])
def test_half_written_requests(inbox: Inbox, folder: Path, end: str) -> None:
    """What is being written is left alone; what a killed command left is swept at once."""
    folder.mkdir()
    putter = subprocess.Popen(
        [sys.executable, "-c", _DYING_PUTTER, str(folder), end],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with putter:
        assert putter.stdout is not None
        assert putter.stdout.readline() == "writing\n"
        assert inbox.drain(lambda _request: None) == 0
        assert [path.suffix for path in folder.iterdir()] == [".tmp"]
        putter.communicate("\n" * 9)
    assert putter.returncode == (9 if end == "die" else 0)
    assert inbox.drain(lambda _request: None) == (0 if end == "die" else 1)
    assert list(folder.iterdir()) == []


def test_where_folders_cannot_be_locked(inbox: Inbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a temporary file is swept when it is old."""

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    inbox.put(Request("retry"))
    fresh, old = folder / "1.json.tmp", folder / "2.json.tmp"
    for path in (fresh, old):
        path.write_text('{"kind": "retry", "films": [], "movies": [], "owner": ""}')
    os.utime(old, (0, 0))
    assert inbox.drain(lambda _request: None) == 1
    assert list(folder.iterdir()) == [fresh]


def test_a_request_is_there_whole_or_not_at_all(inbox: Inbox, folder: Path) -> None:
    """Whichever write fails, the command gets an error and the daemon sees nothing of it."""
    inbox.put(Request("retry")).unlink()
    number = 0
    while True:
        recorder = Recorder(folder)
        recorder.fail_from, recorder.fail_until = number, number + 1
        with recorder.watching():
            try:
                path = inbox.put(Request("remove", films=("a",)))
            except StorageError:
                # the last flush may fail when the file stands there already: then it is whole
                for left in folder.glob("*.json"):
                    assert json.loads(left.read_bytes())["films"] == ["a"]
                    left.unlink()
                number += 1
                continue
        break
    assert number >= 4
    assert path.exists()
