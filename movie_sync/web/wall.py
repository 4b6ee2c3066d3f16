"""The wall: every film at a glance."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from movie_sync.domain.models import QueueName
from movie_sync.domain.plain_text import searchable
from movie_sync.reports.daemon_state import NeedKind
from movie_sync.reports.lines import Look, counts_line, daemon_lines, trouble_lines
from movie_sync.reports.status import Status
from movie_sync.reports.wall import Badge, FilmCard
from movie_sync.web.live import Glance, Live, Regions
from movie_sync.web.views import Views

_PAGE = 1000
_NEEDS = 5
LOOKS = {
    Look.PLAIN: "moving",
    Look.GOOD: "good",
    Look.WAITING: "wait",
    Look.NEEDS: "bad",
    Look.DIM: "dim",
}
_ON_ITS_PAGE = {
    NeedKind.NO_SEEDS: "Wait, or pick another release on its page.",
    NeedKind.RELEASES: "Pick another release on its page.",
    NeedKind.SERIES: "Remove it on its page.",
    NeedKind.UNCLEAR: "Once that's done, retry it on its page.",
    NeedKind.GAVE_UP: "Retry it, or pick a release, on its page.",
    NeedKind.DISK: "Free some space, or pick a smaller release on its page.",
}
"""What to do here about what a film needs, where the terminal's words name a command."""
_MOST_DIGITS, _LONGEST = 6, 200


@dataclass(frozen=True, slots=True)
class Filter:
    """Which films are to be seen: those of a badge's name, whose label has the text's words; which page."""

    show: str = ""
    text: str = ""
    page: int = 1

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return what the address asks for."""
        asked = request.query_params
        page = asked.get("page", "")
        is_page = page.isascii() and page.isdecimal() and len(page) <= _MOST_DIGITS
        return cls(
            asked.get("show", ""), asked.get("q", "").strip()[:_LONGEST], max(int(page), 1) if is_page else 1
        )

    def takes(self, card: FilmCard) -> bool:
        """Tell whether a film's badge is asked for; removed ones only where they are."""
        return card.badge.name.lower() == self.show if self.show else card.queue is not QueueName.REMOVED

    def address(self, path: str = "/", **more: str) -> str:
        """Return where these films are shown."""
        asked = {"show": self.show, "q": self.text, "page": str(self.page) if self.page > 1 else "", **more}
        query = urlencode({key: value for key, value in asked.items() if value})
        return f"{path}?{query}" if query else path


class WallPage:
    """Answers with the wall, and with what changes on it."""

    def __init__(self, glance: Glance, live: Live, views: Views) -> None:
        self._glance = glance
        self._live = live
        self._card = views.macro("cards.html", "card")
        self._head = views.macro("cards.html", "head")
        self._chips = views.macro("cards.html", "chips")
        self._end = views.macro("cards.html", "end")
        self._views = views
        self._rendered: dict[str, tuple[FilmCard, str]] = {}

    def show(self, request: Request) -> Response:
        """Show the films that the address asks for."""
        wanted = Filter.of(request)
        regions = dict(self._regions(wanted))
        events = wanted.address("/events", mark=self._live.mark(dict(regions)))
        head, chips, end = (regions.pop(name) for name in ("head", "chips", "end"))
        return self._views.page(
            request,
            "wall.html",
            events=events,
            head=head,
            chips=chips,
            end=end,
            cards=regions.values(),
            wanted=wanted,
            is_part=len(regions) >= _PAGE or wanted.page > 1,
        )

    def events(self, request: Request) -> Response:
        """Send what changes among these films, while the page is open."""
        wanted = Filter.of(request)
        return self._live.answer(request, lambda: self._regions(wanted))

    def _regions(self, wanted: Filter) -> Regions:
        status, cards = self._glance.now()
        words = searchable(wanted.text).split()
        found = [card for card in cards if wanted.takes(card) and (not words or card.matches(words))]
        last = max(-(-len(found) // _PAGE), 1)
        wanted = replace(wanted, page=min(wanted.page, last))
        first = (wanted.page - 1) * _PAGE
        return {
            "head": self._head_html(status, has_films=bool(cards)),
            "chips": self._chips(wanted, _chips(cards)),
            **self._cards_html(found[first : first + _PAGE], cards),
            "end": self._end(wanted, last, len(found), has_films=bool(cards), is_running=bool(status.daemon)),
        }

    def _cards_html(self, shown: Iterable[FilmCard], cards: Sequence[FilmCard]) -> dict[str, str]:
        """Return each card's HTML by its id, rendered anew only where the film has changed."""
        known, made = self._rendered, {}
        for card in shown:
            before = known.get(card.name)
            if before is None or before[0] != card:
                before = known[card.name] = card, self._card(card, LOOKS[card.badge.look])
            made[f"film-{card.name}"] = before[1]
        if len(known) > len(cards):
            names = {card.name for card in cards}
            self._rendered = {name: each for name, each in known.items() if name in names}
        return made

    def _head_html(self, status: Status, *, has_films: bool) -> str:
        clean = self._glance.clean
        needs = [
            {
                "film": need.movie,
                "why": clean(need.why),
                "action": clean(
                    need.action if need.movie is None else _ON_ITS_PAGE.get(need.kind, need.action)
                ),
                "kind": need.kind.name,
            }
            for need in status.needs[:_NEEDS]
        ]
        return self._head(
            troubles=list(map(clean, trouble_lines(status))),
            needs=needs,
            more=len(status.needs) - len(needs),
            counts=counts_line(status) if has_films else "",
            daemon=list(map(clean, daemon_lines(status))),
            is_running=bool(status.daemon),
        )


def _chips(cards: Iterable[FilmCard]) -> list[tuple[str, str, int]]:
    """Return what films can be narrowed to: its name in addresses, its words, how many there are."""
    counts = Counter(card.badge for card in cards)
    some = [(badge.name.lower(), str(badge), counts[badge]) for badge in Badge if counts[badge]]
    return [("", "all", counts.total() - counts[Badge.REMOVED]), *some]
