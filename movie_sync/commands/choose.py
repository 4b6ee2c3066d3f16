"""`grab` and `reject`: the user's choice of a release, by its id or by its number in `search`."""

import json
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from movie_sync.commands.context import Context
from movie_sync.commands.edit import submit
from movie_sync.commands.naming import FilmNames
from movie_sync.daemon.inbox import Request
from movie_sync.domain.models import Movie, QueueName, ReleaseId
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.release_rules import comparable
from movie_sync.domain.times import format_time, parse_time
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.queues.codec import FILELIST, filelist_id
from movie_sync.reports.daemon_state import ActivityKind
from movie_sync.reports.status import running_daemon
from movie_sync.settings.keys import GeneralSettings
from movie_sync.storage.document import read_note, write_note

_MOST_BYTES = 90_000  # of the file, which is read no further than 100 kB
_MOST_DIGITS = 9
_NUMBERS_HOLD = timedelta(hours=1)


def run_grab(args: Namespace, context: Context) -> int:
    """Take a release for a film, whatever the rules say; returns the exit code."""
    return _say(args, context, "grab", "will be taken")


def run_reject(args: Namespace, context: Context) -> int:
    """Never take a release for a film; returns the exit code."""
    return _say(args, context, "reject", "will never be taken")


def note_search(context: Context, movie: Movie, known: Movie | None, shown: Sequence[ReleaseId]) -> None:
    """Keep which release has which number in what was just shown for a film, under each of its names.

    What no number holds for any more goes, and the oldest first where there is too much.
    """
    now = context.clock.now()
    told = {"at": format_time(now), "ids": [str(each) for each in shown]}
    names = dict.fromkeys(_names(known) if known else (), told) | {_name(movie): told}
    before = read_note(context.paths.searches)
    searches = {name: old for name, old in before.items() if name not in names and _shown_in(old, now)}
    searches |= names
    while len(json.dumps(searches)) > _MOST_BYTES and len(searches) > len(names):
        del searches[next(iter(searches))]
    write_note(context.paths.searches, searches, context.clock)


def _say(args: Namespace, context: Context, kind: Literal["grab", "reject"], done: str) -> int:
    view = context.queues_to_look_at()
    names = FilmNames(context, view, series_too=kind == "grab")
    film = (
        names.any(args.film) if kind == "grab" else names.known(args.film, set(QueueName), "isn't in a queue")
    )
    if film is None:
        return 1
    movie = film.movie
    release = _release(args.release, context, movie)
    daemon = running_daemon(context.paths) if kind == "grab" else None
    waits = daemon is not None and daemon.download.kind is ActivityKind.NO_ROOM
    when = f" as soon as there's room ({daemon.download.detail})" if daemon and waits else ""
    submit(
        context, Request(kind, movies=(movie,), release=release), f"{movie.label}: {release} {done}{when}."
    )
    return 0


def _release(text: str, context: Context, movie: Movie) -> ReleaseId:
    """Return the release of an id, or of a number in the last search for the film."""
    release = ReleaseId.parse(text.strip())
    if release is not None:
        return _checked(release, context)
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal()):
        raise UserError(
            f"{one_line(text)!r} is neither the id of a release (like filelist:12345) nor its number in the "
            "last search."
        )
    now, searches = context.clock.now(), read_note(context.paths.searches)
    told = [found for name in _names(movie) if (found := _shown_in(searches.get(name), now))]
    if not told:
        again = command_line("search", movie.slug or movie.imdb_id or movie.label)
        raise UserError(f"No search for {movie.label} in the last hour. Search again: `{again}`")
    _, ids = max(told)
    number = int(digits) if len(digits) <= _MOST_DIGITS else 0
    release = ReleaseId.parse(ids[number - 1]) if 0 < number <= len(ids) else None
    if release is None:
        numbers = f"has only numbers 1 to {len(ids)}" if len(ids) > 1 else "has only number 1"
        has = numbers if ids else "found nothing"
        raise UserError(f"The last search for {movie.label} {has}. Search again, or give the id.")
    return release


def _checked(release: ReleaseId, context: Context) -> ReleaseId:
    """Return the release of one of the user's trackers as the tracker itself writes its id."""
    trackers = context.config.section(GeneralSettings).trackers
    name = next((name for name in trackers if name.casefold() == release.tracker.casefold()), None)
    if name is None:
        raise UserError(
            f"{one_line(str(release))!r} isn't on any of your trackers ({', '.join(trackers)}). "
            "`search` shows the ids."
        )
    release = ReleaseId(name, release.id.strip())
    if name == FILELIST and not (number := filelist_id(release)):
        raise UserError(f"{one_line(str(release))!r}: FileList's ids are numbers, like filelist:12345.")
    return ReleaseId(name, str(number)) if name == FILELIST else release


def _shown_in(search: object, now: datetime) -> tuple[datetime, list[str]] | None:
    """Return when a search was made and what it showed, if its numbers still hold."""
    told = search if isinstance(search, dict) else {}
    at, ids = parse_time(told.get("at")), told.get("ids")
    if at is None or not timedelta() <= now - at <= _NUMBERS_HOLD or not isinstance(ids, list):
        return None
    return at, [str(each) for each in ids]


def _names(movie: Movie) -> tuple[str, ...]:
    """Return what the searches for a film are kept under: its keys, and its title with the year."""
    return (*movie.keys(), _name(movie))


def _name(movie: Movie) -> str:
    """Return what a search for a title and year is kept under; a slug often says the same."""
    return comparable(movie.label).strip()
