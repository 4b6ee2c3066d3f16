"""The real program as a user runs it: its own process, its own data folder, stand-ins for the sites."""

import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from house.real_qbittorrent import RealQBittorrent
from house.real_transmission import RealTransmission
from house.starts import STARTS, Forked
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
        self._running: list[subprocess.Popen[str] | Forked] = []
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
        fresh: bool = False,
        **more: str,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; `more` are further environment variables.

        `fresh` starts Python anew, for what a fork cannot show: see `starts`.
        """
        environment = {name: value for name, value in self.environment.items() if name not in without} | more
        command = [*program, "--data-dir", str(self.data), *arguments]
        if not fresh and STARTS.is_possible(program, environment):
            return _run_forked(command, environment, seconds)
        return subprocess.run(
            command,
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
        fresh: bool = False,
    ) -> "Running":
        """Start the daemon; `output` is a descriptor for stdout and stderr, its log then tells what it says.

        `fresh` as in `run`.
        """
        environment = {name: value for name, value in self.environment.items() if name not in without}
        log = self._folder / f"output-{len(self._running)}.txt"
        command = [*program, "--data-dir", str(self.data), *arguments]
        process: subprocess.Popen[str] | Forked
        with log.open("w") as file, Path(os.devnull).open() as nothing:
            said = file.fileno() if output is None else output
            if not fresh and STARTS.is_possible(program, environment):
                process = STARTS.fork(command[1:], environment, (nothing.fileno(), said, said))
            else:
                process = subprocess.Popen(
                    command, env=environment, stdin=nothing, stdout=said, stderr=subprocess.STDOUT, text=True
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

    def __init__(self, process: "subprocess.Popen[str] | Forked", log: Path) -> None:
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


def _run_forked(
    command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> "subprocess.CompletedProcess[str]":
    ends = time.monotonic() + seconds
    (out, out_end), (errors, errors_end) = os.pipe(), os.pipe()
    with Path(os.devnull).open() as nothing:
        process = STARTS.fork(command[1:], environment, (nothing.fileno(), out_end, errors_end))
    os.close(out_end)
    os.close(errors_end)
    said: dict[int, list[bytes]] = {out: [], errors: []}
    try:
        is_open = list(said)
        while is_open:
            ready = select.select(is_open, [], [], max(ends - time.monotonic(), 0))[0]
            if not ready:
                raise subprocess.TimeoutExpired(command, seconds)
            for descriptor in ready:
                said[descriptor].append(os.read(descriptor, 1 << 16))
                if not said[descriptor][-1]:
                    is_open.remove(descriptor)
        code = process.wait(max(ends - time.monotonic(), 0))
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        os.close(out)
        os.close(errors)
    texts = [io.TextIOWrapper(io.BytesIO(b"".join(said[each]))).read() for each in (out, errors)]
    return subprocess.CompletedProcess(list(command), code, *texts)


def cost_of(pid: int | str) -> dict[str, int]:
    """Return what a process takes (Linux): VmHWM and VmRSS in 1,024 bytes, and its Threads."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    fields = dict(line.split(":", 1) for line in lines if line.strip())
    return {name: int(fields[name].split()[0]) for name in ("VmHWM", "VmRSS", "Threads")}
