"""How fast the two things are that grow with a list and a library: reading pages, telling names apart."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from house.name_list import NameList
from made_up import title

from movie_sync.demo.letterboxd_html import StandInFilm, film_page, watchlist_page
from movie_sync.domain.judging import judge
from movie_sync.domain.models import Movie, Release, ReleaseId
from movie_sync.domain.quality_rules import QualityRules
from movie_sync.domain.selection import rank
from movie_sync.domain.wanted import WantedFilm
from movie_sync.services.letterboxd.list_pages import WATCHLIST, parse_list
from movie_sync.services.letterboxd.pages import parse_film

_BASE = "https://letterboxd.com"
_FORMS = (
    "{0}.{1}.1080p.BluRay.x264-GRP",
    "{0}.{1}.REMASTERED.2160p.UHD.BluRay.HDR.x265-GRP",
    "{0}.{1}.720p.WEB-DL.AAC2.0.H.264-GRP",
    "{0} ({1})/{0} ({1}) 1080p.mkv",
    "{0}.{1}.PROPER.1080p.WEBRip.DDP5.1.x264-GRP",
)


def speeds(seconds: float) -> list[tuple[str, float, str]]:
    """Measure each for so many seconds; return what, how many a second, and a remark."""
    films = [
        StandInFilm(f"p{number:04d}", f"film-{number}", title(number), 1960 + number % 60)
        for number in range(28)
    ]
    page = watchlist_page("maria", films, 2800, 50, 100)
    one = film_page(films[0], _BASE)
    names = [
        _FORMS[number % len(_FORMS)].format(title(number // 5).replace(" ", "."), 1960 + number // 5 % 60)
        for number in range(10_000)
    ]
    wanted = [
        WantedFilm.from_movie(Movie(f"m{number}", f"m-{number}", title(number), 1960 + number % 60))
        for number in range(0, 2000, 20)
    ]
    index = NameList(names)
    movie = Movie("m7", "m-7", title(7), 1967, imdb_id="tt7000007")
    releases = [
        Release(ReleaseId("filelist", str(number)), name, 8_000_000_000, 20)
        for number, name in enumerate(names[:100])
    ]
    now = datetime(2026, 11, 1, tzinfo=UTC)
    rules = QualityRules()
    return [
        (
            "watchlist pages parsed",
            _rate(lambda: parse_list(page, _BASE, WATCHLIST), 1, seconds),
            f"28 films, {len(page) // 1000} kB each",
        ),
        (
            "film pages parsed",
            _rate(lambda: parse_film(one), 1, seconds),
            f"{len(one) / 1000:.0f} kB each (the site's are larger)",
        ),
        (
            "names judged",
            _rate(lambda: [judge(wanted[0], name) for name in names[:500]], 500, seconds),
            "one film against each name",
        ),
        (
            "names taken into an index",
            _rate(lambda: NameList(names[:1000]), 1000, seconds),
            "once for a library or a client",
        ),
        (
            "films looked up in the index",
            _rate(lambda: [index.find(film) for film in wanted], len(wanted), seconds),
            "among 10,000 names",
        ),
        (
            "releases judged and ordered",
            _rate(lambda: rank(movie, releases, rules, now), 100, seconds),
            "100 rows an answer",
        ),
    ]


def _rate(work: Callable[[], object], units: int, seconds: float) -> float:
    work()
    rounds, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < seconds:
        work()
        rounds += 1
    return rounds * units / passed
