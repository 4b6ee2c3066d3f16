"""The films' posters: fetched by the page's process once each, as somebody looks at the film, and kept.

Nothing is asked but the image host, one address a second at most: first what is on the screen now, from
its top. What fails is shown without a poster and costs nothing else.
"""

import contextlib
import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from movie_sync.commands.context import Context
from movie_sync.domain.models import Movie
from movie_sync.errors import MovieSyncError, Stopped, TooLargeError
from movie_sync.reports.wall import FilmCard
from movie_sync.services.letterboxd.images import image_on
from movie_sync.services.letterboxd.service import LetterboxdSettings
from movie_sync.services.tmdb.service import TmdbSettings, is_poster
from movie_sync.web.poster_store import MOST_BYTES, PosterStore, key_of, kind_of

if TYPE_CHECKING:
    from movie_sync.net.http import HttpAnswer, HttpClient

_log = logging.getLogger(__name__)

_SECONDS_BETWEEN = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0
_MOST_TRIES = 5
_MOST_WANTED = 1000
_GLANCE_SECONDS = 2.0  # in which a browser asks for what it shows
_VERSION_LENGTH = 12
_KEPT_SECONDS = 30 * 24 * 3600
_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
# One transparent point: what a browser takes for an image and shows nothing of.
_NOTHING = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


@dataclass(frozen=True, slots=True)
class Poster:
    """A poster that is there. `version` is another one for another address."""

    content: bytes
    version: str


def _in_background(work: Callable[[], None]) -> None:
    # Nothing waits for it: at the end of the process it may be about to connect.
    threading.Thread(target=work, name="posters", daemon=True).start()


class Posters:
    """Gives out posters, and fetches those that are missing. Safe to use from several threads.

    `start` runs a function beside everything else; it is called when there is something to fetch.
    """

    def __init__(
        self,
        context_now: Callable[[], Context],
        start: Callable[[Callable[[], None]], None] = _in_background,
    ) -> None:
        context = context_now()
        self._context_now = context_now
        self._clock = context.clock
        self._store = PosterStore(context.paths.posters)
        self._start = start
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wanted: OrderedDict[str, tuple[float, str]] = OrderedDict()  # by key: with what, and address
        self._glance_at = -_GLANCE_SECONDS
        self._in_hand = ""
        self._is_working = False
        self._tries: Counter[str] = Counter()
        self._given_up: set[str] = set()
        self._next_at = 0.0
        self._pause = 0.0
        self._http: HttpClient | None = None
        self.generation = 0
        """A number that rises when a poster has come, or is given up."""

    def end(self) -> None:
        """Fetch nothing more; what is being fetched is broken off."""
        self._stop.set()

    def versions(self) -> Callable[[Movie], str]:
        """Return what tells the version of a film's poster: another one once it is there, "" for none."""
        is_shown = self._is_shown()

        def version(movie: Movie) -> str:
            if not (movie.poster and is_shown(movie.poster)):
                return ""
            key = key_of(movie.poster)
            with self._lock:
                if key in self._given_up:
                    return ""
                return key[:_VERSION_LENGTH] + ("" if key in self._store else "-")

        return version

    def look_at(self, movie: Movie) -> Poster | None:
        """Return a film's poster; if it isn't there it is fetched, unless it can't be."""
        if not self.versions()(movie):
            return None
        key = key_of(movie.poster)
        with self._lock:
            was_there = key in self._store
            content = self._store.read(key)
            if content:
                return Poster(content, key[:_VERSION_LENGTH])
            self.generation += was_there  # somebody deleted it: open pages show it when it is there again
            if key != self._in_hand:
                now = self._clock.monotonic()
                if now - self._glance_at >= _GLANCE_SECONDS:
                    self._glance_at = now
                self._wanted[key] = self._glance_at, movie.poster
                self._wanted.move_to_end(key)
                if len(self._wanted) > _MOST_WANTED:
                    self._wanted.popitem(last=False)
            is_idle, self._is_working = not self._is_working, True
        if is_idle:
            self._start(self._work)
        return None

    def step(self) -> float | None:
        """Fetch the next poster if it is time; return the seconds to wait then, None if none is wanted."""
        with self._lock:
            wait = self._next_at - self._clock.monotonic()
            if not self._wanted:
                self._is_working = False
                return None
            if wait > 0:
                return wait
            key = self._in_hand = max(self._wanted, key=lambda each: self._wanted[each][0])
            _, address = self._wanted.pop(key)
        try:
            if self._is_shown()(address):
                content = self._fetched(address)
                with self._lock:
                    self._store.keep(key, content)
                    self._pause = 0.0
                    self.generation += 1
        except _UnusableError as exc:
            self._give_up(key, str(exc))
        except MovieSyncError as exc:
            self._wait_longer(key, address, exc)
        except Exception as exc:  # noqa: BLE001 - nobody foresaw it; the other posters are fetched
            self._give_up(key, type(exc).__name__)
        finally:
            with self._lock:
                self._in_hand = ""
                pause = max(_SECONDS_BETWEEN, self._pause)
                self._next_at = self._clock.monotonic() + pause
        return pause

    def _work(self) -> None:
        with contextlib.suppress(Stopped):
            while (wait := self.step()) is not None and not self._stop.wait(wait):
                pass

    def _is_shown(self) -> Callable[[str], bool]:
        """Return what tells whether an address is to be asked for, with the settings as they are now."""
        config = self._context_now().config
        letterboxd, tmdb = config.section(LetterboxdSettings), config.section(TmdbSettings)
        return lambda address: (
            letterboxd.posters and (bool(image_on(letterboxd.base_url, address)) or is_poster(tmdb, address))
        )

    def _fetched(self, address: str) -> bytes:
        """Return an image. Raises _UnusableError: it never will be one; what the client raises."""
        try:
            answer = self._client().get(address, accept="image/*", max_bytes=MOST_BYTES, follow=False)
        except TooLargeError:
            raise _UnusableError("it's too large") from None
        if answer.status in _BUSY or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _BusyError(answer)
        if answer.status != HTTPStatus.OK:
            raise _UnusableError(f"status {answer.status}")
        if not kind_of(answer.body):
            raise _UnusableError("it isn't a whole image")
        return answer.body

    def _client(self) -> "HttpClient":
        from movie_sync.net.http import HttpClient  # noqa: PLC0415 - it loads requests

        if self._http is None:
            seconds = self._context_now().config.section(LetterboxdSettings).timeout
            self._http = HttpClient("The image host", stop=self._stop, timeout_seconds=seconds)
        return self._http

    def _give_up(self, key: str, why: str) -> None:
        _log.debug("A poster can't be used: %s.", why)
        with self._lock:
            self._given_up.add(key)
            self.generation += 1

    def _wait_longer(self, key: str, address: str, exc: MovieSyncError) -> None:
        """Leave the host alone for a while; this one is the last then, and not tried for ever."""
        self._tries[key] += 1
        if self._tries[key] >= _MOST_TRIES:
            self._give_up(key, str(exc))
        with self._lock:
            self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
            if isinstance(exc, _BusyError):
                self._pause = max(self._pause, exc.seconds)
            if key not in self._given_up:
                self._wanted[key] = -1.0, address
                self._wanted.move_to_end(key, last=False)
        _log.debug("Not fetching posters for %g seconds. %s", self._pause, exc)


class _UnusableError(Exception):
    """What stands at an address is no poster."""


class _BusyError(MovieSyncError):
    """The host wants to be asked later: in so many seconds, 0 if it does not say when."""

    def __init__(self, answer: "HttpAnswer") -> None:
        super().__init__(f"The image host answered with status {answer.status}.")
        self.seconds = min(answer.retry_after_seconds or 0.0, _LONGEST_PAUSE)


class PosterPage:
    """Answers with posters; `cards` returns the films there are."""

    def __init__(self, posters: Posters, cards: Callable[[], list[FilmCard]]) -> None:
        self._posters = posters
        self._cards = cards

    def routes(self) -> list[Route]:
        """Return where it answers."""
        return [Route("/poster/{name}", self.show)]

    def show(self, request: Request) -> Response:
        """Send a film's poster; nothing to be seen where there is none yet."""
        name = request.path_params["name"]
        movie = next((card.movie for card in self._cards() if card.name == name), None)
        poster = self._posters.look_at(movie) if movie else None
        if poster is None:
            return Response(_NOTHING, media_type="image/gif", headers={"cache-control": "no-store"})
        is_current = request.query_params.get("v") == poster.version
        kept = f"max-age={_KEPT_SECONDS}, immutable" if is_current else "no-cache"
        headers = {"etag": f'"{poster.version}"', "cache-control": f"private, {kept}"}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(poster.content, media_type=kind_of(poster.content), headers=headers)
