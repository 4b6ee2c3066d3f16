"""`add`, `retry`, `remove` and `import`: what edits the queues, beside a running daemon or without one."""

import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.daemon.desk import RequestDesk
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import StorageError, UserError
from movie_sync.logs import set_up_logging
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import forget_state, read_state
from movie_sync.services.letterboxd.service import LetterboxdSettings, WatchlistSettings
from movie_sync.services.letterboxd_export.export import describe_unread, read_export
from movie_sync.storage.instance_lock import InstanceLock
from movie_sync.wishes.watchlist_store import WatchlistStore

_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.05
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)
_ID = re.compile(r"[0-9A-Za-z]{1,24}")  # as exports may have them
_LETTERBOXD = re.compile(r"(?:https?://)?(?:www\.)?letterboxd\.com(?=/)", re.IGNORECASE)
# A member's own page of a film, its reviews and whatever an address carries behind it name the film too.
_FILM_PATH = re.compile(r"/(?:[\w-]+/)?film/([\w-]+)(?:[/?#].*)?", re.IGNORECASE)
_SHORT_ADDRESS = re.compile(r"(?:https?://)?boxd\.it/([0-9A-Za-z]+)/?", re.IGNORECASE)


def run_add(context: Context, films: Sequence[str]) -> int:
    """Queue films by slug or address, or by the id of one that is known; returns the exit code.

    Raises:
        UserError: one of them is neither.
    """
    base_url = context.config.section(LetterboxdSettings).base_url.rstrip("/")
    movies = tuple(_known_movie(context, film) or _named_movie(film, base_url) for film in films)
    _submit(context, Request("add", movies=movies), f"{_count(len(movies))} to be queued")
    return 0


def run_retry(context: Context, films: Sequence[str], *, all_failed: bool) -> int:
    """Put failed films back into the queue; returns the exit code.

    Raises:
        UserError: neither films nor `--all` were named, or both.
    """
    if bool(films) == all_failed:
        raise UserError("Name the films to retry by slug or id, or give --all.")
    view = context.queues_to_look_at()
    if all_failed:
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


def run_remove(context: Context, films: Sequence[str]) -> int:
    """Take films out of the queues and keep them out; returns the exit code."""
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


def run_import(context: Context, export: Path) -> int:
    """Take a Letterboxd export in as the watchlist; returns the exit code.

    Raises:
        UserError: the file is no export with a watchlist.
    """
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
    inbox = Inbox(context.paths.inbox, context.clock)
    waiting = inbox.put(request)
    lock = InstanceLock(context.paths.daemon_lock)
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while waiting.exists() and time.monotonic() < ends_at:
        if lock.acquire(wait_seconds=_POLL_SECONDS):
            try:
                _carry_out_here(context, inbox)
            except StorageError as exc:
                raise StorageError(
                    f"{exc} What was asked for is kept: the next command, or the daemon, does it."
                ) from None
            finally:
                lock.release()
    holder = read_state(context.paths.daemon)
    if waiting.exists():
        who = f"the daemon (process {holder.pid})" if holder else "the daemon"
        context.say(f"{done}: {who} is busy and will do it as soon as it can.")
    else:
        context.say(f"{done}.")


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


def _known_movie(context: Context, film: str) -> Movie | None:
    """Return the film that the queues, or what was removed, hold under an id; a slug may look like one."""
    if not _ID.fullmatch(film.strip()):
        return None
    found = context.queues_to_look_at().find(film.strip())
    return found[1].movie if found else None


def _named_movie(film: str, base_url: str) -> Movie:
    short = _SHORT_ADDRESS.fullmatch(film.strip())
    if short:
        return Movie(id=short[1], slug="", title=f"boxd.it/{short[1]}", url=f"https://boxd.it/{short[1]}")
    path = _LETTERBOXD.sub("", film.strip().removeprefix(base_url), count=1)
    address = _FILM_PATH.fullmatch(path)
    slug = address[1] if address else film.strip()
    if not _SLUG.fullmatch(slug):
        raise UserError(
            f"{one_line(film)!r} is neither a film's slug (like heat-1995) nor its Letterboxd address "
            "(like https://letterboxd.com/film/heat-1995/)."
        )
    return Movie(
        id=slug.lower(), slug=slug.lower(), title=slug.lower(), url=f"{base_url}/film/{slug.lower()}/"
    )


def _count(films: int) -> str:
    return "1 film" if films == 1 else f"{films} films"
