"""Takes what `config.json` or an override says into the settings, and says what could not be taken."""

import copy
import json
import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from movie_sync.domain.json_text import parse_json, place_at
from movie_sync.errors import UserError
from movie_sync.services import registry
from movie_sync.settings.faults import Problem
from movie_sync.settings.keys import LONGEST_COMPARED, USER_NAME, known, last_part, nodes_in, squashed
from movie_sync.settings.section import REQUIRED, NamedSections, Node, Rule, Section, made_of
from movie_sync.settings.values import UnusableValue, shown
from movie_sync.storage.paths import expand_home
from movie_sync.storage.regular_file import NotAFileError, open_regular

_LARGEST_FILE_BYTES = 1_000_000
_MOST_UNKNOWN_KEYS = 100
_Form = TypeVar("_Form")
_Values = dict[str, Any]
_Content = Mapping[str, object]
# How alike (0 to 1) an unknown key and a known one are that may be the same: in one section, and elsewhere.
_NEAR_HERE, _NEAR_ELSEWHERE = 0.65, 0.8
_SHORTEST_BEGINNING = 4
_CREDENTIAL = re.compile(r"pass|token|secret|cookie|urls|api.?key", re.IGNORECASE)


class UnreadableSettings(UserError):
    """The whole file cannot be used; `line` and `column`, from 1, say where it breaks if that is known."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        place = f" (line {line}, column {column})" if line else ""
        super().__init__(f"{message}{place}.")
        self.line = line
        self.column = column


class Settings:
    """Implements `Sections`: all values by key; `own` are the full names of those that the user gave."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.own: set[str] = set()
        self._environ = environ
        self._known = known()
        self.values = self._defaults(self._known.top)

    def take(self, content: Mapping[str, object]) -> list[Problem]:
        """Take over what is usable in `content` and return what is not; `limit` is to follow."""
        return self._take_section(self._known.top, self.values, content, "")

    def limit(self) -> list[Problem]:
        """Put right what other settings forbid; what is used then protects no less."""
        problems = []
        for limit in chain.from_iterable(service.limits(self) for service in registry.everything()):
            *sections, key = limit.key.split(".")
            values = self.values
            for name in sections:
                values = values[name]
            values[key] = limit.used
            if limit.is_default:
                self.own.discard(limit.key)
            words = f"the default {limit.used}" if limit.is_default else str(limit.used)
            problems.append(Problem(limit.key, f"{shown(limit.key)} {limit.fault}", f"using {words}"))
        for key in list(self.values["trackers"]):  # some may name what is not there
            name, _, entry = key.partition(":")
            if entry and entry not in self.values[name]:
                self.values["trackers"].remove(key)
                fault = f'"trackers" names {shown(key)}, but {name} has no usable {shown(entry)}'
                problems.append(Problem("trackers", fault, "ignoring it"))
        if not self.values["trackers"]:
            self.values["trackers"] = self._defaults(self._known.top)["trackers"]
        return problems

    def section(self, form: type[_Form]) -> _Form:
        """Return the section that `form` describes."""
        place = self._known.places[form]
        return made_of(form, self.values[place] if place else self.values)

    def named(self, form: type[_Form]) -> dict[str, _Form]:
        """Return the sections of this form by the user's names for them."""
        entries: dict[str, Mapping[str, object]] = self.values[self._known.places[form]]
        return {name: made_of(form, values) for name, values in entries.items()}

    def _defaults(self, section: Section) -> dict[str, Any]:
        return {key: self._default(node) for key, node in section.keys.items()}

    def _default(self, node: Node) -> object:
        if isinstance(node, Section):
            return self._defaults(node)
        if isinstance(node, NamedSections):
            return {}
        if node.default is REQUIRED:
            return REQUIRED
        default = copy.deepcopy(node.default)
        try:
            return self._read(node, default)
        except UnusableValue:  # no home folder: such a default names a place that is not there
            return default

    def _take_section(
        self, section: Section, values: _Values, content: _Content, prefix: str
    ) -> list[Problem]:
        problems = _unknown_keys(section, content, prefix)
        for key, node in section.keys.items():
            if key not in content:
                continue
            value = content[key]
            full = prefix + key
            if isinstance(node, Rule):
                try:
                    values[key] = self._read(node, value)
                    self.own.add(full)
                except UnusableValue as exc:
                    problems.append(_unusable(node, value, str(exc), full))
            elif not isinstance(value, Mapping):
                allowed = 'an object such as {"preset": "hd"}' if key == "quality" else "an object"
                meant = full if full in self._known.protecting else ""
                problems.append(
                    Problem(full, _other_than(allowed, full, value, node), "using its defaults", meant)
                )
            elif isinstance(node, Section):
                problems += self._take_section(node, values[key], value, f"{full}.")
            else:
                problems += self._take_named(node, values[key], value, f"{full}.")
        return problems

    def _take_named(
        self, node: NamedSections, values: _Values, content: _Content, prefix: str
    ) -> list[Problem]:
        problems = []
        for name, given in content.items():
            full, fault = prefix + name, ""
            if not USER_NAME.fullmatch(name):
                rule = "use letters, digits, - and _, at most 40"
                fault = f"{shown(full)} isn't a valid name: {rule}"
            elif not isinstance(given, Mapping):
                fault = _other_than("an object", full, given, node)
            else:
                entry = values.get(name) or self._defaults(node.each)
                problems += self._take_section(node.each, entry, given, f"{full}.")
                lacking = [key for key, value in entry.items() if value is REQUIRED]
                if lacking:
                    fault = f"{shown(full)} is missing {shown(lacking[0])}"
                else:
                    values[name] = entry
            if fault:
                problems.append(Problem(full, fault, "ignoring it", full if node.protects else ""))
        return problems

    def _read(self, rule: Rule, value: object) -> object:
        usable = rule.read(value)
        return self._expanded(usable) if rule.is_path else usable

    def _expanded(self, path: object) -> object:
        if isinstance(path, list | tuple):
            return type(path)(map(self._expanded, path))
        if isinstance(path, Mapping):
            return {key: self._expanded(part) for key, part in path.items()}
        if not isinstance(path, str) or not path.startswith("~"):
            return path
        try:
            return str(expand_home(path, self._environ))
        except UserError:
            raise UnusableValue("no such home folder") from None


def _unusable(rule: Rule, value: object, detail: str, key: str) -> Problem:
    words = _other_than(rule.allowed, key, value, rule, f" ({detail})" if detail else "")
    remedy = "ignoring it"
    if rule.default is not REQUIRED:
        remedy = f"using the default, {json.dumps(rule.default)}"
    return Problem(key, words, remedy, key if rule.protects else "")


def _other_than(allowed: str, key: str, value: object, node: Node, detail: str = "") -> str:
    return f"{shown(key)} is {shown(value, is_private=node.is_private)}{detail}, but must be {allowed}"


def _unknown_keys(section: Section, content: _Content, prefix: str) -> list[Problem]:
    unknown = [key for key in content if key not in section.keys]
    problems = []
    for key in unknown[:_MOST_UNKNOWN_KEYS]:
        remedy, meant = "credentials don't belong in this file: remove it and run setup", ""
        if not is_credential(key):
            remedy = f"the closest known key is {_nearest(key, section, prefix)}"
            meant = _protecting_near(key, section, prefix)
        words = f"{shown(prefix + key)} is unknown and ignored"
        problems.append(Problem(prefix + key, words, remedy, meant, is_unknown=True))
    rest = unknown[_MOST_UNKNOWN_KEYS:]
    if rest:
        near, last = (_protecting_near(key, section, prefix) for key in rest), prefix + rest[-1]
        words = f"{shown(last)} and {len(rest) - 1} more are unknown"
        meant = next(filter(None, near), "")
        problems.append(Problem(last, words, "ignoring them", meant, is_unknown=True))
    return problems


def is_credential(key: str) -> bool:
    """Tell whether an unknown key sounds like a credential, which does not belong in the file."""
    return _CREDENTIAL.search(key) is not None


def _nearest(key: str, section: Section, prefix: str) -> str:
    """Return the known key that the user may have meant: in this section first, else in any."""
    here = {name: prefix + name for name in section.keys}
    word = key[:LONGEST_COMPARED].casefold()
    close = _close(word, here)
    if not close:
        here = {last_part(full): full for full, _ in nodes_in(known().top)} | here
        close = _close(word, here, cutoff=0.0)
    return shown(here[close[0]])


def _protecting_near(key: str, section: Section, prefix: str) -> str:
    """Return the full name of the protecting key that an unknown one may be meant for, or nothing."""
    word = squashed(key)
    here = {squashed(name): prefix + name for name in section.keys}
    meant = _closest(word, here, _NEAR_HERE) or _closest(word, known().anywhere, _NEAR_ELSEWHERE)
    protecting = {prefix + name for name, node in section.keys.items() if node.protects}
    return meant if meant in protecting | known().protecting else ""


def _closest(word: str, names: Mapping[str, str], cutoff: float) -> str:
    if len(word) >= _SHORTEST_BEGINNING:
        for name, full in names.items():
            if name.startswith(word):
                return full
    close = _close(word, names, cutoff)
    return names[close[0]] if close else ""


def _close(word: str, names: Mapping[str, str], cutoff: float = 0.6) -> list[str]:
    """Return the name that is most like the word, if one is like it enough."""
    import difflib  # noqa: PLC0415 - only an unknown key needs it

    return difflib.get_close_matches(word, names, n=1, cutoff=cutoff)


def read_raw(path: Path) -> bytes | None:
    """Return the settings file as it is, None if there is none; raises UnreadableSettings."""
    try:
        with open_regular(path) as file:
            raw = file.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except NotAFileError:
        raise UnreadableSettings(f"{path} isn't a file") from None
    except OSError as exc:
        raise UnreadableSettings(f"{path} can't be read: {exc.strerror or exc}") from None
    if len(raw) > _LARGEST_FILE_BYTES:
        raise UnreadableSettings(f"{path} is far too large for a settings file")
    return raw


def content_of(path: Path, raw: bytes) -> dict[str, object]:
    """Return what the bytes of the settings file say. Raises UnreadableSettings: they are no JSON object."""
    try:
        content = parse_json(raw)
    except json.JSONDecodeError as exc:
        what = exc.msg.removesuffix(" at")  # it is made to be followed by the place
        raise UnreadableSettings(f"{path} isn't valid JSON: {what}", exc.lineno, exc.colno) from None
    except UnicodeDecodeError as exc:
        before = raw[: exc.start].decode(errors="replace")
        raise UnreadableSettings(f"{path} isn't UTF-8", *place_at(before, len(before))) from None
    except ValueError:
        raise UnreadableSettings(f"{path} isn't valid JSON") from None
    if not isinstance(content, dict):
        raise UnreadableSettings(f"{path} must contain a JSON object, {{...}}")
    return content
