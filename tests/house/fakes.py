"""Fakes that implement the ports, for tests."""

from collections.abc import Callable, Collection, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from house.films import hash_of
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
from movie_sync.errors import UnknownFilmError


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return self._now

    def monotonic(self) -> float:
        """Return the monotonic time."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as a user or NTP does."""
        self._now += timedelta(seconds=seconds)


class FakeWatchlist:
    """A `WatchlistSource` that gives what it was told to; an exception is raised, the last answer stays."""

    def __init__(self, *answers: WatchlistSnapshot | BaseException | None) -> None:
        self.answers = list(answers)
        self.fetches = 0

    def fetch(self) -> WatchlistSnapshot | None:
        """Give the next answer."""
        self.fetches += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class FakePages:
    """`FilmPages` from a dictionary of films by id; a film that is not in it has nothing more to tell."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.films: dict[str, Movie] = {}
        self.error: BaseException | None = None
        self.unknown: set[str] = set()
        """Ids of films that have no page."""
        self.journal = journal if journal is not None else []

    def read(self, movie: Movie) -> Movie:
        """Return the film as its page tells."""
        self.journal.append("page")
        if movie.id in self.unknown:
            raise UnknownFilmError("Letterboxd has no such film.")
        if self.error:
            raise self.error
        return replace(self.films.get(movie.id, movie), page_read=True)


class FakeTracker:
    """A `Tracker` over lists of releases; counts its calls like the budget does."""

    def __init__(self, journal: list[str] | None = None, name: str = "filelist") -> None:
        self.name = name
        self.title = "FileList" if name == "filelist" else name
        self.by_imdb: dict[str, list[Release]] = {}
        self.by_name: dict[str, list[Release]] = {}
        self.newest: list[Release] = []
        """What `latest` tells."""
        self.errors: list[BaseException] = []
        """Raised one after the other by the next calls."""
        self.errors_by_call: dict[str, BaseException] = {}
        """Raised by each call that the journal names so."""
        self.broken: dict[int, BaseException] = {}
        """What fetching the torrent of a release raises, by its id."""
        self.when_fetched: Callable[[], object] = lambda: None
        """Called while a torrent is fetched."""
        self.when_searched: Callable[[], object] = lambda: None
        """Called by the next search."""
        self.journal = journal if journal is not None else []

    def offer(self, imdb_id: str, *releases: Release) -> None:
        """File releases under an IMDb id."""
        self.by_imdb.setdefault(imdb_id, []).extend(releases)

    def search_imdb(self, imdb_id: str) -> list[Release]:
        """Return what is filed under the id."""
        self._call(f"imdb {imdb_id}")
        then, self.when_searched = self.when_searched, lambda: None
        then()
        return list(self.by_imdb.get(imdb_id, ()))

    def search_name(self, text: str) -> list[Release]:
        """Return what is filed under exactly these words."""
        self._call(f"name {text}")
        return list(self.by_name.get(text, ()))

    def latest(self) -> list[Release]:
        """Return the newest releases."""
        self._call("latest")
        return list(self.newest)

    def fetch_torrent(self, release: Release) -> TorrentFile:
        """Return a torrent whose hash follows from the release's id."""
        self._call(f"torrent {release.id.id}")
        if release.id.number in self.broken:
            raise self.broken[release.id.number]
        self.when_fetched()
        return TorrentFile(hash_of(release.id.number), release.name, release.size_bytes, b"d4:info0:e")

    def release_in(self, comment: str) -> ReleaseId | None:
        """Return what the comment names by the address of a page."""
        number = comment.rpartition("details.php?id=")[2]
        return ReleaseId(self.name, number) if comment and number.isdecimal() else None

    def _call(self, what: str) -> None:
        self.journal.append(what)
        if self.errors:
            raise self.errors.pop(0)
        if what in self.errors_by_call:
            raise self.errors_by_call[what]


class FakeClient:
    """A `TorrentClient` and `FollowedClient` that keeps torrents in memory.

    A test sets how far they are in `held`, what trackers say in `refusals`, and how much room there
    is; `added` lists what was handed over. What is rechecked stays as it is.
    """

    def __init__(self, journal: list[str] | None = None) -> None:
        self.held: dict[str, HeldTorrent] = {}
        self.added: list[str] = []
        self.errors: list[BaseException] = []
        """Raised one after the other by the next hand-overs."""
        self.error: BaseException | None = None
        """Raised by every call."""
        self.errors_by_call: dict[str, BaseException] = {}
        """Raised by each call that the journal names so."""
        self.refusals: dict[str, str] = {}
        self.shows_other_hash = False
        """Whether it knows torrents of both versions by the other info-hash."""
        self.epoch = 1
        self.free_bytes = 10**12
        self.free_bytes_at: dict[str, int] = {}
        """What differs in folders of lists' own."""
        self.placements: dict[str, Placement] = {}
        """Where each torrent was to go, by info-hash."""
        self.promised_bytes: int | None = None
        """None adds up what the unfinished torrents lack."""
        self.journal = journal if journal is not None else []

    def find(self, info_hash: str) -> HeldTorrent | None:
        """Look a torrent up."""
        self._call("client by hash")
        return self.held.get(info_hash)

    def hand_over(self, torrent: TorrentFile, placement: Placement = AS_USUAL) -> bool:
        """Take a torrent."""
        self._call("hand over")
        self.placements[torrent.info_hash] = placement
        if self.errors:
            raise self.errors.pop(0)
        if not self.held.keys().isdisjoint(torrent.info_hashes):
            return False
        shown = torrent.info_hashes[-1 if self.shows_other_hash else 0]
        self.held[shown] = HeldTorrent(shown, torrent.name)
        self.added.append(shown)
        return True

    def torrents(self) -> Iterator[HeldTorrent]:
        """List what is held."""
        self._call("client by name")
        yield from list(self.held.values())

    def states(self, info_hashes: Collection[str]) -> dict[str, HeldTorrent]:
        """Tell how far some are; without a call if there are none to tell of."""
        if not info_hashes:
            return {}
        self._call("states")
        return {info_hash: self.held[info_hash] for info_hash in info_hashes if info_hash in self.held}

    def room(self, placement: Placement = AS_USUAL) -> Room:
        """Tell the room that was set."""
        self._call("room")
        lacking = sum(max(torrent.bytes_left, 0) for torrent in self.held.values())
        free_bytes = self.free_bytes_at.get(placement.save_path, self.free_bytes)
        return Room(free_bytes, lacking if self.promised_bytes is None else self.promised_bytes)

    def refusal(self, info_hash: str) -> str | None:
        """Tell the refusal that was set."""
        self._call(f"refusal {info_hash}")
        return self.refusals.get(info_hash)

    def with_trackers(self, torrent: HeldTorrent) -> HeldTorrent:
        """Tell what was set."""
        self._call(f"trackers {torrent.info_hash}")
        words = self.refusals.get(torrent.info_hash, "")
        return replace(torrent, has_tracker=not words, refusal=words)

    def recheck(self, info_hash: str) -> None:
        """Note it."""
        self._call(f"recheck {info_hash}")

    def tag(self, info_hashes: Collection[str], tag: str) -> None:
        """Add the tag to those that are there."""
        if info_hashes:
            self._call("tag")
            self._set_tags(info_hashes, lambda tags: (*(each for each in tags if each != tag), tag))

    def untag(self, info_hashes: Collection[str], tag: str) -> None:
        """Take the tag off."""
        if info_hashes:
            self._call("untag")
            self._set_tags(info_hashes, lambda tags: tuple(each for each in tags if each != tag))

    def remove(self, info_hash: str) -> None:
        """Forget a torrent."""
        self._call("remove")
        self.held.pop(info_hash, None)

    def _set_tags(
        self, info_hashes: Collection[str], change: Callable[[tuple[str, ...]], tuple[str, ...]]
    ) -> None:
        for info_hash in self.held.keys() & set(info_hashes):
            self.held[info_hash] = replace(self.held[info_hash], tags=change(self.held[info_hash].tags))

    def _call(self, what: str) -> None:
        self.journal.append(what)
        error = self.error or self.errors_by_call.get(what)
        if error:
            raise error


class FakeLibrary:
    """A `MovieLibrary` of places by title."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.places: dict[str, str] = {}
        self.error: BaseException | None = None
        self.journal = journal if journal is not None else []

    def find(
        self,
        movie: Movie,
        *,
        but_for: AbstractSet[str] = frozenset(),
        knows_title: KnowsTitle = knows_no_title,
        rules: QualityRules | None = None,
    ) -> str | None:
        """Return where one of the film's titles lies."""
        self.journal.append("library")
        if self.error:
            raise self.error
        titles = (movie.title, movie.original_title or "", *movie.alternative_titles)
        places = (self.places[title] for title in titles if title in self.places)
        return next((place for place in places if but_for.isdisjoint(place.split("/"))), None)
