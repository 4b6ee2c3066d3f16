"""What the trackers have for a film: searched for when the user asks, and kept for an hour."""

import threading
from dataclasses import dataclass
from functools import partial

from movie_sync.commands.context import Context
from movie_sync.commands.search import Searched, search_releases
from movie_sync.errors import UnknownFilmError
from movie_sync.queues.entry import QueueEntry
from movie_sync.web.desk import Desk, Said

_KEPT_SECONDS = 3600.0  # as long as the numbers that `grab` knows
_MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class _Kept:
    searched: Searched
    at: float


class Offers:
    """Searches for one film at a time. Safe to use from several threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._last: tuple[str, float, Said] | None = None

    def search(self, film: str) -> Said:
        """Ask the trackers for a film; asked again meanwhile, as by a double click, they answer for both."""
        clock = self._desk.context().clock
        asked_at = clock.monotonic()
        with self._lock:
            if self._last and self._last[0] == film and self._last[1] >= asked_at:
                return self._last[2]
            said = self._desk.ask(partial(self._search, film))
            self._last = film, clock.monotonic(), said
            return said

    def of(self, film: str, entry: QueueEntry) -> Searched | None:
        """Return what the last search found, as it is judged now; None if there was none within an hour."""
        context = self._desk.context()
        kept = self._kept.get(film)
        if kept is None or context.clock.monotonic() - kept.at > _KEPT_SECONDS:
            return None
        return kept.searched.judged_again(self._desk.rules(), context.clock.now(), entry)

    def _search(self, film: str, context: Context) -> int:
        queues = context.queues_to_look_at()
        found = queues.find(film)
        if found is None:
            raise UnknownFilmError(f'No film "{film}" here.')
        searched = search_releases(context, queues, found[1].movie)
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept.pop(film, None)
        self._kept[film] = _Kept(searched, context.clock.monotonic())
        count = len(searched.rows)
        found_words = "nothing" if not count else "1 release" if count == 1 else f"{count} releases"
        context.say(f"{found[1].movie.label}: the search found {found_words}.")
        return 0
