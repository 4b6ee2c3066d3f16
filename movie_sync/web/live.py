"""What changes on the page while somebody looks at it, sent as it happens.

The data folder is looked at once a second while a page is open, as `status --watch` does it; nothing
outside is asked. Each view is a mapping of elements' ids to their HTML, and only what is different is sent:
from what the browser has, which it names by its mark, as it may have been away since.
"""

import asyncio
import contextlib
import json
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from movie_sync.commands.context import Context
from movie_sync.commands.watch import Watched
from movie_sync.domain.models import QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import MovieSyncError
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.needs import Need
from movie_sync.reports.status import Status
from movie_sync.reports.wall import FilmCard, film_cards
from movie_sync.web.posters import Posters

_LOOK_SECONDS = 1.0
_SILENCE_SECONDS = 15.0
_MOST_KEPT = 16  # views that browsers may still show

Regions = Mapping[str, str]
"""HTML by the id of the element that it is of."""


@dataclass(frozen=True, slots=True)
class FilmSeen:
    """One film as it is now, and what it needs the user for."""

    queue: QueueName
    entry: QueueEntry
    card: FilmCard
    needs: tuple[Need, ...]


class Glance:
    """The films as they are now. Safe to use from several threads."""

    def __init__(self, context: Context, posters: Posters) -> None:
        self._lock = threading.Lock()
        self._watched: Watched | None = None
        self._posters = posters
        self._posters_seen = 0
        self._context = context
        self._cards: list[FilmCard] = []
        self.generation = 0

    def look(self) -> int:
        """Read again what has changed; return a number that rises with each change."""
        with self._lock:
            if self._watched is None:
                self._watched = Watched(self._context)
                self._read()
            elif self._watched.look():
                self._read()
            elif self._posters.generation != self._posters_seen:
                self._show(self._cards)
            return self.generation

    def now(self) -> tuple[Status, list[FilmCard]]:
        """Return the status and a card for each film."""
        self.look()
        with self._lock:
            assert self._watched is not None  # noqa: S101 - `look` has made it
            return self._watched.status, self._cards

    def film(self, name: str) -> "FilmSeen | None":
        """Return a film by its slug or id."""
        status, cards = self.now()
        with self._lock:
            found = self._watched.queues.find(name) if self._watched else None
        if found is None:
            return None
        queue, entry = found
        keys = entry.movie.keys()
        card = next((each for each in cards if each.movie.keys() == keys), None)
        needed = tuple(need for need in status.needs if need.movie and need.movie.keys() == keys)
        return FilmSeen(queue, entry, card, needed) if card else None

    def clean(self, text: str) -> str:
        """Return a text from the daemon without what is secret or unsafe to show."""
        return self._context.redactor.clean(one_line(text))

    def _read(self) -> None:
        assert self._watched is not None  # noqa: S101
        status, queues = self._watched.status, self._watched.queues
        entries = {name: queues.entries(name) for name in QueueName}
        self._show(film_cards(entries, status.needs, is_full=bool(status.overview.room_why), now=status.at))

    def _show(self, cards: list[FilmCard]) -> None:
        """Take the cards, with the posters that there are now."""
        self._posters_seen = self._posters.generation
        version_of = self._posters.versions()
        self._cards = [replace(card, poster=version_of(card.movie)) for card in cards]
        self.generation += 1


class Live:
    """Tells open pages what is new. For the event loop's thread, but for `mark`."""

    def __init__(self, glance: Glance) -> None:
        self._glance = glance
        self._readers: set[asyncio.Event] = set()  # what wakes each open stream
        self._watching: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._shown: OrderedDict[str, Regions] = OrderedDict()

    def mark(self, regions: Regions) -> str:
        """Return what names a view as a browser has it, and keep the view for a while. From any thread."""
        mark = f"{hash(tuple(regions.items())):x}"
        with self._lock:
            self._shown[mark] = regions
            self._shown.move_to_end(mark)
            if len(self._shown) > _MOST_KEPT:
                self._shown.popitem(last=False)
        return mark

    def announce(self) -> None:
        """Have each open page look anew: something beside the films has changed."""
        for woken in self._readers:
            woken.set()

    def answer(self, request: Request, regions: Callable[[], Regions]) -> StreamingResponse:
        """Return the stream that a browser asks for; its mark is that of the last event, else the page's."""
        mark = request.headers.get("last-event-id") or request.query_params.get("mark", "")
        return StreamingResponse(self.stream(regions, mark), media_type="text/event-stream")

    async def stream(self, regions: Callable[[], Regions], mark: str = "") -> AsyncIterator[bytes]:
        """Yield server-sent events: which regions of a view are different from what the browser has.

        All of them, if that is not known. What cannot be read now is not sent, and looked at again later.
        """
        with self._lock:
            shown = self._shown.get(mark)
        woken = asyncio.Event()
        self._readers.add(woken)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            yield b": hello\n\n"
            woken.set()
            while True:
                if not await _is_set(woken, _SILENCE_SECONDS):
                    yield b": still here\n\n"
                    continue
                woken.clear()
                with contextlib.suppress(MovieSyncError):
                    now = await run_in_threadpool(regions)
                    fresh = self.mark(now)
                    if fresh != mark and (news := _difference(shown, now)):
                        yield _event(news, fresh)
                    shown, mark = now, fresh
        finally:
            self._readers.discard(woken)

    async def _watch(self) -> None:
        seen = 0
        while self._readers:
            with contextlib.suppress(MovieSyncError):
                now = await run_in_threadpool(self._glance.look)
                if now != seen:
                    seen = now
                    self.announce()
            await asyncio.sleep(_LOOK_SECONDS)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
        return True
    return False


def _difference(before: Regions | None, now: Regions) -> dict[str, object]:
    """Return what is different; empty if nothing is. The order is of all, where it is another one."""
    if before is None:
        return {"changed": dict(now), "order": list(now)}
    changed = {name: html for name, html in now.items() if before.get(name) != html}
    order = {"order": list(now)} if list(before) != list(now) else {}
    return {"changed": changed, **order} if changed or order else {}


def _event(news: Mapping[str, object], mark: str) -> bytes:
    return f"id: {mark}\ndata: {json.dumps(news)}\n\n".encode()
