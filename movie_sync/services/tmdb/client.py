"""TMDB's API, version 3, as https://developer.themoviedb.org/reference has it.

A film is found by its IMDb id, or by title and year where both agree exactly with one film alone. The key
goes to the configured address only: a token in a header, an older key, of 32 hex digits, in the query.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Any

from movie_sync.domain.film_facts import FilmFacts, ReleaseDates, date_in, distinct_titles
from movie_sync.domain.json_text import parse_json, part_count
from movie_sync.domain.languages import language_named
from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key
from movie_sync.errors import AuthError, PageChangedError, RateLimitError, UnavailableError
from movie_sync.invocation import command_line
from movie_sync.net.faults import ODD_ANSWER
from movie_sync.net.http import HttpAnswer, HttpClient

_MAX_BYTES = 1_000_000
_MAX_PARTS = 50_000
_MOST_PAGES = 3
_MOST_TITLES = 30
_LONGEST_TITLE = 300
_VERSION_3_KEY = re.compile(r"[0-9A-Fa-f]{32}")
_IMDB_ID = re.compile(r"tt\d{5,12}", re.ASCII)
_POSTER_PATH = re.compile(r"/[A-Za-z0-9_-]{1,100}\.(?:jpe?g|png|webp)")
# Most of an answer, in every language; decoded, a single emoji makes the whole four times as large.
_LONG_TEXT = re.compile(rb'"(?:overview|tagline)":\s{0,9}"(?:[^"\\]|\\.)*+"', re.DOTALL)
_PARTS = "alternative_titles,release_dates,external_ids,translations"
_LANGUAGES = {"xx": "", "cn": "Chinese"}
"""Codes of its own: nobody speaks, and Cantonese."""
_CINEMA, _DIGITAL, _DISC, _TELEVISION = {2, 3}, {4}, {5}, {6}
"""Kinds of releases; a premiere (1), at a festival for instance, is not yet in cinemas."""


@dataclass(slots=True, eq=False)
class TmdbClient:
    """A `FilmDatabase`. `posters` is what their addresses begin with, "" for none."""

    http: HttpClient
    base_url: str
    key: str = field(repr=False)
    country: str = ""
    posters: str = ""
    title: str = field(default="TMDB", init=False)

    @property
    def edition(self) -> str:
        return f"tmdb {self.country}".rstrip()

    def look_up(self, movie: Movie) -> FilmFacts | None:
        try:
            if movie.imdb_id:
                return self._by_imdb_id(movie.imdb_id)
            number = self._only_match(movie) if movie.title and movie.year else None
            return self._details(number) if number else None
        except ODD_ANSWER:
            raise PageChangedError("TMDB sent an answer in an unexpected form.") from None

    def check_key(self) -> None:
        """Raise what `look_up` does if it cannot be used."""
        self._get("configuration")

    def _by_imdb_id(self, imdb_id: str) -> FilmFacts | None:
        found = self._get(f"find/{imdb_id}", external_source="imdb_id")
        films = _rows(found["movie_results"])
        if films:
            return self._details(films[0]["id"])
        return FilmFacts(is_series=True) if _rows(found.get("tv_results")) else None

    def _only_match(self, movie: Movie) -> int | None:
        """Return the one film that has this title, its own or in English, and this year."""
        wanted = {title_key(title).squashed for title in (movie.title, movie.original_title) if title} - {""}
        matching: set[int] = set()
        for page in range(1, _MOST_PAGES + 1):
            found = self._get(
                "search/movie", query=movie.title, primary_release_year=str(movie.year), page=str(page)
            )
            for row in _rows(found["results"]):
                titles = {title_key(str(row.get(key, ""))).squashed for key in ("title", "original_title")}
                released = date_in(row.get("release_date"))
                if released and released.year == movie.year and titles & wanted:
                    matching.add(_number(row["id"]))
            if found["total_pages"] <= page:
                return next(iter(matching)) if len(matching) == 1 else None
        return None  # there may be another one further on

    def _details(self, number: object) -> FilmFacts:
        film = self._get(f"movie/{_number(number)}", append_to_response=_PARTS)
        imdb_id = _part(film, "external_ids").get("imdb_id") or film.get("imdb_id")
        code = film.get("original_language")
        runtime, poster = film.get("runtime"), film.get("poster_path")
        released = date_in(film.get("release_date"))
        has_poster = self.posters and isinstance(poster, str) and _POSTER_PATH.fullmatch(poster)
        return FilmFacts(
            imdb_id=imdb_id if isinstance(imdb_id, str) and _IMDB_ID.fullmatch(imdb_id) else None,
            year=released.year if released else None,
            original_title=_title(film.get("original_title")),
            titles=tuple(self._titles(film)),
            runtime_minutes=runtime if type(runtime) is int and runtime > 0 else None,
            original_language=_LANGUAGES.get(code, language_named(code) or None)
            if isinstance(code, str)
            else None,
            poster=f"{self.posters}{poster.removeprefix('/')}" if has_poster and poster else "",
            release_dates=self._release_dates(film).texts(),
        )

    def _titles(self, film: Mapping[str, Any]) -> list[str]:
        """Return its titles: in English, where it was made, in the user's country, and everywhere else."""
        rows = _rows(_part(film, "alternative_titles").get("titles"))
        made_in = [row.get("iso_3166_1") for row in _rows(film.get("production_countries"))]
        first = {self.country, *made_in} - {"", None}
        rows.sort(key=lambda row: row.get("iso_3166_1") not in first)
        others = (_part(row, "data").get("title") for row in _translations(film, self.country))
        titles = map(_title, (film.get("title"), *(row.get("title") for row in rows), *others))
        return [title for title, _ in zip(distinct_titles(titles), range(_MOST_TITLES), strict=False)]

    def _release_dates(self, film: Mapping[str, Any]) -> ReleaseDates:
        """Return the dates of the user's country where they are known, else the earliest."""
        told = list(_told_dates(film))

        def first(kinds: set[int]) -> date | None:
            days = [(country, day) for country, kind, day in told if kind in kinds]
            own = [day for country, day in days if country == self.country]
            return min(own or [day for _, day in days], default=None)

        dates = ReleaseDates(first(_CINEMA), first(_DIGITAL), first(_DISC))
        at_home = _DIGITAL | _DISC | _TELEVISION
        anywhere = min((day for _, kind, day in told if kind in at_home), default=None)
        is_earlier = anywhere is not None and (dates.home is None or anywhere < dates.home)
        return dates._replace(abroad=anywhere) if is_earlier else dates

    def _get(self, path: str, **asked: str) -> dict[str, Any]:
        headers: dict[str, str] = {}
        if _VERSION_3_KEY.fullmatch(self.key):
            asked["api_key"] = self.key
        else:
            headers["Authorization"] = f"Bearer {self.key}"
        if not (self.key.isascii() and self.key.isprintable()):
            raise _refused("contains invalid characters")
        answer = self.http.get(
            f"{self.base_url.rstrip('/')}/3/{path}",
            params=asked,
            headers=headers,
            accept="application/json",
            max_bytes=_MAX_BYTES,
            follow=False,
        )
        if answer.status != HTTPStatus.OK:
            raise _fault(answer)
        return _plain(answer)


def _refused(why: str) -> AuthError:
    return AuthError(
        f"The TMDB key {why}. Run `{command_line('setup', 'notices')}` to enter another one, or set "
        "tmdb.enabled to false.",
        service="TMDB",
    )


def _fault(answer: HttpAnswer) -> AuthError | RateLimitError | UnavailableError:
    """Return what an answer means that is none to read."""
    wait = answer.retry_after_seconds
    try:
        code = _plain(answer).get("status_code")
    except (PageChangedError, *ODD_ANSWER):
        code = None
    # Without a code it is not TMDB that speaks, but a proxy, or another server at that address.
    if answer.status == HTTPStatus.UNAUTHORIZED and isinstance(code, int):
        return _refused(f"was rejected (code {code})")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitError("TMDB is limiting requests (429).", retry_after_seconds=wait)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(f"TMDB is down (status {answer.status}).", retry_after_seconds=wait)
    return UnavailableError(
        f"TMDB answered with status {answer.status}. If this keeps happening, check tmdb.base_url in "
        "config.json.",
        retry_after_seconds=wait,
    )


def _plain(answer: HttpAnswer) -> dict[str, Any]:
    body = _LONG_TEXT.sub(b'"":0', answer.body)
    plain = parse_json(body) if part_count(body) <= _MAX_PARTS else None
    if isinstance(plain, dict):
        return plain
    raise PageChangedError("TMDB sent an answer in an unexpected form.")


def _rows(value: object) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _part(plain: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = plain.get(key)
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int:
    if type(value) is not int or value <= 0:
        raise ValueError("not the number of a film")
    return value


def _title(value: object) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= _LONGEST_TITLE and text.isprintable() else ""


def _translations(film: Mapping[str, Any], country: str) -> list[dict[str, Any]]:
    rows = _rows(_part(film, "translations").get("translations"))
    return sorted(rows, key=lambda row: row.get("iso_3166_1") != country)


def _told_dates(film: Mapping[str, Any]) -> Iterator[tuple[str, int, date]]:
    for row in _rows(_part(film, "release_dates").get("results")):
        for each in _rows(row.get("release_dates")):
            day, kind = date_in(each.get("release_date")), each.get("type")
            if day and isinstance(kind, int):
                yield str(row.get("iso_3166_1")), kind, day
