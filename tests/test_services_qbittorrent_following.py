"""What a torrent needs that was handed over, against real qBittorrents."""

import secrets
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from house import real_qbittorrent
from house.real_qbittorrent import RealQBittorrent, qbittorrents, require_qbittorrent
from house.torrent_clients import make_torrent, state_of, wait_until_held
from house.torrent_clients import qbittorrent_client as make_client
from house.waiting import wait_until
from stand_ins.seeder import Seeder
from stand_ins.tracker import Tracker, seed

from movie_sync.domain.models import HeldTorrent, TorrentFile
from movie_sync.services.qbittorrent.client import QBittorrentClient
from movie_sync.services.qbittorrent.room import read_places, space_here

pytestmark = pytest.mark.waits

_FAR_HASH = "f" * 40
raw = real_qbittorrent.raw
_PAUSED = {"pausedDL", "stoppedDL"}
_MAGNET = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=Nobody.Has.It"


@pytest.fixture(
    scope="module", params=qbittorrents() or [[]], ids=lambda command: shlex.join(command) or "none"
)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealQBittorrent]:
    """A running qBittorrent of each kind, which the tests share."""
    command = request.param or require_qbittorrent()
    with RealQBittorrent(tmp_path_factory.mktemp("shared"), command) as qbittorrent:
        yield qbittorrent


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    """A tracker that knows every torrent."""
    with Tracker() as running_tracker:
        yield running_tracker


def wait_for_state(client: QBittorrentClient, torrent: TorrentFile, *states: str) -> HeldTorrent:
    """Return the torrent as soon as it is in one of the states."""
    return wait_until_held(client, torrent, lambda held: held.client_word in states)


def test_states_of_what_nobody_has_paused_and_missing(running, raw):
    """A torrent without seeds, a paused one and one that is not there are told apart."""
    client = make_client(running, tags=["movie_sync", "two words"])
    waiting, paused = make_torrent(content=b"w" * 5000), make_torrent(content=b"p" * 7000)
    client.hand_over(waiting)
    raw.torrents_add(torrent_files=paused.content, is_stopped=True)
    wait_for_state(client, waiting, "stalledDL")
    wait_for_state(client, paused, *_PAUSED)
    found = client.states([waiting.info_hash.upper(), paused.info_hash, _FAR_HASH, "all", ""])
    assert found.keys() == {waiting.info_hash, paused.info_hash}
    held = found[waiting.info_hash]
    assert (held.name, held.client_word, held.progress) == (waiting.name, "stalledDL", 0.0)
    assert (held.bytes_left, held.size_bytes, held.bytes_a_second) == (5000, 5000, 0)
    assert sorted(held.tags) == ["movie_sync", "two words"]
    assert not held.has_tracker
    assert found[paused.info_hash].tags == ()
    assert found[paused.info_hash].bytes_left == 7000
    assert client.find(waiting.info_hash) == held


def test_states_of_a_film_that_arrives(running, raw, tracker, tmp_path_factory):
    """What has arrived lacks nothing, and the time it seeds is counted."""
    content = secrets.token_bytes(300_000)
    torrent = make_torrent(content=content, announce=tracker.announce_url)
    command = running._command
    with RealQBittorrent(tmp_path_factory.mktemp("seeder"), command) as seeder:
        seed(seeder, [(torrent.content, torrent.name, content)])
        client = make_client(running)
        client.hand_over(torrent)
        held = wait_for_state(client, torrent, "stalledUP", "uploading")
        assert (held.bytes_left, held.size_bytes, held.progress) == (0, 300_000, 1.0)
        assert held.content_path == str(running.downloads / torrent.name)
        assert held.ratio == 0
        wait_until(lambda: (state_of(client, torrent).seeding_seconds or 0) > 0)
        wait_until(lambda: state_of(client, torrent).has_tracker)


@pytest.mark.parametrize(
    "preferences",
    [
        {"torrent_stop_condition": "FilesChecked"},
        {"torrent_stop_condition": "MetadataReceived"},
        {"start_paused_enabled": True, "add_stopped_enabled": True},
    ],
    ids=lambda preferences: " ".join(map(str, next(iter(preferences.items())))),
)
def test_what_is_handed_over_starts_whatever_the_client_does_by_itself(
    running, raw, tracker, tmp_path_factory, preferences
):
    """A stop condition, or adding everything stopped, is for what the user adds by hand: ours arrives."""
    content = secrets.token_bytes(100_000)
    torrent = make_torrent(content=content, announce=tracker.announce_url)
    before = raw.app_preferences()
    raw.app_set_preferences({key: value for key, value in preferences.items() if key in before})
    try:
        with RealQBittorrent(tmp_path_factory.mktemp("seeder"), running._command) as seeder:
            seed(seeder, [(torrent.content, torrent.name, content)])
            client = make_client(running)
            client.hand_over(torrent)
            wait_for_state(client, torrent, "stalledUP", "uploading")
    finally:
        raw.app_set_preferences({key: before[key] for key in preferences if key in before})


def test_room_counts_every_unfinished_torrent(running, raw, tracker, tmp_path):
    """Promised is what stalled, paused and errored ones of anybody lack, not what a magnet may hold."""
    client = make_client(running)
    before = client.room()
    blocked = tmp_path / "no folder"
    blocked.write_text("x")
    stalled, paused, errored = (
        make_torrent(content=secrets.token_bytes(size)) for size in (1000, 20_000, 300_000)
    )
    raw.torrents_add(urls=_MAGNET)
    raw.torrents_add(torrent_files=stalled.content)
    raw.torrents_add(torrent_files=paused.content, is_stopped=True)
    raw.torrents_add(
        torrent_files=errored.content,
        save_path=str(blocked / "in it"),
        use_auto_torrent_management=False,
    )
    wait_for_state(client, errored, "error")
    wait_for_state(client, stalled, "stalledDL")
    wait_for_state(client, paused, *_PAUSED)
    room = client.room()
    assert room.promised_bytes - before.promised_bytes == 321_000
    assert abs(room.free_bytes - shutil.disk_usage(running.downloads).free) < 5_000_000_000
    client.remove(errored.info_hash)


def test_room_where_torrents_are_put(running, tmp_path):
    """The disk of the configured place is told where qBittorrent can, else that of its own place."""
    for place in (str(tmp_path / "not yet there"), "below the default place"):
        room = make_client(running, save_path=place).room()
        assert abs(room.free_bytes - shutil.disk_usage(tmp_path).free) < 5_000_000_000


@pytest.mark.parametrize(
    ("category", "preferences", "settings", "used"),
    [
        ("Away", {}, {}, ["{default}"]),
        ("Away", {"auto_tmm_enabled": True}, {}, ["{away}/category"]),
        ("Below", {"auto_tmm_enabled": True}, {}, ["{default}/below"]),
        ("New one", {"auto_tmm_enabled": True}, {}, ["{default}/New one"]),
        ("New", {"use_category_paths_in_manual_mode": True}, {}, ["{default}/New"]),
        ("Loading", {"auto_tmm_enabled": True}, {}, ["{away}/category", "{away}/loading"]),
        ("Away", {"temp_path_enabled": True, "temp_path": "{away}/t"}, {}, ["{default}", "{away}/t"]),
        ("Away", {"auto_tmm_enabled": True}, {"save_path": "{away}/x"}, ["{away}/x"]),
        ("", {"auto_tmm_enabled": True}, {"save_path": "in it"}, ["{default}/in it"]),
    ],
)
def test_where_a_torrent_will_lie(running, raw, tmp_path, category, preferences, settings, used):
    """It is foretold where qBittorrent really puts it, and the least room of these places counts."""
    names = {"away": str(tmp_path), "default": str(running.downloads)}
    own = {key: value.format(**names) for key, value in settings.items()}
    wanted = tuple(place.format(**names) for place in used)
    before = raw.app_preferences()
    raw.torrents_remove_categories(categories=list(raw.torrents_categories()))
    raw.torrents_create_category(name="Away", save_path=f"{tmp_path}/category")
    raw.torrents_create_category(name="Below", save_path="below")
    raw.torrents_create_category(
        name="Loading", save_path=f"{tmp_path}/category", download_path=f"{tmp_path}/loading",
        enable_download_path=True,
    )  # fmt: skip
    changed = {
        key: value.format(**names) if isinstance(value, str) else value for key, value in preferences.items()
    }
    raw.app_set_preferences(changed)
    try:
        client = make_client(running, category=category, **own)
        default, places = client._call(lambda api: read_places(api, own.get("save_path"), category))
        assert (default, places) == (names["default"], wanted)
        torrent = make_torrent()
        client.hand_over(torrent)
        (row,) = raw.torrents_info(torrent_hashes=torrent.info_hash)
        assert tuple(path for path in (row.save_path, row.get("download_path")) if path) == wanted
        assert abs(client.room().free_bytes - shutil.disk_usage(tmp_path).free) < 5_000_000_000
    finally:
        raw.app_set_preferences({key: before[key] for key in preferences})


def test_room_on_another_disk(running, raw, tmp_path):
    """The disk that the torrent will lie on counts, not the one of the default place."""
    away = Path("/dev/shm")
    if not away.is_dir() or away.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk here")
    here, there = shutil.disk_usage(tmp_path).free, shutil.disk_usage(away).free
    if abs(here - there) < 10_000_000_000:
        pytest.skip("both disks have the same room")
    raw.app_set_preferences({"temp_path_enabled": True, "temp_path": "/dev/shm/loading"})
    try:
        room = make_client(running).room()
        assert abs(room.free_bytes - min(here, there)) < 3_000_000_000
    finally:
        raw.app_set_preferences({"temp_path_enabled": False})
    room = make_client(running, save_path="/dev/shm/films").room()
    assert abs(room.free_bytes - there) < 3_000_000_000


def test_room_in_a_folder_of_path_map(running, raw, tmp_path):
    """A place that this machine has another name for is measured there, wherever qBittorrent runs."""
    client, place = make_client(running, save_path="/no/such/disk"), ("/no/such/disk",)
    assert client._at_places(place, "/films", 7) == 7
    mapped = make_client(running, save_path="/no/such/disk", path_map=[("/no/such", str(tmp_path))])
    assert abs(mapped._at_places(place, "/films", 7) - shutil.disk_usage(tmp_path).free) < 1_000_000_000
    away = make_client(running, save_path="/no/such/disk", path_map=[("/no/such", str(tmp_path / "away"))])
    assert away._at_places(place, "/films", 7) == 7, "not the disk that it isn't mounted on"


def test_a_disk_that_looks_another_from_here_is_not_measured(tmp_path):
    """Paths of a container may be there by chance: only if the default place is the same are they taken."""
    free = shutil.disk_usage(tmp_path).free
    places = [str(tmp_path / "not made yet")]
    assert abs((space_here(str(tmp_path), free, places) or 0) - free) < 1_000_000_000
    assert space_here(str(tmp_path), free // 2, places) is None
    assert space_here("/no/such/place", free, places) is None
    assert space_here(str(tmp_path), free, ["/no-such-disk/films"]) is None


def test_refusal_is_the_trackers_own_words(running, tracker):
    """What the tracker says is told, without the passkey that it repeats."""
    tracker.refuse = f"Your passkey {tracker.passkey} is not welcome at {tracker.announce_url}, sorry"
    torrent = make_torrent(announce=tracker.announce_url)
    client = make_client(running)
    client.hand_over(torrent)
    wait_until(lambda: client.refusal(torrent.info_hash) is not None)
    refusal = client.refusal(torrent.info_hash)
    assert refusal == "Your passkey [...] is not welcome at [...], sorry"
    assert not state_of(client, torrent).has_tracker


def test_refusal_ends_when_the_tracker_serves(running, raw, tracker):
    """A tracker that works again refuses nothing."""
    tracker.refuse = "Torrent not registered with this tracker"
    torrent = make_torrent(announce=tracker.announce_url)
    client = make_client(running)
    client.hand_over(torrent)
    wait_until(lambda: client.refusal(torrent.info_hash) == tracker.refuse)
    tracker.refuse = None
    raw.torrents_stop(torrent_hashes=torrent.info_hash)
    wait_for_state(client, torrent, *_PAUSED)
    raw.torrents_start(torrent_hashes=torrent.info_hash)
    wait_until(lambda: state_of(client, torrent).has_tracker)
    assert client.refusal(torrent.info_hash) is None


@pytest.mark.parametrize(
    "announce",
    [
        "http://127.0.0.1:9/0123456789abcdef0123456789abcdef/announce",
        "https://{plain}/0123456789abcdef0123456789abcdef/announce",
        "http://{web_ui}/api/v2/none/announce",
    ],
    ids=["closed port", "no TLS there", "no tracker there"],
)
def test_a_tracker_out_of_reach_refuses_nothing(running, raw, tracker, announce):
    """Trouble on the way to a tracker is no refusal."""
    web_ui, plain = running.url.removeprefix("http://"), urlsplit(tracker.announce_url).netloc
    torrent = make_torrent(announce=announce.format(web_ui=web_ui, plain=plain))
    client = make_client(running)
    client.hand_over(torrent)

    def has_failed() -> bool:
        rows = raw.torrents_trackers(torrent.info_hash)
        return any(row.status == 4 for row in rows)

    wait_until(has_failed)
    assert client.refusal(torrent.info_hash) is None
    assert not state_of(client, torrent).has_tracker


def test_nobody_refuses_what_is_paused_or_not_there(running, raw):
    """A tracker that was never asked has not refused, nor has that of a torrent that is gone."""
    torrent = make_torrent()
    client = make_client(running)
    raw.torrents_add(torrent_files=torrent.content, is_stopped=True)
    wait_for_state(client, torrent, *_PAUSED)
    assert client.refusal(torrent.info_hash) is None
    assert client.refusal(_FAR_HASH) is None


def test_recheck_after_files_went_missing(running, tracker, tmp_path):
    """A film whose file was deleted is missing after a restart, and loads again after a recheck."""
    content = secrets.token_bytes(200_000)
    torrent = make_torrent(content=content, announce=tracker.announce_url)
    with RealQBittorrent(tmp_path / "profile", running._command) as qbittorrent:
        seed(qbittorrent, [(torrent.content, torrent.name, content)])
        wait_until(lambda: qbittorrent.has_saved(torrent.info_hash))
        qbittorrent.stop()
        (qbittorrent.downloads / torrent.name).unlink()
        qbittorrent.start()
        client = make_client(qbittorrent)
        held = wait_for_state(client, torrent, "missingFiles")
        assert held.bytes_left == 200_000
        assert client.room().promised_bytes == 200_000
        client.recheck(torrent.info_hash)
        held = wait_for_state(client, torrent, "stalledDL", "downloading")
        assert (held.progress, held.bytes_left) == (0.0, 200_000)


def test_recheck_of_what_seems_whole_gets_its_files_back(running, raw):
    """It asks its tracker for them again, which 4.5.2 does not if it is only rechecked."""
    content = secrets.token_bytes(200_000)
    with Seeder() as seeder, Tracker(seeder=seeder) as tracker:
        torrent = make_torrent(content=content, announce=tracker.announce_url)
        seeder.offer(torrent.content, content)
        file = running.downloads / torrent.name
        file.write_bytes(content)
        raw.torrents_add(torrent_files=torrent.content)
        client = make_client(running)
        wait_until_held(client, torrent, lambda held: held.bytes_left == 0)
        wait_until(lambda: tracker.knows(torrent.info_hash))
        file.unlink()
        client.recheck(torrent.info_hash)
        wait_until(lambda: file.exists() and file.read_bytes() == content)


def test_recheck_goes_on_after_an_error_and_a_pause(running, raw, tmp_path):
    """What stopped with an error goes on once its cause is gone, and what was paused as well."""
    blocked = tmp_path / "no folder"
    blocked.write_text("x")
    torrent = make_torrent()
    client = make_client(running, save_path=str(blocked / "in it"))
    client.hand_over(torrent)
    wait_for_state(client, torrent, "error")
    blocked.unlink()
    client.recheck(torrent.info_hash)
    wait_for_state(client, torrent, "stalledDL")
    raw.torrents_stop(torrent_hashes=torrent.info_hash)
    wait_for_state(client, torrent, *_PAUSED)
    client.recheck(torrent.info_hash)
    wait_for_state(client, torrent, "stalledDL")
    client.recheck(_FAR_HASH)


def test_tags_come_and_go(running):
    """A tag is added to those that are there, the others are kept, and it is taken off again."""
    client = make_client(running, tags=["mine"])
    torrents = [make_torrent(), make_torrent()]
    for torrent in torrents:
        client.hand_over(torrent)
    hashes = [torrent.info_hash for torrent in torrents]
    client.tag([*hashes, _FAR_HASH], "no seeds")
    wait_until(lambda: all(set(held.tags) == {"mine", "no seeds"} for held in client.states(hashes).values()))
    client.untag([hashes[0], _FAR_HASH], "no seeds")
    wait_until(lambda: state_of(client, torrents[0]).tags == ("mine",))
    assert set(state_of(client, torrents[1]).tags) == {"mine", "no seeds"}


def test_remove_takes_one_torrent_and_its_files(running, tracker, tmp_path):
    """Only the named torrent goes, together with its file; another one's stays."""
    contents = [secrets.token_bytes(50_000), secrets.token_bytes(50_000)]
    torrents = [make_torrent(content=content, announce=tracker.announce_url) for content in contents]
    gone, kept = torrents
    with RealQBittorrent(tmp_path / "profile", running._command) as qbittorrent:
        pairs = zip(torrents, contents, strict=True)
        seed(qbittorrent, [(torrent.content, torrent.name, content) for torrent, content in pairs])
        client = make_client(qbittorrent)
        client.remove(_FAR_HASH)
        for odd in (
            "all",
            "",
            gone.info_hash[:39],
            f"{gone.info_hash}|{kept.info_hash}",
            f"{gone.info_hash}\n",
        ):
            with pytest.raises(ValueError, match="info-hash"):
                client.remove(odd)
        assert len(list(client.torrents())) == 2
        client.remove(gone.info_hash.upper())

        def is_gone() -> bool:
            return client.find(gone.info_hash) is None and not file_of(gone).exists()

        def file_of(torrent: TorrentFile) -> Path:
            return qbittorrent.downloads / torrent.name

        wait_until(is_gone)
        assert [held.info_hash for held in client.torrents()] == [kept.info_hash]
        assert file_of(kept).exists()
