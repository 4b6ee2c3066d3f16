"""When a failed film is tried again: backoff arithmetic and nothing else."""

from datetime import datetime, timedelta

LONGEST_DELAY_SECONDS = 7 * 24 * 3600.0


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
