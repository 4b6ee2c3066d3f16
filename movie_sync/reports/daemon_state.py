"""What the daemon is at: as values, as words, and as a small file for `status`, written when it changes.

The file tells nothing once the daemon has ended, however it ended, so it need not be safe on the disk.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from movie_sync.domain.times import format_time, parse_time, time_of_day
from movie_sync.storage.atomic_file import delete_files, keep_aside, told_as, write_atomically
from movie_sync.storage.document import read_note

_MOST_LISTS = 6


class ActivityKind(StrEnum):
    """The kinds: what stands in the daemon's state file, and the `words` for people."""

    words: str

    STARTING = "starting", "starting"
    READING_LIST = "reading list", "checking for new films"
    LIST_READ = "list read", "next check for new films at {until}"
    LIST_UNREADABLE = "list unreadable", "the last check failed: {detail} Next try at {until}"
    WORKING = "working", "working on {detail}"
    NO_FILMS = "no films", "waiting for films"
    NO_ROOM = "no room", "waiting for room: {detail}"
    NO_BUDGET = "no budget", "waiting for the tracker's call budget until {until}"
    REFUSED = "refused", "waiting for new credentials: {detail}"
    PAUSED = "paused", "paused until {until}: {detail}"
    HELD_BACK = "held back", "{detail}"
    FAULT = "fault", "restarting after: {detail}"
    OTHER = "other", "{detail}"

    def __new__(cls, value: str, words: str = "") -> Self:
        """Make a kind that is equal to what stands in the file."""
        kind = str.__new__(cls, value)
        kind._value_, kind.words = value, words
        return kind


@dataclass(frozen=True, slots=True)
class Activity:
    """What a worker is at: `detail` is a film or a reason, in words, `until` when it is over."""

    kind: ActivityKind
    detail: str = ""
    until: datetime | None = None


STARTING = Activity(ActivityKind.STARTING)


def activity_words(activity: Activity, now: datetime) -> str:
    """Return what a worker is at, for people."""
    return activity.kind.words.format(detail=activity.detail, until=_clock(activity.until, now))


class NeedKind(StrEnum):
    """What no retry will put right, but the user; the words stand in the daemon's state file."""

    SETTINGS = "settings"
    CREDENTIALS = "credentials refused"
    ACCOUNT = "account refused"
    DISK = "disk full"
    STOPPED = "stopped in the client"
    NO_SEEDS = "no seeds"
    RELEASES = "releases failed"
    SERIES = "series"
    UNCLEAR = "unclear film"
    GAVE_UP = "gave up"
    SHELF = "not on the shelf"
    NOT_SEEDING = "not seeding"


@dataclass(frozen=True, slots=True)
class DaemonNeed:
    """What the daemon itself needs the user for, and why, in words."""

    kind: NeedKind
    why: str


@dataclass(frozen=True, slots=True)
class ListState:
    """What people call a list, when it is read next, and why the last try failed, in words."""

    label: str
    until: datetime | None
    why: str = ""


def unread_words(lists: Sequence[ListState], now: datetime) -> list[str]:
    """Return a line for each list that can't be read."""
    return [
        f"Couldn't read {each.label}: {each.why} Next try at {_clock(each.until, now)}."
        for each in lists
        if each.why
    ]


def next_words(lists: Sequence[ListState], now: datetime) -> str:
    """Return when each of the other lists is read next."""
    words = [f"{each.label} at {_clock(each.until, now)}" for each in lists if not each.why]
    if len(words) > _MOST_LISTS:
        words[_MOST_LISTS:] = [f"and {len(words) - _MOST_LISTS} more"]
    return ", ".join(words) or "no list can be read now"


def _clock(until: datetime | None, now: datetime) -> str:
    return time_of_day(now, (until - now).total_seconds()) if until else "an unknown time"


@dataclass(frozen=True, slots=True)
class DaemonState:
    """Process id, start time (ISO 8601, UTC), what workers are at, troubles, and needs.

    `lists` are those that are read, where they are several. The troubles are those of the client, of the
    trackers, of the settings and of the shelf, in words.
    """

    pid: int
    started_at: str
    monitor: Activity = STARTING
    download: Activity = STARTING
    client: str = ""
    trackers: tuple[str, ...] = ()
    settings: str = ""
    needs: tuple[DaemonNeed, ...] = ()
    lists: tuple[ListState, ...] = ()
    shelf: str = ""


def write_state(path: Path, state: DaemonState) -> None:
    """Replace the file. Raises StorageError: it could not be written."""
    content = json.dumps(asdict(state), indent=1, default=format_time).encode() + b"\n"
    write_atomically(path, [content], is_safe=False, flush_name=False)


def forget_state(path: Path, now: datetime) -> None:
    """Delete what an earlier daemon left, and put a folder in its place aside. For the lock's holder.

    Raises StorageError: it is still there.
    """
    with told_as(f"Couldn't delete {path}"):
        is_folder = path.is_dir() and not path.is_symlink()
    if is_folder:
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
            settings=str(plain.get("settings", "")),
            shelf=str(plain.get("shelf", "")),
            needs=tuple(
                DaemonNeed(NeedKind(each["kind"]), str(each["why"])) for each in plain.get("needs", ())
            ),
            lists=tuple(
                ListState(str(each["label"]), parse_time(each["until"]), str(each["why"]))
                for each in plain.get("lists", ())
            ),
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None


def _activity_from(plain: object) -> Activity:
    """Return an activity as the file has it; an earlier version wrote its words alone."""
    if not isinstance(plain, dict):
        return Activity(ActivityKind.OTHER, str(plain))
    return Activity(ActivityKind(plain["kind"]), str(plain["detail"]), parse_time(plain["until"]))
