"""The daemon: checks what it needs, holds the data folder's lock, runs the app, answers with a code."""

import contextlib
import logging
import os
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from functools import partial

from movie_sync.commands.building import Services
from movie_sync.commands.context import Context
from movie_sync.commands.kept import Kept
from movie_sync.commands.settings_gate import SettingsGate
from movie_sync.commands.shelving import build_shelver
from movie_sync.commands.telling import kept_announcer
from movie_sync.daemon.app import Crew, MovieSyncApp, keep_memory_together
from movie_sync.daemon.download import DownloadWorker
from movie_sync.daemon.heartbeat import Heartbeat
from movie_sync.daemon.inbox import Inbox, carry_out
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.service_manager import ServiceManager
from movie_sync.daemon.sync import Syncs
from movie_sync.daemon.worker import Worker
from movie_sync.domain.times import format_time
from movie_sync.errors import CredentialsError, MovieSyncError, StorageError, UserError
from movie_sync.logs import can_show_below, set_up_logging, show_below, write_waiting_lines
from movie_sync.outlet import hurry
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.counts import bottom_words
from movie_sync.reports.daemon_state import (
    DaemonState,
    activity_words,
    forget_state,
    read_state,
    write_state,
)
from movie_sync.reports.health import judged
from movie_sync.services.wish_lists import watched_words
from movie_sync.settings.faults import sentence
from movie_sync.shelf.shelver import Shelver
from movie_sync.storage.atomic_file import try_flush
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.shortcomings import say_shortcomings

_log = logging.getLogger(__name__)

_LOCK_WAIT_SECONDS = 2.0
_LAST_SECONDS = 1.0
DONE, ANSWER_IS_NO, UNUSABLE, ALREADY_RUNNING = 0, 1, 2, 3


def run_daemon(_args: Namespace, context: Context) -> int:
    """Run until a signal comes, or once; returns the exit code."""
    keep_memory_together()
    state = DaemonState(os.getpid(), format_time(context.clock.now()))
    if context.options.dry_run:
        _check_configured(context)
        return _run_on(context, state, lambda: None)
    context.paths.prepare()
    lock = InstanceLock(context.paths.daemon_lock)
    if not lock.acquire(wait_seconds=_LOCK_WAIT_SECONDS, while_alone=context.paths.sweep):
        holder = read_state(context.paths.daemon)
        who = f"process {holder.pid}" if holder else "another process"
        context.complain(
            f"Movie Sync is already running on {context.paths.root} ({who}). Stop it first, or choose "
            "another folder with --data-dir."
        )
        return ALREADY_RUNNING
    try:
        try_flush(context.paths.daemon_lock)
        with contextlib.suppress(StorageError):  # a full disk is said by those who need the disk
            forget_state(context.paths.daemon, context.clock.now())
            write_state(context.paths.daemon, state)
        configured = _configured(context)
        return DONE if configured is None else _run_on(configured, state, lock.renew)
    finally:
        with contextlib.suppress(StorageError):  # without the lock it tells nothing anyway
            forget_state(context.paths.daemon, context.clock.now())
        lock.release()


def _configured(context: Context) -> Context | None:
    """Return the context once everything needed is set, asking for it on a terminal; None if refused."""
    is_asked = False
    try:
        _check_configured(context)
    except UserError as exc:
        if not sys.stdin.isatty():
            raise
        if context.paths.config.exists():  # else it is the first run, of which nothing is wrong
            context.complain(f"{exc}\n")
        is_asked = True
    if not (is_asked or (context.paths.setup.exists() and sys.stdin.isatty())):
        return context
    from movie_sync.commands import setup  # noqa: PLC0415 - only a first run needs it
    from movie_sync.commands.autostart import start_again  # noqa: PLC0415 - the same

    if not is_asked and not setup.is_unfinished(context.paths):
        return context
    if not setup.run_setup(context):
        return None
    start_again()  # what setup loaded is not to stay in the daemon's memory
    return None


def _check_configured(context: Context) -> None:
    services = Services(context, stop=threading.Event())
    missing = []
    for needed in (services.check_lists, services.credentials):
        try:
            needed()
        except UserError as exc:
            missing.append(str(exc))
        except CredentialsError as exc:  # the worker tries again, and says so
            _log.debug("%s", exc)
    if missing:
        context.warn(context.config.warnings)  # they may be why, and nothing else says them then
        raise UserError(" ".join(missing))


def _run_on(context: Context, state: DaemonState, renew_lock: Callable[[], None]) -> int:
    """Run until the end, which may be with other settings; returns the exit code."""
    options, log_file = context.options, None if context.options.dry_run else context.paths.log
    set_up_logging(options.log_level, context.redactor, log_file=log_file, plain=options.plain)
    say_shortcomings()
    for warning in context.config.warnings:
        _log.warning("%s", warning)
    gate = SettingsGate(context, once=options.runs_once)
    if gate.why:
        _log.warning("%s", sentence(gate.why))
    run = Run(context, gate, renew_lock)
    app = MovieSyncApp(
        run.crew(context),
        run.queue_manager,
        state=state,
        report_state=(lambda _state: None) if options.dry_run else partial(write_state, context.paths.daemon),
        clock=context.clock,
        next_crew=run.next_crew,
        trouble=lambda: gate.trouble,
    )
    before: frozenset[int] = frozenset()
    if options.dry_run:
        from movie_sync.reports.dry_run import dry_run_lines, outcomes_so_far  # noqa: PLC0415 - for this alone

        before = outcomes_so_far(run.queue_manager)
    if not options.dry_run:
        run.heartbeat.open()
    try:
        app.run(once=options.runs_once)
    finally:
        show_below("")
        run.heartbeat.close()
    if options.runs_once:
        run.finish(is_interrupted=app.is_interrupted)
    if app.is_interrupted:
        hurry(_LAST_SECONDS)
    monitor, download = app.crew.monitor, app.crew.download
    if options.dry_run:
        on_disk = context.queues_to_look_at()
        context.warn(on_disk.damage)
        why_waiting = activity_words(download.activity, context.clock.now())
        for line in dry_run_lines(
            run.queue_manager, on_disk, before=before, target=context.config.client().target,
            why_waiting=why_waiting, held_back=gate.why,
        ):  # fmt: skip
            context.say(line)
    if options.runs_once and (download.sessions.was_refused or gate.why):
        return UNUSABLE
    return ANSWER_IS_NO if options.runs_once and (monitor.has_failed or download.has_failed) else DONE


def _show_below(queue_manager: QueueManager, monitor: MonitorWorker, download: DownloadWorker) -> None:
    with contextlib.suppress(StorageError):  # it is said by those who need the queues
        show_below(bottom_words(queue_manager, download.share, monitor.activity))


class Run:
    """What goes on while settings change, and what is built from them each time. For the main thread."""

    def __init__(self, context: Context, gate: SettingsGate, renew_lock: Callable[[], None]) -> None:
        self.queue_manager = QueueManager(
            context.paths.root, clock=context.clock, writable=not context.options.dry_run
        )
        self.gate, self._renew_lock, self._kept = gate, renew_lock, Kept()
        self.announcer = kept_announcer(context, self._kept)
        self._workers: list[Worker] = []
        self.heartbeat = Heartbeat(context.paths.health, self._workers, context.clock)
        self._service_manager = ServiceManager(
            context.environ, lambda: judged(self.heartbeat.beat()), context.clock
        )
        self._syncs: Syncs | None = None
        self._shelver: Shelver | None = None

    def crew(self, context: Context) -> Crew:
        """Build all parts; raises MovieSyncError if these settings cannot be used."""
        gate, options = self.gate, context.options
        services = Services(context, stop=gate.stop, kept=self._kept)
        self.announcer = announcer = kept_announcer(context, self._kept)
        intakes = services.intakes(self.queue_manager)
        download = services.download_worker(
            self.queue_manager, announcer.tell, gate.held_back, client_is_known=gate.client_is_known
        )
        monitor = services.monitor_worker(intakes, announcer.tell, on_read=download.note_check)
        self._workers[:] = monitor, download
        least = services.least_seconds_between_checks
        syncs = self._syncs = self._syncs or Syncs(monitor, download, least, context.clock)
        syncs.work_for(monitor, download, least)
        carry = partial(carry_out, self.queue_manager, intakes, look_now=syncs.ask)
        drain = partial(Inbox(context.paths.inbox, context.clock).drain, carry)
        _log.info(
            "Watching %s; torrents go to %s (%s).",
            watched_words(context.config),
            services.client.target,
            services.client.place(context.config, context.paths),
        )
        # Once for the same pairs: what is kept has then been gone through.
        for missing in self._kept.part("paths", services.files, lambda _: services.files.missing_folders()):
            _log.warning("%s", missing)
        shelver = self._shelver = build_shelver(
            context,
            self.queue_manager,
            announcer.tell,
            stuck=self._kept.part("processes on the shelf", 0, lambda _: {}),
        )
        extras: list[Callable[[], object]] = [announcer.tick, syncs.tick, self.heartbeat.tick]
        extras += [self._service_manager.tick, write_waiting_lines, self._renew_lock]
        if not options.runs_once:
            extras += [self._look_at_settings, *([shelver.tick] if shelver else [])]
            if can_show_below():
                extras.append(partial(_show_below, self.queue_manager, monitor, download))
        return Crew(
            monitor,
            download,
            (lambda _is_stopping: 0) if options.dry_run else drain,
            tick_extras=extras,
            closers=[
                self._service_manager.stopping,
                *([shelver.close] if shelver else []),
                *([] if options.runs_once else [announcer.close]),
            ],
            shelf_trouble=lambda: shelver.trouble if shelver else "",
        )

    def finish(self, *, is_interrupted: bool) -> None:
        """Put on the shelf and tell what waits, for the end of a single run; cut short by a signal."""
        if is_interrupted:
            self.announcer.close()
            return
        if self._shelver:
            self._shelver.finish()
        self.announcer.finish()

    def _look_at_settings(self) -> None:
        self.gate.look()
        if self.gate.next is not None and all(worker.is_resting for worker in self._workers):
            for worker in self._workers:
                worker.stop()

    def next_crew(self) -> Crew | None:
        """Return the workers with the settings that were changed meanwhile, if they were."""
        if self.gate.next is None:
            return None
        before = self.gate.context
        try:
            return self.crew(self.gate.take_up())
        except MovieSyncError as exc:
            self.gate.give_up(before, str(exc))
            return self.crew(before)
