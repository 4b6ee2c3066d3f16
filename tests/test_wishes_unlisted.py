"""Films that leave the watchlist: remembered for a month, tagged in the client if that is wanted, never deleted."""

import json
import logging
import os
import threading
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import film, hash_of, on_filelist
from house.wishes import IntakeBench
from house.workers import Bench

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context, Options
from movie_sync.domain.models import Choice, HeldTorrent, Movie, QueueName, WatchlistSnapshot
from movie_sync.errors import AuthError, NetworkError, SlowError, StorageError
from movie_sync.following.tagger import TAG, UnlistedTagger
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.releases import FailedRelease
from movie_sync.settings.config import Config
from movie_sync.storage.paths import AppPaths
from movie_sync.wishes.unlisted_store import UnlistedFilm, UnlistedStore

_DAY_SECONDS = 86_400


@pytest.fixture
def desk(tmp_path: Path) -> IntakeBench:
    """Three films on the list, two of them handed over."""
    desk = IntakeBench(tmp_path, tags=True)
    desk.take(1, 2, 3)
    desk.complete(1)
    desk.complete(2)
    return desk


def test_two_complete_checks_are_needed(desk: IntakeBench) -> None:
    """A film that one check missed is not remembered as gone; after the second it is, and is tagged."""
    desk.take(2)
    assert desk.unlisted() == []
    assert desk.tagger.seconds_to_next() is None
    desk.take(2)
    assert desk.unlisted() == ["K1", "K3"]
    assert [each.info_hashes for each in desk.unlisted_store.films()] == [(hash_of(1),), ()]
    assert desk.tagged() == [hash_of(1)]
    assert [each.tagged for each in desk.unlisted_store.films()] == [True, False]
    assert desk.client.held.keys() == {hash_of(1), hash_of(2)}  # nothing is ever deleted


def test_a_film_listed_again_loses_the_tag(desk: IntakeBench) -> None:
    """Also if it was tagged by an earlier process, and also long after it is no longer shown."""
    desk.take_twice(2)
    assert desk.tagged() == [hash_of(1)]
    desk.start()
    desk.clock.advance(60 * _DAY_SECONDS)
    desk.take(2, 1)
    assert desk.unlisted() == []
    assert desk.tagged() == []
    assert desk.unlisted_store.films() == []


def test_back_before_it_was_tagged(desk: IntakeBench) -> None:
    """A film that leaves and comes back while the client is away ends without the tag, and the other way round."""
    desk.take_twice(2, 3)
    desk.take(1, 2, 3)
    assert desk.tagged() == []
    desk.complete(1)  # queued anew, it is found in the client
    desk.take_twice(2, 3)
    assert desk.tagged() == [hash_of(1)]
    desk.take(1, 2, 3)
    desk.take_twice(2, 3)
    assert desk.tagged() == [hash_of(1)]
    assert desk.unlisted() == ["K1"]


def test_changed_while_the_client_answers(desk: IntakeBench) -> None:
    """What comes in between the client's answer and the note of it is done in the next round."""
    desk.take_twice(2, 3)
    tag = desk.client.tag

    def tag_and_list_again(*args: object) -> None:
        tag(*args)  # type: ignore[arg-type]
        desk.client.tag = tag  # type: ignore[method-assign]
        desk.take(1, 2, 3)

    desk.client.tag = tag_and_list_again  # type: ignore[method-assign, assignment]
    desk.tagger.work(desk.client)
    assert desk.client.held[hash_of(1)].tags == (TAG,)
    assert desk.tagged() == []


def test_releases_that_were_given_up_count(desk: IntakeBench) -> None:
    """All torrents of a film that left are tagged, also one that runs on beside its successor."""
    desk.queues.give_up(film(1), FailedRelease(Choice("Release 1", on_filelist(1), hash_of(1)), "stalled"))
    desk.client.held[hash_of(9)] = HeldTorrent(hash_of(9), "Release 9")
    desk.queues.add_to_completed(film(1), choice=Choice("Release 9", on_filelist(9), hash_of(9)))
    desk.take_twice(2, 3)
    assert desk.tagged() == [hash_of(1), hash_of(9)]


def test_a_month(desk: IntakeBench) -> None:
    """After 31 days a film goes with the next change, but not before its torrent has the tag."""
    desk.take_twice(2, 3)
    desk.clock.advance(32 * _DAY_SECONDS)
    desk.take_twice(2)
    assert desk.unlisted() == ["K3", "K1"]
    assert desk.tagged() == [hash_of(1)]
    assert desk.unlisted() == ["K3"]


def test_without_tags(tmp_path: Path) -> None:
    """With `keep` nothing waits for a tag: films are remembered for a month and go when they are listed again."""
    desk = IntakeBench(tmp_path, tags=False)
    desk.take(1, 2, 3)
    desk.complete(1)
    desk.take_twice(2)
    assert (desk.unlisted(), desk.tagger.seconds_to_next()) == (["K1", "K3"], None)
    desk.take(2, 3)
    assert [each.movie.id for each in desk.unlisted_store.films()] == ["K1"]
    desk.clock.advance(32 * _DAY_SECONDS)
    desk.take_twice(3)
    assert desk.unlisted() == ["K2"]


def test_an_export_tells_of_no_removal(desk: IntakeBench) -> None:
    """An imported file that lacks a film lets it stay; one that names it again brings it back."""
    desk.intake.take_export(WatchlistSnapshot("maria", (film(2),)))
    desk.intake.take_export(WatchlistSnapshot("maria", (film(2),)))
    assert desk.unlisted() == []
    desk.take_twice(2)
    desk.tagged()
    desk.intake.take_export(WatchlistSnapshot("maria", (film(1),)))
    assert (desk.unlisted(), desk.tagged()) == (["K3"], [])


def test_no_crash_loses_it(tmp_path: Path) -> None:
    """Wherever the process dies while films leave or come back, the repeated reading notes it in full."""
    for numbers, expected in (((2, 3), ["K1"]), ((1, 2, 3), [])):
        for point in range(100):
            folder = tmp_path / f"{len(numbers)}-{point}"
            folder.mkdir()
            desk = IntakeBench(folder, tags=True)
            desk.take(1, 2, 3)
            desk.complete(1)
            for _ in range(2 if expected == [] else 1):
                desk.take(2, 3)
            desk.tagged()
            if not _dies_at_write(desk, numbers, point):
                assert point > 1
                break
            desk.start()
            desk.take(*numbers)
            assert desk.unlisted() == expected
            assert desk.tagged() == ([hash_of(1)] if expected else [])
        else:
            pytest.fail("the reading never ends")


def _dies_at_write(desk: IntakeBench, numbers: tuple[int, ...], point: int) -> bool:
    """Take a reading in that is cut off at one of its renames; False if it has fewer."""
    count = 0

    def replace(source: Path, target: Path) -> None:
        nonlocal count
        if count == point:
            raise KeyboardInterrupt
        count += 1
        rename(source, target)

    rename = os.replace
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "replace", replace)
        try:
            desk.take(*numbers)
        except KeyboardInterrupt:
            return True
    return False


# --- the file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{}", b"[" * 99_999, b'[7, {"title": "nobody"}]'], ids=str
)
def test_damage(desk: IntakeBench, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A file that cannot be read is put aside at the next write and said once; it costs no film in a queue."""
    path = desk.folder / "unlisted.json"
    path.write_bytes(content)
    desk.start()
    assert desk.unlisted() == []
    desk.take_twice(2, 3)
    assert desk.unlisted() == ["K1"]
    (aside,) = desk.folder.glob("unlisted.json.damaged-*")
    assert aside.read_bytes() == content
    assert caplog.text.count("was damaged") == 1
    assert desk.tagged() == [hash_of(1)]


def test_entries_that_are_no_films_are_left_out(desk: IntakeBench) -> None:
    """The good ones count; odd values in them are mended."""
    (desk.folder / "unlisted.json").write_text(
        json.dumps([7, {"slug": "heat-1995", "left_at": "soon", "info_hashes": [3], "tagged": "yes"}])
    )
    assert desk.unlisted_store.films() == [
        UnlistedFilm(Movie("heat-1995", "heat-1995", "heat-1995"), desk.clock.now())
    ]


def test_looking_and_dry_runs_write_nothing(tmp_path: Path) -> None:
    """A store that is not to write leaves the folder as it is."""
    store = UnlistedStore(tmp_path / "unlisted.json", FakeClock(), tags=True, writable=False)
    store.note([film(1)], lambda _movie: (hash_of(1),))
    assert list(tmp_path.iterdir()) == []
    assert not store.awaits_tag()


def test_a_full_disk_changes_nothing(desk: IntakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it cannot be noted that films left, the reading is taken in again and they stay in their queues."""
    desk.take(2)

    def full(*_: object, **__: object) -> None:
        raise StorageError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("movie_sync.storage.document.write_atomically", full)
        with pytest.raises(StorageError):
            desk.take(2)
    assert desk.queues.get_statistics()["pending"] == 1
    desk.take(2)
    assert desk.unlisted() == ["K1", "K3"]


# --- in the download worker -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "rest_seconds", "tries"),
    [
        (NetworkError("no answer"), 30, 3),  # at once, and every half minute
        (SlowError("no answer"), 60, 2),  # at once, after one minute, and after two more
    ],
)
def test_the_worker_tags(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: NetworkError, rest_seconds: int, tries: int
) -> None:
    """It is done between films; an outage is said once, and what costs a long wait tried less and less."""
    bench = Bench(tmp_path)
    store = UnlistedStore(tmp_path / "unlisted.json", bench.clock, tags=True)
    bench.tagger = UnlistedTagger(store)
    bench.start()
    bench.client.held[hash_of(1)] = HeldTorrent(hash_of(1), "x")
    bench.worker.step()
    store.note([film(1)], lambda _movie: (hash_of(1),))
    bench.client.error = error
    rests = []
    for _ in range(3):
        rest = bench.worker.step()
        assert rest is not None
        rests.append(rest.seconds)
        bench.clock.advance(rest.seconds)
    assert rests == [rest_seconds] * 3
    assert bench.journal.count("tag") == tries
    assert caplog.text.count("unlisted films yet: no answer") == 1
    bench.client.error = None
    bench.clock.advance(60)
    caplog.set_level(logging.INFO)
    bench.worker.step()
    assert bench.client.held[hash_of(1)].tags == (TAG,)
    assert "Working again" in caplog.text
    assert bench.worker.step() is not None
    assert bench.journal.count("tag") == tries + 1


def test_films_go_on_while_tagging_fails(tmp_path: Path) -> None:
    """A client that refuses the tag gets the next film all the same."""
    bench = Bench(tmp_path)
    store = UnlistedStore(tmp_path / "unlisted.json", bench.clock, tags=True)
    store.note([film(1)], lambda _movie: (hash_of(1),))
    bench.tagger = UnlistedTagger(store)
    bench.start()
    bench.client.tag = _refuse  # type: ignore[method-assign]
    bench.queues.add_all_to_pending([film(0)])
    bench.offer(film(0))
    assert bench.worker.step() is None
    assert bench.only(QueueName.COMPLETED).movie == film(0)


def _refuse(*_: object) -> None:
    raise AuthError("no", service="qBittorrent")


@pytest.mark.parametrize(
    ("settings", "tags"),
    [
        ({}, False),
        ({"unlisted": "keep"}, False),
        ({"unlisted": "tag"}, True),
        ({"unlisted": "tag", "qbittorrent": {"enabled": False}}, False),
    ],
)
def test_only_where_it_is_wanted(
    tmp_path: Path, settings: dict[str, object], tags: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon tags with `unlisted: "tag"` and qBittorrent alone; a watch folder knows no tags."""
    paths = AppPaths(tmp_path / "data")
    paths.prepare()
    paths.config.write_text(json.dumps({"username": "maria"} | settings))
    environ = {"HOME": str(tmp_path / "home")}
    context = Context(paths, Config.load(paths.config, environ=environ), Options(), {}, environ, FakeClock())
    services = Services(context, stop=threading.Event())
    UnlistedStore(paths.unlisted, FakeClock(), tags=True).note([film(1)], lambda _movie: (hash_of(1),))
    worker = services.download_worker(QueueManager(paths.root), lambda _event: None)
    worker.step()  # without credentials
    assert ("Couldn't tag" in caplog.text) is tags
    assert bool(worker.client_trouble) is tags
