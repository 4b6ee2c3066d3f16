"""The clock that waits go by: it never jumps, goes on in sleep, and is the same for all processes."""

import subprocess
import sys
import threading
import time

import pytest
from house.fakes import FakeClock

from movie_sync.clock import SystemClock, boot_id
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.reports.daemon_state import STARTING


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_it_goes_on_in_sleep() -> None:
    """It is the system's clock that counts the time in which the machine sleeps."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= SystemClock().monotonic() <= time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system does not tell its boot")
def test_processes_of_one_boot_know_each_other() -> None:
    """What one process stored another can compare."""
    program = "from movie_sync.clock import SystemClock, boot_id; print(boot_id(), SystemClock().monotonic())"
    before = SystemClock().monotonic()
    words = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60).split()
    assert " ".join(words[:-1]) == boot_id()
    assert before <= float(words[-1]) <= SystemClock().monotonic()


class _SleepyStop(threading.Event):
    """An event that nobody sets; while somebody waits for it, the machine sleeps for eight hours."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.clock.advance(8 * 3600)
        return False


class _Resting(Worker):
    name = "resting"

    def step(self) -> Pause | None:
        return None


@pytest.mark.parametrize("is_idle", [False, True])
def test_a_rest_goes_on_in_sleep(*, is_idle: bool) -> None:
    """The system's own wait does not: it is cut into pieces, so that after the sleep the rest is over."""
    clock = FakeClock()
    stop = _SleepyStop(clock)
    worker = _Resting(stopping=threading.Event(), clock=clock)
    worker._woken = stop
    worker.rest(Pause(7 * 3600, STARTING, is_idle))
    assert len(stop.waits) == 1
    assert stop.waits[0] <= 60
