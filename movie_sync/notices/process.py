"""A process that is given something to read, looked at from time to time, and never waited for."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from movie_sync.ports import Clock

_MOST_ANSWER_BYTES = 4096
_KILL_SECONDS = 0.5  # nothing outlives the signal, unless the system itself hangs


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code (None: it was killed because it took too long), its answer."""

    code: int | None
    answer: str = ""


class Process:
    """Starts at once, in a process group of its own, which is killed if it takes too long.

    What it is to read lies in a file without a name, so that a process that does not read keeps
    nobody waiting. What it writes is dropped, or, with `is_answering`, goes to such a file: that is
    for our own processes, which write little. For one thread.

    Raises OSError: it cannot be started.
    """

    def __init__(
        self,
        words: Sequence[str],
        given: bytes,
        *,
        environ: Mapping[str, str],
        folder: Path | None = None,
        seconds: float,
        clock: Clock,
        is_answering: bool = False,
        umask: int = -1,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._started_at = clock.monotonic()
        self._answer: IO[bytes] | None = None
        with contextlib.ExitStack() as on_error, tempfile.TemporaryFile() as source:
            source.write(given)
            source.seek(0)
            if is_answering:
                self._answer = on_error.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(  # noqa: S603 - a list of words, no shell
                words,
                stdin=source,
                stdout=self._answer or subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environ,
                cwd=folder,
                umask=umask,
                start_new_session=True,  # Ctrl+C is the daemon's to answer
            )
            on_error.pop_all()

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process.poll() is not None

    def poll(self) -> Ended | None:
        """Return how it ended, or None while it runs."""
        code = self._process.poll()
        if code is not None:
            return Ended(code, self._read_answer())
        if self._clock.monotonic() - self._started_at < self._seconds:
            return None
        self.end()
        return Ended(None)

    def wait(self, seconds: float) -> None:
        """Wait for its end, not longer than this."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def end(self) -> None:
        """Kill it if it runs, and forget its answer."""
        if self._process.poll() is None:
            self._kill()
        self._read_answer()

    def _kill(self) -> None:
        # Its own group has its number for as long as nobody asked how it ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self.wait(_KILL_SECONDS)

    def _read_answer(self) -> str:
        if self._answer is None:
            return ""
        with self._answer as file:
            file.seek(0)
            answer = file.read(_MOST_ANSWER_BYTES)
        self._answer = None
        return answer.decode(errors="replace").strip()
