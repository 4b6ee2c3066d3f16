"""Carries out what commands ask for, in the daemon or, when none runs, in the command itself."""

import logging

from movie_sync.daemon.inbox import Request
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.queues.manager import QueueManager
from movie_sync.wishes.intake import WatchlistIntake

_log = logging.getLogger(__name__)


class RequestDesk:
    """Knows what each kind of request does to the queues. Doing one twice does no harm."""

    def __init__(self, queue_manager: QueueManager, intake: WatchlistIntake) -> None:
        self._queue_manager = queue_manager
        self._intake = intake

    def carry_out(self, request: Request) -> None:
        """Do what the request says.

        Raises:
            StorageError: it could not be done, or not wholly; do it again later.
        """
        if request.kind == "add":
            for movie in self._queue_manager.add_by_command(request.movies):
                _log.info("%s: added by command.", movie.label)
        elif request.kind == "retry":
            for movie in self._queue_manager.retry(request.films or None):
                _log.info("%s: back in the queue by command.", movie.label)
        elif request.kind == "remove":
            for movie in self._queue_manager.remove(request.films):
                _log.info("%s: removed by command.", movie.label)
        else:
            snapshot = WatchlistSnapshot(request.owner, request.movies)
            intake = self._intake.take_export(snapshot)
            _log.info("Export imported: %d films, %d new in the queue.", intake.listed, intake.queued)
