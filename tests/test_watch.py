"""`status --watch` shows what fits, and leaves the terminal as it was."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import choice, film
from house.program import LONG_SECONDS

from movie_sync import cli
from movie_sync.domain.models import QueueName
from movie_sync.domain.plain_text import width
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage, TorrentProgress
from movie_sync.reports.daemon_state import Activity, ActivityKind, DaemonState
from movie_sync.reports.lines import LineStyle, status_lines
from movie_sync.reports.needs import needs
from movie_sync.reports.screen import screen_lines
from movie_sync.reports.status import Status, overview

NOW = FakeClock().now()
STYLE = LineStyle()
SIZES = [(60, 10), (80, 24), (100, 30), (140, 40), (61, 11), (300, 100)]


def torrent(number: int, stage: Stage, **more: object) -> QueueEntry:
    """Return a film that was handed over."""
    follow = TorrentProgress(stage, NOW, size_bytes=8_000_000_000, **more)  # type: ignore[arg-type]
    return QueueEntry(
        film(number), NOW, completed_at=NOW, reason="downloaded", choice=choice(number), follow=follow
    )


def busy_status(count: int = 9) -> Status:
    """Return a household in which there is something of everything, and a client that is down."""
    later = NOW + timedelta(hours=3)
    queues = {
        QueueName.PENDING: [QueueEntry(film(number), NOW) for number in range(count)],
        QueueName.FAILED: [
            *(
                QueueEntry(film(100 + n), NOW, error="3 found, all of them CAM", retry_at=later, waits_for_release=True)
                for n in range(count)
            ),
            *(QueueEntry(film(200 + n), NOW, error="no torrent") for n in range(count)),
        ],
        QueueName.COMPLETED: [
            *(torrent(300 + n, Stage.DOWNLOADING, progress=n / 10, bytes_a_second=2_000_000, seeds=n) for n in range(count)),
            *(torrent(400 + n, Stage.DOWNLOADED, path=f"/srv/films/{n}") for n in range(count)),
        ],
    }  # fmt: skip
    daemon = DaemonState(
        7, "2026-11-01T12:00:00Z",
        monitor=Activity(ActivityKind.LIST_READ, until=later),
        download=Activity(ActivityKind.NO_ROOM, "5 of 5 download slots in use"),
        client="How far the torrents are is not known: qBittorrent at http://localhost:8080 did not answer.",
    )  # fmt: skip
    view = overview(queues, [], download=daemon.download, now=NOW)
    return Status(NOW, {}, daemon, (), None, view, needs(queues, daemon, ()))


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_it_fits_and_breaks_no_word(columns: int, rows: int) -> None:
    """No more rows, no wider ones; each word is whole, or a long name parted after a dot or dash."""
    status = busy_status()
    words = set(re.split(r"\s+", " ".join(status_lines(status, STYLE)))) | {"\u2192"}
    pieces = {piece for word in words for piece in re.findall(r"[^./_-]+[./_-]*|[./_-]+", word)}
    lines = screen_lines(status, STYLE, columns, rows)
    assert len(lines) <= rows
    for line in lines:
        assert width(line.text) <= columns
        for word in () if line.is_title else line.text.split():
            bare = word.rstrip("\u2026,:;(")
            parts = re.findall(r"[^./_-]+[./_-]*|[./_-]+", bare)
            assert {bare, f"{bare},", f"{bare}:"} & words or all(
                {part, f"{part},", f"{part}:", f"{part};"} & pieces for part in parts
            ), line


def test_the_most_important_first() -> None:
    """What is down, what needs the user, and what is downloading are there in the smallest terminal."""
    text = [line.text for line in screen_lines(busy_status(), STYLE, 60, 10)]
    assert text[0].startswith("How far the torrents are is not known: qBittorrent")
    titles = [line.text for line in screen_lines(busy_status(), STYLE, 60, 10) if line.is_title]
    assert titles[0] == "Needs you (1 of 9)"
    assert [title for title in titles if title.startswith("Downloading (")]


def test_all_where_there_is_room() -> None:
    """Each film is there, and titles have plain counts."""
    lines = screen_lines(busy_status(), STYLE, 140, 80)
    assert {line.text for line in lines if line.is_title} == {
        "Needs you (9)",
        "Downloading (9)",
        "Waiting for a slot (9): 5 of 5 download slots in use",
        "Waiting for a release (9)",
        "Done this week (9)",
    }


def test_without_a_daemon_it_says_of_when_it_is() -> None:
    """The first line has the time."""
    status = replace(busy_status(), daemon=None, torrents_seen_at=NOW)
    first = screen_lines(status, STYLE, 80, 24)[0].text
    assert re.fullmatch(r"Movie Sync isn't running\. Everything below is as of [0-9:]{5}\.", first)


def test_not_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A screen is no document."""
    assert cli.main(["status", "--watch", "--json", "--data-dir", str(tmp_path)]) == 2
    assert "--watch" in capsys.readouterr().err


# --- as a program -----------------------------------------------------------------------------------


def start(folder: Path, output: int, *options: str) -> "subprocess.Popen[bytes]":
    """Start it with an output."""
    command = [sys.executable, "-m", "movie_sync", "status", "--watch", "--data-dir", str(folder), *options]
    environment = os.environ | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, env=environment)


def read_until(descriptor: int, words: bytes) -> bytes:
    """Return what is read until some words, or the end, came."""
    text, ends_at = b"", time.monotonic() + LONG_SECONDS
    while words not in text:
        assert select.select([descriptor], [], [], max(ends_at - time.monotonic(), 0))[0], text
        try:
            if not (piece := os.read(descriptor, 65536)):
                break
        except OSError:  # the other end of a terminal has gone
            break
        text += piece
    return text


def test_the_terminal_is_restored(tmp_path: Path) -> None:
    """It draws on the alternate screen, follows a change, and leaves it at SIGTERM, with the cursor shown."""
    QueueManager(tmp_path).add_all_to_pending([film(1)])
    ours, theirs = pty.openpty()
    process = start(tmp_path, theirs)
    os.close(theirs)
    try:
        assert b"\x1b[?1049h" in read_until(ours, b"1 in the queue")
        QueueManager(tmp_path).add_all_to_pending([film(2)])
        read_until(ours, b"2 in the queue")
        process.send_signal(signal.SIGTERM)
        end = read_until(ours, b"\x1b[?1049l")
        assert b"\x1b[?1049l" in end
        assert b"\x1b[?25h" in end + read_until(ours, b"\x1b[?25h")
        assert process.wait(LONG_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_lines_in_a_pipe(tmp_path: Path) -> None:
    """Everything once, then a line for a change, without an escape."""
    QueueManager(tmp_path).add_all_to_pending([film(1)])
    ours, theirs = os.pipe()
    process = start(tmp_path, theirs)
    os.close(theirs)
    try:
        first = read_until(ours, b"Up next:\n  Made Up Bravo (1951)\n")
        QueueManager(tmp_path).add_all_to_pending([film(2)])
        change = read_until(ours, b"2 in the queue\n")
        assert re.search(rb"(?:^|\n)\d\d:\d\d:\d\d  2 in the queue\n$", change)
        assert b"\x1b" not in first + change
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
