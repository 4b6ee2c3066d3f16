"""Keeps a long list from flooding the torrent client and its disk."""

from dataclasses import replace

from movie_sync.domain.models import Movie, Room
from movie_sync.errors import NoRoomError
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.manager import QueueManager

_GB = 1_000_000_000
_ROOM_IS_NEWS_SECONDS = 10.0


class RoomKeeper:
    """Says whether another torrent may be handed over now. For one thread.

    At most `max_unfinished` of our torrents are unfinished at once (0: no limit), and
    `min_free_bytes` stay free on the client's disk once everything there is complete (0: not asked).
    """

    def __init__(
        self, queue_manager: QueueManager, *, max_unfinished: int, min_free_bytes: int, clock: Clock
    ) -> None:
        self._queue_manager = queue_manager
        self._max_unfinished = max_unfinished
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._room: Room | None = None
        self._room_at = 0.0
        self._needed: dict[str, int] = {}

    def check(self, client: FollowedClient, movie: Movie) -> None:
        """Look before a film is searched: a search that leads to nothing would only cost calls.

        Raises:
            NoRoomError: the film has to wait.
            AuthError, TransientError: the client cannot be asked.
        """
        unfinished = self._queue_manager.unfinished_count()
        if self._max_unfinished and unfinished >= self._max_unfinished:
            stopped = self._queue_manager.stopped_count()
            besides = f" ({stopped} of them stopped in the client)" if stopped else ""
            raise NoRoomError(
                f"{unfinished} of our torrents are unfinished{besides}, "
                f"and max_unfinished is {self._max_unfinished}",
                setting="max_unfinished",
            )
        self.check_size(client, movie, self._needed.get(movie.id, 0))

    def check_size(self, client: FollowedClient, movie: Movie, size_bytes: int) -> None:
        """Look whether a release has room; raises as `check`."""
        if not self._min_free_bytes:
            return
        room = self._known_room(client, of_last_seconds=_ROOM_IS_NEWS_SECONDS)
        if room.free_bytes - room.promised_bytes - size_bytes < self._min_free_bytes:
            room = self._known_room(client, of_last_seconds=0.0)
        if room.free_bytes - room.promised_bytes - size_bytes < self._min_free_bytes:
            self._needed = {movie.id: size_bytes}
            takes = f"{movie.label} takes {size_bytes / _GB:.1f} GB, " if size_bytes else ""
            raise NoRoomError(
                f"{takes}{room.free_bytes / _GB:.1f} GB are free on the client's disk, unfinished torrents "
                f"still take {room.promised_bytes / _GB:.1f} GB of it, and min_free_space_gb is "
                f"{self._min_free_bytes / _GB:g}",
                setting="min_free_space_gb",
            )

    def took(self, size_bytes: int) -> None:
        """Note that a torrent of that size was handed over."""
        if self._room is not None:
            self._room = replace(self._room, promised_bytes=self._room.promised_bytes + size_bytes)

    def _known_room(self, client: FollowedClient, *, of_last_seconds: float) -> Room:
        now = self._clock.monotonic()
        if self._room is None or now - self._room_at > of_last_seconds:
            self._room, self._room_at = client.room(), now
        return self._room
