"""Films' files on the shelf: linked, shared or copied, whole or not at all, and nothing replaced."""

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from house.file_systems import in_memory, lacking, mounted, remounted
from house.program import ROOT

from movie_sync.domain.models import Movie
from movie_sync.domain.shelf_plan import Left
from movie_sync.domain.shelf_template import PRESETS
from movie_sync.shelf import copying, process
from movie_sync.shelf.order import MODULE, Outcome, ShelfOrder
from movie_sync.shelf.placing import why_not_shared
from movie_sync.shelf.process import put_on_shelf

HEAT = Movie("2bmK", "heat-1995", "Heat", 1995, imdb_id="tt0113277")
NAME = "Heat (1995) [imdbid-tt0113277]"
HD, UHD = "Heat.1995.1080p.BluRay.x264-GRP", "Heat.1995.2160p.UHD.BluRay.x265-GRP"
OWNER, KEY = "0123456789abcdef", "aaaaaaaa"
_FILM_BYTES = 1_200_000  # pieces are 1 MiB
Tree = dict[str, bytes]


class Torrents:
    """Finished torrents of one film in two qualities, and the shelf."""

    def __init__(self, folder: Path, shelf: Path) -> None:
        self.folder, self.shelf = folder, shelf
        for release in (HD, UHD):
            (folder / release / "Subs").mkdir(parents=True)
            (folder / release / f"{release}.mkv").write_bytes(os.urandom(_FILM_BYTES))
            (folder / release / "Subs" / "English.srt").write_bytes(os.urandom(2000))
        (folder / HD / "Subs" / "Romanian.forced.srt").write_bytes(b"ro")
        (folder / HD / "heat.nfo").write_bytes(b"nfo")
        self.before = self.sources()

    def sources(self) -> dict[str, tuple[int, int, int, bytes]]:
        """Return all that could change of the torrents' files."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                at = path.stat()
                found[str(path)] = (at.st_ino, at.st_mtime_ns, at.st_mode, path.read_bytes())
        return found

    def order(self, release: str = HD, **changes: Any) -> ShelfOrder:
        """Return what the daemon asks for."""
        path = str(self.folder / release)
        values = ShelfOrder(
            HEAT,
            release,
            path,
            path,
            0,
            str(self.shelf),
            PRESETS["jellyfin"],
            may_copy=False,
            with_extras=False,
            owner=OWNER,
            key=KEY,
        )
        return replace(values, **changes)

    def put(self, release: str = HD, **changes: Any) -> Outcome:
        """Put one on the shelf."""
        return put_on_shelf(self.order(release, **changes))

    def film(self, release: str = HD) -> Path:
        """Where a torrent's video is."""
        return self.folder / release / f"{release}.mkv"

    def expected(self) -> Tree:
        """Return what is on the shelf in the end, with both qualities."""
        return {
            f"{NAME}/{NAME}{ending}": (self.folder / release / path).read_bytes()
            for release, path, ending in (
                (HD, f"{HD}.mkv", ".mkv"),
                (HD, "Subs/English.srt", ".en.srt"),
                (HD, "Subs/Romanian.forced.srt", ".ro.forced.srt"),
                (UHD, f"{UHD}.mkv", " - 2160p.mkv"),
                (UHD, "Subs/English.srt", " - 2160p.en.srt"),
            )
        }


def tree(shelf: Path) -> Tree:
    """Return what is on the shelf, by path."""
    return {str(path.relative_to(shelf)): path.read_bytes() for path in shelf.rglob("*") if path.is_file()}


@pytest.fixture
def torrents(tmp_path: Path) -> Iterator[Torrents]:
    """Torrents and an empty shelf on one file system; their files stay as they are, byte for byte."""
    (tmp_path / "shelf").mkdir()
    made = Torrents(tmp_path / "downloads", tmp_path / "shelf")
    yield made
    assert made.sources() == made.before


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Torrents]:
    """Torrents, and the shelf on another file system."""
    if not os.access("/dev/shm", os.W_OK) or Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there's only one file system here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shelf:
        made = Torrents(tmp_path / "downloads", Path(shelf))
        yield made
        assert made.sources() == made.before


# --- what it looks like -------------------------------------------------------------------


def test_both_qualities_as_hard_links(torrents: Torrents) -> None:
    """The same files by other names; the second quality has its own; and once more nothing changes."""
    for _ in range(2):
        assert torrents.put() == Outcome(str(torrents.shelf / NAME / f"{NAME}.mkv"))
        assert torrents.put(UHD) == Outcome(str(torrents.shelf / NAME / f"{NAME} - 2160p.mkv"))
        assert tree(torrents.shelf) == torrents.expected()
    for path in (torrents.shelf / NAME).iterdir():
        assert path.stat().st_nlink == 2
    assert (torrents.shelf / NAME / f"{NAME}.mkv").samefile(torrents.film())


def test_the_same_quality_twice(torrents: Torrents) -> None:
    """Each further one tells more of itself, until there is nothing more to tell."""
    names = []
    for number, release in enumerate([HD, HD, HD, HD, HD]):
        path = torrents.folder / f"{number}.mkv"
        path.write_bytes(bytes([number]) * 100)
        names.append(torrents.put(release, path=str(path)))
    torrents.before = torrents.sources()
    assert [Path(each.path).stem.removeprefix(NAME) for each in names[:4]] == [
        "", " - 1080p", " - Bluray-1080p", " - Bluray-1080p GRP",
    ]  # fmt: skip
    assert "Every name" in names[4].failed
    assert len(tree(torrents.shelf)) == 4


def test_a_file_of_its_own(torrents: Torrents) -> None:
    """A torrent of one file has no folder; what lies beside it is not its."""
    outcome = torrents.put(path=str(torrents.film()))
    assert list(tree(torrents.shelf)) == [f"{NAME}/{NAME}.mkv"]
    assert Path(outcome.path).samefile(torrents.film())


def test_a_link_to_the_film(torrents: Torrents) -> None:
    """Where the client's file is a symlink, the shelf gets the file and not the link."""
    folder = torrents.folder / "linked"
    folder.mkdir()
    (folder / "heat.mkv").symlink_to(f"../{HD}/{HD}.mkv")
    torrents.before = torrents.sources()
    outcome = torrents.put(path=str(folder))
    assert not Path(outcome.path).is_symlink()
    assert Path(outcome.path).samefile(torrents.film())
    assert torrents.put(path=str(folder)) == outcome


def test_extras_and_odd_names(torrents: Torrents) -> None:
    """Extras keep their names, made fit for every file system; names that are no text do no harm."""
    folder = torrents.folder / HD
    (folder / "Extras").mkdir()
    for name in (b"Making: of?.mkv", b"\xff\xfe.mkv", b"CON.mkv", b"x" * 251 + b".mkv"):
        (folder / "Extras" / os.fsdecode(name)).write_bytes(name)
    (folder / "Subs" / os.fsdecode(b"\xff.ro.srt")).write_bytes(b"sub")
    torrents.before = torrents.sources()
    for _ in range(2):
        assert torrents.put(with_extras=True).path
        found = {path for path in tree(torrents.shelf) if Path(path).parent.name != NAME}
        assert {path.removeprefix(f"{NAME}/") for path in found} == {
            "behind the scenes/Making - of.mkv", "other/other.mkv", "other/CON_.mkv", f"other/{'x' * 177}….mkv",
        }  # fmt: skip
    assert f"{NAME}/{NAME}.ro.srt" in tree(torrents.shelf)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (["a.cd1.avi", "a.cd2.avi"], Left.PARTS),
        (["VIDEO_TS/a.vob"], Left.DISC),
        (["a.rar", "a.r00"], Left.PACKED),
        (["a.mkv", "b.mkv"], Left.SEVERAL),
        (["a.txt"], Left.NO_VIDEO),
    ],
)
def test_what_is_left(torrents: Torrents, files: list[str], why: Left) -> None:
    """It's told why, and nothing is made."""
    folder = torrents.folder / "odd"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * 1000)
    torrents.before = torrents.sources()
    assert torrents.put(path=str(folder)) == Outcome(left=why)
    assert not list(torrents.shelf.iterdir())


def test_files_among_others(torrents: Torrents) -> None:
    """In a folder that holds far more than the torrent it can't be told which are its files."""
    (torrents.folder / HD / "other.mkv").touch()
    os.truncate(torrents.folder / HD / "other.mkv", 200_000_000)
    assert torrents.put(size_bytes=_FILM_BYTES) == Outcome(left=Left.AMONG_OTHERS)
    (torrents.folder / HD / "other.mkv").unlink()
    assert torrents.put(size_bytes=_FILM_BYTES).path


# --- what the user has there --------------------------------------------------------------


def _as_folder(path: Path, _film: bytes) -> None:
    path.mkdir()
    (path / "mine").write_text("mine")


def _as_other_bytes(path: Path, film: bytes) -> None:
    path.write_bytes(film[:-1] + bytes([film[-1] ^ 1]))


_USERS: dict[str, Callable[[Path, bytes], object]] = {
    "file": lambda path, _: path.write_text("mine"),
    "other bytes": _as_other_bytes,
    "folder": _as_folder,
    "dangling": lambda path, _: path.symlink_to("nowhere"),
    "circle": lambda path, _: path.symlink_to(path.name),
    "pipe": lambda path, _: os.mkfifo(path),
}


@pytest.mark.parametrize("kind", _USERS)
@pytest.mark.parametrize("copies", [False, True], ids=["link", "copy"])
def test_what_is_there_stays(kind: str, copies: bool, request: pytest.FixtureRequest) -> None:
    """Whatever has the film's or a subtitle's name keeps it, and the film gets another one."""
    torrents: Torrents = request.getfixturevalue("apart" if copies else "torrents")
    folder = torrents.shelf / NAME
    folder.mkdir()
    for ending, source in (
        (".mkv", torrents.film()),
        (" - 1080p.en.srt", torrents.folder / HD / "Subs/English.srt"),
    ):
        _USERS[kind](folder / f"{NAME}{ending}", source.read_bytes())

    def users() -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for path in sorted(folder.iterdir()):
            at = path.lstat()
            if path.name in {f"{NAME}.mkv", f"{NAME} - 1080p.en.srt"}:
                found.append((path.name, at.st_mode, at.st_ino, at.st_size, at.st_mtime_ns))
        return found

    before = users()
    for _ in range(2):
        outcome = torrents.put(may_copy=copies)
        assert outcome.path == str(folder / f"{NAME} - 1080p.mkv"), outcome
        assert Path(outcome.path).read_bytes() == torrents.film().read_bytes()
        assert (folder / f"{NAME} - 1080p.en.2.srt").exists()
        assert users() == before
        assert len(list(folder.iterdir())) == 5


def test_a_file_where_the_folder_belongs(torrents: Torrents) -> None:
    """It stays, and the film isn't put there."""
    (torrents.shelf / NAME).write_text("mine")
    outcome = torrents.put()
    assert outcome.failed.startswith(f"Couldn't create {torrents.shelf / NAME}: ")
    assert not outcome.is_of_all
    assert tree(torrents.shelf) == {NAME: b"mine"}


def test_a_folder_of_the_user_stays(apart: Torrents) -> None:
    """Where nothing came of it, what was made is removed, and an empty folder that was there isn't."""
    (apart.folder / HD / "Featurettes").mkdir()
    (apart.folder / HD / "Featurettes" / "Making of.mkv").write_bytes(b"extra")
    apart.before = apart.sources()
    for with_extras in (False, True):
        assert apart.put(with_extras=with_extras).failed
        assert not list(apart.shelf.iterdir())
    (apart.shelf / NAME).mkdir()
    assert apart.put().failed
    assert (apart.shelf / NAME).is_dir()


def test_another_video_of_the_user(torrents: Torrents) -> None:
    """Another container of the film is a version too; upper and lower case don't tell versions apart."""
    folder = torrents.shelf / NAME
    folder.mkdir()
    (folder / f"{NAME.upper()}.MP4").write_text("mine")
    assert torrents.put().path == str(folder / f"{NAME} - 1080p.mkv")


def test_a_copy_of_the_user_is_the_film(torrents: Torrents) -> None:
    """What has the same bytes is there already."""
    folder = torrents.shelf / NAME
    folder.mkdir()
    shutil.copy(torrents.film(), folder / f"{NAME}.mkv")
    at = (folder / f"{NAME}.mkv").stat()
    assert torrents.put().path == str(folder / f"{NAME}.mkv")
    assert (folder / f"{NAME}.mkv").stat().st_ino == at.st_ino
    assert at.st_nlink == 1


def test_something_takes_the_name_meanwhile(torrents: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """What got the name between the look and the link keeps it."""
    target = torrents.shelf / NAME / f"{NAME}.mkv"
    link = os.link

    def late(source: str, path: Path) -> None:
        if path == target:
            target.write_text("mine")
        link(source, path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", late)
        assert "Another program" in torrents.put().failed
    assert target.read_text() == "mine"
    assert torrents.put().path == str(torrents.shelf / NAME / f"{NAME} - 1080p.mkv")


# --- two file systems ---------------------------------------------------------------------


def test_across_file_systems(apart: Torrents) -> None:
    """Refused, with what to do; copied where that's allowed, with its time; and once more nothing changes."""
    outcome = apart.put()
    assert f"{apart.shelf}, which is on another file system" in outcome.failed
    assert '"how": "copy"' in outcome.failed
    assert not outcome.is_of_all
    assert tree(apart.shelf) == {}
    assert apart.put(may_copy=True).path
    assert apart.put(UHD, may_copy=True).path
    assert tree(apart.shelf) == apart.expected()
    copy = apart.shelf / NAME / f"{NAME}.mkv"
    before = copy.stat()
    assert before.st_mtime_ns == apart.film().stat().st_mtime_ns
    assert before.st_nlink == 1
    for may_copy in (True, False):
        assert apart.put(may_copy=may_copy).path == str(copy)
    assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def half_of(shelf: Path, name: str = f"{NAME}.mkv") -> Path:
    """Where half of a copy is, as a crash leaves it."""
    (path,) = [each for each in (shelf / NAME).iterdir() if each.suffix == ".part"]
    assert name not in {each.name for each in (shelf / NAME).iterdir()}
    return path


class _CutOffError(Exception):
    pass


def cut_off(torrents: Torrents, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a copy be cut off after its first piece; return what is left of it."""
    pwrite = os.pwrite

    def write(descriptor: int, piece: bytes, place: int) -> int:
        if place and len(piece) > 10_000:
            raise _CutOffError
        return pwrite(descriptor, piece, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", write)
        with pytest.raises(_CutOffError):
            torrents.put(may_copy=True)
    return half_of(torrents.shelf)


def written(torrents: Torrents, monkeypatch: pytest.MonkeyPatch) -> tuple[Outcome, int]:
    """Put the film on the shelf, and return how many bytes of it were written."""
    pwrite, counts = os.pwrite, []

    def write(descriptor: int, piece: bytes, place: int) -> int:
        counts.append(len(piece))
        return pwrite(descriptor, piece, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", write)
        outcome = torrents.put(may_copy=True)
    return outcome, sum(counts)


def test_a_copy_goes_on(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is missing is written."""
    half = cut_off(apart, monkeypatch)
    assert half.stat().st_size == 1 << 20
    outcome, count = written(apart, monkeypatch)
    assert count == _FILM_BYTES - (1 << 20)
    assert Path(outcome.path).read_bytes() == apart.film().read_bytes()
    assert not half.exists()


@pytest.mark.parametrize("kind", ["zeroes", "longer", "whole"])
def test_half_a_copy_is_compared(apart: Torrents, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A power failure may have left anything in it."""
    half = cut_off(apart, monkeypatch)
    film = apart.film().read_bytes()
    if kind == "zeroes":
        half.write_bytes(bytes(1 << 20))
    elif kind == "longer":
        half.write_bytes(film + b"more")
    else:
        half.write_bytes(film)
    outcome, count = written(apart, monkeypatch)
    assert count == {"zeroes": _FILM_BYTES, "longer": 0, "whole": 0}[kind]
    assert Path(outcome.path).read_bytes() == film
    assert not half.exists()


def test_half_a_copy_that_is_a_file_of_the_user(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off between its two names, the copy is renamed by the user: it isn't written to any more."""
    half = cut_off(apart, monkeypatch)
    mine = apart.shelf / NAME / "mine.bin"
    half.write_bytes(b"the whole film, once")
    mine.hardlink_to(half)
    assert apart.put(may_copy=True).path
    assert mine.read_bytes() == b"the whole film, once"
    assert mine.stat().st_nlink == 1


def test_what_is_left_of_other_copies_goes(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where something took its name meanwhile, half of a copy has no use; a copy at work is another's."""
    half = cut_off(apart, monkeypatch)
    (apart.shelf / NAME / f"{NAME}.mkv").write_text("mine")
    at_work = half.with_name(f".movie-sync-{OWNER}-{KEY}-0123456789abcdef.part")
    likewise = half.with_name(".movie-sync-mine.part")
    likewise.write_text("mine")
    descriptor = os.open(at_work, os.O_RDWR | os.O_CREAT)
    copying.fcntl.flock(descriptor, copying.fcntl.LOCK_EX)
    try:
        assert apart.put(may_copy=True).path.endswith(" - 1080p.mkv")
        assert not half.exists()
        assert at_work.exists()
    finally:
        os.close(descriptor)
    assert apart.put(may_copy=True).path.endswith(" - 1080p.mkv")
    assert not at_work.exists()
    assert likewise.read_text() == "mine"


def test_what_moves_on_says_so(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """What silence would mean is said before, of the shelf and the client's disk, and again meanwhile."""
    monkeypatch.setattr(process, "_REPEAT_SECONDS", 0.0)
    stream = io.StringIO()
    outcome = put_on_shelf(apart.order(may_copy=True), process.Answer(stream))
    assert outcome.path
    said = [Outcome(**json.loads(line)) for line in stream.getvalue().splitlines()]
    assert said[0] == Outcome(failed=said[0].failed, is_of_all=True)
    assert said[0].failed.startswith(f"The disk or network share of {apart.shelf} doesn't answer.")
    assert said[1] == Outcome(failed=said[1].failed, is_of_folder=True)
    assert said[1].failed.startswith(f"The disk or network share of {apart.folder} doesn't answer.")
    assert said[-1].failed.startswith(f"The disk or network share of {apart.shelf} (or of {apart.folder})")
    assert said[-1].is_of_all
    assert len(said) == 3 + 4 + 2 + 1 + 1, "for each file, and each piece that is copied"


def test_one_at_a_time(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one process copies a film no other one writes to that copy."""
    half = cut_off(apart, monkeypatch)
    with half.open("r+b") as file:
        copying.fcntl.flock(file, copying.fcntl.LOCK_EX)
        assert "Another process" in apart.put(may_copy=True).failed
        assert half.stat().st_size == 1 << 20
    assert apart.put(may_copy=True).path


def test_a_film_that_changes_is_not_copied(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of it is of no use; the next time it is as it is then."""
    pwrite, film = os.pwrite, apart.film()

    def write(descriptor: int, piece: bytes, place: int) -> int:
        if len(piece) > 10_000:
            with film.open("ab") as file:
                file.write(b"more")
        return pwrite(descriptor, piece, place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", write)
        assert "was changed while" in apart.put(may_copy=True).failed
    assert {path for path in tree(apart.shelf) if not path.endswith(".srt")} == set()
    assert Path(apart.put(may_copy=True).path).read_bytes() == film.read_bytes()
    apart.before = apart.sources()


def test_blocks_are_shared_where_they_can_be(apart: Torrents, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system shares blocks no copy need be allowed; also after a crash left half a copy."""
    half = cut_off(apart, monkeypatch)

    def ioctl(copy: int, request: int, original: int) -> int:
        """Do what the call does, as no file system here can."""
        assert request == 0x40049409
        os.pwrite(copy, os.pread(original, _FILM_BYTES, 0), 0)
        return 0

    half.write_bytes(os.urandom(_FILM_BYTES + 5))
    monkeypatch.setattr(copying.fcntl, "ioctl", ioctl)
    outcome = apart.put()
    assert Path(outcome.path).read_bytes() == apart.film().read_bytes()
    assert not half.exists()


# --- disks that are full, not to be written, or poor ----------------------------------------


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen before, nothing is written; met on the way, all wait, and it goes on once there is room."""
    with in_memory(tmp_path / "shelf", "1m") as shelf:
        torrents = Torrents(tmp_path / "downloads", shelf)
        outcome = torrents.put(may_copy=True)
        assert "Not enough room" in outcome.failed
        assert not outcome.is_of_all, "a smaller film may fit"
        assert not [path for path in tree(shelf) if not path.endswith(".srt")]

        seen, true = os.statvfs(tmp_path), os.statvfs
        monkeypatch.setattr(os, "statvfs", lambda _path: seen)  # as with a quota
        outcome = torrents.put(may_copy=True)
        assert os.strerror(errno.ENOSPC) in outcome.failed
        assert outcome.is_of_all
        assert half_of(shelf).stat().st_size
        monkeypatch.setattr(os, "statvfs", true)
        remounted(shelf, "size=256m")
        outcome, count = written(torrents, monkeypatch)
        assert 0 < count < _FILM_BYTES
        assert Path(outcome.path).read_bytes() == torrents.film().read_bytes()
        assert not [path for path in tree(shelf) if path.endswith(".part")]


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "there"])
def test_a_shelf_that_can_only_be_read(tmp_path: Path, is_there: bool) -> None:
    """No film can be put there, which is told of all."""
    with in_memory(tmp_path / "shelf") as shelf:
        if is_there:
            (shelf / NAME).mkdir()
        torrents = Torrents(tmp_path / "downloads", shelf)
        remounted(shelf, "ro")
        for may_copy in (False, True):
            outcome = torrents.put(may_copy=may_copy)
            assert os.strerror(errno.EROFS) in outcome.failed or "another file system" in outcome.failed
            assert outcome.is_of_all or not may_copy
        remounted(shelf, "rw")
        assert torrents.put(may_copy=True).path


def test_no_shelf(torrents: Torrents) -> None:
    """It is never created: an empty mount point would be filled instead of the disk."""
    gone = torrents.shelf / "mnt" / "films"
    outcome = torrents.put(folder=str(gone))
    assert outcome == Outcome(
        failed=f"The shelf's folder {gone} doesn't exist. Create it, or mount the disk it's on.",
        is_of_all=True,
    )
    file = torrents.shelf / "file"
    file.touch()
    assert torrents.put(folder=str(file)).is_of_all


def test_where_the_files_are_not(torrents: Torrents) -> None:
    """The folder that isn't there is named, and what the client calls it."""
    outcome = torrents.put(path="/downloads/films/Heat", client_path="/downloads/films/Heat")
    assert outcome.failed.startswith(
        "The folder /downloads isn't on this machine, so /downloads/films/Heat can't"
    )
    assert '"path_map"' in outcome.failed
    here = str(torrents.folder / "gone")
    outcome = torrents.put(path=here, client_path="/data/gone")
    assert outcome.failed == f"{here} (the torrent client calls it /data/gone) no longer exists."
    outcome = torrents.put(path="C:\\Films\\Heat", client_path="C:\\Films\\Heat")
    assert "C:\\Films\\Heat, which isn't a path on this machine" in outcome.failed
    for path in ("/x\0y", f"/{'x' * 300}", "movie_sync"):
        assert torrents.put(path=path, client_path=path).failed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_files_of_another_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A link that the system forbids is named as that; a copy may be made of what can be read."""
    setting = Path("/proc/sys/fs/protected_hardlinks")
    if not setting.exists() or setting.read_text().strip() != "1":
        pytest.skip("this system lets everybody link everything")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        shelf = Path(name, "shelf")
        shelf.mkdir()
        os.chown(shelf, 65534, 65534)
        torrents = Torrents(Path(name, "downloads"), shelf)

        def as_nobody(**changes: Any) -> Outcome:
            return in_child(partial(torrents.put, **changes), user=65534)

        outcome = as_nobody()
        assert "because the file belongs to another user" in outcome.failed
        assert not list(shelf.iterdir())
        assert as_nobody(may_copy=True).path
        assert tree(shelf) == {
            path: film for path, film in torrents.expected().items() if "2160p" not in path
        }
        shutil.rmtree(shelf / NAME)
        torrents.film().chmod(0o600)
        outcome = as_nobody(may_copy=True)
        assert os.strerror(errno.EACCES) in outcome.failed
        assert not outcome.is_of_all
        shutil.rmtree(shelf / NAME, ignore_errors=True)
        shelf.chmod(0o555)
        outcome = as_nobody()
        assert outcome.failed.startswith("Couldn't create ")
        assert outcome.is_of_all
        assert torrents.sources().keys() == torrents.before.keys()


def in_child(do: Callable[[], Outcome], user: int | None = None) -> Outcome:
    """Do it in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os.write(writing, json.dumps(asdict(do())).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return Outcome(**json.loads(answer))


@pytest.mark.parametrize("kind", ["exfat", pytest.param("ntfs", marks=pytest.mark.long)])
def test_sticks(tmp_path: Path, kind: str) -> None:
    """A real file system without links, or with its own: all is there, once, and what was there stays."""
    with mounted(kind, tmp_path, 256 << 20) as mount:
        stick = mount.folder
        torrents = Torrents(tmp_path / "downloads", stick)
        for _ in range(2):
            assert torrents.put(may_copy=True).path
            assert torrents.put(UHD, may_copy=True).path
            assert tree(stick) == torrents.expected()
        third = torrents.put(UHD, may_copy=True, path=str(torrents.film(UHD)))
        assert third.path.endswith(" - 2160p.mkv")
        (stick / NAME / f"{NAME}.mkv").write_bytes(b"mine")
        assert torrents.put(may_copy=True).path.endswith(" - 1080p.mkv")
        assert (stick / NAME / f"{NAME}.mkv").read_bytes() == b"mine"

    with mounted(kind, tmp_path / "downloads", 256 << 20) as mount:
        stick = mount.folder
        there = Torrents(stick / "downloads", stick / "shelf")
        there.shelf.mkdir()
        outcome = there.put()
        if kind == "exfat":
            assert "has no hard links" in outcome.failed, outcome
        assert there.put(may_copy=True).path


@pytest.mark.parametrize("share", ["nothing at all", pytest.param("smb", marks=pytest.mark.long)])
def test_shares(tmp_path: Path, share: str) -> None:
    """The process itself on a share that lacks links, locks, modes and flushes."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    torrents = Torrents(tmp_path / "downloads", shelf)
    environment = os.environ | lacking(shelf, share, tmp_path)
    for may_copy, expected in ((False, {}), (True, torrents.expected()), (True, torrents.expected())):
        for release in (HD, UHD):
            answer = subprocess.run(
                [sys.executable, "-P", "-m", MODULE],
                input=torrents.order(release, may_copy=may_copy).to_json(),
                env=environment, cwd=ROOT, capture_output=True, check=True,
            )  # fmt: skip
            outcome = Outcome(**json.loads(answer.stdout.splitlines()[-1]))
            assert bool(outcome.path) is may_copy, outcome
            assert may_copy or "has no hard links" in outcome.failed, outcome
        assert tree(shelf) == expected


# --- a crash at every step ------------------------------------------------------------------

_STEPS = (
    "link",
    "mkdir",
    "open",
    "pwrite",
    "ftruncate",
    "fchmod",
    "utime",
    "fsync",
    "unlink",
    "rename",
    "rmdir",
    "close",
)


def _until_killed(do: Callable[[], object], at: int, *, has_links: bool) -> int | None:
    """Do it in a process that kills itself before so many calls; return their number if it was not killed.

    A write is done by half before.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _kill_before(at, has_links=has_links)
            do()
            os.write(writing, str(_kill_before.count).encode())  # type: ignore[attr-defined]
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert answer or os.WTERMSIG(status) == signal.SIGKILL
    return int(answer) if answer else None


def _kill_before(at: int, *, has_links: bool) -> None:
    _kill_before.count = 0  # type: ignore[attr-defined]

    def counted(real: Callable[..., Any], name: str, *arguments: Any, **options: Any) -> Any:
        if _kill_before.count == at:  # type: ignore[attr-defined]
            if name == "pwrite":
                descriptor, piece, place = arguments
                real(descriptor, piece[: len(piece) // 2], place)
            os.kill(os.getpid(), signal.SIGKILL)
        _kill_before.count += 1  # type: ignore[attr-defined]
        if name == "link" and not has_links:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return real(*arguments, **options)

    for name in _STEPS:
        setattr(os, name, partial(counted, getattr(os, name), name))


@pytest.mark.parametrize("kind", ["link", "copy", "copy without links"])
def test_killed_at_every_step(kind: str, request: pytest.FixtureRequest) -> None:
    """No file is ever half there by its own name, and the next time all is as it would have been."""
    torrents: Torrents = request.getfixturevalue("torrents" if kind == "link" else "apart")
    has_links = "without" not in kind
    expected = torrents.expected()

    def fill() -> None:
        for release in (HD, UHD):
            assert torrents.put(release, may_copy=kind != "link").path

    total = _until_killed(fill, -1, has_links=has_links)
    assert total
    assert tree(torrents.shelf) == expected
    every = 1 if request.config.getoption("--long") else 2 if kind == "link" else 4
    for step in range(0, total, every):
        shutil.rmtree(torrents.shelf / NAME, ignore_errors=True)
        assert _until_killed(fill, step, has_links=has_links) is None
        there = {path: film for path, film in tree(torrents.shelf).items() if not path.endswith(".part")}
        assert there.items() <= expected.items(), step
        assert torrents.sources() == torrents.before, step
        assert _until_killed(fill, -1, has_links=has_links), step
        assert tree(torrents.shelf) == expected, step
        if kind == "link":
            assert (torrents.shelf / NAME / f"{NAME}.mkv").samefile(torrents.film())
    request.node.user_properties.append(("measured", f"{total} steps"))


def test_killed_again_and_again(apart: Torrents) -> None:
    """However often it is cut off, and wherever, it comes to its end."""
    step, done = 0, None
    while done is None:
        done = _until_killed(lambda: apart.put(may_copy=True), step, has_links=True)
        step += 5
    assert apart.put(UHD, may_copy=True).path
    assert tree(apart.shelf) == apart.expected()


def test_most_of_a_torrent_is_missing(torrents: Torrents) -> None:
    """A folder that is empty, or has an extra left, as on a disk that isn't mounted: it's tried again."""
    size = sum(len(content) for _, _, _, content in torrents.before.values())
    outcome = torrents.put(size_bytes=100 * size)
    assert outcome.failed.startswith("Only 0.0 of ")
    assert not outcome.left
    assert tree(torrents.shelf) == {}
    assert torrents.put(size_bytes=size // 2).path


def test_an_extra_keeps_no_film_back(torrents: Torrents) -> None:
    """Its name is not UTF-8, or its place is taken: the film is there all the same."""
    extras = torrents.folder / HD / "Featurettes"
    extras.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(extras) + b"/Making \xe9.mkv")).write_bytes(b"extra")
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    torrents.before = torrents.sources()
    (torrents.shelf / NAME).mkdir()
    (torrents.shelf / NAME / "featurettes").write_text("mine")
    assert torrents.put(with_extras=True).path
    assert (torrents.shelf / NAME / "featurettes").read_text() == "mine"
    (torrents.shelf / NAME / "featurettes").unlink()
    assert torrents.put(with_extras=True, may_copy=True).path
    assert len(list((torrents.shelf / NAME / "featurettes").iterdir())) == 1


def test_whether_a_file_can_be_shared_is_tried(apart: Torrents) -> None:
    """And nothing is left of it."""
    assert why_not_shared(apart.film(), apart.folder, apart.folder) == ""
    assert "another file system" in why_not_shared(apart.film(), apart.shelf, apart.folder)
    assert not list(apart.shelf.iterdir())
    assert len(list(apart.folder.iterdir())) == 2
