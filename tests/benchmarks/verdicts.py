"""Answer whether names are films, one JSON object a line on stdin, one a line on stdout.

    echo '{"title": "Dune", "year": 2021, "name": "Dune.1984.1080p"}' | python tests/benchmarks/verdicts.py

A question has `title`, `year` (or null), `name`, and may have `alternative_titles`, `imdb_id` and
`twin_years` (years of other films known to have that title). An answer has `verdict`, `reason` and
`alternative_only`: true on a "maybe" that has nothing but an alternative title, maybe another film's
own, and is taken if the tracker's IMDb id is the film's. Nothing else is written to stdout.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from movie_sync.domain.judging import judge
from movie_sync.domain.models import Movie
from movie_sync.domain.wanted import WantedFilm
from tests.benchmarks.line_answers import answer_lines


def answer(line: str) -> dict[str, object]:
    """Judge one question."""
    question = json.loads(line)
    movie = Movie(
        "",
        "",
        question["title"],
        question.get("year"),
        alternative_titles=tuple(question.get("alternative_titles") or ()),
        imdb_id=question.get("imdb_id"),
        twin_years=tuple(question.get("twin_years") or ()),
    )
    found = judge(WantedFilm.from_movie(movie), question["name"])
    return {
        "verdict": str(found.verdict),
        "alternative_only": bool(found.alternative_keys),
        "reason": found.reason,
    }


if __name__ == "__main__":
    answer_lines(answer)
