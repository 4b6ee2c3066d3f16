"""Say what release names tell of picture and sound: one name a line on stdin, one JSON object a line on stdout.

    echo 'Heat.1995.REMASTERED.1080p.BluRay.DTS.x264-GRP' | python tests/benchmarks/qualities.py

An answer has

* what decides: `quality` (a word of `quality.order`, "" if the name does not tell), `bad` ("camera copy",
  "telesync", "telecine", "screener", "workprint", "regional copy" or ""), `hardcoded_subtitles`,
  `upscaled`, `disc`, `three_d`, `revision` (0, 1 for PROPER or REPACK, 2 and more for later ones);
* what is shown: `codec`, `hdr`, `audio`, `languages` (spoken ones; "Multi" without names, and
  "RoDubbed", "RoSubbed", "VOSTFR"), `edition` ("" or for instance "Extended", "Director's Cut",
  "Theatrical", "Unrated", "IMAX", "Remastered", "Criterion"; several as "Extended, IMAX"), `group`.

Lists, and the editions, have the order that the program shows them in. Nothing else is written to stdout.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from movie_sync.domain.release_quality import read_quality
from tests.benchmarks.line_answers import answer_lines


def answer(name: str) -> dict[str, object]:
    """Read one release name."""
    found = read_quality(name)
    return {
        "quality": found.name,
        "bad": found.bad,
        "hardcoded_subtitles": found.hardcoded_subtitles,
        "upscaled": found.upscaled,
        "disc": found.disc,
        "three_d": found.three_d,
        "revision": found.revision,
        "codec": found.codec,
        "hdr": list(found.hdr),
        "audio": list(found.audio),
        "languages": list(found.languages),
        "edition": found.edition,
        "group": found.group,
    }


if __name__ == "__main__":
    answer_lines(answer)
