"""Which files of the data folder move house in a backup, which hold secrets, and which stay behind."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from movie_sync.domain.models import QueueName
from movie_sync.errors import StorageError
from movie_sync.queues.book import queue_path
from movie_sync.storage.archive import folded_name
from movie_sync.storage.atomic_file import previous_of
from movie_sync.storage.growing_file import older_of
from movie_sync.storage.paths import AppPaths
from movie_sync.storage.replacing import stood_aside

MANIFEST = "backup.json"
CREDENTIALS = "credentials.json"
"""The credentials in an encrypted backup; in the data folder another key encrypts them."""
REPLACED = "replaced-"
_MB = 1_000_000
_MOST_BYTES_OF_A_QUEUE = 150 * _MB  # a hundred thousand films
_MOST_BYTES_OF_A_LIST = 40 * _MB
_MOST_BYTES_OF_LINES = 10 * _MB
_MOST_BYTES_OF_A_NOTE = _MB
_MOST_BYTES_OF_A_TORRENT = 20 * _MB
_IN_FOLDERS = re.compile(r"lists/(run-)?[0-9a-f]{16}\.json(\.previous)?|inbox/[0-9]+(-[0-9]+)*\.json")
_BUDGET = re.compile(r"budget-[a-z_]{1,40}-[A-Za-z0-9][A-Za-z0-9_-]{0,39}\.json")
_TORRENT = re.compile(r"torrents/[^/\x00-\x1f\x7f-\x9f]{1,190}\.torrent")
_BESIDE = re.compile(r"(\.tmp|\.replaced[0-9]|\.damaged-[0-9TZ]+(-[0-9]+)?)$")


@dataclass(frozen=True, slots=True)
class MovedFiles:
    """Tells what each name in a data folder, or in a backup of one, is: relative, with `/` between parts."""

    paths: AppPaths
    _limits: Mapping[str, int] = field(init=False)
    _moved_aside: frozenset[str] = field(init=False)
    _left: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        p = self.paths
        queues = [queue_path(p.root, name) for name in QueueName]
        limits = dict.fromkeys((*queues, *map(previous_of, queues)), _MOST_BYTES_OF_A_QUEUE)
        limits |= dict.fromkeys((p.watchlist, previous_of(p.watchlist)), _MOST_BYTES_OF_A_LIST)
        grown = (p.history, p.metadata)
        limits |= dict.fromkeys((*grown, *map(older_of, grown), p.events, p.unlisted), _MOST_BYTES_OF_LINES)
        notes = (p.config, previous_of(p.config), p.setup, p.unreadable, p.budget, p.radar)
        limits |= dict.fromkeys((*notes, p.searches, p.shelf_owner), _MOST_BYTES_OF_A_NOTE)
        aside = (p.credentials, p.daemon, p.page, p.page_login, p.page_sessions, p.lists, p.inbox)
        left = (p.daemon_lock, p.page_lock, p.health, p.log, p.posters, p.torrents, p.restored)
        object.__setattr__(self, "_limits", {path.name: most for path, most in limits.items()})
        object.__setattr__(self, "_moved_aside", frozenset(path.name for path in aside))
        object.__setattr__(self, "_left", frozenset(path.name for path in left))

    def to_move(self) -> list[str]:
        """Return the files that every backup has; one that steps aside for its next content is meant too."""
        names = self._names()
        there = {name for name in names if self._most_bytes(name)}
        aside = {stood_aside(name): name for name in names}
        return sorted(there | {aside[name] for name in aside.keys() - there if self._most_bytes(name)})

    def torrents(self) -> list[str]:
        """Return the torrents, which hold the passkey; of names that some disks take for one, the first."""
        alike: dict[str, str] = {}
        for name in _listed(self.paths.torrents):
            if _TORRENT.fullmatch(full := f"{self.paths.torrents.name}/{name}"):
                alike.setdefault(folded_name(full), full)
        return [*alike.values()]

    def to_move_aside(self) -> list[str]:
        """Return what makes place for the files of a backup; what is not ours stays where it is."""
        torrents = (f"{self.paths.torrents.name}/{name}" for name in _listed(self.paths.torrents))
        names = [*self._names(), *sorted(torrents)]
        return [name for name in names if self._is_ours(_BESIDE.sub("", name))]

    def left_out(self) -> list[str]:
        """Return what is in the folder and isn't Movie Sync's, or is damaged."""
        stays = re.compile(rf"{REPLACED}.*|{self.paths.log.name}\.[0-9]|budget.*\.lock|.*\.tmp")
        names = (name for name in self._names() if not self._is_ours(name))
        return [name for name in names if name not in self._left and not stays.fullmatch(name)]

    def most_bytes_in_backup(self, name: str, *, has_secrets: bool) -> int | None:
        """Return how large a file in a backup may be; None for a name that none of ours has."""
        if name == MANIFEST or (has_secrets and name == CREDENTIALS):
            return _MOST_BYTES_OF_A_NOTE
        if has_secrets and _TORRENT.fullmatch(name):
            return _MOST_BYTES_OF_A_TORRENT
        return self._most_bytes(name)

    def _most_bytes(self, name: str) -> int | None:
        if _BUDGET.fullmatch(name):
            return _MOST_BYTES_OF_A_NOTE
        return _MOST_BYTES_OF_A_LIST if _IN_FOLDERS.fullmatch(name) else self._limits.get(name)

    def _is_ours(self, name: str) -> bool:
        is_aside = name in self._moved_aside or _TORRENT.fullmatch(name) is not None
        return is_aside or self._most_bytes(name) is not None

    def _names(self) -> list[str]:
        """Return all names in the folder, and in those of its folders whose files always move."""
        names = _listed(self.paths.root)
        for folder in (self.paths.lists, self.paths.inbox):
            if folder.name in names and folder.is_dir() and not folder.is_symlink():
                names.remove(folder.name)
                names += [f"{folder.name}/{name}" for name in _listed(folder)]
        return sorted(names)


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as exc:
        raise StorageError(f"Can't read {folder}: {exc.strerror or exc}.", errno=exc.errno) from None


def in_words(names: Iterable[str], most: int = 5) -> str:
    """Return some names in a line."""
    first = [*names]
    rest = len(first) - most
    return ", ".join([*first[:most], *([f"{rest} more"] if rest > 0 else [])])
