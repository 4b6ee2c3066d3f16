"""The page's addresses, and what answers each."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from movie_sync.commands.context import Context
from movie_sync.commands.film_database import used_databases
from movie_sync.reports.health import Health, look_at_health
from movie_sync.services.web.service import WebSettings
from movie_sync.web.add import AddPage
from movie_sync.web.command import password_of
from movie_sync.web.desk import Desk
from movie_sync.web.doors import Doors
from movie_sync.web.films import FilmPages
from movie_sync.web.guard import Guard, Names
from movie_sync.web.health import HealthPage
from movie_sync.web.live import Glance, Live
from movie_sync.web.logins import Logins
from movie_sync.web.notes import Notes
from movie_sync.web.posters import PosterPage, Posters
from movie_sync.web.secrets import Secrets
from movie_sync.web.settings import SettingsPages
from movie_sync.web.take import TakePages
from movie_sync.web.views import Views
from movie_sync.web.wall import WallPage

_STATIC = Path(__file__).parent / "static"
_HEALTH_SECONDS = 5.0


def build(context: Context, host: str, port: int) -> Starlette:
    """Return the application; `host` is what it listens on."""
    desk = Desk(context)
    views = Views(lambda: [each.attribution for each in used_databases(desk.context().config)])
    posters = Posters(desk.context)
    glance = Glance(context, posters)
    live = Live(glance)
    cookie = f"movie_sync_{port}"  # cookies know no ports: two pages on one machine must not share one
    logins = Logins(context.paths, context.clock, lambda: password_of(desk.context()))
    names = Names.of(host, context.config.section(WebSettings).hosts)
    doors = Doors(logins, views, cookie)
    wall = WallPage(glance, live, views)
    secrets = Secrets(desk)
    notes = Notes()
    films = FilmPages(desk, glance, live, views, notes)
    routes = [
        Route("/", wall.show),
        Route("/events", wall.events),
        Route("/login", doors.show, methods=["GET"]),
        Route("/login", doors.try_password, methods=["POST"]),
        Route("/login/{token}", doors.enter, methods=["GET"]),
        Route("/logout", doors.leave, methods=["POST"]),
        *films.routes(),
        *SettingsPages(desk, views, secrets, logins).routes(),
        *HealthPage(desk, live, views, secrets).routes(),
        *AddPage(desk, views, notes).routes(),
        *TakePages(desk, views).routes(),
        *PosterPage(posters, lambda: glance.now()[1]).routes(),
        Route("/healthz", _healthz(context)),
        Route("/favicon.ico", lambda _request: RedirectResponse("/static/icon.svg")),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    guard = Middleware(Guard, names=names, logins=logins, cookie=cookie)
    missing = {HTTPStatus.NOT_FOUND: _missing(views)}
    app = Starlette(routes=routes, middleware=[guard], exception_handlers=missing)
    app.state.posters = posters
    return app


def _missing(views: Views) -> Callable[[Request, Exception], Response]:
    return lambda request, _exc: views.page(request, "missing.html", HTTPStatus.NOT_FOUND, name="")


def _healthz(context: Context) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers whoever asks: one look for all who ask meanwhile, else they'd take every thread."""
    look: asyncio.Future[Health] | None = None

    async def answer(_request: Request) -> Response:
        nonlocal look
        if look is None or look.done():
            look = asyncio.ensure_future(
                run_in_threadpool(look_at_health, context.paths, patience_seconds=_HEALTH_SECONDS)
            )
        is_healthy = (await asyncio.shield(look)).is_healthy
        return Response(status_code=200 if is_healthy else 503)

    return answer
