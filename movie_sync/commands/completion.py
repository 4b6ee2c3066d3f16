"""`completion`: what a shell needs to complete commands and options."""

import argparse

from movie_sync.domain.quality_rules import PRESETS
from movie_sync.errors import UserError
from movie_sync.settings.keys import known, nodes_in


def run_completion(args: argparse.Namespace, _context: None) -> int:
    """Print the shell's own script, which is to be evaluated at its start; returns the exit code."""
    try:
        import shtab  # noqa: PLC0415 - for this command alone
    except ModuleNotFoundError:
        raise UserError("Shell completion needs the package shtab: pip install shtab") from None
    parser: argparse.ArgumentParser = args.parser_of_all()
    kinds = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for each in [parser, *getattr(parser, "commands", {}).values()]:
        for action in each._actions:  # noqa: SLF001 - argparse has no other way
            if action.dest == "key":
                action.choices = [key for key, _ in nodes_in(known().top)]
            if action.metavar == "PRESET":
                action.choices = list(PRESETS)
            if action.metavar in kinds:
                action.complete = kinds[action.metavar]
    print(shtab.complete(parser, args.shell))
    return 0
