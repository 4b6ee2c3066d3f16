"""The page's process: uvicorn on a socket that is open already, ended in order by a signal."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from movie_sync.commands.context import Context
from movie_sync.web.app import build

_LAST_SECONDS = 1  # open streams of events would keep it for ever
_MOST_AT_ONCE = 200
_PATIENCE_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Connection(H11Protocol):
    """Hangs up on who neither sends a request nor reads an answer: enough of them would keep others out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(_PATIENCE_SECONDS, self._look, (None, 0))

    def _look(self, before: tuple[object, int]) -> None:
        if self.transport.is_closing():
            return
        stands = self.cycle, self.transport.get_write_buffer_size()
        is_answering = self.cycle is not None and not self.cycle.response_complete and not stands[1]
        if stands == before and not is_answering:
            self.transport.abort()
        else:
            self.loop.call_later(_PATIENCE_SECONDS, self._look, stands)


class _Server(uvicorn.Server):
    """Ends on a signal without raising it again, so that the exit code is 0.

    A thread that waits for a service does not keep it: what is written is whole at any moment.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        def end(_number: int, _frame: FrameType | None) -> None:
            last = threading.Timer(_LAST_SECONDS + 0.5, os._exit, (0,))
            last.daemon = True
            last.start()
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {number: signal.signal(number, end) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(context: Context, host: str, port: int, listener: socket.socket) -> None:
    """Answer on `listener` until a signal comes."""
    for name in ("uvicorn.error", "asyncio"):  # the guard says what fails, in words
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    app = build(context, host, port)
    config = uvicorn.Config(
        app,
        http=_Connection,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST_SECONDS,
        limit_concurrency=_MOST_AT_ONCE,
    )
    try:
        _Server(config).run(sockets=[listener])
    finally:
        app.state.posters.end()
