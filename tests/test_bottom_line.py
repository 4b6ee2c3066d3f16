"""On a terminal one line stays below the daemon's log; it is gone at the end, and nobody needs to read it."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import choice, film, stand_in_film
from house.program import PASSKEY, PROGRAM, TRACKER_USER, Household
from house.terminal import Reader
from house.waiting import LONG_SECONDS, wait_until

from movie_sync.clock import SystemClock
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.redaction import Redactor
from movie_sync.logs import can_show_below, set_up_logging, show_below, tear_down_logging
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage, TorrentProgress
from movie_sync.reports.counts import bottom_words
from movie_sync.reports.daemon_state import Activity, ActivityKind


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    """A household with two films that nobody has."""
    films = [stand_in_film(number) for number in range(2)]
    with (
        LetterboxdStandIn(films, username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as tracker,
        Household(tmp_path, letterboxd, tracker) as household,
    ):
        yield household


@contextlib.contextmanager
def on_a_terminal(home: Household, *options: str) -> Iterator[tuple[int, int]]:
    """Start the daemon on a terminal of its own of 60 columns; give its process id and our end."""
    environment = home.environment | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    pid, ours = pty.fork()
    if pid == 0:
        size = struct.pack("HHHH", 24, 60, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execve(sys.executable, [*PROGRAM, "--data-dir", str(home.data), *options], environment)
    try:
        yield pid, ours
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(ours)


def test_it_stays_below_the_log_until_the_end(home: Household) -> None:
    """Log lines come above it, none is parted in a word or wider than the terminal, and at the end it's gone."""
    with on_a_terminal(home) as (pid, ours):
        reader = Reader(ours)
        reader.read_until("waiting · next check")
        assert reader.rows[-1].startswith("0 downloading · ")
        Inbox(home.data / "inbox", SystemClock()).put(Request("add", movies=(film(7),)))
        reader.read_until("added by command")
        reader.read_until("giving")  # up: Letterboxd has no page for it
        reader.read_until("next check")
        assert sum("next check" in row for row in reader.rows) == 1
        assert all(len(row) <= 60 for row in reader.rows)
        os.write(ours, b"\x03")  # as Ctrl+C is typed
        reader.read_to_end()
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert not [row for row in reader.rows if "next check" in row]
        assert any("Final statistics" in row for row in reader.rows)


def test_a_terminal_that_is_stopped_holds_nothing_up(home: Household) -> None:
    """After Ctrl+S the daemon works on and ends in time."""
    with on_a_terminal(home) as (pid, ours):
        Reader(ours).read_until("next check")
        os.write(ours, b"\x13")
        Inbox(home.data / "inbox", SystemClock()).put(Request("add", movies=(film(7),)))
        wait_until(lambda: len(home.queue("failed")) == 3, LONG_SECONDS)
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("option", ["--plain"])
def test_not_where_it_is_not_wanted(home: Household, option: str) -> None:
    """With `--plain` there is no escape and no such line."""
    with on_a_terminal(home, option) as (_, ours):
        reader = Reader(ours)
        reader.read_until("Queues: ")
        assert b"\x1b" not in reader.raw


def test_never_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no terminal gets lines of the log alone."""
    path = tmp_path / "stderr"
    with path.open("w", encoding="utf-8") as file:
        monkeypatch.setattr("sys.stderr", file)
        set_up_logging("INFO", Redactor())
        try:
            assert not can_show_below()
            show_below("2 downloading")
        finally:
            tear_down_logging()
    assert path.read_text(encoding="utf-8") == ""


def test_what_it_says(tmp_path: Path) -> None:
    """How many torrents are on their way and how far in all, how many films wait, and the next check."""
    clock = FakeClock()
    queues = QueueManager(tmp_path, clock=clock)
    now = clock.now()
    next_check = Activity(ActivityKind.LIST_READ, until=now)
    assert (
        bottom_words(queues, None, next_check)
        == f"0 downloading · 0 waiting · next check {now.astimezone():%H:%M}"
    )
    for number, stage in enumerate((Stage.DOWNLOADING, Stage.ADDED, Stage.STOPPED, Stage.DOWNLOADED)):
        queues.add_to_completed(film(number), choice=choice(number), follow=TorrentProgress(stage, now))
    queues.add_all_to_pending([film(8), film(9)])
    queues.add_to_failed(film(9), "no release", now, waits_for_release=True)
    reading = Activity(ActivityKind.READING_LIST)
    assert bottom_words(queues, 0.439, reading) == "2 downloading, 43% · 2 waiting · checking the list"
