"""The daemon: checks what it needs, holds the data folder's lock, runs the app, answers with a code."""

import contextlib
import logging
import os
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from functools import partial

from movie_sync.commands.autostart import start_again
from movie_sync.commands.building import Services, build_announcer
from movie_sync.commands.context import Context
from movie_sync.daemon.app import MovieSyncApp, keep_memory_together
from movie_sync.daemon.download import DownloadWorker
from movie_sync.daemon.heartbeat import Heartbeat
from movie_sync.daemon.inbox import Inbox, carry_out
from movie_sync.daemon.monitor import MonitorWorker
from movie_sync.daemon.sync import Syncs
from movie_sync.domain.times import format_time
from movie_sync.errors import CredentialsError, StorageError, UserError
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
from movie_sync.services import registry
from movie_sync.settings.faults import NOTHING_HANDED_OVER, hold_words, sentence
from movie_sync.storage.locks import InstanceLock
from movie_sync.storage.regular_file import file_signature

_log = logging.getLogger(__name__)

_LOCK_WAIT_SECONDS = 2.0
_LAST_SECONDS = 1.0
DONE, ANSWER_IS_NO, UNUSABLE, ALREADY_RUNNING = 0, 1, 2, 3


class SettingsGate:
    """Looks at the settings file whenever it has changed. For one thread, that of the download worker.

    Once the file is corrected, `corrected` is the context with its settings and `stop` is set: all that was
    built with the settings in force is to be built again. A change from sound settings to sound ones
    waits for the next start.
    """

    def __init__(self, context: Context) -> None:
        self.stop = threading.Event()
        self.corrected: Context | None = None
        self.why = hold_words(context.config.faults)
        """Why nothing is handed over; nothing if films may pass."""
        self._context = context
        self._signature = context.config.signature
        config = context.config
        self.client_is_known = not any(map(config.may_be_meant, ("client", config.client().name)))

    def held_back(self) -> str:
        """Return why no film may be worked on now, if so."""
        signature = file_signature(self._context.paths.config)
        if signature != self._signature and self.corrected is None:
            self._signature = signature
            self._look_again()
        return self.why

    def _look_again(self) -> None:
        context = None
        try:
            context = self._context.reloaded()
            why = self._why_not(context)
        except UserError as exc:  # an override that goes with no such settings
            why = f"{NOTHING_HANDED_OVER}: {str(exc).removesuffix('.')}"
        if why:
            if why != self.why:
                _log.warning("%s", sentence(why))
            self.why = why
        elif self.why:
            _log.info("config.json is corrected; continuing with its settings.")
            self.why = "the settings are taken up anew"
            self.corrected = context
            self.stop.set()

    def _why_not(self, context: Context) -> str:
        config = context.config
        if self.why and config.signature is None:  # a file that is being replaced is gone for a moment
            return f"nothing is handed over until config.json is back: {context.paths.config} is gone"
        if self.why and not registry.chosen_list(config).is_configured(config):
            return f"{NOTHING_HANDED_OVER}: it names no watchlist"
        return hold_words(config.faults)


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
            f"Movie Sync is already running on {context.paths.root} ({who}). Stop it first, or name "
            "another folder with --data-dir."
        )
        return ALREADY_RUNNING
    try:
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
        context.complain(f"{exc}\n")
        is_asked = True
    if not (is_asked or (context.paths.setup.exists() and sys.stdin.isatty())):
        return context
    from movie_sync.commands import setup  # noqa: PLC0415 - only a first run needs it

    if not is_asked and not setup.is_unfinished(context.paths):
        return context
    if not setup.run_setup(context):
        return None
    start_again()  # what setup loaded is not to stay in the daemon's memory
    return None


def _check_configured(context: Context) -> None:
    services = Services(context, stop=threading.Event())
    missing = []
    for needed in (services.watchlist_source, services.credentials):
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
    """Run, and again with the settings of a file that was corrected meanwhile."""
    options, log_file = context.options, None if context.options.dry_run else context.paths.log
    set_up_logging(options.log_level, context.redactor, log_file=log_file, plain=options.plain)
    while True:
        for warning in context.config.warnings:
            _log.warning("%s", warning)
        gate = SettingsGate(context)
        if gate.why:
            _log.warning("%s", sentence(gate.why))
        code = _run(context, state, renew_lock, gate)
        if code is not None:
            return code
        context = gate.corrected or context


def _run(
    context: Context, state: DaemonState, renew_lock: Callable[[], None], gate: SettingsGate
) -> int | None:
    """Run until the end; None if it is to go on with other settings."""
    options, clock = context.options, context.clock
    services = Services(context, stop=gate.stop)
    is_real, once = not options.dry_run, options.runs_once
    queue_manager = QueueManager(context.paths.root, clock=clock, writable=is_real)
    before: frozenset[int] = frozenset()
    if not is_real:
        from movie_sync.reports.dry_run import dry_run_lines, outcomes_so_far  # noqa: PLC0415 - for this alone

        before = outcomes_so_far(queue_manager)
    intake, announcer = services.intake(queue_manager), build_announcer(context)
    download = services.download_worker(
        queue_manager, announcer.tell, gate.held_back, client_is_known=gate.client_is_known
    )
    monitor = services.monitor_worker(intake, announcer.tell, on_read=download.note_check)
    heartbeat = Heartbeat(context.paths.health, [monitor, download], clock)
    syncs = Syncs(monitor, download, services.least_seconds_between_checks, clock)
    perform = partial(carry_out, queue_manager, intake, look_now=syncs.ask)
    drain = partial(Inbox(context.paths.inbox, clock).drain, perform)
    below = []
    if can_show_below() and not once:
        below.append(partial(_show_below, queue_manager, monitor, download))
    app = MovieSyncApp(
        monitor,
        download,
        queue_manager,
        drain_inbox=drain if is_real else lambda _is_stopping: 0,
        state=state,
        report_state=partial(write_state, context.paths.daemon) if is_real else lambda _state: None,
        clock=clock,
        tick_extras=[announcer.tick, syncs.tick, heartbeat.tick, write_waiting_lines, renew_lock, *below],
        closers=[] if once else [announcer.close],
    )
    _log.info(
        "Movie Sync works for %s; torrents go to %s (%s).",
        registry.chosen_list(context.config).place(context.config),
        services.client.target,
        services.client.place(context.config, context.paths),
    )
    if is_real:
        heartbeat.open()
    try:
        app.run(once=once)
    finally:
        show_below("")
        heartbeat.close()
    goes_on = gate.corrected is not None and not app.is_interrupted
    if once:
        (announcer.close if app.is_interrupted or goes_on else announcer.finish)()
    if app.is_interrupted:
        hurry(_LAST_SECONDS)
    if goes_on:
        return None
    if not is_real:
        on_disk = context.queues_to_look_at()
        context.warn(on_disk.damage)
        why_waiting = activity_words(download.activity, clock.now())
        for line in dry_run_lines(
            queue_manager, on_disk, before=before, target=services.client.target,
            why_waiting=why_waiting, held_back=gate.why,
        ):  # fmt: skip
            context.say(line)
    if once and (download.sessions.was_refused or gate.why):
        return UNUSABLE
    return ANSWER_IS_NO if once and (monitor.has_failed or download.has_failed) else DONE


def _show_below(queue_manager: QueueManager, monitor: MonitorWorker, download: DownloadWorker) -> None:
    with contextlib.suppress(StorageError):  # it is said by those who need the queues
        show_below(bottom_words(queue_manager, download.share, monitor.activity))
