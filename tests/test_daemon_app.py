"""The main thread: what it does about signals and about its own errors."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from house.workers import Bench, MonitorBench, snapshot

from movie_sync.daemon.app import Crew, MovieSyncApp, Signals
from movie_sync.errors import StorageError
from movie_sync.reports.daemon_state import DaemonState


def _app(folder: Path, drain: list[BaseException | int], journal: list[str] | None = None) -> MovieSyncApp:
    """Return an app whose inbox gives these answers, and the signal to stop after the last."""
    bench, desk = Bench(folder / "a"), MonitorBench(folder / "b", snapshot())

    said = [] if journal is None else journal

    def drain_inbox(_is_stopping: Callable[[], bool]) -> int:
        if not drain:
            signal.raise_signal(signal.SIGINT)
            return 0
        answer = drain.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return MovieSyncApp(
        Crew(
            desk.worker,
            bench.worker,
            drain_inbox,
            tick_extras=[lambda: said.append("tick")],
            closers=[lambda: said.append("close")],
        ),
        bench.queues,
        state=DaemonState(1, "2026-11-01T12:00:00Z"),
        report_state=lambda _state: None,
        clock=bench.clock,
    )


def test_an_unforeseen_error_leaves_no_thread(tmp_path: Path) -> None:
    """The workers are stopped and the error goes on: without its main thread a process would hang."""
    app = _app(tmp_path, [0, ZeroDivisionError("odd request")])
    with pytest.raises(ZeroDivisionError):
        app.run()
    assert threading.active_count() == 1


def test_what_else_the_main_thread_looks_after(tmp_path: Path) -> None:
    """It is called at every tick and closed once at the end, also after an error."""
    journal: list[str] = []
    _app(tmp_path, [0, 0], journal).run()
    assert journal == ["tick", "tick", "close"]
    with pytest.raises(ZeroDivisionError):
        _app(tmp_path, [0, ZeroDivisionError("odd request")], journal).run()
    assert journal[-1] == "close"


def test_a_full_disk_does_not_end_the_daemon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A request that cannot be carried out now is said once and waits."""
    _app(tmp_path, [StorageError("disk full"), StorageError("disk full")]).run()
    assert caplog.text.count("A command is waiting: disk full") == 1


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
@pytest.mark.parametrize("is_ignored", [True, False])
def test_a_closed_terminal(is_ignored: bool) -> None:
    """It ends the daemon in good order, but not one that was started with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    try:
        signals = Signals()
        with signals.handled():
            signal.raise_signal(signal.SIGHUP)
            signals.wait(0)
            assert signals.received == (None if is_ignored else signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is (signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    finally:
        signal.signal(signal.SIGHUP, before)
