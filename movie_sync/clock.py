"""The system's clock, as the port that everything takes its time from."""

import contextlib
import functools
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

# The system's clock that goes on in sleep, where that is not Python's own choice.
_SLEEPLESS: int | None = getattr(
    time, "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME", None
)


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump, and go on while the machine sleeps where the system has such."""
        with contextlib.suppress(OSError):  # a kernel or a sandbox without it
            if _SLEEPLESS is not None:
                return time.clock_gettime(_SLEEPLESS)
        return time.monotonic()


@functools.cache
def boot_id() -> str:
    """Return what processes have in common whose monotonic seconds can be compared.

    Where the system does not tell, that is this process alone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/time').readlink()}"  # a container may count otherwise
    except (OSError, ValueError):
        return os.urandom(16).hex()
