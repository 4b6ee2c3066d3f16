"""Tells systemd, or what speaks its protocol, that the daemon runs, how it is, and that it stops.

The protocol is sd_notify(3): datagrams of lines VARIABLE=VALUE to the socket that the environment names.
"""

import os
import socket
from collections.abc import Callable, Mapping

from movie_sync.credentials.environment import NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC
from movie_sync.ports import Clock
from movie_sync.reports.health import Health

_LOOK_SECONDS = 5.0
_LOOKS_BEFORE_THE_WATCHDOG_BARKS = 4


class ServiceManager:
    """Says what `health` would say, and feeds the watchdog for as long as that is well.

    It tells nobody where the environment names no socket, and never waits for who listens. For the main
    thread: what is not fed tells that it hangs.
    """

    def __init__(self, environ: Mapping[str, str], health: Callable[[], Health], clock: Clock) -> None:
        self._health = health
        self._clock = clock
        self._address = _address(environ.get(NOTIFY_SOCKET, ""))
        self._feed: tuple[str, ...] = ()
        self._pause_seconds = _LOOK_SECONDS
        if watchdog_seconds := _watchdog_seconds(environ):
            self._feed = ("WATCHDOG=1",)
            self._pause_seconds = min(_LOOK_SECONDS, watchdog_seconds / _LOOKS_BEFORE_THE_WATCHDOG_BARKS)
        self._next_at = 0.0
        self._is_ready = False
        self._status = ""

    def tick(self) -> None:
        """Say that the daemon runs, and what is new of how it is. To be called about once a second."""
        now = self._clock.monotonic()
        if not self._address or now < self._next_at:
            return
        health = self._health()
        lines = [] if self._is_ready else ["READY=1"]
        if health.why != self._status:
            lines.append(f"STATUS={health.why}")
        if health.is_healthy:
            lines += self._feed
        if not lines or self._tell(lines):
            self._is_ready, self._status = True, health.why
            self._next_at = now + self._pause_seconds

    def stopping(self) -> None:
        """Say that the daemon stops; the last word."""
        if self._address:
            self._tell(["STOPPING=1", "STATUS=Stopping."])
        self._address = ""

    def _tell(self, lines: list[str]) -> bool:
        """Tell whether it was taken; what isn't is said again at the next tick."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
                speaker.setblocking(False)
                speaker.sendto("\n".join(lines).encode(errors="replace"), self._address)
        except OSError:
            return False
        return True


def _address(name: str) -> str:
    """Return the address of a socket as the system takes it; nothing for one of another family."""
    if name.startswith("@"):  # one without a file, on Linux
        return f"\0{name[1:]}"
    return name if name.startswith("/") else ""


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """Return after how long without a sign of life this process is ended; 0 if it never is."""
    try:
        if int(environ.get(WATCHDOG_PID) or os.getpid()) != os.getpid():
            return 0.0
        return max(int(environ.get(WATCHDOG_USEC) or 0), 0) / 1_000_000
    except ValueError:
        return 0.0
