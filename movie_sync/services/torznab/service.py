"""Trackers that speak Torznab, themselves or through Prowlarr or Jackett; each under a name of the user's."""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from movie_sync.credentials.manager import CredentialField
from movie_sync.errors import UserError
from movie_sync.invocation import command_line
from movie_sync.services.base import Login, Surroundings, TrackerService
from movie_sync.services.form import NONE, Form
from movie_sync.settings.section import REQUIRED, Sections, setting, timeout
from movie_sync.settings.values import MANY, UnusableValue, is_on_this_machine, list_of, number, web_address

if TYPE_CHECKING:
    from movie_sync.services.torznab.client import TorznabClient
    from movie_sync.storage.call_budget import CallBudget

_CALLS_PER_HOUR = 60
# A server on this machine keeps its own distance from the tracker behind it.
_INTERVAL_SECONDS = 2.0


def _feed_address(value: object) -> str:
    if isinstance(value, str) and "?" in value:
        raise UnusableValue("without the part after the question mark; setup asks for the key")
    return web_address(value)


@dataclass(frozen=True, slots=True)
class TorznabSettings:
    """How one tracker is asked."""

    url: str = setting(
        REQUIRED, "the http or https address of a Torznab feed, without credentials or a query", _feed_address
    )
    calls_per_hour: int = setting(
        _CALLS_PER_HOUR, "a whole number, at least 1", number(1, MANY, whole=True), protects=True
    )
    categories: tuple[int, ...] = setting(
        [2000], "a list of Torznab category numbers, or [] for all", list_of(number(1, MANY, whole=True))
    )
    timeout: float = timeout()


class Torznab(TrackerService):
    """The trackers."""

    name = "torznab"
    title = "Torznab"
    section = TorznabSettings
    is_named = True
    credentials = (
        CredentialField("keys", "MOVIE_SYNC_TORZNAB_KEYS", "API key", may_hold_blanks=False, is_named=True),
    )
    question = "Do you use Prowlarr, Jackett, or another Torznab tracker?"

    def warnings(self, config: Sections) -> Iterator[str]:
        """Say that a key can be read on its way."""
        for entry, settings in config.named(TorznabSettings).items():
            if _travels_open(settings.url):
                yield f'"torznab.{entry}.url" isn\'t https: the key is sent unencrypted.'

    def ask(self, form: Form) -> None:
        """Ask for the address and the key."""
        present = form.config.named(TorznabSettings).get(form.entry)
        form.say("Each tracker has its own Torznab feed there, with an address that usually ends in /api.")
        example = "http://localhost:9696/1/api, without the key"
        form.ask_address("The feed's address", present.url if present else "", _feed_address, example)
        typed = form.ask_credential("keys", f"API key ({NONE} for none)", is_needed=False)
        if typed == NONE:
            form.set_credential(form.entry, "")

    def build(self, entry: str, config: Sections, login: Login, around: Surroundings) -> "TorznabClient":
        """Return a client of one tracker."""
        from movie_sync.services.torznab.client import TorznabClient

        settings = self._settings(entry, config)
        title = f"{self.title} {entry}"
        interval_seconds = 0.0 if is_on_this_machine(settings.url) else _INTERVAL_SECONDS
        return TorznabClient(
            around.site(title, settings.timeout, interval_seconds),
            f"{self.name}:{entry}",
            title,
            url=settings.url,
            key=login.get(entry, ""),
            categories=settings.categories,
            budget=self._budget(entry, settings, around),
            clock=around.clock,
            setting=f"{self.name}.{entry}.url",
        )

    def calls_per_hour(self, entry: str, config: Sections) -> int:
        """Return its budget."""
        return self._settings(entry, config).calls_per_hour

    def check(self, entry: str, config: Sections, login: Login, around: Surroundings) -> str:
        """Ask what it can do, and for its newest releases."""
        settings = self._settings(entry, config)
        client = self.build(entry, config, login, around)
        caps = client.caps()
        ways = [*(["IMDb id"] if caps.has_imdb else []), *(["words"] if caps.word_function else [])]
        if not ways:
            raise UserError("it answers, but supports searches neither by IMDb id nor by title")
        if not caps.may_have(settings.categories):
            raise UserError(
                f"it answers, but has none of the categories {_listed(settings.categories)}. Change "
                f"{self.name}.{entry}.categories in config.json."
            )
        newest = client.latest()
        if newest and not any(release.has_torrent for release in newest):
            raise UserError("it answers, but offers magnet links only, which aren't supported")
        free = self._budget(entry, settings, around).free()
        news = f"{len(newest)} newest releases" if newest else "no list of newest releases"
        return f"answers; searched by {' and '.join(ways)}; {news}; {free} calls left this hour"

    def _settings(self, entry: str, config: Sections) -> TorznabSettings:
        settings = config.named(TorznabSettings).get(entry)
        if settings is None:
            raise UserError(
                f'"trackers" names {self.name}:{entry}, but "torznab" in config.json has no usable entry of '
                f"that name. Run `{command_line('setup')}`, or add its url there."
            )
        return settings

    def _budget(self, entry: str, settings: TorznabSettings, around: Surroundings) -> "CallBudget":
        return around.budget(self.budget_file(entry), settings.calls_per_hour)


def _travels_open(url: str) -> bool:
    """Tell whether a key sent there can be read on its way outside the user's network."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or is_on_this_machine(url) or "." not in host:
        return False
    try:
        return not ipaddress.ip_address(host).is_private
    except ValueError:
        return not host.endswith((".local", ".lan", ".home", ".internal", ".home.arpa"))


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
