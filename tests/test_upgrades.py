"""Better releases that appear later, with a worker between fakes: once, only better ones, and nothing is lost."""

import dataclasses
from pathlib import Path

import pytest
from house.films import film, hash_of, on_filelist
from house.later import BLURAY, CHECK, DAY, PROPER, RULES, WEB, Later, release

from movie_sync.domain.events import EventKind
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.selection import improvements, rank
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import NetworkError, ReleaseError
from movie_sync.following.seeding import REPLACED_TAG
from movie_sync.queues.releases import Stage


@pytest.fixture
def later(tmp_path: Path) -> Later:
    """A film that may get a better release."""
    return Later(tmp_path)


def test_a_better_release_takes_the_place_of_the_present_one(later: Later) -> None:
    """Handed over, followed, told once; the entry stays completed, the older torrent where it is."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]
    assert later.taken == f"filelist:{WEB}", "until the better one is whole"
    assert later.entry.upgrade
    assert later.upgrades == []
    later.arrive(BLURAY)
    entry = later.entry
    assert later.taken == f"filelist:{BLURAY}"
    assert entry.upgrade is None
    assert entry.follow
    assert (entry.follow.stage, entry.follow.path) == (Stage.DOWNLOADED, f"/f/{BLURAY}")
    assert [old.choice.info_hash for old in entry.replaced] == [hash_of(WEB)]
    (told,) = later.upgrades
    assert (told.before, told.after, told.path) == ("WEB-1080p", "Bluray-1080p", f"/f/{BLURAY}")
    assert hash_of(WEB) in later.bench.client.held
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
    later.bench.clock.advance(30 * DAY)
    later.bench.journal.clear()
    later.check(48)
    assert [call for call in later.bench.journal if "latest" in call] == []


def test_nothing_is_asked_without_the_setting(tmp_path: Path) -> None:
    """By default what was taken is kept: not one call more than before."""
    later = Later(tmp_path, QualityRules())
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.journal.clear()
    later.check(48)
    assert later.bench.journal == []
    assert later.taken == f"filelist:{WEB}"


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
    candidates = rank(film(0), [release(1, appearing)], RULES, later.bench.clock.now())
    name = release(2, taken).name if taken else "Heat"
    assert bool(improvements(film(0), name, candidates, RULES)) == is_better


def test_a_release_that_the_user_took_is_never_exchanged(later: Later) -> None:
    """Nor is one taken that he rejected."""
    later.bench.queues.reject(film(0), on_filelist(BLURAY))
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check(2)
    assert len(later.bench.client.added) == 1
    later.bench.queues.grab(film(0), on_filelist(WEB))
    later.appear(release(PROPER, "1080p.BluRay.x264"))
    later.check(2)
    assert len(later.bench.client.added) == 1


def test_the_users_word_while_a_better_one_is_on_its_way(later: Later) -> None:
    """A `reject` of it ends it, and a `grab` of another release is taken instead of both."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.bench.queues.reject(film(0), on_filelist(BLURAY))
    assert later.entry.upgrade is None
    assert later.taken == f"filelist:{WEB}"
    later.appear(release(PROPER, "PROPER.1080p.BluRay.x264"))
    later.check()
    assert later.entry.upgrade
    later.bench.tracker.offer(film(0).imdb_id or "", release(400, "720p.WEB-DL.x264"))
    later.bench.queues.grab(film(0), on_filelist(400))
    later.work()
    assert later.taken == "filelist:400"
    later.become(PROPER, TorrentPhase.WHOLE, 1.0)
    later.check(3)
    assert later.taken == "filelist:400"
    assert later.upgrades == []


def test_never_two_at_once(later: Later) -> None:
    """While one is on its way no other is begun, however much better."""
    later.appear(release(PROPER, "PROPER.1080p.WEB-DL.x264"))
    later.check()
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check(3)
    assert later.bench.client.added == [hash_of(WEB), hash_of(PROPER)]
    later.arrive(PROPER)
    later.check()
    assert later.bench.client.added == [hash_of(WEB), hash_of(PROPER), hash_of(BLURAY)]
    later.arrive(BLURAY)
    assert [old.choice.info_hash for old in later.entry.replaced] == [hash_of(WEB), hash_of(PROPER)]


@pytest.mark.parametrize("how", ["stalls", "is taken out", "is refused by the client"])
def test_one_that_does_not_come(later: Later, how: str) -> None:
    """The film keeps what it has, and that release is not tried again."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    if how == "is refused by the client":
        later.bench.client.errors.append(ReleaseError("refused"))
    later.check()
    if how == "stalls":
        later.become(BLURAY, TorrentPhase.AWAITING_PEERS, 0.1)
        for _ in range(3 * 60):
            later.bench.clock.advance(60)
            later.work()
    elif how == "is taken out":
        later.become(BLURAY, TorrentPhase.DOWNLOADING, 0.1)
        later.check()
        later.bench.client.held.pop(hash_of(BLURAY))
        for _ in range(10):
            later.bench.clock.advance(60)
            later.work()
    later.check(5)
    assert later.entry.upgrade is None
    assert later.taken == f"filelist:{WEB}"
    assert later.bench.client.added.count(hash_of(BLURAY)) <= 1
    assert later.upgrades == []


def test_a_run_that_was_cut_short(later: Later) -> None:
    """What was written down and is in the client is followed; what is not there is found anew."""
    movie, present = film(0), later.entry.choice
    assert present
    better = dataclasses.replace(
        present, id=on_filelist(BLURAY), info_hash=hash_of(BLURAY), release="X.1080p.BluRay"
    )
    assert later.bench.queues.begin_upgrade(movie, present, better)
    later.bench.start()
    later.check()
    assert later.entry.upgrade is None
    assert later.bench.queues.begin_upgrade(movie, present, better)
    later.become(BLURAY, TorrentPhase.DOWNLOADING, 0.2)
    later.bench.start()
    later.check()
    assert later.entry.upgrade
    assert later.entry.upgrade.follow
    later.arrive(BLURAY)
    assert later.taken == f"filelist:{BLURAY}"
    assert len(later.upgrades) == 1


def test_an_outage_is_no_end(later: Later) -> None:
    """A client that cannot be reached while it is handed over: it is looked for, and taken at a later check."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.client.errors.append(NetworkError("no answer"))
    later.check()
    assert later.bench.client.added == [hash_of(WEB)]
    later.check(3)
    assert later.entry.upgrade
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]


def test_a_client_that_tells_nothing(tmp_path: Path) -> None:
    """With a watch folder the better release counts at once, and is told once."""
    later = Later(tmp_path, follows=False)
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check(2)
    assert later.taken == f"filelist:{BLURAY}"
    assert [event.after for event in later.upgrades] == ["Bluray-1080p"]
    assert len(later.entry.replaced) == 1


def test_the_older_torrent_is_tagged_and_looked_after(later: Later) -> None:
    """Until it has seeded as the tracker asks; then no more is asked."""
    bench = later.bench
    bench.seeding_rules = {"filelist": SeedingRule(1.0, 48 * 3600.0)}
    bench.start()
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.become(WEB, TorrentPhase.WHOLE, 1.0, ratio=0.25, seeding_seconds=10 * 3600)
    later.arrive(BLURAY)
    later.work()
    assert bench.client.held[hash_of(WEB)].tags == (REPLACED_TAG,)
    (old,) = later.entry.replaced
    assert (old.seeding.ratio, old.seeding.seconds, old.seeding.is_settled) == (0.25, 36_000, False)
    later.check(2)
    stored = (bench.folder / "queue_completed.json").stat().st_ino
    later.check(2)
    assert (bench.folder / "queue_completed.json").stat().st_ino == stored, "nothing new is not written"
    later.become(WEB, TorrentPhase.WHOLE, 1.0, ratio=0.5, seeding_seconds=49 * 3600)
    later.check()
    assert later.entry.replaced[0].seeding.is_settled
    later.become(BLURAY, TorrentPhase.WHOLE, 1.0, ratio=1.0)
    later.check()
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
        later.bench.clock.advance(DAY - 4 * CHECK)
        later.work()
    assert len(later.bench.client.added) <= 3
    assert calls <= 4
    assert len(later.upgrades) == len(later.bench.client.added) - 1
