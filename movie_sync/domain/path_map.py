"""Where a path of the torrent client is on this machine: a container or another machine has its own names."""

import re
from collections.abc import Sequence

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
Pairs = Sequence[tuple[str, str]]
"""A folder as the client names it, and the same one as this machine names it."""


def on_this_machine(path: str, pairs: Pairs) -> str:
    """Return a path of the client as this machine names it; of several pairs that fit, the longest counts.

    Without one that fits it is the same. Upper and lower case count, but not on a client's Windows.
    """
    pair = pair_of(path, pairs)
    if pair is None:
        return path
    theirs, ours = pair
    return "/".join([ours.rstrip("/"), *_shown_pieces(path)[len(_pieces(theirs)) :]]) or "/"


def pair_of(path: str, pairs: Pairs) -> tuple[str, str] | None:
    """Return the pair that counts for a path of the client, if one does."""
    fitting = (pair for pair in pairs if fits(path, pair[0]))
    return max(fitting, key=lambda pair: len(_pieces(pair[0])), default=None)


def fits(path: str, theirs: str) -> bool:
    """Tell whether a path of the client is this folder of the client, or in it."""
    start = _pieces(theirs)
    return _pieces(path)[: len(start)] == start


def _pieces(path: str) -> list[str]:
    pieces = _shown_pieces(path)
    return [piece.casefold() for piece in pieces] if _WINDOWS.match(path) else pieces


def _shown_pieces(path: str) -> list[str]:
    """Return the path's root and names; a slash too many, or one at its end, counts for nothing."""
    is_windows = _WINDOWS.match(path)
    root, *names = (path.replace("\\", "/") if is_windows else path).split("/")
    return [root, *filter(None, names)]
