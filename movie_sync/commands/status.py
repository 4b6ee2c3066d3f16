"""`status`: everything at a glance, beside a running daemon or without one.

All of it stands in the data folder: no service is asked, and no credentials are opened.
"""

import json
import shutil
import sys
from datetime import UTC, datetime

from movie_sync.commands.context import Context
from movie_sync.domain.models import Movie, QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.queues.codec import entry_to_dict, format_time
from movie_sync.queues.entry import QueueEntry
from movie_sync.queues.queue_set import queue_path
from movie_sync.reports.activity import activity_words
from movie_sync.reports.daemon_state import DaemonState, read_state
from movie_sync.reports.overview import Look, Overview, overview, sections
from movie_sync.settings.config import ConfigFault, hold_words
from movie_sync.storage.instance_lock import InstanceLock
from movie_sync.wishes.unlisted_store import UnlistedFilm, UnlistedStore

_SHOWN = 10
_QUEUES = (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)


def run_status(context: Context, *, as_json: bool) -> int:
    """Show the state of everything; returns the exit code."""
    queues = context.queues_to_look_at()
    context.complain_of_damage(queues)
    statistics = queues.get_statistics()
    daemon = running_daemon(context)
    view = overview(
        {name: queues.entries(name) for name in _QUEUES},
        UnlistedStore(context.paths.unlisted, context.clock, writable=False).films(),
        download=daemon.download if daemon else None,
        now=context.clock.now(),
    )
    seen_at = _seen_at(context)
    if as_json:
        held_back = [_fault_document(fault) for fault in context.config.faults]
        document = {
            "statistics": statistics,
            **_daemon_document(context, daemon),
            "held_back": held_back,
            "torrents_seen_at": format_time(seen_at) if seen_at else None,
            **_document(view),
        }
        print(json.dumps(document, indent=1))  # plain ASCII: whole in any encoding, harmless on a terminal
        return 0
    _show_daemon(context, daemon)
    if hold := hold_words(context.config.faults):
        context.say(f"Settings {one_line(hold)}")
    context.say(
        f"Queues   {statistics['pending']} pending, {statistics['failed']} failed "
        f"({statistics['permanent_failures']} for good), {statistics['completed']} completed"
    )
    is_old = daemon is None or bool(daemon.client)
    for title, lines in sections(view, _look(context), seen_at=seen_at if is_old else None):
        _show_section(context, title, lines)
    return 0


def running_daemon(context: Context) -> DaemonState | None:
    """Return what the daemon on this folder says of itself, or None if none runs."""
    if not context.paths.daemon.exists() or not InstanceLock(context.paths.daemon_lock).is_held_elsewhere():
        return None
    return read_state(context.paths.daemon)


def _seen_at(context: Context) -> datetime | None:
    """Return when anything was last noted of torrents and what was handed over, if ever."""
    try:
        return datetime.fromtimestamp(
            queue_path(context.paths.root, QueueName.COMPLETED).stat().st_mtime, UTC
        )
    except (OSError, ValueError, OverflowError):
        return None


# --- for scripts --------------------------------------------------------------------------


def _daemon_document(context: Context, daemon: DaemonState | None) -> dict[str, object]:
    now = context.clock.now()
    return {
        "daemon": daemon.pid if daemon else None,
        "monitor": activity_words(daemon.monitor, now) if daemon else None,
        "download": activity_words(daemon.download, now) if daemon else None,
        "client": (daemon.client or None) if daemon else None,
    }


def _fault_document(fault: ConfigFault) -> dict[str, object]:
    return {"key": fault.key, "line": fault.line, "column": fault.column, "why": fault.words}


def _document(view: Overview) -> dict[str, object]:
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
        "name": choice.release if choice else "",
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
    """Return the plain form of a film whose torrent is done, or gone."""
    choice, follow = entry.choice, entry.follow
    return {
        **_film(entry.movie),
        "release": choice.release if choice else "",
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


# --- for people ---------------------------------------------------------------------------


def _look(context: Context) -> Look:
    """Fit lines to a terminal; elsewhere nothing is cut off, and everything is ASCII."""
    if not sys.stdout.isatty():
        return Look()
    has_blocks = "utf" in (sys.stdout.encoding or "").casefold() and not context.options.plain
    return Look(shutil.get_terminal_size().columns, "\u2588\u2591" if has_blocks else "#.")


def _show_daemon(context: Context, daemon: DaemonState | None) -> None:
    if daemon is None:
        context.say("Daemon   not running")
        return
    context.say(f"Daemon   process {daemon.pid}, since {daemon.started_at}")
    now = context.clock.now()
    context.say(f"         monitor: {one_line(activity_words(daemon.monitor, now))}")
    context.say(f"         download: {one_line(activity_words(daemon.download, now))}")
    if daemon.client:
        context.say(f"Client   {one_line(daemon.client)}")


def _show_section(context: Context, title: str, lines: list[str]) -> None:
    if not lines:
        return
    context.say(f"\n{title}:")
    for line in lines[:_SHOWN]:
        context.say(f"  {line}")
    if len(lines) > _SHOWN:
        context.say(f"  and {len(lines) - _SHOWN} more; see `queue`")
