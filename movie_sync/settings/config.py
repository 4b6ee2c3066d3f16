"""The user's settings: defaults, what `config.json` says, and what environment and command line override.

A mistake in the file never stops the program: each one is a warning and that key's default. A mistake
in an override does stop it, because somebody is there to read the message.
"""

import contextlib
import copy
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from movie_sync.domain.json_text import parse_json, place_of
from movie_sync.domain.quality_rules import PRESETS, QualityRules
from movie_sync.errors import StorageError, UserError
from movie_sync.services import registry
from movie_sync.services.base import ClientService
from movie_sync.services.wish_lists import unused_keys
from movie_sync.settings.faults import Problem
from movie_sync.settings.keys import GeneralSettings, known, rules
from movie_sync.settings.reading import Settings, UnreadableSettings, content_of, read_raw
from movie_sync.settings.section import Node, Rule
from movie_sync.settings.values import UnusableValue
from movie_sync.storage.atomic_file import IS_A_MOUNT, write_atomically, write_in_place
from movie_sync.storage.locks import writing_into
from movie_sync.storage.paths import (
    HOME_VARIABLE,
    KEY_FILE_VARIABLE,
    PASSPHRASE_VARIABLE,
    PREFIX,
    AppPaths,
    default_root,
)
from movie_sync.storage.regular_file import file_signature

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_WORDS = {"true": True, "false": False, "null": None}


class Config(Settings):
    """All settings, each usable: `config["username"]`, `config["letterboxd"]["timeout"]`.

    Paths are whole, as text; sections are read-only. A setting may be replaced
    (`config["username"] = "anna"`), which raises UserError for an unusable value and is not saved.
    `warnings` says what in the file was not used; `faults`, which of it protects: while there is one,
    nothing may be handed over; `problems`, all that it says and that could not be taken. `signature` is what
    the file was known by just before it was read (`file_signature`), `content` what it says, and `overridden`
    by what each key is given that it does not decide. Replace settings before threads read them.
    """

    def __init__(self, *, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(environ)
        self.warnings: list[str] = []
        self.faults: tuple[Problem, ...] = ()
        self.problems: tuple[Problem, ...] = ()
        self.signature: object = None
        self.content: Mapping[str, object] = {}
        self.overridden: dict[str, str] = {}

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        overrides: Mapping[str, object] | None = None,
    ) -> "Config":
        """Read `config.json`, which may be missing; then the environment, then `overrides`.

        Without `path` the file lies in the data folder that `environ` names. It is never changed.
        An override that is None was not given. One that cannot be used raises UserError, as does such
        an environment variable.
        """
        config = cls(environ=environ)
        path = path or AppPaths(default_root(environ)).config
        text = config._take_file(path)
        variables = config._take_environment(environ)
        config.overridden |= variables
        problems = config.limit()
        _refuse([problem for problem in problems if problem.key in variables], variables)
        config._note(path, text, problems)
        config.warnings += [f"{path}: {words}" for words in config._warnings_of_quality()]
        config.warnings += [f"{path}: {words}" for words in unused_keys(config)]
        for service in registry.everything():
            config.warnings += [f"{path}: {words}" for words in service.warnings(config)]
        for key, value in (overrides or {}).items():
            if value is not None:
                config[key] = value
                config.overridden[key] = "the command line"
        return config

    def quality(self) -> QualityRules:
        """Return how a release is chosen: the preset's values where the user set none of his own."""
        section: Mapping[str, object] = self.values["quality"]
        own = [key for key in section if self.is_set(f"quality.{key}")]
        return QualityRules.from_config(section, own=own)

    def _warnings_of_quality(self) -> Iterator[str]:
        upgrade, rules = self.values["quality"]["upgrade"], self.quality()
        if upgrade and rules.upgrade is None:
            until, order = upgrade["until"], ", ".join(rules.order)
            yield (
                f"quality.upgrade.until is {until}, which isn't in quality.order ({order}); "
                "Movie Sync won't look for better releases."
            )

    def preset(self, name: str) -> QualityRules | None:
        """Return how a release is chosen by a preset that takes precedence over the user's own values.

        But for his rules: what they reject is not wanted for any film.
        """
        if name not in PRESETS:
            return None
        section: Mapping[str, object] = self.values["quality"]
        own = [
            key
            for key in section
            if self.is_set(f"quality.{key}") and (key == "rules" or key not in PRESETS[name])
        ]
        return QualityRules.from_config({**section, "preset": name}, own=own)

    def client(self) -> ClientService:
        """Return where torrents go: `client`, or a folder where the default one is turned off."""
        chosen = registry.of_kind(ClientService)[self.section(GeneralSettings).client]
        return registry.fallback_client() if not self.is_set("client") and chosen.is_off(self) else chosen

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - each key has its own type
        return _read_only(self.values[key])

    def __setitem__(self, key: str, value: object) -> None:
        if key not in known().top.keys:
            raise KeyError(key)
        before = copy.deepcopy((self.own, self.values))
        try:
            _refuse(self.take({key: value}) + self.limit())
        except UserError:
            self.own, self.values = before
            raise
        self._forget_faults({key})

    def changed(self, changes: Mapping[str, object]) -> "Config":
        """Return these settings with changes in the form of the file, which override all; nothing is saved.

        A value that cannot be used raises UserError.
        """
        config = copy.copy(self)
        config.own, config.values = set(self.own), copy.deepcopy(self.values)
        _refuse(config.take(changes) + _among(changes, config.limit()))
        return config

    def _forget_faults(self, keys: Collection[str]) -> None:
        """Forget what was wrong with keys that are given in another way now."""
        self.faults = tuple(fault for fault in self.faults if fault.key not in keys)

    def is_set(self, key: str) -> bool:
        """Return whether a key (`"quality.order"`), or one in that section, holds the user's own value."""
        return any(own == key or own.startswith(f"{key}.") for own in self.own)

    def is_overridden(self, key: str) -> bool:
        """Return whether the command line or the environment gives a key for this run."""
        return key in self.overridden

    def is_in_file(self, key: str) -> bool:
        """Return whether the file has a value for a key, usable or not."""
        section: object = self.content
        for name in key.split("."):
            if not isinstance(section, Mapping) or name not in section:
                return False
            section = section[name]
        return True

    def may_be_meant(self, key: str) -> bool:
        """Return whether a fault may hide what the user wants of a protecting key, or of one in it."""
        return any(
            fault.protecting in {"", key} or fault.protecting.startswith(f"{key}.") for fault in self.faults
        )

    def _take_file(self, path: Path) -> str:
        self.signature = file_signature(path)
        try:
            raw = read_raw(path)
            if raw is None and path.is_symlink():
                raise UnreadableSettings(f"{path} is a link to a missing file")
            content = content_of(path, raw) if raw is not None else {}
        except UnreadableSettings as exc:
            self.warnings.append(f"{exc} Using the defaults for all settings.")
            self.faults = (Problem("", str(exc).removesuffix("."), "", "", exc.line, exc.column),)
            self.problems = self.faults
            return ""
        text = raw.decode("utf-8-sig") if raw is not None else ""
        self.content = content
        self.problems = self._note(path, text, self.take(content))
        return text

    def _note(self, path: Path, text: str, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        noted = []
        for problem in problems:
            line, column = place_of(text, problem.key) or (None, None)
            where = f"{path}, line {line}, column {column}" if line else str(path)
            fault = replace(problem, words=f"{where}: {problem.words}", line=line, column=column)
            self.warnings.append(f"{fault.words}; {fault.remedy}.")
            noted.append(fault)
            if fault.protecting:
                self.faults = (*self.faults, fault)
        return tuple(noted)

    def _take_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Take what the environment sets, all at once; return the variables by the keys that they set."""
        ours = {HOME_VARIABLE, KEY_FILE_VARIABLE, *map(variable_of, rules())}
        ours |= {PASSPHRASE_VARIABLE, f"{PASSPHRASE_VARIABLE}_FILE"}
        for fields in registry.credential_fields().values():
            ours |= {name for field in fields for name in (field.variable, field.file_variable)}
        unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in ours)
        self.warnings += [f"The environment variable {name} is unknown and ignored." for name in unknown]
        content: dict[str, Any] = {}
        variables = {}
        for key, rule in rules().items():
            variable = variable_of(key)
            if text := environ.get(variable, "").strip():
                *sections, name = key.split(".")
                place = content
                for section in sections:
                    place = place.setdefault(section, {})
                place[name] = value_of(rule, text)
                variables[key] = variable
        _refuse(self.take(content), variables)
        self._forget_faults(variables)
        return variables


def variable_of(key: str) -> str:
    """Return the environment variable of a key with its full name; `__` stands between its parts."""
    return PREFIX + key.replace(".", "__").upper()


def value_of(rule: Node, text: str) -> object:
    """Return what a text is taken for; a user may be called 1984, or null."""
    value = _value_in(text)
    if isinstance(rule, Rule):
        for usable in (value, text):
            with contextlib.suppress(UnusableValue):
                rule.read(usable)
                return usable
    return value


def _value_in(text: str) -> object:
    """Return the number, the word, the list or the object of JSON that a text holds, else the text."""
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if text[:1] in {"[", "{", '"'}:
        with contextlib.suppress(ValueError):
            return parse_json(text.encode())
    return _WORDS.get(text, text)


def save_changes(path: Path, changes: Mapping[str, object]) -> None:
    """Take changes into `config.json`, durably and with mode 0600; all else in it stays.

    `changes` has the form of the file; a section in it names only what changes. The file may be
    missing, its folder may not. A value that cannot be used, or a file that cannot be read or is no JSON
    object, raises UserError; one that could not be written, StorageError, and is as before.
    """
    content = read_file_to_change(path)
    settings = Settings(os.environ)
    settings.take(content)  # what is wrong with the rest is no reason against the changes
    problems = settings.take(changes)
    _refuse(problems + _among(changes, settings.limit()))
    _merge(content, changes)
    _write(path, content)


def forget_setting(path: Path, parts: Sequence[str]) -> bool:
    """Take a key out of `config.json`, named by its parts; False if it isn't there. Raises as `save_changes`.

    What the rest then lacks is refused: the url of a tracker, say.
    """
    content = read_file_to_change(path)
    problems_before = _problems_of(content)
    sections: list[dict[str, Any]] = [content]
    for part in parts[:-1]:
        inner = sections[-1].get(part)
        if not isinstance(inner, dict):
            return False
        sections.append(inner)
    if parts[-1] not in sections[-1]:
        return False
    del sections.pop()[parts[-1]]
    for section, part in zip(reversed(sections), reversed(parts[:-1]), strict=True):
        if not section[part]:  # it is empty now
            del section[part]
    _refuse([problem for problem in _problems_of(content) if problem not in problems_before])
    _write(path, content)
    return True


def _problems_of(content: Mapping[str, object]) -> list[Problem]:
    settings = Settings(os.environ)
    return settings.take(content) + settings.limit()


def _write(path: Path, content: Mapping[str, object]) -> None:
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write but UTF-8 cannot
        text = json.dumps(content, indent=2).encode()
    with writing_into(path.parent):
        try:
            write_atomically(path, [text, b"\n"])
        except StorageError as exc:
            if exc.errno not in IS_A_MOUNT:
                raise
            write_in_place(path, text + b"\n")


def read_file_to_change(path: Path) -> dict[str, object]:
    """Return what the settings file holds, to add to it; raises UserError if that would be lost."""
    try:
        raw = read_raw(path)
        return {} if raw is None else content_of(path, raw)
    except UserError as exc:
        raise UserError(f"{exc} It's left as it is: fix it or move it away, then try again.") from None


def _merge(content: dict[str, object], changes: Mapping[str, object]) -> None:
    for key, value in changes.items():
        present = content.get(key)
        if isinstance(value, Mapping) and isinstance(present, dict):
            _merge(present, value)
        else:
            content[key] = value


def _among(changes: Mapping[str, object], problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems that changes bring about."""
    return [problem for problem in problems if problem.key.partition(".")[0] in changes]


def _refuse(problems: Sequence[Problem], variables: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise UserError for what cannot be used; `variables` are the ones that set the keys."""
    if not problems:
        return
    words = [problem.words for problem in problems]
    for key, variable in variables.items():
        if f"{problems[0].key}.".startswith(f"{key}."):
            words = [f"The environment variable {variable} can't be used: {words[0]}"]
    raise UserError(". ".join(words) + ".")


def _read_only(setting: object) -> object:
    if not isinstance(setting, dict):
        return setting
    return MappingProxyType({key: _read_only(value) for key, value in setting.items()})
