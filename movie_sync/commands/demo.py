"""`demo`: the real daemon, as its own process, against the stand-ins, in a temporary folder."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path

from movie_sync.commands import building  # noqa: F401 - a missing package is said at once
from movie_sync.credentials.environment import child_environment
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.films import WATCHLIST, all_releases
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.models import QueueName, Reason
from movie_sync.invocation import command_line
from movie_sync.outlet import readable
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager

_USERNAME, _TRACKER_USER, _PASSKEY = "demo", "demo", "00112233445566778899aabbccddeeff"
_PATIENCE_SECONDS = 18.0
_POLL_SECONDS = 0.1
_STOP_SECONDS = 12.0


def run_demo(args: Namespace, _context: None) -> int:
    """Run the pipeline once, from watchlist to watch folder; returns 0 if everything went as expected."""
    folder = Path(tempfile.mkdtemp(prefix="movie-sync-demo-"))
    library = folder / "films"
    library.mkdir()
    there = library / "The General (1926).mkv"
    there.write_bytes(b"a silent film " * 1000)
    films = [wish.film for wish in WATCHLIST]
    print(
        f"{len(films)} public-domain films on a stand-in watchlist; nothing leaves this machine.", flush=True
    )
    with (
        LetterboxdStandIn(films, username=_USERNAME) as letterboxd,
        FileListStandIn(all_releases(), users={_TRACKER_USER: _PASSKEY}) as tracker,
    ):
        data = folder / "data"
        data.mkdir(mode=0o700)
        (data / "config.json").write_text(json.dumps(_settings(letterboxd.url, tracker.url, library)))
        is_settled = _run_daemon(data, log_level=args.log_level, plain=args.plain)
    is_right = _show_summary(data)
    print(f"\nEverything is in this folder; delete it when you're done:\n  {folder}")
    print(f"\nNext, with your own accounts:\n  {command_line('setup')}")
    return 0 if is_settled and is_right else 1


def _settings(letterboxd: str, tracker: str, library: Path) -> dict[str, object]:
    return {
        "username": _USERNAME,
        "retry_interval": 2,
        "max_retries": 2,
        "download_directory": str(library),
        "letterboxd": {"base_url": letterboxd, "request_delay": 0.05},
        "filelist": {"base_url": tracker},
        "qbittorrent": {"enabled": False},
    }


def _run_daemon(data: Path, *, log_level: str, plain: bool) -> bool:
    """Run the daemon until every film has its outcome, then stop it as Ctrl+C does."""
    environment = child_environment() | {
        "MOVIE_SYNC_FILELIST_USERNAME": _TRACKER_USER,
        "MOVIE_SYNC_FILELIST_PASSKEY": _PASSKEY,
        "MOVIE_SYNC_KEY_FILE": str(data.parent / "credentials.key"),
    }
    command = [sys.executable, "-m", "movie_sync", "--data-dir", str(data), "--log-level", log_level]
    daemon = subprocess.Popen([*command, *(["--plain"] if plain else [])], env=environment)  # noqa: S603 - our own program
    try:
        is_settled = _wait_for_outcomes(daemon, data)
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGINT)
        daemon.wait(_STOP_SECONDS)
    except KeyboardInterrupt:  # the terminal sent it to the daemon too
        daemon.wait(_STOP_SECONDS)
        return False
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()
    return is_settled and daemon.returncode == 0


def _wait_for_outcomes(daemon: "subprocess.Popen[bytes]", data: Path) -> bool:
    """Wait until every film has its outcome or the daemon ends; tells whether that came in time."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() <= ends_at:
        statistics = QueueManager(data, writable=False).get_statistics()
        if statistics["completed"] + statistics["permanent_failures"] == len(WATCHLIST):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(_POLL_SECONDS)
            return True
    return False


def _outcome(entry: QueueEntry) -> str:
    if entry.reason == Reason.DOWNLOADED:
        return "handed to the watch folder"
    return entry.reason or entry.error or "still in the queue"


def _show_summary(data: Path) -> bool:
    """Print each film's outcome; return whether only the films expected to be missing are missing."""
    queues = QueueManager(data, writable=False)
    outcomes = {
        entry.movie.id: _outcome(entry)
        for queue in (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)
        for entry in queues.entries(queue)
    }
    print("\nWhat happened to each film:")
    for wish in WATCHLIST:
        film = wish.film
        print(readable(f"  {film.title} ({film.year}): {outcomes.get(film.lid, 'lost')}", sys.stdout))
        if wish.lesson:
            print(readable(f"      ({wish.lesson})", sys.stdout))
    files = sorted((data / "torrents").glob("*.torrent"))
    print(f"{len(files)} torrents in the watch folder.")
    missing = {entry.movie.title for entry in queues.entries(QueueName.FAILED)}
    return (
        missing == {"The Phantom of the Opera", "London After Midnight"} and len(files) == len(WATCHLIST) - 3
    )
