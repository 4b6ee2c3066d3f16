"""A real program that the tests run on loopback alone, with a folder that is thrown away."""

import abc
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from house.waiting import wait_until

_STOP_SECONDS = 15.0


def commands_of(program: str, variable: str) -> list[list[str]]:
    """Return the commands to test against: the one on PATH and those that the variable names, if any."""
    found = shutil.which(program)
    named = [shlex.split(command) for command in os.environ.get(variable, "").split(os.pathsep) if command]
    return ([[found]] if found else []) + named


def require(program: str, variable: str) -> list[str]:
    """Return the first command; skip the test where there is none, but fail it under CI."""
    commands = commands_of(program, variable)
    if commands:
        return commands[0]
    reason = f"no {program} on PATH or in {variable}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port on loopback that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RealProgram(abc.ABC):
    """One program and its folder `profile`; may be stopped and started again on the same ports."""

    def __init__(self, profile: Path, command: Sequence[str]) -> None:
        self.profile = profile
        self.downloads = profile / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has written to its log and its output so far."""
        files = [*self.profile.glob("logs/*"), self.profile / "output.txt"]
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def start(self) -> Self:
        """Start it and wait until it answers."""
        arguments, environment = self._start_with()
        with (self.profile / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command, *arguments],
                env={**os.environ, "HOME": str(self.profile), "LC_ALL": "C.UTF-8", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_up)
        return self

    def stop(self) -> None:
        """End it in good order, so that it saves what it knows."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _is_up(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            pytest.fail(f"{self._command[0]} ended at once:\n{self.log}")
        return self._is_answering()

    @abc.abstractmethod
    def _start_with(self) -> tuple[list[str], dict[str, str]]:
        """Return the arguments, and what its environment holds besides."""

    @abc.abstractmethod
    def _is_answering(self) -> bool:
        """Tell whether it answers."""
