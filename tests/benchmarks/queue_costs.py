"""What one durable queue operation costs, ours beside others, and many at once."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rivals import BareFiles, Kind, Store, kinds, usual_movie

_LONG_TURN = 5e6
"""Microseconds; a store that takes so long for one turn gets no other."""
_TURNS = {100: 40, 1_000: 15}
_QUEUE_FILES = ("queue_pending.json", "queue_completed.json")


@dataclass(frozen=True, slots=True)
class Single:
    """Medians over the repetitions, in milliseconds; `whole` is all three operations of a film."""

    add: float
    hand_out: float
    complete: float
    whole: float


@dataclass(frozen=True, slots=True)
class Bulk:
    """Microseconds a film."""

    add: float
    complete: float


def single_costs(size: int, repetitions: int, parent: Path) -> Iterator[tuple[str, str, Single]]:
    """Measure one film's way through each store that holds `size` films, half waiting and half done.

    Yields name, remark and cost. Our files are followed by the same bytes, written bare, in turn
    with our own writes, so that both meet the same disk.
    """
    for kind in kinds():
        with tempfile.TemporaryDirectory(dir=parent) as name:
            folder = Path(name)
            store = kind.open(folder)
            _fill(store, size)
            if kind.name == "Movie Sync":
                ours, bare, bare_durable = _ours_beside_bare(store, folder, size, repetitions)
                yield kind.name, kind.remark, ours
                yield "the same bytes, bare", "write + fsync + rename of the files that changed", bare
                yield "the same, name flushed", "and fsync of the folder", bare_durable
            else:
                yield kind.name, kind.remark, _cost_of(store, size, repetitions)
            _close(store)


def bulk_costs(size: int, parent: Path) -> Iterator[tuple[str, str, Bulk]]:
    """Measure `size` films put into each store at once, waiting and done.

    Each holds one film of either kind before, so that its files are there: what a store needs to come
    into being is no part of it. The stores take turns, so that all meet the same machine; the best of
    each one's turns counts.
    """
    waiting, done = (
        [usual_movie(number) for number in range(size)],
        [usual_movie(size + number) for number in range(size)],
    )
    turns: dict[Kind, list[Bulk]] = {kind: [] for kind in kinds()}
    for _ in range(_TURNS.get(size, 5)):
        for kind, costs in turns.items():
            if not costs or costs[0].add * size < _LONG_TURN:
                costs.append(_bulk_cost(kind, waiting, done, parent))
    for kind, costs in turns.items():
        best = Bulk(min(cost.add for cost in costs), min(cost.complete for cost in costs))
        yield kind.name, kind.remark, best


def _bulk_cost(kind: Kind, waiting: Sequence, done: Sequence, parent: Path) -> Bulk:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        store = kind.open(Path(name))
        store.add_all([usual_movie(2 * len(waiting))])
        store.complete_all([usual_movie(2 * len(waiting) + 1)])
        add = _seconds(lambda: store.add_all(waiting))
        complete = _seconds(lambda: store.complete_all(done))
        _close(store)
    return Bulk(add / len(waiting) * 1e6, complete / len(done) * 1e6)


def _fill(store: Store, size: int) -> None:
    films = [usual_movie(number) for number in range(size)]
    if hasattr(store, "fill"):
        store.fill(films[: size // 2])
        return
    store.add_all(films[: size // 2])
    store.complete_all(films[size // 2 :])


def _cost_of(store: Store, size: int, repetitions: int) -> Single:
    return _summary([_one_film(store, size + number) for number in range(repetitions)])


def _one_film(store: Store, number: int) -> tuple[float, float, float]:
    newcomer, handed_out = usual_movie(number), []
    add = _seconds(lambda: store.add(newcomer))
    hand_out = _seconds(lambda: handed_out.append(store.hand_out()))
    complete = _seconds(lambda: store.complete(handed_out[0]))
    return add, hand_out, complete


def _ours_beside_bare(
    store: Store, folder: Path, size: int, repetitions: int
) -> tuple[Single, Single, Single]:
    beside = folder / "bare"
    beside.mkdir()
    bare = BareFiles(beside)
    ours, plain, durable = [], [], []
    for number in range(repetitions):
        newcomer, handed_out = usual_movie(size + number), []
        add = _seconds(lambda: store.add(newcomer))
        added = _bare_costs(bare, folder, _QUEUE_FILES[:1])
        hand_out = _seconds(lambda: handed_out.append(store.hand_out()))
        complete = _seconds(lambda: store.complete(handed_out[0]))
        completed = _bare_costs(bare, folder, _QUEUE_FILES)
        ours.append((add, hand_out, complete))
        plain.append((added[0], 0.0, completed[0]))
        durable.append((added[1], 0.0, completed[1]))
    return _summary(ours), _summary(plain), _summary(durable)


def _bare_costs(bare: BareFiles, folder: Path, names: Sequence[str]) -> tuple[float, float]:
    """Return the seconds without and with the flushing of the names."""
    contents = {name: (folder / name).read_bytes() for name in names}

    def write(*, is_name_flushed: bool) -> None:
        for name, content in contents.items():
            bare.write(name, content)
        if is_name_flushed:  # once for all, as ours
            bare.flush_names()

    return _seconds(lambda: write(is_name_flushed=False)), _seconds(lambda: write(is_name_flushed=True))


def _summary(costs: Sequence[tuple[float, float, float]]) -> Single:
    add, hand_out, complete = ([cost[part] for cost in costs] for part in range(3))
    medians = (statistics.median(values) * 1e3 for values in (add, hand_out, complete, map(sum, costs)))
    return Single(*medians)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _close(store: Store) -> None:
    if hasattr(store, "close"):
        store.close()
