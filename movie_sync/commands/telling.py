"""What tells the user, built from the settings."""

import contextlib
from dataclasses import replace

from movie_sync.commands.context import Context
from movie_sync.commands.kept import Kept
from movie_sync.domain.events import EventKind
from movie_sync.domain.path_map import on_this_machine
from movie_sync.errors import StorageError
from movie_sync.invocation import command_line
from movie_sync.notices.channels import Announcer, Channel, CommandChannel, CommandSettings, ServiceChannel
from movie_sync.notices.outbox import EventOutbox
from movie_sync.notices.process import Sender
from movie_sync.services import registry
from movie_sync.services.base import Subscription, ToldService
from movie_sync.settings.keys import GeneralSettings
from movie_sync.shelf.settings import ShelfSettings
from movie_sync.storage.atomic_file import delete_files
from movie_sync.storage.paths import default_key_file


def kept_announcer(context: Context, kept: Kept) -> Announcer:
    """Return what tells the user: the one that does it already, unless its settings are different now."""
    config = context.config
    told = [(service.name, told) for service, told in used_services(context)]
    settings = config.section(CommandSettings), told, config.section(GeneralSettings).path_map

    def make(before: Announcer | None) -> Announcer:
        if before is not None:
            before.close()
        return build_announcer(context, before.outbox if before else None)

    return kept.part("announcer", settings, make)


def build_announcer(context: Context, outbox: EventOutbox | None = None) -> Announcer:
    """Return what tells the user; it tells nothing in a dry run, or where nothing is configured.

    The `outbox` is the one that is in use, if there is one.
    """
    clock = context.clock
    command = context.config.section(CommandSettings).on_event
    services = used_services(context)
    names = [*(["command"] if command else []), *(service.name for service, _ in services)]
    if context.options.dry_run:
        return Announcer(None, [], clock)
    if not names:
        with contextlib.suppress(StorageError):
            delete_files(context.paths.events)  # so that turning something on later sends no old news
        return Announcer(None, [], clock)
    if outbox is None:
        outbox = EventOutbox(context.paths.events, clock, keep=names)
    else:
        outbox.keep_only(names)
    sender = build_sender(context)
    channels: list[Channel] = []
    if command:
        channels.append(CommandChannel(outbox, clock, command, context.environ, umask=context.options.umask))
    channels += [ServiceChannel(outbox, clock, service, told, sender) for service, told in services]
    pairs = context.config.section(GeneralSettings).path_map
    return Announcer(
        outbox,
        channels,
        clock,
        clean=context.redactor.clean,
        here=lambda path: on_this_machine(path, pairs),
    )


def used_services(context: Context) -> list[tuple[ToldService, Subscription]]:
    """Return the services that are told of events, with what they are told."""
    services = registry.of_kind(ToldService).values()
    used = [(each, told) for each in services if (told := each.subscription(context.config))]
    if context.config.section(ShelfSettings).folder is None:
        return used
    on_shelf = frozenset({EventKind.SHELVED})  # before it is there, a media server would find nothing new
    return [(each, replace(told, kinds=on_shelf) if each.looks_for_films else told) for each, told in used]


def build_sender(context: Context) -> Sender:
    """Return what starts the process that speaks to the services."""
    for service in registry.of_kind(ToldService).values():  # the stored ones never come into this process
        for field in service.credentials:
            context.redactor.learn(context.environ.get(field.variable, "").split())
    key_file = default_key_file(context.environ, context.paths.root)
    return Sender(
        context.paths.credentials,
        key_file.absolute(),
        context.clock,
        context.environ,
        context.destinations(),
        command_line("setup", ToldService.block),
    )
