"""A big list drips: so many unfinished torrents at once, and room on the disk for each."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from house.fakes import FakeClient
from house.films import film, hash_of, on_filelist, release_of
from house.workers import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_sync.domain.models import HeldTorrent, QueueName
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import UnavailableError
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.releases import Slot

_GB = 1_000_000_000
_POLICY = FollowPolicy(86_400)


def _work(bench: Bench) -> str:
    for _ in range(200):
        rest = bench.worker.step()
        if rest is not None:
            return rest.activity.detail
    raise AssertionError("the worker never rests")


def _finish(client: FakeClient, info_hash: str) -> None:
    held = HeldTorrent(
        info_hash, f"t {info_hash[-3:]}", 1.0, TorrentPhase.WHOLE, bytes_left=0, has_tracker=True
    )
    client.held[info_hash] = held


def _unfinished(client: FakeClient) -> int:
    return sum(held.phase != TorrentPhase.WHOLE for held in client.held.values())


def _bench(folder: Path, films: int, **limits: int) -> Bench:
    bench = Bench(folder)
    bench.follow(_POLICY, **limits)
    wanted = [film(number) for number in range(films)]
    bench.offer(*wanted)
    bench.queues.add_all_to_pending(wanted)
    return bench


def test_a_big_list_drips(tmp_path: Path) -> None:
    """Never more than the limit are unfinished; as one is whole the next is handed over."""
    bench = _bench(tmp_path, 9, max_unfinished=2)
    why = _work(bench)
    assert why == "2 of 2 download slots in use"
    while len(bench.client.added) < 9:
        assert _unfinished(bench.client) <= 2
        _finish(bench.client, bench.client.added[-2])
        _finish(bench.client, bench.client.added[-1])
        bench.clock.advance(30)
        _work(bench)
    assert bench.queues.get_statistics() == {
        "pending": 0, "failed": 0, "completed": 9, "permanent_failures": 0
    }  # fmt: skip


def test_zero_is_no_limit(tmp_path: Path) -> None:
    """With 0 all are handed over at once."""
    bench = _bench(tmp_path, 9, max_unfinished=0)
    _work(bench)
    assert len(bench.client.added) == 9


def test_newest_wishes_come_first(tmp_path: Path) -> None:
    """What was wished for later is worked on earlier; of one reading of the list, the first."""
    bench = _bench(tmp_path, 3, max_unfinished=1)
    _work(bench)
    bench.clock.advance(60)
    bench.offer(film(7), film(8))
    bench.queues.add_all_to_pending([film(8), film(7)])
    for _ in range(4):
        _finish(bench.client, bench.client.added[-1])
        bench.clock.advance(30)
        _work(bench)
    expected = [100, 108, 107, 101, 102]
    assert bench.client.added == [hash_of(number) for number in expected]


def test_a_torrent_that_may_have_been_handed_over_comes_first(tmp_path: Path) -> None:
    """After a crash it is looked for before a newer wish may take its place."""
    bench = _bench(tmp_path, 2, max_unfinished=1)
    entry = bench.queues.get_next_pending()
    assert entry
    bench.client.errors = [UnavailableError("it fell over")]
    torrent = bench.tracker.fetch_torrent(release_of(film(0), 100))
    from movie_sync.domain.models import Choice  # noqa: PLC0415

    assert bench.queues.note_choice(film(0), Choice("r", on_filelist(100), torrent.info_hash))
    bench.client.errors = []
    bench.client.hand_over(torrent)
    bench.clock.advance(60)
    bench.offer(film(5))
    bench.queues.add_all_to_pending([film(5)])
    bench.start()
    _work(bench)
    assert _unfinished(bench.client) == 1


def test_what_is_stalled_or_stopped_takes_no_slot(tmp_path: Path) -> None:
    """After an hour without progress the next film has its turn, but four times as many are the most in all."""
    bench = _bench(tmp_path, 9, max_unfinished=2)
    assert _work(bench) == "2 of 2 download slots in use"
    stopped, idle = bench.client.added
    bench.client.held[stopped] = replace(bench.client.held[stopped], phase=TorrentPhase.STOPPED)
    bench.clock.advance(60)
    assert _work(bench) == "2 of 2 download slots in use (1 stopped in the client)"
    _let_pass(bench, 3000)
    bench.start()  # what it idled for is kept, to a quarter of an hour
    _let_pass(bench, 2 * 900)
    assert len(bench.client.added) == 5
    slots = bench.queues.slots()
    assert (slots[Slot.IN_USE], slots[Slot.IDLE], slots[Slot.STOPPED]) == (2, 2, 1)
    _let_pass(bench, 3 * 3600)
    assert len(bench.client.added) == 8
    assert _work(bench) == (
        "0 of 2 download slots in use, but 8 torrents are unfinished in all, four times max_unfinished "
        "(7 stalled, 1 stopped in the client)"
    )
    bench.client.held[idle] = replace(bench.client.held[idle], progress=0.5)
    bench.clock.advance(60)
    assert "1 of 2 download slots in use" in _work(bench), "what gets on again takes its slot again"
    _finish(bench.client, idle)
    bench.clock.advance(60)
    _work(bench)
    assert len(bench.client.added) == 9


def test_a_trickle_is_no_progress(tmp_path: Path) -> None:
    """Less than a thousandth of the torrent an hour does not keep its slot; a little more does."""
    for share, handed_over in ((0.0009, 2), (0.0011, 1)):
        bench = _bench(tmp_path / str(share), 2, max_unfinished=1)
        _work(bench)
        first = bench.client.added[0]
        for minute in range(100):
            held = bench.client.held[first]
            bench.client.held[first] = replace(held, progress=share * minute / 60, bytes_a_second=2000)
            _let_pass(bench, 60)
        assert len(bench.client.added) == handed_over


def _let_pass(bench: Bench, seconds: int) -> None:
    """Let time pass in which the client tries all that is not stopped."""
    for _ in range(0, seconds, 60):
        for held in list(bench.client.held.values()):
            if held.phase is TorrentPhase.UNTOLD:
                trying = replace(held, phase=TorrentPhase.AWAITING_PEERS, has_tracker=True)
                bench.client.held[held.info_hash] = trying
        bench.clock.advance(60)
        _work(bench)


def _searches(bench: Bench) -> int:
    return sum(call.startswith(("imdb", "name")) for call in bench.journal)


def test_a_film_too_large_for_the_disk_holds_up_only_itself(tmp_path: Path) -> None:
    """What is free, less what unfinished torrents take, less the film, must leave the reserve."""
    bench = _bench(tmp_path, 1, min_free_bytes=10 * _GB)
    bench.tracker.offer(film(1).imdb_id or "", release_of(film(1), size_bytes=5 * _GB))
    bench.queues.add_all_to_pending([film(1)])
    bench.client.free_bytes = 20 * _GB
    bench.client.promised_bytes = 2 * _GB
    _work(bench)
    assert bench.client.added == [hash_of(101)]
    failed = bench.only_failed()
    assert failed.error == (
        "too large for the disk: 9.0 GB, with room for 8.0 GB (20.0 GB free on the client's disk, "
        "unfinished torrents still need 2.0 GB, min_free_space_gb is 10)."
    )
    assert (failed.retry_count, failed.retry_at) == (0, bench.clock.now() + timedelta(hours=1))
    searched = _searches(bench)
    bench.start()
    _let_pass(bench, 20 * 3600)
    assert _searches(bench) == searched, "no call is spent on a size that is known"
    _let_pass(bench, 12 * 3600)
    assert _searches(bench) > searched, "there may be a smaller release by now"
    bench.client.free_bytes = 22 * _GB
    _let_pass(bench, 6 * 3600)
    assert bench.client.added == [hash_of(101), hash_of(100)]
    assert bench.queues.entries(QueueName.COMPLETED)[-1].needs_bytes is None


def test_room_without_a_film_is_looked_at_before_any_search(tmp_path: Path) -> None:
    """Below the reserve already, not even a search is made."""
    bench = _bench(tmp_path, 1, min_free_bytes=10 * _GB)
    bench.client.free_bytes = 9 * _GB
    assert "min_free_space_gb is 10" in _work(bench)
    assert "room" in bench.journal
    assert not [call for call in bench.journal if call.startswith("imdb")]


def test_what_the_client_does_not_tell_is_an_outage(tmp_path: Path) -> None:
    """If it does not say how much room there is, nothing is handed over, and it is tried again."""
    bench = _bench(tmp_path, 1, min_free_bytes=10 * _GB)
    bench.client.error = UnavailableError("odd answer")
    assert "odd answer" in _work(bench)
    bench.client.error = None
    bench.clock.advance(120)
    _work(bench)
    assert len(bench.client.added) == 1


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(
    limit=st.integers(1, 4),
    moves=st.lists(
        st.sampled_from(["finish", "time", "hour", "stop", "restart", "wish", "remove"]), max_size=40
    ),
)
def test_the_limit_holds_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, limit: int, moves: list[str]
) -> None:
    """Never more of ours download, or four times that are unfinished, and nothing is handed over twice."""
    bench = _bench(tmp_path_factory.mktemp("drip"), 6, max_unfinished=limit)
    wished = 6
    for move in moves:
        unfinished = [
            held.info_hash for held in bench.client.held.values() if held.phase != TorrentPhase.WHOLE
        ]
        if move == "finish" and unfinished:
            _finish(bench.client, unfinished[0])
        elif move == "remove" and unfinished:
            del bench.client.held[unfinished[-1]]
        elif move == "stop" and unfinished:
            held = bench.client.held[unfinished[0]]
            bench.client.held[unfinished[0]] = replace(held, phase=TorrentPhase.STOPPED)
        elif move == "hour":
            _let_pass(bench, 3600)
        elif move == "restart":
            bench.start()
        elif move == "wish" and wished < 10:
            bench.offer(film(wished))
            bench.queues.add_all_to_pending([film(wished)])
            wished += 1
        bench.clock.advance(timedelta(seconds=31).total_seconds())
        _work(bench)
        assert bench.queues.slots()[Slot.IN_USE] <= limit
        assert bench.queues.unfinished_count() <= 4 * limit
    assert len(set(bench.client.added)) == len(bench.client.added)
    held = [entry.movie.id for name in QueueName for entry in bench.queues.entries(name)]
    assert len(held) == len(set(held)) == wished
