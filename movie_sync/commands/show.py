"""`status` and `queue`, beside a running daemon or without one; and tables for people."""

import json
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence

from movie_sync.commands.context import Context
from movie_sync.domain.models import QueueName
from movie_sync.domain.plain_text import one_line, width
from movie_sync.errors import UserError
from movie_sync.queues.codec import entry_to_dict
from movie_sync.reports.lines import LineStyle, state_of, status_lines
from movie_sync.reports.status import read_status, status_document
from movie_sync.services import registry

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
        context.paths, queues, context.config.faults, context.clock, registry.seeding_rules()
    )
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
    context.warn(queues.damage)
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
        context.say("No films there.")
        return 0
    headers = ("QUEUE", "FILM", _NAME_COLUMN, "STATE")
    rows = [
        (str(name), entry.movie.label, entry.movie.slug or entry.movie.id, state_of(name, entry))
        for name, entry in entries
    ]
    first = 1 if args.queue else 0  # a single queue needs no column for its name
    print_table(
        headers[first:], [row[first:] for row in rows], plain=context.options.plain, to_copy=_NAME_COLUMN
    )
    return 0


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, plain: bool, to_copy: str = ""
) -> None:
    """Print rows under headers on stdout. Texts from outside are made safe for a terminal.

    The column with the header `to_copy` is not broken into lines, unless half the terminal is too narrow.
    """
    if not sys.stdout.isatty():
        for line in (headers, *rows):
            print("\t".join(map(one_line, line)))
        return
    from rich.console import Console  # noqa: PLC0415 - costs 40 ms and is for tables alone
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(no_color=plain, highlight=False)
    table = Table(box=None, pad_edge=False, header_style="" if plain else "bold")
    for number, header in enumerate(headers):
        longest = max((width(row[number]) for row in rows), default=0)
        is_whole = header == to_copy and longest <= console.width // 2
        table.add_column(header, overflow="fold", no_wrap=is_whole)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(table)
