"""Files are replaced whole or not at all, for their owner's eyes alone."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from house.crash_disk import Recorder

from movie_sync.errors import StorageError
from movie_sync.storage.atomic_file import (
    delete_files,
    delete_leftover,
    keep_aside,
    make_folder,
    previous_of,
    temporary_of,
    write_atomically,
)
from movie_sync.storage.replacing import restore_replaced

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is to be."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "queue.json"


@pytest.fixture(params=[0o000, 0o077, 0o277], ids=oct)
def _any_umask(request: pytest.FixtureRequest, path: Path) -> Iterator[None]:
    """Set it when the folder is there: with some, it would be no folder to write in."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_any_umask")
def test_a_file_is_private_from_the_moment_it_exists(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under any umask the file has mode 0600, and nobody else could open it before."""
    modes = []
    real_open, real_write = os.open, os.write

    def watched_open(name: object, flags: int, mode: int = 0o777) -> int:
        modes.extend([mode] if flags & os.O_CREAT else [])
        return real_open(name, flags, mode)

    def watched_write(descriptor: int, content: bytes) -> int:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return real_write(descriptor, content)

    monkeypatch.setattr(os, "open", watched_open)
    monkeypatch.setattr(os, "write", watched_write)
    write_atomically(path, [b"x"])
    assert len(modes) > 1
    assert not any(mode & 0o077 for mode in modes)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "chunks", [[], [b""], [b"a", b"b"], [b"x" * 300_000, b"y", b"z" * 300_000], [b"ab" * 50] * 9000]
)
def test_the_content_is_what_the_chunks_say(path: Path, chunks: list[bytes]) -> None:
    """Small and big chunks come out in order, with no temporary file left."""
    write_atomically(path, chunks)
    assert path.read_bytes() == b"".join(chunks)
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_takes_a_little_at_a_time_gets_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short writes are gone on with."""
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real_write(descriptor, content[:7]))
    write_atomically(path, [b"0123456789" * 10])
    assert path.read_bytes() == b"0123456789" * 10


def test_the_order_of_calls_is_the_one_that_makes_it_durable(path: Path) -> None:
    """Content is flushed before it takes its name, and the folder after."""
    write_atomically(path, [b"old"])
    recorder = Recorder(path.parent)
    with recorder.watching():
        write_atomically(path, [b"new"], keep_previous=True)
    assert [(call.name, call.path, call.target) for call in recorder.calls] == [
        ("open", "queue.json.tmp", ""),
        ("write", "queue.json.tmp", ""),
        ("fsync", "queue.json.tmp", ""),
        ("link", "queue.json", "queue.json.previous"),
        ("replace", "queue.json.tmp", "queue.json"),
        ("fsync", ".", ""),
    ]


@pytest.mark.parametrize("call", range(6))
@pytest.mark.parametrize("had_content", [False, True], ids=["new", "old"])
def test_a_refused_call_changes_nothing(path: Path, call: int, had_content: bool) -> None:
    """Whatever call fails, it is a StorageError with the old content in place, or the write is done."""
    if had_content:
        write_atomically(path, [b"old"])
    before = path.read_bytes() if had_content else None
    recorder = Recorder(path.parent)
    recorder.fail_from, recorder.fail_until = call, call + 1
    message = f"Couldn't write {path}: No space left on device."
    with recorder.watching():
        try:
            write_atomically(path, [b"new"], keep_previous=True)
        except StorageError as exc:
            message_seen = str(exc)
        else:
            before, message_seen = b"new", message
    assert message_seen == message
    assert (path.read_bytes() if path.exists() else None) == before
    assert not temporary_of(path).exists()
    write_atomically(path, [b"newer"], keep_previous=True)
    assert path.read_bytes() == b"newer"


@pytest.mark.parametrize("call", [1, 2], ids=["write", "fsync"])
def test_a_refusing_disk_keeps_both_generations(path: Path, call: int) -> None:
    """What could not be written and flushed did not cost the earlier generation either."""
    write_atomically(path, [b"one"])
    write_atomically(path, [b"two"], keep_previous=True)
    recorder = Recorder(path.parent)
    recorder.fail_from, recorder.fail_until = call, call + 1
    with recorder.watching(), pytest.raises(StorageError):
        write_atomically(path, [b"three"], keep_previous=True)
    assert (path.read_bytes(), previous_of(path).read_bytes()) == (b"two", b"one")


_DESCRIPTORS = Path("/proc/self/fd")
needs_descriptors = pytest.mark.skipif(not _DESCRIPTORS.is_dir(), reason="no list of open files here")


def _open_files() -> list[str]:
    found = []
    for link in _DESCRIPTORS.iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.append(str(link.readlink()))
    return sorted(found)


@needs_descriptors
@pytest.mark.parametrize("call", ["open", "fsync", "close"])
def test_no_descriptor_stays_open(path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, each file is closed, and once: its number may be another one's by then."""
    before, closed = _open_files(), []
    close = os.close

    def failing(*arguments: object) -> None:
        if call == "close":
            closed.append((_DESCRIPTORS / str(arguments[0])).is_symlink())
            close(*arguments)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, failing)
    with contextlib.nullcontext() if call == "close" else pytest.raises(StorageError):
        write_atomically(path, [b"x"], keep_previous=True)
    monkeypatch.undo()
    assert _open_files() == before
    assert all(closed)


def test_a_folder_in_the_way_is_named(path: Path) -> None:
    """A folder of the temporary name cannot be deleted: the message names it, not the file."""
    temporary_of(path).mkdir()
    with pytest.raises(StorageError, match=r"queue\.json\.tmp is in the way"):
        write_atomically(path, [b"x"])


def test_content_that_cannot_be_made_changes_nothing(path: Path) -> None:
    """An error while the chunks are made is passed on, and the old content stays."""

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    write_atomically(path, [b"old"])
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, broken())
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_flush_folders_will_do(
    path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On network file systems that refuse to flush a folder, files are written all the same."""
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, [b"x"])
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_flush_at_all_will_do(
    path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor can it flush files: what it says is no failure of the write, as a disk's error is."""

    def fsync(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(path, [b"x"])
    assert path.read_bytes() == b"x"


def test_a_file_system_without_hard_links_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file cannot have two names the earlier generation is a copy, and a damaged one is renamed."""

    def link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_atomically(path, [b"one"], keep_previous=True)
    write_atomically(path, [b"two"], keep_previous=True)
    assert path.read_bytes() == b"two"
    assert previous_of(path).read_bytes() == b"one"
    assert stat.S_IMODE(previous_of(path).stat().st_mode) == 0o600
    assert keep_aside(path, NOW, until_replaced=True).read_bytes() == b"two"
    assert not path.exists()


def test_the_generation_before_stays_beside_the_file(path: Path) -> None:
    """The content that was replaced last is there under its second name."""
    for content in (b"one", b"two", b"three"):
        write_atomically(path, [content], keep_previous=True)
    assert (path.read_bytes(), previous_of(path).read_bytes()) == (b"three", b"two")
    path.unlink()
    write_atomically(path, [b"four"], keep_previous=True)
    assert not previous_of(path).exists(), "what was deleted by hand must not come back"


@pytest.mark.parametrize("planted", ["queue.json", "queue.json.tmp", "queue.json.previous"])
def test_a_planted_link_is_replaced_and_never_followed(path: Path, tmp_path: Path, planted: str) -> None:
    """What a symbolic link in the folder points at is not written to."""
    target = tmp_path / "elsewhere"
    target.write_bytes(b"theirs")
    (path.parent / planted).symlink_to(target)
    write_atomically(path, [b"ours"], keep_previous=True)
    write_atomically(path, [b"ours again"], keep_previous=True)
    assert target.read_bytes() == b"theirs"
    assert path.read_bytes() == b"ours again"
    assert not path.is_symlink()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    """Nothing is made where there is no folder."""
    with pytest.raises(StorageError, match="No such file or directory"):
        write_atomically(tmp_path / "none" / "queue.json", [b"x"])


def test_damage_is_put_aside_when_the_new_content_is_safe(path: Path) -> None:
    """Content and temporary name are on the disk before the damaged file gets its second name, and loses its own."""
    path.write_bytes(b"bad")
    recorder = Recorder(path.parent)
    with recorder.watching():
        kept = write_atomically(path, [b"new"], keep_previous=True, damaged_at=NOW)
    aside = "queue.json.damaged-20261101T120000Z"
    assert kept == f" The damaged file is kept as {aside}."
    assert (path.read_bytes(), path.with_name(aside).read_bytes()) == (b"new", b"bad")
    assert not previous_of(path).exists()
    assert [(call.name, call.path, call.target) for call in recorder.calls] == [
        ("open", "queue.json.tmp", ""),
        ("write", "queue.json.tmp", ""),
        ("fsync", "queue.json.tmp", ""),
        ("fsync", ".", ""),
        ("link", "queue.json", aside),
        ("fsync", ".", ""),
        ("replace", "queue.json.tmp", "queue.json"),
        ("fsync", ".", ""),
    ]


def test_what_replaces_damage_stays_though_its_name_cannot_be_flushed(path: Path) -> None:
    """Where the damaged file had to be renamed, nothing would be there if the new one were taken back."""
    path.mkdir()
    recorder = Recorder(path.parent)
    recorder.fail_from, recorder.fail_until = 7, 8
    with recorder.watching(), pytest.raises(StorageError):
        write_atomically(path, [b"new"], damaged_at=NOW)
    assert [call.name for call in recorder.calls[-2:]] == ["replace", "fsync"]
    assert path.read_bytes() == b"new"


def test_damage_is_kept_under_a_name_that_says_what_and_when(path: Path) -> None:
    """A damaged file is renamed; a second one within the same second gets a number."""
    for content in (b"bad", b"worse"):
        path.write_bytes(content)
        keep_aside(path, NOW)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {
        "queue.json.damaged-20261101T120000Z": b"bad",
        "queue.json.damaged-20261101T120000Z-2": b"worse",
    }
    with pytest.raises(StorageError, match="couldn't be moved aside"):
        keep_aside(path, NOW)


def test_damage_can_have_two_names_until_it_is_replaced(path: Path) -> None:
    """The damaged file stays in place, and a second attempt finds the name it has already."""
    path.write_bytes(b"bad")
    path.with_name(f"{path.name}.damaged-before").symlink_to("nothing")
    aside = keep_aside(path, NOW, until_replaced=True)
    assert keep_aside(path, NOW, until_replaced=True) == aside
    assert path.read_bytes() == aside.read_bytes() == b"bad"


def test_a_folder_in_the_place_of_a_file_is_renamed(path: Path) -> None:
    """A folder cannot have two names."""
    path.mkdir()
    assert keep_aside(path, NOW, until_replaced=True).is_dir()
    assert not path.exists()


def test_deleting_is_done_or_said(path: Path) -> None:
    """A file that is gone already is fine; one that stays is an error."""
    path.write_bytes(b"x")
    delete_files(path)
    delete_files(path)
    assert not path.exists()
    path.mkdir()
    with pytest.raises(StorageError, match="Couldn't delete"):
        delete_files(path)


def test_a_leftover_is_deleted_if_it_can_be(path: Path) -> None:
    """What a crash left is swept; what cannot be swept is left alone."""
    temporary_of(path).write_bytes(b"x")
    delete_leftover(path)
    delete_leftover(path)
    assert not temporary_of(path).exists()
    temporary_of(path).mkdir()
    delete_leftover(path)
    assert temporary_of(path).exists()


def test_a_private_folder_is_private(tmp_path: Path) -> None:
    """A new folder has mode 0700; one that is there is left as it is."""
    folder = tmp_path / "a" / "b"
    make_folder(folder)
    make_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o750)
    make_folder(tmp_path / "new" / ".." / "a" / "b" / ".." / "c")
    assert stat.S_IMODE((tmp_path / "a" / "c").stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "other" / ".." / "d")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file" / "c")


# --- a share where nothing replaces what is open -----------------------------------------------------


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[OSError]:
    """A file system that lets nothing be renamed to what is there; the errors come in this order, then none."""
    errors: list[OSError] = []
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if os.path.lexists(target):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        if errors:
            raise errors.pop(0)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    return errors


def test_what_is_open_steps_aside(path: Path, refusals: list[OSError]) -> None:
    """The new content takes its place all the same, and nothing is left."""
    for content in (b"one", b"two", b"three"):
        write_atomically(path, [content])
    assert path.read_bytes() == b"three"
    assert list(path.parent.iterdir()) == [path]
    refusals.append(OSError(errno.EIO, os.strerror(errno.EIO)))
    with pytest.raises(StorageError, match="Input/output error"):
        write_atomically(path, [b"four"])
    assert path.read_bytes() == b"three", "it is back"
    assert list(path.parent.iterdir()) == [path]


def test_a_crash_while_it_stood_aside(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its content is there under another name, and is put back."""
    write_atomically(path, [b"one"])
    real = os.rename

    class Killed(BaseException):
        """What no code of ours survives."""

    def replace(*_: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    def rename(source: Path, target: Path) -> None:
        real(source, target)
        raise Killed

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(Killed):
        write_atomically(path, [b"two"])
    assert not path.exists()
    monkeypatch.setattr(os, "rename", real)
    restore_replaced(path.parent)
    assert path.read_bytes() == b"one"


def test_a_file_that_is_a_mount_is_named_as_that(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot step aside either: the error is the one that tells so."""
    write_atomically(path, [b"one"])

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(StorageError) as raised:
        write_atomically(path, [b"two"])
    assert raised.value.errno == errno.EBUSY
    assert path.read_bytes() == b"one"
