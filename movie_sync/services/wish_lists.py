"""The lists that wishes come from: those of the setting `lists`, else the one that older settings name."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from movie_sync.domain.quality_rules import PRESETS
from movie_sync.domain.wish_list import WishList
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.ports import WatchlistSource
from movie_sync.services import registry
from movie_sync.services.base import Glimpse, ListService, Surroundings
from movie_sync.settings.rules import language
from movie_sync.settings.section import Sections, setting
from movie_sync.settings.values import (
    MANY,
    Reader,
    UnusableValue,
    client_category,
    client_folder,
    filled_text,
    first_run,
    list_of,
    number,
    one_of,
    shown,
    text_without_commas,
)

_OLDER_KEYS = ("username", "letterboxd.export_file")
_MOST_NAMED = 3
_FIRST_YEAR, _LAST_YEAR = 1870, 2200
_SHORTEST_INTERVAL, _LONGEST_INTERVAL = 60, 30 * 24 * 3600


def _years(value: object) -> list[float]:
    year = number(_FIRST_YEAR, _LAST_YEAR, whole=True)
    match value:
        case [first, last] if year(first) <= year(last):
            return [year(first), year(last)]
    raise UnusableValue


_OPTIONS: Mapping[str, tuple[str, Reader]] = {
    "name": ("a text", filled_text),
    "first_run": ('"all", "new" or a whole number of films', first_run),
    "years": ("two years, [from, to]", _years),
    "limit": ("a whole number above 0", number(1, MANY, whole=True)),
    "preset": (f"one of {', '.join(PRESETS)}", one_of(*PRESETS)),
    "languages": ("a list of languages", list_of(language, may_be_empty=False)),
    "category": ("a category as qBittorrent allows it", client_category),
    "tags": ("a list of texts without commas", list_of(text_without_commas)),
    "save_path": ("a full path as the client sees it, or ~/...", client_folder),
    "interval": (
        f"a number of seconds from {_SHORTEST_INTERVAL} to {_LONGEST_INTERVAL}",
        number(_SHORTEST_INTERVAL, _LONGEST_INTERVAL),
    ),
    "max_pages": ("a whole number above 0", number(1, MANY, whole=True)),
}


def _kinds() -> dict[str, ListService]:
    """Return the services of lists by the key of their entries."""
    return {each.entry_key: each for each in registry.of_kind(ListService).values() if each.entry_key}


def _entry(value: object) -> dict[str, object]:
    kinds = _kinds()
    if not isinstance(value, Mapping):
        raise UnusableValue("each list must be an object")
    named = [key for key in value if key in kinds]
    if len(named) != 1:
        raise UnusableValue(f"each list must have exactly one of {', '.join(kinds)}")
    read: dict[str, object] = {}
    for key, given in value.items():
        if key not in kinds and key not in _OPTIONS:
            raise UnusableValue(f"{shown(key)} isn't a key of a list; the keys are {', '.join(_OPTIONS)}")
        allowed, reader = (kinds[key].allowed, kinds[key].read_place) if key in kinds else _OPTIONS[key]
        try:
            read[str(key)] = reader(given)
        except UnusableValue:
            raise UnusableValue(f"{key} is {shown(given)}, but must be {allowed}") from None
    return read


def _entries(value: object) -> list[dict[str, object]]:
    """Read the setting; the same list twice would be read twice for nothing."""
    if not isinstance(value, list):
        raise UnusableValue
    entries = [_entry(each) for each in value]
    places = [
        (key, service.owner(WishList(service.name, str(each[key]))).casefold())
        for each in entries
        for key, service in _kinds().items()
        if key in each
    ]
    for place in places:
        if places.count(place) > 1:
            raise UnusableValue(f"{place[0]} {shown(place[1])} is listed twice")
    return entries


@dataclass(frozen=True, slots=True)
class ListSettings:
    """Where wishes come from."""

    lists: tuple[Mapping[str, Any], ...] = setting(
        [],
        "a list of objects, each with one of watchlist, list, export or imdb",
        _entries,
        is_path=True,
        protects=True,
    )


@dataclass(frozen=True, slots=True)
class ChosenList:
    """A list that is read, and the service that reads it."""

    service: ListService
    wish: WishList

    def build(self, config: Sections, around: Surroundings) -> WatchlistSource:
        """Return its reader; nothing is read yet."""
        return self.service.build(self.wish, config, around)

    def look(self, config: Sections, around: Surroundings) -> Glimpse:
        """Read as much of it as shows that it can be read; raises as a `WatchlistSource`, UserError."""
        return self.service.look(self.wish, config, around)


class Settings(Sections, Protocol):
    """Settings that also tell where they come from."""

    def may_be_meant(self, key: str) -> bool:
        """Return whether a fault may hide what the user wants of a protecting key, or of one in it."""

    def is_set(self, key: str) -> bool:
        """Return whether a key holds the user's own value."""

    def is_overridden(self, key: str) -> bool:
        """Return whether the command line or the environment gives a key for this run."""

    def is_in_file(self, key: str) -> bool:
        """Return whether the file has a value for a key, usable or not."""


def required_lists(config: Settings) -> Sequence[ChosenList]:
    """Return the lists in the order of the file; raises UserError if none is named."""
    lists = chosen_lists(config)
    if lists:
        return lists
    if config.may_be_meant("lists"):
        raise UserError(
            "Can't tell which lists to read, because config.json can't be used. Fix it, or set "
            "MOVIE_SYNC_USERNAME to a Letterboxd username."
        )
    raise UserError(
        "No Letterboxd username is set: it's the name in letterboxd.com/NAME/ (letters, digits and "
        'underscores). Set "username" in config.json or MOVIE_SYNC_USERNAME, or run '
        f"`{command_line('setup')}`."
    )


def is_replaced(config: Settings) -> bool:
    """Tell whether a list is named for this run alone."""
    return any(map(config.is_overridden, _OLDER_KEYS))


def are_all_named(config: Settings) -> bool:
    """Tell whether the settings name every list, so that one they do not name was taken out.

    The environment names all where the file names none; else it may be meant for this run alone.
    """
    keys = ("lists", *_OLDER_KEYS)
    return not config.is_overridden("lists") or not (
        config.may_be_meant("lists") or any(map(config.is_in_file, keys))
    )


def entry_of(chosen: ChosenList) -> dict[str, object]:
    """Return how `lists` names a list that an older key names."""
    return {chosen.service.entry_key: chosen.wish.place}


def entries_for(text: str) -> list[dict[str, object]]:
    """Return the entries that what was typed may mean, likeliest first; raises UnusableValue if none."""
    found: list[dict[str, object]] = []
    for key, service in sorted(_kinds().items(), key=lambda each: each[1].is_fallback):
        if not (found and service.is_fallback):
            with contextlib.suppress(UnusableValue):
                found.append({key: service.read_place(text)})
    if not found:
        raise UnusableValue
    return found


def unused_keys(config: Settings) -> Iterator[str]:
    """Yield in words which older keys of the file name a list that is not read, as `lists` names them."""
    if not config.section(ListSettings).lists or is_replaced(config):
        return
    for key in _OLDER_KEYS:
        if config.is_set(key):
            yield f'"{key}" isn\'t used, because "lists" is set. Name that list there, or remove "{key}".'


def chosen_lists(config: Settings) -> Sequence[ChosenList]:
    """Return the lists in the order of the file; none if no list is named, or it is not known which.

    A list that is named for this run alone takes the place of all of them.
    """
    if not is_replaced(config):
        if config.may_be_meant("lists"):
            return ()
        if entries := config.section(ListSettings).lists:
            return [chosen_by(entry) for entry in entries]
    services = sorted(registry.of_kind(ListService).values(), key=lambda each: each.is_fallback)
    named = ((service, service.own_list(config)) for service in services)
    return next(([_of(service, wish)] for service, wish in named if wish), ())


def chosen_by(entry: Mapping[str, Any]) -> ChosenList:
    """Return the list that a usable entry of `lists` names."""
    key, service = next((key, service) for key, service in _kinds().items() if key in entry)
    options = {name: value for name, value in entry.items() if name != key}
    return _of(service, WishList(kind=service.name, place=str(entry[key]), **options))


def _of(service: ListService, wish: WishList) -> ChosenList:
    label = wish.name or service.label(wish)
    return ChosenList(service, replace(wish, owner=service.owner(wish), label=label, site=service.site))


def watched_words(config: Settings) -> str:
    """Return what is read, in words."""
    labels = [chosen.wish.label for chosen in chosen_lists(config)]
    if len(labels) > _MOST_NAMED:
        labels[_MOST_NAMED:] = [f"{len(labels) - _MOST_NAMED} more"]
    *first, last = labels or ["no list"]
    return f"{', '.join(first)} and {last}" if first else last
