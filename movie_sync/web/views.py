"""The page's HTML: one environment of templates, in which everything is escaped."""

import re
import zlib
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from movie_sync import __version__
from movie_sync.domain.plain_text import one_line
from movie_sync.domain.times import minute
from movie_sync.invocation import command_line

_HUES = 8
_BIG, _BIG_WORD = 16, 9
_MIDDLE, _MIDDLE_WORD = 45, 12
_JOINT = re.compile(r"(?<=[./_:-])(?=[^./_:-])")


def _piece(text: object) -> str:
    return quote(str(text), safe="")


def ticks(text: str) -> Markup:
    """Return a text in which what stands between backticks is marked as code."""
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(text.split("`"))
    )


def joints(text: str) -> Markup:
    """Return a release's name safe, and so that a line may end after its dots and dashes."""
    return Markup("<wbr>").join(_JOINT.split(one_line(text)))


def paint(title: str) -> str:
    """Return the classes of a poster without a picture: a film's colour, and the size of its letters."""
    hue = f"hue{zlib.crc32(title.encode('utf-8', 'replace')) % _HUES}"
    longest = max(map(len, title.split()), default=0)
    if len(title) <= _BIG and longest <= _BIG_WORD:
        return f"{hue} big"
    return hue if len(title) <= _MIDDLE and longest <= _MIDDLE_WORD else f"{hue} small"


class Views:
    """Renders templates. Safe to use from several threads.

    `attributions` returns what the services in use want to be said of them, at the foot of each page.
    """

    def __init__(self, attributions: Callable[[], Sequence[str]]) -> None:
        self._environment = Environment(
            loader=PackageLoader("movie_sync.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "piece": _piece,
            "minute": minute,
            "ticks": ticks,
            "paint": paint,
            "joints": joints,
            "line": one_line,
        }
        self._environment.globals |= {"version": __version__, "command_line": command_line}
        self._environment.globals["attributions"] = attributions

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
