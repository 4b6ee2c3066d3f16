"""Each torrent's fault is its own: the others are looked at, said, written down and let go all the same."""

import dataclasses
from pathlib import Path

import pytest
from house.films import film, hash_of, on_filelist
from house.workers import Bench
from test_torrent_follower import HandedOver

from movie_sync.domain.events import EventKind
from movie_sync.domain.models import HeldTorrent, QueueName
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import MovieSyncError, NetworkError, SlowError, StorageError, UnavailableError
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.codec import progress_to_dict
from movie_sync.queues.releases import Stage, TorrentProgress
from movie_sync.reports.lines import LineStyle, sections
from movie_sync.reports.status import Status, overview

_STALLED_AFTER = 3600.0


def _many(folder: Path, count: int) -> Bench:
    """Return a bench from which films 0 to count - 1 were handed over, as torrents 100 and so on."""
    bench = Bench(folder)
    bench.follow(FollowPolicy(_STALLED_AFTER))
    movies = [film(number) for number in range(count)]
    bench.offer(*movies)
    bench.queues.add_all_to_pending(movies)
    _work(bench)
    return bench


def _work(bench: Bench) -> None:
    for _ in range(50):
        if bench.worker.step() is not None:
            return
    raise AssertionError("the worker never rests")


def _become(
    bench: Bench, number: int, phase: TorrentPhase, progress: float, *, has_tracker: bool = True
) -> None:
    wanted = hash_of(100 + number)
    bench.client.held[wanted] = HeldTorrent(
        wanted, f"t{number}", progress, phase, content_path=f"/films/{number}",
        bytes_left=int((1 - progress) * 9_000_000_000), has_tracker=has_tracker,
    )  # fmt: skip


def _stages(bench: Bench) -> list[Stage]:
    entries = sorted(bench.queues.entries(QueueName.COMPLETED), key=lambda entry: entry.movie.id)
    return [entry.follow.stage for entry in entries if entry.follow]


@pytest.mark.parametrize(
    "fault",
    [
        SlowError("no answer in time"),
        NetworkError("reset"),
        UnavailableError("odd"),
        StorageError("disk full"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_one_torrents_question_keeps_no_other_one_back(tmp_path: Path, fault: MovieSyncError) -> None:
    """A question about one that has no answer: the others come to their end, once, in the queue file too."""
    bench = _many(tmp_path, 4)
    _become(bench, 0, TorrentPhase.AWAITING_PEERS, 0.0, has_tracker=False)
    bench.client.errors_by_call[f"refusal {hash_of(100)}"] = fault
    for number in (1, 2, 3):
        _become(bench, number, TorrentPhase.WHOLE, 1.0)
    for _ in range(20):
        bench.clock.advance(30)
        _work(bench)
    assert _stages(bench) == [Stage.ADDED, *[Stage.DOWNLOADED] * 3]
    assert bench.queues.unfinished_count() == 1
    assert [event.kind for event in bench.told].count(EventKind.DOWNLOADED) == 3


def test_a_question_without_an_answer_waits_longer_each_time(tmp_path: Path) -> None:
    """One torrent that never gets an answer does not cost every pass a timeout, nor the others their looks."""
    bench = _many(tmp_path, 2)
    question = f"refusal {hash_of(100)}"
    bench.client.errors_by_call[question] = SlowError("no answer in time")
    _become(bench, 0, TorrentPhase.AWAITING_PEERS, 0.0, has_tracker=False)
    _become(bench, 1, TorrentPhase.DOWNLOADING, 0.1)
    bench.journal.clear()
    for _ in range(120):
        bench.clock.advance(30)
        _become(bench, 1, TorrentPhase.DOWNLOADING, 0.1 + len(bench.journal) / 1000)
        _work(bench)
    assert bench.journal.count("states") > 50, "the passes go on"
    assert bench.journal.count(question) < 12
    del bench.client.errors_by_call[question]
    bench.client.refusals[hash_of(100)] = "unregistered torrent"
    for _ in range(130):
        bench.clock.advance(30)
        _work(bench)
    assert hash_of(100) not in [
        entry.choice.info_hash for entry in bench.queues.entries(QueueName.COMPLETED) if entry.choice
    ], "it is asked again"


def test_what_is_known_of_a_torrent_is_let_go_with_it(tmp_path: Path) -> None:
    """Also while a hundred and more are followed, nothing of those that came to their end is kept."""
    bench = Bench(tmp_path)
    bench.follow(FollowPolicy(_STALLED_AFTER))
    follower = bench.follower
    assert follower
    for number in range(130):
        movie = dataclasses.replace(film(0), id=f"F{number}", slug=f"film-{number}", imdb_id=f"tt{number:07}")
        choice = dataclasses.replace(_choice(), info_hash=hash_of(1000 + number))
        bench.queues.add_to_completed(
            movie, "downloaded", choice, follow=TorrentProgress(Stage.ADDED, bench.clock.now())
        )
        held = HeldTorrent(
            hash_of(1000 + number),
            f"t{number}",
            0.1,
            TorrentPhase.DOWNLOADING,
            bytes_left=1,
            has_tracker=True,
        )
        bench.client.held[held.info_hash] = held
    for _ in range(4):
        bench.clock.advance(60)
        _work(bench)
    assert len(follower._memory) == 130
    for number in range(20):
        wanted = hash_of(1000 + number)
        bench.client.held[wanted] = dataclasses.replace(
            bench.client.held[wanted], progress=1.0, phase=TorrentPhase.WHOLE, bytes_left=0
        )
    for _ in range(6):
        bench.clock.advance(60)
        _work(bench)
    assert bench.queues.unfinished_count() == 110
    assert len(follower._memory) == 110


def _choice():  # type: ignore[no-untyped-def]
    from movie_sync.domain.models import Choice  # noqa: PLC0415

    return Choice("A.Release", on_filelist(1), hash_of(1))


@pytest.mark.parametrize(
    ("progress", "shown"), [(0.28999, 29), (0.29, 29), (0.57, 57), (0.994, 99), (0.99999, 99), (1.0, 99)]
)
def test_progress_is_shown_as_it_is(tmp_path: Path, progress: float, shown: int) -> None:
    """To the nearest percent, but 100 only for what is whole, on the disk as well."""
    scene = HandedOver(tmp_path)
    scene.become(TorrentPhase.MOVING if progress == 1 else TorrentPhase.DOWNLOADING, progress)
    follow = TorrentProgress(Stage.DOWNLOADING, scene.bench.clock.now(), progress=progress)
    scene.bench.queues.note_progress({scene.hash: follow})
    queues = {name: scene.bench.queues.entries(name) for name in QueueName}
    view = overview(queues, [], now=scene.bench.clock.now())
    status = Status(scene.bench.clock.now(), {}, None, (), None, view)
    (((line,),),) = (each.items for each in sections(status, LineStyle()) if each.title == "Downloading")
    assert f" {shown}%" in line
    assert progress_to_dict(follow)["progress"] == min(round(progress, 4), 0.9999)


@pytest.mark.parametrize(
    ("thousandths_an_hour", "stalls"), [(0.0, True), (0.1, True), (0.9, True), (1.1, False)]
)
def test_a_trickle_is_no_progress(tmp_path: Path, thousandths_an_hour: float, stalls: bool) -> None:
    """What comes counts only as far as it is a thousandth of the torrent an hour."""
    scene = HandedOver(tmp_path)
    progress = 0.02
    for _ in range(5):
        scene.become(TorrentPhase.DOWNLOADING, progress, bytes_a_second=10)
        scene.pass_time(_STALLED_AFTER / 4)
        progress += thousandths_an_hour / 1000 / 4
    assert (hash_of(102) in scene.client.added) is stalls


def test_what_comes_at_last_makes_up_for_a_standstill(tmp_path: Path) -> None:
    """A torrent that stood still and then gets its parts is not given up while it gets them."""
    scene = HandedOver(tmp_path)
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER * 0.9)
    for step in range(1, 20):
        scene.become(TorrentPhase.DOWNLOADING, 0.02 + step / 500, bytes_a_second=5000)
        scene.pass_time(900)
    assert scene.client.added == [hash_of(101)]
    assert scene.completed.follow
    assert scene.completed.follow.idle_seconds < 900
    scene.become(TorrentPhase.DOWNLOADING, 0.02 + 20 / 500, bytes_a_second=5000)
    scene.pass_time(_STALLED_AFTER * 0.9)
    scene.bench.start()
    scene.pass_time(_STALLED_AFTER * 0.2)
    assert scene.client.added == [hash_of(101), hash_of(102)], "also what was counted before a restart"


def test_a_client_that_is_back_is_seen_at_once(tmp_path: Path) -> None:
    """However long it was away; and films that its absence put off for an hour don't wait that long."""
    bench = _many(tmp_path, 1)
    bench.client.errors_by_call["states"] = away = NetworkError("connection refused")
    bench.client.errors_by_call["torrents"] = away
    bench.offer(film(1))
    bench.queues.add_all_to_pending([film(1)])
    for _ in range(240):
        bench.clock.advance(30)
        _work(bench)
    assert bench.worker.client_trouble
    bench.client.errors_by_call.clear()
    for _ in range(2):
        bench.clock.advance(30)
        _work(bench)
    assert bench.worker.client_trouble == ""
    assert len(bench.queues.entries(QueueName.COMPLETED)) == 2
