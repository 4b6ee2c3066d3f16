"""Puts one film on the shelf; as a program, `python -m movie_sync.shelf.process`, apart from the daemon.

What to do comes as JSON on standard input, and what came of it goes as JSON to standard output. A disk that
hangs or is slow then holds up nothing else, and a copy can be cut off at any time. While it works it says
what it would mean if nothing more was heard of it.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from movie_sync.domain.shelf_names import shelf_name, version_labels
from movie_sync.domain.shelf_plan import Left, plan_of
from movie_sync.shelf.copying import Copies
from movie_sync.shelf.faults import ShelfError
from movie_sync.shelf.order import Outcome, ShelfOrder
from movie_sync.shelf.placing import Shelf

_MOST_FILES = 20_000
_NICENESS = 10
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of linux/prctl.h
_MORE_THAN_THE_TORRENT, _MOST_OF_THE_TORRENT = 1.05, 0.9
_MORE_BYTES = 100_000_000
_REPEAT_SECONDS = 5.0


@dataclass(eq=False, repr=False)
class Answer:
    """Lines on a stream, of which the last one counts, also if nothing follows."""

    stream: TextIO | None = None
    _line: str = field(default="", init=False)
    _said_at: float = field(default=0.0, init=False)

    def say(self, outcome: Outcome) -> None:
        """Say what came of the order, or what it is if nothing more is heard."""
        self._line = json.dumps(asdict(outcome))
        self._write()

    def moved(self) -> None:
        """Say it again if that was some time ago: something moves on."""
        if time.monotonic() - self._said_at >= _REPEAT_SECONDS:
            self._write()

    def _write(self) -> None:
        self._said_at = time.monotonic()
        if self.stream is not None:
            print(self._line, file=self.stream, flush=True)


def put_on_shelf(order: ShelfOrder, answer: Answer | None = None) -> Outcome:
    """Do it; whatever is done twice has no effect the second time."""
    answer = answer or Answer()
    films = Path(order.path).parent
    copies = Copies(order.owner, order.key, answer.moved)
    shelf = Shelf(Path(order.folder), films, copies, order.may_copy)
    try:
        answer.say(Outcome(failed=_silent(order.folder), is_of_all=True))
        shelf.check()
        if order.due is not None:
            copies.sweep(shelf.folder, order.due)
        answer.say(Outcome(failed=_silent(films), is_of_folder=True))
        source, files = _files_of(order, answer)
        plan = plan_of(files, with_extras=order.with_extras)
        there = sum(files.values())
        if order.size_bytes and there > order.size_bytes * _MORE_THAN_THE_TORRENT + _MORE_BYTES:
            plan = Left.AMONG_OTHERS
        elif there < order.size_bytes * _MOST_OF_THE_TORRENT:  # a disk that is not mounted has none of it
            raise ShelfError(
                f"Only {there / 1e9:.1f} of {order.size_bytes / 1e9:.1f} GB of its files are in "
                f"{order.path}. If they're on another disk, mount it."
            )
        if isinstance(plan, Left):
            return Outcome(left=plan)
        name = shelf_name(order.name, order.movie, order.release)
        answer.say(Outcome(failed=_silent(f"{order.folder} (or of {films})"), is_of_all=True))
        return Outcome(str(shelf.place(plan, source, name, version_labels(order.release))))
    except ShelfError as exc:
        return Outcome(failed=str(exc), is_of_all=exc.is_of_all, is_of_folder=exc.is_of_folder)
    except (OSError, ValueError) as exc:  # a name that the system takes for none, above all
        return Outcome(failed=f"Couldn't read {order.path}: {getattr(exc, 'strerror', None) or exc}.")


def _silent(folder: Path | str) -> str:
    return f"The disk or network share of {folder} doesn't answer. Check it, and mount it again if need be."


def _files_of(order: ShelfOrder, answer: Answer) -> tuple[Path, dict[str, int]]:
    """Return the folder of a torrent's files, and each one's size; raises ShelfError."""
    path = Path(order.path)
    if not path.is_absolute():
        raise ShelfError(
            f"The torrent client calls it {order.client_path}, which isn't a path on this machine. "
            'Add its folder to "path_map".'
        )
    if path.is_file():
        return path.parent, {path.name: path.stat().st_size}
    if not path.is_dir():
        raise ShelfError(_why_missing(path, order))
    files: dict[str, int] = {}
    try:
        for file, size in _walk(path):
            files[file.relative_to(path).as_posix()] = size
            answer.moved()
            if len(files) > _MOST_FILES:
                raise ShelfError(f"{path} has more than {_MOST_FILES:,} files.")
    except OSError as exc:
        raise ShelfError(f"Couldn't read {exc.filename or path}: {exc.strerror}.") from None
    return path, files


def _walk(path: Path) -> Iterator[tuple[Path, int]]:
    def refuse(exc: OSError) -> None:
        raise exc

    for folder, _, names in os.walk(path, onerror=refuse):
        for name in names:
            file = Path(folder, name)
            if file.is_file():
                yield file, file.stat().st_size


def _why_missing(path: Path, order: ShelfOrder) -> str:
    """Return what is not there, and what to do about it."""
    missing = path
    while not missing.parent.exists() and missing != missing.parent:
        missing = missing.parent
    said = f" (the torrent client calls it {order.client_path})" if order.client_path != order.path else ""
    if missing == path:
        return f"{path}{said} no longer exists."
    return (
        f"The folder {missing} isn't on this machine, so {path}{said} can't be reached. If the torrent "
        'client runs in a container or on another machine, correct "path_map"; if it\'s a disk, mount it.'
    )


def _main() -> int:
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    with contextlib.suppress(OSError, AttributeError, TypeError):  # not Linux
        # Else it would go on beside the one that the next daemon starts.
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    answer = Answer(sys.stdout)
    try:
        outcome = put_on_shelf(ShelfOrder.from_json(sys.stdin.read()), answer)
    except Exception as exc:  # noqa: BLE001 - said by its kind: nobody else hears of it
        outcome = Outcome(failed=f"Unexpected error ({type(exc).__name__}); please report it.")
    answer.say(outcome)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
