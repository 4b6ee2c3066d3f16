"""Lists of every kind at once, through both workers: what is asked for, what is queued, what leaves."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.filelist import PASSKEY, USER
from house.films import film, stand_in_film, stand_in_release
from house.workshop import Workshop

from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInList
from movie_sync.domain.models import Movie, QueueName
from movie_sync.services.base import ListService
from movie_sync.services.registry import of_kind

SECRETS = {"MOVIE_SYNC_FILELIST_USERNAME": USER, "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY}
LIST = "ben/list/halloween"


@pytest.fixture
def site() -> Iterator[LetterboxdStandIn]:
    """Maria's watchlist of two films, and Ben's list of two hundred and two."""
    with LetterboxdStandIn([stand_in_film(0), stand_in_film(1)], username="maria") as stand_in:
        others = [stand_in_film(n) for n in range(10, 211)]
        stand_in.lists[LIST] = StandInList([stand_in_film(1), *others])
        yield stand_in


def put_imdb(path: Path, *movies: Movie) -> Path:
    """Write IMDb's export of films."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["Const", "Title", "Title Type", "Year", "Runtime (mins)"])
    rows.writerows([movie.imdb_id, movie.title, "Movie", movie.year, 100] for movie in movies)
    path.write_text(text.getvalue())
    return path


def put_export(folder: Path, name: str, *numbers: int) -> None:
    """Put an account's ZIP into a folder."""
    rows = "".join(
        f"2024-01-01,{each.title},{each.year},https://boxd.it/{each.id}\n" for each in map(film, numbers)
    )
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("watchlist.csv", f"Date,Name,Year,Letterboxd URI\n{rows}")
        archive.writestr("profile.csv", "Username\nanna\n")


def read_all(shop: Workshop, clock: FakeClock) -> None:
    """Let the monitor read all that is due, an hour after the last time."""
    clock.advance(3601)
    while shop.monitor.step() is None:
        pass


def test_lists_of_every_kind(tmp_path: Path, site: LetterboxdStandIn) -> None:
    """Each page of a list is asked for once a check, and no page of a film that IMDb names."""
    clock, folder = FakeClock(), tmp_path / "Downloads"
    folder.mkdir()
    put_export(folder, "letterboxd-anna-2026-11-01-10-00-utc.zip", 1, 2, 3)
    imdb = put_imdb(tmp_path / "imdb.csv", film(4), film(5))
    releases = [stand_in_release(4), stand_in_release(5)]
    with FileListStandIn(releases, users={USER: PASSKEY}) as filelist:
        shop = Workshop(
            tmp_path / "data",
            site,
            filelist,
            environ=SECRETS | {"HOME": str(tmp_path)},
            clock=clock,
            username="",
            lists=[
                {"watchlist": "maria"},
                {
                    "list": f"https://letterboxd.com/{LIST}/",
                    "first_run": "new",
                },
                {"export": str(folder)},
                {"imdb": str(imdb)},
            ],
        )
        read_all(shop, clock)
        pages = [f"/{LIST}/", f"/{LIST}/page/2/", f"/{LIST}/page/3/", "/maria/watchlist/"]
        assert sorted(site.paths) == sorted(pages)
        queued = [film(n).id for n in (0, 1, 2, 3)] + [film(n).imdb_id for n in (4, 5)]
        assert sorted(entry.movie.id for entry in shop.queues.entries(QueueName.PENDING)) == sorted(queued)

        shop.work()
        done = {entry.movie.imdb_id for entry in shop.queues.entries(QueueName.COMPLETED)}
        assert done == {film(4).imdb_id, film(5).imdb_id}
        assert not [path for path in site.paths if path.startswith("/imdb/")]

        put_export(folder, "letterboxd-anna-2026-11-02-10-00-utc.zip", 1, 3, 6)
        for _ in range(2):
            read_all(shop, clock)
        held = {
            movie.id for name in QueueName for movie in (each.movie for each in shop.queues.entries(name))
        }
        assert film(6).id in held
        assert film(2).id not in held
        assert {film(1).id, film(3).id} <= held


def test_every_kind_has_a_key_of_its_own() -> None:
    """The contract names them."""
    keys = [service.entry_key for service in of_kind(ListService).values()]
    assert keys == ["watchlist", "list", "export", "imdb"]


def test_a_film_that_another_kind_of_list_has_does_not_leave(tmp_path: Path, site: LetterboxdStandIn) -> None:
    """Letterboxd and IMDb name it by keys of their own: the queue, which read its page, knows both."""
    clock = FakeClock()
    imdb = put_imdb(tmp_path / "imdb.csv", film(0))
    (tmp_path / "watchlist.csv").write_text(
        f"Date,Name,Year,Letterboxd URI\n2024-01-01,{film(1).title},{film(1).year},\n"
    )
    with FileListStandIn(users={USER: PASSKEY}) as filelist:
        shop = Workshop(
            tmp_path / "data",
            site,
            filelist,
            environ=SECRETS | {"HOME": str(tmp_path)},
            clock=clock,
            username="",
            lists=[{"watchlist": "maria"}, {"imdb": str(imdb)}, {"export": str(tmp_path / "watchlist.csv")}],
        )
        read_all(shop, clock)
        shop.work()
        for listed in ([stand_in_film(7)], [stand_in_film(0), stand_in_film(1)]):
            site.films = listed
            for _ in range(3):
                read_all(shop, clock)
                shop.work()
                waiting = [each.movie for each in shop.queues.entries(QueueName.FAILED)]
                assert sorted(movie.id for movie in waiting if movie.id != film(7).id) == [
                    film(0).id,
                    film(1).id,
                ]
        lines = (tmp_path / "data" / "history.jsonl").read_text().splitlines()
        assert [each["id"] for each in map(json.loads, lines) if each["what"] == "left"] == [film(7).id]
        put_imdb(imdb)
        site.films = [stand_in_film(1), stand_in_film(2)]
        for _ in range(3):
            read_all(shop, clock)
            shop.work()
        waiting = [each.movie for each in shop.queues.entries(QueueName.FAILED)]
        assert sorted(movie.id for movie in waiting) == [film(1).id, film(2).id]
