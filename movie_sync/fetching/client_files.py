"""The torrent client's files as this machine sees them: where they are, and whether they are still there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.path_map import Pairs, on_this_machine
from movie_sync.domain.torrents import TorrentPhase

_LEAST_SHARE = 0.5
_MOST_FILES = 5000


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """Paths go through the `pairs`. Only looks, and never raises."""

    pairs: Pairs = ()

    def here(self, path: str) -> str:
        """Return a path of the client as this machine names it."""
        return on_this_machine(path, self.pairs)

    def are_there(self, torrent: HeldTorrent) -> bool | None:
        """Tell whether the files of a torrent that the client calls whole are there, most of them at least.

        None where this machine cannot tell: it does not see the folder, or nothing is in it, as where a
        disk is not mounted.
        """
        path = Path(self.here(torrent.content_path))
        if torrent.phase is not TorrentPhase.WHOLE or not torrent.content_path or not path.is_absolute():
            return None
        try:
            return _holds(path, torrent.size_bytes)
        except (FileNotFoundError, NotADirectoryError):
            return False if _has_entries(path.parent) else None
        except (OSError, ValueError):
            return None

    def missing_folders(self) -> Iterator[str]:
        """Yield in words what is wrong with each pair whose folder is not on this machine."""
        for theirs, ours in self.pairs:
            if not os.path.isdir(ours):  # noqa: PTH112 - which also says no of a share that is away
                yield (
                    f"path_map: {ours} isn't a folder on this machine (it stands for the client's {theirs}). "
                    "Mount it, or correct path_map."
                )


AS_THE_CLIENT_SAYS = ClientFiles()


def _holds(path: Path, size_bytes: int) -> bool:
    """Tell whether there is most of what it should be; raises OSError: it cannot be seen."""
    if not path.is_dir():
        return path.stat().st_size >= size_bytes * _LEAST_SHARE
    found = seen = 0
    for size in islice(_sizes(path), _MOST_FILES):
        found, seen = found + size, seen + 1
    return seen == _MOST_FILES or found >= max(size_bytes * _LEAST_SHARE, 1)


def _sizes(folder: Path) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            else:
                yield entry.stat().st_size


def _has_entries(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
