"""`status` shows at a glance what goes on with every film, from what stands in the data folder alone."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house.fakes import FakeClock
from house.films import choice, film, hash_of

from movie_sync import cli
from movie_sync.clock import SystemClock
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import width
from movie_sync.domain.times import clock_time, day, duration, minute, time_of_day
from movie_sync.invocation import command_line
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import is_worth_writing
from movie_sync.queues.releases import FailedRelease, Seeding, Stage, TorrentProgress
from movie_sync.reports.counts import statistics_words
from movie_sync.reports.daemon_state import (
    Activity,
    ActivityKind,
    DaemonState,
    ListState,
    next_words,
    read_state,
    unread_words,
    write_state,
)
from movie_sync.reports.lines import LineStyle, sections, state_of
from movie_sync.reports.needs import needs
from movie_sync.reports.status import Status, overview
from movie_sync.storage.locks import InstanceLock
from movie_sync.wishes.unlisted_store import UnlistedFilm, UnlistedStore

NOW = FakeClock().now()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


_DAEMON = DaemonState(1, "")


def followed(number: int, stage: Stage, since: datetime = NOW, **more: object) -> QueueEntry:
    """Return a completed film whose torrent is followed."""
    follow = TorrentProgress(stage, since, **more)  # type: ignore[arg-type]
    return QueueEntry(
        film(number), since, completed_at=since, reason="downloaded", choice=choice(number), follow=follow
    )


def failed(number: int, retry_at: datetime | None, **more: object) -> QueueEntry:
    """Return a failed film."""
    return QueueEntry(film(number), NOW - DAY, error="no release", retry_at=retry_at, **more)  # type: ignore[arg-type]


def shown(
    *completed: QueueEntry,
    pending: list[QueueEntry] | None = None,
    fails: list[QueueEntry] | None = None,
    unlisted: list[UnlistedFilm] | None = None,
    download: Activity | None = None,
    style: LineStyle | None = None,
    daemon: DaemonState | None = _DAEMON,
) -> dict[str, list[str]]:
    """Return the sections that are shown, by the first words of their titles."""
    queues = {QueueName.PENDING: pending or [], QueueName.FAILED: fails or [], QueueName.COMPLETED: completed}
    view = overview(queues, unlisted or [], download=download, now=NOW)
    status = Status(NOW, {}, daemon, (), None, view, needs(queues, None, ()))
    groups = sections(status, style or LineStyle())
    return {each.title: [line for item in each.items for line in item] for each in groups if each.items}


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            followed(1, Stage.DOWNLOADING, progress=0.478, bytes_a_second=5_340_000, size_bytes=8_200_000_000, seeds=12),
            "[####......]  47%  Made Up Bravo (1951): 5.3 MB/s, 14 min left, 8.2 GB, 12 seeds",
        ),
        (
            followed(1, Stage.DOWNLOADING, progress=0.9999, idle_seconds=7300.0, seeds=0),
            "[#########.]  99%  Made Up Bravo (1951): no data for 2 h, 0 seeds",
        ),
        (followed(1, Stage.DOWNLOADING, progress=0.5, idle_seconds=59.0), "[#####.....]  50%  Made Up Bravo (1951)"),
        (followed(1, Stage.ADDED, seeds=1), "[..........]   0%  Made Up Bravo (1951): starting, 1 seed"),
        (
            followed(1, Stage.BROKEN, progress=1.0, idle_seconds=90.0),
            "[#########.]  99%  Made Up Bravo (1951): broken, no data for 1 min",
        ),
    ],
)  # fmt: skip
def test_a_torrent_on_its_way(entry: QueueEntry, line: str) -> None:
    """Its line has a bar, what is odd, speed and time left or for how long nothing came, size and seeds."""
    assert shown(entry)["Downloading"] == [f"{line}; Made.Up.Bravo.1951.1080p.BluRay.x264-GRP"]
    assert shown(entry, style=LineStyle(max(len(line) + 4, 72)))["Downloading"][0].startswith(line)


def test_a_torrent_on_its_way_in_a_narrow_terminal() -> None:
    """The film's name stays, and how far it is; the bar and the release's name give way, never half a word."""
    entry = followed(1, Stage.DOWNLOADING, progress=0.478, idle_seconds=7300.0)
    assert shown(entry, style=LineStyle(32))["Downloading"] == [" 47%  Made Up Bravo (1951)"]
    lines = shown(entry, style=LineStyle(60))["Downloading"]
    assert lines == [" 47%  Made Up Bravo (1951): no data for 2 h"]


def test_facts_begin_in_one_column() -> None:
    """On a terminal; a fact without room is left out whole, and a crawl is no pace of days without end."""
    size = 5_400_000_000
    rows = [
        followed(1, Stage.DOWNLOADING, progress=0.5, bytes_a_second=1_900_000, size_bytes=size, seeds=1),
        followed(20, Stage.DOWNLOADING, progress=0.4, bytes_a_second=31_000, size_bytes=size, seeds=12),
        followed(3, Stage.DOWNLOADING, progress=0.3, bytes_a_second=12, size_bytes=size, seeds=1),
    ]
    lines = shown(*rows, style=LineStyle(78))["Downloading"]
    assert [line.partition(":")[2].lstrip() for line in lines] == [
        "1.9 MB/s, 24 min left, 5.4 GB, 1 seed",
        "31 kB/s, 29 h left, 5.4 GB, 12 seeds",
        "5.4 GB, 1 seed",
    ]
    assert len({line.index(fact) for line, fact in zip(lines, ("1.9 M", "31 k", "5.4 G"), strict=True)}) == 1
    narrow = shown(*rows, style=LineStyle(60))["Downloading"]
    assert narrow[0] == " 50%  Made Up Bravo\u2026:   1.9 MB/s, 24 min left, 5.4 GB"
    assert "MB/s" not in str(shown(*rows, daemon=None)["Downloading"])  # that was some time ago


def test_the_furthest_first() -> None:
    """Torrents on their way stand by how far they are; those at their end are not among them."""
    entries = [
        followed(1, Stage.ADDED),
        followed(2, Stage.DOWNLOADING, progress=0.9),
        followed(3, Stage.DOWNLOADED),
        followed(4, Stage.REMOVED),
        QueueEntry(film(5), NOW, completed_at=NOW, reason="already downloaded"),
    ]
    assert [line.split(" (")[0].split()[-1] for line in shown(*entries)["Downloading"]] == [
        "Charlie",
        "Bravo",
    ]


def test_waiting_for_a_release() -> None:
    """Films without an acceptable release, with since when and when they were looked for; others not."""
    searched = NOW - HOUR
    sections_shown = shown(
        fails=[
            failed(1, NOW + HOUR, waits_for_release=True, searched_at=searched),
            failed(2, None, waits_for_release=True),
            failed(3, NOW + 2 * HOUR),
        ]
    )
    again, last = clock_time(NOW + HOUR, NOW), clock_time(searched, NOW)
    assert sections_shown["Waiting for a release"] == [
        f"Made Up Bravo (1951): next try {again}, last {last}: no release",
        "Made Up Charlie (1952): when it appears: no release",
    ]
    assert sections_shown["Next tries"] == [
        f"{clock_time(NOW + 2 * HOUR, NOW)}  Made Up Delta (1953): no release"
    ]
    assert sections_shown["Needs you"] == [
        f"Made Up Charlie (1952): No release. -> Try again: `{command_line('retry', 'made-up-charlie')}`."
    ]


def test_a_film_known_by_its_imdb_id_alone() -> None:
    """Why it waits is said once, with what helps; where a release of that id was taken, with its film."""
    movie = Movie("tt9000001", "", "tt9000001", imdb_id="tt9000001")
    waits = QueueEntry(movie, NOW, error="no page.", retry_at=NOW + HOUR, is_unclear=True)
    lines = shown(fails=[waits])
    assert lines["Needs you"] == [
        "tt9000001: No page. -> Movie Sync keeps trying. To help, add it with the page's bookmarklet, "
        "or import a list that has it."
    ]
    assert lines["Next tries"] == [f"{clock_time(NOW + HOUR, NOW)}  tt9000001: see above"]
    assert state_of(QueueName.FAILED, waits, NOW).startswith("no page; next try")

    taken = followed(1, Stage.DOWNLOADED)
    taken = taken._replace(movie=film(1, imdb_id=None), choice=replace(choice(1), imdb_id="tt9000001"))
    (line,) = shown(taken, fails=[waits])["Needs you"]
    assert "It's probably Made Up Bravo (1951), which was taken already: its release has" in line
    assert line.endswith(f"remove this one: `{command_line('remove', 'tt9000001')}`.")


def test_a_film_without_a_slug_is_called_by_its_title() -> None:
    """Where that can be told from every other film; else by its id."""
    (name, alike) = (Movie("2aYU", "", "Heat", 1995), Movie("2aYV", "", "heat", 1986))
    gave_up = QueueEntry(name, NOW, error="no release", retry_at=None)
    for others, typed in (([], "Heat (1995)"), ([QueueEntry(alike, NOW)], "2aYU")):
        (line,) = shown(pending=others, fails=[gave_up])["Needs you"]
        assert line.endswith(f"Try again: `{command_line('retry', typed)}`.")


def test_waiting_for_room() -> None:
    """The films that wait for room or are next, the newest wishes first."""
    pending = [QueueEntry(film(number), NOW + number * HOUR) for number in (1, 2)]
    why = "5 of 5 download slots in use"
    lines = shown(pending=pending, download=Activity(ActivityKind.NO_ROOM, why))["Waiting for a slot"]
    assert lines == ["Made Up Charlie (1952)", "Made Up Bravo (1951)"]
    assert shown(pending=pending, download=Activity(ActivityKind.NO_FILMS))["Up next"] == lines


def test_stalled() -> None:
    """Releases that were given up while the film has no whole torrent, and torrents idle for an hour."""
    tried = (FailedRelease(choice(9), "nothing came for 48 hours"),)
    sections_shown = shown(
        followed(1, Stage.DOWNLOADING, idle_seconds=3600.0),
        followed(2, Stage.DOWNLOADING, idle_seconds=3599.0),
        _with(followed(3, Stage.DOWNLOADED), tried),
        _with(followed(4, Stage.ADDED), tried),
        pending=[_with(QueueEntry(film(5), NOW), tried)],
        fails=[_with(failed(6, NOW), tried)],
    )
    given_up = "nothing came for 48 hours: Made.Up.Juliett.1959.1080p.BluRay.x264-GRP"
    assert sections_shown["Stalled"] == [
        f"Made Up Foxtrot (1955): {given_up}",
        f"Made Up Golf (1956): {given_up}",
        f"Made Up Echo (1954): {given_up}",
        "Made Up Bravo (1951): almost no data for 1 h: Made.Up.Bravo.1951.1080p.BluRay.x264-GRP",
    ]


def _with(entry: QueueEntry, tried: tuple[FailedRelease, ...]) -> QueueEntry:
    return entry._replace(tried=tried)


def test_what_is_over() -> None:
    """A week of what is done and a month of what was taken out or left the list, the latest first."""
    entries = [
        followed(1, Stage.DOWNLOADED, NOW - 6 * DAY, path="/films/One"),
        followed(2, Stage.DOWNLOADED, NOW - 7 * DAY),
        followed(3, Stage.DOWNLOADED, NOW - DAY),
        followed(4, Stage.REMOVED, NOW - 30 * DAY),
        followed(5, Stage.REMOVED, NOW - 31 * DAY),
    ]
    unlisted = [
        UnlistedFilm(film(6), NOW - DAY, (hash_of(6),), tagged=True),
        UnlistedFilm(film(7), NOW - 2 * DAY, (hash_of(7),)),
        UnlistedFilm(film(8), NOW - 30 * DAY),
        UnlistedFilm(film(9), NOW - 31 * DAY),
        UnlistedFilm(film(10), NOW, (hash_of(10),), relisted=True),
    ]
    sections_shown = shown(*entries, unlisted=unlisted)
    assert sections_shown["Done this week"] == [
        f"{minute(NOW - DAY)}  Made Up Delta (1953): Made.Up.Delta.1953.1080p.BluRay.x264-GRP",
        f"{minute(NOW - 6 * DAY)}  Made Up Bravo (1951): Made.Up.Bravo.1951.1080p.BluRay.x264-GRP, in /films/One",
    ]
    assert [line.split(":")[0] for line in sections_shown["No longer in the torrent client"]] == [
        f"{day(NOW - 30 * DAY)}  made-up-echo"
    ]
    assert sections_shown["No longer listed"] == [
        f"{day(NOW - DAY)}  Made Up Golf (1956); its torrent is tagged",
        f"{day(NOW - 2 * DAY)}  Made Up Hotel (1957); its torrent stays",
        f"{day(NOW - 30 * DAY)}  Made Up India (1958)",
    ]


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_lines_fit_a_terminal(columns: int) -> None:
    """No line is wider than the terminal, whatever the title; nothing unsafe gets through."""
    title = "\x1b[31m\u202e \u6620\u753b " * 10
    tried = (FailedRelease(choice(9), "odd \x07 reason " * 20),)
    entries = [
        followed(1, Stage.DOWNLOADING, idle_seconds=4000.0),
        followed(2, Stage.DOWNLOADED),
        followed(3, Stage.REMOVED),
    ]
    long = Movie("K9", "long", title, 1995)
    entries = [_renamed(entry, long) for entry in entries]
    sections_shown = shown(
        *entries,
        pending=[_with(QueueEntry(long, NOW), tried)],
        fails=[_renamed(failed(1, NOW, waits_for_release=True), long), failed(2, None)],
        unlisted=[UnlistedFilm(long, NOW, (hash_of(1),))],
        download=Activity(ActivityKind.NO_ROOM, "no room " * 40),
        style=LineStyle(columns),
    )
    assert len(sections_shown) == 8
    for lines in sections_shown.values():
        for line in lines:
            assert width(line) <= columns - 2
            assert not {"\x1b", "\x07", "\u202e"} & set(line)


def _renamed(entry: QueueEntry, movie: Movie) -> QueueEntry:
    return entry._replace(movie=movie)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172_799, "47 h"), (172_800, "2 days"), (900_000, "10 days")],
)  # fmt: skip
def test_durations(seconds: float, words: str) -> None:
    """A length of time in its largest unit, never more than it is."""
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (followed(1, Stage.ADDED), "added, 0%: "),
        (followed(1, Stage.DOWNLOADING, progress=0.478), "downloading, 47%: "),
        (followed(1, Stage.BROKEN, progress=0.2), "broken, 20%: "),
        (followed(1, Stage.REMOVED, progress=0.2), "no longer in the client: "),
        (followed(1, Stage.DOWNLOADED, progress=1.0), "downloaded: "),
        (followed(1, Stage.ADDED)._replace(follow=None, reason="downloaded"), "handed over: "),
    ],
)
def test_the_stage_in_the_queue(entry: QueueEntry, state: str) -> None:
    """`queue completed` shows how far each torrent is."""
    assert (
        state_of(QueueName.COMPLETED, entry, datetime.now(UTC))
        == f"{state}Made.Up.Bravo.1951.1080p.BluRay.x264-GRP"
    )


# --- the command ------------------------------------------------------------------------------------


def _fill(folder: Path, count: int = 1) -> None:
    """Bring films into every state, as the daemon does it."""
    clock = SystemClock()
    queues = QueueManager(folder)
    now = clock.now()
    stages = (
        TorrentProgress(Stage.DOWNLOADING, now, 0.25, 1_500_000, 0.0, size_bytes=6_000_000_000, seeds=3),
        TorrentProgress(Stage.DOWNLOADED, now, path="/films/One"),
        TorrentProgress(Stage.REMOVED, now, path="/films/Two"),
    )
    for number in range(3 * count):
        queues.add_to_completed(film(number), choice=choice(number), follow=stages[number % 3])
    waiting = film(100)
    queues.add_all_to_pending([waiting])
    queues.add_to_failed(waiting, "no release", now + HOUR, waits_for_release=True, searched_at=now)
    queues.add_to_completed(film(101), choice=choice(101), follow=stages[0])
    queues.give_up(film(101), FailedRelease(choice(101), "nothing came for 48 hours"))
    UnlistedStore(folder / "unlisted.json", clock).note([film(1)], queues.torrents_of)


def test_for_scripts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with a list for each state, without a login: qBittorrent is not there at all."""
    settings = {"qbittorrent": {"url": "http://127.0.0.1:9"}, "path_map": [["/films", "/mnt/films"]]}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    _fill(tmp_path)
    assert cli.main(["status", "--json", "--data-dir", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["statistics"] == {"pending": 1, "failed": 1, "completed": 3, "permanent_failures": 0}
    names = {"film": "Made Up Alpha (1950)", "slug": "made-up-alpha", "id": "K0"}
    assert document["downloading"] == [
        {
            "name": choice(0).release,
            "info_hash": hash_of(0),
            "progress": 0.25,
            "state": "downloading",
            **names,
            "speed": 1_500_000,
            "idle_seconds": 0,
            "size_bytes": 6_000_000_000,
            "seeds": 3,
            "seconds_left": 3000,
        }
    ]
    [waiting] = document["waiting_for_release"]
    assert waiting.keys() == {
        "film",
        "slug",
        "id",
        "since",
        "last_searched",
        "next_search",
        "error",
        "release_dates",
    }
    assert document["waiting_for_room"] is None
    [stalled] = document["stalled"]
    assert (stalled["release"], stalled["why"]) == (choice(101).release, "nothing came for 48 hours")
    [done] = document["done_this_week"]
    assert (done["film"], done["release"], done["path"]) == (
        "Made Up Bravo (1951)",
        choice(1).release,
        "/mnt/films/One",
    )
    assert datetime.fromisoformat(done["when"]).tzinfo is not None
    [removed] = document["removed_in_client"]
    assert (removed["id"], removed["path"]) == ("K2", "/mnt/films/Two")
    [gone] = document["unlisted"]
    assert (gone["id"], gone["info_hashes"], gone["tagged"]) == ("K1", [hash_of(1)], False)


def test_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At most ten lines of a kind, then how many there are besides; plain ASCII where it is no terminal."""
    _fill(tmp_path, count=12)
    assert cli.main(["status", "--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("[##........]  25%  Made Up ") == 10
    assert out.count(f"  and 2 more: `{command_line('queue')}`") == 3
    for title in (
        "Downloading",
        "Waiting for a release",
        "Stalled",
        "Done this week",
        "No longer listed",
    ):
        assert f"\n{title}" in out
    assert "Waiting for a slot" not in out


def test_what_is_to_be_seeded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against what the tracker asks: what is missing first, then what of the last month may go; not what is gone."""
    queues, now = QueueManager(tmp_path), SystemClock().now()
    seen = [
        (Seeding(now, 0.25, 10 * 3600), 1),
        (Seeding(now, 1.5, 3600, is_settled=True), 1),
        (Seeding(now, 1.5, 3600, is_settled=True), 40),
        (Seeding(now, 0.1, 3600, is_gone=True), 1),
        (Seeding(), 1),
    ]
    for number, (seeding, days) in enumerate(seen):
        done = TorrentProgress(Stage.DOWNLOADED, now - days * DAY, seeding=seeding)
        queues.add_to_completed(film(number), choice=choice(number), follow=done)
    cli.main(["status", "--data-dir", str(tmp_path)])
    lines = capsys.readouterr().out.partition("\nSeeding:\n")[2].splitlines()
    assert lines[:2] == [
        "  Made Up Alpha (1950): seeded for 10 h, ratio 0.25, can be deleted in 38 h, or once its ratio has grown by "
        "0.75: Made.Up.Alpha.1950.1080p.BluRay.x264-GRP",
        "  Made Up Bravo (1951): can be deleted, seeded for 1 h, ratio 1.50: Made.Up.Bravo.1951.1080p.BluRay.x264-GRP",
    ]
    cli.main(["status", "--json", "--data-dir", str(tmp_path)])
    told = json.loads(capsys.readouterr().out)["seeding"]
    assert [(each["slug"], each["ratio"], each["seeding_seconds"], each["may_go"]) for each in told] == [
        ("made-up-alpha", 0.25, 36_000, False),
        ("made-up-bravo", 1.5, 3600, True),
    ]


def test_a_daemon_without_room(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a running daemon says of room is told with the number of films that wait; an old word is not."""
    _fill(tmp_path)
    no_room = Activity(ActivityKind.NO_ROOM, "full")
    write_state(tmp_path / "daemon.json", DaemonState(1, "2026-11-01T12:00:00Z", download=no_room))
    lock = InstanceLock(tmp_path / "daemon.lock")
    assert lock.acquire()
    try:
        cli.main(["status", "--json", "--data-dir", str(tmp_path)])
    finally:
        lock.release()
    assert json.loads(capsys.readouterr().out)["waiting_for_room"] == {"why": "full", "pending": 1}
    cli.main(["status", "--json", "--data-dir", str(tmp_path)])
    assert json.loads(capsys.readouterr().out)["waiting_for_room"] is None


def test_a_client_that_is_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its trouble is a line of its own, and what is shown of torrents carries the time when it was true."""
    _fill(tmp_path)
    os.utime(tmp_path / "queue_completed.json", (1_793_534_400, 1_793_534_400))
    state = DaemonState(
        1, "2026-11-01T12:00:00Z", client="qBittorrent couldn't be reached.", trackers=("B is down.",)
    )
    write_state(tmp_path / "daemon.json", state)
    lock = InstanceLock(tmp_path / "daemon.lock")
    assert lock.acquire()
    try:
        cli.main(["status", "--data-dir", str(tmp_path)])
        shown = capsys.readouterr().out
        cli.main(["status", "--json", "--data-dir", str(tmp_path)])
        told = json.loads(capsys.readouterr().out)
        write_state(tmp_path / "daemon.json", replace(state, client=""))
        cli.main(["status", "--data-dir", str(tmp_path)])
        well = capsys.readouterr().out
    finally:
        lock.release()
    assert shown.startswith("qBittorrent couldn't be reached.\nB is down.\nRunning since ")
    assert told["trackers"] == ["B is down."]
    seen = minute(datetime.fromtimestamp(1_793_534_400, UTC))
    assert f"Downloading (as last seen at {seen})" in shown
    assert (told["client"], told["torrents_seen_at"]) == (
        "qBittorrent couldn't be reached.",
        "2026-11-01T12:00:00Z",
    )
    assert "qBittorrent" not in well
    assert "Downloading:" in well
    cli.main(["status", "--data-dir", str(tmp_path)])  # without a daemon
    alone = capsys.readouterr().out
    assert alone.startswith(f"Movie Sync isn't running. Everything below is as of {seen}.\n")
    assert f"as last seen at {seen}" in alone


def test_several_lists(tmp_path: Path) -> None:
    """Those that can't be read are named first, each with why; of the others, when they are read next."""
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    due = at + timedelta(minutes=10)
    lists = (
        ListState("anna's watchlist", due),
        ListState("Halloween", at + timedelta(hours=2), "It's private."),
    )
    state = DaemonState(
        1, "2026-11-01T12:00:00Z", Activity(ActivityKind.LIST_UNREADABLE, "Halloween: It's private.", due),
        lists=lists,
    )  # fmt: skip
    write_state(tmp_path / "daemon.json", state)
    read = read_state(tmp_path / "daemon.json")
    assert read == state
    words, later_words = time_of_day(at, 600), time_of_day(at, 7200)
    assert unread_words(lists, at) == [f"Couldn't read Halloween: It's private. Next try at {later_words}."]
    assert next_words(lists, at) == f"anna's watchlist at {words}"
    assert next_words([ListState(str(number), due) for number in range(9)], at).endswith("and 3 more")
    assert next_words(lists[1:], at) == "no list can be read now"


# --- the daemon's statistics ------------------------------------------------------------------------


def test_the_statistics_of_the_daemon(tmp_path: Path) -> None:
    """Torrents are counted where there are any; what is done counts for a week, over a restart too."""
    clock = FakeClock()
    queues = QueueManager(tmp_path, clock=clock)
    assert statistics_words(queues) == "0 pending, 0 failed (0 given up), 0 completed."
    for number, stage in enumerate((Stage.DOWNLOADED, Stage.DOWNLOADED, Stage.DOWNLOADING, Stage.REMOVED)):
        queues.add_to_completed(
            film(number), choice=choice(number), follow=TorrentProgress(stage, clock.now())
        )
    queues.add_all_to_pending([film(9)])
    queues.add_to_failed(film(9), "no release", None, waits_for_release=True)
    words = "0 pending, 1 failed (1 given up), 4 completed; 1 downloading, 1 waiting for a release"
    assert statistics_words(queues) == f"{words}, 2 done this week."
    queues.remove(["made-up-alpha"])
    assert queues.done_lately_count() == 1
    assert QueueManager(tmp_path, clock=clock).done_lately_count() == 1
    clock.advance(8 * 24 * 3600)
    assert queues.done_lately_count() == 0
    assert QueueManager(tmp_path, clock=clock).done_lately_count() == 0


@pytest.mark.parametrize(
    ("before", "after", "is_worth"), [(0, 59, False), (30, 61, True), (61, 600, False), (3500, 3600, True)]
)
def test_a_standstill_is_written_down(before: float, after: float, is_worth: bool) -> None:
    """After a minute and after an hour, so that what `status` shows of a torrent is true."""
    follow = TorrentProgress(Stage.DOWNLOADING, NOW, 0.5)
    stood, stands = replace(follow, idle_seconds=before), replace(follow, idle_seconds=after)
    assert is_worth_writing(stood, stands, 172_800) is is_worth
