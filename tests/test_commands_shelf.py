"""What `shelf` and `config` say where nothing can be put on the shelf yet."""

from pathlib import Path

import pytest
from house import commands
from house.commands import run, write
from house.file_systems import in_memory
from house.films import choice, film

from movie_sync.domain.models import Reason
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Shelving, Stage, TorrentProgress

data, process_as_before = commands.data, commands.process_as_before


def told(data: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return how a command ends, and what it says."""
    capsys.readouterr()
    code = run(data, *words)
    said = capsys.readouterr()
    return code, said.out + said.err


def test_nothing_to_put_there(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each case by its own name: no folder, nothing downloaded, on its way, all there."""
    shelf = tmp_path / "shelf"
    write(data / "config.json", {"username": "anna", "shelf": {"folder": str(shelf)}})
    assert told(data, capsys, "shelf", "--all") == (
        1, f"The shelf's folder {shelf} doesn't exist. Create it, or mount the disk it's on.\n",
    )  # fmt: skip
    shelf.mkdir()
    none = "No film that could be put on the shelf is downloaded yet.\n"
    assert told(data, capsys, "shelf", "--all") == (0, none)
    queues = QueueManager(data)
    now = queues._clock.now()
    follow = TorrentProgress(Stage.DOWNLOADING, now)
    queues.add_to_completed(film(1), Reason.DOWNLOADED, choice(1), follow=follow)
    assert told(data, capsys, "shelf", film(1).id) == (1, f"{film(1).label} isn't downloaded yet.\n")
    there = TorrentProgress(Stage.DOWNLOADED, now, path="/films/2.mkv", shelf=Shelving(now, "/shelf/2.mkv"))
    queues.add_to_completed(film(2), Reason.DOWNLOADED, choice(2), follow=there)
    code, said = told(data, capsys, "shelf", "--all")
    assert (code, said.partition(".")[0]) == (0, "Every film was put on the shelf")


def test_two_file_systems(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is the same for all films of a folder is said once."""
    with in_memory(tmp_path / "shelf") as shelf:
        write(data / "config.json", {"username": "anna", "shelf": {"folder": str(shelf)}})
        queues = QueueManager(data)
        now = queues._clock.now()
        for number in range(3):
            path = tmp_path / f"{number}.mkv"
            path.write_bytes(b"film")
            follow = TorrentProgress(Stage.DOWNLOADED, now, path=str(path))
            queues.add_to_completed(film(number), Reason.DOWNLOADED, choice(number), follow=follow)
        code, said = told(data, capsys, "shelf", "--all")
    assert code == 1
    words = f"Not on the shelf: 3 films. Films in {tmp_path} can't be hard-linked into {shelf}, which is"
    assert said.startswith(words)
    assert len(said.splitlines()) == 1


def test_a_folder_that_is_not_there_yet(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config` takes it and says so."""
    folder = tmp_path / "films"
    code, said = told(data, capsys, "config", "shelf.folder", str(folder))
    assert code == 0
    assert f"There's no folder {folder} on this machine yet." in said
    folder.mkdir()
    assert "no folder" not in told(data, capsys, "config", "shelf.folder", str(folder))[1]
