"""One queue's file: a film a line, replaced whole at each change, mended when it was damaged."""

import contextlib
import logging
import os
import stat
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from movie_sync.domain.json_text import parse_json
from movie_sync.domain.models import Movie, QueueName
from movie_sync.errors import StorageError
from movie_sync.ports import Clock
from movie_sync.queues.codec import encode_entry, entry_from_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.film_array import LooseArray, own_lines
from movie_sync.queues.film_rows import FilmRows
from movie_sync.storage.atomic_file import (
    Draft,
    Going,
    delete_leftover,
    previous_of,
    sync_folder,
    temporary_of,
)
from movie_sync.storage.quarantine import Quarantine
from movie_sync.storage.regular_file import NotAFileError, open_regular
from movie_sync.storage.whole_file import damage_in

_log = logging.getLogger(__name__)

_BACK_FROM_THE_LIST = "What is still missing comes back from the watchlist."
_WHAT_IS_MISSING = {
    QueueName.PENDING: _BACK_FROM_THE_LIST,
    QueueName.FAILED: _BACK_FROM_THE_LIST,
    QueueName.COMPLETED: _BACK_FROM_THE_LIST,
    QueueName.REMOVED: (
        "A film that you removed and that is still missing is fetched again if it stands on the "
        "watchlist: remove it again."
    ),
}


class QueueFile:
    """The films of one queue and their file.

    Not thread-safe: `QueueManager` holds the queue's lock. With `writable=False` changes stay in
    memory and nothing on the disk is touched.

    Each write keeps the generation before it beside the file; the first state, and each of the
    removed films, is written there too. If the file is found damaged, what is good in it is read,
    that second copy fills the gap, and the damaged content is put aside just before the mended
    file takes its place: never earlier, so that a crash or a full disk in between changes nothing.
    """

    def __init__(
        self,
        path: Path,
        name: QueueName,
        clock: Clock,
        next_sequence: Callable[[], int],
        going: Going,
        *,
        writable: bool = True,
    ) -> None:
        self.name = name
        self._path = path
        self._clock = clock
        self._next_sequence = next_sequence
        self._writable = writable
        self._rows = self._no_rows()
        self._damage = ""
        self._aside = self._no_aside()
        self._held: BinaryIO | None = None
        self._going = going
        self.is_stale = False
        """Whether the file differs from memory and is to be written at the next chance."""
        self.highest_sequence = 0
        """The highest sequence that `load` saw."""

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def retry_times(self) -> Mapping[int, datetime]:
        """When each entry that is to be retried is due, by row."""
        return self._rows.retry_times

    @property
    def damage(self) -> str:
        """What is wrong with the file, in words, until the mended one was written; mostly empty."""
        return self._damage

    def row_numbers(self) -> list[int]:
        """Return the row numbers in order; they hold until the next `change`."""
        return list(self._rows)

    def entry(self, row: int) -> QueueEntry:
        """Return the entry at a row."""
        return self._rows.entry(row)

    @property
    def followed(self) -> Mapping[int, tuple[str, ...]]:
        """The info-hashes of each film's torrents that may still come to their end, by row."""
        return self._rows.followed

    @property
    def unfinished(self) -> Collection[int]:
        """Of these, the rows of films whose present torrent is not whole yet and takes a place."""
        return self._rows.unfinished

    @property
    def stopped(self) -> Collection[int]:
        """Of these, the rows of films whose present torrent is stopped in the client."""
        return self._rows.stopped

    @property
    def waiting(self) -> Collection[int]:
        """The rows of films that wait for an acceptable release."""
        return self._rows.waiting

    @property
    def chosen(self) -> Collection[int]:
        """Of the pending queue, the rows of films with a torrent that was about to be handed over."""
        return self._rows.chosen

    def done_lately(self) -> int:
        """Return how many films have a torrent that came to its end in the last week."""
        return self._rows.done_lately()

    def newest_wish(self, but_for: Collection[int] = ()) -> int | None:
        """Return, of the pending queue, the row of the newest wish but for some, or None if there is none."""
        return self._rows.newest_wish(but_for)

    def find(self, movie: Movie) -> list[int]:
        """Return the rows of all entries that are this film; mostly there is one at most."""
        return self._rows.find(movie)

    def find_key(self, key: str) -> list[int]:
        """Return the rows of all entries with one of the keys that `Movie.keys` gives."""
        return self._rows.find_key(key)

    def called(self, titles: Collection[str]) -> Iterator[Movie]:
        """Yield the films that have one of these titles, as squashed keys, as their own."""
        return self._rows.called(titles)

    def change(
        self,
        *,
        add: Iterable[QueueEntry] = (),
        unless_in: Collection["QueueFile"] | None = None,
        remove: Collection[int] = (),
        replace: Mapping[int, QueueEntry] | None = None,
        flush_name: bool = True,
        draft: Draft | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> int:
        """Take out, exchange and append entries with one write of the file; return how many were added.

        Each added or exchanged one gets the next sequence: it is its film's latest state from now on.

        `add` is gone through once, an entry at a time: ten thousand are never in memory together.
        Each can be found before the next is asked for. With `unless_in`, films that this queue or one
        of those holds are passed over; if that leaves none, nothing is written. `remove` is looked
        at after that. Without `flush_name` the change may be undone by a power failure. A `draft` of
        this very change is one that `draft_without` gave. `meanwhile` is called when the new content
        is written and not flushed yet.

        Raises:
            StorageError: the file could not be written; file and memory are as before.
        """
        exchanged = {row: self._encoded(entry) for row, entry in (replace or {}).items()}
        added = array("I")  # a list of ten thousand rows takes ten times as much
        try:
            if unless_in is None:
                added.extend(self._rows.add(entry, self._encoded(entry)) for entry in add)
            else:
                added.extend(self._appended_if_new(add, unless_in))
                if not added:
                    return 0
            gone = frozenset(remove)
            self._save(exchanged, gone, flush_name=flush_name, draft=draft, meanwhile=meanwhile)
        except BaseException:
            self._rows.drop(added)
            raise
        self.is_stale = False
        self._rows.drop(gone)
        for row, entry in (replace or {}).items():
            self._rows.replace(row, exchanged[row], entry)
        if self._rows.is_wasteful():
            with contextlib.suppress(StorageError):
                self._rows = self._rows.compacted()
        return len(added)

    def draft_without(self, rows: Collection[int]) -> Draft | None:
        """Write beside the file what it will hold without these rows, for `change` with nothing else.

        None where that cannot be had now: then `change` does it all.
        """
        # Without the file a start would take the draft for it, though the rows stand nowhere else yet.
        if not self._writable or self.is_stale or not os.path.lexists(self._path):
            return None
        with contextlib.suppress(StorageError):
            draft = self._begun({}, frozenset(rows))
            draft.flush()
            return draft
        return None

    def _appended_if_new(
        self, entries: Iterable[QueueEntry], unless_in: Collection["QueueFile"]
    ) -> Iterator[int]:
        """Take films into memory one by one; yields their rows."""
        for entry in entries:
            for queue in unless_in:
                if queue.find(entry.movie):
                    break
            else:
                row = self._rows.add_if_new(entry, self._encoded)
                if row is not None:
                    yield row

    def _encoded(self, entry: QueueEntry) -> bytes:
        return encode_entry(entry, self.name, self._next_sequence())

    def forget(self, rows: Collection[int]) -> None:
        """Take rows out of memory alone: they stand in another queue's file already."""
        self._rows.drop(rows)
        self.is_stale = True

    def load(self) -> None:
        """Read the file, once; a missing one is an empty queue.

        Damage is said in the log when the mended file is written, see `mend`.

        Raises:
            StorageError: it cannot be read for a reason that has nothing to do with it.
        """
        if self._writable:
            self._take_up_leftover()
        try:
            complaint = self._read(self._path)
        except FileNotFoundError:
            return
        if complaint:
            self._fill_gap(complaint)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the file open as it is now: `load` reads this state, whatever takes its place meanwhile."""
        try:
            self._held = open_regular(self._path)
        except OSError:  # `load` says what is wrong
            self._held = None
        try:
            yield
        finally:
            if self._held is not None:
                self._held.close()
            self._held = None

    def is_current(self) -> bool:
        """Tell whether the file that is held still stands under its name."""
        try:
            there = self._path.stat()
        except OSError:
            return self._held is None
        if self._held is None:
            return not stat.S_ISREG(there.st_mode)
        return os.fstat(self._held.fileno()).st_ino == there.st_ino

    def mend(self) -> None:
        """Write the file if it differs from memory; what fails is said, and left to the next change."""
        if self.is_stale:
            try:
                self.change()
            except StorageError as exc:
                _log.warning("%s%s", exc, f" {self._damage}" if self._damage else "")

    def _no_aside(self) -> Quarantine:
        return Quarantine(self._path, self._clock)

    def _no_rows(self) -> FilmRows:
        return FilmRows(self._clock, is_work_list=self.name is QueueName.PENDING)

    def _take_up_leftover(self) -> None:
        """Finish, or else undo, a write that was cut off.

        Where a damaged file could not have two names, a crash may fall between taking its name from
        it and giving it to the mended file, which then is whole.
        """
        temporary = temporary_of(self._path)
        if not os.path.lexists(self._path) and _is_whole(temporary):
            with contextlib.suppress(OSError):
                temporary.replace(self._path)
                sync_folder(self._path.parent)
                _log.info("%s was not there; what was about to take its place is used.", self._path)
        delete_leftover(self._path)
        delete_leftover(previous_of(self._path))

    def _save(
        self,
        exchanged: Mapping[int, bytes],
        gone: Collection[int],
        *,
        flush_name: bool,
        draft: Draft | None,
        meanwhile: Callable[[], object] | None,
    ) -> None:
        if not self._writable:
            return
        # What is lost of the other queues comes back from the watchlist; a removal nobody repeats.
        is_doubled = self.name is QueueName.REMOVED or not os.path.lexists(self._path)
        draft = draft or self._begun(exchanged, gone)
        second: Draft | None = None
        try:
            # What is written now is written while the disk flushes.
            if is_doubled:
                second = self._second_copy(exchanged, gone)
            if meanwhile:
                meanwhile()
            draft.publish(
                keep_previous=not self._damage,
                going=self._going,
                make_way=self._aside if self._damage else None,
                flush_name=flush_name,
            )
            if second:
                with contextlib.suppress(StorageError):
                    second.publish(flush_name=False)
        except StorageError:
            self.is_stale = self.is_stale or draft.stands_unsafe
            raise
        finally:
            draft.discard()
            if second:
                second.discard()
        if self._damage:
            _log.warning("%s%s", self._damage, self._aside.words)
        self._damage, self._aside = "", self._no_aside()

    def _begun(self, exchanged: Mapping[int, bytes], gone: Collection[int]) -> Draft:
        """Write what the file is to hold beside it, and let the disk begin to flush it."""
        try:
            draft = Draft(self._path, self._rows.as_array(exchanged, gone))
        except StorageError:
            if not self._going.let_go():
                raise
            draft = Draft(self._path, self._rows.as_array(exchanged, gone))  # there may be room now
        draft.begin_flush()
        self._going.let_one_go()  # one a write: that much time the flush leaves
        return draft

    def _second_copy(self, exchanged: Mapping[int, bytes], gone: Collection[int]) -> Draft | None:
        """It is a second safety: the write does not fail for it, nor is its name flushed."""
        with contextlib.suppress(StorageError):
            draft = Draft(previous_of(self._path), self._rows.as_array(exchanged, gone))
            draft.begin_flush()
            return draft
        return None

    def _fill_gap(self, complaint: str) -> None:
        good = len(self)
        with contextlib.suppress(FileNotFoundError):
            self._read(previous_of(self._path), fills_gap=True)
        self.is_stale = True
        self._damage = (
            f"{self._path} is damaged: {complaint}. Films that can be read and stay: {good}; "
            f"films that come back from its second copy: {len(self) - good}. {_WHAT_IS_MISSING[self.name]}"
        )

    def _read(self, path: Path, *, fills_gap: bool = False) -> str | None:
        """Take the films of a file; returns what is wrong with it, if anything.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it cannot be read for a reason that has nothing to do with it.
        """
        try:
            if self._held is not None and path == self._path:
                return self._take_all(self._held, fills_gap=fills_gap)
            with open_regular(path) as file:
                if self._writable and not path.is_symlink():
                    _make_private(file)
                return self._take_all(file, fills_gap=fills_gap)
        except FileNotFoundError:
            if path.is_symlink():
                return "it is a link to nothing"
            raise
        except NotAFileError as exc:
            return exc.strerror
        except OSError as exc:
            return damage_in(path, exc)

    def _take_all(self, file: BinaryIO, *, fills_gap: bool) -> str | None:
        if not fills_gap:
            try:
                for line in own_lines(file):
                    self._take(parse_json(line), line)
            except ValueError:
                self._rows = self._no_rows()
            else:
                return None
        file.seek(0)
        values = LooseArray(file.read())
        self.is_stale = True
        count = odd = 0
        for plain in values:
            count += 1
            try:
                self._take(plain, fills_gap=fills_gap)
            except ValueError:
                odd += 1
        return values.complaint or (f"{odd} of its {count} entries are no films" if odd else None)

    def _take(self, plain: object, line: bytes | None = None, *, fills_gap: bool = False) -> None:
        """Add one loaded film; of two entries for one film the later stays."""
        if not isinstance(plain, dict):
            raise ValueError("not an object")  # noqa: TRY004 - callers treat all odd entries alike
        entry = entry_from_dict(plain, self._clock.now())
        if self.name is not QueueName.COMPLETED and (entry.follow or entry.completed_at):
            # Moved here by hand: no longer completed, its torrent not followed, and asked for anew.
            entry, line = entry._replace(follow=None, completed_at=None, asked_at=self._clock.now()), None
            self.is_stale = True
        self.highest_sequence = max(self.highest_sequence, entry.sequence)
        present = self.find(entry.movie)
        if present:
            self.is_stale = True
            latest = max(self.entry(row).sequence for row in present)
            if latest > entry.sequence or (fills_gap and latest == entry.sequence):
                return
            self._rows.drop(present)
        self._rows.add(entry, line or encode_entry(entry, self.name))


def _is_whole(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return all(isinstance(parse_json(line), dict) for line in own_lines(file))
    except (OSError, ValueError):
        return False


def _make_private(file: BinaryIO) -> None:
    """Take back what an editor allowed others: the file lives on as the earlier generation."""
    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    if mode & 0o077 and hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):
            os.fchmod(file.fileno(), mode & 0o700)
