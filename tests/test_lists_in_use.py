"""Several lists as the program builds them from config.json, between stand-ins for the sites."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from house.commands import write
from house.fakes import FakeClock
from house.program import PASSKEY, TRACKER_USER, Household
from house.waiting import wait_until

from movie_sync.commands.building import Services
from movie_sync.commands.check import look_at_everything
from movie_sync.commands.context import Context, Options
from movie_sync.commands.kept import Kept
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import Fault, LetterboxdStandIn, StandInFilm
from movie_sync.domain.models import QueueName
from movie_sync.domain.redaction import Redactor
from movie_sync.queues.manager import QueueManager

_HOUR = 3600.0
_ANNA, _BEN = {"watchlist": "anna"}, {"watchlist": "Ben", "name": "Ben", "preset": "small"}


def wished(number: int) -> StandInFilm:
    """Return a film of the site."""
    return StandInFilm(f"W{number}", f"wished-{number}", f"Wished {number}", 2000 + number)


class House:
    """A data folder whose lists are read by what the program builds, a step at a time."""

    def __init__(self, data: Path, site: LetterboxdStandIn) -> None:
        self.data, self.site = data, site
        self.clock, self.kept = FakeClock(), Kept()
        self.queues = QueueManager(data, clock=self.clock)

    def context(self, *lists: object) -> Context:
        """Return the surroundings with these lists in the settings."""
        letterboxd = {"base_url": self.site.url, "request_delay": 0}
        content = {"lists": lists, "letterboxd": letterboxd, "client": "watch_folder"}
        write(self.data / "config.json", content)
        return replace(Context.load(self.data, Options(), {}, Redactor()), clock=self.clock)

    def monitor(self, *lists: object) -> MonitorWorker:
        """Return what reads these lists."""
        services = Services(self.context(*lists), stop=threading.Event(), kept=self.kept)
        intakes = services.intakes(self.queues)
        return services.monitor_worker(intakes, lambda _event: None, on_read=lambda: None)

    def overridden(self, content: str, overrides: dict[str, object]) -> MonitorWorker:
        """Return what reads the lists where this stands in the file and is given besides it."""
        (self.data / "config.json").write_text(content)
        at_site: dict[str, object] = {"letterboxd": {"base_url": self.site.url, "request_delay": 0}}
        context = Context.load(self.data, Options(), overrides | at_site, Redactor())
        services = Services(replace(context, clock=self.clock), stop=threading.Event(), kept=self.kept)
        return services.monitor_worker(
            services.intakes(self.queues), lambda _event: None, on_read=lambda: None
        )

    def pass_hours(self, monitor: MonitorWorker, hours: float) -> None:
        """Let the monitor do what is due meanwhile."""
        ends_at = self.clock.monotonic() + hours * _HOUR
        while self.clock.monotonic() < ends_at:
            pause = monitor.step()
            if pause:
                self.clock.advance(min(pause.seconds, ends_at - self.clock.monotonic()))

    def pending(self) -> list[str]:
        """Return which films wait."""
        return sorted(entry.movie.id for entry in self.queues.entries(QueueName.PENDING))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two users, one of whom has two pages of films."""
    with LetterboxdStandIn([wished(1), wished(2)], username="anna") as site:
        site.watchlists["ben"] = [wished(number) for number in range(2, 42)]
        yield House(tmp_path, site)


def test_a_check_asks_for_the_pages_of_the_lists_and_no_more(house: House) -> None:
    """One page of the one, two of the other at its slower interval; a file costs nothing."""
    export = house.data / "watchlist.csv"
    export.write_text("Date,Name,Year,Letterboxd URI\n2026-01-01,Wished 1,2001,https://boxd.it/W1\n")
    monitor = house.monitor(_ANNA, {**_BEN, "interval": 4 * _HOUR}, {"export": str(export)})
    house.pass_hours(monitor, 11.5)
    paths = house.site.paths
    assert paths.count("/anna/watchlist/") == 12
    assert paths.count("/Ben/watchlist/") == paths.count("/Ben/watchlist/page/2/") == 3
    assert len(paths) == 18
    assert len(house.pending()) == 41


def test_lists_that_change_while_they_are_read(house: House) -> None:
    """What stays isn't read again at once; a list taken out leaves after two checks, but for others' films."""
    house.pass_hours(house.monitor(_ANNA, _BEN), 0.5)
    house.site.requests.clear()
    cora = {"watchlist": "cora", "limit": 1}
    house.site.watchlists["cora"] = [wished(50), wished(51)]
    monitor = house.monitor(cora, _ANNA)
    house.pass_hours(monitor, 0.1)
    assert house.site.paths == ["/cora/watchlist/"]
    assert "W50" in house.pending()
    assert len(house.pending()) == 42
    house.pass_hours(monitor, 1)
    assert house.pending() == ["W1", "W2", "W50"]


@pytest.mark.parametrize(
    ("content", "overrides"),
    [
        ("{", {"username": "cora"}),
        ('{"lists": [{"watchlst": "anna"}]}', {"username": "cora"}),
        ('{"lists": [{"watchlist": "ben"}]}', {"lists": [{"watchlist": "cora"}]}),
        ('{"username": "anna"}', {"lists": [{"watchlist": "cora"}]}),
    ],
)
def test_lists_that_are_not_named_for_now(house: House, content: str, overrides: dict[str, object]) -> None:
    """While the file can't be read, or the environment names others, no list counts as taken out."""
    house.pass_hours(house.monitor(_ANNA, _BEN), 0.5)
    house.site.watchlists["cora"] = [wished(50)]
    house.pass_hours(house.overridden(content, overrides), 3.5)
    assert "/cora/watchlist/" in house.site.paths
    assert len(set(house.pending()) - {"W50"}) == 41


def test_lists_that_only_the_environment_names(house: House) -> None:
    """Where the file names none, as in a container, a list taken out there leaves as it would from the file."""
    house.pass_hours(house.overridden("{}", {"lists": [_ANNA, _BEN]}), 0.5)
    assert len(house.pending()) == 41
    monitor = house.overridden("{}", {"lists": [_ANNA]})
    house.pass_hours(monitor, 0.9)
    assert len(house.pending()) == 41
    house.pass_hours(monitor, 1)
    assert house.pending() == ["W1", "W2"]


def test_check_tries_each_list(house: House) -> None:
    """Each by its name, with how many films are wanted of it, or why it can't be read."""
    lists = [_ANNA, {**_BEN, "limit": 5}, {"watchlist": "nobody"}]
    house.site.fault = lambda path: Fault.private() if "anna" in path else None
    found = {
        each.name: (each.outcome, each.words)
        for each in look_at_everything(house.context(*lists), threading.Event())
    }
    assert found["List Ben"] == ("ok", "40 films of Ben, 5 of them wanted")
    assert found["anna's Letterboxd watchlist"][0] == found["nobody's Letterboxd watchlist"][0] == "FAIL"


def test_the_running_program(tmp_path: Path) -> None:
    """A change of the lists is taken up, each film is handed over once, and status names what fails."""
    releases = [
        StandInRelease(10 * number + size, f"Wished.{number}.{2000 + number}.{name}.BluRay.x264-GRP", size_bytes=6_000_000_000 // (size + 1))
        for number in (1, 2, 3)
        for size, name in enumerate(("1080p", "720p"))
    ]  # fmt: skip
    with (
        LetterboxdStandIn([wished(1), wished(2)], username="anna") as site,
        FileListStandIn(releases, users={TRACKER_USER: PASSKEY}) as tracker,
        Household(tmp_path, site, tracker, username="", lists=[_ANNA], check_interval=1) as home,
    ):
        site.watchlists["ben"] = [wished(2), wished(3), wished(4)]
        daemon = home.start()
        wait_until(done(home, 2))
        home.write_settings(lists=[_BEN, _ANNA, {"watchlist": "nobody"}])
        wait_until(done(home, 3))
        wait_until(lambda: home.titles("failed") == ["Wished 4"])
        daemon.wait_for("Couldn't read nobody's Letterboxd watchlist")
        wait_until(lambda: "no user named nobody" in (home.data / "daemon.json").read_text())
        told = json.loads(home.run("status", "--json").stdout)["lists"]
        assert [each["list"] for each in told if not each["why"]] == ["Ben", "anna's Letterboxd watchlist"]
        home.write_settings(lists=[_ANNA])
        wait_until(lambda: home.titles("failed") == [])
        assert daemon.stop() == 0
        taken = {entry["title"]: entry["release"] for entry in home.queue("completed")}
    assert "720p" in taken["Wished 3"]
    assert "1080p" in taken["Wished 1"]
    assert len(list((home.data / "torrents").iterdir())) == 3


def done(home: Household, count: int) -> Callable[[], bool]:
    """Return what tells whether so many films were handed over."""
    return lambda: len(home.queue("completed")) == count
