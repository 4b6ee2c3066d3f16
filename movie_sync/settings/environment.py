"""Settings from the environment: `MOVIE_SYNC_` and the key, with `__` between its parts."""

import contextlib
import re
from collections.abc import Iterator, Mapping

from movie_sync.domain.json_text import parse_json
from movie_sync.services import registry
from movie_sync.settings.keys import rules
from movie_sync.settings.section import NamedSections, Rule
from movie_sync.settings.values import UnusableValue
from movie_sync.storage.paths import HOME_VARIABLE, KEY_FILE_VARIABLE, PREFIX

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_WORDS = {"true": True, "false": False, "null": None}


def variable_of(key: str) -> str:
    """Return the variable of a key with its full name."""
    return PREFIX + key.replace(".", "__").upper()


def setting_variables() -> dict[str, str]:
    """Return the keys that can be set, by their variables."""
    return {variable_of(key): key for key in rules()}


def settings_in(environ: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """Yield each key that the environment sets, with a value that its reader can take if there is one."""
    for key, rule in rules().items():
        text = environ.get(variable_of(key), "").strip()
        if text:
            yield key, _value_of(rule, text)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that begin as ours do, and are none."""
    ours = {HOME_VARIABLE, KEY_FILE_VARIABLE, *setting_variables()}
    for fields in registry.credential_fields().values():
        ours |= {name for field in fields for name in (field.variable, field.file_variable)}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in ours)


def _value_of(rule: Rule | NamedSections, text: str) -> object:
    """Return what a text is taken for; a user may be called 1984, or null."""
    value = value_in(text)
    return text if isinstance(rule, Rule) and not _can(rule, value) and _can(rule, text) else value


def _can(rule: Rule, value: object) -> bool:
    try:
        rule.read(value)
    except UnusableValue:
        return False
    return True


def value_in(text: str) -> object:
    """Return the number, the word, the list or the object of JSON that a text holds, else the text."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if text in _WORDS:
        return _WORDS[text]
    if text[:1] in {"[", "{", '"'}:
        with contextlib.suppress(ValueError):
            return parse_json(text.encode())
    return text
