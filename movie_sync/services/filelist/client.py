"""FileList's API: searches, and the `.torrent` of a release.

Two addresses below the configured base are used, both with GET: `api.php` with Basic
authentication, which keeps the passkey out of addresses and logs, and `download.php`, which takes
it in the query only. Every call is counted in the budget before it is made.

The tracker reports errors by status and by `{"error": "text"}`, and when it is not itself by a page
of HTML with any status. So the words of its API decide first, then the status, then the form.
"""

import logging
import re

from movie_sync.domain.json_text import parse_json, part_count
from movie_sync.domain.models import Release, ReleaseId, TorrentFile
from movie_sync.domain.plain_text import printable
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import (
    AuthError,
    MovieSyncError,
    PageChangedError,
    RateLimitError,
    RefusedQueryError,
    ReleaseError,
    TooLargeError,
    UnavailableError,
)
from movie_sync.net.http import HttpAnswer, HttpClient
from movie_sync.services.filelist.rows import FILM_CATEGORIES, TRACKER, RowReader
from movie_sync.services.tracker_answers import (
    MOST_TORRENT_BYTES,
    harmless,
    is_imdb_id,
    search_words,
    too_large,
    torrent_of,
)
from movie_sync.storage.call_budget import CallBudget

_log = logging.getLogger(__name__)

_SERVICE = "FileList"
_HOUR_SECONDS = 3600.0
_UNCLEAR_REFUSAL_SECONDS = 6 * 3600.0
_MOST_ROWS = 100
_MAX_ANSWER_BYTES = 1_000_000
_MAX_ANSWER_PARTS = 60_000  # a thousand rows have a third of it
_MAX_QUOTED_CHARS = 120
# Other trackers have pages of that name too.
_DETAILS_ID = re.compile(r"(?:\bfilelist\.[a-z]{2,4}/|(?<!\S))details\.php\?id=(\d{1,12})\b", re.IGNORECASE)
_CHALLENGE_MARKS = (b"_cf_chl_opt", b"<title>Just a moment...")
_ACTION_CAP = "maxim permis de actiuni"
_LOCK_WORDS = ("too many failed", "maxim", "depasit")
_REFUSAL_WORDS = ("passkey", "authentication")
_CHECK_CREDENTIALS = "Check your username (not the email address) and passkey (on the site's profile page)."

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 200, 401, 403, 404, 410
_BAD_REQUEST, _TOO_MANY, _SERVER_FAULT = 400, 429, 500


class FileListClient:
    """The tracker, as `ports.Tracker` describes it, and its newest releases.

    Not to be shared by threads. After an AuthError it is for the caller to stop until the credentials change.

    Raises:
        AuthError: username or passkey refused, missing, or locked after too many refusals.
        BudgetError, RateLimitError: no call is free, here or there.
        UnavailableError, NetworkError: the tracker is not working or not reached.
        PageChangedError: the answer is not one of its API.
        StorageError: the call could not be counted, so it was not made.
    """

    name = TRACKER
    title = _SERVICE

    def __init__(
        self, http: HttpClient, base_url: str, username: str, passkey: str, budget: CallBudget
    ) -> None:
        self._http = http
        self._base_url = base_url.strip().rstrip("/")
        self._username = username.strip()
        self._passkey = passkey.strip()
        self.budget = budget
        self._rows = RowReader()
        self._redactor = Redactor()
        self._redactor.learn_login(self._username, self._passkey)
        self._asks_for_categories = True

    def search_imdb(self, imdb_id: str) -> list[Release]:
        if not is_imdb_id(imdb_id):
            return []
        return self._list({"action": "search-torrents", "type": "imdb", "query": imdb_id})

    def search_name(self, text: str) -> list[Release]:
        words = search_words(text)
        if not words:
            return []
        return self._list({"action": "search-torrents", "type": "name", "query": words})

    def latest(self, limit: int = _MOST_ROWS) -> list[Release]:
        """Return the newest releases, at most `limit` (1 to 100) rows."""
        rows = min(max(limit, 1), _MOST_ROWS)
        return self._list({"action": "latest-torrents", "limit": str(rows)})

    def fetch_torrent(self, release: Release) -> TorrentFile:
        # The address is built from the configured base and the id: one that an answer names could
        # lead the passkey to another host.
        params = {"id": release.id.id, "passkey": self._passkey}
        try:
            answer = self._call("download.php", params, is_api=False)
        except TooLargeError:
            raise too_large(release) from None
        self._check_torrent_status(answer, release)
        if not answer.body.startswith(b"d"):
            raise ReleaseError(
                f"FileList answered with a web page instead of {release.name}'s torrent: it's gone, or not "
                f"available to this account. Check it on the site (number {release.id.id})."
            )
        return torrent_of(release, answer.body, self.title)

    def release_in(self, comment: str) -> ReleaseId | None:
        details = _DETAILS_ID.search(comment)
        return ReleaseId(TRACKER, str(int(details[1]))) if details and int(details[1]) else None

    def _list(self, query: dict[str, str]) -> list[Release]:
        params = dict(query)
        if self._asks_for_categories:
            params["category"] = ",".join(map(str, FILM_CATEGORIES))
        answer = self._call("api.php", params, is_api=True)
        document = _parse_json(answer.body)
        error = _error_text(document)
        if error is None:
            return [
                harmless(row, self._redactor) for row in self._rows.read(self._find_rows(answer, document))
            ]
        if "valid category" in error.casefold() and self._asks_for_categories:
            # The tracker has dropped categories before. Foreign rows are left out by name instead.
            self._asks_for_categories = False
            _log.warning(
                "FileList dropped a film category (%s); searching all categories from now on.",
                self._quoted(error),
            )
            return self._list(query)
        if answer.status == _BAD_REQUEST and query.get("type") == "name":
            # The title is at fault, not the tracker: nothing else must wait for it.
            raise RefusedQueryError(f"FileList doesn't accept the title as a search ({self._quoted(error)}).")
        if answer.status in {_OK, _NOT_FOUND} and "no result" in error.casefold():
            return []
        raise self._error(answer.status, error)

    def _call(self, page: str, params: dict[str, str], *, is_api: bool) -> HttpAnswer:
        if not self._username or not self._passkey:
            raise AuthError(
                "FileList's username or passkey is missing. Enter both with `setup`.", service=_SERVICE
            )
        self.budget.take()
        answer = self._http.get(
            f"{self._base_url}/{page}",
            params=params,
            basic_auth=(_in_header(self._username), _in_header(self._passkey)) if is_api else None,
            accept="application/json" if is_api else "application/x-bittorrent",
            max_bytes=_MAX_ANSWER_BYTES if is_api else MOST_TORRENT_BYTES,
            before_redirect=self.budget.take,
        )
        _log.debug("FileList answered %s with status %d, %d bytes.", page, answer.status, len(answer.body))
        if answer.status == _TOO_MANY:
            wait = answer.retry_after_seconds
            raise RateLimitError(
                "FileList's hourly limit is reached. Is another program using this account?",
                retry_after_seconds=None if wait is None else min(wait, _HOUR_SECONDS),
            )
        if not answer.body.startswith((b"d", b"[")) and _ACTION_CAP in answer.text.casefold():
            raise RateLimitError(
                "FileList says this account has used up its actions for this hour.",
                retry_after_seconds=_HOUR_SECONDS,
            )
        return answer

    def _find_rows(self, answer: HttpAnswer, document: object) -> list[object]:
        """Return the rows of an answer that reports no error, if it is one of the API at all."""
        if answer.status != _OK and not (answer.status == _NOT_FOUND and document == []):
            raise UnavailableError(
                f"FileList answered with status {answer.status}, but not through its API: it's down, under "
                "maintenance, or behind a challenge. Your credentials aren't the problem."
            )
        rows = document.get("torrents") if isinstance(document, dict) else document
        if isinstance(rows, list):
            return rows
        found = "unexpected JSON"
        if document is None:
            found = "a web page" if "html" in answer.content_type else "something unreadable"
        raise PageChangedError(
            f"FileList answered with {found} instead of a list of releases. It "
            "may be under maintenance or behind a challenge; also check filelist.base_url in config.json."
        )

    def _error(self, status: int, error: str) -> MovieSyncError:
        """Return what the API's error text and status mean."""
        words = error.casefold()
        quoted = self._quoted(error)
        is_refusal = status in {_OK, _UNAUTHORIZED, _FORBIDDEN}
        if is_refusal and any(word in words for word in _LOCK_WORDS):
            return AuthError(
                f"FileList has locked this account out of its API for about an hour, after too many failed "
                f"logins ({quoted}). {_CHECK_CREDENTIALS}",
                service=_SERVICE,
                retry_after_seconds=_HOUR_SECONDS,
            )
        if "rate limit" in words:
            return RateLimitError(f"FileList's rate limit is reached ({quoted}).")
        is_plain = any(word in words for word in _REFUSAL_WORDS)
        if status in {_UNAUTHORIZED, _FORBIDDEN} or (is_refusal and is_plain):
            return AuthError(
                f"FileList rejected the username or passkey ({quoted}). {_CHECK_CREDENTIALS}",
                service=_SERVICE,
                # In other words it may be about something that passes; too many tries lock the account.
                retry_after_seconds=None if is_plain else _UNCLEAR_REFUSAL_SECONDS,
            )
        if status == _BAD_REQUEST:
            return PageChangedError(
                f"FileList didn't understand the request ({quoted}). If this keeps happening, its API has "
                "changed: look for a newer Movie Sync."
            )
        return UnavailableError(f"FileList reported an error (status {status}: {quoted}). Try again later.")

    def _check_torrent_status(self, answer: HttpAnswer, release: Release) -> None:
        if answer.status in {_NOT_FOUND, _GONE}:
            raise ReleaseError(f"FileList no longer has {release.name}'s torrent (status {answer.status}).")
        is_torrent = answer.body.startswith(b"d")
        error = None if is_torrent else _error_text(_parse_json(answer.body))
        if error is not None:
            raise self._error(answer.status, error)
        if answer.status >= _SERVER_FAULT:
            raise UnavailableError(f"FileList is down (status {answer.status}). Try again later.")
        if answer.status != _OK:
            raise UnavailableError(
                f"FileList answered with status {answer.status} instead of a torrent: it may be behind "
                "a challenge. Try again later."
            )
        is_challenge = not is_torrent and any(mark in answer.body for mark in _CHALLENGE_MARKS)
        if "cf-mitigated" in answer.headers or is_challenge:
            raise UnavailableError("FileList is behind a challenge right now. Try again later.")

    def _quoted(self, text: str) -> str:
        """Return the tracker's own words, short, printable, and without the passkey."""
        return f'"{self._redactor.clean(printable(text))[:_MAX_QUOTED_CHARS]}"'


def _in_header(text: str) -> str:
    """Make text fit for Basic authentication, which `requests` encodes as Latin-1, as UTF-8."""
    return text.encode("utf-8", errors="replace").decode("latin-1")


def _parse_json(body: bytes) -> object:
    """Return the document, or None for what is no JSON or would fill the memory when parsed."""
    if part_count(body) > _MAX_ANSWER_PARTS:
        return None
    try:
        return parse_json(body)
    except ValueError:
        return None


def _error_text(document: object) -> str | None:
    """Return the API's error text; None if the document reports no error."""
    if not isinstance(document, dict) or "error" not in document or "torrents" in document:
        return None
    error = document["error"]
    return error if isinstance(error, str) else f"an error of kind {type(error).__name__}"
