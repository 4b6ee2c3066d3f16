"""Waiting for what another thread or process does, as long as a slow machine may need."""

import inspect
import threading
import time
from collections.abc import Callable

import pytest

LONG_SECONDS = 60.0
"""The longest wait. Nothing is slower for it: only what never comes takes so long, and is a failure."""


def wait_until(condition: Callable[[], bool], seconds: float = LONG_SECONDS) -> None:
    """Return as soon as the condition holds; where it does not in time, fail and show what it looked at."""
    ends_at = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > ends_at:
            pytest.fail(f"not within {seconds:g} s: {_shown(condition)}")
        pause.wait(0.01)


def _shown(condition: Callable[[], bool]) -> str:
    if not inspect.isfunction(condition):
        return repr(condition)
    code = condition.__code__
    seen = inspect.getclosurevars(condition).nonlocals
    state = {
        name: getattr(value, "output", None) or getattr(value, "log", None) or value
        for name, value in seen.items()
    }
    return f"{condition.__qualname__} in {code.co_filename}:{code.co_firstlineno}\n" + "\n".join(
        f"{name}: {str(value)[-2000:]}" for name, value in state.items()
    )
