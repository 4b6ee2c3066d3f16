"""No crash, no power failure and no full disk loses a film or leaves one in two queues.

Every file-system call of a scenario with two dozen films (forty in the long form) is a crash point,
and every state that the disk may be in then is loaded anew; so is every state in which that loading
may be cut off in turn.
"""

import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from house.crash_disk import Disk, Recorder, freeze, read_tree, write_tree
from house.crash_world import (
    REFUSALS,
    CrashWorld,
    Step,
    all_plain,
    check_refusals,
    choice,
    film,
    folder_in_memory,
    run_through,
)
from house.films import on_filelist

from movie_sync.daemon.inbox import Request

_FEW, _MANY = 14, 30


def scenario(films: int = _FEW) -> list[Step]:
    """Return the steps: each is one durable operation or a few that a crash may fall between.

    The crash points are the same with few films and with many; each start after one reads them all.
    """
    steps: list[Step] = [
        lambda w: w.queues.add_all_to_pending([film(number) for number in range(1, films + 1)]),
        lambda w: w.queues.add_all_to_completed([(film(31), "/films/a"), (film(32), "/films/b")]),
    ]
    for _ in range(3):
        steps += [CrashWorld.hand_over_next, CrashWorld.complete_next, lambda w: w.fail_next(minutes=30)]
    steps += [
        lambda w: w.queues.note_film(film(7), film(7)),
        lambda w: w.fail_next(minutes=None),
        CrashWorld.retry_due,
        CrashWorld.restart,
        lambda w: w.inbox.put(Request("add", movies=(film(33), film(34)))),
        CrashWorld.carry_out_requests,
        lambda w: w.queues.remove([film(8).slug, film(31).id, film(2).slug]),
        lambda w: w.queues.add_by_command([film(8)]),
        lambda w: w.queues.drop_unlisted([film(9), film(10), film(7)]),
        lambda w: w.queues.add_all_to_pending([film(9), film(35), film(36)]),
        CrashWorld.list_again,
        lambda w: w.queues.retry(None),
        lambda w: w.inbox.put(Request("remove", films=(film(11).slug, film(12).id))),
        CrashWorld.carry_out_requests,
        lambda w: w.fail_next(minutes=5),
        lambda w: w.fail_next(minutes=5),
        lambda w: w.queues.retry([film(13).slug]),
        CrashWorld.restart,
    ]
    steps += [CrashWorld.hand_over_next, CrashWorld.complete_next] * 3
    steps += [lambda w: w.queues.add_all_to_pending([film(number) for number in range(37, 41)])]
    return steps


def users_words() -> list[Step]:
    """Return steps in which the user takes and rejects releases of a film, and changes its preset."""
    return [
        lambda w: w.queues.add_all_to_pending([film(1), film(14)]),
        CrashWorld.hand_over_next,
        CrashWorld.complete_next,
        lambda w: (w.clock.advance(60), w.queues.grab(film(1), on_filelist(9001))),
        lambda w: w.hand_over_grabbed(9001),
        CrashWorld.complete_next,
        lambda w: w.inbox.put(Request("reject", movies=(film(1),), release=on_filelist(9001))),
        CrashWorld.carry_out_requests,  # the one before is the film's again
        CrashWorld.complete_next,
        lambda w: w.clock.advance(60),
        lambda w: w.inbox.put(Request("grab", movies=(film(1),), release=on_filelist(9002))),
        CrashWorld.carry_out_requests,
        CrashWorld.restart,
        lambda w: w.hand_over_grabbed(9002),
        CrashWorld.complete_next,
        lambda w: w.queues.grab(film(1), on_filelist(9001)),
        CrashWorld.complete_next,
        lambda w: w.queues.reject(film(1), on_filelist(9002)),
        lambda w: w.queues.add_by_command([film(14)], "small"),
        lambda w: w.queues.reject(film(14), on_filelist(9003)),
    ]


def test_every_crash_point_keeps_the_users_word(folder: Path) -> None:
    """As above: a word is kept wholly or not at all, and no torrent is forgotten for it."""
    world, survey = run_through(users_words(), folder)
    assert world.entry(1).word.rejected == (on_filelist(9002),)
    assert survey.points > 50


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty folder in memory."""
    with folder_in_memory(monkeypatch) as path:
        yield path


@pytest.mark.timeout(600)
def test_every_crash_point_leaves_each_film_in_one_queue(
    folder: Path, record_property: Callable[[str, object], None], pytestconfig: pytest.Config
) -> None:
    """Process death and power failure at every call: no film lost, doubled or handed over twice."""
    films = _MANY if pytestconfig.getoption("--long") else _FEW
    world, survey = run_through(scenario(films), folder)
    assert len(world.films()) >= films
    record_property("measured", survey.summary(world))
    assert survey.points > 300


def test_no_change_of_the_disk_goes_unseen(folder: Path) -> None:
    """Python's own audit of the scenario knows of no change to the disk that is not a crash point."""
    world = CrashWorld(folder)
    audited: list[str] = []
    is_on = True

    def audit(event: str, arguments: tuple[object, ...]) -> None:  # it cannot be taken out again
        if is_on and event in _AUDITED and str(arguments[0]).startswith(f"{folder}"):
            makes = event != "open" or bool(int(str(arguments[2])) & (os.O_CREAT | os.O_TRUNC | os.O_WRONLY))
            audited.extend([_AUDITED[event]] if makes else [])

    sys.addaudithook(audit)
    recorder = Recorder(folder)
    with recorder.watching():
        for step in scenario():
            step(world)
    is_on = False
    calls = recorder.calls + recorder.failed
    seen = Counter("rename" if call.name == "replace" else call.name for call in calls)
    assert {name: seen[name] for name in _AUDITED.values()} == {
        name: audited.count(name) for name in _AUDITED.values()
    }
    assert min(seen[name] for name in ("open", "write", "fsync", "rename", "unlink", "link", "mkdir")) > 0


_AUDITED = {
    "open": "open",
    "os.rename": "rename",
    "os.remove": "unlink",
    "os.link": "link",
    "os.mkdir": "mkdir",
    "os.rmdir": "rmdir",
    "os.symlink": "symlink",
    "os.truncate": "truncate",
}
"""The changes that Python tells auditors of, by the name of the call."""


# --- a crash while damage is mended ---------------------------------------------------------


def _some_world(folder: Path) -> CrashWorld:
    """Return queues with films in all four files, each file with an earlier generation."""
    world = CrashWorld(folder)
    for step in scenario()[:18]:
        step(world)
    return world


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "rubbish": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "another shape": lambda path: path.write_bytes(b'{"films": 3}'),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "inside").write_bytes(b"kept")),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("queue", ["pending", "completed"])
def test_a_crash_while_damage_is_mended_changes_nothing(folder: Path, queue: str, damage: str) -> None:
    """Wherever mending is cut off, the next start mends to the same films and the damage is kept."""
    _some_world(folder)
    path = folder / f"queue_{queue}.json"
    DAMAGES[damage](path)
    evidence = b"kept" if path.is_dir() else path.read_bytes()
    tree = read_tree(folder)
    expected = all_plain(CrashWorld(folder).films())
    states, waiting, seen = 0, [tree], set()
    while waiting:
        tree = waiting.pop()
        if freeze(tree) in seen:
            continue
        seen.add(freeze(tree))
        states += 1
        write_tree(folder, tree)
        recorder = Recorder(folder)
        with recorder.watching():
            found = CrashWorld(folder).films()
        assert all_plain(found) == expected
        assert any(evidence == content for content in read_tree(folder).values())
        disk = Disk().start_from(tree)
        told: set[object] = set()
        for call in recorder.calls:
            waiting += disk.all_after(call, told)
            disk.carry_out(call)
    assert states > 5


# --- a disk that refuses --------------------------------------------------------------------

OPERATIONS: dict[str, Step] = {
    "queue many": lambda w: w.queues.add_all_to_pending([film(number) for number in range(50, 60)]),
    "queue by command": lambda w: w.queues.add_by_command([film(1)]),
    "note a film": lambda w: w.queues.note_film(film(13), film(13)),
    "note a choice": lambda w: w.queues.note_choice(film(13), choice(13)),
    "complete": lambda w: w.queues.add_to_completed(film(13), choice=choice(13)),
    "complete many": lambda w: w.queues.add_all_to_completed([(film(60), "/films/x")]),
    "fail": lambda w: w.queues.add_to_failed(film(13), "gone", None),
    "requeue": lambda w: w.queues.move_all_failed_to_pending([film(7)]),
    "retry": lambda w: w.queues.retry(None),
    "remove": lambda w: w.queues.remove([film(13).slug, film(7).slug, film(1).id]),
    "drop pending ones": lambda w: w.queues.drop_unlisted([film(13), film(14)]),
    "drop a failed one": lambda w: w.queues.drop_unlisted([film(7)]),
    "list again": lambda w: w.queues.add_all_to_pending([film(1)], again=True),
    "take a release": lambda w: w.queues.grab(film(1), on_filelist(9001)),
    "reject a release": lambda w: w.queues.reject(film(1), on_filelist(9001)),
    "judge by a preset": lambda w: w.queues.add_by_command([film(13)], "small"),
    "ask by command": lambda w: w.inbox.put(Request("add", movies=(film(61),))),
}


def _refusals() -> list[Any]:
    """Return every operation with every refusal; the short form has each operation with one of them."""
    pairs = enumerate(itertools.product(OPERATIONS, REFUSALS))
    return [
        pytest.param(
            operation,
            *REFUSALS[refusal],
            id=f"{operation}-{refusal}",
            marks=() if at % 4 in {0, 3} else pytest.mark.long,
        )
        for at, (operation, refusal) in pairs
    ]


@pytest.mark.parametrize(("operation", "error", "lasts"), _refusals())
def test_a_disk_that_refuses_any_call_changes_nothing(
    folder: Path, operation: str, lasts: bool, error: int
) -> None:
    """An operation is done, or it is a StorageError with memory and disk as before; then it works again."""
    _some_world(folder)
    check_refusals(folder, OPERATIONS[operation], lasts=lasts, error=error)
