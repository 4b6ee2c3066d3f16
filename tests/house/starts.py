"""Start the program without paying for its imports each time: a helper that has them forks it.

What comes of it is a process like any other: its own pid, signals, streams, environment and exit code. It differs
from a start in its memory, in what /proc says of its arguments and environment, in that no import can fail
late, and in what Python reads of the environment as it starts. `is_possible` sees the last; who tests one of
the others asks for a real start.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")


class Forked:
    """A process that the helper forked, with what `subprocess.Popen` offers of it."""

    def __init__(self, pid: int, report: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._report = report

    def poll(self) -> int | None:
        """Return its exit code, None while it runs; a signal that ended it as a negative number."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code; raises `subprocess.TimeoutExpired`."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(["main.py"], timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._report], [], [], seconds)[0]:
            line = os.read(self._report, 100)
            os.close(self._report)
            assert line, "the helper that forks the program has gone"
            self.returncode = int(line)
        return self.returncode


class Starts:
    """The helper of one test process, started when it is first needed."""

    def __init__(self) -> None:
        self._orders: socket.socket | None = None
        self._environment: dict[str, str] = {}

    def is_possible(self, program: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether a fork is the same as a start, as far as the environment goes."""
        if not hasattr(os, "pidfd_open") or list(program) != [sys.executable, str(_ROOT / "main.py")]:
            return False
        self._begin()
        return _read_at_start(environment) == _read_at_start(self._environment)

    def fork(
        self, arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int]
    ) -> Forked:
        """Run the program with arguments (without the interpreter) and stdin, stdout and stderr."""
        self._begin()
        assert self._orders
        umask = os.umask(0)
        os.umask(umask)
        order = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(Path.cwd()),
            "umask": umask,
        }
        report, end = os.pipe()
        socket.send_fds(self._orders, [json.dumps(order).encode()], [*streams, end])
        os.close(end)
        return Forked(_pid_from(report), report)

    def _begin(self) -> None:
        if self._orders is not None:
            return
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._environment = dict(os.environ)
        with theirs:
            helper = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name("start_server.py")),
                    str(theirs.fileno()),
                    str(_ROOT),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        atexit.register(self._end, self._orders, helper)

    @staticmethod
    def _end(orders: socket.socket, helper: "subprocess.Popen[bytes]") -> None:
        orders.close()
        helper.wait()


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


def _pid_from(report: int) -> int:
    """Read the first line, and no more: the exit code may already stand behind it."""
    digits = b""
    while (byte := os.read(report, 1)) not in {b"\n", b""}:
        digits += byte
    assert digits, "the helper that forks the program has gone"
    return int(digits)


STARTS = Starts()
