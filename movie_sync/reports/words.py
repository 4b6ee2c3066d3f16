"""How lines name times."""

from datetime import datetime

from movie_sync.domain.retry import later

_DAY_SECONDS = 24 * 3600


def time_of_day(now: datetime, seconds: float) -> str:
    """Return when `seconds` from now is, on this machine's clock; with the date if not within a day."""
    moment = later(now, seconds).astimezone()
    return f"{moment:%H:%M:%S}" if seconds < _DAY_SECONDS else f"{moment:%Y-%m-%d %H:%M}"


def next_time(what: str, until: str, *, once: bool) -> str:
    """Say when something is done again: "Next try at 20:47."; a run that ends before makes no promise."""
    return f"{what} in the next run, from {until} on." if once else f"{what} at {until}."
