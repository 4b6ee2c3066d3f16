"""`check`: tries every part against the real services and says what is wrong and how to mend it."""

import os
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.commands.notices_setup import MEDIA_SERVERS, build_sender
from movie_sync.commands.settings_gate import sentence
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import MovieSyncError, UserError
from movie_sync.logs import set_up_logging
from movie_sync.notices.channels import notice_order, refresh_order, what_failed
from movie_sync.settings.config import NOTHING_HANDED_OVER
from movie_sync.storage.atomic_file import make_private_folder

_GB = 1_000_000_000


def run_check(context: Context) -> int:
    """Try everything; returns 1 if anything fails."""
    set_up_logging("ERROR", context.redactor, plain=context.options.plain)
    context.paths.prepare()
    services = Services(context, stop=threading.Event())
    is_qbittorrent_used = context.config["qbittorrent"]["enabled"]
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Settings", lambda: _check_settings(context)),
        ("Credentials", lambda: _check_credentials(services)),
        ("Film folders", lambda: _check_folders(context)),
        ("Watchlist", lambda: _check_watchlist(services)),
        ("FileList", lambda: _check_filelist(services)),
        ("qBittorrent", lambda: _check_qbittorrent(services))
        if is_qbittorrent_used
        else ("Watch folder", lambda: _check_watch_folder(services.torrent_folder())),
    ]
    checks += _checks_of_telling(context)
    failures = 0
    for name, check in checks:
        try:
            context.say(f"ok    {name}: {one_line(check())}")
        except (MovieSyncError, OSError) as exc:
            failures += 1
            context.say(f"FAIL  {name}: {one_line(str(exc))}")
    context.say("\nAll is well." if not failures else f"\n{failures} of {len(checks)} checks failed.")
    return 1 if failures else 0


def _check_settings(context: Context) -> str:
    if context.config.warnings:
        hold = [sentence(NOTHING_HANDED_OVER)] if context.config.faults else []
        raise UserError(" ".join([*context.config.warnings, *hold]))
    return (
        f"{context.paths.config} is usable" if context.paths.config.exists() else "defaults, no config.json"
    )


def _check_credentials(services: Services) -> str:
    services.credentials()
    return "can be read"


def _check_folders(context: Context) -> str:
    config = context.config
    folders = [Path(config["download_directory"]), *map(Path, config["library_directories"])]
    words = []
    for folder in folders:
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
            if not config.is_set("download_directory") and folder == folders[0]:
                words.append(f"{folder} is not there (the default; set download_directory)")
                continue
            raise UserError(f"{folder} is not there or cannot be read. Mount it, or change config.json.")
        words.append(f"{folder} ({shutil.disk_usage(folder).free / _GB:.0f} GB free)")
    return ", ".join(words)


def _check_watchlist(services: Services) -> str:
    snapshot = services.watchlist_source().fetch()
    if snapshot is None:
        raise UserError("the export could not be read")
    return f"{len(snapshot.movies)} films of {snapshot.owner}"


def _check_filelist(services: Services) -> str:
    client = services.filelist(services.credentials())
    client.latest(1)
    return f"answers; {services.budget.free()} calls left in this hour"


def _check_qbittorrent(services: Services) -> str:
    from movie_sync.services.qbittorrent.client import QBittorrentClient  # noqa: PLC0415 - only where it is used

    client = services.torrent_client(services.manager.load_in_child())
    return client.version() if isinstance(client, QBittorrentClient) else "not used"


def _check_watch_folder(folder: Path) -> str:
    make_private_folder(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{folder} cannot be written. Change torrent_directory in config.json.")
    return f"{folder} can be written"


def _checks_of_telling(context: Context) -> list[tuple[str, Callable[[], str]]]:
    """Return a check for each service that is told: it is done for once."""
    orders = {}
    if context.config["notices"]["enabled"]:
        orders["notices"] = notice_order("Movie Sync: a test", "Notices reach you.")
    for service in MEDIA_SERVERS:
        if address := context.config[service]["url"]:
            orders[service] = refresh_order(service, address)
    return [
        (service.capitalize(), partial(_check_telling, context, service, order))
        for service, order in orders.items()
    ]


def _check_telling(context: Context, service: str, order: bytes) -> str:
    ended = build_sender(context).carry_out(service, order)
    if words := ended.answer or what_failed(ended):
        raise UserError(words)
    return "a notice was sent" if service == "notices" else "looks for new films"
