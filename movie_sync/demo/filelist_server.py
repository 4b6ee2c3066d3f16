"""A stand-in for the FileList tracker on loopback, for the demo and the tests.

It answers as the real one is known to: addresses, parameters, field names, errors and their
statuses, the pages of HTML where a torrent should be, the hourly limit and the lock after wrong
log-ins. Faults are scripted. The torrents it gives are real and whole.
"""

import base64
import binascii
import json
import re
import threading
import zoneinfo
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from movie_sync.demo import filelist_faults as faults
from movie_sync.demo.filelist_faults import Fault
from movie_sync.demo.filelist_http import Reply, SeenRequest, WebServer
from movie_sync.demo.torrent_maker import info_hash, make_info, make_torrent

API, DOWNLOAD = "api.php", "download.php"
_HOUR = timedelta(hours=1)
_MOST_ROWS = 100
_WORDS = re.compile(r"[^\W_]+")
_FLAG = re.compile("[01]")
_NUMBER = re.compile(r"[0-9]+")
_FLAGS = ("moderated", "internal", "freeleech", "doubleup")

# Names until July 2026, and since.
CATEGORIES: dict[int, tuple[str, str]] = {
    1: ("Filme SD", "Movies SD"),
    2: ("Filme DVD", "Movies DVD"),
    3: ("Filme DVD-RO", "Movies DVD-RO"),
    4: ("Filme HD", "Movies HD"),
    5: ("FLAC", "FLAC"),
    6: ("Filme 4K", "Movies 4K"),
    9: ("Jocuri PC", "Games PC"),
    11: ("Audio", "Music"),
    15: ("Desene", "Cartoons"),
    16: ("Docs", "Docs"),
    18: ("Diverse", "Various"),
    19: ("Filme HD-RO", "Movies HD-RO"),
    20: ("Filme Blu-Ray", "Movies Blu-Ray"),
    21: ("Seriale HD", "TV-Series HD"),
    23: ("Seriale SD", "TV-Series SD"),
    24: ("Anime", "Anime"),
    25: ("Filme 3D", "Movies 3D"),
    26: ("Filme 4K Blu-Ray", "Movies 4K Blu-Ray"),
    27: ("Seriale 4K", "TV-Series 4K"),
    28: ("RO Dubbed", "RO Dubbed"),
}


@dataclass(slots=True)
class StandInRelease:
    """A release on the tracker.

    With `content`, its torrent is one that can be loaded and seeded; without, the piece hashes for
    `size_bytes` are made up. `torrent` replaces what download.php gives. Searches that would find
    the release do not until `hidden_searches` of them were made, and none does before `appears_at`.
    """

    id: int
    name: str
    size_bytes: int = 8_000_000_000
    imdb: str | None = None
    category: int = 4
    seeders: int = 25
    leechers: int = 2
    times_completed: int = 100
    freeleech: bool = False
    doubleup: bool = False
    internal: bool = False
    moderated: bool = True
    comments: int = 0
    files: int = 1
    genres: str = "Drama"
    uploaded_at: datetime | None = None
    content: bytes | None = None
    piece_length: int | None = None
    torrent: bytes | None = None
    hidden_searches: int = 0
    appears_at: datetime | None = None
    is_torrent_gone: bool = False

    @property
    def file_name(self) -> str:
        """The name of the one file in its torrent."""
        return f"{self.name}.mkv"

    @property
    def info(self) -> bytes:
        """The bencoded `info` of its torrent, the same for every user."""
        return make_info(
            self.file_name,
            content=self.content,
            size_bytes=self.size_bytes,
            piece_length=self.piece_length,
        )

    @property
    def info_hash(self) -> str:
        """The info-hash in hex."""
        return info_hash(self.info)

    @property
    def listed_size(self) -> int:
        """The size that the tracker lists, in bytes."""
        return self.size_bytes if self.content is None else len(self.content)


class _BadRequestError(Exception):
    """The API's answer to a parameter that it does not take."""


class FileListStandIn:
    """The tracker. Its public attributes may be changed while it runs; `requests` is what it saw.

    `on_request` is called with each request before it is answered, in the thread that answers.
    `users` maps usernames to passkeys. `announce` is the tracker's address in the torrents, with
    `{passkey}` in it. `calls_per_hour` counts API calls of right credentials, with `limits_downloads`
    those of download.php too.
    """

    def __init__(
        self,
        releases: Iterable[StandInRelease] = (),
        *,
        users: dict[str, str] | None = None,
        calls_per_hour: int = 150,
        now: Callable[[], datetime] | None = None,
        port: int = 0,
    ) -> None:
        self.releases = list(releases)
        self.users = users or {"demo": "0123456789abcdef0123456789abcdef"}
        self.calls_per_hour = calls_per_hour
        self.limits_downloads = False
        self.lock_after = 10
        self.lock_seconds = 3600.0
        self.announce = "http://127.0.0.1:9/announce/{passkey}"
        self.has_new_category_names = True
        self.has_doubleup = True
        self.is_imdb_null = False
        self.is_nothing_404 = False
        self.wraps_rows = False
        self.requests: list[SeenRequest] = []
        self.on_request: Callable[[SeenRequest], None] | None = None
        self._now = now or (lambda: datetime.now(UTC))
        self._started_at = self._now()
        self._lock = threading.Lock()
        self._scripts: dict[str, deque[Fault | None]] = {API: deque(), DOWNLOAD: deque()}
        self._always: dict[str, Fault | None] = {}
        self._calls: deque[datetime] = deque()
        self._refusals = 0
        self._locked_until: datetime | None = None
        self._searches: Counter[int] = Counter()
        self._server = WebServer(self._now, self._respond, port)

    @property
    def url(self) -> str:
        """The base address."""
        return self._server.url

    def start(self) -> Self:
        """Begin to answer."""
        self._server.start()
        return self

    def stop(self) -> None:
        """End it, hanging requests included."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def script(self, *answers: Fault | None, page: str = API) -> None:
        """Let the next requests of a page be answered so, in turn; None is the right answer."""
        with self._lock:
            self._scripts[page].extend(answers)

    def always(self, fault: Fault | None, page: str = API) -> None:
        """Let every request of a page be answered so that no script is left for; None ends it."""
        with self._lock:
            self._always[page] = fault

    def seen(self, page: str) -> list[SeenRequest]:
        """Return the requests of one page so far."""
        with self._lock:
            return [request for request in self.requests if request.page == page]

    def torrent_for(self, release: StandInRelease, passkey: str) -> bytes:
        """Return the `.torrent` as download.php gives it to a user."""
        if release.torrent is not None:
            return release.torrent
        announce = self.announce.replace("{passkey}", passkey)
        return make_torrent(
            release.info, announce=announce, comment=f"https://filelist.io/details.php?id={release.id}"
        )

    def _respond(self, request: SeenRequest) -> tuple[Reply | None, Fault | None]:
        if self.on_request:
            self.on_request(request)
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.page)
            fault = script.popleft() if script else self._always.get(request.page)
            if fault is not None and fault.body is not None:
                return None, fault
            return self._right_answer(request), fault

    def _right_answer(self, request: SeenRequest) -> Reply:
        if request.method != "GET":
            return _error(405, "Method not allowed")
        if request.page == API:
            return self._answer_api(request)
        if request.page == DOWNLOAD:
            return self._answer_download(request.params)
        return _page(404, "Not Found")

    def _answer_api(self, request: SeenRequest) -> Reply:
        username, passkey = _credentials(request)
        refusal = self._check_user(username, passkey)
        if refusal is not None:
            return refusal
        if not self._count_call():
            return _reply(faults.RATE_LIMIT)
        try:
            found = self._find(request.params)
        except _BadRequestError as exc:
            return _error(400, str(exc))
        if not found and self.is_nothing_404:
            return _reply(faults.NO_RESULTS)
        rows: object = [self._row(release, passkey) for release in found]
        text = json.dumps({"torrents": rows} if self.wraps_rows else rows, separators=(",", ":"))
        return Reply(200, text.replace("/", "\\/").encode())

    def _answer_download(self, params: dict[str, str]) -> Reply:
        passkey = params.get("passkey", "")
        if passkey not in self.users.values():
            return _reply(faults.LOGIN_PAGE)
        if self.limits_downloads and not self._count_call():
            return _reply(faults.RATE_LIMIT)
        for release in self.releases:
            if str(release.id) == params.get("id") and not release.is_torrent_gone:
                return Reply(200, self.torrent_for(release, passkey), faults.TORRENT)
        return _reply(faults.TORRENT_GONE_PAGE)

    def _check_user(self, username: str, passkey: str) -> Reply | None:
        now = self._now()
        if self._locked_until is not None and now < self._locked_until:
            return _reply(faults.LOCKED)
        if not username or not passkey:
            return _reply(faults.NO_CREDENTIALS)
        if self.users.get(username) == passkey:
            return None
        self._refusals += 1
        if self._refusals >= self.lock_after:
            self._refusals = 0
            self._locked_until = now + timedelta(seconds=self.lock_seconds)
        return _reply(faults.REFUSED)

    def _count_call(self) -> bool:
        now = self._now()
        while self._calls and now - self._calls[0] >= _HOUR:
            self._calls.popleft()
        if len(self._calls) >= self.calls_per_hour:
            return False
        self._calls.append(now)
        return True

    def _find(self, params: dict[str, str]) -> list[StandInRelease]:
        categories = _wanted_categories(params.get("category", ""))
        limit = params.get("limit", str(_MOST_ROWS))
        if not _NUMBER.fullmatch(limit) or not 1 <= int(limit) <= _MOST_ROWS:
            raise _BadRequestError("Invalid limit")
        match params.get("action"):
            case "search-torrents":
                matching = self._search(params)
            case "latest-torrents":
                matching = self._latest(params.get("imdb", ""))
            case _:
                raise _BadRequestError("Invalid action")
        found = [item for item in matching if not categories or item.category in categories]
        found.sort(key=lambda item: item.id, reverse=True)
        return found[: int(limit)]

    def _search(self, params: dict[str, str]) -> list[StandInRelease]:
        query = params.get("query", "").strip()
        if not query:
            raise _BadRequestError("Invalid search/filter")
        for name in (*_FLAGS, "season", "episode"):
            pattern = _FLAG if name in _FLAGS else _NUMBER
            if name in params and not pattern.fullmatch(params[name]):
                raise _BadRequestError(f"Invalid {name}")
        match params.get("type"):
            case "imdb":
                matching = [item for item in self.releases if _has_imdb(item, query)]
                words = params.get("name", "")
            case "name":
                matching, words = self.releases, query
            case _:
                raise _BadRequestError("Invalid type")
        matching = [
            item
            for item in matching
            if _has_words(item, words)
            and all(getattr(item, flag) == (params[flag] == "1") for flag in _FLAGS if flag in params)
        ]
        found = [item for item in matching if self._has_appeared(item)]
        self._searches.update(item.id for item in matching)
        return found

    def _latest(self, imdb: str) -> list[StandInRelease]:
        return [
            item for item in self.releases if self._has_appeared(item) and (not imdb or _has_imdb(item, imdb))
        ]

    def _has_appeared(self, release: StandInRelease) -> bool:
        is_due = release.appears_at is None or self._now() >= release.appears_at
        return is_due and self._searches[release.id] >= release.hidden_searches

    def _row(self, release: StandInRelease, passkey: str) -> dict[str, object]:
        uploaded_at = release.uploaded_at or release.appears_at or self._started_at - timedelta(days=1)
        local = uploaded_at.astimezone(zoneinfo.ZoneInfo("Europe/Bucharest"))
        row: dict[str, object] = {
            "id": release.id,
            "name": release.name,
            "imdb": None if self.is_imdb_null else release.imdb,
            "freeleech": int(release.freeleech),
            "doubleup": int(release.doubleup),
            "upload_date": local.strftime("%Y-%m-%d %H:%M:%S"),
            "download_link": f"{self.url}/{DOWNLOAD}?id={release.id}&passkey={passkey}",
            "size": release.listed_size,
            "internal": int(release.internal),
            "moderated": int(release.moderated),
            "category": CATEGORIES[release.category][self.has_new_category_names],
            "seeders": release.seeders,
            "leechers": release.leechers,
            "times_completed": release.times_completed,
            "comments": release.comments,
            "files": release.files,
            "small_description": release.genres,
        }
        if not self.has_doubleup:
            del row["doubleup"]
        return row


def _credentials(request: SeenRequest) -> tuple[str, str]:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.params.get("username", ""), request.params.get("passkey", "")
    try:
        username, _, passkey = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, passkey


def _wanted_categories(text: str) -> set[int]:
    """Return the ids of a list such as `1,4`; none means all. A blank is as wrong as a word."""
    if not text:
        return set()
    tokens = text.split(",")
    for token in tokens:
        if not _NUMBER.fullmatch(token) or int(token) not in CATEGORIES:
            raise _BadRequestError(f"{token.strip()} is not a valid category!")
    return {int(token) for token in tokens}


def _has_imdb(release: StandInRelease, query: str) -> bool:
    return release.imdb is not None and release.imdb.removeprefix("tt") == query.removeprefix("tt")


def _has_words(release: StandInRelease, text: str) -> bool:
    """Tell whether all words of the text, short ones too, stand in the name, in any order."""
    return set(_WORDS.findall(text.casefold())) <= set(_WORDS.findall(release.name.casefold()))


def _reply(fault: Fault) -> Reply:
    return Reply(fault.status, fault.body or b"", fault.content_type)


def _error(status: int, text: str) -> Reply:
    return _reply(faults.error(status, text))


def _page(status: int, text: str) -> Reply:
    return _reply(faults.page(status, text))
