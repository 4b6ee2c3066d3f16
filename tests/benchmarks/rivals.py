"""Ways to keep films in durable queues, ours and others', behind one small interface.

All of them store the same entries as the same JSON. Each is asked for what its makers offer: where
it has no call for many films at once, it gets them one by one without a commit in between.
"""

import contextlib
import importlib.util
import json
import os
import sqlite3
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from movie_sync.domain.models import Movie, QueueName, Reason
from movie_sync.queues.codec import encode_entry
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager

_ADDED_AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class Store(Protocol):
    """Films that wait and films that are done."""

    def add_all(self, films: Sequence[Movie]) -> None:
        """Queue films."""

    def complete_all(self, films: Sequence[Movie]) -> None:
        """Record films that were not queued as done."""

    def add(self, film: Movie) -> None:
        """Queue one film, durably."""

    def hand_out(self) -> object:
        """Return the oldest waiting film."""

    def complete(self, handed_out: Any) -> None:
        """Record the film in hand as done, durably."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of store, and what is to be known of it to compare it fairly."""

    name: str
    open: Callable[[Path], Store]
    remark: str = ""


def usual_movie(number: int) -> Movie:
    """Return a made-up film, as large as a usual one."""
    slug = f"some-film-of-a-title-{number}"
    return Movie(
        id=f"k{number:05x}",
        slug=slug,
        title=f"Some Film of a Title {number}",
        year=1950 + number % 70,
        url=f"https://letterboxd.com/film/{slug}/",
        imdb_id=f"tt{1_000_000 + number}",
    )


def kinds() -> list[Kind]:
    """Return all stores that can be had here; ours comes first."""
    found = [
        Kind("Movie Sync", OurStore, "three JSON files, current after each operation"),
        Kind("SQLite", SqliteStore, "WAL, synchronous=FULL; no file to read but the database"),
        Kind(
            "SQLite + files",
            SqliteAndFilesStore,
            "the same, with the JSON files written after each (unflushed)",
        ),
        Kind(
            "SQLite + files, flushed",
            SqliteAndFlushedFilesStore,
            "and flushed, so that a power failure leaves whole ones",
        ),
    ]
    if importlib.util.find_spec("persistqueue"):
        found += [
            Kind(
                "persist-queue, files", FileQueueStore, "does not flush to the disk; no history, no look-up"
            ),
            Kind("persist-queue, SQLite", SqliteQueueStore, "no look-up: takes a film twice"),
        ]
    return found


class OurStore:
    """The program's own."""

    def __init__(self, folder: Path) -> None:
        self._queues = QueueManager(folder)

    def add_all(self, films: Sequence[Movie]) -> None:
        """One call."""
        self._queues.add_all_to_pending(films)

    def complete_all(self, films: Sequence[Movie]) -> None:
        """One call."""
        self._queues.add_all_to_completed([(film, "") for film in films])

    def add(self, film: Movie) -> None:
        """Replace one file."""
        self._queues.add_all_to_pending([film])

    def hand_out(self) -> object:
        """Write nothing: the film stays where it is."""
        entry = self._queues.get_next_pending()
        return entry.movie if entry else None

    def complete(self, handed_out: Movie) -> None:
        """Replace two files."""
        self._queues.add_to_completed(handed_out)


class SqliteStore:
    """One table that finds a film by each of its keys, as our queues do."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "films.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(
            "CREATE TABLE films (number INTEGER PRIMARY KEY, queue TEXT, slug TEXT UNIQUE, key TEXT UNIQUE,"
            " imdb TEXT UNIQUE, entry BLOB)"
        )
        self._database.execute("CREATE INDEX by_queue ON films (queue, number)")

    def add_all(self, films: Sequence[Movie]) -> None:
        """One transaction; a film that is there is left out."""
        self._insert(films, QueueName.PENDING)

    def complete_all(self, films: Sequence[Movie]) -> None:
        """The same."""
        self._insert(films, QueueName.COMPLETED)

    def add(self, film: Movie) -> None:
        """One transaction."""
        self._insert([film], QueueName.PENDING)

    def hand_out(self) -> object:
        """Write nothing."""
        row = self._database.execute(
            "SELECT number, entry FROM films WHERE queue = 'pending' ORDER BY number LIMIT 1"
        ).fetchone()
        return row[0], json.loads(row[1])

    def complete(self, handed_out: tuple[int, dict[str, object]]) -> None:
        """One transaction."""
        number, plain = handed_out
        done = json.dumps(plain | {"completed_at": "2026-11-01T12:00:09Z", "reason": "downloaded"})
        self._database.execute(
            "UPDATE films SET queue = 'completed', entry = ? WHERE number = ?", (done, number)
        )

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _insert(self, films: Sequence[Movie], queue: QueueName) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "INSERT OR IGNORE INTO films (queue, slug, key, imdb, entry) VALUES (?, ?, ?, ?, ?)",
            ((queue, film.slug, film.id, film.imdb_id, _encoded(film, queue)) for film in films),
        )
        self._database.execute("COMMIT")


class SqliteAndFilesStore(SqliteStore):
    """The database as the record, and after each operation the files that people and scripts read."""

    _is_flushed = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def add_all(self, films: Sequence[Movie]) -> None:
        """Write one file."""
        super().add_all(films)
        self._write("pending")

    def complete_all(self, films: Sequence[Movie]) -> None:
        """Write one file."""
        super().complete_all(films)
        self._write("completed")

    def add(self, film: Movie) -> None:
        """Write one file."""
        super().add(film)
        self._write("pending")

    def complete(self, handed_out: tuple[int, dict[str, object]]) -> None:
        """Write two files."""
        super().complete(handed_out)
        self._write("completed")
        self._write("pending")

    def _write(self, queue: str) -> None:
        rows = self._database.execute("SELECT entry FROM films WHERE queue = ? ORDER BY number", (queue,))
        lines = b",\n".join(row[0] if isinstance(row[0], bytes) else row[0].encode() for row in rows)
        temporary = self._folder / f"queue_{queue}.json.tmp"
        with temporary.open("wb", buffering=0) as file:
            file.write(b"[\n" + lines + b"\n]\n")
            if self._is_flushed:
                os.fsync(file.fileno())
        temporary.replace(self._folder / f"queue_{queue}.json")


class SqliteAndFlushedFilesStore(SqliteAndFilesStore):
    """The same, with files that a power failure leaves whole too, as ours are."""

    _is_flushed = True


class FileQueueStore:
    """persist-queue's queue of files. It has no history, so a second queue stands in for one."""

    def __init__(self, folder: Path) -> None:
        import persistqueue  # noqa: PLC0415 - optional

        (folder / "t").mkdir()
        self._pending = persistqueue.Queue(str(folder / "pending"), tempdir=str(folder / "t"))
        self._done = persistqueue.Queue(str(folder / "done"), tempdir=str(folder / "t"))

    def add_all(self, films: Sequence[Movie]) -> None:
        """One by one: there is no other way."""
        for film in films:
            self._pending.put(_encoded(film, QueueName.PENDING))

    def complete_all(self, films: Sequence[Movie]) -> None:
        """The same."""
        for film in films:
            self._done.put(_encoded(film, QueueName.COMPLETED))

    def add(self, film: Movie) -> None:
        """One call."""
        self._pending.put(_encoded(film, QueueName.PENDING))

    def hand_out(self) -> object:
        """One call; the film is not gone before it is done."""
        return self._pending.get()

    def complete(self, handed_out: bytes) -> None:
        """Record it, then let go of it."""
        self._done.put(handed_out)
        self._pending.task_done()


class SqliteQueueStore:
    """persist-queue's queue with acknowledgements; in bulk its plain one, which can put off the commit."""

    def __init__(self, folder: Path) -> None:
        import persistqueue  # noqa: PLC0415 - optional

        self._queue = persistqueue.SQLiteAckQueue(str(folder / "ack"))
        self._bulk = persistqueue.SQLiteQueue(str(folder / "bulk"), auto_commit=False)

    def add_all(self, films: Sequence[Movie]) -> None:
        """One by one, with one commit."""
        for film in films:
            self._bulk.put(_encoded(film, QueueName.PENDING))
        self._bulk.task_done()

    def complete_all(self, films: Sequence[Movie]) -> None:
        """The same."""
        self.add_all(films)

    def fill(self, films: Sequence[Movie]) -> None:
        """Put films where single ones go, in one transaction, past the library's slow way."""
        connection = self._queue._putter
        with connection:
            for film in films:
                item = self._queue._serializer.dumps(_encoded(film, QueueName.PENDING))
                connection.execute(self._queue._sql_insert, (item, 0.0))
        self._queue.total = self._queue._count()

    def add(self, film: Movie) -> None:
        """One transaction."""
        self._queue.put(_encoded(film, QueueName.PENDING))

    def hand_out(self) -> object:
        """One transaction: it marks the film."""
        return self._queue.get()

    def complete(self, handed_out: object) -> None:
        """One transaction."""
        self._queue.ack(handed_out)


class BareFiles:
    """No queue at all: the bytes of a file that was just written, written again in the plainest safe way."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> None:
        """Write, flush, rename; the name itself is not made durable."""
        temporary, target = self._folder / f"{name}.tmp", self._folder / name
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.rename(target)

    def flush_names(self) -> None:
        """Make the renames durable."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def quiet() -> Any:
    """Keep the libraries' warnings out of the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _encoded(film: Movie, queue: QueueName) -> bytes:
    if queue is QueueName.COMPLETED:
        entry = QueueEntry(
            movie=film, added_at=_ADDED_AT, completed_at=_ADDED_AT, reason=Reason.ALREADY_DOWNLOADED
        )
    else:
        entry = QueueEntry(movie=film, added_at=_ADDED_AT)
    return encode_entry(entry, queue)
