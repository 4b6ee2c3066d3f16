"""A client, a tracker and a list that nobody ever heard of need a line of the registry, and nothing else."""

import argparse
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from house.fakes import FakeClient, FakeTracker, FakeWatchlist
from house.films import film as made_up
from house.films import release_of, stand_in_film
from house.workshop import Workshop

from movie_sync.commands.check import run_check
from movie_sync.commands.context import Context, Options
from movie_sync.commands.setup import run_setup
from movie_sync.credentials.manager import CredentialField
from movie_sync.demo.filelist_server import FileListStandIn
from movie_sync.demo.letterboxd_server import LetterboxdStandIn
from movie_sync.domain.models import QueueName, Release, ReleaseId, WatchlistSnapshot
from movie_sync.domain.redaction import Redactor
from movie_sync.domain.wish_list import WishList
from movie_sync.errors import AuthError, UserError
from movie_sync.services import registry
from movie_sync.services.base import (
    ClientService,
    ListService,
    Login,
    Surroundings,
    TrackerService,
)
from movie_sync.services.form import Form, Prompts
from movie_sync.services.wish_lists import required_lists
from movie_sync.settings.config import Config
from movie_sync.settings.section import Sections, address, setting
from movie_sync.settings.values import flag, number, text_in
from movie_sync.storage.paths import AppPaths

TICKET = "ticket-of-maria-0123456789"


@dataclass(frozen=True, slots=True)
class CrateSettings:
    """How films are packed."""

    url: str = address("http://localhost:1234")
    is_padded: bool = setting(default=True, allowed="true or false", read=flag)


class Crate(ClientService):
    """A made-up client."""

    name = "crate"
    title = "Crate"
    section = CrateSettings
    protects = True
    question = "Do you use a crate?"
    credentials = (CredentialField("stamp", "MOVIE_SYNC_CRATE_STAMP", "stamp"),)
    made = FakeClient()

    def place(self, config: Sections, paths: AppPaths) -> str:
        """Return its address."""
        return config.section(CrateSettings).url

    def ask(self, form: Form) -> None:
        """Ask for the stamp."""
        form.set("is_padded", form.confirm("Is it padded?", default=True))
        form.ask_credential("stamp", "Its stamp", is_needed=False)

    def build(self, config: Sections, login: Login, around: Surroundings) -> FakeClient:
        """Return the one there is."""
        return self.made

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        """Say how it is."""
        return "padded" if config.section(CrateSettings).is_padded else "bare"


@dataclass(frozen=True, slots=True)
class CinemaSettings:
    """How the tracker is asked."""

    pages: int = setting(3, "a whole number from 1 to 9", number(1, 9, whole=True), protects=True)


class Cinema(TrackerService):
    """A made-up tracker."""

    name = "cinema"
    title = "Cinema"
    section = CinemaSettings
    question = "Do you go to the cinema?"
    credentials = (CredentialField("ticket", "MOVIE_SYNC_CINEMA_TICKET", "ticket", may_hold_blanks=False),)
    needs_login = True
    made = FakeTracker(name="cinema")

    def ask(self, form: Form) -> None:
        """Ask for the ticket."""
        form.ask_credential("ticket", "Your ticket")

    def build(self, entry: str, config: Sections, login: Login, around: Surroundings) -> FakeTracker:
        """Return the one there is, for who has a ticket."""
        if login["ticket"] != TICKET:
            raise AuthError(f"Cinema refuses the ticket {login['ticket']}.", service=self.title)
        return self.made

    def calls_per_hour(self, entry: str, config: Sections) -> int:
        """Return its budget."""
        return 10 * config.section(CinemaSettings).pages

    def check(self, entry: str, config: Sections, login: Login, around: Surroundings) -> str:
        """Say how it is."""
        self.build(entry, config, login, around)
        return f"{around.budget('budget-cinema.json', self.calls_per_hour(entry, config)).free()} calls left"


@dataclass(frozen=True, slots=True)
class DiarySettings:
    """Whose diary is read."""

    writer: str = setting("", "a name", text_in)


class Diary(ListService):
    """A made-up list."""

    name = "diary"
    title = "Diary"
    section = DiarySettings
    made = FakeWatchlist(None)

    def ask(self, form: Form) -> None:
        """Ask for the writer, if nothing else is read."""
        if form.is_needed:
            form.set("writer", form.ask("Whose diary", "", str))

    entry_key = "diary"
    allowed = "a name"

    def read_place(self, value: object) -> str:
        """Return a writer."""
        return text_in(value)

    def own_list(self, config: Sections) -> WishList | None:
        """Return the writer's, if there is a writer."""
        writer = config.section(DiarySettings).writer
        return WishList(self.name, writer) if writer else None

    def label(self, wish: WishList) -> str:
        """Return its name."""
        return f"the diary of {wish.place}"

    def owner(self, wish: WishList) -> str:
        """Return the writer."""
        return wish.place

    def build(self, wish: WishList, config: Sections, around: Surroundings) -> FakeWatchlist:
        """Return the one there is."""
        return self.made


@pytest.fixture(autouse=True)
def _services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lines of the registry."""
    monkeypatch.setitem(registry.SERVICES, "diary", f"{__name__}:Diary")
    monkeypatch.setitem(registry.SERVICES, "crate", f"{__name__}:Crate")
    monkeypatch.setitem(registry.SERVICES, "cinema", f"{__name__}:Cinema")
    monkeypatch.setattr(Diary, "made", FakeWatchlist(WatchlistSnapshot("anais", (made_up(0),))))
    monkeypatch.setattr(Crate, "made", FakeClient())
    monkeypatch.setattr(Cinema, "made", FakeTracker(name="cinema"))


@pytest.fixture
def letterboxd() -> Iterator[LetterboxdStandIn]:
    """A list of one film."""
    with LetterboxdStandIn([stand_in_film(0)], username="maria") as stand_in:
        yield stand_in


def loaded(folder: Path, content: object, **environ: str) -> Config:
    """Return the settings of a file with this content."""
    (folder / "config.json").write_text(json.dumps(content))
    return Config.load(folder / "config.json", environ={"HOME": str(folder), **environ})


def of_cinema(release: Release) -> Release:
    """Return a release as the made-up tracker has it."""
    return Release(ReleaseId("cinema", release.id.id), release.name, release.size_bytes, release.seeders)


def test_settings(tmp_path: Path) -> None:
    """They are read, typed, defaulted, protected and taken from the environment like any others."""
    content = {
        "username": "maria",
        "diary": {"writer": "anais"},
        "client": "crate",
        "trackers": ["cinema", "filelist"],
        "crate": {"is_padded": False},
    }
    config = loaded(tmp_path, content, MOVIE_SYNC_CINEMA__PAGES="5")

    assert config.warnings == []
    assert config.section(CrateSettings) == CrateSettings(is_padded=False)
    assert config.section(CinemaSettings) == CinemaSettings(5)
    assert isinstance(config.client(), Crate)
    assert isinstance(required_lists(config)[0].service, Diary)
    faults = loaded(tmp_path, {"crate": {"padded": 1}, "cinema": {"pages": 10}}).faults
    assert [fault.protecting for fault in faults] == ["crate.is_padded", "cinema.pages"]
    with pytest.raises(UserError, match="MOVIE_SYNC_CRATE__URL"):
        loaded(tmp_path, {}, MOVIE_SYNC_CRATE__URL="somewhere")


def test_setup_and_credentials(tmp_path: Path, letterboxd: LetterboxdStandIn) -> None:
    """Setup asks their questions, keeps their secrets encrypted and writes what is theirs."""
    paths = AppPaths(tmp_path / "data")
    environ = {
        "HOME": str(tmp_path),
        "MOVIE_SYNC_LETTERBOXD__BASE_URL": letterboxd.url,
        "MOVIE_SYNC_LETTERBOXD__REQUEST_DELAY": "0",
        "MOVIE_SYNC_QBITTORRENT__URL": "http://127.0.0.1:9",
        "MOVIE_SYNC_TRANSMISSION__URL": "http://127.0.0.1:9",
    }
    context = Context(paths, Config.load(paths.config, environ=environ), Options(), {}, environ)
    others = [service.question for service in registry.of_kind(ClientService).values() if service.question][
        :-1
    ]
    trackers = ["y" if each.name == "cinema" else "n" for each in registry.of_kind(TrackerService).values()]
    answers = iter(
        [
            *("maria", *trackers, "two words", TICKET),
            *("n" for _ in others),
            *("y", "n", "my stamp", str(tmp_path), "", "n"),
        ]
    )
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return next(answers)

    shown = io.StringIO()
    prompts = Prompts(answer, answer, lambda: True)
    manager = context.credentials_manager()
    assert run_setup(context, prompts=prompts, out=shown)

    written = json.loads(paths.config.read_text())
    assert (written["client"], written["trackers"]) == ("crate", ["cinema"])
    assert written["crate"] == {"is_padded": False}
    assert manager.get("cinema") == {"ticket": TICKET}
    assert manager.get("crate") == {"stamp": "my stamp"}
    assert TICKET not in shown.getvalue() + "".join(asked)
    given = Context(paths, context.config, Options(), {}, environ | {"MOVIE_SYNC_CINEMA_TICKET": "t"})
    assert given.credentials_manager().get("cinema") == {"ticket": "t"}


def test_setup_asks_for_one_list(tmp_path: Path) -> None:
    """Where another list is read, the name of a Letterboxd user may be left out; else it is needed."""
    environ = {"HOME": str(tmp_path)}
    for present, needed in ({"diary": {"writer": "anais"}}, False), ({}, True):
        paths = AppPaths(tmp_path / f"data-{needed}")
        paths.prepare()
        context = Context(paths, loaded(paths.root, present), Options(), {}, environ)
        answers = iter([""] if needed else ["", "nin"])

        def answer(_question: str, answers: Iterator[str] = answers) -> str:
            for typed in answers:
                return typed
            raise EOFError

        shown = io.StringIO()
        assert not run_setup(context, prompts=Prompts(answer, answer, lambda: True), out=shown)
        assert ("Required." in shown.getvalue()) is needed
        assert next(answers, None) is None


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It tries all three, and what goes wrong is said without the secret."""
    data = tmp_path / "data"
    data.mkdir()
    content = {
        "diary": {"writer": "anais"},
        "download_directory": str(tmp_path),
        "client": "crate",
        "trackers": ["cinema"],
    }
    codes = []
    for ticket in (TICKET, "wrong-ticket-9876543210"):
        environ = {"HOME": str(tmp_path), "MOVIE_SYNC_CINEMA_TICKET": ticket, "MOVIE_SYNC_CRATE_STAMP": "s"}
        config = loaded(data, content, **environ)
        codes.append(
            run_check(
                argparse.Namespace(),
                Context(AppPaths(data), config, Options(), {}, environ, redactor=Redactor()),
            )
        )

    shown = capsys.readouterr().out
    assert codes == [0, 1]
    assert "ok    Watchlist: 1 film of anais" in shown
    assert "ok    Cinema: 30 calls left" in shown
    assert "ok    Crate: padded" in shown
    assert "FAIL  Cinema: Cinema refuses the ticket (hidden)" in shown
    assert "FileList" not in shown
    assert "qBittorrent" not in shown


def test_a_film_travels_through_all(tmp_path: Path, letterboxd: LetterboxdStandIn) -> None:
    """It is read in the made-up list, found at such a tracker, handed to such a client, and followed there."""
    Cinema.made.offer(made_up(0).imdb_id or "", of_cinema(release_of(made_up(0), 7)))
    with FileListStandIn() as filelist:
        shop = Workshop(
            tmp_path / "data",
            letterboxd,
            filelist,
            environ={
                "HOME": str(tmp_path),
                "MOVIE_SYNC_CINEMA_TICKET": TICKET,
                "MOVIE_SYNC_CRATE_STAMP": "s",
            },
            username="",
            diary={"writer": "anais"},
            client="crate",
            trackers=["cinema"],
        )
        shop.monitor.step()
        shop.work()

        assert shop.titles(QueueName.COMPLETED) == [made_up(0).title]
        (entry,) = shop.queues.entries(QueueName.COMPLETED)
        assert entry.choice is not None
        assert str(entry.choice.id) == "cinema:7"
        assert Crate.made.added == [entry.choice.info_hash]
        assert "states" in Crate.made.journal or "room" in Crate.made.journal
        assert filelist.requests == []
        memory = json.loads((tmp_path / "data" / "watchlist.json").read_bytes())
        assert (memory["username"], Diary.made.fetches) == ("anais", 1)


def test_what_is_not_used_is_not_imported() -> None:
    """Reading all settings imports no client and no library of one."""
    program = (
        "import sys; from movie_sync.settings.keys import known; known(); "
        "print([name for name in sys.modules if name.endswith('.client') or name.partition('.')[0] in "
        "{'requests', 'urllib3', 'qbittorrentapi', 'bs4', 'apprise', 'cryptography'}])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_service_says_what_it_is() -> None:
    """Names agree, secrets have variables of their own, one client is left if no other is used."""
    fields = [field for service in registry.everything() for field in service.credentials]
    assert [service.name for service in registry.everything()] == list(registry.SERVICES)
    assert len({field.variable for field in fields}) == len(fields)
    assert [client.name for client in registry.of_kind(ClientService).values() if not client.question] == [
        "watch_folder"
    ]
