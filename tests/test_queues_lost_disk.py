"""The queues when their disk is away for a while: what is known stays known, and is not begun anew elsewhere."""

import errno
import os
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import film

from movie_sync.domain.models import QueueName
from movie_sync.errors import StorageError
from movie_sync.queues.manager import QueueManager

_FILMS = ["a", "b", "c"]


@pytest.fixture
def queues(tmp_path: Path) -> QueueManager:
    """Three films wait, one is done."""
    (tmp_path / "data").mkdir()
    queues = QueueManager(tmp_path / "data", clock=FakeClock())
    queues.add_all_to_pending([film(name) for name in [*_FILMS, "done"]])
    queues.add_to_completed(film("done"))
    return queues


def waiting(queues: QueueManager) -> list[str]:
    """Return the films that wait."""
    return [entry.movie.slug for entry in queues.entries(QueueName.PENDING)]


@pytest.mark.parametrize("code", [errno.ESTALE, errno.ENOTCONN, errno.EIO])
def test_a_disk_that_goes_and_comes_back(
    queues: QueueManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """What was open is lost for good; the files are opened anew by their names once they are there."""
    data, away = tmp_path / "data", tmp_path / "away"
    lost = {path.stat().st_ino for path in data.iterdir()}
    data.rename(away)
    data.mkdir()
    real = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        if found.st_ino in lost:
            raise OSError(code, os.strerror(code))
        return found

    monkeypatch.setattr(os, "fstat", fstat)
    for _ in range(2):
        assert queues.get_statistics()["pending"] == len(_FILMS)
        assert queues.get_statistics()["completed"] == 1
        with pytest.raises(StorageError):
            queues.add_all_to_pending([film("new")])
        assert not list(data.iterdir()), "an empty mount point is no empty queue"
    data.rmdir()
    away.rename(data)
    lost.clear()
    queues.add_all_to_pending([film("new")])
    assert waiting(queues) == waiting(QueueManager(data, clock=FakeClock())) == [*_FILMS, "new"]


@pytest.mark.parametrize("call", range(4))
def test_a_loading_that_fails_forgets_nothing(
    queues: QueueManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """A file that was edited by hand is loaded anew at the next use if the machine is short of something now."""
    path = tmp_path / "data" / "queue_pending.json"
    path.write_text(path.read_text() + "\n")
    real, calls = os.dup, []

    def dup(descriptor: int) -> int:
        calls.append(descriptor)
        if len(calls) == call + 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(descriptor)

    monkeypatch.setattr(os, "dup", dup)
    assert queues.get_statistics()["pending"] == len(_FILMS)
    assert len(calls) > call, "the place where it fails is one"
    monkeypatch.setattr(os, "dup", real)
    queues.add_all_to_pending([film("new")])
    assert waiting(queues) == waiting(QueueManager(path.parent, clock=FakeClock())) == [*_FILMS, "new"]
    assert queues.get_statistics()["completed"] == 1
    assert not list(path.parent.glob("*damaged*"))
