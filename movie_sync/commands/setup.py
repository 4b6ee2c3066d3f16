"""`setup`: asks for what Movie Sync cannot know, one part after the other, each tried and saved at once.

Enter keeps what is there. Ctrl+C or the end of input loses only the part that is being asked; the next
setup continues there.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import TextIO

from movie_sync.commands import autostart
from movie_sync.commands.context import Context
from movie_sync.commands.preview import preview_lines
from movie_sync.commands.setup_blocks import Blocks
from movie_sync.domain.json_text import parse_json
from movie_sync.errors import MovieSyncError, UserError
from movie_sync.invocation import command_line
from movie_sync.services import registry
from movie_sync.services.base import ClientService, TrackerService
from movie_sync.services.form import Prompts
from movie_sync.settings.config import read_file_to_change, variable_of
from movie_sync.storage.atomic_file import DamagedError, delete_files, read_whole, write_atomically
from movie_sync.storage.locks import writing_into
from movie_sync.storage.paths import AppPaths
from movie_sync.storage.shortcomings import shortcomings

_WELCOME = (
    "Movie Sync searches your tracker for the films on your Letterboxd watchlist and sends them to your "
    "torrent client. It uses your own accounts; following their terms of service and your local copyright "
    "law is up to you.\n"
    "Enter keeps the value in [brackets]. Each part is saved once it's done. You can stop with Ctrl+C; the "
    "next `setup` continues where you left off."
)
_STOPPED = 130
_NEEDED = ("letterboxd", "filelist", "client", "folders")
"""The parts without which films could go where nobody wants them."""


def run(args: Namespace, context: Context) -> int:
    """Carry the setup, or one part of it, through; returns the exit code."""
    start = partial(autostart.become_daemon, context)
    return 0 if run_setup(context, only=args.section, start=start) else _STOPPED


def is_unfinished(paths: AppPaths) -> bool:
    """Tell whether a setup was interrupted before all that is needed was asked."""
    answered = _read_answered(paths)
    return bool(answered) and not set(_NEEDED) <= set(answered)


def run_setup(
    context: Context,
    *,
    only: str | None = None,
    start: Callable[[], object] | None = None,
    prompts: Prompts | None = None,
    out: TextIO | None = None,
) -> bool:
    """Ask, try and save each part, or `only` one; return False if the user broke it off.

    `start` starts the daemon, if that is wanted at the end; without it, it starts anyway. Without a
    terminal, or where a damaged file would be lost, it raises UserError.
    """
    prompts, out = prompts or Prompts(), out or sys.stdout
    if not prompts.is_terminal():
        raise UserError(_without_terminal())
    context.paths.prepare()
    read_file_to_change(context.paths.config)
    blocks = Blocks(context, prompts, out)
    answered = [] if only else _read_answered(context.paths)
    try:
        if only:
            blocks.is_alone = True
            blocks.by_name[only]()
            _warn_of_file_systems(context)
            blocks.say(f"\nSaved in {context.paths.root}.{_of_running(blocks)}")
            return True
        _ask_all(blocks, answered)
        blocks.say(f"\nSaved in {context.paths.root}.")
        _warn_of_file_systems(context)
        _end(blocks, start)
    except (KeyboardInterrupt, EOFError):
        blocks.say(f"\n{_stopped_words(answered, blocks)}")
        return False
    return True


def _warn_of_file_systems(context: Context) -> None:
    """Say what is lacking where the key was written; what the data folder lacks the daemon says."""
    context.warn(shortcomings(but_for=context.paths.root))


def _ask_all(blocks: Blocks, answered: list[str]) -> None:
    paths = blocks.context.paths
    if answered:
        done = ", ".join(answered)
        change = command_line("setup", answered[0])
        blocks.say(f"Continuing where you left off. Already saved: {done}. To change one: `{change}`.")
    else:
        blocks.say(_WELCOME)
    for name, ask in blocks.by_name.items():
        if name not in answered:
            ask()
            answered.append(name)
            with writing_into(paths.root):
                write_atomically(paths.setup, [json.dumps({"answered": answered}).encode()])
    delete_files(paths.setup)


def _end(blocks: Blocks, start: Callable[[], object] | None) -> None:
    """Show what would be taken, and start it, now and at each login, where that is wanted."""
    context = blocks.context
    if start is not None and context.has_daemon():  # without it, the daemon itself asks
        blocks.say(_of_running(blocks).strip())
        return
    _show_films(blocks)
    starts_now = start is not None and blocks.confirm("Start now?", default=True)
    if autostart.is_offered(context.environ) and blocks.confirm(
        "Start at login, as a systemd user service?", default=False
    ):
        is_started = autostart.start_at_login(context, blocks, now=starts_now)
        starts_now = starts_now and not is_started
    if start is None:
        return
    if starts_now:
        blocks.say("\nCtrl+C stops it. To watch it, in another terminal:")
        blocks.show_command(command_line("status", "--watch"))
        blocks.say()
        start()
    else:
        blocks.say("\nTo test every part:")
        blocks.show_command(command_line("check"))
        blocks.say("To start it:")
        blocks.show_command(command_line())


def _show_films(blocks: Blocks) -> None:
    if blocks.kept:
        blocks.say(
            f"\nNot working yet: {', '.join(blocks.kept)}. `{command_line('check')}` tests it again.\n"
        )
        return
    blocks.say("\nThe first films on your list, and what would be taken:")
    try:
        for line in preview_lines(blocks.context):
            blocks.say(f"  {line}")
    except MovieSyncError as exc:
        blocks.say(f"  {exc}")
    blocks.say()


def _of_running(blocks: Blocks) -> str:
    """Return what a running daemon makes of it, if one runs."""
    if not blocks.context.has_daemon():
        return ""
    return " Movie Sync is running and will apply this by itself."


def _stopped_words(answered: Sequence[str], blocks: Blocks) -> str:
    if not answered:
        return f"Stopped. {'Your tested answers are saved' if blocks.has_saved else 'Nothing was changed'}."
    if len(answered) == len(blocks.by_name):
        return "Stopped. Everything is saved."
    return f"Stopped. Saved: {', '.join(answered)}. `{command_line('setup')}` continues from here."


def _read_answered(paths: AppPaths) -> list[str]:
    """Return the parts that an interrupted setup has answered; none if the file cannot be read."""
    try:
        content = parse_json(read_whole(paths.setup))
    except (FileNotFoundError, DamagedError, ValueError):
        return []
    match content:
        case {"answered": list(names)}:
            return [name for name in names if isinstance(name, str)]
    return []


def _without_terminal() -> str:
    variables = [variable_of("username")]
    services = {**registry.of_kind(TrackerService), **registry.of_kind(ClientService)}
    variables += [field.variable for service in services.values() for field in service.credentials]
    return (
        "Setup needs a terminal. Run it in one, or set "
        f"the environment variables {', '.join(variables)} and put the rest in config.json."
    )
