"""Score the matching over labelled names, and other parsers on the same lines.

    python tests/benchmarks/matching.py FILMS NAMES [--all] [--parser guessit|ptn] [--quiet]

FILMS has one film a line (`id`, `family`, `title`, `year`, `alternative_titles`, `imdb_id`), NAMES
one name a line (`name`, `family`, `kind`, `film`: the id of the one film it is, or null). A name
must be "yes" for its film and is a hard negative for every other film of its family (with `--all`:
for every other film). A "maybe" for nothing but an alternative title (the tracker's IMDb id then
decides, or that no other film is known by it) counts as found, and never as a wrong yes. Prints
precision, recall by kind, every wrong yes, every miss, names a second.

`--parser` scores guessit or parse-torrent-title, where installed, in place of our own: yes if the
year is missing or at most one apart and the ratio of the titles is 90 or more.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from movie_sync.domain.judging import Verdict, judge
from movie_sync.domain.models import Movie
from movie_sync.domain.titles import title_key
from movie_sync.domain.wanted import WantedFilm

_CLOSE = 90
_WITHOUT_YEAR = "made, no year"
_ALTERNATIVE = "maybe, by an alternative title"
_FOUND = (str(Verdict.YES), _ALTERNATIVE)
_NOT_ONE_FILM = frozenset({"pack", "ambiguous"})  # these must not be "yes" for any film

Film = dict[str, Any]
Judge = Callable[[Film, str], tuple[str, str]]


@dataclass
class Score:
    """What came out."""

    verdicts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    negatives: int = 0
    wrong: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)
    seconds: float = 0.0
    names: int = 0

    def yes(self, kinds: Iterable[str]) -> tuple[int, int]:
        """Return how many names of some kinds were found, and how many there are."""
        counts = [self.verdicts[kind] for kind in kinds]
        found = sum(count[verdict] for count in counts for verdict in _FOUND)
        return found, sum(sum(count.values()) for count in counts)


def read_lines(path: str) -> list[dict[str, Any]]:
    """Read a file with one JSON object a line."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def own_judge(films: Sequence[Film]) -> Judge:
    """Return our own judgement, with the twin years that the films give each other."""
    years: dict[str, set[int]] = defaultdict(set)
    for film in films:
        years[title_key(film["title"]).squashed].add(film["year"])
    wanted = {}
    for film in films:
        titles = [film["title"], *film["alternative_titles"]]
        twins = set[int]().union(*(years[title_key(title).squashed] for title in titles)) - {film["year"]}
        movie = Movie("", "", film["title"], film["year"], imdb_id=film["imdb_id"], twin_years=tuple(twins))
        movie = replace(movie, alternative_titles=tuple(film["alternative_titles"]))
        wanted[film["id"]] = WantedFilm.from_movie(movie)

    def answer(film: Film, name: str) -> tuple[str, str]:
        found = judge(wanted[film["id"]], name)
        return (_ALTERNATIVE if found.alternative_keys else str(found.verdict)), found.reason

    return answer


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def parser_judge(parser: str) -> Judge:
    """Return what another parser's title and year give, compared by ratio."""
    from rapidfuzz import fuzz, utils  # noqa: PLC0415 - only where it is asked for

    if parser == "guessit":
        from guessit import guessit  # noqa: PLC0415 - only where it is asked for

        def parse(name: str) -> tuple[str, int | None, bool]:
            found = guessit(name)
            title, year = _single(found.get("title", "")), _single(found.get("year"))
            return str(title), year, found.get("type") == "episode"
    else:
        import PTN  # noqa: PLC0415 - only where it is asked for

        def parse(name: str) -> tuple[str, int | None, bool]:
            found = PTN.parse(name.rsplit("/", 1)[-1])
            year = found.get("year")
            is_episode = "season" in found or "episode" in found
            return str(found.get("title", "")), year if isinstance(year, int) else None, is_episode

    parse = cache(parse)

    def answer(film: Film, name: str) -> tuple[str, str]:
        title, year, is_episode = parse(name)
        titles = [film["title"], *film["alternative_titles"]]
        close = max(fuzz.ratio(title, own, processor=utils.default_process) for own in titles)
        is_film = not is_episode and (year is None or abs(year - film["year"]) <= 1) and close >= _CLOSE
        return ("yes" if is_film else "no"), f"{title} ({year})"

    return answer


def score(films: Sequence[Film], names: Sequence[dict[str, Any]], answer: Judge, *, everyone: bool) -> Score:
    """Judge every name for its film and for those it could be taken for."""
    families: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        families[film["family"]].append(film)
    by_id = {film["id"]: film for film in films}
    result = Score(names=len(names))
    for entry in names:
        right = None if entry["kind"] in _NOT_ONE_FILM else by_id.get(entry["film"])
        others = films if everyone else families[entry["family"]]
        if right is not None and not any(film is right for film in others):
            others = [*others, right]
        began = time.perf_counter()
        answers = [(film, answer(film, entry["name"])) for film in others]
        result.seconds += time.perf_counter() - began
        for film, (verdict, reason) in answers:
            _count(result, entry, film, right, verdict, reason)
    return result


def _count(
    result: Score, entry: dict[str, Any], film: Film, right: Film | None, verdict: str, reason: str
) -> None:
    line = f"{entry['kind']}: {film['title']} ({film['year']}) | {entry['name']} | {verdict}: {reason}"
    if right is not None and (right["title"], right["year"]) == (film["title"], film["year"]):
        result.verdicts[entry["kind"]][verdict] += 1
        if verdict not in _FOUND:
            result.misses.append(line)
        return
    result.negatives += 1
    if verdict == Verdict.YES:
        result.wrong.append(line)


def report(result: Score, *, quiet: bool) -> None:
    """Print the score."""
    kinds = [kind for kind in result.verdicts if kind != _WITHOUT_YEAR]
    right, positives = result.yes(kinds)
    all_right, _ = result.yes(result.verdicts)
    precision = all_right / max(1, all_right + len(result.wrong))
    print(f"precision {precision:.4f}   {len(result.wrong)} wrong yes among {result.negatives} negatives")
    print(f"recall    {right / max(1, positives):.4f}   of {positives} names with a year, real ones included")
    for kind, counts in sorted(result.verdicts.items()):
        found, total = result.yes([kind])
        either = (found + counts["maybe"]) / total
        by_alternative = f", {counts[_ALTERNATIVE]} of them by an alternative title" * bool(
            counts[_ALTERNATIVE]
        )
        print(f"  {kind:24} {found / total:.4f} yes, {either:.4f} yes or maybe, of {total}{by_alternative}")
    print(f"speed     {result.names / max(result.seconds, 1e-9):,.0f} names a second")
    if not quiet:
        for line in result.wrong:
            print(f"WRONG YES  {line}")
        for line in result.misses:
            print(f"MISS       {line}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print; exit code 1 if there was a wrong yes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("films")
    parser.add_argument("names")
    parser.add_argument("--all", action="store_true", help="judge every name for every film")
    parser.add_argument("--parser", choices=("guessit", "ptn"), help="score another parser instead")
    parser.add_argument("--quiet", action="store_true", help="print no single names")
    options = parser.parse_args(arguments)
    films, names = read_lines(options.films), read_lines(options.names)
    answer = parser_judge(options.parser) if options.parser else own_judge(films)
    result = score(films, names, answer, everyone=options.all)
    report(result, quiet=options.quiet)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
