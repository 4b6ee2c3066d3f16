"""What is in the client already: the film if it is whole and acceptable, adopted if it is not whole yet."""

import dataclasses
from pathlib import Path

import pytest
from house.films import film, hash_of, release_of
from house.workers import Bench

from movie_sync.domain.events import EventKind
from movie_sync.domain.models import HeldTorrent, QueueName
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import ReleaseError
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import Stage

_STALLED_AFTER = 3600.0
_NAME = "Made.Up.Bravo.1951.720p.BluRay.x264-OTHER"
_OURS, _THEIRS = hash_of(101), hash_of(7)


class Wished:
    """A film that is wished for, a release of it on the tracker, and a client with torrents of somebody's."""

    def __init__(self, folder: Path, *, removes_stalled: bool = False, max_unfinished: int = 0) -> None:
        self.bench = Bench(folder)
        self.bench.follow(FollowPolicy(_STALLED_AFTER, removes_stalled), max_unfinished=max_unfinished)
        self.movie = film(1)
        self.bench.tracker.offer(self.movie.imdb_id or "", release_of(self.movie, 101))

    def hold(self, phase: TorrentPhase, progress: float, info_hash: str = _THEIRS, **more: object) -> None:
        """Let the client hold a torrent."""
        left = 0 if progress == 1 else 1 + int((1 - progress) * 9_000_000_000)
        held = HeldTorrent(
            info_hash, _NAME, progress, phase, bytes_left=left, has_tracker=True, content_path="/films/x"
        )
        self.bench.client.held[info_hash] = dataclasses.replace(held, **more)  # type: ignore[arg-type]

    def wish(self) -> None:
        """Put the film on the list, and work."""
        self.bench.queues.add_all_to_pending([self.movie])
        self.work()

    def work(self, seconds: float = 0.0) -> None:
        """Let time pass with a look every half a minute."""
        while True:
            while self.bench.worker.step() is None:
                pass
            if seconds <= 0:
                return
            self.bench.clock.advance(30)
            seconds -= 30

    @property
    def entry(self) -> QueueEntry:
        """The film, which is completed."""
        return self.bench.only(QueueName.COMPLETED)

    @property
    def told(self) -> list[EventKind]:
        """The kinds of events so far."""
        return [event.kind for event in self.bench.told]


@pytest.fixture
def scene(tmp_path: Path) -> Wished:
    """A film that is wished for."""
    return Wished(tmp_path)


def test_a_whole_one_is_the_film(scene: Wished) -> None:
    """It counts as downloaded; nothing is fetched, followed or announced, and where it is is known."""
    scene.hold(TorrentPhase.WHOLE, 1.0)
    scene.wish()
    follow = scene.entry.follow
    assert follow is not None
    assert (scene.entry.reason, follow.stage, follow.is_adopted) == (
        "already downloaded",
        Stage.DOWNLOADED,
        True,
    )
    assert scene.bench.queues.followed_count() == 0
    assert scene.bench.client.added == []
    assert scene.told == []


@pytest.mark.parametrize(
    ("phase", "progress", "stage"),
    [
        (TorrentPhase.DOWNLOADING, 0.03, Stage.DOWNLOADING),
        (TorrentPhase.AWAITING_PEERS, 0.0, Stage.ADDED),
        (TorrentPhase.STOPPED, 0.0, Stage.STOPPED),
        (TorrentPhase.STOPPED, 0.5, Stage.STOPPED),
        (TorrentPhase.FILES_MISSING, 0.0, Stage.BROKEN),
        (TorrentPhase.FAILED, 0.7, Stage.BROKEN),
        (TorrentPhase.MOVING, 1.0, Stage.ADDED),
        (TorrentPhase.CHECKING, 1.0, Stage.ADDED),
        (TorrentPhase.UNKNOWN, 1.0, Stage.DOWNLOADING),
    ],
)
@pytest.mark.parametrize("known_by", ["name", "comment", "hash"])
def test_one_that_is_not_whole_is_adopted(
    scene: Wished, known_by: str, phase: TorrentPhase, progress: float, stage: Stage
) -> None:
    """It is followed to its end like one of ours, and then announced; nothing is handed over meanwhile."""
    info_hash = _OURS if known_by == "hash" else _THEIRS
    name = _NAME if known_by == "name" else "my favourite"
    comment = "https://filelist.io/details.php?id=101" if known_by == "comment" else ""
    scene.hold(phase, progress, info_hash, name=name, comment=comment, bytes_left=1)
    scene.wish()
    scene.work(60)
    assert scene.entry.choice
    assert (scene.entry.choice.info_hash, scene.entry.reason) == (info_hash, "downloaded")
    assert scene.entry.follow
    assert (scene.entry.follow.stage, scene.entry.follow.is_adopted) == (stage, True)
    assert scene.told == []
    scene.hold(TorrentPhase.WHOLE, 1.0, info_hash, name=name)
    scene.work(1200)
    assert scene.entry.follow.stage is Stage.DOWNLOADED
    assert scene.told == [EventKind.DOWNLOADED]
    assert scene.bench.client.added == []


def test_of_several_the_furthest_counts(scene: Wished) -> None:
    """A whole one is the film, whatever others of it are on their way."""
    scene.hold(TorrentPhase.DOWNLOADING, 0.9, hash_of(8))
    scene.hold(TorrentPhase.WHOLE, 1.0, hash_of(9))
    scene.hold(TorrentPhase.DOWNLOADING, 0.1, hash_of(10))
    scene.wish()
    assert scene.entry.choice
    assert scene.entry.choice.info_hash == hash_of(9)
    assert scene.entry.reason == "already downloaded"


@pytest.mark.parametrize("name", ["Made.Up.Bravo.1951.HDCAM.x264-X", "Made.Up.Bravo.1951.480p.WEB.x264-X"])
def test_what_the_settings_would_not_take_is_not_the_film(scene: Wished, name: str) -> None:
    """A camera copy, or a quality outside the order: the release is fetched all the same."""
    scene.hold(TorrentPhase.WHOLE, 1.0, name=name)
    scene.wish()
    assert scene.bench.client.added == [_OURS]


def test_an_adopted_one_that_stalls_makes_way(tmp_path: Path) -> None:
    """It is given up for the film's next release, and stays in the client: it is not ours to take out."""
    scene = Wished(tmp_path, removes_stalled=True)
    scene.hold(TorrentPhase.AWAITING_PEERS, 0.03)
    scene.wish()
    scene.work(_STALLED_AFTER + 300)
    assert scene.bench.client.added == [_OURS]
    assert [old.choice.info_hash for old in scene.entry.tried] == [_THEIRS]
    assert _THEIRS in scene.bench.client.held
    scene.hold(TorrentPhase.WHOLE, 1.0)
    scene.work(120)
    assert scene.entry.choice
    assert scene.entry.choice.info_hash == _THEIRS, "the first to be whole wins"


def test_an_adopted_one_stays_one(tmp_path: Path) -> None:
    """Also after a restart, and when the film is asked for again."""
    scene = Wished(tmp_path, removes_stalled=True)
    scene.hold(TorrentPhase.AWAITING_PEERS, 0.03)
    scene.wish()
    scene.bench.start()
    scene.bench.queues.add_by_command([scene.movie])
    scene.work(60)
    assert scene.entry.follow
    assert scene.entry.follow.is_adopted
    scene.work(_STALLED_AFTER + 300)
    assert _THEIRS in scene.bench.client.held


def test_what_somebody_stopped_holds_nothing_up(tmp_path: Path) -> None:
    """An adopted torrent counts among those at once while it runs; stopped, it takes no place."""
    scene = Wished(tmp_path, max_unfinished=1)
    scene.hold(TorrentPhase.STOPPED, 0.03)
    scene.wish()
    scene.work(60)
    other = film(2)
    scene.bench.offer(other)
    scene.bench.queues.add_all_to_pending([other])
    scene.work(60)
    assert scene.bench.client.added == [hash_of(102)]
    assert _why_waiting(scene) == "1 of 1 download slots in use"


def test_ours_that_are_stopped_are_named_as_that(tmp_path: Path) -> None:
    """They take no slot; where others take all of them, it says so: nobody starts what he thinks is running."""
    scene = Wished(tmp_path, max_unfinished=1)
    scene.wish()
    scene.hold(TorrentPhase.STOPPED, 0.0, _OURS)
    scene.work(60)
    assert scene.entry.follow
    assert scene.entry.follow.stage is Stage.STOPPED
    other = film(2)
    scene.bench.offer(other)
    scene.bench.queues.add_all_to_pending([other])
    assert _why_waiting(scene) == "1 of 1 download slots in use (1 stopped in the client)"
    assert scene.bench.client.added == [_OURS, hash_of(102)]


def _why_waiting(scene: Wished) -> str:
    other = film(5)
    scene.bench.offer(other)
    scene.bench.queues.add_all_to_pending([other])
    rest = None
    while rest is None:
        rest = scene.bench.worker.step()
    return rest.activity.detail


def test_what_is_there_and_gone_in_a_moment_is_not_downloaded(
    scene: Wished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client had the torrent when it was to be handed over, and has not when it is looked at: tried again."""
    hand_over = scene.bench.client.hand_over
    monkeypatch.setattr(scene.bench.client, "hand_over", lambda *_: False)
    scene.wish()
    assert scene.bench.only(QueueName.FAILED).retry_count == 0
    monkeypatch.setattr(scene.bench.client, "hand_over", hand_over)
    scene.work(120)
    assert scene.entry.is_unfinished
    assert scene.bench.client.added == [_OURS]


@pytest.mark.parametrize("was_there", [False, True])
def test_a_torrent_of_both_versions_goes_by_the_hash_that_the_client_shows(
    scene: Wished, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    """A client may know it by its other info-hash: by that it is found, followed and not handed over twice."""
    other = hash_of(0xABC)
    fetch = scene.bench.tracker.fetch_torrent
    monkeypatch.setattr(
        scene.bench.tracker, "fetch_torrent", lambda each: dataclasses.replace(fetch(each), other_hash=other)
    )
    scene.bench.client.shows_other_hash = True
    if was_there:
        scene.hold(TorrentPhase.DOWNLOADING, 0.2, other, name="my favourite")
    scene.wish()
    assert scene.entry.choice
    assert scene.entry.choice.info_hash == other
    assert scene.bench.client.added == ([] if was_there else [other])
    scene.hold(TorrentPhase.WHOLE, 1.0, other)
    scene.work(120)
    assert scene.entry.follow
    assert scene.entry.follow.stage is Stage.DOWNLOADED


def test_room_is_asked_for_the_release_that_is_taken(scene: Wished) -> None:
    """The best one is broken; the one that stands in for it is larger, and there is no room for it."""
    small, large = release_of(scene.movie, 101), release_of(scene.movie, 102)
    small = dataclasses.replace(small, size_bytes=5_000_000_000)
    large = dataclasses.replace(large, size_bytes=20_000_000_000, name=large.name.replace("BluRay", "WEB-DL"))
    scene.bench.tracker.by_imdb[scene.movie.imdb_id or ""] = []
    scene.bench.tracker.offer(scene.movie.imdb_id or "", small, large)
    scene.bench.tracker.broken[101] = ReleaseError("broken")
    scene.bench.follow(FollowPolicy(_STALLED_AFTER), min_free_bytes=10_000_000_000)
    scene.bench.client.free_bytes = 25_000_000_000
    scene.wish()
    assert scene.bench.client.added == []
    assert "20.0 GB" in (scene.bench.only(QueueName.FAILED).error or "")
    scene.bench.client.free_bytes = 35_000_000_000
    scene.work(3630)
    assert hash_of(102) in scene.bench.client.added
