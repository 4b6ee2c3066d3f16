"""TransmissionClient against real transmission-daemons."""

import hashlib
import logging
import secrets
import shlex
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from house.real_transmission import RealTransmission, require_transmission, transmissions
from house.torrent_clients import ANNOUNCE, make_torrent, state_of, wait_until_held
from house.torrent_clients import transmission_client as make_client
from house.waiting import wait_until
from stand_ins.hurry import in_a_hurry
from stand_ins.seeder import Seeder
from stand_ins.tracker import Tracker, copy_of

from movie_sync.demo.torrent_maker import bencode
from movie_sync.domain.models import HeldTorrent, TorrentFile
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.domain.wish_list import Placement
from movie_sync.errors import AuthError, NetworkError, ReleaseError, SlowError, UnavailableError
from movie_sync.services.transmission.client import TransmissionClient

pytestmark = pytest.mark.waits
_FAR_HASH = "f" * 40


@pytest.fixture(
    scope="module", params=transmissions() or [[]], ids=lambda command: shlex.join(command) or "none"
)
def command(request: pytest.FixtureRequest) -> list[str]:
    """One of the programs to test against."""
    return request.param or require_transmission()


@pytest.fixture(scope="module")
def running(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTransmission]:
    """A running Transmission that the tests share."""
    with RealTransmission(tmp_path_factory.mktemp("shared"), command) as transmission:
        yield transmission


@pytest.fixture
def seeder() -> Iterator[Seeder]:
    """Somebody who has what he is given."""
    with Seeder() as running_seeder:
        yield running_seeder


@pytest.fixture
def tracker(seeder: Seeder) -> Iterator[Tracker]:
    """A tracker that knows every torrent."""
    with Tracker(seeder=seeder) as running_tracker:
        yield running_tracker


def wait_for(client: TransmissionClient, torrent: TorrentFile, *phases: TorrentPhase) -> HeldTorrent:
    """Return the torrent as soon as it is in one of the phases."""
    return wait_until_held(client, torrent, lambda held: held.phase in phases)


def test_version_is_what_transmission_says(running):
    """The version for `check` is the program's own."""
    assert make_client(running).version() == running.call("session-get")["version"]


def test_what_ends_seeding_is_told(running):
    """The limits of seeding that are on, and no others."""
    client = make_client(running)
    assert client.ends_of_seeding() == []
    running.call("session-set", seedRatioLimited=True, seedRatioLimit=1.5, idle_seeding_limit_enabled=True)
    try:
        assert client.ends_of_seeding() == [
            "seeds to a ratio of 1.5 and then stops",
            "stops seeding after 30 idle minutes",
        ]
    finally:
        running.call("session-set", seedRatioLimited=False, idle_seeding_limit_enabled=False)


def test_an_unknown_hash_is_not_found(running):
    """Nothing found is a value, not an error."""
    client = make_client(running)
    assert client.find(_FAR_HASH) is None
    assert client.refusal(_FAR_HASH) is None
    assert client.states([]) == client.states(["all", "", _FAR_HASH]) == {}


def test_what_is_handed_over_is_there_with_labels_and_folder(running, tmp_path):
    """Labels and folder are the configured ones, and the torrent is found in either case of its hash."""
    torrent = make_torrent()
    client = make_client(running, labels=["one", "two words"], download_dir=str(tmp_path / "mine"))
    assert client.hand_over(torrent) is True
    row = running.row(torrent.info_hash)
    assert (row["labels"], row["downloadDir"]) == (["one", "two words"], str(tmp_path / "mine"))
    own = make_torrent()
    client.hand_over(own, Placement("Horror", ("halloween",), str(tmp_path / "horror")))
    row = running.row(own.info_hash)
    assert row["labels"] == ["one", "two words", "Horror", "halloween"]
    assert row["downloadDir"] == str(tmp_path / "horror")
    for info_hash in (torrent.info_hash, torrent.info_hash.upper()):
        held = client.find(info_hash)
        assert held is not None
        assert (held.info_hash, held.name) == (torrent.info_hash, torrent.name)
        assert held.content_path == str(tmp_path / "mine" / torrent.name)
        assert held.tags == ("one", "two words")
    assert torrent.info_hash in {each.info_hash for each in client.torrents()}


def test_without_a_folder_transmission_chooses_the_place(running):
    """No folder leaves the place to Transmission's own settings; no labels is none."""
    torrent = make_torrent()
    assert make_client(running, labels=[]).hand_over(torrent) is True
    row = running.row(torrent.info_hash)
    assert (row["labels"], row["downloadDir"]) == ([], str(running.downloads))


def test_a_torrent_that_is_there_is_left_as_it_is(running, tmp_path):
    """What the user has added himself is adopted, with his labels and folder, stopped as it is."""
    torrent = make_torrent()
    running.add(torrent.content, paused=True, download_dir=str(tmp_path / "his"))
    running.call("torrent-set", ids=[torrent.info_hash], labels=["keep"])
    wait_until(lambda: running.row(torrent.info_hash)["status"] == 0)  # it looks for files first
    before = running.row(torrent.info_hash)
    assert make_client(running, download_dir=str(tmp_path / "mine")).hand_over(torrent) is False
    assert running.row(torrent.info_hash) == before


def test_what_is_handed_over_starts_whatever_transmission_does_by_itself(running):
    """That everything is added stopped is for what the user adds by hand."""
    running.call("session-set", start_added_torrents=False)
    try:
        torrent, client = make_torrent(), make_client(running)
        client.hand_over(torrent)
        wait_for(client, torrent, TorrentPhase.AWAITING_PEERS)
    finally:
        running.call("session-set", start_added_torrents=True)


def test_two_at_once_hand_the_same_torrent_over_once(running):
    """Of several hand-overs of one torrent at the same time one is the first, and none fails."""
    torrent = make_torrent()
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(make_client(running).hand_over(torrent)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, True]
    assert running.hashes().count(torrent.info_hash) == 1


@pytest.mark.parametrize("content", [b"<html>no such torrent</html>", b"d4:infod6:lengthi1e"])
def test_what_is_no_torrent_is_the_releases_fault(running, content):
    """A file that Transmission refuses is this release's failure, not an outage."""
    torrent = TorrentFile(info_hash=secrets.token_hex(20), name="A Film", size_bytes=1, content=content)
    with pytest.raises(ReleaseError, match="Transmission"):
        make_client(running, **in_a_hurry()).hand_over(torrent)


def test_a_hybrid_torrent_is_known_by_its_first_hash_or_refused(running):
    """A torrent of both versions is found under the hash that Transmission gives it; 3.00 takes none."""
    torrent = parse_torrent(_hybrid_torrent(b"h" * 1000))
    client = make_client(running)
    if client.version().startswith("3."):
        with pytest.raises(ReleaseError, match="rejected the torrent"):
            client.hand_over(torrent)
        return
    assert client.hand_over(torrent) is True
    assert client.hand_over(torrent) is False
    assert list(client.states(torrent.info_hashes)) == [torrent.other_hash]


def test_a_long_list_is_read_whole_in_pieces(running, monkeypatch):
    """All torrents are listed once, however many pieces that takes."""
    monkeypatch.setattr("movie_sync.services.transmission.client._PIECE_HASHES", 3)
    client = make_client(running)
    torrents = [make_torrent() for _ in range(8)]
    for torrent in torrents:
        client.hand_over(torrent)
    listed = [held.info_hash for held in client.torrents()]
    assert sorted(listed) == sorted(running.hashes())
    assert client.states([torrent.info_hash for torrent in torrents]).keys() == {
        torrent.info_hash for torrent in torrents
    }


def test_phases_of_what_nobody_has_and_what_is_stopped_or_queued(running):
    """A torrent without seeds, a stopped one and one that waits for its turn are told apart."""
    client = make_client(running)
    waiting, stopped = make_torrent(content=b"w" * 5000), make_torrent(content=b"s" * 7000)
    client.hand_over(waiting)
    running.add(stopped.content, paused=True)
    held = wait_for(client, waiting, TorrentPhase.AWAITING_PEERS)
    assert (held.bytes_left, held.size_bytes, held.bytes_a_second, held.progress) == (5000, 5000, 0, 0.0)
    assert not held.has_tracker
    held = wait_for(client, stopped, TorrentPhase.STOPPED)
    assert (held.tags, held.bytes_left, held.client_word) == ((), 7000, "stopped")
    running.call("session-set", download_queue_enabled=True, download_queue_size=1)
    try:
        queued = make_torrent()
        client.hand_over(queued)
        wait_for(client, queued, TorrentPhase.QUEUED)
    finally:
        running.call("session-set", download_queue_enabled=False)


def test_a_film_arrives_with_identical_bytes(running, tracker, seeder, caplog):
    """It goes from nothing to whole, by way of the folder for what is incomplete; no secret is logged."""
    caplog.set_level(logging.DEBUG)
    folder = running.profile / "incomplete"
    running.call("session-set", incomplete_dir=str(folder), incomplete_dir_enabled=True)
    try:
        content = secrets.token_bytes(3_000_000)
        torrent = make_torrent(content=content, announce=tracker.announce_url)
        seeder.offer(torrent.content, content)
        client = make_client(running)
        assert client.hand_over(torrent) is True
        held = wait_for(client, torrent, TorrentPhase.WHOLE)
        assert copy_of(running.downloads, torrent.name) == content
    finally:
        running.call("session-set", incomplete_dir_enabled=False)
    assert held.content_path == str(running.downloads / torrent.name)
    assert (held.bytes_left, held.size_bytes, held.progress) == (0, 3_000_000, 1.0)
    assert held.has_tracker
    assert held.ratio == 0
    wait_until(lambda: (state_of(client, torrent).seeding_seconds or 0) > 0)
    assert client.hand_over(torrent) is False
    for secret in (tracker.passkey, running.password):
        assert secret not in caplog.text


def test_room_is_that_of_the_disk_where_a_torrent_will_lie(running, tmp_path):
    """Of a folder that is not made yet its parent tells; what unfinished torrents lack is spoken for."""
    before = make_client(running).room()
    assert abs(before.free_bytes - shutil.disk_usage(running.downloads).free) < 2_000_000_000
    running.add(make_torrent(content=bytes(40_000)).content, paused=True)
    room = make_client(running, download_dir=str(tmp_path / "not" / "made")).room()
    assert room.promised_bytes == before.promised_bytes + 40_000
    assert abs(room.free_bytes - shutil.disk_usage(tmp_path).free) < 2_000_000_000
    with pytest.raises(UnavailableError):
        make_client(running, download_dir="/no-such-disk/films").room()


def test_room_on_another_disk(running, tmp_path):
    """The disk that the torrent will lie on counts, and of two the one with less room."""
    away = Path("/dev/shm")
    if not away.is_dir() or away.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk here")
    here, there = shutil.disk_usage(running.downloads).free, shutil.disk_usage(away).free
    if abs(here - there) < 10_000_000_000:
        pytest.skip("both disks have the same room")
    room = make_client(running, download_dir="/dev/shm/films").room()
    assert abs(room.free_bytes - there) < 3_000_000_000
    running.call("session-set", incomplete_dir="/dev/shm/loading", incomplete_dir_enabled=True)
    try:
        assert abs(make_client(running).room().free_bytes - min(here, there)) < 3_000_000_000
    finally:
        running.call("session-set", incomplete_dir_enabled=False)


def test_refusal_is_the_trackers_own_words(running, tracker):
    """What the tracker says is told, without the passkey that it repeats, until it serves."""
    tracker.refuse = f"{tracker.passkey} at {tracker.announce_url}, sorry"
    torrent = make_torrent(announce=tracker.announce_url)
    client = make_client(running)
    client.hand_over(torrent)
    wait_until(lambda: client.refusal(torrent.info_hash) is not None)
    assert client.refusal(torrent.info_hash) == "[...] at [...], sorry"
    assert not state_of(client, torrent).has_tracker
    tracker.refuse = None
    running.call("torrent-stop", ids=[torrent.info_hash])
    running.call("torrent-start", ids=[torrent.info_hash])
    wait_until(lambda: state_of(client, torrent).has_tracker)
    assert client.refusal(torrent.info_hash) is None


@pytest.mark.parametrize(
    "announce",
    [
        "http://127.0.0.1:9/0123456789abcdef0123456789abcdef/announce",
        "https://{plain}/0123456789abcdef0123456789abcdef/announce",
        "{url}/transmission/none/announce",
    ],
    ids=["closed port", "no TLS there", "no tracker there"],
)
def test_a_tracker_out_of_reach_refuses_nothing(running, tracker, announce):
    """Trouble on the way to a tracker is no refusal."""
    plain = tracker.announce_url.removeprefix("http://").partition("/")[0]
    torrent = make_torrent(announce=announce.format(url=running.url, plain=plain))
    client = make_client(running)
    client.hand_over(torrent)

    def has_failed() -> bool:
        (row,) = running.call("torrent-get", ids=[torrent.info_hash], fields=["trackerStats"])["torrents"]
        return row["trackerStats"][0]["hasAnnounced"]

    wait_until(has_failed)
    assert client.refusal(torrent.info_hash) is None


def test_recheck_of_what_has_lost_its_files(command, tmp_path):
    """Files that are gone are noticed after a restart; since 4.1 they are fetched again after a recheck."""
    content = secrets.token_bytes(200_000)
    torrent = make_torrent(content=content)
    with RealTransmission(tmp_path / "profile", command) as transmission:
        (transmission.downloads / torrent.name).write_bytes(content)
        client = make_client(transmission)
        client.hand_over(torrent)
        wait_for(client, torrent, TorrentPhase.WHOLE)
        transmission.stop()
        (transmission.downloads / torrent.name).unlink()
        transmission.start()
        held = wait_for(client, torrent, TorrentPhase.FILES_MISSING)
        assert "No data found!" in held.client_word
        client.recheck(torrent.info_hash)
        if client.version() < "4.1":
            wait_for(client, torrent, TorrentPhase.FILES_MISSING)
        else:
            held = wait_for(client, torrent, TorrentPhase.AWAITING_PEERS)
            assert (held.progress, held.bytes_left) == (0.0, 200_000)


def test_recheck_goes_on_with_what_was_stopped_and_finds_what_is_there(running):
    """Files that have come another way are found, and the torrent is started."""
    content = secrets.token_bytes(100_000)
    torrent = make_torrent(content=content)
    client = make_client(running)
    running.add(torrent.content, paused=True)
    (running.downloads / torrent.name).write_bytes(content)
    client.recheck(torrent.info_hash)
    wait_for(client, torrent, TorrentPhase.WHOLE)
    wait_until(lambda: running.row(torrent.info_hash)["status"] == 6)
    client.recheck(_FAR_HASH)


def test_labels_come_and_go(running):
    """A label is added to those that are there, the others are kept, and it is taken off again."""
    client = make_client(running, labels=["mine"])
    torrents = [make_torrent(), make_torrent()]
    for torrent in torrents:
        client.hand_over(torrent)
    hashes = [torrent.info_hash for torrent in torrents]
    running.call("torrent-set", ids=hashes[1:], labels=["mine", "his"])
    for _ in range(2):
        client.tag([*hashes, _FAR_HASH], "unlisted")
        assert [running.row(each)["labels"] for each in hashes] == [
            ["mine", "unlisted"],
            ["mine", "his", "unlisted"],
        ]
    client.untag([hashes[0], _FAR_HASH], "unlisted")
    assert running.row(hashes[0])["labels"] == ["mine"]
    assert running.row(hashes[1])["labels"] == ["mine", "his", "unlisted"]


def test_remove_takes_one_torrent_and_its_files(running):
    """Only the named torrent goes, together with its file; another one's stays."""
    contents = [secrets.token_bytes(50_000), secrets.token_bytes(50_000)]
    gone, kept = (make_torrent(content=content) for content in contents)
    client = make_client(running)
    for torrent, content in zip((gone, kept), contents, strict=True):
        (running.downloads / torrent.name).write_bytes(content)
        client.hand_over(torrent)
        wait_for(client, torrent, TorrentPhase.WHOLE)
    before = set(running.hashes())
    client.remove(_FAR_HASH)
    for odd in ("all", "", gone.info_hash[:39], f"{gone.info_hash}\n"):
        with pytest.raises(ValueError, match="info-hash"):
            client.remove(odd)
    assert set(running.hashes()) == before
    client.remove(gone.info_hash.upper())
    wait_until(lambda: not (running.downloads / gone.name).exists())
    assert set(running.hashes()) == before - {gone.info_hash}
    assert (running.downloads / kept.name).exists()


def test_a_torrent_of_ours_without_labels_gets_them_when_it_is_looked_for(running):
    """Whoever was ended between adding a torrent and labelling it, as 3.00 takes it, looks for it first."""
    torrent = make_torrent()
    running.add(torrent.content)
    client = make_client(running)
    client.states([torrent.info_hash])
    assert running.row(torrent.info_hash)["labels"] == []
    held = client.find(torrent.info_hash)
    assert held is not None
    assert running.row(torrent.info_hash)["labels"] == ["movie_sync"]
    running.call("torrent-set", ids=[torrent.info_hash], labels=["movie_sync", "his"])
    client.find(torrent.info_hash)
    assert running.row(torrent.info_hash)["labels"] == ["movie_sync", "his"]


def test_a_transmission_that_was_killed_loses_neither_torrents_nor_their_labels(command, tmp_path):
    """It comes back with what it was given, but knows nothing of it; while it is away that is said."""
    transmission = RealTransmission(tmp_path / "profile", command)
    torrent, older = make_torrent(), make_torrent()
    try:
        client = make_client(transmission.start(), download_dir=str(tmp_path / "films"))
        assert client.hand_over(torrent) is True
        transmission.add(older.content)
        epoch = client.epoch
        transmission.kill()
        with pytest.raises(NetworkError, match="refused"):
            client.find(torrent.info_hash)
        transmission.start()

        def is_as_before() -> bool:
            client.states([torrent.info_hash, older.info_hash])
            row = transmission.row(torrent.info_hash)
            return bool(row) and (row["labels"], row["downloadDir"]) == (
                ["movie_sync"],
                str(tmp_path / "films"),
            )

        wait_until(is_as_before)
        assert client.epoch > epoch
        assert transmission.row(older.info_hash)["labels"] == []
        assert client.hand_over(torrent) is False
        assert len(list(client.torrents())) == 2
    finally:
        transmission.stop()


def test_a_refused_login_is_not_tried_again(command, tmp_path):
    """A wrong password is said each time and sent once: a hundred refusals lock everybody out."""
    with RealTransmission(tmp_path / "profile", command) as transmission:
        client = make_client(transmission, password="wrong")
        for attempt in (client.version, lambda: client.find(_FAR_HASH), lambda: list(client.torrents())):
            with pytest.raises(AuthError, match="rejected the username or password") as caught:
                attempt()
            assert caught.value.service == "Transmission"
            assert caught.value.retry_after_seconds is None
        with pytest.raises(AuthError, match="wants a login, but none is set"):
            make_client(transmission, username="", password="").version()
        assert make_client(transmission).version()


def test_who_is_not_let_in_is_told_why(command, tmp_path):
    """A whitelist that lacks this machine is no wrong password."""
    settings = {"rpc_whitelist": "10.9.8.7", "asks_for_login": False}
    with (
        RealTransmission(tmp_path / "strict", command, **settings) as transmission,
        pytest.raises(UnavailableError, match="rpc-whitelist"),
    ):
        make_client(transmission, username="", password="").version()


def test_where_the_web_page_is_moved(command, tmp_path):
    """The address of the page is enough, as is the whole one; at the usual place there is nothing then."""
    with RealTransmission(tmp_path / "moved", command, rpc_url="/a/b/") as transmission:
        url = f"{transmission.url}/a/b"
        for address in (url, f"{url}/", f"{url}/web/", f"{url}/rpc"):
            assert make_client(transmission, url=address).version()
        with pytest.raises(UnavailableError, match=r"transmission\.url"):
            make_client(transmission).version()


def test_https_where_plain_http_is_spoken(running):
    """A wrong scheme is named, whether the other side hangs up or waits."""
    client = make_client(running, url=running.url.replace("http:", "https:"), timeout=0.5)
    with pytest.raises((NetworkError, SlowError), match="http://"):
        client.version()


def _hybrid_torrent(content: bytes) -> bytes:
    """Return a torrent of versions 1 and 2 at once, of one file that fits into one piece."""
    entry = {"": {"length": len(content), "pieces root": hashlib.sha256(content).digest()}}
    info = {
        "file tree": {"A.Film.1950.mkv": entry},
        "length": len(content),
        "meta version": 2,
        "name": "A.Film.1950.mkv",
        "piece length": 16_384,
        "pieces": hashlib.sha1(content).digest(),
    }
    return bencode({"announce": ANNOUNCE, "info": info, "piece layers": {}})
