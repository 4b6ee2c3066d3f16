"""Two films that share title and year, or an IMDb id: each gets its own release, or says why none."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.films import GB, hash_of, release
from house.name_list import NameList
from house.workers import Bench

from movie_sync.domain.models import HeldTorrent, Movie, QueueName, Release
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.wanted import WantedFilm
from movie_sync.errors import BlockedError
from movie_sync.queues.manager import QueueManager
from movie_sync.wishes.known_films import KnownFilms

PENDING, FAILED, COMPLETED, _ = QueueName
GOOD = "1080p.BluRay.x264-GRP"
# Two of the films called *Mr. Nobody*, and two that the list's site gave one IMDb id by mistake.
ONE = Movie("KA", "after-hours-2019", "After Hours", 2019, imdb_id="tt0000001")
TWIN = Movie("KB", "after-hours-2019-1", "After Hours", 2019, imdb_id="tt0000002")
ALIEN = Movie("KC", "alien", "Alien", 1979, imdb_id="tt0078748")
ALIENS = Movie("KD", "aliens", "Aliens", 1986, imdb_id="tt0078748")


def listed(movie: Movie) -> Movie:
    """Return a film as the list names it, before its page is read."""
    return replace(movie, imdb_id=None)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench whose pages tell all films."""
    bench = Bench(tmp_path)
    bench.pages.films = {movie.id: movie for movie in (ONE, TWIN, ALIEN, ALIENS)}
    return bench


def work(bench: Bench) -> None:
    """Work until there is nothing to do."""
    for _ in range(20):
        rest = bench.worker.step()
        if rest is not None and rest.is_idle:
            return
    raise AssertionError("there is always something to do")


def states(bench: Bench) -> dict[str, tuple[str, str]]:
    """Return each film's queue and its release, or what it lacks; the same from the files."""
    by_queues = [
        {
            entry.movie.id: (str(name), entry.choice.release if entry.choice else entry.error or "")
            for name in QueueName
            for entry in queues.entries(name)
        }
        for queues in (bench.queues, QueueManager(bench.folder, writable=False))
    ]
    assert by_queues[0] == by_queues[1]
    return by_queues[0]


def offer_by_name(bench: Bench, *releases: Release) -> None:
    """Put releases where the tracker's word search finds them."""
    bench.tracker.by_name["After Hours 2019"] = list(releases)


def good_release(number: int, name: str, imdb_id: str | None = None) -> Release:
    """Return a good release."""
    return release(f"{name}.{GOOD}", number, size_bytes=9 * GB, imdb_id=imdb_id)


def test_one_torrent_without_an_id_is_taken_for_neither_twin(bench: Bench) -> None:
    """Nothing tells whose it is, so both wait, and say why."""
    offer_by_name(bench, good_release(1, "After.Hours.2019"))
    bench.queues.add_all_to_pending(map(listed, (ONE, TWIN)))
    work(bench)
    twin = "another film has the same title and year"
    why = (FAILED, f"no suitable release yet (1 found: can't be sure without an IMDb id: {twin})")
    assert states(bench) == {"KA": why, "KB": why}
    assert not bench.client.added


def test_a_twin_that_comes_later_counts_at_once(bench: Bench) -> None:
    """The one that was there first is no longer taken by its name alone either."""
    bench.queues.add_all_to_pending([listed(ONE)])
    work(bench)  # nothing is there yet
    bench.queues.add_all_to_pending([listed(TWIN)])
    offer_by_name(bench, good_release(1, "After.Hours.2019"))
    bench.queues.retry(None)
    work(bench)
    assert {queue for queue, _ in states(bench).values()} == {FAILED}


def test_a_twin_that_is_history_counts_too(bench: Bench) -> None:
    """What was downloaded long ago may be what is on the disk by that name."""
    bench.queues.add_to_completed(TWIN)
    bench.client.held[hash_of(9)] = HeldTorrent(
        hash_of(9), f"After.Hours.2019.{GOOD}", 1.0, TorrentPhase.WHOLE
    )
    offer_by_name(bench, good_release(1, "After.Hours.2019"))
    bench.queues.add_all_to_pending([listed(ONE)])
    work(bench)
    assert states(bench)["KA"][0] == FAILED


def test_each_twin_gets_the_release_with_its_own_id(bench: Bench) -> None:
    """The tracker's id decides; also after the other's torrent lies in the client by the same name."""
    for number, movie in enumerate((ONE, TWIN), 1):
        bench.tracker.offer(movie.imdb_id or "", good_release(number, "After.Hours.2019", movie.imdb_id))
    offer_by_name(bench, good_release(3, "After.Hours.2019"))
    bench.queues.add_all_to_pending(map(listed, (ONE, TWIN)))
    work(bench)
    assert {queue for queue, _ in states(bench).values()} == {COMPLETED}
    assert sorted(bench.client.added) == [hash_of(1), hash_of(2)]
    assert {
        entry.movie.id: entry.choice and entry.choice.id.number for entry in bench.queues.entries(COMPLETED)
    } == {
        "KA": 1,
        "KB": 2,
    }


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        (f"After.Hours.2019.{GOOD}", False),
        ("After Hours (2019)/after.hours.mkv", False),
        (f"After.Hours.2020.{GOOD}", False),
        (f"After.Huors.2019.{GOOD}", False),
        ("After Hours (2019) [imdbid-tt0000001]/after.hours.mkv", True),
        ("After Hours (2019) [imdbid-tt0000002]/after.hours.mkv", False),
    ],
)
def test_on_the_disk_and_in_the_client_a_twin_needs_its_id(
    tmp_path: Path, name: str, *, is_there: bool
) -> None:
    """A name that either film could have counts as neither; without a twin it would be the film."""
    queues = QueueManager(tmp_path)
    known = KnownFilms(queues, tmp_path / "watchlist.json")
    queues.add_all_to_pending([ONE])
    names = NameList([name])
    alone = names.find(WantedFilm.from_movie(known.in_company(ONE)))
    assert (alone is not None) == ("tt0000002" not in name)
    queues.add_all_to_pending([TWIN])
    found = names.find(WantedFilm.from_movie(known.in_company(ONE)))
    assert (found is not None) == is_there


def test_two_films_with_one_id_are_both_fetched(bench: Bench) -> None:
    """Letterboxd gives both the same id: each ends in its queue, with a release of its own title and year."""
    bench.tracker.offer("tt0078748", good_release(1, "Alien.1979", "tt0078748"))
    bench.tracker.by_name["Aliens 1986"] = [good_release(2, "Aliens.1986", "tt0090605")]
    bench.queues.add_all_to_pending(map(listed, (ALIEN, ALIENS)))
    work(bench)
    assert states(bench) == {
        "KC": (COMPLETED, f"Alien.1979.{GOOD}"),
        "KD": (COMPLETED, f"Aliens.1986.{GOOD}"),
    }


def test_an_id_that_two_films_have_proves_nothing(bench: Bench) -> None:
    """A folder of the one that bears the id is not the other."""
    for movie in (ALIEN, ALIENS):
        bench.queues.add_all_to_pending([movie])
    names = NameList(["Alien (1979) [imdbid-tt0078748]/movie.mkv"])
    in_company = bench.known.in_company
    assert names.find(WantedFilm.from_movie(ALIENS)) is not None
    assert names.find(WantedFilm.from_movie(in_company(ALIENS))) is None
    assert names.find(WantedFilm.from_movie(in_company(ALIEN))) is not None


@pytest.mark.parametrize("state", [PENDING, FAILED, COMPLETED])
def test_a_double_with_the_same_title_and_year_is_one_film(bench: Bench, state: QueueName) -> None:
    """Letterboxd merges doubles under a new key: the id, with title and year, tells that it is known."""
    double = replace(ALIEN, id="KX", slug="alien-1979")
    bench.queues.add_all_to_pending([ALIEN])
    if state is FAILED:
        bench.queues.add_to_failed(ALIEN, "nothing there", None)
    elif state is COMPLETED:
        bench.queues.add_to_completed(ALIEN)
    bench.queues.add_all_to_pending([listed(double)])
    bench.queues.note_film(listed(double), double)
    assert {key: queue for key, (queue, _) in states(bench).items()} == {
        "KX": COMPLETED if state is COMPLETED else PENDING
    }


def of_imdb(movie: Movie) -> Movie:
    """Return a film as a list of IMDb's names it."""
    return Movie(movie.imdb_id or "", "", movie.title, movie.year, imdb_id=movie.imdb_id, page_read=True)


@pytest.mark.parametrize("page", ["read", "blocked"])
@pytest.mark.parametrize("order", [1, -1])
def test_one_film_on_lists_of_two_sites_is_one_entry(bench: Bench, page: str, order: int) -> None:
    """Its page tells that they are one, or where it can't be read, that no other film can be meant."""
    bench.pages.error = BlockedError("refused") if page == "blocked" else None
    bench.tracker.offer(ONE.imdb_id or "", good_release(1, "After.Hours.2019", ONE.imdb_id))
    bench.queues.add_all_to_pending([listed(ONE), of_imdb(ONE)][::order])
    work(bench)
    assert states(bench) == {"KA": (COMPLETED, good_release(1, "After.Hours.2019").name)}
    assert list(bench.client.added) == [hash_of(1)]
    bench.queues.add_all_to_pending([listed(ONE), of_imdb(ONE)])
    assert not bench.queues.entries(PENDING)


def test_another_film_of_that_title_and_year_is_not_the_one_of_the_other_site(bench: Bench) -> None:
    """Its page says so, also where a release of that name is in the client."""
    for number, movie in enumerate((ONE, TWIN), 1):
        bench.tracker.offer(movie.imdb_id or "", good_release(number, "After.Hours.2019", movie.imdb_id))
    bench.queues.add_all_to_pending([listed(TWIN), of_imdb(ONE)])
    work(bench)
    assert states(bench) == {
        "KB": (COMPLETED, good_release(2, "After.Hours.2019").name),
        "tt0000001": (COMPLETED, good_release(1, "After.Hours.2019").name),
    }
    assert sorted(bench.client.added) == [hash_of(1), hash_of(2)]


def test_of_two_films_neither_is_known_to_be_the_one_of_the_other_site(bench: Bench) -> None:
    """Their pages can't be read: the one with an id is taken by it, the others wait."""
    bench.pages.error = BlockedError("refused")
    bench.tracker.offer(ONE.imdb_id or "", good_release(1, "After.Hours.2019", ONE.imdb_id))
    offer_by_name(bench, good_release(1, "After.Hours.2019", ONE.imdb_id))
    bench.queues.add_all_to_pending([listed(ONE), listed(TWIN), of_imdb(ONE)])
    work(bench)
    assert {name: queue for name, (queue, _) in states(bench).items()} == {
        "KA": FAILED,
        "KB": FAILED,
        "tt0000001": COMPLETED,
    }
    assert list(bench.client.added) == [hash_of(1)]
