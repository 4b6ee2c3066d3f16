"""Telling the user: his command, notices and media servers, with real processes and sockets."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, get_args

import pytest
from house.crash_disk import Recorder
from house.fakes import FakeClock
from house.program import Household
from house.real_program import free_port
from house.waiting import wait_until
from stand_ins.receiver import Receiver

from movie_sync import child_process
from movie_sync.commands import check
from movie_sync.commands.context import Context, Options
from movie_sync.commands.telling import build_announcer
from movie_sync.credentials.manager import CredentialsManager
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.events import (
    AccountRefused,
    Added,
    ClientDiskFull,
    CredentialsRefused,
    Downloaded,
    Event,
    EventKind,
    Failed,
    ListUnreadable,
    ManyNotSeeding,
    NotSeeding,
    OwnDiskFull,
    Replaced,
    Shelved,
    TrackerRefused,
    Upgraded,
    Waiting,
)
from movie_sync.domain.models import Movie
from movie_sync.domain.notice_schedule import Schedule, read_span, read_time
from movie_sync.domain.seeding import SeedingTrouble
from movie_sync.domain.times import time_of_day
from movie_sync.errors import UserError
from movie_sync.notices.channels import Announcer
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.wording import WordedEvent, notice_of, text_of, worded
from movie_sync.services.apprise.service import Notices
from movie_sync.settings.config import Config
from movie_sync.storage.paths import AppPaths

ROOT = Path(__file__).resolve().parents[1]
SECRET = "s3cret-topic-of-anna"
TOKEN = "t0ken-of-the-media-server"


def event(number: int, kind: EventKind = EventKind.ADDED, *, why: str = "", path: str = "") -> Event:
    """Return an event of a film of its own."""
    movie = Movie(f"lid{number}", f"film-{number}", f"Film {number}", 1995)
    now = FakeClock().now()
    if kind is EventKind.DOWNLOADED:
        return Downloaded(now, movie, now, "Release", "", path)
    if kind is EventKind.WAITING:
        return Waiting(now, movie, now, why, 0)
    return Added(now, movie, now, "Release", "", why)


class NoticeHome:
    """A data folder with settings, and what tells its user, on a clock that is told the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = AppPaths(folder / "data")
        self.paths.root.mkdir()
        self.key_file = folder / "keys" / "key"
        self.clock = FakeClock()
        self.environ = {**os.environ, "MOVIE_SYNC_KEY_FILE": str(self.key_file)}
        self.announcers: list[Announcer] = []

    def announcer(self, *, dry_run: bool = False, **settings: Any) -> Announcer:
        """Return a new announcer, as a start of the program makes it."""
        self.paths.config.write_text(json.dumps(settings))
        config = Config.load(self.paths.config, environ=self.environ)
        assert config.warnings == []
        context = Context(self.paths, config, Options(dry_run=dry_run), {}, self.environ, self.clock)
        self.announcers.append(build_announcer(context))
        return self.announcers[-1]

    def store(self, service: str, **values: str) -> None:
        """Keep credentials as `setup` does."""
        CredentialsManager(self.paths.credentials, self.key_file, {}).save({service: values})

    def close(self) -> None:
        """Leave no process behind."""
        for announcer in self.announcers:
            for channel in announcer.channels:
                channel.close(0)

    def left(self, *channels: str) -> int:
        """How many events wait for a channel, by the file."""
        every = ("command", "notices", "jellyfin", "plex")
        outbox = EventOutbox(self.paths.events, self.clock, keep=every)
        return sum(1 for channel in channels or every for _ in outbox.waiting(channel))

    def until_told(self, announcer: Announcer, *channels: str) -> None:
        """Tick as the main thread does until nothing waits."""

        def is_told() -> bool:
            announcer.tick()
            return not self.left(*channels)

        wait_until(is_told)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[NoticeHome]:
    """A user's folders; no process is left behind."""
    home = NoticeHome(tmp_path)
    yield home
    home.close()


def writing(folder: Path) -> list[str]:
    """Return a command that writes what it gets, a line each, and its environment."""
    return ["/bin/sh", "-c", f'cat >> "{folder}/got"; env > "{folder}/env"']


def got(folder: Path) -> list[dict[str, Any]]:
    """Return what the command got."""
    path = folder / "got"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# --- the user's command -----------------------------------------------------------------------


def test_the_command_gets_each_event_once(home: NoticeHome) -> None:
    """In order, as JSON, with none of our credentials in its environment; a repeat is no event."""
    home.environ |= {"MOVIE_SYNC_FILELIST_PASSKEY": "k", "MOVIE_SYNC_PLEX_TOKEN": "t", "OWN": "1"}
    announcer = home.announcer(on_event=writing(home.folder))
    for number in range(3):
        announcer.tell(event(number, EventKind.DOWNLOADED, path=f"/films/{number}"))
    home.until_told(announcer)
    announcer.tell(event(0, EventKind.DOWNLOADED, path="/films/0"))
    home.until_told(announcer)

    assert [(each["id"], each["path"]) for each in got(home.folder)] == [
        (event(number, EventKind.DOWNLOADED).id, f"/films/{number}") for number in range(3)
    ]
    environment = (home.folder / "env").read_text()
    assert "OWN=1" in environment
    assert "PASSKEY" not in environment
    assert "PLEX_TOKEN" not in environment


def test_what_the_command_makes_is_the_users(home: NoticeHome) -> None:
    """It has the umask that the program was started with, not the one for the program's own files."""
    announcer = home.announcer(on_event=writing(home.folder))
    announcer.tell(event(1))
    ours = os.umask(0o077)  # as the command line sets it
    try:
        home.until_told(announcer)
    finally:
        os.umask(ours)
    assert stat.S_IMODE((home.folder / "got").stat().st_mode) == 0o644
    assert stat.S_IMODE(home.paths.events.stat().st_mode) == 0o600


def test_a_command_as_one_text(home: NoticeHome) -> None:
    """It is split as a shell would, but no shell runs it."""
    target = home.folder / "made by it"
    target.mkdir()
    announcer = home.announcer(
        on_event=f"""tee '{target}/a b' "{target}"/$HOME '{target}'/; '{target}'/true"""
    )
    announcer.tell(event(1))
    home.until_told(announcer)
    assert {path.name for path in target.iterdir()} == {"a b", "$HOME", ";", "true"}


BAD_COMMANDS = {
    "fails": (["/bin/sh", "-c", "exit 3"], "on_event command sh exited with code 3"),
    "is killed": (["/bin/sh", "-c", "kill -9 $$"], "on_event command sh exited with code -9"),
    "does not read": (["/bin/sh", "-c", "exec <&-"], ""),
    "is silent about its input": (["true"], ""),
    "says gigabytes": (["/bin/sh", "-c", "head -c 3000000000 /dev/zero; head -c 30000000 /dev/zero >&2"], ""),
}


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_bad_commands(home: NoticeHome, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Each gets each event once, however large; its failure is logged once, without its arguments."""
    command, complaint = BAD_COMMANDS[name]
    announcer = home.announcer(on_event=[*command, SECRET])
    for number in range(3):
        announcer.tell(event(number, why="x" * 300_000))
    home.until_told(announcer)

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == bool(complaint)
    assert complaint in "".join(warnings)
    assert SECRET not in caplog.text


def test_a_command_that_hangs(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """After a minute it is ended, with all that it started; then the next event has its turn."""
    script = f'echo $$ >> "{home.folder}/pids"; sleep 1000 & echo $! >> "{home.folder}/pids"; wait'
    announcer = home.announcer(on_event=["/bin/sh", "-c", script])
    announcer.tell(event(1))
    pids = home.folder / "pids"

    def has_started() -> bool:
        announcer.tick()
        return pids.exists() and len(pids.read_text().splitlines()) == 2

    wait_until(has_started)
    announcer.tick()
    assert home.left() == 1
    home.clock.advance(61)
    announcer.tick()

    assert home.left() == 0
    assert "took longer than 60 seconds" in caplog.text
    for pid in map(int, pids.read_text().split()):
        wait_until(lambda pid=pid: not is_alive(pid))


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody asked how it ended does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_command_that_is_not_there(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once; the event waits for it, is tried again with growing pauses, and gets through."""
    program = home.folder / "later"
    announcer = home.announcer(on_event=[str(program)])
    announcer.tell(event(1))
    announcer.tick()
    program.write_text(f'#!/bin/sh\ncat >> "{home.folder}/got"\n')
    program.chmod(0o755)
    announcer.tick()
    assert caplog.text.count("later couldn't be started: No such file") == 1
    assert home.left() == 1
    home.clock.advance(301)
    home.until_told(announcer)
    assert [each["id"] for each in got(home.folder)] == [event(1).id]


def test_what_fails_for_a_day_is_given_up(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """With a word about it, after a number of attempts that does not grow with the time."""
    announcer = home.announcer(on_event=["/nowhere/program"])
    announcer.tell(event(1))
    minutes = 0
    while home.left():
        announcer.tick()
        home.clock.advance(60)
        minutes += 1
    assert 24 * 60 <= minutes < 26 * 60
    assert caplog.text.count("couldn't be started") == 1
    assert "has failed for a day; notifications dropped: 1." in caplog.text


def test_closing_leaves_the_event(home: NoticeHome) -> None:
    """A command that does not end in two seconds is ended, and its event is told after the next start."""
    pid = home.folder / "pid"
    announcer = home.announcer(on_event=["sh", "-c", f"echo $$ > '{pid}'; exec sleep 1000"])
    announcer.tell(event(1))
    announcer.tick()
    wait_until(lambda: pid.exists() and pid.read_text().endswith("\n"))
    announcer.close()
    assert not is_alive(int(pid.read_text()))
    announcer = home.announcer(on_event=writing(home.folder))
    home.until_told(announcer)
    assert len(got(home.folder)) == 1


def test_closing_waits_a_moment(home: NoticeHome) -> None:
    """What ends in time is told, and not told again."""
    announcer = home.announcer(on_event=writing(home.folder))
    announcer.tell(event(1))
    announcer.tick()
    announcer.close()
    assert home.left() == 0
    assert len(got(home.folder)) == 1


_TELLER = """
import sys
from pathlib import Path
from movie_sync.clock import SystemClock
from movie_sync.notices.channels import Announcer, CommandChannel
from movie_sync.notices.outbox import EventOutbox
clock = SystemClock()
outbox = EventOutbox(Path(sys.argv[1]), clock, keep=["command"])
Announcer(outbox, [CommandChannel(outbox, clock, sys.argv[2:], {})], clock).finish()
"""


def test_a_crash_between_doing_and_telling(home: NoticeHome) -> None:
    """The program dies while the command runs: that event comes again, with its id, and no other."""
    script = f'cat >> "{home.folder}/got"; test $(wc -l < "{home.folder}/got") != 2 || kill -9 $PPID'
    command = ["/bin/sh", "-c", script]
    announcer = home.announcer(on_event=command)
    for number in range(4):
        announcer.tell(event(number))
    codes = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", _TELLER, home.paths.events, *command], cwd=ROOT, check=False, timeout=60
        )
        codes.append(run.returncode)
    assert codes == [-9, 0]
    assert [each["id"] for each in got(home.folder)] == [event(number).id for number in (0, 1, 1, 2, 3)]


# --- notices ----------------------------------------------------------------------------------


def notices_to(home: NoticeHome, *addresses: str) -> None:
    """Store where notices go."""
    home.store("notices", urls=" ".join(addresses))


def test_a_burst_is_one_notice(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """Three hundred events within a minute come as one notice with counts, lines and the rest."""
    with Receiver(status=200) as receiver:
        notices_to(home, f"json://anna:{SECRET}@127.0.0.1:{receiver.port}/")
        announcer = home.announcer(notices={"enabled": True})
        for number in range(300):
            announcer.tell(event(number, EventKind.WAITING if number % 4 == 0 else EventKind.ADDED))
        announcer.tick()
        assert not receiver.received
        home.clock.advance(60)
        home.until_told(announcer)
        home.clock.advance(600)
        announcer.tick()
        announcer.close()
        [received] = receiver.received
    notice = json.loads(received.body)
    assert notice["title"] == "Movie Sync: 225 added, 75 waiting"
    lines = notice["message"].splitlines()
    assert len(lines) == 21
    assert lines[0] == "Waiting for a release of Film 0 (1995): "
    assert lines[-1] == "and 280 more"
    assert caplog.text == ""


def test_only_the_kinds_that_were_asked_for(home: NoticeHome) -> None:
    """The others are not told; the command gets them all."""
    announcer = home.announcer(
        on_event=writing(home.folder), notices={"enabled": True, "kinds": ["failed", "disk full"]}
    )
    announcer.tell(event(1))
    announcer.tell(OwnDiskFull(home.clock.now(), "The disk is full."))
    assert home.left("notices") == 1
    assert home.left("command") == 2


def test_a_service_that_is_down(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, without the secret in the address, and tried again until it works."""
    port = free_port()
    notices_to(home, f"json://anna:{SECRET}@127.0.0.1:{port}/")
    announcer = home.announcer(notices={"enabled": True})
    announcer.tell(event(1))
    for seconds in (60, 301):
        home.clock.advance(seconds)
        announcer.tick()
        announcer.channels[0].wait(30)
        announcer.tick()
        assert home.left() == 1
    assert caplog.text.count("A notice failed: address 1 (json) didn't accept it") == 1
    assert SECRET not in caplog.text
    with Receiver(status=200) as receiver:
        notices_to(home, f"json://127.0.0.1:{receiver.port}/")
        home.clock.advance(601)
        home.until_told(announcer)
        assert len(receiver.received) == 1


def test_some_of_several_addresses(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever got the notice does not get it again for the sake of the others, which are named."""
    with Receiver(status=200) as receiver:
        home.environ["MOVIE_SYNC_NOTICES_URLS"] = (
            f"json://127.0.0.1:{receiver.port}/\njson://127.0.0.1:{free_port()}/\n{SECRET}://x/"
        )
        announcer = home.announcer(notices={"enabled": True, "gather_seconds": 0})
        announcer.tell(event(1))
        home.until_told(announcer)
        assert len(receiver.received) == 1
    assert "didn't reach everyone" in caplog.text
    assert "address 2 (json) didn't accept it" in caplog.text
    assert "doesn't understand address 3" in caplog.text
    assert SECRET not in caplog.text


def run_once(announcer: Announcer) -> None:
    """Start what is due and take its end."""
    announcer.tick()
    announcer.channels[0].wait(30)
    announcer.tick()


def test_apprise_is_not_installed(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """The words say how to install it."""
    (home.folder / "modules").mkdir()
    (home.folder / "modules" / "apprise.py").write_text("raise ImportError")
    home.environ["PYTHONPATH"] = str(home.folder / "modules")
    notices_to(home, "json://x/")
    announcer = home.announcer(notices={"enabled": True, "gather_seconds": 0})
    announcer.tell(event(1))
    run_once(announcer)
    assert "pip install 'apprise>=1.9'" in caplog.text


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda home: None, "the notification addresses are missing. Run `setup`"),
        (lambda home: home.paths.credentials.write_text("rubbish"), "Can't read"),
        (lambda home: notices_to(home, f"{SECRET}"), "doesn't understand address 1"),
    ],
)
def test_addresses_that_cannot_be_used(
    home: NoticeHome, caplog: pytest.LogCaptureFixture, spoil: Any, words: str
) -> None:
    """Missing, damaged or misspelt ones: the event waits, and the words say what to do."""
    spoil(home)
    announcer = home.announcer(notices={"enabled": True, "gather_seconds": 0})
    announcer.tell(event(1))
    run_once(announcer)
    assert home.left() == 1
    assert words in caplog.text
    assert SECRET not in caplog.text


def test_no_secret_where_others_can_see_it(
    home: NoticeHome, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the arguments nor in the environment of the process that sends, nor in a file."""
    spy, seen = home.folder / "python", home.folder / "seen"
    spy.write_text(f'#!/bin/sh\nenv > "{seen}"\necho "$@" >> "{seen}"\nexec "{sys.executable}" "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(spy))
    home.environ["MOVIE_SYNC_FILELIST_PASSKEY"] = "passkey-of-anna"
    with Receiver() as receiver:
        home.store("jellyfin", token=TOKEN)
        announcer = home.announcer(jellyfin={"url": receiver.url})
        announcer.tell(event(1, EventKind.DOWNLOADED))
        home.clock.advance(60)
        home.until_told(announcer)
        assert len(receiver.received) == 1
    assert "movie_sync.notices.process" in seen.read_text()
    for path in home.folder.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes()
            assert b"passkey-of-anna" not in path.read_bytes()
    assert TOKEN not in caplog.text


# --- media servers ----------------------------------------------------------------------------

REQUESTS = {
    "jellyfin": ("POST", "/base/Library/Refresh", "Authorization", f'MediaBrowser Token="{TOKEN}"'),
    "plex": ("GET", "/base/library/sections/all/refresh", "X-Plex-Token", TOKEN),
}


@pytest.mark.parametrize("service", REQUESTS)
def test_a_media_server_looks_once_for_many_films(home: NoticeHome, service: str) -> None:
    """Ten films are one request, in the server's own form; what is only added is none."""
    method, path, header, value = REQUESTS[service]
    home.environ[f"MOVIE_SYNC_{service.upper()}_TOKEN"] = TOKEN
    with Receiver(status=200) as receiver:
        announcer = home.announcer(**{service: {"url": f"{receiver.url}/base/"}})
        for number in range(10):
            announcer.tell(event(number, EventKind.DOWNLOADED))
            announcer.tell(event(number))
        home.clock.advance(30)
        home.until_told(announcer)
        [received] = receiver.received
    assert (received.method, received.path) == (method, path)
    assert received.headers[header] == value


@pytest.mark.parametrize("exempt", ["", "example.org", "*"])
def test_no_proxy_stands_before_this_machine(
    home: NoticeHome, caplog: pytest.LogCaptureFixture, exempt: str
) -> None:
    """A service or a media server on the daemon's machine is told straight, whatever the user's proxy."""
    proxy = f"http://127.0.0.1:{free_port()}"
    home.environ |= dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), proxy)
    home.environ |= {"NO_PROXY": exempt, "MOVIE_SYNC_PLEX_TOKEN": TOKEN}
    with Receiver(status=200) as receiver:
        home.environ["MOVIE_SYNC_NOTICES_URLS"] = f"json://localhost:{receiver.port}/"
        announcer = home.announcer(notices={"enabled": True, "gather_seconds": 0}, plex={"url": receiver.url})
        announcer.tell(event(1, EventKind.DOWNLOADED))
        home.clock.advance(30)
        home.until_told(announcer)
        assert len(receiver.received) == 2
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "rejected the token"),
        (404, "status 404"),
        pytest.param(302, "status 302", marks=pytest.mark.long),
        (500, "status 500"),
        (0, "couldn't be reached"),
    ],
)
@pytest.mark.parametrize("service", REQUESTS)
def test_a_media_server_that_does_not(
    home: NoticeHome, caplog: pytest.LogCaptureFixture, service: str, status: int, words: str
) -> None:
    """It is said what is wrong, the look is tried again, and the token goes nowhere else."""
    home.environ[f"MOVIE_SYNC_{service.upper()}_TOKEN"] = TOKEN
    with Receiver(status=200) as other, Receiver(status=status, location=f"{other.url}/x") as receiver:
        address = receiver.url if status else f"http://127.0.0.1:{free_port()}"
        announcer = home.announcer(**{service: {"url": address}})
        announcer.tell(event(1, EventKind.DOWNLOADED))
        home.clock.advance(60)
        run_once(announcer)
        assert home.left() == 1
        assert other.received == []
        receiver.status = 204
        home.clock.advance(301)
        if status:
            home.until_told(announcer)
            assert len(receiver.received) == 2
    assert words in caplog.text
    assert service.capitalize() in caplog.text
    assert TOKEN not in caplog.text


def test_one_way_of_telling_does_not_wait_for_another(home: NoticeHome) -> None:
    """A media server that is away keeps no event from the command, and repeats none there."""
    home.environ["MOVIE_SYNC_PLEX_TOKEN"] = TOKEN
    announcer = home.announcer(on_event=writing(home.folder), plex={"url": f"http://127.0.0.1:{free_port()}"})
    announcer.tell(event(1, EventKind.DOWNLOADED))
    home.until_told(announcer, "command")
    home.clock.advance(60)
    run_once(announcer)
    again = home.announcer(on_event=writing(home.folder), plex={"url": "http://127.0.0.1:9"})
    again.tick()
    again.close()
    assert home.left("plex") == 1
    assert len(got(home.folder)) == 1


# --- what workers call ------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "dry_run"), [({}, False), ({"on_event": ["true"]}, True)])
def test_nothing_to_tell(home: NoticeHome, settings: dict[str, Any], dry_run: bool) -> None:
    """With nothing set, or in a dry run, nothing is kept, written or started; old news is forgotten."""
    announcer = home.announcer(dry_run=dry_run, **settings)
    announcer.tell(event(1))
    announcer.tick()
    announcer.finish()
    assert not home.paths.events.exists()


def test_turned_off_and_on_again(home: NoticeHome) -> None:
    """What happened before it was turned off is not told later."""
    home.announcer(on_event=["true"]).tell(event(1))
    home.announcer()
    assert home.left() == 0
    assert not home.paths.events.exists()


def test_a_disk_that_is_full(home: NoticeHome, caplog: pytest.LogCaptureFixture) -> None:
    """The worker is not disturbed, it is said once, and the event is told from memory."""
    announcer = home.announcer(on_event=writing(home.folder))
    recorder = Recorder(home.paths.root)
    recorder.fail_from, recorder.fail_until = 0, 100
    with recorder.watching():
        announcer.tell(event(1))
        announcer.tell(event(2))

    def is_told() -> bool:
        announcer.tick()
        return len(got(home.folder)) == 2

    wait_until(is_told)
    announcer.close()
    assert caplog.text.count("kept in memory only") == 1


# --- when, and in which words -----------------------------------------------------------------

DAY = datetime(2026, 11, 1)
NIGHT = (time(22), time(8))


def at(text: str, days: int = 0) -> datetime:
    """Return a local time."""
    return datetime.combine(DAY + timedelta(days=days), time.fromisoformat(text))


SCHEDULES = [
    (Schedule(60), "12:00:59", "12:00", "12:00", False),
    (Schedule(60), "12:01", "12:00", "12:00", True),
    (Schedule(60), "12:05", "12:00", "12:04:30", False),  # still coming
    (Schedule(60), "12:10", "12:00", "12:09:59", True),  # for long enough
    (Schedule(0), "12:00", "12:00", "12:00", True),
    (Schedule(60), "12:00", "13:00", "13:00", True),  # the clock was put back
    (Schedule(60, NIGHT), "21:59:59", "21:00", "21:00", True),
    (Schedule(60, NIGHT), "22:00", "21:00", "21:00", False),
    (Schedule(60, NIGHT), "00:00", "00:00", "00:00", False),
    (Schedule(60, NIGHT), "07:59:59", "03:00", "07:00", False),
    (Schedule(60, NIGHT), "08:00", "03:00", "07:00", True),
    (Schedule(60, (time(13), time(14))), "13:30", "12:00", "12:00", False),
    (Schedule(60, (time(13), time(14))), "14:00", "12:00", "12:00", True),
    (Schedule(60, None, time(8)), "07:59", "01:00", "01:00", False),
    (Schedule(60, None, time(8)), "08:00", "01:00", "07:59:59", True),
    (Schedule(60, None, time(8)), "08:01", "08:00:30", "08:00:30", False),  # tomorrow
    (Schedule(60, None, time(8)), "23:00", "09:00", "22:00", False),
    (Schedule(60, NIGHT, time(7)), "07:30", "01:00", "01:00", False),  # the night goes before
    (Schedule(60, NIGHT, time(7)), "08:00", "01:00", "01:00", True),
]


@pytest.mark.parametrize(("schedule", "now", "oldest", "newest", "expected"), SCHEDULES)
def test_when_a_notice_is_due(schedule: Schedule, now: str, oldest: str, newest: str, expected: bool) -> None:
    """After a burst, not at night, or once a day."""
    assert schedule.is_due(at(now, 1), at(oldest, 1), at(newest, 1)) is expected


def test_a_digest_for_days_when_nothing_ran() -> None:
    """What is older than the last digest is told at once."""
    assert Schedule(60, None, time(8)).is_due(at("07:00", 3), at("09:00"), at("09:00"))


@pytest.mark.parametrize("text", ["8:00", "08:00", " 23:59 ", "00:00"])
def test_times_of_day(text: str) -> None:
    """Hours and minutes."""
    assert read_time(text) == time.fromisoformat(text.strip().rjust(5, "0"))


@pytest.mark.parametrize(
    "text", ["", "8", "24:00", "08:60", "08:0", "-1:00", "08:00:00", "8 am", "\u0668:00x"]
)
def test_no_times_of_day(text: str) -> None:
    """Anything else is none, and so is a span of nothing."""
    with pytest.raises(ValueError, match=r"time|hour|minute"):
        read_time(text)
    with pytest.raises(ValueError, match=r"time|hour|minute"):
        read_span(f"08:00-{text}")
    with pytest.raises(ValueError, match=r"time|hour|minute"):
        read_span("08:00-08:00")


MOMENT = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
FILM = Movie("k1", "heat-1995", "Heat", 1995)
WISH = (MOMENT, FILM, MOMENT - timedelta(days=1))
ASKED = "k1:2026-10-31T12:30:00Z"
RELEASE = {"release": "R.1995", "info_hash": "ab"}
WORDS: list[tuple[Event, str, str, dict[str, object]]] = [
    (
        Added(*WISH, "R.1995", "ab", "best"),
        f"added:{ASKED}:ab",
        "Added Heat (1995): R.1995 (best)",
        RELEASE | {"why": "best"},
    ),
    (
        Added(*WISH, "R.1995", "ab", ""),
        f"added:{ASKED}:ab",
        "Added Heat (1995): R.1995",
        RELEASE | {"why": ""},
    ),
    (
        Downloaded(*WISH, "R.1995", "ab", "/f"),
        f"downloaded:{ASKED}:ab",
        "Downloaded Heat (1995): R.1995",
        RELEASE | {"path": "/f"},
    ),
    (
        Waiting(*WISH, "no seeders", 2),
        f"waiting:{ASKED}:2",
        "Waiting for a release of Heat (1995): no seeders",
        {"why": "no seeders"},
    ),
    (
        Failed(*WISH, "no page", 3, 1),
        f"failed:{ASKED}:3:1",
        "Gave up on Heat (1995): no page",
        {"why": "no page"},
    ),
    (
        Replaced(*WISH, "R.1995", "ab", "stalled", 0.28123456, keeps_running=True),
        f"replaced:{ASKED}:ab",
        "Heat (1995): gave up on R.1995 at 28% (stalled); looking for another release. "
        "The old torrent keeps running; whichever finishes first wins.",
        RELEASE | {"why": "stalled", "progress": 0.2812},
    ),
    (
        Replaced(*WISH, "R.1995", "ab", "stalled", 0.0, keeps_running=False),
        f"replaced:{ASKED}:ab",
        "Heat (1995): gave up on R.1995 at 0% (stalled); looking for another release.",
        RELEASE | {"why": "stalled", "progress": 0.0},
    ),
    (
        Upgraded(*WISH, "R.1995", "ab", "/films/R", "WEB-1080p", "Bluray-1080p"),
        f"upgraded:{ASKED}:ab",
        "Upgraded Heat (1995) from WEB-1080p to Bluray-1080p: R.1995",
        RELEASE | {"path": "/films/R", "before": "WEB-1080p", "after": "Bluray-1080p"},
    ),
    (
        Shelved(*WISH, "R.1995", "ab", "/shelf/Heat (1995).mkv", MOMENT),
        f"shelved:{ASKED}:ab:2026-11-01T12:30:00Z",
        "On the shelf: Heat (1995), in /shelf/Heat (1995).mkv",
        RELEASE | {"path": "/shelf/Heat (1995).mkv"},
    ),
    (
        ListUnreadable(MOMENT, "No answer."),
        "unreadable:2026-11-01",
        "The watchlist couldn't be read for a day: No answer.",
        {},
    ),
    (
        ListUnreadable(MOMENT, "Blocked.", "anna's Letterboxd watchlist", "Letterboxd"),
        "unreadable:2026-11-01:ff28ed32",
        "anna's Letterboxd watchlist couldn't be read for a day: Letterboxd blocks automated access from "
        "here. 1. For now, run `web` and add films with its bookmarklet. 2. As a lasting fix, download your account's "
        'export into a folder and add {"export": FOLDER} to `lists` in config.json.',
        {},
    ),
    (
        CredentialsRefused(MOMENT, "FileList", "Refused.", None),
        "refused:FileList:2026-11-01T12:30",
        "Refused. Downloads are paused until you change the credentials: run `setup`, or, if they "
        "come from the environment, change them there and restart.",
        {},
    ),
    (
        CredentialsRefused(MOMENT, "FileList", "Refused.", 90.0),
        "refused:FileList:2026-11-01T12:30",
        "Refused. Downloads are paused until you change the credentials: run `setup`, or, if they "
        f"come from the environment, change them there and restart. Next try at {time_of_day(MOMENT, 90.0)} either way.",
        {},
    ),
    (
        TrackerRefused(MOMENT, "b", "B refuses.", "B"),
        "refused:b:2026-11-01T12:30",
        "B refuses. B is skipped until its credentials change; your other trackers are still used.",
        {},
    ),
    (
        AccountRefused(MOMENT, "ratio"),
        "refused:tracker:2026-11-01T12:fc60b87f",
        "The tracker refuses your torrents because of your account or torrent client (ratio). "
        "Other releases won't help; check the tracker's site.",
        {},
    ),
    (
        NotSeeding(
            *WISH, "R.1995", "ab", SeedingTrouble.FILES_MISSING, "its files are missing in /f", "/f", None
        ),
        f"not seeding:{ASKED}:ab:files missing:",
        "Heat (1995) is no longer seeding: its files are missing in /f: R.1995",
        RELEASE | {"why": "its files are missing in /f", "path": "/f", "trouble": "files missing"},
    ),
    (
        ManyNotSeeding(MOMENT, 12, ("Heat (1995)", "Ran (1985)"), "its files are missing in /d/Heat"),
        "not seeding:12:2026-11-01",
        "12 films are no longer seeding: Heat (1995), Ran (1985) and 10 more. The first: its files are "
        "missing in /d/Heat. If a disk is missing, mount it.",
        {},
    ),
    (OwnDiskFull(MOMENT, "No room."), "disk full:own:2026-11-01T12", "No room.", {}),
    (
        ClientDiskFull(MOMENT, "Heat", 2_000_000_000, 1_234_000_000),
        "disk full:client:2026-11-01T12",
        "The torrent client's disk is full: Heat needs 2.0 GB more, but only 1.2 GB is free. "
        "Downloads continue once there's space.",
        {},
    ),
]


@pytest.mark.parametrize(("event", "known_by", "text", "details"), WORDS)
def test_words_of_every_event(event: Event, known_by: str, text: str, details: dict[str, object]) -> None:
    """The id, the line for people and the values for scripts; nothing else of an event is told."""
    told = worded(event, str)
    assert (told.id, told.text, told.details) == (known_by, text, details)
    assert (told.film or {}).get("id") == ("k1" if ":k1:" in known_by else None)
    assert text_of(event) == text


def test_no_event_is_left_out() -> None:
    """Each that can be raised is in the table above."""
    assert {type(event) for event, *_ in WORDS} == set(get_args(Event))


def test_words_of_a_notice() -> None:
    """Kinds in their order, one safe line an event, none of endless length."""
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    title, text = notice_of(
        [
            WordedEvent("a", EventKind.REFUSED, moment, "a\nb\x1b[31m"),
            WordedEvent("b", EventKind.ADDED, moment, "x" * 5000),
        ]
    )
    assert title == "Movie Sync: 1 added, 1 credentials refused"
    first, second = text.splitlines()
    assert first == "a\ufffdb\ufffd[31m"
    assert len(second) == 300


# --- the whole program ------------------------------------------------------------------------


def test_a_single_run_tells_before_it_ends(tmp_path: Path) -> None:
    """`--once` tells what waits, without the pause that gathers a burst."""
    with (
        LetterboxdStandIn([], username="maria") as letterboxd,
        FileListStandIn([], users={"maria": "5f4dcc3b5aa765d61d8327deb882cf99"}) as tracker,
        Receiver() as receiver,
        Household(
            tmp_path, letterboxd, tracker, on_event=writing(tmp_path), jellyfin={"url": receiver.url}
        ) as home,
    ):
        outbox = EventOutbox(home.data / "events.json", FakeClock(), keep=["command", "jellyfin"])
        for number in range(3):
            outbox.put(worded(event(number, EventKind.DOWNLOADED), str), ["command", "jellyfin"])
        answer = home.run("--once", MOVIE_SYNC_JELLYFIN_TOKEN=TOKEN)
        assert answer.returncode == 0, answer.stderr
        assert len(got(tmp_path)) == 3
        assert len(receiver.received) == 1
        assert TOKEN not in answer.stderr + (home.data / "movie_sync.log").read_text()


def test_the_daemon_tells_and_ends_in_time(tmp_path: Path) -> None:
    """A command that hangs does not keep it from ending, and is told again by the next run."""
    with (
        LetterboxdStandIn([], username="maria") as letterboxd,
        FileListStandIn([], users={"maria": "5f4dcc3b5aa765d61d8327deb882cf99"}) as tracker,
        Household(
            tmp_path,
            letterboxd,
            tracker,
            on_event=["/bin/sh", "-c", f'echo $$ > "{tmp_path}/pid"; exec sleep 1000'],
        ) as home,
    ):
        outbox = EventOutbox(home.data / "events.json", FakeClock(), keep=["command"])
        outbox.put(worded(event(1), str), ["command"])
        daemon = home.start()
        pid = tmp_path / "pid"
        wait_until(lambda: pid.exists() and pid.read_text() != "")
        assert daemon.stop() == 0
        wait_until(lambda: not is_alive(int(pid.read_text())))
        home.write_settings(on_event=writing(tmp_path))
        assert home.run("--once").returncode == 0
        assert len(got(tmp_path)) == 1


def test_check_tries_every_way_of_telling(tmp_path: Path) -> None:
    """`check` sends a notice and has a media server look, and says what does not work."""
    with (
        LetterboxdStandIn([], username="maria") as letterboxd,
        FileListStandIn([], users={"maria": "5f4dcc3b5aa765d61d8327deb882cf99"}) as tracker,
        Receiver(status=200) as receiver,
        Household(
            tmp_path,
            letterboxd,
            tracker,
            notices={"enabled": True},
            jellyfin={"url": receiver.url},
            plex={"url": f"http://127.0.0.1:{free_port()}"},
        ) as home,
    ):
        answer = home.run(
            "check",
            MOVIE_SYNC_NOTICES_URLS=f"json://127.0.0.1:{receiver.port}/",
            MOVIE_SYNC_JELLYFIN_TOKEN=TOKEN,
            MOVIE_SYNC_PLEX_TOKEN=TOKEN,
        )
        assert sorted(received.path for received in receiver.received) == ["/", "/Library/Refresh"]
    lines = answer.stdout.splitlines()
    assert "ok    Notifications: a test notification was sent" in lines
    assert "ok    Jellyfin: looks for new films" in lines
    assert any(line.startswith("FAIL  Plex: Plex at http://127.0.0.1") for line in lines)
    assert answer.returncode == 1
    assert TOKEN not in answer.stdout + answer.stderr


def test_what_outlives_the_process_that_sends(home: NoticeHome) -> None:
    """A process that holds its output open after it ended keeps nobody waiting, and its answer is heard."""
    (home.folder / "modules").mkdir()
    (home.folder / "modules" / "apprise.py").write_text(
        "import os, time\n"
        "if not os.fork():\n"
        "    ends_at = time.monotonic() + 60\n"
        f"    while time.monotonic() < ends_at and not os.path.exists({str(home.folder / 'heard')!r}):\n"
        "        time.sleep(0.05)\n"
        "    os._exit(0)\n"
        "raise ImportError\n"
    )
    home.environ["PYTHONPATH"] = str(home.folder / "modules")
    notices_to(home, "json://x/")
    context = Context(home.paths, Config.load(home.paths.config), Options(), {}, home.environ, home.clock)
    began = monotonic()
    with pytest.raises(UserError, match=r"pip install 'apprise"):
        check.check_telling(context, Notices(), {})
    assert monotonic() - began < 30
    (home.folder / "heard").touch()


def test_an_order_that_hangs(home: NoticeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` waits for a minute, ends it, and says why."""
    monkeypatch.setattr(child_process, "_MOST_SECONDS", 0.0)
    context = Context(home.paths, Config.load(home.paths.config), Options(), {}, home.environ, home.clock)
    with pytest.raises(UserError, match="took longer than 0 seconds"):
        check.check_telling(context, Notices(), {})


# --- the page of examples ---------------------------------------------------------------------

PAGE = (ROOT / "docs" / "notices.md").read_text(encoding="utf-8")
EXAMPLES = {
    "jellyfin": ("http://localhost:8096", "POST /Library/Refresh", 'MediaBrowser Token="YOUR-API-KEY"'),
    "plex": (
        "http://localhost:32400",
        "GET /library/sections/1/refresh?path=%2fsrv%2fA+%26+B",
        "YOUR-TOKEN",
    ),
    "hook": ("http://localhost:5678", "POST /webhook/films", ""),
}


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
@pytest.mark.parametrize("name", EXAMPLES)
def test_documented_commands(home: NoticeHome, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """Each does what the page says with a download, and nothing, without a complaint, with the rest."""
    address, request, secret = EXAMPLES[name]
    home.environ["HOME"] = str(home.folder)
    for file, header in re.findall(r"`(\w+\.conf)` contains `(header = .*)`:", PAGE):
        (home.folder / file).write_text(header)
    block = re.search(rf"<!-- {name} -->\n```json\n(.*)\n```", PAGE)
    assert block
    with Receiver() as receiver:
        announcer = home.announcer(**json.loads(block[1].replace(address, receiver.url)))
        announcer.tell(event(1, EventKind.DOWNLOADED, path="/srv/A & B"))
        announcer.tell(event(2))
        home.until_told(announcer)
        announcer.close()
    received = receiver.received
    assert len(received) == (2 if name == "hook" else 1)
    assert f"{received[0].method} {received[0].path}".lower() == request.lower()
    assert not secret or secret in received[0].headers.values()
    assert caplog.text == ""


def test_every_kind_is_documented() -> None:
    """The page names each kind of event."""
    assert re.findall(r"^\| `([\w ]+)` \|", PAGE, re.MULTILINE) == list(EventKind)
