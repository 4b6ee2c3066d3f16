"""`add`, `retry`, `remove` and `import`: what edits the queues, beside a running daemon or without one."""

import threading
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.commands.naming import FilmNames
from movie_sync.daemon.inbox import Inbox, Request, RequestKind, carry_out, hand_in
from movie_sync.domain.models import Movie, QueueName, WatchlistSnapshot
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.quality_rules import PRESETS
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.logs import set_up_logging
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.counts import films_words
from movie_sync.reports.daemon_state import forget_state, read_state
from movie_sync.reports.film_lines import imported_words, queued_words, removed_words
from movie_sync.services.imdb_export.rows import is_imdb, read_imdb
from movie_sync.services.letterboxd.service import Letterboxd
from movie_sync.services.letterboxd_export.export import Export, read_file
from movie_sync.services.letterboxd_export.rows import ExportKind
from movie_sync.services.letterboxd_export.service import LetterboxdExport
from movie_sync.services.list_file import describe_unread
from movie_sync.services.wish_lists import chosen_lists
from movie_sync.storage.locks import InstanceLock
from movie_sync.wishes.by_title import with_known_keys
from movie_sync.wishes.film_finder import FoundFilm
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.watchlist_store import WatchlistStore

_MOST_NAMED = 10


def run_add(args: Namespace, context: Context) -> int:
    """Queue films that are known here or on Letterboxd; returns the exit code."""
    preset = _preset(args.quality) if args.quality else ""
    view = context.queues_to_look_at()
    names = FilmNames(context, view)
    named = [film for text in args.film if (film := names.any(text))]
    if named:
        words = [queued_words(film.movie, film.queue, preset, film.doubt) for film in named]
        submit(context, Request("add", movies=tuple(film.movie for film in named), preset=preset), *words)
    else:
        context.warn(view.damage)  # else it is said when it is repaired
    return 0 if len(named) == len(args.film) else 1


def queue_films(context: Context, movies: Sequence[Movie]) -> None:
    """Queue films that the user picked from a list, as `add` does, without reading their pages."""
    view = context.queues_to_look_at()
    words = [queued_words(movie, view.queue_of(movie)) for movie in movies]
    if len(words) > _MOST_NAMED:
        words = [f"{films_words(len(words))} queued."]
    submit(context, Request("add", movies=tuple(movies)), *words)


def _preset(name: str) -> str:
    if name.lower() not in PRESETS:
        raise UserError(f"No preset {one_line(name)!r}. Choose one of {', '.join(PRESETS)}.")
    return name.lower()


def run_retry(args: Namespace, context: Context) -> int:
    """Put failed films back into the queue; returns the exit code."""
    if bool(args.film) == args.all:
        raise UserError("Name the films to retry, or use --all.")
    if args.film:
        return _submit_known(context, "retry", args.film, {QueueName.FAILED}, "hasn't failed", _back_words)
    view = context.queues_to_look_at()
    failed = len(view.entries(QueueName.FAILED))
    if failed:
        submit(context, Request("retry"), f"{films_words(failed)} back in the queue.")
    else:
        context.warn(view.damage)
        context.say("No failed films.")
    return 0


def _back_words(entry: QueueEntry) -> str:
    return f"Back in the queue: {entry.movie.label}."


def run_remove(args: Namespace, context: Context) -> int:
    """Take films out of the queues and keep them out; returns the exit code."""
    queues = set(QueueName) - {QueueName.REMOVED}
    return _submit_known(context, "remove", args.film, queues, "isn't in a queue", removed_words)


def run_import(args: Namespace, context: Context) -> int:
    """Take a watchlist's export in, or the films of any other list; returns the exit code."""
    path: Path = args.file
    try:
        owner, snapshot = _read_list(path, context)
    except UserError as exc:
        raise UserError(one_line(str(exc))) from None  # it quotes the file's name
    except OSError as exc:
        raise UserError(f"Can't read {one_line(str(path))} ({exc.strerror or exc}).") from None
    if snapshot.unread:
        context.complain(describe_unread(path.name, snapshot))
    context.paths.prepare()
    before = _count_by_queue(context, snapshot.movies)
    holder = _carry_out(context, Request("import", movies=tuple(snapshot.movies), owner=owner))
    left_out = 0 if holder else _count_by_queue(context, snapshot.movies)[None]
    context.say(imported_words(path.name, before, left_out, snapshot.passed_over))
    if holder or before[None] > left_out:
        context.say(holder or _what_is_next(context))
    return 0


def _count_by_queue(context: Context, movies: Iterable[Movie]) -> Counter[QueueName | None]:
    view = context.queues_to_look_at()
    return Counter(map(view.queue_of, with_known_keys(movies, KnownFilms(view, context.paths.watchlist))))


def _what_is_next(context: Context) -> str:
    if context.has_daemon():
        return (
            f"Movie Sync is running and will look for them. To watch: `{command_line('status', '--watch')}`"
        )
    return f"Movie Sync isn't running. To start it: `{command_line()}`"


def _read_list(path: Path, context: Context) -> tuple[str, WatchlistSnapshot]:
    """Read a file of any kind that is known; return whose list its films count for, too."""
    if is_imdb(path):
        return "", read_imdb(path)
    found = read_file(path)
    is_watchlist = found.kind is ExportKind.WATCHLIST
    return _list_owner(context, found) if is_watchlist else "", found.snapshot


def _submit_known(
    context: Context,
    kind: RequestKind,
    films: Sequence[str],
    queues: set[QueueName],
    otherwise: str,
    words: Callable[[QueueEntry], str],
) -> int:
    """Submit those of the films that are in one of these queues; `otherwise` is said of the others."""
    view = context.queues_to_look_at()
    names = FilmNames(context, view)
    known = [film for text in films if (film := names.known(text, queues, otherwise))]
    found = {film.name: entry for film in known if (entry := _entry(view, film))}
    if found:
        submit(context, Request(kind, films=tuple(found)), *map(words, found.values()))
    else:
        context.warn(view.damage)  # else it is said when it is repaired
    return 0 if len(known) == len(films) else 1


def _entry(view: QueueManager, film: FoundFilm) -> QueueEntry | None:
    found = view.find(film.name)
    return found[1] if found else None


def _list_owner(context: Context, export: Export) -> str:
    """Return which list a watchlist's export counts as a reading of: its user's, if that is read here.

    Nobody's, if the lists are other ones: from those its films would leave again.
    """
    wishes = [chosen.wish for chosen in chosen_lists(context.config)]
    if not wishes:
        remembered = WatchlistStore(context.paths.watchlist, context.clock, writable=False).load()
        return remembered.owner if remembered else export.snapshot.owner
    watchlists = [wish.owner for wish in wishes if wish.kind == Letterboxd.name]
    files = [wish.owner for wish in wishes if wish.kind == LetterboxdExport.name]
    if export.user:
        watchlists = [owner for owner in watchlists if owner.casefold() == export.user]
    return next(iter((*watchlists, *files)), "")


def submit(context: Context, request: Request, *done: str) -> None:
    """Hand a request to the daemon, or carry it out here if none runs; nothing is lost either way."""
    holder = _carry_out(context, request)
    for line in (*done, holder):
        if line:
            context.say(line)


def _carry_out(context: Context, request: Request) -> str:
    """Have a request carried out; return why that is still to come, in words, or ""."""
    context.paths.prepare()
    context.credentials_manager()  # what cannot be used is said before anything is asked for
    context.warn(context.config.warnings)
    inbox, lock = Inbox(context.paths.inbox, context.clock), InstanceLock(context.paths.daemon_lock)
    if hand_in(request, inbox, lock, lambda: _carry_out_here(context, inbox)):
        return ""
    holder = read_state(context.paths.daemon)
    who = f"The daemon (process {holder.pid})" if holder else "The daemon"
    return f"{who} is busy and will do it as soon as it can."


def _carry_out_here(context: Context, inbox: Inbox) -> None:
    """Do what a daemon would do. The lock is held, so what a killed one left to tell is out of date."""
    forget_state(context.paths.daemon, context.clock.now())
    set_up_logging("WARNING", context.redactor, log_file=context.paths.log, plain=context.options.plain)
    queue_manager = QueueManager(context.paths.root, clock=context.clock)
    intakes = Services(context, stop=threading.Event()).intakes(queue_manager)
    inbox.drain(partial(carry_out, queue_manager, intakes))
