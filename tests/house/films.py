"""Films and their releases: as the core knows them, and as the stand-ins of the sites have them."""

from typing import Any

from movie_sync.demo.filelist_server import StandInRelease
from movie_sync.demo.letterboxd_server import StandInFilm
from movie_sync.domain.models import Choice, Movie, Release, ReleaseId
from movie_sync.domain.wanted import WantedFilm

GB = 1_000_000_000
HEAT_RELEASE = "Heat.1995.1080p.BluRay.x264-GRP"
HEAT_IMDB_ID = "tt0113277"
_WORDS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey xray yankee zulu"
).split()


def word(number: int) -> str:
    """Return a word of its own for a number; none is a misspelling of another."""
    more, last = divmod(number, len(_WORDS))
    return ((word(more) if more else "") + _WORDS[last]).capitalize()


def wanted_film(title: str, year: int | None, **facts: Any) -> WantedFilm:
    """Return a film that names are compared with."""
    return WantedFilm.from_movie(Movie("", "", title, year, **facts))


def film(of: int | str = 0, **changes: Any) -> Movie:
    """Return the made-up film of a number; or the one of a name, whose IMDb id and page are not known."""
    values: dict[str, Any]
    if isinstance(of, str):
        values = {"id": f"id-{of}", "slug": of, "title": of.title(), "year": 1999}
    else:
        title = f"Made Up {word(of)}"
        values = {
            "id": f"K{of}",
            "slug": f"made-up-{word(of).lower()}",
            "title": title,
            "year": 1950 + of % 70,
        }
        values["imdb_id"] = f"tt9{of:06d}"
    return Movie(**values | changes)


def release_name(movie: Movie | StandInFilm, source: str = "BluRay", group: str = "GRP") -> str:
    """Return what a good release of a film is called."""
    return f"{movie.title.replace(' ', '.')}.{movie.year}.1080p.{source}.x264-{group}"


def on_filelist(number: int) -> ReleaseId:
    """Return the release with that number on FileList."""
    return ReleaseId("filelist", str(number))


def release(name: str = HEAT_RELEASE, number: int = 1, **changes: Any) -> Release:
    """Return a release that is acceptable for "Heat" unless changed."""
    values = {"size_bytes": 12 * GB, "seeders": 20, "imdb_id": HEAT_IMDB_ID}
    return Release(on_filelist(number), name, **values | changes)


def release_of(movie: Movie, number: int | None = None, **changes: Any) -> Release:
    """Return a good release of a film: 9 GB, and 100 and the film's number as its own."""
    number = 100 + int(movie.id[1:]) if number is None else number
    values = {"size_bytes": 9 * GB, "imdb_id": movie.imdb_id}
    return release(release_name(movie), number, **values | changes)


def hash_of(number: int, attempt: int = 0) -> str:
    """Return a made-up info-hash."""
    return f"{attempt:08x}{number:032x}"


def choice(of: int | str, attempt: int = 0) -> Choice:
    """Return the release that is handed over for a film of `film`, after so many were given up."""
    name = release_name(film(of), group=f"GRP{attempt}" if attempt else "GRP")
    if isinstance(of, str):
        return Choice(name, on_filelist(attempt), hash_of(int.from_bytes(of.encode()), attempt))
    return Choice(name, on_filelist(1000 * attempt + of), hash_of(of, attempt))


def stand_in_film(number: int = 0, **changes: Any) -> StandInFilm:
    """Return the film of that number as Letterboxd's stand-in has it."""
    movie = film(number)
    values = {"lid": movie.id, "slug": movie.slug, "title": movie.title, "year": movie.year}
    return StandInFilm(**values | {"imdb_id": movie.imdb_id} | changes)


def stand_in_release(
    of: StandInFilm | int, source: str = "BluRay", group: str = "GRP", **changes: Any
) -> StandInRelease:
    """Return a good release of a film as FileList's stand-in has it; 100 and the film's number are its own."""
    movie = stand_in_film(of) if isinstance(of, int) else of
    values = {
        "id": 100 + int(movie.lid[1:]),
        "name": release_name(movie, source, group),
        "imdb": movie.imdb_id,
    }
    return StandInRelease(**values | changes)
