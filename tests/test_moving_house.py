"""A backup is the data folder at one moment, without secrets or encrypted; restoring it is all or nothing."""

import itertools
import json
import os
import pty
import re
import stat
import subprocess
import sys
import tarfile
import threading
from argparse import Namespace
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from house.commands import data, held, process_as_before, run, write
from house.crash_disk import Disk, Recorder, Tree, freeze, read_tree, write_tree
from house.crash_world import folder_in_memory
from house.fakes import FakeClock
from house.file_systems import lacking
from house.films import film
from house.program import PROGRAM
from house.terminal import Reader

from movie_sync.commands.backup import run_backup
from movie_sync.commands.context import Context, Options
from movie_sync.commands.moved_files import MovedFiles
from movie_sync.commands.restore import run_restore
from movie_sync.domain.models import QueueName
from movie_sync.domain.redaction import Redactor
from movie_sync.queues.manager import QueueManager
from movie_sync.services.form import Prompts
from movie_sync.storage.locks import FileLock, InstanceLock
from movie_sync.storage.paths import AppPaths
from movie_sync.storage.restoring import Restoring, finish_restoring

__all__ = ["data", "process_as_before"]

PASSPHRASE = "correct horse battery"
PASSKEY = "5f4dcc3b5aa765d61d8327deb882cf99"


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVIE_SYNC_BACKUP_PASSPHRASE", PASSPHRASE)
    monkeypatch.setattr("movie_sync.storage.age_file._COST", 10)  # else each key takes half a second


def context_of(folder: Path) -> Context:
    return Context.load(folder, Options(), {}, Redactor())


def save_credentials(folder: Path, passkey: str = PASSKEY) -> None:
    context_of(folder).credentials_manager().save({"filelist": {"username": "maria", "passkey": passkey}})


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what is below a folder, but for locks and the log."""
    tree = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in tree.items() if not name.endswith((".lock", ".log"))}


def names_in(backup: Path) -> list[str]:
    with tarfile.open(backup) as archive:
        return archive.getnames()


# --- round trips --------------------------------------------------------------------------


def test_without_secrets(data: Path, tmp_path: Path) -> None:
    """All but secrets and what is of this run alone comes back as it was, for its owner alone."""
    save_credentials(data)
    for folder in ("torrents", "posters", "inbox", "lists"):
        (data / folder).mkdir()
    (data / "torrents" / "a.torrent").write_bytes(PASSKEY.encode())
    (data / "lists" / "0123456789abcdef.json").write_bytes(b"{}")
    (data / "inbox" / "00001764433260000000-17-0.json").write_bytes(b"{}")
    for name in ("budget-torznab-films.json", "history.jsonl", "history.jsonl.1", "events.json"):
        (data / name).write_bytes(name.encode())
    before = files_in(data)
    for name in (
        "web_sessions.json",
        "web_login.json",
        "daemon.json",
        "posters/x",
        "movie_sync.log",
        "notify.sh",
    ):
        (data / name).write_bytes(b"not moved")
    backup = tmp_path / "b.tar.gz"
    assert run(data, "backup", str(backup)) == 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert PASSKEY.encode() not in tarfile_content(backup)
    new = tmp_path / "new"
    assert run(new, "restore", str(backup)) == 0
    secret = {"credentials.enc", "torrents/a.torrent"}
    assert files_in(new) == {name: content for name, content in before.items() if name not in secret}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (new, *new.rglob("*")) if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in new.rglob("*") if path.is_file()} == {0o600}
    assert held(new, QueueName.PENDING) == ["K1"]


def tarfile_content(backup: Path) -> bytes:
    with tarfile.open(backup) as archive:
        found = (archive.extractfile(member) for member in archive)
        return b"".join(file.read() for file in found if file)


@pytest.mark.parametrize("has_key", [False, True])
def test_with_secrets(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_key: bool) -> None:
    """Credentials and torrents move encrypted, to a machine with another key or with none yet."""
    save_credentials(data)
    (data / "torrents").mkdir()
    name = f"Amélie {'x' * 90} [{'a' * 40}].torrent"
    (data / "torrents" / name).write_bytes(PASSKEY.encode())
    backup = tmp_path / "b"
    assert run(data, "backup", str(backup), "--with-secrets") == 0
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    content = backup.read_bytes()
    assert content.startswith(b"movie-sync backup 1, age with scrypt")
    assert not any(word in content for word in (PASSKEY.encode(), b"queue_pending", b"maria"))
    monkeypatch.setenv("MOVIE_SYNC_KEY_FILE", str(tmp_path / "other" / "key"))
    if has_key:
        (tmp_path / "elsewhere").mkdir()
        save_credentials(tmp_path / "elsewhere", "another")
    new = tmp_path / "new"
    assert run(new, "restore", str(backup)) == 0
    assert context_of(new).credentials_manager().get("filelist") == {"username": "maria", "passkey": PASSKEY}
    assert (new / "torrents" / name).read_bytes() == PASSKEY.encode()
    if has_key:
        elsewhere = context_of(tmp_path / "elsewhere").credentials_manager()
        assert elsewhere.get("filelist")["passkey"] == "another"


def test_every_file_of_the_data_folder_is_decided_on(tmp_path: Path) -> None:
    """A new one has to be moved, moved aside, or left behind on purpose."""
    paths = AppPaths(tmp_path)
    files = MovedFiles(paths)
    for path in vars(paths).values():
        if path not in {paths.root, paths.lists, paths.inbox, paths.torrents}:
            groups = (files._limits, files._moved_aside, files._left)
            assert sum(path.name in group for group in groups) == 1, path.name


def test_what_may_be_secret_in_the_settings(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """It stays out of a backup in plain text, is named, and nothing is concluded from its list's absence."""
    token = "Zx81k2"
    settings = {
        "lists": [{"watchlist": "anna"}, {"list": f"ben/list/x/share/{token}"}],
        "on_event": ["/bin/notify", "tgram://123456:abcdef/789"],
        "username": "anna",
        "filelist": {"passkey": PASSKEY, "username": "maria77", "pin": 1234, "token": 5678},
        "library_directories": [f"/srv/{'averylongfoldername' * 2}"],
    }
    write(data / "config.json", settings)
    assert run(data, "backup", str(tmp_path / "b")) == 0
    said = capsys.readouterr().err
    assert all(key in said for key in ("lists[1].list", "on_event[1]", "filelist.passkey"))
    content = tarfile_content(tmp_path / "b").decode()
    assert not any(secret in content for secret in (token, "tgram", PASSKEY, "maria77", "5678"))
    assert "averylongfoldername" in content
    assert run(data, "restore", str(tmp_path / "b"), "--replace", "--trust") == 0
    assert context_of(data).config.may_be_meant("lists")
    said = capsys.readouterr().out
    assert all(key in said for key in ("lists[1].list", "on_event[1]", "filelist.passkey"))
    write(data / "config.json", settings)
    assert run(data, "backup", str(tmp_path / "all"), "--with-secrets") == 0
    assert run(data, "restore", str(tmp_path / "all"), "--replace", "--trust") == 0
    assert json.loads((data / "config.json").read_text()) == settings


def test_settings_that_cannot_be_read(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """They may hold anything."""
    (data / "config.json").write_text('{"passkey": "' + PASSKEY)
    assert run(data, "backup", str(tmp_path / "b")) == 0
    assert "Left out (can't be read" in capsys.readouterr().err
    assert "config.json" not in names_in(tmp_path / "b")


# --- one moment ---------------------------------------------------------------------------


def test_beside_a_daemon_that_moves_films(tmp_path: Path) -> None:
    """Whenever it is taken: no film is missing from a backup, and none is in two queues."""
    root = tmp_path / "data"
    AppPaths(root).prepare()
    queues = QueueManager(root, clock=(clock := FakeClock()))
    films = [film(number) for number in range(1, 31)]
    queues.add_all_to_pending(films)
    is_over = threading.Event()

    def move() -> None:
        for number in itertools.count():
            if is_over.is_set():
                return
            some = films[number % 10 :: 10]
            queues.add_to_failed(some[0], "no release", clock.now())
            queues.remove([each.slug for each in some[1:]])
            queues.add_to_completed(some[0])
            queues.add_by_command(some)

    mover = threading.Thread(target=move)
    mover.start()
    seen = set()
    try:
        for number in range(12):
            backup = tmp_path / f"{number}"
            assert run(root, "backup", str(backup)) == 0
            new = tmp_path / f"new-{number}"
            assert run(new, "restore", str(backup)) == 0
            found = {name: held(new, name) for name in QueueName}
            assert sorted(itertools.chain(*found.values())) == sorted(each.id for each in films)
            seen.add(tuple(map(len, found.values())))
    finally:
        is_over.set()
        mover.join()
    assert len(seen) > 1


def test_a_film_that_moves_between_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is opened before the film gets there, the other after it has left: then all are opened again."""
    root, moved = tmp_path / "data", []
    AppPaths(root).prepare()
    queues = QueueManager(root)
    queues.add_all_to_pending([film(1), film(2)])
    queues.add_all_to_completed([(film(3), "/films/three")])
    real = os.open

    def slow_open(path, flags, *more, **options):
        descriptor = real(path, flags, *more, **options)
        if str(path).endswith("queue_completed.json") and not moved:
            moved.append(film(1))
            queues.add_to_completed(film(1))
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", slow_open)
        assert run(root, "backup", str(tmp_path / "b")) == 0
    assert moved
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 0
    assert held(tmp_path / "new", QueueName.PENDING) == [film(2).id]
    assert held(tmp_path / "new", QueueName.COMPLETED) == [film(3).id, film(1).id]


def test_a_folder_that_never_rests(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup gives up in the end, says so, and leaves nothing behind."""
    counter, real = itertools.count(), os.listdir

    def list_busy_folder(path):
        (data / "history.jsonl").write_text("x" * next(counter))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", list_busy_folder)
        assert run(data, "backup", str(tmp_path / "b")) == 1
    assert "keep changing" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [data]


# --- what it refuses ----------------------------------------------------------------------


def test_nothing_is_overwritten(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """A file that is there, a link to nowhere, data where it is to go."""
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")
    assert [run(data, "backup", str(path)) for path in (there, link)] == [2, 2]
    assert there.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()
    assert run(data, "backup", str(tmp_path / "b")) == 0
    before = files_in(data)
    assert run(data, "restore", str(tmp_path / "b")) == 2
    assert "--replace" in capsys.readouterr().err
    assert files_in(data) == before


def test_replacing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """What was there is moved aside whole; what isn't Movie Sync's stays."""
    assert run(data, "backup", str(tmp_path / "b")) == 0
    write(data / "queue_pending.json", [])
    for name in (
        "notify.sh",
        "web_sessions.json",
        "queue_failed.json.damaged-20261101T101010Z",
        "radar.json",
    ):
        (data / name).write_text(name)
    before = files_in(data)
    assert run(data, "restore", str(tmp_path / "b"), "--replace") == 0
    (aside,) = data.glob("replaced-*")
    assert files_in(aside) == {name: content for name, content in before.items() if name != "notify.sh"}
    assert held(data, QueueName.PENDING) == ["K1"]
    assert (data / "notify.sh").exists()
    assert not (data / "radar.json").exists()
    said = capsys.readouterr().out
    assert re.search(
        r"Restored \d+ films? \(\d+ in the queue, \d+ done\), the settings and everything else", said
    )
    assert str(aside) in said
    assert run(data, "restore", str(tmp_path / "b"), "--replace") == 0
    assert len([*data.glob("replaced-*")]) == 2


@pytest.mark.parametrize("which", ["daemon", "page"])
def test_while_it_runs(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, which: str) -> None:
    """Nothing is restored beside a daemon or a page, which are named."""
    assert run(data, "backup", str(tmp_path / "b")) == 0
    paths = AppPaths(data)
    lock = InstanceLock(paths.daemon_lock) if which == "daemon" else FileLock(paths.page_lock)
    started = {"pid": 4711, "started_at": "", "monitor": "x", "download": "x"}
    write(paths.daemon if which == "daemon" else paths.page, started)
    before = files_in(data)
    assert lock.acquire()
    try:
        assert run(data, "restore", str(tmp_path / "b"), "--replace") == 3
        assert run(data, "backup", str(tmp_path / "beside")) == 0
    finally:
        lock.release()
    assert "process 4711" in capsys.readouterr().err
    assert files_in(data) == before


@pytest.mark.parametrize("secrets", [[], ["--with-secrets"]])
def test_cut_off_or_damaged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, secrets: list[str]
) -> None:
    """Anywhere; it is said, told apart from a wrong passphrase, and nothing is written."""
    (data / "history.jsonl").write_bytes(os.urandom(150_000))
    backup, bad, new = tmp_path / "b", tmp_path / "bad", tmp_path / "new"
    assert run(data, "backup", str(backup), *secrets) == 0
    content = backup.read_bytes()
    places = (0, 1, 60, 90, 110, 130, 170, 230, 300, 500, 70_000, len(content) - 9, len(content) - 1)
    changed = [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in places]
    cut = [content[:place] for place in places]
    capsys.readouterr()
    for hostile in (*cut, *changed, b"garbage", content + b"x", b"\x1f\x8b"):
        bad.write_bytes(hostile)
        code, said = run(new, "restore", str(bad)), capsys.readouterr().err
        assert code == 2, said
        assert "can't be restored: " in said
        assert "passphrase" not in said
        assert not new.exists()


def test_a_wrong_passphrase(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch) -> None:
    """It is said as that; what was typed is not."""
    assert run(data, "backup", str(tmp_path / "b"), "--with-secrets") == 0
    monkeypatch.setenv("MOVIE_SYNC_BACKUP_PASSPHRASE", "wrong horse battery")
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 2
    said = "".join(capsys.readouterr())
    assert "wrong passphrase" in said
    assert "horse" not in said
    (tmp_path / "pass").write_text(f"{PASSPHRASE}\n")
    monkeypatch.setenv("MOVIE_SYNC_BACKUP_PASSPHRASE", "")
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 2
    assert "MOVIE_SYNC_BACKUP_PASSPHRASE_FILE" in capsys.readouterr().err
    monkeypatch.setenv("MOVIE_SYNC_BACKUP_PASSPHRASE_FILE", str(tmp_path / "pass"))
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 0


def test_asked_on_a_terminal(data: Path, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture) -> None:
    """The passphrase twice, then once and again if it was wrong; and whether a command may run."""
    monkeypatch.setenv("MOVIE_SYNC_BACKUP_PASSPHRASE", "")
    write(
        data / "config.json", {"on_event": ["/tmp/evil", "--now"], "qbittorrent": {"url": "http://evil.test"}}
    )

    def prompts(secrets: list[str], answers: list[str]) -> Prompts:
        secret, answer = iter(secrets), iter(answers)
        return Prompts(
            ask=lambda _: next(answer), ask_secret=lambda _: next(secret), is_terminal=lambda: True
        )

    parsed = Namespace(file=str(tmp_path / "b"), with_secrets=True)
    with pytest.raises(Exception, match="don't match"):
        run_backup(parsed, context_of(data), prompts([PASSPHRASE, "other"], []))
    with pytest.raises(Exception, match="at least 8"):
        run_backup(parsed, context_of(data), prompts(["short", "short"], []))
    assert not (tmp_path / "b").exists()
    assert run_backup(parsed, context_of(data), prompts([PASSPHRASE, PASSPHRASE], [])) == 0
    wanted = Namespace(file=tmp_path / "b", replace=False, trust=False)
    new = tmp_path / "new"
    said = StringIO()
    assert run_restore(wanted, context_of(new), prompts(["wrong", PASSPHRASE], [""]), said) == 1
    shown = capsys.readouterr().err
    assert '"/tmp/evil", "--now"' in shown
    assert "http://evil.test" in shown
    assert not new.exists()
    assert run_restore(wanted, context_of(new), prompts([PASSPHRASE], ["y"]), said) == 0
    assert (new / "config.json").exists()


def test_a_command_without_a_terminal(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """What runs or sends is refused unless it is allowed; what stays on this machine is not asked for."""
    write(data / "config.json", {"username": "anna", "qbittorrent": {"url": "http://127.0.0.1:9000"}})
    assert run(data, "backup", str(tmp_path / "harmless")) == 0
    assert run(tmp_path / "one", "restore", str(tmp_path / "harmless")) == 0
    for number, settings in enumerate(
        [
            {"on_event": "/tmp/evil"},
            {"filelist": {"base_url": "https://evil.test"}},
            {"qbittorrent": {"verify_tls": False}},
            {"web": {"listen": "0.0.0.0:80"}},
            {"torznab": {"x": {"url": "http://evil.test/api"}}},
            {"tmdb": {"image_url": "https://evil.test"}},
        ]
    ):
        write(data / "config.json", settings)
        backup, new = tmp_path / f"b{number}", tmp_path / f"new{number}"
        assert run(data, "backup", str(backup)) == 0
        capsys.readouterr()
        assert run(new, "restore", str(backup)) == 2, settings
        assert "--trust" in capsys.readouterr().err
        assert not new.exists()
        assert run(new, "restore", str(backup), "--trust") == 0


# --- crashes ------------------------------------------------------------------------------

OLD = {"config.json": b"old", "queue_pending.json": b"[]", "radar.json": b"{}", "torrents/a.torrent": b"1"}
NEW = {"config.json": b"new", "queue_pending.json": b"[\n]\n", "lists/0123456789abcdef.json": b"{}"}


def test_a_crash_leaves_the_old_or_the_new_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """At each call to the file system, by a kill and by a power failure; also while that is finished."""
    with folder_in_memory(monkeypatch) as root:
        paths = AppPaths(root)
        for name, content in OLD.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(content)
        before = read_tree(root)
        recorder = Recorder(root)
        with recorder.watching():
            restoring = Restoring(paths)
            for name, content in NEW.items():
                restoring.add(name, [content])
            restoring.take_over(OLD, "replaced-1")
        states = {freeze(tree): tree for tree in all_states(before, recorder)}
        outcomes = []
        for tree in states.values():
            write_tree(root, tree)
            outcomes.append(finished(paths))
            if outcomes[-1] == "new" and (again := Recorder(root)):  # that may be cut off as well
                write_tree(root, tree)
                with again.watching():
                    finish_restoring(paths)
                for call in range(0, len(again.calls), 3):
                    disk = Disk().start_from(tree)
                    for each in again.calls[:call]:
                        disk.carry_out(each)
                    for half in disk.after_kill():
                        write_tree(root, half)
                        assert finished(paths) == "new"
        assert {"old", "new"} == set(outcomes)


def all_states(before: Tree, recorder: Recorder) -> Iterator[Tree]:
    disk, told = Disk().start_from(before), set[object]()
    for call in recorder.calls:
        yield from disk.all_after(call, told)
        disk.carry_out(call)
    yield from disk.after_kill()


def finished(paths: AppPaths) -> str:
    """Start on what a crash left; return which files are there, and see that they are whole."""
    finish_restoring(paths)
    found = {
        name: content for name, content in files_in(paths.root).items() if not name.startswith("restored.tmp")
    }
    assert not paths.restored.exists()
    if found == OLD:
        return "old"
    assert found == NEW | {f"replaced-1/{name}": content for name, content in OLD.items()}
    return "new"


def test_killed_while_it_restores(data: Path, tmp_path: Path) -> None:
    """The program itself, killed at its n-th rename: the next command finds the old films or the new."""
    assert run(data, "backup", str(tmp_path / "b")) == 0
    write(data / "queue_pending.json", [])
    outcomes = []
    for number in itertools.count():
        root = tmp_path / f"data-{number}"
        write_tree(root, read_tree(data))
        process = os.fork()
        if process == 0:
            count, real = itertools.count(), os.rename

            def rename(*args, **options):
                if next(count) == number:
                    os._exit(9)
                real(*args, **options)

            os.rename = rename
            os._exit(run(root, "restore", str(tmp_path / "b"), "--replace"))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert run(root, "status") == 0
        outcomes.append(held(root, QueueName.PENDING))
        assert held(root, QueueName.FAILED) == ["K2", "K3"]
        if code == 0:
            break
    assert outcomes[0] == []
    assert outcomes[-1] == ["K1"]
    assert len(outcomes) > 4


def test_a_full_disk(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Neither half a backup nor a half-restored folder is left."""
    (data / "history.jsonl").write_bytes(os.urandom(1_500_000))
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs to mount a small disk")
    try:
        assert run(data, "backup", str(small / "b")) == 1
        assert "No space left" in capsys.readouterr().err
        assert [*small.iterdir()] == []
        assert run(data, "backup", str(tmp_path / "b")) == 0
        assert run(small, "restore", str(tmp_path / "b")) == 1
        assert "No space left" in capsys.readouterr().err
        assert files_in(small) == {}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_data_folder_is_a_mount(data: Path, tmp_path: Path) -> None:
    """And one of its files another, as in a container: both stay mounted, and have the new content."""
    root, own = tmp_path / "mounted", tmp_path / "config.json"
    assert run(data, "backup", str(tmp_path / "b")) == 0
    root.mkdir()
    own.write_text("{}")
    mounts = [
        ["-t", "tmpfs", "-o", "mode=700", "tmpfs", str(root)],
        ["--bind", str(own), str(root / "config.json")],
    ]
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", *mounts[0]], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs to mount")
    try:
        (root / "config.json").touch()
        subprocess.run(["mount", *mounts[1]], check=True)
        try:
            assert run(root, "restore", str(tmp_path / "b"), "--replace") == 0
            assert json.loads(own.read_text())["username"] == "maria"
            assert held(root, QueueName.PENDING) == ["K1"]
            (aside,) = root.glob("replaced-*")
            assert (aside / "config.json").read_text() == "{}"
        finally:
            subprocess.run(["umount", str(root / "config.json")], check=True)
    finally:
        subprocess.run(["umount", str(root)], check=True)


@pytest.mark.parametrize("share", ["nothing at all", pytest.param("smb", marks=pytest.mark.long)])
def test_on_a_share(data: Path, tmp_path: Path, share: str) -> None:
    """A disk without modes, links, locks and flushes takes backups, and is restored to, with all it replaces."""
    there = tmp_path / "share"
    there.mkdir()
    environment = {**os.environ, **lacking(there, share, tmp_path)}

    def run_there(*arguments: str) -> int:
        return subprocess.run(
            [*PROGRAM, *arguments], env=environment, capture_output=True, check=False
        ).returncode

    assert run_there("--data-dir", str(data), "backup", str(there / "b")) == 0
    assert run_there("--data-dir", str(data), "backup", str(there / "b")) == 2
    for _ in range(2):
        assert run_there("--data-dir", str(there / "new"), "restore", str(there / "b"), "--replace") == 0
    assert held(there / "new", QueueName.PENDING) == ["K1"]
    (aside,) = (there / "new").glob("replaced-*")
    assert held(aside, QueueName.PENDING) == ["K1"]
    assert {path.name for path in there.iterdir()} == {"b", "new"}


def test_a_file_that_steps_aside_for_its_next_content(data: Path, tmp_path: Path) -> None:
    """In the moment between two names, as on some shares, it is in the backup under its own."""
    (data / "queue_pending.json").rename(data / "queue_pending.json.replaced1")
    (data / "queue_failed.json.replaced1").write_text("old")
    assert run(data, "backup", str(tmp_path / "b")) == 0
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 0
    assert held(tmp_path / "new", QueueName.PENDING) == ["K1"]
    assert held(tmp_path / "new", QueueName.FAILED) == ["K2", "K3"]


def test_folders_that_are_links(data: Path, tmp_path: Path) -> None:
    """None of them is followed out of the data folder."""
    (data / "lists").mkdir()
    (data / "lists" / "0123456789abcdef.json").write_text("{}")
    assert run(data, "backup", str(tmp_path / "b")) == 0
    new, elsewhere = tmp_path / "new", tmp_path / "elsewhere"
    elsewhere.mkdir()
    new.mkdir()
    (new / "lists").symlink_to(elsewhere)
    assert run(new, "restore", str(tmp_path / "b"), "--replace") == 0
    assert [*elsewhere.iterdir()] == []
    assert (new / "lists" / "0123456789abcdef.json").read_text() == "{}"
    (new / "restored.tmp").symlink_to(elsewhere)
    assert run(new, "restore", str(tmp_path / "b"), "--replace") == 1
    assert [*elsewhere.iterdir()] == []


def test_to_stdout(data: Path, tmp_path: Path) -> None:
    """Nothing but the backup is there."""
    command = [sys.executable, "main.py", "--data-dir", str(data), "backup", "-"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[1])
    (tmp_path / "b").write_bytes(done.stdout)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        assert archive.getnames()[0] == "backup.json"
    assert run(tmp_path / "new", "restore", str(tmp_path / "b")) == 0


def test_what_is_typed_is_not_shown(data: Path, tmp_path: Path) -> None:
    """On a real terminal: the passphrase twice, then once more; and an answer of no restores nothing."""
    write(data / "config.json", {"on_event": "/tmp/evil --now"})
    new = tmp_path / "new"
    shown = on_terminal(
        ["--data-dir", str(data), "backup", str(tmp_path / "b"), "--with-secrets"], [PASSPHRASE] * 2
    )
    assert "4 files, encrypted" in " ".join(shown.split())
    assert PASSPHRASE not in shown
    shown = on_terminal(["--data-dir", str(new), "restore", str(tmp_path / "b")], [PASSPHRASE, "n"])
    assert '["/tmp/evil", "--now"]' in shown
    assert "Nothing was changed" in shown
    assert PASSPHRASE not in shown
    assert not new.exists()
    on_terminal(["--data-dir", str(new), "restore", str(tmp_path / "b")], [PASSPHRASE, "y"])
    assert held(new, QueueName.PENDING) == ["K1"]


def on_terminal(arguments: list[str], answers: list[str]) -> str:
    """Run the program on a terminal of its own; each answer is typed once something is asked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOVIE_SYNC_")}
    process, terminal = pty.fork()
    if process == 0:
        os.execve(sys.executable, [sys.executable, *PROGRAM[1:], *arguments], environment)
    reader = Reader(terminal)
    for number, answer in enumerate(answers):
        reader.read_until("[y/N]" if answer in {"y", "n"} else ("Again" if number else "hidden"))
        os.write(terminal, f"{answer}\n".encode())
    reader.read_to_end()
    os.close(terminal)
    os.waitpid(process, 0)
    return reader.raw.decode()
