"""`status --watch`: the live screen; without a terminal, or with `--plain`, a line for each change."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from movie_sync.commands.context import Context
from movie_sync.domain.models import QueueName
from movie_sync.errors import MovieSyncError
from movie_sync.queues.book import queue_path
from movie_sync.queues.manager import QueueManager
from movie_sync.reports.lines import LineStyle, Look, counts_line, status_lines
from movie_sync.reports.screen import screen_lines
from movie_sync.reports.status import Status, read_status, running_daemon
from movie_sync.services import registry
from movie_sync.settings.keys import GeneralSettings
from movie_sync.storage.regular_file import file_signature

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_REDRAW_SECONDS = 0.25
_LOOK_SECONDS = 1.0
_ANYWAY_SECONDS = 30.0  # what is shown of times gets old
_LOOKS = {Look.GOOD: "green", Look.WAITING: "yellow", Look.NEEDS: "red", Look.DIM: "dim"}


@dataclass(eq=False, repr=False)
class Watched:
    """The status as it is now, and the queues that it is of, read again when a file of it has changed.

    For one thread.
    """

    context: Context
    status: Status = field(init=False)
    queues: QueueManager = field(init=False)
    _seen: object = field(default=None, init=False)
    _seen_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._seen = self._signature()
        self.status = self._read()

    def look(self) -> bool:
        """Read it again if that is worth while; tell whether it was. What cannot be read now stays."""
        signature = self._signature()
        if signature == self._seen and time.monotonic() - self._seen_at < _ANYWAY_SECONDS:
            return False
        self._seen = signature
        try:
            self.status = self._read()
        except MovieSyncError:
            return False
        return True

    def _read(self) -> Status:
        self._seen_at = time.monotonic()
        with contextlib.suppress(MovieSyncError):
            if file_signature(self.context.paths.config) != self.context.config.signature:
                self.context = self.context.reloaded()
        context = self.context
        queues = context.queues_to_look_at()
        status = read_status(
            context.paths,
            queues,
            context.config.faults,
            context.clock,
            registry.seeding_rules(),
            context.config.section(GeneralSettings).path_map,
        )
        self.queues = queues
        return status

    def _signature(self) -> object:
        paths = self.context.paths
        files = [paths.config, paths.unlisted, *(queue_path(paths.root, name) for name in QueueName)]
        return [running_daemon(paths), *map(file_signature, files)]


def run_watch(context: Context, style: LineStyle) -> int:
    """Show the status until a signal comes; returns the exit code."""
    with contextlib.suppress(KeyboardInterrupt), _ended_by_signals():
        watched = Watched(context)
        if sys.stdout.isatty() and not context.options.plain:
            from rich.console import Console  # noqa: PLC0415 - never in the daemon

            console = Console(highlight=False)
            if not console.is_dumb_terminal:
                _draw(watched, console, style)
        _tell_changes(watched, style)
    return 0


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let whatever asks the program to end do so as Ctrl+C does, so that the terminal is put in order."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _draw(watched: Watched, console: "Console", style: LineStyle) -> None:
    """Keep the alternate screen up to date, at most four times a second."""
    from rich.live import Live  # noqa: PLC0415

    size, looked_at = console.size, time.monotonic()
    with Live(
        drawing(watched, style, size.width, size.height),
        console=console,
        screen=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        while True:
            time.sleep(_REDRAW_SECONDS)
            is_changed = size != (size := console.size)
            if time.monotonic() - looked_at >= _LOOK_SECONDS:
                looked_at = time.monotonic()
                is_changed |= watched.look()
            if is_changed:
                live.update(drawing(watched, style, size.width, size.height), refresh=True)


def drawing(watched: Watched, style: LineStyle, columns: int, rows: int) -> "Text":
    """Return the screen as it is to look now."""
    from rich.text import Text  # noqa: PLC0415

    text = Text(no_wrap=True, overflow="crop", end="")
    for number, line in enumerate(screen_lines(watched.status, style, columns, rows)):
        look = f"bold {_LOOKS.get(line.look, '')}" if line.is_title else _LOOKS.get(line.look, "")
        clean = watched.context.redactor.clean(line.text)
        text.append("\n" * bool(number)).append(clean, look.strip())
    return text


def _tell_changes(watched: Watched, style: LineStyle) -> None:
    """Say everything once, and then a line whenever the counts change."""
    context = watched.context
    for line in status_lines(watched.status, style):
        context.say(line)
    said = ""
    while True:
        now = counts_line(watched.status)
        if said and now != said:
            context.say(f"{time.strftime('%H:%M:%S')}  {now}")
        said = now
        sys.stdout.flush()
        time.sleep(_LOOK_SECONDS)
        watched.look()
