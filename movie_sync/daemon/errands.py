"""What the download worker does in the torrent client besides handing films over."""

import logging
from collections.abc import Callable

from movie_sync.complaints import Complaints, log_where, words_of
from movie_sync.domain.retry import pause_seconds
from movie_sync.errors import AuthError
from movie_sync.ports import Clock, FollowedClient

_log = logging.getLogger(__name__)

_NO_CLIENT_SECONDS = 60.0


class Errand:
    """Something to be done in the client now and then, with the pauses that its outage asks for.

    `seconds_to_next` tells how long until it is due (None: nothing is to be done), `do` does it,
    and `complaint` says what is amiss while it cannot be done. For one thread.
    """

    def __init__(
        self,
        seconds_to_next: Callable[[], float | None],
        do: Callable[[FollowedClient], None],
        complaint: str,
        clock: Clock,
    ) -> None:
        self._seconds_to_next = seconds_to_next
        self._do = do
        self._complaint = complaint
        self._clock = clock
        self._failures = 0
        self._not_before = 0.0
        self._complaints = Complaints(_log)
        self.trouble = ""
        """Why it could not be done the last time, in words; "" if it could."""

    def seconds_to_next(self) -> float | None:
        """Return how long until it is due, or None if there is nothing to do."""
        seconds = self._seconds_to_next()
        return None if seconds is None else max(seconds, self._not_before - self._clock.monotonic())

    def hurry(self) -> None:
        """Forget the pause: what stood in the way may be mended."""
        self._not_before = 0.0

    def is_due(self) -> bool:
        """Tell whether it is due."""
        return self.seconds_to_next() == 0

    def run(self, client: Callable[[], FollowedClient | None]) -> bool:
        """Do it; what fails is said once, and tried again with growing pauses.

        Returns whether credentials were refused.
        """
        try:
            followed = client()
            if followed is None:
                self._not_before = self._clock.monotonic() + _NO_CLIENT_SECONDS
                return False
            self._do(followed)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films have their turn
            self._failures += 1
            self._not_before = self._clock.monotonic() + pause_seconds(self._failures)
            self.trouble = f"{self._complaint}: {words_of(exc)}"
            self._complaints.say(self.trouble, exc=exc)
            log_where(exc)
            return isinstance(exc, AuthError)
        self._failures, self.trouble = 0, ""
        self._complaints.over()
        return False
