"""Whatever a backup holds: either none of it is restored, or files of ours in the data folder and nothing else."""

import gzip
import io
import json
import os
import stat
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from house.commands import process_as_before, run
from hypothesis import given
from hypothesis import strategies as st

from movie_sync.commands.moved_files import MovedFiles
from movie_sync.storage.age_file import Encryptor, Lock, WrongPassphraseError
from movie_sync.storage.archive import RefusedError, members
from movie_sync.storage.atomic_file import DamagedError
from movie_sync.storage.paths import AppPaths

__all__ = ["process_as_before"]

FILES = MovedFiles(AppPaths(Path("/nowhere")))
ABOUT = json.dumps({"format": 1, "version": "1", "made_at": "x", "secrets": False}).encode()
GOOD = [("backup.json", ABOUT), ("queue_pending.json", b"[]")]
HUGE = 8 * 1024**3


def entry(name: str, content: bytes = b"", **traits: object) -> bytes:
    """Return a member of an archive, whose header says what it is told to."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for trait, value in traits.items():
        setattr(info, trait, value)
    header = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    return header + content + bytes(-len(content) % 512)


def packed(*parts: bytes, end: bytes = bytes(1024)) -> bytes:
    start = b"".join(entry(name, content) for name, content in GOOD)
    return gzip.compress(start + b"".join(parts) + end, 1)


def pax(**headers: str) -> bytes:
    """Return a member with extended headers, as no backup has."""
    info = tarfile.TarInfo("history.jsonl")
    info.pax_headers = headers
    return info.tobuf(tarfile.PAX_FORMAT)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "absolute": lambda: packed(entry("/etc/cron.d/x", b"x")),
    "upwards": lambda: packed(entry("../x", b"x")),
    "upwards inside": lambda: packed(entry("lists/../../x.json", b"x")),
    "upwards in torrents": lambda: packed(entry("torrents/../../x.torrent", b"x")),
    "a dot": lambda: packed(entry("./history.jsonl", b"x")),
    "two slashes": lambda: packed(entry("lists//0123456789abcdef.json", b"x")),
    "symbolic link": lambda: packed(entry("history.jsonl", type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "link for a folder": lambda: packed(entry("lists", type=tarfile.SYMTYPE, linkname="/tmp")),
    "hard link": lambda: packed(entry("history.jsonl", type=tarfile.LNKTYPE, linkname="backup.json")),
    "device": lambda: packed(entry("history.jsonl", type=tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "block device": lambda: packed(entry("history.jsonl", type=tarfile.BLKTYPE)),
    "pipe": lambda: packed(entry("history.jsonl", type=tarfile.FIFOTYPE)),
    "folder": lambda: packed(entry("lists/", type=tarfile.DIRTYPE)),
    "sparse": lambda: packed(entry("history.jsonl", b"x", type=tarfile.GNUTYPE_SPARSE)),
    "extended header": lambda: packed(pax(path="/etc/passwd")),
    "huge extended header": lambda: packed(entry("x", type=tarfile.XHDTYPE, size=HUGE)),
    "huge long name": lambda: packed(entry("x", type=tarfile.GNUTYPE_LONGNAME, size=HUGE)),
    "twice": lambda: packed(entry("history.jsonl", b"x"), entry("history.jsonl", b"y")),
    "twice on some disks": lambda: packed(entry("HISTORY.jsonl"), entry("history.jsonl")),
    "the key": lambda: packed(entry("credentials.key", b"x")),
    "credentials in plain": lambda: packed(entry("credentials.json", b"{}")),
    "credentials in force": lambda: packed(entry("credentials.enc", b"{}")),
    "torrents in plain": lambda: packed(entry(f"torrents/x [{'a' * 40}].torrent", b"x")),
    "a session": lambda: packed(entry("web_sessions.json", b"{}")),
    "a login": lambda: packed(entry("web_login.json", b"{}")),
    "the plan": lambda: packed(entry("restored/plan.json", b"{}")),
    "a lock": lambda: packed(entry("daemon.lock", b"")),
    "a script": lambda: packed(entry("notify.sh", b"x")),
    "escapes": lambda: packed(entry("\x1b[31mhistory.jsonl\n", b"x")),
    "too large": lambda: packed(entry("queue_failed.json", size=HUGE)),
    "negative": lambda: packed(entry("queue_failed.json", size=-5)),
    "large settings": lambda: packed(entry("config.json", bytes(1_000_001))),
    "cut off": lambda: packed(entry("history.jsonl", b"x" * 600)[:700], end=b""),
    "no end": lambda: packed(end=b""),
    "half an end": lambda: packed(end=bytes(100)),
    "behind its end": lambda: packed(end=bytes(1024) + b"x"),
    "another backup behind it": lambda: packed() + packed(),
    "something behind it": lambda: packed() + b"x",
    "no manifest": lambda: gzip.compress(entry("queue_pending.json", b"[]") + bytes(1024)),
    "no files": lambda: gzip.compress(bytes(1024)),
    "a newer version": lambda: gzip.compress(entry("backup.json", b'{"format": 2}') + bytes(1024)),
    "a manifest of nothing": lambda: gzip.compress(entry("backup.json", b"[") + bytes(1024)),
    "a deep manifest": lambda: gzip.compress(entry("backup.json", b"[" * 100_000) + bytes(1024)),
    "a header that is none": lambda: packed(b"\xff" * 512),
    "a zip": lambda: b"PK\x03\x04" + bytes(100),
    "a tar": lambda: entry(*GOOD[0]) + bytes(1024),
}


@pytest.mark.parametrize("which", HOSTILE)
def test_hostile(which: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """It is refused in a line or two, and nothing is written anywhere."""
    (tmp_path / "b").write_bytes(HOSTILE[which]())
    assert run(tmp_path / "new", "restore", str(tmp_path / "b"), "--trust") == 2
    said = capsys.readouterr()
    assert "can't be restored: " in said.err
    assert said.err.count("\n") == 1
    assert "\x1b" not in said.err
    assert [*tmp_path.iterdir()] == [tmp_path / "b"]


def test_what_is_allowed(tmp_path: Path) -> None:
    """The frame of the attacks is a backup that can be restored, and so is one that is dated oddly."""
    (tmp_path / "b").write_bytes(packed(entry("history.jsonl", b"x")))
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 0
    about = json.dumps({"format": 1, "made_at": "9999-12-31T23:59:59-12:00"}).encode()
    (tmp_path / "odd").write_bytes(gzip.compress(entry("backup.json", about) + bytes(1024)))
    assert run(tmp_path / "odd_one", "restore", str(tmp_path / "odd")) == 0


@pytest.mark.parametrize("is_long_name", [False, True])
def test_a_bomb_takes_no_memory(is_long_name: bool) -> None:
    """What unpacks to a thousand times its size is read in pieces, and only to a limit."""
    part = gzip.compress(bytes(1_000_000))
    if is_long_name:
        start = entry("x", type=tarfile.GNUTYPE_LONGNAME, size=500_000_000)
    else:
        start = entry("queue_failed.json", size=140_000_000)
    bomb = packed(start, end=b"") + part * 140
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises((DamagedError, RefusedError)):
        for _ in members(io.BytesIO(bomb), lambda name: FILES.most_bytes_in_backup(name, has_secrets=True)):
            pass
    assert time.process_time() - began < 20
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


names = st.one_of(
    st.sampled_from(
        [
            "config.json",
            "queue_failed.json",
            "lists/0123456789abcdef.json",
            "torrents/x.torrent",
            "lists",
            "inbox/1.json",
        ]
    ),
    st.text(max_size=120),
    st.lists(st.sampled_from(["..", ".", "lists", "torrents", "/", "x.torrent", ""]), max_size=5).map(
        "/".join
    ),
)
kinds = st.sampled_from(
    [b"0", b"0", b"0", b"\0", b"1", b"2", b"3", b"5", b"6", b"7", b"L", b"K", b"S", b"x", b"g", b"V"]
)
entries = st.lists(
    st.builds(
        lambda name, kind, content, link: entry(name, content, type=kind, linkname=link),
        names, kinds, st.binary(max_size=600), st.sampled_from(["", "/etc/passwd", "../.."]),
    ),
    max_size=6,
)  # fmt: skip


@given(entries=entries, flips=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=4))
def test_any_archive(entries: list[bytes], flips: list[tuple[int, int]], tmp_path_factory) -> None:
    """Of any members, also with damaged headers: nothing outside the folder, no link, nothing others can read."""
    content = bytearray(b"".join([entry(name, body) for name, body in GOOD] + entries) + bytes(1024))
    for place, value in flips:
        content[place % len(content)] = value
    top = tmp_path_factory.mktemp("attack")
    (top / "b").write_bytes(gzip.compress(bytes(content), 1))
    code = run(top / "new", "restore", str(top / "b"), "--trust")
    assert code in {0, 2}
    assert {path.name for path in top.iterdir()} <= {"b", "new"}
    found = [*(top / "new").rglob("*")]
    assert bool(found) == (code == 0)
    for path in found:
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        assert not mode & 0o077
        name = str(path.relative_to(top / "new"))
        is_lock = name in {"daemon.lock", "web.lock"}
        assert path.is_dir() or is_lock or FILES.most_bytes_in_backup(name, has_secrets=False) is not None


@given(content=st.binary(max_size=1200))
def test_any_bytes(content: bytes, tmp_path_factory) -> None:
    """They are no backup."""
    top = tmp_path_factory.mktemp("attack")
    (top / "b").write_bytes(content)
    assert run(top / "new", "restore", str(top / "b")) == 2
    assert not (top / "new").exists()


# --- encryption ---------------------------------------------------------------------------

PIECE = 64 * 1024


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("movie_sync.storage.age_file._COST", 4)


def encrypted(content: bytes, passphrase: str = "secret") -> bytes:
    sink = io.BytesIO()
    encryptor = Encryptor(sink, passphrase)
    encryptor.begin()
    for start in range(0, len(content), 50_000):
        encryptor.write(content[start : start + 50_000])
    encryptor.finish()
    return sink.getvalue()


def decrypted(content: bytes, passphrase: str = "secret") -> bytes:
    file = io.BytesIO(content)
    return Lock(file).opened(passphrase).content(file).read()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
def test_encryption(size: int) -> None:
    """What was encrypted comes back; cut off, lengthened, or with pieces swapped or left out it doesn't."""
    content = os.urandom(size)
    whole = encrypted(content)
    assert decrypted(whole) == content
    piece, start = PIECE + 16, whole.index(b"\n--- ") + 49 + 16
    changed = [whole[:-1], whole + b"x", whole[: start + piece], whole[:start], whole + whole[start:]]
    if size >= 2 * PIECE:
        first, second = whole[start : start + piece], whole[start + piece : start + 2 * piece]
        changed += [whole[:start] + second + first + whole[start + 2 * piece :], whole[:start] + second]
        changed += [whole[:start] + whole[start + piece :], whole[: start + 2 * piece]]
    for each in changed:
        if each != whole:
            with pytest.raises(DamagedError):
                decrypted(each)
    with pytest.raises(WrongPassphraseError):
        decrypted(whole, "Secret")


@given(data=st.data())
def test_any_damage_is_noticed(data: st.DataObject) -> None:
    """No changed byte goes unnoticed."""
    whole = encrypted(b"x" * 300)
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises((DamagedError, WrongPassphraseError)):
        decrypted(bytes(damaged))


def test_a_key_that_would_take_all_memory() -> None:
    """The cost that a file asks for is limited."""
    with pytest.raises(DamagedError, match="memory"):
        decrypted(encrypted(b"x").replace(b" 4\n", b" 30\n", 1))


def test_of_another_program() -> None:
    """A file that age 1.1.1 wrote can be read (its passphrase is `correct-horse`)."""
    assert decrypted(bytes.fromhex(FROM_AGE), "correct-horse") == b"Heat (1995)\n"


FROM_AGE = (
    "6167652d656e6372797074696f6e2e6f72672f76310a2d3e207363727970742031597a49664a7567746930445a77726f"
    "2f67336a44772031380a4c4a5556437631636839776955474c4b61464c457a79633331534c54542f6752307252587873"
    "79504758410a2d2d2d2056436c506d326f6e6938486134535477785263487859724c7a52666e68516f6d696d3363305a"
    "512b58314d0a4e34771a772795e7cf4906efaaa0169fcfcf28c7b074f6c5e1159a4f506a320a66af686271b3c5fee8b8"
    "1b20"
)
