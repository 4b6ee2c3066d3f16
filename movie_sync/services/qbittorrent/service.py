"""The torrent client qBittorrent, through its web interface."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from movie_sync.credentials.manager import CredentialField
from movie_sync.errors import MovieSyncError
from movie_sync.services.base import ClientService, Login, Surroundings
from movie_sync.services.form import NONE, Form, address_here
from movie_sync.settings.section import Sections, address, marks, setting, timeout, yes_or_no
from movie_sync.settings.values import client_category, filled_text, is_on_this_machine, or_null, text_in
from movie_sync.storage.paths import AppPaths

if TYPE_CHECKING:
    from movie_sync.services.qbittorrent.client import QBittorrentClient

_KEY = "*"
"""What is typed in place of a username by who has an API key."""
_LOOK_SECONDS = 2.0
_PAGE_BYTES = 200_000
_TITLE = re.compile(r"<title>[^<]*(?:qBittorrent|VueTorrent)", re.IGNORECASE)


def _category(value: object) -> str:
    return "" if text_in(value) == "" else client_category(value)


@dataclass(frozen=True, slots=True)
class QBittorrentSettings:
    """Where it is, and what its torrents get."""

    enabled: bool = yes_or_no(default=True)
    url: str = address("http://localhost:8080")
    category: str = setting("Movies", 'a qBittorrent category, or "" for none', _category)
    tags: tuple[str, ...] = marks()
    save_path: str | None = setting(
        None, "a path as qBittorrent sees it, or null for its default", or_null(filled_text), is_path=True
    )
    verify_tls: bool = yes_or_no(default=True, for_terminal=True)
    remove_stalled: bool = yes_or_no(default=False)
    timeout: float = timeout()


class QBittorrent(ClientService):
    """The client."""

    name = "qbittorrent"
    title = "qBittorrent"
    section = QBittorrentSettings
    protects = True
    credentials = (
        CredentialField(
            "username", "MOVIE_SYNC_QBITTORRENT_USERNAME", "username", is_secret=False, group="login"
        ),
        CredentialField("password", "MOVIE_SYNC_QBITTORRENT_PASSWORD", "password", group="login"),
        CredentialField(
            "api_key", "MOVIE_SYNC_QBITTORRENT_API_KEY", "API key", may_hold_blanks=False, group="key"
        ),
    )
    folder_key = "qbittorrent.save_path"
    question = "Do you use qBittorrent (with its Web UI turned on)?"

    def is_off(self, config: Sections) -> bool:
        return not config.section(QBittorrentSettings).enabled

    def ask(self, form: Form) -> None:
        present = form.config.section(QBittorrentSettings).url
        example = "http://localhost:8080, without username and password"
        form.ask_address("qBittorrent's address", present, address_here, example)
        has_key = bool(form.login.get("api_key"))
        has_login = bool(form.login.get("username")) and not has_key
        if has_key:
            hint = f"Enter keeps the API key, {NONE} for no login, {_KEY} for another key"
        else:
            none = f"{NONE} for none" if has_login else "Enter if it needs none"
            hint = f"{none}, {_KEY} for an API key"
        name = form.ask_credential("username", f"qBittorrent's username ({hint})", is_needed=False)
        forgotten: list[str] = []
        if name == _KEY:
            form.ask_credential("api_key", "API key", is_needed=not has_key)
            forgotten = ["username", "password"]
        elif name == NONE:
            forgotten = ["username", "password", "api_key"]
        elif name is not None or has_login:
            form.ask_credential("password", "Password", is_needed=False)
            forgotten = ["api_key"] if has_key else []
        for field in forgotten:
            form.set_credential(field, "")

    def place(self, config: Sections, paths: AppPaths) -> str:
        return config.section(QBittorrentSettings).url

    def removes_stalled(self, config: Sections) -> bool:
        return config.section(QBittorrentSettings).remove_stalled

    def build(self, config: Sections, login: Login, around: Surroundings) -> "QBittorrentClient":
        from movie_sync.services.qbittorrent.client import QBittorrentClient

        return QBittorrentClient(config.section(QBittorrentSettings), login, around)

    def find_here(self, config: Sections, around: Surroundings) -> str:
        url = config.section(QBittorrentSettings).url
        if not is_on_this_machine(url):
            return ""
        try:
            page = around.site(f"{self.title} here", _LOOK_SECONDS, 0).get(f"{url}/", max_bytes=_PAGE_BYTES)
        except MovieSyncError:
            return ""
        return url if _TITLE.search(page.text) else ""

    def folder(self, config: Sections, login: Login, around: Surroundings) -> str:
        return self.build(config, login, around).folder()

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        return self.build(config, login, around).version()
