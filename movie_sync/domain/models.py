"""The values that travel between the rooms: films, queue entries, releases, outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Movie:
    """A film as Letterboxd names it.

    `id` is Letterboxd's own key (the `lid`, also the last piece of a boxd.it address), else the
    slug. `slug` is empty where only the key is known (an account export names no slugs).
    `twin_years` are the years of other films that have the same title; they are there while names
    are judged (`KnownFilms.in_company`) and not kept. What stands below that comes from the film's
    page and is known once `page_read` is true.
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
    is_series: bool = False
    page_read: bool = False

    @property
    def label(self) -> str:
        """The film as people write it: `Heat (1995)`."""
        return f"{self.title} ({self.year})" if self.year else self.title

    def keys(self) -> tuple[str, ...]:
        """What a film is looked up by: id, slug and IMDb id, where known (`twins.is_same_film` decides).

        Each kind has its own prefix: `dune` can be one film's slug and another one's id. A film
        known by its slug alone has that slug as its id, and no id key.
        """
        keys = []
        if self.slug:
            keys.append(f"s:{self.slug}")
        if self.id and self.id != self.slug:
            keys.append(f"k:{self.id}")
        if self.imdb_id:
            keys.append(f"i:{self.imdb_id}")
        return tuple(keys)


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


@dataclass(frozen=True, slots=True)
class Choice:
    """The release that was picked for a film; kept with it before anything is handed over."""

    release: str
    filelist_id: int
    info_hash: str


class Stage(StrEnum):
    """How far a handed-over torrent is; the words stand in `queue_completed.json`."""

    ADDED = "added"
    DOWNLOADING = "downloading"
    STOPPED = "stopped"
    BROKEN = "broken"
    REMOVED = "removed"
    DOWNLOADED = "downloaded"


@dataclass(frozen=True, slots=True)
class TorrentProgress:
    """What is known of a torrent on its way.

    `since` is when the stage was reached. `idle_seconds` is how long it has tried to download
    and got next to nothing; time in which it could not try does not count. `idle_from` is its
    progress when that began (None: as `progress`). `missing_since` is when the client was first
    seen without it, `rechecked_at` when its files were last compared. `is_adopted`: it was in the
    client before, whoever put it there.
    """

    stage: Stage
    since: datetime
    progress: float = 0.0
    bytes_a_second: int = 0
    idle_seconds: float = 0.0
    idle_from: float | None = None
    missing_since: datetime | None = None
    rechecked_at: datetime | None = None
    path: str = ""
    is_adopted: bool = False

    @property
    def is_unfinished(self) -> bool:
        """Tell whether the client is still to bring it to its end."""
        return self.stage not in {Stage.DOWNLOADED, Stage.REMOVED}


@dataclass(frozen=True, slots=True)
class FailedRelease:
    """A release that was handed over for a film and given up; it is not taken for it again.

    `why` is in words. `name` is the torrent's own, which its file or folder bears.
    """

    choice: Choice
    why: str
    name: str = ""


class QueueEntry(NamedTuple):
    """One film in one queue, with what its state there needs.

    A tuple, as that is made in a fifth of the time: thousands are when a long list is queued.

    `retry_count` is the number of failures of the film's own so far. `retry_at` is None for a
    permanent failure; `waits_for_release` says that only an acceptable release was missing,
    `acceptable_since` when one was first seen (and a better one is waited for).
    `reason` is one of `Reason`, or what a hand edit says. `follow` tells how far the chosen torrent
    is, once it was handed over to a client that tells; `tried` are the releases that came to
    nothing. `searched_at` is when the tracker was last asked for the film, and `is_extra_look`
    says that it is asked besides the schedule, which is then kept. `asked_at` is since when the film is
    asked for, where that is not when it was queued. `doubts` is how often in a row the
    work on it ended with what may be no failure of its own, `page_missing_since` since when Letterboxd
    has had no page for it. `sequence` rises with every write, over all queues, so that the later of
    two states is known after a crash. `extra` holds keys of the file that we do not know.
    """

    movie: Movie
    added_at: datetime
    retry_count: int = 0
    error: str | None = None
    retry_at: datetime | None = None
    waits_for_release: bool = False
    acceptable_since: datetime | None = None
    completed_at: datetime | None = None
    reason: str | None = None
    choice: Choice | None = None
    by_command: bool = False
    follow: TorrentProgress | None = None
    tried: tuple[FailedRelease, ...] = ()
    searched_at: datetime | None = None
    is_extra_look: bool = False
    asked_at: datetime | None = None
    doubts: int = 0
    page_missing_since: datetime | None = None
    sequence: int = 0
    extra: Mapping[str, object] = _NOTHING

    @property
    def wish(self) -> datetime:
        """Since when the film is asked for: what is told of it is told once for each time."""
        return self.asked_at or self.added_at

    @property
    def is_unfinished(self) -> bool:
        """Tell whether the client is still to bring the film's torrent to its end."""
        return self.follow is not None and self.follow.is_unfinished

    @property
    def is_stopped(self) -> bool:
        """Tell whether the film's torrent is stopped in the client, and so does not get on."""
        return self.follow is not None and self.follow.stage is Stage.STOPPED

    @property
    def takes_a_place(self) -> bool:
        """Tell whether the film's torrent counts among those that may be unfinished at once.

        What somebody stopped that we have not put there holds nothing up.
        """
        is_idle = self.is_stopped and self.follow is not None and self.follow.is_adopted
        return self.is_unfinished and not is_idle

    @property
    def is_followed(self) -> bool:
        """Tell whether one of the film's torrents may still come to its end."""
        if self.follow is not None and self.choice is not None:
            return self.follow.stage is not Stage.DOWNLOADED
        return bool(self.tried) and self.completed_at is None

    @property
    def followed_hashes(self) -> tuple[str, ...]:
        """The info-hashes of the film's torrents that may still come to their end."""
        if not self.is_followed:
            return ()
        present = (self.choice.info_hash,) if self.choice is not None and self.follow is not None else ()
        return present + tuple(old.choice.info_hash for old in self.tried)

    def completed(
        self, movie: Movie, at: datetime, reason: str, choice: Choice | None, where: str = ""
    ) -> "QueueEntry":
        """Return the entry as it is once the film is done, with what is known of it now."""
        extra = {key: value for key, value in self.extra.items() if key != "where"}
        if where:
            extra["where"] = where
        return self._replace(movie=movie, completed_at=at, reason=reason, choice=choice, extra=extra)


@dataclass(frozen=True, slots=True)
class Release:
    """One row of the tracker's answer. Sizes are bytes; `uploaded_at` is aware, or None if unreadable.

    `category_id` is None for a category name that we do not know (the names have changed before).
    """

    filelist_id: int
    name: str
    size_bytes: int
    seeders: int
    imdb_id: str | None = None
    category: str = ""
    category_id: int | None = None
    freeleech: bool = False
    internal: bool = False
    uploaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """A `.torrent` that was parsed and found whole.

    `info_hash` is lower-case hex, as qBittorrent shows it; a torrent of both versions may be known
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
        return (self.info_hash, self.other_hash) if self.other_hash else (self.info_hash,)


@dataclass(frozen=True, slots=True)
class HeldTorrent:
    """A torrent that the client already holds. `progress` is 0 to 1, `comment` may be empty.

    `state` is qBittorrent's word. Sizes are bytes (`bytes_left` -1 if unknown), speed is bytes a
    second. `has_tracker` says whether a tracker serves it now.
    """

    info_hash: str
    name: str
    progress: float = 0.0
    state: str = ""
    comment: str = ""
    content_path: str = ""
    bytes_left: int = -1
    size_bytes: int = 0
    bytes_a_second: int = 0
    tags: tuple[str, ...] = ()
    has_tracker: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes free on the disk where torrents go, and bytes that unfinished torrents there still take."""

    free_bytes: int
    promised_bytes: int


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """A film was handed over, or was there already. `choice` is None if only a file was found.

    `is_adopted`: its torrent was in the client before and is not whole yet. `is_found_again`: an earlier
    attempt handed it over, perhaps one that was cut short. `why` says in words what spoke for the release.
    """

    movie: Movie
    reason: Reason
    choice: Choice | None = None
    where: str = ""
    why: str = ""
    is_adopted: bool = False
    is_found_again: bool = False


@dataclass(frozen=True, slots=True)
class WatchlistSnapshot:
    """A watchlist that was read whole, newest wish first.

    `owner` is the user name it belongs to, or the export file's path. `unread` says, in words, which
    rows of a file are no films that can be read: nothing is concluded from films it does not list then.
    """

    owner: str
    movies: Sequence[Movie]
    unread: tuple[str, ...] = ()
