"""What a list's own keys mean for its films: how they are judged, and where their torrents go."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.films import film, release_of
from house.wishes import IntakeBench, reading
from house.workers import Bench

from movie_sync.domain.film_rules import FilmRules, preset_words
from movie_sync.domain.letterboxd_text import title_id
from movie_sync.domain.models import Movie, QueueName, UserWord
from movie_sync.domain.quality_rules import PRESETS, QualityRules
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.watchlist import WatchlistMemory
from movie_sync.domain.wish_list import AS_USUAL, Placement, WishList
from movie_sync.errors import NetworkError, StorageError
from movie_sync.following.follower import FollowPolicy
from movie_sync.wishes.first_lists import FirstLists
from movie_sync.wishes.watchlist_store import WatchlistStore

PENDING, FAILED, COMPLETED, REMOVED = QueueName
_OWN = WishList(
    "letterboxd", "ben", "ben", "Halloween", preset="small", category="Horror", tags=("halloween",),
    save_path="/horror",
)  # fmt: skip
_PLAIN = WishList("letterboxd", "anna", "anna", "anna's watchlist")
_SMALL = QualityRules.from_config(PRESETS["small"])


def test_which_word_counts() -> None:
    """The user's preset, then the list's, then the general rules; the list's languages in any case."""
    rules = FilmRules(QualityRules(), {"small": _SMALL, "hd": QualityRules(min_seeders=7)}.get)
    assert rules.on(None) == QualityRules()
    assert rules.on(_OWN) == _SMALL
    assert rules.on(_OWN, "hd").min_seeders == 7
    spoken = replace(_OWN, languages=("romanian", "original"))
    assert rules.on(spoken) == replace(_SMALL, languages=("romanian", "original"))
    assert rules.on(spoken, "hd").languages == ("romanian", "original")
    assert rules.on(spoken) is rules.on(spoken)
    assert rules.on(replace(_PLAIN, preset="nothing of that name")) == QualityRules()


@pytest.mark.parametrize(
    ("preset", "wish", "words"),
    [
        ("", None, ""),
        ("hd", None, "hd"),
        ("", _PLAIN, ""),
        ("", replace(_PLAIN, category="Horror"), ""),
        ("", _OWN, "small (list Halloween)"),
        ("hd", _OWN, "hd"),
        ("", replace(_OWN, languages=("english",)), "small, languages english (list Halloween)"),
        ("hd", replace(_OWN, languages=("english",)), "hd, languages english (list Halloween)"),
    ],
)
def test_how_that_is_said(preset: str, wish: WishList | None, words: str) -> None:
    """A preset of the user's needs no other word; what a list says is said with its name."""
    assert preset_words(UserWord(preset), wish) == words


class Shelf:
    """The files of lists."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = IntakeBench(folder / "queues")

    def path(self, wish: WishList) -> Path:
        """Return where a list is remembered."""
        return self.folder / f"{wish.owner}.json"

    def put(self, wish: WishList, *movies: Movie, absent: tuple[Movie, ...] = ()) -> None:
        """Write what a list has."""
        WatchlistStore(self.path(wish), self.bench.clock).save(WatchlistMemory(wish.owner, movies, absent))

    def first_lists(self, *lists: WishList) -> FirstLists:
        """Return the look-up, in this order."""
        return FirstLists((wish, self.path(wish)) for wish in lists)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Nothing was read yet."""
    (tmp_path / "queues").mkdir()
    return Shelf(tmp_path)


def test_the_first_list_in_the_file(shelf: Shelf) -> None:
    """It counts, also if it has no keys of its own; what changes on the disk is seen."""
    shelf.put(_PLAIN, film(1))
    shelf.put(_OWN, film(1), film(2), absent=(film(3),))
    first, turned = shelf.first_lists(_PLAIN, _OWN), shelf.first_lists(_OWN, _PLAIN)
    assert [first.of(film(number)) for number in (1, 2, 3, 4)] == [None, _OWN, _OWN, None]
    assert turned.of(film(1)) is _OWN
    named = film(5)
    shelf.put(_OWN, film(4), Movie(title_id(named.title, named.year), "", named.title, named.year))
    assert first.of(named) is _OWN
    assert [first.of(film(number)) for number in (2, 4)] == [None, _OWN]


def test_without_keys_no_file_is_read(shelf: Shelf) -> None:
    """Whoever has one watchlist pays nothing for lists."""
    shelf.put(_PLAIN, film(1))
    shelf.put(_OWN, film(2))
    lists = shelf.first_lists(_OWN, _PLAIN)
    shelf.path(_PLAIN).unlink()
    shelf.path(_PLAIN).mkdir()  # it would raise
    assert lists.of(film(2)) is _OWN
    assert lists.of(film(1)) is None


def test_in_a_run_that_writes_nothing(shelf: Shelf) -> None:
    """What was read counts, though no file has it."""
    shelf.put(_OWN, film(1))
    lists = shelf.first_lists(_OWN)
    lists.note(shelf.path(_OWN), [film(2)])
    assert [lists.of(film(number)) for number in (1, 2)] == [None, _OWN]


def test_a_new_film_is_remembered_before_it_is_queued(shelf: Shelf) -> None:
    """Whoever takes it from the queue finds its list, also if the program died in between."""
    bench = shelf.bench
    lists = FirstLists([(_OWN, bench.store.path)])
    bench.intake.wish = _OWN

    def dies(*_args: object) -> int:
        raise StorageError("the disk is full")

    queue, bench.queues.add_all_to_pending = bench.queues.add_all_to_pending, dies  # type: ignore[method-assign,assignment]
    with pytest.raises(StorageError):
        bench.take(1, 2)
    assert lists.of(film(1)) is _OWN
    assert bench.held() == []
    bench.queues.add_all_to_pending = queue  # type: ignore[method-assign]
    bench.start()
    bench.intake.wish = _OWN
    assert bench.take(1, 2).queued == 2
    bench.take(2)
    bench.intake.take(reading(2, 5))
    assert sorted(bench.held()) == [2, 5]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker, a list with keys of its own that has films 0 and 1, and releases in two qualities."""
    bench = Bench(tmp_path)
    bench.presets = {"small": _SMALL}
    ours = {film(number).id for number in (0, 1)}
    bench.first_list = lambda movie: _OWN if movie.id in ours else None
    bench.start()
    for number in (0, 1, 2):
        movie, first = film(number), release_of(film(number), 100 + number)
        small = replace(
            release_of(movie, 200 + number),
            name=first.name.replace("1080p", "720p"),
            size_bytes=3_000_000_000,
        )
        bench.tracker.offer(movie.imdb_id or "", first, small)
    return bench


def taken(bench: Bench) -> dict[str, tuple[str, Placement]]:
    """Return which release of each film was taken, and where it was to go."""
    choices = {entry.movie.id: entry.choice for entry in bench.queues.entries(COMPLETED)}
    return {
        key: (str(choice.id), bench.client.placements[choice.info_hash])
        for key, choice in choices.items()
        if choice
    }


def test_a_list_judges_and_places_its_films(bench: Bench) -> None:
    """Others are judged and go as usual; the user's own preset comes first, and the place stays the list's."""
    bench.presets["large"] = QualityRules()
    bench.queues.add_all_to_pending([film(0), film(2)])
    bench.queues.add_by_command([film(1)], "large")
    for _ in range(3):
        bench.worker.step()
    own = Placement("Horror", ("halloween",), "/horror")
    assert taken(bench) == {
        film(0).id: ("filelist:200", own),
        film(1).id: ("filelist:101", own),
        film(2).id: ("filelist:102", AS_USUAL),
    }


def test_after_a_crash_nothing_is_handed_over_twice(bench: Bench) -> None:
    """What was in hand is found in the client; what was not handed over goes where it would have gone."""
    bench.queues.add_all_to_pending([film(0)])
    bench.client.errors = [NetworkError("down")]
    bench.worker.step()
    assert not bench.client.added
    bench.start()
    bench.clock.advance(7200)
    while not bench.queues.entries(COMPLETED):
        bench.worker.step()
        bench.clock.advance(60)
    assert taken(bench)[film(0).id][1].save_path == "/horror"
    assert len(bench.client.added) == 1


def test_a_full_disk_of_a_list_keeps_back_its_films_alone(bench: Bench) -> None:
    """Those of others are handed over; once there is room, so are they."""
    bench.client.free_bytes_at["/horror"] = 5
    bench.follow(FollowPolicy(86_400), max_unfinished=0, min_free_bytes=1_000_000_000)
    bench.queues.add_all_to_pending([film(0), film(1), film(2)])
    for _ in range(6):
        bench.worker.step()
    assert set(taken(bench)) == {film(2).id}
    waiting = bench.queues.entries(FAILED)
    assert {entry.retry_count for entry in waiting} == {0}
    assert all("no room in /horror" in str(entry.error) for entry in waiting)
    bench.client.free_bytes_at["/horror"] = 10**12
    for held in bench.client.held:
        bench.client.held[held] = replace(bench.client.held[held], phase=TorrentPhase.WHOLE, progress=1)
    for _ in range(30):
        bench.clock.advance(600)
        bench.worker.step()
    assert len(taken(bench)) == 3
