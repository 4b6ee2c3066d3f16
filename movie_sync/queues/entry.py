"""A film in a queue: its states, and what leads from one to the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from movie_sync.domain.models import Choice, Movie

_NOTHING: Mapping[str, object] = MappingProxyType({})


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
