"""What follows from a reading of the watchlist, given the readings before it."""

import pytest
from house.films import film

from movie_sync.domain.models import Movie, WatchlistSnapshot
from movie_sync.domain.watchlist import FirstRun, WatchlistChange, WatchlistMemory, compare


def reading(*numbers: int, owner: str = "maria") -> WatchlistSnapshot:
    """Return a reading of these films, newest first."""
    return WatchlistSnapshot(owner, tuple(map(film, numbers)))


def read_all(*readings: WatchlistSnapshot, first_run: FirstRun = "all") -> WatchlistChange:
    """Take readings in one after the other; return what follows from the last."""
    memory: WatchlistMemory | None = None
    for snapshot in readings:
        change = compare(snapshot, memory, first_run=first_run)
        memory = change.memory
    return change


def numbers_of(movies: tuple[Movie, ...]) -> list[int]:
    """Return which films these are."""
    return [int(movie.id[1:]) for movie in movies]


@pytest.mark.parametrize(
    ("first_run", "wanted"),
    [("all", [3, 2, 1]), ("new", []), (0, []), (1, [3]), (2, [3, 2]), (3, [3, 2, 1]), (99, [3, 2, 1])],
)
def test_the_first_reading(first_run: FirstRun, wanted: list[int]) -> None:
    """`first_run` says how many of the newest wishes are taken up; the rest stays out later too."""
    assert numbers_of(read_all(reading(3, 2, 1), first_run=first_run).wanted) == wanted
    later = read_all(reading(3, 2, 1), reading(4, 3, 2, 1), first_run=first_run)
    assert numbers_of(later.wanted) == [4, *wanted]


def test_a_film_that_was_not_asked_for_becomes_a_wish_when_it_is_listed_anew() -> None:
    """Taken off the list for two readings and put back, it is a fresh wish; after one it is not."""
    assert numbers_of(read_all(reading(1), reading(), reading(1), first_run="new").wanted) == []
    twice = read_all(reading(1), reading(), reading(), reading(1), first_run="new")
    assert numbers_of(twice.wanted) == [1]
    assert numbers_of(twice.listed_again) == [1]


@pytest.mark.parametrize(
    ("later", "unlisted"),
    [
        ([reading(1)], []),
        ([reading(1), reading(1)], [2]),
        ([reading(1), reading(2, 1), reading(1)], []),
        ([reading(1), reading(2, 1), reading(1), reading(1)], [2]),
        ([reading(1), reading(1), reading(1)], []),
        ([reading(), reading(1)], [2]),
    ],
)
def test_unlisted_after_two_readings_in_a_row(later: list[WatchlistSnapshot], unlisted: list[int]) -> None:
    """A film is gone when two complete readings in a row no longer list it; that is told once."""
    assert numbers_of(read_all(reading(2, 1), *later).unlisted) == unlisted


def test_listed_again_is_told_once() -> None:
    """A film that had left and is back is a fresh wish at that reading, and an ordinary one after it."""
    back = [reading(2, 1), reading(1), reading(1), reading(2, 1)]
    assert numbers_of(read_all(*back).listed_again) == [2]
    assert numbers_of(read_all(*back, reading(2, 1)).listed_again) == []
    assert numbers_of(read_all(*back, reading(2, 1)).wanted) == [2, 1]


def test_another_owner_concludes_nothing() -> None:
    """Another username is another list: its films are wanted, the others' are neither gone nor absent."""
    change = read_all(reading(2, 1), reading(3, owner="anna"), reading(3, owner="anna"))
    assert (change.unlisted, change.memory.absent, change.memory.left) == ((), (), ())
    assert numbers_of(change.wanted) == [3]
    assert change.memory.owner == "anna"


def test_a_user_name_has_no_case() -> None:
    """`Maria` and `maria` are one user, so absences count on."""
    change = read_all(reading(2, 1), reading(1, owner="Maria"), reading(1, owner="MARIA"))
    assert numbers_of(change.unlisted) == [2]


def test_a_new_slug_is_the_same_film() -> None:
    """Letterboxd renames slugs; the key holds the film together."""
    renamed = WatchlistSnapshot("maria", (film(1, slug="renamed"),))
    change = read_all(reading(1), renamed, renamed, first_run="new")
    assert (change.wanted, change.unlisted, change.memory.left) == ((), (), ())


def test_an_export_only_adds() -> None:
    """An export may be old: what it does not name is no absence, not even a first one."""
    memory = read_all(reading(3, 2, 1)).memory
    export = WatchlistSnapshot("maria", (film(9), film(1)))
    change = compare(export, memory, first_run="all", concludes_removals=False)
    assert numbers_of(change.wanted) == [9, 1]
    assert (change.unlisted, change.memory.absent) == ((), ())
    once = compare(reading(9, 1), change.memory, first_run="all")
    assert once.unlisted == ()
    twice = compare(reading(9, 1), once.memory, first_run="all")
    assert sorted(numbers_of(twice.unlisted)) == [2, 3]


def test_an_export_does_not_take_back_an_absence() -> None:
    """A film that one reading did not list is gone at the next, though an export was imported between."""
    memory = read_all(reading(2, 1), reading(1)).memory
    between = compare(reading(1), memory, first_run="all", concludes_removals=False)
    assert numbers_of(between.memory.absent) == [2]
    assert numbers_of(compare(reading(1), between.memory, first_run="all").unlisted) == [2]


def test_an_export_names_no_slugs() -> None:
    """A film that an export names by its key alone gets the slug that an earlier reading saw."""
    memory = read_all(reading(2, 1)).memory
    export = WatchlistSnapshot("maria", (Movie("K1", "", "Film 1"), Movie("K7", "", "Film 7")))
    change = compare(export, memory, first_run="all", concludes_removals=False)
    assert [movie.slug for movie in change.wanted] == ["made-up-bravo", ""]
