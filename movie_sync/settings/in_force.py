"""The settings in force, one by one, and where each comes from; and a change of one of them."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from movie_sync.domain.quality_rules import PRESETS
from movie_sync.domain.release_rules import Rule as ReleaseRule
from movie_sync.errors import UserError
from movie_sync.settings.config import (
    Config,
    forget_setting,
    save_changes,
    value_of,
    variable_of,
)
from movie_sync.settings.keys import USER_NAME, known, nodes_in
from movie_sync.settings.reading import is_credential
from movie_sync.settings.section import NamedSections, Node, Rule, Section
from movie_sync.settings.values import may_be_secret, shown, without_share_token

_NEAR_ENOUGH = 0.6
_MOST_NEAR = 3


class Source(StrEnum):
    """Where a value comes from, in words."""

    DEFAULT = "default"
    FILE = "config.json"
    PRESET = "preset"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in force. `detail` is the variable or the preset; a hidden value may be a secret."""

    key: str
    rule: Rule
    value: object
    source: Source
    detail: str = ""
    is_hidden: bool = False


def settings_in_force(
    config: Config, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Iterator[Setting]:
    """Yield all of them, in the order of the documentation."""
    preset = str(config["quality"]["preset"])
    for key, rule, value in _leaves(known().top, config.values, ""):
        source, detail = _source(key, config, environ, overrides)
        if source is Source.DEFAULT and key.startswith("quality."):
            ready = PRESETS.get(preset, {})
            name = key.removeprefix("quality.")
            if name in ready:
                yield Setting(key, rule, _plain(ready[name]), Source.PRESET, preset)
                continue
        is_hidden = bool(value) and (rule.is_private or may_be_secret(str(_plain(value))))
        yield Setting(key, rule, _plain(value), source, detail, is_hidden)


def matching(settings: Sequence[Setting], key: str) -> list[Setting]:
    """Return the setting of this name, or those of this section. Raises UserError: there is none."""
    found = [each for each in settings if f"{each.key}.".startswith(f"{key}.")]
    if not found:
        node_of(key)  # says what is near; else it is a section that nothing is in
    return found


def change(path: Path, key: str, text: str) -> None:
    """Set one key in `config.json` to what a text is taken for: JSON, else the text itself.

    Raises UserError: there is no such key, or its value cannot be used; the file is as before then.
    """
    save_changes(path, changes_of(key, text))


def changes_of(key: str, text: str) -> Mapping[str, object]:
    """Return a change of one key in the form of the file. Raises UserError: there is no such key."""
    node = node_of(key)
    *sections, last = key.split(".")
    changes: dict[str, object] = {last: value_of(node, text)}
    for section in reversed(sections):
        changes = {section: changes}
    return changes


def unset(path: Path, key: str) -> bool:
    """Take one key out of `config.json`, so that its default holds; False if it isn't in there."""
    node_of(key)
    return forget_setting(path, key.split("."))


def variable_in_force(key: str, environ: Mapping[str, str]) -> str:
    """Return the environment variable that overrides a key in the file, or nothing."""
    parts = key.split(".")
    names = (variable_of(".".join(parts[:count])) for count in range(1, len(parts) + 1))
    return next((name for name in names if environ.get(name, "").strip()), "")


def node_of(key: str) -> Node:
    """Return what a key is. Raises UserError with the nearest ones if there is none."""
    node: Node = known().top
    for part in key.split("."):
        if isinstance(node, NamedSections) and USER_NAME.fullmatch(part):
            node = node.each
        elif isinstance(node, Section) and part in node.keys:
            node = node.keys[part]
        else:
            raise UserError(_unknown(key))
    return node


def _unknown(key: str) -> str:
    said = f"No setting {shown(key)}."
    if is_credential(key):
        return f"{said} Passwords and keys don't belong in config.json: `setup` asks for them."
    names = {full.casefold(): full for full, _ in nodes_in(known().top)}
    short: dict[str, list[str]] = {}
    for full in names.values():
        short.setdefault(full.rpartition(".")[2], []).append(full)
    close = difflib.get_close_matches(key.casefold(), [*names, *short], n=_MOST_NEAR, cutoff=_NEAR_ENOUGH)
    meant = dict.fromkeys(
        full for each in close for full in [*short.get(each, ()), *filter(None, [names.get(each)])]
    )
    return f"{said} Did you mean {' or '.join(meant)}?" if meant else f"{said} `config` lists them all."


def _leaves(
    section: Section, values: Mapping[str, object], prefix: str
) -> Iterator[tuple[str, Rule, object]]:
    for name, node in section.keys.items():
        value = values[name]
        if isinstance(node, Rule):
            yield prefix + name, node, value
        elif isinstance(value, Mapping) and isinstance(node, Section):
            yield from _leaves(node, value, f"{prefix}{name}.")
        elif isinstance(value, Mapping) and isinstance(node, NamedSections):
            for own, inner in value.items():
                yield from _leaves(node.each, inner, f"{prefix}{name}.{own}.")


def _source(
    key: str, config: Config, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> tuple[Source, str]:
    if overrides.get(key) is not None:
        return Source.COMMAND_LINE, ""
    if variable := variable_in_force(key, environ):
        return Source.ENVIRONMENT, variable
    return (Source.FILE if config.is_set(key) else Source.DEFAULT), ""


def _plain(value: object) -> object:
    """Return a value in the form of the file."""
    if isinstance(value, ReleaseRule):
        unwanted = {"not": _plain(value.when_not)} if value.when_not else {}
        what: dict[str, object] = {"reject": True} if value.reject else {"score": value.score}
        return {"when": {**{str(each): _plain(has) for each, has in value.when.items()}, **unwanted}, **what}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, str):
        return without_share_token(value)
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
