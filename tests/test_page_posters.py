"""Posters of the page: fetched once each for films that are looked at, from the image host alone, and kept."""

import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from house import commands
from house.fakes import FakeClock
from house.page import Page

from movie_sync.commands.context import Context, Options
from movie_sync.demo.letterboxd_html import poster_image
from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn, StandInFilm
from movie_sync.domain.models import Movie
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import StorageError
from movie_sync.queues.manager import QueueManager
from movie_sync.web import poster_store
from movie_sync.web.poster_store import PosterStore, key_of, kind_of
from movie_sync.web.posters import Posters

FILMS = [StandInFilm(f"K{number}", f"film-{number}", f"Film {number}", 1950 + number) for number in range(4)]


class Bench:
    """Posters of a data folder, whose fetching is done by `step` alone, with a clock that stands still."""

    def __init__(self, folder: Path, site: LetterboxdStandIn) -> None:
        self.folder = folder
        self.site = site
        self.clock = FakeClock()
        self.started = 0
        self.set(posters=True)
        self.posters = Posters(lambda: self.context, self._begin)

    def set(self, *, posters: bool) -> None:
        """Write the settings."""
        own = {"base_url": self.site.url, "timeout": 0.4, "posters": posters}
        commands.write(self.folder / "config.json", {"letterboxd": own})
        self.context = replace(Context.load(self.folder, Options(), {}, Redactor()), clock=self.clock)

    def _begin(self, _work: Callable[[], None]) -> None:
        self.started += 1

    def film(self, number: int, address: str = "") -> Movie:
        """Return a film with its poster."""
        film = FILMS[number]
        address = address or f"{self.site.url}/image/{film.slug}.png"
        return Movie(film.lid, film.slug, film.title, film.year, poster=address)

    def version(self, movie: Movie) -> str:
        """Return what the page has in a poster's address now."""
        return self.posters.versions()(movie)

    def fetch(self, movie: Movie) -> float | None:
        """Look at a film a second later, and let its poster be fetched."""
        self.clock.advance(1)
        assert self.posters.look_at(movie) is None
        return self.posters.step()


@pytest.fixture
def site() -> Iterator[LetterboxdStandIn]:
    """A Letterboxd with posters."""
    with LetterboxdStandIn(FILMS) as stand_in:
        yield stand_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder."""
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def bench(folder: Path, site: LetterboxdStandIn) -> Bench:
    """Posters of that folder and that site."""
    return Bench(folder, site)


def test_a_poster_is_fetched_once_and_kept(bench: Bench, folder: Path, site: LetterboxdStandIn) -> None:
    """Looked at, it is asked for a single time, by our name, and is there for the next process too."""
    movie = bench.film(0)
    waited = bench.version(movie)
    assert site.paths == []  # nobody has looked at it
    assert bench.posters.look_at(movie) is None
    assert bench.posters.look_at(movie) is None
    assert (bench.started, bench.posters.step(), bench.posters.step()) == (1, 1.0, None)
    assert site.paths == ["/image/film-0.png"]
    assert site.requests[0].user_agent.startswith("MovieSync/")
    poster = bench.posters.look_at(movie)
    assert poster
    assert poster.content == poster_image(FILMS[0].number)
    assert bench.version(movie) == poster.version != waited
    (file,) = (folder / "posters").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = Bench(folder, site)
    assert again.posters.look_at(movie) == poster
    assert again.started == 0
    seen = again.posters.generation
    file.unlink()
    assert again.posters.look_at(movie) is None
    assert again.posters.generation > seen
    assert again.version(movie) == waited
    other = bench.film(0, f"{movie.poster}?v=2")
    assert bench.version(other)[:12] != poster.version
    assert bench.fetch(other) == 1.0
    assert site.paths == ["/image/film-0.png", "/image/film-0.png?v=2"]


def test_one_a_second_and_what_is_on_the_screen_first(bench: Bench, site: LetterboxdStandIn) -> None:
    """However many films are looked at, the host is asked once a second: for the latest, from their top."""
    for number in (3, 0):
        bench.posters.look_at(bench.film(number))
    bench.clock.advance(2)
    for number in (1, 2, 0):
        bench.posters.look_at(bench.film(number))
    assert [bench.posters.step(), bench.posters.step()] == [1.0, 1.0]
    assert len(site.requests) == 1
    bench.clock.advance(0.75)
    assert bench.posters.step() == 0.25
    for _ in range(4):
        bench.clock.advance(1)
        bench.posters.step()
    assert site.paths == [f"/image/film-{number}.png" for number in (1, 2, 0, 3)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.not_found(),
        Fault(410, "gone"),
        Fault(body="<html>an error page</html>"),
        Fault(body="<svg xmlns='http://www.w3.org/2000/svg'/>"),
        Fault(image=b"GIF89a" + b"0" * 50),
        Fault(image=b"\x89PNG\r\n\x1a\n" + b"0" * 2_100_000),
        Fault(delivery=Delivery.CUT_SHORT),
        Fault.redirect("http://127.0.0.1:9/elsewhere.png"),
        Fault.redirect("/image/film-1.png"),
    ],
    ids="missing gone page svg gif large cut elsewhere here".split(),
)
def test_what_is_no_poster_is_asked_for_once(bench: Bench, site: LetterboxdStandIn, fault: Fault) -> None:
    """The film has none for this run, and the next poster is fetched a second later."""
    site.fault = lambda path: fault if "film-0" in path else None
    seen = bench.posters.generation
    assert bench.fetch(bench.film(0)) == 1.0
    assert bench.version(bench.film(0)) == ""
    assert bench.posters.generation > seen
    assert bench.posters.look_at(bench.film(0)) is None
    assert bench.fetch(bench.film(1)) == 1.0
    assert bench.posters.look_at(bench.film(1))
    assert site.paths == ["/image/film-0.png", "/image/film-1.png"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.outage(500),
        Fault.challenge(),
        Fault(delivery=Delivery.HANG),
        Fault(delivery=Delivery.RESET),
        Fault(delivery=Delivery.RESET_IN_BODY),
        Fault(delivery=Delivery.TRICKLE),
    ],
    ids=lambda fault: f"{fault.status}-{fault.delivery}",
)
def test_an_outage_is_waited_for(bench: Bench, site: LetterboxdStandIn, folder: Path, fault: Fault) -> None:
    """A minute, then two; nothing of a half answer is left, and then it comes."""
    site.fault = lambda _: fault
    assert bench.fetch(bench.film(0)) == 60
    assert not (folder / "posters").exists()
    assert bench.version(bench.film(0))
    bench.clock.advance(59)
    assert (bench.posters.step(), len(site.requests)) == (1, 1)
    bench.clock.advance(1)
    assert (bench.posters.step(), len(site.requests)) == (120, 2)
    site.fault = None
    bench.clock.advance(120)
    assert bench.posters.step() == 1
    assert bench.posters.look_at(bench.film(0))


def test_an_outage_is_not_asked_about_for_ever(bench: Bench, site: LetterboxdStandIn) -> None:
    """The pauses end at an hour, and one poster that always fails is given up; others are fetched."""
    site.fault = lambda path: Fault.outage() if "film-0" in path else None
    bench.posters.look_at(bench.film(0))
    pauses = []
    while (pause := bench.posters.step()) is not None:
        pauses.append(pause)
        bench.clock.advance(pause)
    assert pauses == [60, 120, 240, 480, 960]
    site.fault = lambda _: Fault.rate_limit(90_000)
    assert bench.fetch(bench.film(1)) == 3600
    site.fault = None
    bench.clock.advance(3600)
    assert bench.posters.step() == 1
    assert bench.posters.look_at(bench.film(1))


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/1.png",
        "http://127.0.0.1:9/1.png",
        "http://a.ltrbxd.com/1.png",
        "https://a.ltrbxd.com.example.org/1.png",
        "",
    ],
)
def test_nothing_else_is_asked(bench: Bench, address: str) -> None:
    """An address that somebody wrote into a queue's file is none."""
    movie = Movie("K", "k", "K", poster=address)
    assert bench.version(movie) == ""
    assert bench.posters.look_at(movie) is None
    assert bench.started == 0


def test_none_is_fetched_where_none_is_wanted(bench: Bench, site: LetterboxdStandIn) -> None:
    """Neither once `letterboxd.posters` is turned off, nor while it is; turned on, they come."""
    bench.posters.look_at(bench.film(0))
    bench.set(posters=False)
    bench.posters.step()
    assert (bench.version(bench.film(0)), bench.posters.look_at(bench.film(0))) == ("", None)
    assert (bench.posters.step(), site.paths) == (None, [])
    bench.set(posters=True)
    bench.fetch(bench.film(0))
    assert bench.posters.look_at(bench.film(0))


def test_what_a_crash_left_is_swept(folder: Path) -> None:
    """Half a poster goes, a damaged one is fetched again, and what isn't ours stays."""
    (folder / "posters").mkdir()
    key = key_of("https://a.ltrbxd.com/1.png")
    (folder / "posters" / f"{key}.tmp").write_bytes(b"half")
    (folder / "posters" / key).write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    (folder / "posters" / "mine.png").write_bytes(b"mine")
    store = PosterStore(folder / "posters")
    assert key in store
    assert store.read(key) is None
    assert key not in store
    assert [path.name for path in (folder / "posters").iterdir()] == ["mine.png"]


def test_a_data_folder_whose_disk_is_away(folder: Path) -> None:
    """Nothing is written into an empty mount point; once the disk is there posters are kept."""
    store, key = PosterStore(folder / "posters"), key_of("0")
    with pytest.raises(StorageError):
        store.keep(key, poster_image(0))
    assert not list(folder.iterdir())
    (folder / "web.lock").touch()
    store.keep(key, poster_image(0))
    assert store.read(key) == poster_image(0)


@pytest.mark.parametrize("limit", ["_MOST_FILES", "_MOST_BYTES_IN_ALL"])
def test_the_folder_does_not_grow(folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """The poster that was not looked at for longest makes room."""
    (folder / "web.lock").touch()
    images = [poster_image(number) for number in range(4)]
    monkeypatch.setattr(poster_store, limit, 3 if limit == "_MOST_FILES" else sum(map(len, images)) - 9)
    store = PosterStore(folder / "posters")
    keys = [key_of(str(number)) for number in range(4)]
    for key, image in zip(keys[:3], images, strict=False):
        store.keep(key, image)
    assert store.read(keys[0])
    store.keep(keys[3], images[3])
    assert [key in store for key in keys] == [True, False, True, True]
    assert {path.name for path in (folder / "posters").iterdir()} == {keys[0], keys[2], keys[3]}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0" + b"1" * 99 + b"\xff\xd9", "image/jpeg"),
        (b"\xff\xd8\xff\xe0" + b"1" * 99, ""),
        (poster_image(1), "image/png"),
        (b"RIFF\x10\0\0\0WEBP" + b"1" * 12, "image/webp"),
        (b"RIFF\x10\0\0\0WEBP" + b"1" * 11, ""),
        (b"\0\0\0\x1cftypavif" + b"1" * 20, "image/avif"),
        (b"\0\0\0\x1cftypisom" + b"1" * 20, ""),
        (b"", ""),
    ],
)
def test_kinds_of_images(content: bytes, kind: str) -> None:
    """An image is known by what is in it, and one that was cut off is none."""
    assert kind_of(content) == kind


def test_a_poster_comes_while_the_page_is_open(folder: Path, site: LetterboxdStandIn) -> None:
    """The card shows nothing of it at first, is sent anew when it has come, and then it may be kept."""
    movie = Movie("K0", "film-0", "Film 0", 1950, poster=f"{site.url}/image/film-0.png", page_read=True)
    QueueManager(folder).add_to_pending(movie)
    commands.write(folder / "config.json", {"letterboxd": {"base_url": site.url}})
    page = Page(folder)
    try:

        def source(html: str) -> str:
            found = re.search(r'src="(/poster/film-0[^"]*)"', html)
            return found[1] if found else ""

        wall = page.get("/").text
        first = source(wall)
        assert page.get(first).body.startswith(b"GIF89a")
        mark = re.search(r"mark=[0-9a-f-]+", wall)
        assert mark
        event = page.events(f"/events?{mark[0]}", lambda: None)
        shown = source(event["changed"]["film-film-0"])
        assert source(page.get("/film/film-0").text) == shown
        poster = page.get(shown)
        assert poster.body == poster_image(FILMS[0].number)
        assert poster.headers["content-type"] == "image/png"
        assert poster.headers["cache-control"].startswith("private, max-age=2592000")
        assert page.get(first).headers["cache-control"] == "private, no-cache"
        again = page.get(first, if_none_match=poster.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        nothing = page.get("/poster/nowhere")
        assert nothing.body.startswith(b"GIF89a")
        assert nothing.headers["cache-control"] == "no-store"
        page.log_out()
        assert page.get(shown, accept="image/*").status == 401
    finally:
        page.close()
