"""The rows of qBittorrent's lists, read so that nothing is concluded from an answer of another form.

A row also holds the trackers' addresses with the passkey: nothing of them is kept. Until 5.1 qBittorrent
gives a tracker's refusal and any trouble on the way to it the same status, so that only the words tell them
apart. Those of the trouble are known: they come from the network library, in English unless qBittorrent
runs on a Windows of another language.
"""

import http
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from movie_sync.domain.json_text import usable_number
from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.tracker_words import without_secrets

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

_STOPPED = frozenset("pausedUP stoppedUP pausedDL stoppedDL".split())
_MAX_COMMENT_CHARACTERS = 300
_DISABLED, _WORKING, _FAILED, _REFUSED, _UNREACHABLE = 0, 2, 4, 5, 6
_STATUS_LINES = frozenset(status.phrase.casefold() for status in http.HTTPStatus)
_TROUBLE = re.compile(
    r"connection (?:was )?(?:refused|reset|aborted|closed|timed out)|actively refused|forcibly closed"
    r"|timed? ?out|host (?:not found|is down|unreachable)|(?:unknown|no such|no route to) host"
    r"|unreachable|not known|name resolution|non-recoverable|servname|\bdns\b|temporary failure"
    r"|end of (?:file|stream)|short read|stream truncated|broken pipe|not connected"
    r"|operation (?:was )?(?:canceled|aborted)"
    r"|\bssl\b|\btls|certificate|handshake|wrong version number|ssrf"
    r"|\bproxy\b|\bsocks|redirect|\bhttp error|unknown http|^[1-5]\d\d\b|gateway|server error"
    r"|bencoded|expected value|parse|invalid (?:tracker|peer|hostname|port)|unsupported (?:url|protocol)"
    r"|service\b.{0,40}unavailable|temporarily|overload|maintenance|try again",
    re.IGNORECASE,
)


def read_row(row: _Row) -> HeldTorrent:
    """Return a torrent with all that is known of it; what is odd in its row is not known."""
    seconds = usable_number(row.get("seeding_time"))
    return replace(
        read_brief_row(row),
        bytes_left=_count(row.get("amount_left"), -1),
        size_bytes=_count(row.get("size"), 0),
        bytes_a_second=_count(row.get("dlspeed"), 0),
        has_tracker=_has_tracker(row),
        ratio=usable_number(row.get("ratio")),  # -1 is endless
        seeding_seconds=None if seconds is None else int(seconds),
        seeds=_seeds(row),
        is_stopped=text_of(row.get("state")) in _STOPPED,
        refusal=_refusal(row),
    )


def read_brief_row(row: _Row) -> HeldTorrent:
    """Return a torrent without sizes, speed, tracker and seeding, to keep thousands small."""
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


def _seeds(row: _Row) -> int | None:
    """Return how many there are as the tracker says, or those it is connected to."""
    known = [usable_number(row.get(key)) for key in ("num_complete", "num_seeds")]  # -1: not known
    return max((int(number) for number in known if number is not None), default=None)


def _has_tracker(row: _Row) -> bool:
    # Since 5.1 `tracker` names one that never answered, but the list of trackers can be had.
    if "trackers" not in row:
        return bool(text_of(row.get("tracker")))
    try:
        return is_served(row["trackers"])
    except TypeError:
        return False


def _refusal(row: _Row) -> str | None:
    try:
        return (refusal_in(row["trackers"]) or "") if "trackers" in row else None
    except TypeError:
        return None


def _progress(row: _Row) -> float:
    return float(min(usable_number(row.get("progress")) or 0, 1))


@lru_cache(maxsize=64)
def _tags(text: str) -> tuple[str, ...]:
    """Split a list of tags; of thousands of torrents most have the same."""
    return tuple(tag.strip() for tag in text.split(",") if tag.strip())


def text_of(value: object) -> str:
    """Return a text as it is, and nothing for what is none."""
    return value if isinstance(value, str) else ""


def _count(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def is_served(trackers: object) -> bool:
    """Tell whether any of a torrent's trackers works; raises TypeError: it is no list of trackers."""
    return any(status == _WORKING for status, _ in _read(trackers))


def refusal_in(trackers: object) -> str | None:
    """Return what a tracker says that refuses a torrent, without its address and any passkey.

    None if a tracker works or has not answered yet, or if none could be reached; raises as `is_served`.
    """
    rows = list(_read(trackers))
    if any(status not in {_FAILED, _REFUSED, _UNREACHABLE} for status, _ in rows):
        return None
    for status, row in rows:
        message = row.get("msg")
        if status == _UNREACHABLE or not isinstance(message, str):
            continue
        text = without_secrets(message, row["url"])
        if text and text.casefold() not in _STATUS_LINES and not _TROUBLE.search(text):
            return text
    return None


def _read(trackers: object) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the status and the row of each tracker that is in use; peer exchange and the like are none."""
    if not isinstance(trackers, list):
        raise TypeError("not a list of trackers")
    for row in trackers:
        match row:
            case {"url": str(url), "status": int(status)}:
                if status != _DISABLED and not url.startswith("** ["):
                    yield status, row
            case _:
                raise TypeError("not a tracker")
