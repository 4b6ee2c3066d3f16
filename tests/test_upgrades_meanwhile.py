"""What happens meanwhile: the user's word, outages, hand edits, and what is found out late."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.fakes import FakeTracker
from house.films import film, hash_of, on_filelist
from house.later import BLURAY, CHECK, OTHERS, PROPER, RULES, WEB, Later, release

from movie_sync.domain.models import Choice, Filing, QueueName
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.selection import improvements, rank
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import NetworkError, ReleaseError
from movie_sync.following.follower import FollowPolicy
from movie_sync.following.seeding import REPLACED_TAG
from movie_sync.queues.book import queue_path
from movie_sync.queues.codec import entry_from_dict, entry_to_dict
from movie_sync.queues.releases import FailedRelease, Seeding
from movie_sync.reports.lines import state_of
from movie_sync.reports.status import overview


@pytest.fixture
def later(tmp_path: Path) -> Later:
    """A film that may get a better release."""
    return Later(tmp_path)


def test_a_grab_of_what_the_film_has_ends_a_better_one(later: Later) -> None:
    """What the user takes is not exchanged, also if the better one was on its way before."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.bench.queues.grab(film(0), on_filelist(WEB))
    later.arrive(BLURAY)
    later.check(3)
    assert later.taken == f"filelist:{WEB}"
    assert later.upgrades == []
    assert hash_of(BLURAY) in later.bench.queues.torrents_of(film(0)), "it is not forgotten"


def test_a_grab_of_the_better_one_makes_it_the_films(later: Later) -> None:
    """It is followed as any release that was taken; if it stalls, the film is not left with it."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.bench.queues.grab(film(0), on_filelist(BLURAY))
    assert later.taken == f"filelist:{BLURAY}"
    later.become(BLURAY, TorrentPhase.AWAITING_PEERS, 0.1)
    for _ in range(3 * 60):
        later.bench.clock.advance(60)
        later.work()
    assert later.taken == f"filelist:{WEB}", "the rules choose again"
    assert later.entry.word.grabbed is None


def test_a_grab_of_the_better_one_while_it_is_handed_over(later: Later) -> None:
    """Whatever the client has of it, it is taken, once."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.tracker.when_fetched = lambda: None
    later.bench.client.errors.append(NetworkError("no answer"))
    later.check()
    assert later.entry.upgrade
    assert later.entry.upgrade.follow is None
    later.bench.queues.grab(film(0), on_filelist(BLURAY))
    later.check()
    assert later.taken == f"filelist:{BLURAY}"
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]


def test_a_reject_of_the_present_one_leaves_the_better_one(later: Later) -> None:
    """It is on its way already: it is the film's, and no other one is looked for."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.bench.queues.reject(film(0), on_filelist(WEB))
    later.arrive(BLURAY)
    later.check(2)
    assert later.taken == f"filelist:{BLURAY}"
    assert [old.choice.info_hash for old in later.entry.replaced] == [hash_of(WEB)]
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]


def test_a_film_that_is_asked_for_anew_forgets_no_torrent(later: Later) -> None:
    """Added by command while a better one is on its way: the whole one is found, and both are known."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.bench.queues.add_by_command([film(0)])
    later.check(2)
    assert later.taken == f"filelist:{WEB}"
    assert set(later.bench.queues.torrents_of(film(0))) == {hash_of(WEB), hash_of(BLURAY)}
    later.bench.queues.remove([film(0).slug])
    assert set(later.bench.queues.torrents_of(film(0))) == {hash_of(WEB), hash_of(BLURAY)}


def test_a_new_upload_is_taken_once_somebody_has_it(later: Later) -> None:
    """Its first look does not count for good while it is among the newest; the page is read once."""
    bare = dataclasses.replace(release(BLURAY, "1080p.BluRay.x264"), seeders=0)
    later.appear(bare, release(PROPER, "1080p.WEB-DL.x264.Other"))
    later.bench.journal.clear()
    later.check(5)
    assert len(later.bench.client.added) == 1
    later.bench.tracker.newest = [dataclasses.replace(bare, seeders=5), *later.bench.tracker.newest[1:]]
    later.check()
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]
    assert later.bench.journal.count("page") == 1


def test_no_room_costs_no_page_each_time(tmp_path: Path) -> None:
    """While the disk is full films are looked for again and again, with what their pages told once."""
    later = Later(tmp_path)
    later.bench.tracker.offer(film(1).imdb_id or "", release(400, "1080p.WEB-DL.x264", film(1)))
    later.bench.queues.add_all_to_pending([film(1)])
    later.work()
    later.arrive(400)
    later.bench.follow(FollowPolicy(2 * CHECK), min_free_bytes=10**9)
    later.bench.client.free_bytes = 5 * 10**9
    later.appear(release(BLURAY, "1080p.BluRay.x264"), release(500, "1080p.BluRay.x264", film(1)))
    later.bench.journal.clear()
    later.check(5)
    assert len(later.bench.client.added) == 2
    assert later.bench.journal.count("page") == 2
    later.bench.client.free_bytes = 10**12
    later.check()
    assert set(later.bench.client.added[2:]) == {hash_of(BLURAY), hash_of(500)}


def test_a_broken_release_is_fetched_once(later: Later) -> None:
    """What came to nothing is not tried at each check, and the next best one is taken."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.tracker.broken[BLURAY] = ReleaseError("no torrent")
    later.bench.journal.clear()
    later.check(4)
    assert later.bench.journal.count(f"torrent {BLURAY}") == 1
    later.appear(release(PROPER, "PROPER.1080p.BluRay.x264"))
    later.check()
    assert later.bench.client.added == [hash_of(WEB), hash_of(PROPER)]
    assert later.bench.journal.count(f"torrent {BLURAY}") == 1


def test_a_client_that_shows_nothing_for_a_moment(later: Later) -> None:
    """An older torrent counts as gone after two looks, and is marked when it is back."""
    bench = later.bench
    bench.seeding_rules = {"filelist": SeedingRule(1.0, 48 * 3600.0)}
    bench.start()
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    older = bench.client.held.pop(hash_of(WEB))
    later.arrive(BLURAY)
    assert later.entry.replaced[0].seeding.is_gone
    bench.client.held[hash_of(WEB)] = older
    later.check()
    assert not later.entry.replaced[0].seeding.is_gone
    assert bench.client.held[hash_of(WEB)].tags == (REPLACED_TAG,)
    del bench.client.held[hash_of(WEB)]
    later.become(BLURAY, TorrentPhase.WHOLE, 1.0, ratio=1.0)
    later.check(2)
    assert later.entry.replaced[0].seeding.is_settled
    bench.journal.clear()
    later.check(3)
    assert "states" not in bench.journal


def test_an_older_one_that_is_taken_again_loses_its_mark(later: Later) -> None:
    """Who deletes what is tagged must not delete what the film has."""
    bench = later.bench
    bench.seeding_rules = {"filelist": SeedingRule(1.0, 48 * 3600.0)}
    bench.start()
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.arrive(BLURAY)
    assert bench.client.held[hash_of(WEB)].tags == (REPLACED_TAG,)
    comment = f"https://filelist.io/details.php?id={WEB}"
    later.become(WEB, TorrentPhase.WHOLE, 1.0, tags=(REPLACED_TAG,), comment=comment)
    bench.queues.grab(film(0), on_filelist(WEB))
    later.check(2)
    assert later.taken == f"filelist:{WEB}"
    assert bench.client.held[hash_of(WEB)].tags == ()
    assert bench.client.held[hash_of(BLURAY)].tags == (REPLACED_TAG,)


def test_a_client_that_does_not_follow_any_more(later: Later, tmp_path: Path) -> None:
    """Changed for a watch folder while a better one is on its way: that has an end."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    bench = later.bench
    assert later.entry.upgrade
    bench.client.held.clear()
    bench.tracker.newest = list(OTHERS)
    bench.follow_policy, bench.looks_at_newest = None, True
    bench.start()
    later.check()
    assert later.entry.upgrade is None
    assert later.taken == f"filelist:{WEB}"


def test_a_film_that_is_good_enough_costs_no_call(later: Later) -> None:
    """The newest releases are asked for while a film was taken below `until`, and no longer."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.arrive(BLURAY)
    later.bench.journal.clear()
    later.check(5)
    assert "latest" not in later.bench.journal


def test_a_time_to_come_has_an_end(later: Later) -> None:
    """What a wrong clock noted does not let a film be looked for through years."""
    plain = entry_to_dict(later.entry, QueueName.COMPLETED) | {"completed_at": "2099-01-01T00:00:00Z"}
    queue_path(later.bench.folder, QueueName.COMPLETED).write_text(json.dumps([plain]))
    later.bench.start()
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check(3)
    assert len(later.bench.client.added) == 1


@pytest.mark.parametrize(
    ("taken", "appearing", "languages", "is_better"),
    [
        ("MULTI.1080p.WEB-DL.x264", "ITA.1080p.BluRay.x264", ("original",), False),
        ("ITA.1080p.WEB-DL.x264", "ITA.1080p.BluRay.x264", ("original",), True),
        ("ROMANIAN.1080p.WEB-DL.x264", "PROPER.1080p.WEB-DL.x264", ("Romanian", "original"), False),
        ("1080p.WEB-DL.x264", "PROPER.ROMANIAN.1080p.WEB-DL.x264", ("Romanian", "original"), True),
    ],
)
def test_languages_are_no_price(
    later: Later, taken: str, appearing: str, languages: tuple[str, ...], is_better: bool
) -> None:
    """A better picture is no reason for a dub, nor is a PROPER for a language that comes later."""
    rules = dataclasses.replace(RULES, languages=languages, reject_dubbed=False)
    movie = dataclasses.replace(film(0), original_language="English", page_read=True)
    candidates = rank(movie, [release(1, appearing)], rules, later.bench.clock.now())
    assert bool(improvements(movie, release(2, taken).name, candidates, rules)) == is_better


def test_only_names_tell_of_a_better_quality(later: Later) -> None:
    """How a tracker files a release is not known of the present one, so it does not count for the others."""
    filed = dataclasses.replace(release(1, "1080p.x264"), filed_as=Filing(source="Bluray"))
    candidates = rank(film(0), [filed], RULES, later.bench.clock.now())
    assert candidates[0].quality == "Bluray-1080p"
    assert improvements(film(0), release(2, "1080p.WEB-DL.x264").name, candidates, RULES) == []


def test_a_release_in_the_films_language_is_found_without_its_page(later: Later) -> None:
    """The page is read when something may be better, and tells whether it is."""
    later.bench.pages.films[film(0).id] = dataclasses.replace(film(0), original_language="Romanian")
    later.appear(release(BLURAY, "ROMANIAN.1080p.BluRay.x264"))
    later.check()
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]


def test_a_better_release_that_is_the_present_one_is_none(later: Later) -> None:
    """So a hand edit may have it."""
    plain = entry_to_dict(later.entry, QueueName.COMPLETED)
    plain["upgrade"] = {"release": "X", "info_hash": hash_of(WEB).upper(), "stage": "added"}
    assert entry_from_dict(plain, later.bench.clock.now()).upgrade is None
    plain["replaced"] = [{"release": "X", "info_hash": hash_of(WEB)}]
    queue_path(later.bench.folder, QueueName.COMPLETED).write_text(json.dumps([plain]))
    later.bench.seeding_rules = {}
    later.bench.start()
    later.check(2)
    assert later.bench.client.held[hash_of(WEB)].tags == ()


@pytest.mark.parametrize("odd", [3, [], "x", {}, {"info_hash": ["a"]}])
def test_an_odd_hand_edit_is_none(later: Later, odd: object) -> None:
    """What names no torrent is no better release."""
    plain = entry_to_dict(later.entry, QueueName.COMPLETED) | {"upgrade": odd, "replaced": odd}
    entry = entry_from_dict(plain, later.bench.clock.now())
    assert (entry.upgrade, entry.replaced) == (None, ())


def test_a_better_one_that_somebody_calls_downloaded(later: Later) -> None:
    """A look tells whether it is; and nothing has seeded for less than no time."""
    now = later.bench.clock.now()
    plain = entry_to_dict(later.entry, QueueName.COMPLETED)
    plain["upgrade"] = {"release": "X", "info_hash": hash_of(BLURAY), "stage": "downloaded", "progress": 1.0}
    plain["replaced"] = [{"release": "Y", "info_hash": hash_of(7), "seeding_seconds": -5}]
    assert entry_from_dict(plain, now).replaced[0].seeding.seconds == 0
    queue_path(later.bench.folder, QueueName.COMPLETED).write_text(json.dumps([plain]))
    later.bench.start()
    later.arrive(BLURAY)
    later.check(2)
    assert later.entry.upgrade is None
    assert later.entry.choice
    assert later.entry.choice.info_hash == hash_of(BLURAY)
    assert len(later.upgrades) == 1


def test_the_queue_shows_a_better_one(later: Later) -> None:
    """Beside what the film has."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.check()
    later.become(BLURAY, TorrentPhase.DOWNLOADING, 0.4)
    later.check()
    better = release(BLURAY, "1080p.BluRay.x264").name
    words = state_of(QueueName.COMPLETED, later.entry, datetime.now(UTC))
    assert words.endswith(f"; a better one, downloading, 40%: {better}")


def test_what_was_replaced_is_not_shown_for_ever(later: Later) -> None:
    """Nobody looks at it any more once it has seeded enough, so after a month nothing is said of it."""
    now = later.bench.clock.now()
    old = FailedRelease(
        Choice("X", on_filelist(1), hash_of(1)), "why", seeding=Seeding(now, 2.0, 9, is_settled=True)
    )
    entry = later.entry._replace(replaced=(old,))
    queues = {QueueName.PENDING: [], QueueName.FAILED: [], QueueName.COMPLETED: [entry]}
    assert overview(queues, [], now=now).replaced
    assert not overview(queues, [], now=now + timedelta(days=40)).replaced


def test_twelve_at_once_keep_to_their_places(tmp_path: Path) -> None:
    """No more are unfinished at once than may be; the others come at later checks, each once."""
    later = Later(tmp_path)
    for number in range(1, 12):
        later.bench.tracker.offer(
            film(number).imdb_id or "", release(400 + number, "1080p.WEB-DL.x264", film(number))
        )
    later.bench.queues.add_all_to_pending([film(number) for number in range(1, 12)])
    later.work()
    for number in range(401, 412):
        later.arrive(number)
    later.bench.follow(FollowPolicy(200 * CHECK), max_unfinished=3)
    later.appear(*(release(500 + number, "1080p.BluRay.x264", film(number)) for number in range(12)))
    later.bench.journal.clear()
    later.check(4)
    assert len(later.bench.client.added) == 12 + 3
    for _ in range(5):
        for info_hash in later.bench.client.added[12:]:
            later.become(int(info_hash, 16), TorrentPhase.WHOLE, 1.0)
        later.check()
    assert sorted(later.bench.client.added[12:]) == sorted(map(hash_of, range(500, 512)))
    assert len(later.upgrades) == 12
    assert later.bench.journal.count("page") == 12


def test_a_tracker_that_fails_for_a_moment(later: Later) -> None:
    """Of several trackers: the torrent is fetched at a later check."""
    later.bench.trackers.append(FakeTracker(later.bench.journal, "other"))
    later.bench.start()
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.tracker.errors_by_call[f"torrent {BLURAY}"] = NetworkError("no answer")
    later.check()
    assert len(later.bench.client.added) == 1
    later.bench.tracker.errors_by_call.clear()
    later.check(2)
    assert later.bench.client.added == [hash_of(WEB), hash_of(BLURAY)]


def test_one_run_takes_it_and_the_next_one_notes_it(later: Later) -> None:
    """As a timer runs it."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.start(once=True)
    later.check()
    assert later.entry.upgrade
    later.become(BLURAY, TorrentPhase.WHOLE, 1.0)
    later.bench.start(once=True)
    later.check()
    assert later.taken == f"filelist:{BLURAY}"
    assert len(later.upgrades) == 1


def test_a_word_while_the_torrent_is_fetched(later: Later) -> None:
    """What the user says in that moment holds."""
    later.appear(release(BLURAY, "1080p.BluRay.x264"))
    later.bench.tracker.when_fetched = lambda: later.bench.queues.reject(film(0), on_filelist(BLURAY))
    later.check(2)
    assert later.bench.client.added == [hash_of(WEB)]
    assert later.entry.upgrade is None
