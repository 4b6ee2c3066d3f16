"""`sync` and `health`: what makes a resting daemon look now, and what tells that it lives."""

import errno
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from house import commands
from house.commands import run
from house.fakes import FakeClock
from house.films import film, stand_in_film
from house.program import PASSKEY, TRACKER_USER, Household
from house.waiting import LONG_SECONDS, wait_until
from house.workers import Bench, MonitorBench, snapshot

from movie_sync.daemon.heartbeat import Heartbeat
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.daemon.sync import Syncs
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.errors import NetworkError, RateLimitError
from movie_sync.reports.daemon_state import ActivityKind, DaemonState, write_state
from movie_sync.reports.health import Health, look_at_health
from movie_sync.storage.local_socket import name_of
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths

_NOBODY = 65534

data, process_as_before = commands.data, commands.process_as_before

# --- sync -------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[MonitorBench]:
    """A monitor that has read the list once and rests."""
    desk = MonitorBench(tmp_path / "desk", snapshot())
    desk.worker.start()
    wait_until(lambda: desk.worker.activity.kind is ActivityKind.LIST_READ)
    yield desk
    desk.worker.stop()
    assert desk.worker.join(LONG_SECONDS)


def test_a_resting_monitor_reads_again(desk: MonitorBench, tmp_path: Path) -> None:
    """At once, but not within a minute of the last reading: then when the minute is over, and once."""
    bench = Bench(tmp_path / "bench")
    syncs = Syncs(desk.worker, bench.worker, 60.0, desk.clock)
    syncs.ask()
    syncs.ask()
    desk.clock.advance(59)
    syncs.tick()
    assert desk.source.fetches == 1
    desk.clock.advance(1)
    syncs.tick()
    wait_until(lambda: desk.source.fetches == 2)
    wait_until(lambda: desk.worker.activity.kind is ActivityKind.LIST_READ)
    desk.clock.advance(100)
    syncs.tick()
    assert desk.source.fetches == 2


def test_a_stop_takes_no_request_along(desk: MonitorBench, tmp_path: Path) -> None:
    """A monitor that is stopped as it is asked, for other settings to apply, leaves it to the next one."""
    bench = Bench(tmp_path / "bench")
    before = MonitorBench(tmp_path / "before", snapshot()).worker  # never runs
    syncs = Syncs(before, bench.worker, 60.0, desk.clock)
    syncs.ask()
    desk.clock.advance(60)
    syncs.work_for(desk.worker, bench.worker, 60.0)
    syncs.work_for(desk.worker, bench.worker, 60.0)
    syncs.tick()
    wait_until(lambda: desk.source.fetches == 2)


def test_what_a_service_asked_for_is_waited_for(tmp_path: Path) -> None:
    """Letterboxd wants an hour of rest: nobody cuts that short but who stops the worker."""
    desk = MonitorBench(tmp_path, RateLimitError("slow down", retry_after_seconds=3600))
    desk.worker.start()
    try:
        wait_until(lambda: desk.worker.activity.kind is ActivityKind.LIST_UNREADABLE)
        desk.worker.hurry()
        wait_until(lambda: not desk.worker._woken.is_set())
        assert desk.source.fetches == 1
    finally:
        desk.worker.stop()
        assert desk.worker.join(LONG_SECONDS)


def test_a_pause_after_an_outage_ends(tmp_path: Path) -> None:
    """Who knows that the tracker is back need not wait."""
    bench = Bench(tmp_path)
    bench.offer(film(0))
    bench.queues.add_to_pending(film(0))
    bench.tracker.errors = [NetworkError("down")]
    bench.worker.start()
    try:
        wait_until(lambda: bench.worker.activity.kind is ActivityKind.PAUSED)
        bench.queues.retry(None)
        bench.worker.hurry()
        wait_until(lambda: bench.queues.get_statistics()["completed"] == 1)
    finally:
        bench.worker.stop()
        assert bench.worker.join(LONG_SECONDS)


def test_a_daemon_is_asked(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command leaves its request and returns."""
    lock = InstanceLock(data / "daemon.lock")
    assert lock.acquire()
    try:
        assert run(data, "sync") == 0
    finally:
        lock.release()
    assert "check your lists now" in capsys.readouterr().out
    asked: list[Request] = []
    Inbox(data / "inbox", FakeClock()).drain(asked.append)
    assert asked == [Request("sync")]


# --- health -----------------------------------------------------------------------------------------


@pytest.fixture
def paths(tmp_path: Path) -> AppPaths:
    """A data folder with a name that is too long for the address of a socket."""
    paths = AppPaths(tmp_path / ("x" * 100))
    paths.prepare()
    return paths


def asked(paths: AppPaths, heartbeat: Heartbeat) -> Health:
    """Ask a heartbeat that ticks."""
    answers: list[Health] = []
    thread = threading.Thread(target=lambda: answers.append(look_at_health(paths)))
    thread.start()

    def is_over() -> bool:
        heartbeat.tick()
        return not thread.is_alive()

    wait_until(is_over)
    return answers[0]


def test_idle_is_well_and_stuck_is_not(paths: AppPaths, tmp_path: Path) -> None:
    """Who waits for films is well; a step that takes hours is not, and is named. No file is written for it."""
    bench, desk = Bench(tmp_path / "a"), MonitorBench(tmp_path / "b", snapshot())
    desk.clock = bench.clock
    for worker in (bench.worker, desk.worker):
        worker.moved_at = bench.clock.monotonic()
    heartbeat = Heartbeat(paths.health, [desk.worker, bench.worker], bench.clock)
    heartbeat.open()
    try:
        before = {path.name: path.stat().st_mtime_ns for path in paths.root.iterdir()}
        health = asked(paths, heartbeat)
        assert health == Health(
            True, f"Running (process {os.getpid()}). Monitor: starting; download: starting."
        )
        assert {path.name: path.stat().st_mtime_ns for path in paths.root.iterdir()} == before
        bench.clock.advance(timedelta(hours=3).total_seconds())
        desk.worker.moved_at = bench.clock.monotonic()
        health = asked(paths, heartbeat)
        assert not health.is_healthy
        assert "The download thread has been stuck for 3 h" in health.why
        assert not look_at_health(paths, patience_seconds=0.1).is_healthy
    finally:
        heartbeat.close()
    assert not paths.health.exists()


def test_nobody_is_there(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No daemon, or one that was killed and left its socket: the answer is no, and why, in a line."""
    assert run(data, "health") == 1
    assert "No daemon is running" in capsys.readouterr().out
    heartbeat = Heartbeat(data / "health.sock", [], FakeClock())
    heartbeat.open()
    assert heartbeat._socket is not None
    heartbeat._socket.close()
    assert run(data, "health", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["healthy"] is False
    assert "No daemon is running" in answer["why"]


def test_a_folder_without_sockets(paths: AppPaths) -> None:
    """There the lock alone tells that a daemon runs; one that is only starting is not well yet."""
    lock = InstanceLock(paths.daemon_lock)
    assert lock.acquire()
    try:
        assert "starting or stopping" in look_at_health(paths).why
        write_state(paths.daemon, DaemonState(4711, "2026-11-01T12:00:00Z"))
        health = look_at_health(paths)
        assert health.is_healthy
        assert "process 4711" in health.why
    finally:
        lock.release()
    paths.health.mkdir()
    heartbeat = Heartbeat(paths.health, [], FakeClock())
    heartbeat.open()
    heartbeat.tick()
    heartbeat.close()


@pytest.mark.waits
def test_the_real_daemon(tmp_path: Path) -> None:
    """It takes a sync, is well while it idles, and is not while it is frozen."""
    with (
        LetterboxdStandIn(username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as tracker,
        Household(tmp_path, letterboxd, tracker) as home,
    ):
        daemon = home.start()
        daemon.wait_for("Watchlist read: 0 ")
        letterboxd.films = [stand_in_film(0)]
        assert "Asked the daemon" in home.run("sync").stdout
        daemon.wait_for("Watchlist read: 1 ")
        paths = AppPaths(home.data)
        assert look_at_health(paths).is_healthy
        os.kill(daemon.process.pid, signal.SIGSTOP)
        try:
            health = look_at_health(paths, patience_seconds=2.5)
        finally:
            os.kill(daemon.process.pid, signal.SIGCONT)
        assert (health.is_healthy, "stuck" in health.why) == (False, True)
        assert daemon.stop() == 0
        assert not look_at_health(paths).is_healthy


@pytest.mark.waits
@pytest.mark.parametrize("is_away", [False, True])
def test_a_socket_that_is_gone_is_made_anew(paths: AppPaths, is_away: bool) -> None:
    """It was deleted, or the disk was away for a while: `health` gets its answer all the same."""
    heartbeat = Heartbeat(paths.health, [], FakeClock())
    heartbeat.open()
    try:
        if is_away:
            paths.root.rename(paths.root.with_name("away"))
            heartbeat.tick()
            paths.root.with_name("away").rename(paths.root)
            paths.health.rename(paths.root / "mine.sock")
        else:
            paths.health.unlink()
        heartbeat.tick()
        assert asked(paths, heartbeat).is_healthy
    finally:
        heartbeat.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names for sockets apart from files")
def test_a_file_system_without_sockets(paths: AppPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the daemon is asked under a name of the machine, and answers nobody else's."""
    real = socket.socket.bind

    def bind(sock: socket.socket, address: str) -> None:
        if not address.startswith("\0"):
            paths.health.touch()  # as exFAT does it
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(sock, address)

    monkeypatch.setattr(socket.socket, "bind", bind)
    heartbeat = Heartbeat(paths.health, [], FakeClock())
    heartbeat.open()
    try:
        assert not paths.health.exists()
        assert asked(paths, heartbeat).is_healthy
        if os.geteuid() == 0:
            assert _asked_as_nobody(paths.health, heartbeat) == b""
    finally:
        heartbeat.close()


def _asked_as_nobody(path: Path, heartbeat: Heartbeat) -> bytes:
    """Return what another user gets who asks under the name."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.setuid(_NOBODY)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(name_of(path))
            os.write(writing, b"asked")
            os.write(writing, connection.recv(100))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as answer:
        assert answer.read(5) == b"asked"
        heartbeat.tick()
        os.waitpid(child, 0)
        return answer.read()
