"""What the tests fork is what a user starts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.program import Household
from house.starts import STARTS, Forked

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="there every start is a real one")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Household]:
    """A household whose watchlist is empty."""
    with (
        LetterboxdStandIn([], username="maria") as letterboxd,
        FileListStandIn() as tracker,
        Household(tmp_path, letterboxd, tracker) as household,
    ):
        yield household


@pytest.mark.parametrize("line", [("status",), ("status", "--json"), ("nonsense",), ("--help",)])
def test_the_same_answer(home: Household, line: tuple[str, ...]) -> None:
    """Both streams and the exit code are those of a start."""
    forked, started = home.run(*line), home.run(*line, fresh=True)
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        started.returncode, started.stdout, started.stderr,
    )  # fmt: skip


def test_a_process_of_its_own(home: Household) -> None:
    """Its pid is its own, signals reach it, and how it ended is known."""
    daemon = home.start()
    assert isinstance(daemon.process, Forked)
    daemon.wait_for("Watchlist")
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.wait(0)
    os.kill(daemon.process.pid, signal.SIGKILL)
    assert daemon.wait() == -signal.SIGKILL
    daemon.process.kill()  # nobody else may have its number by now
    again = home.start()
    again.wait_for("Watchlist")
    assert again.process.pid != daemon.process.pid
    assert again.stop() == 0


def test_what_python_reads_as_it_starts() -> None:
    """A locale or an option of Python's own asks for a real start."""
    program = (sys.executable, str(Path(__file__).resolve().parents[1] / "main.py"))
    assert STARTS.is_possible(program, os.environ)
    assert not STARTS.is_possible(program, {**os.environ, "LC_ALL": "C.ISO-8859-1"})
    assert not STARTS.is_possible(program, {**os.environ, "PYTHONIOENCODING": "ascii"})
    assert not STARTS.is_possible((*program, "status"), os.environ)
