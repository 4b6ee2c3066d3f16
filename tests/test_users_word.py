"""What the user says of one film's releases: it takes precedence over the rules, and is kept for good."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.films import film, on_filelist, release_of
from house.workers import Bench

from movie_sync.domain.models import Movie, QueueName, ReleaseId, UserWord
from movie_sync.domain.quality_rules import PRESETS, QualityRules
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.following.follower import FollowPolicy

PENDING, FAILED, COMPLETED, REMOVED = QueueName


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A worker with one film pending, and three releases of it: 100 is the best, 102 no quality to take."""
    bench = Bench(tmp_path)
    bench.queues.add_all_to_pending([film(0)])
    name = "Made.Up.Alpha.1950.{}.x264-GRP"
    bench.tracker.offer(
        film(0).imdb_id or "",
        release_of(film(0), 100),
        replace(release_of(film(0), 101), name=name.format("1080p.WEB-DL")),
        replace(release_of(film(0), 102), name=name.format("480p.WEB-DL"), size_bytes=900_000_000),
    )
    return bench


def work(bench: Bench) -> None:
    """Let the worker do what is due now."""
    while bench.queues.get_next_pending():
        bench.worker.step()


def taken(bench: Bench) -> str:
    """Return the release that the film is completed with."""
    choice = bench.only(COMPLETED).choice
    return str(choice.id) if choice else ""


def test_a_release_that_the_rules_refuse_is_taken(bench: Bench) -> None:
    """The user's word goes before quality, size and seeders."""
    assert bench.queues.grab(film(0), on_filelist(102))
    work(bench)
    assert taken(bench) == "filelist:102"
    assert bench.only(COMPLETED).word.grabbed == on_filelist(102)


def test_another_release_than_the_one_handed_over(bench: Bench) -> None:
    """The older torrent stays in the client and is known; the entry is one, and not taken for there already."""
    work(bench)
    assert taken(bench) == "filelist:100"
    bench.queues.grab(film(0), on_filelist(101))
    assert bench.only(PENDING).replaced[0].choice.id == on_filelist(100)
    work(bench)
    assert taken(bench) == "filelist:101"
    assert len(bench.client.added) == 2
    bench.queues.grab(film(0), on_filelist(101))
    assert taken(bench) == "filelist:101"
    assert len(bench.client.added) == 2


def test_a_film_in_no_queue_is_added(bench: Bench) -> None:
    """One that is in no queue, or was taken out, is queued for the release."""
    bench.queues.remove([film(0).slug])
    bench.queues.grab(film(0), on_filelist(101))
    work(bench)
    assert taken(bench) == "filelist:101"


def test_a_release_that_is_not_there_is_waited_for(bench: Bench) -> None:
    """No other one is taken in its place."""
    bench.queues.grab(film(0), on_filelist(999))
    work(bench)
    entry = bench.only_failed()
    assert entry.waits_for_release
    assert entry.error == "the release that you took (filelist:999) is not on the tracker now"


def test_a_rejected_release_is_never_taken(bench: Bench) -> None:
    """The next one is, also after the film was removed and added again; grab lifts it."""
    bench.queues.reject(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:101"
    bench.queues.remove([film(0).slug])
    bench.client.held.clear()
    bench.queues.add_by_command([film(0)])
    assert bench.only(PENDING).word.rejected == (on_filelist(100),)
    work(bench)
    assert taken(bench) == "filelist:101"
    bench.queues.grab(film(0), on_filelist(100))
    work(bench)
    assert (taken(bench), bench.only(COMPLETED).word.rejected) == ("filelist:100", ())


def test_rejecting_what_is_on_the_way_takes_the_next(bench: Bench) -> None:
    """What was handed over stays in the client, and is neither followed nor taken for the film."""
    bench.follow(FollowPolicy(stalled_after_seconds=7200))
    work(bench)
    (first,) = bench.client.added
    bench.queues.reject(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:101"
    assert first not in bench.queues.followed_hashes()
    bench.client.held[first] = replace(bench.client.held[first], phase=TorrentPhase.WHOLE, progress=1)
    bench.clock.advance(86_400)
    bench.worker.step()
    assert taken(bench) == "filelist:101"


def test_a_word_given_while_the_film_is_in_hand(bench: Bench) -> None:
    """What is about to be handed over is not, if it was rejected, or another one taken, meanwhile."""
    bench.tracker.when_fetched = lambda: bench.queues.reject(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:101"
    assert len(bench.client.added) == 1


def test_a_films_own_preset(bench: Bench) -> None:
    """It takes precedence over the rules in general, and is kept with the film."""
    bench.presets = {"small": QualityRules.from_config(PRESETS["small"])}
    bench.start()
    bench.queues.add_by_command([film(0)], "small")
    assert bench.only(PENDING).word == UserWord(preset="small")
    work(bench)
    assert taken(bench) == "filelist:102"


def test_the_word_survives_a_restart(bench: Bench) -> None:
    """It stands in the film's line."""
    bench.queues.reject(film(0), on_filelist(100))
    bench.queues.reject(film(0), ReleaseId("torznab:films", "abc"))
    bench.queues.add_by_command([film(0)], "hd")
    before = bench.only(PENDING).word
    bench.start()
    assert bench.only(PENDING).word == before
    assert before == UserWord("hd", None, (on_filelist(100), ReleaseId("torznab:films", "abc")))


def test_a_film_that_no_queue_holds_cannot_be_told(bench: Bench) -> None:
    """There is nowhere to keep it."""
    assert not bench.queues.reject(Movie("z", "z", "Z"), on_filelist(1))
