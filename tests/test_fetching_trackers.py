"""Several trackers: asked in their order, judged together, and one that fails holds up no other."""

import dataclasses
import json
from pathlib import Path

import pytest
from house.fakes import FakeClient, FakeClock, FakeLibrary, FakePages, FakeTracker
from house.films import film, hash_of, release_of
from house.workers import Bench
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.domain.events import EventKind
from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.models import HeldTorrent, Movie, QueueName, Release, ReleaseId
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.errors import (
    AuthError,
    BudgetError,
    MovieSyncError,
    NetworkError,
    NotAvailableError,
    PageChangedError,
    RefusedQueryError,
    SlowError,
    UnansweredError,
    UnavailableError,
)
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.page_reader import PageReader
from movie_sync.fetching.trackers import Trackers
from movie_sync.following.follower import FollowPolicy
from movie_sync.reports.daemon_state import ActivityKind

_CHECK = 3600.0
_OTHER = "torznab:other"
_OUTAGES = [
    NetworkError("The other tracker cannot be reached."),
    PageChangedError("The other tracker answered with something else."),
    AuthError("The other tracker refused the key.", service="Other"),
]


class Pair(Bench):
    """A worker with two trackers; films follow from numbers, the other tracker's calls have a journal."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.calls: list[str] = []
        self.other = FakeTracker(self.calls, _OTHER)
        self.trackers.append(self.other)
        self.follow(FollowPolicy(86_400))

    def offer_there(self, movie: Movie, number: int, **changes: object) -> Release:
        """Put a release of a film on the other tracker."""
        there = dataclasses.replace(release_of(movie, number, **changes), id=ReleaseId(_OTHER, str(number)))
        self.other.offer(movie.imdb_id or "", there)
        return there

    def work(self) -> None:
        """Work until there is nothing to do now."""
        for _ in range(3000):
            if self.worker.step() is not None:
                return
        raise AssertionError("the worker never rests")

    def wish(self, *movies: Movie) -> None:
        """Put films on the list, and work."""
        self.queues.add_all_to_pending(list(movies))
        self.work()

    def check(self) -> None:
        """Let an hour pass and the watchlist be read."""
        self.clock.advance(_CHECK)
        self.worker.note_check()
        self.work()

    def taken(self) -> list[str]:
        """Return which releases were taken."""
        entries = self.queues.entries(QueueName.COMPLETED)
        return [str(entry.choice.id) for entry in entries if entry.choice]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A worker with two trackers that have nothing."""
    return Pair(tmp_path)


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({}, "filelist:101"),  # equal: the first in the user's order
        ({"seeders": 200}, f"{_OTHER}:901"),
        ({"name": "Made.Up.Bravo.1951.720p.BluRay.x264-GRP"}, "filelist:101"),
        ({"name": "Made.Up.Bravo.1951.2160p.REMUX-GRP"}, "filelist:101"),
    ],
)
def test_both_have_it(pair: Pair, there: dict[str, object], taken: str) -> None:
    """The better release is taken, whoever has it; both were asked."""
    pair.offer(film(1))
    release = pair.offer_there(film(1), 901)
    pair.other.by_imdb[film(1).imdb_id or ""] = [dataclasses.replace(release, **there)]  # type: ignore[arg-type]
    pair.wish(film(1))
    assert pair.taken() == [taken]
    assert pair.calls[0] == f"imdb {film(1).imdb_id}"


def test_the_release_of_the_other_tracker_stands_in_the_file(pair: Pair) -> None:
    """What was taken there is known by that tracker's id, also after a start."""
    pair.offer_there(film(1), 901)
    pair.wish(film(1))
    (line,) = json.loads((pair.folder / "queue_completed.json").read_text())
    assert (line["release_id"], "filelist_id" in line) == (f"{_OTHER}:901", False)
    pair.start()
    assert pair.taken() == [f"{_OTHER}:901"]


@pytest.mark.parametrize("outage", _OUTAGES, ids=lambda outage: type(outage).__name__)
def test_one_is_down(pair: Pair, outage: MovieSyncError) -> None:
    """What the first one has is taken; of what it lacks nothing is concluded, and nothing is counted."""
    pair.other.errors_by_call = {f"imdb {film(number).imdb_id}": outage for number in range(4)}
    pair.offer(film(0), film(2))
    pair.wish(*(film(number) for number in range(4)))
    assert pair.taken() == ["filelist:100", "filelist:102"]
    failed = pair.queues.entries(QueueName.FAILED)
    assert {entry.movie.id for entry in failed} == {"K1", "K3"}
    assert all(entry.retry_count == 0 and entry.retry_at and not entry.searched_at for entry in failed)
    assert all(str(outage) in (entry.error or "") for entry in failed)
    assert len(pair.calls) == 1, "it is left alone"
    assert pair.worker.sessions.tracker_troubles == (str(outage),)
    refusals = [event for event in pair.told if event.kind is EventKind.REFUSED]
    assert len(refusals) == isinstance(outage, AuthError)


def test_one_that_was_down_is_asked_again(pair: Pair) -> None:
    """After a pause that grows; then the film that it alone has is taken."""
    pair.offer_there(film(1), 901)
    pair.other.errors = [NetworkError("down")] * 2
    pair.wish(film(1))
    for _ in range(8):
        pair.clock.advance(_CHECK)
        pair.work()
    assert pair.taken() == [f"{_OTHER}:901"]
    assert pair.worker.sessions.tracker_troubles == ()


def test_refused_credentials_are_not_tried_again_until_they_change(pair: Pair) -> None:
    """To ask again could lock the account; with new ones the tracker is asked."""
    pair.offer_there(film(1), 901)
    pair.other.errors = [_OUTAGES[-1]]
    pair.wish(film(1))
    for _ in range(30):
        pair.check()
    assert len(pair.calls) == 1
    pair.signature += 1
    for _ in range(24 * 8):
        pair.check()
    assert pair.taken() == [f"{_OTHER}:901"]


def test_all_are_down(pair: Pair) -> None:
    """Then it pauses, as with a sole tracker, and no film is set aside for it for long."""
    pair.tracker.errors = [AuthError("refused", service="FileList")]
    pair.other.errors = [NetworkError("down")]
    pair.wish(film(1))
    assert pair.only_failed().error == "down"
    rest = pair.worker.step()
    assert rest is not None
    assert rest.activity.kind is ActivityKind.PAUSED


def test_a_spent_budget_is_waited_for(pair: Pair) -> None:
    """What the other has is taken; a film that neither has yet waits for the budget where it is."""
    pair.tracker.errors_by_call = {
        f"imdb {film(number).imdb_id}": BudgetError("spent", retry_after_seconds=90) for number in (1, 2)
    }
    pair.offer_there(film(2), 902)
    pair.wish(film(2), film(1))
    assert pair.taken() == [f"{_OTHER}:902"]
    assert [entry.movie.id for entry in pair.queues.entries(QueueName.PENDING)] == ["K1"]


def test_a_release_that_cannot_be_fetched_now_is_stood_in_for(pair: Pair) -> None:
    """The tracker that has the best release fails at its torrent: the other's is taken."""
    pair.offer(film(1))
    pair.offer_there(film(1), 901, seeders=2000)
    pair.other.errors_by_call["torrent 901"] = UnavailableError("down for maintenance")
    pair.wish(film(1))
    assert pair.taken() == ["filelist:101"]


def test_a_torrent_that_only_a_failing_tracker_has_waits(pair: Pair) -> None:
    """It may be had later: no failure of the film."""
    pair.offer_there(film(1), 901)
    pair.other.errors_by_call["torrent 901"] = UnavailableError("down for maintenance")
    pair.wish(film(1))
    entry = pair.only_failed()
    assert (entry.retry_count, "down for maintenance" in (entry.error or "")) == (0, True)


def test_an_unforeseen_error_of_one_is_its_own(pair: Pair) -> None:
    """A fault in the code for one tracker keeps the other's films from nothing."""
    pair.offer(film(1))
    pair.other.errors = [ZeroDivisionError("secret")]
    pair.wish(film(1))
    assert pair.taken() == ["filelist:101"]


def test_a_title_that_one_refuses_is_no_outage(pair: Pair) -> None:
    """The other has looked for it, and has nothing: the film waits for a release."""
    movie = dataclasses.replace(film(1), imdb_id=None, page_read=True)
    pair.other.errors_by_call[f"name {movie.title} {movie.year}"] = RefusedQueryError("too short")
    pair.wish(movie)
    assert pair.only_failed().waits_for_release
    assert pair.only_failed().retry_count == 1


def test_a_torrent_in_the_client_is_known_by_either_tracker(pair: Pair) -> None:
    """Its comment names the release of one of them; nothing is fetched."""
    pair.offer_there(film(1), 901)
    pair.tracker.release_in = lambda _comment: None  # type: ignore[method-assign]
    comment = "https://other.invalid/details.php?id=901"
    pair.client.held[hash_of(5)] = HeldTorrent(hash_of(5), "my favourite", comment=comment)
    pair.wish(film(1))
    assert pair.client.added == []
    assert pair.taken() == [f"{_OTHER}:901"]


_FATES = st.sampled_from(["has it", "has nothing", "is down", "refuses the login", "is slow"])


@given(st.lists(st.lists(_FATES, min_size=3, max_size=3), min_size=1, max_size=6))
def test_nothing_is_concluded_from_who_does_not_answer(rounds: list[list[str]]) -> None:
    """Whatever fails in whichever order: what one has is taken, and absence needs the answer of all."""
    errors = {
        "is down": NetworkError("down"),
        "refuses the login": AuthError("refused", service="Other"),
        "is slow": SlowError("slow"),
    }
    clock, trackers = FakeClock(), [FakeTracker(name=name) for name in ("filelist", "torznab:a", "torznab:b")]
    downloader = FileListDownloader(
        trackers=Trackers(trackers, clock, lambda _event: None), client=FakeClient(),
        pages=PageReader(FakePages(), clock), library=FakeLibrary(),
        rules=FilmRules(QualityRules()), clock=clock,
    )  # fmt: skip
    movie, refused = dataclasses.replace(film(1), page_read=True), set()
    for number, fates in enumerate(rounds):
        clock.advance(2 * _CHECK)  # longer than any of them is left alone
        for tracker, fate in zip(trackers, fates, strict=True):
            tracker.errors = [errors[fate]] if fate in errors else []
            there = dataclasses.replace(
                release_of(movie, number + 1), id=ReleaseId(tracker.name, f"{number + 1}")
            )
            tracker.by_imdb = {movie.imdb_id or "": [there] if fate == "has it" else []}
        asked = {t.name: fate for t, fate in zip(trackers, fates, strict=True) if t.name not in refused}
        able = [name for name, fate in asked.items() if fate == "has it"]
        try:
            taken = downloader.download_movie(movie).choice
        except NotAvailableError:
            assert all(asked.get(tracker.name) == "has nothing" for tracker in trackers)
        except (UnansweredError, NetworkError, AuthError):
            assert not able
            assert len(refused) + sum(fate in errors for fate in asked.values()) > 0
        else:
            assert taken is not None
            assert taken.id is not None
            assert taken.id.tracker == able[0]
        refused |= {name for name, fate in asked.items() if fate == "refuses the login"}


# --- the newest releases -----------------------------------------------------------------


def _newest(pair: Pair, first: int = 1000) -> None:
    """Let both tell of a hundred other releases; the other tracker's ids are no numbers."""
    pair.tracker.newest = [
        dataclasses.replace(release_of(film(9), number), name=f"Other.{number}.2020.1080p.BluRay.x264-GRP", imdb_id=None)
        for number in range(first, first + 100)
    ]  # fmt: skip
    pair.other.newest = [
        dataclasses.replace(each, id=ReleaseId(_OTHER, f"guid-{each.id.id}")) for each in pair.tracker.newest
    ]


def _let_wait(pair: Pair, count: int) -> None:
    _newest(pair)
    pair.wish(*(film(number) for number in range(count)))
    for _ in range(3):
        pair.check()
    assert pair.queues.waiting_count() == count
    pair.journal.clear()
    pair.calls.clear()


@pytest.mark.parametrize("first_is_down", [False, True])
def test_a_new_release_of_either_is_noticed(pair: Pair, *, first_is_down: bool) -> None:
    """One call to each; one that fails keeps the other from nothing."""
    _let_wait(pair, 2)
    there = pair.offer_there(film(1), 901)
    pair.other.newest = [there, *pair.other.newest[:-1]]
    if first_is_down:
        pair.tracker.errors_by_call["latest"] = NetworkError("down")
    pair.check()
    assert pair.taken() == [f"{_OTHER}:901"]
    assert (pair.journal.count("latest"), pair.calls.count("latest")) == (1, 1)


def test_a_gap_on_either_is_noticed(pair: Pair) -> None:
    """None of what was told last is told now: waiting films are searched, whatever the ids are."""
    _let_wait(pair, 2)
    pair.other.newest = [
        dataclasses.replace(each, id=ReleaseId(_OTHER, f"new-{each.id.id}")) for each in pair.other.newest
    ]
    pair.check()
    for _ in range(20):
        pair.clock.advance(60)
        pair.work()
    assert sum(call.startswith("imdb") for call in pair.calls) == 2


def test_what_an_earlier_version_remembered_is_read(pair: Pair) -> None:
    """It knew the highest number of its one tracker: a look that still shows it has missed nothing."""
    memory = pair.folder / "radar.json"
    memory.write_text(json.dumps({"newest_id": 1099, "gap_since": None}))
    pair.start()
    _let_wait(pair, 2)
    seen = json.loads(memory.read_text())["seen"]
    assert seen.keys() == {"filelist", _OTHER}
    assert json.loads(memory.read_text())["gap_since"] is None
    memory.write_text(json.dumps({"newest_id": 900, "gap_since": None}))
    pair.start()
    pair.check()
    assert json.loads(memory.read_text())["gap_since"] is not None
