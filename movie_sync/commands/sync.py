"""`sync`: a running daemon looks now; without one, a single run does."""

from argparse import Namespace
from dataclasses import replace

from movie_sync.commands.context import Context
from movie_sync.commands.daemon import run_daemon
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.invocation import command_line
from movie_sync.reports.daemon_state import read_state
from movie_sync.storage.locks import InstanceLock


def run_sync(args: Namespace, context: Context) -> int:
    """Ask the daemon and return at once, or run once; returns the exit code."""
    if not InstanceLock(context.paths.daemon_lock).is_held_elsewhere():
        return run_daemon(args, replace(context, options=replace(context.options, once=True)))
    context.paths.prepare()
    Inbox(context.paths.inbox, context.clock).put(Request("sync"))
    daemon = read_state(context.paths.daemon)
    who = f"the daemon (process {daemon.pid})" if daemon else "the daemon"
    context.say(f"Asked {who} to check your lists now. To see what it does: `{command_line('status')}`")
    return 0
