"""Films that the user's own browser hands over from a page of Letterboxd that is open there.

The bookmarklet reads that page alone and opens `/take` with what it shows in the fragment, which a browser
sends to nobody. `/take` is the same for everyone; its script asks here, with the session, and queues
what the user picks.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from movie_sync.commands.context import Context
from movie_sync.commands.edit import queue_films
from movie_sync.domain.json_text import parse_json
from movie_sync.domain.letterboxd_text import film_url, is_lid, is_slug, split_name
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import clean_text
from movie_sync.reports.lines import state_of
from movie_sync.services.letterboxd.service import LetterboxdSettings
from movie_sync.web.desk import Desk
from movie_sync.web.views import Views

_SOURCES = Path(__file__).parent / "bookmarklets"
_MOST_FILMS = 1000
_MOST_CHARACTERS = 500
_QUEUES = {
    QueueName.PENDING: "in the queue",
    QueueName.FAILED: "not found yet",
    QueueName.COMPLETED: "done",
    QueueName.REMOVED: "you removed it",
}
_IMDB_ID = re.compile(r"tt\d{5,12}", re.ASCII)


class TakePages:
    """Answers at `/take`, and the script of that page."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk = desk
        self._views = views

    def routes(self) -> list[Route]:
        """Return where it answers."""
        return [
            Route("/take", self.show),
            Route("/take/session", self.session),
            Route("/take/films", self.look, methods=["POST"]),
            Route("/take/add", self.add, methods=["POST"]),
        ]

    def show(self, _request: Request) -> Response:
        """Show the page that receives films: the same for everyone, with nothing in it."""
        return self._views.static("take.html")

    def session(self, request: Request) -> Response:
        """Tell the script the token of its session."""
        return JSONResponse({"token": request.scope["state"]["token"]})

    async def look(self, request: Request) -> Response:
        """Say of each film that was handed over how it stands with it; nothing is changed."""
        body = await request.body()
        return JSONResponse(await run_in_threadpool(self._looked, body))

    async def add(self, request: Request) -> Response:
        """Queue the films that were picked, as `add` does."""
        body = await request.body()
        return JSONResponse(await run_in_threadpool(self._added, body))

    def _looked(self, body: bytes) -> dict[str, object]:
        context = self._desk.context()
        movies, odd = films_handed_over(body, _base_url(context))
        queues = context.queues_to_look_at()
        films = []
        for movie in movies:
            found = queues.find_film(movie)
            words = f"{_QUEUES[found[0]]}: {state_of(*found, context.clock.now())}" if found else ""
            names = {"slug": movie.slug, "key": movie.id, "name": movie.label, "imdb_id": movie.imdb_id or ""}
            films.append({"name": movie.label, "state": words, "film": names})
        return {"films": films, "odd": odd}

    def _added(self, body: bytes) -> dict[str, object]:
        movies, odd = films_handed_over(body, _base_url(self._desk.context()))

        def queue(context: Context) -> int:
            queue_films(context, movies)
            return 0

        said = self._desk.do(queue) if movies else None
        if said is None:
            return {"is_good": False, "lines": ["No films were sent."], "odd": odd}
        return {"is_good": said.is_good, "lines": [*said.complaints, *said.lines], "odd": odd}


def films_handed_over(body: bytes, base_url: str) -> tuple[list[Movie], int]:
    """Return the films of a document that a browser sent, each once, and how many others it named.

    It comes from a page that anybody may have made: only what has the form of a film's names is taken.
    """
    try:
        plain = parse_json(body)
    except ValueError:
        return [], 0
    told = plain.get("films") if isinstance(plain, dict) else None
    rows = told[:_MOST_FILMS] if isinstance(told, list) else []
    movies: dict[str, Movie] = {}
    for row in rows:
        if movie := _film(row, base_url):
            movies.setdefault(movie.slug, movie)
    return list(movies.values()), len(rows) - len(movies)


def _film(row: Any, base_url: str) -> Movie | None:  # noqa: ANN401 - it may be anything
    if not isinstance(row, dict):
        return None
    slug, key, name, imdb = (_text(row, field) for field in ("slug", "key", "name", "imdb_id"))
    title, year = split_name(name)
    if (
        not is_slug(slug)
        or not title
        or (key not in {"", slug} and not is_lid(key))
        or (imdb and not _IMDB_ID.fullmatch(imdb))
    ):
        return None
    return Movie(
        id=key or slug, slug=slug, title=title, year=year, url=film_url(base_url, slug), imdb_id=imdb or None
    )


def _text(row: dict[str, object], field: str) -> str:
    text = row.get(field)
    return clean_text(text) if isinstance(text, str) and len(text) <= _MOST_CHARACTERS else ""


def _base_url(context: Context) -> str:
    return context.config.section(LetterboxdSettings).base_url


@dataclass(frozen=True, slots=True)
class Bookmarklet:
    """A link that the user drags to the bookmarks; `address` is its script."""

    name: str
    address: str
    where: str


def bookmarklets(page_address: str) -> list[Bookmarklet]:
    """Return those that hand films over to a page at this address."""
    return [
        Bookmarklet("Add this film", _script("film", page_address), "on a film's Letterboxd page"),
        Bookmarklet("Send these films", _script("list", page_address), "on a watchlist or list page"),
    ]


def _script(name: str, page_address: str) -> str:
    send = _source("send").replace("TAKE", f"{page_address}/take")
    return "javascript:" + quote(f"(() => {{ {send}{_source(name)}}})()", safe="()=>;,.{}'[]!?:/")


def _source(name: str) -> str:
    lines = (_SOURCES / f"{name}.js").read_text(encoding="utf-8").splitlines()
    return "".join(f"{line.strip()} " for line in lines)
