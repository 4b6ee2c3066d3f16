"""One film from wish to torrent client: in which order it is looked for, chosen, noted and handed over."""

from dataclasses import replace

import pytest
from house.fakes import FakeClient, FakeClock, FakeLibrary, FakePages, FakeTracker
from house.films import hash_of, on_filelist, release

from movie_sync.domain.film_rules import FilmRules
from movie_sync.domain.models import Choice, HeldTorrent, Movie, Reason
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.errors import (
    BlockedError,
    NetworkError,
    NoLongerWantedError,
    NotAvailableError,
    PageChangedError,
    PagesMissingError,
    RateLimitError,
    RefusedQueryError,
    ReleaseError,
    SeriesError,
    TransientError,
    UnavailableError,
    UnclearFilmError,
    UnknownFilmError,
)
from movie_sync.fetching.downloader import FileListDownloader
from movie_sync.fetching.page_reader import PageReader
from movie_sync.fetching.trackers import Trackers

_HEAT = Movie("2bbs", "heat-1995", "Heat", 1995, imdb_id="tt0113277", runtime_minutes=170, page_read=True)
_UNREAD = Movie("2bbs", "heat-1995", "Heat", 1995)


class DownloaderBench:
    """A downloader between fakes, with one journal of what it asked them."""

    def __init__(self, *, dry_run: bool = False) -> None:
        self.journal: list[str] = []
        self.clock = FakeClock()
        self.tracker, self.client = FakeTracker(self.journal), FakeClient(self.journal)
        self.trackers = [self.tracker]
        self.pages, self.library = FakePages(self.journal), FakeLibrary(self.journal)
        self.noted: list[tuple[Movie, Choice]] = []
        self.is_wanted = True
        self.downloader = FileListDownloader(
            trackers=Trackers(self.trackers, self.clock, lambda _event: None),
            client=self.client,
            pages=PageReader(self.pages, self.clock),
            library=self.library,
            rules=FilmRules(QualityRules()),
            clock=self.clock,
            dry_run=dry_run,
        )

    def note(self, movie: Movie, choice: Choice) -> bool:
        """Stand in for the queue."""
        self.journal.append("note")
        self.noted.append((movie, choice))
        return self.is_wanted


@pytest.fixture
def desk() -> DownloaderBench:
    """A downloader between fakes that hold nothing."""
    return DownloaderBench()


def test_the_order_of_a_download(desk: DownloaderBench) -> None:
    """Search, fetch the torrent, write the choice down, and only then hand over."""
    desk.tracker.offer("tt0113277", release(number=7))
    result = desk.downloader.download_movie(_HEAT, record_choice=desk.note)
    assert desk.journal == ["imdb tt0113277", "torrent 7", "note", "hand over"]
    assert result.reason is Reason.DOWNLOADED
    assert result.choice == Choice(release(number=7).name, on_filelist(7), hash_of(7))
    assert desk.noted == [(_HEAT, result.choice)]


def test_the_library_is_asked_before_the_client(desk: DownloaderBench) -> None:
    """A film on the disk is there already; the client and the tracker are not asked."""
    desk.library.places["Heat"] = "/films/Heat (1995).mkv"
    result = desk.downloader.find_already_there(_HEAT)
    assert result is not None
    assert (result.reason, result.where) == (Reason.ALREADY_DOWNLOADED, "/films/Heat (1995).mkv")
    assert desk.journal == ["library"]


@pytest.mark.parametrize(
    ("comment", "number"),
    [("https://filelist.io/details.php?id=4711", 4711), ("", 0), ("details.php?id=x", 0)],
)
def test_a_torrent_in_the_client_counts(desk: DownloaderBench, comment: str, number: int) -> None:
    """A torrent of the film is there already; the tracker's number is taken from its comment."""
    name = "Heat.1995.720p.BluRay.x264-OLD"
    desk.client.held[hash_of(1)] = HeldTorrent(hash_of(1), name, comment=comment)
    result = desk.downloader.find_already_there(_HEAT)
    assert result is not None
    assert result.choice == Choice(name, on_filelist(number) if number else None, hash_of(1))
    assert desk.journal == ["library", "client by name", "states"]


def test_a_torrent_in_the_client_counts_by_the_trackers_number(desk: DownloaderBench) -> None:
    """A torrent under a name of its own is known by its comment; nothing is fetched for it."""
    comment = "https://filelist.io/details.php?id=7"
    desk.client.held[hash_of(1)] = HeldTorrent(hash_of(1), "my favourite", comment=comment)
    desk.tracker.offer("tt0113277", release(number=7))
    assert desk.downloader.find_already_there(_HEAT) is None
    result = desk.downloader.download_movie(_HEAT, record_choice=desk.note)
    assert result.reason is Reason.ALREADY_DOWNLOADED
    assert result.choice == Choice("my favourite", on_filelist(7), hash_of(1))
    assert desk.journal == ["library", "client by name", "imdb tt0113277", "states"]


def test_a_film_is_searched_by_its_other_titles_too(desk: DownloaderBench) -> None:
    """Title, original title, and some alternative ones that a release could bear, each once."""
    film = Movie(
        "hTha",
        "parasite-2019",
        "Parasite",
        2019,
        original_title="기생충",
        alternative_titles=("PARASITE", "Паразиты", "Parásitos", "Gisaengchung", "Parazit"),
        page_read=True,
    )
    with pytest.raises(NotAvailableError):
        desk.downloader.download_movie(film)
    assert desk.journal == [
        "name Parasite 2019",
        "name 기생충 2019",
        "name Parásitos 2019",
        "name Gisaengchung 2019",
    ]


@pytest.mark.parametrize("name", ["Heat.2013.1080p.BluRay.x264-GRP", "Heat.2.1995.1080p"])
def test_when_in_doubt_it_is_not_there(desk: DownloaderBench, name: str) -> None:
    """A torrent that may be another film does not stop a download."""
    desk.client.held[hash_of(1)] = HeldTorrent(hash_of(1), name)
    assert desk.downloader.find_already_there(_HEAT) is None


def test_the_list_of_torrents_is_read_once_a_minute(desk: DownloaderBench) -> None:
    """Many films in a row do not ask the client for its whole list each time; a hand-over ends that."""
    for _ in range(3):
        desk.downloader.find_already_there(_HEAT)
    assert desk.journal.count("client by name") == 1
    desk.clock.advance(61)
    desk.downloader.find_already_there(_HEAT)
    assert desk.journal.count("client by name") == 2
    desk.tracker.offer("tt0113277", release(number=7))
    desk.downloader.download_movie(_HEAT)
    assert desk.downloader.find_already_there(_HEAT) is not None


def test_what_was_handed_over_before_is_found_by_its_hash(desk: DownloaderBench) -> None:
    """After a crash the noted choice is looked for by hash; it counts as downloaded, and once."""
    choice = Choice("Heat.1995.1080p.BluRay.x264-GRP", on_filelist(7), hash_of(7))
    assert desk.downloader.find_handed_over(_HEAT, choice) is None
    desk.client.held[hash_of(7)] = HeldTorrent(hash_of(7), "renamed by the user")
    result = desk.downloader.find_handed_over(_HEAT, choice)
    assert result is not None
    assert (result.reason, result.choice) == (Reason.DOWNLOADED, choice)
    assert desk.journal == ["client by hash", "client by hash"]


def test_a_torrent_that_is_there_is_adopted(desk: DownloaderBench) -> None:
    """The same hash under a name that tells nothing: left as it is, and the film was there already."""
    desk.client.held[hash_of(7)] = HeldTorrent(hash_of(7), "x")
    desk.tracker.offer("tt0113277", release(number=7))
    result = desk.downloader.download_movie(_HEAT)
    assert result.reason is Reason.ALREADY_DOWNLOADED
    assert desk.client.added == []


def test_no_longer_wanted(desk: DownloaderBench) -> None:
    """A film that was taken out while its torrent was fetched is not handed over."""
    desk.is_wanted = False
    desk.tracker.offer("tt0113277", release(number=7), release(number=8))
    with pytest.raises(NoLongerWantedError):
        desk.downloader.download_movie(_HEAT, record_choice=desk.note)
    assert "hand over" not in desk.journal
    assert desk.journal.count("note") == 1


def test_by_name_only_when_the_id_gave_nothing_acceptable(desk: DownloaderBench) -> None:
    """The word search follows with title and year, then the original title; what the id gave stays."""
    film = Movie(
        "x", "x", "The Seventh Seal", 1957, imdb_id="tt0050976", original_title="Det sjunde inseglet"
    )
    desk.tracker.offer("tt0050976", release("The.Seventh.Seal.1957.CAM-X", 1, imdb_id="tt0050976"))
    found = desk.downloader.search(film)
    assert desk.journal == ["imdb tt0050976", "name The Seventh Seal 1957", "name Det sjunde inseglet 1957"]
    assert [candidate.release.id.number for candidate in found.candidates] == [1]
    assert found.accepted == ()
    desk.journal.clear()
    good = release("The.Seventh.Seal.1957.1080p.BluRay.x264-GRP", 2, imdb_id="tt0050976")
    desk.tracker.by_name["The Seventh Seal 1957"] = [good]
    found = desk.downloader.search(film)
    assert desk.journal == ["imdb tt0050976", "name The Seventh Seal 1957"]
    assert found.accepted[0].release is good


@pytest.mark.parametrize(
    ("title", "original", "year", "asked"),
    [
        ("Schindler's List", None, 1993, ["name Schindlers List 1993"]),
        ("Schindler\u2019s List", "Schindler's List", 1993, ["name Schindlers List 1993"]),
        ("WALL\u00b7E", None, 2008, ["name WALL E 2008"]),
        ("Dune: Part Two", None, None, ["name Dune Part Two"]),
        ("\u2026", None, 2000, []),
        ("F_is_for", None, 2000, ["name F is for 2000"]),
    ],
)
def test_the_words_of_a_search(
    desk: DownloaderBench, title: str, original: str | None, year: int | None, asked: list[str]
) -> None:
    """A film without an IMDb id is searched by its words and the year, without punctuation, each once."""
    desk.downloader.search(Movie("x", "x", title, year, original_title=original))
    assert desk.journal == asked


def test_nothing_acceptable_says_why(desk: DownloaderBench) -> None:
    """The error counts the reasons; nothing is fetched."""
    desk.tracker.offer("tt0113277", release("Heat.1995.CAM-X", 1), release(number=2, seeders=0))
    with pytest.raises(NotAvailableError, match=r"no suitable release yet \(2 found: .*no seeders"):
        desk.downloader.download_movie(_HEAT)
    desk.tracker.by_imdb.clear()
    with pytest.raises(NotAvailableError, match="no release on the tracker yet"):
        desk.downloader.download_movie(_HEAT)
    assert not any(line.startswith("torrent") for line in desk.journal)


@pytest.mark.parametrize("where", ["tracker", "client"])
def test_the_next_release_stands_in(desk: DownloaderBench, where: str) -> None:
    """If the best torrent is gone or refused, the next best is taken; its choice is noted anew."""
    desk.tracker.offer("tt0113277", release(number=1, seeders=500), release(number=2))
    if where == "tracker":
        desk.tracker.broken[1] = ReleaseError("the torrent is gone")
    else:
        desk.client.errors = [ReleaseError("the client refuses it")]
    result = desk.downloader.download_movie(_HEAT, record_choice=desk.note)
    assert result.choice is not None
    assert result.choice.id.number == 2
    assert desk.noted[-1][1] == result.choice
    assert desk.client.added == [hash_of(2)]


@pytest.mark.parametrize(
    ("count", "fetched", "message"),
    [(1, 1, "^gone$"), (2, 2, "none of the best 2"), (5, 3, "none of the best 3")],
)
def test_not_more_than_three_are_tried(desk: DownloaderBench, count: int, fetched: int, message: str) -> None:
    """Torrents cost calls of the budget: after three the film has failed."""
    desk.tracker.offer("tt0113277", *(release(number=number) for number in range(1, count + 1)))
    desk.tracker.broken = {number: ReleaseError("gone") for number in range(1, count + 1)}
    with pytest.raises(ReleaseError, match=message):
        desk.downloader.download_movie(_HEAT)
    assert sum(line.startswith("torrent") for line in desk.journal) == fetched


def test_an_outage_is_not_the_releases_fault(desk: DownloaderBench) -> None:
    """When the tracker cannot be reached, no other release is tried in its place."""
    desk.tracker.offer("tt0113277", release(number=1), release(number=2))
    desk.tracker.broken = {1: NetworkError("down"), 2: NetworkError("down")}
    with pytest.raises(NetworkError):
        desk.downloader.download_movie(_HEAT)
    assert sum(line.startswith("torrent") for line in desk.journal) == 1


def test_a_page_is_read_once(desk: DownloaderBench) -> None:
    """The page is asked for what the list does not tell, and not again."""
    desk.pages.films["2bbs"] = _HEAT
    film = desk.downloader.pages.describe(_UNREAD)
    assert film == _HEAT
    assert desk.downloader.pages.describe(film) is film
    assert desk.journal == ["page"]


def test_blocked_pages_leave_title_and_year(desk: DownloaderBench, caplog: pytest.LogCaptureFixture) -> None:
    """For an hour pages are left alone, said once; then they are tried again."""
    desk.pages.error = BlockedError("Letterboxd blocks.")
    assert desk.downloader.pages.describe(_UNREAD) is _UNREAD
    desk.clock.advance(3599)
    assert desk.downloader.pages.describe(_UNREAD) is _UNREAD
    assert desk.journal == ["page"]
    assert caplog.text.count("For the next hour") == 1
    desk.clock.advance(1)
    desk.pages.error = None
    assert desk.downloader.pages.describe(_UNREAD).page_read
    desk.tracker.by_name["Heat 1995"] = [release(number=7, imdb_id=None)]
    result = desk.downloader.download_movie(_UNREAD)
    assert result.choice is not None
    assert desk.journal[-3:] == ["name Heat 1995", "torrent 7", "hand over"]


@pytest.mark.parametrize(
    "error",
    [NetworkError("no route"), UnavailableError("down"), RateLimitError("429", retry_after_seconds=900)],
)
def test_pages_that_cannot_be_reached_leave_title_and_year_in_time(
    desk: DownloaderBench, caplog: pytest.LogCaptureFixture, error: TransientError
) -> None:
    """Films wait for an hour of it; then only one page is asked for now and then, and one answer ends it."""
    describe = desk.downloader.pages.describe
    desk.pages.error = error
    for _ in range(2):
        with pytest.raises(type(error)):
            describe(_UNREAD)
        desk.clock.advance(1800)
    assert describe(_UNREAD) is _UNREAD
    wait = max(600, error.retry_after_seconds or 0)
    desk.clock.advance(wait - 1)
    assert describe(_UNREAD) is _UNREAD
    with pytest.raises(UnclearFilmError, match="year is unknown"):
        describe(Movie("x", "heat", "Heat"))
    assert len(desk.journal) == 3
    desk.clock.advance(1)
    assert describe(_UNREAD) is _UNREAD
    assert (len(desk.journal), caplog.text.count("by title and year only")) == (4, 1)

    desk.clock.advance(wait)
    desk.pages.error = None
    assert describe(_UNREAD).page_read
    desk.pages.error = error
    with pytest.raises(type(error)):
        describe(_UNREAD)


@pytest.mark.parametrize(("own", "kept"), [(None, "tt0113277"), ("tt0113277", None)])
def test_the_tracker_s_imdb_id_is_kept_where_no_other_is_known(
    desk: DownloaderBench, own: str | None, kept: str | None
) -> None:
    """It goes with the choice, before the hand-over and after it, and never into the film."""
    desk.tracker.by_name["Heat 1995"] = [release(number=7)]
    desk.tracker.offer("tt0113277", release(number=7))
    film = replace(_UNREAD, imdb_id=own)
    result = desk.downloader.download_movie(film, record_choice=desk.note)
    assert result.choice
    assert [result.choice.imdb_id, desk.noted[0][1].imdb_id] == [kept, kept]
    assert result.movie.imdb_id == own


def test_a_single_run_does_not_wait_for_pages(desk: DownloaderBench) -> None:
    """It has no later; the film goes by title and year, and no other page is asked for."""
    desk.pages.error = NetworkError("no route")
    reader = PageReader(desk.pages, desk.clock, once=True)
    assert [reader.describe(_UNREAD), reader.describe(_UNREAD)] == [_UNREAD, _UNREAD]
    assert desk.journal == ["page"]


def test_one_odd_page_is_no_reason_to_leave_the_others_alone(
    desk: DownloaderBench, caplog: pytest.LogCaptureFixture
) -> None:
    """Its film is searched by title and year; only after three films in a row no page is asked for."""
    desk.pages.error = PageChangedError("Not the known form.")
    films = [Movie(f"k{number}", f"film-{number}", "Film", 1950 + number) for number in range(6)]
    for film in films[:2]:
        assert desk.downloader.pages.describe(film) is film
    desk.pages.error = None
    assert desk.downloader.pages.describe(films[2]).page_read
    desk.pages.error = PageChangedError("Not the known form.")
    for film in films[3:]:
        assert desk.downloader.pages.describe(film) is film
    assert desk.journal == ["page"] * 6
    assert caplog.text.count("For the next hour") == 1
    assert desk.downloader.pages.describe(films[0]) is films[0]
    assert desk.journal == ["page"] * 6


def test_a_page_that_is_not_there(desk: DownloaderBench) -> None:
    """Of one film it is that film's doubt; of three in a row, none of them doubted before, an outage."""
    desk.pages.error = UnknownFilmError("no such film")
    films = [Movie(f"k{number}", f"film-{number}", "Film", 1950 + number) for number in range(6)]
    for film in films[:2] * 2:
        with pytest.raises(UnknownFilmError):
            desk.downloader.pages.describe(film)
    for _ in range(3):
        with pytest.raises(UnknownFilmError):
            desk.downloader.pages.describe(films[3], is_doubted=True)
    with pytest.raises(PagesMissingError, match="several films in a row"):
        desk.downloader.pages.describe(films[4])
    desk.pages.error = None
    assert desk.downloader.pages.describe(films[5]).page_read
    desk.pages.error = UnknownFilmError("no such film")
    with pytest.raises(UnknownFilmError):
        desk.downloader.pages.describe(films[4])


def test_a_title_that_the_tracker_refuses_leaves_the_others(desk: DownloaderBench) -> None:
    """M, 1931: the query is too short; the film is found by its original title."""
    film = Movie(
        "x", "m", "M", 1931, imdb_id="tt0022100", page_read=True,
        original_title="M - Eine Stadt sucht einen Mörder", alternative_titles=("M le Maudit",),
    )  # fmt: skip
    refused = RefusedQueryError('FileList does not accept the title as a search ("query too short").')
    desk.tracker.errors_by_call["name M 1931"] = refused
    name = "M.Eine.Stadt.sucht.einen.Morder.1931.1080p.BluRay.x264-GRP"
    desk.tracker.by_name["M Eine Stadt sucht einen Mörder 1931"] = [
        release(number=7, name=name, imdb_id=None)
    ]
    found = desk.downloader.search(film)
    assert [candidate.release.name for candidate in found.accepted] == [name]
    assert desk.journal == ["imdb tt0022100", "name M 1931", "name M Eine Stadt sucht einen Mörder 1931"]


def test_a_film_whose_titles_the_tracker_refuses_all(desk: DownloaderBench) -> None:
    """It waits for a release, and says so; what its IMDb id gives is judged as ever."""
    film = Movie("x", "m", "M", 1931, imdb_id="tt0022100", page_read=True)
    refused = RefusedQueryError('FileList does not accept the title as a search ("query too short").')
    desk.tracker.errors_by_call["name M 1931"] = refused
    with pytest.raises(NotAvailableError, match="does not accept the title"):
        desk.downloader.download_movie(film)
    desk.tracker.offer(
        "tt0022100", release(number=7, name="M.1931.1080p.HDCAM.x264-GRP", imdb_id="tt0022100")
    )
    with pytest.raises(NotAvailableError, match=r"CAM|camera"):
        desk.downloader.download_movie(film)


def test_no_year_and_no_page(desk: DownloaderBench) -> None:
    """A title alone does not tell films apart: no search, in the whole hour, and the message says why."""
    film = Movie("x", "heat", "Heat")
    desk.pages.error = BlockedError("Letterboxd blocks.")
    for _ in range(2):
        with pytest.raises(UnclearFilmError, match=r"year is unknown.*Letterboxd blocks"):
            desk.downloader.pages.describe(film)
    assert desk.journal == ["page"]


@pytest.mark.parametrize("error", [UnknownFilmError("no such film"), NetworkError("down")])
def test_other_page_errors_go_up(desk: DownloaderBench, error: Exception) -> None:
    """An unknown film and an outage are the caller's to deal with."""
    desk.pages.error = error
    with pytest.raises(type(error)):
        desk.downloader.pages.describe(_UNREAD)


def test_a_series_is_not_searched(desk: DownloaderBench) -> None:
    """A series is set aside before the tracker is asked."""
    with pytest.raises(SeriesError):
        desk.downloader.download_movie(Movie("x", "x", "Series", 2010, is_series=True, page_read=True))
    assert desk.journal == []


def test_a_dry_run_stops_before_the_torrent() -> None:
    """A dry run says what it would take; it fetches no torrent, notes no choice, hands nothing over."""
    desk = DownloaderBench(dry_run=True)
    desk.tracker.offer("tt0113277", release(number=7))
    result = desk.downloader.download_movie(_HEAT, record_choice=desk.note)
    assert result.reason is Reason.DOWNLOADED
    assert result.choice is not None
    assert result.choice.id.number == 7
    assert desk.journal == ["imdb tt0113277"]
