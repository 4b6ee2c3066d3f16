"""What a worker is at, as a value, and the words for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from movie_sync.domain.times import time_of_day


class ActivityKind(StrEnum):
    """The kinds; the words stand in the daemon's state file."""

    STARTING = "starting"
    READING_LIST = "reading list"
    LIST_READ = "list read"
    LIST_UNREADABLE = "list unreadable"
    WORKING = "working"
    NO_FILMS = "no films"
    NO_ROOM = "no room"
    NO_BUDGET = "no budget"
    REFUSED = "refused"
    PAUSED = "paused"
    HELD_BACK = "held back"
    FAULT = "fault"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Activity:
    """What a worker is at: `detail` is a film or a reason, in words, `until` when it is over."""

    kind: ActivityKind
    detail: str = ""
    until: datetime | None = None


STARTING = Activity(ActivityKind.STARTING)

_WORDS = {
    ActivityKind.STARTING: "starting",
    ActivityKind.READING_LIST: "reading the watchlist",
    ActivityKind.LIST_READ: "next check of the watchlist at {until}",
    ActivityKind.LIST_UNREADABLE: "the last check failed ({detail}); next try at {until}",
    ActivityKind.WORKING: "working on {detail}",
    ActivityKind.NO_FILMS: "waiting for films",
    ActivityKind.NO_ROOM: "waiting for room: {detail}",
    ActivityKind.NO_BUDGET: "waiting for the tracker's call budget until {until}",
    ActivityKind.REFUSED: "waiting for new credentials: {detail}",
    ActivityKind.PAUSED: "pausing until {until}: {detail}",
    ActivityKind.HELD_BACK: "{detail}",
    ActivityKind.FAULT: "starting again after: {detail}",
    ActivityKind.OTHER: "{detail}",
}


def activity_words(activity: Activity, now: datetime) -> str:
    """Return what a worker is at, for people."""
    until = activity.until
    at = time_of_day(now, (until - now).total_seconds()) if until else "a time unknown"
    return _WORDS[activity.kind].format(detail=activity.detail, until=at)
