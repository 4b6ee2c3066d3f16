"""The units for systemd: without a mistake, hardened, and the ones that the documents show."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from movie_sync.commands import autostart

ROOT = Path(__file__).resolve().parents[1]
SYSTEM_UNIT = ROOT / "docs" / "movie-sync.service"
SHOWN = re.compile(r"```ini\n(.*?)```", re.DOTALL)
MOST_EXPOSED = {"system": 20, "user": 80}
"""In tenths, of 10; for a user's own service the tool counts what only root may do."""


def analyze(folder: Path, kind: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Ask systemd itself; skip the test where it is not installed, but fail it under CI."""
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("no systemd-analyze on PATH")
        pytest.skip("no systemd-analyze on PATH")
    return subprocess.run(
        [program, f"--{kind}", *arguments],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["system", "user"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return whose unit it is."""
    name: str = request.param
    return name


@pytest.fixture
def unit(kind: str, tmp_path: Path) -> Path:
    """Write the unit as it is installed, with a program that is there."""
    command = f'"{sys.executable}" "main.py" "--plain"'
    text = autostart._TEXT.format(command=command, more="")
    if kind == "system":
        text = re.sub(r"^ExecStart=.*", f"ExecStart={command}", SYSTEM_UNIT.read_text(), flags=re.MULTILINE)
    path = tmp_path / "movie-sync.service"
    path.write_text(text)
    return path


def test_a_unit_has_no_mistake(unit: Path, kind: str, tmp_path: Path) -> None:
    """systemd knows each of its keys and understands each value."""
    answer = analyze(tmp_path, kind, "verify", "--recursive-errors=yes", str(unit))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_unit_is_hardened(unit: Path, kind: str, tmp_path: Path) -> None:
    """As systemd itself counts what a service may do."""
    limit = f"--threshold={MOST_EXPOSED[kind]}"
    answer = analyze(tmp_path, kind, "security", "--offline=true", "--no-pager", limit, str(unit))
    assert answer.returncode == 0, answer.stdout


def test_a_unit_says_how_it_is(unit: Path) -> None:
    """Each speaks systemd's protocol, and is not started again where that is of no use."""
    lines = unit.read_text().splitlines()
    assert {"Type=notify", "WatchdogSec=180", "RestartPreventExitStatus=2 3"} <= set(lines)


def test_the_documents_show_the_user_unit() -> None:
    """It is the one that `setup` writes."""
    (shown,) = SHOWN.findall((ROOT / "docs" / "running.md").read_text(encoding="utf-8"))
    command = "%h/movie-sync/.venv/bin/python %h/movie-sync/main.py --plain"
    assert shown == autostart._TEXT.format(command=command, more="")
