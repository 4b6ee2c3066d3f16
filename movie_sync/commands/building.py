"""Builds all parts from the settings and credentials; services of a kind come from the registry."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import movie_sync.net.http  # noqa: F401 - where a library is missing, nothing is begun
from movie_sync.commands.context import Context
from movie_sync.commands.film_database import metadata_of, used_databases
from movie_sync.commands.kept import Kept
from movie_sync.commands.list_terms import film_rules, first_lists_of, memories_of
from movie_sync.commands.telling import used_services
from movie_sync.complaints import Complaints
from movie_sync.credentials.manager import Credentials, CredentialsManager
from movie_sync.daemon.download import DownloadWorker
from movie_sync.daemon.list_reading import LastReading, ListReading
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.results import ResultRecorder, RetryPolicy
from movie_sync.daemon.session import Session, Sessions
from movie_sync.domain.events import Event
from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.models import Movie
from movie_sync.domain.twins import distinct
from movie_sync.errors import MovieSyncError, UserError
from movie_sync.fetching.client_files import ClientFiles
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.page_reader import PageReader
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.room import RoomKeeper
from movie_sync.fetching.trackers import Trackers
from movie_sync.fetching.upgrades import Upgrades
from movie_sync.following.follower import FollowPolicy, TorrentFollower
from movie_sync.following.memory import TorrentMemory
from movie_sync.following.seeding import SeedingWatch
from movie_sync.following.tagger import UnlistedTagger
from movie_sync.library.disks import DiskLibrary
from movie_sync.ports import FollowedClient, MovieLibrary
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.counts import films_words
from movie_sync.services import registry
from movie_sync.services.base import (
    ClientService,
    FilmDatabaseService,
    Login,
    Service,
    Surroundings,
    TrackerService,
)
from movie_sync.services.letterboxd.service import (
    SHORTEST_CHECK_INTERVAL,
    Letterboxd,
    LetterboxdSettings,
    WatchlistSettings,
)
from movie_sync.services.wish_lists import ChosenList, chosen_lists, required_lists
from movie_sync.settings.keys import GeneralSettings
from movie_sync.settings.values import is_on_this_machine
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.storage.history import History
from movie_sync.wishes.first_lists import FirstLists
from movie_sync.wishes.intakes import Intakes
from movie_sync.wishes.known_films import KnownFilms
from movie_sync.wishes.unlisted_store import UnlistedStore
from movie_sync.wishes.unreadable_store import UnreadableStore

if TYPE_CHECKING:
    from movie_sync.commands.landing import Landing

_GB = 1_000_000_000
_MOST_NEWEST = 10


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
        self._general = self._config.section(GeneralSettings)
        pairs, is_real = self._general.path_map, not context.options.dry_run
        self._around = Surroundings(stop, self._clock, self._paths, is_real, pairs)
        self.files = ClientFiles(pairs)
        self._in_child = in_child
        self._kept = kept or Kept()
        self.manager: CredentialsManager = context.credentials_manager()
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

    def check_lists(self) -> None:
        """Raise UserError if it is not known which list to read."""
        required_lists(self._config)

    def newest_wishes(self) -> Sequence[Movie]:
        """Read the newest films of each list in turn, those that are looked for first.

        Raises as `ChosenList.look` if no list can be read.
        """
        newest, errors = [], []
        memories = memories_of(self._config, self._paths.watchlist)
        for chosen in required_lists(self._config):
            try:
                glimpse = chosen.look(self._config, self._around)
            except MovieSyncError as exc:
                errors.append(exc)
            else:
                newest.append(list(islice(chosen.wish.chosen(glimpse.newest), _MOST_NEWEST)))
                self._first_lists.note(
                    memories.path_of(chosen.wish), newest[-1]
                )  # they are judged by its keys
        if errors and not newest:
            raise errors[0]
        in_turn = chain.from_iterable(zip_longest(*newest))
        return list(distinct(movie for movie in in_turn if movie))

    def list_checks(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the name of each list, with what tries it; of one that is not known which, what says so."""
        lists = chosen_lists(self._config)
        if not lists:
            return [("Watchlist", partial(self._check_list, None))]
        is_only = len(lists) == 1 and not lists[0].wish.name
        labels = (f"List {wish.name}" if wish.name else wish.label for wish in (each.wish for each in lists))
        names = ["Watchlist"] if is_only else labels
        return [(name, partial(self._check_list, each)) for name, each in zip(names, lists, strict=True)]

    def _check_list(self, chosen: ChosenList | None) -> str:
        chosen = chosen or required_lists(self._config)[0]
        snapshot = chosen.build(self._config, self._around).fetch()
        if snapshot is None:
            raise UserError("the list couldn't be read")
        words = f"{films_words(len(snapshot.movies))} of {snapshot.owner}"
        if chosen.wish.years or chosen.wish.limit:
            wanted = sum(1 for _ in chosen.wish.chosen(snapshot.movies))
            return f"{words}, {wanted} of them wanted"
        return words

    def intakes(self, queue_manager: QueueManager) -> Intakes:
        """Return what takes readings of the lists in."""
        wishes = [chosen.wish for chosen in chosen_lists(self._config)]
        return Intakes(
            queue_manager,
            self.known_films(queue_manager),
            memories_of(self._config, self._paths.watchlist),
            self.library,
            self._clock,
            wishes=wishes,
            history=self._history,
            first_run=None if self._config.may_be_meant("first_run") else self._general.first_run,
            unlisted=self._unlisted,
            rules_on=self.rules.on,
            note_unwritten=self._first_lists.note,
            writable=self._around.is_real,
        )

    @cached_property
    def rules(self) -> FilmRules:
        """What each film is judged by, and where its torrent goes."""
        return film_rules(self._config, self._paths.watchlist, self._first_lists)

    @cached_property
    def _first_lists(self) -> FirstLists:
        return first_lists_of(self._config, self._paths.watchlist)

    def credentials(self) -> Credentials:
        """Return the credentials as they are now, decrypted in a child process.

        Of services that are told of events it has only which are held back.
        """
        told = [service.name for service, _ in used_services(self._context)]
        others = (*(tracker for tracker, _ in self._trackers), *used_databases(self._config))
        return self._logins([self.client, *others], told)

    def _logins(self, services: Sequence[Service], others: Sequence[str] = ()) -> Credentials:
        names = [service.name for service in services]
        load = self.manager.load_in_child if self._in_child else self.manager.load
        credentials = load([*names, *others])
        for name in others:
            del credentials[name]
        for service in services:
            for field in service.credentials:
                field.hide(credentials[service.name], self._context.redactor)
        for service in services:
            if service.name not in credentials.held:
                service.check_login(credentials[service.name])
        return credentials

    def checks(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the name of each tracker, of the client and of what else is asked, with what tries it."""
        tried = [
            (f"{tracker.title} {entry}".rstrip(), partial(self.check, tracker, entry))
            for tracker, entry in self._trackers
        ]
        databases = ((each.title, partial(self.check, each)) for each in used_databases(self._config))
        return [*tried, (self.client.title, partial(self.check, self.client)), *databases]

    def check(self, service: Service, entry: str = "") -> str:
        """Try one service, by the user's name for it where it is a named one, and say how it is.

        Raises MovieSyncError or OSError if it cannot be used.
        """
        login = self._login(service, entry)
        if isinstance(service, TrackerService):
            return service.check(entry, self._config, login, self._around)
        if isinstance(service, ClientService | FilmDatabaseService):
            return service.check(self._config, login, self._around)
        raise UserError(f"Nothing to test for {service.title}.")

    def landing(self) -> "Landing | None":
        """Ask the client where films land; None if it cannot tell."""
        from movie_sync.commands.landing import Landing  # noqa: PLC0415 - not for the daemon

        return Landing.of(self._config, self._login(self.client), self._around)

    def unused_pairs(self, folder: str) -> list[str]:
        """Return as `landing.unused_pairs`, which raises, too; `folder` is where the client saves to."""
        from movie_sync.commands.landing import unused_pairs  # noqa: PLC0415 - not for the daemon

        client = self.client.build(self._config, self._login(self.client), self._around)
        pairs = self._general.path_map
        return unused_pairs(pairs, client, folder) if isinstance(client, FollowedClient) else []

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
        metadata, why_none = metadata_of(self._config, credentials, self._around, self._kept.part)
        downloader = FileListDownloader(
            trackers=Trackers(trackers, self._clock, tell, refused),
            client=client,
            pages=PageReader(self.pages, self._clock, metadata, known.imdb_id_of, once=self._once),
            library=self.library,
            rules=self.rules,
            clock=self._clock,
            knows_title=known.knows_title,
            in_company=known.in_company,
            dry_run=not self._around.is_real,
            files=self.files,
        )
        followed = client if isinstance(client, FollowedClient) else None
        why = tuple(str(each) for each in (*told, why_none) if each)
        return Session(downloader, followed, self.client.title, why)

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
        removes_stalled = self.client.removes_stalled(self._config)
        policy = FollowPolicy(general.stalled_after, removes_stalled, self.files.here)
        client = self.client.name, self.client.place(self._config, self._paths)
        shelves = self._config.section(ShelfSettings).folder is not None
        memory = self._kept.part("torrents", client, lambda _: TorrentMemory(clock))
        follower = TorrentFollower(
            queue_manager, policy, clock, tell, self._history, shelves=shelves, earlier=memory
        )
        rules = registry.seeding_rules()
        seeding = SeedingWatch(queue_manager, rules, clock, tell, self._history, self.files)
        radar = Radar(
            queue_manager,
            self._paths.radar,
            check_interval_seconds=self._watchlist.check_interval,
            calls_per_hour=min(
                tracker.calls_per_hour(entry, self._config) for tracker, entry in self._trackers
            ),
            clock=clock,
            upgrades=Upgrades(queue_manager, self.rules, clock),
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
            shelves=shelves,
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
            seeding=seeding if self.client.can_tag and is_real else None,
            held_back=held_back,
            client_is_known=client_is_known,
            once=self._once,
        )

    def monitor_worker(
        self, intakes: Intakes, tell: Callable[[Event], None], *, on_read: Callable[[], None]
    ) -> MonitorWorker:
        """Return the worker that reads the lists; it is not started."""
        lists = chosen_lists(self._config)
        readings = [self._reading(each, intakes, is_only=len(lists) == 1) for each in lists]
        return MonitorWorker(
            readings,
            on_read,
            tell,
            intakes.take_leave,
            stopping=self._around.stop,
            clock=self._clock,
            once=self._once,
        )

    def _reading(self, chosen: ChosenList, intakes: Intakes, *, is_only: bool) -> ListReading:
        wish = chosen.wish
        made_with = wish, self._config.section(LetterboxdSettings), self._general.first_run
        return ListReading(
            chosen.build(self._config, self._around),
            intakes.of(wish),
            UnreadableStore(self._paths.unreadable if self._around.is_real else None, wish.key, self._clock),
            wish.interval or self._watchlist.check_interval,
            Complaints(logging.getLogger(MonitorWorker.__module__)),
            label="" if is_only and not wish.name else wish.label,
            site=wish.site,
            last=self._kept.part(f"list {wish.key}", made_with, lambda _: LastReading()),
        )

    def _build_library(self) -> MovieLibrary:
        """Look into the user's film folders; the default one may be missing, a configured one not."""
        required = [Path(folder) for folder in self._general.library_directories]
        optional: list[Path] = []
        is_own = self._config.is_set("download_directory")
        (required if is_own else optional).insert(0, Path(self._general.download_directory))
        folders = (chosen.wish.save_path for chosen in chosen_lists(self._config))
        optional += [Path(self.files.here(each)) for each in folders if each]
        rules = self._config.quality()
        return self._kept.part(
            "library",
            (required, optional, rules),
            lambda _: DiskLibrary(required, optional, rules=rules, stop=self._around.stop, clock=self._clock),
        )
