"""The real program as a user runs it: its own process, its own data folder, stand-ins for the sites."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from house.real_qbittorrent import RealQBittorrent
from house.real_transmission import RealTransmission
from house.waiting import LONG_SECONDS, wait_until
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, str(ROOT / "main.py"))
TRACKER_USER, PASSKEY = "maria", "5f4dcc3b5aa765d61d8327deb882cf99"


class Household:
    """A data folder with settings for stand-ins, and the program to run on it.

    Use as a context manager: what still runs at the end is killed.
    """

    def __init__(
        self,
        folder: Path,
        letterboxd: LetterboxdStandIn,
        tracker: FileListStandIn,
        /,
        *,
        client: RealQBittorrent | RealTransmission | None = None,
        secrets: Mapping[str, str] = MappingProxyType({}),
        **settings: Any,
    ) -> None:
        self.data = folder / "data"
        self.films = folder / "films"
        self._folder = folder
        self._settings: dict[str, Any] = {
            "username": letterboxd.username,
            "download_directory": str(self.films),
            "letterboxd": {"base_url": letterboxd.url, "request_delay": 0},
            "filelist": {"base_url": tracker.url, "calls_per_hour": 10_000},
            "qbittorrent": {"enabled": False},
            "max_unfinished": 0,
            "min_free_space_gb": 0,
        }
        self._secrets = (client.secrets if client else {}) | dict(secrets)
        self._settings |= (client.settings if client else {}) | settings
        self._running: list[subprocess.Popen[str]] = []
        self.data.mkdir(mode=0o700)
        self.films.mkdir()
        self.write_settings()

    def write_settings(self, **changes: Any) -> None:
        """Write config.json, with some settings changed."""
        self._settings |= changes
        (self.data / "config.json").write_text(json.dumps(self._settings))

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the program runs in."""
        return {
            **os.environ,
            "MOVIE_SYNC_FILELIST_USERNAME": TRACKER_USER,
            "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY,
            "MOVIE_SYNC_KEY_FILE": str(self._folder / "key" / "credentials.key"),
            **self._secrets,
        }

    def run(
        self,
        *arguments: str,
        without: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
        seconds: float = 60,
        **more: str,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; `more` are further environment variables."""
        environment = {name: value for name, value in self.environment.items() if name not in without} | more
        return subprocess.run(
            [*program, "--data-dir", str(self.data), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )

    def start(
        self,
        *arguments: str,
        without: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
        output: int | None = None,
    ) -> "Running":
        """Start the daemon; `output` is a descriptor for stdout and stderr, its log then tells what it says."""
        environment = {name: value for name, value in self.environment.items() if name not in without}
        log = self._folder / f"output-{len(self._running)}.txt"
        with log.open("w") as file:
            process = subprocess.Popen(
                [*program, "--data-dir", str(self.data), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file if output is None else output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._running.append(process)
        return Running(process, log if output is None else self.data / "movie_sync.log")

    def queue(self, name: str) -> list[dict[str, Any]]:
        """Read a queue file as it is now."""
        path = self.data / f"queue_{name}.json"
        entries: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return entries

    def titles(self, name: str) -> list[str]:
        """Return the titles in a queue, in order."""
        return [entry["title"] for entry in self.queue(name)]

    def statistics(self) -> dict[str, int]:
        """Return the numbers that `status --json` tells."""
        answer = self.run("status", "--json")
        numbers: dict[str, int] = json.loads(answer.stdout)["statistics"]
        return numbers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()


class Running:
    """A daemon that was started."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def output(self) -> str:
        """What it has written so far, to stdout and stderr."""
        return self._log.read_text()

    def wait_for(self, words: str, seconds: float = LONG_SECONDS) -> None:
        """Return once its output holds the words; fail if it ends without."""

        def is_said() -> bool:
            return words in self.output or self.process.poll() is not None

        wait_until(is_said, seconds)
        assert words in self.output, self.output

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 15.0) -> int:
        """Wait for its end; return its exit code."""
        return self.process.wait(seconds)

    def stop(self) -> int:
        """Stop it as Ctrl+C does; return its exit code."""
        self.interrupt()
        return self.wait()


def cost_of(pid: int | str) -> dict[str, int]:
    """Return what a process takes (Linux): VmHWM and VmRSS in 1,024 bytes, and its Threads."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if line.strip())
    return {name: int(fields[name].split()[0]) for name in ("VmHWM", "VmRSS", "Threads")}
