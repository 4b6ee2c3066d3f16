"""What no retry will put right is one list, with one thing to do about each."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from house import commands
from house.commands import run
from house.fakes import FakeClock
from house.films import choice, film
from house.workers import Bench

from movie_sync.domain.models import QueueName
from movie_sync.domain.seeding import SeedingTrouble
from movie_sync.errors import AuthError, NoRoomError, StorageError, UnansweredError, UnclearFilmError
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import FailedRelease, Seeding, Shelving, Stage, TorrentProgress
from movie_sync.reports.daemon_state import DaemonNeed, DaemonState, NeedKind, read_state, write_state
from movie_sync.reports.needs import Need, needs
from movie_sync.settings.faults import Problem

NOW = FakeClock().now()
data, process_as_before = commands.data, commands.process_as_before
TRIED = FailedRelease(choice(8), "almost no data for 48 hours")
PENDING, FAILED, COMPLETED = QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED


def entry(stage: Stage | None = None, of: dict[str, Any] | None = None, **more: Any) -> QueueEntry:
    """Return a film in a queue, with a torrent at a stage."""
    idle = more.pop("idle", 0.0)
    if stage:
        follow = TorrentProgress(stage, NOW, idle_seconds=idle)
        more |= {"follow": follow, "choice": choice(1), "completed_at": NOW}
    return QueueEntry(film(1, **(of or {})), NOW, **more)


def needed(queue: QueueName, *entries: QueueEntry) -> list[Need]:
    """Return what films in a queue need."""
    return needs({PENDING: [], FAILED: [], COMPLETED: []} | {queue: entries}, None, ())


def not_seeding(number: int, trouble: SeedingTrouble, days: int = 0) -> QueueEntry:
    """Return a film whose whole torrent has been in trouble for so many days."""
    seeding = Seeding(NOW, 2.0, 7, is_settled=True, trouble=trouble, why="why", since=NOW - timedelta(days))
    follow = TorrentProgress(Stage.DOWNLOADED, NOW - timedelta(99), seeding=seeding)
    return entry()._replace(movie=film(number), follow=follow, choice=choice(number), completed_at=NOW)


def test_what_is_not_on_the_shelf_yet() -> None:
    """All of them together, with what is wrong with one; what waits for its first try needs nobody."""

    def shelved(number: int, failed: str = "", path: str = "") -> QueueEntry:
        follow = TorrentProgress(Stage.DOWNLOADED, NOW, shelf=Shelving(NOW, path, failed=failed))
        return entry()._replace(movie=film(number), follow=follow, choice=choice(number), completed_at=NOW)

    assert needed(COMPLETED, shelved(1), shelved(2, path="/films/2.mkv")) == []
    [one] = needed(COMPLETED, shelved(1), shelved(2, "no room"))
    assert (one.kind, one.movie) == (NeedKind.SHELF, film(2))
    assert one.why == f"Not on the shelf yet: {film(2).label}. No room."
    [many] = needed(COMPLETED, *(shelved(number, "no room") for number in range(5)))
    assert many.movie is None
    assert "and 2 more. No room." in many.why


def test_torrents_that_no_longer_seed() -> None:
    """Each of a few by itself, many together; not after a month, and not once they are gone from the client."""
    files, refused = SeedingTrouble.FILES_MISSING, SeedingTrouble.REFUSED
    [one] = needed(COMPLETED, not_seeding(1, files))
    assert (one.kind, one.why, one.movie) == (NeedKind.NOT_SEEDING, "No longer seeding: why.", film(1))
    assert "recheck" in one.action
    few = needed(COMPLETED, *(not_seeding(number, files) for number in range(2)), not_seeding(3, refused))
    assert [need.movie for need in few] == [film(0), film(1), film(3)]
    [many] = needed(COMPLETED, *(not_seeding(number, refused) for number in range(5)))
    assert many.movie is None
    assert many.why.endswith("and 2 more.")
    old = not_seeding(1, files, days=32)
    assert needs({PENDING: [], FAILED: [], COMPLETED: [old]}, None, (), NOW) == []
    assert old.follow
    gone = replace(old.follow, seeding=replace(old.follow.seeding, is_gone=True, since=NOW))
    assert needed(COMPLETED, old._replace(follow=gone)) == []


@pytest.fixture(autouse=True)
def _started(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be typed is as the user types it."""
    monkeypatch.setattr("sys.argv", ["movie-sync"])


@pytest.mark.parametrize(
    ("queue", "held", "kind", "action"),
    [
        (COMPLETED, entry(Stage.STOPPED), NeedKind.STOPPED, "Start it there"),
        (COMPLETED, entry(Stage.ADDED, idle=172_800.0), NeedKind.NO_SEEDS, "`movie-sync reject made-up-bravo filelist:1`"),
        (FAILED, entry(tried=(TRIED,), waits_for_release=True, retry_at=NOW), NeedKind.NO_SEEDS, "`movie-sync remove made-up-bravo`"),
        (FAILED, entry(tried=(TRIED, TRIED), retry_at=NOW), NeedKind.RELEASES, "`movie-sync search made-up-bravo`, then `grab`"),
        (PENDING, entry(tried=(TRIED, TRIED)), NeedKind.RELEASES, "`movie-sync search made-up-bravo`, then `grab`"),
        (COMPLETED, entry(Stage.DOWNLOADING, tried=(TRIED, TRIED)), NeedKind.RELEASES, "`movie-sync search made-up-bravo`"),
        (FAILED, entry(of={"is_series": True}, error="a series"), NeedKind.SERIES, "`movie-sync remove made-up-bravo`"),
        (FAILED, entry(is_unclear=True, retry_at=NOW, error="x.mkv may be it"), NeedKind.UNCLEAR, "`movie-sync retry made-up-bravo`"),
        (FAILED, entry(needs_bytes=7, retry_at=NOW, error="no room"), NeedKind.DISK, "`movie-sync search made-up-bravo`"),
        (FAILED, entry(error="no torrent"), NeedKind.GAVE_UP, "`movie-sync retry made-up-bravo`"),
    ],
)  # fmt: skip
def test_what_a_film_needs(queue: QueueName, held: QueueEntry, kind: NeedKind, action: str) -> None:
    """Each has its kind, and an action that can be typed."""
    (need,) = needed(queue, held)
    assert need.kind is kind
    assert need.movie == held.movie
    assert action in need.action


@pytest.mark.parametrize(
    ("queue", "held"),
    [
        (COMPLETED, entry(Stage.DOWNLOADING, idle=172_799.0)),
        (COMPLETED, entry(Stage.DOWNLOADED, tried=(TRIED, TRIED))),
        (COMPLETED, entry(Stage.REMOVED)),
        (FAILED, entry(retry_at=NOW, error="no release", waits_for_release=True)),
        (PENDING, entry(tried=(TRIED,))),
    ],
)
def test_what_needs_nobody(queue: QueueName, held: QueueEntry) -> None:
    """What a later look may put right, or is over, is not on the list."""
    assert needed(queue, held) == []


def test_stopped_torrents_are_one_thing() -> None:
    """A client that stops torrents by itself is one line, however many they are."""
    (need,) = needed(COMPLETED, *(entry(Stage.STOPPED)._replace(movie=film(n)) for n in range(5)))
    assert need.movie is None
    assert need.why.endswith("Made Up Alpha (1950), Made Up Bravo (1951), Made Up Charlie (1952) and 2 more.")


def test_what_keeps_all_films_back_comes_first(tmp_path: Path) -> None:
    """Settings and what the daemon says it needs, which it writes down for others to read."""
    state = DaemonState(1, "x", needs=(DaemonNeed(NeedKind.CREDENTIALS, "FileList refuses them"),))
    write_state(tmp_path / "daemon.json", state)
    assert read_state(tmp_path / "daemon.json") == state
    queues = {PENDING: [], FAILED: [entry(error="no torrent")], COMPLETED: []}
    found = needs(queues, state, [Problem("quality", "quality is 7", "")])
    assert [need.kind for need in found] == [NeedKind.SETTINGS, NeedKind.CREDENTIALS, NeedKind.GAVE_UP]
    assert (found[1].why, found[1].action) == (
        "FileList refuses them.",
        "Enter them again with `movie-sync setup`.",
    )


def test_for_scripts(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`status --json` has them beside all that was there before."""
    assert run(data, "status", "--json") == 0
    (need,) = json.loads(capsys.readouterr().out)["needs_you"]
    assert need == {
        "kind": "gave up",
        "film": "Three (1995)",
        "slug": "three",
        "id": "K3",
        "why": "A series.",
        "action": f"Try again: `movie-sync --data-dir {data} retry three`.",
    }


# --- what the daemon knows of itself ----------------------------------------------------------------


def kinds(bench: Bench) -> list[NeedKind]:
    """Return the kinds of what the worker needs."""
    return [need.kind for need in bench.worker.needs]


def test_refused_credentials(tmp_path: Path) -> None:
    """They are needed until they change."""
    bench = Bench(tmp_path)
    bench.offer(film(1))
    bench.queues.add_all_to_pending([film(1)])
    bench.tracker.errors = [AuthError("FileList refuses them.", service="FileList")]
    bench.worker.step()
    assert bench.worker.needs == (DaemonNeed(NeedKind.CREDENTIALS, "FileList refuses them."),)
    bench.signature = 2
    bench.worker.step()
    assert not bench.worker.needs


@pytest.mark.parametrize(
    "error", [StorageError("full", errno=28), NoRoomError("full", setting="min_free_space_gb")]
)
def test_a_full_disk(tmp_path: Path, error: Exception) -> None:
    """Whether it is ours or the client's, until a film gets through."""
    bench = Bench(tmp_path)
    bench.offer(film(1))
    bench.queues.add_all_to_pending([film(1)])
    bench.tracker.errors = [error]
    bench.worker.step()
    assert kinds(bench) == [NeedKind.DISK]
    bench.clock.advance(7200)
    bench.worker.step()
    assert not bench.worker.needs
    bench.tracker.errors = [NoRoomError("5 of 5", setting="max_unfinished")]
    bench.queues.add_all_to_pending([film(2)])
    bench.worker.step()
    assert not bench.worker.needs


@pytest.mark.parametrize(("error", "is_unclear"), [(UnclearFilmError("odd"), True), (UnansweredError("odd"), False)])  # fmt: skip
def test_an_unclear_film(tmp_path: Path, error: Exception, is_unclear: bool) -> None:
    """What only the user can see is marked; what a tracker that is down left open is not."""
    bench = Bench(tmp_path)
    bench.queues.add_all_to_pending([film(1)])
    bench.tracker.errors = [error]
    bench.worker.step()
    assert bench.only_failed().is_unclear == is_unclear
    bench.start()
    assert bench.only_failed().is_unclear == is_unclear
    bench.clock.advance(7200)
    bench.worker.step()
    assert not bench.only_failed().is_unclear, "with its next failure it is another one"
