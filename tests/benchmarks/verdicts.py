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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from movie_sync.domain.matching import Judgement, WantedFilm, judge


def answer(question: dict[str, Any]) -> Judgement:
    """Judge one question."""
    wanted = WantedFilm.of(
        question["title"],
        question.get("year"),
        alternative_titles=question.get("alternative_titles") or (),
        imdb_id=question.get("imdb_id"),
        twin_years=question.get("twin_years") or (),
    )
    return judge(wanted, question["name"])


def main() -> int:
    """Answer every line of stdin."""
    for line in sys.stdin:
        if not line.strip():
            continue
        found = answer(json.loads(line))
        document = {
            "verdict": str(found.verdict),
            "alternative_only": found.alternative_only,
            "reason": found.reason,
        }
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()  # whoever asks line by line waits for it
    return 0


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # a text stream in a script
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # the same
    sys.exit(main())
