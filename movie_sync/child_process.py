"""Processes that are given something to read, looked at from time to time, and never waited for."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from movie_sync.ports import Clock

PACKAGE_PARENT = Path(__file__).resolve().parents[1]
CHILD_SAYS_WHY = 2
"""The exit code of a process of ours whose output is a message."""
_MOST_SECONDS = 60.0
_KILL_SECONDS = 0.5  # nothing outlives the signal, unless the system itself hangs


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code (None: it was killed because it took too long), its answer."""

    code: int | None
    answer: str = ""

    @property
    def overdue(self) -> str:
        """That it took too long, in words; empty if it did not."""
        return f"took longer than {_MOST_SECONDS:g} seconds" if self.code is None else ""

    @property
    def failure(self) -> str:
        """Why our own process did not carry an order out; empty if it did."""
        if self.code == CHILD_SAYS_WHY:
            return f"failed: {self.answer}"
        return self.overdue or (f"failed: its process exited with code {self.code}" if self.code else "")


class Process:
    """Starts at once, in a process group of its own; that is killed after `most_seconds`, else a minute.

    What it is to read lies in a file without a name, so that a process that does not read keeps
    nobody waiting. What it writes is dropped, unless it `is_ours`: each line of our own begins its time anew,
    and the last one is its answer. For one thread.

    Raises OSError: it cannot be started.
    """

    def __init__(
        self,
        words: Sequence[str],
        given: bytes,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        umask: int = -1,
        is_ours: bool = False,
        most_seconds: float | None = None,
    ) -> None:
        self._clock = clock
        self._most_seconds = _MOST_SECONDS if most_seconds is None else most_seconds
        self._ends_at = clock.monotonic() + self._most_seconds
        self._lines = b""
        with tempfile.TemporaryFile() as source:
            source.write(given)
            source.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - a list of words, no shell
                words,
                stdin=source,
                stdout=subprocess.PIPE if is_ours else subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environ,
                cwd=PACKAGE_PARENT if is_ours else None,
                umask=umask,
                start_new_session=True,  # Ctrl+C is the daemon's to answer
            )
        if self._process.stdout is not None:
            # What did not die, or was started by it, may hold the other end.
            os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left of it: one that waits for a disk may outlive its end."""
        return self._process.poll() is not None

    def poll(self) -> Ended | None:
        """Return how it ended, or None while it runs."""
        code = self._process.poll()
        self._read()
        if code is None and self._clock.monotonic() < self._ends_at:
            return None
        return Ended(code, self.end())

    def wait(self, seconds: float) -> bool:
        """Wait for its end, not longer than this; tell whether it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    def end(self) -> str:
        """Kill it if it runs; return what it answered."""
        if self._process.poll() is None:
            # Its own group has its number for as long as nobody asked how it ended.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.wait(_KILL_SECONDS)
        if self._process.stdout is None:
            return ""
        with self._process.stdout:
            self._read()
        return self._lines.decode(errors="replace").strip().rpartition("\n")[2]

    def _read(self) -> None:
        if self._process.stdout is not None and (piece := self._process.stdout.read()):
            self._ends_at = self._clock.monotonic() + self._most_seconds
            self._lines = b"\n".join((self._lines + piece).split(b"\n")[-2:])
