"""The download thread: hands films over one at a time, and in between does whatever else is due."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from movie_sync.complaints import Complaints, log_where, words_of
from movie_sync.daemon.faults import OF_EVERY_CALL, Faults
from movie_sync.daemon.hand_over import HandOverJob
from movie_sync.daemon.results import ResultRecorder
from movie_sync.daemon.session import Sessions
from movie_sync.daemon.upgrade import UpgradeJob
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.domain.times import next_time, pause_seconds, time_of_day
from movie_sync.errors import AuthError, MovieSyncError, NetworkError, SlowError
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.room import RoomKeeper
from movie_sync.following.follower import TorrentFollower
from movie_sync.following.seeding import SeedingWatch
from movie_sync.following.tagger import UnlistedTagger
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import Activity, ActivityKind, DaemonNeed, NeedKind

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 60.0
_NO_CLIENT_SECONDS = 60.0
_AWAY_SECONDS = 30.0  # a connection that is refused costs nobody anything, and the screen says that it is
_SETTINGS_LOOK_SECONDS = 5.0


@dataclass(eq=False, repr=False)
class ClientJob:
    """Looks after torrents in the client. What fails is said once and holds no film up.

    `complaint` says what is amiss while that cannot be done.
    """

    task: TorrentFollower | UnlistedTagger | SeedingWatch
    complaint: str
    sessions: Sessions
    trouble: str = field(default="", init=False)
    """Why it could not be done the last time, for people; "" if it could."""
    is_refused: bool = field(default=False, init=False)
    """Whether that was because the client refused its credentials."""
    _failures: int = field(default=0, init=False)
    _not_before: float = field(default=0.0, init=False)
    _connects: int = field(default=0, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)

    def due_in(self) -> float | None:
        """Return in how many seconds it is due; None while there is nothing to do."""
        seconds = self.task.seconds_to_next()
        if seconds is None or self._connects != self.sessions.connects:
            return seconds
        return max(seconds, self._not_before - self.sessions.clock.monotonic())

    def run(self, *, may_connect: bool) -> None:
        """Do it; without `may_connect` only where a film's work has logged in."""
        try:
            client = self.sessions.client(may_connect=may_connect)
            if client is None:
                self._put_off(_NO_CLIENT_SECONDS)
                return
            self.task.work(client)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films have their turn
            self._failures += 1
            is_away = isinstance(exc, NetworkError) and not isinstance(exc, SlowError)
            self._put_off(_AWAY_SECONDS if is_away else pause_seconds(self._failures))
            complaint = f"{self.complaint}: {words_of(exc)}"
            self.trouble = str(exc) if isinstance(exc, MovieSyncError) else complaint  # it names the service
            self._complaints.say(complaint, exc=exc)
            log_where(exc)
            self.is_refused = isinstance(exc, AuthError)
            self.sessions.was_refused |= self.is_refused
        else:
            self._failures, self.trouble, self.is_refused = 0, "", False
            self._complaints.over()

    def hurry(self) -> None:
        """Let what was put off after a failure be tried again."""
        self._not_before = 0.0

    def _put_off(self, seconds: float) -> None:
        self._not_before = self.sessions.clock.monotonic() + seconds
        self._connects = self.sessions.connects


@dataclass(eq=False, repr=False)
class DownloadWorker(Worker):
    """Works films off one at a time; jobs in the torrent client run whatever keeps films back.

    What is None is not done. `held_back` says why no film may be worked on though services may well
    answer, if so; only a client that is known to be the user's is then asked.
    """

    name = "download"
    queue_manager: QueueManager
    sessions: Sessions
    results: ResultRecorder
    follower: TorrentFollower | None
    rooms: RoomKeeper | None
    radar: Radar | None
    tagger: UnlistedTagger | None
    seeding: SeedingWatch | None
    held_back: Callable[[], str]
    client_is_known: bool = True
    paused_until: float = field(default=0.0, init=False)
    """Until when (monotonic seconds) it rests though there is work; in the past if it does not."""
    _paused: Pause | None = field(default=None, init=False)
    _complaints: Complaints = field(default_factory=lambda: Complaints(_log), init=False)
    _faults: Faults = field(init=False)
    _client_jobs: Sequence[ClientJob] = field(init=False)
    _hand_over: HandOverJob = field(init=False)
    _upgrade: UpgradeJob | None = field(init=False)

    def __post_init__(self) -> None:
        self._faults = Faults(self.sessions, once=self.once)
        tasks = (
            (self.follower, "Couldn't check on the torrents"),
            (self.tagger, "Couldn't tag the torrents of unlisted films yet"),
            (self.seeding, "Couldn't check how the finished torrents are seeding"),
        )
        self._client_jobs = [ClientJob(task, words, self.sessions) for task, words in tasks if task]
        self._hand_over = HandOverJob(
            self.queue_manager,
            self.sessions,
            self._faults,
            self.results,
            self.follower,
            self.rooms,
        )
        self._upgrade = None
        if self.radar:
            upgrades = self.radar.upgrades
            self._upgrade = UpgradeJob(
                self.queue_manager, self.sessions, self.results, upgrades, self.follower, self.rooms
            )

    @property
    def client_trouble(self) -> str:
        """Why torrents could not be looked at the last time, for people, or ""; for any thread."""
        return next((job.trouble for job in self._client_jobs if job.trouble), "")

    @property
    def needs(self) -> tuple[DaemonNeed, ...]:
        """What no further try will put right, but the user; for any thread."""
        refused = [*self.sessions.refusals, *(job.trouble for job in self._client_jobs if job.is_refused)]
        follower = self.follower
        account, full = (follower.account_refusal, follower.disk_full) if follower else ("", "")
        return tuple(
            DaemonNeed(kind, why)
            for kind, reasons in (
                (NeedKind.CREDENTIALS, refused),
                (NeedKind.ACCOUNT, [account]),
                (NeedKind.DISK, [self._faults.disk_full, full]),
            )
            for why in dict.fromkeys(reasons)
            if why
        )

    @property
    def share(self) -> float | None:
        """How much there is of all torrents on their way, as last seen; for any thread."""
        return self.follower.share if self.follower else None

    def stop(self) -> None:
        """Ask the worker to end, also while it waits for films."""
        super().stop()
        self.queue_manager.wake()

    def hurry(self) -> None:
        """Look now at what is due, also at what failed a moment ago."""
        for job in self._client_jobs:
            job.hurry()
        self._end_pause()
        super().hurry()
        self.queue_manager.wake()

    def _end_pause(self) -> None:
        if self._paused and not self._paused.is_asked_for:
            self.paused_until = 0.0

    def note_check(self) -> None:
        """The watchlist was read: the tracker's newest releases are looked at too. For any thread."""
        if self.radar:
            self.radar.note_check()
            self.queue_manager.wake()

    def wait_for_work(self, seconds: float) -> bool:
        """Wait for a film that is queued."""
        return self.queue_manager.wait_for_work(seconds)

    def step(self) -> Pause | None:
        """Do what is due in the client and one job for films; return how long there is nothing to do."""
        held = self.held_back()
        self.sessions.look_at_refusal()
        may_connect = not self.sessions.is_refused and (not held or self.client_is_known)
        was_away = bool(self.client_trouble)
        for client_job in self._client_jobs:
            if client_job.due_in() == 0:
                client_job.run(may_connect=may_connect)
        if was_away and not self.client_trouble:
            self._end_pause()
        if held:
            return self._cut(Pause(_SETTINGS_LOOK_SECONDS, Activity(ActivityKind.HELD_BACK, held)))
        if self.sessions.is_refused:
            return self._cut(self._faults.wait_for_credentials())
        remaining = self.paused_until - self.clock.monotonic()
        if self._paused and remaining > 0:
            return self._cut(replace(self._paused, seconds=remaining))
        pause = self._run_film_job()
        self.has_failed |= self._faults.has_failed
        if pause is None:
            return None
        if not pause.is_idle and not self.sessions.is_refused:
            self._paused, self.paused_until = pause, self.clock.monotonic() + pause.seconds
        return self._cut(pause)

    def _run_film_job(self) -> Pause | None:
        try:
            if self.radar and self.radar.seconds_to_next() == 0:
                self._look_at_newest(self.radar)
                return None
            entry = self._hand_over.next_film()
            if entry is not None:
                self.activity = Activity(ActivityKind.WORKING, entry.movie.label)
                return self._hand_over.run(entry)
            if self._upgrade and self._upgrade.run():
                return None
            if not self.once:  # what is held back is said at once, not when the next film is searched
                self.sessions.get().downloader.trackers.check_refused()
        except MovieSyncError as exc:
            return self._faults.pause_after(exc)
        self._faults.note_idle()
        return Pause(_IDLE_SECONDS, Activity(ActivityKind.NO_FILMS), is_idle=True)

    def _cut(self, pause: Pause) -> Pause:
        """End a rest when a job is due that does not wait for its end."""
        waits = [pause.seconds, *(job.due_in() for job in self._client_jobs)]
        if pause.is_idle:
            waits.append(self.queue_manager.seconds_to_next_retry())
            waits.append(self.radar.seconds_to_next() if self.radar else None)
        return replace(pause, seconds=min(wait for wait in waits if wait is not None))

    def _look_at_newest(self, radar: Radar) -> None:
        """Look at the tracker's newest releases; what it cannot have keeps no pending film back."""
        try:
            radar.work(self.sessions.get().downloader)
        except OF_EVERY_CALL:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, the films have their turn
            self.has_failed = True
            until = time_of_day(self.clock.now(), radar.put_off())
            self._complaints.say(
                f"Couldn't check the newest releases: {words_of(exc)}",
                f" {next_time('Next look', until, once=self.once)}",
                exc=exc,
            )
            log_where(exc)
        else:
            self._complaints.over()
