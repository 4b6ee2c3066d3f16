"""Ten seconds from a signal to the end, however slow the disk is and however much waits."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, ROOT, TRACKER_USER, Household
from house.waiting import wait_until

from movie_sync.clock import SystemClock
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.models import Movie

pytestmark = pytest.mark.waits

# A signal does not end a flush, and is heard of after it.
_SLOW_DISK = f"""
import os, signal, sys, time
sys.path.insert(0, {str(ROOT)!r})
real = os.fsync
def fsync(descriptor):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGALRM])
    time.sleep(SECONDS)
    real(descriptor)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
os.fsync = fsync
from movie_sync.cli import main
sys.exit(main())
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    """A household with ten films that can be had."""
    films = [stand_in_film(number) for number in range(10)]
    with (
        LetterboxdStandIn(films, username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as tracker,
        Household(tmp_path, letterboxd, tracker) as household,
    ):
        tracker.releases = [stand_in_release(film) for number, film in enumerate(films)]
        yield household


def _put(home: Household, requests: list[Request]) -> None:
    inbox = Inbox(home.data / "inbox", SystemClock())
    for request in requests:
        inbox.put(request)


def _waiting(home: Household) -> int:
    return len(list((home.data / "inbox").glob("*.json")))


def _movie(number: int) -> Movie:
    return Movie(f"m{number}", f"m{number}", f"Film {number}")


def _start_and_stop(home: Household, seconds: float, words: str, after: float = 0.0) -> float:
    """Return how long it took from the signal, a while after it had said the words, to the end."""
    daemon = home.start(program=(sys.executable, "-c", _SLOW_DISK.replace("SECONDS", str(seconds))))
    daemon.wait_for(words, 60)
    ends_at = time.monotonic() + after
    wait_until(lambda: time.monotonic() >= ends_at, after + 1)
    begun = time.monotonic()
    assert daemon.stop() == 0
    return time.monotonic() - begun


def test_many_commands_wait_on_a_slow_disk(home: Household) -> None:
    """The daemon ends between two of them, and the others are carried out after the next start."""
    _put(
        home,
        [
            Request("remove", films=(f"m{number // 2}",))
            if number % 2
            else Request("add", movies=(_movie(number // 2),))
            for number in range(200)
        ],
    )
    assert _start_and_stop(home, 0.05, "Film 3") < 5
    assert _waiting(home) > 100
    assert home.run("--once").returncode in {0, 1}
    assert _waiting(home) == 0
    removed = {entry["id"] for entry in home.queue("removed")}
    assert removed == {f"m{number}" for number in range(100)}


def test_many_commands_of_one_kind_on_a_slow_disk(home: Household) -> None:
    """They are one change."""
    _put(home, [Request("add", movies=(_movie(number),)) for number in range(200)])
    begun = time.monotonic()
    assert _start_and_stop(home, 0.05, "Film 199: added by command") < 10
    assert time.monotonic() - begun < 20
    assert _waiting(home) == 0
    known = {entry["id"] for name in ("pending", "failed", "completed") for entry in home.queue(name)}
    assert {f"m{number}" for number in range(200)} <= known


@pytest.mark.parametrize(
    "after",
    [
        0.5,
        *(
            pytest.param(after, marks=pytest.mark.long)
            for after in (0.0, 1.0, 2.5, 4.0, 6.0, 9.0, 13.0, 18.0)
        ),
    ],
)
def test_a_disk_that_takes_two_seconds_for_a_flush(home: Household, after: float) -> None:
    """The end comes in time, and nothing is lost by it."""
    _put(home, [Request("add", movies=(_movie(number),)) for number in range(20)])
    assert _start_and_stop(home, 2.0, "Queues: ", after) < 10
    for path in home.data.glob("queue_*.json"):
        json.loads(path.read_text())
    assert home.run("--once").returncode in {0, 1}
    known = {entry["id"] for name in ("pending", "failed", "completed") for entry in home.queue(name)}
    assert known == {stand_in_film(number).lid for number in range(10)} | {
        f"m{number}" for number in range(20)
    }
