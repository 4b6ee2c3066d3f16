"""A tracker behind Torznab: searches, its newest releases, and the `.torrent` of a release.

The key goes to the configured address alone. Links lead where the server says, perhaps to a name that only
it knows, so one with the key in it, or one to "this machine" from a server that is elsewhere, is asked for
at the configured address. Redirects of links are looked at one by one: many end in a magnet link.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from movie_sync.domain.models import Release, ReleaseId, TorrentFile
from movie_sync.domain.redaction import Redactor
from movie_sync.errors import (
    FilmError,
    MovieSyncError,
    RateLimitError,
    RefusedQueryError,
    ReleaseError,
    TooLargeError,
)
from movie_sync.net.http import HttpAnswer, HttpClient
from movie_sync.ports import Clock
from movie_sync.services.torznab.answer_xml import UnreadableError
from movie_sync.services.torznab.caps import Caps, read_caps
from movie_sync.services.torznab.faults import Call, Complaint, NothingError, NotSupportedError
from movie_sync.services.torznab.feed import FeedReader, FeedRelease, NotFeedError, is_magnet
from movie_sync.services.tracker_answers import (
    MOST_TORRENT_BYTES,
    harmless,
    is_imdb_id,
    search_words,
    too_large,
    torrent_of,
)
from movie_sync.settings.values import is_on_this_machine
from movie_sync.storage.call_budget import CallBudget

_log = logging.getLogger(__name__)

_CAPS_SECONDS = 86_400.0
_MAX_ANSWER_BYTES = 2_000_000
_MAX_HOPS = 5
_NO_WORD = re.compile(r"[\W_]+")
_YEAR = re.compile(r" (?:19|20)[0-9]{2}$")


class TorznabClient:
    """One tracker, as `ports.Tracker` describes it; `name` is its key in the settings.

    One request at a time through `http`; not to be shared by threads. `key` may be empty where the server
    wants none. All calls raise as `search_imdb`.
    """

    def __init__(
        self,
        http: HttpClient,
        name: str,
        title: str,
        *,
        url: str,
        key: str,
        categories: tuple[int, ...],
        budget: CallBudget,
        clock: Clock,
        setting: str,
    ) -> None:
        self.name = name
        self.title = title
        self._http = http
        self._url = url
        self._key = key
        self._categories = categories
        self._budget = budget
        self._clock = clock
        self._feed = FeedReader(name, title, categories, clock)
        self._redactor = Redactor()
        self._redactor.learn([key])
        self._complaint = Complaint(title, setting, self._redactor.clean)
        self._caps: Caps | None = None
        self._caps_until = 0.0

    def caps(self) -> Caps:
        """Return what it can do; asked for once a day, and again after an error; raises as `search_imdb`."""
        now = self._clock.monotonic()
        if self._caps is None or now >= self._caps_until:
            answer = self._ask(Call.CAPS, {"t": "caps"})
            try:
                found, flaw = read_caps(answer.body), None
            except UnreadableError as exc:
                found, flaw = None, exc.flaw
            if found is None:
                raise self._complaint.unreadable(answer, flaw)
            self._caps, self._caps_until = found, now + _CAPS_SECONDS
        return self._caps

    def search_imdb(self, imdb_id: str) -> list[Release]:
        """Return the releases filed under an IMDb id (`tt...`), unordered; none if it can't look for one.

        Raises:
            AuthError: the key is refused, or missing where one is wanted.
            BudgetError, RateLimitError: no call is free, here or there.
            UnavailableError, NetworkError: the server is not working or not reached.
            PageChangedError: the answer is not Torznab's.
            StorageError: the call could not be counted, so it was not made.
        """
        if not is_imdb_id(imdb_id):
            return []
        caps = self.caps()
        if not caps.has_imdb:
            return []
        try:
            return self._list({"t": "movie", "imdbid": imdb_id.removeprefix("tt")})
        except NotSupportedError as exc:  # it says that it does, but words are left
            _log.info("%s", exc)
            self._caps = replace(caps, movie_search=caps.movie_search - {"imdbid"})
            return []

    def search_name(self, text: str) -> list[Release]:
        """Return what its word search finds, near misses included.

        Some trackers find nothing by title and year. Where films can't be asked for by their ids, what
        gives nothing is looked for once more without the year.

        Raises:
            RefusedQueryError: it does not accept this text as a search.
        """
        words = search_words(text)
        caps = self.caps()
        function = caps.word_function
        if not words or function is None:
            return []
        shorter = _YEAR.sub("", words)
        try:
            found = self._list({"t": function, "q": words})
            if not found and shorter != words and not caps.has_imdb:
                found = self._list({"t": function, "q": shorter})
        except NotSupportedError as exc:
            raise RefusedQueryError(str(exc)) from None
        return found

    def latest(self) -> list[Release]:
        """Return its newest releases, up to a hundred; none if it has no way to tell them."""
        for query in ({"t": self.caps().newest_function}, {"t": "search", "q": ""}):
            try:
                return self._list(query)
            except NotSupportedError as exc:  # that is no reason to leave off searching there
                _log.debug("%s", exc)
        return []

    def fetch_torrent(self, release: Release) -> TorrentFile:
        """Return the release's torrent, parsed and whole.

        Raises:
            ReleaseError: the server gave something that is not this torrent, or only a magnet link.
        """
        link = (release if isinstance(release, FeedRelease) else self._found_again(release)).link
        with self._forgetting_caps():
            answer = self._follow(link, release)
            if answer.body.startswith(b"d") and answer.status not in range(400, 600):
                return torrent_of(release, answer.body, self.title)
            self._complaint.check(answer, Call.TORRENT)
        raise ReleaseError(
            f"{self.title} answered with something other than {release.name}'s torrent: it's gone, or "
            "not available to this account."
        )

    def release_in(self, comment: str) -> ReleaseId | None:  # noqa: ARG002 - other trackers write it there
        """Return None: a comment names a page of the tracker behind the server, which tells nothing here."""
        return None

    def _found_again(self, release: Release) -> FeedRelease:
        """Return a release of an earlier answer with its link of now: links don't last."""
        for found in self.search_name(_NO_WORD.sub(" ", release.name)):
            if found.id == release.id and isinstance(found, FeedRelease):
                return found
        raise ReleaseError(f"{self.title} no longer lists {release.name}. Search again.")

    def _list(self, query: dict[str, str]) -> list[Release]:
        caps = self.caps()
        params = query | {"extended": "1", "limit": str(caps.most_rows)}
        if self._categories:
            params["cat"] = ",".join(map(str, self._categories))
        try:
            answer = self._ask(Call.SEARCH, params)
        except NothingError:
            return []
        with self._forgetting_caps():
            try:
                return [harmless(release, self._redactor) for release in self._feed.read(answer.body)]
            except UnreadableError as exc:
                flaw = exc.flaw
            except NotFeedError:
                flaw = None
            raise self._complaint.unreadable(answer, flaw)

    def _ask(self, call: Call, params: dict[str, str]) -> HttpAnswer:
        with self._forgetting_caps():
            self._budget.take()
            answer = self._http.get(
                self._url,
                params=params | ({"apikey": self._key} if self._key else {}),
                accept="application/rss+xml, application/xml, text/xml",
                max_bytes=_MAX_ANSWER_BYTES,
                before_redirect=self._budget.take,
            )
            _log.debug(
                "%s answered t=%s: status %d, %d bytes.",
                self.title,
                params["t"],
                answer.status,
                len(answer.body),
            )
            self._complaint.check(answer, call)
        return answer

    def _follow(self, link: str, release: Release) -> HttpAnswer:
        """Ask for a link and for where it leads, up to five times."""
        for _ in range(_MAX_HOPS + 1):
            if is_magnet(link):
                raise ReleaseError(f"{release.name} is a magnet link only, which isn't supported.")
            address = self._safe(link)
            self._budget.take()
            try:
                answer = self._http.get(
                    address, accept="application/x-bittorrent", max_bytes=MOST_TORRENT_BYTES, follow=False
                )
            except TooLargeError:
                raise too_large(release) from None
            if not answer.location:
                return answer
            try:
                link = urljoin(address, answer.location)
            except ValueError:  # half an IPv6 address, for instance
                link = ""
        raise ReleaseError(f"{self.title} redirects too often for {release.name}.")

    def _safe(self, link: str) -> str:
        """Return the address to ask for a link, which is ours if the key would go elsewhere."""
        try:
            there, here = urlsplit(link), urlsplit(self._url)
            is_web = there.scheme in {"http", "https"} and bool(there.hostname)
        except ValueError:
            is_web = False
        if not is_web:
            raise ReleaseError(f"{self.title} links to the torrent at an invalid address.")
        is_ours = (there.scheme, there.netloc) == (here.scheme, here.netloc)
        is_its_own = is_on_this_machine(link) and not is_on_this_machine(self._url)
        if not is_ours and (is_its_own or self._redactor.without_known(link) != link):
            return there._replace(scheme=here.scheme, netloc=here.netloc).geturl()
        return link

    @contextmanager
    def _forgetting_caps(self) -> Iterator[None]:
        """Ask again what it can do after an error: it may have been set up anew."""
        try:
            yield
        except (RateLimitError, FilmError):
            raise
        except MovieSyncError:
            self._caps = None
            raise
