"""Every key of `config.json`: the general ones, and those that rooms and services bring along."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from movie_sync.domain.quality_rules import ON_REQUEST_WORDS, ORDER_WORDS, PRESETS, QualityRules
from movie_sync.notices.channels import CommandSettings
from movie_sync.services import registry
from movie_sync.services.base import ClientService, TrackerService
from movie_sync.services.wish_lists import ListSettings
from movie_sync.settings.rules import LANGUAGES, language, release_rules
from movie_sync.settings.section import (
    NamedSections,
    Node,
    Rule,
    Section,
    folder,
    seconds,
    section_of,
    setting,
)
from movie_sync.settings.values import (
    MANY,
    OneOf,
    Reader,
    UnusableValue,
    filled_text,
    first_run,
    flag,
    list_of,
    number,
    one_of,
    or_null,
    path_here,
    text_in,
    whole_path_anywhere,
)
from movie_sync.shelf.settings import ShelfSettings

_LONGEST_RETRY_INTERVAL = 7 * 24 * 3600
_LONGEST_INTERVAL = 30 * 24 * 3600
LONGEST_COMPARED = 60
USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""What the user may call a section of his own."""


def _tracker(value: object) -> str:
    text = text_in(value)
    name, colon, entry = text.partition(":")
    tracker = registry.of_kind(TrackerService).get(name)
    if tracker is None or bool(colon) != tracker.is_named or (colon and not USER_NAME.fullmatch(entry)):
        raise UnusableValue
    return text


def _path_pair(value: object) -> tuple[str, str]:
    match value:
        case [theirs, ours]:
            return whole_path_anywhere(theirs), path_here(ours)
    raise UnusableValue


@dataclass(frozen=True, slots=True)
class GeneralSettings:
    """What belongs to no service."""

    retry_interval: float = seconds(3600, _LONGEST_RETRY_INTERVAL)
    max_retries: int = setting(5, "a whole number from 0 to 1000", number(0, 1000, whole=True))
    backoff_multiplier: float = setting(2.0, "a number from 1 to 100", number(1, 100))
    first_run: Literal["all", "new"] | int = setting(
        "all",
        'one of "all", "new" or a whole number of films',
        first_run,
        protects=True,
    )
    stalled_after: float = seconds(172_800, _LONGEST_INTERVAL)
    max_unfinished: int = setting(
        5, "a whole number, 0 for no limit", number(0, MANY, whole=True), protects=True
    )
    min_free_space_gb: float = setting(10, "a number of GB, 0 for no limit", number(0, MANY), protects=True)
    unlisted: str = setting("keep", '"keep" or "tag"', one_of("keep", "tag"))
    download_directory: str = folder("~/Downloads")
    library_directories: tuple[str, ...] = setting(
        [], "a list of absolute paths or ~/...", list_of(path_here), is_path=True, protects=True
    )
    client: str = setting(
        "qbittorrent",
        f"one of {', '.join(registry.of_kind(ClientService))}",
        OneOf(lambda: registry.of_kind(ClientService)),
        protects=True,
    )
    path_map: tuple[tuple[str, str], ...] = setting(
        [],
        'a list of pairs ["the client\'s folder", "the same folder on this machine"]',
        list_of(_path_pair),
        is_path=True,
    )
    trackers: tuple[str, ...] = setting(
        ["filelist"],
        f"a list of at least one of {', '.join(registry.of_kind(TrackerService))}",
        list_of(_tracker, may_be_empty=False),
    )


# Raw discs and 3D are taken only where the order names them.
QUALITIES = (*ORDER_WORDS, *ON_REQUEST_WORDS)
_UPGRADE_DAYS = 30
_LIMIT = or_null(number(0, MANY, above_low=True))


def _size_range(value: object) -> list[float]:
    match value:
        case [first, second]:
            low, high = number(0, MANY)(first), number(0, MANY)(second)
            if low < high:
                return [low, high]
    raise UnusableValue


def _word_values(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise UnusableValue
    read = number(-MANY, MANY)
    try:
        return {filled_text(word): read(worth) for word, worth in value.items()}
    except UnusableValue:
        raise UnusableValue("one entry isn't valid") from None


def _upgrade(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping) or not {"until"} <= value.keys() <= {"until", "days"}:
        raise UnusableValue
    days = number(0, 3650, above_low=True)(value.get("days", _UPGRADE_DAYS))
    return {"until": one_of(*QUALITIES)(value["until"]), "days": days}


_ALLOWED: Mapping[str, tuple[str, Reader]] = {
    "order": (
        f"a list of at least one of {', '.join(QUALITIES)}",
        list_of(one_of(*QUALITIES), may_be_empty=False),
    ),
    "size_mb_per_minute": ("two numbers, [minimum, maximum] MB per minute", _size_range),
    "preferred_mb_per_minute": ("a number above 0, or null for the largest", _LIMIT),
    "max_size_gb": ("a number above 0, or null for no limit", _LIMIT),
    "min_seeders": ("a whole number, 0 or more", number(0, MANY, whole=True)),
    "freeleech": ('"ignore", "prefer" or "only"', one_of("ignore", "prefer", "only")),
    "prefer_internal": ("true or false", flag),
    "words": ("an object of words and their scores", _word_values),
    "reject_words": ("a list of words", list_of(filled_text)),
    "wait_for_best_hours": ("a number of hours from 0 to 8760", number(0, 8760)),
    "languages": (f"{LANGUAGES}, or null for any", or_null(list_of(language, may_be_empty=False))),
    "reject_dubbed": ("true or false", flag),
    "upgrade": ("null, or an object with `until` (a quality) and `days` (0 to 3650)", or_null(_upgrade)),
    "rules": ("a list of rules, each with `when`, and `reject` or `score`", release_rules),
}


@dataclass(frozen=True, slots=True)
class QualityPreset:
    """A ready choice."""

    preset: str | None = setting(
        None, f"one of {', '.join(PRESETS)}, or null for the defaults", or_null(one_of(*PRESETS))
    )


def _quality() -> Section:
    """Return the section; what its keys mean and their defaults stand in the domain."""
    keys: dict[str, Node] = dict(section_of(QualityPreset, protects=True).keys)
    defaults = asdict(QualityRules())
    for key, (allowed, read) in _ALLOWED.items():
        default = defaults[key]
        if key == "size_mb_per_minute":
            keys[key] = Section(
                {name: Rule(list(sizes), allowed, read, protects=True) for name, sizes in default.items()}
            )
        else:
            default = list(default) if isinstance(default, tuple) else default
            keys[key] = Rule(default, allowed, read, protects=True)
    return Section(keys)


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys, and what follows from them.

    `places` tells where the section of a dataclass stands. `protecting` holds the full names of the keys
    that protect, and of the sections that hold such keys; `anywhere`, full names by what they are
    squashed to, and by their last part where it names one key.
    """

    top: Section
    places: Mapping[type[Any], str]
    protecting: frozenset[str]
    anywhere: Mapping[str, str]


def known() -> Keys:
    """Return the keys of the services that there are."""
    return _known(tuple(registry.SERVICES.items()))


@lru_cache(maxsize=4)
def _known(_services: tuple[tuple[str, str], ...]) -> Keys:
    keys: dict[str, Node] = {}
    places: dict[type[Any], str] = {QualityPreset: "quality"}

    services = registry.everything()
    for form in (GeneralSettings, ListSettings, CommandSettings, *(service.main for service in services)):
        if form is not None:
            keys.update(section_of(form).keys)
            places[form] = ""
    for service in services:
        if service.section is not None:
            section = section_of(service.section, protects=service.protects, is_private=service.is_private)
            name = service.section_name or service.name
            if isinstance(shared := keys.get(name), Section):
                section = replace(section, keys={**shared.keys, **section.keys})
            keys[name] = NamedSections(section, protects=service.protects) if service.is_named else section
            places[service.section] = name
    keys["quality"] = _quality()
    keys["shelf"], places[ShelfSettings] = section_of(ShelfSettings), "shelf"
    top = Section(keys)
    nodes = dict(nodes_in(top))
    named = {full for full, node in nodes.items() if isinstance(node, NamedSections) and node.each.protects}
    names = [(last_part(full), full) for full in nodes]
    times = Counter(name for name, _ in names)
    return Keys(
        top,
        places,
        frozenset(named | {full for full, node in nodes.items() if node.protects}),
        {squashed(full): full for _, full in names}
        | {squashed(name): full for name, full in names if times[name] == 1},
    )


def last_part(full: str) -> str:
    """Return a key without the names of its sections."""
    return full.rpartition(".")[2]


def squashed(key: str) -> str:
    """Return a key's letters and figures: `libraryDirectories` is spelt like `library_directories`."""
    return "".join(filter(str.isalnum, key[:LONGEST_COMPARED].casefold()))


def nodes_in(section: Section, prefix: str = "") -> Iterator[tuple[str, Node]]:
    """Yield what is below `section`: its full name, and what it is."""
    for key, node in section.keys.items():
        yield prefix + key, node
        if isinstance(node, Section):
            yield from nodes_in(node, f"{prefix}{key}.")


def rules() -> dict[str, Rule | NamedSections]:
    """Return what may be set, by its full name."""
    return {full: node for full, node in nodes_in(known().top) if not isinstance(node, Section)}
