"""Forks the program out of a process that has imported it once: see `starts`.

Run as `python start_server.py DESCRIPTOR ROOT`, with the socket that the orders come by.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
from typing import Any

_UNUSUAL = ("movie_sync.web", "movie_sync.demo", "movie_sync.services.apprise", "movie_sync.__main__")


def _import_program() -> None:
    package = importlib.import_module("movie_sync")
    for module in pkgutil.walk_packages(package.__path__, "movie_sync.", onerror=lambda _name: None):
        if not module.name.startswith(_UNUSUAL):
            importlib.import_module(module.name)


def _serve(orders: socket.socket) -> None:
    """Fork whatever is ordered and report its pid and its exit code; return in each child."""
    ends: dict[int, tuple[int, int]] = {}
    while True:
        for ready in select.select([orders.fileno(), *ends], [], [])[0]:
            if ready in ends:
                pid, report = ends.pop(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(OSError):  # nobody wants to know any more
                    os.write(report, f"{code}\n".encode())
                os.close(ready)
                os.close(report)
                continue
            text, descriptors, _, _ = socket.recv_fds(orders, 1_000_000, 4)
            if not text:
                sys.exit()
            pid = os.fork()
            if pid == 0:
                _become(json.loads(text), descriptors[:3])
                return
            *streams, report = descriptors
            os.write(report, f"{pid}\n".encode())
            for descriptor in streams:
                os.close(descriptor)
            ends[os.pidfd_open(pid)] = pid, report


def _become(order: dict[str, Any], streams: list[int]) -> None:
    """Be what a start would have made: streams, environment, folder, arguments, and nothing else open."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    os.chdir(order["folder"])
    os.umask(order["umask"])
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    sys.argv = order["arguments"]
    sys.orig_argv = [sys.executable, *sys.argv]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        new = open(  # noqa: SIM115 - for the whole run
            number,
            "w" if number else "r",
            buffering=1 if name == "stderr" else -1,
            encoding=old.encoding,
            errors=old.errors,
            closefd=False,
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _run() -> None:
    """Run the program, and end as Python does but for taking all modules apart, which takes as long again."""
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as asked:
        code = asked.code
        if not isinstance(code, int):
            raise
    else:
        code = 0
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads that are left
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = 120
    os._exit(code)


if __name__ == "__main__":
    sys.path[0] = sys.argv[2]
    _import_program()
    gc.collect()
    gc.freeze()
    try:
        _serve(socket.socket(fileno=int(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    _run()
