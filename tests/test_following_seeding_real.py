"""Finished torrents in real clients that lose their files or their tracker: noticed within a day, told once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from house.elsewhere import THEIR_FOLDER, ElsewhereQBittorrent, require_mounts
from house.fakes import FakeClock
from house.films import film, on_filelist
from house.real_program import RealProgram
from house.torrent_clients import make_torrent, qbittorrent_client, transmission_client, wait_until_held
from house.town import CLIENTS
from house.waiting import wait_until
from stand_ins.tracker import Tracker

from movie_sync.domain.events import Event, NotSeeding
from movie_sync.domain.models import Choice
from movie_sync.domain.seeding import SeedingRule, SeedingTrouble
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.fetching.client_files import ClientFiles
from movie_sync.following.seeding import SeedingWatch
from movie_sync.ports import FollowedClient
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Stage, TorrentProgress

pytestmark = [pytest.mark.timeout(300), pytest.mark.waits]
_CLIENTS: dict[str, Callable[..., FollowedClient]] = {
    "elsewhere": qbittorrent_client,
    "qbittorrent": qbittorrent_client,
    "transmission": transmission_client,
}
_LONG = pytest.mark.long
_HOUR = 3600.0


class Watched:
    """The watch over what is in the queues, started anew at will; its clock is the test's."""

    def __init__(self, folder: Path, client: FollowedClient, files: ClientFiles) -> None:
        self._folder, self._client, self._files = folder, client, files
        self.clock = FakeClock()
        self.told: list[Event] = []
        self.begin()

    def begin(self) -> None:
        """Start, or start anew."""
        self.queues = QueueManager(self._folder, clock=self.clock)
        rules = {"filelist": SeedingRule(1.0, 48 * _HOUR)}
        self.watch = SeedingWatch(self.queues, rules, self.clock, self.told.append, files=self._files)

    def a_day(self) -> None:
        """Let a day pass, an hour at a time."""
        for _ in range(24):
            self.clock.advance(_HOUR)
            if self.watch.seconds_to_next() == 0:
                self.watch.work(self._client)

    def troubles(self) -> list[tuple[str, SeedingTrouble]]:
        """Return what was told."""
        return [(each.info_hash, each.trouble) for each in self.told if isinstance(each, NotSeeding)]


@pytest.mark.parametrize("kind", ["elsewhere", *(pytest.param(kind, marks=_LONG) for kind in CLIENTS)])
def test_lost_files_and_a_tracker_that_refuses(tmp_path: Path, kind: str) -> None:
    """Of three that seed, the files of one are deleted, and the tracker refuses another one after the end."""
    build, require = CLIENTS.get(kind, (ElsewhereQBittorrent, require_mounts))
    command = require()
    for name in ("client", "data"):
        (tmp_path / name).mkdir()
    with Tracker() as tracker, build(tmp_path / "client", command) as running:
        program: RealProgram = running
        client = _CLIENTS[kind](running)
        theirs = THEIR_FOLDER if kind == "elsewhere" else str(program.downloads)
        watched = Watched(tmp_path / "data", client, ClientFiles([(theirs, str(program.downloads))]))
        torrents = [make_torrent(content=bytes([n]) * 9999, announce=tracker.announce_url) for n in (1, 2, 3)]
        for number, torrent in enumerate(torrents):
            place = program.downloads / torrent.name
            place.write_bytes(bytes([number + 1]) * 9999)
            assert client.hand_over(torrent)
            wait_until_held(
                client, torrent, lambda held: held.phase is TorrentPhase.WHOLE and held.has_tracker
            )
            watched.queues.add_to_pending(film(number))
            choice = Choice(torrent.name, on_filelist(number + 1), torrent.info_hash)
            done = TorrentProgress(
                Stage.DOWNLOADED, watched.clock.now(), 1.0, path=f"{theirs}/{torrent.name}"
            )
            watched.queues.add_to_completed(film(number), choice=choice, follow=done)
        deleted, refused, _ = (torrent.info_hash for torrent in torrents)
        watched.a_day()
        assert watched.told == []
        (program.downloads / torrents[0].name).unlink()
        tracker.refused[refused] = "unregistered torrent"

        running.announce_again(refused)
        wait_until(lambda: client.refusal(refused) is not None)
        watched.a_day()
        assert sorted(watched.troubles()) == sorted(
            [(deleted, SeedingTrouble.FILES_MISSING), (refused, SeedingTrouble.REFUSED)]
        )
        words = {each.info_hash: each.why for each in watched.told if isinstance(each, NotSeeding)}
        assert words[refused] == "the tracker refuses it (unregistered torrent)"
        assert str(program.downloads / torrents[0].name) in words[deleted]
        watched.begin()
        watched.a_day()
        program.stop()
        program.start()
        for torrent in torrents:
            wait_until(lambda info_hash=torrent.info_hash: bool(client.states([info_hash])))
        watched.begin()
        watched.a_day()
        assert len(watched.told) == 2
        assert len(client.states([torrent.info_hash for torrent in torrents])) == 3, "nothing is deleted"
