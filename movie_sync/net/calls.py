"""Calls of a torrent client to its program: one at a time, within limits, and none after a refused login."""

import threading
from collections.abc import Callable
from typing import TypeVar

from movie_sync.errors import AuthError, MovieSyncError, NetworkError, Stopped
from movie_sync.net.limits import limits

_Answer = TypeVar("_Answer")

ODD_ANSWER = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a library, or our reading, makes of an answer of another shape."""


class Calls:
    """Makes calls to one service. Thread-safe.

    Each ends after `timeout_seconds`, whatever the other side does, and within a second once `stop` is set.
    After a refused login every call fails at once, unsent, unless the refusal says when it may be over.
    `put_into_words` returns our error for what a call raised, or None for what nobody foresaw.
    """

    def __init__(
        self,
        service: str,
        stop: threading.Event,
        timeout_seconds: float,
        put_into_words: Callable[[Exception], MovieSyncError | None],
    ) -> None:
        self._service = service
        self._stop = stop
        self._timeout_seconds = timeout_seconds
        self._put_into_words = put_into_words
        self._lock = threading.Lock()
        self._refusal: str | None = None
        self.outages = 0
        """How often the service was out of reach."""

    def make(self, call: Callable[[], _Answer], max_bytes: int) -> _Answer:
        """Return what a call returns; its answer may have so many bytes."""
        with self._lock:
            if self._refusal is not None:
                raise AuthError(self._refusal, service=self._service)
            if self._stop.is_set():
                raise Stopped
            try:
                with limits(self._stop, self._timeout_seconds, max_bytes=max_bytes):
                    return call()
            except Exception as exc:
                failure = exc if isinstance(exc, MovieSyncError) else self._put_into_words(exc)
                if failure is None:
                    raise
            if isinstance(failure, AuthError) and failure.retry_after_seconds is None:
                self._refusal = str(failure)
            if isinstance(failure, NetworkError):
                self.outages += 1
        # Raised out here it does not refer to a library's error, which holds what was sent.
        raise failure
