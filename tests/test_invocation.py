"""The commands that are shown: as short as they can be typed where they are read, and whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from movie_sync import invocation
from movie_sync.invocation import command_line


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let it be started by whole paths from a home folder."""
    (tmp_path / "my home" / "ms").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "my home"))
    monkeypatch.setattr(sys, "orig_argv", [str(tmp_path / "my home" / "venv" / "bin" / "python"), "-X", "x"])
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "my home" / "ms" / "main.py")])
    monkeypatch.chdir(tmp_path)


def test_paths_are_as_short_as_they_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Within this folder they are relative to it, within the home folder to that, and else whole."""
    home = tmp_path / "my home"
    invocation.name_folder(tmp_path / "data")
    assert command_line("add", "a b") == "~/venv/bin/python ~/ms/main.py --data-dir ./data add 'a b'"
    monkeypatch.chdir(home / "ms")
    assert command_line() == f"~/venv/bin/python ./main.py --data-dir {tmp_path / 'data'}"
    invocation.name_folder(Path.cwd())
    assert command_line().endswith(" --data-dir .")
    invocation.name_folder(home / "a b")
    assert command_line().endswith(" --data-dir ~/'a b'")


@pytest.mark.parametrize("folder", ["data", "a b", "-x", "it's $HOME", "~", "back`tick"])
def test_a_shell_takes_them_for_what_they_are(tmp_path: Path, folder: str) -> None:
    """Whatever a folder is called, here or in the home folder."""
    for parent in (tmp_path, tmp_path / "my home"):
        invocation.name_folder(parent / folder)
        words = command_line("add", "Heat (1995)")
        done = subprocess.run(
            ["/bin/sh", "-c", f"for word in {words}; do printf '%s\\n' \"$word\"; done"],
            capture_output=True,
            text=True,
            check=True,
        )
        python, script, option, data, command, film = done.stdout.splitlines()
        assert (option, command, film) == ("--data-dir", "add", "Heat (1995)")
        assert (tmp_path / data).absolute() == parent / folder
        assert Path(python) == tmp_path / "my home/venv/bin/python" or Path(python).name == "python"
        assert Path(script).name == "main.py"


def test_what_a_daemon_says_is_read_elsewhere(tmp_path: Path) -> None:
    """Its paths do not begin in the folder that it was started in."""
    invocation.name_folder(tmp_path / "data", is_read_here=False)
    assert command_line() == f"~/venv/bin/python ~/ms/main.py --data-dir {tmp_path / 'data'}"


def test_a_folder_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then nothing is relative to it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    invocation.name_folder(Path("/srv/data"))
    assert command_line() == "~/venv/bin/python ~/ms/main.py --data-dir /srv/data"
