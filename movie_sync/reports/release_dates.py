"""When a film that waits for a release comes out, in words."""

from datetime import date, datetime, timedelta

from movie_sync.domain.film_facts import ReleaseDates
from movie_sync.queues.entry import QueueEntry

_LONGEST_IN_CINEMAS = timedelta(days=180)


def not_out_words(entry: QueueEntry, now: datetime) -> str:
    """Return when the film comes out: "in cinemas, digital on 12 Dec"; "" if it is out, or nobody knows.

    What is known of its releases is more to the point: then it is "" too.
    """
    dates = ReleaseDates.parse(entry.movie.release_dates)
    today = now.astimezone().date()
    if not entry.waits_for_release or entry.acceptable_since or entry.tried:
        return ""
    if dates.home is not None and dates.home <= today:
        return ""
    at_home = [f"{kind} on {day_words(day, today)}" for kind, day in _first_at_home(dates)]
    if dates.cinema is None:
        return ", ".join(at_home)
    if dates.cinema > today:
        return ", ".join([f"in cinemas on {day_words(dates.cinema, today)}", *at_home])
    if at_home:
        return f"in cinemas, {at_home[0]}"
    return "in cinemas, no digital date yet" if today - dates.cinema <= _LONGEST_IN_CINEMAS else ""


def _first_at_home(dates: ReleaseDates) -> list[tuple[str, date]]:
    known = [(day, kind) for kind, day in (("digital", dates.digital), ("disc", dates.disc)) if day]
    return [(kind, day) for day, kind in sorted(known)[:1]]


def day_words(day: date, today: date) -> str:
    """Return a date as people write it, with its year if that is another one."""
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


def dates_document(texts: tuple[str, ...]) -> dict[str, str | None] | None:
    """Return a film's release dates in plain values, or None where none are known."""
    dates = ReleaseDates.parse(texts)
    known = {"cinema": dates.cinema, "digital": dates.digital, "disc": dates.disc}
    return {kind: str(day) if day else None for kind, day in known.items()} if any(dates) else None
