"""A secret goes only to the server that it was entered for, after any change and any restart."""

import threading
from pathlib import Path

import pytest
from house.fakes import FakeClock, FakeTracker

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context, Options
from movie_sync.credentials.addresses import may_receive, server_of
from movie_sync.credentials.manager import CredentialsManager
from movie_sync.errors import AuthError
from movie_sync.fetching.trackers import Trackers
from movie_sync.notices import process
from movie_sync.services import registry
from movie_sync.services.base import ClientService
from movie_sync.settings.config import Config, save_changes
from movie_sync.storage.paths import AppPaths

OLD, NEW = "http://nas:8080", "http://other:8080"
LOGIN = {"username": "maria", "password": "opensesame"}


@pytest.mark.parametrize(
    ("entered_for", "now", "may"),
    [
        ("http://nas:8080", "http://NAS:8080/qb/", True),
        ("http://nas:8080", "https://nas:8080", True),
        ("http://nas", "https://nas", True),
        ("https://nas", "http://nas", False),
        ("https://filelist.io", "https://filelist.io:443", True),
        ("http://localhost:8080", "http://127.0.0.1:8080", True),
        ("http://[::1]:8080", "http://localhost:8080", True),
        ("http://[fd00::2]:8080", "http://[fd00::2]:8080/x", True),
        ("http://localhost:8080", "http://localhost:9090", False),
        ("http://nas:8080", "http://nas.evil:8080", False),
    ],
)
def test_which_server_may_receive_it(entered_for: str, now: str, *, may: bool) -> None:
    """The same host and port, whatever the path, or the same by https; never open what was protected."""
    assert may_receive(server_of(now), server_of(entered_for)) is may


class Home:
    """A data folder with a key beside it; each `context` is a new start of the program."""

    def __init__(self, folder: Path) -> None:
        self.paths = AppPaths(folder / "data")
        self.paths.root.mkdir()
        self.key = folder / "keys" / "key"
        self.environ = {
            "HOME": str(folder),
            "MOVIE_SYNC_KEY_FILE": str(self.key),
            "MOVIE_SYNC_FILELIST_USERNAME": "maria",
            "MOVIE_SYNC_FILELIST_PASSKEY": "k3y",
        }
        self.set_url(OLD)

    def set_url(self, url: str) -> None:
        """Change the client's address in config.json."""
        save_changes(self.paths.config, {"username": "maria", "qbittorrent": {"url": url}})

    def context(self, *, dry_run: bool = False) -> Context:
        """Start the program."""
        config = Config.load(self.paths.config, environ=self.environ)
        return Context(self.paths, config, Options(dry_run=dry_run), {}, self.environ, FakeClock())

    def manager(self, *, dry_run: bool = False) -> CredentialsManager:
        """Return what decrypts in such a start."""
        return self.context(dry_run=dry_run).credentials_manager()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a client."""
    return Home(tmp_path)


def test_across_restarts(home: Home) -> None:
    """It is held back for as long as the address differs; entered again, it goes to the new one alone."""
    home.manager().save({"qbittorrent": LOGIN})
    assert home.manager().get("qbittorrent") == LOGIN
    home.set_url(NEW)
    held = home.manager().load(["qbittorrent", "filelist"])
    assert held["qbittorrent"] == {"username": "maria"}
    assert held["filelist"]["passkey"] == "k3y"
    words = str(registry.of_kind(ClientService)["qbittorrent"].held_back(held))
    assert f"entered for {OLD}, so they aren't sent to {NEW}" in words
    assert "setup client`" in words
    assert "opensesame" not in words
    home.set_url(f"{OLD}/")
    assert home.manager().get("qbittorrent") == LOGIN
    home.set_url(NEW)
    home.manager().save({"plex": {"token": "t"}})
    assert "password" not in home.manager().get("qbittorrent"), "what else is entered releases nothing"
    home.manager().save({"qbittorrent": {"password": "other"}})
    assert home.manager().get("qbittorrent") == {"username": "maria", "password": "other"}
    home.set_url(OLD)
    assert "password" not in home.manager().get("qbittorrent")


def test_an_older_file_takes_the_address_of_its_first_use(home: Home) -> None:
    """It is noted by the process that decrypts; a dry run writes nothing."""
    CredentialsManager(home.paths.credentials, home.key, {}).save({"qbittorrent": LOGIN})
    before = home.paths.credentials.read_bytes()
    assert home.manager(dry_run=True).load_in_child(["qbittorrent"])["qbittorrent"] == LOGIN
    assert home.paths.credentials.read_bytes() == before
    home.manager().note_servers(home.context().destinations().now)
    assert home.manager().get("qbittorrent") == LOGIN
    home.set_url(NEW)
    assert home.manager().get("qbittorrent") == {"username": "maria"}


def test_secrets_of_the_environment(home: Home) -> None:
    """They belong to the configuration that they were started with."""
    home.environ |= {"MOVIE_SYNC_QBITTORRENT_USERNAME": "maria", "MOVIE_SYNC_QBITTORRENT_PASSWORD": "pw"}
    running = home.context()
    home.set_url(NEW)
    running = running.reloaded()
    held = running.credentials_manager().load(["qbittorrent"])
    assert "password" not in held["qbittorrent"]
    assert "restart Movie Sync" in str(running.config.client().held_back(held))
    assert home.manager().get("qbittorrent")["password"] == "pw"
    home.set_url(OLD)
    assert running.reloaded().reloaded().credentials_manager().get("qbittorrent")["password"] == "pw"


def test_a_client_held_back_is_not_asked(home: Home) -> None:
    """No session is had; `check` says the same."""
    home.manager().save({"qbittorrent": LOGIN})
    home.set_url(NEW)
    context = home.context()
    services = Services(context, stop=threading.Event(), in_child=False)
    with pytest.raises(AuthError, match="aren't sent"):
        services.session(context.queues_to_look_at())
    with pytest.raises(AuthError, match="aren't sent"):
        dict(services.checks())["qBittorrent"]()


def test_one_tracker_held_back_keeps_no_other() -> None:
    """It is never asked, alone or among several, and needs the user from the beginning."""
    refused = {"a": AuthError("not sent", service="a")}
    several = Trackers([FakeTracker(name="a"), FakeTracker(name="b")], FakeClock(), lambda _: None, refused)
    answers, outages = several.ask_each(lambda tracker: tracker.name)
    assert (answers, list(map(str, outages))) == ({"b": "b"}, ["not sent"])
    assert several.refusals == ("not sent",)
    several.check_refused()
    sole = Trackers([FakeTracker(name="a")], FakeClock(), lambda _: None, refused)
    with pytest.raises(AuthError, match="not sent"):
        sole.ask("a", lambda tracker: tracker.name)
    with pytest.raises(AuthError, match="not sent"):
        sole.check_refused()


def test_a_media_server_held_back(home: Home) -> None:
    """The process that would tell it doesn't, and names the user's own command."""
    save_changes(home.paths.config, {"jellyfin": {"url": "http://old:8096"}})
    home.manager().save({"jellyfin": {"token": "t0ken"}})
    save_changes(home.paths.config, {"jellyfin": {"url": "http://new:8096"}})
    order = {"service": "jellyfin", "address": "http://new:8096"}
    with pytest.raises(AuthError, match="movie-sync setup notices"):
        process._carry_out(order, home.manager(), process.Redactor(), "movie-sync setup notices")
    home.manager().save({"qbittorrent": LOGIN})
    context = home.context()
    services = Services(context, stop=threading.Event(), in_child=False)
    (words,) = services.session(context.queues_to_look_at()).held_back
    assert "aren't sent to http://new:8096" in words
    assert "jellyfin" not in services.credentials(), "its secrets don't come into the daemon"
