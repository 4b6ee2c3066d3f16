"""What is worth telling the user, as values; the words of each are made by `notices/wording.py`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar
from zlib import crc32

from movie_sync.domain.models import Movie
from movie_sync.domain.seeding import SeedingTrouble


class EventKind(StrEnum):
    """The kinds of events; scripts rely on the words."""

    ADDED = "added"
    DOWNLOADED = "downloaded"
    WAITING = "waiting"
    REPLACED = "replaced"
    UPGRADED = "upgraded"
    SHELVED = "shelved"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    DISK_FULL = "disk full"
    NOT_SEEDING = "not seeding"


@dataclass(frozen=True, slots=True)
class _Happening:
    """One thing that happened. `about`, formatted with it, tells it from others of its kind."""

    kind: ClassVar[EventKind]
    about: ClassVar[str]
    at: datetime

    def __init_subclass__(cls, kind: EventKind | None = None, about: str = "") -> None:
        if kind:  # else it is a base, or the same class made once more, with slots
            cls.kind, cls.about = kind, about

    @property
    def id(self) -> str:
        """Stays the same if the event is sent again after a crash; differs for the next event of its kind."""
        return f"{self.kind}:{self.about.format(self)}"


@dataclass(frozen=True, slots=True)
class FilmEvent(_Happening):
    """What happened to a film; `wish` is since when it is asked for: asked for again, the same is news."""

    movie: Movie
    wish: datetime

    @property
    def id(self) -> str:
        """As that of all events, with the film and the wish."""
        asked = f"{self.wish.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return f"{self.kind}:{self.movie.id}:{asked}:{self.about.format(self)}"


@dataclass(frozen=True, slots=True)
class Added(FilmEvent, kind=EventKind.ADDED, about="{0.info_hash}"):
    """Its torrent was handed over; `why` is why this release, or empty."""

    release: str
    info_hash: str
    why: str


@dataclass(frozen=True, slots=True)
class Downloaded(FilmEvent, kind=EventKind.DOWNLOADED, about="{0.info_hash}"):
    """Its files are complete."""

    release: str
    info_hash: str
    path: str


@dataclass(frozen=True, slots=True)
class Waiting(FilmEvent, kind=EventKind.WAITING, about="{0.tried}"):
    """There is no acceptable release yet; `tried` were given up before."""

    why: str
    tried: int


@dataclass(frozen=True, slots=True)
class Replaced(FilmEvent, kind=EventKind.REPLACED, about="{0.info_hash}"):
    """Its torrent is given up; one that `keeps_running` may still be the first to be whole."""

    release: str
    info_hash: str
    why: str
    progress: float
    keeps_running: bool


@dataclass(frozen=True, slots=True)
class Upgraded(FilmEvent, kind=EventKind.UPGRADED, about="{0.info_hash}"):
    """It has a better release now, of quality `after` instead of `before`; the older one is still there."""

    release: str
    info_hash: str
    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Shelved(FilmEvent, kind=EventKind.SHELVED, about="{0.info_hash}:{0.asked:%Y-%m-%dT%H:%M:%SZ}"):
    """Its video is on the shelf, at `path` on this machine; `asked` is when it was to be put there."""

    release: str
    info_hash: str
    path: str
    asked: datetime


@dataclass(frozen=True, slots=True)
class NotSeeding(FilmEvent, kind=EventKind.NOT_SEEDING, about="{0.info_hash}:{0.trouble}:{0.number}"):
    """Its whole torrent seeds no more; `before_at` is since when it was as it was, if that was noted."""

    release: str
    info_hash: str
    trouble: SeedingTrouble
    why: str
    path: str
    before_at: datetime | None

    @property
    def number(self) -> str:
        """What tells this time from an earlier one."""
        return f"{self.before_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if self.before_at else ""


@dataclass(frozen=True, slots=True)
class ManyNotSeeding(_Happening, kind=EventKind.NOT_SEEDING, about="{0.count}:{0.at:%Y-%m-%d}"):
    """Many seed no more, all seen at once, the first of these `films` (their labels) for `why`."""

    count: int
    films: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Failed(FilmEvent, kind=EventKind.FAILED, about="{0.failures}:{0.tried}"):
    """It failed for good, with so many `failures` since the last of so many releases `tried`."""

    why: str
    failures: int
    tried: int


@dataclass(frozen=True, slots=True)
class ListUnreadable(_Happening, kind=EventKind.UNREADABLE, about="{0.at:%Y-%m-%d}{0.number}"):
    """A list could not be read for a day; `label` is what it is called where there are several.

    `refused_by` is the site that does not let it be read from here, if that is why.
    """

    why: str
    label: str = ""
    refused_by: str = ""

    @property
    def number(self) -> str:
        """What tells several lists' apart in the id."""
        return f":{crc32(self.label.encode()):08x}" if self.label else ""


@dataclass(frozen=True, slots=True)
class _LoginRefused(_Happening, kind=EventKind.REFUSED, about="{0.service}:{0.at:%Y-%m-%dT%H:%M}"):
    """A service refused the credentials."""

    service: str
    why: str


@dataclass(frozen=True, slots=True)
class CredentialsRefused(_LoginRefused):
    """Nothing is fetched for it; tried again after `again_seconds`, or only with others if that is None."""

    again_seconds: float | None


@dataclass(frozen=True, slots=True)
class TrackerRefused(_LoginRefused):
    """It is one of several trackers."""

    title: str


@dataclass(frozen=True, slots=True)
class AccountRefused(_Happening, kind=EventKind.REFUSED, about="tracker:{0.at:%Y-%m-%dT%H}:{0.number:08x}"):
    """The tracker refuses the user's account or torrent client, in these `words`."""

    words: str

    @property
    def number(self) -> int:
        """What stands for the words in the id."""
        return crc32(self.words.encode())


@dataclass(frozen=True, slots=True)
class OwnDiskFull(_Happening, kind=EventKind.DISK_FULL, about="own:{0.at:%Y-%m-%dT%H}"):
    """A file of ours could not be written."""

    why: str


@dataclass(frozen=True, slots=True)
class ClientDiskFull(_Happening, kind=EventKind.DISK_FULL, about="client:{0.at:%Y-%m-%dT%H}"):
    """The torrent client has no room for the rest of a torrent."""

    torrent: str
    needed_bytes: int
    free_bytes: int


Event = (
    Added | Downloaded | Waiting | Replaced | Upgraded | Shelved | Failed | NotSeeding | ManyNotSeeding
    | ListUnreadable | CredentialsRefused | TrackerRefused | AccountRefused | OwnDiskFull | ClientDiskFull
)  # fmt: skip
