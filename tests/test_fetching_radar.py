"""Films that wait against the tracker's newest releases, with a worker between fakes."""

import dataclasses
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from house.films import film, on_filelist, release_of
from house.workers import Bench

from movie_sync.domain.models import QueueName, Release
from movie_sync.errors import BudgetError, PageChangedError, ReleaseError
from movie_sync.following.follower import FollowPolicy

_CHECK = 3600.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker that looks at the newest releases too."""
    bench = Bench(tmp_path)
    bench.follow(FollowPolicy(86_400))
    bench.tracker.newest = [_other(number) for number in range(1000, 1100)]
    return bench


def _other(number: int) -> Release:
    return Release(
        on_filelist(number), f"Something.Else.{number}.2020.1080p.BluRay.x264-GRP", 9_000_000_000, 20
    )


def _work(bench: Bench) -> None:
    for _ in range(3000):
        if bench.worker.step() is not None:
            return
    raise AssertionError("the worker never rests")


def _check(bench: Bench) -> None:
    """Let an hour pass and the watchlist be read."""
    bench.clock.advance(_CHECK)
    bench.worker.note_check()
    _work(bench)


def _let_fail_for_good(bench: Bench, count: int) -> None:
    bench.queues.add_all_to_pending([film(number) for number in range(count)])
    _work(bench)
    for _ in range(7):
        bench.clock.advance(24 * _CHECK)
        _work(bench)
    assert bench.queues.get_statistics()["permanent_failures"] == count
    assert bench.queues.waiting_count() == count


def test_a_film_is_found_within_one_check_of_its_upload(bench: Bench) -> None:
    """Also one that has failed for good: one call finds it, and the same pass takes it."""
    _let_fail_for_good(bench, 3)
    _check(bench)
    release = release_of(film(1), 1200)
    bench.tracker.newest = [release, *bench.tracker.newest[:-1]]
    bench.tracker.offer(film(1).imdb_id or "", release)
    bench.journal.clear()
    _check(bench)
    assert bench.queues.find("K1")
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K1"]
    assert bench.journal.count("latest") == 1


def test_a_check_while_the_newest_releases_are_looked_at_is_not_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list may have been read while the tracker answered: it is asked once more."""
    _let_fail_for_good(bench, 1)
    latest = bench.tracker.latest
    answers = []

    def slow() -> list[Release]:
        answers.append(latest())
        if len(answers) == 1:
            bench.worker.note_check()
        return answers[-1]

    monkeypatch.setattr(bench.tracker, "latest", slow)
    _check(bench)
    assert len(answers) == 2


def test_a_film_is_found_by_its_name_too(bench: Bench) -> None:
    """A release without an IMDb id is matched by the rules of the search."""
    _let_fail_for_good(bench, 2)
    release = dataclasses.replace(release_of(film(0), 1200), imdb_id=None)
    bench.tracker.newest = [release, *bench.tracker.newest[:-1]]
    bench.tracker.offer(film(0).imdb_id or "", release)
    _check(bench)
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K0"]


def test_waiting_films_cost_one_call_a_check(bench: Bench) -> None:
    """However many wait, a check asks for the newest releases once and for nothing else."""
    _let_fail_for_good(bench, 10)
    _check(bench)
    bench.journal.clear()
    for _ in range(24):
        _check(bench)
    assert [call for call in bench.journal if call != "library"] == ["latest"] * 24


def test_nobody_waits_nothing_is_asked(bench: Bench) -> None:
    """Without waiting films there is no call."""
    bench.journal.clear()
    _check(bench)
    assert bench.journal == []


def test_a_look_besides_the_schedule_keeps_the_schedule(bench: Bench) -> None:
    """A film that the newest releases name but the search does not give is back where it was."""
    bench.queues.add_all_to_pending([film(1)])
    _work(bench)
    before = bench.only(QueueName.FAILED)
    bench.tracker.newest = [release_of(film(1), 1200), *bench.tracker.newest[:-1]]
    bench.clock.advance(60)
    bench.worker.note_check()
    _work(bench)
    after = bench.only(QueueName.FAILED)
    assert (after.retry_at, after.retry_count) == (before.retry_at, before.retry_count)
    assert after.searched_at
    assert before.searched_at
    assert after.searched_at - before.searched_at == timedelta(seconds=60)
    bench.journal.clear()
    bench.clock.advance(60)
    bench.worker.note_check()
    _work(bench)
    assert bench.journal == ["latest"], "the same release is not looked into at every check"


def test_what_was_refused_is_not_looked_into(bench: Bench) -> None:
    """A new release that would not be taken costs no search."""
    _let_fail_for_good(bench, 2)
    bad = dataclasses.replace(release_of(film(1), 1200), name="Made.Up.Bravo.1951.1080p.HDCAM.x264-GRP")
    bench.tracker.newest = [bad, *bench.tracker.newest[:-1]]
    bench.journal.clear()
    _check(bench)
    assert bench.journal == ["latest"]


def test_after_a_gap_waiting_films_are_searched_slowly(bench: Bench) -> None:
    """The newest releases do not reach back to the last look: each film is searched once, with pauses."""
    _let_fail_for_good(bench, 4)
    _check(bench)
    bench.tracker.newest = [_other(number) for number in range(5000, 5100)]
    bench.journal.clear()
    _check(bench)
    searches = []
    for _ in range(40):
        bench.clock.advance(60)
        _work(bench)
        searches.append(sum(call.startswith("imdb") for call in bench.journal))
    assert searches[-1] == 4, "each of them once"
    assert max(b - a for a, b in pairwise(searches)) == 1, "one at a time"
    assert searches[5] < 4
    bench.journal.clear()
    for _ in range(5):
        _check(bench)
    assert bench.journal == ["latest"] * 5


def test_the_gap_is_remembered_over_a_restart(bench: Bench) -> None:
    """A restart in the middle of it does not end the search for what may have been missed."""
    _let_fail_for_good(bench, 3)
    _check(bench)
    bench.tracker.newest = [_other(number) for number in range(5000, 5100)]
    bench.journal.clear()
    _check(bench)
    bench.start()
    for _ in range(40):
        _check(bench)
    assert sum(call.startswith("imdb") for call in bench.journal) == 3


def test_a_folder_in_the_place_of_its_memory_is_put_aside(bench: Bench) -> None:
    """What is remembered can be written again, and nothing is deleted."""
    _let_fail_for_good(bench, 1)
    memory = bench.folder / "radar.json"
    memory.unlink(missing_ok=True)
    memory.mkdir()
    (memory / "somebody's").write_text("kept")
    bench.start()
    _check(bench)
    assert memory.is_file()
    (aside,) = bench.folder.glob("radar.json.damaged-*")
    assert (aside / "somebody's").read_text() == "kept"


def test_each_film_is_searched_once_a_week_in_any_case(bench: Bench) -> None:
    """Whatever the newest releases tell, a week never passes without a search for each waiting film."""
    _let_fail_for_good(bench, 3)
    bench.journal.clear()
    for _ in range(6 * 22):
        bench.clock.advance(3 * _CHECK)
        _check(bench)
    for number in range(3):
        assert bench.journal.count(f"imdb {film(number).imdb_id}") == 3


def test_an_empty_answer_tells_nothing(bench: Bench) -> None:
    """No newest releases at all: what was known stays, nothing is concluded."""
    _let_fail_for_good(bench, 1)
    _check(bench)
    memory = (bench.folder / "radar.json").read_text()
    bench.tracker.newest = []
    _check(bench)
    assert (bench.folder / "radar.json").read_text() == memory


def test_a_spent_budget_puts_it_off(bench: Bench) -> None:
    """Without a free call the look is made as soon as there is one."""
    _let_fail_for_good(bench, 1)
    bench.tracker.errors = [BudgetError("spent", retry_after_seconds=90)]
    bench.clock.advance(_CHECK)
    bench.worker.note_check()
    _work(bench)
    bench.journal.clear()
    bench.clock.advance(90)
    _work(bench)
    assert bench.journal == ["latest"]


def test_newest_releases_that_cannot_be_had_keep_no_film_back(bench: Bench) -> None:
    """The look at them is an addition: while it fails, films are searched and taken as ever."""
    _let_fail_for_good(bench, 1)
    bench.offer(film(5))
    bench.queues.add_all_to_pending([film(5)])
    bench.tracker.errors_by_call["latest"] = PageChangedError("an answer of another form")
    bench.journal.clear()
    for _ in range(5):
        _check(bench)
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K5"]
    assert bench.journal.count("latest") < 10
    bench.tracker.errors_by_call.clear()
    bench.journal.clear()
    _check(bench)
    assert "latest" in bench.journal


def test_a_failed_look_besides_the_schedule_ends_no_waiting(bench: Bench) -> None:
    """The release that appeared cannot be had: the film still waits for the next one."""
    _let_fail_for_good(bench, 2)
    _check(bench)
    release = release_of(film(1), 1200)
    bench.tracker.newest = [release, *bench.tracker.newest[:-1]]
    bench.tracker.offer(film(1).imdb_id or "", release)
    bench.tracker.broken[1200] = ReleaseError("a page instead of a torrent")
    bench.start()
    _check(bench)
    assert bench.queues.waiting_count() == 2
    better = release_of(film(1), 1300)
    bench.tracker.newest = [better, *bench.tracker.newest[:-1]]
    bench.tracker.by_imdb[film(1).imdb_id or ""] = [better]
    _check(bench)
    assert [entry.movie.id for entry in bench.queues.entries(QueueName.COMPLETED)] == ["K1"]


def test_a_clock_that_was_ahead_keeps_no_film_from_its_weekly_search(bench: Bench) -> None:
    """A search that seems to lie in the future does not count."""
    bench.clock.jump(400 * 24 * _CHECK)
    _let_fail_for_good(bench, 1)
    bench.clock.jump(-400 * 24 * _CHECK)
    bench.journal.clear()
    for _ in range(24 * 8):
        _check(bench)
    assert bench.journal.count(f"imdb {film(0).imdb_id}") == 1 + 1


def test_a_gap_that_was_noted_by_a_clock_ahead_comes_to_its_end(bench: Bench) -> None:
    """Once searched, a film is not searched again and again until that time has come."""
    _let_fail_for_good(bench, 1)
    _check(bench)
    bench.clock.jump(400 * 24 * _CHECK)
    bench.tracker.newest = [_other(number) for number in range(5000, 5100)]
    bench.clock.advance(_CHECK)
    bench.worker.note_check()
    bench.tracker.errors_by_call["imdb " + (film(0).imdb_id or "")] = BudgetError("spent")
    _work(bench)
    bench.tracker.errors_by_call.clear()
    bench.clock.jump(-400 * 24 * _CHECK)
    bench.start()
    bench.journal.clear()
    for _ in range(48):
        _check(bench)
    assert bench.journal.count(f"imdb {film(0).imdb_id}") <= 2
