"""The only room that names concrete adapters: it builds them from settings and credentials."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from movie_sync.commands.context import Context
from movie_sync.commands.notices_setup import build_announcer
from movie_sync.credentials.manager import Credentials, CredentialsManager
from movie_sync.daemon.download import DownloadWorker, HeldBack
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.results import RetryPolicy
from movie_sync.daemon.session import Session
from movie_sync.domain.events import Event
from movie_sync.domain.selection import QualityRules
from movie_sync.errors import UserError
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.radar_store import RadarStore
from movie_sync.fetching.room import RoomKeeper
from movie_sync.following.follower import FollowPolicy, TorrentFollower
from movie_sync.following.tagger import UnlistedTagger
from movie_sync.library.disks import DiskLibrary
from movie_sync.net.http import HttpClient, SharedTls
from movie_sync.notices.announcer import Announcer
from movie_sync.ports import FollowedClient, MovieLibrary, TorrentClient, WatchlistSource
from movie_sync.queues.manager import QueueManager
from movie_sync.services.filelist.client import FileListClient
from movie_sync.services.letterboxd.client import LetterboxdFilmPages, LetterboxdWatchlist
from movie_sync.services.letterboxd_export.export import ExportWatchlist
from movie_sync.services.watch_folder.client import WatchFolder
from movie_sync.settings.values import is_on_this_machine
from movie_sync.storage.call_budget import CallBudget
from movie_sync.wishes.intake import WatchlistIntake
from movie_sync.wishes.unlisted_store import UnlistedStore
from movie_sync.wishes.unreadable_store import UnreadableStore
from movie_sync.wishes.watchlist_store import WatchlistStore

# The tracker limits calls an hour; a pause between two keeps a long queue from being a burst.
_FILELIST_INTERVAL_SECONDS = 0.75
_GB = 1_000_000_000


class Services:
    """Builds each part once and shares what is to be shared: one TLS context, one client a site.

    `stop` ends whatever the parts wait for.
    """

    def __init__(self, context: Context, *, stop: threading.Event) -> None:
        self._context = context
        self._config = context.config
        self._stop = stop
        self._tls = SharedTls()
        self.manager: CredentialsManager = context.credentials_manager()
        letterboxd = self._config["letterboxd"]
        self._letterboxd_http = HttpClient(
            "Letterboxd",
            stop=stop,
            timeout_seconds=letterboxd["timeout"],
            min_interval_seconds=letterboxd["request_delay"],
            tls=self._tls,
        )
        self.library: MovieLibrary = self._build_library()
        self.pages = LetterboxdFilmPages(self._letterboxd_http, letterboxd["base_url"])
        self.budget = CallBudget(
            context.paths.budget,
            self._config["filelist"]["calls_per_hour"],
            context.clock,
            persist=not context.options.dry_run,
        )
        self._tags_unlisted = self._config["unlisted"] == "tag" and self._config["qbittorrent"]["enabled"]
        self._unlisted = UnlistedStore(
            context.paths.unlisted,
            context.clock,
            tags=self._tags_unlisted,
            writable=not context.options.dry_run,
        )

    def watchlist_source(self) -> WatchlistSource:
        """Return the account export if one is configured, else the user's public watchlist.

        Raises:
            UserError: neither is configured, or the name cannot be one.
        """
        export = self._config["letterboxd"]["export_file"]
        if export:
            return ExportWatchlist(Path(export))
        return LetterboxdWatchlist(
            self._letterboxd_http, self._config["letterboxd"]["base_url"], self._config["username"]
        )

    def intake(self, queue_manager: QueueManager) -> WatchlistIntake:
        """Return what takes readings of the watchlist in."""
        is_real = not self._context.options.dry_run
        store = WatchlistStore(self._context.paths.watchlist, self._context.clock, writable=is_real)
        return WatchlistIntake(
            queue_manager,
            store,
            self.library,
            first_run=None if self._config.may_be_meant("first_run") else self._config["first_run"],
            unlisted=self._unlisted,
        )

    def credentials(self) -> Credentials:
        """Return the credentials as they are now, decrypted in a child process.

        Raises:
            UserError: they are missing or cannot be decrypted.
        """
        credentials = self.manager.load_in_child()
        redactor = self._context.redactor
        redactor.learn_login(credentials.filelist_username, credentials.filelist_passkey)
        redactor.learn_login(credentials.qbittorrent_username, credentials.qbittorrent_password)
        if not credentials.has_filelist:
            raise UserError(
                "FileList's user name and passkey are missing. Run `python main.py setup`, or set "
                "MOVIE_SYNC_FILELIST_USERNAME and MOVIE_SYNC_FILELIST_PASSKEY."
            )
        return credentials

    def filelist(self, credentials: Credentials) -> FileListClient:
        """Return a client of the tracker."""
        settings = self._config["filelist"]
        is_here = is_on_this_machine(settings["base_url"])
        http = HttpClient(
            "FileList",
            stop=self._stop,
            timeout_seconds=settings["timeout"],
            min_interval_seconds=0.0 if is_here else _FILELIST_INTERVAL_SECONDS,
            tls=self._tls,
        )
        return FileListClient(
            http,
            settings["base_url"],
            credentials.filelist_username,
            credentials.filelist_passkey,
            self.budget,
        )

    def torrent_client(self, credentials: Credentials) -> TorrentClient:
        """Return qBittorrent, or the watch folder where it is not used."""
        settings = self._config["qbittorrent"]
        if not settings["enabled"]:
            return WatchFolder(self.torrent_folder())
        # qBittorrent's library is only loaded where it is used.
        from movie_sync.services.qbittorrent.client import QBittorrentClient  # noqa: PLC0415

        return QBittorrentClient(
            settings["url"],
            credentials.qbittorrent_username,
            credentials.qbittorrent_password,
            category=settings["category"],
            tags=settings["tags"],
            save_path=settings["save_path"],
            verify_tls=settings["verify_tls"],
            timeout_seconds=settings["timeout"],
            stop=self._stop,
            clock=self._context.clock,
            tls=self._tls,
        )

    def torrent_folder(self) -> Path:
        """Return the folder for `.torrent` files."""
        configured = self._config["torrent_directory"]
        return Path(configured) if configured else self._context.paths.torrents

    def target(self) -> str:
        """Return where torrents go, in words."""
        return "qBittorrent" if self._config["qbittorrent"]["enabled"] else "the watch folder"

    def rules(self) -> QualityRules:
        """Return how a release is chosen: the preset's values where the user set none of his own."""
        section = self._config["quality"]
        own = [key for key in section if self._config.is_set(f"quality.{key}")]
        return QualityRules.from_config(section, own=own)

    def session(self, queue_manager: QueueManager) -> Session:
        """Return what films are worked on with, with the credentials as they are now.

        `queue_manager` tells which other films are known.

        Raises:
            UserError: they are missing or cannot be decrypted.
        """
        credentials = self.credentials()
        client = self.torrent_client(credentials)
        return Session(
            self.downloader(credentials, client, queue_manager),
            client if isinstance(client, FollowedClient) else None,
        )

    def downloader(
        self, credentials: Credentials, client: TorrentClient, queue_manager: QueueManager
    ) -> FileListDownloader:
        """Return a downloader."""
        return FileListDownloader(
            search=self.filelist(credentials),
            client=client,
            pages=self.pages,
            library=self.library,
            rules=self.rules(),
            clock=self._context.clock,
            knows_title=queue_manager.knows_title,
            in_company=queue_manager.known.in_company,
            dry_run=self._context.options.dry_run,
        )

    def announcer(self) -> Announcer:
        """Return what tells the user; one for a data folder, under the instance lock.

        Raises:
            StorageError: the file of what is still to be told cannot be used.
        """
        return build_announcer(self._context)

    def download_worker(
        self,
        queue_manager: QueueManager,
        tell: Callable[[Event], None],
        *,
        held_back: Callable[[], HeldBack | None],
    ) -> DownloadWorker:
        """Return the worker that gets the films while nothing holds them back; it is not started."""
        config, options, clock = self._config, self._context.options, self._context.clock
        is_real = not options.dry_run
        policy = FollowPolicy(
            config["stalled_after"], removes_stalled=config["qbittorrent"]["remove_stalled"]
        )
        radar = Radar(
            queue_manager,
            RadarStore(self._context.paths.radar, clock),
            check_interval_seconds=config["check_interval"],
            calls_per_hour=config["filelist"]["calls_per_hour"],
            clock=clock,
        )
        rooms = RoomKeeper(
            queue_manager,
            max_unfinished=config["max_unfinished"],
            min_free_bytes=round(config["min_free_space_gb"] * _GB),
            clock=clock,
        )
        return DownloadWorker(
            queue_manager,
            partial(self.session, queue_manager),
            self.manager.signature,
            policy=RetryPolicy(config["retry_interval"], config["backoff_multiplier"], config["max_retries"]),
            done_words=f"{'handed' if is_real else 'would be handed'} to {self.target()}",
            clock=clock,
            stop=self._stop,
            tell=tell,
            follower=TorrentFollower(queue_manager, policy=policy, clock=clock, tell=tell)
            if is_real
            else None,
            rooms=rooms,
            radar=radar if is_real else None,
            tagger=UnlistedTagger(self._unlisted) if self._tags_unlisted and is_real else None,
            held_back=held_back,
            once=options.runs_once,
        )

    def monitor_worker(
        self, intake: WatchlistIntake, tell: Callable[[Event], None], *, on_read: Callable[[], None]
    ) -> MonitorWorker:
        """Return the worker that reads the watchlist; it is not started.

        Raises:
            UserError: no watchlist is configured.
        """
        config, is_real = self._config, not self._context.options.dry_run
        unreadable = UnreadableStore(
            self._context.paths.unreadable if is_real else None,
            config["letterboxd"]["export_file"] or config["username"].lower(),
            self._context.clock,
        )
        return MonitorWorker(
            self.watchlist_source(),
            intake,
            unreadable=unreadable,
            interval_seconds=self._config["check_interval"],
            clock=self._context.clock,
            stop=self._stop,
            once=self._context.options.runs_once,
            on_read=on_read,
            tell=tell,
        )

    def _build_library(self) -> MovieLibrary:
        """Look into the user's film folders; the default one may be missing, a configured one not."""
        configured = [Path(folder) for folder in self._config["library_directories"]]
        downloads = Path(self._config["download_directory"])
        is_own = self._config.is_set("download_directory")
        required = [downloads, *configured] if is_own else configured
        optional = [] if is_own else [downloads]
        return DiskLibrary(required, optional, rules=self.rules(), stop=self._stop, clock=self._context.clock)
