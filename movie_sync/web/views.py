"""The page's HTML: one environment of templates, in which everything is escaped."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from movie_sync import __version__
from movie_sync.domain.times import minute


class Views:
    """Renders templates. Safe to use from several threads."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("movie_sync.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"piece": lambda text: quote(str(text), safe=""), "minute": minute}
        self._environment.globals |= {"version": __version__}

    def page(
        self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **values: object
    ) -> HTMLResponse:
        """Return a whole page, with the session's token for its forms."""
        return HTMLResponse(
            self._environment.get_template(template).render(
                token=request.scope["state"]["token"], path=request.url.path, **values
            ),
            status,
        )

    def static(self, template: str) -> HTMLResponse:
        """Return a page that is the same for everyone, logged in or not."""
        return HTMLResponse(self._environment.get_template(template).render(token="", path=""))

    def macro(self, template: str, name: str) -> Callable[..., str]:
        """Return what renders a piece of a page."""
        made: Callable[..., str] = getattr(self._environment.get_template(template).module, name)
        return made
