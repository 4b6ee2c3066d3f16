"""TMDB in the whole program: its key, what `check`, the log and the page say of it, and its posters."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import commands, page
from house.fakes import FakeClock
from house.films import stand_in_film
from house.page import Page
from house.workshop import Workshop
from stand_ins.tmdb import KEY, TmdbFilm, TmdbStandIn

from movie_sync.commands.building import Services
from movie_sync.commands.check import try_service
from movie_sync.commands.context import Context, Options
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import Fault, LetterboxdStandIn
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import AuthError, UserError
from movie_sync.queues.manager import QueueManager
from movie_sync.services.tmdb.service import Tmdb, TmdbSettings, is_poster
from movie_sync.settings.config import Config, save_changes
from movie_sync.storage.paths import AppPaths
from movie_sync.web.posters import Posters

data, process_as_before, opened = commands.data, commands.process_as_before, page.page
USER, PASSKEY = "maria", "0123456789abcdef0123456789abcdef"
WRONG = "ffeeddccbbaa99887766554433221100"
ATTRIBUTION = "This product uses the TMDB API but is not endorsed or certified by TMDB."
FILM = TmdbFilm(7, "The Hunt", "Jagten", "da", "2012-05-20", "tt2106476", country="DK")
NAME = "Jagten.2012.1080p.BluRay.x264-GRP"


@pytest.fixture
def tmdb() -> Iterator[TmdbStandIn]:
    """A TMDB with one film."""
    with TmdbStandIn([FILM]) as stand_in:
        yield stand_in


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """A Letterboxd that gives out the list, and no film's page."""
    listed = stand_in_film(0, title="The Hunt", year=2012, imdb_id=None)
    with LetterboxdStandIn([listed]) as stand_in:
        stand_in.fault = lambda path: Fault.ban() if path.startswith("/film/") else None
        yield stand_in


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """A tracker that has the film by its original title, and no IMDb id of it."""
    with FileListStandIn([StandInRelease(1, NAME)], users={USER: PASSKEY}) as stand_in:
        yield stand_in


def environ(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a program that finds its tracker's credentials there."""
    own = {"HOME": str(folder), "MOVIE_SYNC_KEY_FILE": str(folder / "keys" / "key")}
    return own | {"MOVIE_SYNC_FILELIST_USERNAME": USER, "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY} | more


@pytest.mark.parametrize(
    ("key", "why", "requests"),
    [
        (KEY, "", 2),
        (WRONG, "The TMDB key was rejected (code 7).", 1),
        ("", "but the TMDB key is missing.", 0),
    ],
)
def test_from_the_list_to_the_client(
    tmp_path: Path,
    tmdb: TmdbStandIn,
    letterboxd: LetterboxdStandIn,
    tracker: FileListStandIn,
    caplog: pytest.LogCaptureFixture,
    key: str,
    why: str,
    requests: int,
) -> None:
    """Found by what TMDB tells; with a bad key, or none, the rest works, and what to do is said once."""
    settings: dict[str, Any] = {"tmdb": {"enabled": True, "base_url": tmdb.url}}
    variables = environ(tmp_path, MOVIE_SYNC_TMDB_KEY=key)
    shop = Workshop(tmp_path / "data", letterboxd, tracker, environ=variables, clock=FakeClock(), **settings)
    shop.monitor.step()
    shop.work()
    assert shop.titles(QueueName.COMPLETED if key == KEY else QueueName.FAILED) == ["The Hunt"]
    assert len(tmdb.requests) == requests
    said = [need.why for need in shop.download.needs]
    assert len(said) == bool(why)
    assert why in "".join(said)
    assert caplog.text.count(why or "searched without it") == bool(why)
    kept = b"".join(path.read_bytes() for path in shop.data.rglob("*") if path.is_file())
    assert not key or key not in f"{kept!r}{caplog.text}"
    if key == KEY:
        assert (shop.data / "tmdb.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_key_goes_to_no_other_server(tmp_path: Path, tmdb: TmdbStandIn) -> None:
    """Stored for one address, it is not sent to another; films are got without it."""
    paths = AppPaths(tmp_path / "data")
    paths.root.mkdir()
    variables = environ(tmp_path)

    def context() -> Context:
        config = Config.load(paths.config, environ=variables)
        return Context(paths, config, Options(), {}, variables, FakeClock())

    save_changes(paths.config, {"username": "maria", "tmdb": {"enabled": True}})
    context().credentials_manager().save({"tmdb": {"key": KEY}})
    save_changes(paths.config, {"tmdb": {"enabled": True, "base_url": tmdb.url}})
    services = Services(context(), stop=threading.Event(), in_child=False)
    session = services.session(QueueManager(paths.root))
    (words,) = session.held_back
    assert "were entered for https://api.themoviedb.org" in words
    assert session.downloader.pages._metadata is None
    assert tmdb.requests == []


def test_an_open_address_is_warned_of(tmp_path: Path) -> None:
    """The key could be read on its way; on this machine nobody can."""
    for url, warned in (("http://nas:80", True), ("http://localhost:80", False), ("https://nas", False)):
        variables = environ(tmp_path, MOVIE_SYNC_TMDB__BASE_URL=url)
        config = Config.load(tmp_path / "config.json", environ=variables)
        assert any("unencrypted" in each for each in config.warnings) is warned


@pytest.mark.parametrize(("key", "error"), [(KEY, None), (WRONG, AuthError), ("", UserError)])
def test_check(tmp_path: Path, tmdb: TmdbStandIn, key: str, error: type[Exception] | None) -> None:
    """It says whether the key is accepted, with one request."""
    paths = AppPaths(tmp_path / "data")
    variables = environ(tmp_path, MOVIE_SYNC_TMDB_KEY=key, MOVIE_SYNC_TMDB__BASE_URL=tmdb.url)
    config = Config.load(paths.config, environ=variables)
    context = Context(paths, config, Options(), {}, variables)
    if error:
        with pytest.raises(error, match="TMDB key"):
            try_service(context, Tmdb())
    else:
        assert try_service(context, Tmdb()) == "accepts the key"
    assert len(tmdb.requests) == bool(key)


def test_posters_of_tmdb(tmp_path: Path, tmdb: TmdbStandIn) -> None:
    """The page asks the host that is set, and only while TMDB is turned on and posters are shown."""
    folder = tmp_path / "data"
    folder.mkdir()
    movie = Movie("K1", "k", "Film", 2000, poster=f"{tmdb.url}/t/p/w342/poster1.jpg")
    for enabled, image_url, posters, is_shown in (
        (True, tmdb.url, True, True),
        (True, f"{tmdb.url}/", True, True),
        (False, tmdb.url, True, False),
        (True, tmdb.url, False, False),
        (True, "https://image.tmdb.org", True, False),
    ):
        own = {"tmdb": {"enabled": enabled, "image_url": image_url}, "letterboxd": {"posters": posters}}
        commands.write(folder / "config.json", own)
        context = Context.load(folder, Options(), {}, Redactor())
        assert bool(Posters(lambda context=context: context).versions()(movie)) is is_shown
    settings = TmdbSettings(enabled=True)
    good = "https://image.tmdb.org/t/p/w342/a.jpg"
    assert is_poster(settings, good)
    for bad in (
        good.replace("https", "http"),
        good.replace("org/", "org.evil.example/"),
        f"{good} x",
        good[:-9],
    ):
        assert not is_poster(settings, bad)


def test_the_page_names_tmdb_where_it_is_used(opened: Page, data: Path) -> None:
    """As its terms want it; to nobody who is not logged in."""
    assert ATTRIBUTION not in opened.get("/").text
    commands.write(data / "config.json", {"username": "maria", "tmdb": {"enabled": True}})
    for path in ("/", "/settings/tmdb", "/health"):
        assert ATTRIBUTION in opened.get(path).text
    opened.log_out()
    assert ATTRIBUTION not in opened.get("/login").text


def test_the_readme_names_tmdb() -> None:
    """As its terms want it."""
    root = Path(__file__).resolve().parents[1]
    assert ATTRIBUTION in (root / "README.md").read_text(encoding="utf-8")
    assert Tmdb.attribution == ATTRIBUTION
