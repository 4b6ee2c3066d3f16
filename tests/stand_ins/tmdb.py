"""A stand-in for TMDB's API, version 3, in the shapes of its published reference."""

import json
import re
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from movie_sync.demo.filelist_faults import JSON, Fault
from movie_sync.demo.filelist_http import Reply, SeenRequest, WebServer

KEY = "00112233445566778899aabbccddeeff"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiIxMjM0NSJ9.c2VjcmV0LXNpZ25hdHVyZQ"
PREMIERE, LIMITED, CINEMA, DIGITAL, PHYSICAL, TV = range(1, 7)
_PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class TmdbFilm:
    """A film. `alternatives` are titles by country, `translated` by language and country, `dates` by country."""

    id: int
    title: str
    original_title: str
    language: str
    released: str
    imdb_id: str | None = None
    runtime: int = 110
    country: str = "US"
    poster: str | None = "/poster1.jpg"
    alternatives: tuple[tuple[str, str], ...] = ()
    translated: tuple[tuple[str, str, str], ...] = ()
    dates: tuple[tuple[str, int, str], ...] = ()

    def row(self) -> dict[str, Any]:
        """Return it as lists have it."""
        return {
            "adult": False,
            "backdrop_path": None,
            "genre_ids": [18],
            "id": self.id,
            "original_language": self.language,
            "original_title": self.original_title,
            "overview": f"What happens in {self.title}.",
            "popularity": 12.3,
            "poster_path": self.poster,
            "release_date": self.released,
            "title": self.title,
            "video": False,
            "vote_average": 7.1,
            "vote_count": 812,
        }

    def details(self) -> dict[str, Any]:
        """Return it with all that can be appended."""
        countries: dict[str, list[dict[str, Any]]] = {}
        for country, kind, day in self.dates:
            told = {"certification": "", "descriptors": [], "iso_639_1": "", "note": "", "type": kind}
            countries.setdefault(country, []).append({**told, "release_date": f"{day}T00:00:00.000Z"})
        return self.row() | {
            "belongs_to_collection": None,
            "budget": 0,
            "homepage": "",
            "imdb_id": self.imdb_id,
            "origin_country": [self.country],
            "production_countries": [{"iso_3166_1": self.country, "name": "Somewhere"}],
            "runtime": self.runtime,
            "spoken_languages": [],
            "status": "Released",
            "tagline": "",
            "alternative_titles": {
                "titles": [
                    {"iso_3166_1": country, "title": title, "type": ""}
                    for country, title in self.alternatives
                ]
            },
            "release_dates": {
                "results": [
                    {"iso_3166_1": country, "release_dates": dates} for country, dates in countries.items()
                ]
            },
            "external_ids": {"imdb_id": self.imdb_id, "wikidata_id": None, "facebook_id": None},
            "translations": {
                "translations": [
                    {
                        "iso_3166_1": country,
                        "iso_639_1": language,
                        "name": "",
                        "english_name": "",
                        "data": {
                            "homepage": "",
                            "overview": "…",
                            "runtime": 0,
                            "tagline": "",
                            "title": title,
                        },
                    }
                    for language, country, title in self.translated
                ]
            },
        }


def refused(code: int, words: str, status: int, *headers: tuple[str, str]) -> Fault:
    """Return an error as the API words it."""
    body = json.dumps({"status_code": code, "status_message": words, "success": False}).encode()
    return Fault(status, body, f"{JSON};charset=utf-8", headers)


BAD_KEY = refused(7, "Invalid API key: You must be granted a valid key.", 401)
SUSPENDED = refused(10, "Suspended API key: Access to your account has been suspended.", 401)
OVER_THE_LIMIT = refused(25, "Your request count (41) is over the allowed limit of (40).", 429)
OFFLINE = refused(9, "Service offline: This service is temporarily offline, try again later.", 503)
INTERNAL = refused(11, "Internal error: Something went wrong, contact TMDB.", 500)
NOT_FOUND = refused(34, "The resource you requested could not be found.", 404)


class TmdbStandIn:
    """Use as a context manager. `faults` are given once each, in order; `always`, to every request."""

    def __init__(self, films: Iterable[TmdbFilm] = ()) -> None:
        self.films = list(films)
        self.series: dict[str, int] = {}
        """Numbers of series by their IMDb ids."""
        self.keys = {KEY, TOKEN}
        self.filters_by_year = True
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.requests: list[SeenRequest] = []
        self._lock = threading.Lock()
        self._server = WebServer(lambda: datetime.now(UTC), self._respond)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The address to configure."""
        return self._server.url

    @property
    def pages(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [seen.page for seen in self.requests]

    def _respond(self, seen: SeenRequest) -> tuple[Reply | None, Fault | None]:
        with self._lock:
            self.requests.append(seen)
            fault = self.faults.popleft() if self.faults else self.always
            if fault is None and not self._may_ask(seen):
                fault = BAD_KEY
            answer = self._answer(seen) if fault is None or fault.body is None else fault
            if isinstance(answer, Fault):
                return None, answer
            return Reply(200, json.dumps(answer).encode(), f"{JSON};charset=utf-8"), fault

    def _may_ask(self, seen: SeenRequest) -> bool:
        token = seen.headers.get("authorization", "").removeprefix("Bearer ")
        key = seen.params.get("api_key", "")
        return (token or key) in self.keys and not (key == TOKEN or token == KEY)

    def _answer(self, seen: SeenRequest) -> dict[str, Any] | Fault:
        match seen.page.split("/"):
            case ["3", "configuration"]:
                return {"images": {"secure_base_url": f"{self.url}/t/p/"}, "change_keys": []}
            case ["3", "find", imdb_id]:
                return self._found(imdb_id)
            case ["3", "search", "movie"]:
                return self._search(seen.params)
            case ["3", "movie", number]:
                film = next((film for film in self.films if str(film.id) == number), None)
                return film.details() if film else NOT_FOUND
        return NOT_FOUND

    def _found(self, imdb_id: str) -> dict[str, Any]:
        films = [film.row() | {"media_type": "movie"} for film in self.films if film.imdb_id == imdb_id]
        series = [{"id": self.series[imdb_id], "media_type": "tv"}] if imdb_id in self.series else []
        others = {"person_results": [], "tv_episode_results": [], "tv_season_results": []}
        return {"movie_results": films, "tv_results": series, **others}

    def _search(self, params: dict[str, str]) -> dict[str, Any]:
        """Find near misses too, as the real one does."""
        words, year = re.findall(r"\w+", params["query"].casefold()), params.get("primary_release_year", "")
        found = [
            film
            for film in self.films
            if any(word in f"{film.title} {film.original_title}".casefold() for word in words)
            and (film.released.startswith(year) or not self.filters_by_year)
        ]
        page = int(params.get("page", "1"))
        shown = found[(page - 1) * _PAGE_SIZE : page * _PAGE_SIZE]
        pages = -(-len(found) // _PAGE_SIZE)
        counts = {"page": page, "total_pages": pages, "total_results": len(found)}
        return counts | {"results": [film.row() for film in shown]}
