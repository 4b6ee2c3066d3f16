"""What changes on the page while somebody looks at it, sent as it happens.

The data folder is looked at once a second while a page is open, as `status --watch` does it; nothing
outside is asked. Each view is a mapping of elements' ids to their HTML, and only what is different is sent.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.concurrency import run_in_threadpool

from movie_sync.commands.context import Context
from movie_sync.commands.watch import Watched
from movie_sync.domain.models import QueueName
from movie_sync.reports.status import Status
from movie_sync.reports.wall import FilmCard, film_cards

_LOOK_SECONDS = 1.0
_SILENCE_SECONDS = 15.0

Regions = Mapping[str, str]
"""HTML by the id of the element that it is of."""


class Glance:
    """The films as they are now. Safe to use from several threads."""

    def __init__(self, context: Context) -> None:
        self._lock = threading.Lock()
        self._watched: Watched | None = None
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
            return self.generation

    def now(self) -> tuple[Status, list[FilmCard]]:
        """Return the status and a card for each film."""
        self.look()
        with self._lock:
            assert self._watched is not None  # noqa: S101 - `look` has made it
            return self._watched.status, self._cards

    def _read(self) -> None:
        assert self._watched is not None  # noqa: S101
        status, queues = self._watched.status, self._watched.queues
        entries = {name: queues.entries(name) for name in QueueName}
        self._cards = film_cards(entries, status.needs, is_full=bool(status.overview.room_why), now=status.at)
        self.generation += 1


class Live:
    """Tells open pages what is new. For the event loop's thread."""

    def __init__(self, glance: Glance) -> None:
        self._glance = glance
        self._news = 0
        self._changed = asyncio.Condition()
        self._readers = 0
        self._watching: asyncio.Task[None] | None = None

    async def announce(self) -> None:
        """Have each open page look anew: something beside the films has changed."""
        async with self._changed:
            self._news += 1
            self._changed.notify_all()

    async def stream(self, regions: Callable[[], Regions]) -> AsyncIterator[bytes]:
        """Yield server-sent events: which regions of a view are different now, until the reader goes."""
        self._readers += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            shown = await run_in_threadpool(regions)
            yield b": hello\n\n"
            seen = self._news
            while True:
                async with self._changed:
                    try:
                        await asyncio.wait_for(
                            self._changed.wait_for(lambda: self._news != seen),  # noqa: B023 - before the next
                            _SILENCE_SECONDS,
                        )
                    except TimeoutError:
                        yield b": still here\n\n"
                        continue
                seen = self._news
                now = await run_in_threadpool(regions)
                if event := _event(shown, now):
                    yield event
                shown = now
        finally:
            self._readers -= 1

    async def _watch(self) -> None:
        seen = await run_in_threadpool(self._glance.look)
        while self._readers:
            await asyncio.sleep(_LOOK_SECONDS)
            now = await run_in_threadpool(self._glance.look)
            if now != seen:
                seen = now
                await self.announce()


def _event(before: Regions, now: Regions) -> bytes:
    """Return what is different as an event; empty if nothing is."""
    changed = {name: html for name, html in now.items() if before.get(name) != html}
    gone = [name for name in before if name not in now]
    order = list(now) if list(before) != list(now) else []
    if not changed and not gone and not order:
        return b""
    data = json.dumps({"changed": changed, "gone": gone, "order": order})
    return f"data: {data}\n\n".encode()
