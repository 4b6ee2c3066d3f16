"""How a command reaches the queues, whether a daemon runs or not: one file for each request.

The command writes its request whole into a folder. Whoever holds the instance lock (the daemon
once a second, or the command itself when no daemon runs) carries it out and then deletes it. A
crash on either side loses nothing: a request is there whole or not at all, and carrying it out
twice does no harm. What raises a StorageError was not done wholly; a request that was written stays.
"""

import itertools
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie, ReleaseId, WatchlistSnapshot
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.codec import movie_from_dict, movie_to_dict
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.atomic_file import (
    TEMPORARY_SUFFIX,
    delete_files,
    keep_aside,
    make_folder,
    read_whole,
    told_as,
    write_atomically,
)
from movie_sync.storage.history import Happened, History
from movie_sync.storage.locks import InstanceLock, nobody_writes_into, writing_into
from movie_sync.wishes.intakes import Intakes

_log = logging.getLogger(__name__)
_counter = itertools.count()

RequestKind = Literal["add", "retry", "remove", "import", "grab", "reject", "sync", "shelf"]
_TOGETHER = frozenset({"add", "retry", "remove", "sync"})
_STALE_SECONDS = 3600.0
_MOST_TOGETHER = 500
_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Request:
    """What a command wants done.

    `films` names films by slug or id (`retry`, `remove`, `shelf`; the first and last without any mean all).
    `movies` are whole films (`add`, `import`, newest first; `grab` and `reject`, one), `owner` whose
    watchlist is imported (none: its films alone), `preset` the quality that added films are judged by,
    `release` the one to take or not to take.
    `sync` has nothing of these.
    """

    kind: RequestKind
    films: tuple[str, ...] = ()
    movies: tuple[Movie, ...] = ()
    owner: str = ""
    preset: str = ""
    release: ReleaseId | None = None


class Inbox:
    """The folder of requests. Many may put, one at a time (under the instance lock) may drain."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def put(self, request: Request) -> Path:
        """Write a request and return its file, which is gone once it has been carried out."""
        self._clear_the_way()
        with told_as(f"Couldn't create the folder {self._folder}"):
            make_folder(self._folder)
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_counter)}.json"
        plain = {
            "kind": request.kind,
            "films": list(request.films),
            "movies": [movie_to_dict(movie) for movie in request.movies],
            "owner": request.owner,
            "preset": request.preset,
            "release": str(request.release or ""),
        }
        path = self._folder / name
        content = json.dumps(plain, ensure_ascii=False).encode("utf-8", errors="replace")
        with writing_into(self._folder):
            write_atomically(path, [content])
        return path

    def drain(
        self, carry_out: Callable[[Request], None], is_stopping: Callable[[], bool] = lambda: False
    ) -> int:
        """Carry out what is waiting, oldest first; return how many requests that were.

        What can be one request is carried out as one. Once `is_stopping` the rest waits for the next time.
        """
        done = 0
        for request, paths in self._together(is_stopping):
            carry_out(request)
            delete_files(*paths)
            done += len(paths)
        return done

    def _together(self, is_stopping: Callable[[], bool]) -> Iterator[tuple[Request, list[Path]]]:
        """Yield what waits, and its files; requests that follow one another as one where that can be."""
        request: Request | None = None
        paths: list[Path] = []
        for path in self._waiting():
            if is_stopping():
                return
            following = self._read(path)
            if following is None:
                continue
            both = _as_one(request, following) if request and len(paths) < _MOST_TOGETHER else None
            if both is None and request is not None:
                yield request, paths
                paths = []
            request = both or following
            paths.append(path)
        if request is not None and not is_stopping():
            yield request, paths

    def _clear_the_way(self) -> None:
        """Move aside whatever is in the folder's place; links to other folders aren't followed."""
        if os.path.lexists(self._folder) and (self._folder.is_symlink() or not self._folder.is_dir()):
            aside = keep_aside(self._folder, self._clock.now())
            _log.warning("%s isn't Movie Sync's folder; it's kept as %s.", self._folder, aside.name)

    def _waiting(self) -> list[Path]:
        self._clear_the_way()
        try:
            paths = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StorageError(f"Couldn't read {self._folder}: {exc.strerror or exc}.") from None
        leftovers = [path for path in paths if path.suffix == TEMPORARY_SUFFIX]
        if leftovers:
            self._sweep(leftovers)
        return [path for path in paths if path.suffix == ".json"]

    def _sweep(self, leftovers: list[Path]) -> None:
        """Delete what killed commands left half-written, and nothing that is being written."""
        with nobody_writes_into(self._folder) as is_left:
            for path in leftovers:
                try:
                    # Where it cannot be told who writes, age tells.
                    if is_left or time.time() - path.stat().st_mtime > _STALE_SECONDS:
                        path.unlink(missing_ok=True)
                except OSError:
                    _log.debug("Couldn't clean up %s", path)

    def _read(self, path: Path) -> Request | None:
        try:
            return _request_from_dict(parse_json(read_whole(path)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        aside = keep_aside(path, self._clock.now())
        _log.warning(
            "A command's request in %s couldn't be understood and is kept as %s. Run the command again.",
            self._folder,
            aside.name,
        )
        return None


def _as_one(first: Request, second: Request) -> Request | None:
    """Return a request that does what two do one after the other, if there is such."""
    if first.kind != second.kind or first.preset != second.preset or first.kind not in _TOGETHER:
        return None
    if first.kind == "retry" and not (first.films and second.films):
        return Request("retry")
    return replace(first, films=first.films + second.films, movies=first.movies + second.movies)


def _request_from_dict(plain: dict[str, Any]) -> Request:
    kind, films, movies = plain["kind"], plain["films"], plain["movies"]
    if kind not in get_args(RequestKind) or not isinstance(films, list) or not isinstance(movies, list):
        raise ValueError("not a request")
    release = ReleaseId.parse(str(plain.get("release", "")))
    if kind in {"grab", "reject"} and release is None:
        raise ValueError("no release")
    return Request(
        kind=kind,
        films=tuple(str(film) for film in films),
        movies=tuple(movie_from_dict(movie) for movie in movies),
        owner=str(plain["owner"]),
        preset=str(plain.get("preset", "")),
        release=release,
    )


def carry_out(  # noqa: C901 - one case for each
    queue_manager: QueueManager,
    intakes: Intakes,
    request: Request,
    look_now: Callable[[], None] = lambda: None,
) -> None:
    """Do what a request says, to the queues, or with `look_now`; doing it twice does no harm."""
    history = intakes.history
    match request:
        case Request(kind="sync"):
            look_now()
        case Request(kind="add", movies=movies, preset=preset):
            for movie in queue_manager.add_by_command(movies, preset):
                _log.info("%s: added by command.", movie.label)
                history.note(Happened.ADDED, movie)
        case Request(kind="retry", films=films):
            for movie in queue_manager.retry(films or None):
                _log.info("%s: back in the queue by command.", movie.label)
                history.note(Happened.RETRIED, movie)
        case Request(kind="remove", films=films):
            for movie in queue_manager.remove(films):
                _log.info("%s: removed by command.", movie.label)
                history.note(Happened.REMOVED, movie)
        case Request(kind="shelf", films=films):
            for movie in queue_manager.ask_for_shelf(films or None):
                _log.info("%s: going on the shelf, by command.", movie.label)
        case Request(release=ReleaseId() as release):
            _take_word(queue_manager, history, request, release)
        case Request(kind="import"):
            _import(intakes, request)


def _import(intakes: Intakes, request: Request) -> None:
    if request.owner:
        taken = intakes.take_export(WatchlistSnapshot(request.owner, request.movies))
        _log.info("Export imported: %d films, %d newly queued.", taken.listed, taken.queued)
    else:
        queued = intakes.take_films(request.movies)
        _log.info("List imported: %d films, %d newly queued.", len(request.movies), queued)


def _take_word(queue_manager: QueueManager, history: History, request: Request, release: ReleaseId) -> None:
    for movie in request.movies:
        if request.kind == "grab":
            queue_manager.grab(movie, release)
        elif not queue_manager.reject(movie, release):
            continue
        what = Happened.GRABBED if request.kind == "grab" else Happened.REJECTED
        history.note(what, movie, str(release))
        _log.info("%s: %s %s by command.", movie.label, what, release)


def hand_in(request: Request, inbox: Inbox, lock: InstanceLock, drain_here: Callable[[], None]) -> bool:
    """Hand a request to the daemon, or have `drain_here` called with the lock held if none runs.

    Returns False if the daemon did not come to it in time: then it does it later.
    """
    waiting = inbox.put(request)
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while waiting.exists() and time.monotonic() < ends_at:
        if lock.acquire(wait_seconds=_POLL_SECONDS):
            try:
                drain_here()
            except StorageError as exc:
                raise StorageError(
                    f"{exc} Your request is kept: the next command, or the daemon, will carry it out."
                ) from None
            finally:
                lock.release()
    return not waiting.exists()
