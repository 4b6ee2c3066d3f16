"""`grab` and `reject`: the user's word on one release; and the numbers that `search` shows."""

from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from movie_sync.commands.context import Context
from movie_sync.commands.edit import named_film, submit
from movie_sync.daemon.inbox import Request
from movie_sync.domain.models import Movie, ReleaseId
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.times import format_time, parse_time
from movie_sync.errors import UserError
from movie_sync.services.letterboxd.service import LetterboxdSettings
from movie_sync.storage.document import read_note, write_note

_MOST_SEARCHES = 50
_NUMBERS_HOLD = timedelta(hours=1)


def run_grab(args: Namespace, context: Context) -> int:
    """Take a release for a film, whatever the rules say; returns the exit code."""
    return _say(args, context, "grab", "is taken for it")


def run_reject(args: Namespace, context: Context) -> int:
    """Never take a release for a film; returns the exit code."""
    return _say(args, context, "reject", "is never taken for it")


def note_search(context: Context, movie: Movie, shown: Sequence[ReleaseId]) -> None:
    """Keep which release has which number in what was just shown for a film."""
    searches = {_name(movie): {"at": format_time(context.clock.now()), "ids": [str(each) for each in shown]}}
    before = read_note(context.paths.searches)
    searches |= {name: told for name, told in before.items() if name not in searches}
    write_note(context.paths.searches, dict(list(searches.items())[:_MOST_SEARCHES]), context.clock)


def _say(args: Namespace, context: Context, kind: Literal["grab", "reject"], done: str) -> int:
    base_url = context.config.section(LetterboxdSettings).base_url.rstrip("/")
    view = context.queues_to_look_at()
    movie = named_film(args.film, view, base_url)
    found = view.find(movie.slug or movie.id)
    movie = found[1].movie if found else movie
    release = _release(args.release, context, movie)
    if kind == "reject" and found is None:
        raise UserError(f"{movie.label} is in no queue. `add` it first; see `queue` for those that are.")
    submit(context, Request(kind, movies=(movie,), release=release), f"{movie.label}: {release} {done}")
    return 0


def _release(text: str, context: Context, movie: Movie) -> ReleaseId:
    """Return the release of an id, or of a number in the last search for the film."""
    release = ReleaseId.parse(text.strip())
    if release is not None:
        return release
    if not text.strip().isdecimal():
        raise UserError(
            f"{one_line(text)!r} is neither the id of a release (like filelist:12345) nor its number in the "
            "last search."
        )
    told = read_note(context.paths.searches).get(_name(movie))
    shown = told if isinstance(told, dict) else {}
    at, ids, number = parse_time(shown.get("at")), shown.get("ids"), int(text)
    age = context.clock.now() - at if at else None
    if age is None or not timedelta() <= age <= _NUMBERS_HOLD or not isinstance(ids, list):
        raise UserError(
            f"No search for {movie.label} in the last hour has numbers: search again, or give the id."
        )
    release = ReleaseId.parse(str(ids[number - 1])) if 0 < number <= len(ids) else None
    if release is None:
        raise UserError(f"The last search for {movie.label} has no number {number}, but 1 to {len(ids)}.")
    return release


def _name(movie: Movie) -> str:
    """Return what a film is kept under: a search knows its title and year alone."""
    return movie.label.casefold()
