"""Which films the program knows by their titles, whatever queue or list they are in."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.fakes import FakeLibrary
from house.films import film
from house.workers import Bench, MonitorBench, snapshot

from movie_sync.domain.models import Movie, QueueName, Reason, WatchlistSnapshot
from movie_sync.domain.titles import title_key
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.atomic_file import previous_of
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.watchlist_store import WatchlistStore

MARVEL = Movie("K1", "shazam-2019", "Captain Marvel", 2019, imdb_id="tt4154664")
PARASITE = Movie("K2", "parasite-2019", "Parasite", 2019, original_title="기생충", page_read=True)


def known_of(queues: QueueManager, folder: Path) -> KnownFilms:
    """Return what is known of these queues' films and of the list in that folder."""
    return KnownFilms(queues, folder / "watchlist.json")


def knows(known: KnownFilms, title: str) -> bool:
    """Ask for a title as people write it."""
    return known.knows_title(title_key(title).squashed)


@pytest.mark.parametrize("queue", QueueName)
def test_a_title_in_any_queue_is_known(tmp_path: Path, queue: QueueName) -> None:
    """Main and original title, in every spelling; also after a restart, and to one who only looks on."""
    queues = QueueManager(tmp_path)
    known = known_of(queues, tmp_path)
    assert not knows(known, "Captain Marvel")
    for movie in (MARVEL, PARASITE):
        queues.add_all_to_pending([movie])
        if queue is QueueName.FAILED:
            queues.add_to_failed(movie, "nothing there", None)
        elif queue is QueueName.COMPLETED:
            queues.add_to_completed(movie, Reason.DOWNLOADED)
        elif queue is QueueName.REMOVED:
            queues.remove([movie.slug])
    others = (QueueManager(tmp_path), QueueManager(tmp_path, writable=False))
    for view in (known, *(known_of(other, tmp_path) for other in others)):
        assert knows(view, "The Captain Marvel")
        assert knows(view, "Parasite")
        assert knows(view, "기생충")
        assert not knows(view, "Captain Marvels")
        assert not knows(view, "")


def test_a_title_that_changes_is_known_by_its_new_name(tmp_path: Path) -> None:
    """What a page corrects counts at once, and the wrong title is forgotten."""
    queues = QueueManager(tmp_path)
    known = known_of(queues, tmp_path)
    queues.add_all_to_pending([MARVEL])
    assert knows(known, "Captain Marvel")
    queues.note_film(MARVEL, replace(MARVEL, title="Shazam!", original_title="Billy Batson"))
    assert knows(known, "Shazam")
    assert knows(known, "Billy Batson")
    assert not knows(known, "Captain Marvel")
    queues.drop_unlisted([MARVEL])
    assert not knows(known, "Shazam")


def test_the_films_of_the_watchlist_are_known(tmp_path: Path) -> None:
    """Those that are in no queue (`first_run` "new") too, from the reading on, and after a restart."""
    desk = MonitorBench(tmp_path)
    intake = WatchlistIntake(desk.queues, desk.known, desk.store, FakeLibrary(), first_run="new")
    intake.take(snapshot(MARVEL, film(3)))
    assert not desk.queues.entries(QueueName.PENDING)
    others = (QueueManager(tmp_path), QueueManager(tmp_path, writable=False))
    for view in (desk.known, *(known_of(other, tmp_path) for other in others)):
        assert knows(view, "Captain Marvel")
        assert not knows(view, "Made Up Charlie")


def test_films_just_read_are_known_before_the_disks_are_looked_through(tmp_path: Path) -> None:
    """The library is asked with all films of the very reading in mind."""
    desk = MonitorBench(tmp_path)
    known = []

    class Library(FakeLibrary):
        def find(self, movie: Movie, **given: object) -> str | None:
            known.append(given["knows_title"](title_key("Captain Marvel").squashed))  # type: ignore[operator]
            return None

    intake = WatchlistIntake(desk.queues, desk.known, desk.store, Library(), first_run="all")
    intake.take(snapshot(film(3), MARVEL))
    assert known == [True, True]


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]"])
def test_a_damaged_watchlist_leaves_the_one_before_it(tmp_path: Path, damage: bytes) -> None:
    """What the file no longer tells, the generation before it does; odd entries hide no others."""
    desk = MonitorBench(tmp_path)
    for films in ((MARVEL,), (MARVEL, film(3))):
        intake = WatchlistIntake(desk.queues, desk.known, desk.store, FakeLibrary(), first_run="new")
        intake.take(WatchlistSnapshot("maria", films))
    path = tmp_path / "watchlist.json"
    assert knows(known_of(QueueManager(tmp_path), tmp_path), "Made Up Delta")
    path.write_bytes(damage)
    assert previous_of(path).exists()
    assert knows(known_of(QueueManager(tmp_path), tmp_path), "Captain Marvel")
    path.write_bytes(
        b'{"username": "maria", "films": [{"id": 5}, 7, {"title": "x"}, {"slug": "a", "year": -3}]}'
    )
    assert knows(known_of(QueueManager(tmp_path), tmp_path), "a")
    assert WatchlistStore(path, desk.clock).load() is not None


def test_a_film_on_the_disk_by_its_original_title_is_there(tmp_path: Path) -> None:
    """That the film itself is known by that title is no reason to doubt it."""
    bench = Bench(tmp_path)
    bench.library.places["기생충"] = "/films/Gisaengchung.2019.mkv"
    bench.pages.films[PARASITE.id] = PARASITE
    bench.queues.add_all_to_pending([replace(PARASITE, original_title=None, page_read=False)])
    bench.worker.step()
    assert bench.only(QueueName.COMPLETED).reason == Reason.ALREADY_DOWNLOADED


OTHER = Movie("K8", "suspiria-1977", "Suspiria", 1977)
WANTED = Movie("K9", "suspiria-2018", "Suspiria", 2018)


@pytest.mark.parametrize("place", [*QueueName, "list"])
def test_other_films_of_a_title_are_in_its_company(tmp_path: Path, place: str) -> None:
    """Whatever queue or list they are in, and by whichever of the two films came later."""
    desk = MonitorBench(tmp_path)
    if place == "list":
        WatchlistIntake(desk.queues, desk.known, desk.store, FakeLibrary(), first_run="new").take(
            snapshot(WANTED, OTHER)
        )
    else:
        desk.queues.add_all_to_pending([WANTED])
        assert desk.known.in_company(WANTED).twin_years == ()
        desk.queues.add_all_to_pending([OTHER])
        if place == QueueName.FAILED:
            desk.queues.add_to_failed(OTHER, "nothing there", None)
        elif place == QueueName.COMPLETED:
            desk.queues.add_to_completed(OTHER, Reason.DOWNLOADED)
        elif place == QueueName.REMOVED:
            desk.queues.remove([OTHER.slug])
    for known in (desk.known, known_of(QueueManager(tmp_path, writable=False), tmp_path)):
        assert known.in_company(WANTED).twin_years == (1977,)
        assert known.in_company(OTHER).twin_years == (2018,)
        # known by its slug alone, or by its key alone, and with a year that was corrected: itself
        for same in (replace(OTHER, id=OTHER.slug, year=1976), replace(OTHER, slug="", year=1978)):
            assert known.in_company(same).twin_years == (2018,)


@pytest.mark.parametrize("place", ["queue", "list"])
def test_a_question_by_title_and_year_is_about_the_known_film(tmp_path: Path, place: str) -> None:
    """`search "Suspiria" --year 2018` has no twin in the very film; two of that year are twins all the same."""
    desk = MonitorBench(tmp_path)
    films = [replace(WANTED, imdb_id="tt1034415"), OTHER]
    question = Movie("", "", "Suspiria", 2018)

    def know() -> None:
        if place == "queue":
            desk.queues.add_all_to_pending(films)
        else:
            WatchlistIntake(desk.queues, desk.known, desk.store, FakeLibrary(), first_run="new").take(
                snapshot(*films)
            )

    know()
    assert desk.known.in_company(question).twin_years == (1977,)
    films.append(Movie("KX", "suspiria-2018-1", "Suspiria", 2018, imdb_id="tt1"))
    know()
    assert desk.known.in_company(question).twin_years == (1977, 2018)
    assert desk.known.in_company(replace(question, imdb_id="tt1")).twin_years == (1977, 2018)
