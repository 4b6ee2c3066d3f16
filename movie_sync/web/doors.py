"""Logging in and out."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from movie_sync.web.guard import form_of
from movie_sync.web.logins import SESSION, Logins, TooManyTriesError
from movie_sync.web.views import Views


class Doors:
    """Answers at the addresses of the login."""

    def __init__(self, logins: Logins, views: Views, cookie: str) -> None:
        self._logins = logins
        self._views = views
        self._cookie = cookie

    def show(self, request: Request) -> Response:
        """Show the form for the password, or go on for who is in."""
        target = _target(request.query_params.get("to", ""))
        if request.scope["state"]["cookie"]:
            return RedirectResponse(target, HTTPStatus.SEE_OTHER)
        return self._views.page(request, "login.html", why="", to=target)

    def enter(self, request: Request) -> Response:
        """Let the bearer of a login address in, once; a mere look at the address does not count."""
        if request.method == "HEAD":
            return Response()
        try:
            cookie = self._logins.by_token(request.path_params["token"])
        except TooManyTriesError as exc:
            return self._again(request, HTTPStatus.TOO_MANY_REQUESTS, str(exc), "/")
        if not cookie:
            why = "This login address has been used or has expired. Get a new one with `web --login`."
            return self._again(request, HTTPStatus.FORBIDDEN, why, "/")
        return self._begin(cookie, "/")

    def try_password(self, request: Request) -> Response:
        """Let in who knows the password."""
        form = form_of(request)
        target = _target(form.get("to", ""))
        try:
            cookie = self._logins.by_password(form.get("password", ""))
        except TooManyTriesError as exc:
            return self._again(request, HTTPStatus.TOO_MANY_REQUESTS, str(exc), target)
        if not cookie:
            return self._again(
                request, HTTPStatus.FORBIDDEN, "Wrong password, or no password is set.", target
            )
        return self._begin(cookie, target)

    def leave(self, request: Request) -> Response:
        """End the session."""
        self._logins.end(request.scope["state"]["cookie"])
        answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(self._cookie, httponly=True, samesite="strict")
        return answer

    def _begin(self, cookie: str, target: str) -> Response:
        answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
        seconds = round(SESSION.total_seconds())
        answer.set_cookie(self._cookie, cookie, max_age=seconds, httponly=True, samesite="strict")
        return answer

    def _again(self, request: Request, status: HTTPStatus, why: str, target: str) -> Response:
        return self._views.page(request, "login.html", status, why=why, to=target)


def _target(text: str) -> str:
    """Return a place on this page to go on to; never another site's."""
    is_here = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_here and text.isprintable() else "/"
