"""Whether a tracker serves a torrent, and its own words if it refuses to.

What a tracker says and what Transmission says of one that it did not reach stand in the same place.
The latter are few, and the same in 3.00 to 4.1; the daemon says them in English.
"""

import re
from collections.abc import Iterator, Mapping

from movie_sync.domain.tracker_words import without_secrets

Row = Mapping[str, object]

# Longer words are cut off there, and half a passkey would not be known for one.
_MOST_CHARACTERS = 127
_TROUBLE = re.compile(
    r"Could not connect to tracker|Tracker did not respond|Tracker (?:gave )?HTTP response"
    r"|Connection failed|DNS Lookup failed|Unknown error",
    re.IGNORECASE,
)


def is_served(trackers: object) -> bool:
    """Tell whether any of a torrent's trackers has answered its last announcement.

    Raises:
        TypeError: it is no list of trackers.
    """
    return any(row.get("lastAnnounceSucceeded") is True for row in _rows(trackers))


def refusal_in(trackers: object) -> str | None:
    """Return what a tracker says that refuses a torrent, without its address and any passkey.

    None if a tracker serves it or has not answered yet, or if none could be reached; raises as above.
    """
    rows = [row for row in _rows(trackers) if row.get("isBackup") is not True]
    if is_served(trackers) or not all(row.get("hasAnnounced") is True for row in rows):
        return None
    words = (_words(row) for row in rows if row.get("lastAnnounceTimedOut") is not True)
    return next((text for text in words if text and not _TROUBLE.match(text)), None)


def _rows(trackers: object) -> Iterator[Row]:
    if not isinstance(trackers, list):
        raise TypeError("not a list of trackers")
    for row in trackers:
        if not isinstance(row, dict):
            raise TypeError("not a tracker")
        yield row


def _words(row: Row) -> str:
    words, address = row.get("lastAnnounceResult"), row.get("announce")
    if not isinstance(words, str):
        return ""
    if len(words.encode()) >= _MOST_CHARACTERS:
        words = words.rpartition(" ")[0]
    return without_secrets(words, address if isinstance(address, str) else "")
