"""A `config.json` that changes while the daemon runs, and what is built anew from it each time."""

import gc
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household, cost_of
from house.waiting import wait_until

from movie_sync.commands.context import Context, Options
from movie_sync.commands.daemon import Run
from movie_sync.commands.settings_gate import SettingsGate
from movie_sync.daemon.app import Crew
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import StorageError


def _write(folder: Path, content: object) -> None:
    new = folder / "new"
    new.write_text(content if isinstance(content, str) else json.dumps(content))
    new.replace(folder / "config.json")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with settings."""
    monkeypatch.setenv("MOVIE_SYNC_KEY_FILE", str(tmp_path / "key"))
    folder = tmp_path / "data"
    folder.mkdir()
    _write(folder, {"username": "maria", "qbittorrent": {"enabled": False}})
    return folder


@pytest.fixture
def run(folder: Path) -> Run:
    """What a daemon is built of."""
    context = Context.load(folder, Options(), {}, Redactor())
    return Run(context, SettingsGate(context), lambda: None)


def _change(run: Run, **changes: Any) -> None:
    path = run.gate.context.paths.config
    _write(path.parent, json.loads(path.read_text()) | changes)
    run.gate.look()


def test_what_goes_on(run: Run) -> None:
    """Queues, what is known of films and torrents, and when the list was read, outlive a change."""
    first = run.crew(run.gate.context)
    first.monitor.readings[0].last.at = run.gate.context.clock.monotonic()
    assert run.next_crew() is None
    _change(run, retry_interval=60, check_interval=7200)
    assert first.download.held_back()
    second = run.next_crew()
    assert second is not None
    assert second.download.results.policy.interval_seconds == 60
    assert second.monitor.readings[0].interval_seconds == 7200
    assert second.download.queue_manager is first.download.queue_manager
    assert second.monitor.readings[0].intake is not first.monitor.readings[0].intake
    rest = second.monitor.step()
    assert 7000 < rest.seconds <= 7200, "the same list is not read again before it is due"
    _change(run, username="anna")
    third = run.next_crew()
    assert third is not None
    assert third.monitor.readings[0].last.at != first.monitor.readings[0].last.at, (
        "another list is read at once"
    )


class _Unlucky(Run):
    """Cannot be built with some settings."""

    def crew(self, context: Context) -> Crew:
        """Raise what a part may that cannot be built."""
        if context.config["max_retries"] == 7:
            raise StorageError("the disk is full.")
        return super().crew(context)


def test_what_cannot_be_built(folder: Path) -> None:
    """If nothing can be made of the changed settings, those before stay in force, which is said."""
    context = Context.load(folder, Options(), {}, Redactor())
    run = _Unlucky(context, SettingsGate(context), lambda: None)
    _change(run, max_retries=7)
    crew = run.next_crew()
    assert crew is not None
    assert crew.download.results.policy.max_retries == 5
    assert run.gate.trouble.endswith("the current settings stay in force: the disk is full")
    assert (run.gate.held_back(), run.next_crew()) == ("", None)
    _change(run, max_retries=8)
    assert run.next_crew() is not None
    assert run.gate.trouble == ""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process takes")
def test_fifty_changes_take_no_memory(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """All that was built before is let go."""
    caplog.set_level(logging.ERROR)
    run.crew(run.gate.context)
    resident = []
    for number in range(60):
        _change(run, max_retries=number)
        assert run.next_crew() is not None
        if number in {9, 59}:
            gc.collect()
            resident.append(cost_of("self")["VmRSS"])
    assert resident[1] - resident[0] < 1000


@pytest.mark.waits
def test_the_real_daemon(tmp_path: Path) -> None:
    """What changes is applied, what is broken holds films back and is named, no secret goes elsewhere."""
    with (
        LetterboxdStandIn(username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as tracker,
        FileListStandIn(users={TRACKER_USER: PASSKEY}) as other,
        Household(tmp_path, letterboxd, tracker) as home,
    ):
        settings = json.loads((home.data / "config.json").read_text())
        films = [stand_in_film(number) for number in range(2)]
        tracker.releases = [stand_in_release(film, number) for number, film in enumerate(films)]
        daemon = home.start()
        daemon.wait_for("Watchlist read: 0 films")
        read = len(letterboxd.requests)
        settings |= {"check_interval": 7200, "quality": {"max_size_gb": 0.001}}
        _write(home.data, settings)
        daemon.wait_for("config.json has changed; applying check_interval, quality.")
        letterboxd.films = films[:1]
        assert len(letterboxd.requests) == read
        assert home.run("sync").returncode == 0
        daemon.wait_for("no suitable release")
        _write(home.data, json.dumps(settings)[:-2])
        daemon.wait_for("Downloads are paused until config.json is fixed")
        assert "config.json" in home.run("queue").stderr
        assert "Downloads are paused" in home.run("status").stdout
        settings |= {"quality": {}, "filelist": {"base_url": other.url, "calls_per_hour": 9000}}
        _write(home.data, settings)
        daemon.wait_for("applying filelist.base_url, filelist.calls_per_hour, quality.max_size_gb.")
        daemon.wait_for("The credentials for FileList were entered for")
        wait_until(lambda: "aren't sent to" in home.run("status").stdout.partition("Needs you")[2])
        settings["filelist"] = {"base_url": tracker.url}
        _write(home.data, settings)
        letterboxd.films = films
        home.run("sync")
        wait_until(lambda: home.titles("completed") == [films[1].title])
        assert other.requests == []
        if Path("/proc").exists():
            assert cost_of(daemon.process.pid)["Threads"] == 3
        assert daemon.stop() == 0
