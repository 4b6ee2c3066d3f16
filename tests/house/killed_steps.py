"""A daemon that is killed before each step of its shelf, one in each run; see `stand_ins/killed_steps`."""

import signal
from collections.abc import Callable
from pathlib import Path

from house.program import PROGRAM, Household, Running
from house.waiting import wait_until

_HOOK = Path(__file__).resolve().parents[1] / "stand_ins" / "killed_steps"
_PATIENCE_SECONDS = 300.0


class KilledSteps:
    """The steps at which it was killed so far, and the program that is; nothing is killed before `arm`."""

    def __init__(self, folder: Path, shelf: Path, home: Household) -> None:
        self._folder, self._home = folder, home
        folder.mkdir()
        places = {
            "PYTHONPATH": _HOOK,
            "KILLED_STEPS": folder,
            "KILLED_SHELF": shelf,
            "KILLED_DATA": home.data,
        }
        self._program = ("env", *(f"{name}={place}" for name, place in places.items()), *PROGRAM)

    def arm(self) -> None:
        """Have it killed from now on."""
        (self._folder / "armed").touch()

    @property
    def taken(self) -> list[tuple[int, str]]:
        """The process that was at each step, and the step."""
        file = self._folder / "steps"
        rows = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [(int(pid), step) for pid, _, step in (row.partition("\t") for row in rows)]

    def start(self) -> Running:
        """Start the daemon."""
        return self._home.start(program=self._program)

    def work(self, is_done: Callable[[], bool], daemon: Running | None = None) -> Running:
        """Let it work, and start it again whenever it was killed, until it's done; return the one that runs then."""
        while True:
            running = daemon or self.start()
            daemon = None
            wait_until(lambda: running.process.poll() is not None or is_done(), _PATIENCE_SECONDS)
            if running.process.poll() is None:
                return running
            assert running.process.returncode == -signal.SIGKILL, running.output
            pid = self.taken[-1][0]
            wait_until(lambda: _has_ended(pid))


def _has_ended(pid: int) -> bool:
    """Tell whether a process is no more, though nobody has asked how it ended."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2][1]
            == "Z"
        )
    except (FileNotFoundError, ProcessLookupError):
        return True
