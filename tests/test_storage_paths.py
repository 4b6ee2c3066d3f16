"""Where everything lies, and a data folder that is private or refused."""

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from movie_sync.errors import UserError
from movie_sync.storage.atomic_file import temporary_of
from movie_sync.storage.paths import AppPaths, default_key_file, default_root, expand_home
from movie_sync.storage.shortcomings import say_shortcomings

as_user_only = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="file modes do not bind root"
)


def mode_of(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/anna"}, "/home/anna/.movie_sync"),
        ({"HOME": "/home/anna", "MOVIE_SYNC_HOME": "/srv/films"}, "/srv/films"),
        ({"HOME": "/home/anna", "MOVIE_SYNC_HOME": " ~/films "}, "/home/anna/films"),
        ({"HOME": "/home/anna", "MOVIE_SYNC_HOME": "~"}, "/home/anna"),
        ({"HOME": "/home/anna", "MOVIE_SYNC_HOME": ""}, "/home/anna/.movie_sync"),
    ],
)
def test_data_folder(environ: dict[str, str], expected: str) -> None:
    """The variable names the data folder, else it lies in the home folder."""
    assert default_root(environ) == Path(expected)


def test_data_folder_without_home_variable() -> None:
    """An empty environment still has a home folder: the user's own."""
    assert default_root({}).is_absolute()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/anna"}, "/home/anna/.config/movie_sync/credentials.key"),
        ({"HOME": "/home/anna", "XDG_CONFIG_HOME": "/etc/anna"}, "/etc/anna/movie_sync/credentials.key"),
        ({"HOME": "/home/anna", "XDG_CONFIG_HOME": "etc"}, "/home/anna/.config/movie_sync/credentials.key"),
        ({"HOME": "/home/anna", "MOVIE_SYNC_KEY_FILE": "~/my.key"}, "/home/anna/my.key"),
    ],
)
def test_key_file(environ: dict[str, str], expected: str) -> None:
    """The key lies where the variables say, else below ~/.config."""
    assert default_key_file(environ, default_root(environ)) == Path(expected)


@pytest.mark.parametrize("place", ["key", "deep/er/key", ".", "../data/key", "../link/key"])
def test_key_inside_data_folder_is_refused(tmp_path: Path, place: str) -> None:
    """A key beside what it opens is refused, whatever way leads there."""
    root = tmp_path / "data"
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    environ = {"MOVIE_SYNC_KEY_FILE": str(root / place)}

    with pytest.raises(UserError, match="MOVIE_SYNC_KEY_FILE"):
        default_key_file(environ, root)


def test_key_inside_the_folder_of_the_environment_is_refused(tmp_path: Path) -> None:
    """The data folder that the environment names counts as any other."""
    environ = {"MOVIE_SYNC_HOME": str(tmp_path), "MOVIE_SYNC_KEY_FILE": str(tmp_path / "key")}

    with pytest.raises(UserError):
        default_key_file(environ, default_root(environ))


def test_unknown_home_is_refused() -> None:
    """A `~name` of nobody is an error and no folder of that name."""
    with pytest.raises(UserError, match="full path"):
        expand_home("~no-such-user-here/films", {})


def test_every_file_lies_in_the_folder(tmp_path: Path) -> None:
    """The names are those of the documentation, and no two are the same."""
    paths = AppPaths(tmp_path)
    files = [path for path in vars(paths).values() if path != tmp_path]

    assert all(file.parent == tmp_path for file in files)
    assert len(set(files)) == len(files)
    assert {file.name for file in files} >= {
        *("config.json", "watchlist.json", "credentials.enc", "torrents", "movie_sync.log"),
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_folder_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    """The folder and what is made above it are open to their owner alone."""
    paths = AppPaths(tmp_path / "new" / "data")
    before = os.umask(umask)
    try:
        paths.prepare()
    finally:
        os.umask(before)

    assert mode_of(paths.root) == 0o700
    assert mode_of(paths.root.parent) == 0o700


def test_folder_that_is_open_is_closed(tmp_path: Path) -> None:
    """An existing folder becomes private, and keeps what it holds."""
    root = tmp_path / "data"
    root.mkdir()
    root.chmod(0o755)
    (root / "config.json").write_text("{}")

    AppPaths(root).prepare()
    AppPaths(root).prepare()

    assert mode_of(root) == 0o700
    assert (root / "config.json").read_text() == "{}"


@pytest.mark.parametrize("below", ["", "deep"])
def test_file_in_the_way_is_refused(tmp_path: Path, below: str) -> None:
    """A file where the folder should be, or above it, is named and left."""
    file = tmp_path / "file"
    file.write_text("mine")

    with pytest.raises(UserError, match=r"file.*MOVIE_SYNC_HOME"):
        AppPaths(file / below).prepare()

    assert file.read_text() == "mine"


def test_shared_folder_is_refused(tmp_path: Path) -> None:
    """A folder like /tmp is not made private: other programs use it."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    for root in (shared, Path("/")):
        before = mode_of(root)
        with pytest.raises(UserError, match="of its own"):
            AppPaths(root).prepare()
        assert mode_of(root) == before


@as_user_only
def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Where nothing may be written, the message says what to do."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="--data-dir"):
            AppPaths(tmp_path / "data").prepare()
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("is_written_now", [False, True])
def test_what_a_crash_left_half_written_is_swept(tmp_path: Path, is_written_now: bool) -> None:
    """All of ours; what a command beside the daemon may be writing just now waits for the next start."""
    paths = AppPaths(tmp_path)
    own = (paths.watchlist, paths.daemon, paths.radar, paths.unlisted, paths.unreadable, paths.events)
    shared = (paths.config, paths.credentials, paths.budget)
    leftovers = [temporary_of(path) for path in (*own, *shared)]
    for leftover in (*leftovers, tmp_path / "mine.tmp"):
        leftover.write_text("half")

    paths.sweep(not is_written_now)

    assert set(tmp_path.iterdir()) == {
        tmp_path / "mine.tmp",
        *(leftovers[len(own) :] if is_written_now else []),
    }


def test_a_file_that_a_daemon_replaces_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there a moment ago keeps no command from its work."""
    paths = AppPaths(tmp_path)
    (tmp_path / "config.json").touch(mode=0o644)
    real = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: [folder / "queue_pending.json.tmp", *real(folder)])
    paths.prepare()
    assert stat.S_IMODE((tmp_path / "config.json").stat().st_mode) == 0o600


def test_what_stepped_aside_when_a_crash_came_is_put_back(tmp_path: Path) -> None:
    """A file that is missing; where the newer one had its place already, it is deleted."""
    paths = AppPaths(tmp_path)
    for path in (paths.watchlist, paths.radar):
        path.with_name(f"{path.name}.replaced1").write_text("before")
    paths.radar.write_text("after")
    paths.sweep(True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "watchlist.json": "before",
        "radar.json": "after",
    }


def test_a_data_folder_where_modes_cannot_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is used, and that others may be able to read it is warned of once."""

    def chmod(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "config.json").touch(mode=0o644)
    monkeypatch.setattr(os, "chmod", chmod)
    for _ in range(2):
        AppPaths(data).prepare()
    assert not caplog.text, "a command beside the daemon says nothing"
    for _ in range(2):
        say_shortcomings()
    assert caplog.text.count("can't be made private") == 1
    assert "Operation not permitted" in caplog.text


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("has_owners", [True, False], ids=["a disk", "a stick"])
def test_a_data_folder_of_another_user(
    has_owners: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where what is made belongs to its maker, the folder's owner is named, and how to change it; else modes."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name, "data")
        data.mkdir()
        for folder in (Path(name), data):
            folder.chmod(0o777)
        os.seteuid(65534)
        try:
            if not has_owners:  # as where all belongs to whoever mounted it
                monkeypatch.setattr(
                    tempfile, "TemporaryFile", lambda **_: os.fdopen(_as_root(data / "a"), "w")
                )
            AppPaths(data).prepare()
            say_shortcomings()
        finally:
            os.seteuid(0)
        assert (f"{data}, or a file in it, belongs to another user (root)" in caplog.text) is has_owners
        assert (f"sudo chown -R nobody {data}`" in caplog.text) is has_owners
        assert ("can't be made private" in caplog.text) is not has_owners


def _as_root(path: Path) -> int:
    os.seteuid(0)
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    finally:
        os.seteuid(65534)
