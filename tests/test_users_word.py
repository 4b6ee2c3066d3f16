"""What the user says of one film's releases: it takes precedence over the rules, and is kept for good."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.films import film, hash_of, on_filelist, release_of
from house.workers import Bench

from movie_sync.domain.models import Choice, Movie, QueueName, Reason, ReleaseId, UserWord
from movie_sync.domain.quality_rules import PRESETS, QualityRules
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.entry import FailedRelease, Stage, TorrentProgress

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
    bench.queues.grab(film(0), on_filelist(102))
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
    assert entry.error == "the release you grabbed (filelist:999) isn't on the tracker any more"


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


def test_taken_again_after_another_one(bench: Bench) -> None:
    """Also where the client does not hold it any more: nothing that was done before stands against it."""
    for number in (100, 101, 100):
        bench.queues.grab(film(0), on_filelist(number))
        work(bench)
        bench.client.held.clear()
    assert taken(bench) == "filelist:100"
    assert [old.choice.id for old in bench.only(COMPLETED).replaced] == [on_filelist(101)]
    assert len(bench.client.added) == 3


def test_one_that_came_to_nothing_before_is_taken_all_the_same(bench: Bench) -> None:
    """The torrent may have stalled, under another tracker's name too: the user's word goes before that."""
    bench.follow(FollowPolicy(stalled_after_seconds=7200))
    work(bench)
    bench.queues.give_up(film(0), FailedRelease(choice_of(bench), "stalled"))
    bench.client.held.clear()
    bench.queues.grab(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:100"
    assert bench.only(COMPLETED).tried == ()


def test_the_one_before_is_no_worse_for_having_been_replaced(bench: Bench) -> None:
    """When the one that was taken is rejected, or comes to nothing, the older is the film again."""
    work(bench)
    bench.queues.grab(film(0), on_filelist(102))
    work(bench)
    bench.queues.reject(film(0), on_filelist(102))
    work(bench)
    assert len(bench.client.added) == 2
    assert choice_of(bench).info_hash == hash_of(100)
    assert [old.choice.id for old in bench.only(COMPLETED).replaced] == [on_filelist(102)]


@pytest.mark.parametrize("word", ["grab", "reject"])
def test_a_word_given_between_the_hand_over_and_its_record(bench: Bench, word: str) -> None:
    """What was handed over a moment before is not the film any more, and the word is not lost."""
    given = []

    def give(_choice: object) -> None:
        if not given:
            given.append(bench.queues.reject if word == "reject" else bench.queues.grab)
            given[0](film(0), on_filelist(100 if word == "reject" else 102))

    bench.tell = give
    bench.start()
    work(bench)
    assert given
    assert taken(bench) == ("filelist:101" if word == "reject" else "filelist:102")
    assert [old.choice.id for old in bench.only(COMPLETED).replaced] == [on_filelist(100)]


def test_a_word_given_while_a_film_is_found_on_the_disk(bench: Bench) -> None:
    """The file is not what the user took a moment before."""
    bench.library.places[film(0).title] = "/films/alpha.mkv"
    told = bench.queues.add_to_completed
    bench.queues.grab(film(0), on_filelist(102))
    assert not told(film(0), Reason.ALREADY_DOWNLOADED, where="/films/alpha.mkv")
    work(bench)
    assert taken(bench) == "filelist:102"


def test_a_word_given_while_nothing_is_found(bench: Bench) -> None:
    """The film does not wait for its next attempt: it is looked for anew by what was said."""
    bench.rules = replace(bench.rules, order=("Remux-2160p",))
    bench.start()
    bench.tracker.when_searched = lambda: bench.queues.grab(film(0), on_filelist(102))
    work(bench)
    assert taken(bench) == "filelist:102"


def test_the_present_one_of_a_failed_or_removed_film(bench: Bench) -> None:
    """It is taken, whatever queue the film had come to."""
    bench.queues.note_choice(film(0), choice_to(100))
    bench.queues.add_to_failed(film(0), "the client refused it", None)
    bench.queues.grab(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:100"
    bench.queues.remove([film(0).slug])
    bench.queues.grab(film(0), on_filelist(100))
    assert bench.only(PENDING).by_command
    work(bench)
    assert taken(bench) == "filelist:100"
    assert len(bench.client.added) == 1


def test_the_present_one_that_was_taken_out_of_the_client(bench: Bench) -> None:
    """It is handed over again."""
    bench.follow(FollowPolicy(stalled_after_seconds=7200))
    work(bench)
    bench.client.held.clear()
    for _ in range(3):
        bench.clock.advance(7200)
        bench.worker.step()
    assert bench.only(COMPLETED).follow.stage is Stage.REMOVED
    bench.queues.grab(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:100"
    assert len(bench.client.added) == 2


@pytest.mark.parametrize("word", ["grab", "reject"])
def test_what_was_given_up_does_not_end_the_users_word(bench: Bench, word: str) -> None:
    """A torrent that comes to its end after all is not the film if another one was taken, or it was rejected."""
    bench.follow(FollowPolicy(stalled_after_seconds=7200))
    work(bench)
    old = choice_of(bench)
    bench.queues.give_up(film(0), FailedRelease(old, "stalled"))
    bench.queues.grab(film(0), on_filelist(101)) if word == "grab" else bench.queues.reject(film(0), old.id)
    assert old.info_hash not in bench.queues.followed_hashes()
    follow = TorrentProgress(Stage.DOWNLOADED, bench.clock.now())
    assert not bench.queues.finish_with(film(0), old, follow, overtaken="")


def test_a_rejected_file_is_not_found_on_the_disk_as_the_film(bench: Bench) -> None:
    """A torrent's files bear its own name, which need not be the release's."""
    bench.follow(FollowPolicy(stalled_after_seconds=7200))
    work(bench)
    follow = TorrentProgress(Stage.DOWNLOADED, bench.clock.now(), path="D:\\films\\Made Up Alpha (1950)")
    bench.queues.note_progress({choice_of(bench).info_hash: follow})
    bench.library.places[film(0).title] = "/films/Made Up Alpha (1950)/alpha.mkv"
    bench.queues.reject(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:101"


def test_rejecting_the_one_that_is_waited_for(bench: Bench) -> None:
    """The next one is taken now, not with the next attempt."""
    bench.queues.grab(film(0), on_filelist(999))
    work(bench)
    bench.queues.reject(film(0), on_filelist(999))
    work(bench)
    assert taken(bench) == "filelist:100"


def test_a_preset_for_a_film_in_hand(bench: Bench) -> None:
    """What is about to be handed over stays known: after a crash it is looked for."""
    bench.queues.note_choice(film(0), choice_to(100))
    bench.queues.add_by_command([film(0)], "small")
    assert bench.only(PENDING).choice == choice_to(100)
    assert bench.only(PENDING).word.preset == "small"
    bench.queues.add_by_command([film(0)])
    assert bench.only(PENDING).word.preset == "small"


def test_a_series_is_taken_by_command(bench: Bench) -> None:
    """Set aside it is for the rules alone."""
    bench.pages.films[film(0).id] = replace(film(0), is_series=True)
    work(bench)
    assert "series" in (bench.only_failed().error or "")
    bench.queues.grab(film(0), on_filelist(100))
    work(bench)
    assert taken(bench) == "filelist:100"


def test_room_is_kept_and_twice_is_once(bench: Bench) -> None:
    """The word does not go before room on the disk; said twice it does no harm."""
    bench.follow(FollowPolicy(stalled_after_seconds=7200), min_free_bytes=10**9)
    bench.client.free_bytes = 2 * 10**9
    bench.queues.grab(film(0), on_filelist(101))
    bench.queues.grab(film(0), on_filelist(101))
    bench.worker.step()
    assert not bench.client.added
    bench.client.free_bytes = 10**12
    bench.clock.advance(7200)
    bench.worker.step()
    work(bench)
    assert taken(bench) == "filelist:101"
    bench.queues.grab(film(0), on_filelist(101))
    assert taken(bench) == "filelist:101"
    assert bench.only(COMPLETED).choice.info_hash in bench.queues.followed_hashes()


def test_the_search_shows_what_was_said(bench: Bench) -> None:
    """The one that was taken comes first, whatever the rules say; the others are refused for it."""
    word = UserWord("", on_filelist(102), (on_filelist(101),))
    found = bench.worker.sessions.get().downloader.search(film(0), (), word)
    assert [(each.release.id.number, each.accepted, each.reasons[0]) for each in found.candidates] == [
        (102, True, "grabbed by you"),
        (100, False, "you grabbed filelist:102"),
        (101, False, "rejected by you"),
    ]


def choice_of(bench: Bench) -> Choice:
    """Return the choice of the one completed film."""
    choice = bench.only(COMPLETED).choice
    assert choice
    return choice


def choice_to(number: int) -> Choice:
    """Return the choice of one of the three."""
    return Choice("", on_filelist(number), hash_of(number))
