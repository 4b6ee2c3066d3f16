"""What settings make the program run, and where beyond this machine they send it."""

import json
from collections.abc import Iterator, Mapping

from movie_sync.notices.channels import CommandSettings
from movie_sync.settings.config import Config
from movie_sync.settings.in_force import Source, settings_in_force
from movie_sync.settings.values import is_on_this_machine

_ONLY_READ = frozenset(
    {"download_directory", "library_directories", "path_map", "lists", "letterboxd.export_file"}
)
_COMMAND = next(iter(CommandSettings.__dataclass_fields__))


def reaching_out(content: Mapping[str, object], environ: Mapping[str, str]) -> Iterator[str]:
    """Yield in words what somebody else's settings could do harm with: what the page doesn't change either.

    What is as by default, only read, or on this machine is left out.
    """
    config = Config(environ=environ)
    config.take(content)
    config.limit()
    for setting in settings_in_force(config, {}, {}):
        value, key = setting.value, setting.key
        if setting.source is not Source.FILE or value == setting.rule.default:
            continue
        text = json.dumps(value, ensure_ascii=False)
        if key == _COMMAND and value:
            yield f"run this command for each event: {text}"
        elif setting.rule.is_only_shown and key not in _ONLY_READ:
            yield f"set {key} to {text}"
        elif isinstance(value, str) and "://" in value and not is_on_this_machine(value):
            yield f"use the server {value} ({key})"
