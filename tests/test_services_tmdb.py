"""The TMDB client against a stand-in server, through real sockets."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from house.films import film
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_ins.tmdb import (
    BAD_KEY,
    CINEMA,
    DIGITAL,
    INTERNAL,
    KEY,
    LIMITED,
    NOT_FOUND,
    OFFLINE,
    OVER_THE_LIMIT,
    PHYSICAL,
    PREMIERE,
    SUSPENDED,
    TOKEN,
    TV,
    TmdbFilm,
    TmdbStandIn,
)

from movie_sync.demo.filelist_faults import (
    CUT,
    CUT_JSON,
    ENDLESS,
    HANGING,
    JSON_HUGE_NUMBER,
    JSON_NESTED,
    JSON_NULL,
    JSON_NUMBER_ROWS,
    RESET,
    Fault,
    json_body,
    page,
    redirect,
)
from movie_sync.domain.film_facts import FilmFacts, ReleaseDates, facts_from_dict, facts_to_dict, filled
from movie_sync.domain.models import Movie
from movie_sync.errors import (
    AuthError,
    MovieSyncError,
    NetworkError,
    PageChangedError,
    RateLimitError,
    SlowError,
    TooLargeError,
    TransientError,
    UnavailableError,
)
from movie_sync.net.http import HttpClient
from movie_sync.services.tmdb.client import TmdbClient

TIMEOUT = 0.3
PARASITE = TmdbFilm(
    496243, "Parasite", "기생충", "ko", "2019-05-30",
    imdb_id="tt6751668", runtime=133, country="KR",
    alternatives=(("BR", "Parasita"), ("KR", "Gisaengchung"), ("US", "PARASITE")),
    translated=(("en", "US", ""), ("de", "DE", "Parasite"), ("ro", "RO", "Parazit")),
    dates=(
        ("FR", PREMIERE, "2019-05-21"), ("KR", CINEMA, "2019-05-30"), ("US", LIMITED, "2019-10-11"),
        ("US", DIGITAL, "2020-01-14"), ("US", PHYSICAL, "2020-01-28"), ("RO", CINEMA, "2019-11-29"),
    ),
)  # fmt: skip
LISTED = Movie("1aYa", "", "Parasite", 2019)


@pytest.fixture
def server() -> Iterator[TmdbStandIn]:
    """Run one with one film."""
    with TmdbStandIn([PARASITE]) as stand_in:
        yield stand_in


def kept(facts: FilmFacts | None) -> FilmFacts:
    """Return facts as they come back from the disk."""
    assert facts
    return facts_from_dict(json.loads(json.dumps(facts_to_dict(facts))))


def client_of(server: TmdbStandIn, key: str = KEY, country: str = "") -> TmdbClient:
    """Return a client of it."""
    http = HttpClient("TMDB", stop=threading.Event(), timeout_seconds=TIMEOUT)
    return TmdbClient(http, server.url, key, country, "https://image.tmdb.org/t/p/w342/")


@pytest.mark.parametrize("movie", [LISTED, Movie("K1", "", "Whatever", None, imdb_id="tt6751668")])
def test_what_it_knows(server: TmdbStandIn, movie: Movie) -> None:
    """By its IMDb id, or by title and year: two requests; native titles come before those of elsewhere."""
    facts = client_of(server).look_up(movie)
    assert facts == FilmFacts(
        imdb_id="tt6751668",
        year=2019,
        original_title="기생충",
        titles=("Parasite", "Gisaengchung", "Parasita", "Parazit"),
        runtime_minutes=133,
        original_language="Korean",
        poster="https://image.tmdb.org/t/p/w342/poster1.jpg",
        release_dates=("cinema 2019-05-30", "digital 2020-01-14", "disc 2020-01-28"),
    )
    assert len(server.requests) == 2
    assert kept(facts) == facts
    if not movie.imdb_id:
        assert server.requests[0].params["query"] == "Parasite"
        assert server.requests[0].params["primary_release_year"] == "2019"
    appended = server.requests[-1].params["append_to_response"].split(",")
    assert set(appended) == {"alternative_titles", "release_dates", "external_ids", "translations"}


@pytest.mark.parametrize("key", [KEY, TOKEN])
def test_where_the_key_goes(server: TmdbStandIn, key: str) -> None:
    """A token into the header, an older key into the query; a redirect is not followed with either."""
    client_of(server, key).check_key()
    (seen,) = server.requests
    assert seen.params == ({"api_key": KEY} if key == KEY else {})
    assert seen.headers.get("authorization") == (None if key == KEY else f"Bearer {TOKEN}")
    server.faults.append(redirect(f"{server.url}/3/configuration"))
    with pytest.raises(UnavailableError):
        client_of(server, key).check_key()
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("others", "listed", "is_found"),
    [
        ([], {}, True),
        ([], {"title": "PARASITE!"}, True),
        ([], {"title": "The Parasite"}, True),  # as everywhere, an article is not compared
        ([], {"title": "기생충"}, True),
        ([], {"title": "Parasites"}, False),
        ([], {"title": "Parasita"}, False),  # an alternative title is not enough
        ([], {"year": 2020}, False),
        ([], {"year": 2018}, False),
        ([], {"year": None}, False),
        ([replace(PARASITE, id=2, released="2019-01-01")], {}, False),
        ([replace(PARASITE, id=2, title="Other", original_title="Parasite")], {}, False),
        ([replace(PARASITE, id=2, released="2020-01-01")], {}, True),
        ([replace(PARASITE, id=2, released="")], {}, True),
        ([replace(PARASITE, id=100 + number, title=f"Parasite {number}", original_title="") for number in range(45)], {}, True),
        ([replace(PARASITE, id=100 + number, title=f"Parasite {number}", original_title="") for number in range(70)], {}, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("filters", [True, False])
def test_by_title_only_what_is_certain(
    server: TmdbStandIn, others: list[TmdbFilm], listed: dict[str, object], is_found: bool, filters: bool
) -> None:
    """Title and year must be exactly the film's, and no other film's."""
    server.films += others
    server.filters_by_year = filters
    facts = client_of(server).look_up(replace(LISTED, **listed))
    assert (facts is not None) is is_found


def test_an_id_that_it_does_not_know(server: TmdbStandIn) -> None:
    """Then nothing is known; a series is one."""
    server.series["tt0944947"] = 1399
    client = client_of(server)
    assert client.look_up(film("x", imdb_id="tt0000001")) is None
    assert client.look_up(film("x", imdb_id="tt0944947")) == FilmFacts(is_series=True)
    assert filled(film("x"), FilmFacts(is_series=True)).is_series
    assert not filled(film("x", page_read=True), FilmFacts(is_series=True)).is_series


@pytest.mark.parametrize(
    ("country", "dates", "expected"),
    [
        ("", PARASITE.dates, "cinema 2019-05-30, digital 2020-01-14, disc 2020-01-28"),
        ("RO", PARASITE.dates, "cinema 2019-11-29, digital 2020-01-14, disc 2020-01-28"),
        ("XX", PARASITE.dates, "cinema 2019-05-30, digital 2020-01-14, disc 2020-01-28"),
        ("RO", [("RO", DIGITAL, "2026-12-12"), ("US", DIGITAL, "2026-11-20")], "digital 2026-12-12, abroad 2026-11-20"),
        ("RO", [("RO", DIGITAL, "2026-12-12"), ("US", DIGITAL, "2027-01-20")], "digital 2026-12-12"),
        ("RO", [("RO", CINEMA, "2026-12-12"), ("GB", TV, "2026-11-20")], "cinema 2026-12-12, abroad 2026-11-20"),
        ("", [("FR", PREMIERE, "2026-05-12")], ""),
        ("", [("FR", PREMIERE, "2026-05-12"), ("FR", LIMITED, "2026-10-12")], "cinema 2026-10-12"),
        ("", [("FR", CINEMA, "soon"), ("FR", 9, "2026-10-12")], ""),
    ],
)  # fmt: skip
def test_release_dates(
    server: TmdbStandIn, country: str, dates: tuple[tuple[str, int, str], ...], expected: str
) -> None:
    """Those of the user's country where it has some, else the earliest; a premiere is none."""
    server.films[:] = [replace(PARASITE, dates=tuple(dates))]
    facts = client_of(server, country=country).look_up(LISTED)
    assert facts
    assert ", ".join(facts.release_dates) == expected
    assert ReleaseDates.parse(facts.release_dates).texts() == facts.release_dates


@pytest.mark.parametrize(
    ("code", "name"), [("ro", "Romanian"), ("cn", "Chinese"), ("xx", ""), ("zz", None), ("", None), (7, None)]
)
def test_languages_are_named_as_everywhere(server: TmdbStandIn, code: str, name: str | None) -> None:
    """A code that is not known here tells nothing."""
    server.films[:] = [replace(PARASITE, language=code)]
    facts = client_of(server).look_up(LISTED)
    assert facts
    assert facts.original_language == name


@pytest.mark.parametrize(
    ("fault", "kind", "seconds"),
    [
        (BAD_KEY, AuthError, None),
        (SUSPENDED, AuthError, None),
        (page(401, "Login to the proxy"), UnavailableError, None),
        (OVER_THE_LIMIT, RateLimitError, None),
        (replace(OVER_THE_LIMIT, headers=(("Retry-After", "9"),)), RateLimitError, 9),
        (OFFLINE, UnavailableError, None),
        (INTERNAL, UnavailableError, None),
        (page(403, "Blocked"), UnavailableError, None),
        (NOT_FOUND, UnavailableError, None),
        (page(200, "Hello"), PageChangedError, None),
        (json_body(b'{"results":7}'), PageChangedError, None),
        (json_body(b'{"results":[],"total_pages":"x"}'), PageChangedError, None),
        (json_body(b'{"results":[{"id":-1,"title":"Parasite","release_date":"2019-01-01"}],"total_pages":1}'), PageChangedError, None),
        (json_body(b"[" + b"[]," * 200_000 + b"1]"), PageChangedError, None),
        (JSON_NULL, PageChangedError, None),
        (JSON_NUMBER_ROWS, PageChangedError, None),
        (JSON_NESTED, PageChangedError, None),
        (JSON_HUGE_NUMBER, PageChangedError, None),
        (CUT_JSON, PageChangedError, None),
        (CUT, NetworkError, None),
        (RESET, NetworkError, None),
        (ENDLESS, UnavailableError, None),
        (HANGING, SlowError, None),
    ],
)  # fmt: skip
def test_each_error_is_told_apart(
    server: TmdbStandIn,
    fault: Fault,
    kind: type[MovieSyncError],
    seconds: float | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And none tells the key."""
    caplog.set_level(logging.DEBUG)
    server.faults.append(fault)
    with pytest.raises(kind) as raised:
        client_of(server).look_up(LISTED)
    assert type(raised.value) in {kind, TooLargeError} or kind is NetworkError
    assert getattr(raised.value, "retry_after_seconds", None) == seconds
    told = f"{raised.value!r} {raised.value.__context__!r} {caplog.text}"
    assert KEY not in told
    assert "TMDB" in str(raised.value)


@pytest.mark.parametrize("key", ["ключ", "two\nlines"])
def test_a_key_that_no_request_can_hold(server: TmdbStandIn, key: str) -> None:
    """It is not sent."""
    with pytest.raises(AuthError, match="invalid characters"):
        client_of(server, key).look_up(LISTED)
    assert server.requests == []


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("2026-12-12"),
    lambda part: (
        st.lists(part, max_size=2)
        | st.dictionaries(st.sampled_from(sorted({*PARASITE.details(), "titles", "results", "data", "type"})), part, max_size=4)
    ),
    max_leaves=8,
)  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from(sorted(PARASITE.details())), _ANY, max_size=5))
@settings(max_examples=2 * settings().max_examples, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_odd_film_is_an_unforeseen_error(
    changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its parts are: facts, or an error of ours; the facts fill a film."""
    client = TmdbClient(
        HttpClient("TMDB", stop=threading.Event(), timeout_seconds=1), "http://localhost", KEY
    )
    answers = {"find/tt6751668": {"movie_results": [{"id": 1}]}, "movie/1": PARASITE.details() | changes}
    monkeypatch.setattr(TmdbClient, "_get", lambda _self, path, **_asked: answers[path])
    try:
        facts = client.look_up(film("x", imdb_id="tt6751668"))
    except TransientError:
        return
    assert facts
    assert filled(film("x"), facts).page_read
    assert kept(facts) == facts
