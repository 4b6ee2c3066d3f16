"""Any sequence of operations, failures, restarts, edits by hand and threads, against a simple model."""

import dataclasses
import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from crash_harness import Recorder
from fakes import FakeClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from movie_sync.domain.models import Choice, Movie, QueueName
from movie_sync.errors import StorageError
from movie_sync.queue_manager import QueueManager

PENDING, FAILED, COMPLETED, REMOVED = QueueName
NAMES = "abcdefgh"

names = st.sampled_from(NAMES)
few_names = st.lists(names, max_size=4)
# The number of the file-system call of the next operation that fails, if one does.
refusals = st.none() | st.none() | st.integers(0, 14)


def film(name: str) -> Movie:
    """Return the film of that name."""
    return Movie(id=f"id-{name}", slug=name, title=name.upper())


def choice(name: str) -> Choice:
    """Return its release."""
    return Choice(name, 1, name.encode().hex() * 20)


@dataclasses.dataclass(frozen=True)
class State:
    """What the model knows of a film besides where it is."""

    failures: int = 0
    has_choice: bool = False
    is_permanent: bool = False
    by_command: bool = False


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
        if target is COMPLETED:  # earlier failures are of no interest any more
            state = dataclasses.replace(state, failures=0, is_permanent=False)
        self.queues[target][name] = state

    def drop(self, name: str) -> None:
        """Forget a film."""
        for films in self.queues.values():
            films.pop(name, None)


class QueueMachine(RuleBasedStateMachine):
    """Each rule does one thing to the queues and the same to the model."""

    def __init__(self) -> None:
        super().__init__()
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="movie-sync-", dir=base))
        self.clock = FakeClock()
        self.model = Model()
        self.queues = QueueManager(self.folder, clock=self.clock)

    def teardown(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder)

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

    @rule(wanted=few_names, again=st.booleans(), refusal=refusals)
    def queue_films(self, wanted: list[str], again: bool, refusal: int | None) -> None:
        """A reading of the watchlist queues what no queue holds."""

        def apply() -> None:
            for name in dict.fromkeys(wanted):
                place = self.model.place(name)
                if place is None or (again and place is COMPLETED):
                    self.model.move(name, PENDING, State())

        movies = [film(name) for name in wanted]
        self.attempt(lambda: self.queues.add_all_to_pending(movies, again=again), refusal, apply)

    @rule(name=names, refusal=refusals)
    def add_by_command(self, name: str, refusal: int | None) -> None:
        """The user asks for a film."""

        def apply() -> None:
            if self.model.place(name) is not PENDING:
                self.model.move(name, PENDING, State(by_command=True))

        self.attempt(lambda: self.queues.add_to_pending(film(name), by_command=True), refusal, apply)

    @rule(name=names, refusal=refusals)
    def note_choice(self, name: str, refusal: int | None) -> None:
        """The worker is about to hand a film over."""

        def apply() -> None:
            pending = self.model.queues[PENDING]
            if name in pending:
                pending[name] = dataclasses.replace(pending[name], has_choice=True)

        self.attempt(lambda: self.queues.note_choice(film(name), choice(name)), refusal, apply)

    @rule(name=names, refusal=refusals)
    def complete(self, name: str, refusal: int | None) -> None:
        """The worker has handed a film over, whatever became of it meanwhile."""

        def apply() -> None:
            place = self.model.place(name)
            if place is not REMOVED:
                before = self.model.queues[place][name] if place else State()
                state = State(before.failures, has_choice=True, by_command=before.by_command)
                self.model.move(name, COMPLETED, state)

        self.attempt(lambda: self.queues.add_to_completed(film(name), choice=choice(name)), refusal, apply)

    @rule(name=names, permanent=st.booleans(), counts=st.booleans(), refusal=refusals)
    def fail(self, name: str, permanent: bool, counts: bool, refusal: int | None) -> None:
        """A pending film cannot be had."""

        def apply() -> None:
            if self.model.place(name) is PENDING:
                before = self.model.queues[PENDING][name]
                state = dataclasses.replace(before, failures=before.failures + counts, is_permanent=permanent)
                self.model.move(name, FAILED, state)

        at = None if permanent else self.clock.now()
        self.attempt(lambda: self.queues.add_to_failed(film(name), "why", at, counts=counts), refusal, apply)

    @rule(name=names, refusal=refusals)
    def requeue(self, name: str, refusal: int | None) -> None:
        """A failed film's time has come."""
        self.attempt(
            lambda: self.queues.move_failed_to_pending(film(name)),
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
                state = dataclasses.replace(before, failures=failures, is_permanent=False)
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
                self.model.move(name, REMOVED, dataclasses.replace(state, is_permanent=False))

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
        is_permanent = place is FAILED and not entry.get("retry_at")
        self.model.move(
            name, place, dataclasses.replace(before, failures=failures, is_permanent=is_permanent)
        )
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
            self.model.move(
                name, COMPLETED, dataclasses.replace(before, has_choice=False, is_permanent=False)
            )
        place = self.model.place(other)
        if place is not REMOVED:
            before = self.model.queues[place][other] if place else State()
            self.model.move(other, REMOVED, dataclasses.replace(before, is_permanent=False))

    # --- what always holds ----------------------------------------------------------------

    @invariant()
    def memory_is_as_it_should_be(self) -> None:
        """Every film is in the one queue where it should be, in order, in the right state."""
        assert self._seen(self.queues) == {
            queue: list(films.items()) for queue, films in self.model.queues.items()
        }

    @invariant()
    def a_new_process_would_see_the_same(self) -> None:
        """What is on the disk says the same, and nothing else lies there."""
        reader = QueueManager(self.folder, clock=self.clock, writable=False)
        assert self._seen(reader) == self._seen(self.queues)
        assert {path.suffix for path in self.folder.iterdir()} <= {".json", ".previous"}

    def _seen(self, queues: QueueManager) -> dict[QueueName, list[tuple[str, State]]]:
        return {
            queue: [
                (
                    entry.movie.slug,
                    State(
                        entry.retry_count,
                        entry.choice is not None,
                        queue is FAILED and entry.retry_at is None,
                        entry.by_command,
                    ),
                )
                for entry in queues.entries(queue)
            ]
            for queue in QueueName
        }


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
