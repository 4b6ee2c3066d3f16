"""Waiting that takes no time."""

import threading

from house.fakes import FakeClock


class HurriedStop(threading.Event):
    """A stop event whose waits only move the clock on. `waited` lists them, in seconds."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass at once."""
        if timeout is not None:
            self.waited.append(timeout)
            self._clock.advance(timeout)
        return self.is_set()


def in_a_hurry() -> dict[str, object]:
    """Return `stop` and `clock` for an adapter that shall not wait."""
    clock = FakeClock()
    return {"stop": HurriedStop(clock), "clock": clock}
