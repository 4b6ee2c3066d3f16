"""The queues in a world that may end at any file-system call, and what must hold when it starts anew."""

import errno
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from house.crash_disk import Call, Content, Disk, Key, Recorder, Tree, freeze, read_tree, write_tree
from house.fakes import FakeClock
from house.films import choice, film, hash_of, on_filelist
from movie_sync.daemon.inbox import Inbox, Request
from movie_sync.domain.models import Choice, QueueName
from movie_sync.errors import StorageError
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import FailedRelease, Seeding, Stage, TorrentProgress, Watch


@contextmanager
def folder_in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder in memory where there is one: thousands of states are laid out in it."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="movie-sync-", dir=base))
    monkeypatch.setattr(tempfile, "tempdir", str(path))  # the queues' scratch files too
    (path / "data").mkdir()
    yield path / "data"
    shutil.rmtree(path)


Films = dict[str, tuple[QueueName, QueueEntry]]
"""Where each film is, by its id."""


def hashes(entry: QueueEntry) -> set[str]:
    """Return the torrents that a film is known to have had."""
    present = (each.choice for each in entry.torrents())
    before = (old.choice for old in entry.set_aside)
    return {choice.info_hash for choice in (*present, *before) if choice}


@dataclass
class CrashWorld:
    """The queues on a folder, the inbox beside them, and a torrent client that no crash touches."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    client: dict[str, bool] = field(default_factory=dict)
    """Which torrents the client holds, by info-hash, and whether they are whole."""

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Load the queues as a new process does, and carry out what waits in the inbox."""
        self.queues = QueueManager(self.folder, clock=self.clock)
        self.inbox = Inbox(self.folder / "inbox", self.clock)

    def carry_out_requests(self) -> int:
        """Empty the inbox, as the daemon does; return how many requests that were."""
        return self.inbox.drain(self._carry_out)

    def _carry_out(self, request: Request) -> None:
        for movie in request.movies:
            if request.kind == "grab" and request.release:
                self.queues.grab(movie, request.release)
            elif request.kind == "reject" and request.release:
                self.queues.reject(movie, request.release)
            else:
                self.queues.add_by_command([movie], request.preset)
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

    def entry(self, number: int) -> QueueEntry:
        """Return what is known of a film."""
        found = self.queues.find(film(number).slug)
        assert found is not None
        return found[1]

    def hand_over(self, entry: QueueEntry) -> None:
        """Do what the download worker does with the film in hand, up to the client."""
        release = choice(int(entry.movie.id[1:]), len(entry.tried))
        assert self.queues.note_choice(entry.movie, release)
        self.client[release.info_hash] = False

    def hand_over_next(self) -> None:
        """Hand over the film in hand."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        self.hand_over(entry)

    def complete_next(self) -> None:
        """Write down that the film in hand was handed over, and follow its torrent."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        follow = TorrentProgress(Stage.ADDED, self.clock.now())
        self.queues.add_to_completed(entry.movie, choice=entry.choice, follow=follow)

    def hand_over_grabbed(self, number: int) -> None:
        """Hand over the release that the user has taken for a film; another one is not written down."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        assert entry.word.grabbed == on_filelist(number)
        release = Choice(f"Taken {number}", on_filelist(number), hash_of(number))
        assert not self.queues.note_choice(entry.movie, choice(1, 7)), "another one than that"
        assert self.queues.note_choice(entry.movie, release)
        self.client[release.info_hash] = False

    def note_progress(self) -> None:
        """Write down what the client shows of the torrents that are followed."""
        seen = {}
        for entry in (each for held in self.queues.followed() for each in held.torrents()):
            if entry.choice is not None and entry.follow is not None:
                is_whole = self.client.get(entry.choice.info_hash, False)
                stage = Stage.DOWNLOADED if is_whole else Stage.DOWNLOADING
                follow = TorrentProgress(stage, self.clock.now(), progress=1.0 if is_whole else 0.25)
                seen[entry.choice.info_hash] = follow
        self.queues.note_progress(seen)

    def finish(self, number: int) -> None:
        """Let a film's torrent become whole, and write that down."""
        now_held = self.entry(number).choice
        assert now_held is not None
        self.client[now_held.info_hash] = True
        self.note_progress()

    def give_up(self, number: int) -> None:
        """Give up a film's torrent, which stays in the client."""
        entry = self.entry(number)
        assert entry.choice is not None
        assert self.queues.give_up(entry.movie, FailedRelease(entry.choice, "stalled", f"Film {number}"))

    def finish_given_up(self, number: int) -> None:
        """Let the torrent that was given up first become whole after all."""
        entry = self.entry(number)
        won = entry.tried[0].choice
        self.client[won.info_hash] = True
        follow = TorrentProgress(Stage.DOWNLOADED, self.clock.now(), progress=1.0, path=f"/films/{number}")
        assert self.queues.finish_with(entry.movie, won, follow, overtaken="the other was whole first")

    def begin_upgrade(self, number: int) -> None:
        """Do what the download worker does with a better release of a film, up to the client."""
        entry, better = self.entry(number), choice(number, 7)
        assert entry.choice is not None
        assert self.queues.begin_upgrade(entry.movie, entry.choice, better)
        self.client[better.info_hash] = False

    def follow_upgrade(self, number: int) -> None:
        """Write down that it was handed over, and follow it."""
        follow = TorrentProgress(Stage.ADDED, self.clock.now())
        assert self.queues.note_upgrade(film(number), choice(number, 7), follow)

    def finish_upgrade(self, number: int) -> None:
        """Let it become whole, and write that down."""
        self.client[choice(number, 7).info_hash] = True
        self.note_progress()

    def note_seeding(self) -> None:
        """Write down what the client shows of whole torrents, and of those that others took the place of."""
        seeding = Seeding(self.clock.now(), 0.5, 3600)
        choices = [old.choice for entry in self.queues.with_replaced() for old in entry.replaced]
        watched = self.queues.watched(Watch.OFTEN, 0, 100)
        choices += [entry.choice for _, entry in watched if entry.choice]
        seen = {choice.info_hash: seeding for choice in choices}
        self.queues.note_seeding(seen, {number for number, _ in watched})

    def look_again(self) -> None:
        """Look for every film that waits for a release, besides its schedule."""
        movies = [entry.movie for entry in self.queues.waiting_films()]
        assert movies
        assert self.queues.look_again(movies) == movies

    def put_back(self) -> None:
        """Put what was looked for in vain back where it was."""
        for entry in self.queues.entries(QueueName.PENDING):
            if entry.is_extra_look:
                self.queues.add_to_failed(
                    entry.movie, "still none", entry.retry_at,
                    counts=False, waits_for_release=True, searched_at=self.clock.now(),
                )  # fmt: skip

    def fail_next(self, *, minutes: int | None) -> None:
        """Let the film in hand fail."""
        entry = self.queues.get_next_pending()
        assert entry is not None
        at = None if minutes is None else self.clock.now() + timedelta(minutes=minutes)
        self.queues.add_to_failed(entry.movie, "no release yet", at, waits_for_release=True)

    def list_again(self) -> None:
        """Take two completed films for fresh wishes, one of which was handed over."""
        del self.client[choice(1).info_hash]
        self.queues.add_all_to_pending([film(32), film(1)], again=True)

    def retry_due(self) -> None:
        """Queue anew what has fallen due."""
        self.clock.advance(3600)
        due = self.queues.get_movies_ready_for_retry(5)
        assert self.queues.move_all_failed_to_pending(due) == due

    def give_up_on_due(self) -> None:
        """Let two films fail for good, as only one attempt is allowed now."""
        self.clock.advance(3600)
        assert len(self.queues.give_up_on_due(1)) == 2


Step = Callable[[CrashWorld], object]


Plain = tuple[QueueName, object]
"""What must be kept of a film's state."""


@dataclass(frozen=True)
class Bounds:
    """Where a step may leave the films, and what the client held before and after it."""

    before: dict[str, Plain]
    after: dict[str, Plain]
    held: frozenset[str]
    unfinished: frozenset[str]
    kept: dict[str, set[str]]
    """The torrents that each film is known to have had, before and after."""
    downloaded: frozenset[str]
    """The films whose torrent was whole, before and after."""


@dataclass(frozen=True)
class Start:
    """What the queues found when they were started from a state of the disk."""

    films: Films
    """Before what waits in the inbox is carried out."""
    settled: dict[str, Plain]
    """After that."""
    calls: int
    cut_off: list[Key]
    """The states in which a crash while starting may leave the disk."""


@dataclass
class Survey:
    """Starts from states of the disk and judges what is found. From each state it starts once."""

    folder: Path
    trees: dict[Key, Tree] = field(default_factory=dict)
    starts: dict[Key, Start] = field(default_factory=dict)
    points: int = 0
    while_loading: int = 0

    def judge(self, trees: Iterable[Tree], bounds: Bounds, seen: set[Key]) -> None:
        """Each film must be where it was before or after a step, also if starting is cut off in turn."""
        waiting = self._keys(trees)
        while waiting:
            key = waiting.pop()
            if key in seen:
                continue
            seen.add(key)
            start = self.starts.get(key) or self._start(key)
            self.while_loading += start.calls
            _check_settled(start.settled, bounds)
            _check_films(start.films, bounds)
            waiting += start.cut_off

    def summary(self, world: CrashWorld) -> str:
        """Return what was done, in a line."""
        return (
            f"{self.points} crash points in a scenario with {len(world.films())} films and "
            f"{self.while_loading} while starting after one; {len(self.starts)} states of the disk started from"
        )

    def _start(self, key: Key) -> Start:
        tree = self.trees[key]
        write_tree(self.folder, tree)
        recorder = Recorder(self.folder)
        with recorder.watching(), _never_reading(left_over(tree)):
            world = CrashWorld(self.folder)
            films = world.films()
            has_requests = world.carry_out_requests() > 0
            settled = world.films() if has_requests else films
        _check_indexes(world.queues, settled)
        _check_files(self.folder)
        disk = Disk().start_from(tree)
        cut_off: list[Key] = []
        told: set[object] = set()
        for call in recorder.calls:
            cut_off += self._keys(disk.all_after(call, told))
            disk.carry_out(call)
        start = Start(films, all_plain(settled), len(recorder.calls), list(dict.fromkeys(cut_off)))
        self.starts[key] = start
        return start

    def _keys(self, trees: Iterable[Tree]) -> list[Key]:
        keys = []
        for tree in map(_without_what_is_never_read, trees):
            key = freeze(tree)
            self.trees.setdefault(key, tree)
            keys.append(key)
        return keys


def left_over(tree: Tree) -> list[str]:
    """Return the temporary files beside what they were to replace: a start deletes them unread."""
    return [path for path in tree if path.endswith(".tmp") and path.removesuffix(".tmp") in tree]


def _without_what_is_never_read(tree: Tree) -> Tree:
    """Let states that differ in nothing but that be one state. `_never_reading` proves that it is right."""
    return tree | {path: Content(path.encode()) for path in left_over(tree)}


@contextmanager
def _never_reading(paths: Iterable[str]) -> Iterator[None]:
    """Fail if a file is opened whose path ends so."""
    endings = tuple(f"/{path}" for path in paths)
    _opened.clear()
    _made.clear()
    yield
    assert not [path for path in _opened if endings and path.endswith(endings)]


def _note_opened(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(".tmp"):
        makes_anew = isinstance(arguments[2], int) and arguments[2] & os.O_EXCL
        if makes_anew:
            _made.add(arguments[0])
        elif arguments[0] not in _made:
            _opened.append(arguments[0])


_opened: list[str] = []
_made: set[str] = set()
sys.addaudithook(_note_opened)  # it cannot be taken out again


def _bounds(
    before: Films, after: Films, client_before: dict[str, bool], client_after: dict[str, bool]
) -> Bounds:
    """Return what must hold at every moment of a step that leads from one state to another."""
    both = before.keys() & after.keys()
    return Bounds(
        before=all_plain(before),
        after=all_plain(after),
        held=frozenset(client_before.keys() & client_after.keys()),
        unfinished=frozenset(
            info_hash
            for client in (client_before, client_after)
            for info_hash, is_whole in client.items()
            if not is_whole
        ),
        kept={
            film_id: kept
            for film_id in both
            if (kept := hashes(before[film_id][1]) & hashes(after[film_id][1]))
        },
        downloaded=frozenset(
            film_id for film_id in both if _is_downloaded(before[film_id]) and _is_downloaded(after[film_id])
        ),
    )


def _check_settled(found: dict[str, Plain], bounds: Bounds) -> None:
    before, after = bounds.before, bounds.after
    for film_id in before.keys() | after.keys() | found.keys():
        assert found.get(film_id) in (before.get(film_id), after.get(film_id))


def _plain(place: tuple[QueueName, QueueEntry]) -> Plain:
    """Return what must be kept of a film's state: not the number or time of a write done again."""
    name, entry = place
    return name, (
        entry.movie,
        entry.retry_count,
        entry.error,
        entry.retry_at,
        entry.waits_for_release,
        entry.reason,
        entry.by_command,
        entry.choice,
        entry.follow,
        entry.tried,
        entry.searched_at,
        entry.is_extra_look,
        entry.word,
        entry.replaced,
        entry.upgrade,
    )


def all_plain(films: Films) -> dict[str, Plain]:
    """Return the same of all films, by id."""
    return {film_id: _plain(place) for film_id, place in films.items()}


def _check_films(found: Films, bounds: Bounds) -> None:
    # What the client has is known by its info-hash: it is not handed over once more.
    known = {info_hash for _, entry in found.values() for info_hash in hashes(entry)}
    assert bounds.held <= known
    for film_id, kept in bounds.kept.items():
        assert kept <= hashes(found[film_id][1]), "a torrent is forgotten"
    for film_id in bounds.downloaded:
        assert _is_downloaded(found[film_id]), "a downloaded film goes back"
    unfinished = {
        each.choice.info_hash
        for _, entry in found.values()
        for each in entry.torrents()
        if each.choice and each.is_unfinished
    }
    assert unfinished <= bounds.unfinished, "more counts as unfinished than the client is to finish"


def _is_downloaded(place: tuple[QueueName, QueueEntry]) -> bool:
    name, entry = place
    is_whole = entry.follow is not None and entry.follow.stage is Stage.DOWNLOADED
    return name is QueueName.COMPLETED and is_whole


def _check_indexes(queues: QueueManager, films: Films) -> None:
    """What is counted and looked for must agree with the entries, and the next film be the right one."""
    entries: dict[QueueName, list[QueueEntry]] = {name: [] for name in QueueName}
    for name, entry in films.values():
        entries[name].append(entry)
    everywhere = [*entries[QueueName.COMPLETED], *entries[QueueName.PENDING], *entries[QueueName.FAILED]]
    assert queues.followed() == [entry for entry in everywhere if entry.is_followed or entry.upgrade]
    assert queues.unfinished_count() == sum(
        any(each.is_unfinished for each in entry.torrents()) for entry in entries[QueueName.COMPLETED]
    )
    assert queues.with_replaced() == [
        entry for entry in everywhere if any(not old.seeding.is_settled for old in entry.replaced)
    ]
    assert list(queues.waiting_films()) == [
        entry for entry in entries[QueueName.FAILED] if entry.waits_for_release
    ]
    pending = entries[QueueName.PENDING]
    chosen = [entry for entry in pending if entry.choice]
    newest_first = sorted(pending, key=lambda entry: entry.added_at, reverse=True)
    assert queues.get_next_pending() == next(iter(chosen or newest_first), None)


def _check_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert path.suffix != ".tmp", f"{path.name} was left behind"
        assert "damaged" not in path.name
        if path.is_file() and path.suffix in {".json", ".previous"}:
            json.loads(path.read_bytes())


REFUSALS = {
    "full for one call": (errno.ENOSPC, False),
    "read-only from then on": (errno.EROFS, True),
}
"""How a disk refuses: the error, and whether it lasts."""


def run_through(steps: Iterable[Step], folder: Path) -> tuple[CrashWorld, Survey]:
    """Carry out the steps in an empty folder, and judge what a crash may leave at every call."""
    world = CrashWorld(folder)
    disk = Disk()
    survey = Survey(folder.with_name("rebuilt"))
    for step in steps:
        before, client = settled_films(world), dict(world.client)  # a request counts from when it is written
        recorder = Recorder(folder)
        with recorder.watching():
            step(world)
        bounds = _bounds(before, settled_films(world), client, world.client)
        seen: set[Key] = set()
        told: set[object] = set()
        for call in recorder.calls:
            survey.points += 1
            survey.judge(disk.all_after(call, told), bounds, seen)
            disk.carry_out(call)
        assert read_tree(folder) == next(iter(disk.after_kill())), "the model of the disk is wrong"
    return world, survey


def settled_films(world: CrashWorld) -> Films:
    """Return where the films are once what waits in the inbox is carried out."""
    with tempfile.TemporaryDirectory(dir=world.folder.parent) as copy:
        shutil.copytree(world.folder, copy, dirs_exist_ok=True)
        other = CrashWorld(Path(copy), FakeClock(world.clock.now()))
        other.carry_out_requests()
        return other.films()


def check_refusals(folder: Path, act: Step, *, lasts: bool, error: int) -> None:
    """Let each call of a step be refused, once or from then on, on the queues in that folder."""
    tree = read_tree(folder)
    refused = 0
    for number in range(10_000):
        write_tree(folder, tree)
        world = CrashWorld(folder)
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
            assert all_plain(world.films()) == all_plain(before)
        after = world.films()
        on_disk = _reloaded(folder)
        was_flushing = lasts and recorder.calls[number] == Call("fsync", ".")
        if not was_flushing:  # what is renamed cannot be taken back on a disk that refuses everything
            assert all_plain(on_disk) == all_plain(after)
        act(world)
        world.restart()
        world.carry_out_requests()
        assert {key: place[0] for key, place in world.films().items()} == _names_after(tree, folder, act)
        assert not list(folder.glob("*.tmp"))
    assert refused >= 3


def _reloaded(folder: Path) -> Films:
    """Return what a new process would find, without touching the folder."""
    world = CrashWorld.__new__(CrashWorld)
    world.queues = QueueManager(folder, clock=FakeClock(), writable=False)
    return world.films()


def _names_after(tree: Tree, folder: Path, act: Step) -> dict[str, QueueName]:
    other = folder.with_name("undisturbed")
    write_tree(other, tree)
    world = CrashWorld(other)
    act(world)
    world.carry_out_requests()
    return {key: place[0] for key, place in world.films().items()}
