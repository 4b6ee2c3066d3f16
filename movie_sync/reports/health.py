"""Whether a daemon runs on a data folder and does its work: idle is well, stuck is not."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movie_sync.domain.plain_text import one_line
from movie_sync.domain.times import duration
from movie_sync.invocation import command_line
from movie_sync.reports.daemon_state import read_state
from movie_sync.storage.local_socket import connect_to
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths

_ANSWER_SECONDS = 10.0
_MOST_BYTES = 20_000
# Longer than one film, or one reading of a long list at a slow pace, can take.
_STUCK_SECONDS = 2 * 3600.0


@dataclass(frozen=True, slots=True)
class Health:
    """The answer, and in one line why."""

    is_healthy: bool
    why: str


def look_at_health(paths: AppPaths, *, patience_seconds: float = _ANSWER_SECONDS) -> Health:
    """Ask the daemon of a data folder how it is; a healthy one is asked without a look at the disk."""
    try:
        answer = _ask(paths.health, patience_seconds)
    except TimeoutError:
        return Health(False, f"{_named(paths)} hasn't answered for {duration(patience_seconds)}: it's stuck.")
    except OSError as exc:
        return _unasked(paths, is_possible=not isinstance(exc, FileNotFoundError))
    try:
        return judged(json.loads(answer))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Health(False, f"{_named(paths)} exited before it could answer.")


def _ask(path: Path, seconds: float) -> bytes:
    """Return what the daemon answers; nothing if it ends meanwhile."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connect_to(path, connection)
        except BlockingIOError:  # many wait for an answer already
            raise TimeoutError from None
        answer = b""
        while len(answer) < _MOST_BYTES and (piece := connection.recv(_MOST_BYTES)):
            answer += piece
        return answer


def judged(beat: Mapping[str, Any]) -> Health:
    """Judge what a daemon says of itself. Raises KeyError, TypeError or ValueError: it is no such answer."""
    who, workers = f"process {int(beat['pid'])}", beat["workers"]
    for name, worker in workers.items():
        if float(worker["moved"]) > _STUCK_SECONDS:
            since = duration(float(worker["moved"]))
            return Health(
                False, one_line(f"The {name} thread has been stuck for {since} ({who}): {worker['does']}.")
            )
    does = "; ".join(f"{name}: {worker['does']}".rstrip(".") for name, worker in workers.items())
    return Health(True, one_line(f"Running ({who}). {does[:1].upper()}{does[1:]}."))


def _unasked(paths: AppPaths, *, is_possible: bool) -> Health:
    """Answer for a daemon that has no socket, as where its file system has none."""
    if not InstanceLock(paths.daemon_lock).is_held_elsewhere():
        return Health(False, f"No daemon is running on {paths.root}. To start it: `{command_line()}`")
    if is_possible or read_state(paths.daemon) is None:
        return Health(False, f"{_named(paths)} is starting or stopping.")
    return Health(
        True,
        f"{_named(paths)} is running. Its data folder doesn't support sockets, so nothing more is known.",
    )


def _named(paths: AppPaths) -> str:
    state = read_state(paths.daemon)
    return f"The daemon (process {state.pid})" if state else f"Another process on {paths.root}"
