"""What the running daemon is doing, for `status`: a small file, written when it changes.

It tells nothing once the daemon has ended, however it ended, so it need not be safe on the disk.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from movie_sync.queues.codec import format_time, parse_time
from movie_sync.reports.activity import STARTING, Activity, ActivityKind
from movie_sync.storage.atomic_file import delete_files, write_atomically
from movie_sync.storage.damage import keep_aside
from movie_sync.storage.document import read_note


@dataclass(frozen=True, slots=True)
class DaemonState:
    """Process id, start time (ISO 8601, UTC), what workers are at, and troubles of client and trackers."""

    pid: int
    started_at: str
    monitor: Activity = STARTING
    download: Activity = STARTING
    client: str = ""
    trackers: tuple[str, ...] = ()


def write_state(path: Path, state: DaemonState) -> None:
    """Replace the file. Raises StorageError: it could not be written."""
    content = json.dumps(asdict(state), indent=1, default=format_time).encode() + b"\n"
    write_atomically(path, [content], is_safe=False, flush_name=False)


def forget_state(path: Path, now: datetime) -> None:
    """Delete what an earlier daemon left, and put a folder in its place aside. For the lock's holder.

    Raises StorageError: it is still there.
    """
    if path.is_dir() and not path.is_symlink():
        keep_aside(path, now)
    else:
        delete_files(path)


def read_state(path: Path) -> DaemonState | None:
    """Return the last state that was written, or None; only a held lock says that it is current."""
    try:
        plain = read_note(path)
        return DaemonState(
            pid=int(plain["pid"]),
            started_at=str(plain["started_at"]),
            monitor=_activity_from(plain["monitor"]),
            download=_activity_from(plain["download"]),
            client=str(plain.get("client", "")),
            trackers=tuple(map(str, plain.get("trackers", ()))),
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _activity_from(plain: object) -> Activity:
    """Return an activity as the file has it; an earlier version wrote its words alone."""
    if not isinstance(plain, dict):
        return Activity(ActivityKind.OTHER, str(plain))
    return Activity(ActivityKind(plain["kind"]), str(plain["detail"]), parse_time(plain["until"]))
