"""Takes out of the content of `config.json` what may be a secret that somebody wrote there."""

from collections.abc import Iterator, Mapping

from movie_sync.settings.keys import rules
from movie_sync.settings.reading import is_credential
from movie_sync.settings.section import Rule
from movie_sync.settings.values import may_be_secret

LEFT_OUT = "LEFT OUT OF THE BACKUP"
"""Stands for it; no list can be read from there, so that nothing is concluded from one that lacks."""


def without_secrets(content: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Return the content without what may be secret, and the keys of that.

    A list by a link that shares it, an argument of `on_event` with a token, a login under a key that
    nothing reads. Folders are none, however long their names.
    """
    folders = {
        key
        for key, rule in rules().items()
        if isinstance(rule, Rule) and rule.is_path and not rule.is_private and key != "lists"
    }
    taken: list[str] = []

    def cleaned(key: str, name: str, value: object) -> object:
        if key in folders:
            return value
        if isinstance(value, Mapping):
            return {each: cleaned(f"{key}.{each}", str(each), part) for each, part in value.items()}
        if isinstance(value, list):
            return [cleaned(f"{key}[{number}]", name, part) for number, part in enumerate(value)]
        is_given = value not in {None, ""} and not isinstance(value, bool)
        is_login = is_credential(name) or (name == "username" and key != name)
        if is_given and (is_login or (isinstance(value, str) and may_be_secret(value))):
            taken.append(key)
            return LEFT_OUT
        return value

    return {key: cleaned(key, key, value) for key, value in content.items()}, taken


def left_out_of(value: object, key: str = "") -> Iterator[str]:
    """Yield the keys of what `without_secrets` took out of a content."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from left_out_of(part, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from left_out_of(part, f"{key}[{number}]")
    elif value == LEFT_OUT:
        yield key
