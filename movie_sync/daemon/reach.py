"""What the download worker works with: the services it reaches, and what it does besides handing over."""

from collections.abc import Callable
from dataclasses import dataclass

from movie_sync.daemon.errands import Errand
from movie_sync.domain.events import Event
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.radar import Radar
from movie_sync.fetching.room import RoomKeeper
from movie_sync.following.follower import TorrentFollower
from movie_sync.following.tagger import UnlistedTagger
from movie_sync.ports import Clock, FollowedClient


@dataclass(frozen=True, slots=True)
class Reach:
    """What the worker works with: the downloader, and the torrent client if it tells how far torrents are."""

    downloader: FileListDownloader
    client: FollowedClient | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """How the worker gets at services with the credentials they need.

    `connect` makes a reach from the credentials as they are now; `signature` changes when they do.
    """

    connect: Callable[[], Reach]
    signature: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nothing is handed over though services may well answer, and whether the client is the user's."""

    why: str
    client_is_known: bool


@dataclass(frozen=True, slots=True)
class Aftercare:
    """What the worker does besides handing over; None where it is not done."""

    follower: TorrentFollower | None = None
    rooms: RoomKeeper | None = None
    radar: Radar | None = None
    tagger: UnlistedTagger | None = None
    tell: Callable[[Event], None] = lambda _event: None

    @property
    def counts_torrents(self) -> bool:
        """Tell whether what is handed over counts as on its way: to follow it, or for the room it takes."""
        return self.follower is not None or self.rooms is not None


def errands_of(aftercare: Aftercare, clock: Clock) -> list[Errand]:
    """Return what is done in the torrent client now and then."""
    errands = []
    if aftercare.follower:
        look = aftercare.follower.look
        words = "How far the torrents are is not known"
        errands.append(Errand(aftercare.follower.seconds_to_next, look, words, clock))
    if aftercare.tagger:
        work, words = aftercare.tagger.work, "The torrents of unlisted films are not tagged yet"
        errands.append(Errand(aftercare.tagger.seconds_to_next, work, words, clock))
    return errands
