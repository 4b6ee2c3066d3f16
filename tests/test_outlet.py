"""Output that is not taken: a full pipe, a stopped terminal, a deaf socket, a full device, a poor locale."""

import contextlib
import fcntl
import io
import json
import logging
import os
import pty
import select
import signal
import socket
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, PROGRAM, TRACKER_USER, Household
from house.waiting import wait_until

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn
from movie_sync.domain.redaction import Redactor
from movie_sync.logs import set_up_logging, tear_down_logging, write_waiting_lines
from movie_sync.outlet import Outlet

pytestmark = pytest.mark.waits

_LONG = "x" * 600
_log = logging.getLogger("movie_sync.test")


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """Letterboxd with no films yet."""
    with LetterboxdStandIn(username="maria") as stand_in:
        yield stand_in


@pytest.fixture
def home(tmp_path: Path, letterboxd: LetterboxdStandIn) -> Iterator[Household]:
    """A household with a tracker that has nothing."""
    with (
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as tracker,
        Household(tmp_path, letterboxd, tracker) as household,
    ):
        yield household


@contextlib.contextmanager
def _descriptors(kind: str) -> Iterator[tuple[int, int]]:
    """Give a reader's and a writer's end of a pipe, a terminal that is stopped, or a pair of sockets."""
    if kind == "pipe":
        reader, writer = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    elif kind == "terminal":
        reader, writer = pty.openpty()
        termios.tcflow(writer, termios.TCOOFF)
    else:
        ends = socket.socketpair()
        ends[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        reader, writer = (end.detach() for end in ends)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def _fill(letterboxd: LetterboxdStandIn, count: int) -> None:
    """List films with long titles, so that the log is long."""
    films = map(stand_in_film, range(count))
    letterboxd.films = [replace(film, title=f"{film.title} {_LONG}") for film in films]


@pytest.mark.parametrize(
    ("kind", "films"),
    [
        ("pipe", 150 if hasattr(fcntl, "F_SETPIPE_SZ") else 300),
        pytest.param("terminal", 220, marks=pytest.mark.long),
        pytest.param("socket", 220, marks=pytest.mark.long),
    ],
)
def test_a_daemon_that_nobody_reads(
    home: Household, letterboxd: LetterboxdStandIn, kind: str, films: int
) -> None:
    """It works on, ends in order and in time, and its log file holds every line and says what is missing."""
    _fill(letterboxd, films)
    with _descriptors(kind) as (_, writer):
        daemon = home.start("--log-level", "DEBUG", output=writer)
        wait_until(lambda: len(home.queue("failed")) == films)
        begun = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - begun < 10
        assert os.get_blocking(writer), "others have the same description"
    assert (home.data / "movie_sync.log").stat().st_size > films * 700
    assert "Can't write to stderr: nobody is reading it" in daemon.output
    assert f"Final statistics: 0 pending, {films} failed" in daemon.output
    assert "couldn't be written to stderr" in daemon.output


@dataclass
class _Pipe:
    """A pipe that stderr can lead to, and its reader's end."""

    stream: io.TextIOWrapper
    reader: int


@pytest.fixture
def pipe() -> Iterator[_Pipe]:
    """A pipe for the console."""
    reader, writer = os.pipe()
    stream = io.TextIOWrapper(io.BufferedWriter(Outlet(writer, is_lossy=True)), encoding="ascii")
    yield _Pipe(stream, reader)
    tear_down_logging()
    stream.close()
    with contextlib.suppress(OSError):
        os.close(reader)
    os.close(writer)


def _read(reader: int) -> bytes:
    """Return what lies in a pipe now."""
    found = b""
    while select.select([reader], [], [], 0)[0]:
        found += os.read(reader, 65536)
    return found


@pytest.mark.parametrize("is_opened_again", [True, False])
def test_the_reader_comes_back(
    pipe: _Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_opened_again: bool
) -> None:
    """It gets what was kept, then how many lines are missing, then the rest; the log file has all."""
    outlet = pipe.stream.buffer.raw
    if not is_opened_again:
        os.close(outlet._own)
        outlet._own = None
    monkeypatch.setattr("sys.stderr", pipe.stream)
    set_up_logging("INFO", Redactor(), log_file=tmp_path / "movie_sync.log")
    for number in range(3000):
        _log.info("line %d %s", number, "y" * 50)
    text = b""
    while taken := _read(pipe.reader):
        text += taken
        write_waiting_lines()
    lines = text.decode().splitlines()
    lost = 3000 - len(lines) + 1
    assert [line.split()[3] for line in lines[:-1]] == [str(number) for number in range(3000 - lost)]
    assert 500 < lost < 2500
    assert lines[-1].endswith(f"WARNING: {lost} lines are missing here: nobody read them in time.")
    _log.info("and on")
    assert _read(pipe.reader).endswith(b"and on\n")
    written = (tmp_path / "movie_sync.log").read_text()
    assert written.count("yyy\n") == 3000
    assert f"stderr works again; {lost} lines were dropped there." in written


def test_a_slow_reader_misses_nothing(pipe: _Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that come faster than they are read wait a moment for it."""
    monkeypatch.setattr("sys.stderr", pipe.stream)
    set_up_logging("INFO", Redactor())
    found: list[bytes] = [b""]

    def read() -> None:
        while b"the end" not in found[-1]:
            found.append(os.read(pipe.reader, 4096))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for number in range(10_000):
        _log.info("line %d %s", number, "y" * 50)
    _log.info("the end")
    tear_down_logging()
    reader.join(10)
    assert b"".join(found).count(b"\n") == 10_001


def test_a_reader_that_has_gone_for_good(
    pipe: _Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines are left out and counted, and nothing else comes of it."""
    monkeypatch.setattr("sys.stderr", pipe.stream)
    set_up_logging("INFO", Redactor(), log_file=tmp_path / "movie_sync.log")
    os.close(pipe.reader)
    for number in range(3):
        _log.info("line %d", number)
    tear_down_logging()
    assert "The last 3 lines couldn't be written to stderr." in (tmp_path / "movie_sync.log").read_text()


def _command(home: Household, *arguments: str, output: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PROGRAM, "--data-dir", str(home.data), *arguments],
        env=home.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
    )


def _write_queue(home: Household, films: int) -> None:
    entries = [
        {
            "id": f"K{number}x",
            "slug": f"s{number}",
            "title": f"{_LONG} \u6771",
            "added_at": "2026-10-01T10:00:00Z",
        }
        for number in range(films)
    ]
    (home.data / "queue_pending.json").write_text(json.dumps(entries))


def _is_full(writer: int) -> bool:
    return not select.select([], [writer], [], 0)[1]


@pytest.mark.parametrize(("line", "code"), [(["queue", "--json"], 130), (["queue"], 130), (["--dry-run"], 0)])
def test_a_command_that_nobody_reads(
    home: Household, letterboxd: LetterboxdStandIn, line: list[str], code: int
) -> None:
    """It waits for its reader, but Ctrl+C ends it."""
    if code:
        _write_queue(home, 400)
    else:
        _fill(letterboxd, 150)
    with _descriptors("pipe") as (_, writer), _command(home, *line, output=writer) as process:
        wait_until(lambda: _is_full(writer))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == code
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_a_dry_run_that_is_stopped_and_not_read(home: Household, letterboxd: LetterboxdStandIn) -> None:
    """One Ctrl+C ends it in time, although what it found until then cannot be said."""
    _write_queue(home, 1)
    letterboxd.fault = lambda _path: Fault(delivery=Delivery.HANG)
    with _descriptors("pipe") as (_, writer):
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        with _command(home, "--dry-run", output=writer) as process:
            wait_until(lambda: bool(letterboxd.requests))
            process.send_signal(signal.SIGINT)
            assert process.wait(10.5) == 0


def test_a_reader_with_a_description_that_does_not_block(home: Household) -> None:
    """Whoever made the shared pipe non-blocking gets the whole answer all the same."""
    _write_queue(home, 400)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with _command(home, "queue", "--json", output=writer) as process:
        wait_until(lambda: _is_full(writer))
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            assert len(json.load(file)) == 400
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("line", "full", "code"),
    [
        (["--help"], "stdout", 1),
        (["--version"], "stdout", 1),
        (["queue", "--json"], "stdout", 1),
        (["queue"], "both", 1),
        (["queue"], "stderr", 0),
        (["nonsense"], "stderr", 2),
        (["retry", "unknown"], "stderr", 1),
        (["--once"], "both", 0),
    ],
)
def test_full_devices(home: Household, line: list[str], full: str, code: int) -> None:
    """Each ends with a code of its own, in words where there is room for them."""
    if line != ["--once"]:
        _write_queue(home, 1)
    with Path("/dev/full").open("w") as device:
        answer = subprocess.run(
            [*PROGRAM, "--data-dir", str(home.data), *line],
            env=home.environment,
            stdin=subprocess.DEVNULL,
            stdout=device if full != "stderr" else subprocess.DEVNULL,
            stderr=device if full != "stdout" else subprocess.PIPE,
            text=True,
            check=False,
        )
    assert answer.returncode == code
    if full == "stdout":
        assert answer.stderr == "movie-sync: Couldn't write the output: No space left on device.\n"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
        pytest.param({"PYTHONIOENCODING": "ascii:strict"}, marks=pytest.mark.long),
        pytest.param({"PYTHONIOENCODING": "latin-1:strict"}, marks=pytest.mark.long),
    ],
)
def test_a_locale_that_cannot_spell_a_title(
    tmp_path: Path, letterboxd: LetterboxdStandIn, variables: dict[str, str]
) -> None:
    """The film is handed over under its own name, and asked for by it; what is shown has marks in its place."""
    film, title = stand_in_film(1), "\u6771\u4eac\u7269\u8a9e"
    letterboxd.films = [replace(film, title=title)]
    with (
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as tracker,
        Household(tmp_path, letterboxd, tracker) as home,
    ):
        name = f"{title}.{film.year}.1080p.BluRay.x264-GRP"
        tracker.releases = [replace(stand_in_release(film), name=name)]
        answer = home.run("--once", **variables)
        assert answer.returncode == 0, answer.stderr
        assert f"???? ({film.year}): handed to the watch folder: ????." in answer.stderr
        (file,) = (home.data / "torrents").iterdir()
        assert os.fsencode(file.name).startswith(name.encode())
        assert "????" in home.run("queue", **variables).stdout
        assert json.loads(home.run("queue", "--json", **variables).stdout)[0]["title"] == title
        assert "taken" in home.run("search", title, "--year", str(film.year), **variables).stdout
