"""What is alike at every tracker: what may be asked of it, and what it must give for a release."""

import logging
import re
from dataclasses import replace
from typing import TypeVar

from movie_sync.domain.models import Release, TorrentFile
from movie_sync.domain.plain_text import printable
from movie_sync.domain.redaction import Redactor
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.errors import ReleaseError

MOST_TORRENT_BYTES = 4_000_000

_log = logging.getLogger(__name__)
_Release = TypeVar("_Release", bound=Release)
_MOST_QUERY_CHARACTERS = 200
_IMDB_ID = re.compile(r"tt[0-9]{5,10}")


def is_imdb_id(text: str) -> bool:
    """Tell whether releases can be filed under this; what is no IMDb id is said in the log."""
    is_one = _IMDB_ID.fullmatch(text) is not None
    if not is_one:
        _log.warning("%.40s isn't an IMDb id, so no tracker can know it.", printable(text))
    return is_one


def search_words(text: str) -> str:
    """Return a text as a word search takes it: printable, with single blanks, and of moderate length."""
    return " ".join(printable(word) for word in text.split())[:_MOST_QUERY_CHARACTERS].strip()


def torrent_of(release: Release, content: bytes, tracker: str) -> TorrentFile:
    """Return a release's torrent, whole; raises ReleaseError if what the tracker gave is another thing."""
    try:
        torrent = parse_torrent(content)
    except ReleaseError as exc:
        raise ReleaseError(f"{tracker}'s answer for {release.name}: {exc}") from None
    # Small differences are usual; quite another size is not what was chosen.
    if not release.size_bytes / 2 <= torrent.size_bytes <= release.size_bytes * 2:
        raise ReleaseError(
            f"The torrent of {release.name} is {torrent.size_bytes / 1e9:.2f} GB, "
            f"but {tracker} lists it as {release.size_bytes / 1e9:.2f} GB."
        )
    return torrent


def too_large(release: Release) -> ReleaseError:
    """Return the error for a torrent file that was not read to its end; another one may be smaller."""
    return ReleaseError(
        f"The torrent file of {release.name} is larger than {MOST_TORRENT_BYTES // 1_000_000} MB."
    )


def harmless(release: _Release, redactor: Redactor) -> _Release:
    """Return the release without the tracker's secrets in its name, which is shown and kept."""
    name = redactor.without_known(release.name)
    return release if name == release.name else replace(release, name=name)
