"""The tracker's calls, counted over a rolling hour that restarts and other processes share.

The tracker allows a number of calls an hour for an account, whatever makes them. So the count
stands in a file that the daemon and the commands beside it share, and a call is written down
before it is made: after a crash it may count though it was not made, never the other way round.
"""

import contextlib
import json
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from movie_sync.clock import boot_id
from movie_sync.errors import BudgetError, StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import told_as
from movie_sync.storage.document import Document
from movie_sync.storage.locks import FileLock, writing_into

_HOUR_SECONDS = 3600.0
_MOST_TICKS = 1e12
_LOCK_SECONDS = 5.0
_MAX_FILE_BYTES = 1_000_000


class CallBudget:
    """At most `calls_per_hour` calls in any rolling hour, over all processes that use `path`.

    Thread-safe, and safe between processes through a lock on a file beside it. With
    `persist=False` calls are counted in memory on top of the file, and nothing is written, not even
    a lock file. A count that cannot be read or written is a StorageError.

    Clocks go wrong, so a call's age is told by the monotonic clock, whichever process made it, as long
    as the machine has not been started anew (`boot` says since when; None asks the system). Only after
    that the wall clock tells it, and a time in the future counts as now.
    """

    def __init__(
        self, path: Path, calls_per_hour: int, clock: Clock, *, persist: bool = True, boot: str | None = None
    ) -> None:
        if calls_per_hour < 1:
            raise ValueError("calls_per_hour must be at least 1")
        self._path = path
        self._document = Document(path, clock, most_bytes=_MAX_FILE_BYTES)
        self._calls_per_hour = calls_per_hour
        self._clock = clock
        self._persist = persist
        self._boot = boot_id() if boot is None else boot
        self._unsaved: list[float] | None = None
        self._lock = threading.Lock()
        self._file_lock = FileLock(path.with_name(f"{path.name}.lock"))

    def take(self) -> None:
        """Count one call, which the caller makes next, and must not if this raises.

        A BudgetError says that the budget is spent, and when a call is free.
        """
        with self._exclusively():
            ages = self._counting()
            if len(ages) >= self._calls_per_hour:
                seconds = _HOUR_SECONDS - ages[len(ages) - self._calls_per_hour]
                raise BudgetError(
                    f"This hour's {self._calls_per_hour} tracker calls are used up; "
                    f"the next one is free in {max(1, round(seconds / 60))} min.",
                    retry_after_seconds=seconds,
                )
            self._save([*ages, 0.0])

    def free(self) -> int:
        """Return how many calls can be made now."""
        with self._exclusively():
            return max(0, self._calls_per_hour - len(self._counting()))

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        with self._lock:
            if not self._persist:
                yield
                return
            with told_as(f"Can't write {self._path}"):
                is_there = self._path.parent.is_dir()
            if not is_there:
                raise StorageError(f"Can't write {self._path}: its folder is missing.")
            if not self._file_lock.acquire(wait_seconds=_LOCK_SECONDS):
                raise StorageError(
                    f"Another process has held {self._path.name}.lock for more than {_LOCK_SECONDS:g} s."
                )
            try:
                yield
            finally:
                self._file_lock.release()

    def _counting(self) -> list[float]:
        """Return how long ago the calls of the last hour were made, in seconds, oldest first.

        What is amiss with what is stored is put right: else a time far in the future would count as
        now for ever.
        """
        if self._unsaved is not None:
            return _of_last_hour(self._clock.monotonic() - ticks for ticks in self._unsaved)
        now = self._clock.now()
        try:
            written_at = self._path.lstat().st_mtime  # of the link: it may lead to itself
            plain = self._document.load()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StorageError(f"Can't read {self._path}: {exc.strerror or type(exc).__name__}.") from exc
        file_age = now.timestamp() - written_at
        calls = plain.get("calls") if isinstance(plain, dict) else None
        ticks, damage = None, ""
        if not isinstance(calls, list):
            damage = "is damaged: the whole budget counts as used at its last write."
            ages = [file_age] * self._calls_per_hour
        else:
            times = [_time(call) for call in calls]
            if None in times:
                damage = "contains unreadable times: they count as calls made at its last write."
            ages = [file_age if time is None else (now - time).total_seconds() for time in times]
            if plain.get("boot") == self._boot and _are_ticks(plain.get("ticks"), len(calls)):
                ticks = plain["ticks"]
                ages = [self._clock.monotonic() - tick for tick in ticks]
        recent = _of_last_hour(ages)
        if damage or ticks is None or min(ages, default=0.0) < 0:
            self._document.damage = damage
            self._save(recent, damage)
        return recent

    def _save(self, ages: list[float], damage: str = "") -> None:
        now, ticks_now = self._clock.now(), self._clock.monotonic()
        ticks = [ticks_now - age for age in ages]
        if not self._persist:
            self._unsaved = ticks
            return
        calls = [(now - timedelta(seconds=age)).isoformat() for age in ages]
        content = json.dumps({"calls": calls, "boot": self._boot, "ticks": ticks})
        with writing_into(self._path.parent):
            self._document.save([f"{content}\n".encode()], damage_said=damage)


def _of_last_hour(ages: Iterable[float]) -> list[float]:
    return sorted((max(age, 0.0) for age in ages if age < _HOUR_SECONDS), reverse=True)


def _are_ticks(ticks: object, count: int) -> bool:
    if not isinstance(ticks, list) or len(ticks) != count:
        return False
    return all(type(tick) in {int, float} and abs(tick) < _MOST_TICKS for tick in ticks)


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return time.astimezone(UTC) if time is not None and time.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
