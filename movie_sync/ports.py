"""What the core needs from the outside, as interfaces; services and the library implement them.

Every method may raise the errors named in its docstring and no library's own ones. "Nothing
found" is a value; "could not look" is an exception.
"""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol, runtime_checkable

from movie_sync.domain.film_facts import FilmFacts
from movie_sync.domain.models import (
    HeldTorrent,
    Movie,
    Release,
    ReleaseId,
    Room,
    TorrentFile,
    WatchlistSnapshot,
)
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.titles import KnowsTitle, knows_no_title
from movie_sync.domain.wish_list import AS_USUAL, Placement


class Clock(Protocol):
    """Wall-clock time for what is stored, monotonic time for what is waited."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump."""


class WatchlistSource(Protocol):
    """Where the wishes come from."""

    def fetch(self) -> WatchlistSnapshot | None:
        """Read the watchlist whole; None means unchanged since the last call (a file not written again).

        A TransientError says that nothing may be concluded, a UserError that the source cannot be used.
        """


class FilmPages(Protocol):
    """What Letterboxd knows of one film beyond its line in the list."""

    def read(self, movie: Movie) -> Movie:
        """Return the film with what its page tells and `page_read` set.

        Raises UnknownFilmError if Letterboxd has no page for it, or a TransientError.
        """


class FilmDatabase(Protocol):
    """What is known of films apart from Letterboxd."""

    @property
    def title(self) -> str:
        """What people call it: "TMDB"."""

    @property
    def edition(self) -> str:
        """What its answers depend on besides the film, such as a country."""

    def look_up(self, movie: Movie) -> FilmFacts | None:
        """Return what it knows of the film, or None: it does not know it, or cannot tell which one it is.

        Raises a TransientError, or AuthError: the key is refused.
        """


class Tracker(Protocol):
    """Where releases are. Every call counts against the tracker's own persisted budget."""

    @property
    def name(self) -> str:
        """The key by which settings and files know it: `filelist`."""

    @property
    def title(self) -> str:
        """What people call it: "FileList"."""

    def search_imdb(self, imdb_id: str) -> list[Release]:
        """Return the releases filed under an IMDb id, unordered.

        Raises a TransientError, or AuthError (its `service` is the `title`): the credentials are refused.
        """

    def search_name(self, text: str) -> list[Release]:
        """Return what the tracker's word search finds, near misses included; raises as above.

        A text that the tracker does not accept is a RefusedQueryError.
        """

    def latest(self) -> list[Release]:
        """Return the newest releases, up to a hundred; raises as above."""

    def fetch_torrent(self, release: Release) -> TorrentFile:
        """Return the release's torrent, parsed and whole; raises as above.

        Something that is not this torrent is a ReleaseError.
        """

    def release_in(self, comment: str) -> ReleaseId | None:
        """Return the release of this tracker that a torrent's comment names, or None."""


class TorrentClient(Protocol):
    """Where torrents go: a client, or a folder that one watches.

    All methods raise AuthError, TransientError or StorageError.
    """

    def find(self, info_hash: str) -> HeldTorrent | None:
        """Look for a torrent by its info-hash."""

    def states(self, info_hashes: Collection[str]) -> dict[str, HeldTorrent]:
        """Return those of these torrents that the client holds, by info-hash."""

    def hand_over(self, torrent: TorrentFile, placement: Placement = AS_USUAL) -> bool:
        """Add the torrent and see it there; False if it was there before (it is then left as it is).

        One that the client refuses is a ReleaseError.
        """

    def torrents(self) -> Iterator[HeldTorrent]:
        """Yield everything the client holds, some perhaps twice."""


@runtime_checkable
class FollowedClient(TorrentClient, Protocol):
    """A torrent client that tells how far its torrents are; `states` costs it one request."""

    @property
    def epoch(self) -> int:
        """A number that rises whenever the client may have been started anew since the last call."""

    def room(self, placement: Placement = AS_USUAL) -> Room:
        """Return how much room there is where torrents go, and how much of it is spoken for."""

    def refusal(self, info_hash: str) -> str | None:
        """Return the tracker's own words why it does not serve this torrent, or None.

        A tracker that cannot be reached is no refusal.
        """

    def with_trackers(self, torrent: HeldTorrent) -> HeldTorrent:
        """Return a torrent with what its trackers say now, if `states` did not tell (`refusal` is None)."""

    def recheck(self, info_hash: str) -> None:
        """Let the client compare the torrent's files with the torrent, and go on with it."""

    def tag(self, info_hashes: Collection[str], tag: str) -> None:
        """Give torrents a tag; those that are not there are passed over."""

    def untag(self, info_hashes: Collection[str], tag: str) -> None:
        """Take a tag off."""

    def remove(self, info_hash: str) -> None:
        """Take a torrent out of the client together with what little of it was downloaded."""


class MovieLibrary(Protocol):
    """The films on the user's disks."""

    def find(
        self,
        movie: Movie,
        *,
        but_for: AbstractSet[str] = frozenset(),
        knows_title: KnowsTitle = knows_no_title,
        rules: QualityRules | None = None,
    ) -> str | None:
        """Return where the film is, or None; files and folders of the names in `but_for` do not count.

        It is a copy that `rules` would take, if there are some for this film alone.

        Raises LibraryError if a folder cannot be read, so nothing may be concluded, and UnclearFilmError
        if a file may be the film, as its name cannot be read.
        """
