"""`queue`: the films themselves, beside a running daemon or without one."""

import json
from argparse import Namespace

from movie_sync.commands.context import Context
from movie_sync.commands.table import print_table
from movie_sync.domain.models import QueueName
from movie_sync.queues.codec import entry_to_dict
from movie_sync.reports.lines import state_of

_NAME_COLUMN = "SLUG OR ID"  # what the commands take
_SHOWN_QUEUES = (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)


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
    first = 1 if args.queue else 0  # of one queue, its name need not stand in every line
    print_table(
        headers[first:], [row[first:] for row in rows], plain=context.options.plain, to_copy=_NAME_COLUMN
    )
    return 0
