"""Saving settings: setup's changes join the file, and nothing that stands there is lost."""

import errno
import json
import os
import re
import stat
from pathlib import Path

import pytest

from movie_sync.errors import StorageError, UserError
from movie_sync.settings.config import Config, save_changes

BROKEN = {
    "cut": b'{"username": "an',
    "empty": b"",
    "rubbish": b"\xff\xfe\x00\x9b31m",
    "list": b'["username"]',
    "deep": b"[" * 200_000,
    "too large": b'{"username": "anna"}' + b" " * 1_000_001,
}


def test_saving_keeps_what_is_there(tmp_path: Path) -> None:
    """Setup's changes join the file; unknown keys and other settings stay; the file is private."""
    path = tmp_path / "config.json"
    path.write_text(
        '{"note": "mine\\u0219", "qbittorrent": {"tags": ["a"], "url": "http://old"}, "quality": 5}'
    )
    path.chmod(0o644)

    save_changes(
        path, {"username": "anna", "qbittorrent": {"url": "http://new"}, "quality": {"preset": "hd"}}
    )

    assert json.loads(path.read_text(encoding="utf-8")) == {
        "note": "mine\u0219",
        "qbittorrent": {"tags": ["a"], "url": "http://new"},
        "quality": {"preset": "hd"},
        "username": "anna",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_saving_a_new_file(tmp_path: Path, umask: int) -> None:
    """A file that was not there is made, private under any umask."""
    path = tmp_path / "config.json"
    before = os.umask(umask)
    try:
        save_changes(path, {"username": "anna"})
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Config.load(path)["username"] == "anna"


def test_saving_half_a_surrogate_pair(tmp_path: Path) -> None:
    """What JSON can say and UTF-8 cannot is still kept."""
    path = tmp_path / "config.json"
    path.write_text(r'{"odd": "\ud800"}')

    save_changes(path, {"username": "anna"})

    assert json.loads(path.read_text())["odd"] == "\ud800"


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_saving_never_overwrites_a_broken_file(tmp_path: Path, content: bytes) -> None:
    """A file that cannot be read is left as it is, and the message says what to do."""
    path = tmp_path / "config.json"
    path.write_bytes(content)

    with pytest.raises(UserError, match="left as it is"):
        save_changes(path, {"username": "anna"})

    assert path.read_bytes() == content


def test_saving_refuses_an_unusable_value(tmp_path: Path) -> None:
    """Nothing is saved that would be a warning at the next start."""
    with pytest.raises(UserError, match="username"):
        save_changes(tmp_path / "config.json", {"username": "a b"})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("present", "changes", "is_taken"),
    [
        ({"letterboxd": {"base_url": "http://127.0.0.1:8000"}}, {"check_interval": 1}, True),
        ({}, {"check_interval": 1}, False),
        ({"max_retries": "many"}, {"username": "anna"}, True),
        ({"max_retries": "many"}, {"max_retries": "few"}, False),
    ],
)
def test_changes_are_taken_with_what_stands_there(
    tmp_path: Path, present: dict[str, object], changes: dict[str, object], is_taken: bool
) -> None:
    """What one setting allows another counts; what is wrong with the rest is no reason against them."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(present))
    if is_taken:
        save_changes(path, changes)
    else:
        with pytest.raises(UserError):
            save_changes(path, changes)
    assert json.loads(path.read_text()) == (present | changes if is_taken else present)


def as_a_mount(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to replace a file, as it does where the file is a mount of its own."""
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if Path(target) == path:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)


def test_a_file_that_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written in its place; nothing else stays there, and a shorter text leaves no rest."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"note": "x" * 500, "username": "anna"}))
    before = path.stat().st_ino
    as_a_mount(path, monkeypatch)

    save_changes(path, {"username": "bob"})
    save_changes(path, {"username": "b"})

    assert json.loads(path.read_text()) == {"note": "x" * 500, "username": "b"}
    assert path.stat().st_ino == before
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_a_full_disk_while_it_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there is put back; if that fails too, a copy of it is beside it."""
    path = tmp_path / "config.json"
    text = json.dumps({"username": "anna", "note": "x" * 100})
    path.write_text(text)
    as_a_mount(path, monkeypatch)
    write = os.pwrite
    write_calls: list[int] = []

    def full_once(descriptor: int, content: bytes, at: int) -> int:
        write_calls.append(at)
        if len(write_calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content[:20] if len(write_calls) == 1 else content, at)

    monkeypatch.setattr(os, "pwrite", full_once)
    with pytest.raises(StorageError, match=re.escape(str(path))):
        save_changes(path, {"username": "bob"})
    assert path.read_text() == text

    def full(_descriptor: int, _content: bytes, _at: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageError, match=re.escape(str(path))):
        save_changes(path, {"username": "bob"})
    assert path.with_name("config.json.previous").read_text() == text
