"""A stand-in for a Torznab server, written from the specification, in three voices.

Prowlarr (links through itself, HTTP statuses for errors), Jackett (errors at status 200) and a tracker that
speaks Torznab itself (attributes for everything, its key in every link). What each of them is known to do
otherwise can be switched; faults are scripted.
"""

import base64
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from movie_sync.demo.filelist_faults import TORRENT, Fault
from movie_sync.demo.filelist_http import Reply, SeenRequest, WebServer
from movie_sync.demo.torrent_maker import info_hash, make_info, make_torrent

KEY = "0dd5eedc0ffee0000000000000000001"
RSS, XML = "application/rss+xml; charset=utf-8", "application/xml"


class Voice(Enum):
    """Who is played: the paths of the API and of links, and how a wrong key is answered."""

    PROWLARR = "/1/api"
    JACKETT = "/api/v2.0/indexers/mock/results/torznab/api"
    DIRECT = "/api/torznab"


class Link(Enum):
    """What the link of a release leads to."""

    TORRENT = "the torrent"
    MAGNET = "it is a magnet link"
    REDIRECT_TO_MAGNET = "redirects to a magnet link"


@dataclass(slots=True)
class TorznabRelease:
    """A release. `seeders` None leaves them out; `link_to` puts another address in place of ours.

    `torrent` replaces what its link gives.
    """

    name: str
    imdb: str | None = None
    size_bytes: int = 8_000_000_000
    seeders: int | None = 25
    leechers: int = 2
    factor: str | None = "1"
    tags: tuple[str, ...] = ()
    categories: tuple[int, ...] = (2000, 2040)
    at: datetime | None = datetime(2026, 7, 20, 18, 30, tzinfo=UTC)
    link: Link = Link.TORRENT
    link_to: str | None = None
    torrent: bytes | None = None
    guid: str | None = None
    has_size: bool = True

    @property
    def info(self) -> bytes:
        """The bencoded info of its torrent."""
        return make_info(f"{self.name}.mkv", size_bytes=self.size_bytes)

    @property
    def info_hash(self) -> str:
        """As clients show it."""
        return info_hash(self.info)

    @property
    def magnet(self) -> str:
        """Its magnet link."""
        return f"magnet:?xt=urn:btih:{self.info_hash}&dn={quote(self.name)}&tr=http%3A%2F%2Ft.example%2Fa"


class TorznabStandIn:
    """Use as a context manager. A test may change what it has and how it answers at any time.

    `imdb_params` are what `movie-search` lists, None for a list left out; `search_is_empty_with_year` plays
    a site that finds nothing by title and year. `faults` are given once each, in order, to the calls that
    follow; `always` to all calls of a function (`caps`, `search`, `movie`, `download`).
    """

    def __init__(
        self,
        releases: Iterable[TorznabRelease] = (),
        *,
        voice: Voice = Voice.PROWLARR,
        key: str = KEY,
    ) -> None:
        self.releases = list(releases)
        self.voice = voice
        self.key = key
        self.search_params: str | None = "q"
        self.movie_params: str | None = "q,imdbid"
        self.has_movie_search = True
        self.has_limits = True
        self.has_newest = True
        self.search_is_empty_with_year = False
        self.link_base = ""
        self.faults: deque[Fault] = deque()
        self.always: dict[str, Fault] = {}
        self.requests: list[SeenRequest] = []
        self._lock = threading.Lock()
        self._answers = 0
        self._server = WebServer(lambda: datetime.now(UTC), self._respond)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    @property
    def base(self) -> str:
        """The address of the server."""
        return self._server.url

    @property
    def url(self) -> str:
        """The address to configure."""
        return self.base + self.voice.value

    @property
    def calls(self) -> list[str]:
        """The functions that were called, in order."""
        return [self._function(seen) for seen in self.requests]

    def asked(self, function: str) -> list[dict[str, str]]:
        """Return the parameters of all calls of a function, without the key."""
        return [
            {name: value for name, value in seen.params.items() if name not in {"apikey", "t"}}
            for seen in self.requests
            if self._function(seen) == function
        ]

    def _function(self, seen: SeenRequest) -> str:
        return seen.params.get("t", "search") if f"/{seen.page}" == self.voice.value else "download"

    def _respond(self, seen: SeenRequest) -> tuple[Reply | None, Fault | None]:
        with self._lock:
            self.requests.append(seen)
            function = self._function(seen)
            fault = self.faults.popleft() if self.faults else self.always.get(function)
            if fault is not None and fault.body is not None:
                return None, fault
            reply = self._download(seen) if function == "download" else self._api(function, seen.params)
            return (reply, fault) if isinstance(reply, Reply) else (None, reply)

    def _api(self, function: str, params: dict[str, str]) -> Reply | Fault:
        if self.key and params.get("apikey") != self.key:
            return self._refused()
        if function == "caps":
            return Reply(200, self._caps().encode(), XML)
        listed = self.search_params if function == "search" else self.movie_params
        if function not in {"search", "movie"} or (function == "movie" and not self.has_movie_search):
            return error(202, f"no such function ({function})")
        if "imdbid" in params and "imdbid" not in (listed or "q,imdbid").split(","):
            return error(203, "imdbid is not supported", status=400 if self.voice is Voice.JACKETT else 200)
        found = [release for release in self.releases if self._is_found(release, params)]
        found.sort(key=lambda release: release.at or datetime(1, 1, 1, tzinfo=UTC), reverse=True)
        return Reply(200, self.feed(found[: int(params.get("limit", "100"))]).encode(), RSS)

    def _is_found(self, release: TorznabRelease, params: dict[str, str]) -> bool:
        if "imdbid" in params:
            return release.imdb is not None and int(release.imdb.removeprefix("tt")) == int(params["imdbid"])
        words = params.get("q", "").casefold().split()
        if not words:
            return self.has_newest
        has_year = len(words) > 1 and words[-1].isdigit() and len(words[-1]) == 4
        if has_year and self.search_is_empty_with_year:
            return False
        return set(words) <= set(release.name.casefold().replace(".", " ").replace("-", " ").split())

    def _refused(self) -> Fault:
        if self.voice is Voice.PROWLARR:
            return Fault(401, b"", "text/plain")
        return error(100, "Invalid API Key", status=200 if self.voice is Voice.JACKETT else 401)

    def _caps(self) -> str:
        def search(name: str, listed: str | None, *, is_there: bool = True) -> str:
            params = "" if listed is None else f" supportedParams={quoteattr(listed)}"
            return f'<{name} available="{"yes" if is_there else "no"}"{params} />'

        limits = '<limits default="100" max="100" />' if self.has_limits else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<caps><server title="Stand-in" />'
            f"{limits}<searching>"
            f"{search('search', self.search_params)}"
            f"{search('movie-search', self.movie_params, is_there=self.has_movie_search)}"
            '<tv-search available="yes" supportedParams="q,season,ep" /></searching><categories>'
            '<category id="2000" name="Movies"><subcat id="2040" name="Movies/HD" /></category>'
            "</categories></caps>"
        )

    def feed(self, releases: Iterable[TorznabRelease]) -> str:
        """Return the feed of some releases."""
        self._answers += 1
        items = "".join(self._item(release) for release in releases)
        version = "1.0" if self.voice is Voice.PROWLARR else "2.0"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="{version}" '
            'xmlns:atom="http://www.w3.org/2005/Atom" '
            'xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel>'
            f'<atom:link href="{self.base}/?apikey={self.key}" rel="self" type="application/rss+xml" />'
            f"<title>Stand-in</title>{items}</channel></rss>"
        )

    def address(self, release: TorznabRelease) -> str:
        """Return the link of a release, which is another one in every answer but a tracker's own."""
        if release.link is Link.MAGNET:
            return release.magnet
        if release.link_to is not None:
            return release.link_to
        base, number = self.link_base or self.base, self.releases.index(release)
        packed = quote(base64.b64encode(f"{number} {self._answers}".encode()).decode())
        if self.voice is Voice.PROWLARR:
            return f"{base}/1/download?apikey={self.key}&link={packed}&file={quote(release.name)}"
        if self.voice is Voice.JACKETT:
            return f"{base}/dl/mock/?jackett_apikey={self.key}&path={packed}&file={quote(release.name)}"
        return f"{base}/torrents/{number}?t=get&apikey={self.key}"

    def _item(self, release: TorznabRelease) -> str:
        link = self.address(release)
        is_direct = self.voice is Voice.DIRECT
        number = self.releases.index(release) if release in self.releases else 0
        details = f"{self.base}/torrents.php?id={number}"
        size = str(release.size_bytes) if release.has_size else "0"
        attributes = [("category", str(category)) for category in release.categories]
        attributes += [("tag", tag) for tag in release.tags]
        if release.imdb and self.voice is not Voice.PROWLARR:
            attributes.append(("imdbid", release.imdb))
        if release.imdb and not is_direct:
            attributes.append(("imdb", release.imdb.removeprefix("tt")))
        if release.seeders is not None:
            attributes.append(("seeders", str(release.seeders)))
            attributes.append(("peers", str(release.seeders + release.leechers)))
        if release.factor is not None:
            attributes.append(("downloadvolumefactor", release.factor))
        if is_direct:
            attributes += [("infohash", release.info_hash), ("size", size)]
        guid = release.guid if release.guid is not None else (release.info_hash if is_direct else details)
        parts = [
            f"<title>{escape(release.name)}</title>",
            f"<guid>{escape(guid)}</guid>" if guid else "",
            f"<link>{escape(details if is_direct else link)}</link><comments>{escape(details)}</comments>",
            f"<pubDate>{format_datetime(release.at)}</pubDate>" if release.at else "",
            "" if is_direct else f"<size>{size}</size>",
            f"<enclosure url={quoteattr(link)} length={quoteattr('103641' if is_direct else size)} "
            f'type="{TORRENT}" />',
            *(
                f"<torznab:attr name={quoteattr(name)} value={quoteattr(value)} />"
                for name, value in attributes
            ),
        ]
        return f"<item>{''.join(parts)}</item>"

    def _download(self, seen: SeenRequest) -> Reply | Fault:
        given = seen.params.get("apikey") or seen.params.get("jackett_apikey")
        if given != self.key:
            return Fault(401, b"", "text/plain")
        try:
            if self.voice is Voice.DIRECT:
                number = int(seen.page.rpartition("/")[2])
            else:
                packed = seen.params.get("link") or seen.params.get("path") or ""
                number = int(base64.b64decode(packed).split()[0])
            release = self.releases[number]
        except (ValueError, IndexError):
            return Fault(404, b"", "text/plain")
        if release.link is Link.REDIRECT_TO_MAGNET:
            status = 301 if self.voice is Voice.PROWLARR else 302
            return Fault(status, b"", "text/html", (("Location", release.magnet),))
        content = release.torrent
        if content is None:
            content = make_torrent(release.info, announce="http://127.0.0.1:1/announce")
        return Reply(200, content, TORRENT)


def error(code: object, description: str = "", *, status: int = 200, attribute: str = "code") -> Fault:
    """Return an error as the specification has it; bitmagnet calls the attribute `error`."""
    words = f"<error {attribute}={quoteattr(str(code))} description={quoteattr(description)} />"
    return Fault(status, f'<?xml version="1.0" encoding="UTF-8"?>\n{words}'.encode(), XML)


def document(body: str | bytes, status: int = 200, content_type: str = RSS) -> Fault:
    """Return any body."""
    return Fault(status, body if isinstance(body, bytes) else body.encode(), content_type)


def ago(**span: float) -> datetime:
    """Return a time that is so long ago."""
    return datetime.now(UTC) - timedelta(**span)
