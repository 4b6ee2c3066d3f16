"""Setup: what is typed is tried, kept part by part, and what is there stays on Enter."""

import io
import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import house.commands
import pytest
from house.films import stand_in_film, stand_in_release
from stand_ins.qbittorrent import LOGIN, PREFERENCES, Answer, QBittorrentStandIn
from stand_ins.tmdb import KEY, TmdbStandIn
from stand_ins.transmission import TransmissionStandIn

from movie_sync.commands.context import Context, Options
from movie_sync.commands.setup import is_unfinished, run_setup
from movie_sync.commands.setup_blocks import PRESETS
from movie_sync.credentials.manager import CredentialField, CredentialsManager
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import Fault, LetterboxdStandIn, StandInList
from movie_sync.domain.quality_rules import PRESETS as QUALITY_PRESETS
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.services import registry
from movie_sync.services.base import Login, Surroundings, TrackerService
from movie_sync.services.form import Form, Prompts
from movie_sync.settings.config import Config
from movie_sync.settings.section import REQUIRED, Sections, setting
from movie_sync.settings.values import web_address
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths

process_as_before = house.commands.process_as_before
PASSKEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PASSWORD = "s3cret-word"
CLOSED = "http://127.0.0.1:9"
"""Where nothing answers."""


@dataclass
class Town:
    """What setup speaks to."""

    letterboxd: LetterboxdStandIn
    tracker: FileListStandIn
    client: QBittorrentStandIn


@pytest.fixture
def whole_town() -> Iterator[Town]:
    """Let the stand-ins run."""
    films = [stand_in_film(number) for number in range(3)]
    releases = [stand_in_release(film, 10 + number) for number, film in enumerate(films[:2])]
    with (
        LetterboxdStandIn(films, username="anna") as letterboxd,
        FileListStandIn(releases, users={"anna_fl": PASSKEY}) as tracker,
        QBittorrentStandIn() as client,
    ):
        yield Town(letterboxd, tracker, client)


class User:
    """Types the given answers, then breaks off; remembers the questions."""

    def __init__(self, *answers: str, end: type[BaseException] = EOFError) -> None:
        self._answers: Iterator[str] = iter(answers)
        self._end = end
        self.questions: list[str] = []
        self.secret_questions: list[str] = []

    def type(self, question: str) -> str:
        """Answer one question."""
        self.questions.append(question)
        try:
            return next(self._answers)
        except StopIteration:
            raise self._end from None

    def type_secret(self, question: str) -> str:
        """Answer one question whose answer is not shown."""
        self.secret_questions.append(question)
        return self.type(question)


class NewUser:
    """A data folder, a key file and a download folder of one user, in a town."""

    def __init__(self, folder: Path, town: Town) -> None:
        self.folder, self.town = folder, town
        self.paths = AppPaths(folder / "data")
        self.films = folder / "films"
        self.films.mkdir()
        self.environ = {
            "HOME": str(folder),
            "MOVIE_SYNC_KEY_FILE": str(folder / "keys" / "key"),
            "MOVIE_SYNC_LETTERBOXD__BASE_URL": town.letterboxd.url,
            "MOVIE_SYNC_LETTERBOXD__REQUEST_DELAY": "0",
            "MOVIE_SYNC_FILELIST__BASE_URL": town.tracker.url,
            "MOVIE_SYNC_QBITTORRENT__URL": town.client.url,
            "MOVIE_SYNC_TRANSMISSION__URL": CLOSED,
        }

    @property
    def context(self) -> Context:
        """What the command works with, of the files there are."""
        config = Config.load(self.paths.config, environ=self.environ)
        return Context(self.paths, config, Options(), {}, self.environ)

    @property
    def manager(self) -> CredentialsManager:
        """A new manager on the files there are."""
        return self.context.credentials_manager()

    def set_up(
        self, user: User, only: str | None = None, start: Callable[[], object] | None = None
    ) -> tuple[bool, str]:
        """Run the setup; return whether it was done, and what was shown."""
        out = io.StringIO()
        prompts = Prompts(user.type, user.type_secret, lambda: True)
        done = run_setup(self.context, only=only, start=start, prompts=prompts, out=out)
        return done, out.getvalue()

    def settings(self) -> dict[str, object]:
        """Return what config.json holds."""
        if not self.paths.config.exists():
            return {}
        content = json.loads(self.paths.config.read_text())
        assert isinstance(content, dict)
        return content

    def write_settings(self, content: dict[str, object]) -> None:
        """Write config.json."""
        self.paths.prepare()
        self.paths.config.write_text(json.dumps(content))


@pytest.fixture
def home(tmp_path: Path, whole_town: Town) -> NewUser:
    """A user's folders before the first run; qBittorrent saves to the folder of films."""
    home = NewUser(tmp_path, whole_town)
    saves_to(home, str(home.films))
    return home


def saves_to(home: NewUser, folder: str) -> None:
    """Let qBittorrent save there."""
    body = json.dumps({"save_path": folder, "temp_path_enabled": False}).encode()
    home.town.client.always[PREFERENCES] = Answer(body=body)


LIST, TRACKER, NO_OTHER = ["anna"], ["y", "anna_fl", PASSKEY], "n"
CLIENT = ["y", "admin", PASSWORD]
ENTER = [""] * 4
"""Keeps the folder and the quality, no notices, and whatever comes."""


def first_answers(home: NewUser) -> list[str]:
    """Return answers to every question of a first run."""
    return [
        "https://letterboxd.com/anna/",
        *TRACKER,
        NO_OTHER,
        *CLIENT,
        str(home.films),
        "hd",
        "n",
    ]


def test_first_run(home: NewUser) -> None:
    """Everything typed is tried and kept in its place, both files are private, and films are looked up."""
    done, shown = home.set_up(User(*first_answers(home)))

    assert done
    assert home.settings() == {
        "username": "anna",
        "download_directory": str(home.films),
        "quality": {"preset": "hd"},
    }
    assert home.manager.get("filelist") == {"username": "anna_fl", "passkey": PASSKEY}
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}
    assert stat.S_IMODE(home.paths.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.paths.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.paths.credentials.stat().st_mode) == 0o600
    assert not home.paths.setup.exists()
    assert "terms of service" in shown
    assert "copyright" in shown
    assert "/my.php" in shown
    assert "OK: anna's Letterboxd watchlist has 3 films." in shown
    assert "OK: FileList accepts the passkey; 119 calls left this hour." in shown
    assert "OK: qBittorrent v4.5.2." in shown
    taken = home.town.tracker.releases[0].name
    assert re.search(rf"{re.escape(stand_in_film(0).title)} \(\d+\): {re.escape(taken)} \(", shown)
    assert "no release on the tracker yet" in shown


def test_secrets_are_asked_for_unseen_and_never_shown(home: NewUser) -> None:
    """Passkey and password are typed hidden, and are in no question and no line, now or later."""
    first, second = User(*first_answers(home)), User(*[""] * 11)
    shown = home.set_up(first)[1] + home.set_up(second)[1]

    assert len(first.secret_questions) == 2
    everything = "".join([shown, *first.questions, *second.questions])
    assert PASSKEY not in everything
    assert PASSWORD not in everything


def test_enter_keeps_everything(home: NewUser) -> None:
    """A second run with Enter alone writes nothing anew."""
    home.set_up(User(*first_answers(home)))
    before = home.manager.signature(), home.paths.config.stat().st_mtime_ns

    done, _ = home.set_up(User(*[""] * 11))

    assert done
    assert (home.manager.signature(), home.paths.config.stat().st_mtime_ns) == before


def test_one_part_alone(home: NewUser) -> None:
    """It keeps the rest, and unknown keys; a refused passkey is corrected without typing the name again."""
    home.set_up(User(*first_answers(home)))
    home.paths.config.write_text(json.dumps({"note": "mine", **home.settings()}))
    home.town.tracker.users["anna_fl"] = "newkey"
    done, shown = home.set_up(User("", "", "wrong", "", "", "newkey", "n"), only="filelist")

    assert done
    assert shown.count("FAILED") == 1
    assert "terms of service" not in shown
    assert home.manager.get("filelist") == {"username": "anna_fl", "passkey": "newkey"}
    assert home.set_up(User("small"), only="quality")[0]
    assert home.settings() == {"note": "mine", **home.settings(), "quality": {"preset": "small"}}


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 8, 9, 10])
def test_breaking_off_loses_no_part(home: NewUser, count: int) -> None:
    """Ctrl+C or the end of input keeps each part that was answered, and the next run asks for the rest."""
    answers = first_answers(home)
    parts_end = [1, 5, 8, 9, 10]
    kept = max((end for end in parts_end if end <= count), default=0)
    end = KeyboardInterrupt if count % 2 else EOFError

    done, shown = home.set_up(User(*answers[:count], end=end))

    assert not done
    assert ("Nothing was changed" in shown) is not kept
    assert ("username" in home.settings()) is (kept >= 1)
    assert bool(home.manager.get("filelist")) is (count >= 4)
    assert bool(home.manager.get("qbittorrent")) is (kept >= 8)
    assert ("download_directory" in home.settings()) is (kept >= 9)
    assert is_unfinished(home.paths) is (0 < kept < 9)
    assert list(home.folder.rglob("*.tmp")) == []
    if not kept:
        assert list(home.paths.root.glob("*.json")) == []
        assert list(home.folder.glob("keys")) == []
    if kept:
        done, shown = home.set_up(User(*answers[kept:]))
        assert done
        assert "Continuing where you left off" in shown
    if kept:
        assert home.settings() == {
            "username": "anna",
            "download_directory": str(home.films),
            "quality": {"preset": "hd"},
        }
        assert home.manager.get("filelist") == {"username": "anna_fl", "passkey": PASSKEY}
        assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}
        assert not home.paths.setup.exists()


def test_breaking_off_within_a_part(home: NewUser) -> None:
    """What is said of it is true: a tracker is kept as soon as it was tried."""
    assert "Nothing was changed" in home.set_up(User(*TRACKER[:2]), only="filelist")[1]
    done, shown = home.set_up(User(*TRACKER), only="filelist")
    assert not done
    assert "Nothing was changed" not in shown
    assert home.manager.get("filelist") == {"username": "anna_fl", "passkey": PASSKEY}


def test_lines_fold_at_blanks(home: NewUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal no line is wider than it, questions included, and no word is cut; a command stays whole."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            """Be one."""
            return True

    def shown_at(columns: int) -> tuple[str, list[str]]:
        monkeypatch.setenv("COLUMNS", str(columns))
        user, out = User(*first_answers(home), "y"), Terminal()
        prompts = Prompts(user.type, user.type_secret, lambda: True)
        assert run_setup(home.context, prompts=prompts, out=out, start=lambda: None)
        return out.getvalue(), user.questions

    narrow, questions = shown_at(50)
    command = f"  {command_line('status', '--watch')}"
    lines = narrow.splitlines()
    lines.remove(command)
    assert max(map(len, [*lines, *questions])) <= 50
    wide, _ = shown_at(400)
    words = {word for word in wide.split() if len(word) < 45 and not word.isdecimal()}
    assert words <= {*narrow.split(), *" ".join(questions).split()}


def test_breaking_off_at_the_last_question(home: NewUser) -> None:
    """Everything is saved then; nothing is started."""
    done, shown = home.set_up(User(*first_answers(home)), start=lambda: pytest.fail("started"))

    assert not done
    assert "Everything is saved" in shown
    assert not home.paths.setup.exists()


def test_an_unreadable_note_of_an_interrupted_setup(home: NewUser) -> None:
    """Everything is asked again then."""
    home.paths.prepare()
    for text in ("[", "{}", '{"answered": 5}', "\0"):
        home.paths.setup.write_text(text)
        assert not is_unfinished(home.paths)
    assert home.set_up(User(*first_answers(home)))[0]


def test_starting_it(home: NewUser) -> None:
    """It is started on request, as the last thing; else what is next is said."""
    started: list[str] = []
    done, shown = home.set_up(User(*first_answers(home), "y"), start=lambda: started.append("now"))
    assert done
    assert started == ["now"]
    assert f"in another terminal:\n  {command_line('status', '--watch')}\n" in shown
    done, shown = home.set_up(User(*[""] * 11, "n"), start=lambda: started.append("now"))
    assert started == ["now"]
    assert shown.endswith(f"To start it:\n  {command_line()}\n")


def make_systemd(home: NewUser, *, code: int = 0) -> Path:
    """Let there be a systemd that notes what it is asked for; return where."""
    tools, noted = home.folder / "bin", home.folder / "asked"
    tools.mkdir(exist_ok=True)
    script = tools / "systemctl"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{noted}"\n[ {code} = 0 ] || echo no bus >&2\nexit {code}\n')
    script.chmod(0o755)
    (home.folder / "run" / "systemd").mkdir(parents=True, exist_ok=True)
    home.environ |= {"PATH": str(tools), "XDG_RUNTIME_DIR": str(home.folder / "run")}
    return noted


def test_starting_at_login(home: NewUser) -> None:
    """A user's systemd gets a unit, enabled, and started too if that is wanted now; another unit is kept."""
    noted = make_systemd(home)
    unit = home.folder / ".config" / "systemd" / "user" / "movie-sync.service"
    done, shown = home.set_up(User(*first_answers(home), "y", "y"), start=lambda: pytest.fail("twice"))

    assert done
    assert noted.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now movie-sync.service",
    ]
    assert f'"--data-dir" "{home.paths.root}"' in unit.read_text()
    assert f'Environment="MOVIE_SYNC_KEY_FILE={home.folder}/keys/key"' in unit.read_text()
    assert "MOVIE_SYNC_FILELIST__BASE_URL" in shown
    assert "MOVIE_SYNC_KEY_FILE from" not in shown
    unit.write_text("my own")
    assert home.set_up(User(*[""] * 11, "n", "y", "n"), start=lambda: None)[0]
    assert unit.read_text() == "my own"
    assert home.set_up(User(*[""] * 11, "n", "y", "y"), start=lambda: None)[0]
    assert noted.read_text().endswith("--user enable movie-sync.service\n")
    assert "WantedBy=default.target" in unit.read_text()


def test_a_systemd_that_fails(home: NewUser) -> None:
    """Its words are shown, and it is started here instead."""
    make_systemd(home, code=1)
    started: list[str] = []
    _, shown = home.set_up(User(*first_answers(home), "y", "y"), start=lambda: started.append("here"))
    assert started == ["here"]
    assert "`systemctl --user daemon-reload` failed: no bus" in shown


def test_without_a_client(home: NewUser) -> None:
    """Who uses none is told where the torrents go, and is not asked for an address."""
    user = User(*LIST, *TRACKER, NO_OTHER, "n", "n", str(home.films), "", "")

    done, shown = home.set_up(user)

    assert done
    assert home.settings() == {
        "username": "anna",
        "client": "watch_folder",
        "download_directory": str(home.films),
    }
    assert str(home.paths.torrents) in shown


def test_transmission(home: NewUser) -> None:
    """It is found where it runs and needs no login; a second run with Enter alone keeps it."""
    with TransmissionStandIn() as transmission:
        home.environ["MOVIE_SYNC_TRANSMISSION__URL"] = transmission.url
        user = User(*LIST, *TRACKER, NO_OTHER, "n", "y", str(home.films), "y", "", "")
        done, shown = home.set_up(user)
        assert done
        assert f"Transmission is running at {transmission.url}" in "".join(user.questions)
        assert "OK: Transmission 4.0.5 (a6fe2a64aa)" in shown
        assert "needs no login" in shown
        assert len(user.secret_questions) == 1
        again = User(*[""] * 13)
        assert home.set_up(again)[0]
        assert len(again.questions) == 9

    assert home.settings() == {
        "username": "anna",
        "client": "transmission",
        "download_directory": str(home.films),
        "path_map": [["/films", str(home.films)]],
    }
    assert home.manager.get("transmission") == {}


def test_a_client_elsewhere(home: NewUser) -> None:
    """One that is not found, with an address that is typed and does not answer, is kept on the user's word."""
    del home.environ["MOVIE_SYNC_QBITTORRENT__URL"]
    home.write_settings({"qbittorrent": {"url": CLOSED}})
    client = ("y", "127.0.0.1:8/qb", "admin", PASSWORD, "y", "", "", "", "n")
    user = User(*LIST, *TRACKER, NO_OTHER, *client, str(home.films), "", "")
    done, shown = home.set_up(user)

    assert done
    assert shown.count("FAILED: qBittorrent") == 2
    assert "can't say now where it saves" in shown
    assert home.settings()["qbittorrent"] == {"url": "http://127.0.0.1:8/qb"}
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}


def test_another_address_asks_for_its_own_password(home: NewUser) -> None:
    """The one that is there was entered for another server: it isn't offered, and Enter forgets it."""
    home.set_up(User(*first_answers(home)))
    del home.environ["MOVIE_SYNC_QBITTORRENT__URL"]
    home.write_settings({"qbittorrent": {"url": CLOSED}})
    assert "password" not in home.manager.get("qbittorrent")
    user = User("y", home.town.client.url, "", PASSWORD[::-1], "n")
    assert home.set_up(user, only="client")[0]
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD[::-1]}
    home.write_settings({"qbittorrent": {"url": CLOSED}})
    assert home.set_up(User("y", "", "", "", "n"), only="client")[0]
    home.write_settings({"qbittorrent": {"url": home.town.client.url}})
    assert home.manager.get("qbittorrent") == {"username": "admin"}


def test_qbittorrent_without_login(home: NewUser) -> None:
    """Where it asks for none, none is asked for here."""
    home.town.client.asks_for_login = False
    user = User(*LIST, *TRACKER, NO_OTHER, "y", str(home.films), "", "")

    assert home.set_up(user)[0]
    assert home.manager.get("qbittorrent") == {}
    assert len(user.secret_questions) == 1


def test_a_refused_login_is_corrected_in_place(home: NewUser) -> None:
    """Enter keeps the name, the password is typed again, and nothing else is asked again."""
    home.town.client.script[LOGIN].append(Answer(body=b"Fails."))
    user = User(*first_answers(home)[:7], "wrong", "y", "", PASSWORD, str(home.films), "", "")
    done, shown = home.set_up(user)

    assert done
    assert shown.count("FAILED: qBittorrent") == 1
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}


def test_what_is_kept_though_it_was_refused(home: NewUser) -> None:
    """It is kept on the user's word, said at the end, and not asked again: refused too often, a client bans."""
    home.town.client.always[LOGIN] = Answer(body=b"Fails.")
    user = User(*first_answers(home)[:8], "n", str(home.films), "", "")
    done, shown = home.set_up(user)

    assert done
    assert home.town.client.seen.count(LOGIN) == 1
    assert "Not working yet: qBittorrent" in shown
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}


def test_login_can_be_taken_away(home: NewUser) -> None:
    """A dash forgets the login that is there."""
    home.set_up(User(*first_answers(home)))
    home.town.client.asks_for_login = False

    assert home.set_up(User("", "-"), only="client")[0]

    assert home.manager.get("qbittorrent") == {}
    assert home.manager.get("filelist")["passkey"] == PASSKEY


def test_an_api_key_in_place_of_a_login(home: NewUser) -> None:
    """A star asks for a key, which is not shown and takes the login's place; Enter keeps it; a name takes it away."""
    home.set_up(User(*first_answers(home)))
    key = "qbt_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8v"
    home.town.client.api_key = key
    user = User("", "*", "with blank", key)
    done, shown = home.set_up(user, only="client")
    assert done
    assert "OK: qBittorrent v5.3.0" in shown
    assert home.manager.get("qbittorrent") == {"api_key": key}
    assert len(user.secret_questions) == 2
    assert key not in shown
    home.set_up(User("", ""), only="client")
    assert home.manager.get("qbittorrent") == {"api_key": key}
    home.set_up(User("", "*", ""), only="client")
    assert home.manager.get("qbittorrent") == {"api_key": key}
    home.set_up(User("", "admin", PASSWORD), only="client")
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}


def test_wrong_answers_are_asked_again(home: NewUser) -> None:
    """What cannot be used is explained and asked for again, without repeating a secret."""
    del home.environ["MOVIE_SYNC_QBITTORRENT__URL"]
    home.write_settings({"qbittorrent": {"url": CLOSED}})
    home.town.client.asks_for_login = False
    user = User(
        *("", "anna b", "anna"),
        *("y", "", "anna_fl", "", "with blank", PASSKEY, "n"),
        *("maybe", "y", "http://admin:s3cret@host", "ftp://host", home.town.client.url, ""),
        *("relative", str(home.films)),
        *("8k", "4K"),
        "",
    )

    done, shown = home.set_up(user)

    assert done
    assert "s3cret" not in shown
    assert "with blank" not in shown
    assert home.settings() == {
        "username": "anna",
        "qbittorrent": {"url": home.town.client.url},
        "download_directory": str(home.films),
        "quality": {"preset": "4k"},
    }


def test_a_list_that_cannot_be_read(home: NewUser) -> None:
    """The name is corrected in place; a list that is blocked or private can be read from an export instead."""
    done, shown = home.set_up(User("anne", "y", "anna", "n"), only="letterboxd")
    assert done
    assert shown.count("FAILED: Letterboxd") == 1
    assert home.settings() == {"username": "anna"}
    home.town.letterboxd.fault = lambda _path: Fault.challenge()
    export = home.folder / "watchlist.csv"
    export.write_text("Date,Name,Year,Letterboxd URI\n2026-01-01,Heat,1995,https://boxd.it/2b0k\n")
    answers = ("", "y", str(home.folder / "none.csv"), "y", "", str(export), "n")
    done, shown = home.set_up(User(*answers), only="letterboxd")
    assert done
    assert f"OK: the export {export} has 1 film." in shown
    assert home.settings() == {"username": "anna", "letterboxd": {"export_file": str(export)}}
    home.town.letterboxd.fault = None
    done, shown = home.set_up(User("", "-", "n"), only="letterboxd")
    assert done
    assert "anna's Letterboxd watchlist has 3 films" in shown


def test_a_file_or_a_list_in_place_of_a_username(
    home: NewUser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is typed is read there and then, from wherever it is, and becomes the only list; a name is one."""
    monkeypatch.chdir(tmp_path)
    row = "Date,Name,Year,Letterboxd URI\n2026-01-01,Heat,1995,https://boxd.it/2b0k\n"
    (home.folder / "my files").mkdir()
    export, imdb = home.folder / "my files" / "watchlist.csv", home.folder / "list.csv"
    export.write_text(row)
    imdb.write_text("Const,Title,Year,Title Type\ntt0113277,Heat,1995,Movie\n")
    home.town.letterboxd.lists["ben/list/dark"] = StandInList([stand_in_film(8)])
    in_shell = str(export).replace(" ", "\\ ")
    for text, entry in (
        (f"'{export}'", {"export": str(export)}),
        (in_shell, {"export": str(export)}),
        (str(export.parent), {"export": str(export.parent)}),
        ("list.csv", {"imdb": str(imdb)}),
        ("https://letterboxd.com/ben/list/dark/", {"list": "ben/list/dark"}),
    ):
        home.write_settings({"username": "anna", "letterboxd": {"export_file": str(export)}, "first_run": 3})
        user = User("what is this", text, "n")
        done, shown = home.set_up(user, only="letterboxd")
        assert done, text
        assert "Enter a Letterboxd username, a list's address, or the path of a file." in shown
        assert "has 1 film." in shown
        assert home.settings() == {
            "username": "",
            "letterboxd": {"export_file": None},
            "first_run": 3,
            "lists": [entry],
        }

    home.write_settings({})
    user = User("gone.csv", "y", "list.csv", "n")
    shown = home.set_up(user, only="letterboxd")[1]
    assert f"FAILED: Can't read {home.folder / 'gone.csv'} (No such file" in shown
    assert f"[{home.folder / 'gone.csv'}]" in user.questions[2]
    assert home.settings() == {"lists": [{"imdb": str(imdb)}]}
    home.write_settings({})
    shown = home.set_up(User("gone.csv", "y", "anna", "n"), only="letterboxd")[1]
    assert home.settings() == {"username": "anna"}
    assert "OK: anna's Letterboxd watchlist has 3 films." in shown


def test_another_list(home: NewUser) -> None:
    """It comes behind the one there is, is tried at once, and what was set of the others stays."""
    site = home.town.letterboxd
    site.watchlists["ben"] = [stand_in_film(7)]
    site.lists["ben/list/dark"] = StandInList([stand_in_film(8), stand_in_film(9)])
    assert home.set_up(User(*first_answers(home)))[0]
    done, shown = home.set_up(User("", "y", "bern", "y", "ben", "n"), only="letterboxd")
    assert done
    assert shown.count("FAILED: Letterboxd has no user named bern") == 1
    assert home.settings()["lists"] == [{"watchlist": "anna"}, {"watchlist": "ben"}]
    assert home.settings()["username"] == ""

    imdb = home.folder / "list.csv"
    imdb.write_text("Const,Title,Year,Title Type\ntt0113277,Heat,1995,Movie\n")
    own = {"watchlist": "anna", "name": "Mine", "save_path": "~/films"}
    home.write_settings({**home.settings(), "lists": [own]})
    added = ("y", "https://letterboxd.com/ben/list/dark/", "y", "what is this", str(imdb), "n")
    done, shown = home.set_up(User(*added), only="letterboxd")
    assert done
    assert "OK: Mine has 3 films." in shown
    assert "OK: ben's Letterboxd list dark has 2 films." in shown
    assert home.settings()["lists"] == [own, {"list": "ben/list/dark"}, {"imdb": str(imdb)}]

    home.write_settings(
        {**home.settings(), "lists": [{**own, "preset": "small"}, *home.settings()["lists"][1:]]}
    )  # type: ignore[index]
    done, shown = home.set_up(User(*[""] * 11))
    assert done
    assert "OK: ben's Letterboxd list dark has 2 films." in shown
    assert home.town.tracker.releases[0].name not in shown, "the list's own preset takes smaller ones"
    home.write_settings({**home.settings(), "lists": [own, *home.settings()["lists"][1:]]})  # type: ignore[index]
    assert home.settings()["lists"] == [own, {"list": "ben/list/dark"}, {"imdb": str(imdb)}]
    for number in (7, 8):
        assert (stand_in_film(number).title in shown) is (number == 8), "the first films of every list"


def test_the_client_s_own_folder_is_offered(home: NewUser) -> None:
    """Enter takes it, and it is then the folder of films."""
    home.set_up(User(*first_answers(home)[:8]))
    user = User("", "", "")
    assert home.set_up(user)[0]
    assert user.questions[0] == f"Download folder [{home.films}]: "
    assert home.settings()["download_directory"] == str(home.films)


def test_download_folder_is_made_at_once(home: NewUser) -> None:
    """A folder that is not there is created on request; where that fails another one is asked for."""
    home.set_up(User(*first_answers(home)))
    folder, file = home.films / "new" / "films", home.folder / "file"
    file.write_text("")
    answers = (str(file), str(file / "below"), "y", str(folder), "n", str(folder), "y", "n", "n")
    done, shown = home.set_up(User(*answers), only="folders")

    assert done
    assert folder.is_dir()
    assert f"{file} isn't a folder" in shown
    assert "can't be created" in shown


@pytest.mark.parametrize(
    ("answers", "settings"),
    [
        (("y",), {"path_map": [["/mnt/a", "/mnt/b"], ["/downloads", "FILMS"]]}),
        (("",), {"path_map": [["/mnt/a", "/mnt/b"], ["/downloads", "FILMS"]]}),
        (("n", "y"), {"qbittorrent": {"save_path": "FILMS"}, "path_map": [["/mnt/a", "/mnt/b"]]}),
        (("n", "n"), {"path_map": [["/mnt/a", "/mnt/b"]]}),
    ],
)
def test_a_client_that_names_its_folder_otherwise(
    home: NewUser, answers: tuple[str, ...], settings: dict[str, object]
) -> None:
    """It is the same place under two names, or the client is to save here, or it stays as it is."""
    home.set_up(User(*first_answers(home)))
    home.write_settings({"download_directory": str(home.films), "path_map": [["/mnt/a", "/mnt/b"]]})
    saves_to(home, "/downloads")
    done, shown = home.set_up(User("", *answers), only="folders")

    assert done
    assert "isn't a folder on this machine" in shown
    wanted = json.loads(json.dumps(settings).replace("FILMS", str(home.films)))
    assert home.settings() == {"download_directory": str(home.films), **wanted}
    again = home.set_up(User("", "n", "n"), only="folders")[1]
    assert ("isn't a folder" in again) is (answers == ("n", "n"))


def test_a_client_with_another_folder_here(home: NewUser) -> None:
    """Enter twice has it save where films are looked for."""
    other = home.folder / "other"
    other.mkdir()
    home.set_up(User(*first_answers(home)))
    saves_to(home, str(other))
    assert home.set_up(User("", "", ""), only="folders")[0]
    assert home.settings()["qbittorrent"] == {"save_path": str(home.films)}


def test_unmounted_folder_is_kept(home: NewUser) -> None:
    """A folder that was set and is away now can be kept without making it."""
    gone = home.folder / "disk" / "films"
    home.write_settings({"download_directory": str(gone)})
    saves_to(home, str(gone))
    home.set_up(User(*CLIENT), only="client")

    assert home.set_up(User("", "n"), only="folders")[0]
    assert not gone.exists()
    assert home.settings() == {"download_directory": str(gone)}


def test_own_order_is_not_asked_about(home: NewUser) -> None:
    """Who wrote an order of qualities is not offered presets, which it would hide."""
    home.write_settings({"quality": {"order": ["DVD"]}})

    assert home.set_up(User(), only="quality")[0]
    assert home.settings()["quality"] == {"order": ["DVD"]}


def test_preset_can_be_taken_back(home: NewUser) -> None:
    """The built-in choice is offered by a name of its own."""
    home.set_up(User("hd"), only="quality")

    home.set_up(User("default"), only="quality")

    assert home.settings()["quality"] == {"preset": None}


def test_environment_is_used_and_not_written(home: NewUser) -> None:
    """Values of the environment are shown as present, and Enter does not write them down."""
    home.environ |= {
        "MOVIE_SYNC_USERNAME": "anna",
        "MOVIE_SYNC_FILELIST_USERNAME": "anna_fl",
        "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY,
    }
    home.town.client.asks_for_login = False

    assert home.set_up(User(*[""] * 6, str(home.films), "", ""))[0]

    assert home.settings() == {"download_directory": str(home.films)}
    assert not home.paths.credentials.exists()


def test_being_told(home: NewUser) -> None:
    """Addresses and tokens are tried, kept encrypted and not shown; the rest is in the settings."""
    user = User(
        *("y", "json://127.0.0.1:9", "n"),
        *("ftp://x", "127.0.0.1:9", "jelly-secret", "y", "", "", "n"),
        *("", "n"),
    )

    done, shown = home.set_up(user, only="notices")

    assert done
    assert home.settings() == {"notices": {"enabled": True}, "jellyfin": {"url": CLOSED}}
    assert home.manager.get("notices") == {"urls": "json://127.0.0.1:9"}
    assert home.manager.get("jellyfin") == {"token": "jelly-secret"}
    assert len(user.secret_questions) == 3
    assert "jelly-secret" not in shown
    assert "FAILED: Jellyfin at http://127.0.0.1:9" in shown


def test_a_media_server_can_be_taken_away(home: NewUser) -> None:
    """A dash turns it off, and its token is not asked for."""
    home.write_settings({"plex": {"url": "http://nas:32400"}})
    home.set_up(User("y", "", "", "-", "n"), only="notices")

    assert home.settings()["plex"] == {"url": None}


@pytest.mark.parametrize("key", [KEY, "wrong-key"])
def test_a_film_database(home: NewUser, key: str) -> None:
    """Its key is tried, kept encrypted and not shown."""
    with TmdbStandIn() as tmdb:
        home.environ["MOVIE_SYNC_TMDB__BASE_URL"] = tmdb.url
        user = User("y", "", "", "", "y", key, *([] if key == KEY else ["n"]))
        _, shown = home.set_up(user, only="notices")
    assert ("OK: TMDB accepts the key." in shown) is (key == KEY)
    assert ("FAILED: The TMDB key was rejected (code 7)" in shown) is (key != KEY)
    assert key not in shown
    assert home.settings() == {"tmdb": {"enabled": True}}
    assert home.manager.get("tmdb") == {"key": key}


@pytest.mark.parametrize("damaged", ["config", "credentials"])
def test_damaged_files_stop_before_the_first_question(home: NewUser, damaged: str) -> None:
    """Setup overwrites nothing that it cannot read, and says so before anything is typed."""
    home.set_up(User(*first_answers(home)))
    path = getattr(home.paths, damaged)
    path.write_text("[1")
    user = User(*first_answers(home))

    with pytest.raises(UserError, match=path.name):
        home.set_up(user)

    assert user.questions == []
    assert path.read_text() == "[1"


def test_no_terminal_names_the_variables(home: NewUser) -> None:
    """Without a terminal nothing is asked; the error names what to set instead."""
    user = User(*first_answers(home))

    with pytest.raises(UserError, match="MOVIE_SYNC_FILELIST_PASSKEY") as caught:
        run_setup(home.context, prompts=Prompts(user.type, user.type_secret, lambda: False))

    assert "MOVIE_SYNC_USERNAME" in str(caught.value)
    assert user.questions == []
    assert not home.paths.root.exists()


def test_offered_presets_are_the_known_ones() -> None:
    """Setup offers each preset of the settings, and the built-in choice."""
    assert set(PRESETS) == {"default", *QUALITY_PRESETS}


def test_beside_a_daemon(home: NewUser) -> None:
    """It says that a running daemon uses what is new by itself; one that asks has yet to begin."""
    home.set_up(User(*first_answers(home)))
    lock = InstanceLock(home.paths.daemon_lock)
    assert lock.acquire(wait_seconds=0)
    only_credentials = home.set_up(User("", "", PASSKEY, "n"), only="filelist")[1]
    asked_by_it = home.set_up(User(*[""] * 11))[1]
    settings = home.set_up(User(*[""] * 9, "4k", ""), start=lambda: pytest.fail("started"))[1]
    lock.release()

    assert "will apply this by itself" in only_credentials
    assert "will apply this by itself" in settings
    assert "what would be taken" in asked_by_it


def test_on_a_real_terminal(home: NewUser) -> None:
    """On a real terminal the secrets that are typed are not echoed."""
    code, seen = run_on_terminal(home, [*first_answers(home), "n"])

    assert code == 0, seen
    assert "anna_fl" in seen
    assert PASSKEY not in seen
    assert PASSWORD not in seen
    assert home.manager.get("filelist")["passkey"] == PASSKEY


def test_the_folder_of_films_is_not_private(home: NewUser) -> None:
    """It is made as the user makes folders: a client or a media server of another user is to get in."""
    answers = first_answers(home)
    folder = home.films / "new" / "of mine"
    answers[8:9] = [str(folder), "y", "n", "n"]
    code, seen = run_on_terminal(home, [*answers, "n"], umask=0o002)

    assert code == 0, seen
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o775
    assert stat.S_IMODE(home.paths.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.paths.config.stat().st_mode) == 0o600


@dataclass(frozen=True, slots=True)
class Indexer:
    """A section under a name that the user gives."""

    url: str = setting(REQUIRED, "an address", web_address)


class Indexers(TrackerService):
    """A tracker of which there may be several."""

    name = "indexers"
    title = "Indexer"
    section = Indexer
    is_named = True
    question = "Do you use indexers?"
    credentials = (CredentialField("keys", "MOVIE_SYNC_INDEXERS_KEYS", "key", is_named=True),)

    def ask(self, form: Form) -> None:
        """Ask for address and key."""
        present = form.config.named(Indexer).get(form.entry)
        url = form.ask("Its address", present.url if present else "", web_address)
        if url is not None:
            form.set("url", url)
        form.ask_credential("keys", "Its key")

    def check(self, entry: str, config: Sections, login: Login, around: Surroundings) -> str:
        """Say nothing of it."""
        return f"{config.named(Indexer)[entry].url} answers"

    def calls_per_hour(self, entry: str, config: Sections) -> int:
        """Return any budget."""
        return 60


def test_several_kinds_of_trackers(home: NewUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked about; what is taken in stands last, what is left out goes, and one there must be."""
    monkeypatch.setitem(registry.SERVICES, "indexers", f"{__name__}:Indexers")
    one, two = ("one", "http://one/api", "key-of-one"), ("t-w_o", "http://two/api", "key-of-two")
    user = User(*"nnn", *TRACKER, "n", "y", "a b", *one, "y", *two, "n")
    done, shown = home.set_up(user, only="filelist")

    assert done
    assert "Movie Sync can't find films without a tracker" in shown
    assert home.settings()["indexers"] == {
        "one": {"url": "http://one/api"},
        "t-w_o": {"url": "http://two/api"},
    }
    assert home.settings()["trackers"] == ["filelist", "indexers:one", "indexers:t-w_o"]
    assert home.manager.get("indexers") == {"one": "key-of-one", "t-w_o": "key-of-two"}

    again = User("n", "n", "y", "", "", "http://two/new", "key-of-2", "n")
    assert home.set_up(again, only="filelist")[0]
    assert home.settings()["trackers"] == ["indexers:one", "indexers:t-w_o"]
    assert home.settings()["indexers"] == {
        "one": {"url": "http://one/api"},
        "t-w_o": {"url": "http://two/new"},
    }
    assert home.manager.get("indexers") == {"one": "key-of-one", "t-w_o": "key-of-2"}


def test_torznab_instead_of_filelist(home: NewUser) -> None:
    """Each tracker gets a name; its address goes to the settings, its key to the credentials, unseen."""
    one, two = (
        ("films", "nas/1/api?apikey=x", f"{CLOSED}/1/api", PASSKEY, "n"),
        ("other", f"{CLOSED}/2/api", "", "n"),
    )
    user = User("n", "y", *one, "y", *two, "n")
    done, shown = home.set_up(user, only="filelist")

    assert done
    assert shown.count("FAILED") == 2
    assert home.settings()["trackers"] == ["torznab:films", "torznab:other"]
    assert home.settings()["torznab"] == {
        "films": {"url": f"{CLOSED}/1/api"}, "other": {"url": f"{CLOSED}/2/api"},
    }  # fmt: skip
    assert home.manager.get("torznab") == {"films": PASSKEY}
    assert PASSKEY not in "".join([shown, *user.questions])
    assert sum("API key" in question for question in user.secret_questions) == 2
    assert home.set_up(User("n", "y", "", "-", "n", "", "", "n", "n"), only="filelist")[0]
    assert home.manager.get("torznab") == {}


def run_on_terminal(home: NewUser, answers: list[str], umask: int = 0o022) -> tuple[int, str]:
    """Run the program's setup on a terminal; return its exit code and what was shown."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "main.py", "setup", "--data-dir", home.paths.root],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[1],
        env=home.environ | {"PATH": os.environ["PATH"]},
        umask=umask,
    )
    os.close(terminal)
    seen = talk(controller, answers)
    os.close(controller)
    return process.wait(timeout=30), seen


def talk(controller: int, answers: list[str]) -> str:
    """Answer each question when it stands there; return all that was shown."""
    seen = ""
    for answer in [*answers, None]:
        while not seen.endswith((": ", "] ")):
            try:
                piece = os.read(controller, 4096)
            except OSError:  # Linux reports the other side's end so
                return seen
            if not piece:
                return seen
            seen += piece.decode()
        if answer is not None:
            seen += "\n"
            os.write(controller, answer.encode() + b"\n")
    return seen
