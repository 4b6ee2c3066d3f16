"""WatchFolder: torrents as whole, private files under harmless names."""

import errno
import logging
import os
import stat
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movie_sync.domain.models import TorrentFile
from movie_sync.errors import StorageError
from movie_sync.services.watch_folder.service import WatchFolder, safe_name
from movie_sync.storage.shortcomings import say_shortcomings

_HASH = "0123456789abcdef0123456789abcdef01234567"
_OTHER = "fedcba9876543210fedcba9876543210fedcba98"
_LONGEST_NAME_BYTES = 143  # what an encrypted home folder allows

hashes = st.text(alphabet="0123456789abcdef", min_size=40, max_size=40)
hostile_names = st.one_of(
    st.text(max_size=400),
    st.text(alphabet=string.printable + "/\\.:\0\u202e\u200f\ufeff\u0301é😀", max_size=400),
)


def torrent_of_any_bytes(
    name: str = "A.Film.1950.1080p", info_hash: str = _HASH, content: bytes = b"d4:infoe"
) -> TorrentFile:
    """Return a torrent; the folder does not look into it."""
    return TorrentFile(info_hash, name, 1, content)


def test_torrent_is_written_whole_and_private(tmp_path):
    """The file holds the very bytes, for the owner alone, and nothing else is left in the folder."""
    folder = tmp_path / "data" / "torrents"
    umask = os.umask(0)
    try:
        assert WatchFolder(folder).hand_over(torrent_of_any_bytes()) is True
    finally:
        os.umask(umask)
    (file,) = folder.iterdir()
    assert file.name == f"A.Film.1950.1080p [{_HASH}].torrent"
    assert file.read_bytes() == b"d4:infoe"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for made in (folder, folder.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_mode_of_an_existing_folder_is_the_users(tmp_path):
    """A folder that the user shares with his client keeps its mode."""
    tmp_path.chmod(0o755)
    WatchFolder(tmp_path).hand_over(torrent_of_any_bytes())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.fixture
def share(tmp_path, monkeypatch):
    """A folder as shares and sticks are: files have the mode of the mount, whatever is asked for."""
    real = os.open

    def open_as_mounted(path, flags, mode=0o777, **more):
        return real(path, flags, 0o666 if flags & os.O_CREAT else mode, **more)

    monkeypatch.setattr(os, "open", open_as_mounted)
    before = os.umask(0)
    yield tmp_path / "share"
    os.umask(before)


@pytest.mark.parametrize("code", [0, errno.EPERM, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS])
def test_a_share_where_modes_cannot_be_set(share, monkeypatch, caplog, code):
    """Torrents are handed over all the same, which is warned of once; nothing half-written is left."""

    def chmod(*_):
        if code:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "chmod", chmod)
    share.mkdir(mode=0o777)
    watch = WatchFolder(share / "torrents")
    say_shortcomings()
    with caplog.at_level(logging.WARNING):
        for info_hash in (_HASH, _OTHER):
            assert watch.hand_over(torrent_of_any_bytes(info_hash=info_hash)) is True
    assert {path.suffix for path in (share / "torrents").iterdir()} == {".torrent"}
    assert caplog.text.count("can't be made private") == 1
    assert str(share / "torrents") in caplog.text


def test_a_mode_that_fails_for_another_reason(share, monkeypatch):
    """The torrent is not handed over, and nothing half-written is left in the folder."""

    def chmod(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    share.mkdir()
    monkeypatch.setattr(os, "chmod", chmod)
    with pytest.raises(StorageError, match="Input/output error"):
        WatchFolder(share).hand_over(torrent_of_any_bytes())
    assert list(share.iterdir()) == []


def test_missing_folder_holds_nothing(tmp_path):
    """Looking makes no folder."""
    watch = WatchFolder(tmp_path / "none")
    assert watch.find(_HASH) is None
    assert list(watch.torrents()) == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("suffix", ["", ".added", ".imported", ".loaded", ".ADDED"])
def test_handed_over_stays_known_by_its_name(tmp_path, suffix):
    """A file that a client has taken and renamed is known still, and not written again."""
    watch = WatchFolder(tmp_path)
    watch.hand_over(torrent_of_any_bytes())
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / (file.name + suffix))
    held = watch.find(_HASH.upper())
    assert held is not None
    assert (held.info_hash, held.name) == (_HASH, "A.Film.1950.1080p")
    assert Path(held.content_path).is_file()
    assert watch.hand_over(torrent_of_any_bytes(content=b"other")) is False
    assert len(list(tmp_path.iterdir())) == 1
    assert watch.find(_OTHER) is None


@pytest.mark.parametrize(
    "name",
    [
        f"A Film [{_HASH}].torrent.tmp",
        f"A Film [{_HASH}].torrent.qbt_rejected",
        f"A Film [{_HASH}].torrent.invalid",
        f"A Film [{_HASH[:39]}].torrent",
        f"A Film {_HASH}.torrent",
        "A Film.torrent",
    ],
)
def test_other_files_are_no_torrents_of_ours(tmp_path, name):
    """A half-written file, one that a client refused, and other people's files do not count."""
    (tmp_path / name).write_bytes(b"d4:infoe")
    assert WatchFolder(tmp_path).find(_HASH) is None
    assert list(WatchFolder(tmp_path).torrents()) == []


def test_empty_file_is_written_anew(tmp_path):
    """An empty file, which a power failure can leave, is no torrent."""
    (tmp_path / f"A.Film.1950.1080p [{_HASH}].torrent").touch()
    watch = WatchFolder(tmp_path)
    assert watch.find(_HASH) is None
    assert watch.hand_over(torrent_of_any_bytes()) is True
    assert watch.find(_HASH) is not None


def test_left_over_of_a_crash_is_cleared(tmp_path):
    """A temporary file of ours goes with the next torrent; those of others stay."""
    (tmp_path / f"Another [{_OTHER}].torrent.tmp").write_bytes(b"d4")
    (tmp_path / "mine.torrent.tmp").write_bytes(b"d4")
    WatchFolder(tmp_path).hand_over(torrent_of_any_bytes())
    assert {file.name for file in tmp_path.iterdir()} == {
        "mine.torrent.tmp",
        f"A.Film.1950.1080p [{_HASH}].torrent",
    }


def test_planted_links_are_not_followed(tmp_path):
    """A symbolic link where our file goes is replaced, and its target untouched."""
    target = tmp_path / "precious"
    target.write_text("mine", encoding="utf-8")
    folder = tmp_path / "watch"
    folder.mkdir()
    name = f"A.Film.1950.1080p [{_HASH}].torrent"
    for link in (folder / name, folder / f"{name}.tmp"):
        link.symlink_to(target)
    watch = WatchFolder(folder)
    assert watch.find(_HASH) is None
    assert watch.hand_over(torrent_of_any_bytes()) is True
    assert target.read_text(encoding="utf-8") == "mine"
    assert not (folder / name).is_symlink()


def test_full_disk_changes_nothing(tmp_path, monkeypatch):
    """When there is no room that is said, and no piece of a file is left."""

    def no_room(*_: object) -> int:
        raise OSError(28, "No space left on device")

    watch = WatchFolder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", no_room)
        with pytest.raises(StorageError, match="No space left"):
            watch.hand_over(torrent_of_any_bytes())
    assert list(tmp_path.iterdir()) == []
    assert watch.hand_over(torrent_of_any_bytes()) is True


def test_file_in_the_place_of_the_folder(tmp_path):
    """A folder that is none is an error for each call, not an empty folder."""
    place = tmp_path / "file"
    place.touch()
    watch = WatchFolder(place)
    for attempt in (
        lambda: list(watch.torrents()),
        lambda: watch.find(_HASH),
        lambda: watch.hand_over(torrent_of_any_bytes()),
    ):
        with pytest.raises(StorageError, match="file"):
            attempt()


@given(name=hostile_names, info_hash=hashes)
@example(name="../../etc/passwd", info_hash=_HASH)
@example(name="..", info_hash=_HASH)
@example(name="a\nb\x1b[31m\u202egpj", info_hash=_HASH)
@example(name="NUL", info_hash=_HASH)
@example(name="com1.mkv", info_hash=_HASH)
@example(name="é" * 300, info_hash=_HASH)
@example(name="\ud800", info_hash=_HASH)
@example(name=f"Film [{_OTHER}].torrent", info_hash=_HASH)
def test_any_name_gives_one_harmless_file(tmp_path_factory, name, info_hash):
    """Whatever a torrent calls itself, one file in the folder results, and is found by its hash."""
    root = tmp_path_factory.mktemp("root")
    watch = WatchFolder(root / "watch")
    assert watch.hand_over(torrent_of_any_bytes(name, info_hash)) is True
    assert [entry.name for entry in root.iterdir()] == ["watch"]
    (file,) = (root / "watch").iterdir()
    assert len(f"{file.name}.imported".encode()) <= _LONGEST_NAME_BYTES
    assert not set(file.name) & set('/\\:*?"<>|')
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in file.name)
    assert not file.name.startswith((".", "-", " ", "~"))
    held = watch.find(info_hash)
    assert held is not None
    assert held.info_hash == info_hash


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Heat.1995.1080p.BluRay.x264-GRP", "Heat.1995.1080p.BluRay.x264-GRP"),
        ("Amélie (2001) [1080p]", "Amélie (2001) [1080p]"),
        ("千と千尋の神隠し 2001", "千と千尋の神隠し 2001"),
        ("Face/Off: 1997?", "Face Off 1997"),
        ("  .hidden. ", "hidden"),
        ("--output=x", "output=x"),
        ("con", "_con"),
        ("Con.Air.1997", "_Con.Air.1997"),
        ("Conan.1982", "Conan.1982"),
        ("a\r\n\tb", "a b"),
        ("\u202e\u200f", "torrent"),
        ("...", "torrent"),
        ("", "torrent"),
        ("x" * 200, "x" * 75),
    ],
)
def test_names_stay_readable(name, expected):
    """Only what could do harm is taken out of a name."""
    assert safe_name(name) == expected


@given(hostile_names)
def test_safe_name_of_a_safe_name_is_itself(name):
    """Cleaning twice is cleaning once."""
    assert safe_name(safe_name(name)) == safe_name(name)
