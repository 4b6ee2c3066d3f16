"""Is this name that film? The one place to ask, for search results, torrents and files alike.

`judge` decides about one name, `KeyIndex` finds a film among tens of thousands of names without
judging every pair. The parts: `titles` (keys), `release_name` and `path_name` (what a name may
mean), `wanted` (what means the film), `judging` (the decision). `docs/matching.md` tells it in words.
"""

from movie_sync.domain.judging import Judgement, Verdict, judge
from movie_sync.domain.name_index import KeyIndex
from movie_sync.domain.path_name import is_never_film
from movie_sync.domain.wanted import WantedFilm

__all__ = ["Judgement", "KeyIndex", "Verdict", "WantedFilm", "is_never_film", "judge"]
