"""One film after the other is put on the shelf, by a process apart: what goes wrong holds up nothing else."""

import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from house.fakes import FakeClock
from house.films import choice, film
from house.waiting import wait_until

from movie_sync.domain.events import Event, Shelved
from movie_sync.domain.models import QueueName
from movie_sync.domain.shelf_plan import Left
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Shelving, Stage, TorrentProgress
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.shelf.shelver import Shelver

_COMPLAINT = "Films can't be put on the shelf: "


class Bench:
    """Films whose torrents are whole, and what puts them on the shelf."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shelf = folder, folder / "shelf"
        self.clock = FakeClock()
        (folder / "data").mkdir()
        (folder / "downloads").mkdir()
        self.shelf.mkdir()
        self.queues = QueueManager(folder / "data", clock=self.clock)
        self.told: list[Event] = []
        self.shelver = self.new()

    def new(self, **changes: Any) -> Shelver:
        """Return another one, as after a restart."""
        settings = replace(ShelfSettings(), folder=str(self.shelf), **changes)
        return Shelver(
            self.queues, settings, self.clock, here=str, environ=dict(os.environ), tell=self.told.append
        )

    def finish(
        self, number: int, *, content: bytes = b"film", name: str = "film.mkv", told: str = "", **own: Any
    ) -> Path:
        """Let a film's torrent be whole, and return its file."""
        path = self.folder / "downloads" / f"{number}" / name
        path.parent.mkdir()
        path.write_bytes(content)
        follow = TorrentProgress(
            Stage.DOWNLOADED, self.clock.now(), path=str(path), shelf=Shelving(self.clock.now())
        )
        taken = replace(choice(number), imdb_id=told or None)
        self.queues.add_to_completed(film(number, **own), choice=taken, follow=follow)
        return path

    def run(self) -> None:
        """Tick until it rests."""
        wait_until(lambda: not self.shelver.tick())

    def shelving(self, number: int) -> Shelving:
        """Return what is written down of a film."""
        found = self.queues.find(film(number).id)
        assert found
        assert found[1].follow
        assert found[1].follow.shelf
        return found[1].follow.shelf

    def paths(self) -> list[str]:
        """Return the videos on the shelf, without folders."""
        return sorted(path.name for path in self.shelf.glob("*/*.mkv"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bench whose process is ended."""
    made = Bench(tmp_path)
    yield made
    made.shelver.close()


def test_one_after_the_other(bench: Bench) -> None:
    """Each is written down and told; what is left is not tried again; a restart finds it done."""
    for number in range(2):
        bench.finish(number)
    bench.finish(2, name="film.iso")
    bench.run()
    assert bench.paths() == [
        f"{film(number).title} ({film(number).year}) [imdbid-{film(number).imdb_id}].mkv"
        for number in range(2)
    ]
    assert [event.path for event in bench.told if isinstance(event, Shelved)] == [
        bench.shelving(number).path for number in range(2)
    ]
    assert bench.shelving(2).left == Left.DISC
    bench.clock.advance(100)
    bench.shelver = bench.new()
    assert not bench.shelver.tick()
    assert len(bench.told) == 2
    assert QueueManager(bench.folder / "data", clock=bench.clock).next_for_shelf() is None


def test_an_imdb_id_that_only_the_tracker_tells(bench: Bench) -> None:
    """It is in the name, after a restart too, and not the film's; the film's own is preferred."""
    for number, own in ((0, None), (1, "tt9000001")):
        bench.finish(number, imdb_id=own, told=f"tt777777{number}")
    bench.queues = QueueManager(bench.folder / "data", clock=bench.clock)
    bench.shelver = bench.new()
    bench.run()
    names = zip((0, 1), ("tt7777770", "tt9000001"), strict=True)
    assert bench.paths() == [
        f"{film(number).title} ({film(number).year}) [imdbid-{imdb_id}].mkv" for number, imdb_id in names
    ]
    found = bench.queues.find(film(0).id)
    assert found
    assert found[1].movie.imdb_id is None


def test_a_shelf_that_is_not_there(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """All wait, it's said once, and when it appears they go there within five minutes."""
    caplog.set_level(logging.INFO)
    bench.finish(0)
    bench.finish(1)
    bench.shelf.rmdir()
    for _ in range(8):
        bench.run()
        bench.clock.advance(300)
    assert bench.shelver.trouble.startswith(f"{_COMPLAINT}The shelf's folder {bench.shelf} doesn't exist.")
    assert [record.levelname for record in caplog.records if _COMPLAINT in record.message] == ["WARNING"]
    bench.shelf.mkdir()
    bench.run()
    assert len(bench.paths()) == 2
    assert bench.shelver.trouble == ""


def test_trouble_ends_with_what_it_was_about(bench: Bench) -> None:
    """When the film that could not be put there is removed, nothing is complained of any more."""
    bench.finish(0)
    bench.shelf.rmdir()
    bench.run()
    assert bench.shelver.trouble
    bench.queues.remove([film(0).slug])
    bench.clock.advance(300)
    bench.run()
    assert bench.shelver.trouble == ""


def test_one_film_s_trouble_is_its_own(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The others go there; it waits longer each time, is said once, and at once if it's asked for again."""
    path = bench.finish(0)
    away = path.rename(path.with_suffix(".away"))
    bench.finish(1)
    bench.run()
    assert len(bench.paths()) == 1
    for _ in range(3):
        bench.clock.advance(59)
        bench.run()
    assert [record.levelname for record in caplog.records if "isn't on the shelf yet" in record.message] == [
        "WARNING"
    ]
    assert bench.shelver.trouble == ""
    away.rename(path)
    bench.run()
    assert len(bench.paths()) == 1
    bench.clock.advance(1)
    assert [movie.id for movie in bench.queues.ask_for_shelf([film(0).slug])] == [film(0).id]
    bench.clock.advance(6)
    bench.run()
    assert len(bench.paths()) == 2


def test_asked_for_all_or_by_name(bench: Bench) -> None:
    """All means those that aren't there; a name means that one, also if it is; one without files is none."""
    bench.finish(0)
    bench.finish(1, name="film.iso")
    bench.queues.add_to_completed(film(2), choice=choice(2))
    bench.queues.add_to_pending(film(3))
    bench.run()
    bench.clock.advance(1)
    assert [movie.id for movie in bench.queues.ask_for_shelf(None)] == [film(1).id]
    assert [movie.id for movie in bench.queues.ask_for_shelf([film(n).slug for n in (0, 2, 3)])] == [
        film(0).id
    ]
    assert bench.shelving(0).is_due
    bench.clock.advance(6)
    bench.run()
    assert len(bench.paths()) == 1
    assert len({(event.info_hash, event.asked) for event in bench.told if isinstance(event, Shelved)}) == 2


def test_a_torrent_that_took_its_place_meanwhile(bench: Bench) -> None:
    """What is written down is of the torrent that was put there."""
    bench.finish(0)
    assert bench.shelver.tick()
    better = choice(0, 1)
    follow = TorrentProgress(
        Stage.DOWNLOADED, bench.clock.now(), path="/nowhere", shelf=Shelving(bench.clock.now())
    )
    assert bench.queues.begin_upgrade(film(0), choice(0), better)
    assert bench.queues.note_upgrade(film(0), better, TorrentProgress(Stage.ADDED, bench.clock.now()))
    bench.queues.note_progress({better.info_hash: follow})
    bench.run()
    assert bench.shelving(0).is_due
    assert len(bench.paths()) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ended_at_once(bench: Bench) -> None:
    """Whatever its process is at, it's ended at once; the next time the film goes there."""
    path = bench.finish(0)
    path.unlink()
    os.mkfifo(path)  # it is read as a folder or a file, and is neither
    assert bench.shelver.tick()
    process = bench.shelver._process
    assert process is not None
    pid = process._process.pid
    bench.shelver.close()
    assert not Path(f"/proc/{pid}").exists()
    assert bench.shelving(0).is_due
    path.unlink()
    path.write_bytes(b"film")
    bench.run()
    assert len(bench.paths()) == 1


def test_all_at_once(bench: Bench) -> None:
    """A command waits until all that can be put there is there."""
    for number in range(3):
        bench.finish(number)
    bench.finish(3).unlink()
    bench.shelver.finish()
    assert len(bench.paths()) == 3
    assert not bench.shelver.tick()


def test_what_is_written_down_is_read_again(bench: Bench) -> None:
    """Also what a hand has changed."""
    bench.finish(0)
    bench.finish(1)
    bench.shelver.finish()
    file = bench.folder / "data" / "queue_completed.json"
    text = file.read_text()
    assert QueueManager(file.parent, clock=bench.clock).find(film(0).id) == bench.queues.find(film(0).id)
    bench.queues = QueueManager(file.parent, clock=bench.clock)
    for broken in ('"shelf": 7', '"shelf": {"at": "x", "path": 5}', '"shelf": []', '"shelf": {}'):
        begin = text.index('"shelf": {')
        file.write_text(text[:begin] + broken + text[text.index("}", begin) + 1 :])
        entries = list(QueueManager(file.parent, clock=bench.clock).entries(QueueName.COMPLETED))
        assert len(entries) == 2


def test_why_a_film_is_not_there_yet_is_kept(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It is written down and said once, also over a restart; the others have their turn meanwhile."""
    path = bench.finish(0)
    bench.finish(1)
    path.unlink()
    for _ in range(3):
        bench.run()
        bench.clock.advance(4000)
        bench.shelver = bench.new()
    assert bench.shelving(0).failed == f"{path} no longer exists."
    assert bench.shelving(0).is_due
    assert len([each for each in caplog.records if "isn't on the shelf yet" in each.message]) == 1
    assert len(bench.paths()) == 1
    path.write_bytes(b"film")
    bench.run()
    assert bench.shelving(0).path
    assert not bench.shelving(0).failed
