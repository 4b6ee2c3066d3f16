"""Processes that are given something to read, looked at from time to time, and never waited for.

Our own is this module as a program, `python -m movie_sync.notices.process FILE KEY_FILE`, which tells
the user's services. What to do comes on standard input; the secrets are read there, from the encrypted
file or from the environment, and die with it. Standard output holds nothing, or one line for the log.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from movie_sync.credentials.addresses import Destinations
from movie_sync.credentials.environment import PACKAGE_PARENT, child_environment
from movie_sync.credentials.manager import CHILD_SAYS_WHY, CredentialsManager
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import MovieSyncError
from movie_sync.ports import Clock
from movie_sync.services import registry
from movie_sync.services.base import ToldService

_MODULE = "movie_sync.notices.process"
_MOST_SECONDS = 60.0
_LONGEST_ANSWER = 4000  # no more than what a pipe holds, whoever reads it
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
    """Starts at once, in a process group of its own, which is killed if it takes longer than a minute.

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
    ) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + _MOST_SECONDS
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


@dataclass(frozen=True, slots=True)
class Sender:
    """Starts the process that reads the secrets and speaks to services, outside the daemon's memory."""

    credentials: Path
    key_file: Path
    clock: Clock
    environ: Mapping[str, str]
    destinations: Destinations
    setup: str
    """How the user starts the part of setup that asks for these secrets."""

    def start(self, service: ToldService, order: Mapping[str, str], title: str, text: str) -> Process:
        """Start it with the order to tell a service; raises OSError."""
        return Process(
            [sys.executable, "-P", "-m", _MODULE, str(self.credentials), str(self.key_file)],
            json.dumps(
                {
                    "order": {**order, "service": service.name, "title": title, "text": text},
                    "destinations": asdict(self.destinations),
                    "setup": self.setup,
                }
            ).encode(),
            environ=child_environment(self.environ, but=service.credentials),
            clock=self.clock,
            is_ours=True,
        )


def _main(path: str, key_file: str) -> int:
    """Carry out the order on standard input; return the exit code."""
    # Nothing that a library prints may get among the answer.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _go_straight_to_this_machine()
    redactor, code = Redactor(), 0
    try:
        given = json.load(sys.stdin)
        manager = CredentialsManager(
            Path(path),
            Path(key_file),
            fields=registry.credential_fields(),
            destinations=Destinations(**given["destinations"]),
        )
        words = _carry_out(given["order"], manager, redactor, given["setup"])
    except MovieSyncError as exc:
        words, code = str(exc), CHILD_SAYS_WHY
    with answer:
        answer.write(redactor.clean(one_line(words))[:_LONGEST_ANSWER])
    return code


def _go_straight_to_this_machine() -> None:
    """Let no proxy stand before this machine itself, as in the daemon: it would look for it elsewhere."""
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if exempt != "*":
        os.environ["no_proxy"] = ",".join([*filter(None, [exempt]), "localhost", "127.0.0.0/8", "::1"])


def _carry_out(order: Mapping[str, str], manager: CredentialsManager, redactor: Redactor, setup: str) -> str:
    service = registry.of_kind(ToldService)[order["service"]]
    credentials = manager.load([service.name])
    if held := service.held_back(credentials, setup=setup):
        raise held
    login = credentials[service.name]
    for field in service.credentials:
        value = login.get(field.name, "")
        redactor.learn([value, *value.split()] if value else [])
    service.check_login(login)
    return service.tell(order, login)


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
