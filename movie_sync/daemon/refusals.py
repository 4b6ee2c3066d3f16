"""What a refused login means: no calls until the credentials change, or the refusal may be over."""

import logging
import math
from collections.abc import Callable

from movie_sync.domain.events import Event, EventKind
from movie_sync.errors import AuthError, UserError
from movie_sync.ports import Clock
from movie_sync.reports.words import time_of_day

_log = logging.getLogger(__name__)

_OWN_FAULT_SECONDS = 3600.0


class Refusals:
    """Remembers the last refusal, and says and tells each once. For one thread."""

    def __init__(self, clock: Clock, tell: Callable[[Event], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._until = math.inf
        self._said = ""
        self.why = ""
        """What the worker waits for, in words."""

    def note(self, exc: AuthError | UserError) -> None:
        """Take in what refused the credentials, or what of them cannot be used."""
        # What is amiss here, and not with a service, is looked at again: that locks nobody out.
        seconds = exc.retry_after_seconds if isinstance(exc, AuthError) else _OWN_FAULT_SECONDS
        self._until = math.inf if seconds is None else self._clock.monotonic() + seconds
        self.why = f"waiting for new credentials: {exc}"
        if str(exc) == self._said:
            return
        self._said = str(exc)
        now = self._clock.now()
        text = (
            f"{exc} Nothing is fetched until they change: run `setup`, or if they come from the "
            "environment, mend that and start again."
        )
        if seconds is not None:
            text += f" It is tried again at {time_of_day(now, seconds)}, too."
        _log.error("%s", text)
        service = exc.service if isinstance(exc, AuthError) else "credentials"
        self._tell(Event(f"refused:{service}:{now:%Y-%m-%dT%H:%M}", EventKind.REFUSED, now, text))

    def may_be_over(self) -> bool:
        """Tell whether another try does no harm, though the credentials are the same."""
        return self._clock.monotonic() >= self._until

    def forget(self) -> None:
        """Say the next one again: the credentials changed, or were accepted in between."""
        self._said = ""
