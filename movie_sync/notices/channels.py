"""The ways to tell the user: his own command, notices through Apprise, the refresh of a media server."""

import dataclasses
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from movie_sync.credentials.manager import CHILD_SAYS_WHY, PACKAGE_PARENT, child_environment, without_secrets
from movie_sync.domain.events import Event, EventKind
from movie_sync.domain.notice_schedule import Schedule
from movie_sync.notices.channel import Channel, Task
from movie_sync.notices.event_codec import event_for_scripts
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Ended, Process
from movie_sync.notices.wording import notice_of
from movie_sync.ports import Clock

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
        return Task((event.id,), event_for_scripts(event)) if event else None

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
        if ended.code is None:
            self._succeed(f"took longer than {_PROCESS_SECONDS:g} seconds and was ended")
        elif ended.code:
            self._succeed(f"ended with code {ended.code}")
        else:
            self._succeed()


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

    def start(self, service: str, given: bytes) -> Process:
        """Start it with an order for a service; raises OSError."""
        return Process(
            self._words,
            given,
            environ=child_environment(self._environ, but=[service]),
            folder=PACKAGE_PARENT,
            seconds=_PROCESS_SECONDS,
            clock=self._clock,
            is_answering=True,
        )

    def carry_out(self, service: str, given: bytes) -> Ended:
        """Carry an order out and wait for the end, up to a minute; raises OSError."""
        process = self.start(service, given)
        while (ended := process.poll()) is None:
            process.wait(_PROCESS_SECONDS)
        return ended


class SenderChannel(Channel):
    """A channel whose events are told by our own process, many at once."""

    def __init__(
        self, name: str, what: str, schedule: Schedule, sender: Sender, outbox: EventOutbox, clock: Clock
    ) -> None:
        super().__init__(name, what, outbox, clock)
        self._schedule = schedule
        self._sender = sender

    def _is_due(self, *, in_hurry: bool) -> bool:
        span = self._outbox.span(self.name)
        if span is None:
            return False
        schedule = dataclasses.replace(self._schedule, gather_seconds=0) if in_hurry else self._schedule
        now, oldest, newest = (
            moment.astimezone().replace(tzinfo=None)
            for moment in (self._clock.now(), span.oldest, span.newest)
        )
        return schedule.is_due(now, oldest, newest)

    def _start(self, given: bytes) -> Process:
        return self._sender.start(self.name, given)

    def _take_end(self, ended: Ended) -> None:
        failure = what_failed(ended)
        if failure:
            self._fail(failure)
        else:
            self._succeed(f"did not reach everybody: {ended.answer}" if ended.answer else "")


class NoticeChannel(SenderChannel):
    """Notices through Apprise; what is due at the same time is one notice."""

    def __init__(
        self,
        kinds: Collection[EventKind],
        schedule: Schedule,
        sender: Sender,
        outbox: EventOutbox,
        clock: Clock,
    ) -> None:
        super().__init__("notices", "A notice", schedule, sender, outbox, clock)
        self._kinds = frozenset(kinds)

    def wants(self, event: Event) -> bool:
        """Return whether an event is for this channel."""
        return event.kind in self._kinds

    def _next(self, *, in_hurry: bool) -> Task | None:
        if not self._is_due(in_hurry=in_hurry):
            return None
        ids: list[str] = []

        def events() -> Iterator[Event]:
            for event in self._outbox.waiting(self.name):
                ids.append(event.id)
                yield event

        title, text = notice_of(events())
        return Task(ids, notice_order(title, text))


class RefreshChannel(SenderChannel):
    """Has a media server look for new films after a download; several downloads need one look."""

    def __init__(
        self,
        service: str,
        address: str,
        schedule: Schedule,
        sender: Sender,
        outbox: EventOutbox,
        clock: Clock,
    ) -> None:
        super().__init__(service, f"The refresh of {service.capitalize()}", schedule, sender, outbox, clock)
        self._address = address

    def wants(self, event: Event) -> bool:
        """Return whether an event is for this channel."""
        return event.kind is EventKind.DOWNLOADED

    def _next(self, *, in_hurry: bool) -> Task | None:
        if not self._is_due(in_hurry=in_hurry):
            return None
        ids = [event.id for event in self._outbox.waiting(self.name)]
        return Task(ids, refresh_order(self.name, self._address))


def what_failed(ended: Ended) -> str:
    """Say why our own process did not carry an order out; empty if it did."""
    if ended.code is None:
        return f"took longer than {_PROCESS_SECONDS:g} seconds"
    if ended.code == CHILD_SAYS_WHY:
        return f"failed: {ended.answer}"
    return f"failed: the process that does it ended with code {ended.code}" if ended.code else ""


def notice_order(title: str, text: str) -> bytes:
    """Return the order to send a notice, as the sending process reads it."""
    return json.dumps({"do": "notice", "title": title, "text": text}).encode()


def refresh_order(service: str, address: str) -> bytes:
    """Return the order to refresh a media server (`jellyfin` or `plex`)."""
    return json.dumps({"do": "refresh", "service": service, "address": address}).encode()
