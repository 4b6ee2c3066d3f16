"""Notices through Apprise: of what, when, and to which addresses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from movie_sync.credentials.manager import CredentialField
from movie_sync.domain.events import EventKind
from movie_sync.domain.notice_schedule import Schedule, read_span, read_time
from movie_sync.errors import UnavailableError, UserError
from movie_sync.services.base import Login, Subscription, ToldService
from movie_sync.services.form import Form
from movie_sync.settings.section import Sections, setting, yes_or_no
from movie_sync.settings.values import list_of, number, one_of, or_null, time_of_day, time_span

_PARAMETER = re.compile(r"[?&;]([^=?&;]*)=\s*([^&;]*)")
_FILE_NAME, _FILE = re.compile(r"file|template", re.IGNORECASE), re.compile(r"[/~.\\]|file:", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,15})://", re.IGNORECASE)


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
        [str(kind) for kind in EventKind if kind is not EventKind.SHELVED],  # a download is told already
        f"a list of {', '.join(EventKind)}",
        list_of(one_of(*EventKind)),
    )


class Notices(ToldService):
    """Any of the services that Apprise knows."""

    name = "notices"
    title = "notifications"
    section = NoticeSettings
    is_private = True
    credentials = (
        CredentialField("urls", "MOVIE_SYNC_NOTICES_URLS", "notification addresses", is_list=True),
    )
    what = "A notice"
    done = "a test notification was sent"

    def subscription(self, config: Sections) -> Subscription | None:
        settings = config.section(NoticeSettings)
        if not settings.enabled:
            return None
        schedule = Schedule(
            settings.gather_seconds,
            read_span(settings.quiet_hours) if settings.quiet_hours else None,
            read_time(settings.digest_at) if settings.digest_at else None,
        )
        return Subscription(frozenset(map(EventKind, settings.kinds)), schedule)

    def names_files(self, login: Login) -> bool:
        """Tell whether an address has Apprise read a file, such as a template, which it would send away."""
        text, plain = "", login.get("urls", "")
        while text != plain:
            text, plain = plain, unquote(plain)
        return any(_FILE_NAME.search(name) or _FILE.match(value) for name, value in _PARAMETER.findall(text))

    def ask(self, form: Form) -> None:
        form.say("Notifications go to Apprise addresses such as ntfy://my-topic; separate them by spaces.")
        if form.ask_credential("urls", "Addresses (Enter for none)", is_needed=False):
            form.set("enabled", True)

    def tell(self, order: Mapping[str, str], login: Login) -> str:
        """Send to every address. They hold secrets: a message names one by its number and known kind."""
        try:
            import apprise
        except ImportError:
            raise UserError(
                "the package `apprise` is missing. Install it where Movie Sync is installed: "
                "pip install 'apprise>=1.9'"
            ) from None
        addresses = login["urls"].split()
        asset = apprise.AppriseAsset(app_id="Movie Sync", app_desc="Movie Sync")
        unknown, failed = [], []
        for place, address in enumerate(addresses, 1):
            service = apprise.Apprise(asset=asset)
            if not service.add(address):
                unknown.append(f"address {place}")  # what stands first in it may be anything
            elif not service.notify(title=order["title"], body=order["text"]):
                scheme = _SCHEME.match(address)
                failed.append(f"address {place} ({scheme[1]})" if scheme else f"address {place}")
        words = []
        if unknown:
            words.append(f"Apprise doesn't understand {', '.join(unknown)}; run `setup` to enter it again")
        if failed:
            words.append(f"{', '.join(failed)} didn't accept it")
        if len(unknown) == len(addresses):
            raise UserError(words[0])
        if len(unknown) + len(failed) == len(addresses):
            raise UnavailableError("; ".join(words))
        return "; ".join(words)
