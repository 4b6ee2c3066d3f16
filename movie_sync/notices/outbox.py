"""What is still to be told to the user, kept until it has been told.

The file is a journal: one JSON object a line, an event or the ids that a channel is done with. A
new event costs one short line and one flush, however many wait; from time to time the whole is
written anew without what is done. Ids that were told stay known for a while, so that the same thing
told again after a crash is not heard twice.
"""

import contextlib
import json
import logging
import os
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import StorageError
from movie_sync.notices.wording import WordedEvent, event_from_dict
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import (
    DamagedError,
    delete_leftover,
    flush,
    read_whole,
    told_as,
    write_atomically,
)
from movie_sync.storage.regular_file import open_regular_descriptor

_log = logging.getLogger(__name__)

_MOST_WAITING = 2000
_MOST_TOLD = 500
_MOST_SPENT_BYTES = 300_000
_OPEN_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
_UNKNOWN = -1


@dataclass(slots=True)
class _Waiting:
    """An event that some channels have not told yet; kept as its line, which takes little memory."""

    line: bytes
    at: datetime
    channels: set[str]


class EventOutbox:
    """The events that wait, each with the channels that have not told it. Thread-safe.

    At most 2000 wait: a further one pushes the oldest out, with a warning. `keep` names the channels
    there are; what waited for others alone is done.

    Raises StorageError: the file cannot be read for a reason that has nothing to do with it, or it is
    damaged and cannot be kept aside.
    """

    def __init__(self, path: Path, clock: Clock, *, keep: Collection[str]) -> None:
        self._path = path
        self._clock = clock
        self._keep = set(keep)
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._told: dict[str, None] = {}
        self._size = _UNKNOWN  # of the file, if it is what memory holds: else it is written whole next time
        self._is_overfull = False
        delete_leftover(path)
        self._load()
        self._give_up_old()

    def keep_only(self, channels: Collection[str]) -> None:
        """Go on with these channels alone; what waited for others is done."""
        with self._lock:
            self._keep = set(channels)
            self._give_up_old()

    def put(self, event: WordedEvent, channels: Collection[str]) -> None:
        """Keep an event for these channels, safe on the disk on return.

        Nothing happens if there is no channel, or if the event's id waits already or was told lately.

        Raises StorageError: it is not on the disk. It waits in memory, and is written with the next one.
        """
        with self._lock:
            if event.id in self._told or not channels:
                return
            if event.id not in self._waiting:
                line = _encoded({"event": event.to_dict(), "for": sorted(channels)})
                self._waiting[event.id] = _Waiting(line, event.at, set(channels))
                oldest = self._give_up_oldest()
                if oldest and not self._is_overfull:
                    _log.warning(
                        "More than %d notifications are waiting; the oldest are dropped. Run `check` to see "
                        "whether they can be sent.",
                        _MOST_WAITING,
                    )
                self._is_overfull = bool(oldest)
                given_up = [_encoded({"done": oldest, "for": sorted(self._keep)})] if oldest else []
                self._append(*given_up, line, is_safe=True)
            elif self._size == _UNKNOWN:
                self._write_whole()

    def span(self, channel: str) -> tuple[datetime, datetime] | None:
        """Return the times of the oldest and the newest event that wait for a channel, if any does."""
        with self._lock:
            times = [waiting.at for waiting in self._waiting.values() if channel in waiting.channels]
        return (min(times), max(times)) if times else None

    def waiting(self, channel: str) -> Iterator[WordedEvent]:
        """Yield what waits for a channel now, in the order in which it was put."""
        with self._lock:
            lines = [waiting.line for waiting in self._waiting.values() if channel in waiting.channels]
        return (event_from_dict(json.loads(line)["event"]) for line in lines)

    def done(self, channel: str, ids: Collection[str]) -> None:
        """Note that a channel has told these events.

        A note that cannot be written is not lost as long as the program runs; after that these
        events are told again, which is better than never.
        """
        with self._lock:
            for event_id in ids:
                self._take_off(event_id, {channel})
            # Not flushed: it outlasts the end of the program, and a power failure only repeats.
            with contextlib.suppress(StorageError):
                self._append(_encoded({"done": sorted(ids), "for": [channel]}), is_safe=False)

    def _take_off(self, event_id: str, channels: set[str]) -> None:
        waiting = self._waiting.get(event_id)
        if waiting is None:
            return
        waiting.channels -= channels
        if not waiting.channels:
            del self._waiting[event_id]
            self._note_told(event_id)

    def _note_told(self, event_id: str) -> None:
        self._told[event_id] = None
        if len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]

    def _give_up_oldest(self) -> list[str]:
        """Take off what is too much; return its ids."""
        oldest = list(islice(self._waiting, max(len(self._waiting) - _MOST_WAITING, 0)))
        for event_id in oldest:
            self._take_off(event_id, self._keep)
        return oldest

    def _give_up_old(self) -> None:
        """Take off what waited for channels that are no more, and what is too much, in the file as well.

        Such a channel may be turned on again, and then has nothing to do with what was before.
        """
        gone = {key: rest for key, each in self._waiting.items() if (rest := each.channels - self._keep)}
        for event_id, channels in gone.items():
            self._take_off(event_id, channels)
        if self._give_up_oldest() or gone:
            with contextlib.suppress(StorageError):  # then the next event writes it
                self._write_whole()

    # --- the file -------------------------------------------------------------------------

    def _append(self, *lines: bytes, is_safe: bool) -> None:
        spent = self._size - sum(len(waiting.line) for waiting in self._waiting.values())
        try:
            descriptor = open_regular_descriptor(self._path, _OPEN_FLAGS)
        except OSError:  # gone, or something else stands there
            self._write_whole()
            return
        try:
            with told_as(f"Couldn't write {self._path}"):
                size = os.fstat(descriptor).st_size
                if size != self._size or spent > _MOST_SPENT_BYTES:  # the former also if somebody else wrote
                    self._write_whole()
                    return
                self._size = _UNKNOWN
                content = b"".join(line + b"\n" for line in lines)
                if os.write(descriptor, content) != len(content):
                    raise OSError(0, "only part of the line was written")
                if is_safe:
                    flush(descriptor, self._path.parent)
                self._size = size + len(content)
        finally:
            os.close(descriptor)

    def _write_whole(self, damaged_at: datetime | None = None) -> str:
        self._size = _UNKNOWN
        lines = [
            {"told": list(self._told)},
            *(json.loads(each.line) | {"for": sorted(each.channels)} for each in self._waiting.values()),
        ]
        content = b"".join(_encoded(line) + b"\n" for line in lines)
        kept = write_atomically(self._path, [content], damaged_at=damaged_at)
        self._size = len(content)
        return kept

    def _load(self) -> None:
        try:
            content = read_whole(self._path)
        except FileNotFoundError:
            return
        except DamagedError as exc:
            self._replace_damaged(str(exc))
            return
        *lines, rest = content.split(b"\n")
        bad = sum(not self._take(line) for line in lines)
        # A line without an end is one that a crash cut off, and nobody was told that it is safe.
        self._take(rest)
        if bad:
            self._replace_damaged(f"{bad} of its {len(lines)} lines can't be read")
        elif not rest:
            self._size = len(content)

    def _take(self, line: bytes) -> bool:
        """Take a line of the file in; False if it is none of ours."""
        try:
            plain = parse_json(line)
            channels = set(map(str, plain.get("for", [])))
            if "event" in plain:
                event = event_from_dict(plain["event"])
                if channels and event.id not in self._told:
                    self._waiting[event.id] = _Waiting(line, event.at, channels)
            elif "told" in plain:
                for event_id in plain["told"]:
                    self._note_told(str(event_id))
            else:
                for event_id in plain["done"]:
                    self._take_off(str(event_id), channels)
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        return True

    def _replace_damaged(self, damage: str) -> None:
        kept = self._write_whole(self._clock.now())
        _log.warning("%s is damaged: %s. Whatever could be read is still sent.%s", self._path, damage, kept)


def _encoded(plain: dict[str, object]) -> bytes:
    return json.dumps(plain).encode("ascii")
