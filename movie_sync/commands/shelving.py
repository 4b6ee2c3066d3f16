"""What fills the shelf, built from the settings; and whether it can be filled."""

import os
from collections.abc import Callable
from pathlib import Path

from movie_sync.commands.context import Context
from movie_sync.commands.landing import Landing
from movie_sync.domain.events import Event
from movie_sync.domain.models import Movie
from movie_sync.domain.path_map import on_this_machine
from movie_sync.errors import UserError
from movie_sync.queues.manager import QueueManager
from movie_sync.services.base import ClientService
from movie_sync.settings.keys import GeneralSettings
from movie_sync.shelf.order import Outcome
from movie_sync.shelf.settings import COPY, ShelfSettings
from movie_sync.shelf.shelver import Shelver
from movie_sync.storage.history import History


def build_shelver(
    context: Context,
    queue_manager: QueueManager,
    tell: Callable[[Event], None],
    report: Callable[[Movie, Outcome], None] = lambda _movie, _outcome: None,
) -> Shelver | None:
    """Return what puts finished films on the shelf and reports each; None if there is no shelf."""
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
        history=History(context.paths.history, context.clock, context.redactor.clean),
        umask=context.options.umask,
        report=report,
    )


def check_shelf(settings: ShelfSettings, client: ClientService, landing: Landing | None) -> str:
    """Say where the shelf is; raises UserError if films can't be put there.

    `landing` is where films land, if the client could be asked and told.
    """
    folder = Path(settings.folder or "")
    if not folder.is_dir():
        raise UserError(f"{folder} isn't there. Create it, or mount the disk it's on.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} can't be written to. Change its permissions.")
    if not client.is_followed:
        raise UserError(f"{client.title} can't tell when films are complete, so none are put in {folder}.")
    if landing is None:
        return str(folder)
    if not landing.exists_here:
        raise UserError(
            f"{client.title} saves to {landing.theirs}, but there's no folder {landing.here} on this "
            'machine, so films can\'t be put on the shelf. Correct "path_map".'
        )
    if folder.stat().st_dev != Path(landing.here).stat().st_dev and settings.how != COPY:
        raise UserError(
            f"{folder} and {landing.here} are on different file systems, so films can't be hard-linked. "
            'Put both on one, or set "shelf": {"how": "copy"} to copy films.'
        )
    return str(folder)
