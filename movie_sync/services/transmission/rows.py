"""The rows of Transmission's list, read so that nothing is concluded from an answer of another form.

The rows of trackers hold their addresses with the passkey: nothing of them is kept.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from movie_sync.domain.json_text import usable_number
from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.torrents import TorrentPhase, checked_hash
from movie_sync.domain.tracker_words import without_secrets
from movie_sync.services.transmission.trackers import Row, is_served, refusal_in

BRIEF_FIELDS = (
    "hashString name status error errorString percentDone leftUntilDone sizeWhenDone totalSize comment "
    "downloadDir labels"
).split()
FIELDS = [*BRIEF_FIELDS, *"rateDownload trackerStats uploadRatio secondsSeeding peersSendingToUs".split()]

_STATUS_WORDS = (
    "stopped", "waiting to check", "checking", "waiting to download", "downloading", "waiting to seed",
    "seeding",
)  # fmt: skip
_PHASES: Mapping[object, TorrentPhase] = {
    0: TorrentPhase.STOPPED,
    1: TorrentPhase.CHECKING,
    2: TorrentPhase.CHECKING,
    3: TorrentPhase.QUEUED,
    4: TorrentPhase.AWAITING_PEERS,
}
_PHASES_OF_ALL = {
    **_PHASES,
    0: TorrentPhase.WHOLE,
    4: TorrentPhase.MOVING,  # out of the folder for what is incomplete
    5: TorrentPhase.WHOLE,
    6: TorrentPhase.WHOLE,
}
_LOCAL_ERROR = 3
# "No data found!", and of 4.1 also "Paused torrent as no data was found!": they are in no other field.
_NO_DATA = re.compile(r"\bno data (?:was )?found!", re.IGNORECASE)
# These letters have accents of ancient Greek; no word has one before a digit or a Latin letter.
_CUT_EMOJI = re.compile(r"([\u1f00-\u1faf])([0-9a-f])")
# What the user has unticked is no part of the film, unless it is most of it.
_LEAST_SHARE_OF_WHOLE = 0.9
_MAX_COMMENT_CHARACTERS = 300


def read_row(row: Row) -> HeldTorrent:
    """Return a torrent with all that is known of it; what is odd in its row is not known.

    Raises:
        ValueError, TypeError, LookupError: it is no torrent's row.
    """
    seconds = usable_number(row.get("secondsSeeding"))
    return replace(
        read_brief_row(row),
        bytes_left=_count(row.get("leftUntilDone"), otherwise=-1),
        size_bytes=_count(row.get("sizeWhenDone")),
        bytes_a_second=_count(row.get("rateDownload")),
        has_tracker=_has_tracker(row),
        is_stopped=row.get("status") == 0,
        refusal=_refusal(row),
        ratio=usable_number(row.get("uploadRatio")),  # -1 is none and -2 endless
        seeding_seconds=None if seconds is None else int(seconds),
        seeds=max((int(number) for number in _seeds(row) if number is not None), default=None),
    )


def read_brief_row(row: Row) -> HeldTorrent:
    """Return only what is needed of each of thousands, to keep them small; raises as `read_row`."""
    name, folder = _name(row.get("name")), _name(row.get("downloadDir"))
    return HeldTorrent(
        info_hash=checked_hash(_text(row["hashString"])),
        name=name,
        progress=_progress(row),
        phase=_phase(row),
        client_word=_client_word(row),
        comment=_text(row.get("comment"))[:_MAX_COMMENT_CHARACTERS],
        content_path=f"{folder.rstrip('/')}/{name}" if folder and name else "",
        tags=_labels(tuple(read_labels(row))),
    )


def read_labels(row: Row) -> list[str]:
    """Return a torrent's labels."""
    labels = row.get("labels")
    return [label for label in labels if isinstance(label, str)] if isinstance(labels, list) else []


def _phase(row: Row) -> TorrentPhase:
    # An error of its own comes first: after a restart what has lost its files looks whole otherwise.
    if row.get("error") == _LOCAL_ERROR:
        is_missing = _NO_DATA.search(_text(row.get("errorString")))
        return TorrentPhase.FILES_MISSING if is_missing else TorrentPhase.FAILED
    phases = _PHASES_OF_ALL if _has_all(row) else _PHASES
    phase = phases.get(row.get("status"), TorrentPhase.UNKNOWN)
    if phase is TorrentPhase.WHOLE and not _is_ticked(row):
        return TorrentPhase.STOPPED
    if phase is TorrentPhase.AWAITING_PEERS and _count(row.get("rateDownload")):
        return TorrentPhase.DOWNLOADING
    return phase


def _has_all(row: Row) -> bool:
    """Tell whether nothing is left to come; of a magnet link's torrent the size is not known at first."""
    return _count(row.get("leftUntilDone"), otherwise=-1) == 0 and _count(row.get("sizeWhenDone")) > 0


def _is_ticked(row: Row) -> bool:
    """Tell whether the user wants most of it: what he has unticked counts nowhere as left to come."""
    return _count(row.get("sizeWhenDone")) >= _LEAST_SHARE_OF_WHOLE * _count(row.get("totalSize"))


def _client_word(row: Row) -> str:
    if row.get("error") == _LOCAL_ERROR:
        return without_secrets(_text(row.get("errorString")), "") or "an error"
    status = row.get("status")
    is_known = isinstance(status, int) and 0 <= status < len(_STATUS_WORDS)
    return _STATUS_WORDS[status] if is_known and isinstance(status, int) else "unknown"


def _has_tracker(row: Row) -> bool:
    try:
        return is_served(row.get("trackerStats"))
    except TypeError:
        return False


def _refusal(row: Row) -> str | None:
    try:
        return refusal_in(row.get("trackerStats")) or ""
    except TypeError:
        return None


def _seeds(row: Row) -> Iterator[float | None]:
    """Yield how many there are as each tracker says (-1: not known), and how many are sending."""
    trackers = row.get("trackerStats")
    for tracker in trackers if isinstance(trackers, list) else ():
        yield usable_number(tracker.get("seederCount")) if isinstance(tracker, dict) else None
    yield usable_number(row.get("peersSendingToUs"))


def _progress(row: Row) -> float:
    return float(min(usable_number(row.get("percentDone")) or 0, 1))


@lru_cache(maxsize=64)
def _labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one copy of a list of labels: of thousands of torrents most have the same."""
    return tuple(sys.intern(label) for label in labels)


def _name(value: object) -> str:
    """Return a name. 3.00 writes an emoji as an escape of five digits, which reads as two letters."""
    return _CUT_EMOJI.sub(lambda found: chr(int(f"{ord(found[1]):x}{found[2]}", 16)), _text(value))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object, *, otherwise: int = 0) -> int:
    """Return a number of bytes, whole or not as versions write it, or the other value for what is none."""
    number = usable_number(value)
    return otherwise if number is None else int(number)
