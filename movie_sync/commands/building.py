"""Builds all parts from the settings and credentials; services of a kind come from the registry."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import movie_sync.net.http  # noqa: F401 - where a library is missing, nothing is begun
from movie_sync.commands.context import Context
from movie_sync.commands.landing import Landing
from movie_sync.credentials.manager import Credentials, CredentialsManager
from movie_sync.daemon.download import DownloadWorker
from movie_sync.daemon.monitor import LastReading, MonitorWorker
from movie_sync.daemon.results import ResultRecorder, RetryPolicy
from movie_sync.daemon.session import Session, Sessions
from movie_sync.domain.events import Event
from movie_sync.domain.models import Movie
from movie_sync.domain.path_map import on_this_machine
from movie_sync.errors import StorageError
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.page_reader import PageReader
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.room import RoomKeeper
from movie_sync.fetching.trackers import Trackers
from movie_sync.fetching.upgrades import Upgrades
from movie_sync.following.follower import FollowPolicy, TorrentFollower
from movie_sync.following.memory import TorrentMemory
from movie_sync.following.tagger import ReplacedTagger, UnlistedTagger
from movie_sync.invocation import command_line
from movie_sync.library.disks import DiskLibrary
from movie_sync.notices.channels import Announcer, Channel, CommandChannel, CommandSettings, ServiceChannel
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Sender
from movie_sync.ports import FollowedClient, MovieLibrary, WatchlistSource
from movie_sync.queues.manager import QueueManager
from movie_sync.services import registry
from movie_sync.services.base import Login, Service, Subscription, Surroundings, ToldService, TrackerService
from movie_sync.services.letterboxd.service import (
    SHORTEST_CHECK_INTERVAL,
    Letterboxd,
    LetterboxdSettings,
    WatchlistSettings,
)
from movie_sync.settings.config import Config
from movie_sync.settings.keys import GeneralSettings
from movie_sync.settings.values import is_on_this_machine
from movie_sync.storage.atomic_file import delete_files
from movie_sync.storage.history import History
from movie_sync.storage.paths import default_key_file
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.unlisted_store import UnlistedStore
from movie_sync.wishes.unreadable_store import UnreadableStore
from movie_sync.wishes.watchlist_store import WatchlistStore

_GB = 1_000_000_000
_Part = TypeVar("_Part")


class Kept:
    """Parts that outlive a change of settings: each is kept until the settings it was built from change."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[object, Any]] = {}

    def part(self, name: str, made_with: object, make: Callable[[_Part | None], _Part]) -> _Part:
        """Return a part, rebuilt if its settings changed; `make` gets the previous one, if any."""
        found = self._parts.get(name)
        if found is None or found[0] != made_with:
            found = self._parts[name] = made_with, make(found[1] if found else None)
        part: _Part = found[1]
        return part


class Services:
    """Builds each part once and shares what is to be shared: one client a site, one budget a tracker.

    `stop` ends whatever the parts wait for. A method raises UserError if what it needs is not configured,
    or if credentials are missing or cannot be decrypted, which a child process does or else this one.
    """

    def __init__(
        self, context: Context, *, stop: threading.Event, kept: Kept | None = None, in_child: bool = True
    ) -> None:
        self._context, self._config = context, context.config
        self._clock, self._paths, self._once = context.clock, context.paths, context.options.runs_once
        self._around = Surroundings(stop, self._clock, self._paths, is_real=not context.options.dry_run)
        self._in_child = in_child
        self._kept = kept or Kept()
        self.manager: CredentialsManager = context.credentials_manager()
        self._general = self._config.section(GeneralSettings)
        self._watchlist = self._config.section(WatchlistSettings)
        self.client = self._config.client()
        kinds = registry.of_kind(TrackerService)
        keys = (key.partition(":") for key in self._general.trackers)
        self._trackers = [(kinds[name], entry) for name, _, entry in keys]
        self.library: MovieLibrary = self._build_library()
        self.pages = Letterboxd().pages(self._config, self._around)
        self._tags_unlisted = self._general.unlisted == "tag" and self.client.can_tag
        history = self._paths.history if self._around.is_real else None
        self._history = History(history, self._clock, context.redactor.clean)
        self._unlisted = UnlistedStore(
            self._paths.unlisted, self._clock, tags=self._tags_unlisted, writable=self._around.is_real
        )

    @property
    def least_seconds_between_checks(self) -> float:
        """How long after a check the lists may be read again at the earliest."""
        is_here = is_on_this_machine(self._config.section(LetterboxdSettings).base_url)
        return 0 if is_here else SHORTEST_CHECK_INTERVAL

    def known_films(self, queue_manager: QueueManager) -> KnownFilms:
        """Return what knows them: one for all, as the intake tells it the list."""
        watchlist = self._paths.watchlist
        return self._kept.part("known films", queue_manager, lambda _: KnownFilms(queue_manager, watchlist))

    def watchlist_source(self) -> WatchlistSource:
        """Return the reader of the list that is configured."""
        return registry.chosen_list(self._config).build(self._config, self._around)

    def newest_wishes(self) -> Sequence[Movie]:
        """Read the newest films of the list, those that are looked for first."""
        return registry.chosen_list(self._config).look(self._config, self._around).newest

    def intake(self, queue_manager: QueueManager) -> WatchlistIntake:
        """Return what takes readings of the watchlist in."""
        store = WatchlistStore(self._paths.watchlist, self._clock, writable=self._around.is_real)
        return WatchlistIntake(
            queue_manager,
            self.known_films(queue_manager),
            store,
            self.library,
            history=self._history,
            first_run=None if self._config.may_be_meant("first_run") else self._general.first_run,
            unlisted=self._unlisted,
        )

    def credentials(self) -> Credentials:
        """Return the credentials as they are now, decrypted in a child process.

        Of services that are told of events it has only which are held back.
        """
        told = [service.name for service, _ in used_services(self._context)]
        return self._logins([self.client, *(tracker for tracker, _ in self._trackers)], told)

    def _logins(self, services: Sequence[Service], others: Sequence[str] = ()) -> Credentials:
        names = [service.name for service in services]
        load = self.manager.load_in_child if self._in_child else self.manager.load
        credentials = load([*names, *others])
        for name in others:
            del credentials[name]
        for service in services:
            login = credentials[service.name]
            for field in service.credentials:
                if field.is_named:
                    self._context.redactor.learn(login.values())
                elif field.is_secret:
                    self._context.redactor.learn_login(login.get("username", ""), login.get(field.name, ""))
        for service in services:
            if service.name not in credentials.held:
                service.check_login(credentials[service.name])
        return credentials

    def checks(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the name of each tracker and of the client, with what tries it."""
        tried = [
            (
                f"{tracker.title} {entry}".rstrip(),
                partial(self._check, tracker, entry, partial(tracker.check, entry)),
            )
            for tracker, entry in self._trackers
        ]
        return [*tried, (self.client.title, partial(self._check, self.client, "", self.client.check))]

    def landing(self) -> Landing | None:
        """Ask the client where films land; None if it cannot tell."""
        return Landing.of(self._config, self._login(self.client), self._around)

    def _check(
        self, service: Service, entry: str, check: Callable[[Config, Login, Surroundings], str]
    ) -> str:
        return check(self._config, self._login(service, entry), self._around)

    def _login(self, service: Service, entry: str = "") -> Login:
        """Return the credentials for one service; raises AuthError if they are held back."""
        credentials = self._logins([service])
        if held := service.held_back(credentials, entry):
            raise held
        return credentials[service.name]

    def session(
        self, queue_manager: QueueManager, tell: Callable[[Event], None] = lambda _event: None
    ) -> Session:
        """Return what films are worked on with, with the credentials as they are now."""
        credentials = self.credentials()
        if held := self.client.held_back(credentials):
            raise held
        known = self.known_films(queue_manager)
        client = self.client.build(self._config, credentials[self.client.name], self._around)
        trackers, refused = [], {}
        for service, entry in self._trackers:
            tracker = service.build(entry, self._config, credentials[service.name], self._around)
            trackers.append(tracker)
            if held := service.held_back(credentials, entry):
                refused[tracker.name] = held
        told = (service.held_back(credentials) for service, _ in used_services(self._context))
        downloader = FileListDownloader(
            trackers=Trackers(trackers, self._clock, tell, refused),
            client=client,
            pages=PageReader(self.pages, self._clock),
            library=self.library,
            rules=self._config.quality(),
            preset=self._config.preset,
            clock=self._clock,
            knows_title=known.knows_title,
            in_company=known.in_company,
            dry_run=not self._around.is_real,
        )
        followed = client if isinstance(client, FollowedClient) else None
        return Session(downloader, followed, self.client.title, tuple(str(held) for held in told if held))

    def download_worker(
        self,
        queue_manager: QueueManager,
        tell: Callable[[Event], None],
        held_back: Callable[[], str] = lambda: "",
        *,
        client_is_known: bool = True,
    ) -> DownloadWorker:
        """Return the worker that gets the films while nothing holds them back; it is not started."""
        general, clock, is_real = self._general, self._clock, self._around.is_real
        policy = FollowPolicy(
            general.stalled_after, removes_stalled=self.client.removes_stalled(self._config)
        )
        client = self.client.name, self.client.place(self._config, self._paths)
        memory = self._kept.part("torrents", client, lambda _: TorrentMemory(clock))
        follower = TorrentFollower(queue_manager, policy, clock, tell, self._history, memory)
        radar = Radar(
            queue_manager,
            self._paths.radar,
            check_interval_seconds=self._watchlist.check_interval,
            calls_per_hour=min(
                tracker.calls_per_hour(entry, self._config) for tracker, entry in self._trackers
            ),
            clock=clock,
            upgrades=Upgrades(queue_manager, self._config.quality(), clock, self._config.preset),
        )
        rooms = RoomKeeper(
            queue_manager,
            max_unfinished=general.max_unfinished,
            min_free_bytes=round(general.min_free_space_gb * _GB),
            clock=clock,
        )
        connect = partial(self.session, queue_manager, tell)
        results = ResultRecorder(
            queue_manager,
            policy=RetryPolicy(general.retry_interval, general.backoff_multiplier, general.max_retries),
            done_words=f"{'handed' if is_real else 'would be handed'} to {self.client.target}",
            clock=clock,
            tell=tell,
            once=self._once,
            history=self._history,
        )
        return DownloadWorker(
            queue_manager,
            Sessions(connect, self.manager.signature, clock, tell),
            results,
            stopping=self._around.stop,
            clock=clock,
            follower=follower if is_real else None,
            rooms=rooms,
            radar=radar if is_real else None,
            tagger=UnlistedTagger(self._unlisted) if self._tags_unlisted and is_real else None,
            replaced=ReplacedTagger(queue_manager, registry.seeding_rules(), clock)
            if self.client.can_tag and is_real
            else None,
            held_back=held_back,
            client_is_known=client_is_known,
            once=self._once,
        )

    def monitor_worker(
        self, intake: WatchlistIntake, tell: Callable[[Event], None], *, on_read: Callable[[], None]
    ) -> MonitorWorker:
        """Return the worker that reads the watchlist; it is not started."""
        unreadable = UnreadableStore(
            self._paths.unreadable if self._around.is_real else None,
            registry.chosen_list(self._config).owner(self._config),
            self._clock,
        )
        chosen = registry.chosen_list(self._config)
        read = (
            chosen.name,
            chosen.place(self._config),
            self._config.section(LetterboxdSettings),
            self._general.first_run,
        )
        return MonitorWorker(
            self.watchlist_source(),
            intake,
            unreadable,
            self._watchlist.check_interval,
            on_read,
            tell,
            self._kept.part("list", read, lambda _: LastReading()),
            stopping=self._around.stop,
            clock=self._clock,
            once=self._once,
        )

    def _build_library(self) -> MovieLibrary:
        """Look into the user's film folders; the default one may be missing, a configured one not."""
        required = [Path(folder) for folder in self._general.library_directories]
        optional: list[Path] = []
        is_own = self._config.is_set("download_directory")
        (required if is_own else optional).insert(0, Path(self._general.download_directory))
        rules = self._config.quality()
        return self._kept.part(
            "library",
            (required, optional, rules),
            lambda _: DiskLibrary(required, optional, rules=rules, stop=self._around.stop, clock=self._clock),
        )


def kept_announcer(context: Context, kept: Kept) -> Announcer:
    """Return what tells the user: the one that does it already, unless its settings are different now."""
    config = context.config
    told = [(service.name, told) for service, told in used_services(context)]
    settings = config.section(CommandSettings), told, config.section(GeneralSettings).path_map

    def make(before: Announcer | None) -> Announcer:
        if before is not None:
            before.close()
        return build_announcer(context, before.outbox if before else None)

    return kept.part("announcer", settings, make)


def build_announcer(context: Context, outbox: EventOutbox | None = None) -> Announcer:
    """Return what tells the user; it tells nothing in a dry run, or where nothing is configured.

    The `outbox` is the one that is in use, if there is one.
    """
    clock = context.clock
    command = context.config.section(CommandSettings).on_event
    services = used_services(context)
    names = [*(["command"] if command else []), *(service.name for service, _ in services)]
    if context.options.dry_run:
        return Announcer(None, [], clock)
    if not names:
        with contextlib.suppress(StorageError):
            delete_files(context.paths.events)  # so that turning something on later sends no old news
        return Announcer(None, [], clock)
    if outbox is None:
        outbox = EventOutbox(context.paths.events, clock, keep=names)
    else:
        outbox.keep_only(names)
    sender = build_sender(context)
    channels: list[Channel] = []
    if command:
        channels.append(CommandChannel(outbox, clock, command, context.environ, umask=context.options.umask))
    channels += [ServiceChannel(outbox, clock, service, told, sender) for service, told in services]
    pairs = context.config.section(GeneralSettings).path_map
    return Announcer(
        outbox,
        channels,
        clock,
        clean=context.redactor.clean,
        here=lambda path: on_this_machine(path, pairs),
    )


def used_services(context: Context) -> list[tuple[ToldService, Subscription]]:
    """Return the services that are told of events, with what they are told."""
    services = registry.of_kind(ToldService).values()
    return [(each, told) for each in services if (told := each.subscription(context.config))]


def build_sender(context: Context) -> Sender:
    """Return what starts the process that speaks to the services."""
    for service in registry.of_kind(ToldService).values():  # the stored ones never come into this process
        for field in service.credentials:
            context.redactor.learn(context.environ.get(field.variable, "").split())
    key_file = default_key_file(context.environ, context.paths.root)
    return Sender(
        context.paths.credentials,
        key_file.absolute(),
        context.clock,
        context.environ,
        context.destinations(),
        command_line("setup", ToldService.block),
    )
