"""A film that an export names by title and year alone is one film with and without its address."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.films import choice
from house.wishes import IntakeBench

from movie_sync.domain.letterboxd_text import is_title_id, title_id
from movie_sync.domain.models import Movie, QueueName, WatchlistSnapshot
from movie_sync.domain.twins import is_same_film
from movie_sync.wishes.intake import IntakeCounts


def titled(title: str, year: int = 1995) -> Movie:
    """Return a film as a row without an address names it."""
    return Movie(title_id(title, year), "", title, year)


HEAT, OTHER = titled("Heat"), Movie("29xx", "", "Ronin", 1998, "https://boxd.it/29xx")
KEYED = Movie("29pq", "", "Heat", 1995, "https://boxd.it/29pq")
ON_SITE = replace(KEYED, slug="heat-1995", url="https://letterboxd.com/film/heat-1995/")
OF_IMDB = Movie("tt0113277", "", "Heat", 1995, "https://www.imdb.com/title/tt0113277/", "tt0113277")


@pytest.fixture
def desk(tmp_path: Path) -> IntakeBench:
    """An intake in an empty folder."""
    return IntakeBench(tmp_path)


def take(desk: IntakeBench, *movies: Movie) -> IntakeCounts:
    """Take a reading in."""
    return desk.intake.take(WatchlistSnapshot("maria", movies))


def ids(desk: IntakeBench, queue: QueueName = QueueName.PENDING) -> list[str]:
    """Return what a queue holds."""
    return [entry.movie.id for entry in desk.queues.entries(queue)]


@pytest.mark.parametrize("keyed", [KEYED, ON_SITE, OF_IMDB], ids=["export", "site", "IMDb"])
def test_a_row_gets_an_address_and_loses_it_again(desk: IntakeBench, keyed: Movie) -> None:
    """Whatever the order, it is queued once, and never leaves by it; also after a restart."""
    assert take(desk, HEAT, OTHER).queued == 2
    for movie in (keyed, keyed, HEAT, HEAT, keyed, HEAT):
        desk.start()
        counts = take(desk, movie, OTHER)
        assert (counts.queued, counts.dropped) == (0, 0)
        assert sorted(ids(desk)) == sorted([keyed.id, OTHER.id])
    entry = desk.queues.find(keyed.id)
    assert entry is not None
    assert (entry[1].movie.slug, entry[1].movie.imdb_id) == (keyed.slug, keyed.imdb_id)
    take(desk, OTHER)
    assert take(desk, OTHER).dropped == 1


@pytest.mark.parametrize("queue", [QueueName.COMPLETED, QueueName.FAILED, QueueName.REMOVED])
def test_what_became_of_it_stays(desk: IntakeBench, queue: QueueName) -> None:
    """A film that is done, failed or removed is not queued anew under its address."""
    take(desk, HEAT)
    match queue:
        case QueueName.COMPLETED:
            desk.queues.add_to_completed(HEAT)
        case QueueName.FAILED:
            desk.queues.add_to_failed(HEAT, "no release", None)
        case _:
            desk.queues.remove([HEAT.id])
    assert take(desk, KEYED).queued == 0
    assert (ids(desk), ids(desk, queue)) == ([], [KEYED.id])


def test_a_list_that_names_it_both_ways_names_one_film(desk: IntakeBench) -> None:
    """Whichever comes first."""
    assert take(desk, HEAT, KEYED, OTHER).queued == 2
    assert take(desk, KEYED, HEAT, OTHER).queued == 0
    assert sorted(ids(desk)) == sorted([KEYED.id, OTHER.id])


def test_what_was_not_wanted_stays_so(tmp_path: Path) -> None:
    """A film that was on the list before its first reading is not wanted by its address either."""
    for first, second in ((HEAT, KEYED), (KEYED, HEAT)):
        (tmp_path / first.id).mkdir()
        desk = IntakeBench(tmp_path / first.id, "new")
        take(desk, first)
        take(desk, second)
        take(desk, first)
        assert ids(desk) == []


def test_two_films_of_one_title_and_year_are_two(desk: IntakeBench) -> None:
    """The row without an address is one of them; none is lost."""
    twin = replace(KEYED, id="29zz")
    take(desk, HEAT)
    take(desk, KEYED, twin)
    assert sorted(ids(desk)) == [KEYED.id, twin.id]


def test_it_keeps_its_name_while_it_is_handed_over(desk: IntakeBench) -> None:
    """Else what is in hand would not be found again; it is no second film meanwhile."""
    take(desk, HEAT)
    assert desk.queues.note_choice(HEAT, choice("a" * 40))
    assert take(desk, KEYED).queued == 0
    assert ids(desk) == [HEAT.id]
    desk.queues.add_to_completed(HEAT)
    assert take(desk, KEYED).queued == 0
    assert (ids(desk), ids(desk, QueueName.COMPLETED)) == ([], [KEYED.id])


def test_another_users_export_concludes_nothing(desk: IntakeBench) -> None:
    """Of a folder's exports only those of the first one's user tell what left the list; all add."""

    def reading(origin: str, *movies: Movie, concludes: bool = True) -> IntakeCounts:
        return desk.intake.take(WatchlistSnapshot("folder", movies, origin=origin, concludes=concludes))

    reading("", OTHER)
    reading("anna", KEYED, OTHER)
    for _ in range(3):
        desk.start()
        assert reading("ben", OF_IMDB).dropped == 0
        assert reading("anna", OTHER, concludes=False).dropped == 0
        assert desk.intake.take_again().dropped == 0
    assert sorted(ids(desk)) == sorted([KEYED.id, OTHER.id, OF_IMDB.id])
    assert reading("anna", OTHER).dropped == 0
    assert desk.intake.take_again().dropped == 2
    assert ids(desk) == [OTHER.id]


def test_ids_of_titles() -> None:
    """They tell titles and years apart, and no key of Letterboxd's looks like one."""
    assert title_id("The Square", 2017) != title_id("Square", 2017) != title_id("Square", 2018)
    assert title_id("  HÉAT: ", 1995) == HEAT.id
    assert title_id("기생충", 2019) != title_id("???", 2019) != title_id("!!!", 2019)
    assert is_title_id(HEAT.id)
    assert not is_title_id("29pq")
    assert is_same_film(HEAT, titled("heat"))
    assert not is_same_film(HEAT, titled("Heat", 1996))
    assert not is_same_film(HEAT, KEYED)
