"""What reaches the log and the terminal: no secret in any form, no forged line, a private file."""

import io
import logging
import os
import stat
from pathlib import Path

import pytest

from movie_sync.domain.plain_text import one_line, safe_lines, shorten, width
from movie_sync.logs import LOGGER_NAME, Redactor, set_up_logging, tear_down_logging

PASSKEY = "5f4dcc3b5aa765d61d8327deb882cf99"
_log = logging.getLogger(f"{LOGGER_NAME}.test")


@pytest.mark.parametrize(
    "text",
    [
        f"https://filelist.io/download.php?id=1&passkey={PASSKEY}",
        f"PASSKEY={PASSKEY}&x=1",
        f"password={PASSKEY}",
        f"{{'passkey': '{PASSKEY}', 'username': 'maria'}}",
        f'{{"password": "{PASSKEY}"}}',
        f"http://tracker.example/{PASSKEY}/announce",
        f"http://tracker.example/announce/{PASSKEY}",
        f"http://tracker.example/{PASSKEY.upper()}/announce?x=1",
        f"Authorization: Basic {PASSKEY}",
        f"Authorization: Bearer {PASSKEY}",
        f'Authorization: MediaBrowser Token="{PASSKEY}"',
        f"X-Plex-Token: {PASSKEY}",
        f"http://plex.example/library/sections?X-Plex-Token={PASSKEY}",
        f"Set-Cookie: SID={PASSKEY}; HttpOnly",
        f"Cookie: QBT_SID_8080={PASSKEY}",
        f"http://maria:{PASSKEY}@localhost:8080/api",
        f"http://localhost:9696/1/api?t=search&apikey={PASSKEY}&q=heat",
        f"http://localhost:9117/dl/x/?jackett_apikey={PASSKEY}&path=a",
        f"https://tracker.example/torrents.php?id=1&authkey={PASSKEY}&torrent_pass={PASSKEY}",
    ],
)
def test_what_has_the_form_of_a_secret(text: str) -> None:
    """A secret that nobody told the redactor about is known by its surroundings."""
    cleaned = Redactor().clean(text)
    assert PASSKEY.lower() not in cleaned.lower()
    assert "(hidden)" in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Heat.1995.1080p.BluRay.x264-GRP: handed to qBittorrent",
        "qBittorrent refused the password: run the setup command",
        "https://letterboxd.com/film/heat-1995/",
        f"info-hash {PASSKEY}0123abcd",
        "pausing until 12:00:00: maria@example.org couldn't be reached",
    ],
)
def test_ordinary_lines_stay(text: str) -> None:
    """What is no secret stays readable."""
    assert Redactor().clean(text) == text


def test_too_short_secrets_are_left_to_their_form() -> None:
    """Nothing is hidden for their sake."""
    redactor = Redactor()
    redactor.learn(["", "abc"])
    redactor.learn_login("maria", "")
    assert redactor.clean("abc and all else") == "abc and all else"


def test_secrets_it_was_told() -> None:
    """A known secret goes wherever it stands, also as an address or a form writes it; longest first."""
    redactor = Redactor()
    redactor.learn(["p\u00e4ss w/rd&", "abcd", "abcdefgh", "", "abc"])
    redactor.learn([PASSKEY])
    redactor.learn_login("maria", "geheim")
    redactor.learn(["", "x"])
    assert redactor.clean(f"{PASSKEY.upper()} Basic bWFyaWE6Z2VoZWlt x bWFyaWE6Z2VoZWlt") == (
        "(hidden) Basic (hidden) x (hidden)"
    )
    text = f"p\u00e4ss w/rd& p%C3%A4ss%20w%2Frd%26 p%C3%A4ss+w%2Frd%26 abcdefgh abcd abc {PASSKEY}"
    assert redactor.clean(text) == f"{'(hidden) ' * 5}abc (hidden)"


def _logged(
    monkeypatch: pytest.MonkeyPatch, level: str = "INFO", redactor: Redactor | None = None
) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logging(level, redactor or Redactor(), plain=True)
    return stream


_HOSTILE = [
    "\n2026-11-01 12:00:00  all is well",
    "\r2026-11-01 12:00:00  all is well",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m",
    "\x00\x08\x7f",
    "\u202egpj.exe\u2066\u200f\u061c",
    "\u2028forged\u2029",
    "\x0b\x0c\x1c\x1d\x1e\x85forged",
    "\ufeff\ud800",
]


@pytest.mark.parametrize("text", _HOSTILE)
def test_text_from_outside_cannot_forge_a_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Control characters, escapes and direction marks become a visible mark, in messages and tracebacks."""
    stream = _logged(monkeypatch, "DEBUG")
    _log.info("%s: handed over", text)
    try:
        raise ValueError(text)
    except ValueError as exc:
        _log.debug("Traceback:", exc_info=exc)
    written = stream.getvalue()
    assert "\ufffd" in written
    lines = written.split("\n")
    assert lines[-1] == ""
    assert all(line[:4].isdigit() or line.startswith("    ") for line in lines[:-1])
    assert one_line(written.replace("\n", "")) == written.replace("\n", "")


def test_a_secret_in_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The redactor sees tracebacks too, and arguments of messages."""
    redactor = Redactor()
    redactor.learn([PASSKEY])
    stream = _logged(monkeypatch, "DEBUG", redactor)
    try:
        raise ValueError(f"refused {PASSKEY}")
    except ValueError as exc:
        _log.debug("with %s:", PASSKEY, exc_info=exc)
    assert PASSKEY not in stream.getvalue()
    assert stream.getvalue().count("(hidden)") == 2


def test_levels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The console shows what was asked for; the file always holds INFO and worse."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log_file = tmp_path / "movie_sync.log"
    set_up_logging("WARNING", Redactor(), log_file=log_file)
    _log.debug("one")
    _log.info("two")
    _log.warning("three")
    tear_down_logging()
    assert "WARNING: three" in stream.getvalue()
    assert "two" not in stream.getvalue()
    written = log_file.read_text()
    assert ("one" in written, "two" in written, "three" in written) == (False, True, True)
    assert "\x1b" not in stream.getvalue() + written


@pytest.mark.parametrize(
    ("surroundings", "has_colours"),
    [
        ({"TERM": "xterm"}, True),
        ({}, True),
        ({"NO_COLOR": ""}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours(monkeypatch: pytest.MonkeyPatch, surroundings: dict[str, str], has_colours: bool) -> None:
    """Only a terminal that knows them gets them, and only while nobody switched them off."""
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logging("INFO", Redactor())
    _log.warning("three")
    assert ("\x1b" in stream.getvalue()) == has_colours


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o377])
def test_the_file_is_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, umask: int) -> None:
    """Mode 0600 from the moment it exists, under any umask, and after each rotation."""
    monkeypatch.setattr("movie_sync.logs._FILE_BYTES", 300)
    log_file = tmp_path / "movie_sync.log"
    before = os.umask(umask)
    try:
        set_up_logging("ERROR", Redactor(), log_file=log_file)
        for number in range(30):
            _log.info("line %d of many", number)
    finally:
        os.umask(before)
    tear_down_logging()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"movie_sync.log", *(f"movie_sync.log.{number}" for number in (1, 2, 3))}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert "line 29" in log_file.read_text()
    assert all(path.stat().st_size <= 300 for path in tmp_path.iterdir())


def test_a_disk_that_was_away(tmp_path: Path) -> None:
    """What was open on it is lost; the file is opened anew."""
    log_file = tmp_path / "movie_sync.log"
    set_up_logging("ERROR", Redactor(), log_file=log_file)
    _log.info("before")
    lost = next(each for each in _log.parent.handlers if isinstance(each, logging.FileHandler))
    os.close(lost.stream.fileno())
    _log.info("after")
    tear_down_logging()
    assert [line.split()[-1] for line in log_file.read_text().splitlines()] == ["before", "after"]


def test_a_file_that_was_opened_to_others(tmp_path: Path) -> None:
    """An older file with a looser mode is made private."""
    log_file = tmp_path / "movie_sync.log"
    log_file.write_text("before\n")
    log_file.chmod(0o644)
    set_up_logging("ERROR", Redactor(), log_file=log_file)
    _log.info("after")
    tear_down_logging()
    assert stat.S_IMODE(log_file.stat().st_mode) == 0o600
    assert log_file.read_text().startswith("before\n")


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """Nothing is written where a link in the log's place points to, and the work goes on."""
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (tmp_path / "movie_sync.log").symlink_to(precious)
    set_up_logging("ERROR", Redactor(), log_file=tmp_path / "movie_sync.log")
    _log.info("line")
    tear_down_logging()
    assert precious.read_text() == "mine"


def test_setting_up_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second set-up replaces the first: no line appears twice."""
    stream = _logged(monkeypatch)
    set_up_logging("INFO", Redactor(), plain=True)
    _log.info("once")
    assert stream.getvalue().count("once") == 1


@pytest.mark.parametrize(("text", "columns"), [("Heat", 4), ("\u6771\u4eac", 4), ("e\u0301", 1), ("", 0)])
def test_columns_of_a_terminal(text: str, columns: int) -> None:
    """Wide characters take two columns, combining ones none."""
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [("Heat", 4, "Heat"), ("Heated", 4, "Hea\u2026"), ("\u6771\u4eac\u7269\u8a9e", 5, "\u6771\u4eac\u2026")],
)
def test_shortened(text: str, columns: int, shown: str) -> None:
    """What does not fit ends in an ellipsis, and fits."""
    assert shorten(text, columns) == shown
    assert width(shown) <= columns


def test_our_own_line_ends_stay() -> None:
    """A text of several lines keeps its line ends and loses all else that is unsafe."""
    assert safe_lines("one\ntwo\x1b\rthree\u2028") == "one\ntwo\ufffd\ufffdthree\ufffd"
