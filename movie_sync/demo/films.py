"""The films of the demo, all in the public domain, and what the stand-in tracker has of them."""

from dataclasses import dataclass

from movie_sync.demo.filelist_server import StandInRelease
from movie_sync.demo.letterboxd_html import StandInFilm

_MB_PER_MINUTE = 70_000_000


@dataclass(frozen=True, slots=True)
class DemoFilm:
    """A film on the demo's watchlist and the names of its releases.

    `hidden_searches` is how many searches find nothing yet; `lesson` what the film is there to show.
    """

    film: StandInFilm
    releases: tuple[str, ...] = ()
    hidden_searches: int = 0
    lesson: str = ""


def _film(lid: str, name: str, year: int, imdb: str, minutes: int) -> StandInFilm:
    slug = "".join(mark for mark in name.lower().replace(" ", "-") if mark.isalnum() or mark == "-")
    return StandInFilm(
        lid=lid, slug=f"{slug}-{year}", title=name, year=year, imdb_id=imdb, runtime_minutes=minutes
    )


WATCHLIST = (
    DemoFilm(
        _film("2a1K", "Metropolis", 1927, "tt0017136", 153),
        (
            "Metropolis.1927.REMASTERED.1080p.BluRay.x264-AMIABLE",
            "Metropolis.2001.1080p.BluRay.x264-HAiDEAF",
            "Metropolis.1927.720p.BluRay.x264-GRP",
        ),
    ),
    DemoFilm(
        _film("1yHc", "Charade", 1963, "tt0056923", 113),
        ("Charade.1963.Criterion.1080p.BluRay.FLAC1.0.x264-EbP", "Charade.1963.1080p.WEB-DL.AAC2.0.H.264-KG"),
    ),
    DemoFilm(
        _film("24hI", "The General", 1926, "tt0017925", 79),
        ("The.General.1926.1080p.BluRay.x264-OFT",),
        lesson="already in the library",
    ),
    DemoFilm(
        _film("1M9a", "Carnival of Souls", 1962, "tt0055830", 78),
        ("Carnival.of.Souls.1962.1080p.BluRay.x264-NODLABS",),
        hidden_searches=2,
        lesson="only on the tracker by the second try",
    ),
    DemoFilm(
        _film("1mZe", "The Phantom of the Opera", 1925, "tt0016220", 107),
        ("The.Phantom.of.the.Opera.2004.1080p.BluRay.x264-REFiNED",),
        lesson="the tracker only has another film under its IMDb id",
    ),
    DemoFilm(_film("17DS", "London After Midnight", 1927, "tt0018097", 65), lesson="not on the tracker"),
    DemoFilm(
        _film("29qU", "His Girl Friday", 1940, "tt0032599", 92),
        ("His.Girl.Friday.1940.HDCAM.x264-NOPE", "His.Girl.Friday.1940.1080p.BluRay.x264-SADPANDA"),
    ),
    DemoFilm(
        _film("1Wp8", "The Cabinet of Dr. Caligari", 1920, "tt0010323", 77),
        ("The.Cabinet.of.Dr.Caligari.1920.1080p.BluRay.x264-NODLABS",),
    ),
    DemoFilm(
        _film("2b9Q", "Night of the Living Dead", 1968, "tt0063350", 96),
        (
            "Night.of.the.Living.Dead.1968.REMASTERED.1080p.BluRay.x264-DEPTH",
            "Night.of.the.Living.Dead.1990.1080p.BluRay.x264-GUACAMOLE",
        ),
    ),
    DemoFilm(
        _film("1u4M", "Sherlock Jr.", 1924, "tt0015324", 45),
        ("Sherlock.Jr.1924.1080p.BluRay.x264-LOUNGE",),
    ),
)


def all_releases() -> list[StandInRelease]:
    """Return what the stand-in tracker lists for the demo's films."""
    releases: list[StandInRelease] = []
    for wish in WATCHLIST:
        for name in wish.releases:
            releases.append(
                StandInRelease(
                    id=900_001 + len(releases),
                    name=name,
                    size_bytes=(wish.film.runtime_minutes or 90) * _MB_PER_MINUTE,
                    imdb=wish.film.imdb_id,
                    seeders=12 + 7 * len(releases),
                    hidden_searches=wish.hidden_searches,
                )
            )
    return releases
