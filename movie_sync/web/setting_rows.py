"""What the page of settings shows: each key with its words, its value, and how it is entered."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from movie_sync.commands.config import came_from, in_force
from movie_sync.commands.context import Context
from movie_sync.invocation import command_line
from movie_sync.services import registry
from movie_sync.services.base import Service
from movie_sync.settings.changes import receiver_of
from movie_sync.settings.help import documented, help_of
from movie_sync.settings.in_force import Setting, Source
from movie_sync.settings.values import choices_of, flag
from movie_sync.web.secrets import Given, Secrets

GENERAL = "general"
"""Stands in addresses for the keys that are in no section."""
_LONGEST_LINE = 60
_QUALITY = "quality"
_TITLES = {GENERAL: "General", _QUALITY: "Quality", "web": "This page", "notices": "Notifications"}


class Control(StrEnum):
    """How a value is entered."""

    CHECK = "check"
    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Login:
    """A service's credentials, and whether it can be tried with them."""

    service: Service
    given: list[Given]
    can_be_tested: bool

    @property
    def title(self) -> str:
        """What stands above them."""
        return "Password" if self.service.name == "web" else f"{_title(self.service.name)}: credentials"


@dataclass(frozen=True, slots=True)
class Row:
    """A setting. `why` says why it is only shown; `secrets` are sent to it, and typed anew with it."""

    key: str
    help: str
    allowed: str
    value: str
    source: str
    is_own: bool
    is_hidden: bool
    control: Control
    choices: list[str]
    why: str
    secrets: list[Given]

    @property
    def name(self) -> str:
        """The key within its section."""
        return self.key.partition(".")[2] or self.key


def section_of(key: str) -> str:
    """Return the section of the page that a key is in."""
    section, dot, _ = key.partition(".")
    return section if dot else GENERAL


def sections(settings: Iterable[Setting]) -> dict[str, str]:
    """Return the title of each section, in order."""
    found = dict.fromkeys([GENERAL, _QUALITY, *(section_of(each.key) for each in settings)])
    for service in registry.everything():  # that of a named one may be empty
        if service.section is not None:
            found.setdefault(service.section_name or service.name)
    return {name: _title(name) for name in found}


def logins(section: str, secrets: Secrets, settings: Iterable[Setting]) -> list[Login]:
    """Return the credentials of the services of a section."""
    found = []
    for service in registry.everything():
        if service.credentials and section == (service.section_name or service.name):
            is_there = any(section_of(each.key) == section for each in settings)
            found.append(Login(service, secrets.of(service), is_there and section != "web"))
    return found


def rows(section: str, context: Context, secrets: Secrets) -> list[Row]:
    """Return the settings of a section."""
    settings = in_force(context)
    if section == GENERAL:  # many modules bring them along
        settings.sort(key=lambda each: documented().index(each.key) if each.key in documented() else 0)
    given = {each.service.name: each.given for each in logins(section, secrets, settings)}
    return [_row(each, given) for each in settings if section_of(each.key) == section]


def why_only_shown(setting: Setting) -> str:
    """Return why a setting is not changed on the page, or nothing: the server asks this, too."""
    if setting.rule.is_only_shown:
        return f"Can only be changed in a terminal: `{command_line('config', setting.key, 'VALUE')}`"
    if setting.source is Source.ENVIRONMENT:
        return f"Set by {setting.detail}, which overrides config.json."
    if setting.source is Source.COMMAND_LINE:
        return "Set on the command line that started the page."
    return ""


def control_of(setting: Setting) -> Control:
    """Return how a setting is entered."""
    rule = setting.rule
    if rule.read is flag:
        return Control.CHECK
    if choices_of(rule.read):
        return Control.CHOICE
    for value in (setting.value, rule.default):
        if isinstance(value, list | dict):
            return Control.JSON
    is_number = isinstance(setting.value, int | float)
    return Control.NUMBER if is_number and isinstance(rule.default, int | float) else Control.TEXT


def text_of(value: object) -> str:
    """Return a value as it is typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def secrets_to(key: str, given: Mapping[str, list[Given]]) -> list[Given]:
    """Return the credentials that go to the address in a key; none for every other key."""
    receiver = receiver_of(key)
    if receiver is None:
        return []
    service, entry = receiver
    return [each for each in given.get(service.name, ()) if not entry or each.name == entry]


def _row(setting: Setting, given: Mapping[str, list[Given]]) -> Row:
    secrets = secrets_to(setting.key, given)
    value = "" if setting.is_hidden else text_of(setting.value)
    if control_of(setting) is Control.JSON and len(value) > _LONGEST_LINE:
        value = json.dumps(setting.value, ensure_ascii=False, indent=1)
    return Row(
        setting.key,
        help_of(setting.key),
        setting.rule.allowed,
        value,
        came_from(setting),
        setting.source is Source.FILE,
        setting.is_hidden,
        control_of(setting),
        choices_of(setting.rule.read),
        why_only_shown(setting),
        secrets if any(each.is_secret and each.is_set for each in secrets) else [],
    )


def _title(section: str) -> str:
    titles = {each.section_name or each.name: each.title for each in reversed(registry.everything())}
    return _TITLES.get(section) or titles.get(section, section)
