"""Every error Movie Sync raises on purpose, split by what the caller does about it.

`Stopped` is no error: it unwinds a worker that was asked to stop while it waited.
Messages are for people. They never hold a passkey, a password, a cookie or a URL with one.
"""

from datetime import datetime


class Stopped(BaseException):
    """Unwind the current operation: the program is shutting down."""


class MovieSyncError(Exception):
    """Base of all errors that Movie Sync raises on purpose."""


class UserError(MovieSyncError):
    """Input or settings cannot be used; the message says what to do instead. Exit code 2."""


class StorageError(MovieSyncError):
    """A file could not be read or written; what memory holds is as before.

    `errno` is the system's number for why (`ENOSPC`: the disk is full), where the system refused.
    """

    def __init__(self, message: str, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno


class AuthError(MovieSyncError):
    """A service refused the credentials; do not call it again until they change.

    With `retry_after_seconds` the refusal may end by itself, and one more try does no harm then.
    """

    def __init__(self, message: str, *, service: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.service = service
        self.retry_after_seconds = retry_after_seconds


class TransientError(MovieSyncError):
    """Something outside is not working now, which is not the film's fault; wait and try again.

    `retry_after_seconds` is the wait that the service itself asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NetworkError(TransientError):
    """The service could not be reached: refused, reset, unknown host, broken TLS."""


class SlowError(NetworkError):
    """No complete answer came within the time limit."""


class UnavailableError(TransientError):
    """The service answers, but not with what it is for (5xx, maintenance)."""


class TooLargeError(UnavailableError):
    """The answer is larger than any of its kind may be; it was not read to its end."""


class PagesMissingError(UnavailableError):
    """Letterboxd has no page for several films in a row that its lists name."""


class RateLimitError(TransientError):
    """The service asks for fewer calls."""


class BudgetError(RateLimitError):
    """Our own call budget is spent; `retry_after_seconds` tells when a call is free again."""


class BlockedError(TransientError):
    """Letterboxd refuses automated access from here; Movie Sync does not work round that."""


class PageChangedError(TransientError):
    """An answer is not in the form we know, so nothing is concluded from it."""


class NoListError(TransientError):
    """The watchlist is private, or Letterboxd knows no such user."""


class PrivateListError(NoListError):
    """The watchlist is private; its owner can read it from the account's export."""


class LibraryError(TransientError):
    """A film folder cannot be read (an unmounted disk), so what is in it is unknown."""


class CredentialsError(TransientError):
    """The credentials could not be read or decrypted now (no process, no memory); they are unknown."""


class NoRoomError(MovieSyncError):
    """Another torrent would be too many, or too much for the disk; `setting` names the limit reached."""

    def __init__(self, message: str, *, setting: str) -> None:
        super().__init__(message)
        self.setting = setting


class FilmTooLargeError(NoRoomError):
    """This film's release of that size has no room, though others may; the message goes without its name."""

    def __init__(self, message: str, *, setting: str, size_bytes: int) -> None:
        super().__init__(message, setting=setting)
        self.size_bytes = size_bytes


class FilmError(MovieSyncError):
    """This film could not be had; it counts as one failed attempt for it."""


class NotAvailableError(FilmError):
    """The tracker has no acceptable release of this film yet."""


class NoneAcceptableError(NotAvailableError):
    """There are releases of this film, and none may be taken."""


class BetterAwaitedError(NotAvailableError):
    """An acceptable release is there `since` some time; until `until` a better one is waited for."""

    def __init__(self, message: str, *, since: datetime, until: datetime) -> None:
        super().__init__(message)
        self.since = since
        self.until = until


class RefusedQueryError(NotAvailableError):
    """The tracker does not accept what it was searched for; another search may do."""


class ReleaseError(FilmError):
    """The chosen release is gone, is no torrent, or the client refused it."""


class NoLongerWantedError(FilmError):
    """The film was taken out of the queue while it was in hand."""


class UnclearFilmError(FilmError):
    """Too little is known of the film to tell it from others."""


class UnansweredError(UnclearFilmError):
    """One of several trackers could not be asked, and no other has an acceptable release."""


class UnknownFilmError(FilmError):
    """Letterboxd has no page for the film; while a list names it, that is a doubt."""


class SeriesError(FilmError):
    """A series, not a film; it is set aside."""
