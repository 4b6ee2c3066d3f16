"""A stand-in for Letterboxd on loopback: the same pages, the same paging, the same ways to fail.

The demo and the tests use it. Its markup is that of 2026 as a plain HTTP client receives it (keys
only in single-quoted JSON attributes, a count with a no-break space, a disabled `next` on the last
page). It answers quickly and knows nothing of the program that asks.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Self

from movie_sync.demo import letterboxd_html as html
from movie_sync.demo.letterboxd_html import StandInFilm, StandInList

__all__ = ["Delivery", "Fault", "LetterboxdStandIn", "SeenRequest", "StandInFilm", "StandInList"]

_TRICKLE_SECONDS = 1.0
_LIST_PAGE_SIZE = 100


class Delivery(StrEnum):
    """How an answer travels."""

    WHOLE = "whole"
    HANG = "no answer"
    HANG_IN_BODY = "stops within the body"
    TRICKLE = "one byte a second"
    RESET = "the connection is reset before the answer"
    RESET_IN_BODY = "the connection is reset within the body"
    CUT_SHORT = "ends early without saying so"
    ENDLESS = "never ends"


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is not the right one.

    `body` replaces the right page, `edit` changes it, `delivery` spoils its way. `image` is a picture.
    """

    status: int = 200
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    edit: Callable[[str], str] | None = None
    delivery: Delivery = Delivery.WHOLE
    image: bytes = b""

    @classmethod
    def challenge(cls, status: int = 403) -> Self:
        """Cloudflare asks for proof of a human."""
        return cls(status, html.CHALLENGE, (("cf-mitigated", "challenge"),))

    @classmethod
    def ban(cls, status: int = 403) -> Self:
        """Cloudflare refuses outright."""
        return cls(status, html.BAN)

    @classmethod
    def private(cls) -> Self:
        """Letterboxd's own page for a private list."""
        return cls(403, html.FORBIDDEN)

    @classmethod
    def not_found(cls) -> Self:
        """Letterboxd's own page for an unknown user or film."""
        return cls(404, html.NOT_FOUND)

    @classmethod
    def rate_limit(cls, retry_after_seconds: int | None = None) -> Self:
        """Too many requests."""
        headers = () if retry_after_seconds is None else (("Retry-After", str(retry_after_seconds)),)
        return cls(429, "<html><head><title>429 Too Many Requests</title></head></html>", headers)

    @classmethod
    def outage(cls, status: int = 502) -> Self:
        """The site is out of order."""
        return cls(status, f"<html><head><title>{status}</title></head><body>error</body></html>")

    @classmethod
    def redirect(cls, address: str) -> Self:
        """The page is elsewhere."""
        return cls(301, "", (("Location", address),))


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request that arrived; `at` is monotonic seconds."""

    path: str
    at: float
    user_agent: str


class LetterboxdStandIn:
    """One user's watchlist and its films, and any `lists` by their paths (`ben/list/halloween`).

    Served on 127.0.0.1 while it runs.

    `films` is the watchlist, newest wish first; it and all other attributes may be changed at any time.
    `watchlists` are those of further users, by their names in small letters.
    `other_films` have pages but are not on the list. `renamed` leads old slugs to new ones.
    `fault` is asked for each request, before the page is made: what it returns is sent instead, and
    it may change `films` itself. Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(
        self,
        films: list[StandInFilm] | None = None,
        *,
        username: str = "someone",
        page_size: int = 28,
        port: int = 0,
    ) -> None:
        self.films = films if films is not None else []
        self.other_films: list[StandInFilm] = []
        self.renamed: dict[str, str] = {}
        self.lists: dict[str, StandInList] = {}
        self.watchlists: dict[str, list[StandInFilm]] = {}
        self.private_lists_are_missing = False
        self.username = username
        self.page_size = page_size
        self.is_private = False
        self.fault: Callable[[str], Fault | None] | None = None
        self.requests: list[SeenRequest] = []
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begin to answer."""
        self._server = _Server(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="letterboxd")
        self._thread.start()
        return self

    def stop(self) -> None:
        """End at once, also in the middle of an answer, and wait for all threads."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address to use as `letterboxd.base_url`."""
        if self._server is None:
            raise RuntimeError("the stand-in is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def paths(self) -> list[str]:
        """The paths asked for so far."""
        return [request.path for request in self.requests]

    def answer(self, path: str) -> Fault:
        """Return what a request gets."""
        fault = self.fault(path) if self.fault else None
        if fault is not None and (fault.image or fault.body is not None):
            return fault
        right = self._image(path) if path.startswith("/image/") else self._page(path)
        if fault is None:
            return right
        page = right.body or ""
        return Fault(
            status=right.status,
            body=fault.edit(page) if fault.edit else page,
            headers=right.headers + fault.headers,
            delivery=fault.delivery,
            image=right.image,
        )

    def _page(self, path: str) -> Fault:
        path = path.partition("?")[0]
        if not path.endswith("/"):
            return Fault.redirect(f"{path}/")
        match path.strip("/").split("/"):
            case [user, "watchlist", *rest]:
                return self._watchlist_page(user, _page_number(rest))
            case [_, "list", _, *_] as pieces:
                return self._list_page("/".join(pieces[:3]).lower(), pieces[3:])
            case ["film", slug]:
                return self._film_page(slug)
            case ["imdb", imdb_id]:
                found = self._first(lambda film: film.imdb_id == imdb_id)
                return Fault.redirect(f"/film/{found.slug}/") if found else Fault(body=html.NO_IMPORT)
        return Fault.not_found()

    def _film_page(self, slug: str) -> Fault:
        if slug in self.renamed:
            return Fault.redirect(f"/film/{self.renamed[slug]}/")
        found = self._first(lambda film: film.slug == slug)
        return Fault(body=html.film_page(found, self.url)) if found else Fault.not_found()

    def _image(self, path: str) -> Fault:
        found = self._first(lambda film: path == f"/image/{film.slug}.png")
        return Fault(image=html.poster_image(found.number)) if found else Fault.not_found()

    def _first(self, is_it: Callable[[StandInFilm], bool]) -> StandInFilm | None:
        listed = (self.films, *self.watchlists.values(), *(each.films for each in self.lists.values()))
        return next((film for film in chain(*listed, self.other_films) if is_it(film)), None)

    def _list_page(self, path: str, rest: list[str]) -> Fault:
        found = self.lists.get(path)
        share, rest = (rest[1], rest[2:]) if rest[:1] == ["share"] and rest[1:] else ("", rest)
        if found and found.token and not share and not self.private_lists_are_missing:
            return Fault.private()
        if found is None or share != found.token:
            return Fault.not_found()
        films = list(found.films)
        pages = max(1, -(-len(films) // _LIST_PAGE_SIZE))
        number = _page_number(rest)
        shown = films[(number - 1) * _LIST_PAGE_SIZE : number * _LIST_PAGE_SIZE]
        if number != 1 and not shown:
            return Fault.not_found()
        address = f"{path}/share/{share}" if share else path
        return Fault(body=html.list_page(address, shown, films, number, pages))

    def _watchlist_page(self, user: str, number: int) -> Fault:
        is_first = user.lower() == self.username.lower()
        if is_first and self.is_private:
            return Fault.private()
        if not is_first and user.lower() not in self.watchlists:
            return Fault.not_found()
        user = self.username if is_first else user
        films = list(self.films if is_first else self.watchlists[user.lower()])
        pages = max(1, -(-len(films) // self.page_size))
        if not 1 <= number <= pages:
            return Fault.not_found()
        shown = films[(number - 1) * self.page_size : number * self.page_size]
        return Fault(body=html.watchlist_page(user, shown, len(films), number, pages))


def _page_number(pieces: list[str]) -> int:
    """Return the page that the end of a path names, 0 if it names none."""
    match pieces:
        case []:
            return 1
        case ["page", number] if number.isdecimal():
            return int(number)
    return 0


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], stand_in: LetterboxdStandIn) -> None:
        self.stand_in = stand_in
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def track(self, connection: socket.socket, *, is_open: bool) -> None:
        """Remember which connections live, so that none keeps its thread alive at the end."""
        with self._lock:
            if is_open:
                self._open.add(connection)
            else:
                self._open.discard(connection)

    def end_connections(self) -> None:
        """Wake every handler."""
        self.ending.set()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away is its own business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "cloudflare"
    sys_version = ""
    disable_nagle_algorithm = True  # headers and body are two pieces; it would hold the second back
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.track(self.connection, is_open=True)

    def finish(self) -> None:
        self.server.track(self.connection, is_open=False)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Print nothing; the requests are kept instead."""

    def do_GET(self) -> None:
        """Send the page, or the fault in its stead."""
        stand_in = self.server.stand_in
        stand_in.requests.append(SeenRequest(self.path, time.monotonic(), self.headers.get("User-Agent", "")))
        answer = stand_in.answer(self.path)
        if answer.delivery is Delivery.HANG:
            self.server.ending.wait()
        elif answer.delivery is Delivery.RESET:
            self._reset()
        else:
            self._send(answer)

    def _send(self, answer: Fault) -> None:
        body = answer.image or (answer.body or "").encode()
        has_length = answer.delivery not in {Delivery.CUT_SHORT, Delivery.ENDLESS}
        self.close_connection = answer.delivery is not Delivery.WHOLE
        self.send_response(answer.status)
        self.send_header("Content-Type", "image/png" if answer.image else "text/html;charset=UTF-8")
        self.send_header("cf-cache-status", "DYNAMIC")
        for name, value in answer.headers:
            self.send_header(name, value)
        if has_length:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        half = body[: len(body) // 2]
        match answer.delivery:
            case Delivery.WHOLE:
                self.wfile.write(body)
            case Delivery.CUT_SHORT:
                self.wfile.write(half)
            case Delivery.HANG_IN_BODY:
                self.wfile.write(half)
                self.server.ending.wait()
            case Delivery.RESET_IN_BODY:
                self.wfile.write(half)
                self._reset()
            case Delivery.TRICKLE:
                self._trickle(body)
            case _:
                while not self.server.ending.is_set():
                    self.wfile.write(b"<p>more</p>" * 1000)

    def _trickle(self, body: bytes) -> None:
        for position in range(len(body)):
            self.wfile.write(body[position : position + 1])
            if self.server.ending.wait(_TRICKLE_SECONDS):
                return

    def _reset(self) -> None:
        """Close so that the other end sees a reset, not an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.track(self.connection, is_open=False)
        self.connection.close()
