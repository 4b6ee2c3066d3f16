"""The values that travel between the rooms: films, releases, torrents, outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from movie_sync.domain.torrents import TorrentPhase

_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Movie:
    """A film as Letterboxd names it.

    `id` is Letterboxd's own key (the `lid`, also the last piece of a boxd.it address), else the
    slug, else its IMDb id, else one made of title and year. The slug is empty where it is not known.
    `twin_years`, of other films of that title, are there while names are judged (`KnownFilms.in_company`).
    What follows them is known once `page_read` is true: from its page, or from a database of films.
    `poster` is the address of its picture, "" for none; nothing but the page that `web` serves asks for it.
    `release_dates` are as `film_facts.ReleaseDates` reads them.
    """

    id: str
    slug: str
    title: str
    year: int | None = None
    url: str = ""
    imdb_id: str | None = None
    twin_years: tuple[int, ...] = ()
    original_title: str | None = None
    alternative_titles: tuple[str, ...] = ()
    runtime_minutes: int | None = None
    original_language: str | None = None  # None: not known, "": nobody speaks
    is_series: bool = False
    page_read: bool = False
    poster: str = ""
    release_dates: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The film as people write it: `Heat (1995)`."""
        return f"{self.title} ({self.year})" if self.year else self.title

    def keys(self) -> tuple[str, ...]:
        """What a film is looked up by: slug, own id and IMDb id, where known (`twins.is_same_film` decides).

        Each kind has its own prefix: `dune` can be one film's slug and another one's id.
        """
        slug = (f"s:{self.slug}",) if self.slug else ()
        own_id = (f"k:{self.id}",) if self.id and self.id != self.slug else ()
        return (*slug, *own_id, *((f"i:{self.imdb_id}",) if self.imdb_id else ()))


class QueueName(StrEnum):
    """The three queues and the list of films the user took out."""

    PENDING = "pending"
    FAILED = "failed"
    COMPLETED = "completed"
    REMOVED = "removed"


class Reason(StrEnum):
    """Why a film is completed; the words stand in `queue_completed.json`."""

    DOWNLOADED = "downloaded"
    ALREADY_DOWNLOADED = "already downloaded"


class ReleaseId(NamedTuple):
    """Which release it is: the key of its tracker, and its id there, which has no colon in it."""

    tracker: str
    id: str

    def __str__(self) -> str:
        return f"{self.tracker}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> "ReleaseId | None":
        """Return the release that a text such as `filelist:123` names, or None if it names none."""
        tracker, _, own = text.rpartition(":")
        return cls(tracker, own) if tracker and own else None

    @property
    def number(self) -> int:
        """The id as a number, which is higher for newer releases; 0 if it is none."""
        return int(self.id) if self.id.isdecimal() and len(self.id) <= _MOST_DIGITS else 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The release that was picked for a film; kept with it before anything is handed over.

    `id` is None for a torrent that was found in the client and does not tell which release it is.
    `imdb_id` is what the tracker says the film is, where nothing else told that; it proves nothing.
    """

    release: str
    id: ReleaseId | None
    info_hash: str
    imdb_id: str | None = field(default=None, compare=False)


class UserWord(NamedTuple):
    """What the user said of one film, which takes precedence over the rules. Kept with it for good."""

    preset: str = ""  # the quality it is judged by, "" for the general one
    grabbed: ReleaseId | None = None  # the release to take, and no other
    rejected: tuple[ReleaseId, ...] = ()  # those that are never taken for it


NO_WORD = UserWord()


class Filing(NamedTuple):
    """What the tracker's category says of a release, if anything, for what its name does not tell."""

    source: str = ""  # Bluray, for discs as they were pressed, or DVD
    resolution: str = ""  # as in the quality's words
    is_3d: bool = False
    language: str = ""  # a tag as names have it: "RoDubbed"


NOT_FILED = Filing()


@dataclass(frozen=True, slots=True)
class Release:
    """One row of a tracker's answer. Sizes are bytes; `uploaded_at` is aware, or None if unreadable.

    `seeders` is None where nobody tells, which is not none. Without `has_torrent` only a magnet link
    is offered.
    """

    id: ReleaseId
    name: str
    size_bytes: int
    seeders: int | None
    imdb_id: str | None = None
    filed_as: Filing = NOT_FILED
    freeleech: bool = False
    internal: bool = False
    uploaded_at: datetime | None = None
    has_torrent: bool = True


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """A `.torrent` that was parsed and found whole.

    `info_hash` is lower-case hex, as clients show it; a torrent of both versions may be known
    by its `other_hash` instead. `content` holds the passkey in its announce address: never log it.
    """

    info_hash: str
    name: str
    size_bytes: int
    content: bytes = field(repr=False)
    other_hash: str = ""

    @property
    def info_hashes(self) -> tuple[str, ...]:
        """What a client may know it by, likeliest first."""
        return tuple(filter(None, (self.info_hash, self.other_hash)))


@dataclass(frozen=True, slots=True)
class HeldTorrent:
    """A torrent that the client already holds. `progress` is 0 to 1, `comment` may be empty.

    `client_word` is what the client calls the phase, for log lines. Sizes are bytes (`bytes_left`
    -1 if unknown), speed is bytes a second. `has_tracker` says whether a tracker serves it now, or did.
    `ratio` is uploaded to downloaded and `seeding_seconds` how long it has seeded in all, as the client
    counts them; `seeds` is how many others have all of it, as the tracker or the client counts. None if the
    client does not say so in a usable number. `is_stopped` is known of whole ones too. `refusal` is what the
    tracker says that refuses it, "" if none does, None where only `with_trackers` tells.
    """

    info_hash: str
    name: str
    progress: float = 0.0
    phase: TorrentPhase = TorrentPhase.UNTOLD
    comment: str = ""
    content_path: str = ""
    bytes_left: int = -1
    size_bytes: int = 0
    bytes_a_second: int = 0
    tags: tuple[str, ...] = ()
    has_tracker: bool = False
    client_word: str = ""
    ratio: float | None = None
    seeding_seconds: int | None = None
    seeds: int | None = None
    is_stopped: bool = False
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes free on the disk where torrents go, and bytes that unfinished torrents there still take."""

    free_bytes: int
    promised_bytes: int


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """A film was handed over, or was there already. `choice` is None if only a file was found.

    `is_adopted`: its torrent was in the client before and is not whole yet; `is_rechecked`: the client was
    made to compare its files, which are gone. `is_found_again`: an earlier attempt handed it over, perhaps
    one that was cut short. `why` says in words what spoke for the release. `place` is where the client has
    the files of a torrent that was whole before, and `size_bytes` how much that is.
    """

    movie: Movie
    reason: Reason
    choice: Choice | None = None
    where: str = ""
    why: str = ""
    is_adopted: bool = False
    is_rechecked: bool = False
    is_found_again: bool = False
    place: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class WatchlistSnapshot:
    """A list that was read whole, in its order: a watchlist's newest wish first.

    `owner` is the username it belongs to, the list's path, or the file's path. `unread` says, in words, which
    rows of a file can't be read as a film. Nothing is then concluded about films that it does not list, nor
    if it may be another list than the reading before, or an older one (not `concludes`). `origin` is what
    such a reading must have in common with the first one, where it was not the user who named its file.
    `passed_over` counts the entries that are not films.
    """

    owner: str
    movies: Sequence[Movie]
    unread: tuple[str, ...] = ()
    concludes: bool = True
    origin: str = ""
    passed_over: int = 0
