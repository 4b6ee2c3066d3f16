"""One process at a time: the lock against a real second process."""

import errno
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from movie_sync.errors import StorageError
from movie_sync.storage.locks import InstanceLock, writing_into
from movie_sync.storage.shortcomings import say_shortcomings

ROOT = Path(__file__).resolve().parents[1]
_HOLDER = """
import sys
from pathlib import Path
from movie_sync.storage.locks import InstanceLock
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
    with pytest.raises(StorageError, match=r"Couldn't lock .*daemon\.lock"):
        InstanceLock(tmp_path / "no" / "daemon.lock").acquire()


def test_a_folder_in_its_place(path: Path) -> None:
    """That too is an error in words."""
    path.mkdir()
    with pytest.raises(StorageError, match="Couldn't lock"):
        InstanceLock(path).acquire()


def test_a_pipe_in_its_place(path: Path) -> None:
    """It is not waited for."""
    os.mkfifo(path)
    with pytest.raises(StorageError, match="Couldn't lock"):
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


@pytest.mark.parametrize("is_made_again", [False, True])
def test_its_file_is_deleted(
    path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch, is_made_again: bool
) -> None:
    """The folder itself is held too: nobody else gets in, and whoever looks sees that it is held."""
    monkeypatch.setattr("movie_sync.storage.locks._WRITER_SECONDS", 0.1)
    path.unlink()
    if is_made_again:
        path.touch()
    lock = InstanceLock(path)
    assert lock.is_held_elsewhere()
    assert path.exists() == is_made_again
    assert not lock.acquire()
    holder.kill()
    holder.wait()
    assert lock.acquire()
    lock.release()
    assert not lock.is_held_elsewhere()


def test_deleted_and_made_again_while_it_is_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file that no longer has its name is none: the next try takes the new one."""
    real, takes = fcntl.flock, []

    def flock(descriptor: int, how: int) -> None:
        if not takes:
            path.unlink()
        takes.append(descriptor)
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    lock = InstanceLock(path)
    assert lock.acquire(wait_seconds=10)
    assert path.exists()
    assert InstanceLock(path).is_held_elsewhere()
    lock.release()


def test_a_holder_makes_a_deleted_file_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where folders cannot be locked, it alone keeps others out."""
    monkeypatch.setattr("movie_sync.storage.locks._opened", lambda _folder: -1)
    lock = InstanceLock(path)
    assert lock.acquire()
    path.unlink()
    lock.renew()
    lock.renew()
    assert not InstanceLock(path).acquire()
    lock.release()
    lock.renew()
    assert not InstanceLock(path).is_held_elsewhere()


def test_beside_one_who_writes_there(path: Path) -> None:
    """Writers go on beside the holder; who takes the lock waits for them, so as to be alone for a moment."""
    lock, seen = InstanceLock(path), []
    with writing_into(path.parent):
        taking = threading.Thread(target=lambda: seen.append(lock.acquire(while_alone=seen.append)))
        taking.start()
        taking.join(0.1)
        assert not seen
    taking.join()
    assert seen == [True, True]
    with writing_into(path.parent):
        assert InstanceLock(path).is_held_elsewhere()
    lock.release()


@pytest.mark.parametrize("code", [errno.EBADF, errno.ENOLCK])
def test_folders_that_cannot_be_locked(path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """There the file is the lock, and nobody is sure to be alone."""
    real, alone = fcntl.flock, []

    def flock(descriptor: int, how: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    lock = InstanceLock(path)
    assert lock.acquire(while_alone=alone.append)
    assert alone == [False]
    assert InstanceLock(path).is_held_elsewhere()
    lock.release()


@pytest.mark.parametrize("has_other_locks", [True, False])
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_locks(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: int,
    has_other_locks: bool,
) -> None:
    """Another kind of lock will do, or else a name on this machine, which is warned of; a second one is kept out."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    if not has_other_locks:
        monkeypatch.setattr(fcntl, "fcntl", refuse)
    say_shortcomings()
    lock, link = InstanceLock(path), path.with_name("link")
    link.symlink_to(path.parent)
    assert lock.acquire()
    assert not InstanceLock(path).acquire()
    assert InstanceLock(link / path.name).is_held_elsewhere()
    lock.release()
    assert not lock.is_held_elsewhere()
    assert lock.acquire()
    lock.release()
    assert caplog.text.count("make sure that only one".capitalize()) == (0 if has_other_locks else 1)


def test_a_machine_without_names_either(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing keeps a second one out, which is said as it is."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    say_shortcomings()
    assert InstanceLock(path).acquire()
    assert InstanceLock(path).acquire()
    assert "a second Movie Sync would start" in caplog.text


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_disk_that_was_away(path: Path, what: str) -> None:
    """What was locked on it is lost; it is locked anew once it is back."""
    lock = InstanceLock(path)
    assert lock.acquire()
    os.close(lock._descriptor if what == "file" else lock._folder)
    lock.renew()
    with writing_into(path.parent):
        assert InstanceLock(path).is_held_elsewhere()
    lock.release()
    assert not InstanceLock(path).is_held_elsewhere()
