"""What happened to films: a line of JSON for each thing, in a file that is added to and of bounded size."""

import contextlib
import errno
import json
import logging
import os
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
from movie_sync.storage.atomic_file import keep_aside, keep_private, told_as, write_all
from movie_sync.storage.regular_file import NotAFileError, open_regular, open_regular_descriptor

_log = logging.getLogger(__name__)

_FILE_MODE = 0o600
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


def older_of(path: Path) -> Path:
    """Return where the lines before those of the file are kept."""
    return path.with_name(f"{path.name}.1")


@dataclass(eq=False, repr=False)
class History:
    """Adds to the file; without a path, nowhere. Thread-safe, and nothing fails for it.

    A crash may leave half a line, which is passed over; a power failure may cost the last lines.
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
                    self._add(self.path, some.encode())
            except StorageError as exc:
                if exc.errno != errno.ENOSPC:  # a full disk is said by those who need it
                    self._complaints.say(str(exc), exc=exc)
            else:
                self._complaints.over()

    def _add(self, path: Path, lines: bytes) -> None:
        with told_as(f"Couldn't write {path}"):
            if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
                keep_aside(path, self.clock.now())
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_size + len(lines) > self.most_bytes:
                    path.replace(older_of(path))
            descriptor = self._opened(path)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a crash came in between
                    lines = b"\n" + lines
                write_all(descriptor, lines)
            finally:
                os.close(descriptor)

    def _opened(self, path: Path) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = open_regular_descriptor(path, flags, _FILE_MODE)
        with contextlib.suppress(OSError):
            keep_private(descriptor, _FILE_MODE, path.parent)
        return descriptor


NO_HISTORY = History(None, SystemClock())
"""Notes nothing."""


def read_history(path: Path) -> Iterator[HistoryEvent]:
    """Yield what is known, oldest first; lines that cannot be read are passed over.

    Raises StorageError: the files cannot be read.
    """
    for each in (older_of(path), path):
        try:
            with open_regular(each) as file:
                for line in file:
                    if event := _event_from(line):
                        yield event
        except (FileNotFoundError, NotAFileError):
            continue
        except OSError as exc:
            raise StorageError(f"Can't read {each}: {exc.strerror}.", errno=exc.errno) from None


def _event_from(line: bytes) -> HistoryEvent | None:
    try:
        plain = parse_json(line)
        when = parse_time(plain["when"])
        texts = [str(plain[key]) for key in ("id", "slug", "film", "what", "detail")]
    except (ValueError, KeyError, TypeError):
        return None
    return HistoryEvent(when, *texts) if when else None
