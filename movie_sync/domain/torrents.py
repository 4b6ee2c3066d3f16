"""What a torrent is called by, and how far it is in the client, in one vocabulary for all clients."""

import re
from collections.abc import Collection
from enum import StrEnum

_INFO_HASH = re.compile(r"[0-9a-f]{40}")


class TorrentPhase(StrEnum):
    """What a client is at with a torrent; each client's adapter translates its own words."""

    WHOLE = "whole"
    """All files are there, in their place. Progress 1 does not say so: they may be moved or checked."""
    DOWNLOADING = "downloading"
    AWAITING_PEERS = "awaiting peers"
    """It tries, and nobody serves it."""
    QUEUED = "queued"
    """It waits for its turn, or for room to be set aside, and does not try meanwhile."""
    STOPPED = "stopped"
    CHECKING = "checking"
    MOVING = "moving"
    FILES_MISSING = "files missing"
    FAILED = "failed"
    """The client gave it up with an error."""
    UNTOLD = "untold"
    """It was put into a folder for a client, of which nothing is known."""
    UNKNOWN = "unknown"

    @property
    def counts_as_there(self) -> bool:
        """Tell whether nothing more is to be waited for."""
        return self in {TorrentPhase.WHOLE, TorrentPhase.UNTOLD}

    @property
    def is_trying(self) -> bool:
        """Tell whether the client gets data, or tries to."""
        return self in {TorrentPhase.DOWNLOADING, TorrentPhase.AWAITING_PEERS}

    @property
    def is_broken(self) -> bool:
        """Tell whether it comes no further by itself, through no decision of the user's."""
        return self in {TorrentPhase.FILES_MISSING, TorrentPhase.FAILED}

    @property
    def is_passing(self) -> bool:
        """Tell whether it lasts only while the client is at the files; its progress tells nothing then."""
        return self in {TorrentPhase.CHECKING, TorrentPhase.MOVING}


def checked_hash(info_hash: str) -> str:
    """Return an info-hash in small letters.

    Raises ValueError for what is none: clients have words, or nothing at all, for every torrent they hold.
    """
    wanted = info_hash.lower()
    if not _INFO_HASH.fullmatch(wanted):
        raise ValueError("not an info-hash")
    return wanted


def usable_hashes(info_hashes: Collection[str]) -> list[str]:
    """Return those that are info-hashes, each once, in small letters."""
    return sorted({wanted for text in info_hashes if _INFO_HASH.fullmatch(wanted := text.lower())})
