"""Answers `health` from memory, so that being asked, and having nothing to do, leaves the disk asleep."""

import contextlib
import json
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from movie_sync.daemon.worker import Worker
from movie_sync.ports import Clock
from movie_sync.reports.daemon_state import activity_words
from movie_sync.storage.local_socket import is_own, listening_at

_log = logging.getLogger(__name__)

_MOST_WAITING = 16


class Heartbeat:
    """A socket in the data folder that tells whoever connects how long ago each worker made progress.

    Where it can't be made, nobody is answered. For one thread, the main one: that it answers tells that it
    lives.
    """

    def __init__(self, path: Path, workers: Sequence[Worker], clock: Clock) -> None:
        self._path = path
        self._workers = workers
        self._clock = clock
        self._socket: socket.socket | None = None
        self._file: os.stat_result | None = None

    def open(self) -> None:
        """Begin to listen. For the holder of the instance lock: what a killed daemon left is replaced."""
        try:
            self._socket = listening_at(self._path, _MOST_WAITING)
        except OSError as exc:
            _log.debug(
                "Couldn't create %s, so `health` only knows that Movie Sync is running: %s", self._path, exc
            )
        else:
            self._socket.setblocking(False)
            with contextlib.suppress(FileNotFoundError):  # it may have a name apart from files
                self._file = self._path.lstat()

    def tick(self) -> None:
        """Answer those who asked. To be called about once a second."""
        if self._socket is None:
            return
        if self._file and not self._is_still_there(self._file):  # deleted, or its disk was away
            self._socket.close()
            self._file = None
            self.open()
        with contextlib.suppress(OSError):  # nobody asks, or whoever did has gone
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    connection.setblocking(False)
                    if is_own(connection):
                        connection.sendall(json.dumps(self.beat()).encode())

    def close(self) -> None:
        """Stop listening; without effect if it does not."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _is_still_there(self, file: os.stat_result) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(file, self._path.lstat())
        return not os.access(self._path.parent, os.W_OK)  # while that is away nothing can be made there

    def beat(self) -> dict[str, object]:
        """Return what is answered, for `reports.health` to judge."""
        now, since = self._clock.now(), self._clock.monotonic()
        workers = {
            worker.name: {"moved": since - worker.moved_at, "does": activity_words(worker.activity, now)}
            for worker in self._workers
        }
        return {"pid": os.getpid(), "workers": workers}
