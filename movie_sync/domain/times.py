"""When something that failed is tried again, and how times are written: in files, and in lines for people."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

LONGEST_DELAY_SECONDS = 7 * 24 * 3600.0
_MINUTE_SECONDS, _HOUR_SECONDS, _DAY_SECONDS = 60, 3600, 86_400
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8)  # thousands of films may come at one moment
def format_time(moment: datetime) -> str:
    """Return an aware time as ISO 8601 in UTC, to the second."""
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def parse_time(value: object) -> datetime | None:
    """Read a stored time; None if it is none. A time without a zone is taken as UTC.

    One at an end of what can be reckoned with is brought to where a year more or less does no harm.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return min(max(aware, _EARLIEST), _LATEST)
    except (ValueError, OverflowError):
        return None


def retry_delay_seconds(failures: int, *, interval_seconds: float, multiplier: float) -> float:
    """Return the wait after the n-th failure of a film (n from 1), at most seven days."""
    try:
        delay = interval_seconds * float(multiplier) ** (failures - 1)
    except OverflowError:
        return LONGEST_DELAY_SECONDS
    return min(delay, LONGEST_DELAY_SECONDS)


def pause_seconds(pauses: int) -> float:
    """Return a worker's rest after the n-th outage in a row (n from 1): a minute, doubling, to an hour."""
    return min(60.0 * 2.0 ** min(pauses - 1, 10), 3600.0)


def later(moment: datetime, seconds: float) -> datetime:
    """Return when `seconds` after a moment is, the last moment there is at most."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)


def time_of_day(now: datetime, seconds: float) -> str:
    """Return when `seconds` from now is, on this machine's clock; with the date if not within a day."""
    moment = later(now, seconds).astimezone()
    return f"{moment:%H:%M:%S}" if seconds < _DAY_SECONDS else f"{moment:%Y-%m-%d %H:%M}"


def next_time(what: str, until: str, *, once: bool) -> str:
    """Say when something is done again: "Next try at 20:47."; a run that ends before makes no promise."""
    return f"{what} in the first run after {until}." if once else f"{what} at {until}."


def duration(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    if seconds >= 2 * _DAY_SECONDS:
        return f"{seconds // _DAY_SECONDS:.0f} days"
    if seconds >= _HOUR_SECONDS:
        return f"{seconds // _HOUR_SECONDS:.0f} h"
    return f"{seconds // _MINUTE_SECONDS:.0f} min"


def day(moment: datetime | None) -> str:
    """Return a date by this machine's clock, or "" for none."""
    return f"{moment.astimezone():%Y-%m-%d}" if moment else ""


def minute(moment: datetime | None) -> str:
    """Return a date and a time to the minute by this machine's clock, or "" for none."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""


def clock_time(moment: datetime, now: datetime) -> str:
    """Return a time to the minute by this machine's clock; with the date if that is not today."""
    is_today = moment.astimezone().date() == now.astimezone().date()
    return f"{moment.astimezone():%H:%M}" if is_today else minute(moment)
