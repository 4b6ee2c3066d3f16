"""Better releases that appear later, with a worker between fakes: once, only better ones, and nothing is lost."""

import dataclasses
from pathlib import Path

import pytest
from house.films import film, hash_of, on_filelist, release_of
from house.workers import Bench

from movie_sync.domain.events import EventKind, Upgraded
from movie_sync.domain.models import HeldTorrent, Movie, QueueName, Release
from movie_sync.domain.quality_rules import QualityRules, UpgradeRule
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.selection import improvements, rank
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import NetworkError, ReleaseError
from movie_sync.following.follower import FollowPolicy
from movie_sync.following.tagger import REPLACED_TAG
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import Stage

_CHECK = 3600.0
_DAY = 24 * _CHECK
_RULES = QualityRules(upgrade=UpgradeRule("Bluray-1080p", 30))
_WEB, _BLURAY, _PROPER = 100, 200, 300
_OTHERS = [
    Release(on_filelist(number), f"Something.Else.{number}.2020.1080p.BluRay.x264-GRP", 9_000_000_000, 20)
    for number in range(1000, 1100)
]


def release(number: int, words: str, movie: Movie | None = None) -> Release:
    """Return a release of a film, the first one if no other is named, with these words in its name."""
    movie = movie or film(0)
    name = f"{movie.title.replace(' ', '.')}.{movie.year}.{words}-GRP"
    return dataclasses.replace(release_of(movie, number), name=name)


class Later:
    """A film that was taken as a WEB release, whose torrent is whole; better ones may appear."""

    def __init__(self, folder: Path, rules: QualityRules = _RULES, *, follows: bool = True) -> None:
        self.bench = Bench(folder, rules=rules)
        if follows:
            self.bench.follow(FollowPolicy(2 * _CHECK))
        else:
            self.bench.looks_at_newest = True
            self.bench.start()
        self.bench.tracker.newest = list(_OTHERS)
        self.bench.tracker.offer(film(0).imdb_id or "", release(_WEB, "1080p.WEB-DL.x264"))
        self.bench.queues.add_all_to_pending([film(0)])
        self.work()
        if follows:
            self.arrive(_WEB)

    def work(self) -> None:
        """Let the worker do what is due now."""
        for _ in range(100):
            if self.bench.worker.step() is not None:
                return
        raise AssertionError("the worker never rests")

    def check(self, times: int = 1) -> None:
        """Let hours pass, at the end of each of which the watchlist is read."""
        for _ in range(times):
            self.bench.clock.advance(_CHECK)
            self.bench.worker.note_check()
            self.work()

    def appear(self, *releases: Release) -> None:
        """Let releases be the tracker's newest."""
        self.bench.tracker.newest = [*releases, *self.bench.tracker.newest][:100]
        for each in releases:
            self.bench.tracker.offer(each.imdb_id or "", each)

    def arrive(self, number: int) -> None:
        """Let a torrent be whole."""
        self.become(number, TorrentPhase.WHOLE, 1.0)
        self.bench.clock.advance(60)
        self.work()

    def become(self, number: int, phase: TorrentPhase, progress: float, **more: object) -> None:
        """Let the client show a torrent so."""
        info_hash = hash_of(number)
        held = HeldTorrent(
            info_hash, f"T{number}", progress, phase, has_tracker=True, content_path=f"/f/{number}"
        )
        self.bench.client.held[info_hash] = dataclasses.replace(held, **more)  # type: ignore[arg-type]

    @property
    def entry(self) -> QueueEntry:
        """The film's entry, which is among the completed ones throughout."""
        return self.bench.only(QueueName.COMPLETED)

    @property
    def taken(self) -> str:
        """The id of the release that the film has."""
        return str(self.entry.choice.id) if self.entry.choice else ""

    @property
    def upgrades(self) -> list[Upgraded]:
        """What was told of better releases."""
        return [event for event in self.bench.told if isinstance(event, Upgraded)]


@pytest.fixture
def later(tmp_path: Path) -> Later:
    """A film that may get a better release."""
    return Later(tmp_path)


def test_a_better_release_takes_the_place_of_the_present_one(later: Later) -> None:
    """Handed over, followed, told once; the entry stays completed, the older torrent where it is."""
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.check()
    assert later.bench.client.added == [hash_of(_WEB), hash_of(_BLURAY)]
    assert later.taken == f"filelist:{_WEB}", "until the better one is whole"
    assert later.entry.upgrade
    assert later.upgrades == []
    later.arrive(_BLURAY)
    entry = later.entry
    assert later.taken == f"filelist:{_BLURAY}"
    assert entry.upgrade is None
    assert entry.follow
    assert (entry.follow.stage, entry.follow.path) == (Stage.DOWNLOADED, f"/f/{_BLURAY}")
    assert [old.choice.info_hash for old in entry.replaced] == [hash_of(_WEB)]
    (told,) = later.upgrades
    assert (told.before, told.after, told.path) == ("WEB-1080p", "Bluray-1080p", f"/f/{_BLURAY}")
    assert hash_of(_WEB) in later.bench.client.held
    later.check(48)
    assert len(later.upgrades) == 1
    assert [event.kind for event in later.bench.told].count(EventKind.DOWNLOADED) == 1
    assert len(later.bench.client.added) == 2


def test_one_call_a_check_and_no_other(later: Later) -> None:
    """Only the newest releases are asked for, and only while a film may get a better one."""
    later.bench.journal.clear()
    later.check(48)
    asked = [call for call in later.bench.journal if "latest" in call or "search" in call]
    assert asked == ["latest"] * 48
    later.bench.clock.advance(30 * _DAY)
    later.bench.journal.clear()
    later.check(48)
    assert [call for call in later.bench.journal if "latest" in call] == []


def test_nothing_is_asked_without_the_setting(tmp_path: Path) -> None:
    """By default what was taken is kept: not one call more than before."""
    later = Later(tmp_path, QualityRules())
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.bench.journal.clear()
    later.check(48)
    assert later.bench.journal == []
    assert later.taken == f"filelist:{_WEB}"


@pytest.mark.parametrize(
    ("taken", "appearing", "is_better"),
    [
        ("1080p.WEB-DL.x264", "1080p.BluRay.x264", True),
        ("1080p.WEB-DL.x264", "PROPER.1080p.WEB-DL.x264", True),
        ("PROPER.1080p.WEB-DL.x264", "REPACK.1080p.WEB-DL.x264", False),
        ("1080p.WEB-DL.x264", "1080p.WEB-DL.x264.DTS", False),
        ("1080p.WEB-DL.x264", "720p.BluRay.x264", False),
        ("1080p.WEB-DL.x264", "2160p.BluRay.x265", False),
        ("1080p.WEB-DL.x264", "ITA.1080p.BluRay.x264", False),
        ("720p.BluRay.x264", "1080p.WEB-DL.x264", True),
        ("720p.BluRay.x264", "2160p.WEB-DL.x265", True),
        ("1080p.BluRay.x264", "PROPER.1080p.BluRay.x264", False),
        ("2160p.BluRay.x265", "1080p.BluRay.x264", True),
        ("480p.WEB-DL.x264", "1080p.BluRay.x264", False),
        ("", "1080p.BluRay.x264", False),
    ],
)
def test_what_is_better(later: Later, taken: str, appearing: str, is_better: bool) -> None:
    """A strictly better quality of the order up to `until`, or a later PROPER of the same; in doubt nothing."""
    candidates = rank(film(0), [release(1, appearing)], _RULES, later.bench.clock.now())
    name = release(2, taken).name if taken else "Heat"
    assert bool(improvements(film(0), name, candidates, _RULES)) == is_better


def test_a_release_that_the_user_took_is_never_exchanged(later: Later) -> None:
    """Nor is one taken that he rejected."""
    later.bench.queues.reject(film(0), on_filelist(_BLURAY))
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.check(2)
    assert len(later.bench.client.added) == 1
    later.bench.queues.grab(film(0), on_filelist(_WEB))
    later.appear(release(_PROPER, "1080p.BluRay.x264"))
    later.check(2)
    assert len(later.bench.client.added) == 1


def test_the_users_word_while_a_better_one_is_on_its_way(later: Later) -> None:
    """A `reject` of it ends it, and a `grab` of another release is taken instead of both."""
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.bench.queues.reject(film(0), on_filelist(_BLURAY))
    assert later.entry.upgrade is None
    assert later.taken == f"filelist:{_WEB}"
    later.appear(release(_PROPER, "PROPER.1080p.BluRay.x264"))
    later.check()
    assert later.entry.upgrade
    later.bench.tracker.offer(film(0).imdb_id or "", release(400, "720p.WEB-DL.x264"))
    later.bench.queues.grab(film(0), on_filelist(400))
    later.work()
    assert later.taken == "filelist:400"
    later.become(_PROPER, TorrentPhase.WHOLE, 1.0)
    later.check(3)
    assert later.taken == "filelist:400"
    assert later.upgrades == []


def test_never_two_at_once(later: Later) -> None:
    """While one is on its way no other is begun, however much better."""
    later.appear(release(_PROPER, "PROPER.1080p.WEB-DL.x264"))
    later.check()
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.check(3)
    assert later.bench.client.added == [hash_of(_WEB), hash_of(_PROPER)]
    later.arrive(_PROPER)
    later.check()
    assert later.bench.client.added == [hash_of(_WEB), hash_of(_PROPER), hash_of(_BLURAY)]
    later.arrive(_BLURAY)
    assert [old.choice.info_hash for old in later.entry.replaced] == [hash_of(_WEB), hash_of(_PROPER)]


@pytest.mark.parametrize("how", ["stalls", "is taken out", "is refused by the client"])
def test_one_that_does_not_come(later: Later, how: str) -> None:
    """The film keeps what it has, and that release is not tried again."""
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    if how == "is refused by the client":
        later.bench.client.errors.append(ReleaseError("refused"))
    later.check()
    if how == "stalls":
        later.become(_BLURAY, TorrentPhase.AWAITING_PEERS, 0.1)
        for _ in range(3 * 60):
            later.bench.clock.advance(60)
            later.work()
    elif how == "is taken out":
        later.become(_BLURAY, TorrentPhase.DOWNLOADING, 0.1)
        later.check()
        later.bench.client.held.pop(hash_of(_BLURAY))
        for _ in range(10):
            later.bench.clock.advance(60)
            later.work()
    later.check(5)
    assert later.entry.upgrade is None
    assert later.taken == f"filelist:{_WEB}"
    assert later.bench.client.added.count(hash_of(_BLURAY)) <= 1
    assert later.upgrades == []


def test_a_run_that_was_cut_short(later: Later) -> None:
    """What was written down and is in the client is followed; what is not there is found anew."""
    movie, present = film(0), later.entry.choice
    assert present
    better = dataclasses.replace(
        present, id=on_filelist(_BLURAY), info_hash=hash_of(_BLURAY), release="X.1080p.BluRay"
    )
    assert later.bench.queues.begin_upgrade(movie, present, better)
    later.bench.start()
    later.check()
    assert later.entry.upgrade is None
    assert later.bench.queues.begin_upgrade(movie, present, better)
    later.become(_BLURAY, TorrentPhase.DOWNLOADING, 0.2)
    later.bench.start()
    later.check()
    assert later.entry.upgrade
    assert later.entry.upgrade.follow
    later.arrive(_BLURAY)
    assert later.taken == f"filelist:{_BLURAY}"
    assert len(later.upgrades) == 1


def test_an_outage_is_no_end(later: Later) -> None:
    """A client that cannot be reached while it is handed over: it is looked for, and taken at a later check."""
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.bench.client.errors.append(NetworkError("no answer"))
    later.check()
    assert later.bench.client.added == [hash_of(_WEB)]
    later.check(3)
    assert later.entry.upgrade
    assert later.bench.client.added == [hash_of(_WEB), hash_of(_BLURAY)]


def test_a_client_that_tells_nothing(tmp_path: Path) -> None:
    """With a watch folder the better release counts at once, and is told once."""
    later = Later(tmp_path, follows=False)
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.check(2)
    assert later.taken == f"filelist:{_BLURAY}"
    assert [event.after for event in later.upgrades] == ["Bluray-1080p"]
    assert len(later.entry.replaced) == 1


def test_the_older_torrent_is_tagged_and_looked_after(later: Later) -> None:
    """Until it has seeded as the tracker asks; then no more is asked."""
    bench = later.bench
    bench.seeding_rules = {"filelist": SeedingRule(1.0, 48 * 3600.0)}
    bench.start()
    later.appear(release(_BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.become(_WEB, TorrentPhase.WHOLE, 1.0, ratio=0.25, seeding_seconds=10 * 3600)
    later.arrive(_BLURAY)
    later.work()
    assert bench.client.held[hash_of(_WEB)].tags == (REPLACED_TAG,)
    (old,) = later.entry.replaced
    assert (old.seeding.ratio, old.seeding.seconds, old.seeding.is_settled) == (0.25, 36_000, False)
    later.become(_WEB, TorrentPhase.WHOLE, 1.0, ratio=0.5, seeding_seconds=49 * 3600)
    later.check()
    assert later.entry.replaced[0].seeding.is_settled
    bench.journal.clear()
    later.check(5)
    assert "states" not in bench.journal


def test_a_year_brings_no_endless_row(tmp_path: Path) -> None:
    """Better, worse and equal releases appear each day for a year: each film is exchanged a few times at most."""
    later = Later(tmp_path)
    kinds = [
        "1080p.WEB-DL.x264",
        "720p.WEB-DL.x264",
        "PROPER.1080p.WEB-DL.x264",
        "1080p.BluRay.x264",
        "PROPER.1080p.BluRay.x264",
    ]
    calls = 0
    for day in range(365):
        later.appear(release(2000 + day, kinds[day % len(kinds)]))
        later.bench.journal.clear()
        later.check(4)
        calls = max(calls, later.bench.journal.count("latest"))
        for number in [int(info_hash, 16) for info_hash in later.bench.client.added]:
            later.become(number, TorrentPhase.WHOLE, 1.0)
        later.bench.clock.advance(_DAY - 4 * _CHECK)
        later.work()
    assert len(later.bench.client.added) <= 3
    assert calls <= 4
    assert len(later.upgrades) == len(later.bench.client.added) - 1
