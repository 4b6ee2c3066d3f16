"""How much room there is where qBittorrent puts torrents, and how much its torrents still need."""

import re
import sys
from pathlib import PurePosixPath, PureWindowsPath

from movie_sync.adapters.qbittorrent_rows import read_bytes_left
from movie_sync.adapters.qbittorrent_session import Client

# The keys are sorted, so that the state comes before the torrents; only names of categories come
# before it. Quotes inside a text are escaped, so that no text looks like this.
_FREE_SPACE = re.compile(r'"server_state":\{[^{}]*"free_space_on_disk":(-?\d{1,19})[,}]')
_MAX_CHARACTERS_BEFORE = 1_000_000


def read_space_at_place(client: Client, save_path: str | None) -> int | None:
    """Return the bytes free where torrents go, or None if qBittorrent is older than 5.3.

    Raises:
        ValueError: qBittorrent does not know, or answers in another form.
    """
    place = save_path if save_path and _is_absolute(save_path) else client.app_default_save_path()
    free_bytes: int | None = client.app_get_free_space_at_path(place)
    return None if free_bytes is None else _checked(free_bytes)


def read_space_of_default_place(client: Client) -> int:
    """Return the bytes free on the disk of the default place, as last measured; raises as above."""
    found = client.read_main_data_until(_FREE_SPACE, _MAX_CHARACTERS_BEFORE)
    return _checked(int(found[1]))


def read_promised(client: Client) -> int:
    """Return the bytes that all torrents together still lack, whoever added them; raises as above."""
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
        raise ValueError("the free space is not known")
    return free_bytes


def _is_absolute(path: str) -> bool:
    """Tell whether a path is one of its own on the machine of qBittorrent, which may be another one."""
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()
