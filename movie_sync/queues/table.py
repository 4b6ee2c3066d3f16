"""The layout of a queue's file: where its lines are, what is kept of them, and how all is read anew."""

import json
import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import NamedTuple

from movie_sync.domain.json_text import is_nested_deeply
from movie_sync.domain.models import QueueName, Reason
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.progress import DONE_LATELY, downloaded_at
from movie_sync.queues.releases import Slot, Watch
from movie_sync.storage.atomic_file import NewFile, OpenFile

_PIECE_BYTES = 64 * 1024
_NEVER = datetime.min.replace(tzinfo=UTC)
_BETWEEN = re.compile(r"[\s,]*")
_LINE_WITH_OBJECT = re.compile(r"\n[ \t]*(?=\{)")
_decode = json.JSONDecoder().raw_decode


class Facts(NamedTuple):
    """What is asked of all films at once, for each the little that is kept of it.

    Of a pending film since when it stands there, the newest being worked on first, and whether a torrent
    was about to be handed over; of a failed one when it is due (None: never) and whether it waits for a
    release. `hashes` are those of torrents that may still come to their end. Of the present one, how
    it counts among the unfinished, and when it was done, if that was lately.
    `replaced` are the hashes of those that another took the place of, while they are looked after;
    `is_for_shelf`: the film is still to be put there; `watch` is how often its whole torrent is looked at.
    """

    wished_at: datetime = _NEVER
    is_chosen: bool = False
    retry_at: datetime | None = None
    waits: bool = False
    hashes: tuple[str, ...] = ()
    slot: Slot | None = None
    done_at: datetime | None = None
    replaced: tuple[str, ...] = ()
    is_for_shelf: bool = False
    watch: Watch | None = None


_NOTHING = Facts()
# Thousands of films have the same.
_SHARED = {
    facts: facts for facts in (_NOTHING, Facts(is_for_shelf=True), *(Facts(watch=watch) for watch in Watch))
}


def facts_of(entry: QueueEntry, queue: QueueName, now: datetime) -> Facts:
    """Return the facts of a film as it stands in a queue."""
    if queue is QueueName.REMOVED:
        return _NOTHING
    if entry.replaced or entry.upgrade:
        return _facts_of_several(entry, queue, now)
    if queue is QueueName.COMPLETED and entry.follow is None:
        return _NOTHING
    hashes = entry.followed_hashes
    if queue is QueueName.PENDING:
        return Facts(wished_at=entry.added_at, is_chosen=entry.choice is not None, hashes=hashes)
    if queue is QueueName.FAILED:
        return Facts(retry_at=entry.retry_at, waits=entry.waits_for_release, hashes=hashes)
    done_at, is_ours = downloaded_at(entry), entry.reason != Reason.ALREADY_DOWNLOADED
    return Facts(
        hashes=hashes,
        slot=entry.slot if entry.is_followed else None,
        done_at=done_at if done_at is not None and done_at > now - DONE_LATELY else None,
        is_for_shelf=bool(entry.follow and entry.follow.shelf and entry.follow.shelf.is_due),
        watch=entry.follow.watch if entry.follow and entry.choice and is_ours else None,
    )


def _facts_of_several(entry: QueueEntry, queue: QueueName, now: datetime) -> Facts:
    """Return the facts of a film that has, or had, more than one torrent."""
    facts = facts_of(entry._replace(replaced=(), upgrade=None), queue, now)
    unsettled = (old for old in entry.replaced if not old.seeding.is_settled)
    facts = facts._replace(replaced=tuple(old.choice.info_hash for old in unsettled))
    if (upgrade := entry.upgrade) is None:
        return facts
    new = entry.torrents()[-1]
    return facts._replace(
        hashes=(*facts.hashes, upgrade.choice.info_hash),
        slot=new.slot if facts.slot is None or new.slot is Slot.IN_USE else facts.slot,
    )


class Table:
    """The films of one generation of a file, in its order."""

    def __init__(self, source: NewFile | OpenFile) -> None:
        self.source = source
        # Where each line begins, and where another one would: between two lines is a comma and a line end.
        self.starts = array("Q", [2])
        self.numbers = array("I")
        self.sequences = array("Q")
        self.facts: list[Facts] = []
        self.hidden: set[int] = set()
        """Films that stand in the file and count no more: they are elsewhere already."""

    @classmethod
    def empty(cls) -> "Table":
        """Return a table of no films, in a file without a name that takes some."""
        new = NewFile(None)
        new.write(b"[\n")
        return cls(new)

    def line(self, number: int) -> bytes | None:
        """Return a film's line, or None if it is not here (any more)."""
        row = bisect_left(self.numbers, number)
        if number in self.hidden or row == len(self.numbers) or self.numbers[row] != number:
            return None
        return self.source.read(self.starts[row], self.starts[row + 1] - 2)

    def add(self, number: int, length: int, entry: QueueEntry, facts: Facts) -> None:
        """Add a row whose line has this length."""
        self.starts.append(self.starts[-1] + length + 2)
        self.numbers.append(number)
        self.sequences.append(max(entry.sequence, 0))
        # Films that came together share their facts.
        last = self.facts[-1] if self.facts else _NOTHING
        self.facts.append(last if last == facts else _SHARED.get(facts, facts))

    def copy(self, old: "Table", first: int, end: int, new: NewFile) -> None:
        """Write rows that follow one another as they stand in another file, and add them."""
        if first >= end:
            return
        if self.numbers:
            new.write(b",\n")
        for piece in pieces(old.source, old.starts[first], old.starts[end] - 2):
            new.write(piece)
        shift = self.starts[-1] - old.starts[first]
        places = old.starts[first + 1 : end + 1]
        self.starts.extend(array("Q", [place + shift for place in places]) if shift else places)
        self.numbers.extend(old.numbers[first:end])
        self.sequences.extend(old.sequences[first:end])
        self.facts += old.facts[first:end]


def pieces(source: NewFile | OpenFile, start: int, end: int) -> Iterable[bytes]:
    """Yield what stands in a file from one place to another."""
    return (source.read(place, min(place + _PIECE_BYTES, end)) for place in range(start, end, _PIECE_BYTES))


def own_lines(file: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the films' lines of a file that is laid out exactly as we write it; a ValueError: it is not."""
    lines = chain(file, [b""])
    if next(lines) != b"[\n":
        raise ValueError("another beginning")
    for line, following in pairwise(lines):
        if line == b"]\n" and not following:
            return
        ending = b"\n" if following == b"]\n" else b",\n"
        if not line.endswith(ending):
            raise ValueError("a comma is missing")
        yield line.removesuffix(ending)
    raise ValueError("another end")


def read_loosely(content: bytes, take: Callable[[object], None]) -> str | None:
    """Take the values of a JSON array, whatever its layout, and past what is broken in it.

    Commas may be missing or too many, as by hand; after what is no JSON, the next line counts that begins an
    object. `take` raises ValueError for what is no film. Returns what is wrong with the text, if anything.
    """
    # Bytes that are no UTF-8 become characters that no text holds, so that they are found below.
    text = content.decode("utf-8-sig", errors="surrogateescape")
    place, complaint = _next(text, 0), None
    values = odd = 0
    if text.startswith("[", place):
        place = _next(text, place + 1)
    else:
        complaint = "it isn't a JSON array of films" if place < len(text) else "it's empty"
    while place < len(text):
        if text[place] == "]" and _next(text, place + 1) == len(text):
            break
        try:
            value, end = _decode(text, place)
            text[place:end].encode()
            if is_nested_deeply(text[place:end]):
                raise ValueError("nested too deeply")
        except (ValueError, RecursionError):
            complaint = complaint or "parts of it aren't JSON"
            found = _LINE_WITH_OBJECT.search(text, place)
            end = found.end() if found else len(text)
        else:
            values += 1
            try:
                take(value)
            except ValueError:
                odd += 1
        place = _next(text, end)
    else:
        complaint = complaint or "its end is missing"
    return complaint or (f"{odd} of its {values} entries aren't films" if odd else None)


def _next(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place
