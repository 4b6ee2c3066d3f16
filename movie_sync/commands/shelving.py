"""What fills the shelf, built from the settings."""

from collections.abc import Callable

from movie_sync.commands.context import Context
from movie_sync.domain.events import Event
from movie_sync.domain.models import Movie
from movie_sync.domain.path_map import on_this_machine
from movie_sync.queues.manager import QueueManager
from movie_sync.settings.keys import GeneralSettings
from movie_sync.shelf.order import Outcome
from movie_sync.shelf.settings import ShelfSettings
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
