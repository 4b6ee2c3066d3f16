"""`config`: the settings in force and where each comes from; sets one, or takes it out."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from movie_sync.commands.context import Context
from movie_sync.commands.table import print_table
from movie_sync.credentials.addresses import may_receive
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.services.base import Service
from movie_sync.services.web.service import Web
from movie_sync.settings.changes import receiver_of, secret_servers
from movie_sync.settings.help import help_of
from movie_sync.settings.in_force import (
    Setting,
    Source,
    change,
    matching,
    settings_in_force,
    unset,
    variable_in_force,
)

_HEADERS = ("KEY", "VALUE", "FROM")

_FOLDERS = ("download_directory", "torrent_directory", "shelf.folder")


def run_config(args: Namespace, context: Context) -> int:
    """Show all settings, some or one, or change one; returns the exit code."""
    key = args.key.strip() if args.key else ""
    if args.unset and (not key or args.value is not None):
        raise UserError("--unset needs the key of one setting, and no value.")
    if args.value is not None or args.unset:
        _change(args, context, key)
        return 0
    context.warn(context.config.warnings)
    settings = matching(in_force(context), key) if key else in_force(context)
    rows = [(each.key, shown(each), came_from(each)) for each in settings]
    print_table(_HEADERS, rows, to_copy="KEY")
    if len(settings) == 1 and settings[0].key == key and sys.stdout.isatty():  # scripts read the table
        context.say(f"\n{help_of(key)}\nAllowed: {settings[0].rule.allowed}.")
    return 0


def _change(args: Namespace, context: Context, key: str) -> None:
    context.paths.prepare()
    if args.unset:
        if not unset(context.paths.config, key):
            context.say(f"{key} isn't set in {context.paths.config}.")
            return
    else:
        change(context.paths.config, key, args.value)
    say_changed(context, key, is_unset=args.unset)
    if receiver := receiver_of(key):
        service, entry = receiver
        _say_held_back(context, service, entry)


def _say_held_back(context: Context, service: Service, entry: str) -> None:
    """Say that secrets have to be entered again where a service has moved to another server."""
    before, now = (
        secret_servers(each.config).get(service.name, {}) for each in (context, context.reloaded())
    )
    names = [entry] if service.is_named else list(now)
    if any(name in before and not may_receive(now.get(name, ""), before[name]) for name in names):
        again = command_line("setup", service.block)
        context.say(
            f"Secrets entered for the old address aren't sent to this one. Enter them again: `{again}`"
        )


def say_changed(context: Context, key: str, *, is_unset: bool = False) -> None:
    """Say what a key is now that was changed."""
    now = matching(in_force(context.reloaded()), key)
    if len(now) == 1 and now[0].key == key:
        context.say(f"{key} is now {shown(now[0])} ({came_from(now[0])}).")
        value = now[0].value
        if key.endswith(_FOLDERS) and isinstance(value, str) and not Path(value).is_dir():
            context.say(f"There's no folder {value} on this machine yet.")
    else:
        context.say(f"{key} is {'no longer' if is_unset else 'now'} set in {context.paths.config}.")
    if variable := variable_in_force(key, context.environ):
        context.say(f"{variable} is set in this environment and overrides config.json.")
    elif f"{key}.".startswith(f"{Web.name}."):
        context.say("If the page is running, restart it to apply this.")
    elif context.has_daemon():
        context.say("Movie Sync is running and applies this by itself.")


def in_force(context: Context) -> list[Setting]:
    """Return all settings in force."""
    return list(settings_in_force(context.config, context.environ, context.overrides))


def shown(setting: Setting) -> str:
    """Return a setting's value as JSON, unless it may be a secret."""
    return "(hidden)" if setting.is_hidden else json.dumps(setting.value, ensure_ascii=False)


def came_from(setting: Setting) -> str:
    """Return in a word or two where a setting comes from."""
    if setting.source is Source.PRESET:
        return f"preset {setting.detail}"
    return setting.detail if setting.source is Source.ENVIRONMENT else str(setting.source)
