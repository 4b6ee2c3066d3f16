"""No crash, no power failure and no full disk loses a film or leaves one in two queues.

Every file-system call of a scenario with forty films is a crash point, and every state that the
disk may be in then is loaded anew; so is every state in which that loading may be cut off in turn.
"""

import errno
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from crash_harness import Call, Disk, Recorder, Tree, freeze, read_tree, write_tree
from fakes import FakeClock

from movie_sync.domain.models import Choice, Movie, QueueEntry, QueueName
from movie_sync.errors import StorageError
from movie_sync.queue_manager import QueueManager
from movie_sync.storage.inbox import Inbox, Request

Films = dict[str, tuple[QueueName, QueueEntry]]
"""Where each film is, by its id."""


def film(number: int) -> Movie:
    """Return a made-up film."""
    return Movie(
        id=f"lid{number:02}",
        slug=f"film-{number}",
        title=f"Film {number} \u2014 \u00e9t\u00e9",
        year=1950 + number,
        url=f"https://letterboxd.com/film/film-{number}/",
        imdb_id=f"tt{number:07}" if number % 3 else None,
    )


def choice(number: int) -> Choice:
    """Return the release that is handed over for that film."""
    return Choice(f"Film.{number}.1080p.BluRay-GRP", 1000 + number, f"{number:040x}")


@dataclass
class World:
    """The queues on a folder, the inbox beside them, and a torrent client that no crash touches."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    handed_over: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Load the queues as a new process does, and carry out what waits in the inbox."""
        self.queues = QueueManager(self.folder, clock=self.clock)
        self.inbox = Inbox(self.folder / "inbox", self.clock)

    def carry_out_requests(self) -> None:
        """Empty the inbox, as the daemon does."""
        self.inbox.drain(self._carry_out)

    def _carry_out(self, request: Request) -> None:
        for movie in request.movies:
            self.queues.add_to_pending(movie, by_command=True)
        if request.kind == "remove":
            self.queues.remove(request.films)

    def films(self) -> Films:
        """Return where each film is, and fail if one is in two places."""
        places: Films = {}
        for name in QueueName:
            for entry in self.queues.entries(name):
                assert entry.movie.id not in places, f"{entry.movie.slug} is in two queues"
                places[entry.movie.id] = (name, entry)
        return places

    # --- what can happen ------------------------------------------------------------------

    def hand_over_next(self) -> None:
        """Do what the download worker does with the film in hand, up to the client."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        number = int(entry.movie.id[3:])
        assert self.queues.note_choice(entry.movie, choice(number))
        self.handed_over.append(entry.movie.id)

    def complete_next(self) -> None:
        """Write down that the film in hand was handed over."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        self.queues.add_to_completed(entry.movie, choice=entry.choice)

    def fail_next(self, *, minutes: int | None) -> None:
        """Let the film in hand fail."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        at = None if minutes is None else self.clock.now() + timedelta(minutes=minutes)
        self.queues.add_to_failed(entry.movie, "no release yet", at, waits_for_release=True)

    def list_again(self) -> None:
        """Take two completed films for fresh wishes, one of which was handed over."""
        self.handed_over.remove(film(1).id)
        self.queues.add_all_to_pending([film(32), film(1)], again=True)

    def retry_due(self) -> None:
        """Queue anew what has fallen due."""
        self.clock.advance(3600)
        for movie in self.queues.get_movies_ready_for_retry(5):
            self.queues.move_failed_to_pending(movie)


Step = Callable[[World], object]


def scenario() -> list[Step]:
    """Return the steps: each is one durable operation or a few that a crash may fall between."""
    steps: list[Step] = [
        lambda w: w.queues.add_all_to_pending([film(number) for number in range(1, 31)]),
        lambda w: w.queues.add_all_to_completed([(film(31), "/films/a"), (film(32), "/films/b")]),
    ]
    for _ in range(3):
        steps += [World.hand_over_next, World.complete_next, lambda w: w.fail_next(minutes=30)]
    steps += [
        lambda w: w.queues.note_film(film(7), film(7)),
        lambda w: w.fail_next(minutes=None),
        World.retry_due,
        World.restart,
        lambda w: w.inbox.put(Request("add", movies=(film(33), film(34)))),
        World.carry_out_requests,
        lambda w: w.queues.remove(["film-8", "lid31", "film-2"]),
        lambda w: w.queues.add_to_pending(film(8), by_command=True),
        lambda w: w.queues.drop_unlisted([film(9), film(10), film(7)]),
        lambda w: w.queues.add_all_to_pending([film(9), film(35), film(36)]),
        World.list_again,
        lambda w: w.queues.retry(None),
        lambda w: w.inbox.put(Request("remove", films=("film-11", "lid12"))),
        World.carry_out_requests,
        lambda w: w.fail_next(minutes=5),
        lambda w: w.fail_next(minutes=5),
        lambda w: w.queues.retry(["film-13"]),
        World.restart,
    ]
    steps += [World.hand_over_next, World.complete_next] * 3
    steps += [lambda w: w.queues.add_all_to_pending([film(number) for number in range(37, 41)])]
    return steps


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder in memory where there is one: thousands of states are laid out in it."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="movie-sync-", dir=base))
    yield path / "data"
    shutil.rmtree(path)


@dataclass
class Survey:
    """Loads disk states and judges them; each state is looked at once."""

    folder: Path
    seen: set[object] = field(default_factory=set)
    points: int = 0
    while_loading: int = 0

    def judge(self, tree: Tree, allowed: tuple[Films, Films], handed_over: frozenset[str], step: int) -> None:
        """Load what lies on a disk: each film must be where it was before or after the step."""
        key = (freeze(tree), step)
        if key in self.seen:
            return
        self.seen.add(key)
        write_tree(self.folder, tree)
        recorder = Recorder(self.folder)
        with recorder.watching():
            world = World(self.folder)
            found = world.films()
            world.carry_out_requests()
        _check_films(world.films(), allowed)
        _check_not_twice(found, handed_over)
        _check_files(self.folder)
        self._judge_cut_loading(tree, recorder, allowed, handed_over, step)

    def _judge_cut_loading(
        self, tree: Tree, recorder: Recorder, allowed: tuple[Films, Films], handed: frozenset[str], step: int
    ) -> None:
        disk = Disk().start_from(tree)
        for call in recorder.calls:
            self.while_loading += 1
            for left in (*disk.after_kill(call), *disk.after_power_failure()):
                self.judge(left, allowed, handed, step)
            disk.carry_out(call)


def _check_films(found: Films, allowed: tuple[Films, Films]) -> None:
    before, after = allowed
    for film_id in before.keys() | after.keys() | found.keys():
        assert _plain(found.get(film_id)) in (_plain(before.get(film_id)), _plain(after.get(film_id)))


def _plain(place: tuple[QueueName, QueueEntry] | None) -> tuple[QueueName, object, object] | None:
    """Return what must be kept of a film's state: not the number or time of a write done again."""
    if place is None:
        return None
    name, entry = place
    state = (entry.movie, entry.retry_count, entry.error, entry.retry_at, entry.reason, entry.by_command)
    return name, state, entry.choice


def _check_not_twice(found: Films, handed_over: frozenset[str]) -> None:
    """What the client has must be completed or carry the hash by which it is found there."""
    for film_id in handed_over:
        name, entry = found[film_id]
        assert name is not QueueName.PENDING or entry.choice is not None


def _check_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert path.suffix != ".tmp", f"{path.name} was left behind"
        assert "damaged" not in path.name
        if path.is_file() and path.suffix in {".json", ".previous"}:
            json.loads(path.read_bytes())


@pytest.mark.timeout(600)
def test_every_crash_point_leaves_each_film_in_one_queue(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    """Process death and power failure at every call: no film lost, doubled or handed over twice."""
    folder.mkdir()
    world = World(folder)
    disk = Disk()
    survey = Survey(folder.with_name("rebuilt"))
    for number, step in enumerate(scenario()):
        before = _settled(world)  # what a request asks for counts from the moment it is written
        handed_over = frozenset(world.handed_over)
        recorder = Recorder(folder)
        with recorder.watching():
            step(world)
        handed_over &= frozenset(world.handed_over)
        allowed = (before, _settled(world))
        for call in recorder.calls:
            survey.points += 1
            for tree in (*disk.after_kill(call), *disk.after_power_failure()):
                survey.judge(tree, allowed, handed_over, number)
            disk.carry_out(call)
        assert read_tree(folder) == next(iter(disk.after_kill())), "the model of the disk is wrong"
    assert len(world.films()) >= 30
    record_property(
        "measured",
        f"{survey.points} crash points in a scenario with {len(world.films())} films and {survey.while_loading} "
        f"while starting after one; {len(survey.seen)} states of the disk started from",
    )
    assert survey.points > 300


def test_no_change_of_the_disk_goes_unseen(folder: Path) -> None:
    """Python's own audit of the scenario knows of no change to the disk that is not a crash point."""
    folder.mkdir()
    world = World(folder)
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


def _settled(world: World) -> Films:
    """Return where the films are once what waits in the inbox is carried out."""
    with tempfile.TemporaryDirectory(dir=world.folder.parent) as copy:
        shutil.copytree(world.folder, copy, dirs_exist_ok=True)
        other = World(Path(copy), FakeClock(world.clock.now()))
        other.carry_out_requests()
        return other.films()


# --- a crash while damage is mended ---------------------------------------------------------


def _some_world(folder: Path) -> World:
    """Return queues with films in all four files, each file with an earlier generation."""
    world = World(folder)
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
    folder.mkdir()
    _some_world(folder)
    path = folder / f"queue_{queue}.json"
    DAMAGES[damage](path)
    evidence = b"kept" if path.is_dir() else path.read_bytes()
    tree = read_tree(folder)
    expected = {film_id: _plain(place) for film_id, place in World(folder).films().items()}
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
            found = World(folder).films()
        assert {film_id: _plain(place) for film_id, place in found.items()} == expected
        assert any(evidence == content for content in read_tree(folder).values())
        disk = Disk().start_from(tree)
        for call in recorder.calls:
            waiting += [*disk.after_kill(call), *disk.after_power_failure()]
            disk.carry_out(call)
    assert states > 5


# --- a disk that refuses --------------------------------------------------------------------

OPERATIONS: dict[str, Step] = {
    "queue many": lambda w: w.queues.add_all_to_pending([film(number) for number in range(50, 60)]),
    "queue by command": lambda w: w.queues.add_to_pending(film(1), by_command=True),
    "note a film": lambda w: w.queues.note_film(film(13), film(13)),
    "note a choice": lambda w: w.queues.note_choice(film(13), choice(13)),
    "complete": lambda w: w.queues.add_to_completed(film(13), choice=choice(13)),
    "complete many": lambda w: w.queues.add_all_to_completed([(film(60), "/films/x")]),
    "fail": lambda w: w.queues.add_to_failed(film(13), "gone", None),
    "requeue": lambda w: w.queues.move_failed_to_pending(film(7)),
    "retry": lambda w: w.queues.retry(None),
    "remove": lambda w: w.queues.remove(["film-13", "film-7", "lid01"]),
    "drop pending ones": lambda w: w.queues.drop_unlisted([film(13), film(14)]),
    "drop a failed one": lambda w: w.queues.drop_unlisted([film(7)]),
    "list again": lambda w: w.queues.add_all_to_pending([film(1)], again=True),
    "ask by command": lambda w: w.inbox.put(Request("add", movies=(film(61),))),
}


@pytest.mark.parametrize(
    ("error", "lasts"),
    [(errno.ENOSPC, False), (errno.EROFS, True)],
    ids=["full for one call", "read-only from then on"],
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_disk_that_refuses_any_call_changes_nothing(
    folder: Path, operation: str, lasts: bool, error: int
) -> None:
    """An operation is done, or it is a StorageError with memory and disk as before; then it works again."""
    folder.mkdir()
    _some_world(folder)
    tree = read_tree(folder)
    act = OPERATIONS[operation]
    refused = 0
    for number in range(10_000):
        write_tree(folder, tree)
        world = World(folder)
        before = world.films()
        recorder = Recorder(folder)
        recorder.fail_from, recorder.error = number, error
        recorder.fail_until = 10_000 if lasts else number + 1
        has_failed = False
        with recorder.watching():
            try:
                act(world)
            except StorageError:
                has_failed = True
        if len(recorder.calls) <= number:
            break
        refused += has_failed
        if has_failed:
            _check_films(world.films(), (before, before))
        after = world.films()
        on_disk = _reloaded(folder)
        was_flushing = lasts and recorder.calls[number] == Call("fsync", ".")
        if not was_flushing:  # what is renamed cannot be taken back on a disk that refuses everything
            _check_films(on_disk, (after, after))
        act(world)
        world.restart()
        world.carry_out_requests()
        assert {key: place[0] for key, place in world.films().items()} == _names_after(tree, folder, act)
        assert not list(folder.glob("*.tmp"))
    assert refused >= 3


def _reloaded(folder: Path) -> Films:
    """Return what a new process would find, without touching the folder."""
    world = World.__new__(World)
    world.queues = QueueManager(folder, clock=FakeClock(), writable=False)
    return world.films()


def _names_after(tree: Tree, folder: Path, act: Step) -> dict[str, QueueName]:
    other = folder.with_name("undisturbed")
    write_tree(other, tree)
    world = World(other)
    act(world)
    world.carry_out_requests()
    return {key: place[0] for key, place in world.films().items()}
