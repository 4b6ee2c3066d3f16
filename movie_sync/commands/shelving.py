"""What fills the shelf, built from the settings."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from movie_sync.child_process import Process
from movie_sync.commands.context import Context
from movie_sync.domain.events import Event
from movie_sync.domain.models import Movie
from movie_sync.domain.path_map import on_this_machine
from movie_sync.queues.manager import QueueManager
from movie_sync.settings.keys import GeneralSettings
from movie_sync.shelf.order import Outcome
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.shelf.shelver import Shelver
from movie_sync.storage.atomic_file import DamagedError, read_whole, write_atomically
from movie_sync.storage.history import History

_OWNER = re.compile(r"[0-9a-f]{16}")


def build_shelver(
    context: Context,
    queue_manager: QueueManager,
    tell: Callable[[Event], None],
    report: Callable[[Movie, Outcome], None] | None = None,
    stuck: dict[str, Process] | None = None,
) -> Shelver | None:
    """Return what puts finished films on the shelf and reports each; None if there is no shelf.

    `stuck` are processes of an earlier one that did not end.
    """
    settings = context.config.section(ShelfSettings)
    if settings.folder is None or context.options.dry_run:
        return None
    pairs = context.config.section(GeneralSettings).path_map
    return Shelver(
        queue_manager,
        settings,
        context.clock,
        here=lambda path: on_this_machine(path, pairs),
        environ=context.environ,
        tell=tell,
        owner=lambda: _owner(context.paths.shelf_owner),
        history=History(context.paths.history, context.clock, context.redactor.clean),
        umask=context.options.umask,
        report=report,
        stuck={} if stuck is None else stuck,
    )


def _owner(path: Path) -> str:
    """Return what tells this data folder's copies from others', made once; raises StorageError."""
    with contextlib.suppress(FileNotFoundError, DamagedError):
        text = read_whole(path).decode(errors="replace").strip()
        if _OWNER.fullmatch(text):
            return text
    text = os.urandom(8).hex()
    write_atomically(path, [text.encode() + b"\n"])
    return text
