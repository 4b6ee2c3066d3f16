"""A folder that exports are put into: the newest of Letterboxd's in it counts."""

import logging
import os
import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import UnavailableError, UserError
from movie_sync.services.letterboxd_export.export import read_file
from movie_sync.services.letterboxd_export.rows import ExportKind
from movie_sync.storage.regular_file import file_signature

_log = logging.getLogger(__name__)

# A folder of downloads may be full of other things; only names are looked at then.
_MOST_NAMES = 20_000
_MOST_EXPORTS = 500
_MOST_TRIED = 10
_LIKE_AN_EXPORT = re.compile(r"letterboxd[^/]*\.zip|watchlist[^/]*\.(?:csv|zip)", re.IGNORECASE)


class _File(NamedTuple):
    modified_ns: int
    path: Path
    signature: object


def export_at(path: Path) -> WatchlistSnapshot:
    """Read an export, or the newest in a folder; raises UserError, UnavailableError, OSError.

    What a folder's newest tells must be of one user: whose it is goes with it.
    """
    return _read_newest(path) if path.is_dir() else read_file(path).snapshot


def signature_of(path: Path) -> object:
    """Return what changes when an export does, or an export in a folder; None if there is none."""
    try:
        return tuple((file.path.name, file.signature) for file in _exports_in(path))
    except NotADirectoryError:
        return file_signature(path)
    except OSError as exc:
        return None if isinstance(exc, FileNotFoundError) else exc.errno


def _read_newest(folder: Path) -> WatchlistSnapshot:
    """Read the newest export of a watchlist in a folder.

    A newer file that looks like one and is none is passed over and named: then it is not known what the
    newest would say. Raises UnavailableError if there is none, OSError.
    """
    newest = _exports_in(folder)
    passed_over: list[str] = []
    for file in newest[:_MOST_TRIED]:
        try:
            found = read_file(file.path)
        except UserError as exc:
            passed_over.append(str(exc))
            continue
        if found.kind is not ExportKind.WATCHLIST:
            passed_over.append(f"{file.path} isn't a watchlist export.")
            continue
        for words in passed_over:
            _log.warning("%s %s was read instead.", one_line(words), one_line(file.path.name))
        return replace(
            found.snapshot,
            owner=str(folder.absolute()),
            concludes=not passed_over,
            origin=found.user,
        )
    if passed_over:
        raise UserError(passed_over[0])
    raise UnavailableError(
        f"No Letterboxd export found in {folder}. Download yours from letterboxd.com/settings/data/ into it; "
        "Movie Sync reads the newest letterboxd-*.zip or watchlist*.csv there."
    )


def _exports_in(folder: Path) -> list[_File]:
    """Return what may be an export by its name, newest first."""
    with os.scandir(folder) as entries:
        names = [
            entry.name for entry in islice(entries, _MOST_NAMES) if _LIKE_AN_EXPORT.fullmatch(entry.name)
        ]
    found: list[_File] = []
    for name in names[:_MOST_EXPORTS]:
        path = folder / name
        try:
            modified_ns = path.stat().st_mtime_ns
        except OSError:  # it is gone again
            continue
        found.append(_File(modified_ns, path, file_signature(path)))
    return sorted(found, key=lambda file: (file.modified_ns, file.path.name), reverse=True)
