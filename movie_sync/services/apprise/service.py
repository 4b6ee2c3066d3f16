"""Notices through Apprise: of what, when, and to which addresses."""

from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.credentials.fields import CredentialField
from movie_sync.domain.events import EventKind
from movie_sync.domain.notice_schedule import Schedule, read_span, read_time
from movie_sync.services.base import Form, Login, ToldService
from movie_sync.settings.section import Sections, setting, yes_or_no
from movie_sync.settings.values import list_of, number, one_of, or_null, time_of_day, time_span


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """What is sent, and when."""

    enabled: bool = yes_or_no(default=False)
    gather_seconds: float = setting(60, "a number of seconds from 0 to 3600", number(0, 3600))
    quiet_hours: str | None = setting(
        None, 'two times such as "22:00-08:00", or null for none', or_null(time_span)
    )
    digest_at: str | None = setting(None, 'a time such as "08:00", or null for none', or_null(time_of_day))
    kinds: tuple[str, ...] = setting(
        [str(kind) for kind in EventKind], f"a list of {', '.join(EventKind)}", list_of(one_of(*EventKind))
    )


class Notices(ToldService):
    """Any of the services that Apprise knows."""

    name = "notices"
    title = "notices"
    section = NoticeSettings
    is_private = True
    credentials = (CredentialField("urls", "MOVIE_SYNC_NOTICES_URLS", "addresses for notices", is_list=True),)
    what = "A notice"
    done = "a notice was sent"

    def is_used(self, config: Sections) -> bool:
        return config.section(NoticeSettings).enabled

    def kinds(self, config: Sections) -> frozenset[EventKind]:
        return frozenset(map(EventKind, config.section(NoticeSettings).kinds))

    def schedule(self, config: Sections) -> Schedule:
        settings = config.section(NoticeSettings)
        return Schedule(
            settings.gather_seconds,
            read_span(settings.quiet_hours) if settings.quiet_hours else None,
            read_time(settings.digest_at) if settings.digest_at else None,
        )

    def ask(self, form: Form) -> None:
        form.say("Notices go to Apprise addresses (such as ntfy://my-topic), several with blanks between.")
        if form.ask_credential("urls", "The addresses", is_needed=False):
            form.set("enabled", True)

    def tell(self, order: Mapping[str, str], login: Login) -> str:
        from movie_sync.services.apprise.client import send_notice

        return send_notice(login["urls"].split(), order["title"], order["text"])
