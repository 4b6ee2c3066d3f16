"""The ways to tell the user: his own command, notices through Apprise, the refresh of a media server."""

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from movie_sync.credentials.manager import CHILD_SAYS_WHY, PACKAGE_PARENT, child_environment, without_secrets
from movie_sync.domain.events import Event
from movie_sync.notices.channel import Channel, Task
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Ended, Process
from movie_sync.notices.wording import WordedEvent, notice_of
from movie_sync.ports import Clock
from movie_sync.services.base import ToldService
from movie_sync.settings.section import Sections

CHILD_MODULE = "movie_sync.notices.child"
_PROCESS_SECONDS = 60.0


class CommandChannel(Channel):
    """Runs the user's command with one event after the other; each end of it counts as told.

    `umask` is the command's, since what it makes is the user's; -1 is that of this process.
    """

    def __init__(
        self,
        words: Sequence[str],
        outbox: EventOutbox,
        clock: Clock,
        environ: Mapping[str, str] = os.environ,
        *,
        umask: int = -1,
    ) -> None:
        super().__init__("command", f"The on_event command{_program(words[0])}", outbox, clock)
        self._words = words
        self._environ = without_secrets(environ)
        self._umask = umask

    def wants(self, event: Event) -> bool:  # noqa: ARG002 - every one
        """Return whether an event is for this channel."""
        return True

    def _next(self, *, in_hurry: bool) -> Task | None:  # noqa: ARG002 - it never waits for more
        event = next(self._outbox.waiting(self.name), None)
        return Task((event.id,), event.for_scripts()) if event else None

    def _start(self, given: bytes) -> Process:
        return Process(
            self._words,
            given,
            environ=self._environ,
            seconds=_PROCESS_SECONDS,
            clock=self._clock,
            umask=self._umask,
        )

    def _take_end(self, ended: Ended) -> None:
        complaint = f"ended with code {ended.code}" if ended.code else ""
        if ended.code is None:
            complaint = f"took longer than {_PROCESS_SECONDS:g} seconds and was ended"
        self._succeed(complaint)


def _program(word: str) -> str:
    """Return how a command's first word is named: not at all where it is no program's name or path.

    A secret may stand there, as in a web hook's address or a setting of the environment.
    """
    return "" if "://" in word or "=" in word else f" {Path(word).name}"


class Sender:
    """Starts the process that reads the secrets and speaks to services, outside the daemon's memory."""

    def __init__(
        self, credentials: Path, key_file: Path, clock: Clock, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._words = [sys.executable, "-P", "-m", CHILD_MODULE, str(credentials), str(key_file)]
        self._clock = clock
        self._environ = environ

    def start(self, service: ToldService, given: bytes) -> Process:
        """Start it with an order for a service; raises OSError."""
        return Process(
            self._words,
            given,
            environ=child_environment(self._environ, but=service.credentials),
            folder=PACKAGE_PARENT,
            seconds=_PROCESS_SECONDS,
            clock=self._clock,
            is_answering=True,
        )

    def carry_out(self, service: ToldService, given: bytes) -> Ended:
        """Carry an order out and wait for the end, up to a minute; raises OSError."""
        process = self.start(service, given)
        while (ended := process.poll()) is None:
            process.wait(_PROCESS_SECONDS)
        return ended


class ServiceChannel(Channel):
    """A service that our own process tells; what is due at the same time is told at once."""

    def __init__(
        self, service: ToldService, config: Sections, sender: Sender, outbox: EventOutbox, clock: Clock
    ) -> None:
        super().__init__(service.name, service.what, outbox, clock)
        self._service = service
        self._kinds = service.kinds(config)
        self._schedule = service.schedule(config)
        self._order = service.order(config)
        self._sender = sender

    def wants(self, event: Event) -> bool:
        """Return whether an event is for this channel."""
        return event.kind in self._kinds

    def _is_due(self, *, in_hurry: bool) -> bool:
        span = self._outbox.span(self.name)
        if span is None:
            return False
        schedule = dataclasses.replace(self._schedule, gather_seconds=0) if in_hurry else self._schedule
        now, oldest, newest = (
            moment.astimezone().replace(tzinfo=None) for moment in (self._clock.now(), *span)
        )
        return schedule.is_due(now, oldest, newest)

    def _next(self, *, in_hurry: bool) -> Task | None:
        if not self._is_due(in_hurry=in_hurry):
            return None
        ids: list[str] = []

        def events() -> Iterator[WordedEvent]:
            for event in self._outbox.waiting(self.name):
                ids.append(event.id)
                yield event

        title, text = notice_of(events())
        return Task(ids, order_of(self.name, self._order, title, text))

    def _start(self, given: bytes) -> Process:
        return self._sender.start(self._service, given)

    def _take_end(self, ended: Ended) -> None:
        failure = what_failed(ended)
        if failure:
            self._fail(failure)
        else:
            self._succeed(f"did not reach everybody: {ended.answer}" if ended.answer else "")


def what_failed(ended: Ended) -> str:
    """Say why our own process did not carry an order out; empty if it did."""
    if ended.code is None:
        return f"took longer than {_PROCESS_SECONDS:g} seconds"
    if ended.code == CHILD_SAYS_WHY:
        return f"failed: {ended.answer}"
    return f"failed: the process that does it ended with code {ended.code}" if ended.code else ""


def order_of(service: str, order: Mapping[str, str], title: str, text: str) -> bytes:
    """Return the order to tell a service, as the sending process reads it."""
    return json.dumps({**order, "service": service, "title": title, "text": text}).encode()
