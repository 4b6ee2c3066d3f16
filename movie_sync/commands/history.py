"""`history`: what happened to a film, or to all films lately, and why."""

import json
import shutil
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Sequence

from movie_sync.commands.context import Context
from movie_sync.commands.naming import FilmNames
from movie_sync.domain.letterboxd_text import split_name
from movie_sync.domain.models import Movie
from movie_sync.domain.plain_text import folded, one_line
from movie_sync.domain.times import format_time, minute
from movie_sync.reports.film_lines import not_found_words
from movie_sync.storage.history import HistoryEvent, read_history

_SHOWN = 50
_INDENT = " " * 4
_ANSWER_IS_NO = 1
_WHAT_COLUMNS = 13


def run_history(args: Namespace, context: Context) -> int:
    """Show it, the latest last; returns the exit code: 1 if nothing is known of the film."""
    finding, known = None, read_history(context.paths.history)
    if args.film:
        every = list(known)
        finding = FilmNames(context, context.queues_to_look_at(), _films_of(every)).look_up(args.film)
        if len(finding.films) > 1:
            context.complain(not_found_words(finding))
            return _ANSWER_IS_NO
        known = filter(about_film(finding.film.movie), every) if finding.film else iter(())
    events = list(known) if args.json or args.film else list(deque(known, _SHOWN))
    if args.json:
        print(json.dumps([_plain(event) for event in events], indent=1))
        return _ANSWER_IS_NO if args.film and not events else 0
    if not events:
        nothing = f'Nothing is known about "{args.film}".' if args.film else "Nothing has happened yet."
        context.say(not_found_words(finding) if finding and finding.near else nothing)
        return _ANSWER_IS_NO if args.film else 0
    for event in events:
        if sys.stdout.isatty():
            _show(event, context, shutil.get_terminal_size().columns)
        else:
            fields = (format_time(event.when), event.film, event.what, event.detail)
            print(context.redactor.clean("\t".join(map(one_line, fields))))
    return 0


def about_film(movie: Movie) -> Callable[[HistoryEvent], bool]:
    """Return what recognizes the events of a film; one that only IMDb named got its other names later."""
    names = {movie.id, movie.slug or movie.id, movie.imdb_id}
    return lambda event: not {event.id, event.slug}.isdisjoint(names)


def _films_of(events: Sequence[HistoryEvent]) -> list[Movie]:
    """Return the films that something is known of, under their latest names."""
    films = {}
    for event in events:
        title, year = split_name(event.film)
        films[event.id] = Movie(id=event.id, slug=event.slug, title=title, year=year)
    return list(films.values())


def _plain(event: HistoryEvent) -> dict[str, object]:
    return {
        "when": format_time(event.when),
        "film": event.film,
        "slug": event.slug,
        "id": event.id,
        "what": event.what,
        "detail": event.detail,
    }


def _show(event: HistoryEvent, context: Context, columns: int) -> None:
    head = f"{minute(event.when)}  {event.what:{_WHAT_COLUMNS}} {one_line(event.film)}"
    first, *more = folded(head, columns - 1 - len(_INDENT))
    for line in (first, *(f"{_INDENT}{each}" for each in more)):
        context.say(line)
    for line in folded(one_line(event.detail), columns - len(_INDENT) - 1):
        if line:
            context.say(f"{_INDENT}{line}")
