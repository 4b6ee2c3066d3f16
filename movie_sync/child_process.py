"""Processes that are given something to read, looked at from time to time, and never waited for."""

import contextlib
import math
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
    """Starts at once, in a process group of its own; where it `is_limited`, that is killed after a minute.

    What it is to read lies in a file without a name, so that a process that does not read keeps
    nobody waiting. What it writes is dropped, unless it `is_ours`: our own writes a line, at its end.
    For one thread.

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
        is_limited: bool = True,
    ) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + _MOST_SECONDS if is_limited else math.inf
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

    def poll(self) -> Ended | None:
        """Return how it ended, or None while it runs."""
        code = self._process.poll()
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
        with self._process.stdout as pipe:
            # What did not die, or was started by it, may hold the other end.
            os.set_blocking(pipe.fileno(), False)
            return (pipe.read() or b"").decode(errors="replace").strip()
