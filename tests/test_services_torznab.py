"""The Torznab client against a stand-in server, through real sockets."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from house.fakes import FakeClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_ins.torznab import KEY, Link, TorznabRelease, TorznabStandIn, Voice, document, error

from movie_sync.demo.filelist_faults import Fault, Manner, redirect
from movie_sync.demo.torrent_maker import make_info, make_torrent
from movie_sync.domain.models import Release
from movie_sync.errors import (
    AuthError,
    BudgetError,
    MovieSyncError,
    NetworkError,
    PageChangedError,
    RateLimitError,
    RefusedQueryError,
    ReleaseError,
    SlowError,
    Stopped,
    UnavailableError,
)
from movie_sync.net.http import HttpClient
from movie_sync.services.torznab.client import TorznabClient
from movie_sync.services.torznab.feed import FeedReader
from movie_sync.storage.call_budget import CallBudget

REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "torznab"
TIMEOUT = 0.6
NAME, TITLE, SETTING = "torznab:mock", "Torznab mock", "torznab.mock.url"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HEAT = TorznabRelease("Heat.1995.1080p.BluRay.x264-AMIABLE", imdb="tt0113277", size_bytes=12_000_000_000)
M = TorznabRelease("M.1931.1080p.BluRay.x264-CiNEFiLE", imdb="tt0022100", factor="0", tags=("internal",))


@pytest.fixture(params=list(Voice), ids=lambda voice: voice.name.lower())
def voice(request: pytest.FixtureRequest) -> Voice:
    """Return who is played."""
    found: Voice = request.param
    return found


@pytest.fixture
def server() -> Iterator[TorznabStandIn]:
    """Run a Prowlarr with two films."""
    with TorznabStandIn([HEAT, M]) as stand_in:
        yield stand_in


class Bench:
    """Makes clients; `clock` stands still, `budget` is a real one."""

    def __init__(self, folder: Path) -> None:
        self.stop = threading.Event()
        self.clock = FakeClock(NOW)
        self.budget = CallBudget(folder / "calls.json", 1_000, self.clock)

    def client(
        self,
        url: str,
        *,
        key: str = KEY,
        budget: CallBudget | None = None,
        categories: tuple[int, ...] = (2000,),
        timeout: float = TIMEOUT,
    ) -> TorznabClient:
        """Return a client of a server."""
        http = HttpClient(TITLE, stop=self.stop, timeout_seconds=timeout)
        return TorznabClient(
            http,
            NAME,
            TITLE,
            url=url,
            key=key,
            categories=categories,
            budget=budget or self.budget,
            clock=self.clock,
            setting=SETTING,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return what makes clients."""
    return Bench(tmp_path)


@pytest.fixture
def client(bench: Bench, server: TorznabStandIn) -> TorznabClient:
    """Return a client of the server."""
    return bench.client(server.url)


def names(releases: list[Release]) -> list[str]:
    """Return what they are called."""
    return [release.name for release in releases]


# --- what is asked, and what is understood -------------------------------------------------------------


def test_every_voice_gives_the_same_releases(bench: Bench, voice: Voice) -> None:
    """Whoever speaks, a release has every field in its own unit, and its torrent can be had."""
    with TorznabStandIn([HEAT, M], voice=voice) as server:
        client = bench.client(server.url)
        (heat,) = client.search_imdb("tt0113277")
        (m,) = client.search_name("m 1931")
        assert (heat.name, heat.size_bytes, heat.seeders) == (HEAT.name, 12_000_000_000, 25)
        assert (heat.imdb_id, heat.freeleech, heat.internal) == ("tt0113277", False, False)
        assert heat.uploaded_at == HEAT.at
        assert (m.imdb_id, m.freeleech, m.internal) == ("tt0022100", True, True)
        assert str(heat.id).startswith("torznab:mock:t")
        assert names(client.latest()) == [HEAT.name, M.name]
        torrent = client.fetch_torrent(heat)
        assert (torrent.info_hash, torrent.size_bytes) == (HEAT.info_hash, HEAT.size_bytes)


def test_ids_are_the_same_in_every_answer_and_tell_nothing(bench: Bench, voice: Voice) -> None:
    """Links change, ids do not; they hold nothing of an address, and are no numbers."""
    with TorznabStandIn(
        [HEAT, replace(M, guid="https://x.example/dl?passkey=secret")], voice=voice
    ) as server:
        client = bench.client(server.url)
        first, again = client.latest(), client.latest()
        assert [release.id for release in first] == [release.id for release in again]
        assert len({release.id for release in first}) == 2
        assert all(release.id.id.isalnum() and release.id.number == 0 for release in first)
        assert "secret" not in repr(first)
        assert KEY not in repr(first)


def test_requests_are_as_the_caps_say(client: TorznabClient, server: TorznabStandIn) -> None:
    """Caps first and once, ids as digits with their zeros, one page, the categories, and the key in the query."""
    client.search_imdb("tt0022100")
    client.search_name("  Heat \n 1995 ")
    client.latest()
    assert server.calls == ["caps", "movie", "search", "movie"]
    common = {"extended": "1", "limit": "100", "cat": "2000"}
    assert server.asked("movie") == [{"imdbid": "0022100"} | common, common]
    assert server.asked("search") == [{"q": "Heat 1995"} | common]
    assert all(seen.params["apikey"] == KEY for seen in server.requests)
    assert all("authorization" not in seen.headers for seen in server.requests)


def test_a_server_that_wants_no_key(bench: Bench) -> None:
    """None is sent."""
    with TorznabStandIn([HEAT], key="") as server:
        assert names(bench.client(server.url, key="").latest()) == [HEAT.name]
        assert all("apikey" not in seen.params for seen in server.requests)


def test_categories_may_be_left_out(bench: Bench, server: TorznabStandIn) -> None:
    """With none set, none is asked for."""
    bench.client(server.url, categories=()).latest()
    assert "cat" not in server.asked("movie")[0]


def test_without_a_search_by_id_nothing_is_asked_for_it(
    client: TorznabClient, server: TorznabStandIn
) -> None:
    """Prowlarr would answer with nothing, as if there were no release; words are left."""
    server.movie_params = "q"
    assert client.search_imdb("tt0113277") == []
    assert server.calls == ["caps"]
    assert names(client.search_name("Heat 1995")) == [HEAT.name]
    assert client.search_imdb("heat") == []


def test_without_a_search_for_films(client: TorznabClient, server: TorznabStandIn) -> None:
    """Words and the newest releases come from the general search."""
    server.has_movie_search = False
    assert client.search_imdb("tt0113277") == []
    assert names(client.search_name("heat")) == [HEAT.name]
    assert len(client.latest()) == 2
    assert server.calls == ["caps", "search", "search"]


def test_without_a_search_by_words(client: TorznabClient, server: TorznabStandIn) -> None:
    """The search for films takes words, too; where none does, none is asked."""
    server.search_params = ""
    assert names(client.search_name("heat")) == [HEAT.name]
    assert server.calls == ["caps", "movie"]


def test_a_search_that_was_promised_and_is_refused(bench: Bench, voice: Voice) -> None:
    """It is not asked for again until the caps are read anew, and words still find the film."""
    with TorznabStandIn([HEAT], voice=voice) as server:
        client = bench.client(server.url)
        server.always["movie"] = error(203, "imdbid is not available", status=400)
        assert client.search_imdb("tt0113277") == client.search_imdb("tt0113277") == []
        assert server.calls == ["caps", "movie"]
        assert names(client.search_name("Heat 1995")) == [HEAT.name]
        del server.always["movie"]
        bench.clock.advance(86_400)
        assert names(client.search_imdb("tt0113277")) == [HEAT.name]


def test_words_that_are_refused(client: TorznabClient, server: TorznabStandIn) -> None:
    """The title is at fault, not the tracker."""
    server.always["search"] = error(201, "Incorrect parameter", status=400)
    with pytest.raises(RefusedQueryError, match="doesn't support this search"):
        client.search_name("Heat")
    assert client.search_name(" \x00 ") == []


def test_newest_releases_that_are_not_to_be_had(client: TorznabClient, server: TorznabStandIn) -> None:
    """Some want words for everything: an empty one may do, and if not, there are simply none."""
    server.always["movie"] = error(200, "Missing parameter (q)", status=400)
    assert len(client.latest()) == 2
    assert server.asked("search")[0]["q"] == ""
    server.always["search"] = server.always["movie"]
    assert client.latest() == []


def test_nothing_there_is_no_error(client: TorznabClient, server: TorznabStandIn) -> None:
    """Neither an empty feed nor the code for it."""
    assert client.search_name("No Such Film 1900") == []
    server.faults.append(error(300, "No such item"))
    assert client.search_name("heat") == []


def test_sites_that_find_nothing_by_year(client: TorznabClient, server: TorznabStandIn) -> None:
    """Where there is no search by id, what gives nothing is looked for once more without the year."""
    server.search_is_empty_with_year = True
    assert client.search_name("Heat 1995") == []
    server.movie_params = "q"
    server.requests.clear()
    server.faults.append(Fault(503, b"", "text/plain"))
    with pytest.raises(UnavailableError):
        client.latest()
    assert names(client.search_name("Heat 1995")) == [HEAT.name]
    assert [asked["q"] for asked in server.asked("search")] == ["Heat 1995", "Heat"]
    server.requests.clear()
    assert client.search_name("Blade Runner 2049") == client.search_name("1917") == []
    assert [asked["q"] for asked in server.asked("search")] == ["Blade Runner 2049", "Blade Runner", "1917"]


def test_caps_are_kept_for_a_day_and_read_again_after_an_error(
    bench: Bench, client: TorznabClient, server: TorznabStandIn
) -> None:
    """Not after a limit: that says nothing about them, and another call would not help."""
    client.latest()
    bench.clock.advance(86_399)
    client.latest()
    assert server.calls.count("caps") == 1
    bench.clock.advance(1)
    client.latest()
    assert server.calls.count("caps") == 2
    server.faults.append(error(429, "wait", status=429))
    with pytest.raises(RateLimitError):
        client.latest()
    client.latest()
    assert server.calls.count("caps") == 2
    server.faults.append(error(900, "a fault", status=400))
    with pytest.raises(UnavailableError):
        client.latest()
    server.movie_params = "q"
    assert client.search_imdb("tt0113277") == []
    assert server.calls.count("caps") == 3


@pytest.mark.parametrize("limits", [True, False])
def test_rows_asked_for(client: TorznabClient, server: TorznabStandIn, limits: bool) -> None:
    """A hundred, also where the server does not say how many it gives."""
    server.has_limits = limits
    client.latest()
    assert server.asked("movie")[0]["limit"] == "100"


# --- items ----------------------------------------------------------------------------------------------


def items(*parts: str, head: str = "") -> bytes:
    """Return a feed of items with these parts each."""
    link = '<enclosure url="http://t.example/1" length="0" type="application/x-bittorrent" />'
    inside = "".join(
        f"<item>{part if 'enclosure' in part or '<link' in part else part + link}</item>" for part in parts
    )
    return f"<rss><channel>{head}{inside}</channel></rss>".encode()


def attr(name: str, value: str) -> str:
    """Return an attribute of an item."""
    return f'<torznab:attr name="{name}" value="{value}" />'


def read(*parts: str) -> list[Release]:
    """Return the releases of a feed."""
    reader = FeedReader(NAME, TITLE, (2000,), FakeClock(NOW))
    return list(reader.read(items(*parts)))


HEAD = "<title>A Film 1950 1080p</title><guid>a</guid>"
SIZED = HEAD + attr("size", "5000000000")


@pytest.mark.parametrize(
    ("part", "size"),
    [
        (attr("size", "5412993028") + "<size>1</size>", 5_412_993_028),
        ("<size>5412993028</size>", 5_412_993_028),
        (attr("size", "0") + "<size>5412993028</size>", 5_412_993_028),
        (attr("size", "big") + "<size> 5412993028 </size>", 5_412_993_028),
        ('<enclosure url="http://t.example/1" length="5412993028" />', 5_412_993_028),
        ('<enclosure url="http://t.example/1" length="103641" />', None),
        ('<enclosure url="http://t.example/1" length="0" />', None),
        (attr("size", "-5"), None),
        (attr("size", "9" * 18), None),
        ("", None),
    ],
)
def test_size(part: str, size: int | None) -> None:
    """The attribute, else the element, else a length that is no `.torrent`'s; without one a row is of no use."""
    good = SIZED.replace(">a<", ">other<")
    assert [release.size_bytes for release in read(good, HEAD + part)][1:] == ([] if size is None else [size])


@pytest.mark.parametrize(
    ("part", "seeders"),
    [
        (attr("seeders", "7"), 7),
        (attr("Seeders", " 7 "), 7),
        (attr("seeders", "0"), 0),
        (attr("seeders", "many") + attr("peers", "5"), None),
        (attr("peers", "5"), None),
        (attr("peers", "5") + attr("leechers", "2"), 3),
        (attr("peers", "0") + attr("leechers", "4"), 0),
        (attr("seeders", "-1"), None),
        ("", None),
    ],
)
def test_seeders(part: str, seeders: int | None) -> None:
    """What is not told is unknown, which is not none."""
    assert read(SIZED + part)[0].seeders == seeders


@pytest.mark.parametrize(
    ("part", "freeleech"),
    [
        (attr("downloadvolumefactor", "0"), True),
        (attr("downloadvolumefactor", "0.0"), True),
        (attr("downloadvolumefactor", "0.5"), False),
        (attr("downloadvolumefactor", "1") + attr("tag", "freeleech"), False),
        (attr("downloadvolumefactor", "-0"), False),
        (attr("downloadvolumefactor", "nan"), False),
        (attr("tag", "Freeleech"), True),
        (attr("tag", "internal") + attr("tag", "freeleech"), True),
        ("", False),
    ],
)
def test_freeleech(part: str, freeleech: bool) -> None:
    """Nothing of the download counts; half of it is none."""
    assert read(SIZED + part)[0].freeleech is freeleech


@pytest.mark.parametrize(
    ("part", "imdb_id"),
    [
        (attr("imdb", "0039689"), "tt0039689"),
        (attr("imdbid", "tt0039689"), "tt0039689"),
        (attr("imdb", "39689") + attr("imdbid", "tt0039689"), "tt0039689"),
        (attr("imdb", "0039689") + attr("imdbid", "tt1375666"), None),
        (attr("imdb", "12345678"), "tt12345678"),
        (attr("imdb", "0000000"), None),
        (attr("imdbid", "tt"), None),
        (attr("imdb", "https://imdb.com/title/tt0039689"), None),
        ("", None),
    ],
)
def test_imdb_id(part: str, imdb_id: str | None) -> None:
    """With and without `tt`; zeros are none, and two that disagree tell nothing."""
    assert read(SIZED + part)[0].imdb_id == imdb_id


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Wed, 22 Apr 2026 00:59:34 +0000", datetime(2026, 4, 22, 0, 59, 34, tzinfo=UTC)),
        ("Wed, 22 Apr 2026 02:59:34 +0200", datetime(2026, 4, 22, 0, 59, 34, tzinfo=UTC)),
        ("22 Apr 2026 00:59:34 GMT", datetime(2026, 4, 22, 0, 59, 34, tzinfo=UTC)),
        ("Mon, 22 Apr 2026 00:59:34 EST", datetime(2026, 4, 22, 5, 59, 34, tzinfo=UTC)),
        ("Wed, 22 Apr 2026 00:59:34", None),
        ("Sun, 01 Nov 2026 12:00:01 +0000", None),
        ("Mon, 01 Jan 0001 00:00:00 +0000", datetime(2001, 1, 1, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
        ("2026-04-22", None),
        ("", None),
    ],
)
def test_upload_time(text: str, time: datetime | None) -> None:
    """One without a zone, or to come, would make an old release a new one."""
    assert read(f"{SIZED}<pubDate>{text}</pubDate>")[0].uploaded_at == time


def categories(*values: str) -> str:
    """Return the categories of an item."""
    return "".join(attr("category", value) for value in values)


@pytest.mark.parametrize(
    ("part", "is_kept"),
    [
        (categories("2000", "2040"), True),
        (categories("5000", "2030"), True),
        (categories("100044"), True),
        (categories("5000", "100044"), True),
        ("<category>2000</category>", True),
        ("<category>Movies</category>", True),
        ("", True),
        (categories("5000", "5040"), False),
        ("<category>6000</category>", False),
    ],
)
def test_categories_of_other_things(part: str, is_kept: bool) -> None:
    """What stands under nothing but series, music and the like is no film; names of a server's own say nothing."""
    assert bool(read(SIZED + part)) is is_kept


MAGNET = "magnet:?xt=urn:btih:c79d87aab5df20d3b13ca74e98ce35b4f612e8ac"
TORRENT_AT = '<enclosure url="{}" length="0" type="application/x-bittorrent" />'


@pytest.mark.parametrize(
    ("part", "link"),
    [
        (f"<link>http://t.example/page</link>{TORRENT_AT.format('http://t.example/get?a=1&amp;b=2')}",
         "http://t.example/get?a=1&b=2"),
        ("<link>http://t.example/get</link>", "http://t.example/get"),
        ('<enclosure url="http://t.example/x.nzb" type="application/x-nzb" />'
         + TORRENT_AT.format("http://t.example/get"), "http://t.example/get"),
        (TORRENT_AT.format(MAGNET) + '<enclosure url="http://t.example/get" />', "http://t.example/get"),
        (TORRENT_AT.format("http://t.example/get") + attr("magneturl", MAGNET), "http://t.example/get"),
        (TORRENT_AT.format(MAGNET) + "<link>http://t.example/page</link>", MAGNET),
        (f"<link>{MAGNET}</link>", MAGNET),
        (f"<link /> {attr('magneturl', MAGNET)}", MAGNET),
        ('<enclosure url="http://t.example/x.nzb" type="application/x-nzb" />', None),
        (TORRENT_AT.format("ftp://t.example/get"), None),
        (TORRENT_AT.format("http://t.example/" + "a" * 9_000), None),
    ],
)  # fmt: skip
def test_link(part: str, link: str | None) -> None:
    """An enclosure that is a torrent, else one without a type, else the link; a magnet only if there is no other."""
    found = read(SIZED.replace(">a<", ">other<"), SIZED + part)[1:]
    assert [getattr(release, "link", "") for release in found] == ([] if link is None else [link])


def test_rows_that_cannot_be_used(caplog: pytest.LogCaptureFixture) -> None:
    """A few bad ones are counted, and nothing but bad ones is an answer of another form."""
    bad = ["<guid>1</guid>", f"<title>{'x' * 500}</title>" + attr("size", "5000000000"), HEAD]
    assert len(read(SIZED, *bad)) == 1
    assert "3 of 4 items that Torznab mock sent: malformed" in caplog.text
    with pytest.raises(PageChangedError, match="None of the 3 items"):
        read(*bad)


def test_the_same_release_twice_counts_once() -> None:
    """By its info-hash, whatever its address; the same guid of two trackers behind one server is two."""
    same = attr("infohash", "C79D87AAB5DF20D3B13CA74E98CE35B4F612E8AC")
    assert len(read(SIZED + same, SIZED.replace(">a<", ">b<") + same.lower())) == 1
    assert len(read(SIZED, SIZED.replace(">a<", ">b<"))) == 2
    zeros = attr("infohash", "0" * 40)
    assert len(read(SIZED + zeros, SIZED.replace(">a<", ">b<") + zeros)) == 2
    here, there = (
        '<jackettindexer id="one">One</jackettindexer>',
        '<jackettindexer id="two">Two</jackettindexer>',
    )
    assert len(read(SIZED + here, SIZED + there)) == 2


def test_a_magnet_alone_is_no_torrent() -> None:
    """The release is there, and it is told that it can't be had."""
    assert [release.has_torrent for release in read(SIZED, SIZED.replace(">a<", ">b<") + f"<link>{MAGNET}</link>")] == [
        True, False,
    ]  # fmt: skip


@pytest.mark.skipif(not REAL.is_dir(), reason="the real answers are not here")
@pytest.mark.parametrize(
    ("file", "count", "first"),
    [
        ("movie_c411_imdbid_2026.xml", 4,
         ("Inception.2010.MULTi.VFF.1080p.BluRay.BDMV.DTS.HD.MA.5.1.VC1-V4MP1R35", 42_483_168_315, 1, "tt1375666")),
        ("movie_morethantv_native_2022.xml", 2,
         ("Out of the Past 1947 720p BluRay FLAC2.0 x264-CtrlHD.mkv", 5_412_993_028, 3, "tt0039689")),
        ("movie_prowlarr_autobrr.xml", 2,
         ("TRON Legacy Extras 720p BluRay x264-CtrlHD", 2_139_365_375, 7, "tt1104001")),
        ("empty_jackett_2022.xml", 0, None),
    ],
)  # fmt: skip
def test_real_answers(file: str, count: int, first: tuple[object, ...] | None) -> None:
    """As servers sent them."""
    found = FeedReader(NAME, TITLE, (2000,), FakeClock(NOW)).read((REAL / file).read_bytes())
    assert len(found) == count
    if found:
        assert (found[0].name, found[0].size_bytes, found[0].seeders, found[0].imdb_id) == first
        assert all(release.link.startswith("http") and release.uploaded_at for release in found)


# --- torrents ---------------------------------------------------------------------------------------------


def fetched(client: TorznabClient) -> str:
    """Fetch the torrent of the first release; return its info-hash."""
    return client.fetch_torrent(client.search_name("Heat")[0]).info_hash


@pytest.mark.parametrize("link", [Link.MAGNET, Link.REDIRECT_TO_MAGNET])
def test_magnets_are_not_supported(bench: Bench, voice: Voice, link: Link) -> None:
    """Whether the feed says it or a redirect, it is said in words, and nobody asks for it."""
    with TorznabStandIn([replace(HEAT, link=link)], voice=voice) as server:
        client = bench.client(server.url)
        with pytest.raises(ReleaseError, match="magnet link only, which isn't supported"):
            fetched(client)
        assert server.calls.count("download") == (link is Link.REDIRECT_TO_MAGNET)


def test_links_through_another_name_of_the_server(bench: Bench, voice: Voice) -> None:
    """The key is not sent there: the link is asked for at the configured address."""
    with TorznabStandIn([HEAT], voice=voice) as server, TorznabStandIn([HEAT], voice=voice) as other:
        server.link_base = other.base
        assert fetched(bench.client(server.url)) == HEAT.info_hash
        assert other.requests == []
        server.link_base = "http://no-such-host.invalid:9696"
        assert fetched(bench.client(server.url)) == HEAT.info_hash


def test_links_to_another_host(client: TorznabClient, server: TorznabStandIn) -> None:
    """A link of the tracker's own, without our key, is followed as it is."""
    with TorznabStandIn([HEAT], key="its-own-passkey", voice=Voice.DIRECT) as site:
        server.releases = [replace(HEAT, link_to=f"{site.base}/torrents/0?apikey=its-own-passkey")]
        assert fetched(client) == HEAT.info_hash
        assert KEY not in str(site.requests)


def test_redirect_to_the_trackers_own_address(client: TorznabClient, server: TorznabStandIn) -> None:
    """Prowlarr may redirect to the tracker itself; each step counts as a call."""
    with TorznabStandIn([HEAT], key="its-own-passkey", voice=Voice.DIRECT) as site:
        server.always["download"] = redirect(f"{site.base}/torrents/0?apikey=its-own-passkey")
        assert fetched(client) == HEAT.info_hash
        assert KEY not in str(site.requests)
        server.always["download"] = redirect(f"{site.base}/torrents/0?apikey={KEY}")
        with pytest.raises(ReleaseError):
            fetched(client)
        assert KEY not in str(site.requests)


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("http://localhost:9696/1/download?x=1", "http://prowlarr.lan:9696/1/download?x=1"),
        (
            f"https://films.example/p/1/download?apikey={KEY}",
            "http://prowlarr.lan:9696/p/1/download?apikey={KEY}",
        ),
        ("https://t.example/1?passkey=x", "https://t.example/1?passkey=x"),
        (
            f"http://prowlarr.lan:9696/1/download?apikey={KEY}",
            "http://prowlarr.lan:9696/1/download?apikey={KEY}",
        ),
    ],
)
def test_where_a_link_is_asked_for(bench: Bench, link: str, asked: str) -> None:
    """A server that is elsewhere means itself by "this machine"; the key goes to the configured address alone."""
    assert bench.client("http://prowlarr.lan:9696/1/api")._safe(link) == asked.replace("{KEY}", KEY)


# What the link gives; words of the error.
BAD_TORRENTS: dict[str, tuple[Fault, type[MovieSyncError], str]] = {
    "page": (document("<html>Log in", content_type="text/html"), ReleaseError, "something other than"),
    "JSON": (document('{"error": 1}'), ReleaseError, "something other"),
    "nothing": (document(b""), ReleaseError, "something other"),
    "cut": (document(b"d4:infod6:length"), ReleaseError, "broken: it's"),
    "gone": (Fault(404, b""), ReleaseError, "any more"),
    "gone, 410": (error(410, "x", status=410), ReleaseError, "any more"),
    "Prowlarr got a page": (error(500, "x", status=500), ReleaseError, "couldn't get this torrent"),
    "its key": (Fault(401, b""), AuthError, "rejected the API key"),
    "limit": (Fault(429, b"", headers=(("Retry-After", "30"),)), RateLimitError, "rate limit"),
    "down": (document("starting", status=503), UnavailableError, "is down"),
    "circle": (redirect("/1/download"), ReleaseError, "redirects too often"),
    "to a file": (redirect("file:///etc/passwd"), ReleaseError, "invalid address"),
    "to half an address": (redirect("http://[half"), ReleaseError, "invalid address"),
    "to itself without a place": (Fault(302, b""), UnavailableError, "status 302"),
    "too large": (document(b"d" + b"x" * 4_100_000), ReleaseError, "larger than 4 MB"),
    "another size": (
        document(make_torrent(make_info("x", size_bytes=1_000_000), announce="http://t.example")),
        ReleaseError, "is 0.00 GB, but Torznab mock lists it as 12.00 GB",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_TORRENTS)
def test_what_is_no_torrent(client: TorznabClient, server: TorznabStandIn, case: str) -> None:
    """A release's own fault lets the next one be tried; the server's does not."""
    server.always["download"], kind, words = BAD_TORRENTS[case]
    with pytest.raises(kind, match=words) as caught:
        fetched(client)
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)


def test_a_release_of_an_earlier_run(client: TorznabClient, server: TorznabStandIn) -> None:
    """Links don't last and are not kept: it is looked for anew by its name."""
    (heat,) = client.search_name("Heat")
    kept = Release(heat.id, heat.name, heat.size_bytes, heat.seeders)
    assert client.fetch_torrent(kept).info_hash == HEAT.info_hash
    server.releases.clear()
    with pytest.raises(ReleaseError, match="Search again"):
        client.fetch_torrent(kept)


# --- what can go wrong, through the sockets ------------------------------------------------------------

FAULTS: dict[str, tuple[Fault, type[MovieSyncError], str]] = {
    "wrong key": (Fault(401, b""), AuthError, "rejected the API key"),
    "login page": (document("<html><form><input type=password>"), PageChangedError, "login page"),
    "page": (document("<!DOCTYPE html><html>"), PageChangedError, "a web page"),
    "empty": (document(b""), PageChangedError, "nothing"),
    "text": (document("Request limit"), PageChangedError, "incomplete XML"),
    "other XML": (document("<opml></opml>"), PageChangedError, "unexpected XML"),
    "bomb": (document('<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'), PageChangedError, "document type"),
    "huge": (document(b"<rss>" + b" " * 2_100_000), UnavailableError, "more than 2 MB"),
    "endless": (Fault(200, b"x" * 65_536, manner=Manner.ENDLESS), UnavailableError, "more than 2 MB"),
    "redirect elsewhere": (redirect("http://elsewhere.example/api"), UnavailableError, "isn't followed"),
    "redirect to login": (redirect("/login"), AuthError, "status 401"),
    "cut": (Fault(200, b"<rss><channel>", manner=Manner.CUT), NetworkError, "dropped the connection"),
    "reset": (Fault(200, b"<rss>", manner=Manner.RESET), NetworkError, "dropped the connection"),
    "hanging": (Fault(200, b"<rss>", manner=Manner.HANG), SlowError, "timed out"),
}


@pytest.mark.parametrize("when", ["caps", "movie"])
@pytest.mark.parametrize("case", FAULTS)
def test_faults(
    client: TorznabClient, server: TorznabStandIn, case: str, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is told apart, whatever was asked, and nothing tells the key."""
    caplog.set_level(logging.DEBUG)
    server.always[when], kind, words = FAULTS[case]
    with pytest.raises(kind, match=words) as caught:
        client.search_imdb("tt0113277")
    assert kind in type(caught.value).__mro__
    assert KEY not in caplog.text + str(caught.value) + repr(caught.value.__context__) + repr(
        caught.value.__cause__
    )


def test_the_key_in_what_a_server_says(
    client: TorznabClient, server: TorznabStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Some repeat what they were sent, in an error or even in a name."""
    caplog.set_level(logging.DEBUG)
    server.faults.append(error(900, f"GET {server.url}?apikey={KEY.upper()} failed"))
    with pytest.raises(UnavailableError, match=r"\(hidden\) failed") as caught:
        client.latest()
    server.releases[0] = replace(HEAT, name=f"Heat.1995.{KEY}.1080p")
    assert KEY not in str(client.latest()) + caplog.text + str(caught.value)


def test_a_wrong_key_in_every_voice(bench: Bench, voice: Voice) -> None:
    """By status or by code, it is the key's fault."""
    with TorznabStandIn([HEAT], voice=voice) as server:
        with pytest.raises(AuthError, match="Check the key"):
            bench.client(server.url, key="wrong").latest()
        with pytest.raises(AuthError):
            bench.client(server.url, key="").latest()


def test_nobody_there(bench: Bench) -> None:
    """The connection is refused."""
    with TorznabStandIn() as server:
        url = server.url
    with pytest.raises(NetworkError, match="connection refused"):
        bench.client(url).latest()


def test_a_stop_ends_a_request(bench: Bench, server: TorznabStandIn) -> None:
    """At once, however long the server takes."""
    server.always["movie"] = Fault(200, b"<rss>", manner=Manner.HANG)
    client = bench.client(server.url, timeout=30)
    client.caps()
    threading.Timer(0.05, bench.stop.set).start()
    with pytest.raises(Stopped):
        client.latest()


def test_budget(bench: Bench, server: TorznabStandIn, tmp_path: Path) -> None:
    """Every call counts, caps, redirects and torrents too, and the count outlives the process."""
    path = tmp_path / "budget-torznab-mock.json"
    client = bench.client(server.url, budget=CallBudget(path, 6, bench.clock))
    server.releases[0] = replace(HEAT, link=Link.REDIRECT_TO_MAGNET)
    client.latest()
    with pytest.raises(ReleaseError):
        fetched(client)
    assert len(server.requests) == 4
    again = bench.client(server.url, budget=CallBudget(path, 6, bench.clock))
    again.latest()
    with pytest.raises(BudgetError) as caught:
        again.latest()
    assert caught.value.retry_after_seconds == 3600
    assert len(server.requests) == 6
    bench.clock.advance(3600)
    assert again.latest()


@settings(
    max_examples=2 * settings().max_examples,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([
            "<rss>", "<channel>", "<item>", "</item>", "</channel></rss>", "<error ", "code='", "100", "'/>", "<caps>",
            "<title>A 1950</title>", "<size>99999999999</size>", "<link>http://127.0.0.1:1/x</link>", "&", "d4:info",
            attr("imdb", "1"), attr("seeders", "\u0663"), "<!DOCTYPE x>", "<pubDate>Mon, 99 Foo</pubDate>",
        ])).map("".join).map(str.encode),
    ),
    status=st.sampled_from([200, 200, 200, 201, 302, 400, 401, 403, 404, 410, 429, 500, 503]),
)  # fmt: skip
def test_any_answer_ends_in_releases_or_in_our_errors(
    bench: Bench, client: TorznabClient, server: TorznabStandIn, body: bytes, status: int
) -> None:
    """Whatever a server sends, for whatever it was asked."""
    for function, call in (
        ("caps", lambda client: client.caps()),
        ("movie", lambda client: client.search_imdb("tt0113277")),
        ("search", lambda client: client.search_name("heat")),
        ("download", fetched),
    ):
        server.always = {function: Fault(status, body, "text/xml")}
        ask: Callable[[TorznabClient], object] = call
        with contextlib.suppress(MovieSyncError):
            bench.clock.advance(86_400)  # so that it reads the caps again
            ask(client)
