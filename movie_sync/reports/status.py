"""What is going on, as one value, and as one document for scripts.

All of it stands in the data folder: no service is asked, and no credentials are opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from movie_sync.domain.models import Movie, QueueName
from movie_sync.ports import Clock
from movie_sync.queues.book import queue_path
from movie_sync.queues.codec import entry_to_dict, format_time
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.daemon_state import DaemonState, activity_words, read_state
from movie_sync.reports.overview import Overview, overview, release_of
from movie_sync.settings.faults import Problem
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.paths import AppPaths
from movie_sync.wishes.unlisted_store import UnlistedFilm, UnlistedStore

_QUEUES = (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at a glance, as it was `at` a time; `held_back` is why the settings let no film through."""

    at: datetime
    statistics: Mapping[str, int]
    daemon: DaemonState | None
    held_back: Sequence[Problem]
    torrents_seen_at: datetime | None
    overview: Overview

    @property
    def is_old(self) -> bool:
        """Whether what is known of torrents may be long out of date."""
        return self.daemon is None or bool(self.daemon.client)


def read_status(paths: AppPaths, queues: QueueManager, held_back: Sequence[Problem], clock: Clock) -> Status:
    """Read it, beside a running daemon or without one. Raises StorageError: it cannot be read now."""
    daemon, now = running_daemon(paths), clock.now()
    view = overview(
        {name: queues.entries(name) for name in _QUEUES},
        UnlistedStore(paths.unlisted, clock, writable=False).films(),
        download=daemon.download if daemon else None,
        now=now,
    )
    return Status(now, queues.get_statistics(), daemon, held_back, _seen_at(paths), view)


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
        "held_back": [
            {"key": fault.key, "line": fault.line, "column": fault.column, "why": fault.words}
            for fault in status.held_back
        ],
        "torrents_seen_at": format_time(seen_at) if seen_at else None,
        **_films_document(status.overview),
    }


def _films_document(view: Overview) -> dict[str, object]:
    room = {"why": view.room_why, "pending": view.pending_count} if view.room_why else None
    return {
        "downloading": [_torrent_document(entry) for entry in view.downloading],
        "waiting_for_release": [_waiting_document(entry) for entry in view.waiting],
        "waiting_for_room": room,
        "stalled": [{**_film(each.movie), "release": each.release, "why": each.why} for each in view.stalled],
        "done_this_week": [_past_document(entry) for entry in view.done],
        "removed_in_client": [_past_document(entry) for entry in view.removed_in_client],
        "unlisted": [_unlisted_document(film) for film in view.unlisted],
        "retries": [entry_to_dict(entry, QueueName.FAILED) for entry in view.retries],
        "permanent_failures": [entry_to_dict(entry, QueueName.FAILED) for entry in view.permanent],
    }


def _film(movie: Movie) -> dict[str, object]:
    return {"film": movie.label, "slug": movie.slug, "id": movie.id}


def _torrent_document(entry: QueueEntry) -> dict[str, object]:
    choice, follow = entry.choice, entry.follow
    return {
        "name": release_of(entry),
        "info_hash": choice.info_hash if choice else "",
        "progress": follow.progress if follow else 0.0,
        "state": follow.stage if follow else "",
        **_film(entry.movie),
        "speed": follow.bytes_a_second if follow else 0,
        "idle_seconds": round(follow.idle_seconds) if follow else 0,
    }


def _waiting_document(entry: QueueEntry) -> dict[str, object]:
    return {
        **_film(entry.movie),
        "since": format_time(entry.added_at),
        "last_searched": format_time(entry.searched_at) if entry.searched_at else None,
        "next_search": format_time(entry.retry_at) if entry.retry_at else None,
        "error": entry.error or "",
    }


def _past_document(entry: QueueEntry) -> dict[str, object]:
    choice, follow = entry.choice, entry.follow
    return {
        **_film(entry.movie),
        "release": release_of(entry),
        "info_hash": choice.info_hash if choice else "",
        "path": follow.path if follow else "",
        "when": format_time(follow.since) if follow else None,
    }


def _unlisted_document(film: UnlistedFilm) -> dict[str, object]:
    return {
        **_film(film.movie),
        "left_at": format_time(film.left_at),
        "info_hashes": list(film.info_hashes),
        "tagged": film.tagged,
    }
