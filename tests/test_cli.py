"""The command line: what can be typed, exit codes, and what stands on stdout and stderr."""

import ast
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from house import commands
from house.commands import run, write

from movie_sync import __version__, cli
from movie_sync.commands import check, search, setup, show
from movie_sync.errors import (
    AuthError,
    MovieSyncError,
    NetworkError,
    NotAvailableError,
    Stopped,
    StorageError,
    UserError,
)
from movie_sync.invocation import command_line
from movie_sync.reports.daemon_state import DaemonState, write_state
from movie_sync.storage.locks import InstanceLock

ROOT = Path(__file__).resolve().parents[1]
_HEAVY = {"requests", "bs4", "cryptography", "qbittorrentapi", "rich", "urllib3", "rapidfuzz"}
_COMMANDS: list[list[str]] = [
    [],
    ["setup"],
    ["check"],
    ["status"],
    ["status", "--json"],
    ["queue"],
    ["queue", "pending"],
    ["queue", "failed", "--json"],
    ["queue", "completed"],
    ["queue", "removed"],
    ["retry", "heat-1995", "2bbs"],
    ["retry", "--all"],
    ["remove", "heat-1995", "2bbs"],
    ["add", "heat-1995", "https://letterboxd.com/film/heat-1995/"],
    ["search", "Heat", "--year", "1995", "--imdb", "tt0113277", "--json"],
    ["import", "watchlist.csv"],
    ["demo"],
]


NOWHERE = {"MOVIE_SYNC_LETTERBOXD__BASE_URL": commands.NOWHERE}

# Fixtures count where a test file names them.
data, process_as_before = commands.data, commands.process_as_before


# --- what can be typed ------------------------------------------------------------------------------


@pytest.mark.parametrize("command", _COMMANDS, ids=" ".join)
def test_global_options_before_and_after_a_command(command: Sequence[str]) -> None:
    """Every command takes them on either side; a later one wins; without them there are defaults."""
    options = ["--data-dir", "/d", "--log-level", "debug", "--plain"]
    for line in ([*options, *command], [*command, *options], ["--data-dir", "/x", *command, *options]):
        args = cli._parser().parse_args(line)
        assert (args.data_dir, args.log_level, args.plain) == ("/d", "DEBUG", True)
        assert args.command == (command[0] if command else None)
    args = cli._parser().parse_args(command)
    assert (args.data_dir, args.log_level, args.plain) == (None, "INFO", False)


def test_the_daemons_options() -> None:
    """They arrive as they were typed."""
    line = ["--username", "maria", "--interval", "90", "--once", "--dry-run"]
    args = cli._parser().parse_args(line)
    assert (args.username, args.interval, args.once, args.dry_run) == ("maria", 90, True, True)
    assert cli._parser().parse_args(["--interval", "90.5"]).interval == 90.5


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["fetch"], 'Unknown command "fetch".'),
        (["stauts"], 'Unknown command "stauts". Did you mean status?'),
        (["--loglevel", "debug", "status"], "Unknown option --loglevel. Did you mean --log-level?"),
        (["status", "--jsn"], "Unknown option --jsn. Did you mean --json?"),
        (["status", "--interval", "90"], "--interval has to come before the command."),
        (["check", "all"], 'Unexpected argument "all".'),
        (["queue", "penidng"], '"penidng" isn\'t a queue. Did you mean pending?'),
        (["--no-such-option"], "Unknown option --no-such-option."),
        (["queue", "everything"], "isn't a queue. It can be pending, failed, completed, removed."),
        (["remove"], "FILM"),
        (["add"], "FILM"),
        (["search"], "TITLE"),
        (["import"], "FILE"),
        (["retry"], "--all"),
        (["retry", "heat", "--all"], "--all"),
        (["--log-level", "LOUD"], "LOUD"),
        (["--interval", "soon"], "'soon' isn't a number of seconds"),
        (["--interval", "59"], "60"),
        (["--interval", "nan"], "check_interval"),
        (["--interval", "inf"], "check_interval"),
        (["--interval=-5"], "60"),
        (["search", "Heat", "--year", "first"], "'first' isn't a film's year"),
        (["search", "Heat", "--year", "1600"], "isn't a film's year"),
        (["search", "Heat", "--imdb", "113277"], "tt0113277"),
        (["search", " "], "Name the film"),
        (["--once", "status"], "--once"),
        (["--dry-run", "retry", "--all"], "--dry-run"),
        (["--username", "no such name!", "status"], "username"),
        (["import", "/no/such/watchlist.csv"], "watchlist.csv"),
    ],
    ids=str,
)
def test_wrong_usage(tmp_path: Path, line: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2; stderr says what is wrong, stdout nothing, and no traceback or inner name is shown."""
    assert cli.main(["--data-dir", str(tmp_path / "d"), *line]) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert out == ""
    assert "Traceback" not in err
    assert "invalid _" not in err


@pytest.mark.parametrize("line", [["check"], ["demo"], []], ids=str)
def test_a_python_without_the_packages(tmp_path: Path, line: list[str]) -> None:
    """Started with another Python than the one it was installed for, it says so; exit code 2."""
    answer = subprocess.run(
        [sys.executable, "-S", "main.py", *line],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "MOVIE_SYNC_HOME": str(tmp_path / "d"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert answer.returncode == 2
    assert "isn't installed for" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert answer.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_an_empty_data_folder_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`--data-dir "$UNSET"` is not taken for the user's real folder, nor for the present one."""
    assert cli.main(["--data-dir", "", "status"]) == 2
    assert "--data-dir" in capsys.readouterr().err


def test_unusable_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable that cannot be used is named; exit code 2."""
    monkeypatch.setenv("MOVIE_SYNC_CHECK_INTERVAL", "soon")
    assert run(tmp_path, "status") == 2
    assert "MOVIE_SYNC_CHECK_INTERVAL" in capsys.readouterr().err


def test_the_data_folder_from_the_environment(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """MOVIE_SYNC_HOME names it; the option comes first."""
    monkeypatch.setenv("MOVIE_SYNC_HOME", str(data))
    assert cli.main(["queue", "pending", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["id"] == "K1"
    assert cli.main(["queue", "pending", "--json", "--data-dir", str(data / "other")]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("line", [["--version"], ["status", "--help"], ["--help"], ["search", "--help"]])
def test_help_and_version(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """They stand on stdout, and the exit code is 0."""
    assert cli.main(line) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert __version__ in out if line == ["--version"] else f"usage: {command_line()}" in out


@pytest.mark.parametrize("command", [[], *([name] for name in cli._parser().commands)], ids=str)
def test_help_parts_no_word(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 80 columns no line is wider than the terminal, and examples are whole commands."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/movie-sync"])
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/movie-sync")
    assert cli.main([*command, "--help"]) == 0
    usage, *lines = capsys.readouterr().out.splitlines()
    assert usage.startswith(" ".join(["usage: movie-sync", *command]))
    assert max(map(len, lines)) <= 80


def test_an_error_parts_no_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal lines are folded at blanks, and a command to copy stays in one piece."""
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for line in (["stauts"], ["status", "--jsno"], ["import", "/no/such/watchlist.csv"]):
        assert cli.main(line) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) > 1
        assert all(len(each) <= 50 or each.startswith("`") for each in lines)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """What the contract lists can be found there, exit codes included."""
    cli.main(["--help"])
    out = capsys.readouterr().out
    for word in ("setup", "check", "status", "queue", "retry", "remove", "add", "search", "import", "demo"):
        assert f"\n    {word} " in out
    for word in ("--data-dir", "--log-level", "--plain", "--version", "--username", "--interval"):
        assert word in out
    assert "exit codes" in out


@pytest.mark.parametrize("command", ["add", "import"])
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It spells names as they are spelt, and says what is to be named."""
    assert cli.main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert " Letterboxd " in out
    assert " letterboxd " not in out
    assert "heat-1995" in out if command == "add" else "watchlist.csv" in out


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"], ["--version"]])
def test_help_is_light(arguments: list[str]) -> None:
    """Help imports nothing heavy, so it answers at once."""
    code = f"import sys; from movie_sync.cli import main; main({arguments!r}); print(sorted(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    loaded = {name.partition(".")[0] for name in ast.literal_eval(answer.stdout.splitlines()[-1])}
    assert loaded & _HEAVY == set()


# --- errors and exit codes --------------------------------------------------------------------------

_CODES: list[tuple[BaseException, int]] = [
    (UserError("words for people"), 2),
    (AuthError("words for people", service="FileList"), 2),
    (NetworkError("words for people"), 1),
    (StorageError("words for people"), 1),
    (NotAvailableError("words for people"), 1),
    (MovieSyncError("words for people"), 1),
    (ZeroDivisionError("inner words"), 1),
    (KeyboardInterrupt(), 130),
    (Stopped(), 130),
]


@pytest.mark.parametrize(("error", "code"), _CODES, ids=repr)
def test_exit_codes(
    data: Path,
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each kind of error has its code; people read a line, not a traceback."""

    def fail(*_arguments: object, **_options: object) -> int:
        raise error

    monkeypatch.setattr(show, "run_status", fail)
    assert run(data, "status") == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "inner words" not in err
    if isinstance(error, MovieSyncError):
        first, *more = err.splitlines()
        assert first == "movie-sync: words for people"
        advice = [f"To enter credentials again: `{command_line('setup')}`"]
        assert more == (advice if isinstance(error, AuthError) else [])
    elif isinstance(error, Exception):
        assert "ZeroDivisionError" in err
        assert "--log-level DEBUG" in err


def test_a_traceback_only_at_debug(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It shows where, without secrets and without escapes; the code is the same."""

    def fail(*_arguments: object, **_options: object) -> int:
        raise ZeroDivisionError("download.php?passkey=5f4dcc3b5aa765d6 \x1b[31m")

    monkeypatch.setattr(show, "run_status", fail)
    assert run(data, "status", "--log-level", "DEBUG") == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ZeroDivisionError" in err
    assert "5f4dcc3b" not in err
    assert "\x1b" not in err


def test_a_reader_that_has_gone(data: Path) -> None:
    """`queue --json | head -1` ends without a traceback."""
    entry = {"slug": "x", "title": "x" * 300, "added_at": "2026-10-01T10:00:00Z"}
    write(
        data / "queue_pending.json",
        [{**entry, "id": f"K{number}x"} | {"slug": f"s{number}"} for number in range(2000)],
    )
    command = [sys.executable, str(ROOT / "main.py"), "--data-dir", str(data), "queue", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("line", [["--version"], ["status", "--version"], ["--version", "queue"]])
def test_the_version_is_told_anywhere(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It is a global option, before or after a command."""
    assert cli.main(line) == 0
    assert capsys.readouterr().out == f"movie-sync {__version__}\n"


@pytest.mark.parametrize("closed", [0, 1, 2])
@pytest.mark.parametrize("command", [["status", "--json"], ["--once"], ["add", "heat-1995"]], ids=" ".join)
def test_closed_streams(tmp_path: Path, closed: int, command: list[str]) -> None:
    """Whoever starts it without stdin, stdout or stderr gets the usual exit code, and no file of ours there."""
    code = f"import os, sys; os.close({closed}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    data = tmp_path / "data"
    line = [sys.executable, "-c", code, str(ROOT / "main.py"), "--data-dir", str(data), *command]
    answer = subprocess.run(
        line, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == (2 if command == ["--once"] else 0)
    assert "nexpected error" not in answer.stdout + answer.stderr
    if command == ["--once"] and closed != 2:
        assert "MOVIE_SYNC_USERNAME" in answer.stderr
        assert "MOVIE_SYNC_FILELIST_PASSKEY" in answer.stderr


def test_no_file_of_ours_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """The daemon's lines go nowhere if stderr is closed, and not into what it opens meanwhile."""
    data = tmp_path / "data"
    data.mkdir()
    nowhere = {"base_url": "http://127.0.0.1:9"}
    settings = {"username": "anna", "letterboxd": nowhere, "filelist": nowhere, "client": "watch_folder"}
    (data / "config.json").write_text(json.dumps(settings))
    account = {"MOVIE_SYNC_FILELIST_USERNAME": "anna", "MOVIE_SYNC_FILELIST_PASSKEY": "0" * 32}
    code = "import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    line = [sys.executable, "-c", code, str(ROOT / "main.py"), "--data-dir", str(data), "--once"]
    answer = subprocess.run(line, env=os.environ | {"HOME": str(tmp_path)} | account, check=False)
    assert answer.returncode == 1
    assert (data / "daemon.lock").read_bytes() == b""


def test_an_answer_that_cannot_be_written(data: Path) -> None:
    """A full disk behind stdout is said on stderr, in a line."""
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, str(ROOT / "main.py"), "status", "--data-dir", str(data)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert answer.returncode == 1
    assert answer.stderr == "movie-sync: Couldn't write the output: No space left on device.\n"


# --- the daemon and the rest ---


def test_an_outage_goes_on_if_the_user_is_spelt_in_other_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letterboxd tells no capitals from small letters, so it is the same list that can't be read."""
    for name in ("USERNAME", "PASSKEY"):
        monkeypatch.setenv(f"MOVIE_SYNC_FILELIST_{name}", "0" * 32)
    monkeypatch.setenv("MOVIE_SYNC_LETTERBOXD__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MOVIE_SYNC_CLIENT", "watch_folder")
    ticks = []
    for name in ("Anna", "anna"):
        assert run(tmp_path / "d", "--once", "--username", name) == 1
        ticks.append(json.loads((tmp_path / "d" / "unreadable.json").read_text())["ticks"])
    assert ticks[0] == ticks[1]


def test_an_outage_noted_by_the_version_before_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It named an export by its path, in the letters in which that is written."""
    for name in ("USERNAME", "PASSKEY"):
        monkeypatch.setenv(f"MOVIE_SYNC_FILELIST_{name}", "0" * 32)
    export = tmp_path / "Lists" / "watchlist.csv"
    monkeypatch.setenv("MOVIE_SYNC_LETTERBOXD__EXPORT_FILE", str(export))
    monkeypatch.setenv("MOVIE_SYNC_CLIENT", "watch_folder")
    note = {"of": str(export), "since": "2020-10-30T12:00:00Z", "ticks": 1.0, "boot": "one", "told": False}
    path = tmp_path / "d" / "unreadable.json"
    path.parent.mkdir()
    path.write_text(json.dumps(note))
    assert run(tmp_path / "d", "--once") == 1
    assert json.loads(path.read_text())["since"] == note["since"]


def test_the_daemon_is_unconfigured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, what is missing is an error that names the variables, with --dry-run too."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    for line in ([], ["--once"], ["--dry-run"]):
        assert run(tmp_path / "d", *line) == 2
        assert "MOVIE_SYNC_USERNAME" in capsys.readouterr().err
    monkeypatch.setenv("MOVIE_SYNC_USERNAME", "maria")
    assert run(tmp_path / "d", "--dry-run") == 2
    assert "MOVIE_SYNC_FILELIST_PASSKEY" in capsys.readouterr().err


def test_another_daemon(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, and its process id is named."""
    write_state(data / "daemon.json", DaemonState(4711, "2026-11-01T12:00:00Z"))
    lock = InstanceLock(data / "daemon.lock")
    assert lock.acquire()
    try:
        assert run(data) == 3
    finally:
        lock.release()
    assert "process 4711" in capsys.readouterr().err


def test_every_command_is_reached(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of the parser ends in its own function, and its answer is the exit code."""
    reached: list[str] = []

    def note(name: str) -> object:
        return lambda *_arguments, **_options: reached.append(name) or 1

    for module, name in ((check, "run_check"), (search, "run_search"), (setup, "run")):
        monkeypatch.setattr(module, name, note(name))
    assert run(data, "check") == 1
    assert run(data, "search", "Heat") == 1
    assert run(data, "setup") == 1
    assert reached == ["run_check", "run_search", "run"]


def test_completion(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each shell gets its script; bash completes commands, options, values and files with it."""
    for shell, sign in (
        ("zsh", "#compdef movie-sync"),
        ("fish", "complete -c movie-sync"),
        ("bash", "-F _shtab"),
    ):
        assert cli.main(["completion", shell]) == 0
        script = capsys.readouterr().out
        assert sign in script
        assert "health" in script
    (tmp_path / "completion.bash").write_text(script)
    asked = (
        "source completion.bash; touch watchlist.csv; for line in 'movie-sync sta' 'movie-sync queue re' "
        "'movie-sync status --j' 'movie-sync import w' 'movie-sync config check_'; do COMP_WORDS=($line); COMP_CWORD=$((${#COMP_WORDS[@]} - 1));"
        " _shtab_movie_sync 2>/dev/null; echo ${COMPREPLY[@]}; done"
    )
    answer = subprocess.run(
        ["bash", "--norc", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert answer.stdout.split() == ["status", "removed", "--json", "watchlist.csv", "check_interval"]
