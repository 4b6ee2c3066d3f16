"""The call budget: never more calls in any rolling hour, across restarts, processes and wrong clocks."""

import contextlib
import json
import logging
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from house.fakes import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

from movie_sync.errors import BudgetError, StorageError
from movie_sync.storage.call_budget import CallBudget

HOUR = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the count is kept."""
    return tmp_path / "filelist_calls.json"


def take_all(budget: CallBudget) -> int:
    """Take calls until none is left; return how many there were."""
    taken = 0
    while True:
        try:
            budget.take()
        except BudgetError:
            return taken
        taken += 1


def test_spent_budget_says_when_a_call_is_free(path: Path, clock: FakeClock) -> None:
    """The wait runs to the moment the oldest call is an hour old, and then exactly one call is free."""
    budget = CallBudget(path, 3, clock)
    budget.take()
    clock.advance(60)
    budget.take()
    budget.take()
    clock.advance(40)
    assert budget.free() == 0
    with pytest.raises(BudgetError, match="3 tracker calls") as caught:
        budget.take()
    assert caught.value.retry_after_seconds == HOUR - 100
    clock.advance(HOUR - 100)
    assert budget.free() == 1
    assert take_all(budget) == 1


def test_count_survives_a_restart(path: Path, clock: FakeClock) -> None:
    """A new process finds the calls of the one before."""
    assert take_all(CallBudget(path, 5, clock)) == 5
    clock.advance(HOUR - 1)
    assert CallBudget(path, 5, clock).free() == 0
    clock.advance(1)
    assert CallBudget(path, 5, clock).free() == 5


def test_lowered_budget_waits_until_enough_calls_are_old(path: Path, clock: FakeClock) -> None:
    """With fewer calls allowed than were made, the wait is for the one that makes room."""
    budget = CallBudget(path, 4, clock)
    for _ in range(4):
        budget.take()
        clock.advance(10)
    with pytest.raises(BudgetError) as caught:
        CallBudget(path, 2, clock).take()
    assert caught.value.retry_after_seconds == HOUR - 20


def test_file_and_lock_are_private_under_any_umask(path: Path, clock: FakeClock) -> None:
    """Both files are for their owner alone, and no temporary file is left."""
    before = os.umask(0)
    try:
        CallBudget(path, 5, clock).take()
    finally:
        os.umask(before)
    assert {item.name: item.stat().st_mode & 0o777 for item in path.parent.iterdir()} == {
        path.name: 0o600,
        f"{path.name}.lock": 0o600,
    }


def test_dry_run_counts_and_writes_nothing(path: Path, clock: FakeClock) -> None:
    """Without persistence the stored calls count, the own ones too, and no file is touched or made."""
    CallBudget(path, 5, clock).take()
    content, names = path.read_bytes(), sorted(path.parent.iterdir())
    budget = CallBudget(path, 5, clock, persist=False)
    assert take_all(budget) == 4
    assert budget.free() == 0
    clock.advance(HOUR)
    assert budget.free() == 5
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (content, names)


def test_dry_run_in_an_empty_folder_makes_no_file(path: Path, clock: FakeClock) -> None:
    """Not even a lock file appears."""
    CallBudget(path, 5, clock, persist=False).take()
    assert list(path.parent.iterdir()) == []


DAMAGED = {
    "cut": b'{"calls": ["2026-11-01T1',
    "empty": b"",
    "rubbish": b"\xff\x00rubbish",
    "another shape": b"[1, 2]",
    "calls are no list": b'{"calls": 3}',
    "nested": b"[" * 100_000,
    "too long": b" " * 2_000_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_file_counts_as_spent(
    path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    """The whole budget counts as spent when the file was written; this is said once."""
    path.write_bytes(content)
    written_at = clock.now() - timedelta(minutes=20)
    os.utime(path, (written_at.timestamp(), written_at.timestamp()))
    budget = CallBudget(path, 3, clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(BudgetError) as caught:
                budget.take()
    assert caught.value.retry_after_seconds == HOUR - 20 * 60
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert [record.message for record in caplog.records] == [
        f"{path} is damaged: the whole budget counts as used at its last write. "
        f"The damaged file is kept as {aside.name}."
    ]
    clock.advance(HOUR - 20 * 60)
    assert take_all(budget) == 3
    assert len(json.loads(path.read_text())["calls"]) == 3


def test_a_link_to_itself_counts_as_spent_and_is_put_aside(path: Path, clock: FakeClock) -> None:
    """As any other damage: it does not keep the tracker from being asked for ever."""
    path.symlink_to(path.name)
    written_at = path.lstat().st_mtime
    clock.advance(written_at - clock.now().timestamp())
    budget = CallBudget(path, 3, clock)
    with pytest.raises(BudgetError):
        budget.take()
    assert [aside.is_symlink() for aside in path.parent.glob("*.damaged-*")] == [True]
    clock.advance(HOUR)
    assert take_all(budget) == 3
    assert not path.is_symlink()


@pytest.mark.parametrize("odd", [3, None, "yesterday", "2026-11-01T11:59:00", "0001-01-01T00:00:00+14:00"])
def test_odd_entry_counts_when_the_file_was_written(path: Path, clock: FakeClock, odd: object) -> None:
    """One unreadable time costs one call; the good ones beside it are kept."""
    good = clock.now() - timedelta(minutes=30)
    path.write_text(json.dumps({"calls": [good.isoformat(), odd]}))
    os.utime(path, (clock.now().timestamp(), clock.now().timestamp()))
    assert CallBudget(path, 3, clock).free() == 1
    clock.advance(HOUR / 2)
    assert CallBudget(path, 3, clock).free() == 2


@pytest.mark.parametrize("method", ["take", "free"])
def test_time_in_the_future_counts_as_now(path: Path, clock: FakeClock, method: str) -> None:
    """Calls written under a clock that was a year ahead block for an hour, not for a year."""
    ahead = FakeClock(clock.now() + timedelta(days=365))
    take_all(CallBudget(path, 2, ahead))
    if method == "take":
        with pytest.raises(BudgetError) as caught:
            CallBudget(path, 2, clock).take()
        assert caught.value.retry_after_seconds == HOUR
    else:
        assert CallBudget(path, 2, clock).free() == 0
    clock.advance(HOUR)
    assert CallBudget(path, 2, clock).free() == 2


def test_clock_put_forward_frees_nothing(path: Path, clock: FakeClock) -> None:
    """While a process runs, its calls age by the time that passed and not by what the clock says."""
    budget = CallBudget(path, 2, clock)
    take_all(budget)
    clock.advance(600)
    clock.jump(5 * HOUR)
    with pytest.raises(BudgetError) as caught:
        budget.take()
    assert caught.value.retry_after_seconds == HOUR - 600
    clock.advance(HOUR - 600)
    assert CallBudget(path, 2, clock).free() == 2


def test_a_clock_put_forward_frees_nothing_for_another_process(path: Path, clock: FakeClock) -> None:
    """A command that starts after the jump, which it did not see, and the daemon after the command."""
    daemon = CallBudget(path, 2, clock)
    take_all(daemon)
    clock.advance(600)
    clock.jump(5 * HOUR)
    command = CallBudget(path, 2, clock)
    assert command.free() == 0
    with pytest.raises(BudgetError) as caught:
        command.take()
    assert caught.value.retry_after_seconds == HOUR - 600
    clock.advance(HOUR - 600)
    assert take_all(command) == 2
    assert daemon.free() == 0


def test_after_a_start_of_the_machine_the_wall_clock_tells(path: Path, clock: FakeClock) -> None:
    """The monotonic clock begins anew then: what it said before is nothing to go by."""
    take_all(CallBudget(path, 2, clock, boot="before"))
    after = FakeClock(clock.now() + timedelta(minutes=20))
    assert CallBudget(path, 2, after, boot="after").free() == 0
    after.advance(HOUR - 20 * 60)
    assert CallBudget(path, 2, after, boot="after").free() == 2


@pytest.mark.parametrize("years", [1, 7000])
def test_calls_of_a_clock_that_was_ahead_block_for_an_hour(path: Path, clock: FakeClock, years: int) -> None:
    """Also over a start of the machine: they count as made when they are first seen, and age from then on."""
    take_all(CallBudget(path, 2, FakeClock(clock.now().replace(year=2026 + years)), boot="before"))
    assert CallBudget(path, 2, clock, boot="after").free() == 0
    clock.advance(HOUR)
    assert CallBudget(path, 2, clock, boot="after").free() == 2


@pytest.mark.parametrize("year", [1, 9999])
def test_times_at_the_ends_of_the_calendar(path: Path, clock: FakeClock, year: int) -> None:
    """A file that holds them counts: those of the past as over, those of the future as made now."""
    path.write_text(json.dumps({"calls": [f"{year:04}-12-31T23:59:59.999999+00:00"] * 2}))
    assert CallBudget(path, 2, clock).free() == (2 if year == 1 else 0)
    clock.advance(HOUR)
    assert CallBudget(path, 2, clock).free() == 2


def test_a_file_from_a_time_that_cannot_be(path: Path, clock: FakeClock) -> None:
    """A damaged file that was written in the year 33,658 counts as written now."""
    path.write_bytes(b"")
    os.utime(path, (1e12, 1e12))
    assert CallBudget(path, 2, clock).free() == 0
    clock.advance(HOUR)
    assert CallBudget(path, 2, clock).free() == 2


@pytest.mark.parametrize(
    "ticks", [[], ["a", "b"], [1e300, 2.0], [float("nan"), 1.0], [10**400, 1], [True, 1.0], None, 7]
)
def test_odd_ticks_leave_the_times_to_go_by(path: Path, clock: FakeClock, ticks: object) -> None:
    """What a hand edit made of them is passed over, and written anew."""
    budget = CallBudget(path, 2, clock)
    take_all(budget)
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"ticks": ticks}))
    clock.advance(600)
    with pytest.raises(BudgetError) as caught:
        budget.take()
    assert caught.value.retry_after_seconds == HOUR - 600
    assert len(json.loads(path.read_text())["ticks"]) == 2


def test_a_file_of_the_version_before(path: Path, clock: FakeClock) -> None:
    """It held the times alone; they count."""
    path.write_text(json.dumps({"calls": [(clock.now() - timedelta(minutes=10)).isoformat()]}))
    with pytest.raises(BudgetError) as caught:
        CallBudget(path, 1, clock).take()
    assert caught.value.retry_after_seconds == HOUR - 600


def test_no_call_without_a_count(tmp_path: Path, clock: FakeClock) -> None:
    """Where the count cannot be written, taking fails, and the file stays as it was."""
    with pytest.raises(StorageError, match="folder is missing"):
        CallBudget(tmp_path / "missing" / "calls.json", 5, clock).take()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "calls.json.lock").mkdir()
    with pytest.raises(StorageError, match=r"calls\.json\.lock: .* delete it"):
        CallBudget(tmp_path / "calls.json", 5, clock).take()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk_is_an_error_and_frees_nothing(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that the system refuses is a StorageError; what was counted before still counts."""
    budget = CallBudget(path, 2, clock)
    budget.take()
    real_open = os.open

    def open_full(name: str, flags: int, *args: int, **kwargs: object) -> int:
        is_new = flags & os.O_CREAT and str(name).endswith(".tmp")
        return real_open("/dev/full", os.O_WRONLY) if is_new else real_open(name, flags, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_full)
        patch.setattr(os, "fchmod", lambda *_: None)
        with pytest.raises(StorageError, match="No space left"):
            budget.take()
    assert budget.free() == 1


def test_budget_of_nothing_is_a_mistake(path: Path, clock: FakeClock) -> None:
    """A budget below one call is refused where it is made."""
    with pytest.raises(ValueError, match="at least 1"):
        CallBudget(path, 0, clock)


_STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "wait", "restart", "back", "cut"]), st.integers(1, 2400)), max_size=60
)


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(_STEPS, st.integers(1, 6))
def test_no_rolling_hour_has_more_calls(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], limit: int
) -> None:
    """Over any mix of calls, waits, restarts, a clock set back and a damaged file the limit holds."""
    path = tmp_path_factory.mktemp("budget") / "calls.json"
    clock = FakeClock()
    budget = CallBudget(path, limit, clock)
    made: list[float] = []
    for step, seconds in steps:
        match step:
            case "take":
                with contextlib.suppress(BudgetError):
                    budget.take()
                    made.append(clock.monotonic())
            case "wait":
                clock.advance(seconds)
            case "restart":
                budget = CallBudget(path, limit, clock)
            case "back":
                clock.jump(-seconds)
            case "cut" if path.exists():
                path.write_bytes(path.read_bytes()[:-5])
                os.utime(path, (clock.now().timestamp(), clock.now().timestamp()))
    for start in made:
        assert sum(start <= call < start + HOUR for call in made) <= limit


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["take", "wait", "jump"]), st.integers(-9000, 9000)), max_size=60))
def test_no_clock_change_lets_a_running_process_overspend(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """However the wall clock is set while the process runs, no hour that really passed has more calls."""
    clock = FakeClock()
    budget = CallBudget(tmp_path_factory.mktemp("budget") / "calls.json", 3, clock)
    made: list[float] = []
    for step, seconds in steps:
        if step == "wait":
            clock.advance(abs(seconds) / 4)
        elif step == "jump":
            clock.jump(seconds)
        elif budget.free():
            budget.take()
            made.append(clock.monotonic())
    for start in made:
        assert sum(start <= call < start + HOUR for call in made) <= 3


_PROCESS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from movie_sync.errors import BudgetError
from movie_sync.storage.call_budget import CallBudget

class SystemClock:
    now = staticmethod(lambda: datetime.now(UTC))
    monotonic = staticmethod(time.monotonic)

budget = CallBudget(Path(sys.argv[1]), 60, SystemClock())
sys.stdin.readline()
taken = 0
try:
    while True:
        budget.take()
        taken += 1
except BudgetError:
    print(taken)
"""


def test_two_processes_share_one_budget(path: Path) -> None:
    """Two processes that call at the same time make together exactly what is allowed."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, str(path)],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0] for process in processes]
    assert sum(int(answer) for answer in answers) == 60
