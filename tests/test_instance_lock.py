"""One process at a time: the lock against a real second process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_sync.errors import StorageError
from movie_sync.storage.instance_lock import InstanceLock

ROOT = Path(__file__).resolve().parents[1]
_HOLDER = """
import sys
from pathlib import Path
from movie_sync.storage.instance_lock import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The lock's file, not made yet."""
    return tmp_path / "daemon.lock"


@pytest.fixture
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_nobody_holds_it(path: Path) -> None:
    """A lock that was never used is free, and looking does not make its file."""
    assert not InstanceLock(path).is_held_elsewhere()
    assert not path.exists()


def test_another_process_holds_it(path: Path, holder: "subprocess.Popen[str]") -> None:
    """It cannot be taken, and that is told without waiting for it."""
    lock = InstanceLock(path)
    assert not lock.acquire()
    assert lock.is_held_elsewhere()
    lock.release()
    assert lock.is_held_elsewhere()


def test_released_by_the_other_process(path: Path, holder: "subprocess.Popen[str]") -> None:
    """Once it is let go it can be taken, by waiting for it too."""
    assert holder.stdin is not None
    threading.Timer(0.1, lambda: holder.stdin.write("\n") and holder.stdin.flush()).start()
    lock = InstanceLock(path)
    assert lock.acquire(wait_seconds=10)
    lock.release()
    assert not lock.is_held_elsewhere()


def test_the_other_process_is_killed(path: Path, holder: "subprocess.Popen[str]") -> None:
    """A killed process holds nothing, though its file is still there."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert path.exists()
    lock = InstanceLock(path)
    assert not lock.is_held_elsewhere()
    assert lock.acquire()
    lock.release()


def test_held_for_a_moment_only(path: Path) -> None:
    """A look by another command, which holds it for an instant, is not taken for a daemon."""
    other, lock = InstanceLock(path), InstanceLock(path)
    assert other.acquire()
    timer = threading.Timer(0.03, other.release)
    timer.start()
    assert not lock.is_held_elsewhere()
    timer.join()


def test_releasing_what_is_not_held(path: Path) -> None:
    """It has no effect."""
    InstanceLock(path).release()


def test_its_file_is_private(path: Path) -> None:
    """Mode 0600 under any umask."""
    before = os.umask(0)
    lock = InstanceLock(path)
    try:
        lock.acquire()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    """The message names the file and why."""
    (tmp_path / "no").write_text("")
    with pytest.raises(StorageError, match=r"daemon\.lock could not be locked"):
        InstanceLock(tmp_path / "no" / "daemon.lock").acquire()


def test_a_folder_in_its_place(path: Path) -> None:
    """That too is an error in words."""
    path.mkdir()
    with pytest.raises(StorageError, match="could not be locked"):
        InstanceLock(path).acquire()


def test_a_link_in_its_place(path: Path, tmp_path: Path) -> None:
    """A planted link does not empty the file it points to."""
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    path.symlink_to(precious)
    lock = InstanceLock(path)
    try:
        lock.acquire()
    except StorageError:
        pass
    else:
        lock.release()
    assert precious.read_text() == "mine"
