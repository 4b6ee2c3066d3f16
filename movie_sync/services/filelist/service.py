"""The tracker FileList: username and passkey, and so many calls an hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from movie_sync.credentials.manager import CredentialField
from movie_sync.domain.seeding import SeedingRule
from movie_sync.services.base import Login, Surroundings, TrackerService
from movie_sync.services.form import Form
from movie_sync.settings.section import Limit, Sections, address, setting, timeout
from movie_sync.settings.values import MANY, is_on_this_machine, number

if TYPE_CHECKING:
    from movie_sync.services.filelist.client import FileListClient

MOST_CALLS_PER_HOUR = 150
_CALLS_PER_HOUR = 120
_CALLS_ALLOWED = f"a whole number from 1 to {MOST_CALLS_PER_HOUR}"
# The tracker limits calls an hour; a pause between two keeps a long queue from being a burst.
_INTERVAL_SECONDS = 0.75


@dataclass(frozen=True, slots=True)
class FileListSettings:
    """How the tracker is asked."""

    base_url: str = address("https://filelist.io")
    calls_per_hour: int = setting(_CALLS_PER_HOUR, _CALLS_ALLOWED, number(1, MANY, whole=True), protects=True)
    timeout: float = timeout()


class FileList(TrackerService):
    """The tracker."""

    name = "filelist"
    title = "FileList"
    section = FileListSettings
    credentials = (
        CredentialField("username", "MOVIE_SYNC_FILELIST_USERNAME", "username", is_secret=False),
        CredentialField("passkey", "MOVIE_SYNC_FILELIST_PASSKEY", "passkey", may_hold_blanks=False),
    )
    needs_login = True
    question = "Do you use FileList?"
    seeding = SeedingRule(1.0, 48 * 3600.0)

    def limits(self, config: Sections) -> Iterator[Limit]:
        """Keep to what the tracker allows; a stand-in on this machine allows more."""
        settings = config.section(FileListSettings)
        if settings.calls_per_hour > MOST_CALLS_PER_HOUR and not is_on_this_machine(settings.base_url):
            fault = f"is {settings.calls_per_hour}, but must be {_CALLS_ALLOWED}"
            yield Limit("filelist.calls_per_hour", fault, _CALLS_PER_HOUR, is_default=True)

    def warnings(self, config: Sections) -> Iterator[str]:
        base_url = config.section(FileListSettings).base_url
        if urlsplit(base_url).scheme == "http" and not is_on_this_machine(base_url):
            yield '"filelist.base_url" isn\'t https: the passkey is sent unencrypted.'

    def ask(self, form: Form) -> None:
        form.say(
            "\nFileList: your username (not the email address) and your passkey, which is on "
            'https://filelist.io/my.php next to "Reset passkey".'
        )
        form.ask_credential("username", "FileList username")
        form.ask_credential("passkey", "FileList passkey")

    def build(self, entry: str, config: Sections, login: Login, around: Surroundings) -> "FileListClient":
        from movie_sync.services.filelist.client import FileListClient

        settings = config.section(FileListSettings)
        interval_seconds = 0.0 if is_on_this_machine(settings.base_url) else _INTERVAL_SECONDS
        return FileListClient(
            around.site(self.title, settings.timeout, interval_seconds),
            settings.base_url,
            login.get("username", ""),
            login.get("passkey", ""),
            around.budget(self.budget_file(entry), settings.calls_per_hour),
        )

    def budget_file(self, entry: str) -> str:
        return "budget.json"

    def calls_per_hour(self, entry: str, config: Sections) -> int:
        return config.section(FileListSettings).calls_per_hour

    def check(self, entry: str, config: Sections, login: Login, around: Surroundings) -> str:
        client = self.build(entry, config, login, around)
        client.latest(1)
        return f"accepts the passkey; {client.budget.free()} calls left this hour"
