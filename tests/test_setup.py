"""Setup: what is typed is kept, what is there stays on Enter, and breaking off changes nothing."""

import io
import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from movie_sync.commands.context import Context, Options
from movie_sync.commands.setup import PRESETS, run_setup
from movie_sync.credentials.manager import CredentialField, CredentialsManager
from movie_sync.domain.quality_rules import PRESETS as QUALITY_PRESETS
from movie_sync.errors import UserError
from movie_sync.services import registry
from movie_sync.services.base import Form, Prompts, TrackerService
from movie_sync.settings.config import Config
from movie_sync.settings.section import REQUIRED, setting
from movie_sync.settings.values import web_address
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths

PASSKEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PASSWORD = "s3cret-word"


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
    """A data folder, a key file and a download folder of one user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = AppPaths(folder / "data")
        self.films = folder / "films"
        self.films.mkdir()
        self.environ = {"HOME": str(folder), "MOVIE_SYNC_KEY_FILE": str(folder / "keys" / "key")}

    @property
    def context(self) -> Context:
        """What the command works with, of the files there are."""
        config = Config.load(self.paths.config, environ=self.environ)
        return Context(self.paths, config, Options(), {}, self.environ)

    @property
    def manager(self) -> CredentialsManager:
        """A new manager on the files there are."""
        return self.context.credentials_manager()

    def set_up(self, user: User) -> tuple[bool, str]:
        """Run the setup; return whether it was done, and what was shown."""
        out = io.StringIO()
        prompts = Prompts(user.type, user.type_secret, lambda: True)
        done = run_setup(self.context, prompts=prompts, out=out)
        return done, out.getvalue()

    def settings(self) -> dict[str, object]:
        """Return what config.json holds."""
        content = json.loads(self.paths.config.read_text())
        assert isinstance(content, dict)
        return content


@pytest.fixture
def home(tmp_path: Path) -> NewUser:
    """A user's folders before the first run."""
    return NewUser(tmp_path)


def first_answers(home: NewUser) -> list[str]:
    """Return answers to every question of a first run."""
    return [
        "https://letterboxd.com/anna/",
        *("y", "anna_fl", PASSKEY, "n"),
        *("y", "nas.local:8080", "admin", PASSWORD),
        str(home.films),
        "hd",
        "n",
    ]


def test_first_run(home: NewUser) -> None:
    """Everything typed is kept in its place, and both files are private."""
    done, shown = home.set_up(User(*first_answers(home)))

    assert done
    assert home.settings() == {
        "username": "anna",
        "qbittorrent": {"url": "http://nas.local:8080"},
        "download_directory": str(home.films),
        "quality": {"preset": "hd"},
    }
    assert home.manager.get("filelist") == {"username": "anna_fl", "passkey": PASSKEY}
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}
    assert stat.S_IMODE(home.paths.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.paths.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.paths.credentials.stat().st_mode) == 0o600
    assert "terms of service" in shown
    assert "copyright" in shown
    assert "/my.php" in shown


def test_secrets_are_asked_for_unseen_and_never_shown(home: NewUser) -> None:
    """Passkey and password are typed hidden, and stand in no question and no line, now or later."""
    first, second = User(*first_answers(home)), User(*[""] * 12)
    shown = home.set_up(first)[1] + home.set_up(second)[1]

    assert len(first.secret_questions) == 2
    everything = "".join([shown, *first.questions, *second.questions])
    assert PASSKEY not in everything
    assert PASSWORD not in everything


def test_enter_keeps_everything(home: NewUser) -> None:
    """A second run with Enter alone writes nothing anew."""
    home.set_up(User(*first_answers(home)))
    before = home.manager.signature(), home.paths.config.stat().st_mtime_ns

    done, _ = home.set_up(User(*[""] * 12))

    assert done
    assert (home.manager.signature(), home.paths.config.stat().st_mtime_ns) == before


def test_one_change_keeps_the_rest(home: NewUser) -> None:
    """A new passkey alone changes nothing else, and unknown keys stay."""
    home.set_up(User(*first_answers(home)))
    home.paths.config.write_text(json.dumps({"note": "mine", **home.settings()}))

    home.set_up(User("bob", "", "", "newkey", *[""] * 8))

    assert home.manager.get("filelist") == {"username": "anna_fl", "passkey": "newkey"}
    assert home.settings() == {"note": "mine", **home.settings(), "username": "bob"}


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
@pytest.mark.parametrize("count", range(12))
def test_breaking_off_changes_nothing(home: NewUser, count: int, end: type[BaseException]) -> None:
    """Ctrl+C or the end of input at any question leaves no file behind."""
    done, shown = home.set_up(User(*first_answers(home)[:count], end=end))

    assert not done
    assert "Nothing was changed" in shown
    assert list(home.paths.root.iterdir()) == []
    assert sorted(path.name for path in home.folder.iterdir()) == ["data", "films"]


def test_without_a_client(home: NewUser) -> None:
    """Who uses none is told where the torrents go, and is not asked for an address."""
    user = User("anna", "y", "anna_fl", PASSKEY, "n", "n", "n", str(home.films), "", "")

    done, shown = home.set_up(user)

    assert done
    assert home.settings() == {
        "username": "anna",
        "client": "watch_folder",
        "download_directory": str(home.films),
    }
    assert str(home.paths.torrents) in shown


def test_transmission(home: NewUser) -> None:
    """Who uses it is asked for its address and login; a second run with Enter alone keeps it."""
    login = ("nas.local:9091/transmission/web", "admin", PASSWORD)

    first = User("anna", "y", "anna_fl", PASSKEY, "n", "n", "y", *login, str(home.films), "", "")
    assert home.set_up(first)[0]
    assert home.set_up(User(*[""] * 14))[0]

    assert home.settings() == {
        "username": "anna",
        "client": "transmission",
        "transmission": {"url": "http://nas.local:9091/transmission/web"},
        "download_directory": str(home.films),
    }
    assert home.manager.get("transmission") == {"username": "admin", "password": PASSWORD}


def test_qbittorrent_without_login(home: NewUser) -> None:
    """An empty user name means that qBittorrent asks for none; then no password is asked for."""
    user = User("anna", "y", "anna_fl", PASSKEY, "n", "", "", "", str(home.films), "", "")

    assert home.set_up(user)[0]
    assert home.manager.get("qbittorrent") == {}
    assert len(user.secret_questions) == 1


def test_login_can_be_taken_away(home: NewUser) -> None:
    """A dash forgets the login that is there."""
    home.set_up(User(*first_answers(home)))

    home.set_up(User(*[""] * 7, "-", "", "", ""))

    assert home.manager.get("qbittorrent") == {}
    assert home.manager.get("filelist")["passkey"] == PASSKEY


def test_an_api_key_in_place_of_a_login(home: NewUser) -> None:
    """A star asks for a key, which is not shown and takes the login's place; Enter keeps it; a name takes it away."""
    home.set_up(User(*first_answers(home)))
    key = "qbt_aB3dE5fG7hJ9kL1mN2pQ4rS6tU8v"
    user = User(*[""] * 7, "*", "with blank", key, *[""] * 3)

    done, shown = home.set_up(user)

    assert done
    assert home.manager.get("qbittorrent") == {"api_key": key}
    assert len(user.secret_questions) == 3
    assert key not in shown
    home.set_up(User(*[""] * 10))
    assert home.manager.get("qbittorrent") == {"api_key": key}
    home.set_up(User(*[""] * 7, "*", "", *[""] * 3))
    assert home.manager.get("qbittorrent") == {"api_key": key}
    home.set_up(User(*[""] * 7, "admin", PASSWORD, *[""] * 3))
    assert home.manager.get("qbittorrent") == {"username": "admin", "password": PASSWORD}


def test_wrong_answers_are_asked_again(home: NewUser) -> None:
    """What cannot be used is explained and asked for again, without repeating a secret."""
    user = User(
        *("", "anna b", "anna"),
        *("y", "", "anna_fl", "", "with blank", PASSKEY, "n"),
        *("maybe", "y", "http://admin:s3cret@host", "ftp://host", "localhost:9", ""),
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
        "qbittorrent": {"url": "http://localhost:9"},
        "download_directory": str(home.films),
        "quality": {"preset": "4k"},
    }


def answers_with_folder(*answers: str) -> list[str]:
    """Return answers up to the folder, those about the folder, one for the quality, one for being told."""
    return ["anna", "y", "anna_fl", PASSKEY, "n", "y", "", "", *answers, "", ""]


def test_download_folder_is_made_on_request(home: NewUser) -> None:
    """A folder that is not there is offered to be made, and made only at the end."""
    folder = home.folder / "new" / "films"

    assert not home.set_up(User(*answers_with_folder(str(folder), "y")[:-1]))[0]
    assert not folder.exists()
    assert home.set_up(User(*answers_with_folder(str(folder), "n", str(folder), "y")))[0]
    assert folder.is_dir()


def test_download_folder_that_is_a_file(home: NewUser) -> None:
    """A file is no folder, and another answer is asked for."""
    (home.folder / "file").write_text("")

    done, shown = home.set_up(User(*answers_with_folder(str(home.folder / "file"), str(home.films))))

    assert done
    assert "is no folder" in shown


def test_unmounted_folder_is_kept(home: NewUser) -> None:
    """A folder that was set and is away now can be kept without making it."""
    home.paths.prepare()
    gone = home.folder / "disk" / "films"
    home.paths.config.write_text(json.dumps({"download_directory": str(gone)}))

    assert home.set_up(User(*answers_with_folder("", "n")))[0]
    assert not gone.exists()
    assert home.settings()["download_directory"] == str(gone)


def test_own_order_is_not_asked_about(home: NewUser) -> None:
    """Who wrote an order of qualities is not offered presets, which it would hide."""
    home.paths.prepare()
    home.paths.config.write_text('{"quality": {"order": ["DVD"]}}')

    assert home.set_up(User(*answers_with_folder(str(home.films))[:-1]))[0]
    assert home.settings()["quality"] == {"order": ["DVD"]}


def test_preset_can_be_taken_back(home: NewUser) -> None:
    """The built-in choice is offered by a name of its own."""
    home.set_up(User(*first_answers(home)))

    home.set_up(User(*[""] * 10, "default", ""))

    assert home.settings()["quality"] == {"preset": None}


def test_environment_is_used_and_not_written(home: NewUser) -> None:
    """Values of the environment are shown as present, and Enter does not write them down."""
    home.environ |= {
        "MOVIE_SYNC_USERNAME": "envname",
        "MOVIE_SYNC_FILELIST_USERNAME": "env_fl",
        "MOVIE_SYNC_FILELIST_PASSKEY": PASSKEY,
    }

    assert home.set_up(User(*[""] * 5, "y", "", "", str(home.films), "", ""))[0]

    assert home.settings() == {"download_directory": str(home.films)}
    assert not home.paths.credentials.exists()


def test_being_told(home: NewUser) -> None:
    """Addresses and tokens are kept encrypted and not shown; the rest stands in the settings."""
    user = User(
        *first_answers(home)[:-1],
        *("y", "ntfy://topic json://here"),
        *("ftp://x", "nas.local:8096", "jelly-secret"),
        "",
    )

    done, shown = home.set_up(user)

    assert done
    assert home.settings()["notices"] == {"enabled": True}
    assert home.settings()["jellyfin"] == {"url": "http://nas.local:8096"}
    assert "plex" not in home.settings()
    assert home.manager.get("notices") == {"urls": "ntfy://topic json://here"}
    assert home.manager.get("jellyfin") == {"token": "jelly-secret"}
    assert len(user.secret_questions) == 4
    assert "jelly-secret" not in shown


def test_a_media_server_can_be_taken_away(home: NewUser) -> None:
    """A dash turns it off, and its token is not asked for."""
    home.paths.prepare()
    home.paths.config.write_text('{"plex": {"url": "http://nas:32400"}}')
    home.set_up(User(*first_answers(home)[:-1], "y", "", "", "-"))

    assert home.settings()["plex"] == {"url": None}


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
    """It says what a running daemon takes up by itself and what only when it is started again."""
    assert "`check`" in home.set_up(User(*first_answers(home)))[1]
    lock = InstanceLock(home.paths.daemon_lock)
    assert lock.acquire(wait_seconds=0)
    only_credentials = home.set_up(User("", "", "", PASSKEY[::-1], *[""] * 9))[1]
    settings = home.set_up(User("bertha", *[""] * 12))[1]
    lock.release()

    assert "takes this up by itself" in only_credentials
    assert "when you stop and start it" in settings


def test_on_a_real_terminal(home: NewUser) -> None:
    """On a real terminal the secrets that are typed are not echoed."""
    code, seen = run_on_terminal(home, first_answers(home))

    assert code == 0, seen
    assert "anna_fl" in seen
    assert PASSKEY not in seen
    assert PASSWORD not in seen
    assert home.manager.get("filelist")["passkey"] == PASSKEY


def test_the_folder_of_films_is_not_private(home: NewUser) -> None:
    """It is made as the user makes folders: a client or a media server of another user is to get in."""
    answers = first_answers(home)
    folder = home.films / "new" / "of mine"
    answers[9:10] = [str(folder), "y"]
    code, seen = run_on_terminal(home, answers, umask=0o002)

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


def test_several_kinds_of_trackers(home: NewUser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked about; what is taken in stands last, what is left out goes, and one there must be."""
    monkeypatch.setitem(registry.SERVICES, "indexers", f"{__name__}:Indexers")
    letterboxd, _, *filelist, _ = first_answers(home)[:5]
    rest = first_answers(home)[5:]
    one, two = ("one", "http://one/api", "key-of-one"), ("t-w_o", "http://two/api", "key-of-two")
    user = User(letterboxd, *"nnn", "y", *filelist, "n", "y", "a b", *one, "y", *two, "n", *rest)
    done, shown = home.set_up(user)

    assert done
    assert "Without a tracker no film can be found" in shown
    assert home.settings()["indexers"] == {
        "one": {"url": "http://one/api"},
        "t-w_o": {"url": "http://two/api"},
    }
    assert home.settings()["trackers"] == ["filelist", "indexers:one", "indexers:t-w_o"]
    assert home.manager.get("indexers") == {"one": "key-of-one", "t-w_o": "key-of-two"}

    again = User("", "n", "n", "y", "", "", "", "key-of-2", "n")
    assert not home.set_up(again)[0]  # broken off there
    done, _ = home.set_up(User("", "n", "n", "y", "", "", "http://two/new", "key-of-2", "n", *[""] * 10))
    assert done
    assert home.settings()["trackers"] == ["indexers:one", "indexers:t-w_o"]
    assert home.settings()["indexers"] == {
        "one": {"url": "http://one/api"},
        "t-w_o": {"url": "http://two/new"},
    }
    assert home.manager.get("indexers") == {"one": "key-of-one", "t-w_o": "key-of-2"}


def test_torznab_instead_of_filelist(home: NewUser) -> None:
    """Each tracker gets a name; its address goes to the settings, its key to the credentials, unseen."""
    answers = first_answers(home)
    one, two = (
        ("films", "nas/1/api?apikey=x", "http://nas:9696/1/api", PASSKEY),
        ("other", "http://nas/2/api", ""),
    )
    user = User(answers[0], "n", "y", *one, "y", *two, "n", *answers[5:])
    done, shown = home.set_up(user)

    assert done
    assert home.settings()["trackers"] == ["torznab:films", "torznab:other"]
    assert home.settings()["torznab"] == {
        "films": {"url": "http://nas:9696/1/api"}, "other": {"url": "http://nas/2/api"},
    }  # fmt: skip
    assert home.manager.get("torznab") == {"films": PASSKEY}
    assert PASSKEY not in "".join([shown, *user.questions])
    assert sum("API key" in question for question in user.secret_questions) == 2
    assert home.set_up(User("", "n", "y", "", "-", *[""] * 12))[0]
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
        env={
            "HOME": str(home.folder),
            "PATH": os.environ["PATH"],
            "MOVIE_SYNC_KEY_FILE": str(home.folder / "keys" / "key"),
        },
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
