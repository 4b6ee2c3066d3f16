"""Score the whole program as a user has it: a library on disk, a watchlist, a tracker full of near misses.

    python tests/benchmarks/whole_program.py FILMS NAMES

reads the same files as `matching.py`. Every other film lies in the library under one of its names;
the others are on the stand-in tracker under one of theirs. Beside each right release stand wrong
ones, filed under its very IMDb id: another film of its family, and whatever else the names hold.
The daemon runs once; printed is every film that was missed or had wrong. Names that no tracker
would list (they tell no quality, or are of a kind that is never taken) lie in the library; a film
that stands in two families is right under the names of both.
"""

import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from house.program import PASSKEY, TRACKER_USER, Household  # noqa: E402

from movie_sync.demo.filelist_server import FileListStandIn, StandInRelease  # noqa: E402
from movie_sync.demo.letterboxd_server import LetterboxdStandIn, StandInFilm  # noqa: E402
from movie_sync.domain.already_there import is_acceptable  # noqa: E402
from movie_sync.domain.quality_rules import ON_REQUEST_WORDS, ORDER_WORDS, QualityRules  # noqa: E402
from movie_sync.domain.release_quality import (  # noqa: E402
    read_quality,
)

_GOOD_KINDS = {"made", "written", "real"}
_WIDE = {size: [0, 100_000] for size in ("2160p", "1080p", "720p", "sd")}
_VIDEO = (".mkv", ".avi", ".mp4", ".m4v", ".ts", ".m2ts", ".wmv", ".mpg", ".iso", ".divx")
_FILM_BYTES = 60_000_000
_ANY = QualityRules(order=(*ORDER_WORDS, *ON_REQUEST_WORDS))


def _read(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]


def _as_film(film: dict) -> StandInFilm:
    return StandInFilm(
        lid=f"F{film['id']:04d}",
        slug=f"film-{film['id']}",
        title=film["title"],
        year=film["year"],
        imdb_id=film["imdb_id"] or f"tt8{film['id']:06d}",
        alternative_titles=tuple(film["alternative_titles"]),
    )


def _choose(names: list[dict]) -> dict[int, list[str]]:
    """Return each film's names that name it beyond doubt."""
    chosen: dict[int, list[str]] = defaultdict(list)
    for name in names:
        if name["kind"] in _GOOD_KINDS and name["film"] is not None:
            chosen[name["film"]].append(name["name"])
    return chosen


def _same_films(films: list[dict]) -> dict[int, set[int]]:
    """Return the ids of the entries that are the same film."""
    by_name: dict[tuple[str, int], set[int]] = defaultdict(set)
    for film in films:
        by_name[film["title"], film["year"]].add(film["id"])
    return {film["id"]: by_name[film["title"], film["year"]] for film in films}


def _as_release(name: str) -> str:
    return Path(name).stem if name.lower().endswith(_VIDEO) else Path(name).name


def _is_listed(name: str) -> bool:
    """Tell whether a tracker would list a release of this name, and the order lets it be taken."""
    quality = read_quality(_as_release(name))
    return quality.name in ORDER_WORDS and not quality.bad and not quality.hardcoded_subtitles


def _lay_out(
    films: list[dict], names: list[dict], library: Path
) -> tuple[dict[str, set[str]], list[StandInRelease]]:
    """Fill the library and the tracker; return the right places or releases of each film's key."""
    chosen, right, releases = _choose(names), defaultdict(set), []
    same = _same_films(films)
    keys = {film["id"]: _as_film(film).lid for film in films}
    traps: dict[str, list[str]] = defaultdict(list)
    for name in names:
        traps[name["family"]].append(name["name"])
    film_of = {name["name"]: name["film"] for name in names}
    whole = library.parent / "film"  # under another name in the library
    whole.write_bytes(b"film." * (_FILM_BYTES // 5))
    for number, film in enumerate(films):
        if not chosen[film["id"]]:
            continue
        as_film, name = _as_film(film), chosen[film["id"]][number % len(chosen[film["id"]])]
        if (number % 2 or not _is_listed(name)) and not is_acceptable(name, _ANY):
            continue  # there is no such copy on the tracker, and on the disk it would not count
        if number % 2 or not _is_listed(name):
            path = library / name.strip("/")
            path = path if path.suffix.lower() in _VIDEO else path / f"{path.name}.mkv"
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(whole, path)
            for other in same[film["id"]]:
                right[keys[other]].add(str(path))
            continue
        release = _as_release(name)
        for other in same[film["id"]]:
            right[keys[other]].add(release)
        wrong = [trap for trap in traps[film["family"]] if film_of[trap] not in same[film["id"]]]
        for offer in (release, *map(_as_release, wrong[number % 5 :: 5][:6])):
            releases.append(StandInRelease(10_000 + len(releases), offer, imdb=as_film.imdb_id))
    return right, releases


def main() -> None:
    """Run and print."""
    films, names = _read(sys.argv[1]), _read(sys.argv[2])
    folder = Path(tempfile.mkdtemp(prefix="whole-program-"))
    with (
        LetterboxdStandIn([_as_film(film) for film in films], username="maria") as letterboxd,
        FileListStandIn(users={TRACKER_USER: PASSKEY}, calls_per_hour=100_000) as tracker,
        Household(
            folder, letterboxd, tracker, quality={"order": list(_ANY.order), "size_mb_per_minute": _WIDE}
        ) as home,
    ):
        right, tracker.releases = _lay_out(films, names, home.films)
        begun = time.monotonic()
        home.run("--once", seconds=600)
        seconds = time.monotonic() - begun
        completed = {entry["id"]: entry for entry in home.queue("completed")}
        failed = {entry["id"]: entry for entry in home.queue("failed")}
    wrong = missed = 0
    for lid, places in right.items():
        entry = completed.get(lid)
        if entry is None:
            missed += 1
            print(f"missed  {failed[lid]['title']} ({failed[lid]['year']}): {failed[lid]['error']}")
        elif (entry.get("where") or _as_release(entry["release"])) not in places:
            wrong += 1
            print(f"WRONG   {entry['title']} ({entry['year']}): {entry.get('where') or entry.get('release')}")
    others = set(completed) - set(right)
    for lid in others:
        print(
            f"WRONG   {completed[lid]['title']}: {completed[lid].get('where') or completed[lid].get('release')}"
        )
    print(
        f"{len(right)} films, {len(right) - wrong - missed} right, {missed} missed, "
        f"{wrong + len(others)} wrong; {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
