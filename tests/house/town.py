"""All that a film needs on its way: the sites, a tracker, a real client, somebody who seeds, the program."""

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stand_ins.seeder import Seeder
from stand_ins.tracker import Tracker

from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household
from house.real_qbittorrent import RealQBittorrent, require_qbittorrent
from house.real_transmission import RealTransmission, require_transmission
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import LetterboxdStandIn

SMALL_SIZES = {"2160p": [0, 400], "1080p": [0, 400], "720p": [0, 400], "sd": [0, 400]}
_PATIENCE_SECONDS = 100.0
"""More than the longest pause of the daemon, a minute, on a slow machine."""

_NOTE_EVENT = """line=$(tr '\\n' ' '); printf '%s\\n' "$line" >> "$0" """


CLIENTS: dict[str, tuple[type[RealQBittorrent | RealTransmission], Callable[[], list[str]]]] = {
    "qbittorrent": (RealQBittorrent, require_qbittorrent),
    "transmission": (RealTransmission, require_transmission),
}


class Town:
    """All that there is: the sites, the tracker, the user's client, somebody who seeds, the program."""

    def __init__(
        self, stack: contextlib.ExitStack, folder: Path, *, kind: str, films: int, **settings: Any
    ) -> None:
        build, require = CLIENTS[kind]
        command = require()
        self.letterboxd = stack.enter_context(
            LetterboxdStandIn([stand_in_film(number) for number in range(films)], username="maria")
        )
        self.filelist = stack.enter_context(
            FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=1_000_000)
        )
        self.seeder = stack.enter_context(Seeder())
        self.swarm = stack.enter_context(Tracker(passkey=PASSKEY, seeder=self.seeder))
        self.filelist.announce = self.swarm.announce_url.replace(PASSKEY, "{passkey}")
        for name in ("client", "home"):
            (folder / name).mkdir(exist_ok=True)
        self._told = folder / "told.txt"
        self.on_event = ["sh", "-c", _NOTE_EVENT, str(self._told)]
        self.client = stack.enter_context(build(folder / "client", command))
        self.home = stack.enter_context(
            Household(
                folder / "home", self.letterboxd, self.filelist, client=self.client,
                **{"check_interval": 2, "on_event": self.on_event, "quality": {"size_mb_per_minute": SMALL_SIZES}} | settings,
            )
        )  # fmt: skip

    def offer(self, *releases: StandInRelease) -> None:
        """Put releases on the tracker, without anybody who seeds them."""
        self.filelist.releases.extend(releases)

    def seed(self, *releases: StandInRelease) -> None:
        """Let releases be seeded."""
        for release in releases:
            self.seeder.offer(self.filelist.torrent_for(release, PASSKEY), release.content or b"")

    def completed(self) -> dict[str, dict[str, Any]]:
        """Return the completed entries by title."""
        return {entry["title"]: entry for entry in self.home.queue("completed")}

    def told(self) -> list[dict[str, Any]]:
        """Return the events that the user's command was given."""
        lines = self._told.read_text().splitlines() if self._told.exists() else []
        return [json.loads(line) for line in lines]

    def stages(self) -> list[str]:
        """Return the stages of the completed films."""
        return [entry.get("stage", "") for entry in self.home.queue("completed")]

    def kinds_told(self) -> Counter[str]:
        """Return how many events of each kind the user's command was given."""
        return Counter(event["kind"] for event in self.told())

    def state(self) -> dict[str, object]:
        """Return how far everything is, to see what changes and to say what is missing."""
        queues = {
            name: [
                (entry["title"], entry.get("stage"), entry.get("error")) for entry in self.home.queue(name)
            ]
            for name in ("pending", "failed", "completed")
        }
        return queues | {"told": len(self.told())}

    def meanwhile(
        self, is_done: Callable[[], bool], chores: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        """Do chores (given the seconds so far) until it is done; fail once nothing has changed for long.

        There is no limit to the whole, which a slow machine would break.
        """
        begun = changed_at = time.monotonic()
        before, pause = self.state(), threading.Event()
        while not is_done():
            now, state = time.monotonic(), self.state()
            if state != before:
                before, changed_at = state, now
            if now - changed_at > _PATIENCE_SECONDS:
                log = (self.home.data / "movie_sync.log").read_text(encoding="utf-8")
                pytest.fail(
                    f"nothing has changed for {_PATIENCE_SECONDS:g} s: {state}\n"
                    f"in the client: {self.client.described()}\n{log[-4000:]}"
                )
            chores(now - begun)
            pause.wait(0.1)


def seedable(number: int, source: str = "BluRay") -> StandInRelease:
    """Return a release that can be downloaded; the second one of a film has a number of its own."""
    more = {"id": 200 + number} if source != "BluRay" else {}
    return stand_in_release(number, source, content=os.urandom(150_000), **more)


@pytest.fixture
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Town]:
    """A town with the settings that the test names."""
    with contextlib.ExitStack() as stack:
        yield Town(stack, tmp_path, **request.param)


def towns(*kinds: str, long: str = "", **settings: object) -> pytest.MarkDecorator:
    """Let a test have a town with each of these clients.

    The client that is named as `long` is left to the long form: Transmission looks only every ten seconds
    from whom it wants anything, and qBittorrent only every thirty how much room there is.
    """
    params = [
        pytest.param({"kind": kind, **settings}, id=kind, marks=pytest.mark.long if kind == long else ())
        for kind in kinds
    ]
    return pytest.mark.parametrize("town", params, indirect=True)
