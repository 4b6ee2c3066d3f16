"""What media servers have in common: an address, a token, and one request to look for new films."""

from collections.abc import Mapping
from dataclasses import dataclass

from movie_sync.domain.events import EventKind
from movie_sync.domain.notice_schedule import Schedule
from movie_sync.errors import AuthError, NetworkError, UnavailableError
from movie_sync.services.base import Login, Subscription, ToldService
from movie_sync.services.form import NONE, Form, address_here
from movie_sync.settings.section import Sections, address_or_none

_TIMEOUT_SECONDS = 15.0
_GATHER_SECONDS = 30.0
_REFUSED = {401, 403}
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where it is; each server has a section of this form."""

    url: str | None = address_or_none()


class MediaServer(ToldService):
    """Has a media server look for new films after a download; several downloads need one look.

    It is asked by `method` at `path`, and answers before its look ends. `header` is the name of what
    shows the token, and its text around it.
    """

    section: type[ServerSettings]
    is_private = True
    done = "looks for new films"
    looks_for_films = True
    method: str
    path: str
    header: tuple[str, str]

    def subscription(self, config: Sections) -> Subscription | None:
        address = config.section(self.section).url
        if address is None:
            return None
        kinds = frozenset({EventKind.DOWNLOADED, EventKind.UPGRADED})
        return Subscription(kinds, Schedule(_GATHER_SECONDS), {"address": address})

    def ask(self, form: Form) -> None:
        present = form.config.section(self.section).url or ""
        address = form.ask(
            f"{self.title}'s address ({NONE if present else 'Enter'} for none)",
            present,
            lambda text: text if text == NONE else address_here(text),
            "Enter an address such as http://localhost:8096.",
            is_needed=False,
        )
        if address is not None:
            form.set_address(None if address == NONE else address, present)
        if (address or present or NONE) != NONE:
            form.ask_credential("token", f"{self.title}'s token", is_needed=False)

    def tell(self, order: Mapping[str, str], login: Login) -> str:
        """Have it look. A redirect is not followed: the token stays here."""
        import requests

        from movie_sync.net.http import build_session

        address, token = order["address"], login["token"]
        header, shown = self.header
        if not (token.isascii() and token.isprintable()) or '"' in token:
            raise AuthError(
                f"{self.title}'s token contains invalid characters. Run `setup` to enter it again.",
                service=self.title,
            )
        with build_session() as session:
            try:
                with session.request(
                    self.method,
                    address + self.path,
                    headers={header: shown.format(token)},
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                    stream=True,  # whatever it answers, only the status is read
                ) as answer:
                    status = answer.status_code
            except (requests.RequestException, OSError, ValueError) as exc:
                raise NetworkError(
                    f"{self.title} at {address} couldn't be reached ({type(exc).__name__}). "
                    "Check that it's running."
                ) from None
        if status in _REFUSED:
            raise AuthError(
                f"{self.title} rejected the token. Run `setup` to enter a new one.", service=self.title
            )
        if status not in _GOOD:
            raise UnavailableError(
                f"{self.title} at {address} answered with status {status}. Check its address."
            )
        return ""
