"""When a notice is due: after a burst, not at night, or once a day. All times are local ones."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

_TIME_OF_DAY = re.compile(r"(\d\d?):(\d\d)", re.ASCII)
_LONGEST_GATHERING = 10  # times `gather_seconds`, while ever new events come


@dataclass(frozen=True, slots=True)
class Schedule:
    """The user's wishes; `quiet` is from one time of day to another, also over midnight."""

    gather_seconds: float = 60.0
    quiet: tuple[time, time] | None = None
    digest_at: time | None = None

    def is_due(self, now: datetime, oldest: datetime, newest: datetime) -> bool:
        """Return whether events of these times are to be told now.

        An event from the future (a clock that was put back) does not wait for its time.
        """
        if self._is_quiet(now.time()):
            return False
        if oldest > now:
            return True
        if self.digest_at is not None:
            today = datetime.combine(now.date(), self.digest_at)
            return oldest < (today if today <= now else today - timedelta(days=1))
        since_oldest, since_newest = now - oldest, now - newest
        gathering = timedelta(seconds=self.gather_seconds)
        return since_newest >= gathering or since_oldest >= _LONGEST_GATHERING * gathering

    def _is_quiet(self, moment: time) -> bool:
        if self.quiet is None:
            return False
        begin, end = self.quiet
        return begin <= moment < end if begin < end else moment >= begin or moment < end


def read_time(text: str) -> time:
    """Return the time of day in `08:00`. Raises ValueError: it is none."""
    found = _TIME_OF_DAY.fullmatch(text.strip())
    if not found:
        raise ValueError("no time of day")
    return time(int(found[1]), int(found[2]))


def read_span(text: str) -> tuple[time, time]:
    """Return the two times of day in `22:00-08:00`. Raises ValueError: they are none, or the same."""
    begin, _, end = text.partition("-")
    span = read_time(begin), read_time(end)
    if span[0] == span[1]:
        raise ValueError("no time between")
    return span
