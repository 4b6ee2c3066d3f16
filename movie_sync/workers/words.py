"""How the workers' lines name times and sizes."""

from datetime import datetime, timedelta

_DAY_SECONDS = 24 * 3600


def time_of_day(now: datetime, seconds: float) -> str:
    """Return when `seconds` from now is, on this machine's clock; with the date if not within a day."""
    moment = (now + timedelta(seconds=seconds)).astimezone()
    return f"{moment:%H:%M:%S}" if seconds < _DAY_SECONDS else f"{moment:%Y-%m-%d %H:%M}"
