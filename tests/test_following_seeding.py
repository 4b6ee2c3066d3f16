"""How finished torrents seed, and what is noticed when they no longer do, with a client in memory and a clock."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from house.fakes import FakeClient, FakeClock
from house.films import choice, film, hash_of
from house.workers import Bench

from movie_sync.domain.events import Event, EventKind
from movie_sync.domain.models import HeldTorrent
from movie_sync.domain.seeding import SeedingRule, SeedingTrouble
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import NetworkError
from movie_sync.fetching.client_files import ClientFiles
from movie_sync.following.follower import FollowPolicy
from movie_sync.following.seeding import SeedingWatch
from movie_sync.queues.codec import movie_to_dict
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Seeding, Stage, TorrentProgress
from movie_sync.storage.history import Happened, read_history

_HOUR, _DAY = 3600.0, 24 * 3600.0
_UNREGISTERED = "unregistered torrent"


class Seeded:
    """Films that are done, in a client whose state the test sets."""

    def __init__(self, folder: Path, count: int = 1, *, pairs: tuple[tuple[str, str], ...] = ()) -> None:
        self.bench = Bench(folder)
        self.bench.files = ClientFiles(pairs)
        self.bench.seeding_rules = {"filelist": SeedingRule(1.0, 48 * _HOUR)}
        self.films = [film(number) for number in range(count)]
        now = self.bench.clock.now()
        for number, movie in enumerate(self.films):
            self.bench.queues.add_to_pending(movie)
            done = TorrentProgress(Stage.DOWNLOADED, now, 1.0, path=_place(number), size_bytes=1000)
            self.bench.queues.add_to_completed(movie, choice=choice(number), follow=done)
            self.become(number)
        self.begin()

    def begin(self) -> None:
        """Start the program, or start it anew."""
        self.bench.follow(FollowPolicy(2 * _DAY))

    def become(self, number: int = 0, phase: TorrentPhase = TorrentPhase.WHOLE, **more: object) -> None:
        """Let the client show a torrent so from now on."""
        held = HeldTorrent(hash_of(number), f"Torrent {number}", 1.0, phase, content_path=_place(number))
        values = {
            "bytes_left": 0,
            "size_bytes": 1000,
            "has_tracker": True,
            "ratio": 0.1,
            "seeding_seconds": 600,
            "refusal": "",
        }
        self.bench.client.held[held.info_hash] = replace(held, **values | more)  # type: ignore[arg-type]

    def pass_time(self, seconds: float, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let time pass, ten minutes at a time."""
        while seconds > 0:
            self.bench.clock.advance(min(600.0, seconds))
            seconds -= 600.0
            meanwhile()
            for _ in range(20):
                if self.bench.worker.step() is not None:
                    break

    def seeding(self, number: int = 0) -> Seeding:
        """Return what is written down of a film's torrent."""
        found = self.bench.queues.find_film(self.films[number])
        assert found
        assert found[1].follow
        return found[1].follow.seeding

    @property
    def told(self) -> list[EventKind]:
        """The kinds of events so far."""
        return [event.kind for event in self.bench.told]

    @property
    def past(self) -> list[str]:
        """What the history has."""
        return [each.what for each in read_history(self.bench.folder / "history.jsonl")]


def _place(number: int) -> str:
    return f"/downloads/Torrent {number}"


@pytest.fixture
def one(tmp_path: Path) -> Seeded:
    """One film that is done."""
    return Seeded(tmp_path / "data")


def test_ratio_and_time_are_kept_until_they_are_enough(one: Seeded) -> None:
    """Every hour at first; once the tracker has what it asks for, once a day."""
    one.pass_time(600)
    assert (one.seeding().ratio, one.seeding().seconds, one.seeding().is_settled) == (0.1, 600, False)
    one.become(ratio=0.4, seeding_seconds=5 * 3600)
    one.pass_time(_HOUR)
    assert (one.seeding().ratio, one.seeding().seconds) == (0.4, 5 * 3600)
    one.become(ratio=0.4, seeding_seconds=48 * 3600)
    one.pass_time(_HOUR)
    assert one.seeding().is_settled
    one.bench.journal.clear()
    one.pass_time(_DAY)
    assert one.bench.journal.count("states") in {1, 2}
    assert not [what for what in one.bench.journal if what.startswith("refusal")]
    assert one.told == []


def test_nothing_is_written_that_is_not_worth_it(one: Seeded) -> None:
    """A look that shows nothing new leaves the file as it is; otherwise it is written once an hour."""
    file = one.bench.folder / "queue_completed.json"
    one.pass_time(600)
    writes: list[int] = []

    def note() -> None:
        inode = file.stat().st_ino
        if not writes or writes[-1] != inode:
            writes.append(inode)

    one.pass_time(_DAY, meanwhile=note)
    assert len(writes) == 1
    one.pass_time(_DAY, meanwhile=lambda: (note(), one.become(seeding_seconds=len(writes) * 3600))[0])
    assert len(writes) <= 25


TROUBLES = {
    SeedingTrouble.FILES_MISSING: {"phase": TorrentPhase.FILES_MISSING},
    SeedingTrouble.FAILED: {"phase": TorrentPhase.FAILED, "client_word": "error"},
    SeedingTrouble.REFUSED: {"has_tracker": False, "refusal": _UNREGISTERED},
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("is_settled", [False, True])
def test_what_is_amiss_is_told_once(one: Seeded, trouble: SeedingTrouble, is_settled: bool) -> None:
    """Within a day, also if the program is started anew before and after; it is over once it is well again."""
    ratio = 2.0 if is_settled else 0.1
    one.become(ratio=ratio)
    one.pass_time(2 * _HOUR)
    one.become(**TROUBLES[trouble], ratio=ratio)  # type: ignore[arg-type]
    one.pass_time(_DAY)
    assert one.told == [EventKind.NOT_SEEDING]
    assert one.seeding().trouble is trouble
    one.begin()
    one.pass_time(2 * _DAY)
    one.become(phase=TorrentPhase.CHECKING, has_tracker=False)
    one.pass_time(_DAY)
    assert one.told == [EventKind.NOT_SEEDING]
    assert one.past == [Happened.NOT_SEEDING]
    one.become(ratio=ratio)
    one.pass_time(_DAY)
    assert one.seeding().trouble is None
    one.become(**TROUBLES[trouble], ratio=ratio)  # type: ignore[arg-type]
    one.pass_time(_DAY)
    first, second = one.bench.told
    assert first.id != second.id


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_passes_is_not_told(one: Seeded, trouble: SeedingTrouble) -> None:
    """A client that starts before its disk is there, a tracker with a hiccup: an hour later all is well."""
    one.pass_time(600)
    one.become(**TROUBLES[trouble])  # type: ignore[arg-type]
    one.pass_time(_HOUR)
    one.become()
    one.pass_time(2 * _DAY)
    assert one.told == []
    assert one.seeding().trouble is None


def test_a_crash_between_telling_and_writing_tells_the_same_again(one: Seeded) -> None:
    """The event has the same id then, by which it is told once."""
    one.pass_time(600)
    one.become(phase=TorrentPhase.FILES_MISSING)
    before = (one.bench.folder / "queue_completed.json").read_bytes()
    one.pass_time(2 * _HOUR)
    (one.bench.folder / "queue_completed.json").write_bytes(before)
    one.begin()
    one.pass_time(_DAY)
    first, second = one.bench.told
    assert first.id == second.id


@pytest.mark.parametrize("ratio", [0.1, 2.0])
def test_trackers_are_asked_for_only_where_the_list_does_not_tell(one: Seeded, ratio: float) -> None:
    """Once a day: not those of a stopped one, or where the list has the words. Trouble of the account is none."""
    one.become(ratio=ratio)
    one.pass_time(3 * _HOUR)

    def asked() -> int:
        one.bench.journal.clear()
        one.pass_time(_DAY)
        return len([what for what in one.bench.journal if what.startswith("trackers")])

    one.bench.client.refusals[hash_of(0)] = "Your client is banned"
    assert asked() == 0
    one.become(refusal=None, is_stopped=True, ratio=ratio)
    assert asked() == 0
    one.become(refusal=None, ratio=ratio)
    assert asked() in {1, 2}
    assert one.told == []
    one.bench.client.refusals[hash_of(0)] = _UNREGISTERED
    assert asked() in {2, 3}
    assert one.told == [EventKind.NOT_SEEDING]
    one.begin()
    assert asked() in {1, 2, 3}
    assert len(one.told) == 1
    one.bench.client.refusals.clear()
    assert asked() in {1, 2}
    assert one.seeding().trouble is None


def test_one_that_is_taken_out_is_looked_for_for_a_week(one: Seeded) -> None:
    """Nothing is told; one that comes back is watched again, and then nothing is asked any more."""
    one.pass_time(600)
    held = one.bench.client.held.pop(hash_of(0))
    one.pass_time(3 * _HOUR)
    assert one.seeding().is_gone
    one.bench.client.held[hash_of(0)] = held
    one.pass_time(_DAY)
    assert not one.seeding().is_gone
    del one.bench.client.held[hash_of(0)]
    one.pass_time(9 * _DAY)
    one.bench.journal.clear()
    one.pass_time(_DAY)
    assert "states" not in one.bench.journal
    assert one.told == []


def test_files_that_somebody_deletes_here(tmp_path: Path) -> None:
    """A client does not notice that; this machine does, if it has seen them before and sees others still."""
    films = tmp_path / "films"
    films.mkdir()
    scene = Seeded(tmp_path / "data", 2, pairs=(("/downloads", str(films)),))
    for number in range(2):
        (films / f"Torrent {number}").write_bytes(b"x" * 1000)
        scene.become(number, ratio=2.0)
    scene.pass_time(2 * _HOUR)
    (films / "Torrent 0").unlink()
    scene.pass_time(_DAY)
    (event,) = scene.bench.told
    assert event.kind is EventKind.NOT_SEEDING
    assert scene.seeding(0).why == f"its files are missing in {films / 'Torrent 0'}"
    (films / "Torrent 1").rename(tmp_path / "Torrent 1")  # nothing is left: the disk may not be mounted
    scene.pass_time(2 * _DAY)
    assert len(scene.bench.told) == 1


def test_a_disk_that_is_missing_is_one_notice(tmp_path: Path) -> None:
    """Not one for each of its films; all of them are noted."""
    scene = Seeded(tmp_path / "data", 30)
    for number in range(30):
        scene.become(number, TorrentPhase.FILES_MISSING)
    scene.pass_time(2 * _DAY)
    assert scene.told == [EventKind.NOT_SEEDING]
    assert all(scene.seeding(number).trouble for number in range(30))
    assert len(scene.past) == 30


def test_a_client_that_is_away_costs_no_notice(one: Seeded) -> None:
    """What could not be asked or written is looked at and told later."""
    one.pass_time(600)
    one.become(phase=TorrentPhase.FILES_MISSING)
    one.bench.client.error = NetworkError("away")
    one.pass_time(_DAY)
    assert one.told == []
    one.bench.client.error = None
    one.pass_time(_DAY)
    assert one.told == [EventKind.NOT_SEEDING]


def test_of_what_went_to_a_watch_folder_nothing_is_known(tmp_path: Path) -> None:
    """Nothing is asked, nothing is told, and there is nothing to wait for."""
    scene = Seeded(tmp_path / "data", 0)
    scene.bench.queues.add_to_pending(film(1))
    scene.bench.queues.add_to_completed(film(1), choice=choice(1))
    scene.pass_time(2 * _DAY)
    assert scene.bench.worker.seeding
    assert scene.bench.worker.seeding.seconds_to_next() is None
    assert "states" not in scene.bench.journal
    assert scene.told == []


def test_all_have_their_turn(tmp_path: Path) -> None:
    """250 films that have seeded enough are looked at once a day, at most a hundred with one request."""
    scene = Seeded(tmp_path / "data", 250)
    for number in range(250):
        scene.become(number, ratio=2.0)
    scene.pass_time(3 * _HOUR)
    asked: list[str] = []
    states = scene.bench.client.states

    def count(hashes: list[str]) -> dict[str, HeldTorrent]:
        assert len(hashes) <= 100
        asked.extend(hashes)
        return states(hashes)

    scene.bench.client.states = count  # type: ignore[method-assign, assignment]
    scene.pass_time(_DAY)
    assert {hash_of(number) for number in range(250)} <= set(asked)
    assert len(asked) <= 500


def test_more_that_is_wanted_of_a_torrent_is_not_missing(tmp_path: Path) -> None:
    """It has what it had when it came to its end; less than that is missing."""
    scene = Seeded(tmp_path / "data")
    for size, left, told in ((2000, 1000, []), (2000, 1200, [EventKind.NOT_SEEDING])):
        scene.become(phase=TorrentPhase.DOWNLOADING, size_bytes=size, bytes_left=left)
        scene.pass_time(_DAY)
        assert scene.told == told


def test_a_question_without_an_answer_keeps_no_other_torrent_back(tmp_path: Path) -> None:
    """One is asked about in vain for days; what the others' trackers say is noticed all the same."""
    scene = Seeded(tmp_path / "data", 3)
    for number in range(3):
        scene.become(number, refusal=None)
        scene.bench.client.refusals[hash_of(number)] = _UNREGISTERED
    scene.bench.client.errors_by_call[f"trackers {hash_of(2)}"] = NetworkError("no answer")
    scene.pass_time(2 * _DAY)
    assert [bool(scene.seeding(number).trouble) for number in range(3)] == [True, True, False]
    assert scene.seeding(2).ratio == 0.1
    scene.bench.client.errors_by_call.clear()
    scene.pass_time(_DAY)
    assert scene.seeding(2).trouble is SeedingTrouble.REFUSED


def write_completed(folder: Path, count: int, path: str) -> Path:
    """Write a queue of so many films that were downloaded long ago, each at this path; return its file."""
    rows = [
        movie_to_dict(film(number))
        | {"added_at": "2024-05-05T10:00:00Z", "completed_at": "2024-05-05T10:00:00Z", "reason": "downloaded"}
        | {"info_hash": hash_of(number), "release": "R", "release_id": f"filelist:{number + 1}"}
        | {"stage": "downloaded", "stage_since": "2024-05-05T12:00:00Z", "path": path}
        for number in range(count)
    ]
    file = folder / "queue_completed.json"
    file.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    return file


@pytest.mark.parametrize("ratio", [0.1, 2.0])
def test_all_of_many_are_looked_at_thoroughly_within_a_day(tmp_path: Path, ratio: float) -> None:
    """650 films, the files of the oldest are deleted; no pair is said to be unused before all were seen."""
    films = tmp_path / "films"
    films.mkdir()
    write_completed(tmp_path, 650, "/old/X")
    clock, client, told, warnings = FakeClock(), FakeClient(), list[Event](), list[str]()
    queues, pairs = QueueManager(tmp_path, clock=clock), [("/old", str(films)), ("/new", str(films))]
    rules = {"filelist": SeedingRule(1.0, 48 * _HOUR)}
    watch = SeedingWatch(queues, rules, clock, told.append, files=ClientFiles(pairs))
    handler = logging.Handler()
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("movie_sync.following.seeding").addHandler(handler)
    for number in range(650):
        folder = "/old" if number < 100 else "/new"
        (films / f"{number}").write_bytes(b"x")
        client.held[hash_of(number)] = HeldTorrent(
            hash_of(number), "X", 1.0, TorrentPhase.WHOLE, content_path=f"{folder}/{number}", size_bytes=1,
            has_tracker=True, ratio=ratio, seeding_seconds=10, bytes_left=0, refusal=None,
        )  # fmt: skip

    def a_day() -> None:
        for _ in range(24 * 12):
            clock.advance(300)
            if watch.seconds_to_next() == 0:
                watch.work(client)

    try:
        a_day()
    finally:
        logging.getLogger("movie_sync.following.seeding").removeHandler(handler)
    assert not [words for words in warnings if "path_map" in words]
    for number in (0, 300, 649):
        (films / f"{number}").unlink()
    client.journal.clear()
    a_day()
    assert len(told) == 3
    assert {f"trackers {hash_of(number)}" for number in range(650)} <= set(client.journal)
    assert len(client.journal) <= 1400


@pytest.mark.long
@pytest.mark.parametrize("lists_tell", [True, False], ids=["the list tells", "each is asked for"])
def test_ten_thousand(
    tmp_path: Path, lists_tell: bool, record_property: Callable[[str, object], None]
) -> None:
    """Each is looked at once a day, with few requests; what is new is written once an hour, and else nothing."""
    file = write_completed(tmp_path, 10_000, "/films/X")
    clock, client, days = FakeClock(), FakeClient(), []
    queues = QueueManager(tmp_path, clock=clock)
    watch = SeedingWatch(queues, {"filelist": SeedingRule(1.0, 48 * _HOUR)}, clock)
    for day in range(3):
        for number in range(10_000):
            client.held[hash_of(number)] = HeldTorrent(
                hash_of(number), "X", 1.0, TorrentPhase.WHOLE, has_tracker=True, ratio=2 + day / 100,
                seeding_seconds=10**7 + day * 86_400, bytes_left=0, refusal="" if lists_tell else None,
            )  # fmt: skip
        client.journal.clear()
        written, writes = file.stat().st_ino, []
        for minute in range(24 * 60):
            clock.advance(60)
            if watch.seconds_to_next() == 0:
                watch.work(client)
            if file.stat().st_ino != written:
                written = file.stat().st_ino
                writes.append(minute)
        days.append((client.journal.count("states"), len(client.journal), len(writes)))
        assert all(later - earlier >= 60 for earlier, later in pairwise(writes))
    record_property("measured", f"requests for a list, all requests and writes, each day: {days}")
    assert all(lists <= 440 and in_all <= (440 if lists_tell else 11_500) for lists, in_all, _ in days)
    assert [writes for *_, writes in days[1:]] == [0, 0]
