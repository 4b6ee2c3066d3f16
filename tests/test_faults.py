"""Each fault of the other side, met by the whole program: it lives, concludes nothing false, and goes on.

The tables are those that the adapters are tested with; here stands what becomes of the films.
"""

import itertools
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import test_services_filelist_faults as tracker_faults
import test_services_letterboxd_faults as letterboxd_faults
import test_services_qbittorrent_answers as qbittorrent_faults
from house.fakes import FakeClock
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, TRACKER_USER, Household
from house.real_qbittorrent import RealQBittorrent, require_qbittorrent
from house.waiting import wait_until
from house.workers import step_when_due
from house.workshop import Workshop
from stand_ins.hurry import HurriedStop
from stand_ins.qbittorrent import ADD, INFO, LOGIN, Answer, QBittorrentStandIn

from movie_sync.credentials.manager import CredentialsManager
from movie_sync.demo import filelist_faults
from movie_sync.demo.filelist_server import API, DOWNLOAD, FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn
from movie_sync.domain.models import QueueName
from movie_sync.errors import (
    AuthError,
    BlockedError,
    MovieSyncError,
    PageChangedError,
    ReleaseError,
    SlowError,
)
from movie_sync.reports.daemon_state import Activity, ActivityKind

_PATIENCE = 30.0  # for what answers, however slow the machine is
_IMPATIENCE = 0.6  # for what never does
_SOME_PATIENCE = 4.0  # where some answers never end, and some do
_WORDS = (
    "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar".split()
)


class HurriedProgram:
    """The program in simulated time, with a watchlist of three pages and a release of each film.

    Each `open` begins with an empty data folder, well stand-ins and the whole list.
    """

    def __init__(self, folder: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn) -> None:
        self.folder = folder
        self.letterboxd = letterboxd
        self.tracker = tracker
        self.clock = FakeClock()
        self._films = list(letterboxd.films)
        self._opened = 0

    def open(self, *, films: int = 14, timeout: float = _PATIENCE, **settings: Any) -> Workshop:
        """Put the program together."""
        self._opened += 1
        self.letterboxd.films = self._films[:films]
        self.letterboxd.fault = None
        self.tracker.always(None, API)
        self.tracker.always(None, DOWNLOAD)
        self.clock = FakeClock()
        secrets = {
            "MOVIE_SYNC_FILELIST_USERNAME": TRACKER_USER,
            "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY,
            "MOVIE_SYNC_QBITTORRENT_USERNAME": "maria",
            "MOVIE_SYNC_QBITTORRENT_PASSWORD": "a-password",
            "MOVIE_SYNC_KEY_FILE": str(self.folder / "credentials.key"),
        }
        settings = {
            "letterboxd": {"base_url": self.letterboxd.url, "request_delay": 0, "timeout": timeout},
            "filelist": {"base_url": self.tracker.url, "calls_per_hour": 10_000, "timeout": timeout},
        } | settings
        return Workshop(
            self.folder / f"data-{self._opened}",
            self.letterboxd,
            self.tracker,
            environ=secrets,
            clock=self.clock,
            stop=HurriedStop(self.clock),
            **settings,
        )


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """A watchlist of fourteen films on three pages."""
    films = [stand_in_film(number) for number in range(14)]
    with LetterboxdStandIn(films, username="someone", page_size=5) as stand_in:
        yield stand_in


@pytest.fixture
def tracker() -> Iterator[FileListStandIn]:
    """A tracker that has them all."""
    releases = [stand_in_release(number) for number in range(15)]
    with FileListStandIn(releases, users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as stand_in:
        yield stand_in


@pytest.fixture
def scene(
    tmp_path: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn, monkeypatch: pytest.MonkeyPatch
) -> HurriedProgram:
    """Return the stand-ins and a folder. That files outlast a power failure is not what is tested here."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    return HurriedProgram(tmp_path, letterboxd, tracker)


def places(shop: Workshop) -> dict[str, QueueName]:
    """Return the queue of each film; fail if one stands twice."""
    found: dict[str, QueueName] = {}
    for name in QueueName:
        for entry in shop.queues.entries(name):
            assert entry.movie.id not in found
            found[entry.movie.id] = name
    return found


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said aloud."""
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


_SLOW = {Delivery.HANG, Delivery.HANG_IN_BODY, Delivery.TRICKLE}
_LIES: dict[str, Callable[[str], str]] = {
    "a count that lies": lambda page: re.sub(r'data-num-entries="\d+"', 'data-num-entries="24"', page),
    "a page that comes back short": lambda page: re.sub(r"<li.*?</li>", "", page, count=1, flags=re.DOTALL),
    "half a page": lambda page: page[: len(page) // 2],
}
LIES = {name: (Fault(edit=edit), None, "Letterboxd|watchlist") for name, edit in _LIES.items()}


def test_a_bad_reading_of_the_watchlist_concludes_nothing(
    scene: HurriedProgram, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault on its second page: queues and memory stay, it is said once, and the next good reading is taken in."""
    for name, (fault, _, words) in {**letterboxd_faults.ANSWERS, **LIES}.items():
        caplog.clear()
        shop = scene.open(timeout=_IMPATIENCE if fault.delivery in _SLOW else _PATIENCE)
        step_when_due(shop.monitor, shop.clock)
        before, memory = places(shop), (shop.data / "watchlist.json").read_bytes()
        assert list(before.values()) == [QueueName.PENDING] * 14
        films = scene.letterboxd.films
        scene.letterboxd.films = [stand_in_film(14), *films[1:6], *films[7:]]
        scene.letterboxd.fault = lambda path, fault=fault: fault if path.endswith("page/2/") else None

        for _ in range(1 if fault.delivery in _SLOW else 2):
            rest = step_when_due(shop.monitor, shop.clock)
            assert re.search(words, rest.activity.detail), name
            assert places(shop) == before, name
            assert (shop.data / "watchlist.json").read_bytes() == memory, name
            scene.clock.advance(rest.seconds)
        assert len(warnings(caplog)) == 1, caplog.text

        scene.letterboxd.fault = None
        step_when_due(shop.monitor, shop.clock)
        assert set(places(shop)) == {*before, stand_in_film(14).lid}, name
        step_when_due(shop.monitor, shop.clock)
        assert set(places(shop)) == {*before, stand_in_film(14).lid} - {films[0].lid, films[6].lid}, name


def test_a_film_page_that_cannot_be_read(scene: HurriedProgram) -> None:
    """A block leaves title and year to search by; anything else puts the film off without counting against it."""
    for name, (fault, kind, words) in letterboxd_faults.ANSWERS.items():
        if name == "private":  # only a list can be
            continue
        shop = scene.open(films=1, timeout=_IMPATIENCE if fault.delivery in _SLOW else _PATIENCE)
        step_when_due(shop.monitor, shop.clock)
        scene.letterboxd.fault = lambda path, fault=fault: fault if "/film/" in path else None
        calls = len(scene.tracker.requests)
        rest = shop.work()
        if kind not in {BlockedError, PageChangedError}:
            (failed,) = shop.queues.entries(QueueName.FAILED)
            assert failed.retry_count == 0, name
            assert re.search(words, failed.error or ""), name
            assert (failed.error or "?") in rest.activity.detail, name
            assert len(scene.tracker.requests) == calls, name
            scene.letterboxd.fault = None
            scene.clock.advance(rest.seconds)
            shop.work()
        assert places(shop) == {stand_in_film(0).lid: QueueName.COMPLETED}, name


def some_of(faults: dict[str, Any], first: int, request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """Yield every second fault, in the long form all: what the adapters make of each is tested with them."""
    return itertools.islice(
        faults.items(), *((0, None) if request.config.getoption("--long") else (first, None, 2))
    )


def test_a_fault_of_the_tracker(
    scene: HurriedProgram, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """An outage counts against no film, refused credentials stop all calls, a broken torrent is its film's failure."""
    for name, (where, fault, kind, words) in some_of(tracker_faults.FAULTS, 0, request):
        caplog.clear()
        shop = scene.open(
            films=3, timeout=_SOME_PATIENCE if fault.manner is filelist_faults.Manner.WHOLE else _IMPATIENCE
        )
        step_when_due(shop.monitor, shop.clock)
        scene.tracker.always(fault, where)
        rest = shop.work()
        check_state(name, shop, kind, words, rest.activity)
        assert len(warnings(caplog)) == (3 if kind is ReleaseError else 1), caplog.text
        calls = len(scene.tracker.requests)
        if kind is AuthError:
            for _ in range(3):
                shop.work()
            assert len(scene.tracker.requests) == calls, "nothing is asked until the credentials change"
            new_credentials(scene, shop)
        scene.tracker.always(None, where)
        finish(name, scene, shop)
        assert len(list((shop.data / "torrents").iterdir())) == 3, name


QBITTORRENT = {str(case.id): case.values for case in qbittorrent_faults.FAULTS}
QBITTORRENT |= {
    "ban": (Answer(403, b"banned"), None, "has banned this machine|refused the request"),
    "redirect": (Answer(302, b"", {"Location": "http://elsewhere.example/"}), None, "redirects to"),
    "JSON of another shape": (Answer(200, b'{"rows": [1, 2]}'), None, "doesn't look like qBittorrent"),
    "nesting bomb": (Answer(200, b"[" * 100_000), None, "doesn't look like qBittorrent"),
}


@pytest.mark.parametrize("path", [INFO, ADD])
def test_a_fault_of_qbittorrent(
    scene: HurriedProgram, path: str, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """While it is looked through or given a torrent: no film is blamed or handed over twice, and it goes on."""
    for name, (answer, kind, words) in some_of(QBITTORRENT, int(path == ADD), request):
        caplog.clear()
        with QBittorrentStandIn() as client:
            shop = scene.open(
                films=3,
                qbittorrent={"url": client.url, "timeout": _IMPATIENCE if kind is SlowError else _PATIENCE},
            )
            step_when_due(shop.monitor, shop.clock)
            client.always[path] = answer
            rest = shop.work()
            check_state(name, shop, MovieSyncError, words, rest.activity)
            assert len(warnings(caplog)) == 1, caplog.text
            client.always.clear()
            client.keeps_torrents = True
            adds = client.seen.count(ADD)
            if path == ADD:  # it had taken the first one, only its answer was lost
                client.rows.append(row_of(stand_in_release(0)))
            finish(name, scene, shop)
            assert {row["hash"] for row in client.rows} == {
                stand_in_release(number).info_hash for number in range(3)
            }
            assert client.seen.count(ADD) - adds == 3 - (path == ADD), name


def test_qbittorrent_takes_torrents_and_never_shows_them(
    scene: HurriedProgram, caplog: pytest.LogCaptureFixture
) -> None:
    """That is an outage: the film waits, is not added again and again, and is completed once it is seen."""
    with QBittorrentStandIn() as client:
        shop = scene.open(films=1, qbittorrent={"url": client.url, "timeout": _PATIENCE})
        step_when_due(shop.monitor, shop.clock)
        for count in (1, 2, 3):
            rest = shop.work()
            assert "doesn't list it" in rest.activity.detail
            assert client.seen.count(ADD) == count
            assert rest.seconds >= 60 * 2 ** (count - 1)
            scene.clock.advance(rest.seconds)
        assert len(warnings(caplog)) == 1
        client.rows.append(row_of(stand_in_release(0)))
        finish("", scene, shop)
        assert client.seen.count(ADD) == 3


def test_qbittorrent_refuses_the_login(scene: HurriedProgram, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried once; the films stay pending, and new credentials are taken up by themselves."""
    with QBittorrentStandIn() as client:
        client.always[LOGIN] = Answer(200, b"Fails.")
        shop = scene.open(films=1, qbittorrent={"url": client.url, "timeout": _PATIENCE})
        step_when_due(shop.monitor, shop.clock)
        for _ in range(5):
            assert shop.work().activity.kind is ActivityKind.REFUSED
        assert client.seen.count(LOGIN) == 1
        assert len(warnings(caplog)) == 1
        assert places(shop) == {stand_in_film(0).lid: QueueName.PENDING}
        client.always.clear()
        new_credentials(scene, shop)
        client.keeps_torrents = True
        finish("", scene, shop)


def check_state(
    name: str, shop: Workshop, kind: type[MovieSyncError], words: str, activity: Activity
) -> None:
    """Fail unless the three films are where such an error leaves them."""
    failed = {entry.movie.id: entry for entry in shop.queues.entries(QueueName.FAILED)}
    assert not shop.queues.entries(QueueName.COMPLETED), name
    assert len(places(shop)) == 3, name
    if kind is AuthError:
        assert not failed, name
        assert activity.kind is ActivityKind.REFUSED, name
        assert re.search(words, activity.detail), name
    elif kind is ReleaseError:
        assert len(failed) == 3, name
        for entry in failed.values():
            assert entry.retry_count == 1, name
            assert re.search(words, entry.error or ""), name
    else:
        assert len(failed) == 1, f"{name}: one film met it, the others were spared"
        (entry,) = failed.values()
        assert entry.retry_count == 0, name
        assert entry.retry_at is not None, name
        assert re.search(words, entry.error or ""), name
        assert re.search(words, activity.detail), name


def new_credentials(scene: HurriedProgram, shop: Workshop) -> None:
    """Let the credentials be written anew, as `setup` does."""
    manager = CredentialsManager(shop.data / "credentials.enc", scene.folder / "credentials.key", {})
    manager.save({"filelist": {"username": TRACKER_USER, "passkey": PASSKEY}})


def row_of(torrent: StandInRelease) -> dict[str, object]:
    """Return what the client says of a torrent that is whole."""
    return {"hash": torrent.info_hash, "name": torrent.name, "state": "stalledUP", "amount_left": 0}


def finish(name: str, scene: HurriedProgram, shop: Workshop) -> None:
    """Let half a day pass; fail unless every film was handed over then."""
    for _ in range(12):
        shop.work()
        scene.clock.advance(3600)
    assert set(places(shop).values()) == {QueueName.COMPLETED}, name


def test_one_daemon_through_a_bad_day(
    tmp_path: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn
) -> None:
    """A real process lives through hanging, endless, reset and refused answers with three threads and no traceback."""
    limits = {"timeout": 0.4, "request_delay": 0, "base_url": letterboxd.url}
    with Household(tmp_path, letterboxd, tracker, check_interval=0.2, letterboxd=limits) as home:
        letterboxd.fault = lambda _path: Fault(delivery=Delivery.HANG)
        daemon = home.start("--log-level", "DEBUG")
        daemon.wait_for("timed out after 0.4 s")
        days: list[tuple[Fault, str]] = [
            (Fault(delivery=Delivery.ENDLESS), "MB, far too much for a page"),
            (Fault(delivery=Delivery.RESET_IN_BODY), "Letterboxd dropped the connection"),
            (Fault.challenge(), "blocks automated access"),
            (Fault.redirect("http://localhost:9/elsewhere/"), "redirects to another address"),
            (Fault.private(), "is private"),
            (Fault(200, "<div>" * 100_000), "no browser"),
        ]
        for fault, words in days:
            letterboxd.fault = lambda _path, fault=fault: fault
            daemon.wait_for(words)
        assert (home.queue("pending"), home.queue("failed"), home.queue("completed")) == ([], [], [])
        tracker.always(filelist_faults.RESET)
        letterboxd.fault = None
        daemon.wait_for("FileList dropped the connection")
        assert daemon.process.poll() is None
        status = Path(f"/proc/{daemon.process.pid}/status")
        assert not status.exists() or "Threads:\t3\n" in status.read_text()
        wait_until(lambda: bool(home.queue("failed")))  # it is said a moment before it is written
        assert len(home.queue("failed")) == 1
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.output
        assert "unforeseen" not in daemon.output
        tracker.always(None)
        assert home.run("retry", "--all").returncode == 0
        assert home.run("--once").returncode == 0
        assert len(home.queue("completed")) == 14


def test_qbittorrent_goes_away_and_comes_back(
    tmp_path: Path, letterboxd: LetterboxdStandIn, tracker: FileListStandIn
) -> None:
    """A real one that is stopped in the middle of the work gets every film once, over two runs."""
    command = require_qbittorrent()
    with (
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, tracker, client=client) as home,
    ):
        tracker.script(*[None] * 5, filelist_faults.slow(2.5))
        daemon = home.start()
        wait_until(lambda: len(home.queue("completed")) >= 4)
        client.stop()
        daemon.wait_for("couldn't be reached")
        daemon.interrupt(signal.SIGTERM)
        assert daemon.wait() == 0
        assert all(entry["retry_count"] == 0 for entry in home.queue("failed"))
        client.start()
        home.run("retry", "--all")
        answer = home.run("--once")
        assert answer.returncode == 0, answer.stderr
        assert len(home.queue("completed")) == 14
        assert {entry["reason"] for entry in home.queue("completed")} == {"downloaded"}
