"""`check`: tests every part against the real services and says what is wrong and how to fix it."""

import contextlib
import os
import shutil
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.commands.landing import Landing, check_shelf
from movie_sync.commands.telling import build_sender, used_services
from movie_sync.domain.plain_text import one_line
from movie_sync.errors import MovieSyncError, UserError
from movie_sync.logs import set_up_logging
from movie_sync.services.base import Service, ToldService
from movie_sync.settings.faults import NOTHING_HANDED_OVER, sentence
from movie_sync.settings.keys import GeneralSettings
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.storage.shortcomings import shortcomings

_GB = 1_000_000_000
_LOOK_SECONDS = 1.0
_LANDING = "Where films land"
_FILE_SYSTEM = "File system"


class Outcome(StrEnum):
    """How a check went; a note isn't a failure."""

    OK = "ok"
    FAIL = "FAIL"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was tested, the outcome, and one line of details."""

    name: str
    outcome: Outcome
    words: str


def run_check(_args: Namespace, context: Context) -> int:
    """Try everything; returns 1 if anything fails."""
    set_up_logging("ERROR", context.redactor, plain=context.options.plain)
    found = []
    for result in look_at_everything(context, threading.Event()):
        found.append(result)
        context.say(f"{result.outcome:4}  {result.name}: {result.words}")
    context.say(f"\n{summary(found)}")
    return 1 if any(result.outcome is Outcome.FAIL for result in found) else 0


def summary(found: Sequence[CheckResult]) -> str:
    """Return in a sentence how all went."""
    tried = [result for result in found if result.name not in {_LANDING, _FILE_SYSTEM}]
    failed = sum(result.outcome is Outcome.FAIL for result in tried)
    return f"{failed} of {len(tried)} checks failed." if failed else "Everything works."


def look_at_everything(context: Context, stop: threading.Event) -> Iterator[CheckResult]:
    """Try one part after the other, with the real services; `stop` ends what is waited for."""
    context.paths.prepare()
    services = Services(context, stop=stop)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Settings", lambda: _check_settings(context)),
        ("Credentials", lambda: _check_credentials(services)),
        ("Film folders", lambda: _check_folders(context)),
        *([("Paths of the client", lambda: _check_path_map(services))] if services.files.pairs else []),
        *services.list_checks(),
        *services.checks(),
        *(
            (f"{each.title[:1].upper()}{each.title[1:]}", partial(check_telling, context, each, told.order))
            for each, told in used_services(context)
        ),
    ]
    failed: set[str] = set()
    for name, check in checks:
        result = _tried(name, check)
        if result.outcome is Outcome.FAIL:
            failed.add(name)
        yield result
    landing: Landing | None = None
    if services.client.title not in failed:  # a client bans who is refused too often
        with contextlib.suppress(MovieSyncError):
            landing = services.landing()
            for theirs in services.unused_pairs(landing.theirs if landing else ""):
                name = services.client.title
                words = f"path_map has {theirs}, but {name} has nothing there. Check the folder's name."
                yield CheckResult(_LANDING, Outcome.NOTE, one_line(words))
    if landing:
        outcome = Outcome.OK if landing.is_looked_in else Outcome.NOTE
        yield CheckResult(_LANDING, outcome, one_line(landing.words()))
    shelf = context.config.section(ShelfSettings)
    if shelf.folder is not None:
        yield _tried("Shelf", partial(check_shelf, shelf, services.client, landing))
    for words in shortcomings():
        yield CheckResult(_FILE_SYSTEM, Outcome.NOTE, one_line(words))


def _tried(name: str, check: Callable[[], str]) -> CheckResult:
    try:
        return CheckResult(name, Outcome.OK, one_line(check()))
    except (MovieSyncError, OSError) as exc:
        return CheckResult(name, Outcome.FAIL, one_line(str(exc)))


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


def _check_path_map(services: Services) -> str:
    if missing := list(services.files.missing_folders()):
        raise UserError(" ".join(missing))
    return ", ".join(f"{theirs} is {ours} here" for theirs, ours in services.files.pairs)


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
        usage = shutil.disk_usage(folder)
        words.append(f"{folder} ({usage.free / _GB:.0f} GB free)" if usage.total else str(folder))
    return ", ".join(words)


def try_service(context: Context, service: Service, entry: str = "") -> str:
    """Try one service, by the user's name for it where it is a named one, and say how it is.

    Raises MovieSyncError or OSError if it cannot be used.
    """
    config = context.config
    if isinstance(service, ToldService):
        if (told := service.subscription(config)) is None:
            raise UserError(f"Turn on {service.title} in the settings first.")
        return check_telling(context, service, told.order)
    if service.is_named and entry not in config.values[service.section_name or service.name]:
        raise UserError(f"No {service.title} tracker has that name.")
    return Services(context, stop=threading.Event()).check(service, entry)


def check_telling(context: Context, service: ToldService, order: Mapping[str, str]) -> str:
    """Send a test, and say how it went; raises UserError if it did not arrive."""
    process = build_sender(context).start(service, order, "Movie Sync: a test", "Notifications work.")
    while (ended := process.poll()) is None:
        process.wait(_LOOK_SECONDS)
    if words := ended.answer or ended.failure:
        raise UserError(words)
    return service.done
