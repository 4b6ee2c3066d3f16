"""A film's own page: what is known of it, and what can be done with it, as the commands do it."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from movie_sync.commands.choose import run_grab, run_reject
from movie_sync.commands.edit import run_add, run_remove, run_retry
from movie_sync.commands.history import about_film
from movie_sync.domain.film_rules import preset_words
from movie_sync.domain.models import Movie, QueueName, ReleaseId
from movie_sync.domain.selection import ASSUMED_RUNTIME_MINUTES
from movie_sync.errors import StorageError
from movie_sync.fetching.name_queries import most_queries
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.daemon_state import NeedKind
from movie_sync.reports.film import (
    film_facts,
    film_links,
    known_releases,
    seeding_facts,
    torrents_on_their_way,
)
from movie_sync.reports.lines import state_of
from movie_sync.reports.status import as_seen_here
from movie_sync.services import registry
from movie_sync.settings.keys import GeneralSettings
from movie_sync.storage.growing_file import older_of
from movie_sync.storage.history import HistoryEvent, read_history
from movie_sync.storage.regular_file import file_signature
from movie_sync.web.desk import Desk, Said
from movie_sync.web.guard import form_of
from movie_sync.web.live import FilmSeen, Glance, Live, Regions
from movie_sync.web.notes import Note, Notes
from movie_sync.web.offers import Offers
from movie_sync.web.views import Views
from movie_sync.web.wall import LOOKS

_MOST_EVENTS = 200
_HINTS = {
    NeedKind.NO_SEEDS: "Wait, pick another release below, or remove the film.",
    NeedKind.RELEASES: "Pick another release below.",
    NeedKind.SERIES: "Remove it.",
    NeedKind.UNCLEAR: "Once that's done, retry it.",
    NeedKind.GAVE_UP: "Retry it, or pick a release below.",
    NeedKind.DISK: "Free some space, or pick a smaller release below.",
}
"""What to do here about what a film needs, where the terminal's words name a command."""
_REGIONS = ("picture", "state", "buttons", "offers", "facts", "past")


class FilmPages:
    """Answers at a film's addresses."""

    def __init__(self, desk: Desk, glance: Glance, live: Live, views: Views, notes: Notes) -> None:
        self._desk = desk
        self._glance = glance
        self._live = live
        self._views = views
        self._notes = notes
        self._offers = Offers(desk)
        self._regions_of = {name: views.macro("film_parts.html", name) for name in _REGIONS}
        self._events = lru_cache(maxsize=8)(self._read_events)
        self._actions: Mapping[str, tuple[Callable[[str, str], Said], str]] = {
            "retry": (lambda film, _: desk.run(run_retry, film=[film], all=False), ""),
            "remove": (lambda film, _: desk.run(run_remove, film=[film]), "add"),
            "add": (lambda film, _: desk.run(run_add, film=[film], quality=None), "remove"),
            "grab": (lambda film, release: desk.run(run_grab, film=film, release=release), ""),
            "reject": (lambda film, release: desk.run(run_reject, film=film, release=release), ""),
            "search": (lambda film, _: self._offers.search(film), ""),
        }

    def routes(self) -> list[Route]:
        """Return where it answers."""
        return [
            Route("/film/{name}", self.show),
            Route("/film/{name}/events", self.events),
            Route("/film/{name}/{action}", self.act, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Show a film."""
        name = request.path_params["name"]
        film = self._glance.film(name)
        if film is None:
            return self._views.page(request, "missing.html", HTTPStatus.NOT_FOUND, name=name)
        regions = self._regions(name, request.scope["state"]["token"])
        return self._views.page(
            request,
            "film.html",
            film=film,
            name=name,
            regions=regions,
            mark=self._live.mark(regions),
            note=self._notes.of(request),
        )

    def events(self, request: Request) -> Response:
        """Send what changes about a film, while its page is open."""
        regions = partial(self._regions, request.path_params["name"], request.scope["state"]["token"])
        return self._live.answer(request, regions)

    def act(self, request: Request) -> Response:
        """Do what a button says, and show what came of it on the film's page."""
        name, action = request.path_params["name"], request.path_params["action"]
        do, undo = self._actions.get(action, (_no_such_button, ""))
        film = self._glance.film(name)
        if action == "add" and film and film.queue is not QueueName.REMOVED:
            undo = ""
        said = do(name, form_of(request).get("release", ""))
        note = Note.of(said, undo if said.is_good else "", name)
        return self._notes.leave(request, note, f"/film/{quote(name, safe='')}")

    def _regions(self, name: str, token: str) -> Regions:
        """Return the parts of the page that may change."""
        film = self._glance.film(name)
        if film is None:
            return {}
        values = {"name": name, "token": token, "film": film, **self._told(film), **self._offered(name, film)}
        return {region: macro(values) for region, macro in self._regions_of.items()}

    def _told(self, film: FilmSeen) -> dict[str, object]:
        """Return what is known of a film."""
        paths, movie, clean = self._desk.context().paths, film.entry.movie, self._glance.clean
        words = clean(state_of(film.queue, film.entry, self._desk.context().clock.now()))
        here = as_seen_here(film.entry, self._desk.context().config.section(GeneralSettings).path_map)
        signature = file_signature(paths.history), file_signature(older_of(paths.history))
        return {
            "look": LOOKS[film.card.badge.look],
            "state": f"{words[:1].upper()}{words[1:]}",
            "needs": [(clean(need.why), _HINTS.get(need.kind, clean(need.action))) for need in film.needs],
            "torrents": torrents_on_their_way(film.entry),
            "facts": [
                *film_facts(film.queue, here, clean(self._judged_by(film.entry))),
                *seeding_facts(film.entry, registry.seeding_rules()),
            ],
            "links": film_links(movie),
            "releases": known_releases(film.queue, film.entry),
            "events": self._events(movie, signature),
        }

    def _judged_by(self, entry: QueueEntry) -> str:
        try:
            return preset_words(entry.word, self._desk.rules().first_list(entry.movie))
        except StorageError:  # a list's memory can't be read now
            return entry.word.preset

    def _offered(self, name: str, film: FilmSeen) -> dict[str, object]:
        """Return what the last search found for a film, and what another one costs."""
        entry = film.entry
        searched = self._offers.of(name, entry)
        cells = searched.table() if searched else []
        minutes = entry.movie.runtime_minutes
        present = str(entry.choice.id) if entry.choice else ""
        rejected, grabbed = {str(each) for each in entry.word.rejected}, str(entry.word.grabbed)
        return {
            "offers": [(each, each.id == present, each.id == grabbed, each.id in rejected) for each in cells]
            if searched
            else None,
            "names": {ReleaseId.parse(each.id): each.name for each in cells},
            "minutes": minutes or ASSUMED_RUNTIME_MINUTES,
            "minutes_known": bool(minutes),
            "most_calls": most_queries(entry.movie),
            "trackers": len(self._desk.context().config.section(GeneralSettings).trackers),
        }

    def _read_events(self, movie: Movie, _signature: object) -> list[HistoryEvent]:
        """Return what happened to a film, the latest first."""
        is_about = about_film(movie)
        events = [each for each in read_history(self._desk.context().paths.history) if is_about(each)]
        return events[: -_MOST_EVENTS - 1 : -1]


def _no_such_button(_film: str, _release: str) -> Said:
    return Said(1, complaints=["The page doesn't have that action."])
