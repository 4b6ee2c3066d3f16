"""Films that Letterboxd does not let us read, or that are not out yet, with a film database and without one."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from house.films import film, on_filelist, release, release_of
from house.workers import Bench
from stand_ins.tmdb import KEY, TmdbFilm, TmdbStandIn

from movie_sync.daemon.session import Session
from movie_sync.domain.film_facts import FilmFacts
from movie_sync.domain.models import Movie, QueueName, Release
from movie_sync.domain.titles import fold
from movie_sync.errors import AuthError, BlockedError, PageChangedError, RateLimitError, UnavailableError
from movie_sync.fetching.metadata import Metadata, RefusedKey
from movie_sync.fetching.page_reader import PageReader
from movie_sync.following.follower import FollowPolicy
from movie_sync.net.http import HttpClient
from movie_sync.ports import FilmDatabase
from movie_sync.queues.codec import entry_from_dict, entry_to_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.reports.film import film_facts
from movie_sync.reports.lines import LineStyle, state_of, status_lines
from movie_sync.reports.needs import needs
from movie_sync.reports.release_dates import not_out_words
from movie_sync.reports.status import Status, overview, status_document
from movie_sync.reports.wall import film_card
from movie_sync.services.tmdb.client import TmdbClient

DAY = 86_400.0
TODAY = date(2026, 11, 1)
BLOCKED = BlockedError("Letterboxd blocks automated access.")


class FakeDatabase:
    """A `FilmDatabase` of facts by title; counts what it is asked."""

    title, edition = "TMDB", "tmdb"

    def __init__(self) -> None:
        self.films: dict[str, FilmFacts] = {}
        self.error: Exception | None = None
        self.asked: list[str] = []

    def look_up(self, movie: Movie) -> FilmFacts | None:
        """Return what was told of it."""
        self.asked.append(movie.title)
        if self.error:
            raise self.error
        return self.films.get(movie.title)


@pytest.fixture
def database() -> FakeDatabase:
    """One that knows nothing yet."""
    return FakeDatabase()


class AskingBench(Bench):
    """A worker that asks a database too."""

    def __init__(self, folder: Path, database: FilmDatabase) -> None:
        self.metadata: Metadata | None = None
        super().__init__(folder)
        self.metadata = Metadata(
            database=database,
            path=folder / "tmdb.jsonl",
            clock=self.clock,
            refused=RefusedKey(),
            wants_posters=False,
        )
        self.follow(FollowPolicy(86_400))

    def _connect(self) -> Session:
        session = super()._connect()
        session.downloader.pages = PageReader(self.pages, self.clock, self.metadata)
        return session


@pytest.fixture
def bench(tmp_path: Path, database: FakeDatabase) -> AskingBench:
    """A worker that asks it."""
    return AskingBench(tmp_path, database)


@pytest.fixture
def metadata(bench: AskingBench) -> Metadata:
    """What that worker asks it by."""
    assert bench.metadata
    return bench.metadata


def work(bench: Bench) -> None:
    """Let the worker do all that is due."""
    for _ in range(300):
        if bench.worker.step() is not None:
            return
    raise AssertionError("the worker never rests")


def days_later(bench: Bench, days: int, each_day: Callable[[], object] = lambda: None) -> None:
    """Let days pass, with a check in each."""
    for _ in range(days):
        bench.clock.advance(DAY)
        each_day()
        bench.worker.note_check()
        work(bench)


# --- ten foreign films of an export ----------------------------------------------------------------

FOREIGN = (
    ("Parasite", 2019, "기생충", "ko", "KR", "Gisaengchung"),
    ("Amélie", 2001, "Le Fabuleux Destin d'Amélie Poulain", "fr", "FR", ""),
    ("City of God", 2002, "Cidade de Deus", "pt", "BR", ""),
    ("The Lives of Others", 2006, "Das Leben der Anderen", "de", "DE", ""),
    ("The Hunt", 2012, "Jagten", "da", "DK", ""),
    ("Pan's Labyrinth", 2006, "El laberinto del fauno", "es", "ES", ""),
    ("Spirited Away", 2001, "千と千尋の神隠し", "ja", "JP", "Sen to Chihiro no kamikakushi"),
    ("The Great Beauty", 2013, "La grande bellezza", "it", "IT", ""),
    ("4 Months, 3 Weeks and 2 Days", 2007, "4 luni, 3 săptămâni și 2 zile", "ro", "RO", ""),
    ("The Girl with the Dragon Tattoo", 2009, "Män som hatar kvinnor", "sv", "SE", ""),
)
NAMES = (
    "Gisaengchung Le.Fabuleux.Destin.dAmelie.Poulain Cidade.de.Deus Das.Leben.der.Anderen Jagten "
    "El.Laberinto.del.Fauno Sen.to.Chihiro.no.Kamikakushi La.Grande.Bellezza "
    "4.Luni.3.Saptamani.si.2.Zile Man.som.hatar.kvinnor"
).split()


@pytest.fixture
def tmdb() -> Iterator[TmdbStandIn]:
    """A TMDB that knows them, among remakes and films of the same name."""
    films = [
        TmdbFilm(
            number, title, original, code, f"{year}-05-30", f"tt1{number:06d}", country=country,
            alternatives=((country, other),) if other else (),
        )
        for number, (title, year, original, code, country, other) in enumerate(FOREIGN, 1)
    ]  # fmt: skip
    films += [
        TmdbFilm(20, "The Hunt", "The Hunt", "en", "2020-03-11", "tt8244784"),
        TmdbFilm(
            21, "The Girl with the Dragon Tattoo", "The Girl with the Dragon Tattoo", "en", "2011-12-14"
        ),
        TmdbFilm(22, "Parasite", "Parasite", "en", "1982-03-12"),
    ]
    with TmdbStandIn(films) as stand_in:
        yield stand_in


def offer_by_words(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tracker have the releases, found by all words of a name alone, in whatever letters.

    Two, whose films have titles in Latin letters only as alternative ones, are filed under their IMDb ids.
    """
    pairs = zip(FOREIGN, NAMES, strict=True)
    names = [f"{name}.{year}.1080p.BluRay.x264-GRP" for (_, year, *_), name in pairs]
    releases = [
        release(name, 700 + number, imdb_id=f"tt1{number:06d}" if number in {1, 7} else None)
        for number, name in enumerate(names, 1)
    ]

    def search_name(text: str) -> list[Release]:
        words = set(fold(text).split())
        return [each for each in releases if words <= set(fold(each.name).replace("-", ".").split("."))]

    monkeypatch.setattr(bench.tracker, "search_name", search_name)


@pytest.mark.parametrize("is_asked", [True, False])
def test_foreign_films_of_an_export(
    tmp_path: Path, tmdb: TmdbStandIn, monkeypatch: pytest.MonkeyPatch, is_asked: bool
) -> None:
    """Their English titles find nothing; by their original ones, which TMDB tells, all ten are found."""
    http = HttpClient("TMDB", stop=threading.Event(), timeout_seconds=5)
    bench = AskingBench(tmp_path, TmdbClient(http, tmdb.url, KEY))
    if not is_asked:
        bench.metadata = None
        bench.start()
    bench.pages.error = BLOCKED
    offer_by_words(bench, monkeypatch)
    bench.queues.add_all_to_pending(
        [Movie(f"K{number}", "", title, year) for number, (title, year, *_) in enumerate(FOREIGN)]
    )
    work(bench)
    done = bench.queues.entries(QueueName.COMPLETED)
    assert len(done) == (len(FOREIGN) if is_asked else 0)
    assert len(tmdb.requests) == (2 * len(FOREIGN) if is_asked else 0)
    assert {entry.movie.original_title for entry in done} == (
        {each[2] for each in FOREIGN} if is_asked else set()
    )
    assert bench.journal.count("page") == 1  # blocked once, it is left alone


# --- what fills a film ----------------------------------------------------------------------------

FACTS = FilmFacts(
    "tt7", 1999, "Otro", ("Heat", "Otro", "Calor"), 120, "Spanish", "https://image.example/p", ()
)


def test_what_letterboxd_says_stays(bench: Bench, database: FakeDatabase) -> None:
    """Only what its page lacks comes from elsewhere."""
    told = {"original_title": "Original", "runtime_minutes": 90, "original_language": "Greek"}
    bench.pages.films["id-heat"] = film("heat", **told)
    database.films["Heat"] = FACTS
    bench.queues.add_to_pending(film("heat"))
    work(bench)
    movie = bench.only_failed().movie
    assert (movie.original_title, movie.runtime_minutes, movie.original_language) == tuple(told.values())
    assert (movie.imdb_id, movie.alternative_titles) == ("tt7", ("Heat", "Otro", "Calor")[1:])


@pytest.mark.parametrize("problem", ["missing", "odd", "blocked", "not a page"])
def test_a_page_that_cannot_be_read(bench: Bench, database: FakeDatabase, problem: str) -> None:
    """All that is known comes from elsewhere then, and the film is searched for."""
    bench.pages.error = {"odd": PageChangedError("It has changed."), "blocked": BLOCKED}.get(problem)
    bench.pages.unknown = {"id-heat"} if problem == "missing" else set()
    if problem == "not a page":  # a film of an export, where there is no way to its page
        bench.pages.read = lambda movie: movie  # type: ignore[method-assign]
    database.films["Heat"] = FACTS
    bench.tracker.offer("tt7", release("Otro.1999.1080p.BluRay.x264-GRP", imdb_id="tt7"))
    bench.queues.add_to_pending(film("heat"))
    work(bench)
    assert bench.only(QueueName.COMPLETED).movie.imdb_id == "tt7"


def test_a_film_without_a_year(bench: Bench, database: FakeDatabase) -> None:
    """Its IMDb id tells it, where its page cannot be read."""
    bench.pages.error = BLOCKED
    database.films["Heat"] = FACTS
    assert (
        bench.worker.sessions.get().downloader.pages.describe(film("heat", year=None, imdb_id="tt7")).year
        == 1999
    )


def test_an_old_film_that_is_well_known_is_not_asked_about(bench: Bench, database: FakeDatabase) -> None:
    """Its page told everything, and its dates are of no interest."""
    told = {"imdb_id": "tt7", "runtime_minutes": 90, "original_language": "English"}
    bench.pages.films["id-heat"] = film("heat", **told)
    bench.queues.add_to_pending(film("heat"))
    work(bench)
    assert database.asked == []


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (UnavailableError("TMDB is down."), 60),
        (RateLimitError("TMDB is limiting requests."), 60),
        (RateLimitError("TMDB is limiting requests.", retry_after_seconds=900), 900),
        (PageChangedError("TMDB sent something else."), 60),
        (ValueError("unforeseen"), 60),
    ],
)
def test_a_failure_fails_no_film_and_is_waited_out(
    bench: Bench, database: FakeDatabase, error: Exception, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    """All films are searched without it, and it is left alone for a while; it is said once."""
    database.error = error
    movies = [film(number) for number in range(3)]
    bench.offer(*movies)
    bench.queues.add_all_to_pending(movies)
    work(bench)
    assert len(bench.queues.entries(QueueName.COMPLETED)) == 3
    assert len(database.asked) == 1
    assert caplog.text.count("searched without it") == 1
    pages = bench.worker.sessions.get().downloader.pages
    for wait, asked in ((seconds - 1, 1), (2, 2), (seconds - 1, 2)):
        bench.clock.advance(wait)
        pages.describe(film(4))
        assert len(database.asked) == asked
    assert caplog.text.count("searched without it") == 1
    database.error = None
    bench.clock.advance(7200)
    pages.describe(film(4))


def test_a_refused_key_is_said_once_and_not_sent_again(
    bench: Bench, database: FakeDatabase, metadata: Metadata, caplog: pytest.LogCaptureFixture
) -> None:
    """Also by the next session, until the key is another; films are searched without it."""
    database.error = AuthError("The TMDB key was rejected (code 7).", service="TMDB")
    movies = [film(number) for number in range(3)]
    bench.offer(*movies)
    bench.queues.add_all_to_pending(movies)
    work(bench)
    bench.signature = 2
    bench.clock.advance(30 * DAY)
    bench.queues.add_to_pending(film(5))
    work(bench)
    assert len(bench.queues.entries(QueueName.COMPLETED)) == 3
    assert len(database.asked) == 1
    assert bench.worker.sessions.refusals == ("The TMDB key was rejected (code 7).",)
    assert caplog.text.count("rejected") == 1
    assert not bench.worker.sessions.is_refused
    metadata.refused.why, database.error = "", None  # as with another key
    metadata.filled(film(6))
    assert len(database.asked) == 2


# --- the answers on the disk ----------------------------------------------------------------------


def test_answers_are_kept_for_a_week(bench: Bench, database: FakeDatabase, metadata: Metadata) -> None:
    """Also that it knows nothing; an old answer counts while it cannot be asked."""
    database.films["Heat"] = FACTS
    for movie, asked in ((film("heat"), 1), (film("heat"), 1), (film("other"), 2), (film("other"), 2)):
        found = metadata.filled(movie)
        assert (found is not None) is (movie.slug == "heat")
        assert len(database.asked) == asked
    assert metadata.filled(film("heat", imdb_id="tt7"))  # it is known by its id from now on
    assert len(database.asked) == 2
    again = Metadata(database=database, path=metadata.path, clock=bench.clock, refused=RefusedKey())
    assert again.filled(film("heat"))
    assert len(database.asked) == 2
    assert metadata.path
    assert metadata.path.stat().st_mode & 0o777 == 0o600
    bench.clock.advance(8 * DAY)
    database.error = UnavailableError("TMDB is down.")
    assert metadata.filled(film("heat")) == again.filled(film("heat"))
    assert len(database.asked) == 4


@pytest.mark.parametrize("content", [b"", b"\x00\xff\n", b'{"film": "tmdb heat 1999"\n', b"[" * 3000, None])
def test_a_damaged_file_costs_calls_alone(
    database: FakeDatabase, metadata: Metadata, content: bytes | None
) -> None:
    """Whatever stands there is passed over; what is no file is put aside."""
    assert metadata.path
    if content is None:
        metadata.path.mkdir()
    else:
        metadata.path.write_bytes(content)
    database.films["Heat"] = FACTS
    assert metadata.filled(film("heat"))
    assert metadata.filled(film("heat"))
    assert len(database.asked) == 1


def test_the_file_is_bounded(
    database: FakeDatabase, metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest answers go first; nothing of them is in memory."""
    monkeypatch.setattr("movie_sync.fetching.metadata._MOST_BYTES", 4_000)
    for number in range(40):
        database.films[film(number).title] = FACTS
        metadata.filled(film(number))
    assert metadata.path
    sizes = [path.stat().st_size for path in metadata.path.parent.glob("tmdb.jsonl*")]
    assert len(sizes) == 2
    assert max(sizes) <= 4_000
    asked = len(database.asked)
    metadata.filled(film(39))
    assert len(database.asked) == asked
    assert not [each for each in vars(metadata).values() if isinstance(each, dict | list | set)]


def test_without_a_file_it_is_asked_each_time(bench: Bench, database: FakeDatabase) -> None:
    """As in a dry run, which writes nothing."""
    dry = Metadata(database=database, path=None, clock=bench.clock, refused=RefusedKey())
    dry.filled(film("heat"))
    dry.filled(film("heat"))
    assert len(database.asked) == 2


# --- not out yet ----------------------------------------------------------------------------------


def entry_of(*dates: str, **changes: object) -> QueueEntry:
    """Return a film that waits for a release."""
    movie = film(0, page_read=True, release_dates=dates)
    values = {"error": "no release on the tracker yet", "waits_for_release": True, **changes}
    return QueueEntry(movie, datetime(2026, 11, 1, tzinfo=UTC), **values)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (("cinema 2026-10-02", "digital 2026-12-12"), "in cinemas, digital on 12 Dec"),
        (("cinema 2026-10-02", "disc 2026-12-12"), "in cinemas, disc on 12 Dec"),
        (("cinema 2026-10-02", "digital 2027-01-30", "disc 2026-12-12"), "in cinemas, disc on 12 Dec"),
        (("cinema 2026-12-24", "digital 2027-02-03"), "in cinemas on 24 Dec, digital on 3 Feb 2027"),
        (("cinema 2026-12-24",), "in cinemas on 24 Dec"),
        (("cinema 2026-11-01",), "in cinemas, no digital date yet"),
        (("cinema 2024-10-02",), ""),
        (("digital 2026-12-12",), "digital on 12 Dec"),
        (("cinema 2026-10-02", "digital 2026-11-01"), ""),
        (("digital 2026-12-12", "abroad 2026-10-12"), ""),
        (("cinema soon", "gibberish", "home 2026-12-12"), ""),
        ((), ""),
    ],
)
def test_in_words(dates: tuple[str, ...], words: str) -> None:
    """What people read instead of "no release yet"."""
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert not_out_words(entry_of(*dates), now) == words
    assert not_out_words(entry_of(*dates, waits_for_release=False), now) == ""
    assert not_out_words(entry_of(*dates, acceptable_since=now), now) == ""


def test_where_people_read_it() -> None:
    """In the queue, on the wall and on the film's page; a film that is not out yet needs nobody."""
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    entry = entry_of("cinema 2026-10-02", "digital 2026-12-12")
    words = "in cinemas, digital on 12 Dec"
    assert state_of(QueueName.FAILED, entry, now) == words
    assert state_of(QueueName.FAILED, entry._replace(retry_at=now), now).startswith(
        f"{words}; next try 2026-11-01"
    )
    assert film_card(QueueName.FAILED, entry, None, is_full=False, now=now).words == words
    assert ("Digital release", "2026-12-12") in list(film_facts(QueueName.FAILED, entry, ""))
    queues = {name: [entry] if name is QueueName.FAILED else [] for name in QueueName}
    assert needs(queues, None, (), now) == []
    assert len(needs(queues, None, (), now + timedelta(days=60))) == 1
    view = overview(queues, [], now=now)
    status = Status(now, {}, None, (), None, view)
    assert any(words in line for line in status_lines(status, LineStyle()))
    (waiting,) = status_document(status)["waiting_for_release"]  # type: ignore[misc]
    assert waiting["release_dates"] == {"cinema": "2026-10-02", "digital": "2026-12-12", "disc": None}


def test_the_dates_stand_with_the_film(bench: Bench) -> None:
    """As long as it waits; a hand edit or an older file harms nothing."""
    entry, now = entry_of("cinema 2026-10-02"), bench.clock.now()
    plain = entry_to_dict(entry, QueueName.FAILED)
    assert plain["release_dates"] == ["cinema 2026-10-02"]
    assert entry_from_dict(plain, now) == entry
    assert entry_from_dict(plain | {"release_dates": [7, None]}, now).movie.release_dates == ()
    del plain["release_dates"]
    assert entry_from_dict(plain, now).movie.release_dates == ()
    assert "release_dates" not in entry_to_dict(entry.kept_in(QueueName.COMPLETED), QueueName.COMPLETED)


def not_out(database: FakeDatabase, bench: Bench, *dates: str) -> Movie:
    """Queue a film of this year that comes out then, and let its retries be used up; return it."""
    movie = film("heat", year=2026, imdb_id="tt7")
    database.films["Heat"] = FilmFacts("tt7", 2026, release_dates=dates)
    bench.queues.add_to_pending(movie)
    work(bench)
    days_later(bench, 7)
    assert bench.only_failed().retry_at is None
    bench.journal.clear()
    return movie


def searches(bench: Bench) -> int:
    """Return how often the film was looked for since the last count."""
    count = bench.journal.count("imdb tt7")
    bench.journal.clear()
    return count


def test_the_weekly_search_waits_for_the_date(bench: Bench, database: FakeDatabase) -> None:
    """On the day it is searched for, and weekly from then on; before it, once in four weeks at most."""
    not_out(database, bench, "cinema 2026-10-30", "digital 2026-11-25")
    days_later(bench, 16)  # the 24th
    assert searches(bench) == 0
    days_later(bench, 1)
    assert searches(bench) == 1
    days_later(bench, 16)
    assert searches(bench) == 2


def test_a_date_far_away_is_not_trusted(bench: Bench, database: FakeDatabase) -> None:
    """Each search asks for it anew: it may have been brought forward."""
    not_out(database, bench, "digital 2099-01-01")
    days_later(bench, 24)
    assert searches(bench) == 0
    asked = len(database.asked)
    database.films["Heat"] = FilmFacts("tt7", 2026, release_dates=("digital 2026-12-12",))
    days_later(bench, 4)
    assert searches(bench) == 1
    assert len(database.asked) == asked + 1
    assert bench.only_failed().movie.release_dates == ("digital 2026-12-12",)
    days_later(bench, 15)
    assert searches(bench) == 2


@pytest.mark.parametrize(
    "dates",
    [(), ("cinema 2026-12-24",), ("digital 2020-01-01",), ("digital 2026-12-24", "abroad 2026-10-01")],
)
def test_without_a_date_to_wait_for_the_search_is_weekly(
    bench: Bench, database: FakeDatabase, dates: tuple[str, ...]
) -> None:
    """As it was."""
    not_out(database, bench, *dates)
    days_later(bench, 32)
    assert searches(bench) == 4


def test_a_wrong_date_loses_no_release(bench: Bench, database: FakeDatabase) -> None:
    """The newest releases are looked through all the same, and so is what the user asks for."""
    movie = not_out(database, bench, "digital 2099-01-01")
    bench.queues.retry(["heat"])
    work(bench)
    assert searches(bench) == 1
    there = release("Heat.2026.1080p.WEB-DL.x264-GRP", 900, imdb_id="tt7")
    bench.tracker.newest = [there]
    bench.tracker.offer("tt7", there)
    days_later(bench, 1)
    assert bench.only(QueueName.COMPLETED).movie.id == movie.id


def test_releases_that_were_missed_are_searched_for(bench: Bench, database: FakeDatabase) -> None:
    """What the newest releases do not reach back to is searched for whatever the date says."""
    bench.tracker.newest = [release_of(film(2), 3000)]
    not_out(database, bench, "digital 2099-01-01")
    bench.clock.advance(timedelta(hours=1).total_seconds())
    bench.tracker.newest = [release("Other.2020.1080p.BluRay.x264-GRP", 4000, imdb_id="tt8")]
    assert on_filelist(4000) == bench.tracker.newest[0].id
    days_later(bench, 1)
    assert searches(bench) == 1
