"""The wall: every film at a glance."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from movie_sync.domain.models import QueueName
from movie_sync.reports.lines import counts_line, daemon_lines, trouble_lines
from movie_sync.reports.status import Status
from movie_sync.reports.wall import FilmCard
from movie_sync.web.live import Glance, Live, Regions
from movie_sync.web.views import Views


@dataclass(frozen=True, slots=True)
class Filter:
    """Which films are to be seen: those of a badge's name, and of which a text is part of the label."""

    show: str = ""
    text: str = ""

    @classmethod
    def of(cls, request: Request) -> "Filter":
        """Return what the address asks for."""
        return cls(request.query_params.get("show", ""), request.query_params.get("q", "").strip())

    def takes(self, card: FilmCard) -> bool:
        """Tell whether a film is to be seen; removed ones only where they are asked for."""
        if card.badge.name.lower() != self.show and (self.show or card.queue is QueueName.REMOVED):
            return False
        return self.text.casefold() in card.movie.label.casefold()


class WallPage:
    """Answers with the wall, and with what changes on it."""

    def __init__(self, glance: Glance, live: Live, views: Views) -> None:
        self._glance = glance
        self._live = live
        self._views = views
        self._card = views.macro("cards.html", "card")
        self._head = views.macro("cards.html", "head")
        self._rendered: dict[str, tuple[FilmCard, str]] = {}

    def show(self, request: Request) -> Response:
        """Show the films that the address asks for."""
        wanted = Filter.of(request)
        status, cards = self._glance.now()
        return self._views.page(
            request,
            "wall.html",
            head=self._head_html(status),
            cards=self._cards_html(filter(wanted.takes, cards)),
            wanted=wanted,
            badges=_counts(cards),
        )

    def events(self, request: Request) -> Response:
        """Send what changes among these films, while the page is open."""
        wanted = Filter.of(request)

        def regions() -> Regions:
            status, cards = self._glance.now()
            shown = self._cards_html(filter(wanted.takes, cards))
            return {"head": self._head_html(status), **shown}

        return StreamingResponse(self._live.stream(regions), media_type="text/event-stream")

    def _cards_html(self, cards: Iterable[FilmCard]) -> dict[str, str]:
        """Return each card's HTML by its id, rendered anew only where the film has changed."""
        shown = {}
        for card in cards:
            name = f"film-{card.name}"
            before = self._rendered.get(name)
            if before is None or before[0] != card:
                before = self._rendered[name] = card, self._card(card)
            shown[name] = before[1]
        return shown

    def _head_html(self, status: Status) -> str:
        return self._head(counts_line(status), trouble_lines(status), daemon_lines(status))


def _counts(cards: Iterable[FilmCard]) -> dict[str, tuple[str, int]]:
    """Return the words and the number of films of each badge that there is."""
    counts: dict[str, tuple[str, int]] = {}
    for card in cards:
        name = card.badge.name.lower()
        counts[name] = str(card.badge), counts.get(name, ("", 0))[1] + 1
    return counts
