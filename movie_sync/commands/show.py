"""`status` and `queue`, beside a running daemon or without one; and tables for people."""

import json
import shutil
import sys
from argparse import Namespace

from movie_sync.commands.context import Context
from movie_sync.commands.table import print_table
from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import UserError
from movie_sync.queues.codec import entry_to_dict
from movie_sync.reports.lines import LineStyle, state_of, status_lines
from movie_sync.reports.status import read_status, status_document
from movie_sync.services import registry
from movie_sync.settings.keys import GeneralSettings

_NAME_COLUMN = "SLUG OR ID"  # what the commands take
_SHOWN_QUEUES = (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)


def run_status(args: Namespace, context: Context) -> int:
    """Show the state of everything; returns the exit code."""
    if args.watch and args.json:
        raise UserError("--watch shows a screen, and --json one document: use one of them.")
    style = LineStyle()  # nothing is cut off, and everything is ASCII
    if sys.stdout.isatty():
        has_blocks = "utf" in (sys.stdout.encoding or "").casefold() and not context.options.plain
        bar, arrow = ("\u2588\u2591", "\u2192") if has_blocks else ("#.", "->")
        style = LineStyle(shutil.get_terminal_size().columns - 1, bar, arrow)
    if args.watch:
        from movie_sync.commands.watch import run_watch  # noqa: PLC0415 - only this needs it

        return run_watch(context, style)
    queues = context.queues_to_look_at()
    context.warn(queues.damage)
    status = read_status(
        context.paths,
        queues,
        context.config.faults,
        context.clock,
        registry.seeding_rules(),
        context.config.section(GeneralSettings).path_map,
    )
    if not status.held_back and not (status.daemon and status.daemon.settings):  # those name it themselves
        context.warn(context.config.warnings)
    if args.json:
        # Plain ASCII: whole in any encoding, harmless on a terminal.
        print(json.dumps(status_document(status), indent=1))
        return 0
    for line in status_lines(status, style):
        context.say(line)
    return 0


def run_queue(args: Namespace, context: Context) -> int:
    """Show the entries of one queue or of all; returns the exit code."""
    queues = context.queues_to_look_at()
    context.warn([*context.config.warnings, *queues.damage])
    names = [QueueName(args.queue)] if args.queue else list(_SHOWN_QUEUES)
    entries = [(name, entry) for name in names for entry in queues.entries(name)]
    if args.json:
        # A hand edit may have left a key of that name in an entry: ours stands first, and stays.
        documents = [
            (place := {"queue": str(name)}) | entry_to_dict(entry, name) | place for name, entry in entries
        ]
        print(json.dumps(documents, indent=1))  # plain ASCII: whole in any encoding, harmless on a terminal
        return 0
    if not entries:
        context.say("No films.")
        return 0
    headers = ("QUEUE", "FILM", _NAME_COLUMN, "STATE")
    rows = [
        (str(name), entry.movie.label, _to_copy(entry.movie), state_of(name, entry, context.clock.now()))
        for name, entry in entries
    ]
    first = 1 if args.queue else 0  # a single queue needs no column for its name
    print_table(headers[first:], [row[first:] for row in rows], to_copy=_NAME_COLUMN)
    return 0


def _to_copy(movie: Movie) -> str:
    """Return the slug, or the id where a slug would be broken over several lines of a terminal."""
    most = shutil.get_terminal_size().columns * 2 // 5 if sys.stdout.isatty() else None
    return movie.slug if movie.slug and (most is None or len(movie.slug) <= most) else movie.id or movie.slug
