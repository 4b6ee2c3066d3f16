"""While config.json cannot be relied on no film passes; one that changes is taken up whole or not at all."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from house.fakes import FakeClock

from movie_sync.commands.context import Context, Options
from movie_sync.commands.settings_gate import SettingsGate
from movie_sync.domain.redaction import Redactor

GOOD = {"username": "maria", "max_unfinished": 2}


class Door:
    """A gate before a real settings file."""

    def __init__(
        self,
        folder: Path,
        content: object,
        *,
        once: bool = False,
        overrides: Mapping[str, object] = MappingProxyType({}),
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        data = folder / "data"
        data.mkdir()
        self.path, self.clock = data / "config.json", FakeClock()
        self.write(content)
        loaded = Context.load(data, Options(), overrides, Redactor())
        own = {"HOME": str(folder / "home"), **environ}
        context = replace(loaded, clock=self.clock, environ=own).reloaded()
        self.gate = SettingsGate(context, once=once)

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
    assert door.gate.next is None
    door.write(GOOD | {"retry_interval": "oops"})  # where defaults stand in for much, they do for this too
    assert door.why  # what was built with the old settings hands nothing over
    assert door.gate.next is not None
    assert door.gate.take_up().config["max_unfinished"] == 2
    assert (door.why, door.gate.next) == ("", None)


def test_broken_while_it_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A sound file that breaks holds films back too, and is named once; the client in use stays the user's."""
    door = Door(tmp_path, GOOD)
    assert door.why == ""
    door.write('{"username": ')
    assert door.why
    assert door.why
    assert door.gate.client_is_known
    assert door.gate.next is None
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    door.write(GOOD)
    assert door.why == "", "it is as it was, so nothing is built anew"
    assert door.gate.next is None


def test_a_sound_change_is_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whole: films wait until all is built from it; what changed is said, as is what has no effect."""
    caplog.set_level("INFO")
    door = Door(tmp_path, GOOD, overrides={"check_interval": 90})
    changed = GOOD | {"check_interval": 120, "quality": {"preset": "small"}, "kolor": 1}
    door.write(changed)
    assert door.why
    assert door.gate.next is not None
    assert "applying check_interval, quality, kolor" in caplog.text
    assert "check_interval in config.json has no effect: the command line overrides it" in caplog.text
    config = door.gate.take_up().config
    assert (config["check_interval"], config["quality"]["preset"]) == (90, "small")
    assert '"kolor" is unknown' in caplog.text
    assert door.why == ""
    door.path.unlink()
    assert (door.why, door.gate.next) == ("", None), "no file is nobody's wish"
    door.write(changed)
    assert (door.why, door.gate.next) == ("", None)


@pytest.mark.parametrize("change", [{"retry_interval": "soon"}, {"username": ""}, {"max_retries": -1}])
def test_an_unusable_file_is_not_taken_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, object]
) -> None:
    """Not even what of it is usable: it is named once, and the settings in force stay."""
    door = Door(tmp_path, GOOD)
    door.write(GOOD | {"max_unfinished": 9} | change)
    for _ in range(3):
        assert (door.why, door.gate.next) == ("", None)
    assert caplog.text.count("stay in force") == 1
    assert "stay in force" in door.gate.trouble
    door.write(GOOD)
    assert (door.why, door.gate.trouble) == ("", "")
    door.write(GOOD | {"max_unfinished": 9})
    assert door.why
    assert door.gate.take_up().config["max_unfinished"] == 9


def test_a_single_run_keeps_its_settings(tmp_path: Path) -> None:
    """It changes nothing in its midst, but hands nothing over either while the file cannot be read."""
    door = Door(tmp_path, GOOD, once=True)
    door.write(GOOD | {"max_unfinished": 9})
    assert (door.why, door.gate.next) == ("", None)
    door.write("{")
    assert door.why
    door.write(GOOD)
    assert door.why == ""


def test_a_file_that_is_gone_is_not_corrected(tmp_path: Path) -> None:
    """Between two files of an editor there is none: its defaults are nobody's wish."""
    door = Door(tmp_path, {"username": "maria", "max_unfinished": "two"})
    door.path.unlink()
    assert "is gone" in door.why
    door.write({"max_unfinished": 2})
    assert "doesn't name a list" in door.why
    assert door.gate.next is None
    door.write(GOOD)
    door.gate.held_back()
    assert door.gate.next is not None


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
