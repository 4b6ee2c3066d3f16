"""The films of one queue while the program runs: their lines, where each is, when it is due."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime

from movie_sync.domain.models import Movie
from movie_sync.domain.twins import is_same_film, letterboxd_keys, own_titles
from movie_sync.ports import Clock
from movie_sync.queues.codec import entry_from_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.key_index import KeyIndex
from movie_sync.queues.line_store import LineStore
from movie_sync.queues.progress import DONE_LATELY, downloaded_at
from movie_sync.queues.wish_order import WishOrder

_SPARE_ROWS = 1000


class FilmRows:
    """Films in order, each kept as the line that stands in the file. Not thread-safe.

    An entry is encoded once, when it changes, and decoded only when it is asked for. A row number
    names a film's place until the films change.
    """

    def __init__(self, clock: Clock, *, is_work_list: bool = False) -> None:
        self._clock = clock
        self._is_work_list = is_work_list
        self._lines = LineStore()
        self._index = KeyIndex()
        self._titles: KeyIndex | None = None  # made when it is first asked for: most processes never do
        self.retry_times: dict[int, datetime] = {}
        """When each entry that is to be retried is due, by row."""
        self.followed: dict[int, tuple[str, ...]] = {}
        """The info-hashes of each film's torrents that may still come to their end, by row."""
        self.unfinished: set[int] = set()
        """Of these, the films whose present torrent is not whole yet and counts among those at once."""
        self.stopped: set[int] = set()
        """Of these, the films whose present torrent is stopped in the client."""
        self.waiting: set[int] = set()
        """The films that wait for an acceptable release."""
        self.chosen: set[int] = set()
        """Of a work list, the films with a torrent that was about to be handed over."""
        self._done_times: dict[int, datetime] = {}
        self._wishes = WishOrder()
        # A film on its way is asked for several times in a row.
        self._last_decoded: tuple[int, QueueEntry] | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[int]:
        """Yield the row numbers in order; films may be dropped meanwhile."""
        return iter(self._lines)

    def newest_wish(self, but_for: Collection[int] = ()) -> int | None:
        """Return, of a work list, the film that was wished for last, and of several at once the first."""
        return self._wishes.newest(lambda row: row in self._lines, but_for)

    def done_lately(self) -> int:
        """Return how many films have a torrent that came to its end in the last week."""
        earliest = self._clock.now() - DONE_LATELY
        self._done_times = {row: at for row, at in self._done_times.items() if at > earliest}
        return len(self._done_times)

    def entry(self, row: int) -> QueueEntry:
        """Return the entry at a row."""
        if self._last_decoded is None or self._last_decoded[0] != row:
            entry = entry_from_dict(json.loads(self._lines.line(row)), self._clock.now())
            self._last_decoded = row, entry
        return self._last_decoded[1]

    def find(self, movie: Movie) -> list[int]:
        """Return the rows of all entries that are this film."""
        # What only IMDb names may be either of two films to which Letterboxd gave one id: then the first.
        is_clear = bool(letterboxd_keys(movie))
        found: dict[int, Movie] = {}
        for _, row in self._index.rows(movie.keys()):
            if row in self._lines and row not in found:
                held = self.entry(row).movie
                if is_same_film(movie, held) and (
                    is_clear or all(is_same_film(held, other) for other in found.values())
                ):
                    found[row] = held
        return list(found)

    def find_key(self, key: str) -> list[int]:
        """Return the rows of all entries with one of the keys that `Movie.keys` gives."""
        rows = {row for _, row in self._index.rows([key]) if row in self._lines}
        return sorted(row for row in rows if key in self.entry(row).movie.keys())  # noqa: SIM118 - not a dict

    def called(self, titles: Collection[str]) -> Iterator[Movie]:
        """Yield the films that have one of these titles, as squashed keys, as their own."""
        if self._titles is None:
            self._titles = KeyIndex()
            for row in self:
                self._titles.add(own_titles(self.entry(row).movie), row)
        for title, row in self._titles.rows(titles):
            if row in self._lines and title in own_titles(movie := self.entry(row).movie):
                yield movie

    def add(self, entry: QueueEntry, line: bytes) -> int:
        """Append a film, encoded as this line already, and return its row."""
        row = self._lines.append(line)
        self._index.add(entry.movie.keys(), row)
        self._note_new(row, entry)
        return row

    def add_if_new(self, entry: QueueEntry, encode: Callable[[QueueEntry], bytes]) -> int | None:
        """Append a film and return its row, or None if it is there."""
        row, keys = self._lines.next_row(), entry.movie.keys()
        if not self._index.add_if_new(keys, row):
            if self.find(entry.movie):
                return None
            self._index.add(keys, row)
        self._lines.append(encode(entry))
        self._note_new(row, entry)
        return row

    def replace(self, row: int, line: bytes, entry: QueueEntry) -> None:
        """Put another state of a film in its place."""
        self._lines.replace(row, line)
        self._last_decoded = None
        _add_missing(self._index, entry.movie.keys(), row)
        if self._titles is not None:
            _add_missing(self._titles, own_titles(entry.movie), row)
        self._forget(row)
        self._note(row, entry)

    def drop(self, rows: Iterable[int]) -> None:
        """Take films out."""
        for row in rows:
            self._lines.discard(row)
            self._forget(row)

    def as_array(self, changed: Mapping[int, bytes], gone: Collection[int]) -> Iterator[bytes]:
        """Yield, in pieces, the JSON array of all films, with some changed and some left out."""
        return self._lines.as_array(changed, gone)

    def is_wasteful(self) -> bool:
        """Tell whether more is kept of films and states that are gone than of those that are there."""
        return self._lines.gone > len(self) + _SPARE_ROWS

    def compacted(self) -> "FilmRows":
        """Return the same films without what is kept of what is gone."""
        rows = FilmRows(self._clock, is_work_list=self._is_work_list)
        for row in self:
            rows.add(self.entry(row), self._lines.line(row))
        return rows

    def _note_new(self, row: int, entry: QueueEntry) -> None:
        if self._is_work_list:
            self._wishes.add(entry.added_at, row)
        if self._titles is not None:
            self._titles.add(own_titles(entry.movie), row)
        self._note(row, entry)

    def _note(self, row: int, entry: QueueEntry) -> None:
        """Note what a film is looked for by, besides its keys. Most have next to nothing of it."""
        if entry.retry_at is not None:
            self.retry_times[row] = entry.retry_at
        if entry.waits_for_release:
            self.waiting.add(row)
        if entry.choice is not None or entry.tried:
            self._note_torrents(row, entry)

    def _note_torrents(self, row: int, entry: QueueEntry) -> None:
        done_at = downloaded_at(entry)
        if done_at is not None and done_at > self._clock.now() - DONE_LATELY:
            self._done_times[row] = done_at
        if entry.is_followed:
            self.followed[row] = entry.followed_hashes
            if entry.takes_a_place:
                self.unfinished.add(row)
            if entry.is_stopped:
                self.stopped.add(row)
        if self._is_work_list and entry.choice is not None:
            self.chosen.add(row)

    def _forget(self, row: int) -> None:
        self.retry_times.pop(row, None)
        self._done_times.pop(row, None)
        self.followed.pop(row, None)
        for marked in (self.unfinished, self.stopped, self.waiting, self.chosen):
            marked.discard(row)


def _add_missing(index: KeyIndex, keys: Collection[str], row: int) -> None:
    known = index.rows(keys)
    index.add([key for key in keys if (key, row) not in known], row)
