"""What holds for every test: no network beyond this machine, no user's home, no thread left behind."""

import gc
import ipaddress
import itertools
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import movie_sync.net.http  # noqa: F401 - requests warns when it is first loaded: no test may be the one
from movie_sync import invocation
from movie_sync.logs import LOGGER_NAME, tear_down_logging
from movie_sync.storage import shortcomings

_connect = socket.socket.connect

# Hundreds of processes of the program are started, and each worker rewrites the tests: without what Python
# keeps of compiled modules that is a quarter of the work.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_WAITING_AT_FIRST, _BUSY_BETWEEN = 3, 7

# How long an example takes says more of the machine than of the program.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("short", _ANY_MACHINE, max_examples=20)
settings.register_profile("long", _ANY_MACHINE, max_examples=200)


def pytest_configure(config: pytest.Config) -> None:
    """Forget what the user's variables say of the program and of proxies, before anything is set up."""
    settings.load_profile("long" if config.getoption("--long") else "short")
    for name in list(os.environ):
        is_ours = name.startswith("MOVIE_SYNC_") and not name.startswith("MOVIE_SYNC_TEST_")
        if is_ours or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.pop("XDG_CONFIG_HOME", None)


def pytest_collection_finish() -> None:
    """Let what all tests are made of no more be gone through for what could be freed."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """End the run although a failed test left a thread behind, which Python would wait for."""
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    if any(not thread.daemon for thread in others):
        sys.stdout.flush()
        os._exit(pytest.ExitCode.TESTS_FAILED)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the long forms."""
    parser.addoption("--kills", type=int, default=5, help="how often the daemon is killed (short form: 5)")
    parser.addoption(
        "--days", type=int, default=4, help="how many days are simulated (short form: 4, a month: 30)"
    )
    parser.addoption("--long", action="store_true", help="run also what the short form leaves out")
    parser.addoption("--seed", type=int, default=7, help="which course the simulated days take")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the long form out of the short one, and give those that grow their time.

    Files that wait for other programs most of their time are spread among the others, so that a few are always
    waiting while other tests have the processors.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    waiting = [tests for tests in files.values() if any(each.get_closest_marker("waits") for each in tests)]
    busy = [tests for tests in files.values() if tests not in waiting]
    order = waiting[:_WAITING_AT_FIRST]
    for number, tests in enumerate(waiting[_WAITING_AT_FIRST:]):
        order += [*busy[number * _BUSY_BETWEEN : (number + 1) * _BUSY_BETWEEN], tests]
    items[:] = itertools.chain(*order, *busy[len(waiting[_WAITING_AT_FIRST:]) * _BUSY_BETWEEN :])
    for item in items:
        if item.get_closest_marker("long") and not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="part of the long form: --long"))
        if item.get_closest_marker("kills"):
            item.add_marker(pytest.mark.timeout(120 + 4 * config.getoption("--kills")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted or measured, also where they ran in a process of their own."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    lines = [
        f"{report.nodeid.rpartition('/')[2]}: {value}"
        for report in reports
        for name, value in report.user_properties
        if name == "measured"
    ]
    if lines:
        terminalreporter.section("measured")
        terminalreporter.write("".join(f"{line}\n" for line in lines))


_UMASK = os.umask(0)
os.umask(_UMASK)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a home of its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """Leave logging, the umask and the commands that are shown as they were at first: commands set them."""
    yield
    os.umask(_UMASK)
    invocation.name_folder(None)
    tear_down_logging()
    for noted in (shortcomings._noted, shortcomings._said, shortcomings._is_saying):
        noted.clear()
    logger = logging.getLogger(LOGGER_NAME)
    logger.setLevel(logging.NOTSET)
    logger.propagate = logging.raiseExceptions = True


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""

    def connect(sock: socket.socket, address: object) -> None:
        if sock.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
            try:
                is_here = ipaddress.ip_address(address[0]).is_loopback
            except ValueError:
                is_here = address[0] == "localhost"
            if not is_here:
                raise OSError(f"a test tried to connect to {address[0]}")
        _connect(sock, address)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    """Fail a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(3)
    names = [thread.name for thread in left if thread.is_alive()]
    assert not names, f"threads left running: {names}"
