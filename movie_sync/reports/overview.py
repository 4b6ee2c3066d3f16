"""The films of the queues by what is going on with them, and how many they are. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.times import duration
from movie_sync.queues.entry import QueueEntry, Stage
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import DONE_LATELY, LONG_IDLE_SECONDS, downloaded_at
from movie_sync.reports.daemon_state import Activity, ActivityKind
from movie_sync.wishes.unlisted_store import KEPT_FOR, UnlistedFilm


@dataclass(frozen=True, slots=True)
class StuckRelease:
    """A release that came to nothing, or from which nothing comes."""

    movie: Movie
    release: str
    why: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The films by what goes on with them, each group in the order in which it is shown.

    `room_why` says why nothing is handed over now, if a lack of room is why.
    """

    pending_count: int
    downloading: Sequence[QueueEntry]
    waiting: Sequence[QueueEntry]
    stalled: Sequence[StuckRelease]
    done: Sequence[QueueEntry]
    removed_in_client: Sequence[QueueEntry]
    unlisted: Sequence[UnlistedFilm]
    retries: Sequence[QueueEntry]
    permanent: Sequence[QueueEntry]
    room_why: str = ""


def overview(
    queues: Mapping[QueueName, Collection[QueueEntry]],
    unlisted: Iterable[UnlistedFilm],
    *,
    download: Activity | None = None,
    now: datetime,
) -> Overview:
    """Sort films into groups; `download` is what a running daemon's download worker is at."""
    completed, failed = queues[QueueName.COMPLETED], queues[QueueName.FAILED]
    downloading = [entry for entry in completed if entry.is_unfinished]
    done = [entry for entry in completed if (at := downloaded_at(entry)) and at > now - DONE_LATELY]
    removed = [
        entry
        for entry in completed
        if entry.follow and entry.follow.stage is Stage.REMOVED and entry.follow.since > now - KEPT_FOR
    ]
    waiting = [entry for entry in failed if entry.waits_for_release]
    scheduled = [entry for entry in failed if entry.retry_at]
    return Overview(
        pending_count=len(queues[QueueName.PENDING]),
        downloading=sorted(
            downloading, key=lambda entry: entry.follow.progress if entry.follow else 0.0, reverse=True
        ),
        waiting=sorted(waiting, key=lambda entry: entry.added_at),
        stalled=list(_stuck((*queues[QueueName.PENDING], *failed), downloading)),
        done=sorted(done, key=stage_time, reverse=True),
        removed_in_client=sorted(removed, key=stage_time, reverse=True),
        unlisted=[film for film in unlisted if not film.relisted and film.left_at > now - KEPT_FOR],
        retries=sorted(scheduled, key=lambda entry: str(entry.retry_at)),
        permanent=[entry for entry in failed if entry.retry_at is None],
        room_why=download.detail if download and download.kind is ActivityKind.NO_ROOM else "",
    )


def _stuck(waiting: Sequence[QueueEntry], downloading: Sequence[QueueEntry]) -> Iterator[StuckRelease]:
    for entry in (*waiting, *downloading):
        if entry.is_followed:
            yield from (StuckRelease(entry.movie, old.choice.release, old.why) for old in entry.tried)
    for entry in downloading:
        if entry.follow and entry.follow.idle_seconds >= LONG_IDLE_SECONDS:
            why = f"next to nothing came for {duration(entry.follow.idle_seconds)}"
            yield StuckRelease(entry.movie, release_of(entry), why)


def stage_time(entry: QueueEntry) -> datetime:
    """Return since when the film's torrent is as far as it is, or else the film was queued."""
    return entry.follow.since if entry.follow else entry.added_at


def release_of(entry: QueueEntry) -> str:
    """Return the name of the release that was taken for the film, or ""."""
    return entry.choice.release if entry.choice else ""


def counts_words(statistics: Mapping[str, int]) -> str:
    """Return how many films each queue holds."""
    return (
        f"{statistics['pending']} pending, {statistics['failed']} failed "
        f"({statistics['permanent_failures']} for good), {statistics['completed']} completed"
    )


def statistics_words(queue_manager: QueueManager) -> str:
    """Return the counts as the log says them; those of torrents only where there are any."""
    films = queue_manager.get_statistics()
    stopped = queue_manager.stopped_count()
    torrents = (
        (queue_manager.unfinished_count() - stopped, "downloading"),
        (stopped, "stopped in the client"),
        (queue_manager.waiting_count(), "waiting for a release"),
        (queue_manager.done_lately_count(), "done this week"),
    )
    besides = ", ".join(f"{count} {words}" for count, words in torrents if count)
    return f"{counts_words(films)}{'; ' if besides else ''}{besides}."
