"""What is to be told outlasts crashes, is told once by each channel, and costs little."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.crash_disk import Disk, Recorder, Tree, write_tree
from house.fakes import FakeClock
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from movie_sync.domain.events import Downloaded, EventKind
from movie_sync.domain.models import Movie
from movie_sync.errors import StorageError
from movie_sync.notices import outbox as event_outbox
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.wording import WordedEvent, worded
from movie_sync.queues.codec import movie_to_dict

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
HEAT = Movie(
    "lid1", "heat-1995", "Heat \u2013 \u00e4", 1995, "https://letterboxd.com/film/heat-1995/", "tt0113277"
)
BOTH = ("command", "notices")


def event(number: int) -> WordedEvent:
    """Return an event of its own."""
    details: dict[str, str | int | float] = {"release": "Heat.1995", "size": 12.5}
    film = movie_to_dict(HEAT)
    return WordedEvent(f"added:{number}", EventKind.ADDED, NOW, f"text {number}", film, details)


def outbox_in(folder: Path, keep: tuple[str, ...] = BOTH) -> EventOutbox:
    """Open the outbox as a start of the program does."""
    return EventOutbox(folder / "events.json", FakeClock(), keep=keep)


def ids(outbox: EventOutbox, channel: str = "command") -> list[str]:
    """Return the ids that wait for a channel."""
    return [waiting.id for waiting in outbox.waiting(channel)]


def test_an_event_comes_out_as_it_went_in(tmp_path: Path) -> None:
    """Now and after a restart; the file is its owner's alone, and nothing is written before it is needed."""
    outbox = outbox_in(tmp_path)
    assert list(tmp_path.iterdir()) == []
    strange = WordedEvent("x", EventKind.DISK_FULL, NOW, "no film, half a pair \ud800")
    outbox.put(event(1), BOTH)
    outbox.put(strange, BOTH)

    for each in (outbox, outbox_in(tmp_path)):
        assert list(each.waiting("notices")) == [event(1), strange]
        span = each.span("command")
        assert span == (NOW, NOW)
    assert (tmp_path / "events.json").stat().st_mode & 0o777 == 0o600


BEFORE = (
    b'{"told": ["added:lid0:2026-11-01T12:00:00Z:cd"]}\n'
    b'{"event": {"id": "downloaded:lid1:2026-11-01T12:00:00Z:ab", "kind": "downloaded", '
    b'"at": "2026-11-01T13:00:00Z", "text": "Heat (1995): downloaded: R", "film": {"id": "lid1", '
    b'"slug": "heat-1995", "title": "Heat", "year": 1995, '
    b'"url": "https://letterboxd.com/film/heat-1995/", "imdb_id": "tt0113277", "original_title": "H\\u00e9at"}, '
    b'"details": {"release": "R", "info_hash": "ab", "path": "/f"}}, "for": ["command", "notices"]}\n'
    b'{"event": {"id": "disk full:client:2026-11-01T12", "kind": "disk full", "at": "2026-11-01T12:00:00Z", '
    b'"text": "The torrent client\'s disk is full.", "film": null, "details": {}}, "for": ["notices"]}\n'
    b'{"done": ["downloaded:lid1:2026-11-01T12:00:00Z:ab"], "for": ["notices"]}\n'
)


def test_a_file_of_the_version_before(tmp_path: Path) -> None:
    """What it left is told, in its words and with its values, and written again in the same form."""
    (tmp_path / "events.json").write_bytes(BEFORE)
    outbox = outbox_in(tmp_path)
    (downloaded,) = outbox.waiting("command")
    plain = json.loads(downloaded.for_scripts())
    assert list(plain) == ["id", "kind", "at", "text", "film", "release", "info_hash", "path"]
    assert list(plain["film"]) == ["id", "slug", "title", "year", "imdb_id", "url"]
    assert [each.text for each in outbox.waiting("notices")] == ["The torrent client's disk is full."]
    lines = BEFORE.splitlines()
    for place in (1, 2):
        assert json.loads(lines[place])["event"] in [
            each.to_dict() for channel in BOTH for each in outbox.waiting(channel)
        ]


def test_each_channel_is_done_by_itself(tmp_path: Path) -> None:
    """What one channel told waits for the other alone, also after a restart."""
    outbox = outbox_in(tmp_path)
    outbox.put(event(1), BOTH)
    outbox.put(event(2), ["notices"])
    outbox.done("command", [event(1).id])
    outbox.done("notices", [event(2).id])

    for each in (outbox, outbox_in(tmp_path)):
        assert ids(each, "command") == []
        assert ids(each, "notices") == [event(1).id]
        assert each.span("command") is None


def test_a_repeat_is_not_told_twice(tmp_path: Path) -> None:
    """Neither while it waits nor after it was told, also across restarts; the last 500 ids are known."""
    outbox = outbox_in(tmp_path)
    outbox.put(event(1), BOTH)
    outbox.put(event(1), BOTH)
    assert ids(outbox) == [event(1).id]
    for channel in BOTH:
        outbox.done(channel, [event(1).id])
    outbox.put(event(1), BOTH)
    again = outbox_in(tmp_path)
    again.put(event(1), BOTH)
    assert ids(outbox) == ids(again) == []

    for number in range(2, 502):
        again.put(event(number), ["command"])
        again.done("command", [event(number).id])
    again.put(event(2), BOTH)
    again.put(event(1), BOTH)
    assert ids(again) == [event(1).id]


def test_nobody_to_tell(tmp_path: Path) -> None:
    """An event for no channel is not kept."""
    outbox = outbox_in(tmp_path)
    outbox.put(event(1), [])
    assert list(tmp_path.iterdir()) == []


def test_channels_that_are_gone(tmp_path: Path) -> None:
    """What waited for a way of telling that is turned off waits for the others alone."""
    outbox = outbox_in(tmp_path)
    outbox.put(event(1), BOTH)
    outbox.put(event(2), ["notices"])

    again = outbox_in(tmp_path, keep=("command",))

    assert ids(again) == [event(1).id]
    assert ids(again, "notices") == []
    assert ids(outbox_in(tmp_path), "notices") == []  # turned on again: that was long ago


def test_the_oldest_give_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be told, so many wait and no more, and it is said once."""
    monkeypatch.setattr(event_outbox, "_MOST_WAITING", 50)
    outbox = outbox_in(tmp_path)
    for number in range(53):
        outbox.put(event(number), ["command"])
    assert ids(outbox)[0] == event(3).id
    assert len(ids(outbox)) == 50
    assert caplog.text.count("are dropped") == 1

    again = outbox_in(tmp_path)  # what was given up stays so
    assert ids(again) == ids(outbox)
    again.put(event(0), ["command"])
    assert ids(again) == ids(outbox)
    monkeypatch.setattr(event_outbox, "_MOST_WAITING", 20)
    assert ids(outbox_in(tmp_path)) == ids(outbox)[-20:]


def test_a_burst_costs_little(tmp_path: Path) -> None:
    """Three hundred events, told one by one: a line and a flush each, and the file does not grow for ever."""
    outbox = outbox_in(tmp_path)
    recorder = Recorder(tmp_path)
    with recorder.watching():
        for number in range(300):
            outbox.put(event(number), BOTH)
        for number in range(300):
            outbox.done("command", [event(number).id])
        outbox.done("notices", [event(number).id for number in range(300)])
    written = sum(len(call.content) for call in recorder.calls)
    flushes = sum(call.name == "fsync" for call in recorder.calls)
    print(f"{written} bytes written, {flushes} flushes")
    assert written < 300_000
    assert flushes <= 302
    for number in range(300, 1000):
        outbox.put(event(number), ["command"])
        outbox.done("command", [event(number).id])
    assert (tmp_path / "events.json").stat().st_size < 450_000


DAMAGE = {
    "cut in a line": lambda content: content[:-5] + b"\n",
    "rubbish": lambda content: b"\xff\x00\x1b\n" + content,
    "no object": lambda content: b"[1]\n7\nnull\n" + content,
    "a later form": lambda content: b'{"sent": ["a"]}\n' + content,
    "another kind": lambda content: content.replace(b'"added"', b'"added 2"', 1),
    "no time": lambda content: content.replace(b'"at": "2026-11-01T12', b'"at": "yesterday', 1),
    "deep": lambda content: b"[" * 100_000 + b"\n" + content,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_costs_what_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """The good lines are told, the file as it was is kept aside, and that is said once."""
    outbox = outbox_in(tmp_path)
    for number in (1, 2):
        outbox.put(event(number), BOTH)
    path = tmp_path / "events.json"
    damaged = DAMAGE[name](path.read_bytes())
    path.write_bytes(damaged)

    left = ids(outbox_in(tmp_path))

    assert event(1).id in left or event(2).id in left
    asides = list(tmp_path.glob("events.json.damaged-*"))
    assert [aside.read_bytes() for aside in asides] == [damaged]
    assert caplog.text.count("is damaged") == 1
    assert ids(outbox_in(tmp_path)) == left
    assert caplog.text.count("is damaged") == 1


def test_damage_on_a_full_disk_without_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written anew stays where the next start finds it."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    outbox_in(tmp_path).put(event(1), BOTH)
    path = tmp_path / "events.json"
    path.write_bytes(b"rubbish\n" + path.read_bytes())
    monkeypatch.setattr(os, "link", refuse)

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "write", refuse)
        with pytest.raises(StorageError):
            outbox_in(tmp_path)

    assert ids(outbox_in(tmp_path)) == [event(1).id]


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "empty"])
def test_something_else_in_its_place(tmp_path: Path, kind: str) -> None:
    """A folder or pipe is put aside, a link replaced and never followed, before a start or while running."""
    path = tmp_path / "events.json"
    victim = tmp_path / "victim"
    for is_running in (False, True):
        outbox = outbox_in(tmp_path)
        if is_running:
            outbox.put(event(1), BOTH)
            path.unlink()
        if kind == "folder" and is_running:
            continue  # a folder cannot be replaced while the program runs: next test
        {
            "folder": path.mkdir,
            "pipe": lambda: os.mkfifo(path),
            "link": lambda: path.symlink_to(victim),
            "empty": path.touch,
        }[kind]()
        if not is_running:
            outbox = outbox_in(tmp_path)
        outbox.put(event(2), BOTH)
        assert event(2).id in ids(outbox_in(tmp_path))
        assert path.is_file()
        assert not path.is_symlink()
        path.unlink()
    assert not victim.exists()


def test_a_full_disk(tmp_path: Path) -> None:
    """It is an error, but the event is told from memory, and is on the disk with the next write."""
    outbox = outbox_in(tmp_path)
    outbox.put(event(1), BOTH)
    for number in range(2, 6):  # each call of an attempt fails once
        recorder = Recorder(tmp_path)
        recorder.fail_from, recorder.fail_until = number % 2, 100
        with recorder.watching():
            for _ in range(2):  # putting it again tries to write it again
                with pytest.raises(StorageError) as caught:
                    outbox.put(event(number), BOTH)
                assert caught.value.errno == errno.ENOSPC
        assert event(number).id in ids(outbox)
        assert event(1).id in ids(outbox_in(tmp_path))
    outbox.put(event(5), BOTH)
    assert ids(outbox_in(tmp_path)) == [event(number).id for number in range(1, 6)]


def test_a_done_that_cannot_be_written(tmp_path: Path) -> None:
    """It is no error: nothing is told again while the program runs, and the next write catches up."""
    outbox = outbox_in(tmp_path)
    outbox.put(event(1), ["command"])
    recorder = Recorder(tmp_path)
    recorder.fail_from, recorder.fail_until = 0, 100
    with recorder.watching():
        outbox.done("command", [event(1).id])
    assert ids(outbox) == []
    assert ids(outbox_in(tmp_path)) == [event(1).id]
    outbox.put(event(2), ["command"])
    assert ids(outbox_in(tmp_path)) == [event(2).id]


def test_a_crash_at_any_call(tmp_path: Path) -> None:
    """What was put before is told after; what was done is not told again, unless its note was cut off."""
    folder, rebuilt = tmp_path / "data", tmp_path / "rebuilt"
    folder.mkdir()
    outbox = outbox_in(folder)
    disk = Disk()
    put: list[str] = []
    told: list[str] = []
    points = 0

    def judge(tree: Tree, at_work: str) -> None:
        write_tree(rebuilt, tree)
        left = ids(outbox_in(rebuilt))
        assert set(put) - set(told) <= set(left)
        assert set(left) <= (set(put) - set(told)) | {at_work}
        again = outbox_in(rebuilt)
        for number in range(12):
            again.put(event(number), ["command"])
        assert not set(told) & set(ids(again))
        assert not list(rebuilt.glob("*damaged*"))

    for number in range(12):
        recorder = Recorder(folder)
        with recorder.watching():
            if number % 4 == 3:
                at_work = event(number - 1).id
                outbox.done("command", [at_work])
            else:
                at_work = event(number).id
                outbox.put(event(number), ["command"])
        if number % 4 == 3:
            put.remove(at_work)  # while its note is written it may be told again, or not
        for call in recorder.calls:
            for tree in disk.after_kill(call):
                points += 1
                if number % 4 == 3:
                    write_tree(rebuilt, tree)
                    assert set(put) - set(told) <= set(ids(outbox_in(rebuilt)))
                else:
                    judge(tree, at_work)
            disk.carry_out(call)
        (told if number % 4 == 3 else put).append(at_work)
    assert points > 20


@pytest.mark.parametrize("tail", [b"", b"half", b"zeroes"])
def test_a_power_failure_costs_only_what_was_not_flushed(tmp_path: Path, tail: bytes) -> None:
    """The note that something was told may be gone: then it is told again, and nothing else is lost."""
    outbox = outbox_in(tmp_path)
    for number in range(3):
        outbox.put(event(number), ["command"])
    path = tmp_path / "events.json"
    flushed = path.read_bytes()
    outbox.done("command", [event(0).id])
    note = path.read_bytes()[len(flushed) :]
    left = {b"": b"", b"half": note[: len(note) // 2], b"zeroes": bytes(len(note))}[tail]
    path.write_bytes(flushed + left)

    again = outbox_in(tmp_path)
    assert ids(again) == [event(number).id for number in range(3)]
    again.put(event(3), ["command"])
    assert len(ids(outbox_in(tmp_path))) == 4
    assert not list(tmp_path.glob("*damaged*"))


_PUTTER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from movie_sync.clock import SystemClock
from movie_sync.domain.events import EventKind
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.wording import WordedEvent
outbox = EventOutbox(Path(sys.argv[1]), SystemClock(), keep=["command"])
for number in range(100_000):
    outbox.put(WordedEvent(f"e{number}", EventKind.ADDED, datetime.now(UTC), "x" * 500), ["command"])
    print(number, flush=True)
    if number % 2:
        outbox.done("command", [f"e{number}"])
        print(-number, flush=True)
"""


def test_killed_while_it_writes(tmp_path: Path) -> None:
    """A process that dies at any moment leaves every event that it had put, and none that it had told."""
    for lines in (3, 40, 111):
        path = tmp_path / f"events-{lines}.json"
        process = subprocess.Popen(
            [sys.executable, "-c", _PUTTER, path], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split()]
        process.wait()
        process.stdout.close()
        left = {waiting.id for waiting in EventOutbox(path, FakeClock(), keep=["command"]).waiting("command")}
        told = {f"e{-number}" for number in said if number < 0}
        assert {f"e{number}" for number in said if number >= 0 and number % 2 == 0} <= left
        assert not told & left
        assert len(left) <= len([number for number in said if number >= 0]) - len(told) + 1


def test_many_threads(tmp_path: Path) -> None:
    """Workers put while the main thread takes; nothing is lost or doubled."""
    outbox = outbox_in(tmp_path)
    threads = [
        threading.Thread(
            target=lambda first=first: [
                outbox.put(event(first + number), ["command"]) for number in range(50)
            ]
        )
        for first in (0, 100, 200)
    ]
    for thread in threads:
        thread.start()
    taken: list[str] = []
    while len(taken) < 150:
        some = ids(outbox)
        outbox.done("command", some)
        taken += some
    for thread in threads:
        thread.join()
    assert len(set(taken)) == len(taken) == 150
    assert ids(outbox_in(tmp_path)) == []


class OutboxMachine(RuleBasedStateMachine):
    """Any puts, notes and restarts, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name)
        self.outbox = outbox_in(self._path)
        self.left: dict[str, set[str]] = {}
        self.seen: set[str] = set()

    @rule(number=st.integers(0, 12), channels=st.sets(st.sampled_from(BOTH), min_size=1))
    def put(self, number: int, channels: set[str]) -> None:
        """Put an event, new or not."""
        self.outbox.put(event(number), sorted(channels))
        if event(number).id not in self.seen:
            self.left[event(number).id] = set(channels)
            self.seen.add(event(number).id)

    @rule(numbers=st.sets(st.integers(0, 12)), channel=st.sampled_from(BOTH))
    def done(self, numbers: set[int], channel: str) -> None:
        """Note that some were told, waiting or not."""
        told = {event(number).id for number in numbers}
        self.outbox.done(channel, told)
        for event_id in told & self.left.keys():
            self.left[event_id].discard(channel)

    @rule(rest=st.sampled_from([b"", b'{"ev', b"\0\0\0", b"\xff"]))
    def crash(self, rest: bytes) -> None:
        """Start again, with the beginning of a line that was not written whole."""
        path = self._path / "events.json"
        if path.exists():
            with path.open("ab") as file:
                file.write(rest)
        self.outbox = outbox_in(self._path)

    @invariant()
    def waits_what_is_left(self) -> None:
        """Each channel has what was put for it and not told."""
        for channel in BOTH:
            assert ids(self.outbox, channel) == [key for key, left in self.left.items() if channel in left]
        assert not list(self._path.glob("*damaged*"))

    def teardown(self) -> None:
        """Delete the folder."""
        self._folder.cleanup()


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(
    max_examples=2 * settings().max_examples, stateful_step_count=30, deadline=None
)


def test_what_a_command_gets() -> None:
    """One line of ASCII JSON: what every event has, its details beside it, never over it."""
    odd = worded(Downloaded(NOW + timedelta(hours=1), HEAT, NOW, "R", "", "/f/\u00e4"), str)
    odd.details.update(text="other", kind2=1)

    line = odd.for_scripts()

    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "id": "downloaded:lid1:2026-11-01T12:00:00Z:",
        "kind": "downloaded",
        "at": "2026-11-01T13:00:00Z",
        "text": "Downloaded Heat \u2013 \u00e4 (1995): R",
        "film": {
            "id": "lid1",
            "slug": "heat-1995",
            "title": "Heat \u2013 \u00e4",
            "year": 1995,
            "imdb_id": "tt0113277",
            "url": "https://letterboxd.com/film/heat-1995/",
        },
        "release": "R",
        "info_hash": "",
        "path": "/f/\u00e4",
        "kind2": 1,
    }
