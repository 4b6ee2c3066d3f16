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
from movie_sync.demo.torrent_client import TorrentClientStandIn
from movie_sync.domain.models import QueueName
from movie_sync.invocation import command_line
from movie_sync.outlet import readable
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage
from movie_sync.reports.seeding import seeding_of
from movie_sync.services import registry

_USERNAME, _TRACKER_USER, _PASSKEY = "demo", "demo", "00112233445566778899aabbccddeeff"
_PATIENCE_SECONDS = 25.0
_POLL_SECONDS = 0.1
_STOP_SECONDS = 12.0


def run_demo(args: Namespace, _context: None) -> int:
    """Run the pipeline once, from watchlist to shelf; returns 0 if everything went as expected."""
    folder = Path(tempfile.mkdtemp(prefix="movie-sync-demo-"))
    library, downloads = folder / "films", folder / "downloads"
    library.mkdir()
    downloads.mkdir()
    there = library / "The General (1926).mkv"
    there.write_bytes(b"a silent film " * 1000)
    films = [wish.film for wish in WATCHLIST]
    print(
        f"{len(films)} public-domain films on a stand-in watchlist; nothing leaves this machine.", flush=True
    )
    with (
        LetterboxdStandIn(films, username=_USERNAME) as letterboxd,
        FileListStandIn(all_releases(), users={_TRACKER_USER: _PASSKEY}) as tracker,
        TorrentClientStandIn(downloads) as client,
    ):
        data = folder / "data"
        data.mkdir(mode=0o700)
        settings = _settings(letterboxd.url, tracker.url, client.url) | {
            "download_directory": str(downloads),
            "library_directories": [str(library)],
            "shelf": {"folder": str(library)},
        }
        (data / "config.json").write_text(json.dumps(settings))
        is_settled = _run_daemon(data, log_level=args.log_level, plain=args.plain)
        _fill_shelf(data)
    is_right = _show_summary(data, library)
    print(f"\nEverything is in this folder; delete it when you're done:\n  {folder}")
    print(f"\nNext, with your own accounts:\n  {command_line('setup')}")
    return 0 if is_settled and is_right else 1


def _settings(letterboxd: str, tracker: str, client: str) -> dict[str, object]:
    return {
        "username": _USERNAME,
        "retry_interval": 2,
        "max_retries": 2,
        "max_unfinished": len(WATCHLIST),
        "letterboxd": {"base_url": letterboxd, "request_delay": 0.05},
        "filelist": {"base_url": tracker},
        "client": "transmission",
        "transmission": {"url": client},
    }


def _run_daemon(data: Path, *, log_level: str, plain: bool) -> bool:
    """Run the daemon until every film has its outcome, then stop it as Ctrl+C does."""
    options = ["--log-level", log_level, *(["--plain"] if plain else [])]
    daemon = subprocess.Popen([*_command(data), *options], env=_environment(data))  # noqa: S603 - our own program
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


def _command(data: Path) -> list[str]:
    return [sys.executable, "-P", "-m", "movie_sync", "--data-dir", str(data)]


def _environment(data: Path) -> dict[str, str]:
    return child_environment() | {
        "MOVIE_SYNC_FILELIST_USERNAME": _TRACKER_USER,
        "MOVIE_SYNC_FILELIST_PASSKEY": _PASSKEY,
        "MOVIE_SYNC_KEY_FILE": str(data.parent / "credentials.key"),
    }


def _fill_shelf(data: Path) -> None:
    """Put there what the daemon has not yet: it takes its time."""
    command = [*_command(data), "shelf", "--all"]
    subprocess.run(command, env=_environment(data), stdout=subprocess.DEVNULL, check=False)  # noqa: S603 - our own program


def _wait_for_outcomes(daemon: "subprocess.Popen[bytes]", data: Path) -> bool:
    """Wait until every film is there or given up, or the daemon ends; tells whether that came in time."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() <= ends_at:
        queues = QueueManager(data, writable=False)
        done = [entry for entry in queues.entries(QueueName.COMPLETED) if not entry.is_unfinished]
        is_all = len(done) + queues.get_statistics()["permanent_failures"] == len(WATCHLIST)
        if is_all and any(entry.follow and entry.follow.seeding.seen_at for entry in done):
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(_POLL_SECONDS)
            return True
    return False


def _outcome(entry: QueueEntry) -> str:
    if entry.follow and entry.follow.stage is Stage.DOWNLOADED:
        return "downloaded, and on the shelf" if entry.follow.is_on_shelf else "downloaded"
    return entry.reason or entry.error or "still in the queue"


def _show_summary(data: Path, library: Path) -> bool:
    """Print each film's outcome; return whether only the films expected to be missing are missing."""
    queues = QueueManager(data, writable=False)
    entries = {
        entry.movie.id: entry
        for queue in (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)
        for entry in queues.entries(queue)
    }
    print("\nWhat happened to each film:")
    for wish in WATCHLIST:
        film = wish.film
        outcome = _outcome(entries[film.lid]) if film.lid in entries else "lost"
        print(readable(f"  {film.title} ({film.year}): {outcome}", sys.stdout))
        if wish.lesson:
            print(readable(f"      ({wish.lesson})", sys.stdout))
    shelved = sorted(path.name for path in library.glob("*/*.mkv"))
    print("\nOn the shelf, under names for Jellyfin and Plex (as hard links to the stand-in's empty files):")
    for name in shelved:
        print(readable(f"  {name}", sys.stdout))
    seeding = [each for entry in entries.values() if (each := seeding_of(entry, registry.seeding_rules()))]
    if seeding:
        print("\nSeeding, as checked once an hour:")
    for each in seeding:
        print(readable(f"  {each.movie.label}: {each.words}", sys.stdout))
    missing = {entry.movie.title for entry in queues.entries(QueueName.FAILED)}
    return (
        missing == {"The Phantom of the Opera", "London After Midnight"}
        and len(shelved) == len(WATCHLIST) - 3
        and bool(seeding)
    )
