"""The services as the download worker reaches them, and what a refused login means."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from movie_sync.domain.events import CredentialsRefused, Event
from movie_sync.errors import AuthError, UserError
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.notices.wording import text_of
from movie_sync.ports import Clock, FollowedClient

_log = logging.getLogger(__name__)

_OWN_FAULT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Session:
    """What films are worked on with; `client` only if it tells how far its torrents are.

    `client_service` is the torrent client as `AuthError.service` names it. `held_back` is why others than it
    and the trackers get none of their secrets, in words.
    """

    downloader: FileListDownloader
    client: FollowedClient | None = None
    client_service: str = ""
    held_back: tuple[str, ...] = ()


@dataclass(eq=False, repr=False)
class Sessions:
    """Connects with the credentials as they are now. For one thread.

    After a refusal it does not until they change, or the refusal may be over: to ask again would lock
    the user out. `connect` makes a session, `signature` changes when the credentials do.
    """

    connect: Callable[[], Session]
    signature: Callable[[], object]
    clock: Clock
    tell: Callable[[Event], None]
    connects: int = field(default=0, init=False)
    """How often it has connected: with a new session another try does no harm."""
    is_refused: bool = field(default=False, init=False)
    """Whether a service refused its credentials, so that no film can be worked on."""
    was_refused: bool = field(default=False, init=False)
    """Whether a service refused its credentials at any time, also while torrents were looked at."""
    refusal: str = field(default="", init=False)
    _session: Session | None = field(default=None, init=False)
    _used_signature: object = field(default=None, init=False)
    _may_be_over_at: float = field(default=math.inf, init=False)
    _said: str = field(default="", init=False)

    def get(self) -> Session:
        """Return the session, made anew if the credentials changed.

        Raises UserError, AuthError, TransientError, StorageError: there is none to be had.
        """
        signature = self.signature()
        if self._session is None or signature != self._used_signature:
            if signature != self._used_signature:
                self._said = ""
            self._used_signature, self._session = signature, None
            self._session = self.connect()
            self.connects += 1
            self.is_refused = False
        return self._session

    @property
    def tracker_troubles(self) -> tuple[str, ...]:
        """Why some of several trackers could not be asked the last time, in words; for any thread."""
        session = self._session
        return session.downloader.trackers.troubles if session else ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """Which credentials are refused now, in words; for any thread."""
        session = self._session
        found = [self.refusal] if self.is_refused else []
        if session:
            found += [*session.downloader.trackers.refusals, *session.held_back]
            found += [session.downloader.pages.refusal]
        return tuple(dict.fromkeys(filter(None, found)))

    def client(self, *, may_connect: bool) -> FollowedClient | None:
        """Return the torrent client to look at; None if none can be; raises as `get`."""
        return self.get().client if may_connect or self._session else None

    def look_at_refusal(self) -> None:
        """Note whether another try is safe, because the credentials changed or the wait is over."""
        self.is_refused = (
            self.is_refused
            and self.clock.monotonic() < self._may_be_over_at
            and self.signature() == self._used_signature
        )

    def note_refusal(self, exc: AuthError | UserError) -> None:
        """Take in what refused the credentials, or what of them cannot be used; it is said and told once."""
        self.is_refused = self.was_refused = True
        self.refusal = str(exc)
        if isinstance(exc, AuthError) and self._session and exc.service == self._session.client_service:
            self._session = None  # what is refused by a tracker keeps nobody from following torrents
        # Faults on this machine, not of a service, may be retried: they can't cause a lockout.
        seconds = exc.retry_after_seconds if isinstance(exc, AuthError) else _OWN_FAULT_SECONDS
        self._may_be_over_at = math.inf if seconds is None else self.clock.monotonic() + seconds
        if self.refusal == self._said:
            return
        self._said = self.refusal
        service = exc.service if isinstance(exc, AuthError) else "credentials"
        refusal = CredentialsRefused(self.clock.now(), service, self.refusal, seconds)
        _log.error("%s", text_of(refusal))
        self.tell(refusal)

    def note_accepted(self) -> None:
        """The credentials work: the next refusal is said again."""
        self._said = ""
