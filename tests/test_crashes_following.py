"""No crash, power failure or full disk lets a torrent on its way be forgotten or a whole film go back.

As `test_crashes.py`, for what happens after the hand-over and for films that wait for a release.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house.crash_world import (
    REFUSALS,
    CrashWorld,
    Step,
    check_refusals,
    choice,
    film,
    folder_in_memory,
    run_through,
)

from movie_sync.queues.releases import FailedRelease, Stage, TorrentProgress


def handing_over() -> list[Step]:
    """Return the steps until four films are on their way and two have failed, one of them for good."""
    steps: list[Step] = [lambda w: w.queues.add_all_to_pending([film(number) for number in range(1, 13)])]
    steps += [CrashWorld.hand_over_next, CrashWorld.complete_next] * 4
    return [*steps, lambda w: w.fail_next(minutes=30), lambda w: w.fail_next(minutes=None)]


def following() -> list[Step]:
    """Return the steps until each torrent has come to its end."""
    return [
        *handing_over(),
        CrashWorld.note_progress,
        lambda w: w.finish(1),
        lambda w: w.give_up(2),
        CrashWorld.restart,
        lambda w: w.hand_over(w.entry(2)),
        CrashWorld.complete_next,
        CrashWorld.note_progress,
        lambda w: w.finish_given_up(2),
        lambda w: w.give_up(3),
        lambda w: w.hand_over(w.entry(3)),
        CrashWorld.complete_next,
        lambda w: w.give_up(3),
        lambda w: w.finish_given_up(3),
        CrashWorld.look_again,
        CrashWorld.restart,
        CrashWorld.put_back,
        lambda w: w.fail_next(minutes=30),
        CrashWorld.give_up_on_due,
        CrashWorld.look_again,
        CrashWorld.put_back,
        lambda w: w.queues.add_all_to_pending([film(13), film(14)]),
        lambda w: w.queues.retry(None),
        lambda w: w.give_up(4),
        lambda w: w.queues.remove([film(4).slug]),
        lambda w: w.queues.add_by_command([film(4)]),
        lambda w: w.hand_over(w.entry(4)),
        CrashWorld.complete_next,
        CrashWorld.note_progress,
        CrashWorld.restart,
        lambda w: w.queues.drop_unlisted([film(4), film(9)]),
        CrashWorld.list_again,
        lambda w: w.finish(4),
        lambda w: w.begin_upgrade(4),
        CrashWorld.restart,
        lambda w: w.follow_upgrade(4),
        CrashWorld.note_progress,
        CrashWorld.restart,
        lambda w: w.finish_upgrade(4),
        CrashWorld.note_seeding,
        lambda w: w.begin_upgrade(2),
        lambda w: w.follow_upgrade(2),
        lambda w: w.queues.drop_upgrade(film(2), choice(2, 7), FailedRelease(choice(2, 7), "stalled")),
        lambda w: w.queues.reject(film(4), w.entry(4).choice.id),
        CrashWorld.note_seeding,
        CrashWorld.restart,
    ]


def words_meanwhile() -> list[Step]:
    """Return the steps in which the user says something while a better release is on its way."""

    def better(number: int) -> list[Step]:
        return [
            lambda w: w.begin_upgrade(number),
            lambda w: w.follow_upgrade(number),
        ]

    return [
        *handing_over(),
        *(lambda w, number=number: w.finish(number) for number in (1, 2, 3)),
        *better(1),
        lambda w: w.queues.grab(film(1), choice(1, 7).id),
        CrashWorld.restart,
        lambda w: w.finish_upgrade(1),
        *better(2),
        lambda w: w.queues.reject(film(2), w.entry(2).choice.id),
        CrashWorld.restart,
        lambda w: w.finish_upgrade(2),
        *better(3),
        lambda w: w.queues.grab(film(3), w.entry(3).choice.id),
        CrashWorld.restart,
        CrashWorld.note_seeding,
    ]


def test_every_crash_point_of_a_word_meanwhile(folder: Path) -> None:
    """The film stays done with what the user wants, and no torrent is forgotten."""
    world, survey = run_through(words_meanwhile(), folder)
    taken = [world.entry(number).choice for number in (1, 2, 3)]
    assert taken == [choice(1, 7), choice(2, 7), choice(3)]
    assert survey.points > 50


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty folder in memory."""
    with folder_in_memory(monkeypatch) as path:
        yield path


@pytest.mark.timeout(600)
def test_every_crash_point_knows_each_torrent(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    """Whatever is cut off: no torrent is forgotten or handed over twice, no downloaded film goes back."""
    world, survey = run_through(following(), folder)
    assert len(world.films()) >= 13
    record_property("measured", survey.summary(world))
    assert survey.points > 200


OPERATIONS: dict[str, Step] = {
    "note follows": CrashWorld.note_progress,
    "give up a torrent": lambda w: w.queues.give_up(film(3), FailedRelease(choice(3), "stalled")),
    "finish with another": lambda w: w.queues.finish_with(
        film(3), choice(3, 1), TorrentProgress(Stage.DOWNLOADED, w.clock.now()), overtaken="too late"
    ),
    "look again": lambda w: w.queues.look_again([film(5), film(6)]),
    "begin an upgrade": lambda w: w.queues.begin_upgrade(film(3), choice(3), choice(3, 7)),
    "give up on due ones": lambda w: w.queues.give_up_on_due(1),
}


def _films_on_their_way(folder: Path) -> None:
    world = CrashWorld(folder)
    for step in handing_over():
        step(world)
    world.fail_next(minutes=0)


@pytest.mark.parametrize(("error", "lasts"), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_disk_that_refuses_any_call_changes_nothing(
    folder: Path, operation: str, lasts: bool, error: int
) -> None:
    """An operation is done, or it is a StorageError with memory and disk as before; then it works again."""
    _films_on_their_way(folder)
    check_refusals(folder, OPERATIONS[operation], lasts=lasts, error=error)
