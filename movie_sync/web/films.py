"""A film's own page: what is known of it, and what can be done with it, as the commands do it."""

from http import HTTPStatus
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from movie_sync.commands.edit import run_add, run_remove, run_retry
from movie_sync.domain.models import QueueName
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.wall import film_facts
from movie_sync.storage.history import read_history
from movie_sync.web.desk import Desk, Said
from movie_sync.web.live import Glance, Live, Regions
from movie_sync.web.notes import Note, Notes
from movie_sync.web.views import Views


class FilmPages:
    """Answers at a film's addresses."""

    def __init__(self, desk: Desk, glance: Glance, live: Live, views: Views) -> None:
        self._desk = desk
        self._glance = glance
        self._live = live
        self._views = views
        self._notes = Notes()
        self._state = views.macro("cards.html", "state")
        self._past = views.macro("cards.html", "past")

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
        found = self._desk.context().queues_to_look_at().find(name)
        if found is None:
            return self._views.page(request, "missing.html", HTTPStatus.NOT_FOUND, name=name)
        queue, entry = found
        regions = self._regions(queue, entry)
        return self._views.page(
            request,
            "film.html",
            entry=entry,
            name=name,
            queue=queue,
            regions=regions,
            mark=self._live.mark(regions),
            note=self._notes.of(request),
        )

    def events(self, request: Request) -> Response:
        """Send what changes about a film, while its page is open."""
        name = request.path_params["name"]

        def regions() -> Regions:
            found = self._desk.context().queues_to_look_at().find(name)
            return self._regions(*found) if found else {}

        return self._live.answer(request, regions)

    def act(self, request: Request) -> Response:
        """Do what a button says, and show what came of it on the film's page."""
        name = request.path_params["name"]
        said, undo = self._done(name, request.path_params["action"])
        note = Note.of(said, undo if said.is_good else "")
        return self._notes.leave(request, note, f"/film/{quote(name, safe='')}")

    def _done(self, name: str, action: str) -> tuple[Said, str]:
        """Carry an action out; return what was said, and the action that takes it back."""
        if action == "retry":
            return self._desk.run(run_retry, film=[name], all=False), ""
        if action == "remove":
            return self._desk.run(run_remove, film=[name]), "add"
        if action == "add":
            return self._desk.run(run_add, film=[name], quality=None), "remove"
        return Said(1, complaints=["There is no such button."]), ""

    def _regions(self, queue: QueueName, entry: QueueEntry) -> Regions:
        paths = self._desk.context().paths
        movie = entry.movie
        own = {movie.id, movie.slug or movie.id, movie.imdb_id}
        events = [each for each in read_history(paths.history) if not own.isdisjoint({each.id, each.slug})]
        return {
            "state": self._state(film_facts(queue, entry), entry.follow),
            "past": self._past(events),
        }
