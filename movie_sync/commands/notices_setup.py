"""Builds what tells the user, from settings and credentials."""

import contextlib

from movie_sync.commands.context import Context
from movie_sync.errors import StorageError
from movie_sync.notices.announcer import Announcer
from movie_sync.notices.channels import Channel, CommandChannel, CommandSettings, ServiceChannel
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Sender
from movie_sync.services import registry
from movie_sync.services.base import ToldService
from movie_sync.storage.atomic_file import delete_files
from movie_sync.storage.paths import default_key_file


def build_announcer(context: Context) -> Announcer:
    """Return what tells the user; it tells nothing in a dry run, or where nothing is configured."""
    config, clock = context.config, context.clock
    command = config.section(CommandSettings).on_event
    services = used_services(context)
    names = [*(["command"] if command else []), *(service.name for service in services)]
    if context.options.dry_run:
        return Announcer(None, [], clock)
    if not names:
        with contextlib.suppress(StorageError):
            delete_files(context.paths.events)  # else old news is told once something is turned on
        return Announcer(None, [], clock)
    outbox = EventOutbox(context.paths.events, clock, keep=names)
    sender = build_sender(context)
    channels: list[Channel] = []
    if command:
        channels.append(CommandChannel(command, outbox, clock, context.environ, umask=context.options.umask))
    channels += [ServiceChannel(service, config, sender, outbox, clock) for service in services]
    return Announcer(outbox, channels, clock, clean=context.redactor.clean)


def used_services(context: Context) -> list[ToldService]:
    """Return the services that are told of events."""
    services = registry.of_kind(ToldService).values()
    return [service for service in services if service.is_used(context.config)]


def build_sender(context: Context) -> Sender:
    """Return what starts the process that speaks to the services."""
    for service in registry.of_kind(ToldService).values():  # the stored ones never come into this process
        for field in service.credentials:
            context.redactor.learn(context.environ.get(field.variable, "").split())
    key_file = default_key_file(context.environ, context.paths.root)
    return Sender(context.paths.credentials, key_file.absolute(), context.clock, context.environ)
