"""The documents name everything that can be typed, set or found in the data folder."""

import argparse
import re
from pathlib import Path

import pytest

from movie_sync import cli
from movie_sync.queues import codec as entry_codec
from movie_sync.services import registry
from movie_sync.storage.paths import AppPaths

ROOT = Path(__file__).resolve().parents[1]
DOCS, PACKAGE = ROOT / "docs", ROOT / "movie_sync"
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")
ENVIRONMENT = {
    *("MOVIE_SYNC_HOME", "MOVIE_SYNC_KEY_FILE", "MOVIE_SYNC_USERNAME", "MOVIE_SYNC_CHECK_INTERVAL"),
    "MOVIE_SYNC_BACKUP_PASSPHRASE",
    *(field.variable for fields in registry.credential_fields().values() for field in fields),
}


TO_CHANGE = {
    "a refusal rule", "a notice", "a status line", "a setting", "a command", "a client", "a tracker", "a list source",
    "the retry policy", "a field of a queue entry",
}  # fmt: skip


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, and the daemon's under no name."""
    top = cli._parser()
    (commands,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return {"": top, **commands.choices}


@pytest.mark.parametrize(("command", "parser"), parsers().items(), ids=list(parsers()))
def test_what_can_be_typed(command: str, parser: argparse.ArgumentParser) -> None:
    """Every command and its own options stand in its row, those of all and of the daemon in the tables."""
    row = next((line for line in COMMANDS.splitlines() if line.startswith(f"| `{command}")), "")
    assert not command or row
    shared = {name for name in parsers()[""]._option_string_actions if name.startswith("--")}
    for option in (name for name in parser._option_string_actions if name.startswith("--")):
        assert option in (row if option not in shared else COMMANDS)


def test_every_variable_of_the_environment() -> None:
    """Both pages that list them have all, and no others."""
    for page in ("commands.md", "configuration.md"):
        named = set(re.findall(r"^\|.*", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))
        assert set(re.findall(r"`(MOVIE_SYNC_\w+)`", "\n".join(named))) == ENVIRONMENT, page


def test_every_file_of_the_data_folder(tmp_path: Path) -> None:
    """The page of files names what lies there."""
    text = (DOCS / "files.md").read_text(encoding="utf-8")
    names = {path.name for path in vars(AppPaths(tmp_path)).values() if path != tmp_path}
    assert {"config.json", "daemon.lock", "credentials.enc"} <= names
    for name in sorted(names):
        assert f"`{name}`" in text or f"`{name}/`" in text


def test_every_exit_code() -> None:
    """Those that the program can end with have a row."""
    codes = {cli._ANSWER_IS_NO, cli._UNUSABLE, cli._INTERRUPTED, 0, 3, 143}
    table = COMMANDS.partition("## Exit codes")[2]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(",")} == codes


def test_every_key_of_a_film_in_a_queue() -> None:
    """The page of files explains what a line of a queue file may hold."""
    text = (DOCS / "files.md").read_text(encoding="utf-8")
    keys = entry_codec._KNOWN_WITH_PROGRESS | entry_codec._PAGE.keys() | {"where"}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_where_to_change_what() -> None:
    """The page of the architecture sends nobody astray: at most two places a change, and each is there."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("## Where to change what\n")[2].partition("\n## ")[0]
    table = {
        change.strip(): re.findall(r"`([\w./]+)`", places)
        for change, places in re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    }
    assert set(table) - {"to change"} >= TO_CHANGE
    for change, places in table.items():
        assert len([place for place in places if place.endswith(".py")]) <= 2, change
        for place in places:
            is_there = (
                (PACKAGE / place).exists() or list(PACKAGE.rglob(f"*/{place}")) or (ROOT / place).exists()
            )
            assert is_there, f"{change}: there is no {place}"


def test_no_file_is_long() -> None:
    """400 lines are as many as one can hold in mind."""
    long = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 400
    }
    assert not long
