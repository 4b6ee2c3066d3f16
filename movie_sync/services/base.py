"""What a service is: its settings, its credentials, its questions, its check, and what it builds.

Each folder here says it in its `service.py`; `registry.py` finds it by name. These modules are imported
whenever settings are read, so they import no library: a client is imported where it is built.

What each service has to say for itself raises NotImplementedError here. It is not declared abstract, as the
registry hands out classes by their kind, and mypy takes no abstract class for one that can be made.
"""

import getpass
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from movie_sync.credentials.manager import CredentialField, clean
from movie_sync.domain.events import EventKind
from movie_sync.domain.notice_schedule import Schedule
from movie_sync.domain.seeding import SeedingRule
from movie_sync.errors import UserError
from movie_sync.ports import Clock, TorrentClient, Tracker, WatchlistSource
from movie_sync.settings.section import Limit, Sections
from movie_sync.settings.values import UnusableValue, web_address
from movie_sync.storage.call_budget import CallBudget
from movie_sync.storage.paths import AppPaths

if TYPE_CHECKING:
    from movie_sync.net.http import HttpClient

Login = Mapping[str, str]
"""A service's credentials by field; one that is not set is not there."""
NONE = "-"
"""What is typed in setup to take away what is there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is built with besides its settings; of each budget and each site's client there is one.

    Where it is no `is_real` run, nothing is written.
    """

    stop: threading.Event
    clock: Clock
    paths: AppPaths
    is_real: bool
    _budgets: dict[str, CallBudget] = field(default_factory=dict)
    _sites: dict[str, "HttpClient"] = field(default_factory=dict)

    def budget(self, name: str, calls_per_hour: int) -> CallBudget:
        """Return the budget that is counted in the file of this name in the data folder."""
        if name not in self._budgets:
            path = self.paths.root / name
            self._budgets[name] = CallBudget(path, calls_per_hour, self.clock, persist=self.is_real)
        return self._budgets[name]

    def site(self, title: str, timeout_seconds: float, min_interval_seconds: float) -> "HttpClient":
        """Return what asks a site: one for all that is asked there, so that it keeps its distance."""
        from movie_sync.net.http import HttpClient  # noqa: PLC0415 - it loads requests

        if title not in self._sites:
            self._sites[title] = HttpClient(
                title,
                stop=self.stop,
                timeout_seconds=timeout_seconds,
                min_interval_seconds=min_interval_seconds,
            )
        return self._sites[title]


@dataclass(frozen=True, slots=True)
class Prompts:
    """How the user is asked; a test puts its own answers in."""

    ask: Callable[[str], str] = input
    ask_secret: Callable[[str], str] = getpass.getpass
    is_terminal: Callable[[], bool] = lambda: sys.stdin is not None and sys.stdin.isatty()


@dataclass(slots=True)
class Dialogue:
    """Asks and answers; what is typed is checked at once.

    Every question raises EOFError or KeyboardInterrupt if the user breaks off.
    """

    prompts: Prompts
    out: TextIO

    def ask(
        self,
        question: str,
        present: str,
        read: Callable[[str], str],
        wanted: str = "",
        *,
        is_needed: bool = True,
        is_secret: bool = False,
    ) -> str | None:
        """Return what was typed, usable, or None where Enter keeps what is there.

        A secret text is not shown, neither the present one nor the one that is typed.
        """
        hint = f" [{'keep the one there is' if is_secret else present}]" if present else ""
        line = f"{question}{' (is not shown)' if is_secret else ''}{hint}: "
        while True:
            text = (self.prompts.ask_secret if is_secret else self.prompts.ask)(line).strip()
            if not text and (present or not is_needed):
                return None
            try:
                if text:
                    return read(text)
                self.say("  This is needed.")
            except (UnusableValue, UserError) as exc:
                self.say(f"  {wanted or exc}")

    def confirm(self, question: str, *, default: bool) -> bool:
        """Return the answer to a question of yes or no."""
        choices = "[Y/n]" if default else "[y/N]"
        while True:
            answer = self.prompts.ask(f"{question} {choices} ").strip().lower()
            if answer in {"", "y", "yes", "n", "no"}:
                return answer.startswith("y") if answer else default
            self.say("  Write y or n.")

    def say(self, text: str) -> None:
        """Show a line."""
        print(text, file=self.out)


@dataclass(slots=True)
class Answers:
    """What was typed in setup; only that is written, at the end, all at once."""

    settings: dict[str, Any] = field(default_factory=dict)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    folder_to_make: Path | None = None


@dataclass(slots=True)
class Form(Dialogue):
    """The setup's page for one service, which notes what is typed.

    `entry` is the user's name for it where it is a named one: settings and credentials are noted under it.
    `is_needed` tells that nothing else does its work.
    """

    service: "Service"
    login: Login
    config: Sections
    paths: AppPaths
    answers: Answers
    entry: str = ""
    is_needed: bool = True

    def ask_credential(self, name: str, question: str, *, is_needed: bool = True) -> str | None:
        """Ask for one of the service's credentials and note it; returns as `ask`."""
        declared = next(each for each in self.service.credentials if each.name == name)
        name = self.entry if declared.is_named else name
        present, what = self.login.get(name, ""), f"The {declared.title}"

        def read(text: str) -> str:
            return text if text == NONE and not is_needed else clean(text, declared, what)

        typed = self.ask(question, present, read, is_needed=is_needed, is_secret=declared.is_secret)
        if typed and (is_needed or typed != NONE):
            self.set_credential(name, typed)
        return typed

    def ask_address(self, question: str, present: str, read: Callable[[str], str], example: str) -> None:
        """Ask for the service's address and note it."""
        url = self.ask(question, present, read, f"Write it like {example}.")
        if url is not None:
            self.set("url", url)

    def set(self, key: str, value: object) -> None:
        """Note a setting of the service's section."""
        content = self.answers.settings
        for section in filter(None, (self.service.section_name or self.service.name, self.entry)):
            content = content.setdefault(section, {})
        content[key] = value

    def set_credential(self, name: str, value: str) -> None:
        """Note a credential; an empty one is forgotten."""
        self.answers.credentials.setdefault(self.service.name, {})[name] = value


class Service:
    """One outside thing. `name` is its key in the settings and among the credentials.

    `section` describes its part of `config.json`, which stands under its `name` or, together with another
    one's, under `section_name`; `main` the keys of its own that stand in no section.
    Where it `is_named` it may be used several times, under names that the user gives.
    """

    name: str
    title: str
    section: type[Any] | None = None
    section_name: str = ""
    main: type[Any] | None = None
    is_named: bool = False
    protects: bool = False
    is_private: bool = False
    credentials: Sequence[CredentialField] = ()
    needs_login: bool = False

    def limits(self, config: Sections) -> Iterable[Limit]:
        """Yield the values that other settings forbid."""
        return ()

    def warnings(self, config: Sections) -> Iterable[str]:
        """Yield what the user should know of settings that are usable."""
        return ()

    def ask(self, form: Form) -> None:
        """Ask what setup has to know of it."""

    def check_login(self, login: Login) -> None:
        """Raise UserError if credentials are needed that are not there."""
        missing = [field for field in self.credentials if not field.is_named and not login.get(field.name)]
        if self.needs_login and missing:
            titles = " and ".join(field.title for field in self.credentials)
            variables = " and ".join(field.variable for field in self.credentials)
            raise UserError(
                f"{self.title}'s {titles} are missing. Run `python main.py setup`, or set {variables}."
            )


class ListService(Service):
    """Where wishes come from."""

    is_fallback: bool = False
    """Whether it is read only if no other is configured; without any it says what is missing."""

    def is_configured(self, config: Sections) -> bool:
        """Tell whether the settings name a list of this kind."""
        raise NotImplementedError

    def place(self, config: Sections) -> str:
        """Return what is read, in words: "anna's watchlist"."""
        raise NotImplementedError

    def owner(self, config: Sections) -> str:
        """Return whose list it is, as its readings have it; in letters of either case."""
        raise NotImplementedError

    def build(self, config: Sections, around: Surroundings) -> WatchlistSource:
        """Return its reader; raises UserError if settings lack it. Nothing is read yet."""
        raise NotImplementedError


class ClientService(Service):
    """Where torrents go."""

    can_tag: bool = True
    """Whether its torrents can be given tags."""
    question: str = ""
    """Asked by setup, to be answered by yes or no; the one without is used if no other is."""
    folder_key: str = ""
    """The full name of the setting that says where it saves films."""

    @property
    def target(self) -> str:
        """What it is called in a sentence."""
        return self.title

    def is_off(self, config: Sections) -> bool:
        """Tell whether it is not used though nothing else is chosen."""
        return False

    def place(self, config: Sections, paths: AppPaths) -> str:
        """Return where it is, in words."""
        raise NotImplementedError

    def removes_stalled(self, config: Sections) -> bool:
        """Tell whether a torrent that was given up is taken out, with the little that came of it."""
        return False

    def build(self, config: Sections, login: Login, around: Surroundings) -> TorrentClient:
        """Return a client; nothing is sent yet."""
        raise NotImplementedError

    def folder(self, config: Sections, login: Login, around: Surroundings) -> str:
        """Ask where films lie once they are whole, as the client names it; empty if it cannot tell.

        Raises MovieSyncError if it cannot be asked.
        """
        return ""

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
        """Try it, and say how it is; raises MovieSyncError or OSError if it cannot be used."""
        raise NotImplementedError


class TrackerService(Service):
    """Where torrents are looked for. `entry` is the user's name for it where it is a named one.

    Setup asks the `question`, to be answered by yes or no, where there are several kinds.
    """

    question: str = ""
    seeding: SeedingRule | None = None
    """What it asks of those who took a torrent there; None if that is not known."""

    def build(self, entry: str, config: Sections, login: Login, around: Surroundings) -> Tracker:
        """Return the tracker; raises UserError if settings or credentials lack it. Nothing is sent yet."""
        raise NotImplementedError

    def calls_per_hour(self, entry: str, config: Sections) -> int:
        """Return its budget."""
        raise NotImplementedError

    def check(self, entry: str, config: Sections, login: Login, around: Surroundings) -> str:
        """Try it, and say how it is; raises MovieSyncError if it cannot be used."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Subscription:
    """Of which events, when, and what the sending process has to know besides the notice."""

    kinds: frozenset[EventKind]
    schedule: Schedule
    order: Mapping[str, str] = field(default_factory=dict)


class ToldService(Service):
    """What is told of events, by a process of its own that alone has the secrets."""

    needs_login = True
    what: str = ""
    """What reaches it, at the beginning of a sentence."""
    done: str = ""
    """What `check` says after it was tried."""

    def subscription(self, config: Sections) -> Subscription | None:
        """Return what it is to be told, or None if it is not used."""
        raise NotImplementedError

    def check_login(self, login: Login) -> None:
        """Raise UserError if credentials are needed that are not there."""
        for each in self.credentials:
            if not login.get(each.name):
                verb = "are" if each.is_list else "is"
                raise UserError(f"the {each.title} {verb} missing. Run setup, or set {each.variable}.")

    def tell(self, order: Mapping[str, str], login: Login) -> str:
        """Tell it, in that process; return what is to be said of those it did not reach, or nothing.

        A MovieSyncError says that it could not be told.
        """
        raise NotImplementedError


def address_here(text: str) -> str:
    """Return a typed address, which may lack its `http://`; raises UnusableValue."""
    return web_address(text if "://" in text else f"http://{text}")
