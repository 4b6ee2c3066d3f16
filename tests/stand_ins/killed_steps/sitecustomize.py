"""Kills the daemon with SIGKILL before each step of its shelf, one in each run: Python loads this by itself.

That is so in each program that is started with `KilledSteps.environment`. A step is a call that changes something:
in the process that fills the shelf one below the shelf, in the daemon one that the shelver makes. What had its kill
stands in a file and isn't killed there again, so that each run comes one step further.
"""

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

_CALLS = ("link", "mkdir", "open", "pwrite", "write", "ftruncate", "fchmod", "utime", "fsync", "unlink", "rename",
          "replace", "rmdir")  # fmt: skip
_SECOND_IS_NEW = {"link", "rename", "replace"}
_MAKES_A_FILE = os.O_CREAT | getattr(os, "O_TMPFILE", 0) & ~os.O_DIRECTORY
_PATIENCE_SECONDS = 10.0
_open, _write, _fsync, _close = os.open, os.write, os.fsync, os.close


class _Steps:
    def __init__(self, folder: Path, shelf: str, data: str, *, is_daemon: bool) -> None:
        self.armed, self.list = folder / "armed", folder / "steps"
        self.shelf, self.data, self.is_daemon = shelf, data, is_daemon
        self.names: dict[int, str] = {}
        self.before_last = ""
        self.counts: Counter[str] = Counter()
        self.frame: FrameType | None = None
        for name in _CALLS:
            setattr(os, name, partial(self.call, name, getattr(os, name)))

    def call(self, name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        step = self.step_of(name, arguments)
        if step and self.armed.exists() and step not in self.done():
            if name == "pwrite":
                descriptor, piece, place = arguments
                real(descriptor, piece[: len(piece) // 2], place)
            self.note(step)
            self.kill()
        answer = real(*arguments, **options)
        if name == "open":
            self.names[answer] = os.fsdecode(arguments[0])
        return answer

    def step_of(self, name: str, arguments: tuple[Any, ...]) -> str:
        """Return what tells a step from all others, "" if it's none."""
        about = arguments[1 if name in _SECOND_IS_NEW else 0]
        path = self.names.get(about, "") if isinstance(about, int) else os.fsdecode(about)
        if name == "open" and not arguments[1] & _MAKES_A_FILE:
            return ""
        if not self.is_daemon:
            if not f"{path}/".startswith(self.shelf):
                return ""
            step = f"{name} {path.removeprefix(self.shelf)}"
            if name == "pwrite":
                self.counts[step] += 1
                step += f" {self.counts[step]}"
            if name == "fsync":
                return f"{step} after {self.before_last}"
            self.before_last = step
            return step
        frame = _frame_of_shelver()
        if frame is None:
            return ""
        if frame is not self.frame:
            self.frame = frame
            self.counts.clear()
        where = path.removeprefix(self.data) if path.startswith(self.data) else "elsewhere"
        step = f"daemon: {frame.f_code.co_name}: {name} {where}"
        self.counts[step] += 1
        return f"{step} {self.counts[step]}"

    def done(self) -> set[str]:
        if not self.list.exists():
            return set()
        return {line.partition("\t")[2] for line in self.list.read_text(encoding="utf-8").splitlines()}

    def note(self, step: str) -> None:
        descriptor = _open(self.list, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        _write(descriptor, f"{os.getpid()}\t{step}\n".encode())
        _close(descriptor)

    def kill(self) -> None:
        if self.is_daemon:
            os.kill(os.getpid(), signal.SIGKILL)
        daemon = os.getppid()
        if b"main.py" in Path(f"/proc/{daemon}/cmdline").read_bytes():
            os.kill(daemon, signal.SIGKILL)
        time.sleep(_PATIENCE_SECONDS)
        self.note("the process that fills the shelf outlived the daemon")
        os._exit(1)


def _frame_of_shelver() -> FrameType | None:
    """Return what the shelver is at, if it's what this thread is at."""
    if threading.current_thread() is not threading.main_thread():
        return None
    frame: FrameType | None = sys._getframe()
    found = None
    while frame is not None:
        if frame.f_code.co_filename.endswith("/shelf/shelver.py") and frame.f_code.co_name != "tick":
            found = frame
        frame = frame.f_back
    return found


if "KILLED_STEPS" in os.environ:
    is_child = sys.orig_argv[-1] == "movie_sync.shelf.process"
    if is_child or any(word.endswith("main.py") for word in sys.orig_argv):
        _Steps(
            Path(os.environ["KILLED_STEPS"]),
            os.environ["KILLED_SHELF"] + "/",
            os.environ["KILLED_DATA"] + "/",
            is_daemon=not is_child,
        )
