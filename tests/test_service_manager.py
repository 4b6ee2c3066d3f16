"""What systemd is told: that the daemon runs, what `health` would say of it, and that it stops."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.program import PASSKEY, TRACKER_USER, Household
from house.waiting import wait_until
from house.workers import Bench, MonitorBench, snapshot

from movie_sync.credentials.environment import child_environment, without_secrets
from movie_sync.daemon.heartbeat import Heartbeat
from movie_sync.daemon.service_manager import ServiceManager
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.reports.health import Health, judged, look_at_health
from movie_sync.storage.paths import AppPaths

WELL, STUCK = (
    Health(True, "Running (process 7). All is quiet."),
    Health(False, "The download thread is stuck."),
)
MINUTE = {"WATCHDOG_USEC": "60000000"}


class Systemd:
    """Listens as a service manager does."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.said: list[str] = []

    def heard(self) -> list[str]:
        """Return the lines that came since the last time."""
        lines: list[str] = []
        while True:
            try:
                lines += self._listener.recv(10_000).decode().split("\n")
            except BlockingIOError:
                self.said += lines
                return lines


@contextmanager
def listening(address: str) -> Iterator[Systemd]:
    """Give one that listens at an address as the system takes it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.setblocking(False)
        yield Systemd(listener)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """Listen in a file."""
    with listening(str(tmp_path / "notify")) as systemd:
        yield systemd


def manager(folder: Path, health: Callable[[], Health], clock: FakeClock, **more: str) -> ServiceManager:
    """Return what speaks to it."""
    return ServiceManager({"NOTIFY_SOCKET": str(folder / "notify"), **more}, health, clock)


def test_a_life_is_told(systemd: Systemd, tmp_path: Path) -> None:
    """Ready once, the status when it changes, the watchdog at each look, and the end."""
    clock, health = FakeClock(), [WELL]
    told = manager(tmp_path, lambda: health[0], clock, **MINUTE)
    told.tick()
    assert systemd.heard() == ["READY=1", f"STATUS={WELL.why}", "WATCHDOG=1"]
    told.tick()
    assert systemd.heard() == []
    clock.advance(5)
    told.tick()
    assert systemd.heard() == ["WATCHDOG=1"]
    health[0] = Health(True, "Running (process 7). A film came.")
    clock.advance(5)
    told.tick()
    assert systemd.heard() == ["STATUS=Running (process 7). A film came.", "WATCHDOG=1"]
    told.stopping()
    told.tick()
    assert systemd.heard() == ["STOPPING=1", "STATUS=Stopping."]


def test_the_watchdog_is_fed_while_all_is_well(systemd: Systemd, tmp_path: Path) -> None:
    """Not while it is not: that is said, and once it is over the watchdog is fed again."""
    clock, health = FakeClock(), [WELL]
    told = manager(tmp_path, lambda: health[0], clock, **MINUTE)
    for state, lines in (
        (WELL, ["READY=1", f"STATUS={WELL.why}", "WATCHDOG=1"]),
        (STUCK, [f"STATUS={STUCK.why}"]),
        (STUCK, []),
        (WELL, [f"STATUS={WELL.why}", "WATCHDOG=1"]),
    ):
        health[0] = state
        told.tick()
        assert systemd.heard() == lines
        clock.advance(5)


@pytest.mark.parametrize("usec", ["4000000", "1000000"])
def test_a_hungry_watchdog(systemd: Systemd, tmp_path: Path, usec: str) -> None:
    """One that bites soon is fed four times before."""
    clock = FakeClock()
    told = manager(tmp_path, lambda: WELL, clock, WATCHDOG_USEC=usec, WATCHDOG_PID=str(os.getpid()))
    for _ in range(8):
        told.tick()
        clock.advance(int(usec) / 8_000_000)
    assert systemd.heard().count("WATCHDOG=1") == 4


@pytest.mark.parametrize(
    "more", [{}, {**MINUTE, "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "often"}, {"WATCHDOG_USEC": "0"}]
)
def test_no_watchdog(systemd: Systemd, tmp_path: Path, more: dict[str, str]) -> None:
    """None is set, or it watches another process."""
    manager(tmp_path, lambda: WELL, FakeClock(), **more).tick()
    assert systemd.heard() == ["READY=1", f"STATUS={WELL.why}"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has sockets without a file")
def test_a_socket_without_a_file() -> None:
    """Some service managers have one."""
    name = f"movie-sync-test-{os.getpid()}"
    with listening(f"\0{name}") as systemd:
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}, lambda: WELL, FakeClock()).tick()
        assert systemd.heard() == ["READY=1", f"STATUS={WELL.why}"]


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "notify", "/nowhere/notify", "/" + "x" * 200])
def test_nobody_listens(address: str) -> None:
    """That is no trouble, and no answer is waited for."""
    told = ServiceManager({"NOTIFY_SOCKET": address, **MINUTE}, lambda: WELL, FakeClock())
    told.tick()
    told.stopping()


def test_one_that_does_not_read(systemd: Systemd, tmp_path: Path) -> None:
    """A full socket holds nobody up; what it did not take is said when there is room."""
    clock, count = FakeClock(), iter(range(100_000))
    told = manager(tmp_path, lambda: Health(True, f"Look {next(count)}."), clock)
    for _ in range(2000):
        told.tick()
        clock.advance(5)
    assert systemd.heard()[0] == "READY=1"
    told.tick()
    assert systemd.heard() == [f"STATUS=Look {next(count) - 1}."]


def test_it_says_what_health_says(systemd: Systemd, tmp_path: Path) -> None:
    """The watchdog starves while `health` finds a worker stuck, and for no other reason."""
    bench, desk = Bench(tmp_path / "a"), MonitorBench(tmp_path / "b", snapshot())
    workers, clock = [desk.worker, bench.worker], bench.clock
    desk.clock = clock
    heartbeat = Heartbeat(tmp_path / "health.sock", workers, clock)
    told = manager(tmp_path, lambda: judged(heartbeat.beat()), clock, **MINUTE)
    for worker in workers:
        worker.moved_at = clock.monotonic()
    told.tick()
    assert systemd.heard()[-1] == "WATCHDOG=1"
    clock.advance(3 * 3600)
    desk.worker.moved_at = clock.monotonic()
    told.tick()
    (status,) = systemd.heard()
    assert status.startswith("STATUS=The download thread has been stuck for 3 h")


def test_nobody_else_may_speak_to_it() -> None:
    """No process that the daemon starts finds the socket, neither our own nor the user's."""
    given = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_PID": "1", **MINUTE, "HOME": "/h"}
    assert without_secrets(given) == {"HOME": "/h"}
    assert child_environment(given).keys() == {"HOME", "PYTHONPATH"}


@pytest.mark.waits
def test_the_real_daemon(systemd: Systemd, tmp_path: Path) -> None:
    """It is ready when both workers run, says how it is, feeds the watchdog, and says that it stops."""
    with (
        LetterboxdStandIn(username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as tracker,
        Household(
            tmp_path,
            letterboxd,
            tracker,
            secrets={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"},
        ) as home,
    ):
        daemon = home.start()
        wait_until(lambda: systemd.heard().count("WATCHDOG=1") > 0)
        assert systemd.said[0] == "READY=1"
        assert any(line.startswith("STATUS=Running (process ") for line in systemd.said)
        assert look_at_health(AppPaths(home.data)).is_healthy
        assert daemon.stop() == 0
        assert systemd.heard()[-2:] == ["STOPPING=1", "STATUS=Stopping."]
