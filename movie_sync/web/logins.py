"""Who may see the page: login addresses that work once, the password, and sessions of a week.

Of what lets somebody in only a hash is on the disk.
"""

import hashlib
import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from movie_sync.domain.times import format_time, parse_time
from movie_sync.errors import MovieSyncError, StorageError
from movie_sync.ports import Clock
from movie_sync.storage.atomic_file import delete_files
from movie_sync.storage.document import read_note, write_note
from movie_sync.storage.paths import AppPaths

SESSION = timedelta(days=7)
INVITATION = timedelta(minutes=10)
_TRIES, _TRIES_SECONDS = 5, 60.0
_MOST_SESSIONS = 100


class TooManyTriesError(MovieSyncError):
    """Too many wrong logins within a minute."""


def invite(paths: AppPaths, clock: Clock) -> str:
    """Return a token that lets its bearer in once, within ten minutes; an older one works no more."""
    token = secrets.token_urlsafe(24)
    told = {"hash": _hash(token), "until": format_time(clock.now() + INVITATION)}
    write_note(paths.page_login, told, clock)
    return token


class Logins:
    """Decides who is let in. Safe to use from several threads, in the one process of the page."""

    def __init__(self, paths: AppPaths, clock: Clock, password: Callable[[], str]) -> None:
        self._paths = paths
        self._clock = clock
        self._password = password
        self._door = threading.Lock()  # held while the password is looked up; sessions need not wait for it
        self._lock = threading.Lock()
        self._wrong: deque[float] = deque(maxlen=_TRIES)
        self._wrong_addresses: deque[float] = deque(maxlen=_TRIES)
        self._sessions = self._stored()

    def by_token(self, token: str) -> str:
        """Return a new session's cookie for a login address's token, or "" if that does not let in."""
        with self._door:
            told = read_note(self._paths.page_login)
            until = parse_time(told.get("until"))
            now = self._clock.now()
            is_right = hmac.compare_digest(_hash(token), str(told.get("hash", "")))
            if not is_right or until is None or not now <= until <= now + INVITATION:
                # Not before, and on their own: any site can have a browser ask for wrong ones, and who
                # has the right one, or the password, cannot be kept out by that.
                self._count(self._wrong_addresses)
                return ""
            delete_files(self._paths.page_login)
            return self._begun()

    def by_password(self, text: str) -> str:
        """Return a new session's cookie for the password, or "" if it is wrong or none is set."""
        with self._door:
            self._count(self._wrong)
            password = self._password()
            if not password or not hmac.compare_digest(_hash(text), _hash(password)):
                return ""
            self._wrong.pop()
            return self._begun()

    def is_in(self, cookie: str) -> bool:
        """Tell whether a cookie is that of a session that has not ended."""
        if not cookie:
            return False
        with self._lock:
            until = parse_time(self._sessions.get(_hash(cookie)))
            now = self._clock.now()
            return until is not None and now < until <= now + SESSION

    def end(self, cookie: str) -> None:
        """End a session for good."""
        with self._lock:
            if self._sessions.pop(_hash(cookie), None):
                self._keep()

    def end_others(self, cookie: str) -> None:
        """End every session but one, as after a change of the password."""
        with self._lock:
            kept = _hash(cookie)
            self._sessions = {key: until for key, until in self._sessions.items() if key == kept}
            self._keep()

    def _count(self, tries: deque[float]) -> None:
        now = self._clock.monotonic()
        if len(tries) == _TRIES and now - tries[0] < _TRIES_SECONDS:
            raise TooManyTriesError("Too many logins failed. Wait a minute, then try again.")
        tries.append(now)

    def _begun(self) -> str:
        cookie = secrets.token_urlsafe(32)
        now = self._clock.now()
        with self._lock:
            alive = [
                (key, until) for key, until in self._sessions.items() if (parse_time(until) or now) > now
            ]
            self._sessions = dict(alive[-_MOST_SESSIONS + 1 :])
            self._sessions[_hash(cookie)] = format_time(now + SESSION)
            self._keep()
        return cookie

    def _keep(self) -> None:
        try:
            write_note(self._paths.page_sessions, dict(self._sessions), self._clock)
        except StorageError:  # a disk may be full; what has ended must not be there again after a restart
            delete_files(self._paths.page_sessions)

    def _stored(self) -> dict[str, str]:
        return {str(key): str(until) for key, until in read_note(self._paths.page_sessions).items()}


def change_token(cookie: str) -> str:
    """Return the token that a session shows with every change: nobody without its cookie can know it."""
    return hmac.new(cookie.encode(), b"change", hashlib.sha256).hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
