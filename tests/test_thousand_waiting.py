"""Hundreds of films (with --long a thousand) that are not on the tracker yet: the real program between stand-ins, in simulated time."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.films import stand_in_film
from house.simulation import Call, World

from movie_sync.demo.filelist_server import StandInRelease
from movie_sync.demo.letterboxd_server import StandInFilm
from movie_sync.domain.models import QueueName

_CALLS_PER_HOUR, _HOUR = 40, 3600.0
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def _waiting(number: int, searched_at: datetime) -> dict[str, object]:
    film = stand_in_film(number)
    return {
        "id": film.lid, "slug": film.slug, "title": film.title, "year": film.year, "url": "",
        "imdb_id": film.imdb_id, "original_title": None, "alternative_titles": [], "runtime_minutes": 100,
        "is_series": False, "page_read": True, "added_at": "2026-10-01T12:00:00Z",
        "error": "no release on the tracker yet", "retry_count": 5, "retry_at": None,
        "waits_for_release": True, "by_command": True, "searched_at": searched_at.isoformat(),
    }  # fmt: skip


def _new_release(number: int, film: StandInFilm | None, world: World) -> StandInRelease:
    name = f"Other.Film.{number}.2020" if film is None else f"{film.title.replace(' ', '.')}.{film.year}"
    return StandInRelease(
        number,
        f"{name}.1080p.BluRay.x264-GRP",
        imdb=film.imdb_id if film else None,
        appears_at=_EPOCH + timedelta(seconds=world.now),
    )


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A program with many films that wait, and a tracker that has a hundred other ones."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    world = World(folder, _CALLS_PER_HOUR)
    rows = [
        _waiting(number, world.clock.now())
        for number in range(1000 if request.config.getoption("--long") else 120)
    ]
    (folder / "queue_failed.json").write_text(json.dumps(rows))
    world.letterboxd.films = [stand_in_film(0)]
    world.tracker.releases = [_new_release(number, None, world) for number in range(1000, 1100)]
    with world:
        yield world


def _calls(world: World, since: float) -> list[Call]:
    return [call for call in world.calls if call.at >= since]


def _fullest_hour(world: World) -> int:
    times = sorted(call.at for call in world.calls)
    return max(sum(at <= other < at + _HOUR for other in times) for at in times)


def test_they_cost_one_call_a_check(world: World, request: pytest.FixtureRequest) -> None:
    """In a day of hourly checks (with --long in two) there is one call for each check, and a film is caught within one."""
    hours = 48 if request.config.getoption("--long") else 24
    world.run_until(world.now + (hours - 0.5) * _HOUR)
    checks = len(world.readings)
    assert checks == hours
    assert Counter(call.query for call in world.calls) == {"latest-torrents": checks}
    world.tracker.releases.append(_new_release(2000, stand_in_film(100), world))
    appeared = world.now
    world.run_until(appeared + _HOUR)
    completed = world.workshop.queues.entries(QueueName.COMPLETED)
    assert [entry.movie.id for entry in completed] == [stand_in_film(100).lid]
    assert len(_calls(world, appeared)) == 3, "the newest releases, one search, one torrent"


@pytest.mark.long  # CI runs it besides the suite
def test_after_a_gap_the_budget_holds(world: World) -> None:
    """All are searched again after a busy day: slowly, and within the budget in any hour."""
    world.run_until(world.now + 0.5 * _HOUR)
    world.tracker.releases += [_new_release(number, None, world) for number in range(3000, 3200)]
    missed = _new_release(3001, stand_in_film(7), world)
    world.tracker.releases.insert(0, missed)
    begun = world.now
    world.run_until(begun + 24 * _HOUR)
    searches = [call for call in _calls(world, begun) if call.query.startswith("tt")]
    assert len(searches) > 48
    assert max(Counter(call.query for call in searches).values()) == 1, "each film once"
    assert _fullest_hour(world) <= _CALLS_PER_HOUR
    latest = [call for call in _calls(world, begun) if call.query == "latest-torrents"]
    assert len(latest) == 24
