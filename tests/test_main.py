"""End to end: the program as its own process, real sockets, a real qBittorrent, real signals."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import qbittorrentapi
from house.films import stand_in_film, stand_in_release
from house.program import PASSKEY, PROGRAM, TRACKER_USER, Household
from house.real_qbittorrent import RealQBittorrent, require_qbittorrent
from house.waiting import wait_until
from stand_ins.tracker import Tracker, copy_of, seed

from movie_sync.demo import filelist_faults
from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease
from movie_sync.demo.letterboxd_server import Delivery, Fault, LetterboxdStandIn

pytestmark = pytest.mark.waits

_SMALL_SIZES = {"2160p": [0, 4000], "1080p": [0, 4000], "720p": [0, 4000], "sd": [0, 4000]}


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """Letterboxd with no films yet."""
    with LetterboxdStandIn(username="maria") as stand_in:
        yield stand_in


@pytest.fixture
def filelist() -> Iterator[FileListStandIn]:
    """The tracker with no releases yet."""
    with FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as stand_in:
        yield stand_in


@pytest.fixture
def home(tmp_path: Path, letterboxd: LetterboxdStandIn, filelist: FileListStandIn) -> Iterator[Household]:
    """A household that uses the watch folder."""
    with Household(tmp_path, letterboxd, filelist) as household:
        yield household


def _fill(letterboxd: LetterboxdStandIn, filelist: FileListStandIn, count: int) -> None:
    letterboxd.films = [stand_in_film(number) for number in range(count)]
    filelist.releases = [stand_in_release(film) for number, film in enumerate(letterboxd.films)]


def test_sixty_films_reach_a_real_qbittorrent(
    tmp_path: Path, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """A watchlist of three pages is handed over whole, and a seeded film arrives with identical bytes."""
    command = require_qbittorrent()
    _fill(letterboxd, filelist, 60)
    content = os.urandom(300_000)
    filelist.releases[7].content = content
    (tmp_path / "seeder").mkdir()
    (tmp_path / "home").mkdir()
    with (
        Tracker(passkey=PASSKEY) as swarm,
        RealQBittorrent(tmp_path / "seeder", command) as seeder,
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(
            tmp_path / "home",
            letterboxd,
            filelist,
            client=client,
            quality={"size_mb_per_minute": _SMALL_SIZES},
        ) as home,
    ):
        filelist.announce = swarm.announce_url.replace(PASSKEY, "{passkey}")
        seeded = filelist.releases[7]
        seed(seeder, [(filelist.torrent_for(seeded, PASSKEY), seeded.file_name, content)])
        answer = home.run("--once")
        assert answer.returncode == 0, answer.stderr
        with qbittorrentapi.Client(
            host=client.url, username=client.username, password=client.password
        ) as web:
            held = {torrent.hash: torrent for torrent in web.torrents_info()}
        assert set(held) == {release.info_hash for release in filelist.releases}
        assert {torrent.category for torrent in held.values()} == {"Movies"}
        assert {torrent.tags for torrent in held.values()} == {"movie_sync"}
        assert len(home.queue("completed")) == 60
        assert home.queue("pending") == home.queue("failed") == []
        assert {entry["info_hash"] for entry in home.queue("completed")} == set(held)

        def has_arrived() -> bool:
            return copy_of(client.downloads, seeded.file_name) == content

        wait_until(has_arrived)
        assert len([path for path in letterboxd.paths if "/watchlist/" in path]) == 3


_OPEN_FILMS = 8


class _GrowingList:
    """A watchlist that always has work left: some films can be had, some only later."""

    def __init__(self, home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn) -> None:
        self._home = home
        self._letterboxd = letterboxd
        self._filelist = filelist
        self._late: list[StandInRelease] = []
        self.count = 0

    def ids(self, *queues: str) -> set[str]:
        """Return the films of these queues as their files stand."""
        return {entry["id"] for name in queues for entry in self._home.queue(name)}

    def add_films(self) -> None:
        """Let what was late appear, and list films until enough of them can be had."""
        self._filelist.releases += self._late
        self._late = []
        completed = self.ids("completed")
        unsettled = [film for film in self._letterboxd.films if film.lid not in completed]
        new = []
        for number in range(self.count, self.count + _OPEN_FILMS - len(unsettled)):
            film = stand_in_film(number)
            is_late = number % 4 == 1
            (self._late if is_late else self._filelist.releases).append(stand_in_release(film))
            new.append(film)
        self.count += len(new)
        # A list of many pages would leave no time for the films: what is completed goes from it.
        done = [film for film in self._letterboxd.films if film.lid in completed]
        self._letterboxd.films = [*reversed(new), *unsettled, *done[:_OPEN_FILMS]]

    def let_all_appear(self) -> None:
        """Put on the tracker what is not there yet."""
        self._filelist.releases += self._late
        self._late = []

    def requests(self) -> int:
        """Return how often the daemon has asked either site."""
        return len(self._letterboxd.requests) + len(self._filelist.requests)

    def has_work_left(self) -> bool:
        """Tell whether a film on the list has come to no outcome."""
        settled = self.ids("completed", "failed")
        return any(film.lid not in settled for film in self._letterboxd.films)


def _kill_at_work(home: Household, wishes: _GrowingList, number: int) -> None:
    """Start the daemon and kill it a few requests and milliseconds later, without a pattern."""
    asked = wishes.requests() + 1 + number * 7 % 17
    daemon = home.start()

    def is_at_work() -> bool:
        return wishes.requests() >= asked

    wait_until(is_at_work)
    ends_at = time.monotonic() + number * 37 % 50 / 1000

    def is_time() -> bool:
        return time.monotonic() >= ends_at

    wait_until(is_time, 5)
    daemon.process.kill()
    daemon.wait()


@pytest.mark.kills
def test_killed_again_and_again(
    tmp_path: Path,
    letterboxd: LetterboxdStandIn,
    filelist: FileListStandIn,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """`kill -9` in the middle of work loses no film and hands no torrent over twice, however often."""
    command = require_qbittorrent()
    kills = request.config.getoption("--kills")
    met_work = 0
    with (
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, filelist, client=client) as home,
    ):
        wishes = _GrowingList(home, letterboxd, filelist)
        known: set[str] = set()
        for number in range(kills):
            wishes.add_films()
            _kill_at_work(home, wishes, number)
            met_work += wishes.has_work_left()
            found = wishes.ids("pending", "failed", "completed")
            assert known <= found
            known = found
        wishes.let_all_appear()
        home.run("retry", "--all")
        answer = home.run("--once", seconds=300)
        assert answer.returncode == 0, answer.stderr
        assert home.queue("pending") == home.queue("failed") == []
        completed = [entry["id"] for entry in home.queue("completed")]
        assert sorted(completed) == sorted(stand_in_film(number).lid for number in range(wishes.count))
        with qbittorrentapi.Client(
            host=client.url, username=client.username, password=client.password
        ) as web:
            held = [torrent.hash for torrent in web.torrents_info()]
        assert sorted(held) == sorted(release.info_hash for release in filelist.releases)
        assert len(held) == wishes.count
        assert {entry["stage"] for entry in home.queue("completed")} <= {"added", "downloading"}
        assert "already downloaded" not in {entry["reason"] for entry in home.queue("completed")}
    assert not list(home.data.rglob("*.tmp"))
    record_property("measured", f"{kills} kills, {met_work} of them at work, over {wishes.count} films")
    assert kills - met_work <= max(2, kills // 10), "too many met it idle to show anything"


def test_what_the_daemon_writes_is_for_its_owner_alone(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """Files have mode 0600, folders 0700, and no output or file but the torrents holds the passkey."""
    _fill(letterboxd, filelist, 3)
    answer = home.run("--once", "--log-level", "DEBUG")
    assert answer.returncode == 0, answer.stderr
    texts = [answer.stdout, answer.stderr]
    for path in [home.data, *home.data.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
        if path.is_file() and path.suffix != ".torrent":
            texts.append(path.read_text())
    assert not [text for text in texts if PASSKEY in text]


def test_ctrl_c_while_idle(home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn) -> None:
    """SIGINT ends an idle daemon in order, with exit code 0 and the final statistics."""
    _fill(letterboxd, filelist, 2)
    daemon = home.start()
    wait_until(lambda: len(home.queue("completed")) == 2)
    assert daemon.stop() == 0
    assert "Final statistics: 0 pending, 0 failed (0 given up), 2 completed." in daemon.output
    assert not (home.data / "daemon.json").exists()


@pytest.mark.parametrize("where", ["watchlist", "tracker"])
def test_sigterm_in_a_hanging_request(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn, where: str
) -> None:
    """SIGTERM ends a daemon that waits for an answer, in order; the film in hand stays pending."""
    _fill(letterboxd, filelist, 1)
    if where == "watchlist":
        letterboxd.fault = lambda _path: Fault(delivery=Delivery.HANG)
    else:
        filelist.always(filelist_faults.Fault(manner=filelist_faults.Manner.HANG))
    daemon = home.start()
    wait_until(lambda: bool(letterboxd.requests if where == "watchlist" else filelist.requests))
    daemon.interrupt(signal.SIGTERM)
    assert daemon.wait(10) == 0
    assert len(home.queue("pending")) == (0 if where == "watchlist" else 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_at_once(tmp_path: Path, number: int, code: int) -> None:
    """A second signal cuts the shutdown short, with the shell's usual exit code."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, sys\n"
        "from movie_sync.daemon.app import Signals\n"
        "signals = Signals()\n"
        "with signals.handled():\n"
        "    print('ready', flush=True)\n"
        "    while signals.received is None: signals.wait(1)\n"
        "    print('first', flush=True)\n"
        "    while True: signals.wait(1)\n"
    )
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    with subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "first\n"
        process.send_signal(number)
        assert process.wait(10) == code


def test_a_deleted_lock_lets_no_second_daemon_in(home: Household, letterboxd: LetterboxdStandIn) -> None:
    """The folder itself is held: the second one names the first, and commands still reach that one."""
    letterboxd.other_films = [stand_in_film(1)]
    daemon = home.start()
    daemon.wait_for("Queues:")
    wait_until((home.data / "daemon.json").exists)
    (home.data / "daemon.lock").unlink()
    second = home.run("--once")
    assert second.returncode == 3
    assert f"(process {daemon.process.pid})" in second.stderr
    assert json.loads(home.run("status", "--json").stdout)["daemon"] == daemon.process.pid
    assert home.run("add", stand_in_film(1).slug).returncode == 0
    assert daemon.stop() == 0
    assert "added by command" in daemon.output


def test_two_daemons_on_one_folder(home: Household, letterboxd: LetterboxdStandIn) -> None:
    """The second one says whose folder it is and ends with exit code 3."""
    daemon = home.start()
    wait_until(lambda: (home.data / "daemon.json").exists() and bool(letterboxd.requests))
    answer = home.run()
    assert answer.returncode == 3
    assert str(daemon.process.pid) in answer.stderr
    assert json.loads(home.run("status", "--json").stdout)["daemon"] == daemon.process.pid
    assert daemon.stop() == 0
    assert json.loads(home.run("status", "--json").stdout)["daemon"] is None


def test_commands_beside_a_running_daemon(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """add, retry and remove reach the daemon; none of it is lost."""
    _fill(letterboxd, filelist, 3)
    late = stand_in_film(50)
    letterboxd.other_films = [late]
    filelist.releases = [stand_in_release(late)]
    home.write_settings(retry_interval=3600)
    daemon = home.start()
    wait_until(lambda: len(home.queue("failed")) == 3)
    filelist.releases += [stand_in_release(film) for number, film in enumerate(letterboxd.films)]
    assert home.run("remove", letterboxd.films[0].slug).returncode == 0
    assert home.run("retry", letterboxd.films[1].slug).returncode == 0
    assert home.run("add", late.slug).returncode == 0
    wait_until(lambda: len(home.queue("completed")) == 2)
    assert set(home.titles("completed")) == {letterboxd.films[1].title, late.title}
    assert home.titles("failed") == [letterboxd.films[2].title]
    assert daemon.stop() == 0


def test_commands_without_a_daemon(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """The same commands edit the queues themselves; a removed film stays out until it is added."""
    _fill(letterboxd, filelist, 2)
    first, second = letterboxd.films
    assert home.run("add", first.slug, letterboxd.url + f"/film/{second.slug}/").returncode == 0
    assert len(home.queue("pending")) == 2
    assert home.run("remove", first.slug).returncode == 0
    assert home.run("--once").returncode == 0
    assert home.titles("completed") == [second.title]
    assert home.run("retry", "no-such-film").returncode == 1
    assert home.run("add", first.slug).returncode == 0
    assert home.run("--once").returncode == 0
    assert set(home.titles("completed")) == {first.title, second.title}


def test_once_tells_by_its_exit_code(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """0 where only a release is missing, 1 for an unreadable list or another failure, 2 for refused credentials."""
    letterboxd.films = [stand_in_film(1)]
    assert home.run("--once").returncode == 0
    assert home.queue("failed")[0]["retry_at"]
    home.run("retry", "--all")
    filelist.always(filelist_faults.error(503, "Service unavailable at the moment!"))
    answer = home.run("--once")
    assert answer.returncode == 1
    assert home.queue("failed")[0]["retry_count"] == 0
    home.run("retry", "--all")
    filelist.always(filelist_faults.error(403, "Invalid passkey/username!"))
    answer = home.run("--once")
    assert answer.returncode == 2
    assert len(home.queue("pending")) == 1
    letterboxd.is_private = True
    filelist.always(None)
    answer = home.run("--once")
    assert answer.returncode == 1
    assert "private" in answer.stderr


def test_a_dry_run_changes_nothing(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """--dry-run says what it would do, fetches no torrent and writes no file."""
    _fill(letterboxd, filelist, 2)
    before = sorted(home.data.iterdir())
    answer = home.run("--dry-run")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("would be handed to the watch folder: ") == 2
    quiet = home.run("--dry-run", "--log-level", "ERROR")
    assert (quiet.stdout, quiet.stderr) == (answer.stdout, "")
    assert sorted(home.data.iterdir()) == before
    assert not filelist.seen("download.php")


def test_a_dry_run_keeps_to_the_room(
    tmp_path: Path, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """It says of a long list what a real run would do now: some films, and that the others wait."""
    command = require_qbittorrent()
    with (
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, filelist, client=client, max_unfinished=2) as home,
    ):
        _fill(letterboxd, filelist, 4)
        dry = home.run("--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert dry.stdout.count("would be handed to qBittorrent: ") == 2
        assert "2 more would wait in the queue: waiting for room: 2 of 2 download slots" in dry.stdout
        assert home.run("--once").returncode == 0
        handed = [entry["release"] for entry in home.queue("completed")]
        assert [line.rpartition(": ")[2] for line in dry.stdout.splitlines()[:2]] == handed
        assert home.run("--dry-run").stdout.startswith("2 more would wait in the queue")


def test_a_password_that_is_refused_while_torrents_are_looked_at(
    tmp_path: Path, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """With nothing left to hand over, --once tells by its exit code all the same."""
    command = require_qbittorrent()
    with (
        RealQBittorrent(tmp_path / "client", command) as client,
        Household(tmp_path, letterboxd, filelist, client=client) as home,
    ):
        _fill(letterboxd, filelist, 1)
        assert home.run("--once").returncode == 0
        answer = home.run("--once", MOVIE_SYNC_QBITTORRENT_PASSWORD="another")
        assert answer.returncode == 2
        assert "rejected the username or password" in answer.stderr
        _fill(letterboxd, filelist, 2)
        answer = home.run("--once", MOVIE_SYNC_QBITTORRENT_PASSWORD="another")
        assert answer.returncode == 2
        assert answer.stderr.count("until you change the credentials") == 1


def test_a_first_run_that_asks(home: Household) -> None:
    """Beside it the folder is taken, by a process that is named; a signal ends it in order."""
    home.write_settings(username="")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "--data-dir", str(home.data)],
        env=home.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as asking:
        seen = b""
        while b"username" not in seen:
            seen += os.read(ours, 4096)
        assert json.loads(home.run("status", "--json").stdout)["daemon"] == asking.pid
        beside = home.run("--once")
        assert beside.returncode == 3
        assert f"(process {asking.pid})" in beside.stderr
        asking.terminate()
        assert asking.wait(15) == 0
    assert json.loads(home.run("status", "--json").stdout)["daemon"] is None
    os.close(ours)
    os.close(theirs)


def test_an_unconfigured_daemon_without_a_terminal(home: Household) -> None:
    """What is missing is an error that names the variables; exit code 2, no traceback."""
    answer = home.run(without=["MOVIE_SYNC_FILELIST_PASSKEY"])
    assert answer.returncode == 2
    assert "MOVIE_SYNC_FILELIST_PASSKEY" in answer.stderr
    home.write_settings(username="")
    answer = home.run()
    assert answer.returncode == 2
    assert "MOVIE_SYNC_USERNAME" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_too_short_an_interval(home: Household) -> None:
    """An interval below a minute is refused for the real site, on the command line with exit code 2."""
    home.write_settings(letterboxd={})
    answer = home.run("--interval", "5")
    assert answer.returncode == 2
    assert "60" in answer.stderr


def test_the_export_as_the_watchlist(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn, tmp_path: Path
) -> None:
    """`import` queues an export's films; where their pages cannot be had they are found by title and year."""
    _fill(letterboxd, filelist, 3)
    lines = [
        f"2026-01-0{n + 1},{film.title},{film.year},https://boxd.it/{film.lid}"
        for n, film in enumerate(letterboxd.films)
    ]
    export = tmp_path / "watchlist.csv"
    export.write_text("Date,Name,Year,Letterboxd URI\n" + "\n".join(lines) + "\n")
    answer = home.run("import", str(export))
    assert answer.returncode == 0, answer.stderr
    assert home.titles("pending") == [film.title for film in reversed(letterboxd.films)]
    home.write_settings(letterboxd={"base_url": letterboxd.url, "export_file": str(export)})
    assert home.run("--once").returncode == 0
    assert len(home.queue("completed")) == 3
    assert not letterboxd.requests


def test_a_series_is_set_aside(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """A film page that leads to a series is not searched; the reason stands in the failed queue."""
    letterboxd.films = [stand_in_film(1, is_series=True)]
    home.run("--once")
    entry = home.queue("failed")[0]
    assert "series" in entry["error"]
    assert entry["retry_at"] is None
    assert not filelist.requests


def test_search_explains_itself(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """search --json names the choice and a reason for every other release."""
    film = stand_in_film(4)
    bad = StandInRelease(
        id=5, name=f"{film.title.replace(' ', '.')}.{film.year}.HDCAM.x264-X", imdb=film.imdb_id
    )
    filelist.releases = [bad, stand_in_release(film), replace(stand_in_release(film), id=1003, seeders=1)]
    answer = home.run("search", film.title, "--year", str(film.year), "--imdb", film.imdb_id or "", "--json")
    document = json.loads(answer.stdout)
    assert (document["chosen"], document["chosen_id"]) == (104, "filelist:104")
    assert [row["number"] for row in document["candidates"]] == list(
        range(1, len(document["candidates"]) + 1)
    )
    assert all(row["id"] == f"filelist:{row['filelist_id']}" for row in document["candidates"])
    assert [candidate["accepted"] for candidate in document["candidates"]] == [True, True, False]
    assert [bool(candidate["reasons"]) for candidate in document["candidates"]] == [False, True, True]
    table = home.run("search", film.title, "--year", str(film.year))
    assert table.returncode == 0
    assert "HDCAM" in table.stdout


def test_search_shows_what_a_name_says(home: Household, filelist: FileListStandIn) -> None:
    """Codec, kinds of HDR, sound, languages, edition, group and flags, for people and for scripts."""
    film = stand_in_film(4)
    name = f"{film.title.replace(' ', '.')}.{film.year}.IMAX.REPACK.RoSubbed.2160p.UHD.BluRay.DV.HDR10.TrueHD.Atmos.7.1.x265-GRP"
    filelist.releases = [
        StandInRelease(id=5, name=name, imdb=film.imdb_id, size_bytes=40_000_000_000, freeleech=True)
    ]
    words = (film.title, "--year", str(film.year))
    (told,) = json.loads(home.run("search", *words, "--json").stdout)["candidates"]
    assert told["quality"] == "Bluray-2160p"
    assert (told["codec"], told["group"], told["freeleech"]) == ("x265", "GRP", True)
    assert (told["hdr"], told["audio"]) == (["DV", "HDR"], ["Atmos", "TrueHD"])
    assert (told["languages"], told["edition"]) == (["RoSubbed"], "IMAX")
    table = home.run("search", *words).stdout
    assert "x265, DV, HDR, Atmos, TrueHD, RoSubbed, IMAX, PROPER or REPACK, freeleech" in table


def test_the_users_word_by_the_numbers_of_a_search(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """`search` numbers its rows, `grab` and `reject` take the numbers, `queue` and `search` show what was said."""
    film = stand_in_film(4)
    letterboxd.other_films = [film]
    web = f"{film.title.replace(' ', '.')}.{film.year}.1080p.WEB-DL.x264-GRP"
    filelist.releases = [
        stand_in_release(film),
        replace(stand_in_release(film), id=205, name=web),
        replace(stand_in_release(film), id=206, name=web.replace("1080p", "480p"), size_bytes=900_000_000),
    ]
    home.run("add", film.slug)
    home.run("--once")
    (done,) = home.queue("completed")
    assert done["filelist_id"] == 104
    words = ("search", film.title, "--year", str(film.year), "--imdb", film.imdb_id or "")
    early = home.run("grab", film.slug, "3")
    assert early.returncode == 2
    assert "Search again" in early.stderr
    rows = json.loads(home.run(*words, "--json").stdout)["candidates"]
    assert [row["id"] for row in rows] == ["filelist:104", "filelist:205", "filelist:206"]

    assert "will be taken" in home.run("grab", film.slug, "3").stdout
    home.run("--once")
    (done,) = home.queue("completed")
    assert (done["filelist_id"], done["grabbed"]) == (206, "filelist:206")
    assert [old["filelist_id"] for old in done["replaced"]] == [104]

    home.run("reject", film.slug, "filelist:206")
    home.run("--once")
    (done,) = home.queue("completed")
    assert (done["filelist_id"], done["rejected"]) == (104, ["filelist:206"])  # it is there already
    home.run("reject", film.slug, "1")
    home.run("--once")
    (done,) = home.queue("completed")
    assert (done["filelist_id"], done["rejected"]) == (205, ["filelist:206", "filelist:104"])
    assert "you rejected filelist:206, filelist:104" in home.run("queue").stdout
    rows = json.loads(home.run(*words, "--json").stdout)["candidates"]
    assert next(row for row in rows if row["id"] == "filelist:206")["reasons"][0] == "rejected by you"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grab", "{known}", "first"), "neither the id of a release"),
        (("grab", "{known}", "0"), "Search again"),
        (("add", "heat-1995", "--quality", "huge"), "No preset 'huge'. Choose one of hd, 4k, small."),
    ],
)
def test_a_word_that_means_nothing(
    home: Household, letterboxd: LetterboxdStandIn, words: tuple[str, ...], said: str
) -> None:
    """It is said what is wrong and what to do; nothing is queued."""
    letterboxd.other_films = [stand_in_film(1)]
    answer = home.run(*(word.format(known=stand_in_film(1).slug) for word in words))
    assert answer.returncode == 2
    assert said in answer.stderr
    assert not home.queue("pending")


def test_search_says_which_running_time_it_goes_by(home: Household, filelist: FileListStandIn) -> None:
    """It is the one that a queue knows of the film, as the daemon's; else it says what is assumed."""
    film = stand_in_film(4)
    name = f"{film.title.replace(' ', '.')}.{film.year}.1080p.BluRay.x264-GRP"
    filelist.releases = [StandInRelease(id=5, name=name, imdb=film.imdb_id, size_bytes=2_000_000_000)]
    words = ("search", film.title, "--year", str(film.year))
    unknown = home.run(*words)
    assert "judged for 110 minutes" in unknown.stderr
    assert "taken" in unknown.stdout
    known = {"id": "K4", "slug": "four", "title": film.title, "year": film.year, "url": "", "page_read": True}
    (home.data / "queue_failed.json").write_text(
        json.dumps([known | {"runtime_minutes": 240, "retry_count": 1}])
    )
    told = home.run(*words)
    assert "110 minutes" not in told.stderr
    assert "8.3 MB/min" in told.stdout
    assert json.loads(home.run(*words, "--json").stdout)["film"]["runtime_minutes"] == 240


def test_check_tells_what_is_wrong(
    home: Household, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """check answers 0 when all is well and 1, with the reason, when a part fails."""
    letterboxd.films = [stand_in_film(1)]
    answer = home.run("check")
    assert answer.returncode == 0, answer.stdout
    letterboxd.is_private = True
    answer = home.run("check")
    assert answer.returncode == 1
    assert "FAIL  Watchlist" in answer.stdout


def test_settings_that_cannot_be_read_hold_films_back_until_they_are_corrected(
    home: Household, tmp_path: Path, letterboxd: LetterboxdStandIn, filelist: FileListStandIn
) -> None:
    """With a slip in library_directories the list is read and nothing handed over; corrected, all goes on."""
    _fill(letterboxd, filelist, 2)
    owned = letterboxd.films[0]
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / f"{owned.title} ({owned.year}).mkv").write_bytes(os.urandom(2_000_000))
    home.write_settings(library_directories=str(shelf))
    once = home.run("--once")
    assert once.returncode == 2, once.stderr
    assert "Downloads are paused" in once.stderr
    dry = home.run("--dry-run")
    assert dry.returncode == 2
    assert "would be handed" not in dry.stdout
    assert "downloads are paused" in dry.stdout
    checked = home.run("check").stdout
    assert '"library_directories"' in checked
    assert "Downloads are paused" in checked
    daemon = home.start()
    daemon.wait_for("Watchlist read")
    assert "Downloads are paused" in home.run("status").stdout
    (held_back,) = json.loads(home.run("status", "--json").stdout)["held_back"]
    assert (held_back["key"], held_back["line"]) == ("library_directories", 1)
    assert held_back["column"] == (home.data / "config.json").read_text().index('"library_directories"') + 1
    assert len(home.queue("pending")) == 2
    assert not list((home.data / "torrents").glob("*.torrent"))
    home.write_settings(library_directories=[str(shelf)])
    wait_until(lambda: len(home.queue("completed")) == 2)
    assert {entry["title"]: entry["reason"] for entry in home.queue("completed")} == {
        owned.title: "already downloaded",
        letterboxd.films[1].title: "downloaded",
    }
    assert home.run("--once").returncode == 3  # it is the same daemon
    assert daemon.stop() == 0
    assert json.loads(home.run("status", "--json").stdout)["held_back"] == []


def test_a_half_written_file_hands_nothing_over(home: Household) -> None:
    """With the user's name from the environment it starts, asks no service for a film, and says where to mend."""
    path = home.data / "config.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    # The defaults name the real Letterboxd: nobody is there to be reached.
    around = {"MOVIE_SYNC_USERNAME": "maria", "HTTPS_PROXY": "http://127.0.0.1:9"}
    for option in ("--once", "--dry-run"):
        answer = home.run(option, **around)
        assert answer.returncode == 2, answer.stderr
        assert "Couldn't read the watchlist" in answer.stderr  # it was tried
        assert "Downloads are paused until config.json is fixed" in answer.stderr
        assert "line 1, column" in answer.stderr
    assert "Downloads are paused" in answer.stdout
    (held_back,) = json.loads(home.run("status", "--json", **around).stdout)["held_back"]
    assert (held_back["key"], held_back["line"]) == ("", 1)
    path.write_text(whole)
    assert home.run("--once", **around).returncode == 0


def test_the_demo(home: Household, tmp_path: Path) -> None:
    """The demo ends well, shows what it is to show, and treats its made-up passkey like a real one."""
    answer = home.run("demo", "--log-level", "DEBUG", TMPDIR=str(tmp_path))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "the year is 2004, not 1925" in answer.stdout
    assert "  Metropolis (1927) [imdbid-tt0017136].mkv\n" in answer.stdout
    assert re.search(r"ratio 0\.01, can be deleted in (2 days|47 h), or", answer.stdout), answer.stdout
    (folder,) = tmp_path.glob("movie-sync-demo-*")
    assert f"  {folder}\n" in answer.stdout
    assert answer.stdout.rstrip().endswith("setup")
    texts = [path.read_text() for path in folder.rglob("*.json")] + [
        (folder / "data" / "movie_sync.log").read_text()
    ]
    assert not [
        text for text in [answer.stdout, answer.stderr, *texts] if "00112233445566778899aabbccddeeff" in text
    ]
