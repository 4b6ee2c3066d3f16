"""Complaints: each said once while it lasts, and said to be over; and the words for any error."""

import logging

from movie_sync.errors import MovieSyncError, StorageError

_log = logging.getLogger(__name__)


def words_of(exc: Exception) -> str:
    """Return an error's words; of one that nobody foresaw its kind alone: its text may hold anything."""
    if isinstance(exc, MovieSyncError):
        return str(exc)
    return (
        f"Unexpected error ({type(exc).__name__}). "
        "Run with --log-level DEBUG for details, and please report it."
    )


def log_where(exc: Exception) -> None:
    """Log at DEBUG where an error that nobody foresaw arose."""
    if not isinstance(exc, MovieSyncError):
        _log.debug("Traceback:", exc_info=exc)


class Complaints:
    """Says a complaint once, not at every attempt, and says when it is over. For one thread."""

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger
        self._last = ""
        self._cause: str | int = ""

    def say(self, complaint: str, detail: str = "", *, exc: Exception | None = None) -> None:
        """Log a complaint; the same one again only at DEBUG. `detail` is not compared.

        A full disk is one complaint, whichever file `exc` says that it refused.
        """
        cause = (exc.errno if isinstance(exc, StorageError) else None) or complaint
        level = logging.DEBUG if cause == self._cause else logging.WARNING
        self._log.log(level, "%s%s", complaint, detail)
        self._last, self._cause = complaint, cause

    def over(self) -> None:
        """Log that what was complained of works again."""
        if self._last:
            self._log.info("Working again after: %s", self._last)
        self._last = self._cause = ""
