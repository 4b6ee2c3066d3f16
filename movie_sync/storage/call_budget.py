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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from movie_sync.clock import boot_id
from movie_sync.domain.json_text import parse_json
from movie_sync.errors import BudgetError, StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import write_atomically
from movie_sync.storage.file_lock import FileLock
from movie_sync.storage.folder_lock import writing_into
from movie_sync.storage.quarantine import Quarantine
from movie_sync.storage.whole_file import DamagedError, read_whole

_log = logging.getLogger(__name__)

_HOUR_SECONDS = 3600.0
_MOST_TICKS = 1e12
_LOCK_SECONDS = 5.0
_MAX_FILE_BYTES = 1_000_000


class CallBudget:
    """At most `calls_per_hour` calls in any rolling hour, over all processes that use `path`.

    Thread-safe, and safe between processes through a lock on a file beside it. With
    `persist=False` calls are counted in memory on top of the file, and nothing is written, not even
    a lock file.

    Clocks go wrong, so a call's age is told by the monotonic clock, whichever process made it, as long
    as the machine has not been started anew (`boot` says since when; None asks the system). Only after
    that the wall clock tells it, and a time in the future counts as now.
    """

    def __init__(
        self,
        path: Path,
        calls_per_hour: int,
        clock: Clock,
        *,
        persist: bool = True,
        boot: str | None = None,
    ) -> None:
        if calls_per_hour < 1:
            raise ValueError("calls_per_hour must be at least 1")
        self._path = path
        self._calls_per_hour = calls_per_hour
        self._clock = clock
        self._persist = persist
        self._boot = boot_id() if boot is None else boot
        self._unsaved: list[float] | None = None
        self._lock = threading.Lock()
        self._file_lock = FileLock(path.with_name(f"{path.name}.lock"))

    def take(self) -> None:
        """Count one call, which the caller makes next.

        Raises:
            BudgetError: the budget is spent; `retry_after_seconds` tells when a call is free.
            StorageError: the count cannot be read or written; the call must not be made.
        """
        with self._exclusively():
            ages = self._counting()
            if len(ages) >= self._calls_per_hour:
                seconds = _HOUR_SECONDS - ages[len(ages) - self._calls_per_hour]
                raise BudgetError(
                    f"This hour's {self._calls_per_hour} calls to the tracker are spent; "
                    f"the next one is free in {max(1, round(seconds / 60))} min.",
                    retry_after_seconds=seconds,
                )
            self._save([*ages, 0.0])

    def free(self) -> int:
        """Return how many calls can be made now.

        Raises:
            StorageError: the count cannot be read, or a wrong time in it not be put right.
        """
        with self._exclusively():
            return max(0, self._calls_per_hour - len(self._counting()))

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

    def _counting(self) -> list[float]:
        """Return how long ago the calls of the last hour were made, in seconds, oldest first.

        What is amiss with what is stored is put right: else a time far in the future would count as
        now for ever.
        """
        if self._unsaved is None:
            stored, damage = self._read()
        else:
            stored, damage = _Stored([self._clock.monotonic() - ticks for ticks in self._unsaved]), ""
        ages = sorted((age for age in stored.ages if age < _HOUR_SECONDS), reverse=True)
        if damage:
            self._replace_damaged(ages, damage)
        elif stored.is_odd:
            self._save(ages)
        return ages

    def _read(self) -> tuple["_Stored", str]:
        """Return the stored calls, and what is wrong with the file, if anything."""
        now = self._clock.now()
        try:
            written_at = self._path.lstat().st_mtime  # of the link: it may lead to itself
            document = _parse(read_whole(self._path, most_bytes=_MAX_FILE_BYTES))
        except FileNotFoundError:
            return _Stored([]), ""
        except DamagedError:
            document = None
        except OSError as exc:
            raise StorageError(f"{self._path} cannot be read: {_words(exc)}.") from exc
        file_age = now.timestamp() - written_at
        if document is None:
            damage = "is damaged: the whole budget counts as spent when it was last written"
            return _Stored([max(file_age, 0.0)] * self._calls_per_hour), damage
        ticks = self._ticks_in(document)
        times = [_time(call) for call in document["calls"]]
        damage = (
            "holds unreadable times: they count as made when it was last written" if None in times else ""
        )
        if ticks is not None:
            ages = [self._clock.monotonic() - tick for tick in ticks]
        else:
            ages = [file_age if time is None else (now - time).total_seconds() for time in times]
        is_odd = ticks is None or min(ages, default=0.0) < 0
        return _Stored([max(age, 0.0) for age in ages], is_odd), damage

    def _ticks_in(self, document: dict[str, Any]) -> list[float] | None:
        """Return the monotonic seconds of the calls, if they are this machine's since it was started."""
        ticks = document.get("ticks")
        if document.get("boot") != self._boot or not isinstance(ticks, list):
            return None
        is_whole = len(ticks) == len(document["calls"]) and all(
            type(tick) in {int, float} and abs(tick) < _MOST_TICKS for tick in ticks
        )
        return ticks if is_whole else None

    def _replace_damaged(self, ages: list[float], damage: str) -> None:
        """Write the calls that count into a new file, and keep the damaged one aside."""
        aside = Quarantine(self._path, self._clock)
        self._save(ages, make_way=aside)
        _log.warning("%s %s.%s", self._path, damage, aside.words)

    def _save(self, ages: list[float], *, make_way: Callable[[], object] | None = None) -> None:
        now, ticks_now = self._clock.now(), self._clock.monotonic()
        ticks = [ticks_now - age for age in ages]
        if not self._persist:
            self._unsaved = ticks
            return
        calls = ",\n".join(json.dumps((now - timedelta(seconds=age)).isoformat()) for age in ages)
        clock = f'"boot": {json.dumps(self._boot)}, "ticks": {json.dumps(ticks)}'
        with writing_into(self._path.parent):
            write_atomically(
                self._path, [f'{{"calls": [\n{calls}\n],\n{clock}}}\n'.encode()], make_way=make_way
            )


@dataclass(frozen=True, slots=True)
class _Stored:
    """How many seconds ago the stored calls were made, and whether that is to be written anew."""

    ages: list[float]
    is_odd: bool = False


def _parse(content: bytes) -> dict[str, Any] | None:
    """Return the document with its list of calls, or None if it is not one of ours."""
    try:
        document = parse_json(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) and isinstance(document.get("calls"), list) else None


def _time(value: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        return time.astimezone(UTC) if time is not None and time.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _words(exc: Exception) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or type(exc).__name__
