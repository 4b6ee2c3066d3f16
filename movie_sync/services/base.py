"""What a service is: its settings, its credentials, its questions, its check, and what it builds.

Each folder here says it in its `service.py`; `registry.py` finds it by name. These modules are imported
whenever settings are read, so they import no library: a client is imported where it is built.

What each service has to say for itself raises NotImplementedError here. It is not declared abstract, as the
registry hands out classes by their kind, and mypy takes no abstract class for one that can be made.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from movie_sync.credentials.manager import CredentialField, Credentials
from movie_sync.domain.events import EventKind
from movie_sync.domain.models import Movie
from movie_sync.domain.notice_schedule import Schedule
from movie_sync.domain.path_map import Pairs
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.wish_list import WishList
from movie_sync.errors import AuthError, UserError
from movie_sync.invocation import command_line
from movie_sync.ports import Clock, FilmDatabase, TorrentClient, Tracker, WatchlistSource
from movie_sync.services.form import Form
from movie_sync.settings.section import Limit, Sections
from movie_sync.storage.call_budget import CallBudget
from movie_sync.storage.paths import AppPaths

if TYPE_CHECKING:
    from movie_sync.net.http import HttpClient

Login = Mapping[str, str]
"""A service's credentials by field; one that is not set is not there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is built with besides its settings; of each budget and each site's client there is one.

    Where it is no `is_real` run, nothing is written. `path_map` has the client's folders by its own names and
    by this machine's.
    """

    stop: threading.Event
    clock: Clock
    paths: AppPaths
    is_real: bool
    path_map: Pairs = ()
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
    block: str = ""
    """The part of setup that asks about it."""

    def limits(self, config: Sections) -> Iterable[Limit]:
        """Yield the values that other settings forbid."""
        return ()

    def warnings(self, config: Sections) -> Iterable[str]:
        """Yield what the user should know of settings that are usable."""
        return ()

    def names_files(self, _login: Login) -> bool:
        """Tell whether credentials name files of this machine: then the page doesn't take them."""
        return False

    def ask(self, form: Form) -> None:
        """Ask what setup has to know of it."""

    def check_login(self, login: Login) -> None:
        """Raise UserError if credentials are needed that are not there."""
        missing = [field for field in self.credentials if not field.is_named and not login.get(field.name)]
        if self.needs_login and missing:
            titles = " and ".join(field.title for field in self.credentials)
            variables = " and ".join(field.variable for field in self.credentials)
            raise UserError(
                f"{self.title}'s {titles} are missing. Run `{command_line('setup')}`, or set {variables}."
            )

    def held_back(self, credentials: Credentials, entry: str = "", *, setup: str = "") -> AuthError | None:
        """Return why its secrets are not sent where they would go now, if they were entered for elsewhere.

        `setup` is how to enter them again, if it was not the user who started this process.
        """
        held = credentials.held.get(self.name, {})
        first = next((each for name, each in held.items() if not self.is_named or name == entry), None)
        if first is None:
            return None
        entered = f"were entered for {first.entered_for}" if first.entered_for else "came without an address"
        again = f"enter them again with `{setup or command_line('setup', self.block)}`"
        if first.is_given:
            again = "restart Movie Sync, as they come from the environment"
        return AuthError(
            f"The credentials for {f'{self.title} {entry}'.rstrip()} {entered}, so they aren't sent to "
            f"{first.now}. Change the address back, or {again}.",
            service=self.title,
        )


@dataclass(frozen=True, slots=True)
class Glimpse:
    """How many films a list has, and some of them, newest wish first."""

    count: int
    newest: Sequence[Movie]


class ListService(Service):
    """Where wishes come from."""

    is_fallback: bool = False
    """Whether its own list is read only if no other service has one."""
    question: str = ""
    """Offers it in setup, to be answered by yes or no, where another list may not be read."""

    site: str = ""
    """The site that is asked; what it refuses for one list it refuses for all."""
    entry_key: str = ""
    """The key that names such a list in an entry of `lists`; empty if none can."""
    allowed: str = ""
    """What that key's value must be, in words."""

    def read_place(self, value: object) -> str:
        """Return what an entry's key names; raises UnusableValue."""
        raise NotImplementedError

    def own_list(self, config: Sections) -> WishList | None:
        """Return the list that settings of its own name, if they do."""
        raise NotImplementedError

    def label(self, wish: WishList) -> str:
        """Return what is read, in words: "anna's watchlist"."""
        raise NotImplementedError

    def owner(self, wish: WishList) -> str:
        """Return whose list it is, as its readings have it; in letters of either case."""
        raise NotImplementedError

    def build(self, wish: WishList, config: Sections, around: Surroundings) -> WatchlistSource:
        """Return its reader; nothing is read yet."""
        raise NotImplementedError

    def look(self, wish: WishList, config: Sections, around: Surroundings) -> Glimpse:
        """Read as much of the list as shows that it can be read; raises as a `WatchlistSource`, UserError."""
        snapshot = self.build(wish, config, around).fetch()
        movies = snapshot.movies if snapshot else ()
        return Glimpse(len(movies), movies)


class ClientService(Service):
    """Where torrents go."""

    block = "client"
    can_tag: bool = True
    """Whether its torrents can be given tags."""
    is_followed: bool = True
    """Whether it tells how far its torrents are."""
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

    def find_here(self, config: Sections, around: Surroundings) -> str:
        """Return the address in the settings if the client answers there, on this machine; else nothing."""
        return ""

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

    block = "filelist"
    question: str = ""
    seeding: SeedingRule | None = None
    """What it asks of those who took a torrent there; None if that is not known."""

    def build(self, entry: str, config: Sections, login: Login, around: Surroundings) -> Tracker:
        """Return the tracker; raises UserError if settings or credentials lack it. Nothing is sent yet."""
        raise NotImplementedError

    def calls_per_hour(self, entry: str, config: Sections) -> int:
        """Return its budget."""
        raise NotImplementedError

    def budget_file(self, entry: str) -> str:
        """Return the name of the file in the data folder that its calls are counted in."""
        return f"budget-{self.name}-{entry}.json"

    def check(self, entry: str, config: Sections, login: Login, around: Surroundings) -> str:
        """Try it, and say how it is; raises MovieSyncError if it cannot be used."""
        raise NotImplementedError


class FilmDatabaseService(Service):
    """What is asked about films apart from Letterboxd; films are got without it, too."""

    block = "notices"
    attribution: str = ""
    """What its terms want to be said where it is used."""

    def is_used(self, config: Sections) -> bool:
        """Tell whether it is turned on."""
        raise NotImplementedError

    def lacking(self, login: Login) -> str:
        """Return what it lacks, in words, or nothing."""
        field = self.credentials[0]
        if login.get(field.name):
            return ""
        again = command_line("setup", self.block)
        missing = f"{self.title} is turned on, but the {field.title} is missing"
        return f"{missing}. Run `{again}`, or set {field.variable}."

    def build(
        self, config: Sections, login: Login, around: Surroundings, *, keeps_posters: bool
    ) -> FilmDatabase:
        """Return it, for a login that lacks nothing; nothing is sent yet."""
        raise NotImplementedError

    def check(self, config: Sections, login: Login, around: Surroundings) -> str:
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

    block = "notices"
    needs_login = True
    what: str = ""
    """What reaches it, at the beginning of a sentence."""
    done: str = ""
    """What `check` says after it was tried."""
    looks_for_films: bool = False
    """Whether it is told to look where the user's films are: on the shelf, if there is one."""

    def subscription(self, config: Sections) -> Subscription | None:
        """Return what it is to be told, or None if it is not used."""
        raise NotImplementedError

    def check_login(self, login: Login) -> None:
        """Raise UserError if credentials are needed that are not there."""
        for each in self.credentials:
            if not login.get(each.name):
                verb = "are" if each.is_list else "is"
                raise UserError(f"the {each.title} {verb} missing. Run `setup`, or set {each.variable}.")

    def tell(self, order: Mapping[str, str], login: Login) -> str:
        """Tell it, in that process; return what is to be said of those it did not reach, or nothing.

        A MovieSyncError says that it could not be told.
        """
        raise NotImplementedError
