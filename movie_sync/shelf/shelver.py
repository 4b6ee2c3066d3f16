"""Has finished films put on the shelf, one after the other, by a process of its own."""

import contextlib
import json
import logging
import math
import os
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
from movie_sync.shelf.order import MODULE, Outcome, ShelfOrder, key_of
from movie_sync.shelf.settings import COPY, ShelfSettings
from movie_sync.storage.history import NO_HISTORY, Happened, History

_log = logging.getLogger(__name__)

_Key = tuple[str, datetime | None]
"""A film: its torrent's info-hash, and when it was to be put there."""

_LOOK_SECONDS = 5.0
_WAIT_SECONDS = 0.2
_MOST_REST_SECONDS = 300.0  # a disk that is mounted again is soon in use
_SILENT_SECONDS = 600.0  # far longer than a disk takes to start, or to flush what is written at once
_MOST_STUCK = 4
_SWEEP_SECONDS = 86_400.0


@dataclass(slots=True)
class _Wait:
    """How often in a row a film could not be put there, and until when it waits (monotonic seconds).

    `is_of_silence`: a disk did not answer.
    """

    times: int = 0
    until: float = 0.0
    is_of_silence: bool = False

    def begin(self, now: float) -> None:
        """Wait, longer each time."""
        if now >= self.until:
            self.times += 1
            self.until = now + pause_seconds(self.times)


@dataclass(eq=False, repr=False)
class Shelver:
    """For the main thread: but for `finish`, no method waits, and none raises.

    `here` returns a path of the torrent client as this machine names it. What goes wrong with one film has
    a wait of its own; while the shelf itself can't be used, all wait. `umask` is what folders are made with,
    `owner` tells this data folder from others that fill the same shelf, and raises StorageError. `stuck` are
    processes that outlive their end, as a disk does not answer, by the folder on it: no other one is to be
    there meanwhile.
    """

    queue_manager: QueueManager
    settings: ShelfSettings
    clock: Clock
    _: KW_ONLY
    here: Callable[[str], str]
    environ: Mapping[str, str]
    tell: Callable[[Event], None]
    owner: Callable[[], str] = lambda: ""
    history: History = NO_HISTORY
    umask: int = -1
    report: Callable[[Movie, Outcome], None] | None = None
    """Gets what came of each film; the log need not tell then."""
    stuck: dict[str, Process] = field(default_factory=dict)
    trouble: str = field(default="", init=False)
    """Why no film can be put there, in words, or ""."""
    _process: Process | None = field(default=None, init=False)
    _entry: QueueEntry | None = field(default=None, init=False)
    _waits: dict[_Key | str, _Wait] = field(default_factory=dict, init=False)
    _failures: int = field(default=0, init=False)
    _not_before: float = field(default=-math.inf, init=False)
    _sweep_at: float = field(default=-math.inf, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)

    def tick(self) -> bool:
        """Look after the process, and start it for the next film; tell whether one runs."""
        if self._process is not None:
            ended = self._process.poll()
            if ended is None:
                return True
            self._take_end(ended, self._let_go(ended))
        if self.clock.monotonic() >= self._not_before:
            self._begin()
        return self._process is not None

    def close(self) -> None:
        """End the process; a copy that it was at is continued the next time."""
        if self._process is not None:
            self._let_go(Ended(None, self._process.end()))

    def _let_go(self, ended: Ended) -> Outcome:
        """Return what came of the process, which is no longer waited for."""
        outcome, process, entry = _outcome_of(ended), self._process, self._entry
        if process is not None and entry is not None and not process.has_ended:
            is_of_shelf = outcome.is_of_all or bool(outcome.path)
            self.stuck[self.settings.folder or "" if is_of_shelf else self._films_of(entry)] = process
        self._process = None
        return outcome

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
        self._not_before = now + _LOOK_SECONDS
        for folder in [each for each, process in self.stuck.items() if process.has_ended]:
            del self.stuck[folder]
        if self.settings.folder in self.stuck or len(self.stuck) >= _MOST_STUCK:
            return
        try:
            self._entry = entry = self.queue_manager.next_for_shelf(self._rests)
            if entry is None:
                if not self.queue_manager.for_shelf_count():  # nothing is missing any more
                    self._waits.clear()
                    self._failures, self.trouble = 0, ""
                return
            order = self._order(entry)
        except StorageError as exc:
            self._rest(str(exc))
            return
        self._not_before = now
        try:
            self._process = Process(
                [sys.executable, "-P", "-m", MODULE],
                order.to_json(),
                environ=child_environment(self.environ),
                clock=self.clock,
                umask=self.umask,
                is_ours=True,
                most_seconds=_SILENT_SECONDS,
            )
        except OSError as exc:
            self._rest(
                f"Couldn't start the process that fills the shelf: {exc.strerror or type(exc).__name__}."
            )

    def _rests(self, entry: QueueEntry) -> bool:
        """Tell whether it isn't a film's turn: what is of its folder keeps one back that was tried before."""
        now, films = self.clock.monotonic(), self._films_of(entry)
        own, of_folder = self._waits.get(_key(entry)), self._waits.get(films)
        if films in self.stuck or (own is not None and own.until > now):
            return True
        return (
            of_folder is not None and of_folder.until > now and (own is not None or of_folder.is_of_silence)
        )

    def _films_of(self, entry: QueueEntry) -> str:
        """Return the folder where the torrent client has the film and others."""
        return os.path.dirname(self.here(entry.follow.path if entry.follow else ""))  # noqa: PTH120

    def _order(self, entry: QueueEntry) -> ShelfOrder:
        follow, choice, due = entry.follow, entry.choice, None
        place = follow.path if follow else ""
        told = entry.movie.imdb_id or (choice.imdb_id if choice else None)
        if self.clock.monotonic() >= self._sweep_at:
            self._sweep_at, due = self.clock.monotonic() + _SWEEP_SECONDS, self._due_keys()
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
            owner=self.owner(),
            key=key_of(choice.info_hash) if choice else "",
            due=due,
        )

    def _due_keys(self) -> tuple[str, ...]:
        keys: set[str] = set()

        def note(entry: QueueEntry) -> bool:
            keys.add(key_of(_key(entry)[0]))
            return True

        self.queue_manager.next_for_shelf(note)
        return tuple(keys)

    def _take_end(self, ended: Ended, outcome: Outcome) -> None:
        entry = self._entry
        if entry is None or entry.choice is None or entry.follow is None or entry.follow.shelf is None:
            return
        asked, info_hash = entry.follow.shelf, entry.choice.info_hash
        if outcome.failed:
            self._put_off(entry, asked, outcome, is_of_silence=ended.code is None)
        else:
            try:
                self._note(entry, info_hash, asked, outcome)
            except StorageError as exc:  # what was done is found done the next time
                self._rest(str(exc))
                return
            for each in (_key(entry), self._films_of(entry)):
                self._waits.pop(each, None)
            self._failures, self.trouble = 0, ""
            self._complaints.over()
        if self.report:
            self.report(entry.movie, outcome)

    def _note(self, entry: QueueEntry, info_hash: str, asked: Shelving, outcome: Outcome) -> None:
        movie, now = entry.movie, self.clock.now().replace(microsecond=0)
        if outcome.path:
            release = entry.choice.release if entry.choice else ""
            # Told before it is written down: a crash in between tells it twice, by one id, not never.
            self.tell(Shelved(now, movie, entry.wish, release, info_hash, outcome.path, asked.at))
        earlier = "" if outcome.path else asked.earlier
        noted = Shelving(now, outcome.path, outcome.left, earlier=earlier)
        if not self.queue_manager.note_shelf(movie, info_hash, noted):
            return
        if outcome.path:
            _log.info("%s: on the shelf, in %s", movie.label, outcome.path)
            self.history.note(Happened.SHELVED, movie, outcome.path)
        else:
            self._warn("%s stays off the shelf, because %s.", movie.label, outcome.left)
            self.history.note(Happened.NOT_SHELVED, movie, outcome.left)

    def _put_off(self, entry: QueueEntry, asked: Shelving, outcome: Outcome, *, is_of_silence: bool) -> None:
        if outcome.is_of_all:
            self._rest(outcome.failed)
            return
        self._failures, self.trouble = 0, ""  # the shelf itself is there
        self._complaints.over()
        now, films = self.clock.monotonic(), self._films_of(entry)
        self._waits.setdefault(_key(entry), _Wait()).begin(now)
        is_said = films in self._waits
        if outcome.is_of_folder:
            of_folder = self._waits.setdefault(films, _Wait())
            of_folder.begin(now)
            of_folder.is_of_silence = is_of_silence
        if asked.failed == outcome.failed:
            return
        with contextlib.suppress(StorageError):  # it is shown, and nothing depends on it
            self.queue_manager.note_shelf(entry.movie, _key(entry)[0], replace(asked, failed=outcome.failed))
        if not outcome.is_of_folder:
            self._warn("%s isn't on the shelf yet: %s", entry.movie.label, outcome.failed)
        elif not is_said:
            count = self.queue_manager.for_shelf_count()
            self._warn("%s Films waiting for the shelf: %d.", outcome.failed, count)

    def _warn(self, words: str, *values: object) -> None:
        _log.log(logging.DEBUG if self.report else logging.WARNING, words, *values)

    def _rest(self, why: str) -> None:
        self._failures += 1
        self._not_before = self.clock.monotonic() + min(pause_seconds(self._failures), _MOST_REST_SECONDS)
        self.trouble = f"Films can't be put on the shelf: {why}"
        self._complaints.say(self.trouble)


def _outcome_of(ended: Ended) -> Outcome:
    """Return what our process said last; of one that died on the way that is not what it meant."""
    try:
        if not ended.code:
            return Outcome(**json.loads(ended.answer))
    except (ValueError, TypeError):
        pass
    how = ended.overdue or (f"exited with code {ended.code}" if ended.code else "ended without an answer")
    return Outcome(failed=f"The process that fills the shelf {how}.")


def _key(entry: QueueEntry) -> _Key:
    choice, shelf = entry.choice, entry.follow.shelf if entry.follow else None
    return choice.info_hash if choice else "", shelf.at if shelf else None
