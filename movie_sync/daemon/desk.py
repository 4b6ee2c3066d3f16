"""Carries out what commands ask for, in the daemon or, when none runs, in the command itself."""

import logging
import time
from collections.abc import Callable

from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.domain.models import WatchlistSnapshot
from movie_sync.errors import StorageError
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.locks import InstanceLock
from movie_sync.wishes.intake import WatchlistIntake

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.05


class RequestDesk:
    """Knows what each kind of request does to the queues. Doing one twice does no harm."""

    def __init__(self, queue_manager: QueueManager, intake: WatchlistIntake) -> None:
        self._queue_manager = queue_manager
        self._intake = intake

    def carry_out(self, request: Request) -> None:
        """Do what the request says.

        Raises StorageError: it could not be done, or not wholly; do it again later.
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


def hand_in(request: Request, inbox: Inbox, lock: InstanceLock, drain_here: Callable[[], None]) -> bool:
    """Hand a request to the daemon, or have all that waits carried out here if none runs.

    `drain_here` is called with the lock held. Returns False if the daemon did not come to it in time:
    then it does it later.

    Raises StorageError: it could not be written, or not be carried out; what was written is kept.
    """
    waiting = inbox.put(request)
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while waiting.exists() and time.monotonic() < ends_at:
        if lock.acquire(wait_seconds=_POLL_SECONDS):
            try:
                drain_here()
            except StorageError as exc:
                raise StorageError(
                    f"{exc} What was asked for is kept: the next command, or the daemon, does it."
                ) from None
            finally:
                lock.release()
    return not waiting.exists()
