"""`shelf`: puts finished films on the shelf, by the running daemon or here."""

from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

from movie_sync.commands.context import Context
from movie_sync.commands.edit import submit
from movie_sync.commands.naming import FilmNames
from movie_sync.commands.shelving import build_shelver
from movie_sync.commands.telling import build_announcer
from movie_sync.daemon.inbox import Request
from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.counts import films_words
from movie_sync.shelf.faults import why_no_shelf
from movie_sync.shelf.order import Outcome
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.storage.locks import InstanceLock


@dataclass(slots=True)
class _Report:
    """Says what came of each film."""

    context: Context
    has_failed: bool = field(default=False, init=False)
    _of_folders: dict[str, list[Movie]] = field(default_factory=dict, init=False)

    def note(self, movie: Movie, outcome: Outcome) -> None:
        """Say it."""
        if outcome.path:
            self.context.say(f"{movie.label}: {outcome.path}")
            return
        self.has_failed = True
        if outcome.is_of_folder:
            self._of_folders.setdefault(outcome.failed, []).append(movie)
        if outcome.is_of_all or outcome.is_of_folder:  # that is said once
            return
        self.context.complain(
            f"{movie.label}: {outcome.failed or f'left where it is, because {outcome.left}.'}"
        )

    def finish(self) -> None:
        """Say once what is the same for all films of a folder."""
        for why, movies in self._of_folders.items():
            films = movies[0].label if len(movies) == 1 else films_words(len(movies))
            self.context.complain(f"Not on the shelf: {films}. {why}")


def run_shelf(args: Namespace, context: Context) -> int:
    """Put films on the shelf, or have the daemon do it; returns the exit code."""
    folder = context.config.section(ShelfSettings).folder
    if folder is None:
        raise UserError(
            f"No shelf is set up. Choose its folder: `{command_line('config', 'shelf.folder', 'FOLDER')}`"
        )
    if bool(args.film) == args.all:
        raise UserError("Name the films to put on the shelf, or use --all.")
    if why := why_no_shelf(Path(folder)):
        context.complain(why)
        return 1
    films = _named(args.film, context) if args.film else _all(context)
    if films:
        names = tuple(entry.movie.slug or entry.movie.id for entry in films) if args.film else ()
        submit(context, Request("shelf", films=names))
    is_all = len(films) == len(args.film) or args.all
    if not films:
        return 0 if args.all else 1
    lock = InstanceLock(context.paths.daemon_lock)
    if not lock.acquire():
        context.say(f"The running daemon will put {films_words(len(films))} on the shelf.")
        return 0 if is_all else 1
    try:
        has_failed = _fill(context)
    finally:
        lock.release()
    return 1 if has_failed or not is_all else 0


def _named(texts: list[str], context: Context) -> list[QueueEntry]:
    """Return the films that are meant and may be put there; says what is wrong with the others."""
    view = context.queues_to_look_at()
    names = FilmNames(context, view)
    films = []
    for text in texts:
        film = names.known(text, {QueueName.COMPLETED}, "isn't downloaded yet")
        found = view.find(film.name) if film else None
        if film and found and found[1].follow and found[1].follow.may_be_shelved:
            films.append(found[1])
        elif film and found and found[1].is_unfinished:
            context.complain(f"{found[1].movie.label} isn't downloaded yet.")
        elif film and found:
            context.complain(f"{found[1].movie.label}: Movie Sync doesn't know where its files are.")
    return films


def _all(context: Context) -> list[QueueEntry]:
    view = context.queues_to_look_at()
    done = [
        (entry, entry.follow)
        for entry in view.entries(QueueName.COMPLETED)
        if entry.follow and entry.follow.may_be_shelved
    ]
    if not done:
        context.say("No film that could be put on the shelf is downloaded yet.")
    elif all(follow.is_on_shelf for _, follow in done):
        context.say("Every film was put on the shelf. To put one there again, name it.")
    return [entry for entry, follow in done if not follow.is_on_shelf]


def _fill(context: Context) -> bool:
    """Put there what is due, and tell whoever is to be told; return whether anything failed."""
    report = _Report(context)
    announcer = build_announcer(context)
    queue_manager = QueueManager(context.paths.root, clock=context.clock)
    if shelver := build_shelver(context, queue_manager, announcer.tell, report.note):
        shelver.finish()
        report.finish()
        if shelver.trouble:
            context.complain(shelver.trouble)
            report.has_failed = True
    announcer.finish()
    return report.has_failed
