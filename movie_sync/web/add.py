"""Adding a film, as `add` does."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from movie_sync.commands.edit import run_add
from movie_sync.commands.naming import FilmNames
from movie_sync.domain.models import QueueName
from movie_sync.domain.quality_rules import PRESETS
from movie_sync.web.desk import Desk, Said
from movie_sync.web.guard import form_of
from movie_sync.web.notes import Note, Notes
from movie_sync.web.take import bookmarklets
from movie_sync.web.views import Views
from movie_sync.wishes.film_finder import Finding

_MOST_CHARACTERS = 500
_MOST_TITLES = 500


class AddPage:
    """Answers at `/add`."""

    def __init__(self, desk: Desk, views: Views, notes: Notes) -> None:
        self._desk = desk
        self._views = views
        self._notes = notes

    def routes(self) -> list[Route]:
        """Return where it answers."""
        return [Route("/add", self.show, methods=["GET"]), Route("/add", self.add, methods=["POST"])]

    def show(self, request: Request) -> Response:
        """Show the form: empty, or with a text that names no film or several, and those that may be meant."""
        text = request.query_params.get("film", "")[:_MOST_CHARACTERS]
        names = self._names()
        finding = names.look_up(text) if text else Finding("")
        return self._views.page(
            request,
            "add.html",
            text=text,
            quality=request.query_params.get("quality", ""),
            near=[film.movie for film in finding.films[1:] and finding.films] or finding.near,
            presets=list(PRESETS),
            titles=names.listed(_MOST_TITLES),
            note=self._notes.of(request),
            bookmarklets=bookmarklets(f"{request.url.scheme}://{request.url.netloc}"),
        )

    def add(self, request: Request) -> Response:
        """Queue the film that the form names, and say so there; ask again if it names none."""
        form = form_of(request)
        text, quality = form.get("film", "").strip(), form.get("quality", "")
        before = self._names().look_up(text).film
        said = self._added(text, quality)
        film = self._names().look_up(text).film if said.is_good else None
        name = film.name if film and film.queue else ""
        is_new = bool(name) and (before is None or before.queue in {None, QueueName.REMOVED})
        note = Note.of(said, "remove" if is_new else "", name)  # else Undo would lose what was there before
        again = "" if said.is_good else f"?{urlencode({'film': text[:_MOST_CHARACTERS], 'quality': quality})}"
        return self._notes.leave(request, note, f"/add{again}")

    def _added(self, text: str, quality: str) -> Said:
        if not text or len(text) > _MOST_CHARACTERS:
            return Said(1, complaints=["Name a film." if not text else "That's too long for a film's name."])
        return self._desk.run(run_add, film=[text], quality=quality)

    def _names(self) -> FilmNames:
        context = self._desk.context()
        return FilmNames(context, context.queues_to_look_at())
