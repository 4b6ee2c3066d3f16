"""Any sequence of operations, failures, restarts, edits by hand and threads, against a simple model."""

import dataclasses
import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

from house.crash_disk import Recorder
from house.fakes import FakeClock
from house.films import choice, film
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from movie_sync.domain.models import QueueName
from movie_sync.errors import StorageError
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import FailedRelease, Stage, TorrentProgress

PENDING, FAILED, COMPLETED, REMOVED = QueueName
NAMES = "abcdefgh"

names = st.sampled_from(NAMES)
few_names = st.lists(names, max_size=4)
# The number of the file-system call of the next operation that fails, if one does.
refusals = st.none() | st.none() | st.integers(0, 14)


@dataclasses.dataclass(frozen=True)
class State:
    """What the model knows of a film besides where it is."""

    failures: int = 0
    choice: int | None = None
    """The number of its present release."""
    retry_at: datetime | None = None
    waits: bool = False
    by_command: bool = False
    stage: Stage | None = None
    tried: tuple[int, ...] = ()
    is_extra_look: bool = False
    added_at: datetime | None = dataclasses.field(default=None, compare=False)

    def next_choice(self) -> int:
        """Return the number of a release that was not tried."""
        return next(number for number in range(100) if number not in self.tried)

    def in_queue(self, queue: QueueName) -> "State":
        """Return what that queue keeps of it."""
        is_failed, is_completed = queue is FAILED, queue is COMPLETED
        is_extra_look = self.is_extra_look and queue is PENDING
        return dataclasses.replace(
            self,
            # Earlier failures of a completed film are of no interest any more.
            failures=0 if is_completed else self.failures,
            retry_at=self.retry_at if is_failed or is_extra_look else None,
            waits=self.waits and (is_failed or is_extra_look),
            stage=self.stage if is_completed else None,
            is_extra_look=is_extra_look,
        )


class Model:
    """Four ordered lists in memory: what the queues should be."""

    def __init__(self) -> None:
        self.queues: dict[QueueName, dict[str, State]] = {queue: {} for queue in QueueName}

    def place(self, name: str) -> QueueName | None:
        """Return where a film is."""
        return next((queue for queue, films in self.queues.items() if name in films), None)

    def move(self, name: str, target: QueueName, state: State) -> None:
        """Put a film at the end of a queue."""
        self.drop(name)
        self.queues[target][name] = state.in_queue(target)

    def state(self, name: str) -> State:
        """Return what is known of a film, wherever it is."""
        place = self.place(name)
        return self.queues[place][name] if place else State()

    def drop(self, name: str) -> None:
        """Forget a film."""
        for films in self.queues.values():
            films.pop(name, None)


class QueueMachine(RuleBasedStateMachine):
    """Each rule does one thing to the queues and the same to the model."""

    def __init__(self) -> None:
        super().__init__()
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.base = Path(tempfile.mkdtemp(prefix="movie-sync-", dir=base))
        self.folder = self.base / "data"
        self.folder.mkdir()
        # The queues' scratch files too.
        self.scratch = mock.patch.object(tempfile, "tempdir", str(self.base))
        self.scratch.start()
        self.clock = FakeClock()
        self.model = Model()
        self.queues = QueueManager(self.folder, clock=self.clock)

    def teardown(self) -> None:
        """Delete the folder."""
        self.scratch.stop()
        shutil.rmtree(self.base)

    def attempt(self, act: Callable[[], object], refusal: int | None, apply: Callable[[], object]) -> None:
        """Do something while one call may be refused: the model follows unless it is an error."""
        recorder = Recorder(self.folder)
        if refusal is not None:
            recorder.fail_from, recorder.fail_until = refusal, refusal + 1
        with recorder.watching():
            try:
                act()
            except StorageError:
                assert refusal is not None
                return
        apply()

    # --- operations -----------------------------------------------------------------------

    def asked_anew(self, name: str) -> State:
        """Return a fresh wish's state: what was tried stays with it, and a torrent that is on its way."""
        if self.model.place(name) is None:
            return State(added_at=self.clock.now())
        known = self.model.state(name)
        is_on_its_way = known.stage not in {None, Stage.DOWNLOADED, Stage.REMOVED}
        return State(
            added_at=self.clock.now(), tried=known.tried, choice=known.choice if is_on_its_way else None
        )

    @rule(wanted=few_names, again=st.booleans(), refusal=refusals)
    def queue_films(self, wanted: list[str], again: bool, refusal: int | None) -> None:
        """A reading of the watchlist queues what no queue holds."""

        def apply() -> None:
            for name in dict.fromkeys(wanted):
                place = self.model.place(name)
                if place is None or (again and place is COMPLETED):
                    self.model.move(name, PENDING, self.asked_anew(name))

        movies = [film(name) for name in wanted]
        self.attempt(lambda: self.queues.add_all_to_pending(movies, again=again), refusal, apply)

    @rule(name=names, refusal=refusals)
    def add_by_command(self, name: str, refusal: int | None) -> None:
        """The user asks for a film."""

        def apply() -> None:
            if self.model.place(name) is not PENDING:
                anew = dataclasses.replace(self.asked_anew(name), by_command=True)
                self.model.move(name, PENDING, anew)

        self.attempt(lambda: self.queues.add_by_command([film(name)]), refusal, apply)

    @rule(name=names, refusal=refusals)
    def note_choice(self, name: str, refusal: int | None) -> None:
        """The worker is about to hand a film over."""

        def apply() -> None:
            pending = self.model.queues[PENDING]
            if name in pending:
                pending[name] = dataclasses.replace(pending[name], choice=number)

        number = self.model.state(name).next_choice()
        self.attempt(lambda: self.queues.note_choice(film(name), choice(name, number)), refusal, apply)

    @rule(name=names, stage=st.none() | st.sampled_from(Stage), refusal=refusals)
    def complete(self, name: str, stage: Stage | None, refusal: int | None) -> None:
        """The worker has handed a film over, whatever became of it meanwhile."""

        def apply() -> None:
            if self.model.place(name) is not REMOVED:
                added_at = before.added_at or self.clock.now()
                state = dataclasses.replace(before, choice=number, stage=stage, added_at=added_at)
                self.model.move(name, COMPLETED, state)

        before = self.model.state(name)
        number = before.next_choice()
        self.attempt(
            lambda: self.queues.add_to_completed(
                film(name), choice=choice(name, number), follow=self._follow(stage)
            ),
            refusal,
            apply,
        )

    @rule(
        name=names,
        seconds=st.none() | st.sampled_from([0, 60]),
        counts=st.booleans(),
        waits=st.booleans(),
        refusal=refusals,
    )
    def fail(self, name: str, seconds: int | None, counts: bool, waits: bool, refusal: int | None) -> None:
        """A pending film cannot be had; what was looked for besides its schedule keeps that."""

        def apply() -> None:
            if self.model.place(name) is PENDING:
                failures = before.failures + counts
                state = dataclasses.replace(before, failures=failures, retry_at=at, waits=waits)
                self.model.move(name, FAILED, state)

        before = self.model.state(name)
        at = None if seconds is None else self.clock.now() + timedelta(seconds=seconds)
        if before.is_extra_look:
            at, counts, waits = before.retry_at, False, waits or before.waits
        self.attempt(
            lambda: self.queues.add_to_failed(film(name), "why", at, counts=counts, waits_for_release=waits),
            refusal,
            apply,
        )

    @rule(wanted=few_names, refusal=refusals)
    def look_again(self, wanted: list[str], refusal: int | None) -> None:
        """Failed films are looked for besides their schedule."""

        def apply() -> None:
            for name in dict.fromkeys(wanted):
                if self.model.place(name) is FAILED:
                    state = dataclasses.replace(self.model.state(name), is_extra_look=True)
                    self.model.move(name, PENDING, state)

        movies = [film(name) for name in dict.fromkeys(wanted)]
        self.attempt(lambda: self.queues.look_again(movies), refusal, apply)

    @rule(max_retries=st.integers(0, 3), refusal=refusals)
    def give_up_on_due(self, max_retries: int, refusal: int | None) -> None:
        """Films that have no attempts left are not tried again once they fall due."""

        def apply() -> None:
            now, failed = self.clock.now(), self.model.queues[FAILED]
            for name, state in failed.items():
                if state.retry_at and state.retry_at <= now and state.failures >= max_retries:
                    failed[name] = dataclasses.replace(state, retry_at=None)

        self.attempt(lambda: self.queues.give_up_on_due(max_retries), refusal, apply)

    # --- what becomes of the torrents -------------------------------------------------------

    def _follow(self, stage: Stage | None) -> TorrentProgress | None:
        return TorrentProgress(stage, self.clock.now()) if stage else None

    @rule(stages=st.dictionaries(names, st.sampled_from(Stage), max_size=4), refusal=refusals)
    def note_follows(self, stages: dict[str, Stage], refusal: int | None) -> None:
        """The client shows how far some torrents are; those that are done stay so."""

        def apply() -> None:
            completed = self.model.queues[COMPLETED]
            for name, stage in stages.items():
                if name in completed and self._is_followed(COMPLETED, name):
                    completed[name] = dataclasses.replace(completed[name], stage=stage)

        follows = {
            choice(name, self.model.state(name).choice or 0).info_hash: TorrentProgress(
                stage, self.clock.now()
            )
            for name, stage in stages.items()
        }
        self.attempt(lambda: self.queues.note_progress(follows), refusal, apply)

    @rule(name=names, is_present=st.booleans(), refusal=refusals)
    def give_up_torrent(self, name: str, is_present: bool, refusal: int | None) -> None:
        """A torrent comes to nothing, if it is its film's present one."""

        def apply() -> None:
            if self.model.place(name) is COMPLETED and before.choice is not None and is_present:
                state = dataclasses.replace(
                    before, choice=None, stage=None, tried=(*before.tried, before.choice)
                )
                self.model.move(name, PENDING, state)

        before = self.model.state(name)
        number = before.choice if is_present and before.choice is not None else 99
        tried = FailedRelease(choice(name, number), "stalled")
        self.attempt(lambda: self.queues.give_up(film(name), tried), refusal, apply)

    @rule(name=names, refusal=refusals)
    def finish_with(self, name: str, refusal: int | None) -> None:
        """A torrent that was given up comes to its end all the same."""

        def apply() -> None:
            if self.model.place(name) not in {None, REMOVED}:
                tried = tuple(old for old in before.tried if old != number)
                if before.stage and before.choice is not None and before.choice != number:
                    tried = (*tried, before.choice)
                state = dataclasses.replace(
                    before, choice=number, stage=Stage.DOWNLOADED, tried=tried, retry_at=None, waits=False
                )
                self.model.move(name, COMPLETED, state)

        before = self.model.state(name)
        number = before.tried[0] if before.tried else before.next_choice()
        follow = TorrentProgress(Stage.DOWNLOADED, self.clock.now())
        self.attempt(
            lambda: self.queues.finish_with(film(name), choice(name, number), follow, overtaken="late"),
            refusal,
            apply,
        )

    # --- what else happens ------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 30, 100]))
    def time_passes(self, seconds: int) -> None:
        """Films fall due, and later wishes are newer."""
        self.clock.advance(seconds)

    @rule(name=names, refusal=refusals)
    def requeue(self, name: str, refusal: int | None) -> None:
        """A failed film's time has come."""
        self.attempt(
            lambda: self.queues.move_all_failed_to_pending([film(name)]),
            refusal,
            lambda: self._retried([name], is_fresh=False),
        )

    @rule(wanted=st.none() | few_names, refusal=refusals)
    def retry(self, wanted: list[str] | None, refusal: int | None) -> None:
        """The user retries some films or all."""
        films = list(self.model.queues[FAILED]) if wanted is None else wanted
        self.attempt(lambda: self.queues.retry(wanted), refusal, lambda: self._retried(films, is_fresh=True))

    def _retried(self, wanted: list[str], *, is_fresh: bool) -> None:
        for name in dict.fromkeys(wanted):
            if self.model.place(name) is FAILED:
                before = self.model.queues[FAILED][name]
                failures = 0 if is_fresh else before.failures
                state = dataclasses.replace(before, failures=failures, waits=False)
                self.model.move(name, PENDING, state)

    @rule(wanted=few_names, refusal=refusals)
    def remove(self, wanted: list[str], refusal: int | None) -> None:
        """The user takes films out."""

        def apply() -> None:
            order = [queue for queue in QueueName if queue is not REMOVED]
            films = [
                name for queue in order for name in dict.fromkeys(wanted) if self.model.place(name) is queue
            ]
            for name in films:
                state = self.model.queues[self.model.place(name) or PENDING][name]
                self.model.move(name, REMOVED, state)

        self.attempt(lambda: self.queues.remove(wanted), refusal, apply)

    @rule(name=names, refusal=refusals)
    def drop_unlisted(self, name: str, refusal: int | None) -> None:
        """A film has left the watchlist."""

        def apply() -> None:
            place = self.model.place(name)
            if place in {PENDING, FAILED} and not self.model.queues[place][name].by_command:
                self.model.drop(name)

        self.attempt(lambda: self.queues.drop_unlisted([film(name)]), refusal, apply)

    # --- what happens to the program ------------------------------------------------------

    @rule(refusal=refusals)
    def restart(self, refusal: int | None) -> None:
        """The program starts anew; a disk that refuses does not keep it from that."""
        recorder = Recorder(self.folder)
        if refusal is not None:
            recorder.fail_from, recorder.fail_until = refusal, refusal + 1
        with recorder.watching():
            self.queues = QueueManager(self.folder, clock=self.clock)

    @rule(name=names, place=st.sampled_from(QueueName), indent=st.sampled_from([None, 1]))
    def edit_by_hand(self, name: str, place: QueueName, indent: int | None) -> None:
        """While nothing runs, the user moves a film to the end of some list, or writes one there."""
        QueueManager(self.folder, clock=self.clock)  # what a crash left is settled before
        entry: dict[str, object] = {"slug": name, "id": f"id-{name}"}
        for queue in QueueName:
            path = self.folder / f"queue_{queue}.json"
            films = json.loads(path.read_bytes()) if path.exists() else []
            for plain in films:
                if plain["slug"] == name:
                    entry = plain
            films = [plain for plain in films if plain["slug"] != name]
            path.write_text(json.dumps(films, indent=indent), encoding="utf-8")
        path = self.folder / f"queue_{place}.json"
        path.write_text(json.dumps([*json.loads(path.read_bytes()), entry]), encoding="utf-8")
        was = self.model.place(name)
        before = self.model.queues[was][name] if was else State()
        failures = before.failures if "retry_count" in entry else 0
        added_at = before.added_at or self.clock.now()
        moved = dataclasses.replace(before, failures=failures, added_at=added_at)
        self.model.move(name, place, moved)
        self.queues = QueueManager(self.folder, clock=self.clock)

    @rule(name=names, other=names)
    def two_threads(self, name: str, other: str) -> None:
        """The worker completes one film while the monitor queues another and the user retries all."""
        if name == other:
            return
        thread = threading.Thread(target=self.queues.add_to_completed, args=(film(name),))
        thread.start()
        self.queues.add_all_to_pending([film(other)])
        self.queues.remove([other])
        thread.join()
        place = self.model.place(name)
        if place is not REMOVED:
            before = self.model.queues[place][name] if place else State()
            added_at = before.added_at or self.clock.now()
            self.model.move(
                name, COMPLETED, dataclasses.replace(before, choice=None, stage=None, added_at=added_at)
            )
        place = self.model.place(other)
        if place is not REMOVED:
            before = self.model.queues[place][other] if place else State(added_at=self.clock.now())
            self.model.move(other, REMOVED, before)

    # --- what always holds ----------------------------------------------------------------

    @invariant()
    def memory_is_as_it_should_be(self) -> None:
        """Every film is in the one queue where it should be, in order, in the right state."""
        assert self._seen(self.queues) == {
            queue: list(films.items()) for queue, films in self.model.queues.items()
        }

    @invariant()
    def what_is_looked_for_is_found(self) -> None:
        """The next film is the newest wish, and what is followed, unfinished or waiting is known."""
        assert self._told(self.queues) == self._expected()

    @invariant()
    def a_new_process_would_see_the_same(self) -> None:
        """What is on the disk says the same, and nothing else lies there."""
        reader = QueueManager(self.folder, clock=self.clock, writable=False)
        assert self._seen(reader) == self._seen(self.queues)
        assert self._told(reader) == self._told(self.queues)
        assert {path.suffix for path in self.folder.iterdir()} <= {".json", ".previous"}

    def _told(self, queues: QueueManager) -> tuple[str | None, set[str], int, set[str]]:
        upcoming = queues.get_next_pending()
        followed = {entry.movie.slug for entry in queues.followed()}
        assert queues.followed_count() == len(followed)
        waiting = {entry.movie.slug for entry in queues.waiting_films()}
        assert queues.waiting_count() == len(waiting)
        return upcoming and upcoming.movie.slug, followed, queues.unfinished_count(), waiting

    def _expected(self) -> tuple[str | None, set[str], int, set[str]]:
        model = self.model.queues
        chosen = [name for name, state in model[PENDING].items() if state.choice is not None]
        # Python's sort is stable: of films wished for together the first stays the first.
        newest = sorted(model[PENDING], key=lambda name: model[PENDING][name].added_at, reverse=True)
        followed = {
            name
            for queue in (PENDING, FAILED, COMPLETED)
            for name in model[queue]
            if self._is_followed(queue, name)
        }
        unfinished = sum(
            state.stage not in {None, Stage.DOWNLOADED, Stage.REMOVED} for state in model[COMPLETED].values()
        )
        waiting = {name for name, state in model[FAILED].items() if state.waits}
        return next(iter(chosen or newest), None), followed, unfinished, waiting

    def _is_followed(self, queue: QueueName, name: str) -> bool:
        state = self.model.queues[queue][name]
        if queue is COMPLETED:
            return state.stage not in {None, Stage.DOWNLOADED}
        return bool(state.tried)

    def _seen(self, queues: QueueManager) -> dict[QueueName, list[tuple[str, State]]]:
        return {
            queue: [
                (
                    entry.movie.slug,
                    State(
                        entry.retry_count,
                        entry.choice and entry.choice.id.number,
                        entry.retry_at,
                        entry.waits_for_release,
                        entry.by_command,
                        entry.follow and entry.follow.stage,
                        tuple(old.choice.id.number for old in entry.tried),
                        entry.is_extra_look,
                    ),
                )
                for entry in queues.entries(queue)
            ]
            for queue in QueueName
        }


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=2 * settings().max_examples,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
