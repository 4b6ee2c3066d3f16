"""One film after the other is put on the shelf, by a process apart: what goes wrong holds up nothing else."""

import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from house.fakes import FakeClock
from house.file_systems import in_memory, lacking, mounted, skip_unless
from house.films import choice, film
from house.waiting import wait_until

from movie_sync.child_process import Ended, Process
from movie_sync.domain.events import Event, Shelved
from movie_sync.domain.models import QueueName
from movie_sync.domain.shelf_plan import Left
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import Shelving, Stage, TorrentProgress
from movie_sync.reports.needs import needs
from movie_sync.shelf.order import key_of
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.shelf.shelver import Shelver

OWNER = "0123456789abcdef"
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

    def new(self, environ: Mapping[str, str] = os.environ, **changes: Any) -> Shelver:
        """Return another one, as after a restart."""
        settings = replace(ShelfSettings(), folder=str(self.shelf), **changes)
        return Shelver(
            self.queues, settings, self.clock, here=str, environ=environ, tell=self.told.append,
            owner=lambda: OWNER,
        )  # fmt: skip

    def finish(
        self, number: int, *, content: bytes = b"film", name: str = "film.mkv", told: str = "", **own: Any
    ) -> Path:
        """Let a film's torrent be whole, and return its file."""
        path = Path(os.path.normpath(self.folder / "downloads" / f"{number}" / name))
        path.parent.mkdir(parents=True, exist_ok=True)
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

    def begin(self, *, at: str) -> Process:
        """Tick until the process says that it is at this, and return it."""

        def is_at() -> bool:
            process = self.shelver._process
            return bool(self.shelver.tick() and process and f"share of {at} ".encode() in process._lines)

        wait_until(is_at)
        assert self.shelver._process
        return self.shelver._process

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


def test_trouble_ends_with_the_shelf_s(bench: Bench) -> None:
    """Once the shelf is there it isn't blamed for a film whose files are gone."""
    bench.finish(0).unlink()
    bench.shelf.rmdir()
    bench.run()
    assert bench.shelver.trouble
    bench.shelf.mkdir()
    bench.clock.advance(300)
    bench.run()
    assert bench.shelver.trouble == ""
    assert bench.shelving(0).failed


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


def test_its_process_is_killed(bench: Bench) -> None:
    """As by a system that is short of memory: it's said, and the film goes there after a minute."""
    bench.finish(0)
    assert bench.shelver.tick()
    process = bench.shelver._process
    assert process is not None
    os.kill(process._process.pid, signal.SIGKILL)
    bench.run()
    assert bench.shelving(0).failed == "The process that fills the shelf exited with code -9."
    assert not bench.paths()
    bench.clock.advance(61)
    bench.run()
    assert len(bench.paths()) == 1
    assert not bench.shelving(0).failed


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


# --- disks that do not answer ---------------------------------------------------------------


def test_a_share_that_never_answers(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Films of one folder wait together after ten minutes, said once; the others have their turn."""
    dead = bench.folder / "dead"
    for number in range(3):
        bench.finish(number, name=f"../../dead/films/{number}.mkv")
    bench.finish(3)
    bench.shelver = bench.new(os.environ | lacking(dead, "silent", bench.folder))
    bench.begin(at=f"{dead / 'films'}")
    bench.clock.advance(599)
    assert bench.shelver.tick()
    bench.clock.advance(2)
    bench.run()
    assert len(bench.paths()) == 1
    why = f"The disk or network share of {dead / 'films'} doesn't answer. Check it, and mount it again"
    assert [each.message for each in caplog.records if why in each.message] == [
        f"{why} if need be. Films waiting for the shelf: 4."
    ]
    assert bench.shelving(0).failed.startswith(why)
    assert bench.shelver.trouble == ""
    assert bench.shelver.stuck == {}
    bench.shelver = bench.new()
    bench.run()
    assert len(bench.paths()) == 4


def test_a_shelf_that_never_answers(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A process that can't even be killed keeps nobody waiting, and there is no second one beside it."""
    skip_unless("fsfreeze")
    with mounted("ext4", bench.folder, 256 << 20) as disk:
        bench.shelf = disk.folder
        bench.finish(0)
        bench.shelver = bench.new(how="copy")
        disk.freeze()
        try:
            process = bench.begin(at=f"{bench.shelf} (or of {bench.folder / 'downloads/0'})")
            state = Path(f"/proc/{process._process.pid}/stat")
            wait_until(lambda: ") D " in state.read_text())
            for _ in range(5):
                bench.clock.advance(601)
                assert not bench.shelver.tick()
            assert not process.has_ended
            assert list(bench.shelver.stuck.values()) == [process]
            assert f"The disk or network share of {bench.shelf} (or of " in bench.shelver.trouble
            assert len([each for each in caplog.records if _COMPLAINT in each.message]) == 1
            another = bench.new(how="copy")
            another.stuck = bench.shelver.stuck
            assert not another.tick()
            bench.shelver.close()
        finally:
            disk.freeze(is_frozen=False)
        wait_until(lambda: process.has_ended)
        bench.clock.advance(601)
        bench.run()
        assert bench.shelver.trouble == ""
        assert len(bench.paths()) == 1


def test_what_moves_on_does_not_hang(bench: Bench) -> None:
    """Each line that a process of ours writes begins its time anew; the last one is its answer."""
    words = ["sh", "-c", "while read line; do echo $line; done; sleep 99"]
    process = Process(words, b"one\n" * 3, environ=os.environ, clock=bench.clock, is_ours=True)
    wait_until(lambda: process.poll() is None and process._lines.count(b"one") == 1)
    for _ in range(3):
        bench.clock.advance(59)
        assert process.poll() is None
        process._ends_at = bench.clock.monotonic() + 60
    bench.clock.advance(61)
    assert process.poll() == Ended(None, "one")
    assert process.has_ended


# --- what is the same for many films --------------------------------------------------------


def test_two_file_systems(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """It's said once, with how many films wait, and tried with one of them; what is there is left alone."""
    with in_memory(bench.folder / "elsewhere") as elsewhere:
        bench.shelf = elsewhere
        for number in range(6):
            bench.finish(number, name=f"../{number}.mkv")
        bench.shelver = bench.new()
        there = elsewhere / f"{film(5).title} ({film(5).year}) [imdbid-{film(5).imdb_id}]"
        there.mkdir()
        shutil.copy(bench.folder / "downloads/5.mkv", there / f"{there.name}.mkv")
        bench.run()
        assert bench.shelving(5).path
        (line,) = [each.message for each in caplog.records]
        assert line.startswith(f"Films in {bench.folder / 'downloads'} can't be hard-linked into {elsewhere}")
        assert line.endswith("Films waiting for the shelf: 6.")
        (need,) = needs({name: bench.queues.entries(name) for name in QueueName}, None, [])
        assert "and 2 more. Films in " in need.why
        tried: list[str] = []
        bench.shelver = bench.new()
        bench.shelver.report = lambda movie, _outcome: tried.append(movie.id)
        for _ in range(3):
            bench.run()
            bench.clock.advance(60)
        assert len(tried) == 5 + 1, "again, one for all of them"
        assert bench.queues.ask_for_shelf([film(5).id])
        bench.clock.advance(6)
        bench.run()
        assert bench.shelving(5).path, "it has its turn all the same"


# --- what was there before ------------------------------------------------------------------


def test_the_place_is_known_until_there_is_a_new_one(bench: Bench) -> None:
    """Asked for again and rejected before its turn, the film's name on the shelf isn't forgotten."""
    path = bench.finish(0)
    bench.run()
    before = bench.shelving(0).path
    assert bench.queues.ask_for_shelf([film(0).id])
    bench.queues = QueueManager(bench.folder / "data", clock=bench.clock)
    assert bench.shelving(0).is_due
    found = bench.queues.find(film(0).id)
    assert found
    (old,) = found[1].as_replaced("rejected")
    assert old.shelf_name == Path(before).name
    bench.shelver = bench.new()
    away = path.rename(path.with_suffix(".away"))
    bench.run()
    assert bench.shelving(0).failed
    assert bench.shelving(0).last_path == before
    away.rename(path)
    bench.clock.advance(61)
    bench.run()
    assert bench.shelving(0) == replace(bench.shelving(0), path=before, earlier="", failed="")


# --- halves of copies -----------------------------------------------------------------------


def test_halves_of_copies_that_nobody_will_go_on_with(bench: Bench) -> None:
    """They go with the next film; those of films that are still due stay, and those of another data folder."""
    folder = bench.shelf / "Gone (1999)"
    (folder / "trailers").mkdir(parents=True)
    due, gone = key_of(choice(1).info_hash), key_of(choice(7).info_hash)
    names = [
        f".movie-sync-{OWNER}-{gone}-{'0' * 16}.part",
        f"trailers/.movie-sync-{OWNER}-{gone}-{'1' * 16}.part",
        f".movie-sync-{OWNER}-{due}-{'0' * 16}.part",
        f".movie-sync-{'f' * 16}-{gone}-{'0' * 16}.part",
        ".movie-sync-mine.part",
    ]
    for name in names:
        (folder / name).touch()
    bench.finish(0)
    bench.finish(1).unlink()
    bench.run()
    assert len(bench.paths()) == 1
    assert {each for each in names if (folder / each).exists()} == set(names[2:])
