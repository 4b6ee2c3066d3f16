"""Every error Movie Sync raises on purpose, split by what the caller does about it.

    MovieSyncError
    |-- UserError                 wrong input or settings: message, exit code 2
    |-- StorageError              a file could not be read or written; memory is as before
    |-- AuthError                 credentials were refused: stop calling until they change (or, where
    |                             that is not final, for as long as the error says)
    |-- TransientError            not the film's fault: wait, then go on
    |   |-- NetworkError          refused, reset, unknown host, broken TLS
    |   |   `-- SlowError         no complete answer within the time limit
    |   |-- UnavailableError      the service answers, but not with what it is for (5xx, maintenance)
    |   |   |-- TooLargeError     more than any answer of its kind may have
    |   |   `-- PagesMissingError Letterboxd has no page for several films in a row
    |   |-- RateLimitError        the service asks for fewer calls
    |   |   `-- BudgetError       our own call budget is spent for now
    |   |-- BlockedError          Letterboxd refuses automated access from here
    |   |-- PageChangedError      an answer that is not in the form we know
    |   |-- PrivateListError      the watchlist is private
    |   |-- NoSuchUserError       Letterboxd knows no such user
    |   |-- LibraryError          a film folder cannot be read (an unmounted disk)
    |   `-- CredentialsError      the credentials could not be decrypted now (no process, no memory)
    |-- NoRoomError               another torrent would be too many, or too much for the disk: wait
    `-- FilmError                 this film's own failure: counts as an attempt
        |-- NotAvailableError     no acceptable release on the tracker yet
        |   |-- BetterAwaitedError  an acceptable one is there, a better one is waited for
        |   `-- RefusedQueryError the tracker does not accept what is searched for
        |-- ReleaseError          the chosen torrent is gone, broken or refused by the client
        |-- NoLongerWantedError   it was taken out of the queue while it was in hand
        |-- UnclearFilmError      too little is known of it to tell it from others
        |   `-- UnansweredError   one of several trackers could not be asked, and no other has it
        |-- UnknownFilmError      Letterboxd has no page for it: a doubt, until it stays so
        `-- SeriesError           a series, not a film: set aside

`Stopped` is no error: it unwinds a worker that was asked to stop while it waited.
Messages are for people. They never hold a passkey, a password, a cookie or a URL with one.
"""

from datetime import datetime


class Stopped(BaseException):
    """Unwind the current operation: the program is shutting down."""


class MovieSyncError(Exception):
    """Base of all errors that Movie Sync raises on purpose."""


class UserError(MovieSyncError):
    """What the user gave cannot be used; the message says what to do instead."""


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
    """Something outside is not working now; wait and try again.

    `retry_after_seconds` is the wait that the service itself asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NetworkError(TransientError):
    """The service could not be reached."""


class SlowError(NetworkError):
    """No complete answer came within the time limit."""


class UnavailableError(TransientError):
    """The service answered, but is not working."""


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


class PrivateListError(TransientError):
    """The watchlist is private."""


class NoSuchUserError(TransientError):
    """Letterboxd knows no such user."""


class LibraryError(TransientError):
    """A film folder cannot be read, so what is in it is unknown."""


class CredentialsError(TransientError):
    """The credentials could not be read or decrypted now; nothing is known of what they are."""


class NoRoomError(MovieSyncError):
    """There is no room for another torrent now; `setting` names the limit that is reached."""

    def __init__(self, message: str, *, setting: str) -> None:
        super().__init__(message)
        self.setting = setting


class FilmError(MovieSyncError):
    """This film could not be had; it counts as one failed attempt for it."""


class NotAvailableError(FilmError):
    """The tracker has no acceptable release of this film yet."""


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
