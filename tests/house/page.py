"""The page within the test's own process: its application asked as a server asks it, without a network."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest

from movie_sync.commands.context import Context, Options
from movie_sync.domain.redaction import Redactor
from movie_sync.web.app import build
from movie_sync.web.logins import change_token, invite

HOST, PORT = "127.0.0.1", 8787
ADDRESS = f"http://{HOST}:{PORT}"
_COOKIE = f"movie_sync_{PORT}"
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the page answered; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def goes_to(self) -> str:
        """Where it sends the browser, "" for nowhere."""
        return self.headers.get("location", "")

    def json(self) -> Any:
        """Return the document in the body."""
        return json.loads(self.body)


class Page:
    """The page of a data folder, logged in. To be closed, as it keeps an event loop."""

    def __init__(self, data: Path, **settings: object) -> None:
        self.context = Context.load(data, Options(plain=True), settings, Redactor())
        self.context.paths.prepare()
        self.cookie = ""
        self._app = build(self.context, HOST, PORT)
        self._runner = asyncio.Runner()
        self.log_in()

    def close(self) -> None:
        """End what still runs."""
        self._app.state.posters.end()
        self._runner.close()

    @property
    def token(self) -> str:
        """What the session shows with each change."""
        return change_token(self.cookie) if self.cookie else ""

    def log_in(self) -> None:
        """Begin a session by a login address."""
        answer = self.get(f"/login/{invite(self.context.paths, self.context.clock)}")
        self.cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]

    def log_out(self) -> None:
        """Be anonymous from now on."""
        self.cookie = ""

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for an address; `sec_fetch_site="none"` gives the header Sec-Fetch-Site."""
        return self.send("GET", path, b"", _named(headers))

    def post(self, path: str, /, *, follow: bool = True, **form: str) -> Answer:
        """Send a form as the page's own script does; return the page that is shown after it."""
        return self._followed(self.raw_post(path, {"token": self.token, **form}, origin=ADDRESS), follow)

    def raw_post(self, path: str, form: Mapping[str, str], **headers: str) -> Answer:
        """Send a form without token, and with the headers given."""
        headers.setdefault("content_type", "application/x-www-form-urlencoded")
        return self.send("POST", path, urlencode(form).encode(), _named(headers))

    def post_at_once(self, count: int, path: str, /, **form: str) -> list[Answer]:
        """Send a form several times at the same moment, as an impatient user does."""
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": ADDRESS}
        body = urlencode({"token": self.token, **form}).encode()

        async def send() -> list[Answer]:
            return await asyncio.gather(*(self._answer("POST", path, body, headers) for _ in range(count)))

        return self._runner.run(send())

    def get_at_once(self, count: int, path: str) -> list[Answer]:
        """Ask for an address several times at the same moment."""

        async def ask() -> list[Answer]:
            return await asyncio.gather(*(self._answer("GET", path, b"", {}) for _ in range(count)))

        return self._runner.run(ask())

    def post_json(self, path: str, document: object) -> Answer:
        """Send a document as the page's scripts do."""
        own = {"content-type": "application/json", "x-token": self.token, "origin": ADDRESS}
        return self.send("POST", path, json.dumps(document).encode(), own)

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request with these headers, and the cookie if there is one."""
        return self._runner.run(self._answer(method, path, body, headers))

    def events(self, path: str, meanwhile: Callable[[], object], **headers: str) -> dict[str, Any]:
        """Return the first event that is sent after `meanwhile`, which runs while the stream is open."""
        return self._runner.run(self._first_event(path, meanwhile, _named(headers)))

    def _followed(self, answer: Answer, follow: bool) -> Answer:
        return self.get(answer.goes_to) if follow and answer.goes_to else answer

    async def _answer(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        parts: list[bytes] = []
        start: dict[str, Any] = {}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(self._scope(method, path, headers), _receiver(body), send)
        told = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], told, b"".join(parts))

    async def _first_event(
        self, path: str, meanwhile: Callable[[], object], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        parts: asyncio.Queue[bytes] = asyncio.Queue()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                await parts.put(message.get("body", b""))

        stream = asyncio.create_task(self._app(self._scope("GET", path, headers), _receiver(b""), send))
        try:
            assert (await asyncio.wait_for(parts.get(), _PATIENCE_SECONDS)).startswith(b":")
            if "mark=" not in path:  # what the browser has is not known: it is sent everything first
                await _next_event(parts)
            await asyncio.to_thread(meanwhile)
            return await _next_event(parts)
        finally:
            stream.cancel()
            with suppress(asyncio.CancelledError):
                await stream

    def _scope(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        where, _, query = path.partition("?")
        sent = {"host": f"{HOST}:{PORT}", **headers}
        if self.cookie:
            sent.setdefault("cookie", f"{_COOKIE}={self.cookie}")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(where),
            "raw_path": where.encode(),
            "root_path": "",
            "query_string": quote(query, safe="=&%+").encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": (HOST, 50000),
            "server": (HOST, PORT),
        }


async def _next_event(parts: asyncio.Queue[bytes]) -> dict[str, Any]:
    while True:
        part = await asyncio.wait_for(parts.get(), _PATIENCE_SECONDS)
        for line in part.splitlines():
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))


@pytest.fixture
def page(data: Path) -> Iterator[Page]:
    """The page of the folder that `data` gives."""
    opened = Page(data)
    yield opened
    opened.close()


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _receiver(body: bytes) -> Callable[[], Any]:
    """Return what gives an application the body, and then waits: nobody hangs up."""
    is_given = False

    async def receive() -> dict[str, Any]:
        nonlocal is_given
        if is_given:
            await asyncio.Event().wait()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
