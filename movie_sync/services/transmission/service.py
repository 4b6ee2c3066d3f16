"""The torrent client Transmission, through its remote access."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from movie_sync.credentials.manager import CredentialField
from movie_sync.errors import MovieSyncError
from movie_sync.services.base import ClientService, Login, Surroundings
from movie_sync.services.form import NONE, Form, address_here
from movie_sync.settings.section import Sections, address, marks, setting, timeout, yes_or_no
from movie_sync.settings.values import is_on_this_machine, or_null, whole_path_anywhere
from movie_sync.storage.paths import AppPaths

if TYPE_CHECKING:
    from movie_sync.services.transmission.client import TransmissionClient


_LOOK_SECONDS = 2.0
_PAGE_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class TransmissionSettings:
    """Where it is, and what its torrents get."""

    url: str = address("http://localhost:9091")
    # Of a relative one Transmission would say that the torrent is at fault.
    download_dir: str | None = setting(
        None,
        "an absolute path as Transmission sees it, or null for its default",
        or_null(whole_path_anywhere),
        for_terminal=True,
    )
    labels: tuple[str, ...] = marks()
    verify_tls: bool = yes_or_no(default=True, for_terminal=True)
    remove_stalled: bool = yes_or_no(default=False)
    timeout: float = timeout()


class Transmission(ClientService):
    """The client."""

    name = "transmission"
    title = "Transmission"
    section = TransmissionSettings
    protects = True
    credentials = (
        CredentialField("username", "MOVIE_SYNC_TRANSMISSION_USERNAME", "username", is_secret=False),
        CredentialField("password", "MOVIE_SYNC_TRANSMISSION_PASSWORD", "password"),
    )
    folder_key = "transmission.download_dir"
    question = "Do you use Transmission (with remote access turned on)?"

    def ask(self, form: Form) -> None:
        """Ask for the address and how to log in."""
        present = form.config.section(TransmissionSettings).url
        example = "http://localhost:9091, without username and password"
        form.ask_address("Transmission's address", present, address_here, example)
        has_login = bool(form.login.get("username"))
        name = form.ask_credential(
            "username",
            f"Transmission's username ({f'{NONE} for none' if has_login else 'Enter if it needs none'})",
            is_needed=False,
        )
        if name == NONE:
            form.set_credential("username", "")
            form.set_credential("password", "")
        elif name is not None or has_login:
            form.ask_credential("password", "Password", is_needed=False)

    def place(self, config: Sections, paths: AppPaths) -> str:
        """Return its address."""
        return config.section(TransmissionSettings).url

    def removes_stalled(self, config: Sections) -> bool:
        """Tell what the user set."""
        return config.section(TransmissionSettings).remove_stalled

    def build(self, config: Sections, login: Login, around: Surroundings) -> "TransmissionClient":
        """Return a client; what it needs is only loaded where it is used."""
        from movie_sync.services.transmission.client import TransmissionClient

        return TransmissionClient(config.section(TransmissionSettings), login, around)

    def find_here(self, config: Sections, around: Surroundings) -> str:
        """See whether something asks for a session, or a login, as Transmission does."""
        from movie_sync.services.transmission.rpc import SESSION, endpoint_of

        url = config.section(TransmissionSettings).url
        if not is_on_this_machine(url):
            return ""
        try:
            site = around.site(f"{self.title} here", _LOOK_SECONDS, 0)
            answer = site.get(endpoint_of(url), max_bytes=_PAGE_BYTES)
        except MovieSyncError:
            return ""
        asks_for_login = self.title.lower() in answer.headers.get("www-authenticate", "").lower()
        return url if SESSION in answer.headers or asks_for_login else ""

    def folder(self, config: Sections, login: Login, around: Surroundings) -> str:
        """Return the folder that it is given, or its own."""
        return self.build(config, login, around).folder()

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        """Ask for its version, and for what ends its seeding: trackers want some of that."""
        client = self.build(config, login, around)
        return ", ".join([client.version(), *client.ends_of_seeding()])
