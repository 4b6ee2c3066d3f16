"""`status`: everything at a glance, beside a running daemon or without one."""

import json
import shutil
import sys
from argparse import Namespace

from movie_sync.commands.context import Context
from movie_sync.reports.lines import LineStyle, status_lines
from movie_sync.reports.status import read_status, status_document


def run_status(args: Namespace, context: Context) -> int:
    """Show the state of everything; returns the exit code."""
    queues = context.queues_to_look_at()
    context.warn(queues.damage)
    status = read_status(context.paths, queues, context.config.faults, context.clock)
    if args.json:
        # Plain ASCII: whole in any encoding, harmless on a terminal.
        print(json.dumps(status_document(status), indent=1))
        return 0
    style = LineStyle()  # nothing is cut off, and everything is ASCII
    if sys.stdout.isatty():
        has_blocks = "utf" in (sys.stdout.encoding or "").casefold() and not context.options.plain
        style = LineStyle(shutil.get_terminal_size().columns, "\u2588\u2591" if has_blocks else "#.")
    for line in status_lines(status, style):
        context.say(line)
    return 0
