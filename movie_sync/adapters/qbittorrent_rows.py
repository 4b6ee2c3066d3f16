"""The rows of qBittorrent's lists, read so that nothing is concluded from an answer of another form.

A row also holds the trackers' addresses with the passkey: nothing of them is kept.
"""

import math
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from movie_sync.adapters.qbittorrent_trackers import is_served
from movie_sync.domain.models import HeldTorrent

_Read = TypeVar("_Read")
_Row = dict[str, Any]

_MAX_COMMENT_CHARACTERS = 300
_INFO_HASH = re.compile(r"[0-9a-f]{40}")


def checked_hash(info_hash: str) -> str:
    """Return an info-hash as qBittorrent writes it.

    Raises:
        ValueError: it is none. `all` means every torrent to qBittorrent.
    """
    wanted = info_hash.lower()
    if not _INFO_HASH.fullmatch(wanted):
        raise ValueError("not an info-hash")
    return wanted


def usable_hashes(info_hashes: Collection[str]) -> list[str]:
    """Return those that are info-hashes, each once, as qBittorrent writes them."""
    return sorted({wanted for text in info_hashes if _INFO_HASH.fullmatch(wanted := text.lower())})


def read_rows(rows: object) -> list[HeldTorrent]:
    """Return the torrents of a list, with all that is known of them.

    Raises:
        TypeError: it is no list of torrents.
    """
    return _each(rows, _read_row)


def read_brief_rows(rows: object) -> list[HeldTorrent]:
    """Return the torrents of a list without sizes, speed and tracker, to keep thousands small.

    Raises:
        TypeError: it is no list of torrents.
    """
    return _each(rows, _read_brief_row)


def read_bytes_left(rows: object) -> list[tuple[str, int]]:
    """Return each torrent's hash and bytes still to come, of a list that was asked for with most first.

    Raises:
        TypeError: it is no list of torrents.
        ValueError: a number is missing or negative, or the list is not in that order.
    """
    found = _each(rows, lambda row: (_hash(row), _count(row.get("amount_left"), otherwise=-1)))
    numbers = [bytes_left for _, bytes_left in found]
    if numbers != sorted(numbers, reverse=True) or min(numbers, default=0) < 0:
        raise ValueError("not the bytes left, most first")
    return found


def _each(rows: object, read: Callable[[_Row], _Read]) -> list[_Read]:
    if not isinstance(rows, list):
        raise TypeError("not a list of torrents")
    if not all(isinstance(row, dict) and _text(row.get("hash")) for row in rows):
        raise TypeError("not a torrent")
    return [read(row) for row in rows]


def _read_row(row: _Row) -> HeldTorrent:
    return replace(
        _read_brief_row(row),
        bytes_left=_count(row.get("amount_left"), otherwise=-1),
        size_bytes=_count(row.get("size")),
        bytes_a_second=_count(row.get("dlspeed")),
        # Since 5.1 `tracker` names one that never answered, but the list of trackers can be had.
        has_tracker=is_served(row["trackers"]) if "trackers" in row else bool(_text(row.get("tracker"))),
    )


def _read_brief_row(row: _Row) -> HeldTorrent:
    return HeldTorrent(
        info_hash=_hash(row),
        name=_text(row.get("name")),
        progress=_progress(row),
        state=sys.intern(_text(row.get("state"))),
        comment=_text(row.get("comment"))[:_MAX_COMMENT_CHARACTERS],
        content_path=_text(row.get("content_path")),
        tags=_tags(_text(row.get("tags"))),
    )


def _hash(row: _Row) -> str:
    return _text(row["hash"]).lower()


def _progress(row: _Row) -> float:
    value = row.get("progress")
    if not isinstance(value, (int, float)) or (isinstance(value, float) and math.isnan(value)):
        return 0.0
    return float(min(max(value, 0), 1))


@lru_cache(maxsize=64)
def _tags(text: str) -> tuple[str, ...]:
    """Split a list of tags; of thousands of torrents most have the same."""
    return tuple(tag.strip() for tag in text.split(",") if tag.strip())


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object, *, otherwise: int = 0) -> int:
    """Return a number of bytes, or the other value for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise
