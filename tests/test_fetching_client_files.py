"""The torrent client's files as this machine sees them."""

from dataclasses import replace
from pathlib import Path

import pytest
from house.films import film, hash_of, release
from test_filelist_downloader import DownloaderBench

from movie_sync.domain.models import HeldTorrent, Reason
from movie_sync.domain.torrents import TorrentPhase
from movie_sync.fetching.client_files import ClientFiles

_NAME = "Heat.1995.1080p.BluRay.x264-GRP"
_WHOLE = HeldTorrent(
    "1" * 40, _NAME, 1.0, TorrentPhase.WHOLE, content_path=f"/downloads/{_NAME}", size_bytes=1000
)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """The folder that is /downloads for the client; something else is in it."""
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "another.mkv").write_bytes(b"x")
    return folder


def test_files_that_are_there_and_that_are_not(films: Path) -> None:
    """A file or a folder counts as long as most of it is there."""
    files, path = ClientFiles([("/downloads", str(films))]), films / _NAME
    assert files.here(_WHOLE.content_path) == str(path)
    assert files.are_there(_WHOLE) is False
    path.write_bytes(b"x" * 1000)
    assert files.are_there(_WHOLE)
    path.write_bytes(b"")
    assert files.are_there(_WHOLE) is False
    path.unlink()
    (path / "Sub").mkdir(parents=True)
    (path / "film.nfo").write_bytes(b"x" * 10)
    assert files.are_there(_WHOLE) is False
    (path / "Sub" / "film.mkv").write_bytes(b"x" * 990)
    assert files.are_there(_WHOLE)


def test_what_this_machine_cannot_tell(films: Path, tmp_path: Path) -> None:
    """Not without the folder, with an empty one (a disk that is not mounted), or of what is not whole."""
    empty = tmp_path / "empty"
    empty.mkdir()
    for pairs in ([], [("/downloads", str(empty))], [("/downloads", str(tmp_path / "none"))]):
        assert ClientFiles(pairs).are_there(_WHOLE) is None
    files = ClientFiles([("/downloads", str(films))])
    assert files.are_there(replace(_WHOLE, phase=TorrentPhase.MOVING)) is None
    assert files.are_there(replace(_WHOLE, phase=TorrentPhase.UNTOLD)) is None
    for path in ("", "C:\\films\\Heat", "/elsewhere/Heat", "films/Heat", "/downloads/a\0b"):
        assert files.are_there(replace(_WHOLE, content_path=path)) is None


def test_a_folder_of_the_same_name_may_be_another_one(films: Path) -> None:
    """Without a pair, until another of the client's torrents is seen in it."""
    gone = replace(_WHOLE, content_path=str(films / _NAME))
    other = HeldTorrent("2" * 40, "x", 1.0, TorrentPhase.WHOLE, content_path=str(films / "x.mkv"))
    for others in (
        [],
        [gone],
        [other],
        [replace(other, content_path="/y")],
        [replace(other, content_path="")],
    ):
        assert ClientFiles().are_there(gone, others) is None
    (films / "x.mkv").write_bytes(b"x")
    assert ClientFiles().are_there(gone, [gone, other]) is False
    desk = DownloaderBench()
    desk.client.held[gone.info_hash] = gone
    found = desk.downloader.find_already_there(film("Heat", year=1995, imdb_id="tt0113277"))
    assert found
    assert found.reason is Reason.ALREADY_DOWNLOADED


def test_folders_in_folders(films: Path) -> None:
    """However deep they are."""
    files, path = ClientFiles([("/downloads", str(films))]), films / _NAME
    folders = [path.joinpath(*["d"] * depth) for depth in range(1200)]
    for folder in folders:
        folder.mkdir()
    assert files.are_there(_WHOLE) is False
    video = folders[-1] / "film.mkv"
    video.write_bytes(b"x" * 990)
    assert files.are_there(_WHOLE)
    video.unlink()
    for folder in reversed(folders):  # deeper than what pytest clears away
        folder.rmdir()


def test_a_folder_that_is_not_there_is_named(films: Path, tmp_path: Path) -> None:
    """Each pair whose folder is missing, and no other."""
    (words,) = ClientFiles([("/downloads", str(films)), ("/data", str(tmp_path / "x"))]).missing_folders()
    assert str(tmp_path / "x") in words
    assert "/data" in words


def test_a_torrent_without_its_files_is_not_the_film(films: Path) -> None:
    """The client is made to look, and the torrent is followed as one that is not whole."""
    movie = film("Heat", year=1995, imdb_id="tt0113277")
    for names_it in ("by its name", "when handed over"):
        desk = DownloaderBench()
        desk.downloader.files = ClientFiles([("/downloads", str(films))])
        held = replace(_WHOLE, info_hash=hash_of(7), name=_NAME if names_it == "by its name" else "abc")
        desk.client.held[held.info_hash] = held
        desk.tracker.offer("tt0113277", release(number=7))
        result = desk.downloader.find_already_there(movie) or desk.downloader.download_movie(movie)
        assert (result.reason, result.is_adopted, result.is_rechecked) == (Reason.DOWNLOADED, True, True)
        assert desk.journal[-1] == f"recheck {hash_of(7)}"
        (films / _NAME).write_bytes(b"x" * 1000)
        there = desk.downloader.find_already_there(movie) or desk.downloader.download_movie(movie)
        assert there.reason is Reason.ALREADY_DOWNLOADED
        (films / _NAME).unlink()
