"""`add`, `retry`, `remove` and `import`: what edits the queues, beside a running daemon or without one."""

import threading
from argparse import Namespace
from pathlib import Path

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.daemon.desk import RequestDesk, hand_in
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.domain.models import QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import UserError
from movie_sync.logs import set_up_logging
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import forget_state, read_state
from movie_sync.services.letterboxd.service import LetterboxdSettings, WatchlistSettings
from movie_sync.services.letterboxd_export.export import describe_unread, read_export
from movie_sync.storage.instance_lock import InstanceLock
from movie_sync.wishes.named_films import named_film
from movie_sync.wishes.watchlist_store import WatchlistStore


def run_add(args: Namespace, context: Context) -> int:
    """Queue films by slug or address, or by the id of one that is known; returns the exit code.

    Raises:
        UserError: one of them is neither.
    """
    base_url = context.config.section(LetterboxdSettings).base_url.rstrip("/")
    queues = context.queues_to_look_at()
    movies = tuple(named_film(film, queues, base_url) for film in args.film)
    _submit(context, Request("add", movies=movies), f"{_count(len(movies))} to be queued")
    return 0


def run_retry(args: Namespace, context: Context) -> int:
    """Put failed films back into the queue; returns the exit code.

    Raises:
        UserError: neither films nor `--all` were named, or both.
    """
    films: list[str] = args.film
    if bool(films) == args.all:
        raise UserError("Name the films to retry by slug or id, or give --all.")
    view = context.queues_to_look_at()
    if args.all:
        waiting = len(view.entries(QueueName.FAILED))
        if waiting:
            _submit(context, Request("retry"), f"{_count(waiting)} back to the queue")
        else:
            context.complain_of_damage(view)
            context.say("No film has failed.")
        return 0
    known = [film for film in films if (found := view.find(film)) and found[0] is QueueName.FAILED]
    for film in films:
        if film not in known:
            context.complain(f"{one_line(film)}: not among the failed films; see `queue failed`.")
    if not known:
        context.complain_of_damage(view)  # else it is said when it is mended
    else:
        _submit(context, Request("retry", films=tuple(known)), f"{_count(len(known))} back to the queue")
    return 0 if len(known) == len(films) else 1


def run_remove(args: Namespace, context: Context) -> int:
    """Take films out of the queues and keep them out; returns the exit code."""
    films: list[str] = args.film
    view = context.queues_to_look_at()
    known = [film for film in films if (found := view.find(film)) and found[0] is not QueueName.REMOVED]
    for film in films:
        if film not in known:
            context.complain(f"{one_line(film)}: in no queue; see `queue`.")
    if not known:
        context.complain_of_damage(view)
    else:
        _submit(
            context,
            Request("remove", films=tuple(known)),
            f"{_count(len(known))} removed; kept out until `add`",
        )
    return 0 if len(known) == len(films) else 1


def run_import(args: Namespace, context: Context) -> int:
    """Take a Letterboxd export in as the watchlist; returns the exit code.

    Raises:
        UserError: the file is no export with a watchlist.
    """
    export: Path = args.file
    try:
        snapshot = read_export(export)
    except UserError as exc:
        raise UserError(one_line(str(exc))) from None  # it quotes the file's name
    if snapshot.unread:
        context.complain(describe_unread(export.name, snapshot))
    context.paths.prepare()
    _submit(
        context,
        Request("import", movies=tuple(snapshot.movies), owner=_list_owner(context) or snapshot.owner),
        f"{_count(len(snapshot.movies))} read from {one_line(export.name)}",
    )
    return 0


def _list_owner(context: Context) -> str:
    """Return whose list the daemon reads here, so that the export counts as a reading of that list."""
    export_file = context.config.section(LetterboxdSettings).export_file
    if export_file:
        return str(Path(export_file).absolute())
    remembered = WatchlistStore(context.paths.watchlist, context.clock, writable=False).load()
    return context.config.section(WatchlistSettings).username or (remembered.owner if remembered else "")


def _submit(context: Context, request: Request, done: str) -> None:
    """Hand a request to the daemon, or carry it out here if none runs; nothing is lost either way."""
    context.paths.prepare()
    context.credentials_manager()  # what cannot be used is said before anything is asked for
    context.complain_of_settings()
    inbox, lock = Inbox(context.paths.inbox, context.clock), InstanceLock(context.paths.daemon_lock)
    if hand_in(request, inbox, lock, lambda: _carry_out_here(context, inbox)):
        context.say(f"{done}.")
        return
    holder = read_state(context.paths.daemon)
    who = f"the daemon (process {holder.pid})" if holder else "the daemon"
    context.say(f"{done}: {who} is busy and will do it as soon as it can.")


def _carry_out_here(context: Context, inbox: Inbox) -> None:
    """Do what a daemon would do. The lock is held, so what a killed one left to tell is out of date.

    Raises:
        StorageError: it could not be done now.
    """
    forget_state(context.paths.daemon, context.clock.now())
    set_up_logging("WARNING", context.redactor, log_file=context.paths.log, plain=context.options.plain)
    queue_manager = QueueManager(context.paths.root, clock=context.clock)
    services = Services(context, stop=threading.Event())
    inbox.drain(RequestDesk(queue_manager, services.intake(queue_manager)).carry_out)


def _count(films: int) -> str:
    return "1 film" if films == 1 else f"{films} films"
