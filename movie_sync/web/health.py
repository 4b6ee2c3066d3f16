"""Health: how the daemon is, what the check says of every part, and the end of the log."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from movie_sync import __version__
from movie_sync.commands.check import CheckResult, look_at_everything, summary
from movie_sync.commands.context import Context
from movie_sync.domain.times import duration, parse_time
from movie_sync.errors import MovieSyncError
from movie_sync.reports.daemon_state import read_state
from movie_sync.reports.health import Health, look_at_health
from movie_sync.reports.log_tail import LogLine, read_log_tail
from movie_sync.services import registry
from movie_sync.services.base import TrackerService
from movie_sync.settings.keys import GeneralSettings
from movie_sync.storage.call_budget import CallBudget
from movie_sync.storage.locks import InstanceLock
from movie_sync.web.desk import Desk
from movie_sync.web.live import Live, Regions
from movie_sync.web.notes import Note, Notes
from movie_sync.web.secrets import Secrets
from movie_sync.web.views import Views

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """What the last check found so far; `why` says that it broke off."""

    is_running: bool = False
    began_at: datetime | None = None
    found: tuple[CheckResult, ...] = ()
    why: str = ""

    @property
    def summary(self) -> str:
        """How all went, once it has ended."""
        return "" if self.is_running or not self.found or self.why else summary(self.found)


class CheckUp:
    """Carries the check out, one at a time, beside all else; `changed` is called for each result."""

    def __init__(self, desk: Desk, changed: Callable[[], object]) -> None:
        self._desk = desk
        self._changed = changed
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.result = Result()

    def start(self) -> bool:
        """Begin it in a thread of its own; False if it is being carried out already."""
        with self._lock:
            if self.result.is_running:
                return False
            context = self._desk.context()
            self.result = Result(is_running=True, began_at=context.clock.now())
        self._thread = threading.Thread(target=self._run, args=(context,), name="check", daemon=True)
        self._thread.start()
        return True

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, context: Context) -> None:
        found: list[CheckResult] = []
        began_at, why, clean = self.result.began_at, "", context.redactor.clean
        try:
            for result in look_at_everything(context, threading.Event()):
                found.append(CheckResult(result.name, result.outcome, clean(result.words)))
                self.result = Result(is_running=True, began_at=began_at, found=tuple(found))
                self._changed()
        except (MovieSyncError, OSError) as exc:
            why = clean(str(exc))
        except Exception as exc:  # noqa: BLE001 - it would end with a traceback on the terminal
            _log.error("The check failed: %s. Run with --log-level DEBUG for details.", type(exc).__name__)
            _log.debug("It was:", exc_info=exc)
            why = "The check failed unexpectedly. The page's terminal has details."
        self.result = Result(is_running=False, began_at=began_at, found=tuple(found), why=why)
        self._changed()


@dataclass(frozen=True, slots=True)
class Budget:
    """How many calls a tracker allows in an hour, and how many are left; None if that is not known."""

    tracker: str
    per_hour: int
    left: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known without asking anybody but the daemon."""

    health: Health
    version: str
    folder: str
    since: datetime | None
    uptime: str
    budgets: list[Budget] = field(default_factory=list)


class HealthPage:
    """Answers at `/health`."""

    def __init__(self, desk: Desk, live: Live, views: Views, secrets: Secrets) -> None:
        self._desk = desk
        self._live = live
        self._views = views
        self._secrets = secrets
        self._notes = Notes()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._check = views.macro("check.html", "check")
        self.check_up = CheckUp(desk, self._announce)

    def routes(self) -> list[Route]:
        """Return where it answers."""
        return [
            Route("/health", self.show),
            Route("/health/events", self.events),
            Route("/health/check", self.check, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Show it."""
        context = self._desk.context()
        why = self._secrets.learn()
        regions = self._regions()
        lines: list[LogLine] = []
        try:
            lines = read_log_tail(context.paths.log, context.redactor.clean)
        except OSError as exc:
            why = why or f"{context.paths.log} can't be read: {exc.strerror}."
        return self._views.page(
            request,
            "health.html",
            facts=facts_of(context),
            check=regions["check"],
            mark=self._live.mark(regions),
            log=lines,
            log_path=str(context.paths.log),
            why=why,
            note=self._notes.of(request),
        )

    async def events(self, request: Request) -> Response:
        """Send what the check finds, while the page is open."""
        self._loop = asyncio.get_running_loop()
        return self._live.answer(request, self._regions)

    async def check(self, request: Request) -> Response:
        """Begin the check, and show how far it is."""
        self._loop = asyncio.get_running_loop()
        is_begun = await run_in_threadpool(self.check_up.start)
        words = "Check started." if is_begun else "The check is already running."
        return self._notes.leave(request, Note((words,), is_good=True), "/health")

    def _regions(self) -> Regions:
        return {"check": self._check(self.check_up.result)}

    def _announce(self) -> None:
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._live.announce)


def facts_of(context: Context) -> Facts:
    """Return what is known."""
    paths = context.paths
    state = read_state(paths.daemon) if InstanceLock(paths.daemon_lock).is_held_elsewhere() else None
    since = parse_time(state.started_at) if state else None
    return Facts(
        look_at_health(paths, patience_seconds=_PATIENCE_SECONDS),
        __version__,
        str(paths.root),
        since,
        duration(max(0.0, (context.clock.now() - since).total_seconds())) if since else "",
        list(_budgets(context)),
    )


def _budgets(context: Context) -> list[Budget]:
    kinds: Mapping[str, TrackerService] = registry.of_kind(TrackerService)
    budgets = []
    for key in context.config.section(GeneralSettings).trackers:
        name, _, entry = key.partition(":")
        tracker = kinds[name]
        per_hour, path = tracker.calls_per_hour(entry, context.config), context.paths.root
        try:
            budget = CallBudget(path / tracker.budget_file(entry), per_hour, context.clock, persist=False)
            left: int | None = budget.free()
        except MovieSyncError:
            left = None
        budgets.append(Budget(f"{tracker.title} {entry}".rstrip(), per_hour, left))
    return budgets
