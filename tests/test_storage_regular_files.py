"""Only files are opened: a pipe would keep the program waiting for ever, a device may never end."""

import ast
import os
import socket
from pathlib import Path

import pytest
from house.program import PASSKEY, TRACKER_USER, Household

import movie_sync
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.storage.regular_file import NotAFileError, open_regular, open_regular_descriptor

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")

# What else opens something: what it makes itself or a folder, by names that cannot be a pipe's.
OPENED_OTHERWISE = {
    "cli.py": 2,  # the null device
    "domain/word_lists.py": 1,  # what is installed with it
    "settings/help.py": 1,  # the same
    "web/take.py": 1,  # the same
    "daemon/heartbeat.py": 1,  # the socket that answers `health`
    "commands/backup.py": 1,  # O_EXCL
    "storage/restoring.py": 1,  # the same
    "clock.py": 1,  # the kernel's own, in /proc
    "notices/process.py": 1,  # the null device
    "shelf/copying.py": 1,  # half a copy, whose name is ours
    "storage/regular_file.py": 1,
    "storage/atomic_file.py": 3,  # O_EXCL, the same once more, a folder
    "storage/locks.py": 1,  # a folder
    "storage/local_socket.py": 1,  # a folder
    "commands/daemon.py": 1,  # the socket that answers `health`
    "services/letterboxd_export/export.py": 2,  # a ZIP's members
    "logs.py": 1,  # with our own opener
    "outlet.py": 1,  # the open stderr or stdout once more, without waiting
}


def test_every_file_is_opened_in_one_place():
    """Whatever opens a file by itself is known here, with the reason why it cannot wait."""
    root = Path(movie_sync.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        count = sum(map(_opens, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
        if count and not path.is_relative_to(root / "demo"):
            found[path.relative_to(root).as_posix()] = count
    assert found == OPENED_OTHERWISE


def _opens(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"open", "read_text", "read_bytes"}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [_pipe, _socket, _device, Path.mkdir])
def test_nothing_but_a_file_is_opened(tmp_path, monkeypatch, make):
    """A pipe, a socket, a device and a folder are refused, also one that took a file's place just now."""
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    path = Path("odd")
    make(path)
    with pytest.raises(OSError, match=r"regular file|such device"):
        open_regular(path)
    if not path.is_dir():
        with pytest.raises(OSError, match=r"regular file|such device"):
            open_regular_descriptor(path, os.O_WRONLY)
    path.rmdir() if path.is_dir() else path.unlink()
    path.write_bytes(b"text")
    with open_regular(path) as file:
        assert file.read() == b"text"


def test_a_file_that_became_a_pipe_is_refused(tmp_path, monkeypatch):
    """What was a file when it was looked at, and is a pipe when it is opened, keeps nobody waiting."""
    os.mkfifo(tmp_path / "odd")
    here = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda _path: here)
    with pytest.raises(NotAFileError):
        open_regular(tmp_path / "odd")


OURS = [
    "queue_pending.json", "queue_failed.json", "queue_completed.json", "queue_pending.json.previous",
    "queue_pending.json.tmp", "watchlist.json", "budget.json", "budget.json.lock", "radar.json", "unlisted.json",
    "events.json", "daemon.json", "daemon.lock", "movie_sync.log", "inbox", "torrents",
]  # fmt: skip


def test_a_data_folder_full_of_pipes(tmp_path):
    """With a pipe under the name of each of our files, the program does its work or says what is wrong."""
    with (
        LetterboxdStandIn(username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as filelist,
        Household(tmp_path, letterboxd, filelist) as home,
    ):
        for name in OURS:
            os.mkfifo(home.data / name)
        answers = [home.run(*words) for words in (("status",), ("--once",), ("check",), ("status",))]
        assert [answer.stderr for answer in answers if "Traceback" in answer.stderr] == []
        os.mkfifo(home.data / "credentials.enc")
        answer = home.run("check", without=["MOVIE_SYNC_FILELIST_USERNAME", "MOVIE_SYNC_FILELIST_PASSKEY"])
        assert "credentials.enc isn't a file" in answer.stdout + answer.stderr
        os.mkfifo(tmp_path / "watchlist.csv")
        assert "isn't a file" in home.run("import", str(tmp_path / "watchlist.csv")).stderr
        (home.data / "config.json").unlink()
        os.mkfifo(home.data / "config.json")
        assert "config.json isn't a file" in home.run("check").stdout
