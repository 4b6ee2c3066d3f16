"""What happens again is told again; what a crash repeats is not: the event's id tells them apart."""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from house.films import film, hash_of, release_of
from house.workers import POLICY, Bench

from movie_sync.domain.events import Event
from movie_sync.domain.models import HeldTorrent, QueueName, Reason
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import ReleaseError, StorageError
from movie_sync.following.follower import FollowPolicy
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.wording import worded
from movie_sync.queues.manager import QueueManager

KEY = film(1)
HASH = hash_of(101)


class Crash(BaseException):
    """The process ends here."""


class Heard:
    """A film and what a user hears of it."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.heard: list[str] = []
        self.crashes = False
        self.bench.tell = self.hear
        self.bench.follow(FollowPolicy(3600.0))
        self.queues.add_all_to_pending([KEY])

    @property
    def queues(self) -> QueueManager:
        """The queues as they are now."""
        return self.bench.queues

    def hear(self, event: Event) -> None:
        """Take an event as the announcer does: through an outbox, which drops what it knows."""
        outbox = EventOutbox(self.bench.folder / "events.json", self.bench.clock, keep=["command"])
        outbox.put(worded(event, str), ["command"])
        for waiting in list(outbox.waiting("command")):
            self.heard.append(str(waiting.kind))
            outbox.done("command", [waiting.id])
        if self.crashes:
            self.crashes = False
            raise Crash

    def offer(self) -> None:
        """Put a release on the tracker."""
        self.bench.tracker.offer(KEY.imdb_id or "", release_of(KEY, 101))

    def arrive(self) -> None:
        """Let the client have the torrent whole."""
        self.bench.client.held[HASH] = HeldTorrent(
            HASH, "Torrent", 1.0, TorrentPhase.WHOLE, content_path="/films/x", bytes_left=0
        )

    def work(self, seconds: float = 60.0) -> list[str]:
        """Work for a while; return what was heard meanwhile. After a crash it starts anew."""
        self.heard.clear()
        self.bench.clock.advance(seconds)
        for _ in range(50):
            try:
                if self.bench.worker.step() is not None:
                    break
            except Crash:
                self.bench.start()
        return list(self.heard)


@pytest.fixture
def scene(tmp_path: Path) -> Heard:
    """A film that was asked for."""
    return Heard(tmp_path)


def _ask_again_by_command(scene: Heard) -> None:
    scene.queues.add_by_command([KEY])


def _list_again(scene: Heard) -> None:
    scene.queues.add_all_to_pending([KEY], again=True)


def _remove_and_add(scene: Heard) -> None:
    scene.queues.remove([KEY.slug])
    scene.queues.add_by_command([KEY])


def _move_by_hand(scene: Heard) -> None:
    (scene.bench.folder / "queue_completed.json").replace(scene.bench.folder / "queue_pending.json")
    for second in scene.bench.folder.glob("*.previous"):
        second.unlink()
    scene.bench.start()


@pytest.mark.parametrize("ask", [_ask_again_by_command, _list_again, _remove_and_add, _move_by_hand])
def test_a_film_asked_for_again_is_told_again(scene: Heard, ask: Callable[[Heard], None]) -> None:
    """The same torrent handed over and downloaded once more is news, for notices and media servers."""
    scene.offer()
    assert scene.work() == ["added"]
    scene.arrive()
    assert scene.work() == ["downloaded"]
    scene.bench.client.held.clear()
    scene.bench.clock.advance(60)
    ask(scene)
    assert scene.work() == ["added"]
    scene.arrive()
    assert scene.work() == ["downloaded"]
    scene.bench.start()
    assert scene.work(7200.0) == []


@pytest.mark.parametrize("kind", ["added", "downloaded", "replaced", "waiting", "failed"])
def test_a_crash_repeats_nothing(scene: Heard, kind: str) -> None:
    """After the event was told and before its cause was written down the process dies; it is heard once."""
    if kind == "waiting":
        scene.crashes = True
        assert scene.work() == ["waiting"]
        return
    if kind == "failed":
        scene.bench.policy = replace(POLICY, max_retries=1)
        scene.bench.start()
        scene.bench.tracker.offer(KEY.imdb_id or "", release_of(KEY, 101))
        scene.bench.tracker.broken[101] = ReleaseError("not this torrent")
        scene.crashes = True
        assert scene.work() == ["failed"]
        return
    scene.offer()
    scene.crashes = kind == "added"
    assert scene.work() == ["added"]
    if kind == "downloaded":
        scene.arrive()
        scene.crashes = True
        assert scene.work() == ["downloaded"]
    elif kind == "replaced":
        scene.bench.client.held[HASH] = HeldTorrent(
            HASH, "Torrent", 0.2, TorrentPhase.AWAITING_PEERS, has_tracker=True, bytes_left=9
        )
        scene.work()
        scene.crashes = True
        heard: list[str] = []
        for _ in range(80):
            heard += scene.work(120.0)
        assert heard.count("replaced") == 1
    assert not scene.crashes
    scene.bench.start()
    assert scene.work() == []


def test_a_film_that_is_retried_fails_anew(scene: Heard) -> None:
    """Each failure for good is told, however often the same number of attempts came before it."""
    scene.bench.policy = replace(POLICY, max_retries=1)
    scene.bench.start()
    assert scene.work() == ["waiting", "failed"]
    for _ in range(2):
        scene.bench.clock.advance(60)
        assert scene.queues.retry(None)
        assert scene.work() == ["failed"]
    _remove_and_add(scene)
    assert scene.work() == ["waiting", "failed"]


def test_fewer_attempts_than_were_made_is_a_failure_that_is_told(scene: Heard) -> None:
    """A lowered `max_retries` gives films up without another attempt: the user hears of it all the same."""
    scene.work()
    scene.bench.policy = replace(POLICY, max_retries=1)
    scene.bench.start()
    assert scene.work(3600.0) == ["failed"]


def test_asking_for_what_is_on_its_way_is_no_hand_over(scene: Heard) -> None:
    """It was announced when it was handed over, and is when it is whole."""
    scene.offer()
    assert scene.work() == ["added"]
    _ask_again_by_command(scene)
    assert scene.work() == []
    scene.arrive()
    assert scene.work() == ["downloaded"]


def test_a_disk_that_is_full_again_is_told_again(scene: Heard) -> None:
    """Once for as long as it is full, also across a restart; again when it was not in between."""
    full = StorageError("no room on the disk", errno=errno.ENOSPC)
    scene.bench.client.error = full
    scene.offer()
    assert scene.work() == ["disk full"]
    assert scene.work(3600.0) == []
    scene.bench.client.error = None
    assert scene.work(3600.0) == ["added"]
    scene.bench.client.held.clear()
    scene.bench.client.error = full
    _ask_again_by_command(scene)
    assert scene.work() == ["disk full"]
    scene.bench.start()
    assert scene.work(120.0) == []


def test_ids_say_what_and_since_when(scene: Heard, tmp_path: Path) -> None:
    """The film's key, since when it is asked for, and the torrent; kept with the film in the file."""
    scene.offer()
    scene.work()
    lines = [json.loads(line) for line in (tmp_path / "events.json").read_text().splitlines()]
    ids = [plain["event"]["id"] for plain in lines if "event" in plain]
    ids += [known for plain in lines for known in plain.get("done", ())]
    assert f"added:{KEY.id}:2026-11-01T12:00:00Z:{HASH}" in ids
    assert scene.bench.only(QueueName.COMPLETED).reason == Reason.DOWNLOADED
