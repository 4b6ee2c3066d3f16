"""Which files of the data folder move house in a backup, which hold secrets, and which stay behind."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from movie_sync.domain.models import QueueName
from movie_sync.queues.book import queue_path
from movie_sync.storage.atomic_file import previous_of
from movie_sync.storage.growing_file import older_of
from movie_sync.storage.paths import AppPaths

MANIFEST = "backup.json"
CREDENTIALS = "credentials.json"
"""The credentials in an encrypted backup; in the data folder another key encrypts them."""
REPLACED = "replaced-"
_MOST_BYTES = 300_000_000
_MOST_BYTES_OF_A_NOTE = 1_000_000
_MOST_BYTES_OF_A_TORRENT = 20_000_000
_IN_FOLDERS = re.compile(r"lists/(run-)?[0-9a-f]{16}\.json(\.previous)?|inbox/[0-9]+(-[0-9]+)*\.json")
_BUDGET = re.compile(r"budget-[a-z_]{1,40}-[A-Za-z0-9][A-Za-z0-9_-]{0,39}\.json")
_TORRENT = re.compile(r"torrents/[^/]{1,190}\.torrent", re.DOTALL)
_BESIDE = re.compile(r"(\.tmp|\.damaged-[0-9TZ]+(-[0-9]+)?)$")


@dataclass(frozen=True, slots=True)
class MovedFiles:
    """Tells what each name in a data folder, or in a backup of one, is: relative, with `/` between parts."""

    paths: AppPaths
    _plain: frozenset[str] = field(init=False)
    _moved_aside: frozenset[str] = field(init=False)
    _left: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        p = self.paths
        queues = [queue_path(p.root, name) for name in QueueName]
        doubled = [*queues, p.watchlist, p.config]
        grown = [p.history, p.metadata]
        single = [p.setup, p.unreadable, p.unlisted, p.budget, p.radar, p.searches, p.events]
        self._set("_plain", *doubled, *map(previous_of, doubled), *grown, *map(older_of, grown), *single)
        self._set("_moved_aside", p.credentials, p.daemon, p.page, p.page_login, p.page_sessions)
        self._set("_left", p.daemon_lock, p.page_lock, p.health, p.log, p.posters, p.restored)

    def _set(self, what: str, *paths: Path) -> None:
        object.__setattr__(self, what, frozenset(path.name for path in paths))

    def to_move(self) -> list[str]:
        """Return the files that every backup has."""
        return [name for name in self._names() if self._is_plain(name)]

    def torrents(self) -> list[str]:
        """Return the torrents, which hold the passkey."""
        return [name for name in self._names() if _TORRENT.fullmatch(name)]

    def to_move_aside(self) -> list[str]:
        """Return what makes place for the files of a backup; what is not ours stays where it is."""
        return [name for name in self._names() if self._is_ours(_BESIDE.sub("", name))]

    def left_out(self) -> list[str]:
        """Return what is in the folder and isn't Movie Sync's, or is damaged."""
        stays = re.compile(rf"{REPLACED}.*|movie_sync\.log\.[0-9]|budget.*\.lock|.*\.tmp")
        names = (name for name in self._names() if not self._is_ours(name))
        return [name for name in names if name not in self._left and not stays.fullmatch(name)]

    def most_bytes_in_backup(self, name: str, *, has_secrets: bool) -> int | None:
        """Return how large a file in a backup may be; None for a name that none of ours has."""
        if name == MANIFEST or (has_secrets and name == CREDENTIALS):
            return _MOST_BYTES_OF_A_NOTE
        if has_secrets and _TORRENT.fullmatch(name):
            return _MOST_BYTES_OF_A_TORRENT
        return _MOST_BYTES if self._is_plain(name) else None

    def _is_plain(self, name: str) -> bool:
        return name in self._plain or bool(_IN_FOLDERS.fullmatch(name) or _BUDGET.fullmatch(name))

    def _is_ours(self, name: str) -> bool:
        return self._is_plain(name) or name in self._moved_aside or bool(_TORRENT.fullmatch(name))

    def _names(self) -> list[str]:
        """Return all names in the folder, and in those of its folders whose files move."""
        paths = self.paths
        names = _listed(paths.root)
        for folder in (paths.lists, paths.inbox, paths.torrents):
            if folder.name in names and folder.is_dir():
                names.remove(folder.name)
                names += [f"{folder.name}/{name}" for name in _listed(folder)]
        return sorted(names)


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone
    except FileNotFoundError:
        return []


def in_words(names: Iterable[str], most: int = 5) -> str:
    """Return some names in a line."""
    first = [*names]
    rest = len(first) - most
    return ", ".join([*first[:most], *([f"{rest} more"] if rest > 0 else [])])
