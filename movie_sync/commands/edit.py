"""`add`, `retry`, `remove` and `import`: what edits the queues, beside a running daemon or without one."""

import re
import threading
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.daemon.inbox import Inbox, Request, RequestKind, carry_out, hand_in
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.quality_rules import PRESETS
from movie_sync.errors import UserError
from movie_sync.logs import set_up_logging
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import forget_state, read_state
from movie_sync.reports.lines import films_words
from movie_sync.services import registry
from movie_sync.services.letterboxd.service import LetterboxdSettings
from movie_sync.services.letterboxd_export.export import describe_unread, read_export
from movie_sync.storage.locks import InstanceLock
from movie_sync.wishes.watchlist_store import WatchlistStore

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
_ID = re.compile(r"[0-9A-Za-z]{1,24}")  # as exports may have them
_LETTERBOXD = re.compile(r"(?:https?://)?(?:www\.)?letterboxd\.com(?=/)", re.IGNORECASE)
# A member's own page of a film, its reviews and whatever an address carries behind it name the film too.
_FILM_PATH = re.compile(r"/(?:[\w-]+/)?film/([\w-]+)(?:[/?#].*)?", re.IGNORECASE)
_SHORT_ADDRESS = re.compile(r"(?:https?://)?boxd\.it/([0-9A-Za-z]+)/?", re.IGNORECASE)


def run_add(args: Namespace, context: Context) -> int:
    """Queue films by slug or address, or by the id of one that is known; returns the exit code."""
    base_url = context.config.section(LetterboxdSettings).base_url.rstrip("/")
    queues = context.queues_to_look_at()
    movies = tuple(named_film(film, queues, base_url) for film in args.film)
    preset = _preset(args.quality) if args.quality else ""
    submit(context, Request("add", movies=movies, preset=preset), f"{films_words(len(movies))} to be queued")
    return 0


def _preset(name: str) -> str:
    if name.lower() not in PRESETS:
        raise UserError(f"There is no preset {one_line(name)!r}: {', '.join(PRESETS)} are.")
    return name.lower()


def named_film(text: str, queues: QueueManager, base_url: str) -> Movie:
    """Return the film that the queues hold under an id, else the one that a slug or an address names.

    Raises UserError: it is none of these.
    """
    text = text.strip()
    found = queues.find(text) if _ID.fullmatch(text) else None  # a slug may look like an id
    if found:
        return found[1].movie
    short = _SHORT_ADDRESS.fullmatch(text)
    if short:
        return Movie(id=short[1], slug="", title=f"boxd.it/{short[1]}", url=f"https://boxd.it/{short[1]}")
    path = _LETTERBOXD.sub("", text.removeprefix(base_url), count=1)
    address = _FILM_PATH.fullmatch(path)
    slug = (address[1] if address else text).lower()
    if not _SLUG.fullmatch(slug):
        raise UserError(
            f"{one_line(text)!r} is neither a film's slug (like heat-1995) nor its Letterboxd address "
            "(like https://letterboxd.com/film/heat-1995/)."
        )
    return Movie(id=slug, slug=slug, title=slug, url=f"{base_url}/film/{slug}/")


def run_retry(args: Namespace, context: Context) -> int:
    """Put failed films back into the queue; returns the exit code."""
    if bool(args.film) == args.all:
        raise UserError("Name the films to retry by slug or id, or give --all.")
    done = "back to the queue"
    if args.film:
        missing = "not among the failed films; see `queue failed`"
        return _submit_known(context, "retry", args.film, {QueueName.FAILED}, missing, done)
    view = context.queues_to_look_at()
    failed = len(view.entries(QueueName.FAILED))
    if failed:
        submit(context, Request("retry"), f"{films_words(failed)} {done}")
    else:
        context.warn(view.damage)
        context.say("No film has failed.")
    return 0


def run_remove(args: Namespace, context: Context) -> int:
    """Take films out of the queues and keep them out; returns the exit code."""
    queues = set(QueueName) - {QueueName.REMOVED}
    done = "removed; kept out until `add`"
    return _submit_known(context, "remove", args.film, queues, "in no queue; see `queue`", done)


def run_import(args: Namespace, context: Context) -> int:
    """Take a Letterboxd export in as the watchlist; returns the exit code."""
    export: Path = args.file
    try:
        snapshot = read_export(export)
    except UserError as exc:
        raise UserError(one_line(str(exc))) from None  # it quotes the file's name
    if snapshot.unread:
        context.complain(describe_unread(export.name, snapshot))
    context.paths.prepare()
    submit(
        context,
        Request("import", movies=tuple(snapshot.movies), owner=_list_owner(context) or snapshot.owner),
        f"{films_words(len(snapshot.movies))} read from {one_line(export.name)}",
    )
    return 0


def _submit_known(
    context: Context, kind: RequestKind, films: Sequence[str], queues: set[QueueName], missing: str, done: str
) -> int:
    """Submit those of the films that are in one of these queues; `missing` is said of the others."""
    view = context.queues_to_look_at()
    known = [film for film in films if (found := view.find(film)) and found[0] in queues]
    for film in films:
        if film not in known:
            context.complain(f"{one_line(film)}: {missing}.")
    if known:
        submit(context, Request(kind, films=tuple(known)), f"{films_words(len(known))} {done}")
    else:
        context.warn(view.damage)  # else it is said when it is mended
    return 0 if len(known) == len(films) else 1


def _list_owner(context: Context) -> str:
    """Return whose list the daemon reads here, so that the export counts as a reading of that list."""
    remembered = WatchlistStore(context.paths.watchlist, context.clock, writable=False).load()
    owner = registry.chosen_list(context.config).owner(context.config)
    return owner or (remembered.owner if remembered else "")


def submit(context: Context, request: Request, done: str) -> None:
    """Hand a request to the daemon, or carry it out here if none runs; nothing is lost either way."""
    context.paths.prepare()
    context.credentials_manager()  # what cannot be used is said before anything is asked for
    context.warn(context.config.warnings)
    inbox, lock = Inbox(context.paths.inbox, context.clock), InstanceLock(context.paths.daemon_lock)
    if hand_in(request, inbox, lock, lambda: _carry_out_here(context, inbox)):
        context.say(f"{done}.")
        return
    holder = read_state(context.paths.daemon)
    who = f"the daemon (process {holder.pid})" if holder else "the daemon"
    context.say(f"{done}: {who} is busy and will do it as soon as it can.")


def _carry_out_here(context: Context, inbox: Inbox) -> None:
    """Do what a daemon would do. The lock is held, so what a killed one left to tell is out of date."""
    forget_state(context.paths.daemon, context.clock.now())
    set_up_logging("WARNING", context.redactor, log_file=context.paths.log, plain=context.options.plain)
    queue_manager = QueueManager(context.paths.root, clock=context.clock)
    intake = Services(context, stop=threading.Event()).intake(queue_manager)
    inbox.drain(partial(carry_out, queue_manager, intake))
