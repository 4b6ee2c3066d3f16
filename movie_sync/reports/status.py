"""What is going on, as one value, and as one document for scripts.

All of it stands in the data folder: no service is asked, and no credentials are opened.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from movie_sync.domain.models import Movie, QueueName, Reason
from movie_sync.domain.path_map import Pairs, on_this_machine
from movie_sync.domain.seeding import SeedingRule
from movie_sync.domain.times import duration, format_time
from movie_sync.ports import Clock
from movie_sync.queues.book import queue_path
from movie_sync.queues.codec import entry_to_dict
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.queues.progress import DONE_LATELY, downloaded_at
from movie_sync.queues.releases import Stage
from movie_sync.reports.daemon_state import (
    Activity,
    ActivityKind,
    DaemonState,
    ListState,
    activity_words,
    read_state,
)
from movie_sync.reports.needs import Need, needs
from movie_sync.reports.release_dates import dates_document
from movie_sync.reports.seeding import SeedingTorrent, left_of, seeding_of
from movie_sync.settings.faults import Problem
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths
from movie_sync.wishes.unlisted_store import KEPT_FOR, UnlistedFilm, UnlistedStore

_QUEUES = (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)
_NEXT_UP = 100


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
    replaced: Sequence[SeedingTorrent] = ()
    """Torrents that others took the place of."""
    seeding: Sequence[SeedingTorrent] = ()
    """Those of films that are done: which have to seed yet, and which of the last month may go."""
    handed_over: Sequence[QueueEntry] = ()
    """Films of the last week whose torrent went where nothing is told of it, as a watch folder."""
    room_why: str = ""
    next_up: Sequence[QueueEntry] = ()
    """The first of the pending films, in the order in which they are worked off."""


def overview(
    queues: Mapping[QueueName, Collection[QueueEntry]],
    unlisted: Iterable[UnlistedFilm],
    *,
    download: Activity | None = None,
    seeding_rules: Mapping[str, SeedingRule] = MappingProxyType({}),
    now: datetime,
) -> Overview:
    """Sort films into groups; `download` is what a running daemon's download worker is at."""
    completed, failed = queues[QueueName.COMPLETED], queues[QueueName.FAILED]
    downloading = [each for entry in completed for each in entry.torrents() if each.is_unfinished]
    done = [entry for entry in completed if (at := downloaded_at(entry)) and at > now - DONE_LATELY]
    handed_over = [
        entry
        for entry in completed
        if entry.follow is None
        and entry.reason == Reason.DOWNLOADED
        and entry.completed_at
        and entry.completed_at > now - DONE_LATELY
    ]
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
        handed_over=sorted(handed_over, key=lambda entry: str(entry.completed_at), reverse=True),
        removed_in_client=sorted(removed, key=stage_time, reverse=True),
        unlisted=[film for film in unlisted if not film.relisted and film.left_at > now - KEPT_FOR],
        retries=sorted(scheduled, key=lambda entry: str(entry.retry_at)),
        permanent=[entry for entry in failed if entry.retry_at is None],
        replaced=[
            SeedingTorrent(
                entry.movie, old.choice, old.seeding, left_of(old.choice, old.seeding, seeding_rules), old.why
            )
            for queue in queues.values()
            for entry in queue
            for old in entry.replaced
            # What is settled is not looked at again, and may be gone since.
            if not old.seeding.is_gone and (old.seeding.seen_at or stage_time(entry)) > now - KEPT_FOR
        ],
        seeding=sorted(
            _seeding(completed, seeding_rules, now),
            key=lambda each: (each.left.is_enough, each.left.seconds) if each.left else (True, 0.0),
        ),
        next_up=heapq.nlargest(_NEXT_UP, queues[QueueName.PENDING], key=lambda entry: entry.added_at),
        room_why=download.detail if download and download.kind is ActivityKind.NO_ROOM else "",
    )


def _seeding(
    completed: Iterable[QueueEntry], rules: Mapping[str, SeedingRule], now: datetime
) -> Iterator[SeedingTorrent]:
    """Yield what has to seed yet, and what has seeded enough and was done in the last month."""
    for entry in completed:
        each = seeding_of(entry, rules)
        if each is None or each.left is None or each.seeding.is_gone:
            continue
        if not each.left.is_enough or stage_time(entry) > now - KEPT_FOR:
            yield each


def _stuck(waiting: Sequence[QueueEntry], downloading: Sequence[QueueEntry]) -> Iterator[StuckRelease]:
    for entry in (*waiting, *downloading):
        if entry.is_followed:
            yield from (StuckRelease(entry.movie, old.choice.release, old.why) for old in entry.tried)
    for entry in downloading:
        if entry.follow and entry.follow.is_idle:
            why = f"almost no data for {duration(entry.follow.idle_seconds)}"
            yield StuckRelease(entry.movie, release_of(entry), why)


def stage_time(entry: QueueEntry) -> datetime:
    """Return since when the film's torrent is as far as it is, or else the film was queued."""
    return entry.follow.since if entry.follow else entry.added_at


def as_seen_here(entry: QueueEntry, pairs: Pairs) -> QueueEntry:
    """Return an entry with its torrent's path as this machine names it."""
    follow = entry.follow
    if not follow or not follow.path:
        return entry
    return entry._replace(follow=replace(follow, path=on_this_machine(follow.path, pairs)))


def release_of(entry: QueueEntry) -> str:
    """Return the name of the release that was taken for the film, or ""."""
    return entry.choice.release if entry.choice else ""


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at a glance, as it was `at` a time; `held_back` is why the settings let no film through."""

    at: datetime
    statistics: Mapping[str, int]
    daemon: DaemonState | None
    held_back: Sequence[Problem]
    torrents_seen_at: datetime | None
    overview: Overview
    needs: Sequence[Need] = ()

    @property
    def is_old(self) -> bool:
        """Whether what is known of torrents may be long out of date."""
        return self.daemon is None or bool(self.daemon.client)


def read_status(
    paths: AppPaths,
    queues: QueueManager,
    held_back: Sequence[Problem],
    clock: Clock,
    seeding_rules: Mapping[str, SeedingRule] = MappingProxyType({}),
    pairs: Pairs = (),
) -> Status:
    """Read it, beside a running daemon or without one. Raises StorageError: it cannot be read now.

    Paths of films that are done are shown as this machine names them, by `pairs`.
    """
    daemon, now = running_daemon(paths), clock.now()
    entries = {name: queues.entries(name) for name in _QUEUES}
    view = overview(
        entries,
        UnlistedStore(paths.unlisted, clock, writable=False).films(),
        download=daemon.download if daemon else None,
        seeding_rules=seeding_rules,
        now=now,
    )
    done, removed = (
        [as_seen_here(entry, pairs) for entry in entries] for entries in (view.done, view.removed_in_client)
    )
    view = replace(view, done=done, removed_in_client=removed)
    needed = needs(entries, daemon, held_back, now)
    return Status(now, queues.get_statistics(), daemon, held_back, _seen_at(paths), view, needed)


def running_daemon(paths: AppPaths) -> DaemonState | None:
    """Return what the daemon on this folder says of itself, or None if none runs."""
    if not paths.daemon.exists() or not InstanceLock(paths.daemon_lock).is_held_elsewhere():
        return None
    return read_state(paths.daemon)


def _seen_at(paths: AppPaths) -> datetime | None:
    try:
        return datetime.fromtimestamp(queue_path(paths.root, QueueName.COMPLETED).stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):
        return None


def status_document(status: Status) -> dict[str, object]:
    """Return the status in plain values."""
    daemon, seen_at = status.daemon, status.torrents_seen_at
    return {
        "statistics": dict(status.statistics),
        "daemon": daemon.pid if daemon else None,
        "monitor": activity_words(daemon.monitor, status.at) if daemon else None,
        "download": activity_words(daemon.download, status.at) if daemon else None,
        "client": (daemon.client or None) if daemon else None,
        "trackers": list(daemon.trackers) if daemon else [],
        "lists": [_list_document(each) for each in daemon.lists] if daemon else [],
        "settings": (daemon.settings or None) if daemon else None,
        "held_back": [
            {"key": fault.key, "line": fault.line, "column": fault.column, "why": fault.words}
            for fault in status.held_back
        ],
        "torrents_seen_at": format_time(seen_at) if seen_at else None,
        **_films_document(status.overview),
        "needs_you": [_need_document(need) for need in status.needs],
    }


def _list_document(state: ListState) -> dict[str, object]:
    until = format_time(state.until) if state.until else None
    return {"list": state.label, "next_check": until, "why": state.why or None}


def _films_document(view: Overview) -> dict[str, object]:
    room = {"why": view.room_why, "pending": view.pending_count} if view.room_why else None
    return {
        "downloading": [_torrent_document(entry) for entry in view.downloading],
        "waiting_for_release": [_waiting_document(entry) for entry in view.waiting],
        "waiting_for_room": room,
        "stalled": [{**_film(each.movie), "release": each.release, "why": each.why} for each in view.stalled],
        "done_this_week": [_past_document(entry) for entry in view.done],
        "handed_over_this_week": [
            {**_past_document(entry), "when": format_time(entry.completed_at) if entry.completed_at else None}
            for entry in view.handed_over
        ],
        "removed_in_client": [_past_document(entry) for entry in view.removed_in_client],
        "seeding": [{**_film(each.movie), **each.document()} for each in view.seeding],
        "replaced": [{**_film(each.movie), **each.document()} for each in view.replaced],
        "unlisted": [_unlisted_document(film) for film in view.unlisted],
        "retries": [entry_to_dict(entry, QueueName.FAILED) for entry in view.retries],
        "permanent_failures": [entry_to_dict(entry, QueueName.FAILED) for entry in view.permanent],
    }


def _need_document(need: Need) -> dict[str, object]:
    film = _film(need.movie) if need.movie else {"film": None, "slug": None, "id": None}
    return {"kind": need.kind, **film, "why": need.why, "action": need.action}


def _film(movie: Movie) -> dict[str, object]:
    return {"film": movie.label, "slug": movie.slug, "id": movie.id}


def _torrent_document(entry: QueueEntry) -> dict[str, object]:
    choice, follow = entry.choice, entry.follow
    left = follow.seconds_left if follow else None
    return {
        "name": release_of(entry),
        "info_hash": choice.info_hash if choice else "",
        "progress": follow.progress if follow else 0.0,
        "state": follow.stage if follow else "",
        **_film(entry.movie),
        "speed": follow.bytes_a_second if follow else 0,
        "idle_seconds": round(follow.idle_seconds) if follow else 0,
        "size_bytes": (follow.size_bytes or None) if follow else None,
        "seeds": follow.seeds if follow else None,
        "seconds_left": None if left is None else round(left),
        **({"is_upgrade": True} if entry.is_upgrade else {}),
    }


def _waiting_document(entry: QueueEntry) -> dict[str, object]:
    return {
        **_film(entry.movie),
        "since": format_time(entry.added_at),
        "last_searched": format_time(entry.searched_at) if entry.searched_at else None,
        "next_search": format_time(entry.retry_at) if entry.retry_at else None,
        "error": entry.error or "",
        "release_dates": dates_document(entry.movie.release_dates),
    }


def _past_document(entry: QueueEntry) -> dict[str, object]:
    choice, follow = entry.choice, entry.follow
    shelf = follow.shelf if follow else None
    return {
        **_film(entry.movie),
        "release": release_of(entry),
        "info_hash": choice.info_hash if choice else "",
        "path": follow.path if follow else "",
        "when": format_time(follow.since) if follow else None,
        "shelf": (shelf.path or None) if shelf else None,
        "not_on_shelf": (shelf.left or shelf.failed or None) if shelf else None,
    }


def _unlisted_document(film: UnlistedFilm) -> dict[str, object]:
    return {
        **_film(film.movie),
        "left_at": format_time(film.left_at),
        "info_hashes": list(film.info_hashes),
        "tagged": film.tagged,
    }
