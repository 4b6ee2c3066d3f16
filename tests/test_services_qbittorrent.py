"""QBittorrentClient against real qBittorrents."""

import datetime as dt
import hashlib
import ipaddress
import logging
import secrets
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from house import real_qbittorrent
from house.real_qbittorrent import RealQBittorrent, qbittorrents, require_qbittorrent
from house.torrent_clients import ANNOUNCE, make_torrent
from house.torrent_clients import qbittorrent_client as make_client
from house.waiting import wait_until
from stand_ins.hurry import in_a_hurry
from stand_ins.tracker import Tracker, copy_of, seed

from movie_sync.demo.torrent_maker import bencode
from movie_sync.domain.models import TorrentFile
from movie_sync.domain.torrent_file import parse_torrent
from movie_sync.domain.wish_list import Placement
from movie_sync.errors import AuthError, NetworkError, ReleaseError, SlowError, UnavailableError

_FAR_HASH = "f" * 40
raw = real_qbittorrent.raw


@pytest.fixture(
    scope="module", params=qbittorrents() or [[]], ids=lambda command: shlex.join(command) or "none"
)
def command(request: pytest.FixtureRequest) -> list[str]:
    """One of the programs to test against."""
    return request.param or require_qbittorrent()


@pytest.fixture(scope="module")
def running(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealQBittorrent]:
    """A running qBittorrent that the tests share."""
    with RealQBittorrent(tmp_path_factory.mktemp("shared"), command) as qbittorrent:
        yield qbittorrent


def test_version_is_what_qbittorrent_says(running, raw):
    """The version for `check` is the program's own."""
    assert make_client(running).version() == raw.app_version()


def test_an_unknown_hash_is_not_found(running):
    """Nothing found is a value, not an error."""
    assert make_client(running).find(_FAR_HASH) is None


def test_added_torrent_is_found_by_its_hash(running):
    """A torrent that is handed over is there, in either case of the hash."""
    torrent = make_torrent()
    client = make_client(running)
    assert client.hand_over(torrent) is True
    for info_hash in (torrent.info_hash, torrent.info_hash.upper()):
        held = client.find(info_hash)
        assert held is not None
        assert (held.info_hash, held.name) == (torrent.info_hash, torrent.name)
        assert held.progress == 0.0
    assert torrent.info_hash in {held.info_hash for held in client.torrents()}


def test_settings_reach_the_torrent(running, raw, tmp_path):
    """Category, tags and save path are the configured ones, also where the category has its own path."""
    raw.torrents_create_category(name="Elsewhere", save_path=str(tmp_path / "category"))
    torrent = make_torrent()
    client = make_client(running, category="Elsewhere", tags=["one", "two"], save_path=str(tmp_path / "mine"))
    assert client.hand_over(torrent) is True
    (row,) = raw.torrents_info(torrent_hashes=torrent.info_hash)
    assert (row.category, row.tags, row.save_path) == ("Elsewhere", "one, two", str(tmp_path / "mine"))
    assert row.auto_tmm is False
    torrent, place = make_torrent(), Placement("Horror", ("two", "halloween"), str(tmp_path / "horror"))
    assert client.hand_over(torrent, place) is True
    (row,) = raw.torrents_info(torrent_hashes=torrent.info_hash)
    assert (row.category, row.save_path) == ("Horror", str(tmp_path / "horror"))
    assert sorted(row.tags.split(", ")) == ["halloween", "one", "two"]


def test_without_save_path_qbittorrent_chooses_the_place(running, raw):
    """No save path leaves the place to qBittorrent's own settings."""
    torrent = make_torrent()
    assert make_client(running).hand_over(torrent) is True
    (row,) = raw.torrents_info(torrent_hashes=torrent.info_hash)
    assert Path(row.save_path) == running.downloads
    assert row.category == "Movies"


def test_a_torrent_that_is_there_is_left_as_it_is(running, raw):
    """What the user has added himself is adopted, with his category and tags."""
    torrent = make_torrent()
    raw.torrents_add(torrent_files=torrent.content, category="Mine", tags="keep", is_stopped=True)

    def is_paused() -> bool:
        rows = raw.torrents_info(torrent_hashes=torrent.info_hash)
        return bool(rows) and rows[0].state in {"pausedDL", "stoppedDL"}

    wait_until(is_paused)
    assert make_client(running).hand_over(torrent) is False
    (row,) = raw.torrents_info(torrent_hashes=torrent.info_hash)
    assert (row.category, row.tags) == ("Mine", "keep")
    assert is_paused()


def test_two_at_once_hand_the_same_torrent_over_once(running, raw):
    """Of several hand-overs of one torrent at the same time none fails and one torrent is there."""
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
    assert len(results) == 3
    # 5.3 says yes to each of several that come before it has shown the first.
    assert True in results
    assert len(raw.torrents_info(torrent_hashes=torrent.info_hash)) == 1


@pytest.mark.parametrize("content", [b"<html>no such torrent</html>", b"d4:infod6:lengthi1e", b""])
def test_what_is_no_torrent_is_the_releases_fault(running, content):
    """A file that qBittorrent refuses is this release's failure, not an outage."""
    torrent = TorrentFile(info_hash=secrets.token_hex(20), name="A Film", size_bytes=1, content=content)
    with pytest.raises(ReleaseError, match="qBittorrent"):
        make_client(running, **in_a_hurry()).hand_over(torrent)


def test_hybrid_torrent_is_known_by_its_hash(running):
    """A torrent of both versions is found under the hash that qBittorrent gives it."""
    torrent = parse_torrent(_hybrid_torrent(b"h" * 1000))
    assert make_client(running).hand_over(torrent) is True
    assert make_client(running).hand_over(torrent) is False


def test_list_is_read_whole_over_pages(running, raw, monkeypatch):
    """All torrents are listed once, however many pages that takes."""
    monkeypatch.setattr("movie_sync.services.qbittorrent.client._PAGE_ROWS", 3)
    client = make_client(running)
    for _ in range(8):
        client.hand_over(make_torrent())
    listed = [held.info_hash for held in client.torrents()]
    assert sorted(listed) == sorted(row.hash for row in raw.torrents_info())
    assert len(set(listed)) == len(listed)


def test_refused_login_is_not_tried_again(command, tmp_path):
    """A wrong password is said each time and sent once, so that it never causes a ban."""
    with RealQBittorrent(tmp_path / "profile", command, max_failures=2) as qbittorrent:
        client = make_client(qbittorrent, password="wrong")
        for attempt in (
            client.version,
            lambda: client.find(_FAR_HASH),
            lambda: list(client.torrents()),
            client.version,
        ):
            with pytest.raises(AuthError, match="rejected the username or password") as caught:
                attempt()
            assert caught.value.service == "qBittorrent"
        assert make_client(qbittorrent).version()


def test_ban_is_told_apart_and_ends(command, tmp_path):
    """A banned address is an outage that passes, not refused credentials."""
    with RealQBittorrent(tmp_path / "profile", command, max_failures=1, ban_seconds=1) as qbittorrent:
        with pytest.raises(AuthError):
            make_client(qbittorrent, password="wrong").version()
        client = make_client(qbittorrent)
        with pytest.raises(UnavailableError, match="too many failed") as caught:
            client.version()
        assert caught.value.retry_after_seconds

        def is_over() -> bool:
            try:
                return bool(client.version())
            except UnavailableError:
                return False

        wait_until(is_over)


def test_no_login_is_tried_without_credentials(command, tmp_path):
    """Without a password nothing is sent that could count as a failed login."""
    with RealQBittorrent(tmp_path / "profile", command, max_failures=1) as qbittorrent:
        for username, password in (("", ""), (qbittorrent.username, ""), ("", qbittorrent.password)):
            with pytest.raises(AuthError, match="isn't set"):
                make_client(qbittorrent, username=username, password=password).version()
        assert make_client(qbittorrent).version()


def test_without_login_where_none_is_asked_for(command, tmp_path):
    """A qBittorrent that trusts this machine needs no credentials."""
    with RealQBittorrent(tmp_path / "profile", command, asks_for_login=False) as qbittorrent:
        client = make_client(qbittorrent, username="", password="")
        assert client.hand_over(make_torrent()) is True


def test_restart_is_survived(command, tmp_path):
    """While qBittorrent is away that is said; when it is back the same client goes on."""
    qbittorrent = RealQBittorrent(tmp_path / "profile", command)
    torrent = make_torrent()
    try:
        client = make_client(qbittorrent.start())
        assert client.hand_over(torrent) is True
        # A torrent that was added a moment before the end is lost: qBittorrent saves it a little later.
        wait_until(lambda: qbittorrent.has_saved(torrent.info_hash))
        qbittorrent.stop()
        with pytest.raises(NetworkError, match="refused"):
            client.find(torrent.info_hash)
        qbittorrent.start()
        wait_until(lambda: client.find(torrent.info_hash) is not None)
        assert client.hand_over(torrent) is False
        qbittorrent.kill()
        qbittorrent.start()
        assert client.hand_over(make_torrent()) is True
    finally:
        qbittorrent.stop()


def test_certificate_is_verified_unless_told_otherwise(command, tmp_path, monkeypatch):
    """A self-signed certificate is refused by name of the setting, and taken with it or when trusted."""
    certificate = _self_signed(tmp_path)
    with RealQBittorrent(tmp_path / "profile", command, certificate=certificate) as qbittorrent:
        with pytest.raises(NetworkError, match="verify_tls"):
            make_client(qbittorrent).version()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        unverified = make_client(qbittorrent, verify_tls=False)
        assert unverified.hand_over(make_torrent()) is True
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        assert make_client(qbittorrent).version()
        plain = make_client(qbittorrent, url=qbittorrent.url.replace("https:", "http:"), timeout=2.0)
        with pytest.raises(NetworkError, match="https://"):
            plain.version()


def test_https_where_plain_http_is_spoken(running):
    """A wrong scheme is named, whether the other side hangs up or waits."""
    client = make_client(running, url=running.url.replace("http:", "https:"), timeout=0.5)
    with pytest.raises((NetworkError, SlowError), match="http://"):
        client.version()


def test_address_under_another_host_name(running):
    """A host name that qBittorrent does not accept is not taken for a wrong password."""
    client = make_client(running, url=running.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(UnavailableError, match="server domains"):
        client.version()


def test_film_downloads_to_identical_bytes(command, tmp_path, caplog):
    """A torrent that is handed over loads from a seeding client, and no secret is logged on the way."""
    caplog.set_level(logging.DEBUG)
    content = secrets.token_bytes(2_000_000)
    with (
        Tracker() as tracker,
        RealQBittorrent(tmp_path / "seeder", command) as seeder,
        RealQBittorrent(tmp_path / "ours", command) as ours,
    ):
        torrent = make_torrent("A.Film.1950.1080p.mkv", content, tracker.announce_url)
        seed(seeder, [(torrent.content, torrent.name, content)])
        client = make_client(ours)
        assert client.hand_over(torrent) is True

        def is_done() -> bool:
            held = client.find(torrent.info_hash)
            return held is not None and held.client_word in {"stalledUP", "uploading"}

        wait_until(is_done)
        assert copy_of(ours.downloads, torrent.name) == content
        held = client.find(torrent.info_hash)
        assert held is not None
        assert (held.progress, held.content_path) == (1.0, str(ours.downloads / torrent.name))
        for secret in (tracker.passkey, ours.password):
            assert secret not in caplog.text
            assert secret not in ours.log


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


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that nobody has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "qBittorrent")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def test_an_api_key(running, raw):
    """Since 5.2 a key stands for a login: torrents are handed over and followed with it; a wrong one is told."""
    key = (raw.app_rotate_api_key() or {}).get("apiKey")
    if not key:
        with pytest.raises(AuthError, match=r"API keys need qBittorrent 5\.2"):
            make_client(running, api_key="qbt_" + "x" * 28).version()
        pytest.skip("this qBittorrent has no API keys")
    client = make_client(running, username="", password="", api_key=key)
    torrent = make_torrent()
    assert client.version() == raw.app_version()
    assert client.hand_over(torrent) is True
    epoch = client.epoch
    assert torrent.info_hash in client.states([torrent.info_hash])
    assert client.epoch == epoch
    assert client.room().free_bytes > 0
    client.remove(torrent.info_hash)
    for _ in range(3):
        wrong = make_client(running, api_key=f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}")
        with pytest.raises(AuthError, match="rejected the API key"):
            wrong.version()
    assert client.version()
