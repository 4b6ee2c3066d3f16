"""`health`: whether a daemon runs and does its work, for containers and monitors."""

import json
from argparse import Namespace

from movie_sync.commands.context import Context
from movie_sync.reports.health import look_at_health


def run_health(args: Namespace, context: Context) -> int:
    """Say it in one line; returns the exit code, 0 if it is well, else 1."""
    health = look_at_health(context.paths)
    if args.json:
        print(json.dumps({"healthy": health.is_healthy, "why": health.why}, indent=1))
    else:
        context.say(health.why)
    return 0 if health.is_healthy else 1
