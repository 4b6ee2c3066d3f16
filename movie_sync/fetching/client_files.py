"""The torrent client's files as this machine sees them: where they are, and whether they are still there."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.path_map import Pairs, on_this_machine, pair_of
from movie_sync.domain.torrents import TorrentPhase

_LEAST_SHARE = 0.5
_MOST_FILES = 5000  # and folders


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """Paths go through the `pairs`. Only looks; what the file system refuses is not known."""

    pairs: Pairs = ()

    def here(self, path: str) -> str:
        """Return a path of the client as this machine names it."""
        return on_this_machine(path, self.pairs)

    def are_there(
        self, torrent: HeldTorrent, others: Iterable[HeldTorrent] = (), *, were_there: bool = False
    ) -> bool | None:
        """Tell whether the files of a torrent that the client calls whole are there, most of them at least.

        None where this machine cannot tell: it does not see the folder, nothing is in it, as where a disk is
        not mounted, or it may be another one of the same name: no pair has it, they never `were_there`, and
        of the `others`, which are asked for only then, none is seen there. Raises what they raise.
        """
        path = Path(self.here(torrent.content_path))
        if torrent.phase is not TorrentPhase.WHOLE or not torrent.content_path or not path.is_absolute():
            return None
        try:
            if _holds(path, torrent.size_bytes):
                return True
        except (FileNotFoundError, NotADirectoryError):
            if not _has_entries(path.parent):
                return None
        except (OSError, ValueError):
            return None
        is_theirs = were_there or pair_of(torrent.content_path, self.pairs) is not None
        return False if is_theirs or any(self._is_beside(path, torrent, other) for other in others) else None

    def _is_beside(self, path: Path, torrent: HeldTorrent, other: HeldTorrent) -> bool:
        """Tell whether another torrent's files are seen in the folder of this one's."""
        place = Path(self.here(other.content_path))
        is_other = other.info_hash != torrent.info_hash and place != path
        return is_other and place.parent == path.parent and os.path.exists(place)  # noqa: PTH110 - never raises

    def missing_folders(self) -> Iterator[str]:
        """Yield in words what is wrong with each pair whose folder is not on this machine."""
        for theirs, ours in self.pairs:
            if not os.path.isdir(ours):  # noqa: PTH112 - which also says no of a share that is away
                yield (
                    f"path_map: {ours} isn't a folder on this machine (for the client's {theirs}). "
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
    """Yield the size of each file in a folder, however deep, and 0 for each folder."""
    folders: list[str | Path] = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder:
                    folders.append(entry.path)
                yield 0 if is_folder else entry.stat().st_size


def _has_entries(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
