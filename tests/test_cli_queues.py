"""`status`, `queue` and the commands that edit the queues, on a folder written by hand."""

import io
import json
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house import commands
from house.commands import NOWHERE, held, run, write
from house.films import on_filelist

from movie_sync.clock import SystemClock
from movie_sync.daemon import inbox
from movie_sync.domain.models import Choice, Movie, QueueName
from movie_sync.domain.times import minute, parse_time
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import Activity, ActivityKind, DaemonState, read_state, write_state
from movie_sync.reports.dry_run import dry_run_lines, outcomes_so_far
from movie_sync.storage.locks import InstanceLock
from movie_sync.wishes.watchlist_store import memory_files, read_memory

ROOT = Path(__file__).resolve().parents[1]
# Fixtures count where a test file names them.
data, process_as_before = commands.data, commands.process_as_before


# --- status and queue -------------------------------------------------------------------------------


def test_status_as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document alone on stdout: the counts, no daemon, retries and permanent failures with reasons."""
    assert run(data, "status", "--json") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["statistics"] == {"pending": 1, "failed": 2, "completed": 1, "permanent_failures": 1}
    assert document["daemon"] is None
    assert [entry["id"] for entry in document["retries"]] == ["K2"]
    assert [entry["error"] for entry in document["permanent_failures"]] == ["a series"]


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        ([], ["K1", "K2", "K3", "K4"]),
        (["pending"], ["K1"]),
        (["failed"], ["K2", "K3"]),
        (["completed"], ["K4"]),
        (["removed"], []),
    ],
)
def test_queue_as_json(
    data: Path, which: list[str], ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An array of entries, each with its queue and all that stands in the file, unknown keys too."""
    assert run(data, "queue", *which, "--json") == 0
    out = capsys.readouterr().out
    entries = json.loads(out)
    assert [entry["id"] for entry in entries] == ids
    assert {entry["queue"] for entry in entries} <= {"pending", "failed", "completed"}
    for entry in entries:
        assert {"id", "slug", "title", "year", "url", "imdb_id", "added_at", "queue"} <= entry.keys()
        if entry["queue"] == "failed":
            assert {"error", "retry_count", "retry_at"} <= entry.keys()
        if entry["queue"] == "completed":
            assert {"completed_at", "reason"} <= entry.keys()
    if "K1" in ids:
        assert entries[0]["mine"] == 7
    if "K2" in ids:
        assert "Two \u2013 \x1b[31m\u202e" in [entry["title"] for entry in entries]
        assert out.isascii()


def test_looking_changes_nothing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`status` and `queue` write no file, also in a folder that is not there."""
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    for line in (["status"], ["queue"], ["status", "--json"]):
        assert run(data, *line) == 0
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before
    assert run(data / "none", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out.rpartition("\n{")[2].join(["{", ""]))["daemon"] is None
    assert not (data / "none").exists()


def test_for_people(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in words: counts, next retry, what failed for good and how to retry; nothing unsafe."""
    assert run(data, "status") == 0
    assert run(data, "queue") == 0
    out = capsys.readouterr().out
    for words in (
        "isn't running",
        "1 needs you, 1 in the queue",
        minute(parse_time("2026-11-02T10:00:00Z")),
        "no release",
        "Three (1995): A series.",
        "retry three",
        "already downloaded",
    ):
        assert words in out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_a_running_daemon_is_named(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its process id is told while the lock is held, and not by what a killed one left."""
    write_state(
        data / "daemon.json",
        DaemonState(4711, "2026-11-01T12:00:00Z", download=Activity(ActivityKind.WORKING, "Heat \ud800")),
    )
    assert run(data, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["daemon"] is None
    lock = InstanceLock(data / "daemon.lock")
    assert lock.acquire()
    try:
        run(data, "status", "--json")
        document = json.loads(capsys.readouterr().out)
        assert (document["daemon"], document["download"]) == (4711, "working on Heat \ud800")
        run(data, "status")
        assert "process 4711" in capsys.readouterr().out
    finally:
        lock.release()


def test_a_state_of_an_earlier_version(tmp_path: Path) -> None:
    """It has the words alone."""
    path = tmp_path / "daemon.json"
    path.write_text(
        '{"pid": 7, "started_at": "", "monitor": "starting", "download": "waiting for room: full"}'
    )
    state = read_state(path)
    assert state
    assert state.download == Activity(ActivityKind.OTHER, "waiting for room: full")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b'{"pid": Infinity}', b'{"pid": "x"}', b"[" * 99_999]
)
def test_an_unreadable_state(tmp_path: Path, content: bytes) -> None:
    """It tells nothing, and does no harm."""
    (tmp_path / "daemon.json").write_bytes(content)
    assert read_state(tmp_path / "daemon.json") is None


# --- editing without a daemon -----------------------------------------------------------------------


@pytest.mark.parametrize("command", ["retry", "remove"])
def test_unknown_films(data: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A film that is not there is named on stderr, exit code 1; the others are done all the same."""
    assert run(data, command, "nobody") == 1
    assert "nobody" in capsys.readouterr().err
    assert run(data, command, "two", "nobody\x1b[2J") == 1
    out, err = capsys.readouterr()
    assert "Two" in out
    assert "\x1b" not in out + err
    assert "K2" not in held(data, QueueName.FAILED)


def test_retry(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By slug or id, permanent ones too, with a fresh count; pending films are not among the failed ones."""
    assert run(data, "retry", "K3", "two") == 0
    entries = QueueManager(data, writable=False).entries(QueueName.PENDING)
    assert [(entry.movie.id, entry.retry_count) for entry in entries] == [("K1", 0), ("K3", 0), ("K2", 0)]
    assert run(data, "retry", "one") == 1
    assert run(data, "retry", "--all") == 0
    assert "No failed films." in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [["status"], ["queue"], ["retry", "--all"], ["remove", "one"], ["add", "x"]]
)
def test_a_data_folder_that_is_none(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said in a line, with exit code 2, whatever the command."""
    (tmp_path / "file").write_bytes(b"mine")
    assert run(tmp_path / "file", *command) == 2
    assert "isn't a folder" in capsys.readouterr().err
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("command", "is_mended"),
    [
        (["status"], False),
        (["queue", "--json"], False),
        (["remove", "nobody"], False),
        (["retry", "--all"], False),
        (["remove", "one"], True),
        (["add", "alien"], True),
    ],
)
def test_damage_is_said_once(
    data: Path, command: list[str], is_mended: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, with where it is kept if the command mends the file."""
    path = data / "queue_failed.json"
    path.write_bytes(b"rubbish")
    run(data, *command)
    err = capsys.readouterr().err
    assert err.count("is damaged") == 1
    assert ("is kept as queue_failed.json.damaged-" in err) is is_mended
    assert (path.read_bytes() != b"rubbish") is is_mended


def test_slugs_can_be_copied(data: Path) -> None:
    """On a terminal of the usual width no slug is broken into lines, whatever stands beside it."""
    slug = "the-phantom-of-the-opera-1925"
    film = {"id": "K1", "slug": slug, "title": "The Phantom of the Opera", "year": 1925, "url": ""}
    why = {
        "error": "no suitable release yet (1 found: the year is 2004, not 1925)",
        "retry_count": 1,
        "retry_at": None,
    }
    write(data / "queue_failed.json", [{**film, "imdb_id": None, "added_at": "2026-10-01T10:00:00Z", **why}])
    controller, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, ROOT / "main.py", "queue", "--data-dir", data],
        stdout=terminal,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb"},
        check=True,
        timeout=30,
    )
    shown = os.read(controller, 65_536).decode()
    os.close(terminal)
    os.close(controller)
    assert f" {slug} " in shown
    assert "the year is 2004, not 1925" not in shown


def test_the_queue_is_the_one_that_holds_the_film(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key `queue` that a hand edit left in an entry does not hide where it is."""
    write(data / "queue_pending.json", [{"id": "K9", "slug": "nine", "queue": "completed"}])
    assert run(data, "queue", "pending", "--json") == 0
    assert [entry["queue"] for entry in json.loads(capsys.readouterr().out)] == ["pending"]


def test_nothing_is_asked_for_with_a_key_in_the_data_folder(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ends with an error leaves no request behind that the next command would carry out."""
    monkeypatch.setenv("MOVIE_SYNC_KEY_FILE", str(data / "key"))
    assert run(data, "add", "heat-1995") == 2
    monkeypatch.delenv("MOVIE_SYNC_KEY_FILE")
    assert run(data, "add", "alien") == 0
    assert "heat-1995" not in held(data, QueueName.PENDING)


def test_remove_and_add(data: Path) -> None:
    """A removed film is in no queue, cannot be removed twice, and comes back by `add` alone."""
    assert run(data, "remove", "one", "K4") == 0
    assert (held(data, QueueName.PENDING), held(data, QueueName.COMPLETED)) == ([], [])
    assert run(data, "remove", "one") == 1
    assert run(data, "add", "https://letterboxd.com/film/one/") == 0
    assert held(data, QueueName.PENDING) == ["K1"]


def test_add_by_id(data: Path) -> None:
    """The id that `queue` shows brings a removed film back, also one of an export, which has no slug."""
    lid = "9Zzz" * 6
    film = {"id": lid, "slug": "", "title": "Old", "year": 1922, "url": f"https://boxd.it/{lid}"}
    write(data / "queue_pending.json", [{**film, "imdb_id": None, "added_at": "2026-10-01T10:00:00Z"}])
    assert run(data, "remove", lid, "K4") == 0
    assert run(data, "add", lid, "K4") == 0
    queues = QueueManager(data, writable=False)
    assert [entry.movie.title for entry in queues.entries(QueueName.PENDING)] == ["Old", "Four"]
    assert queues.entries(QueueName.REMOVED) == []


@pytest.mark.parametrize(
    ("film", "film_id", "url"),
    [
        ("heat-1995", "heat-1995", f"{NOWHERE}/film/heat-1995/"),
        ("Heat-1995", "heat-1995", f"{NOWHERE}/film/heat-1995/"),
        ("https://letterboxd.com/film/heat-1995/", "heat-1995", f"{NOWHERE}/film/heat-1995/"),
        ("letterboxd.com/maria/film/heat-1995/1/", "heat-1995", f"{NOWHERE}/film/heat-1995/"),
        ("http://www.letterboxd.com/film/heat-1995", "heat-1995", f"{NOWHERE}/film/heat-1995/"),
        (
            "https://letterboxd.com/maria/film/heat-1995/",
            "heat-1995",
            f"{NOWHERE}/film/heat-1995/",
        ),
        (
            "https://letterboxd.com/film/heat-1995/reviews/?a=1#x",
            "heat-1995",
            f"{NOWHERE}/film/heat-1995/",
        ),
        ("HTTPS://Letterboxd.com/film/heat-1995?x", "heat-1995", f"{NOWHERE}/film/heat-1995/"),
        ("https://boxd.it/2bbs", "2bbs", "https://boxd.it/2bbs"),
    ],
)
def test_the_forms_of_a_film(data: Path, film: str, film_id: str, url: str) -> None:
    """Slug, addresses and short addresses are understood."""
    assert run(data, "add", film) == 0
    [entry] = [entry for entry in QueueManager(data).entries(QueueName.PENDING) if entry.movie.id != "K1"]
    assert (entry.movie.id, entry.movie.url, entry.by_command) == (film_id, url, True)


def _csv() -> str:
    return "Date,Name,Year,Letterboxd URI\n2026-01-01,Five,1995,https://boxd.it/K5\n"


def test_import(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An export adds its films and drops none, plain or inside the ZIP; it counts for the user's list."""
    export = tmp_path / "watchlist.csv"
    export.write_text(_csv())
    assert run(data, "import", str(export)) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 film read from watchlist.csv: 1 new.\nMovie Sync isn't running. To start it: `")
    assert held(data, QueueName.PENDING) == ["K1", "K5"]
    assert json.loads((data / "watchlist.json").read_bytes())["username"] == "maria"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("watchlist.csv", _csv())
    (tmp_path / "export.zip").write_bytes(buffer.getvalue())
    assert run(data, "import", str(tmp_path / "export.zip")) == 0
    assert held(data, QueueName.PENDING) == ["K1", "K5"]
    assert capsys.readouterr().out == "1 film read from export.zip: 1 already in the queue.\n"


IMDB = """Position,Const,Title,Title Type,Year,Runtime (mins)
1,tt0113277,Heat,Movie,1995,170
2,tt0944947,Game of Thrones,TV Series,2011,57
3,tt0000099,Nine,tvMovie,1999,
"""
LIST = """Letterboxd list export v7
Date,Name,Tags,URL,Description
2021-11-06,My Favourites,,https://boxd.it/list1,

Position,Name,Year,URL,Description
1,Five,1995,https://boxd.it/K5,
2,Six,1996,,
3,One,1991,https://boxd.it/K1,
"""


@pytest.mark.parametrize(
    ("content", "said", "queued"),
    [
        (IMDB, ("2 new. Skipped 1 that isn't a film.", "2 already"), ["tt0113277", "tt0000099"]),
        (LIST, ("2 new, 1 already in the queue.", "3 already"), ["K5", "title:six-1996"]),
    ],
    ids=["IMDb", "Letterboxd"],
)
def test_import_of_another_list(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    said: tuple[str, ...],
    queued: list[str],
) -> None:
    """Its films are added, those that no queue holds; no list's memory changes, so none leaves by it."""
    before = (data / "watchlist.json").read_bytes() if (data / "watchlist.json").exists() else None
    (tmp_path / "list.csv").write_text(content)
    for words in said:
        assert run(data, "import", str(tmp_path / "list.csv")) == 0
        assert f" films read from list.csv: {words}" in capsys.readouterr().out
        assert sorted(held(data, QueueName.PENDING)) == sorted(["K1", *queued])
    after = (data / "watchlist.json").read_bytes() if (data / "watchlist.json").exists() else None
    assert after == before
    entries = QueueManager(data, writable=False).entries(QueueName.PENDING)
    assert all(entry.by_command for entry in entries if entry.movie.id in queued)
    assert len(held(data, QueueName.COMPLETED)) + len(held(data, QueueName.FAILED)) > 0


def test_an_import_says_what_comes_of_each_film(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that queues have are counted by how they stand; what the list's settings leave out is said."""
    rows = "".join(f"2026-01-01,Film {key},199{key[1]},https://boxd.it/{key}\n" for key in ("K1", "K2", "K4"))
    rows += "2026-01-01,Old,1950,https://boxd.it/K6\n"
    export = tmp_path / "watchlist.csv"
    export.write_text(_csv() + rows)
    write(data / "config.json", {"lists": [{"watchlist": "maria", "years": [1990, 1999]}]})
    assert run(data, "remove", "K2") == 0
    capsys.readouterr()
    assert run(data, "import", str(export)) == 0
    said = "5 films read from watchlist.csv: 1 new, 1 left out by first_run, years or limit, "
    said += "1 already in the queue, 1 already done, 1 removed by you before."
    assert capsys.readouterr().out.splitlines()[0] == said


@pytest.mark.parametrize(
    ("lists", "owner"),
    [
        ([{"list": "ben/list/x"}, {"watchlist": "Anna"}], "Anna"),
        ([{"watchlist": "maria"}, {"watchlist": "anna"}], "anna"),
        ([{"list": "ben/list/x"}, {"watchlist": "maria"}], ""),
        ([{"imdb": "/tmp/x.csv"}], ""),
    ],
)
def test_an_import_counts_for_its_users_list(
    data: Path, tmp_path: Path, lists: list[dict[str, str]], owner: str
) -> None:
    """Never for another list, from which its films would leave again."""
    export = tmp_path / "watchlist-anna-2026-11-01-10-00-utc.csv"
    export.write_text(_csv())
    write(data / "config.json", {"lists": lists})
    assert run(data, "import", str(export)) == 0
    (entry,) = (each for each in QueueManager(data).entries(QueueName.PENDING) if each.movie.id == "K5")
    assert entry.by_command is (owner == "")
    owners = {
        memory.owner for path in memory_files(data / "watchlist.json") if (memory := read_memory(path)[0])
    }
    assert owner in owners or not owner
    assert "ben/list/x" not in owners


def test_import_where_the_daemon_reads_an_export(data: Path, tmp_path: Path) -> None:
    """It counts as a reading of that list, so the daemon does not take its own for another one."""
    export = tmp_path / "watchlist.csv"
    export.write_text(_csv())
    watched = tmp_path / "watched" / "watchlist.csv"
    write(data / "config.json", {"username": "maria", "letterboxd": {"export_file": str(watched)}})
    assert run(data, "import", str(export)) == 0
    assert json.loads((data / "watchlist.json").read_bytes())["username"] == str(watched)


def test_a_busy_daemon(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the daemon does not come to it in time, that is said, and the request stays for it."""
    monkeypatch.setattr(inbox, "_PATIENCE_SECONDS", 0.2)
    write_state(data / "daemon.json", DaemonState(4711, "2026-11-01T12:00:00Z"))
    lock = InstanceLock(data / "daemon.lock")
    assert lock.acquire()
    try:
        assert run(data, "retry", "two") == 0
    finally:
        lock.release()
    assert "process 4711" in capsys.readouterr().out
    assert held(data, QueueName.FAILED) == ["K2", "K3"]
    assert run(data, "remove", "four") == 0  # the next command does both
    assert "K2" in held(data, QueueName.PENDING)
    assert not (data / "daemon.json").exists()


def test_mistakes_in_the_settings_are_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that works with them warns on stderr; the JSON on stdout stays alone."""
    write(data / "config.json", {"usernme": "maria", "retry_interval": "soon"})
    assert run(data, "retry", "two") == 0
    err = capsys.readouterr().err
    assert "WARNING" in err
    assert "usernme" in err
    assert "retry_interval" in err


def test_the_folder_is_private(data: Path) -> None:
    """A command that writes makes the folder and its files the owner's alone."""
    data.chmod(0o755)
    assert run(data, "retry", "two") == 0
    assert data.stat().st_mode & 0o777 == 0o700
    for path in data.glob("queue_*.json"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_piped_is_a_line_a_record(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No padding, no folding: the columns are parted by tabs, and every line has all of them."""
    assert run(data, "queue") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[:3] for line in lines[:2]] == [
        ["QUEUE", "FILM", "SLUG OR ID"],
        ["pending", "One (1995)", "one"],
    ]
    assert {line.count("\t") for line in lines} == {3}
    assert not any("  " in line or line.endswith(" ") for line in lines)


def test_an_entry_that_names_no_film_is_kept_aside(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no film called 5: the file is named as damaged, the others stay, and what was there is kept."""
    pending = data / "queue_pending.json"
    pending.write_text(json.dumps([{"id": 5}, *json.loads(pending.read_text())]))
    assert run(data, "queue", "pending") == 0
    shown = capsys.readouterr()
    assert "One" in shown.out
    assert "5" not in shown.out.split("\t")
    assert "queue_pending.json" in shown.err
    assert run(data, "retry", "--all") == 0
    assert any('{"id": 5}' in kept.read_text() for kept in data.glob("queue_pending.json.*"))


def test_a_dry_run_leaves_out_what_a_daemon_did_meanwhile(data: Path) -> None:
    """It began with the queues as they were; what another process completed since is no longer to be done."""
    write(data / "queue_pending.json", [{"slug": "one", "title": "One"}, {"slug": "two", "title": "Two"}])
    (data / "queue_failed.json").unlink()
    mine = QueueManager(data, clock=SystemClock(), writable=False)
    before = outcomes_so_far(mine)
    QueueManager(data, clock=SystemClock()).add_to_completed(Movie("one", "one", "One"))
    for slug in ("two", "one"):
        mine.add_to_completed(
            Movie(slug, slug, slug.title()), choice=Choice(f"{slug}-GRP", on_filelist(1), "a" * 40)
        )
    on_disk = QueueManager(data, writable=False)
    lines = dry_run_lines(mine, on_disk, before=before, target="the client", why_waiting="", held_back="")
    assert list(lines) == ["Two: would be handed to the client: two-GRP"]


@pytest.mark.parametrize(("columns", "name"), [(80, "K7"), (200, "a-slug-" * 8)])
def test_what_can_be_copied_of_a_long_slug(
    data: Path, columns: int, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no room for it in one piece, the film's id stands there, which the commands take too."""
    film = {"id": "K7", "slug": "a-slug-" * 8, "title": "A Film", "completed_at": "2026-10-02T10:00:00Z"}
    write(data / "queue_completed.json", [film | {"reason": "downloaded"}])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(data, "queue", "completed") == 0
    assert f"  {name}  " in capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
def test_no_word_is_broken_on_a_terminal(
    data: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cells are folded at blanks, long names after their dots; nothing is wider than the terminal."""
    release = "A.Rather.Long.Title.1995.Directors.Cut.1080p.BluRay.DTS-HD.MA.5.1.x264-GROUP"
    done = {"completed_at": "2026-10-02T10:00:00Z", "reason": "downloaded", "release": release}
    film = {"id": "K7", "slug": "a-rather-long-title", "title": "A Rather Long Title", "info_hash": "ab" * 20}
    write(data / "queue_completed.json", [film | done])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(data, "queue") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    words = {word for line in lines for word in line.split()}
    assert words >= {"A", "Rather", "Long", "Title"}
    assert {"pending", "failed", "completed"} <= words if columns > 40 else True
    assert len(lines) > 5 or columns == 140
