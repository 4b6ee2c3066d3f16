"""What a worker is at, as a value, and the words for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from movie_sync.domain.times import time_of_day


class ActivityKind(StrEnum):
    """The kinds: what stands in the daemon's state file, and the `words` for people."""

    words: str

    STARTING = "starting", "starting"
    READING_LIST = "reading list", "reading the watchlist"
    LIST_READ = "list read", "next check of the watchlist at {until}"
    LIST_UNREADABLE = "list unreadable", "the last check failed ({detail}); next try at {until}"
    WORKING = "working", "working on {detail}"
    NO_FILMS = "no films", "waiting for films"
    NO_ROOM = "no room", "waiting for room: {detail}"
    NO_BUDGET = "no budget", "waiting for the tracker's call budget until {until}"
    REFUSED = "refused", "waiting for new credentials: {detail}"
    PAUSED = "paused", "pausing until {until}: {detail}"
    HELD_BACK = "held back", "{detail}"
    FAULT = "fault", "starting again after: {detail}"
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
    until = activity.until
    at = time_of_day(now, (until - now).total_seconds()) if until else "a time unknown"
    return activity.kind.words.format(detail=activity.detail, until=at)
