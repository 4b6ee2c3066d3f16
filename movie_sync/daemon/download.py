"""The download thread: hands films over one at a time, and in between does whatever else is due."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from movie_sync.daemon.faults import Faults
from movie_sync.daemon.hand_over import HandOverJob
from movie_sync.daemon.jobs import ClientJob, Job, RadarJob, RetryJob
from movie_sync.daemon.results import ResultRecorder, RetryPolicy
from movie_sync.daemon.session import Session, Sessions
from movie_sync.daemon.worker import Pause, Worker
from movie_sync.domain.events import Event
from movie_sync.errors import MovieSyncError
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.room import RoomKeeper
from movie_sync.following.follower import TorrentFollower
from movie_sync.following.tagger import UnlistedTagger
from movie_sync.ports import Clock
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.activity import Activity, ActivityKind

_IDLE_SECONDS = 60.0
_SETTINGS_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Why nothing is handed over though services may well answer, and whether the client is the user's."""

    why: str
    client_is_known: bool


class DownloadWorker(Worker):
    """A scheduler of jobs: those in the torrent client run whatever keeps films back, the others in turn.

    `connect` makes a session with the credentials as they are, `signature` changes when they do. What is
    None (`follower`, `rooms`, `radar`, `tagger`) is not done. `held_back` says why no film may be worked
    on, if so.
    """

    def __init__(
        self,
        queue_manager: QueueManager,
        connect: Callable[[], Session],
        signature: Callable[[], object],
        *,
        policy: RetryPolicy,
        done_words: str,
        clock: Clock,
        stop: threading.Event,
        tell: Callable[[Event], None] = lambda _event: None,
        follower: TorrentFollower | None = None,
        rooms: RoomKeeper | None = None,
        radar: Radar | None = None,
        tagger: UnlistedTagger | None = None,
        held_back: Callable[[], HeldBack | None] = lambda: None,
        once: bool = False,
    ) -> None:
        super().__init__("download", stop, clock, once=once)
        self._queue_manager = queue_manager
        self._radar = radar
        self._held_back = held_back
        self.sessions = Sessions(connect, signature, clock, tell)
        self._faults = Faults(self.sessions, clock, tell, once=once)
        results = ResultRecorder(
            queue_manager, policy=policy, done_words=done_words, clock=clock, tell=tell, once=once
        )
        self._client_jobs: list[ClientJob] = []
        if follower:
            words = "How far the torrents are is not known"
            self._client_jobs.append(
                ClientJob(follower.seconds_to_next, follower.look, words, self.sessions, clock)
            )
        if tagger:
            words = "The torrents of unlisted films are not tagged yet"
            self._client_jobs.append(
                ClientJob(tagger.seconds_to_next, tagger.work, words, self.sessions, clock)
            )
        self._hand_over = HandOverJob(
            queue_manager,
            self.sessions,
            self._faults,
            results,
            follower=follower,
            rooms=rooms,
            aside_seconds=policy.interval_seconds,
            clock=clock,
            report=self._report,
        )
        self._retries = RetryJob(queue_manager, results, policy.max_retries)
        self._look_at_newest = (
            RadarJob(radar, self.sessions, self._faults, clock, once=once) if radar else None
        )
        self._paused: Pause | None = None
        self.paused_until = 0.0
        """Until when (monotonic seconds) it rests though there is work; in the past if it does not."""

    @property
    def client_trouble(self) -> str:
        """Why torrents could not be looked at the last time, for people, or ""; for any thread."""
        return next((job.trouble for job in self._client_jobs if job.trouble), "")

    def stop(self) -> None:
        """Ask the worker to end, also while it waits for films."""
        super().stop()
        self._queue_manager.wake()

    def note_check(self) -> None:
        """The watchlist was read: the tracker's newest releases are looked at too. For any thread."""
        if self._radar:
            self._radar.note_check()
            self._queue_manager.wake()

    def rest(self, pause: Pause) -> None:
        """Wait; while there is nothing to do, a film that is queued ends the wait."""
        if pause.is_idle:
            self._queue_manager.wait_for_work(pause.seconds)
        else:
            self._stop.wait(pause.seconds)

    def step(self) -> Pause | None:
        """Do what is due in the client, and one job for films; or tell how long there is nothing to do."""
        held = self._held_back()
        self.sessions.look_at_refusal()
        may_connect = not self.sessions.is_refused and (held is None or held.client_is_known)
        for client_job in self._client_jobs:
            if _is_due(client_job):
                client_job.run(may_connect=may_connect)
        if held is not None:
            return self._cut(Pause(_SETTINGS_LOOK_SECONDS, Activity(ActivityKind.HELD_BACK, held.why)))
        if self.sessions.is_refused:
            return self._cut(self._faults.wait_for_credentials())
        remaining = self.paused_until - self._clock.monotonic()
        if self._paused and remaining > 0:
            return self._cut(Pause(remaining, self._paused.activity))
        pause = self._run_film_job()
        self.has_failed |= self._faults.has_failed
        if pause is None:
            return None
        if not pause.is_idle and not self.sessions.is_refused:
            self._paused, self.paused_until = pause, self._clock.monotonic() + pause.seconds
        return self._cut(pause)

    def _run_film_job(self) -> Pause | None:
        try:
            if self._look_at_newest and _is_due(self._look_at_newest):
                self._look_at_newest.run()
                return None
            if not self._hand_over.goes_first and _is_due(self._retries):
                self._retries.run()
            if _is_due(self._hand_over):
                return self._hand_over.run()
        except MovieSyncError as exc:
            return self._faults.pause_after(exc)
        self._faults.note_idle()
        return Pause(_IDLE_SECONDS, Activity(ActivityKind.NO_FILMS), is_idle=True)

    def _cut(self, pause: Pause) -> Pause:
        """End a rest when a job is due that does not wait for its end."""
        jobs: list[Job | None] = [*self._client_jobs]
        if pause.is_idle:
            jobs += [self._retries, self._look_at_newest]
        waits = [pause.seconds, *(job.due_in() for job in jobs if job)]
        return Pause(min(wait for wait in waits if wait is not None), pause.activity, pause.is_idle)

    def _report(self, activity: Activity) -> None:
        self.activity = activity


def _is_due(job: Job) -> bool:
    return job.due_in() == 0
