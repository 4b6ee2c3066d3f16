"""`config`: the settings in force and where each comes from; sets one, or takes it out."""

import json
from argparse import Namespace

from movie_sync.commands.context import Context
from movie_sync.commands.table import print_table
from movie_sync.errors import UserError
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


def run_config(args: Namespace, context: Context) -> int:
    """Show all settings, some or one, or change one; returns the exit code."""
    key = args.key.strip() if args.key else ""
    if args.unset and (not key or args.value is not None):
        raise UserError("--unset takes the key of one setting, and no value.")
    if args.value is not None or args.unset:
        _change(args, context, key)
        return 0
    context.warn(context.config.warnings)
    settings = _in_force(context)
    rows = [(each.key, _shown(each), _from(each)) for each in (matching(settings, key) if key else settings)]
    print_table(_HEADERS, rows, to_copy="KEY")
    return 0


def _change(args: Namespace, context: Context, key: str) -> None:
    context.paths.prepare()
    if args.unset:
        if not unset(context.paths.config, key):
            context.say(f"{key} isn't set in {context.paths.config}.")
            return
    else:
        change(context.paths.config, key, args.value)
    now = matching(_in_force(context.reloaded()), key)
    if len(now) == 1 and now[0].key == key:
        context.say(f"{key} is now {_shown(now[0])} ({_from(now[0])}).")
    else:
        context.say(f"{key} is {'no longer' if args.unset else 'now'} set in {context.paths.config}.")
    if variable := variable_in_force(key, context.environ):
        context.say(f"{variable} is set in this environment and overrides config.json.")


def _in_force(context: Context) -> list[Setting]:
    return list(settings_in_force(context.config, context.environ, context.overrides))


def _shown(setting: Setting) -> str:
    return "(hidden)" if setting.is_hidden else json.dumps(setting.value, ensure_ascii=False)


def _from(setting: Setting) -> str:
    if setting.source is Source.PRESET:
        return f"preset {setting.detail}"
    return setting.detail if setting.source is Source.ENVIRONMENT else str(setting.source)
