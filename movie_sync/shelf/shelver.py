"""Has finished films put on the shelf, one after the other, by a process of its own."""

import contextlib
import json
import logging
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime

from movie_sync.child_process import Ended, Process
from movie_sync.complaints import Complaints
from movie_sync.credentials.environment import child_environment
from movie_sync.domain.events import Event, Shelved
from movie_sync.domain.models import Movie
from movie_sync.domain.times import pause_seconds
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Shelving
from movie_sync.shelf.order import MODULE, Outcome, ShelfOrder
from movie_sync.shelf.settings import COPY, ShelfSettings
from movie_sync.storage.history import NO_HISTORY, Happened, History

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_WAIT_SECONDS = 0.2
_MOST_REST_SECONDS = 300.0  # a disk that is mounted again is soon in use


@dataclass(slots=True)
class _Wait:
    """How often in a row a film could not be put there, and until when it waits (monotonic seconds)."""

    times: int = 0
    until: float = 0.0


@dataclass(eq=False, repr=False)
class Shelver:
    """For the main thread: but for `finish`, no method waits, and none raises.

    `here` returns a path of the torrent client as this machine names it. What goes wrong with one film has
    a wait of its own; while the shelf itself can't be used, all wait. `umask` is what folders are made with.
    """

    queue_manager: QueueManager
    settings: ShelfSettings
    clock: Clock
    _: KW_ONLY
    here: Callable[[str], str]
    environ: Mapping[str, str]
    tell: Callable[[Event], None]
    history: History = NO_HISTORY
    umask: int = -1
    report: Callable[[Movie, Outcome], None] = lambda _movie, _outcome: None
    """Gets what came of each film."""
    trouble: str = field(default="", init=False)
    """Why no film can be put there, in words, or ""."""
    _process: Process | None = field(default=None, init=False)
    _entry: QueueEntry | None = field(default=None, init=False)
    _waits: dict[tuple[str, datetime], _Wait] = field(default_factory=dict, init=False)
    _failures: int = field(default=0, init=False)
    _not_before: float = field(default=-math.inf, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)

    def tick(self) -> bool:
        """Look after the process, and start it for the next film; tell whether one runs."""
        if self._process is not None:
            ended = self._process.poll()
            if ended is None:
                return True
            self._process = None
            self._take_end(ended)
        if self.clock.monotonic() >= self._not_before:
            self._begin()
        return self._process is not None

    def close(self) -> None:
        """End the process; a copy that it was at is continued the next time."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def finish(self) -> None:
        """Put there what can be put there now, however long that takes; Ctrl+C ends it."""
        try:
            while self.tick():
                if self._process is not None:
                    self._process.wait(_WAIT_SECONDS)
        finally:
            self.close()

    def _begin(self) -> None:
        now = self.clock.monotonic()
        resting = {film for film, wait in self._waits.items() if wait.until > now}
        try:
            self._entry = entry = self.queue_manager.next_for_shelf(resting)
        except StorageError as exc:
            self._rest(str(exc))
            return
        if entry is None:
            if not resting:  # nothing is missing any more
                self._waits.clear()
                self._failures, self.trouble = 0, ""
            self._not_before = now + _LOOK_SECONDS
            return
        try:
            self._process = Process(
                [sys.executable, "-P", "-m", MODULE],
                self._order(entry).to_json(),
                environ=child_environment(self.environ),
                clock=self.clock,
                umask=self.umask,
                is_ours=True,
                is_limited=False,
            )
        except OSError as exc:
            self._rest(
                f"Couldn't start the process that fills the shelf: {exc.strerror or type(exc).__name__}."
            )

    def _order(self, entry: QueueEntry) -> ShelfOrder:
        follow, choice = entry.follow, entry.choice
        place = follow.path if follow else ""
        told = entry.movie.imdb_id or (choice.imdb_id if choice else None)
        return ShelfOrder(
            movie=replace(entry.movie, imdb_id=told),
            release=choice.release if choice else "",
            path=self.here(place),
            client_path=place,
            size_bytes=follow.size_bytes if follow else 0,
            folder=self.settings.folder or "",
            name=self.settings.name,
            may_copy=self.settings.how == COPY,
            with_extras=self.settings.extras,
        )

    def _take_end(self, ended: Ended) -> None:
        try:
            outcome = Outcome(**json.loads(ended.answer))
        except (ValueError, TypeError):
            outcome = Outcome(
                failed=ended.failure or "The process that fills the shelf ended without an answer."
            )
        entry = self._entry
        if entry is None or entry.choice is None or entry.follow is None or entry.follow.shelf is None:
            return
        asked, info_hash = entry.follow.shelf, entry.choice.info_hash
        if outcome.failed:
            self._put_off(entry, info_hash, asked, outcome)
        else:
            try:
                self._note(entry, info_hash, asked, outcome)
            except StorageError as exc:  # what was done is found done the next time
                self._rest(str(exc))
                return
            self._waits.pop((info_hash, asked.at), None)
            self._failures, self.trouble = 0, ""
            self._complaints.over()
        self.report(entry.movie, outcome)

    def _note(self, entry: QueueEntry, info_hash: str, asked: Shelving, outcome: Outcome) -> None:
        movie, now = entry.movie, self.clock.now().replace(microsecond=0)
        if outcome.path:
            release = entry.choice.release if entry.choice else ""
            # Told before it is written down: a crash in between tells it twice, by one id, not never.
            self.tell(Shelved(now, movie, entry.wish, release, info_hash, outcome.path, asked.at))
        if not self.queue_manager.note_shelf(movie, info_hash, Shelving(now, outcome.path, outcome.left)):
            return
        if outcome.path:
            _log.info("%s: on the shelf, in %s", movie.label, outcome.path)
            self.history.note(Happened.SHELVED, movie, outcome.path)
        else:
            _log.warning("%s stays off the shelf, because %s.", movie.label, outcome.left)
            self.history.note(Happened.NOT_SHELVED, movie, outcome.left)

    def _put_off(self, entry: QueueEntry, info_hash: str, shelf: Shelving, outcome: Outcome) -> None:
        if outcome.is_of_all:
            self._rest(outcome.failed)
            return
        wait = self._waits.setdefault((info_hash, shelf.at), _Wait())
        wait.times += 1
        wait.until = self.clock.monotonic() + pause_seconds(wait.times)
        if shelf.failed != outcome.failed:
            with contextlib.suppress(StorageError):  # it is shown, and nothing depends on it
                self.queue_manager.note_shelf(entry.movie, info_hash, replace(shelf, failed=outcome.failed))
            _log.warning("%s isn't on the shelf yet: %s", entry.movie.label, outcome.failed)

    def _rest(self, why: str) -> None:
        self._failures += 1
        self._not_before = self.clock.monotonic() + min(pause_seconds(self._failures), _MOST_REST_SECONDS)
        self.trouble = f"Films can't be put on the shelf: {why}"
        self._complaints.say(self.trouble)
