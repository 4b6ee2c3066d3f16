"""Fakes that implement the ports, for tests."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from movie_sync.domain.models import HeldTorrent, Movie, Release, TorrentFile, WatchlistSnapshot


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
        self.journal = journal if journal is not None else []

    def read(self, movie: Movie) -> Movie:
        """Return the film as its page tells."""
        self.journal.append("page")
        if self.error:
            raise self.error
        return replace(self.films.get(movie.id, movie), page_read=True)


class FakeTracker:
    """A `TorrentSearch` over lists of releases; counts its calls like the budget does."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.by_imdb: dict[str, list[Release]] = {}
        self.by_name: dict[str, list[Release]] = {}
        self.errors: list[BaseException] = []
        """Raised one after the other by the next calls."""
        self.broken: dict[int, BaseException] = {}
        """What fetching the torrent of a release raises, by its id."""
        self.journal = journal if journal is not None else []

    def offer(self, imdb_id: str, *releases: Release) -> None:
        """File releases under an IMDb id."""
        self.by_imdb.setdefault(imdb_id, []).extend(releases)

    def search_imdb(self, imdb_id: str) -> list[Release]:
        """Return what is filed under the id."""
        self._call(f"imdb {imdb_id}")
        return list(self.by_imdb.get(imdb_id, ()))

    def search_name(self, text: str) -> list[Release]:
        """Return what is filed under exactly these words."""
        self._call(f"name {text}")
        return list(self.by_name.get(text, ()))

    def fetch_torrent(self, release: Release) -> TorrentFile:
        """Return a torrent whose hash follows from the release's id."""
        self._call(f"torrent {release.filelist_id}")
        if release.filelist_id in self.broken:
            raise self.broken[release.filelist_id]
        return TorrentFile(hash_of(release.filelist_id), release.name, release.size_bytes, b"d4:info0:e")

    def _call(self, what: str) -> None:
        self.journal.append(what)
        if self.errors:
            raise self.errors.pop(0)


class FakeClient:
    """A `TorrentClient` that keeps torrents in memory, and what was handed over and how often."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.held: dict[str, HeldTorrent] = {}
        self.added: list[str] = []
        self.errors: list[BaseException] = []
        """Raised one after the other by the next hand-overs."""
        self.error: BaseException | None = None
        """Raised by every call."""
        self.journal = journal if journal is not None else []

    def find(self, info_hash: str) -> HeldTorrent | None:
        """Look a torrent up."""
        self._call("client by hash")
        return self.held.get(info_hash)

    def hand_over(self, torrent: TorrentFile) -> bool:
        """Take a torrent."""
        self._call("hand over")
        if self.errors:
            raise self.errors.pop(0)
        if torrent.info_hash in self.held:
            return False
        self.held[torrent.info_hash] = HeldTorrent(torrent.info_hash, torrent.name)
        self.added.append(torrent.info_hash)
        return True

    def torrents(self) -> list[HeldTorrent]:
        """List what is held."""
        self._call("client by name")
        return list(self.held.values())

    def _call(self, what: str) -> None:
        self.journal.append(what)
        if self.error:
            raise self.error


class FakeLibrary:
    """A `MovieLibrary` of places by title."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.places: dict[str, str] = {}
        self.error: BaseException | None = None
        self.journal = journal if journal is not None else []

    def find(self, movie: Movie, *, but_for: AbstractSet[str] = frozenset()) -> str | None:
        """Return where one of the film's titles lies."""
        self.journal.append("library")
        if self.error:
            raise self.error
        titles = (movie.title, movie.original_title or "", *movie.alternative_titles)
        places = (self.places[title] for title in titles if title in self.places)
        return next((place for place in places if but_for.isdisjoint(place.split("/"))), None)


def hash_of(number: int) -> str:
    """Return a made-up info-hash."""
    return f"{number:040x}"
