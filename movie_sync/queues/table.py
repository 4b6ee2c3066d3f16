"""The films of a queue's file by their numbers: where each line is, and what is known of it in memory."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import count

from movie_sync.domain.compact import HashedNumbers
from movie_sync.domain.models import Movie, QueueName
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.facts import NOTHING, Facts
from movie_sync.storage.atomic_file import NewFile, OpenFile

PIECE_BYTES = 64 * 1024
_QUEUES = tuple(QueueName)
_QUEUE_BITS = 2


class FilmNumbers:
    """Numbers for films in their places, found by the films' keys; none is given twice.

    A later number is higher. What is found may be gone, or be another film: the files tell.
    """

    def __init__(self) -> None:
        self._index = HashedNumbers()
        self._counter = count()

    def next_for(self, movie: Movie, queue: QueueName) -> tuple[int, bool]:
        """Return the number for a film that goes to a queue, and whether its keys may be known already."""
        number = next(self._counter) << _QUEUE_BITS | _QUEUES.index(queue)
        return number, self.note(movie, number)

    def note(self, movie: Movie, number: int) -> bool:
        """Note a film's keys under its number; tell whether there may be another film under one of them."""
        fresh = [self._index.put(key, number) for key in movie.keys()]  # noqa: SIM118 - not a dict
        return not all(fresh)

    def under(self, key: str) -> list[tuple[QueueName, int]]:
        """Return the numbers under a key, each with its queue."""
        return [(_QUEUES[number % (1 << _QUEUE_BITS)], number) for number in self._index.under(key)]

    def forget_all_but(self, films: Iterable[tuple[int, Movie]], at_most: int) -> None:
        """Forget what is gone, if there are more keys than that."""
        if len(self._index) > at_most:
            self._index = HashedNumbers()
            for number, movie in films:
                self.note(movie, number)


class Table:
    """The films of one generation of a file, in its order, by their numbers."""

    def __init__(self, source: NewFile | OpenFile) -> None:
        self.source = source
        # Where each line begins, and where another one would: between two lines is a comma and a line end.
        self.starts = array("Q", [2])
        self.numbers = array("I")
        self.sequences = array("Q")
        self.facts: list[Facts] = []
        self.hidden: set[int] = set()
        """Films that stand in the file and count no more: they are elsewhere already."""

    def row(self, number: int) -> int | None:
        """Return a film's row, or None if it is not here (any more)."""
        row = bisect_left(self.numbers, number)
        is_there = row < len(self.numbers) and self.numbers[row] == number and number not in self.hidden
        return row if is_there else None

    def line(self, row: int) -> bytes:
        """Return the line in a row."""
        return self.source.read(self.starts[row], self.starts[row + 1] - 2)

    def add(self, number: int, length: int, entry: QueueEntry, facts: Facts) -> None:
        """Add a row whose line has this length."""
        self.starts.append(self.starts[-1] + length + 2)
        self.numbers.append(number)
        self.sequences.append(max(entry.sequence, 0))
        # Films that came together share their facts.
        last = self.facts[-1] if self.facts else NOTHING
        self.facts.append(last if last == facts else NOTHING if facts == NOTHING else facts)

    def take_over(self, other: "Table", first: int, end: int) -> None:
        """Add rows of another table whose lines follow one another here as there."""
        shift = self.starts[-1] - other.starts[first]
        places = other.starts[first + 1 : end + 1]
        self.starts.extend(places if not shift else array("Q", [place + shift for place in places]))
        self.numbers.extend(other.numbers[first:end])
        self.sequences.extend(other.sequences[first:end])
        self.facts += other.facts[first:end]


def empty_table() -> Table:
    """Return a table of no films, in a file without a name that takes some."""
    new = NewFile(None)
    new.write(b"[\n")
    return Table(new)


def copy_rows(old: Table, draft: Table, new: NewFile, first: int, end: int) -> None:
    """Write rows that follow one another as they stand in the old file."""
    if first >= end:
        return
    if draft.numbers:
        new.write(b",\n")
    start, stop = old.starts[first], old.starts[end] - 2
    for place in range(start, stop, PIECE_BYTES):
        new.write(old.source.read(place, min(place + PIECE_BYTES, stop)))
    draft.take_over(old, first, end)
