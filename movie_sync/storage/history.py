"""What happened to films: a line of JSON for each thing, in a file that is added to and of bounded size."""

import errno
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path

from movie_sync.clock import SystemClock
from movie_sync.complaints import Complaints
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie
from movie_sync.domain.times import format_time, parse_time
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.storage.growing_file import add_lines, lines_of

_log = logging.getLogger(__name__)

_MOST_BYTES = 2_000_000
_LONGEST_DETAIL = 1000
_LINES_AT_ONCE = 200


class Happened(StrEnum):
    """What happened; the words stand in the file and in `history --json`."""

    LISTED = "listed"
    ADDED = "added"
    """By command, as what follows."""
    RETRIED = "retried"
    GRABBED = "grabbed"
    REJECTED = "rejected"
    REMOVED = "removed"
    SEARCHED = "searched"
    """There was nothing."""
    REFUSED = "refused"
    """There was something, and nothing acceptable."""
    FAILED = "failed"
    GAVE_UP = "gave up"
    HANDED_OVER = "handed over"
    ALREADY_THERE = "already there"
    STOPPED = "stopped"
    STALLED = "stalled"
    GONE = "gone"
    """From the torrent client."""
    DOWNLOADED = "downloaded"
    UPGRADED = "upgraded"
    SHELVED = "shelved"
    NOT_SHELVED = "not shelved"
    """For good, as what there is is no single video."""
    NOT_SEEDING = "not seeding"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One line: `film` is its label, `detail` says in words why, or which release."""

    when: datetime
    id: str
    slug: str
    film: str
    what: str
    detail: str


@dataclass(eq=False, repr=False)
class History:
    """Adds to the file; without a path, nowhere. Thread-safe, and nothing fails for it.

    A crash may cost the last line, or leave half of it, which is passed over; a power failure may cost more.
    `clean` takes secrets out of what is said.
    """

    path: Path | None
    clock: Clock
    clean: Callable[[str], str] = str
    most_bytes: int = _MOST_BYTES
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)

    def note(self, what: Happened, movies: Movie | Iterable[Movie], detail: str = "") -> None:
        """Note what happened now to a film, or to many."""
        if self.path is None:
            return
        now, said = format_time(self.clock.now()), self.clean(detail)[:_LONGEST_DETAIL]
        lines = (
            json.dumps(
                {
                    "when": now,
                    "id": movie.id,
                    "slug": movie.slug,
                    "film": movie.label,
                    "what": what,
                    "detail": said,
                }
            )
            for movie in ((movies,) if isinstance(movies, Movie) else movies)
        )
        with self._lock:
            try:
                while some := "".join(f"{line}\n" for line in islice(lines, _LINES_AT_ONCE)):
                    add_lines(self.path, some.encode(), most_bytes=self.most_bytes, now=self.clock.now())
            except StorageError as exc:
                if exc.errno != errno.ENOSPC:  # a full disk is said by those who need it
                    self._complaints.say(str(exc), exc=exc)
            else:
                self._complaints.over()


NO_HISTORY = History(None, SystemClock())
"""Notes nothing."""


def read_history(path: Path) -> Iterator[HistoryEvent]:
    """Yield what is known, oldest first; lines that cannot be read are passed over.

    Raises StorageError: the files cannot be read.
    """
    for line in lines_of(path):
        if event := _event_from(line):
            yield event


def _event_from(line: bytes) -> HistoryEvent | None:
    try:
        plain = parse_json(line)
        when = parse_time(plain["when"])
        # Half a surrogate pair, as names of files have them that are no UTF-8, is no JSON for everybody.
        texts = [
            str(plain[key]).encode(errors="replace").decode()
            for key in ("id", "slug", "film", "what", "detail")
        ]
    except (ValueError, KeyError, TypeError):
        return None
    return HistoryEvent(when, *texts) if when else None
