"""Takes events from the workers, and has every channel tell them from the main thread."""

import logging
import threading
from collections.abc import Callable, Sequence

from movie_sync.complaints import Complaints
from movie_sync.domain.events import Event
from movie_sync.errors import StorageError
from movie_sync.notices.channels import Channel
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.wording import worded
from movie_sync.ports import Clock

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 2.0
_FINISH_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_QUICK_SECONDS = 0.05
_MOST_MORE_IN_A_TICK = 9


class Announcer:
    """`tell` is for any thread, all else for the main thread. Without an outbox nothing is told.

    `clean` takes secrets out of words, once more: they go to others.
    """

    def __init__(
        self,
        outbox: EventOutbox | None,
        channels: Sequence[Channel],
        clock: Clock,
        *,
        clean: Callable[[str], str] = str,
    ) -> None:
        self._outbox = outbox
        self._clean = clean
        self._channels = channels
        self._clock = clock
        self._lock = threading.Lock()
        self._complaints = Complaints(_log)

    def tell(self, event: Event) -> None:
        """Take an event, safe on the disk on return; a repeat by its id is not told twice.

        A disk that refuses it is complained of once; the event is then told from memory.
        """
        if self._outbox is None:
            return
        channels = [channel.name for channel in self._channels if event.kind in channel.kinds]
        with self._lock:
            try:
                self._outbox.put(worded(event, self._clean), channels)
                self._complaints.over()
            except StorageError as exc:
                self._complaints.say(f"An event is kept in memory only: {exc}", exc=exc)

    def tick(self) -> None:
        """Start what is due, and look after what runs. Takes half a second at most.

        Commands that end quickly are run one after the other, not one a tick.
        """
        for channel in self._channels:
            channel.tick()
            for _ in range(_MOST_MORE_IN_A_TICK):
                if not channel.wait(_QUICK_SECONDS):
                    break
                channel.tick()

    def finish(self) -> None:
        """Tell what waits, except what waits for its time of day; for the end of a single run.

        Takes up to a minute; then as `close`.
        """
        ends_at = self._clock.monotonic() + _FINISH_SECONDS
        try:
            while self._clock.monotonic() < ends_at:
                for channel in self._channels:
                    channel.tick(in_hurry=True)
                running = [channel for channel in self._channels if channel.is_running]
                if not running:
                    break
                running[0].wait(_LOOK_SECONDS)
        finally:  # Ctrl+C
            self.close()

    def close(self) -> None:
        """Give what runs two seconds, then end it; what was not told is told after the next start."""
        ends_at = self._clock.monotonic() + _CLOSE_SECONDS
        for channel in self._channels:
            channel.close(max(ends_at - self._clock.monotonic(), 0.0))
