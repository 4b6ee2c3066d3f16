"""Takes what `config.json` or an override says into the settings, and says what could not be taken."""

import copy
import difflib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movie_sync.domain.json_place import place_at
from movie_sync.domain.json_text import parse_json
from movie_sync.errors import UserError
from movie_sync.settings.keys import KEYS, MOST_CALLS_PER_HOUR, SHORTEST_CHECK_INTERVAL, Rule, Section
from movie_sync.settings.values import UnusableValue, is_on_this_machine, shown
from movie_sync.storage.paths import expand_home
from movie_sync.storage.regular_file import NotAFileError, open_regular

_LARGEST_FILE_BYTES = 1_000_000
_MOST_UNKNOWN_KEYS = 100
_LONGEST_COMPARED = 60
# How alike (0 to 1) an unknown key and a known one are that may be the same: in one section, and elsewhere.
_NEAR_HERE, _NEAR_ELSEWHERE = 0.6, 0.8
_SHORTEST_BEGINNING = 4
_CREDENTIAL = re.compile(r"pass|token|secret|cookie|urls", re.IGNORECASE)
# What is written there by mistake is often the address or token that belongs into the credentials.
PRIVATE = frozenset({"on_event", "notices", "jellyfin", "jellyfin.url", "plex", "plex.url"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one key, in words, and what is done instead.

    `protecting` is the key with its full name that the user gave, or may have meant, if it protects.
    """

    key: str
    fault: str
    remedy: str
    protecting: str = ""


class UnreadableSettings(UserError):
    """The whole file cannot be used; `line` and `column`, from 1, say where it breaks if that is known."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        place = f" in line {line}, column {column}" if line else ""
        super().__init__(f"{message}{place}.")
        self.line = line
        self.column = column


class Settings:
    """All values by key, and the full names (`"quality.order"`) of those that the user gave."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.own: set[str] = set()
        self._environ = environ
        self.values = self._defaults(KEYS)

    def copy(self) -> "Settings":
        """Return settings that can be changed without changing these."""
        other = Settings(self._environ)
        other.own = set(self.own)
        other.values = copy.deepcopy(self.values)
        return other

    def take(self, content: Mapping[str, object]) -> list[Problem]:
        """Take over what is usable in `content` and return what is not."""
        problems = self._take_section(KEYS, self.values, content, "")
        return problems + self._limit()

    def _defaults(self, section: Section) -> dict[str, Any]:
        return {
            key: self._default(rule) if isinstance(rule, Rule) else self._defaults(rule)
            for key, rule in section.keys.items()
        }

    def _default(self, rule: Rule) -> object:
        default = copy.deepcopy(rule.default)
        try:
            return self._read(rule, default)
        except UnusableValue:  # no home folder: such a default names a place that is not there
            return default

    def _take_section(
        self, section: Section, values: dict[str, Any], content: Mapping[str, object], prefix: str
    ) -> list[Problem]:
        problems = _unknown_keys(section, content, prefix)
        for key, rule in section.keys.items():
            if key not in content:
                continue
            value = content[key]
            if isinstance(rule, Rule):
                problems += self._take_value(rule, values, value, prefix, key)
            elif isinstance(value, Mapping):
                problems += self._take_section(rule, values[key], value, f"{prefix}{key}.")
            else:
                hint = ' such as {"preset": "hd"}' if key == "quality" else ""
                fault = f"is {_shown(prefix + key, value)}, but must be an object{hint}"
                problems.append(_problem(prefix + key, fault, "its defaults are used"))
        return problems

    def _take_value(
        self, rule: Rule, values: dict[str, Any], value: object, prefix: str, key: str
    ) -> list[Problem]:
        try:
            values[key] = self._read(rule, value)
        except UnusableValue as exc:
            detail = f" ({exc})" if str(exc) else ""
            fault = f"is {_shown(prefix + key, value)}{detail}, but must be {rule.allowed}"
            return [_problem(prefix + key, fault, f"the default {json.dumps(rule.default)} is used")]
        self.own.add(prefix + key)
        return []

    def _read(self, rule: Rule, value: object) -> object:
        usable = rule.read(value)
        if not rule.is_path:
            return usable
        if isinstance(usable, list):
            return [self._expanded(item) for item in usable]
        return self._expanded(usable)

    def _expanded(self, path: object) -> object:
        if not isinstance(path, str) or not path.startswith("~"):
            return path
        try:
            return str(expand_home(path, self._environ))
        except UserError:
            raise UnusableValue("there is no such home folder") from None

    def _limit(self) -> list[Problem]:
        """Apply the limits that fall for stand-ins on this machine."""
        problems = []
        interval = self.values["check_interval"]
        letterboxd, filelist = self.values["letterboxd"], self.values["filelist"]
        is_here = is_on_this_machine(letterboxd["base_url"])
        if interval < SHORTEST_CHECK_INTERVAL and not (is_here and interval > 0):
            self.values["check_interval"] = SHORTEST_CHECK_INTERVAL
            fault = f"is {interval}, but must be at least {SHORTEST_CHECK_INTERVAL} seconds"
            problems.append(Problem("check_interval", fault, f"{SHORTEST_CHECK_INTERVAL} is used"))
        calls = filelist["calls_per_hour"]
        if calls > MOST_CALLS_PER_HOUR and not is_on_this_machine(filelist["base_url"]):
            filelist["calls_per_hour"] = default = self._defaults(KEYS)["filelist"]["calls_per_hour"]
            self.own.discard("filelist.calls_per_hour")
            fault = f"is {calls}, but must be a whole number from 1 to {MOST_CALLS_PER_HOUR}"
            # Fewer calls than were asked for protect no less.
            problems.append(Problem("filelist.calls_per_hour", fault, f"the default {default} is used"))
        return problems


def _shown(key: str, value: object) -> str:
    return shown(value, is_private=key in PRIVATE)


def _problem(key: str, fault: str, remedy: str) -> Problem:
    return Problem(key, fault, remedy, protecting=key if key in _PROTECTING else "")


def _unknown_keys(section: Section, content: Mapping[str, object], prefix: str) -> list[Problem]:
    unknown = [key for key in content if key not in section.keys]
    problems = []
    for key in unknown[:_MOST_UNKNOWN_KEYS]:
        remedy, meant = "credentials do not belong in this file: take it out and run setup", ""
        if not _CREDENTIAL.search(key):
            remedy = f"the nearest known key is {_nearest(key, section, prefix)}"
            meant = _protecting_near(key, section, prefix)
        problems.append(Problem(prefix + key, "is unknown and not used", remedy, meant))
    rest = unknown[_MOST_UNKNOWN_KEYS:]
    if rest:
        meant = next(filter(None, (_protecting_near(key, section, prefix) for key in rest)), "")
        problems.append(
            Problem(prefix + rest[-1], f"and {len(rest) - 1} more are unknown", "they are not used", meant)
        )
    return problems


def _nearest(key: str, section: Section, prefix: str) -> str:
    """Return the known key that the user may have meant: in this section first, else in any."""
    here = {name: prefix + name for name in section.keys}
    word = key[:_LONGEST_COMPARED].casefold()
    close = difflib.get_close_matches(word, here, n=1)
    if not close:
        here = dict(_names(KEYS, "")) | here
        close = difflib.get_close_matches(word, here, n=1, cutoff=0.0)
    return shown(here[close[0]])


def _protecting_near(key: str, section: Section, prefix: str) -> str:
    """Return the full name of the protecting key that an unknown one may be meant for, or nothing."""
    word = _squashed(key)
    here = {_squashed(name): prefix + name for name in section.keys}
    meant = _closest(word, here, _NEAR_HERE) or _closest(word, _KNOWN_ANYWHERE, _NEAR_ELSEWHERE)
    return meant if meant in _PROTECTING else ""


def _closest(word: str, names: Mapping[str, str], cutoff: float) -> str:
    if len(word) >= _SHORTEST_BEGINNING:
        for name, full in names.items():
            if name.startswith(word):
                return full
    close = difflib.get_close_matches(word, names, n=1, cutoff=cutoff)
    return names[close[0]] if close else ""


def _squashed(key: str) -> str:
    """Return a key's letters and figures: `libraryDirectories` is spelt like `library_directories`."""
    return "".join(filter(str.isalnum, key[:_LONGEST_COMPARED].casefold()))


def _names(section: Section, prefix: str) -> list[tuple[str, str]]:
    """Return each key below `section` with its full name."""
    names = []
    for key, rule in section.keys.items():
        names.append((key, prefix + key))
        if isinstance(rule, Section):
            names += _names(rule, f"{prefix}{key}.")
    return names


def _protecting(section: Section, prefix: str, *, all_do: bool) -> set[str]:
    """Return the full names of the keys that protect, and of the sections that hold such keys."""
    found = set()
    for key, rule in section.keys.items():
        protects = all_do or rule.protects
        below = _protecting(rule, f"{prefix}{key}.", all_do=protects) if isinstance(rule, Section) else set()
        if protects or below:
            found |= {prefix + key} | below
    return found


def _known_anywhere() -> dict[str, str]:
    """Return full names by what they are squashed to, and by their last part where it names one key."""
    names = _names(KEYS, "")
    times = Counter(name for name, _ in names)
    return {_squashed(full): full for _, full in names} | {
        _squashed(name): full for name, full in names if times[name] == 1
    }


_PROTECTING = _protecting(KEYS, "", all_do=False)
_KNOWN_ANYWHERE = _known_anywhere()


def read_file(path: Path) -> dict[str, object]:
    """Return what the settings file holds; nothing if there is none.

    Raises:
        UnreadableSettings: it cannot be read or holds no JSON object.
    """
    raw = read_raw(path)
    return {} if raw is None else content_of(path, raw)


def read_raw(path: Path) -> bytes | None:
    """Return the settings file as it is, or None if there is none.

    Raises:
        UnreadableSettings: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            raw = file.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except NotAFileError:
        raise UnreadableSettings(f"{path} is not a file") from None
    except OSError as exc:
        raise UnreadableSettings(f"{path} cannot be read: {exc.strerror or exc}") from None
    if len(raw) > _LARGEST_FILE_BYTES:
        raise UnreadableSettings(f"{path} is far too large for settings")
    return raw


def content_of(path: Path, raw: bytes) -> dict[str, object]:
    """Return what the bytes of the settings file say.

    Raises:
        UnreadableSettings: they are no JSON object.
    """
    try:
        content = parse_json(raw)
    except json.JSONDecodeError as exc:
        what = exc.msg.removesuffix(" at")  # it is made to be followed by the place
        raise UnreadableSettings(f"{path} is not valid JSON: {what}", exc.lineno, exc.colno) from None
    except UnicodeDecodeError as exc:
        before = raw[: exc.start].decode(errors="replace")
        raise UnreadableSettings(f"{path} is not in UTF-8", *place_at(before, len(before))) from None
    except ValueError:
        raise UnreadableSettings(f"{path} is not valid JSON") from None
    if not isinstance(content, dict):
        raise UnreadableSettings(f"{path} must hold a JSON object, {{...}}")
    return content
