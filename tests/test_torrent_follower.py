"""What becomes of torrents that were handed over, between a worker and a client in memory."""

import dataclasses
import logging
from pathlib import Path

import pytest
from house.fakes import FakeClient
from house.films import film, hash_of, release_of
from house.workers import Bench

from movie_sync.domain.events import EventKind
from movie_sync.domain.models import HeldTorrent, QueueName
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.errors import AuthError, NetworkError, UnavailableError
from movie_sync.following.follower import FollowPolicy
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.releases import Stage, TorrentProgress
from movie_sync.storage.history import read_history

_STALLED_AFTER = 3600.0


class HandedOver:
    """One film, handed over to a client whose state the test sets."""

    def __init__(self, folder: Path, *, removes_stalled: bool = False) -> None:
        self.bench = Bench(folder)
        self.bench.follow(FollowPolicy(_STALLED_AFTER, removes_stalled))
        self.movie = film(1)
        self.bench.tracker.offer(
            self.movie.imdb_id or "", release_of(self.movie, 101), _second_release(self.movie)
        )
        self.bench.queues.add_all_to_pending([self.movie])
        self.work()
        self.hash = self.bench.client.added[0]

    @property
    def client(self) -> FakeClient:
        """The client."""
        return self.bench.client

    def work(self) -> None:
        """Let the worker do what can be done now."""
        for _ in range(50):
            if self.bench.worker.step() is not None:
                return
        raise AssertionError("the worker never rests")

    def pass_time(self, seconds: float) -> None:
        """Let time pass with a look every half a minute, as long as there is something to look at."""
        while seconds > 0:
            self.bench.clock.advance(min(30.0, seconds))
            seconds -= 30.0
            self.work()

    def become(self, phase: TorrentPhase, progress: float, *, info_hash: str = "", **more: object) -> None:
        """Let the client show a torrent so from now on."""
        wanted = info_hash or self.hash
        left = 0 if progress == 1 and not more.get("bytes_left") else int((1 - progress) * 9_000_000_000)
        values = {"bytes_left": left, "has_tracker": True, "content_path": f"/films/{wanted[-3:]}"} | more
        held = HeldTorrent(wanted, f"Torrent {wanted[-3:]}", progress, phase)
        self.client.held[wanted] = dataclasses.replace(held, **values)  # type: ignore[arg-type]

    @property
    def completed(self) -> QueueEntry:
        """The film, which is completed."""
        return self.bench.only(QueueName.COMPLETED)

    @property
    def told(self) -> list[EventKind]:
        """The kinds of events so far."""
        return [event.kind for event in self.bench.told]


def _second_release(movie):  # type: ignore[no-untyped-def]
    return dataclasses.replace(
        release_of(movie, 102), name=release_of(movie, 102).name.replace("BluRay", "WEB-DL")
    )


@pytest.fixture
def scene(tmp_path: Path) -> HandedOver:
    """A film that was handed over."""
    return HandedOver(tmp_path)


def test_a_film_is_followed_until_its_files_are_there(scene: HandedOver) -> None:
    """The completed entry tells the stage: added, downloading, downloaded with the place."""
    assert scene.completed.follow
    assert scene.completed.follow.stage is Stage.ADDED
    scene.become(TorrentPhase.DOWNLOADING, 0.4, bytes_a_second=1_000_000)
    scene.pass_time(30)
    follow = scene.completed.follow
    assert follow
    assert (follow.stage, follow.progress, follow.bytes_a_second) == (Stage.DOWNLOADING, 0.4, 1_000_000)
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(30)
    follow = scene.completed.follow
    assert follow
    assert (follow.stage, follow.path) == (Stage.DOWNLOADED, "/films/065")
    assert follow.since <= scene.bench.clock.now()
    assert scene.told == [EventKind.ADDED, EventKind.DOWNLOADED]
    scene.client.journal.clear()
    scene.pass_time(3600)
    assert scene.client.journal == [], "nothing is asked any more"


def test_what_is_rechecked_is_whole_only_once_the_client_has_looked(scene: HandedOver) -> None:
    """A client calls a torrent whole for a moment after it was made to compare its files, which are gone."""
    now = scene.bench.clock.now()
    scene.bench.queues.note_progress({scene.hash: TorrentProgress(Stage.ADDED, now, rechecked_at=now)})
    scene.bench.follow(FollowPolicy(_STALLED_AFTER))
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(5)
    assert scene.completed.is_unfinished
    scene.become(TorrentPhase.DOWNLOADING, 0.1)
    scene.pass_time(5)
    assert scene.completed.is_unfinished
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(30)
    assert not scene.completed.is_unfinished


@pytest.mark.parametrize("phase", [TorrentPhase.MOVING, TorrentPhase.CHECKING])
def test_progress_one_alone_is_not_the_end(scene: HandedOver, phase: TorrentPhase) -> None:
    """While files are moved or checked they are not there yet."""
    scene.become(phase, 1.0)
    scene.pass_time(300)
    assert scene.completed.is_unfinished
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(60)
    assert not scene.completed.is_unfinished


def test_a_stalled_torrent_is_replaced_by_the_next_release(scene: HandedOver) -> None:
    """No progress for long enough: the next release is taken, the first one never again."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER + 120)
    assert scene.client.added == [hash_of(101), hash_of(102)]
    entry = scene.completed
    assert [old.choice.info_hash for old in entry.tried] == [hash_of(101)]
    assert "almost no data" in entry.tried[0].why
    assert hash_of(101) in scene.client.held, "nothing is taken out of the client"
    assert scene.told.count(EventKind.REPLACED) == 1
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0, info_hash=hash_of(102))
    scene.pass_time(2 * _STALLED_AFTER)
    failed = scene.bench.only(QueueName.FAILED)
    assert [old.choice.info_hash for old in failed.tried] == [hash_of(101), hash_of(102)]
    assert scene.client.added == [hash_of(101), hash_of(102)], "nothing is taken twice"
    assert failed.waits_for_release
    happened = [event.what for event in read_history(scene.bench.folder / "history.jsonl")]
    assert happened == ["handed over", "stalled", "handed over", "stalled", "refused"]


def test_the_first_to_be_whole_wins(scene: HandedOver) -> None:
    """A torrent that was given up and comes to its end all the same completes the film."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.5)
    scene.pass_time(_STALLED_AFTER + 120)
    assert scene.completed.choice
    assert scene.completed.choice.info_hash == hash_of(102)
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(60)
    entry = scene.completed
    assert entry.choice
    assert entry.choice.info_hash == hash_of(101)
    assert entry.follow
    assert entry.follow.stage is Stage.DOWNLOADED
    assert [old.choice.info_hash for old in entry.tried] == [hash_of(102)]
    assert scene.told.count(EventKind.DOWNLOADED) == 1
    assert [event.what for event in read_history(scene.bench.folder / "history.jsonl")][-1] == "downloaded"


def test_a_given_up_torrent_wins_also_while_nothing_else_is_there(scene: HandedOver) -> None:
    """The film waits among the failed ones; the old torrent is still looked at and completes it."""
    scene.bench.tracker.by_imdb[scene.movie.imdb_id or ""] = []
    scene.become(TorrentPhase.AWAITING_PEERS, 0.5)
    scene.pass_time(_STALLED_AFTER + 120)
    assert scene.bench.only(QueueName.FAILED).tried
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(1200)
    assert scene.completed.follow
    assert scene.completed.follow.stage is Stage.DOWNLOADED


@pytest.mark.parametrize("phase", [TorrentPhase.STOPPED, TorrentPhase.QUEUED, TorrentPhase.CHECKING])
def test_time_in_which_it_could_not_try_does_not_count(scene: HandedOver, phase: TorrentPhase) -> None:
    """Paused, queued or being checked, a torrent is not stalled."""
    scene.become(phase, 0.02)
    scene.pass_time(3 * _STALLED_AFTER)
    assert scene.client.added == [hash_of(101)]


def test_time_without_the_client_does_not_count(scene: HandedOver) -> None:
    """While qBittorrent is out of reach no torrent stalls, and what comes after it is taken up."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER / 2)
    scene.client.error = NetworkError("qBittorrent is not reached")
    scene.pass_time(5 * _STALLED_AFTER)
    scene.client.error = None
    scene.pass_time(_STALLED_AFTER / 4)
    assert scene.client.added == [hash_of(101)]
    scene.pass_time(2 * _STALLED_AFTER)
    assert scene.client.added == [hash_of(101), hash_of(102)]


def test_progress_starts_the_count_anew(scene: HandedOver) -> None:
    """A slow torrent that gets something now and then is left to it."""
    for number in range(1, 8):
        scene.become(TorrentPhase.AWAITING_PEERS, number / 100)
        scene.pass_time(_STALLED_AFTER * 0.7)
    assert scene.client.added == [hash_of(101)]


def test_idle_time_survives_a_restart(scene: HandedOver) -> None:
    """What was counted before a restart counts, but for the last few minutes."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER * 0.8)
    scene.bench.start()
    scene.pass_time(_STALLED_AFTER * 0.4)
    assert scene.client.added == [hash_of(101), hash_of(102)]


def test_what_the_tracker_refuses_is_replaced(scene: HandedOver) -> None:
    """A torrent that the tracker does not know (any more) is given up within minutes."""
    scene.client.refusals[scene.hash] = "unregistered torrent"
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0, has_tracker=False)
    scene.pass_time(120)
    assert scene.client.added == [hash_of(101), hash_of(102)]
    assert "unregistered torrent" in scene.completed.tried[0].why


@pytest.mark.parametrize(
    "words", ["Invalid passkey!", "Your client is not allowed!", "Too many connections from your IP"]
)
def test_what_concerns_the_account_burns_no_release(scene: HandedOver, words: str) -> None:
    """The tracker refuses the user, not the torrent: said once, nothing is replaced."""
    scene.client.refusals[scene.hash] = words
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0, has_tracker=False)
    scene.pass_time(3 * _STALLED_AFTER)
    assert scene.client.added == [hash_of(101)], "also not for standing still meanwhile"
    assert scene.told.count(EventKind.REFUSED) == 1


def test_a_tracker_that_the_list_still_names_is_asked_before_a_release_is_burnt(scene: HandedOver) -> None:
    """It served the torrent once and refuses the user now; no healthy torrent costs a request for that."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0)
    scene.pass_time(_STALLED_AFTER / 2)
    assert not [what for what in scene.bench.journal if what.startswith("trackers")]
    scene.client.refusals[scene.hash] = "Invalid passkey!"
    scene.pass_time(3 * _STALLED_AFTER)
    assert scene.client.added == [hash_of(101)]
    assert scene.told.count(EventKind.REFUSED) == 1


def test_a_refusal_that_the_list_does_not_show_is_found_within_hours(scene: HandedOver) -> None:
    """Where nobody sends anything for an hour the tracker is asked, and then once an hour."""
    scene.bench.follow(FollowPolicy(48 * 3600))
    scene.become(TorrentPhase.AWAITING_PEERS, 0.5)
    scene.bench.journal.clear()
    scene.pass_time(6 * 3600)
    assert 4 <= len([what for what in scene.bench.journal if what.startswith("refusal")]) <= 6
    scene.client.refusals[scene.hash] = "unregistered torrent"
    scene.pass_time(3 * 3600)
    assert scene.client.added == [hash_of(101), hash_of(102)]
    assert "unregistered torrent" in scene.completed.tried[0].why


def test_a_tracker_out_of_reach_burns_no_release(scene: HandedOver) -> None:
    """While the tracker is down no torrent stalls; when it is back the count begins anew."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0, has_tracker=False)
    scene.pass_time(3 * _STALLED_AFTER)
    assert scene.client.added == [hash_of(101)]
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0)
    scene.pass_time(_STALLED_AFTER * 1.1)
    assert scene.client.added == [hash_of(101), hash_of(102)]


def test_what_the_user_removed_is_left_alone(scene: HandedOver, caplog: pytest.LogCaptureFixture) -> None:
    """A torrent taken out, by hand or by a rule there, stays out, and the film is not fetched unless asked for."""
    caplog.set_level(logging.INFO)
    scene.become(TorrentPhase.DOWNLOADING, 0.3)
    scene.pass_time(60)
    del scene.client.held[scene.hash]
    scene.pass_time(120)
    follow = scene.completed.follow
    assert follow
    assert follow.stage is Stage.REMOVED
    assert "by you or by a rule there" in caplog.text, "from outside the two look alike"
    scene.pass_time(86_400)
    assert scene.client.added == [hash_of(101)]
    assert scene.bench.queues.unfinished_count() == 0
    scene.bench.queues.add_by_command([scene.movie])
    scene.work()
    assert scene.client.added == [hash_of(101), hash_of(101)]


def test_one_look_without_it_proves_nothing(scene: HandedOver) -> None:
    """A client that is just starting shows a part of its torrents; when it shows all, all is as before."""
    scene.become(TorrentPhase.DOWNLOADING, 0.3)
    scene.pass_time(60)
    torrent = scene.client.held.pop(scene.hash)
    scene.bench.clock.advance(31)
    scene.work()
    assert scene.completed.is_unfinished
    scene.client.held[scene.hash] = torrent
    scene.pass_time(60)
    follow = scene.completed.follow
    assert follow
    assert (follow.stage, follow.missing_since) == (Stage.DOWNLOADING, None)


def test_a_removed_torrent_that_comes_back_is_followed_again(scene: HandedOver) -> None:
    """A client that had lost its session and got it back finishes the film."""
    del scene.client.held[scene.hash]
    scene.pass_time(120)
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(1200)
    assert scene.completed.follow
    assert scene.completed.follow.stage is Stage.DOWNLOADED


@pytest.mark.parametrize("way", ["by hand", "by command"])
def test_a_torrent_that_is_put_in_again_has_its_whole_time(scene: HandedOver, way: str) -> None:
    """How long it stood still before it was taken out does not count."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER * 0.9)
    del scene.client.held[scene.hash]
    scene.pass_time(120)
    if way == "by command":
        scene.bench.queues.add_by_command([scene.movie])
        scene.work()
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER * 0.8)
    assert hash_of(102) not in scene.client.added
    scene.pass_time(_STALLED_AFTER)
    assert scene.client.added[-1] == hash_of(102)


@pytest.mark.parametrize(
    ("phase", "words"), [(TorrentPhase.FAILED, "an error"), (TorrentPhase.FILES_MISSING, "missing files")]
)
def test_a_broken_torrent_is_checked_again_first(scene: HandedOver, phase: TorrentPhase, words: str) -> None:
    """Often a recheck heals it; only what is broken after that is replaced."""
    scene.become(phase, 0.3)
    scene.pass_time(120)
    assert scene.client.journal.count(f"recheck {scene.hash}") == 1
    assert scene.client.added == [hash_of(101)]
    scene.pass_time(900)
    assert scene.client.added == [hash_of(101), hash_of(102)]
    assert scene.client.journal.count(f"recheck {scene.hash}") == 1
    assert words in scene.completed.tried[0].why


def test_a_recheck_that_heals_is_enough(scene: HandedOver) -> None:
    """After the recheck the torrent goes on."""
    scene.become(TorrentPhase.FAILED, 0.3)
    scene.pass_time(60)
    scene.become(TorrentPhase.DOWNLOADING, 0.31)
    scene.pass_time(1800)
    assert scene.client.added == [hash_of(101)]


def test_a_full_disk_is_no_fault_of_the_torrent(scene: HandedOver) -> None:
    """With the client's disk full nothing is replaced; when there is room it goes on by itself."""
    scene.client.free_bytes = 1000
    scene.become(TorrentPhase.FAILED, 0.3)
    scene.pass_time(3 * 3600)
    assert scene.client.added == [hash_of(101)]
    assert EventKind.DISK_FULL in scene.told
    scene.client.free_bytes = 10**12
    scene.client.journal.clear()
    scene.pass_time(1800)
    assert f"recheck {scene.hash}" in scene.client.journal


@pytest.mark.parametrize(("progress", "is_removed"), [(0.02, True), (0.3, False)])
def test_remove_stalled_takes_next_to_nothing_out(tmp_path: Path, progress: float, is_removed: bool) -> None:
    """Only where the user wants it, and only with under a tenth downloaded."""
    scene = HandedOver(tmp_path, removes_stalled=True)
    scene.become(TorrentPhase.AWAITING_PEERS, progress)
    scene.pass_time(_STALLED_AFTER + 120)
    assert (scene.hash not in scene.client.held) is is_removed


def test_what_shares_its_files_is_not_removed(tmp_path: Path) -> None:
    """Another torrent on the same files keeps them."""
    scene = HandedOver(tmp_path, removes_stalled=True)
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.become(TorrentPhase.WHOLE, 1.0, info_hash=hash_of(9), content_path="/films/065")
    scene.pass_time(_STALLED_AFTER + 120)
    assert scene.hash in scene.client.held


def test_a_pass_is_one_request(tmp_path: Path) -> None:
    """However many films are on their way."""
    bench = Bench(tmp_path)
    bench.follow(FollowPolicy(_STALLED_AFTER))
    for number in range(9):
        bench.offer(film(number))
    bench.queues.add_all_to_pending([film(number) for number in range(9)])
    while bench.worker.step() is None:
        pass
    bench.client.journal.clear()
    bench.clock.advance(30)
    bench.worker.step()
    assert bench.client.journal == ["states"]


def test_leftovers_of_a_given_up_torrent_are_not_the_film(scene: HandedOver) -> None:
    """Its name in the client and its files on the disk do not count as already downloaded."""
    scene.bench.library.places[scene.movie.title] = f"/films/Torrent {scene.hash[-3:]}/film.mkv"
    scene.become(TorrentPhase.AWAITING_PEERS, 0.5)
    scene.pass_time(_STALLED_AFTER + 120)
    assert scene.client.added == [hash_of(101), hash_of(102)]


@pytest.mark.parametrize("what", ["removed", "broken"])
def test_what_stays_as_it_is_is_not_written_again(scene: HandedOver, what: str) -> None:
    """A time is kept to the second, and is no news at the next look for its fractions."""
    scene.bench.clock.advance(0.25)
    scene.client.free_bytes = 0
    if what == "removed":
        del scene.client.held[scene.hash]
    else:
        scene.become(TorrentPhase.FAILED, 0.3)
    scene.pass_time(120)
    path = scene.bench.folder / "queue_completed.json"
    before = path.stat().st_ino, path.read_bytes()
    scene.pass_time(240)
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_time_without_a_look_does_not_count(scene: HandedOver) -> None:
    """While qBittorrent refuses the credentials nobody looks, and no torrent stalls by it."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER / 4)
    scene.bench.queues.add_all_to_pending([film(2)])
    scene.client.errors_by_call["client by name"] = AuthError("refused", service="qBittorrent")
    scene.work()
    assert scene.bench.worker.sessions.is_refused
    scene.pass_time(10 * _STALLED_AFTER)
    scene.client.errors_by_call.clear()
    scene.bench.signature += 1
    scene.pass_time(60)
    assert scene.client.added == [hash_of(101)]


def test_new_credentials_are_taken_up_while_nothing_waits(scene: HandedOver) -> None:
    """qBittorrent refused the password while only torrents were followed: `setup` mends that too."""
    scene.become(TorrentPhase.DOWNLOADING, 0.2)
    scene.client.error = AuthError("refused", service="qBittorrent")
    scene.pass_time(120)
    assert scene.bench.connects == 1
    scene.client.error = None
    scene.bench.signature += 1
    scene.bench.clock.advance(3600)
    scene.work()
    assert scene.bench.connects == 2
    assert scene.completed.follow
    assert scene.completed.follow.progress == 0.2


def test_a_question_without_an_answer_keeps_no_other_torrent_back(tmp_path: Path) -> None:
    """The client cannot tell the room for a broken torrent: others are followed all the same."""
    scene = HandedOver(tmp_path)
    scene.bench.offer(film(2))
    scene.bench.queues.add_all_to_pending([film(2)])
    scene.work()
    other = hash_of(102)
    assert scene.client.added == [scene.hash, other]
    scene.become(TorrentPhase.FAILED, 0.3)
    scene.become(TorrentPhase.DOWNLOADING, 0.3, info_hash=other)
    scene.pass_time(60)
    scene.client.errors_by_call["room"] = UnavailableError("the disk is not mounted")
    scene.pass_time(1200)
    scene.become(TorrentPhase.WHOLE, 1.0, info_hash=other)
    scene.pass_time(3600)
    stages = {entry.movie.id: entry.follow.stage for entry in _completed(scene) if entry.follow}
    assert stages == {"K1": Stage.BROKEN, "K2": Stage.DOWNLOADED}
    assert scene.told.count(EventKind.REPLACED) == 0


def _completed(scene: HandedOver) -> list[QueueEntry]:
    return scene.bench.queues.entries(QueueName.COMPLETED)


def test_torrents_that_are_gone_keep_no_other_from_being_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of very many, each has its turn, also if more than a pass takes were taken out of the client."""
    monkeypatch.setattr("movie_sync.following.memory._MOST_AT_ONCE", 3)
    bench = Bench(tmp_path)
    bench.follow(FollowPolicy(_STALLED_AFTER))
    bench.offer(*(film(number) for number in range(9)))
    bench.queues.add_all_to_pending([film(number) for number in range(9)])
    while bench.worker.step() is None:
        pass
    last = bench.client.added[-1]
    bench.client.held = {
        last: HeldTorrent(last, "the last", 1.0, TorrentPhase.WHOLE, bytes_left=0, content_path="/films/last")
    }
    for _ in range(20):
        bench.clock.advance(30)
        while bench.worker.step() is None:
            pass
    stages = [entry.follow.stage for entry in bench.queues.entries(QueueName.COMPLETED) if entry.follow]
    assert stages == [Stage.REMOVED] * 8 + [Stage.DOWNLOADED]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("/films/Made Up", "/films/Made Up/film.mkv"),
        ("/films/Made Up/film.mkv", "/films/Made Up"),
        ("C:\\Films\\Made Up", "c:\\films\\made up\\film.mkv"),
    ],
)
def test_what_lies_in_the_others_folder_is_not_removed(tmp_path: Path, ours: str, theirs: str) -> None:
    """One torrent has the folder, another a file in it: neither takes the other's file."""
    scene = HandedOver(tmp_path, removes_stalled=True)
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02, content_path=ours)
    scene.become(TorrentPhase.WHOLE, 1.0, info_hash=hash_of(9), content_path=theirs)
    scene.pass_time(_STALLED_AFTER + 120)
    assert scene.completed.tried
    assert scene.hash in scene.client.held


@pytest.mark.parametrize("way", ["add", "listed again"])
def test_a_film_that_is_asked_for_again_while_it_comes_stays_followed(scene: HandedOver, way: str) -> None:
    """Its torrent is there already: nothing is handed over twice, and it is followed to its end."""
    scene.become(TorrentPhase.DOWNLOADING, 0.3)
    scene.pass_time(60)
    if way == "add":
        assert scene.bench.queues.add_by_command([scene.movie])
    else:
        assert scene.bench.queues.add_all_to_pending([scene.movie], again=True) == 1
    scene.work()
    assert scene.completed.is_unfinished
    scene.become(TorrentPhase.WHOLE, 1.0)
    scene.pass_time(60)
    assert scene.client.added == [hash_of(101)]
    assert scene.completed.follow
    assert scene.completed.follow.stage is Stage.DOWNLOADED


def test_two_films_with_one_torrent_see_it_stall(scene: HandedOver) -> None:
    """The time in which nothing came counts for both."""
    other = dataclasses.replace(scene.movie, id="K9", slug="made-up-z", imdb_id="tt9999999")
    choice, follow = scene.completed.choice, scene.completed.follow
    scene.bench.queues.add_to_completed(other, "downloaded", choice, follow=follow)
    scene.become(TorrentPhase.AWAITING_PEERS, 0.02)
    scene.pass_time(_STALLED_AFTER + 300)
    assert all(entry.tried for entry in [*_completed(scene), *scene.bench.queues.entries(QueueName.FAILED)])


@pytest.mark.parametrize(
    ("seconds_before_restart", "is_restarted", "is_handed_over_again"),
    [(1, True, True), (1, False, False), (60, True, False)],
)
def test_what_the_client_lost_is_handed_over_again(
    scene: HandedOver, seconds_before_restart: float, is_restarted: bool, is_handed_over_again: bool
) -> None:
    """Ended right after it took a torrent, a client may lose it; what is gone else was taken out by hand."""
    scene.become(TorrentPhase.AWAITING_PEERS, 0.0)
    scene.bench.clock.advance(seconds_before_restart)
    scene.work()
    scene.client.held.clear()
    scene.client.epoch += is_restarted
    scene.pass_time(120)
    assert scene.client.added == [hash_of(101)] * (2 if is_handed_over_again else 1)
    scene.client.held.clear()
    scene.client.epoch += 1
    scene.pass_time(600)
    assert len(scene.client.added) == (2 if is_handed_over_again else 1), "not again and again"


def test_a_loss_is_noticed_also_if_another_film_is_handed_over_first(scene: HandedOver) -> None:
    """The client was started anew, and the next it got was a torrent: the one before it is missed all the same."""
    scene.client.held.clear()
    scene.client.epoch += 1
    other = film(2)
    scene.bench.tracker.offer(other.imdb_id or "", release_of(other, 201))
    scene.bench.queues.add_all_to_pending([other])
    scene.work()
    scene.pass_time(60)
    assert scene.client.added == [hash_of(101), hash_of(201), hash_of(101)]
