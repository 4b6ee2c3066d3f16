"""While config.json cannot be relied on no film passes; once it is corrected all begins anew with it."""

import json
from pathlib import Path

import pytest

from movie_sync.commands.context import Context, Options
from movie_sync.commands.daemon import SettingsGate
from movie_sync.domain.redaction import Redactor

GOOD = {"username": "maria", "max_unfinished": 2}


class Door:
    """A gate before a real settings file."""

    def __init__(self, folder: Path, content: object) -> None:
        self.path = folder / "config.json"
        self.write(content)
        self.gate = SettingsGate(Context.load(folder, Options(), {}, Redactor()))
        self.stop = self.gate.stop

    def write(self, content: object) -> None:
        """Replace the file as an editor does; a text is written as it is."""
        new = self.path.with_name("new")
        new.write_text(content if isinstance(content, str) else json.dumps(content))
        new.replace(self.path)

    @property
    def why(self) -> str:
        """Why no film passes now."""
        return self.gate.held_back()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MOVIE_SYNC_USERNAME", "MOVIE_SYNC_CHECK_INTERVAL"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("content", [GOOD | {"library_directories": "oops"}, '{"username": "maria", "qua'])
def test_corrected_while_it_runs(tmp_path: Path, content: object) -> None:
    """It holds until the file is corrected, then tells that all is to be built anew from the corrected file."""
    door = Door(tmp_path, content)
    assert "line 1" in door.why
    assert not door.stop.is_set()
    door.write(GOOD)
    assert door.why  # what was built with the old settings hands nothing over
    assert door.stop.is_set()
    assert door.gate.corrected is not None
    assert door.gate.corrected.config["max_unfinished"] == 2


def test_broken_while_it_runs(tmp_path: Path) -> None:
    """A sound file that breaks holds films back too; the client in use stays the user's."""
    door = Door(tmp_path, GOOD)
    assert door.why == ""
    door.write('{"username": ')
    assert door.why
    assert door.gate.client_is_known
    assert not door.stop.is_set()
    door.write(GOOD)
    door.gate.held_back()
    assert door.gate.corrected is not None


def test_a_sound_change_waits_for_the_next_start(tmp_path: Path) -> None:
    """From sound settings to sound ones, or to none, nothing is stopped."""
    door = Door(tmp_path, GOOD)
    door.write({"username": "anna"})
    assert door.why == ""
    door.path.unlink()
    assert door.why == ""
    assert not door.stop.is_set()


def test_a_file_that_is_gone_is_not_corrected(tmp_path: Path) -> None:
    """Between two files of an editor there is none: its defaults are nobody's wish."""
    door = Door(tmp_path, {"username": "maria", "max_unfinished": "two"})
    door.path.unlink()
    assert "is gone" in door.why
    door.write({"max_unfinished": 2})
    assert "names no watchlist" in door.why
    assert not door.stop.is_set()
    door.write(GOOD)
    door.gate.held_back()
    assert door.stop.is_set()


@pytest.mark.parametrize(
    ("content", "is_known"),
    [
        ({"qbittorrent": {"url": 5}}, False),
        ({"qbitorrent": {"url": "http://nas.local:8080"}}, False),
        ("{", False),
        ({"library_directories": 5}, True),
    ],
)
def test_the_client_of_defaults_is_not_the_users(tmp_path: Path, content: object, *, is_known: bool) -> None:
    """Where the client cannot be read, the default one is not asked how far the torrents are."""
    door = Door(tmp_path, content)
    assert door.why
    assert door.gate.client_is_known is is_known
