"""Builds what tells the user, from settings and credentials."""

import contextlib

from movie_sync.commands.context import Context
from movie_sync.credentials.manager import VARIABLES
from movie_sync.domain.events import EventKind
from movie_sync.domain.notice_schedule import Schedule, read_span, read_time
from movie_sync.errors import StorageError
from movie_sync.notices.announcer import Announcer
from movie_sync.notices.channel import Channel
from movie_sync.notices.channels import CommandChannel, NoticeChannel, RefreshChannel, Sender
from movie_sync.notices.outbox import EventOutbox
from movie_sync.storage.atomic_file import delete_file
from movie_sync.storage.paths import default_key_file

MEDIA_SERVERS = ("jellyfin", "plex")
_REFRESH_GATHER_SECONDS = 30.0


def build_announcer(context: Context) -> Announcer:
    """Return what tells the user; it tells nothing in a dry run, or where nothing is configured.

    Raises:
        StorageError: the file of what is still to be told cannot be used.
        UserError: the key file would lie in the data folder.
    """
    config, clock = context.config, context.clock
    servers = [service for service in MEDIA_SERVERS if config[service]["url"]]
    names = [*(["command"] if config["on_event"] else []), *servers]
    if config["notices"]["enabled"]:
        names.append("notices")
    if context.options.dry_run:
        return Announcer(None, [], clock)
    if not names:
        with contextlib.suppress(StorageError):
            delete_file(context.paths.events)  # else old news is told once something is turned on
        return Announcer(None, [], clock)
    outbox = EventOutbox(context.paths.events, clock, keep=names)
    sender = build_sender(context)
    channels: list[Channel] = []
    if config["on_event"]:
        channels.append(
            CommandChannel(config["on_event"], outbox, clock, context.environ, umask=context.options.umask)
        )
    if config["notices"]["enabled"]:
        channels.append(_notices(context, sender, outbox))
    for service in servers:
        schedule = Schedule(_REFRESH_GATHER_SECONDS)
        channels.append(RefreshChannel(service, config[service]["url"], schedule, sender, outbox, clock))
    return Announcer(outbox, channels, clock, clean=context.redactor.clean)


def build_sender(context: Context) -> Sender:
    """Return what starts the process that speaks to the services.

    Raises:
        UserError: the key file would lie in the data folder.
    """
    for service in ("notices", *MEDIA_SERVERS):  # the stored ones never come into this process
        for variable in VARIABLES[service].values():
            context.redactor.learn(context.environ.get(variable, "").split())
    key_file = default_key_file(context.environ, context.paths.root)
    return Sender(context.paths.credentials, key_file.absolute(), context.clock, context.environ)


def _notices(context: Context, sender: Sender, outbox: EventOutbox) -> NoticeChannel:
    section = context.config["notices"]
    schedule = Schedule(
        section["gather_seconds"],
        read_span(section["quiet_hours"]) if section["quiet_hours"] else None,
        read_time(section["digest_at"]) if section["digest_at"] else None,
    )
    kinds = [EventKind(kind) for kind in section["kinds"]]
    return NoticeChannel(kinds, schedule, sender, outbox, context.clock)
