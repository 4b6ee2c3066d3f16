"""How much room there is where qBittorrent puts torrents, and how much its torrents still need.

Whatever asks qBittorrent raises ValueError if it does not know, or answers in another form.
"""

import contextlib
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from movie_sync.domain.path_map import Pairs, on_this_machine, pair_of
from movie_sync.services.qbittorrent.rows import read_bytes_left, text_of
from movie_sync.services.qbittorrent.session import Client

# The keys are sorted, so that the state comes before the torrents; only names of categories come
# before it. Quotes inside a text are escaped, so that no text looks like this.
_FREE_SPACE = re.compile(r'"server_state":\{[^{}]*"free_space_on_disk":(-?\d{1,19})[,}]')
# What two looks at one disk may differ by, a few seconds apart.
_SAME_BYTES = 2_000_000_000
_MAX_CHARACTERS_BEFORE = 1_000_000


def read_places(client: Client, save_path: str | None, category: str) -> tuple[str, tuple[str, ...]]:
    """Return the default place, and where a torrent will lie: while it loads, and once it is whole.

    It is one that is added with this place (None: qBittorrent's own choice) and category.
    """
    preferences: Mapping[str, object] = client.app_preferences()
    default = preferences["save_path"]
    if not isinstance(default, str) or not default:
        raise ValueError("the default folder is unknown")
    is_automatic = save_path is None and preferences.get("auto_tmm_enabled") is True
    of_category: Mapping[str, object] = {}
    place = save_path or ""
    if (
        save_path is None
        and category
        and (is_automatic or preferences.get("use_category_paths_in_manual_mode") is True)
    ):
        known = client.torrents_categories().get(category)
        of_category = known if isinstance(known, Mapping) else {}
        place = text_of(of_category.get("savePath")) or category
    loading = text_of(preferences.get("temp_path")) if preferences.get("temp_path_enabled") is True else ""
    if is_automatic and "download_path" in of_category:  # its own word, or None where it has none
        own = of_category["download_path"]
        loading = "" if own is False else text_of(own) or loading
    used = [_joined(default, place), *([_joined(default, loading)] if loading else [])]
    return default, tuple(dict.fromkeys(used))


def read_space_at(client: Client, places: Iterable[str]) -> int | None:
    """Return the least bytes free at any of the places, or None if qBittorrent is older than 5.3."""
    free = [client.app_get_free_space_at_path(place) for place in places]
    return None if None in free else _checked(min(free))


def space_here(default: str, told_bytes: int, places: Iterable[str]) -> int | None:
    """Return the same as this machine sees it, or None if it does not.

    Only if the default place looks from here as it is told are the paths not taken for a container's.
    """
    here, least = _free_at(default), min(map(_free_at, places))
    is_same = abs(here - told_bytes) <= max(_SAME_BYTES, here // 50)
    return least if is_same and min(here, least) >= 0 else None


def space_at(places: Sequence[str], path_map: Pairs) -> int | None:
    """Return the least bytes free at places that this machine has by a pair each, or None if it can't tell.

    A pair's own folder that isn't there is a disk that isn't mounted: what is above it is another one.
    """
    pairs = [pair_of(place, path_map) for place in places]
    if not all(pair and Path(pair[1]).is_dir() for pair in pairs):
        return None
    least = min(_free_at(on_this_machine(place, path_map)) for place in places)
    return least if least >= 0 else None


def _free_at(place: str) -> int:
    """Return the bytes free at a place that may be made only when it is needed; -1 if nothing tells."""
    with contextlib.suppress(OSError, ValueError):
        for folder in (Path(place), *Path(place).parents):
            if folder.is_dir() and folder != Path(folder.anchor):
                usage = shutil.disk_usage(folder)
                return usage.free if usage.total else -1  # some network shares say nothing
    return -1


def _joined(default: str, place: str) -> str:
    # It may be a place on another machine, of another system than this one.
    if PurePosixPath(place).is_absolute() or PureWindowsPath(place).is_absolute():
        return place
    return f"{default.rstrip('/')}/{place}" if place else default


def read_space_of_default_place(client: Client) -> int:
    """Return the bytes free on the disk of the default place, as last measured."""
    found = client.read_main_data_until(_FREE_SPACE, _MAX_CHARACTERS_BEFORE)
    return _checked(int(found[1]))


def read_promised(client: Client) -> int:
    """Return the bytes that all torrents together still lack, whoever added them."""
    # No filter has them all: `downloading` not those in error or moving, `errored` not the others.
    promised, before = 0, sys.maxsize
    for row in client.torrent_rows(sort="amount_left", reverse="true"):
        bytes_left = read_bytes_left(row)
        if bytes_left > before:
            raise ValueError("not the bytes left, most first")
        if not bytes_left:
            break
        promised, before = promised + bytes_left, bytes_left
    return promised


def _checked(free_bytes: int) -> int:
    if free_bytes < 0:
        raise ValueError("the free space is unknown")
    return free_bytes
