"""What the process that fills the shelf is asked for, and what it answers."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from movie_sync.domain.models import Movie
from movie_sync.queues.codec import movie_from_dict, movie_to_dict

MODULE = "movie_sync.shelf.process"
_KEY_LETTERS = 8


def key_of(info_hash: str) -> str:
    """Return by what copies of a torrent's files are known."""
    return info_hash[-_KEY_LETTERS:]


@dataclass(frozen=True, slots=True)
class ShelfOrder:
    """A film to be put on the shelf. `path` is where its torrent's files are on this machine.

    `client_path` is the same as the torrent client names it, `size_bytes` the torrent's size, 0 if unknown.
    `owner` tells this data folder's copies from those of others that share the shelf, `key` this torrent's
    copies. `due` are the keys of all copies that are still to be made: what is left of others, which were cut
    off, is removed; None leaves it.
    """

    movie: Movie
    release: str
    path: str
    client_path: str
    size_bytes: int
    folder: str
    name: str
    may_copy: bool
    with_extras: bool
    owner: str = ""
    key: str = ""
    due: tuple[str, ...] | None = None

    def to_json(self) -> bytes:
        """Return it as `from_json` reads it."""
        return json.dumps(asdict(self) | {"movie": movie_to_dict(self.movie)}).encode()

    @classmethod
    def from_json(cls, text: str) -> "ShelfOrder":
        """Read an order."""
        plain: dict[str, Any] = json.loads(text)
        return cls(**plain | {"movie": movie_from_dict(plain["movie"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order: the video's `path` on the shelf, or why the film is `left`, or what `failed`.

    What is left is left for good. With `is_of_all` no other film can be put there now either, with
    `is_of_folder` none of those in the same folder of the torrent client.
    """

    path: str = ""
    left: str = ""
    failed: str = ""
    is_of_all: bool = False
    is_of_folder: bool = False
