"""The tracker's calls, counted over a rolling hour that restarts and other processes share.

The tracker allows a number of calls an hour for an account, whatever makes them. So the count
stands in a file that the daemon and the commands beside it share, and a call is written down
before it is made: after a crash it may count though it was not made, never the other way round.
"""

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from movie_sync.domain.json_text import parse_json
from movie_sync.errors import BudgetError, StorageError
from movie_sync.ports import Clock
from movie_sync.storage.aside import Aside
from movie_sync.storage.atomic_file import write_atomically
from movie_sync.storage.file_lock import FileLock
from movie_sync.storage.folder_lock import writing_into
from movie_sync.storage.whole_file import DamagedError, read_whole

_log = logging.getLogger(__name__)

_HOUR = timedelta(hours=1)
_LOCK_SECONDS = 5.0
_MAX_FILE_BYTES = 1_000_000
_JUMP = timedelta(seconds=2)


class CallBudget:
    """At most `calls_per_hour` calls in any rolling hour, over all processes that use `path`.

    Thread-safe, and safe between processes through a lock on a file beside it. With
    `persist=False` calls are counted in memory on top of the file, and nothing is written, not even
    a lock file.

    Clocks go wrong, so a doubtful call counts for longer rather than shorter: a time in the future
    counts as now, and no call ages faster than the monotonic clock of the process that looks. A
    clock put forward while no process runs cannot be told from time that passed.
    """

    def __init__(self, path: Path, calls_per_hour: int, clock: Clock, *, persist: bool = True) -> None:
        if calls_per_hour < 1:
            raise ValueError("calls_per_hour must be at least 1")
        self._path = path
        self._calls_per_hour = calls_per_hour
        self._clock = clock
        self._persist = persist
        self._unsaved: list[datetime] | None = None
        self._lock = threading.Lock()
        self._file_lock = FileLock(path.with_name(f"{path.name}.lock"))
        self._seen_at = (clock.now(), clock.monotonic())

    def take(self) -> None:
        """Count one call, which the caller makes next.

        Raises:
            BudgetError: the budget is spent; `retry_after_seconds` tells when a call is free.
            StorageError: the count cannot be read or written; the call must not be made.
        """
        with self._exclusively():
            now = self._clock.now()
            calls = self._counting(now)
            if len(calls) >= self._calls_per_hour:
                free_at = calls[len(calls) - self._calls_per_hour] + _HOUR
                seconds = (free_at - now).total_seconds()
                raise BudgetError(
                    f"This hour's {self._calls_per_hour} calls to the tracker are spent; "
                    f"the next one is free in {max(1, round(seconds / 60))} min.",
                    retry_after_seconds=seconds,
                )
            self._save([*calls, now])

    def free(self) -> int:
        """Return how many calls can be made now.

        Raises:
            StorageError: the count cannot be read, or a wrong time in it not be put right.
        """
        with self._exclusively():
            return max(0, self._calls_per_hour - len(self._counting(self._clock.now())))

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        with self._lock, contextlib.ExitStack() as held:
            if self._persist:
                self._lock_file(held)
            yield

    def _lock_file(self, held: contextlib.ExitStack) -> None:
        if not self._path.parent.is_dir():
            raise StorageError(f"{self._path} cannot be written: its folder is missing.")
        if not self._file_lock.acquire(wait_seconds=_LOCK_SECONDS):
            raise StorageError(
                f"{self._path.name}.lock is held by another process for more than {_LOCK_SECONDS:g} s."
            )
        held.callback(self._file_lock.release)

    def _counting(self, now: datetime) -> list[datetime]:
        """Return the calls of the last hour, oldest first, with wrong times put right and saved."""
        stored, damage = self._read() if self._unsaved is None else (self._unsaved, "")
        jump = self._jump(now)
        righted = [min(now, call + jump) for call in stored]
        calls = sorted(call for call in righted if now - call < _HOUR)
        if damage:
            self._replace_damaged(calls, damage)
        elif righted != stored:
            # Else a time far in the future would count as now for ever.
            self._save(calls)
        return calls

    def _jump(self, now: datetime) -> timedelta:
        """How far the wall clock was put forward since this process last looked; never negative."""
        seen_now, seen_monotonic = self._seen_at
        passed = timedelta(seconds=self._clock.monotonic() - seen_monotonic)
        jump = now - seen_now - passed
        return jump if jump > _JUMP else timedelta(0)

    def _read(self) -> tuple[list[datetime], str]:
        """Return the stored calls, and what is wrong with the file, if anything."""
        try:
            written_at = datetime.fromtimestamp(self._path.lstat().st_mtime, UTC)  # a link may lead to itself
            calls = _parse(read_whole(self._path, most_bytes=_MAX_FILE_BYTES))
        except FileNotFoundError:
            return [], ""
        except DamagedError:
            calls = None
        except OSError as exc:
            raise StorageError(f"{self._path} cannot be read: {_words(exc)}.") from exc
        if calls is None:
            damage = "is damaged: the whole budget counts as spent when it was last written"
            return [written_at] * self._calls_per_hour, damage
        damage = (
            "holds unreadable times: they count as made when it was last written" if None in calls else ""
        )
        return [written_at if call is None else call for call in calls], damage

    def _replace_damaged(self, calls: list[datetime], damage: str) -> None:
        """Write the calls that count into a new file, and keep the damaged one aside."""
        aside = Aside(self._path, self._clock)
        self._save(calls, make_way=aside)
        _log.warning("%s %s.%s", self._path, damage, aside.words)

    def _save(self, calls: list[datetime], *, make_way: Callable[[], object] | None = None) -> None:
        if self._persist:
            lines = ",\n".join(json.dumps(call.isoformat()) for call in calls)
            content = [f'{{"calls": [\n{lines}\n]}}\n'.encode()]
            with writing_into(self._path.parent):
                write_atomically(self._path, content, make_way=make_way)
        else:
            self._unsaved = calls
        self._seen_at = (self._clock.now(), self._clock.monotonic())


def _parse(content: bytes) -> list[datetime | None] | None:
    """Return the times, None for each unreadable one; or None if the file is not one of ours."""
    try:
        document = parse_json(content)
    except ValueError:
        return None
    calls = document.get("calls") if isinstance(document, dict) else None
    return [_time(call) for call in calls] if isinstance(calls, list) else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return time.astimezone(UTC) if time is not None and time.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _words(exc: Exception) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
