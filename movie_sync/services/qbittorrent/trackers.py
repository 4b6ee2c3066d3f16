"""Whether a tracker serves a torrent, and its own words if it refuses to.

Until 5.1 qBittorrent gives a tracker's refusal and any trouble on the way to it the same status, so
that only the words tell them apart. Those of the trouble are known: they come from the network
library, in English unless qBittorrent runs on a Windows of another language.
"""

import http
import re
from collections.abc import Iterator
from typing import Any

import qbittorrentapi

from movie_sync.domain.tracker_words import without_secrets
from movie_sync.services.qbittorrent.session import Client

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


def is_served(trackers: object) -> bool:
    """Tell whether any of a torrent's trackers works. Raises TypeError: it is no list of trackers."""
    return any(status == _WORKING for status, _ in _read(trackers))


def read_refusal(client: Client, info_hash: str) -> str | None:
    """Ask for a torrent's trackers; returns as `refusal_in`, and None if there is no such torrent."""
    try:
        trackers = client.torrents_trackers(info_hash)
    except qbittorrentapi.NotFound404Error:
        return None
    return refusal_in(trackers)


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
        if not isinstance(row, dict) or not isinstance(row.get("url"), str):
            raise TypeError("not a tracker")
        if row["url"].startswith("** ["):
            continue
        status = row.get("status")
        if not isinstance(status, int):
            raise TypeError("not a tracker's status")
        if status != _DISABLED:
            yield status, row
