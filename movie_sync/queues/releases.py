"""What was handed over for a film, as it is kept with it: how far it is, and what came to nothing."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto

from movie_sync.domain.models import Choice
from movie_sync.domain.seeding import SeedingTrouble


class Stage(StrEnum):
    """How far a handed-over torrent is; the words stand in `queue_completed.json`."""

    ADDED = "added"
    DOWNLOADING = "downloading"
    STOPPED = "stopped"
    BROKEN = "broken"
    REMOVED = "removed"
    DOWNLOADED = "downloaded"


class Slot(Enum):
    """How an unfinished torrent counts against `max_unfinished`: only one in use does."""

    IN_USE = auto()
    IDLE = auto()
    STOPPED = auto()


LONG_IDLE_SECONDS = 3600.0
"""After so long without progress a torrent counts among those that stand still."""


class Watch(Enum):
    """How often a whole torrent is looked at: until it has seeded enough, and from then on."""

    OFTEN = auto()
    DAILY = auto()


@dataclass(frozen=True, slots=True)
class Seeding:
    """What the client last told, `seen_at` then, of a whole torrent, or of one whose film has another now.

    `ratio` and `seconds` of seeding are None where it does not tell; `is_gone`: it holds it no more.
    `is_settled`: it has seeded as its tracker asks, or it is gone for good. What has never been seen and
    belongs to no film is not marked in the client yet. `trouble` is why it does not seed, `why` in words,
    `since` when that began or ended, or it went. `is_here`: its files were seen from this machine.
    """

    seen_at: datetime | None = None
    ratio: float | None = None
    seconds: int | None = None
    is_gone: bool = False
    is_settled: bool = False
    trouble: SeedingTrouble | None = None
    why: str = ""
    since: datetime | None = None
    is_here: bool = False


NEVER_SEEN = Seeding()


@dataclass(frozen=True, slots=True)
class Shelving:
    """Whether a film whose torrent is whole is on the shelf: at `path`, or `left` in words, or it is due.

    `failed` is why the last try came to nothing, in words; it is tried again. `earlier` is where it was put
    before, if that was asked for again.
    """

    at: datetime
    path: str = ""
    left: str = ""
    failed: str = ""
    earlier: str = ""

    @property
    def is_due(self) -> bool:
        """Whether the film is still to be put there."""
        return not (self.path or self.left)

    @property
    def last_path(self) -> str:
        """Where it is, or was when it was last put there."""
        return self.path or self.earlier


@dataclass(frozen=True, slots=True)
class TorrentProgress:
    """What is known of a torrent on its way.

    `since` is when the stage was reached. `idle_seconds` is how long it has tried to download
    and got next to nothing; time in which it could not try does not count. `idle_from` is its
    progress when that began (None: as `progress`). `missing_since` is when the client was first
    seen without it, `rechecked_at` when its files were last compared. `is_adopted`: it was in the
    client before, whoever put it there. `size_bytes` is 0 and `seeds` None where they are not known.
    `shelf` is None unless it was to be put there since it came to its end.
    `seeding` is how it goes on once it is whole.
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
    size_bytes: int = 0
    seeds: int | None = None
    shelf: Shelving | None = None
    seeding: Seeding = NEVER_SEEN

    @property
    def is_on_shelf(self) -> bool:
        """Tell whether its film was put there."""
        return self.shelf is not None and bool(self.shelf.path)

    @property
    def may_be_shelved(self) -> bool:
        """Tell whether it is whole, and known where."""
        return self.stage is Stage.DOWNLOADED and bool(self.path)

    @property
    def watch(self) -> Watch | None:
        """How often it is looked at as one that is whole; None if it is not, or is gone for good."""
        if self.stage is not Stage.DOWNLOADED or (self.seeding.is_gone and self.seeding.is_settled):
            return None
        return Watch.DAILY if self.seeding.is_settled or self.seeding.is_gone else Watch.OFTEN

    @property
    def seconds_left(self) -> float | None:
        """How long it takes yet at its present speed; None if that is not known."""
        if not self.bytes_a_second or not self.size_bytes:
            return None
        return self.size_bytes * (1 - self.progress) / self.bytes_a_second

    @property
    def is_idle(self) -> bool:
        """Tell whether next to nothing has come for so long that others are not to wait for it."""
        return self.idle_seconds >= LONG_IDLE_SECONDS


@dataclass(frozen=True, slots=True)
class FailedRelease:
    """A release that was handed over for a film and given up; it is not taken for it again.

    `why` is in words. `name` is the torrent's own, which its file or folder bears, and `shelf_name` what its
    video is called on the shelf. `is_adopted`: as in `TorrentProgress`.
    """

    choice: Choice
    why: str
    name: str = ""
    is_adopted: bool = False
    seeding: Seeding = NEVER_SEEN
    shelf_name: str = ""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A better release that is to take the place of a film's present one, which stays until it is whole.

    `follow` is None while it is about to be handed over: it may have been.
    """

    choice: Choice
    follow: TorrentProgress | None = None
