"""Several lists: each read by itself, and a film leaves when none of them has it any more."""

import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from house.fakes import FakeClock, FakeLibrary
from house.films import film
from house.workers import step_when_due

from movie_sync.complaints import Complaints
from movie_sync.daemon.list_reading import ListReading
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.domain.events import Event
from movie_sync.domain.models import Movie, QueueName, WatchlistSnapshot
from movie_sync.domain.wish_list import WishList
from movie_sync.errors import BlockedError, MovieSyncError, NetworkError, NoListError, RateLimitError
from movie_sync.queues.manager import QueueManager
from movie_sync.storage.history import NO_HISTORY
from movie_sync.wishes.intakes import Intakes
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.memories import Memories
from movie_sync.wishes.unreadable_store import UnreadableStore

_INTERVAL = 3600.0


class Shelf:
    """A list somewhere: what is on it, newest first, and what keeps it from being read."""

    def __init__(self, owner: str, *numbers: int) -> None:
        self.owner = owner
        self.films = [film(number) for number in numbers]
        self.fault: MovieSyncError | None = None
        self.fetches = 0

    def fetch(self) -> WatchlistSnapshot:
        """Read it, or fail."""
        self.fetches += 1
        if self.fault is not None:
            raise self.fault
        return WatchlistSnapshot(self.owner, tuple(self.films))


def wish(shelf: Shelf, **options: object) -> WishList:
    """Return the list of a shelf as the settings name it."""
    return WishList("letterboxd", shelf.owner, shelf.owner, shelf.owner, "Letterboxd", **options)  # type: ignore[arg-type]


class Desk:
    """What reads lists and takes them in, on real files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.told: list[Event] = []

    def start(
        self, *lists: tuple[Shelf, WishList], is_older: bool = False, is_for_a_run: bool = False
    ) -> None:
        """Start with these lists in the settings."""
        self.queues = QueueManager(self.folder, clock=self.clock)
        watchlist = self.folder / "watchlist.json"
        wishes = [each for _, each in lists]
        memories = Memories(watchlist, wishes, is_older=is_older, is_for_a_run=is_for_a_run)
        self.known = KnownFilms(self.queues, watchlist)
        intakes = Intakes(
            self.queues, self.known, memories, FakeLibrary(), self.clock,
            wishes=wishes, first_run="all", history=NO_HISTORY,
        )  # fmt: skip
        readings = [
            ListReading(
                shelf,
                intakes.of(each),
                UnreadableStore(self.folder / "unreadable.json", each.key, self.clock, boot="one"),
                each.interval or _INTERVAL,
                Complaints(logging.getLogger("lists")),
                label=each.label,
                site=each.site,
            )
            for shelf, each in lists
        ]
        self.monitor = MonitorWorker(
            readings, lambda: None, self.told.append, intakes.take_leave,
            stopping=threading.Event(), clock=self.clock,
        )  # fmt: skip

    def check(self, times: int = 1) -> None:
        """Let every list be read so often; what fails is tried once each time."""
        for _ in range(times):
            for reading in self.monitor.readings:
                reading.wait(self.clock.monotonic(), is_asked_for=False)
            for _ in self.monitor.readings:
                self.monitor.step()
            self.clock.advance(_INTERVAL)

    def pending(self) -> set[int]:
        """Return the numbers of the films that wait."""
        entries = self.queues.entries(QueueName.PENDING)
        numbers = [int(entry.movie.id[1:]) for entry in entries]
        assert len(numbers) == len(set(numbers)), "a film is there twice"
        return set(numbers)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Nothing was read yet."""
    return Desk(tmp_path)


def test_a_film_of_two_lists(desk: Desk) -> None:
    """It is queued once, stays while one of them has it, and leaves when none has."""
    anna, ben = Shelf("anna", 1, 2), Shelf("ben", 2, 3)
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    desk.check()
    assert desk.pending() == {1, 2, 3}
    anna.films = [film(1)]
    desk.check(3)
    assert desk.pending() == {1, 2, 3}, "ben still has it"
    ben.films = [film(3)]
    desk.check()
    assert desk.pending() == {1, 2, 3}, "missing once is not gone"
    desk.check()
    assert desk.pending() == {1, 3}


def test_a_list_that_fails_holds_up_no_other_and_concludes_nothing(desk: Desk) -> None:
    """Another's films come in; what that one had, and what only it might have, stays."""
    anna, ben = Shelf("anna", 1), Shelf("ben", 2)
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    ben.fault = NoListError("private")
    desk.check()
    assert desk.pending() == {1}
    anna.films = []
    desk.check(3)
    assert desk.pending() == {1}, "ben's list was never read: perhaps it has the film"
    assert [(each.label, each.why) for each in desk.monitor.lists] == [("anna", ""), ("ben", "private")]
    ben.fault = None
    desk.check()
    assert desk.pending() == {1, 2}, "it is taken up where it was"
    desk.check()
    assert desk.pending() == {2}
    ben.fault = NetworkError("down")
    desk.check(5)
    assert desk.pending() == {2}


def test_each_is_read_at_its_own_time(desk: Desk) -> None:
    """A slow interval is kept, also beside one that always fails."""
    anna, ben = Shelf("anna", 1), Shelf("ben", 2)
    ben.fault = NoListError("deleted")
    desk.start((anna, wish(anna, interval=6 * _INTERVAL)), (ben, wish(ben)))
    ends_at = desk.clock.monotonic() + 24.5 * _INTERVAL
    while desk.clock.monotonic() < ends_at:
        step_when_due(desk.monitor, desk.clock)
    assert (anna.fetches, ben.fetches) == (5, 26)


@pytest.mark.parametrize(
    "fault", [BlockedError("blocked"), RateLimitError("slower", retry_after_seconds=900)]
)
def test_what_the_site_refuses_for_one_list_it_is_not_asked_for_another(
    desk: Desk, fault: MovieSyncError
) -> None:
    """One request tells, and which list it is made for changes each time; a file goes on."""
    shelves = [Shelf(name, number) for number, name in enumerate(["anna", "ben", "cora"])]
    export = Shelf("/home/anna/watchlist.csv", 7)
    file = WishList("letterboxd_export", export.owner, export.owner)
    desk.start(*((shelf, wish(shelf)) for shelf in shelves), (export, file))
    for shelf in shelves:
        shelf.fault = fault
    for _ in range(4):
        desk.monitor.step()
    assert sum(shelf.fetches for shelf in shelves) == 1
    assert desk.pending() == {7}
    for _ in range(12):
        step_when_due(desk.monitor, desk.clock)
    tries = [shelf.fetches for shelf in shelves]
    assert max(tries) - min(tries) <= 1


def test_a_list_taken_out_of_the_settings(desk: Desk) -> None:
    """Its films leave after two checks, but for what another list has; put back, they are fresh wishes."""
    anna, ben = Shelf("anna", 1, 2), Shelf("ben", 2, 3)
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    desk.check()
    desk.start((ben, wish(ben)))
    desk.check()
    assert desk.pending() == {1, 2, 3}
    desk.check()
    assert desk.pending() == {2, 3}
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    desk.check()
    assert desk.pending() == {1, 2, 3}


def test_lists_of_one_run(desk: Desk) -> None:
    """A list that is named for a run takes the others' place, and nothing is concluded of any."""
    anna, ben, cora = Shelf("anna", 1), Shelf("ben", 2), Shelf("cora", 3)
    settings = [(anna, wish(anna)), (ben, wish(ben))]
    desk.start(*settings)
    desk.check()
    desk.start((cora, wish(cora)), is_for_a_run=True)
    desk.check(3)
    assert desk.pending() == {1, 2, 3}
    desk.start(*settings)
    desk.check(3)
    assert desk.pending() == {1, 2, 3}


def test_from_a_username_to_lists(desk: Desk) -> None:
    """The same list goes on: no second first run, and what it had before leaves as it would have."""
    anna, ben = Shelf("anna", 1, 2), Shelf("Ben", 3)
    desk.start((anna, wish(anna)), is_older=True)
    desk.check()
    anna.films = [film(1)]
    desk.check()
    desk.start((ben, wish(ben)), (anna, wish(anna, first_run="new")))
    desk.check()
    assert desk.pending() == {1, 3}
    assert {path.name for path in desk.folder.iterdir()} >= {"watchlist.json", "lists"}


def test_lists_in_another_order(desk: Desk) -> None:
    """Each keeps its memory, also while `watchlist.json` is missing, and when a username is left alone."""
    anna, ben = Shelf("anna"), Shelf("ben", 2)
    lists = [(anna, wish(anna, first_run="new")), (ben, wish(ben, first_run="new"))]
    anna.fault = NoListError("private")
    desk.start(*lists)
    desk.check()
    ben.films.insert(0, film(3))
    desk.start(*reversed(lists))
    desk.check()
    assert desk.pending() == {3}
    anna.fault = None
    desk.start(*lists)
    desk.check()
    ben.films.insert(0, film(4))
    desk.start(lists[1], is_older=True)
    desk.check()
    assert desk.pending() == {3, 4}


def test_a_destroyed_memory_of_a_list_taken_out(desk: Desk) -> None:
    """What nobody will ever know again keeps no film of the other lists in the queue."""
    anna, ben = Shelf("anna", 1, 2), Shelf("ben", 3)
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    desk.check()
    for path in (desk.folder / "lists").iterdir():
        path.write_bytes(b"{")
    desk.start((anna, wish(anna)))
    anna.films = [film(1)]
    desk.check(2)
    assert desk.pending() == {1, 3}


def test_years_and_limit(desk: Desk) -> None:
    """The years first, then the first of what they leave; a film that was queued never leaves by them."""
    anna = Shelf("anna", 1, 2, 3, 4)
    years = [film(number).year or 0 for number in (1, 2, 3, 4)]
    desk.start((anna, wish(anna, years=(min(years[1:]), max(years[1:])), limit=2)))
    desk.check()
    taken = desk.pending()
    assert taken == {2, 3}
    anna.films.insert(0, film(5))
    desk.start((anna, wish(anna, limit=1)))
    desk.check(3)
    assert desk.pending() == {2, 3, 5}


def test_a_day_without_one_list_is_told_with_its_name(desk: Desk) -> None:
    """Once, while the other one is read."""
    anna, ben = Shelf("anna", 1), Shelf("ben", 2)
    ben.fault = NoListError("private")
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    for _ in range(60):
        step_when_due(desk.monitor, desk.clock)
    assert len(desk.told) == 1
    assert desk.told[0].label == "ben"  # type: ignore[union-attr]
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    desk.check(30)
    assert len(desk.told) == 1


def test_two_films_of_one_name(desk: Desk) -> None:
    """A film of the one list is known when names are judged for the other's."""
    first = film(1)
    twin = Movie("Z9", "twin", first.title, 1921)
    anna, ben = Shelf("anna"), Shelf("ben")
    anna.films, ben.films = [first], [twin]
    desk.start((anna, wish(anna)), (ben, wish(ben)))
    desk.check()
    assert desk.known.in_company(first).twin_years == (1921,)


def test_months_of_three_lists(desk: Desk, request: pytest.FixtureRequest) -> None:
    """Films come and go, lists fail, turn private and are taken out: no wrong removal, and none twice."""
    dice = random.Random(request.config.getoption("--seed"))
    shelves = [Shelf("anna"), Shelf("ben"), Shelf("cora")]
    faults: Sequence[MovieSyncError | None] = [
        None, None, None, None, None, NoListError("private"), NetworkError("down"), BlockedError("blocked"),
    ]  # fmt: skip
    in_settings = list(shelves)
    last_read: dict[str, list[set[str]]] = {}
    desk.start(*((shelf, wish(shelf)) for shelf in in_settings))
    for _ in range(request.config.getoption("--days") * 24):
        for shelf in shelves:
            _live(shelf, dice)
            shelf.fault = dice.choice(faults) if dice.random() < 0.2 else shelf.fault
        if dice.random() < 0.1:
            in_settings = [shelf for shelf in shelves if dice.random() < 0.8] or list(shelves)
            desk.start(*((shelf, wish(shelf)) for shelf in in_settings))
            for shelf in set(shelves).difference(in_settings):
                last_read.pop(shelf.owner, None)
        before = desk.pending()
        fetches = {shelf.owner: shelf.fetches for shelf in in_settings}
        desk.check()
        for shelf in in_settings:
            if shelf.fetches > fetches[shelf.owner] and shelf.fault is None:
                last_read.setdefault(shelf.owner, []).append({int(each.id[1:]) for each in shelf.films})
        seen = [last_read[shelf.owner] for shelf in in_settings if shelf.owner in last_read]
        assert set().union(*(readings[-1] for readings in seen)) <= desk.pending(), "a wish is lost"
        missing = [set().union(*readings[-2:]) if len(readings) > 1 else set() for readings in seen]
        assert not (before - desk.pending()) & set().union(*missing), "a film left that was missing only once"
    assert all(shelf.fetches for shelf in shelves)


def _live(shelf: Shelf, dice: random.Random) -> None:
    """Let somebody change a list."""
    new = film(dice.randrange(40))
    if dice.random() < 0.4 and all(each.id != new.id for each in shelf.films):
        shelf.films.insert(0, new)
    if shelf.films and dice.random() < 0.4:
        shelf.films.pop(dice.randrange(len(shelf.films)))
    if shelf.films and dice.random() < 0.1:  # the site gives a film another address; on the lists one by one
        place = dice.randrange(len(shelf.films))
        shelf.films[place] = replace(shelf.films[place], slug=f"{shelf.films[place].id.lower()}-renamed")
