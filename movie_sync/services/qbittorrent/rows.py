"""The rows of qBittorrent's lists, read so that nothing is concluded from an answer of another form.

A row also holds the trackers' addresses with the passkey: nothing of them is kept.
"""

import math
import sys
from dataclasses import replace
from functools import lru_cache
from typing import Any

from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.services.qbittorrent.trackers import is_served

_Row = dict[str, Any]

_PHASES = {
    # 4.5 to 5.3: since 5.0 what was "paused" is "stopped".
    word: phase
    for phase, words in (
        (TorrentPhase.WHOLE, "uploading stalledUP queuedUP forcedUP pausedUP stoppedUP"),
        (TorrentPhase.DOWNLOADING, "downloading forcedDL"),
        (TorrentPhase.AWAITING_PEERS, "stalledDL metaDL forcedMetaDL"),
        (TorrentPhase.QUEUED, "queuedDL allocating"),
        (TorrentPhase.STOPPED, "pausedDL stoppedDL"),
        (TorrentPhase.CHECKING, "checkingUP checkingDL checkingResumeData"),
        (TorrentPhase.MOVING, "moving"),
        (TorrentPhase.FILES_MISSING, "missingFiles"),
        (TorrentPhase.FAILED, "error"),
    )
    for word in words.split()
}

_MAX_COMMENT_CHARACTERS = 300


def read_row(row: _Row) -> HeldTorrent:
    """Return a torrent with all that is known of it; what is odd in its row is not known."""
    return replace(
        read_brief_row(row),
        bytes_left=_count(row.get("amount_left"), -1),
        size_bytes=_count(row.get("size"), 0),
        bytes_a_second=_count(row.get("dlspeed"), 0),
        has_tracker=_has_tracker(row),
    )


def read_brief_row(row: _Row) -> HeldTorrent:
    """Return a torrent without sizes, speed and tracker, to keep thousands small."""
    return HeldTorrent(
        info_hash=row["hash"].lower(),
        name=text_of(row.get("name")),
        progress=_progress(row),
        phase=_phase(row),
        comment=text_of(row.get("comment"))[:_MAX_COMMENT_CHARACTERS],
        content_path=text_of(row.get("content_path")),
        tags=_tags(text_of(row.get("tags"))),
        client_word=sys.intern(text_of(row.get("state"))),
    )


def read_bytes_left(row: _Row) -> int:
    """Return how many bytes of a torrent are still to come. Raises ValueError: the row does not tell."""
    bytes_left = _count(row.get("amount_left"), -1)
    if bytes_left < 0:
        raise ValueError("the bytes left are not known")
    return bytes_left


def _phase(row: _Row) -> TorrentPhase:
    phase = _PHASES.get(text_of(row.get("state")), TorrentPhase.UNKNOWN)
    # What seeds may lack files all the same: those that were not wanted, and are now.
    return TorrentPhase.UNKNOWN if phase is TorrentPhase.WHOLE and row.get("amount_left") != 0 else phase


def _has_tracker(row: _Row) -> bool:
    # Since 5.1 `tracker` names one that never answered, but the list of trackers can be had.
    if "trackers" not in row:
        return bool(text_of(row.get("tracker")))
    try:
        return is_served(row["trackers"])
    except TypeError:
        return False


def _progress(row: _Row) -> float:
    value = row.get("progress")
    if not isinstance(value, (int, float)) or (isinstance(value, float) and math.isnan(value)):
        return 0.0
    return float(min(max(value, 0), 1))


@lru_cache(maxsize=64)
def _tags(text: str) -> tuple[str, ...]:
    """Split a list of tags; of thousands of torrents most have the same."""
    return tuple(tag.strip() for tag in text.split(",") if tag.strip())


def text_of(value: object) -> str:
    """Return a text as it is, and nothing for what is none."""
    return value if isinstance(value, str) else ""


def _count(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise
