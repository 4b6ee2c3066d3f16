"""Keeps a long list from flooding the torrent client and its disk."""

from dataclasses import dataclass, field, replace

from movie_sync.domain.models import Room
from movie_sync.domain.wish_list import AS_USUAL, Placement
from movie_sync.errors import FilmTooLargeError, NoRoomError
from movie_sync.ports import Clock, FollowedClient
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Slot

_GB = 1_000_000_000
_ROOM_IS_NEWS_SECONDS = 10.0
_MOST_SLOTSFUL = 4
"""So many times `max_unfinished` torrents may be unfinished in all, with those that take no slot."""


class RoomKeeper:
    """Says whether another torrent may be handed over now. For one thread.

    At most `max_unfinished` of our torrents download at once (0: no limit); those that are stopped, or get
    next to nothing, do not count, but there are never more than four times as many in all.
    `min_free_bytes` stay free on the client's disk once everything there is complete (0: not asked).
    """

    def __init__(
        self, queue_manager: QueueManager, *, max_unfinished: int, min_free_bytes: int, clock: Clock
    ) -> None:
        self._queue_manager = queue_manager
        self._max_unfinished = max_unfinished
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._rooms: dict[Placement, tuple[Room, float]] = {}

    def check(self, client: FollowedClient, known_bytes: int = 0, placement: Placement = AS_USUAL) -> None:
        """Look before a film is searched: a search that leads to nothing would only cost calls.

        `known_bytes` is the size of its release, if that is known; `placement` is where it would go.

        Raises:
            NoRoomError: no film can be taken.
            FilmTooLargeError: this one cannot.
            AuthError, TransientError: the client cannot be asked.
        """
        self._check_slots()
        self.check_size(client, known_bytes, placement)

    def check_size(self, client: FollowedClient, size_bytes: int, placement: Placement = AS_USUAL) -> None:
        """Look whether a release has room; raises as `check`."""
        if not self._min_free_bytes:
            return
        room = self._known_room(client, placement, of_last_seconds=_ROOM_IS_NEWS_SECONDS)
        if self._left_of(room) < size_bytes:
            room = self._known_room(client, placement, of_last_seconds=0.0)
        left, setting = self._left_of(room), "min_free_space_gb"
        used = (
            f"{room.free_bytes / _GB:.1f} GB free on the client's disk, unfinished torrents still need "
            f"{room.promised_bytes / _GB:.1f} GB, {setting} is {self._min_free_bytes / _GB:g}"
        )
        if left < 0 and placement.save_path:  # elsewhere there may be room for others
            full = f"no room in {placement.save_path} ({used})"
            raise FilmTooLargeError(full, setting=setting, size_bytes=size_bytes)
        if left < 0:
            raise NoRoomError(used, setting=setting)
        if left < size_bytes:
            sizes = f"{size_bytes / _GB:.1f} GB, with room for {left / _GB:.1f} GB"
            raise FilmTooLargeError(
                f"too large for the disk: {sizes} ({used})",
                setting=setting,
                size_bytes=size_bytes,
            )

    def took(self, size_bytes: int) -> None:
        """Note that a torrent of that size was handed over."""
        for placement, (room, at) in self._rooms.items():
            self._rooms[placement] = replace(room, promised_bytes=room.promised_bytes + size_bytes), at

    def _check_slots(self) -> None:
        most, slots = self._max_unfinished, self._queue_manager.slots()
        in_use, in_all = slots[Slot.IN_USE], slots.total()
        if not most or (in_use < most and in_all < _MOST_SLOTSFUL * most):
            return
        besides = [f"{slots[Slot.IDLE]} stalled"] if slots[Slot.IDLE] else []
        besides += [f"{slots[Slot.STOPPED]} stopped in the client"] if slots[Slot.STOPPED] else []
        words = f"{in_use} of {most} download slots in use"
        if in_use < most:
            words += f", but {in_all} torrents are unfinished in all, four times max_unfinished"
        more = f" ({', '.join(besides)})" if besides else ""
        raise NoRoomError(f"{words}{more}", setting="max_unfinished")

    def _left_of(self, room: Room) -> int:
        return room.free_bytes - room.promised_bytes - self._min_free_bytes

    def _known_room(self, client: FollowedClient, placement: Placement, *, of_last_seconds: float) -> Room:
        now, place = self._clock.monotonic(), placement._replace(tags=())
        room, at = self._rooms.get(place, (None, now))
        if room is None or now - at > of_last_seconds:
            room = client.room(place)
            self._rooms[place] = room, now
        return room


@dataclass(eq=False, repr=False)
class RoomCheck:
    """Looks whether each release that is about to be fetched has room; without `rooms` or client all have."""

    rooms: RoomKeeper | None
    client: FollowedClient | None
    placement: Placement = AS_USUAL
    _size_bytes: int | None = field(default=None, init=False)

    def check(self, size_bytes: int) -> None:
        """Look at a release; raises as `RoomKeeper.check`."""
        if self.rooms and self.client:
            self.rooms.check_size(self.client, size_bytes, self.placement)
        self._size_bytes = size_bytes

    def note_taken(self) -> None:
        """Note that the last one was handed over, if one was looked at."""
        if self.rooms and self._size_bytes is not None:
            self.rooms.took(self._size_bytes)
