"""`status` and `queue`: what the queues hold and what goes on, beside a running daemon or without one."""

import json
import logging
import threading
from collections.abc import Iterable

from movie_sync.commands.context import Context
from movie_sync.commands.table import print_table
from movie_sync.domain.models import HeldTorrent, QueueEntry, QueueName
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import MovieSyncError
from movie_sync.logs import LOGGER_NAME
from movie_sync.queue_manager import QueueManager
from movie_sync.storage.daemon_state import DaemonState, read_state
from movie_sync.storage.entry_codec import entry_to_dict
from movie_sync.storage.instance_lock import InstanceLock

_SHOWN = 10
_PERCENT = 100
_SHOWN_QUEUES = (QueueName.PENDING, QueueName.FAILED, QueueName.COMPLETED)


def run_status(context: Context, *, as_json: bool) -> int:
    """Show the state of everything; returns the exit code."""
    queues = _view(context)
    daemon = running_daemon(context)
    failed = queues.entries(QueueName.FAILED)
    retries = sorted((entry for entry in failed if entry.retry_at), key=lambda entry: str(entry.retry_at))
    permanent = [entry for entry in failed if entry.retry_at is None]
    downloading, trouble = _downloading(context, queues.entries(QueueName.COMPLETED))
    if as_json:
        _print_json(
            {
                "statistics": queues.get_statistics(),
                "daemon": daemon.pid if daemon else None,
                "monitor": daemon.monitor if daemon else None,
                "download": daemon.download if daemon else None,
                "downloading": [
                    {
                        "name": torrent.name,
                        "info_hash": torrent.info_hash,
                        "progress": torrent.progress,
                        "state": torrent.state,
                    }
                    for torrent in downloading
                ],
                "retries": [entry_to_dict(entry, QueueName.FAILED) for entry in retries],
                "permanent_failures": [entry_to_dict(entry, QueueName.FAILED) for entry in permanent],
            }
        )
        return 0
    _show_daemon(context, daemon)
    statistics = queues.get_statistics()
    context.say(
        f"Queues   {statistics['pending']} pending, {statistics['failed']} failed "
        f"({statistics['permanent_failures']} for good), {statistics['completed']} completed"
    )
    _show_section(
        context,
        "Downloading",
        [f"{torrent.progress * _PERCENT:5.1f} %  {one_line(torrent.name)}" for torrent in downloading],
    )
    if trouble:
        context.say(f"\nWhat is downloading is unknown: {trouble}")
    _show_section(
        context,
        "Next retries",
        [
            one_line(f"{entry.retry_at:%Y-%m-%d %H:%M} UTC  {entry.movie.label}: {entry.error}")
            for entry in retries
        ],
    )
    _show_section(
        context,
        "Failed for good (`retry FILM` tries again)",
        [one_line(f"{entry.movie.slug or entry.movie.id}: {entry.error}") for entry in permanent],
    )
    return 0


def run_queue(context: Context, queue: str | None, *, as_json: bool) -> int:
    """Show the entries of one queue or of all; returns the exit code."""
    queues = _view(context)
    names = [QueueName(queue)] if queue else list(_SHOWN_QUEUES)
    entries = [(name, entry) for name in names for entry in queues.entries(name)]
    if as_json:
        _print_json([{"queue": str(name), **entry_to_dict(entry, name)} for name, entry in entries])
        return 0
    if not entries:
        context.say("No films there.")
        return 0
    print_table(
        ("QUEUE", "FILM", "SLUG OR ID", "STATE"),
        [
            (str(name), entry.movie.label, entry.movie.slug or entry.movie.id, _state_of(name, entry))
            for name, entry in entries
        ],
        plain=context.options.plain,
    )
    return 0


def running_daemon(context: Context) -> DaemonState | None:
    """Return what the daemon on this folder says of itself, or None if none runs."""
    if not context.paths.daemon.exists() or not InstanceLock(context.paths.daemon_lock).is_held_elsewhere():
        return None
    return read_state(context.paths.daemon)


def _view(context: Context) -> QueueManager:
    return QueueManager(context.paths.root, clock=context.clock, writable=False)


def _state_of(queue: QueueName, entry: QueueEntry) -> str:
    if queue is QueueName.FAILED:
        when = f"next try {entry.retry_at:%Y-%m-%d %H:%M} UTC" if entry.retry_at else "for good"
        return f"{entry.error}; {when}"
    if queue is QueueName.COMPLETED:
        release = entry.choice.release if entry.choice else entry.extra.get("where", "")
        return f"{entry.reason}: {release}" if release else str(entry.reason)
    return f"since {entry.added_at:%Y-%m-%d %H:%M} UTC"


def _downloading(context: Context, completed: Iterable[QueueEntry]) -> tuple[list[HeldTorrent], str]:
    """Ask qBittorrent how far our torrents are; what it says when it cannot be asked."""
    ours = {entry.choice.info_hash for entry in completed if entry.choice and entry.choice.info_hash}
    if not context.config["qbittorrent"]["enabled"] or not ours:
        return [], ""
    from movie_sync.commands.services import Services  # noqa: PLC0415 - heavy, and not always needed

    logging.getLogger(LOGGER_NAME).addHandler(logging.NullHandler())
    services = Services(context, stop=threading.Event())
    try:
        held = services.torrent_client(services.manager.load_in_child()).torrents()
    except MovieSyncError as exc:
        return [], one_line(str(exc))
    return [torrent for torrent in held if torrent.info_hash in ours and torrent.progress < 1], ""


def _show_daemon(context: Context, daemon: DaemonState | None) -> None:
    if daemon is None:
        context.say("Daemon   not running")
        return
    context.say(f"Daemon   process {daemon.pid}, since {daemon.started_at}")
    context.say(f"         monitor: {one_line(daemon.monitor)}")
    context.say(f"         download: {one_line(daemon.download)}")


def _show_section(context: Context, title: str, lines: list[str]) -> None:
    if not lines:
        return
    context.say(f"\n{title}:")
    for line in lines[:_SHOWN]:
        context.say(f"  {line}")
    if len(lines) > _SHOWN:
        context.say(f"  and {len(lines) - _SHOWN} more; see `queue`")


def _print_json(document: object) -> None:
    print(json.dumps(document, indent=1))  # plain ASCII: whole in any encoding, harmless on a terminal
