"""What a section of `config.json` is: a frozen dataclass whose fields carry their rules.

    @dataclass(frozen=True, slots=True)
    class FileListSettings:
        timeout: float = setting(30, "a number of seconds above 0", number(0, 600, above_low=True))

The room or service that uses the settings owns the dataclass. `keys.py` puts all of them together;
whoever has a `Sections` gets a section back by its dataclass, typed.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from movie_sync.settings.values import (
    Reader,
    flag,
    list_of,
    number,
    or_null,
    path_here,
    text_without_commas,
    web_address,
)

_Form = TypeVar("_Form")
_RULE = "rule"
_LONGEST_TIMEOUT = 600
_ADDRESS = "an http or https address with a host, without credentials or a query"
REQUIRED = object()
"""The default of a setting that has none: an entry of `NamedSections` without it is not used."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One key: its default, what is allowed in words, its reader, and whether it names a place on disk.

    One that `protects` keeps the wrong films, or too many, from being fetched: its default is no
    substitute for what the user wrote. Of a private one no value is shown: an address or a token that
    belongs among the credentials is often written there by mistake. One that is `for_terminal` could give
    whoever changes it a shell, other files, or what is sent: the page only shows it.
    """

    default: object
    allowed: str
    read: Reader
    is_path: bool = False
    protects: bool = False
    is_private: bool = False
    for_terminal: bool = False

    @property
    def is_only_shown(self) -> bool:
        """Whether it is changed in a terminal alone, and never on the page."""
        return self.for_terminal or self.is_path


@dataclass(frozen=True, slots=True)
class Section:
    """An object of keys."""

    keys: Mapping[str, "Node"]
    is_private: bool = False

    @property
    def protects(self) -> bool:
        """Whether any of its keys does."""
        return any(node.protects for node in self.keys.values())


@dataclass(frozen=True, slots=True)
class NamedSections:
    """An object whose names are the user's own, each with a section of the same form."""

    each: Section
    protects: bool = False
    is_private: bool = False


Node = Rule | Section | NamedSections


class Sections(Protocol):
    """All settings in force, typed."""

    def section(self, form: type[_Form]) -> _Form:
        """Return the section that `form` describes."""

    def named(self, form: type[_Form]) -> Mapping[str, _Form]:
        """Return the sections of this form by the user's names for them."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A value that another setting forbids: `used` stands in its place."""

    key: str
    fault: str
    used: object
    is_default: bool = False


def setting(default: object, allowed: str, read: Reader, **traits: bool) -> Any:  # noqa: ANN401 - the field's annotation is the type
    """Return a dataclass field with its `Rule`, of which `traits` are the flags.

    `default` has the form of the file; in the dataclass lists are tuples.
    """
    rule = Rule(default, allowed, read, **traits)
    if default is REQUIRED:
        return field(metadata={_RULE: rule})
    return field(default_factory=lambda: frozen(default), metadata={_RULE: rule})


def section_of(form: type[Any], *, protects: bool = False, is_private: bool = False) -> Section:
    """Return the section that a dataclass of settings describes; if it `protects`, each of its keys does."""
    rules: dict[str, Rule] = {each.name: each.metadata[_RULE] for each in dataclasses.fields(form)}
    if protects:
        rules = {key: dataclasses.replace(rule, protects=True) for key, rule in rules.items()}
    return Section(rules, is_private)


def made_of(form: type[_Form], values: Mapping[str, object]) -> _Form:
    """Return the dataclass with checked values; what else they hold is passed over."""
    names = (each.name for each in dataclasses.fields(form))  # type: ignore[arg-type]
    return form(**{name: frozen(values[name]) for name in names})


def frozen(value: object) -> object:
    """Return a value of a JSON document with tuples for its lists."""
    if isinstance(value, Mapping):
        return {key: frozen(part) for key, part in value.items()}
    return tuple(frozen(part) for part in value) if isinstance(value, list | tuple) else value


# --- fields that many sections have -------------------------------------------------------


def address(default: str) -> Any:  # noqa: ANN401 - as above, and below
    """Return a field for the address of a service."""
    return setting(default, _ADDRESS, web_address)


def address_or_none() -> Any:  # noqa: ANN401
    """Return a field for the address of a service that is used only where one is given."""
    return setting(None, f"{_ADDRESS}, or null for none", or_null(web_address), is_private=True)


def seconds(default: float, most: float) -> Any:  # noqa: ANN401
    """Return a field for a number of seconds."""
    return setting(default, f"a number of seconds above 0, to {most}", number(0, most, above_low=True))


def timeout() -> Any:  # noqa: ANN401
    """Return a field for the seconds that a whole request may take."""
    return seconds(30, _LONGEST_TIMEOUT)


def yes_or_no(*, default: bool, **traits: bool) -> Any:  # noqa: ANN401
    """Return a field for true or false."""
    return setting(default, "true or false", flag, **traits)


def marks() -> Any:  # noqa: ANN401
    """Return a field for what torrents are marked with: torrent clients separate marks by commas."""
    return setting(["movie_sync"], "a list of strings without commas", list_of(text_without_commas))


def folder(default: object, *, nothing: str = "", protects: bool = True) -> Any:  # noqa: ANN401
    """Return a field for a place on this machine; `nothing` says what null means, if null is allowed."""
    allowed = f"an absolute path, ~/..., or null for {nothing}" if nothing else "an absolute path or ~/..."
    return setting(
        default, allowed, or_null(path_here) if nothing else path_here, is_path=True, protects=protects
    )
