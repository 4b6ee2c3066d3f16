"""Credentials: encrypted, private, never overwritten when unreadable, and never shown."""

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from movie_sync.credentials.manager import CredentialField, Credentials, CredentialsManager
from movie_sync.errors import CredentialsError, StorageError, UserError
from movie_sync.services import registry

PASSKEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PASSWORD = "correct horse \u0219"
PACKAGE_PARENT = Path(__file__).resolve().parents[1]
FILELIST = {"username": "anna", "passkey": PASSKEY}
QBITTORRENT = {"username": "admin", "password": PASSWORD}
BOTH = ("filelist", "qbittorrent")
EVERYTHING = Credentials({"filelist": FILELIST, "qbittorrent": QBITTORRENT})


FIELDS = registry.credential_fields()


def manager_in(folder: Path, environ: dict[str, str] | None = None) -> CredentialsManager:
    """Return a manager whose data folder and key folder lie beside each other."""
    (folder / "data").mkdir(exist_ok=True)
    return CredentialsManager(
        folder / "data" / "credentials.enc", folder / "keys" / "credentials.key", environ or {}, FIELDS
    )


def load(manager: CredentialsManager, services: Sequence[str]) -> Credentials:
    """Return the credentials of some services, decrypted in this process."""
    return Credentials({service: manager.get(service) for service in services})


@pytest.fixture
def full(tmp_path: Path) -> CredentialsManager:
    """A manager that holds both services' credentials."""
    manager = manager_in(tmp_path)
    manager.save({"filelist": FILELIST, "qbittorrent": QBITTORRENT})
    return manager


@pytest.fixture
def stored(tmp_path: Path, full: CredentialsManager) -> Path:
    """The file that the full manager wrote."""
    return tmp_path / "data" / "credentials.enc"


@pytest.fixture
def key_file(tmp_path: Path, full: CredentialsManager) -> Path:
    """The key that the full manager made."""
    return tmp_path / "keys" / "credentials.key"


def test_nothing_stored(tmp_path: Path) -> None:
    """Without files there are no credentials, which is no error; nothing is made by reading."""
    manager = manager_in(tmp_path)

    assert load(manager, BOTH) == manager.load_in_child(BOTH) == Credentials({name: {} for name in BOTH})
    assert manager.get("filelist") == {}
    assert not (tmp_path / "keys").exists()


def test_saved_and_read(tmp_path: Path, full: CredentialsManager) -> None:
    """What was saved is read, here and in a new manager, in this process and in a child."""
    assert load(full, BOTH) == EVERYTHING
    assert load(manager_in(tmp_path), BOTH) == EVERYTHING
    assert manager_in(tmp_path).load_in_child(BOTH) == EVERYTHING


def test_only_the_asked_services(full: CredentialsManager) -> None:
    """What is not needed is not given out."""
    assert load(full, ["filelist"]) == Credentials({"filelist": FILELIST})


def test_save_joins_what_is_there(full: CredentialsManager) -> None:
    """A new value takes the old one's place; other values and services stay; an empty one is forgotten."""
    full.save({"filelist": {"passkey": "  newkey "}})
    full.save({"qbittorrent": {"username": "", "password": " "}})
    full.save({"plex": {"token": "t"}})

    assert full.get("filelist") == {"username": "anna", "passkey": "newkey"}
    assert full.get("qbittorrent") == {}
    assert full.get("plex") == {"token": "t"}


def test_nothing_in_plain_text(tmp_path: Path, full: CredentialsManager) -> None:
    """No file holds a secret that can be read, and no object shows one."""
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert PASSKEY.encode() not in file.read_bytes()
            assert b"correct horse" not in file.read_bytes()
    for text in (repr(load(full, BOTH)), repr(full), str(vars(full))):
        assert PASSKEY not in text
        assert PASSWORD not in text


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_are_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    """File and key are their owner's alone, and so is the key's folder."""
    manager = manager_in(tmp_path)
    before = os.umask(umask)
    try:
        manager.save({"filelist": FILELIST})
    finally:
        os.umask(before)

    modes = {
        path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert modes.pop("data")
    assert modes == {"data/credentials.enc": 0o600, "keys": 0o700, "keys/credentials.key": 0o600}


def test_planted_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link in the file's place is replaced; what it points to stays."""
    manager = manager_in(tmp_path)
    victim = tmp_path / "victim"
    (tmp_path / "data" / "credentials.enc").symlink_to(victim)

    manager.save({"filelist": FILELIST})

    assert not victim.exists()
    assert not (tmp_path / "data" / "credentials.enc").is_symlink()


def test_key_is_kept(full: CredentialsManager, key_file: Path) -> None:
    """A key that is there is used again, not replaced."""
    before = key_file.read_bytes()

    full.save({"filelist": {"username": "bob"}})

    assert key_file.read_bytes() == before


def test_key_inside_the_data_folder_is_refused(tmp_path: Path) -> None:
    """The key never lies beside what it opens."""
    with pytest.raises(UserError, match="MOVIE_SYNC_KEY_FILE"):
        CredentialsManager(tmp_path / "credentials.enc", tmp_path / "sub" / "key", {})


def cut(path: Path) -> None:
    """Keep the first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    """Keep nothing."""
    path.write_bytes(b"")


def rubbish(path: Path) -> None:
    """Write what nobody reads."""
    path.write_bytes(b"\xff\x00\x1b[31m" * 20)


def remove(path: Path) -> None:
    """Delete it."""
    path.unlink()


def become_folder(path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def become_huge(path: Path) -> None:
    """Write far too much."""
    path.write_bytes(b"A" * 1_000_001)


def become_other_key(path: Path) -> None:
    """Write a key that opens something else."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - as in the program

    path.write_bytes(Fernet.generate_key())


def become_unreadable(path: Path) -> None:
    """Take the permission to read away."""
    if os.geteuid() == 0:
        pytest.skip("file modes do not bind root")
    path.chmod(0)


def encrypted(document: bytes) -> Callable[[Path], None]:
    """Return what puts another document, rightly encrypted, into the file."""

    def put(path: Path) -> None:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - as in the program

        key = (path.parents[1] / "keys" / "credentials.key").read_bytes()
        path.write_bytes(Fernet(key.strip()).encrypt(document))

    return put


DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "file cut": ("data/credentials.enc", cut),
    "file empty": ("data/credentials.enc", empty),
    "file rubbish": ("data/credentials.enc", rubbish),
    "file is a folder": ("data/credentials.enc", become_folder),
    "file huge": ("data/credentials.enc", become_huge),
    "file unreadable": ("data/credentials.enc", become_unreadable),
    "file no JSON": ("data/credentials.enc", encrypted(b"\xff{")),
    "file of another shape": ("data/credentials.enc", encrypted(b'{"version": 1, "services": [1]}')),
    "file with odd values": (
        "data/credentials.enc",
        encrypted(b'{"version": 1, "services": {"a": {"b": 1}}}'),
    ),
    "file of a later version": ("data/credentials.enc", encrypted(b'{"version": 2, "services": {}}')),
    "key missing": ("keys/credentials.key", remove),
    "key cut": ("keys/credentials.key", cut),
    "key empty": ("keys/credentials.key", empty),
    "key rubbish": ("keys/credentials.key", rubbish),
    "key of another file": ("keys/credentials.key", become_other_key),
    "key is a folder": ("keys/credentials.key", become_folder),
    "key unreadable": ("keys/credentials.key", become_unreadable),
}


def snapshot(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return what changes of each file below a folder when it is written or replaced."""
    states = {path: path.stat() for path in folder.rglob("*")}
    return {path: (state.st_ino, state.st_size, state.st_mtime_ns) for path, state in states.items()}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_names_the_way_out_and_is_never_overwritten(
    tmp_path: Path, full: CredentialsManager, name: str
) -> None:
    """Whatever is wrong with file or key: an error naming both and what to do, and nothing is written."""
    place, damage = DAMAGE[name]
    damage(tmp_path / place)
    before = snapshot(tmp_path)

    uses: list[Callable[[], object]] = [
        lambda: load(full, BOTH),
        lambda: full.load_in_child(BOTH),
        lambda: full.get("plex"),
        lambda: full.save({"filelist": FILELIST}),
    ]
    for use in uses:
        with pytest.raises(UserError) as caught:
            use()
        message = str(caught.value)
        assert str(tmp_path / "data" / "credentials.enc") in message
        assert str(tmp_path / "keys" / "credentials.key") in message
        assert "run setup again" in message
        assert PASSKEY not in message
        assert message.isprintable()

    assert snapshot(tmp_path) == before


def test_way_out_by_moving_aside(full: CredentialsManager, stored: Path, key_file: Path) -> None:
    """With the damaged file moved away, saving works again."""
    key_file.unlink()
    stored.rename(stored.with_name("old.enc"))

    full.save({"filelist": FILELIST})

    assert load(full, ["filelist"]) == Credentials({"filelist": FILELIST})


def test_way_out_by_restoring_the_key(full: CredentialsManager, key_file: Path) -> None:
    """With the right key back, everything is there again."""
    key = key_file.read_bytes()
    become_other_key(key_file)
    with pytest.raises(UserError):
        load(full, BOTH)

    key_file.write_bytes(key.strip())  # a copy may lack the last newline

    assert load(full, BOTH) == EVERYTHING


def test_broken_key_without_a_file_is_not_overwritten(tmp_path: Path) -> None:
    """A key file that holds something else may be somebody's: it stays, and nothing is saved."""
    manager = manager_in(tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "credentials.key").write_text("dear diary")

    with pytest.raises(UserError, match="move it away"):
        manager.save({"filelist": FILELIST})

    assert (tmp_path / "keys" / "credentials.key").read_text() == "dear diary"
    assert list((tmp_path / "data").iterdir()) == []


def test_key_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the key folder's place is an error with the way out; no credentials are written."""
    manager = manager_in(tmp_path)
    (tmp_path / "keys").write_text("")

    with pytest.raises((StorageError, UserError), match="key"):
        manager.save({"filelist": FILELIST})

    assert list((tmp_path / "data").iterdir()) == []


def test_failed_write_leaves_the_old_file(full: CredentialsManager, stored: Path) -> None:
    """If the new file cannot be written, the old one stands."""
    before = stored.read_bytes()
    stored.with_name("credentials.enc.tmp").mkdir()

    with pytest.raises(StorageError):
        full.save({"filelist": {"username": "bob"}})

    assert stored.read_bytes() == before
    assert load(full, BOTH) == EVERYTHING


def environment(**values: str) -> dict[str, str]:
    """Return the variables for values named like `filelist_passkey`."""
    return {f"MOVIE_SYNC_{name.upper()}": value for name, value in values.items()}


def test_environment_wins_and_is_not_written(tmp_path: Path, full: CredentialsManager) -> None:
    """A variable goes before the stored value, field by field, and never reaches the file."""
    environ = environment(filelist_passkey=f" {PASSKEY[::-1]} ", qbittorrent_username="")
    manager = manager_in(tmp_path, environ)

    expected = Credentials({**EVERYTHING, "filelist": {"username": "anna", "passkey": PASSKEY[::-1]}})
    assert load(manager, BOTH) == manager.load_in_child(BOTH) == expected
    manager.save({"filelist": {"username": "bob"}})

    assert manager_in(tmp_path).get("filelist") == {"username": "bob", "passkey": PASSKEY}


def test_whole_environment_needs_no_file(tmp_path: Path, full: CredentialsManager, stored: Path) -> None:
    """With all of a service's variables set, a damaged file does not matter for it."""
    rubbish(stored)
    manager = manager_in(tmp_path, environment(filelist_username="bob", filelist_passkey="k"))

    assert load(manager, ["filelist"]) == Credentials({"filelist": {"username": "bob", "passkey": "k"}})
    assert manager.get("filelist") == {"username": "bob", "passkey": "k"}
    with pytest.raises(UserError):
        load(manager, BOTH)


@pytest.mark.parametrize(
    ("service", "name", "value"),
    [
        *(("filelist", "passkey", value) for value in ("a b", "a\tb", "a\nb", "a\u00a0b")),
        ("filelist", "username", "an\nna"),
        ("qbittorrent", "password", "a\x00b"),
        ("qbittorrent", "password", "half\ud800"),
    ],
)
def test_unusable_values_are_refused_without_showing_them(
    tmp_path: Path, service: str, name: str, value: str
) -> None:
    """Blanks in a passkey and control characters anywhere are refused, naming the field alone."""
    with pytest.raises(UserError) as saved:
        manager_in(tmp_path).save({service: {name: value}})
    (variable,) = (field.variable for field in FIELDS[service] if field.name == name)
    with pytest.raises(UserError, match=variable) as given:
        manager_in(tmp_path, {variable: value}).get(service)

    assert value not in f"{saved.value}{given.value}"
    assert not (tmp_path / "data" / "credentials.enc").exists()


def test_signature_changes_with_either_file(full: CredentialsManager, stored: Path, key_file: Path) -> None:
    """A waiting daemon sees new credentials, a new key, and that nothing happened."""
    seen = [full.signature(), full.signature()]
    assert seen[0] == seen[1]

    full.save({"filelist": {"username": "bob"}})
    seen.append(full.signature())
    key_file.write_bytes(key_file.read_bytes() + b"\n")
    seen.append(full.signature())
    key_file.chmod(0o400)
    seen.append(full.signature())
    stored.unlink()
    seen.append(full.signature())

    assert len(set(seen)) == 5


def test_reading_in_a_child_keeps_cryptography_out(tmp_path: Path, full: CredentialsManager) -> None:
    """Who asks the child has not imported the library; it works from any folder, also with -OO."""
    program = (
        "import sys, json\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from movie_sync.credentials.manager import CredentialsManager\n"
        "held = CredentialsManager(Path(sys.argv[2]), Path(sys.argv[3]), {}).load_in_child(['filelist'])\n"
        "print(json.dumps([held['filelist']['passkey'], 'cryptography' in sys.modules]))\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # Modules in the current folder must not be run in place of ours.
    for name in ("movie_sync", "cryptography", "json"):
        (elsewhere / f"{name}.py").write_text("raise SystemExit(9)")
    script = tmp_path / "program.py"
    script.write_text(program)
    files = [tmp_path / "data" / "credentials.enc", tmp_path / "keys" / "credentials.key"]

    for options in ([], ["-OO"]):
        answer = subprocess.run(
            [sys.executable, *options, script, PACKAGE_PARENT, *files],
            capture_output=True,
            check=True,
            cwd=elsewhere,
            env={"PATH": os.environ["PATH"], "PYTHONOPTIMIZE": "2" if options else ""},
            timeout=60,
        )
        assert json.loads(answer.stdout) == [PASSKEY, False]


@pytest.mark.parametrize("fault", ["ModuleNotFoundError", "ImportError"])
def test_a_library_that_cannot_be_loaded_is_said(
    tmp_path: Path, full: CredentialsManager, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """What the child cannot load is named, with what to do about it."""
    (tmp_path / "cryptography.py").write_text(f"raise {fault}('libcrypto.so.9: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(UserError, match=r"`cryptography` can't be loaded \(libcrypto.so.9: no such file\)"):
        full.load_in_child(["filelist"])


def test_child_gets_no_secret_in_its_environment(
    tmp_path: Path, full: CredentialsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials' variables are taken out of the child's environment, and none is an argument."""
    spy = tmp_path / "python"
    spy.write_text(
        f'#!/bin/sh\nenv > "{tmp_path}/seen"\necho "$@" >> "{tmp_path}/seen"\nexec "{sys.executable}" "$@"\n'
    )
    spy.chmod(0o755)
    monkeypatch.setenv("MOVIE_SYNC_FILELIST_PASSKEY", PASSKEY)
    monkeypatch.setattr(sys, "executable", str(spy))

    assert full.load_in_child(BOTH) == EVERYTHING

    seen = (tmp_path / "seen").read_text()
    assert "movie_sync.credentials.manager" in seen
    assert PASSKEY not in seen
    assert "correct horse" not in seen


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\nexec sleep 60\n", "took longer than 0.2 seconds"),
        ("#!/bin/sh\necho '{\"version\": 1'\n", "code 0"),
        (f"#!/bin/sh\necho '{PASSKEY}'; echo '{PASSKEY}' >&2; exit 7\n", "code 7"),
        ("#!/bin/sh\nkill -9 $$\n", "code -9"),
        (None, "Couldn't start"),
    ],
)
def test_child_that_fails(
    tmp_path: Path,
    full: CredentialsManager,
    monkeypatch: pytest.MonkeyPatch,
    script: str | None,
    message: str,
) -> None:
    """A child that hangs, talks nonsense, dies or cannot be started tells nothing of the credentials.

    That passes by itself, so it is no error of the user's; and its output is not shown.
    """
    broken = tmp_path / "python"
    if script is not None:
        broken.write_text(script)
        broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))

    with pytest.raises(CredentialsError, match=message) as caught:
        full.load_in_child(BOTH, timeout_seconds=0.2 if "sleep" in str(script) else 10)

    assert PASSKEY not in str(caught.value)


def test_no_process_can_be_made(full: CredentialsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without room for another process is tried again, not taken for wrong credentials."""

    def fork(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", fork)
        with pytest.raises(CredentialsError, match="Couldn't start"):
            full.load_in_child(BOTH)
    assert full.load_in_child(BOTH) == EVERYTHING


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails")
@pytest.mark.parametrize("read", [load, CredentialsManager.load_in_child])
def test_a_disk_that_fails_for_the_moment(
    full: CredentialsManager, key_file: Path, read: Callable[..., object]
) -> None:
    """A file that the system cannot read now says nothing of the credentials, in the child as well."""
    key = key_file.read_bytes()
    key_file.unlink()
    key_file.symlink_to("/proc/self/mem")  # a regular file, and reading its beginning is an I/O error
    with pytest.raises(CredentialsError, match="Can't read"):
        read(full, BOTH)
    key_file.unlink()
    key_file.write_bytes(key)
    assert read(full, BOTH) == EVERYTHING


ODD = {
    "indexers": (
        CredentialField("", "MOVIE_SYNC_INDEXERS_KEYS", "key", may_hold_blanks=False, is_named=True),
    ),
    "box": (
        CredentialField("user", "MOVIE_SYNC_BOX_USER", "username", is_secret=False, group="login"),
        CredentialField("word", "MOVIE_SYNC_BOX_WORD", "password", group="login"),
        CredentialField("token", "MOVIE_SYNC_BOX_TOKEN", "token", group="token"),
    ),
}


def odd_manager(folder: Path, environ: dict[str, str]) -> CredentialsManager:
    """Return a manager of services that were never heard of."""
    (folder / "data").mkdir(exist_ok=True)
    return CredentialsManager(folder / "data" / "credentials.enc", folder / "keys" / "key", environ, ODD)


def test_names_of_the_users_own(tmp_path: Path) -> None:
    """Keys by the user's names are kept as such, and come as one JSON object from the environment."""
    odd_manager(tmp_path, {}).save({"indexers": {"one": "k1", "two": "k2"}})
    manager = odd_manager(tmp_path, {"MOVIE_SYNC_INDEXERS_KEYS": '{"two": " new ", "three": "k3"}'})

    assert manager.get("indexers") == {"one": "k1", "two": "new", "three": "k3"}
    for text in ("[]", "k", '{"a": 1}', '{"a": "b c"}'):
        with pytest.raises(UserError, match="MOVIE_SYNC_INDEXERS_KEYS"):
            odd_manager(tmp_path, {"MOVIE_SYNC_INDEXERS_KEYS": text}).get("indexers")
    with pytest.raises(UserError, match="spaces"):
        manager.save({"indexers": {"four": "a b"}})


def test_one_of_several_ways_to_log_in_is_enough(tmp_path: Path) -> None:
    """What the environment gives whole is not mixed with another way that is stored, nor needs the file."""
    odd_manager(tmp_path, {}).save({"box": {"user": "anna", "word": "w"}})
    token = odd_manager(tmp_path, {"MOVIE_SYNC_BOX_TOKEN": "t"})
    half = odd_manager(tmp_path, {"MOVIE_SYNC_BOX_USER": "bob"})

    assert token.get("box") == {"token": "t"}
    assert half.get("box") == {"user": "bob", "word": "w"}
    rubbish(tmp_path / "data" / "credentials.enc")
    assert token.get("box") == {"token": "t"}


def test_secrets_from_files(tmp_path: Path) -> None:
    """A secret, and only a secret, may stand in a file that is named; a new one is noticed."""
    secret = tmp_path / "secret"
    secret.write_text("from file\n")
    named = {"MOVIE_SYNC_BOX_WORD_FILE": str(secret), "MOVIE_SYNC_BOX_USER_FILE": str(secret)}
    manager = odd_manager(tmp_path, named)

    assert manager.get("box") == {"word": "from file"}
    assert odd_manager(tmp_path, named | {"MOVIE_SYNC_BOX_WORD": "w"}).get("box") == {"word": "w"}
    before = manager.signature()
    secret.write_text("another")
    assert manager.signature() != before


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.write_bytes(b"\xff\x00"), None])
def test_a_secrets_file_that_cannot_be_read(tmp_path: Path, make: Callable[[Path], object] | None) -> None:
    """What is no file of text is named with its variable, and nothing waits for it."""
    place = tmp_path / "secret"
    if make:
        make(place)
    with pytest.raises(UserError, match="MOVIE_SYNC_BOX_TOKEN_FILE"):
        odd_manager(tmp_path, {"MOVIE_SYNC_BOX_TOKEN_FILE": str(place)}).get("box")
