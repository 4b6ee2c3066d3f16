"""`check`: tries every part against the real services and says what is wrong and how to mend it."""

import contextlib
import os
import shutil
import threading
from argparse import Namespace
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from movie_sync.commands.building import Services, build_sender, used_services
from movie_sync.commands.context import Context
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import MovieSyncError, UserError
from movie_sync.logs import set_up_logging
from movie_sync.services.base import ToldService
from movie_sync.settings.faults import NOTHING_HANDED_OVER, sentence
from movie_sync.settings.keys import GeneralSettings

_GB = 1_000_000_000
_LOOK_SECONDS = 1.0


def run_check(_args: Namespace, context: Context) -> int:
    """Try everything; returns 1 if anything fails."""
    set_up_logging("ERROR", context.redactor, plain=context.options.plain)
    context.paths.prepare()
    services = Services(context, stop=threading.Event())
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Settings", lambda: _check_settings(context)),
        ("Credentials", lambda: _check_credentials(services)),
        ("Film folders", lambda: _check_folders(context)),
        ("Watchlist", lambda: _check_watchlist(services)),
        *services.checks(),
        *(
            (f"{each.title[:1].upper()}{each.title[1:]}", partial(check_telling, context, each, told.order))
            for each, told in used_services(context)
        ),
    ]
    failed: set[str] = set()
    for name, check in checks:
        try:
            context.say(f"ok    {name}: {one_line(check())}")
        except (MovieSyncError, OSError) as exc:
            failed.add(name)
            context.say(f"FAIL  {name}: {one_line(str(exc))}")
    if services.client.title not in failed:  # a client bans who is refused too often
        with contextlib.suppress(MovieSyncError):
            if landing := services.landing():
                mark = "ok  " if landing.is_looked_in else "NOTE"
                context.say(f"{mark}  Where films land: {one_line(landing.words())}")
    context.say("\nEverything works." if not failed else f"\n{len(failed)} of {len(checks)} checks failed.")
    return 1 if failed else 0


def _check_settings(context: Context) -> str:
    if context.config.warnings:
        hold = [sentence(NOTHING_HANDED_OVER)] if context.config.faults else []
        raise UserError(" ".join([*context.config.warnings, *hold]))
    return (
        f"{context.paths.config} is usable"
        if context.paths.config.exists()
        else "no config.json, using the defaults"
    )


def _check_credentials(services: Services) -> str:
    services.credentials()
    return "can be read"


def _check_folders(context: Context) -> str:
    settings = context.config.section(GeneralSettings)
    folders = [Path(folder) for folder in (settings.download_directory, *settings.library_directories)]
    words = []
    for folder in folders:
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
            if not context.config.is_set("download_directory") and folder == folders[0]:
                words.append(f"{folder} doesn't exist (it's the default; set download_directory)")
                continue
            raise UserError(f"{folder} is missing or can't be read. Mount it, or change config.json.")
        words.append(f"{folder} ({shutil.disk_usage(folder).free / _GB:.0f} GB free)")
    return ", ".join(words)


def _check_watchlist(services: Services) -> str:
    snapshot = services.watchlist_source().fetch()
    if snapshot is None:
        raise UserError("the list couldn't be read")
    return f"{len(snapshot.movies)} films of {snapshot.owner}"


def check_telling(context: Context, service: ToldService, order: Mapping[str, str]) -> str:
    """Send a test, and say how it went; raises UserError if it did not arrive."""
    process = build_sender(context).start(service, order, "Movie Sync: a test", "Notifications work.")
    while (ended := process.poll()) is None:
        process.wait(_LOOK_SECONDS)
    if words := ended.answer or ended.failure:
        raise UserError(words)
    return service.done
