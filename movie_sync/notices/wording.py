"""What a notice says about many events: counts in the title, a line an event below."""

from collections import Counter
from collections.abc import Iterable

from movie_sync.domain.events import Event, EventKind
from movie_sync.domain.plain_text import one_line, shorten

_MOST_LINES = 20
_LONGEST_LINE = 300
_ORDER = {kind: number for number, kind in enumerate(EventKind)}
# How a count of them reads; a kind that is not here reads well as it is.
_WORDS = {
    EventKind.UNREADABLE: "watchlist unreadable",
    EventKind.REFUSED: "credentials refused",
}


def notice_of(events: Iterable[Event]) -> tuple[str, str]:
    """Return title and text; at most twenty events have a line of their own."""
    counts: Counter[EventKind] = Counter()
    lines: list[str] = []
    for event in events:
        counts[event.kind] += 1
        if len(lines) < _MOST_LINES:
            lines.append(shorten(one_line(event.text), _LONGEST_LINE))
    rest = counts.total() - len(lines)
    if rest:
        lines.append(f"and {rest} more")
    parts = [f"{counts[kind]} {_WORDS.get(kind, kind)}" for kind in sorted(counts, key=_ORDER.__getitem__)]
    return f"Movie Sync: {', '.join(parts)}", "\n".join(lines)
